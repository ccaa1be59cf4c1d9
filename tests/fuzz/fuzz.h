/* What the tests of decoders share. Header only.
 *
 * A codec is a decoder with the encoder that belongs to it, and a maker of valid messages. Each
 * round makes one, which must come through unchanged, damages a copy, and decodes that from a block
 * of exactly its size, so that a sanitizer sees a read beyond it. Damage may be refused. What is
 * accepted must be encoded to something that comes through unchanged, or, where `exact`, to the
 * very bytes that were read: then nothing has two encodings. Everything follows from one seed. */
#ifndef VELUM_TESTS_FUZZ_H
#define VELUM_TESTS_FUZZ_H

#include "core/base/err.h"
#include "tests/fuzz/any.h"

#define FUZZ_SIZE_MAX ((size_t)200000)

struct codec {
    const char *name;
    /* Decodes and encodes again: 0, or < 0 when refused. */
    int (*again)(struct bytes in, struct buf *out);
    void (*make)(struct buf *out);
    bool exact;
    uint32_t rounds;
};

/* --- for the way back --- */

static inline int again_values(struct reader *r, uint32_t count, struct buf *out)
{
    for (uint32_t i = 0; i < count; i++) {
        struct value v = read_value(r);
        if (r->failed)
            return ERR_FORMAT;
        put_value(out, &v);
    }
    return 0;
}

static inline int again_end(const struct reader *r, const struct buf *out)
{
    return reader_done(r) ? buf_result(out) : ERR_FORMAT;
}

/* --- damage --- */

struct damaged {
    uint8_t data[FUZZ_SIZE_MAX];
    size_t len;
};

static inline void damage_number(struct damaged *d)
{
    static const uint64_t numbers[] = {0,       1,          2,          0x7f,       0x80,
                                       0xff,    0x100,      0x7fff,     0x8000,     0xffff,
                                       0x10000, 0x7fffffff, 0x80000000, 0xffffffff, UINT64_MAX};
    uint64_t v = numbers[any_below(sizeof numbers / sizeof *numbers)];
    size_t width = (size_t)1 << any_below(4);
    if (d->len < width)
        return;
    uint8_t *at = d->data + any_below(d->len - width + 1);
    for (size_t i = 0; i < width; i++)
        at[i] = (uint8_t)(v >> 8 * i);
}

/* One more or one less, with the carry, as a length that is nearly right. */
static inline void damage_step(struct damaged *d)
{
    if (d->len == 0)
        return;
    size_t at = any_below(d->len);
    d->data[at] = (uint8_t)(any_bool() ? d->data[at] + 1 : d->data[at] - 1);
}

static inline void damage_insert(struct damaged *d)
{
    size_t n = 1 + any_below(16), at = any_below(d->len + 1);
    if (d->len + n > FUZZ_SIZE_MAX)
        return;
    memmove(d->data + at + n, d->data + at, d->len - at);
    if (any_bool() && d->len >= n)
        memmove(d->data + at, d->data + any_below(d->len - n + 1), n);
    else
        any_raw(d->data + at, n);
    d->len += n;
}

static inline void damage_remove(struct damaged *d)
{
    if (d->len == 0)
        return;
    size_t at = any_below(d->len), n = 1 + any_below(any_bool() ? 4 : 64);
    n = n < d->len - at ? n : d->len - at;
    memmove(d->data + at, d->data + at + n, d->len - at - n);
    d->len -= n;
}

static inline void damage_splice(struct damaged *d, struct bytes other)
{
    size_t head = any_below(d->len + 1), from = any_bool() ? head : any_below(other.len + 1);
    if (from > other.len || head + other.len - from > FUZZ_SIZE_MAX)
        return;
    if (other.len > from)
        memcpy(d->data + head, other.data + from, other.len - from);
    d->len = head + other.len - from;
}

static inline void damage(struct damaged *d, struct bytes other)
{
    for (uint64_t times = 1 + any_below(3); times > 0; times--) {
        switch (any_below(8)) {
        case 0:
        case 1:
            if (d->len > 0)
                d->data[any_below(d->len)] ^= (uint8_t)(1u << any_below(8));
            break;
        case 2:
            damage_number(d);
            break;
        case 3:
            damage_step(d);
            break;
        case 4:
            d->len = any_below(d->len + 1);
            break;
        case 5:
            damage_insert(d);
            break;
        case 6:
            damage_remove(d);
            break;
        default:
            damage_splice(d, other);
            break;
        }
    }
}

/* --- the rounds --- */

/* Decodes from a block of exactly its size and encodes into `out`. */
static inline int come_through(const struct codec *c, struct bytes in, uint8_t fill,
                               struct buf *out)
{
    uint8_t *exact = malloc(in.len ? in.len : 1);
    REQUIRE(exact);
    if (in.len > 0)
        memcpy(exact, in.data, in.len);
    fuzz.fill = fill;
    buf_init(out, &fuzz.heap.alloc, FUZZ_SIZE_MAX);
    int rc = c->again((struct bytes){exact, in.len}, out);
    free(exact);
    return rc;
}

static inline bool same(const struct codec *c, const char *what, uint64_t round, struct bytes a,
                        struct bytes b)
{
    if (bytes_equal(a, b))
        return true;
    printf("# %s, round %llu: %s\n", c->name, (unsigned long long)round, what);
    CHECK(!"the encodings differ");
    return false;
}

/* What is accepted means one thing. */
static inline int accept_one(const struct codec *c, struct bytes in, uint64_t round)
{
    struct buf out, twice;
    int rc = come_through(c, in, 0xa5, &out);
    if (rc == 0 && c->exact)
        same(c, "what was damaged", round, in, buf_bytes(&out));
    if (rc == 0) {
        CHECK(come_through(c, buf_bytes(&out), 0x5a, &twice) == 0);
        same(c, "what was accepted", round, buf_bytes(&out), buf_bytes(&twice));
        buf_clear(&twice);
    }
    buf_clear(&out);
    return rc;
}

/* True when the damaged message was accepted. */
static inline bool fuzz_round(const struct codec *c, uint64_t round)
{
    static struct damaged d;
    struct buf made, other, out;
    fuzz.scratch_used = 0;
    buf_init(&made, &fuzz.heap.alloc, FUZZ_SIZE_MAX);
    buf_init(&other, &fuzz.heap.alloc, FUZZ_SIZE_MAX);
    c->make(&made);
    c->make(&other);
    REQUIRE(!made.failed && !other.failed);
    CHECK(come_through(c, buf_bytes(&made), 0xa5, &out) == 0);
    same(c, "what was made", round, buf_bytes(&made), buf_bytes(&out));
    buf_clear(&out);

    if (made.len > 0)
        memcpy(d.data, made.data, made.len);
    d.len = made.len;
    damage(&d, buf_bytes(&other));
    int rc = accept_one(c, (struct bytes){d.data, d.len}, round);
    buf_clear(&other);
    buf_clear(&made);
    return rc == 0;
}

#ifndef FUZZ_TARGET
static inline void fuzz_codecs(const struct codec *list, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        prng_init(&fuzz.prng, 1 + i);
        heap_init(&fuzz.heap);
        uint32_t accepted = 0;
        for (uint32_t round = 0; round < list[i].rounds && check_state.failures == 0; round++)
            accepted += fuzz_round(&list[i], round);
        printf("# %s: %u of %u damaged ones accepted\n", list[i].name, accepted, list[i].rounds);
        CHECK(heap_is_empty(&fuzz.heap));
    }
}

#else
#include "tests/fuzz/codec_target.h"
#endif

/* For a decoder int read(struct bytes, struct type *) and its void put(struct buf *, const struct
 * type *). The struct is static, because some are too large for a stack under a sanitizer. */
#define FUZZ_AGAIN(what, type, read, put)                                                          \
    static int what##_again(struct bytes in, struct buf *out)                                      \
    {                                                                                              \
        static struct type m;                                                                      \
        memset(&m, fuzz.fill, sizeof m);                                                           \
        int rc = read(in, &m);                                                                     \
        if (rc < 0)                                                                                \
            return rc;                                                                             \
        put(out, &m);                                                                              \
        return buf_result(out);                                                                    \
    }

#endif
