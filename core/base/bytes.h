/* Borrowed bytes, and reading and writing them field by field, little-endian.
 *
 * A reader never reads past its end: the first field that does not fit sets `failed`, and every
 * later field reads as zero or empty; a decoder checks once at its end. A buf grows up to the
 * maximum it was given; the first write that does not fit sets `failed` and later writes are
 * dropped; an encoder checks once at its end. */
#ifndef VELUM_BASE_BYTES_H
#define VELUM_BASE_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/alloc.h"

struct bytes {
    const uint8_t *data;
    size_t len;
};

bool bytes_equal(struct bytes a, struct bytes b);
struct bytes bytes_of_text(const char *text); /* without the final zero */

struct reader {
    const uint8_t *data;
    size_t len;
    size_t at;
    bool failed;
};

/* Plain memory with a fixed layout. Written so that compilers see one load or store in each; they
 * and the readers of numbers are here because every frame and record is made of them. */
static inline uint16_t load_u16(const uint8_t *from)
{
    return (uint16_t)(from[0] | from[1] << 8);
}

static inline uint32_t load_u32(const uint8_t *from)
{
    return from[0] | (uint32_t)from[1] << 8 | (uint32_t)from[2] << 16 | (uint32_t)from[3] << 24;
}

static inline uint64_t load_u64(const uint8_t *from)
{
    return load_u32(from) | (uint64_t)load_u32(from + 4) << 32;
}

static inline void store_u16(uint8_t *to, uint16_t v)
{
    to[0] = (uint8_t)v;
    to[1] = (uint8_t)(v >> 8);
}

static inline void store_u32(uint8_t *to, uint32_t v)
{
    store_u16(to, (uint16_t)v);
    store_u16(to + 2, (uint16_t)(v >> 16));
}

static inline void store_u64(uint8_t *to, uint64_t v)
{
    store_u32(to, (uint32_t)v);
    store_u32(to + 4, (uint32_t)(v >> 32));
}

static inline struct reader reader_of(struct bytes b)
{
    return (struct reader){.data = b.data, .len = b.len};
}

/* The next n bytes, or NULL (and failed) when they are not there. n > 0. */
static inline const uint8_t *reader_take(struct reader *r, size_t n)
{
    if (r->failed || n > r->len - r->at) {
        r->failed = true;
        return NULL;
    }
    const uint8_t *p = r->data + r->at;
    r->at += n;
    return p;
}

static inline uint8_t read_u8(struct reader *r)
{
    const uint8_t *p = reader_take(r, 1);
    return p ? *p : 0;
}

static inline uint16_t read_u16(struct reader *r)
{
    const uint8_t *p = reader_take(r, 2);
    return p ? load_u16(p) : 0;
}

static inline uint32_t read_u32(struct reader *r)
{
    const uint8_t *p = reader_take(r, 4);
    return p ? load_u32(p) : 0;
}

static inline uint64_t read_u64(struct reader *r)
{
    const uint8_t *p = reader_take(r, 8);
    return p ? load_u64(p) : 0;
}

/* Copies exactly n bytes (zeroes when they are not there). */
void read_raw(struct reader *r, void *to, size_t n);
/* A view of the next n bytes, borrowed from the reader's data. */
struct bytes read_view(struct reader *r, size_t n);
/* u32 length, then the bytes; a length above `max` fails the reader. Borrowed. */
struct bytes read_block(struct reader *r, size_t max);
/* u16 length, then text without zero bytes, copied with a final zero into to[cap]. One longer
 * than cap - 1 bytes fails. */
void read_text(struct reader *r, char *to, size_t cap);
/* True when nothing failed and nothing is left over. */
bool reader_done(const struct reader *r);
size_t reader_left(const struct reader *r);

struct buf {
    uint8_t *data;
    size_t len;
    size_t cap;
    size_t max;
    bool failed;
    bool no_memory; /* why it failed: the allocator, not max */
    bool borrowed;  /* data is the caller's array, never grown or freed */
    const struct alloc *alloc;
};

/* Grows by doubling up to max bytes. Release with buf_clear. */
void buf_init(struct buf *b, const struct alloc *a, size_t max);
/* Writes into an array of the caller's; for boards and small encodings. */
void buf_init_fixed(struct buf *b, void *array, size_t cap);
void buf_clear(struct buf *b);
/* Forgets the contents and the failure, keeps the memory. */
void buf_reset(struct buf *b);
/* Room for n more bytes at the end, or NULL (and failed). Does not change len. */
uint8_t *buf_reserve(struct buf *b, size_t n);
/* Drops n bytes from the front (memmove). n <= len. */
void buf_drop_front(struct buf *b, size_t n);
struct bytes buf_bytes(const struct buf *b);
int buf_result(const struct buf *b); /* 0, ERR_TOO_LARGE or ERR_NO_MEMORY */

void put_u8(struct buf *b, uint8_t v);
void put_u16(struct buf *b, uint16_t v);
void put_u32(struct buf *b, uint32_t v);
void put_u64(struct buf *b, uint64_t v);
void put_raw(struct buf *b, const void *from, size_t n);
void put_block(struct buf *b, struct bytes v);  /* u32 length, bytes */
void put_text(struct buf *b, const char *text); /* u16 length, bytes without the final zero */
/* Overwrites four bytes written earlier, for lengths known late. at + 4 <= len. */
void patch_u32(struct buf *b, size_t at, uint32_t v);

#endif
