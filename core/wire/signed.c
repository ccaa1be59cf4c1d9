#include "core/wire/signed.h"

#include <string.h>

#include "core/base/ensure.h"
#include "core/base/sha256.h"

#define LIST_COUNT_MAX ((size_t)1 << SIGNED_PATH_MAX)
#define SIGNED_TEXT_SIZE 64

enum { KIND_ONE = 0, KIND_LIST = 1 };
enum { HASH_LEAF = 0, HASH_PARENT = 1 };

void put_signed(struct buf *b, const struct signed_bytes *s)
{
    if (s->certificate.len > CERTIFICATE_SIZE_MAX || s->body.len > SIGNED_BODY_MAX ||
        s->path_count > SIGNED_PATH_MAX) {
        b->failed = true;
        return;
    }
    put_u16(b, (uint16_t)s->certificate.len);
    put_raw(b, s->certificate.data, s->certificate.len);
    put_block(b, s->body);
    put_raw(b, s->signature, SIGNATURE_SIZE);
    put_u8(b, s->path_count);
    if (s->path_count > 0)
        put_u16(b, s->path_index);
    for (size_t i = 0; i < s->path_count; i++)
        put_digest(b, s->path[i]);
}

void read_signed(struct reader *r, struct signed_bytes *s)
{
    memset(s, 0, sizeof *s);
    size_t certificate_len = read_u16(r);
    if (certificate_len > CERTIFICATE_SIZE_MAX)
        r->failed = true;
    s->certificate = read_view(r, certificate_len);
    s->body = read_block(r, SIGNED_BODY_MAX);
    read_raw(r, s->signature, SIGNATURE_SIZE);
    size_t path_count = read_u8(r);
    if (path_count > SIGNED_PATH_MAX)
        r->failed = true;
    if (r->failed || path_count == 0)
        return;
    s->path_index = read_u16(r);
    if ((uint32_t)s->path_index >> path_count != 0)
        r->failed = true;
    for (size_t i = 0; i < path_count; i++)
        s->path[i] = read_digest(r);
    s->path_count = r->failed ? 0 : (uint8_t)path_count;
}

static struct digest hash_leaf(struct digest body)
{
    uint8_t text[1 + ID_SIZE] = {HASH_LEAF};
    memcpy(text + 1, body.bytes, ID_SIZE);
    return sha256_of(text, sizeof text);
}

static struct digest hash_parent(struct digest left, struct digest right)
{
    uint8_t text[1 + 2 * ID_SIZE] = {HASH_PARENT};
    memcpy(text + 1, left.bytes, ID_SIZE);
    memcpy(text + 1 + ID_SIZE, right.bytes, ID_SIZE);
    return sha256_of(text, sizeof text);
}

static struct digest root_by_path(const struct signed_bytes *s, struct digest body)
{
    struct digest at = hash_leaf(body);
    for (size_t i = 0; i < s->path_count; i++) {
        bool is_right = (s->path_index >> i & 1) != 0;
        at = is_right ? hash_parent(s->path[i], at) : hash_parent(at, s->path[i]);
    }
    return at;
}

size_t signed_text_of(const struct signed_bytes *s, struct digest body, const char *domain,
                      uint8_t to[SIGNED_TEXT_SIZE])
{
    size_t domain_len = strlen(domain) + 1;
    ensure(domain_len + 1 + ID_SIZE <= SIGNED_TEXT_SIZE);
    bool listed = s->path_count > 0;
    struct digest what = listed ? root_by_path(s, body) : body;
    memcpy(to, domain, domain_len);
    to[domain_len] = listed ? KIND_LIST : KIND_ONE;
    memcpy(to + domain_len + 1, what.bytes, ID_SIZE);
    return domain_len + 1 + ID_SIZE;
}

size_t signed_text(const struct signed_bytes *s, const char *domain, uint8_t to[SIGNED_TEXT_SIZE])
{
    return signed_text_of(s, sha256_of(s->body.data, s->body.len), domain, to);
}

/* The root of `count` bodies: a stack of the roots of complete subtrees, as in a binary counter, so
 * that any count needs 17 digests and no heap. */
static struct digest root_of(const struct digest *bodies, size_t count)
{
    struct digest stack[SIGNED_PATH_MAX + 1];
    size_t depth = 0;
    for (size_t i = 0; i < count; i++) {
        struct digest at = hash_leaf(bodies[i]);
        for (size_t n = i; n & 1; n >>= 1)
            at = hash_parent(stack[--depth], at);
        stack[depth++] = at;
    }
    struct digest root = stack[--depth];
    while (depth > 0)
        root = hash_parent(stack[--depth], root);
    return root;
}

struct digest signed_root(const struct digest *bodies, size_t count)
{
    ensure(count >= 2 && count <= LIST_COUNT_MAX);
    return root_of(bodies, count);
}

/* The greatest power of two below count: where a list splits. count >= 2. */
static size_t split_of(size_t count)
{
    size_t half = 1;
    while (half * 2 < count)
        half *= 2;
    return half;
}

void signed_path(const struct digest *bodies, size_t count, size_t i, struct signed_bytes *s)
{
    ensure(count >= 1 && count <= LIST_COUNT_MAX && i < count);
    struct digest from_top[SIGNED_PATH_MAX];
    uint16_t sides = 0;
    uint8_t depth = 0;
    while (count > 1) {
        size_t half = split_of(count);
        bool right = i >= half;
        from_top[depth++] = right ? root_of(bodies, half) : root_of(bodies + half, count - half);
        sides = (uint16_t)(sides << 1 | (right ? 1 : 0));
        bodies += right ? half : 0;
        i -= right ? half : 0;
        count = right ? count - half : half;
    }
    s->path_count = depth;
    s->path_index = sides;
    for (size_t k = 0; k < depth; k++)
        s->path[k] = from_top[depth - 1 - k];
}
