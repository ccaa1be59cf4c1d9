/* Anything a message may hold, from one seeded generator: numbers small, great and at borders,
 * texts and blocks mostly short and at times as long as may be. Header only, for fuzz.h. */
#ifndef VELUM_TESTS_FUZZ_ANY_H
#define VELUM_TESTS_FUZZ_ANY_H

#include "core/base/bytes.h"
#include "core/base/id.h"
#include "core/base/prng.h"
#include "core/wire/value.h"
#include "tests/lib/check.h"
#include "tests/lib/heap.h"

#define FUZZ_SCRATCH ((size_t)1 << 18)

struct fuzz {
    struct prng prng;
    struct heap heap;
    uint8_t fill; /* what structs hold before they are decoded into: must not matter */
    size_t scratch_used;
    uint8_t scratch[FUZZ_SCRATCH]; /* of what one message borrows */
};

static struct fuzz fuzz;

static inline uint64_t any_below(uint64_t bound)
{
    return prng_below(&fuzz.prng, bound);
}

/* Small numbers, great ones and borders alike. */
static inline uint64_t any_u64(void)
{
    return prng_u64(&fuzz.prng) >> any_below(64);
}

static inline uint32_t any_u32(void)
{
    return (uint32_t)any_u64();
}

static inline bool any_bool(void)
{
    return prng_one_in(&fuzz.prng, 2);
}

/* Mostly short, at times as long as may be. */
static inline size_t any_size(size_t most)
{
    switch (any_below(8)) {
    case 0:
        return 0;
    case 1:
        return most;
    default:
        return any_below((most < 40 ? most : 40) + 1);
    }
}

static inline void any_raw(void *to, size_t n)
{
    uint8_t *p = to;
    for (size_t i = 0; i < n; i++)
        p[i] = (uint8_t)prng_u64(&fuzz.prng);
}

static inline struct bytes any_bytes(size_t most)
{
    size_t n = any_size(most);
    REQUIRE(fuzz.scratch_used + n <= FUZZ_SCRATCH);
    uint8_t *p = fuzz.scratch + fuzz.scratch_used;
    fuzz.scratch_used += n;
    any_raw(p, n);
    return (struct bytes){p, n};
}

static inline char *any_chars(char *to, size_t cap, char first, char last)
{
    size_t n = any_size(cap - 1);
    for (size_t i = 0; i < n; i++)
        to[i] = (char)(first + (char)any_below((uint64_t)(last - first) + 1));
    to[n] = '\0';
    return to;
}

/* What stays as it is when it is made safe for a terminal. */
static inline char *any_text(char *to, size_t cap)
{
    return any_chars(to, cap, '!', '[');
}

static inline char *any_name(char *to, size_t cap)
{
    any_chars(to, cap, 'a', 'z');
    if (to[0] == '\0')
        memcpy(to, "k", 2);
    return to;
}

static inline struct node_id any_node(void)
{
    struct node_id id;
    any_raw(id.bytes, sizeof id.bytes);
    return id;
}

static inline struct job_id any_job(void)
{
    struct job_id id;
    any_raw(id.bytes, sizeof id.bytes);
    return id;
}

static inline struct digest any_digest(void)
{
    struct digest d;
    any_raw(d.bytes, sizeof d.bytes);
    return d;
}

static inline uint64_t any_leaf(void)
{
    return any_u64() % LEAVES_MAX;
}

static inline void any_values(struct buf *out, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        struct value v = {.at.level = (uint8_t)any_below(LEVEL_MAX + 1)};
        v.at.index = any_u64() % (LEAVES_MAX >> v.at.level);
        v.data = any_bytes(i == 0 ? ACCUMULATOR_SIZE_MAX : 64);
        put_value(out, &v);
    }
}

#endif
