#include "core/base/bytes.h"

#include <string.h>

#include "core/base/ensure.h"
#include "core/base/err.h"

#define BUF_FIRST_CAP ((size_t)64)

bool bytes_equal(struct bytes a, struct bytes b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

struct bytes bytes_of_text(const char *text)
{
    return (struct bytes){(const uint8_t *)text, strlen(text)};
}

void read_raw(struct reader *r, void *to, size_t n)
{
    const uint8_t *from = n > 0 ? reader_take(r, n) : NULL;
    if (from)
        memcpy(to, from, n);
    else if (n > 0)
        memset(to, 0, n);
}

struct bytes read_view(struct reader *r, size_t n)
{
    if (n == 0)
        return (struct bytes){0};
    const uint8_t *p = reader_take(r, n);
    return p ? (struct bytes){p, n} : (struct bytes){0};
}

struct bytes read_block(struct reader *r, size_t max)
{
    uint32_t n = read_u32(r);
    if (n > max) {
        r->failed = true;
        return (struct bytes){0};
    }
    return read_view(r, n);
}

void read_text(struct reader *r, char *to, size_t cap)
{
    ensure(cap > 0);
    to[0] = '\0';
    size_t n = read_u16(r);
    if (n >= cap)
        r->failed = true;
    struct bytes v = read_view(r, n);
    if (v.len == 0)
        return;
    if (memchr(v.data, 0, v.len)) {
        r->failed = true;
        return;
    }
    memcpy(to, v.data, v.len);
    to[v.len] = '\0';
}

bool reader_done(const struct reader *r)
{
    return !r->failed && r->at == r->len;
}

size_t reader_left(const struct reader *r)
{
    return r->failed ? 0 : r->len - r->at;
}

void buf_init(struct buf *b, const struct alloc *a, size_t max)
{
    *b = (struct buf){.alloc = a, .max = max};
}

void buf_init_fixed(struct buf *b, void *array, size_t cap)
{
    *b = (struct buf){.data = array, .cap = cap, .max = cap, .borrowed = true};
}

void buf_clear(struct buf *b)
{
    if (!b->borrowed && b->data)
        alloc_free(b->alloc, b->data, b->cap);
    *b = (struct buf){.alloc = b->alloc, .max = b->borrowed ? 0 : b->max};
}

void buf_reset(struct buf *b)
{
    b->len = 0;
    b->failed = false;
    b->no_memory = false;
}

/* Doubles until `need` fits; need <= max. */
static int buf_grow(struct buf *b, size_t need)
{
    size_t cap = b->cap ? b->cap : BUF_FIRST_CAP;
    while (cap < need)
        cap = cap > b->max / 2 ? b->max : cap * 2;
    if (cap > b->max)
        cap = b->max;
    uint8_t *p = b->alloc->resize(b->alloc->ctx, b->data, b->cap, cap);
    if (!p)
        return ERR_NO_MEMORY;
    b->data = p;
    b->cap = cap;
    return 0;
}

uint8_t *buf_reserve(struct buf *b, size_t n)
{
    if (b->failed || n > b->max - b->len) {
        b->failed = true;
        return NULL;
    }
    /* An empty reservation still gives a pointer, because NULL means failure. */
    size_t need = b->len + n > 0 ? b->len + n : 1;
    if (need > b->cap && need <= b->max && buf_grow(b, need) < 0) {
        b->failed = true;
        b->no_memory = true;
        return NULL;
    }
    return b->data + b->len;
}

void buf_drop_front(struct buf *b, size_t n)
{
    ensure(n <= b->len);
    if (n == 0)
        return;
    b->len -= n;
    memmove(b->data, b->data + n, b->len);
}

struct bytes buf_bytes(const struct buf *b)
{
    return (struct bytes){b->data, b->len};
}

int buf_result(const struct buf *b)
{
    if (!b->failed)
        return 0;
    return b->no_memory ? ERR_NO_MEMORY : ERR_TOO_LARGE;
}

void put_u8(struct buf *b, uint8_t v)
{
    put_raw(b, &v, 1);
}

void put_u16(struct buf *b, uint16_t v)
{
    uint8_t raw[2];
    store_u16(raw, v);
    put_raw(b, raw, sizeof raw);
}

void put_u32(struct buf *b, uint32_t v)
{
    uint8_t raw[4];
    store_u32(raw, v);
    put_raw(b, raw, sizeof raw);
}

void put_u64(struct buf *b, uint64_t v)
{
    uint8_t raw[8];
    store_u64(raw, v);
    put_raw(b, raw, sizeof raw);
}

void put_raw(struct buf *b, const void *from, size_t n)
{
    if (n == 0)
        return;
    uint8_t *to = buf_reserve(b, n);
    if (!to)
        return;
    memcpy(to, from, n);
    b->len += n;
}

void put_block(struct buf *b, struct bytes v)
{
    if (v.len > UINT32_MAX) {
        b->failed = true;
        return;
    }
    put_u32(b, (uint32_t)v.len);
    put_raw(b, v.data, v.len);
}

void put_text(struct buf *b, const char *text)
{
    size_t n = strlen(text);
    if (n > UINT16_MAX) {
        b->failed = true;
        return;
    }
    put_u16(b, (uint16_t)n);
    put_raw(b, text, n);
}

void patch_u32(struct buf *b, size_t at, uint32_t v)
{
    /* After a failed write the place may not exist; the encoder learns of it at its end. */
    if (b->failed)
        return;
    ensure(at <= b->len && b->len - at >= 4);
    store_u32(b->data + at, v);
}
