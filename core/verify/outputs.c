#include "core/verify/outputs.h"

#include "core/base/sha256.h"

#define PIECE 1048576u
#define FEW 1000u
#define RESULT_MAX 4096u

bool outputs_value(struct bytes value)
{
    struct reader r = reader_of(value);
    uint8_t kind = read_u8(&r);
    uint64_t size = read_u64(&r);
    if (r.failed || kind > 1 || (kind == 0) != (size <= FEW))
        return false;
    return reader_left(&r) == (kind == 0 ? size : ID_SIZE);
}

/* A name in the making: pieces are hashed as they fill, and their digests after the size. */
struct name {
    struct sha256 whole, piece;
    uint32_t filled;
};

static void end_piece(struct name *n)
{
    uint8_t length[4];
    struct digest d = sha256_end(&n->piece);
    store_u32(length, n->filled);
    sha256_add(&n->whole, length, sizeof length);
    sha256_add(&n->whole, d.bytes, sizeof d.bytes);
    sha256_init(&n->piece);
    n->filled = 0;
}

static void add(struct name *n, const uint8_t *data, size_t len)
{
    while (len > 0) {
        size_t some = PIECE - n->filled < len ? PIECE - n->filled : len;
        sha256_add(&n->piece, data, some);
        n->filled += (uint32_t)some;
        data += some;
        len -= some;
        if (n->filled == PIECE)
            end_piece(n);
    }
}

static void begin(struct name *n, uint64_t size)
{
    uint8_t head[8];
    *n = (struct name){0};
    sha256_init(&n->whole);
    sha256_init(&n->piece);
    store_u64(head, size);
    sha256_add(&n->whole, head, sizeof head);
}

static struct digest end(struct name *n)
{
    if (n->filled > 0)
        end_piece(n);
    return sha256_end(&n->whole);
}

bool outputs_name(const struct fold *f, struct digest *name, uint64_t *size)
{
    uint64_t bytes = 0;
    struct name n;
    if (f->count != f->leaves)
        return false;
    for (size_t i = 0; i < f->count; i++)
        bytes += 4u + f->list[i].len;
    begin(&n, bytes);
    *size = 0;
    for (size_t i = 0; i < f->count; i++) {
        uint8_t length[4];
        store_u32(length, f->list[i].len);
        add(&n, length, sizeof length);
        add(&n, f->list[i].data, f->list[i].len);
        *size += load_u64(f->list[i].data + 1);
    }
    *name = end(&n);
    return true;
}

bool outputs_result(struct bytes result, uint64_t leaves, struct digest *name, uint64_t *size)
{
    struct reader r = reader_of(result);
    struct digest made;
    struct name n;
    *size = read_u64(&r);
    uint32_t count = read_u32(&r);
    *name = read_digest(&r);
    struct bytes list = read_block(&r, RESULT_MAX);
    if (!reader_done(&r) || count != leaves)
        return false;
    if (list.len == 0)
        return true;
    begin(&n, list.len);
    add(&n, list.data, list.len);
    made = end(&n);
    return digest_equal(made, *name);
}
