/* A file of codecs as a fuzz target (target.h): its tests only name their codecs, and the first
 * byte of an input chooses one of them. Header only, for fuzz.h, when FUZZ_TARGET is defined. */
#ifndef VELUM_TESTS_FUZZ_CODEC_TARGET_H
#define VELUM_TESTS_FUZZ_CODEC_TARGET_H

#include "tests/fuzz/target.h"

#define FUZZ_CODECS_MAX 128
#define FUZZ_SEEDS 3 /* of each codec */

static struct {
    const struct codec *list[FUZZ_CODECS_MAX];
    size_t count;
} fuzz_named;

static inline void fuzz_codecs(const struct codec *list, size_t count)
{
    REQUIRE(fuzz_named.count + count <= FUZZ_CODECS_MAX);
    for (size_t i = 0; i < count; i++)
        fuzz_named.list[fuzz_named.count++] = &list[i];
}

/* Where one decoder is for several kinds of message, it is exact when all of them are. */
static inline struct codec fuzz_chosen(const struct codec *one)
{
    struct codec c = *one;
    for (size_t i = 0; i < fuzz_named.count; i++)
        c.exact &= fuzz_named.list[i]->exact || fuzz_named.list[i]->again != c.again;
    return c;
}

static inline void fuzz_target_one(struct bytes in)
{
    if (in.len == 0 || in.data[0] >= fuzz_named.count)
        return;
    const struct codec c = fuzz_chosen(fuzz_named.list[in.data[0]]);
    prng_init(&fuzz.prng, 1);
    heap_init(&fuzz.heap);
    fuzz.scratch_used = 0;
    accept_one(&c, (struct bytes){in.data + 1, in.len - 1}, 0);
    CHECK(heap_is_empty(&fuzz.heap));
}

static inline bool fuzz_target_seed(size_t i, struct buf *out)
{
    const size_t k = i / FUZZ_SEEDS;
    if (k >= fuzz_named.count)
        return false;
    prng_init(&fuzz.prng, 1 + i);
    heap_init(&fuzz.heap);
    fuzz.scratch_used = 0;
    put_u8(out, (uint8_t)k);
    fuzz_named.list[k]->make(out);
    return true;
}

#undef TEST_MAIN
#define TEST_MAIN(...)                                                                             \
    static void fuzz_name_codecs(void)                                                             \
    {                                                                                              \
        const struct check_test tests[] = {__VA_ARGS__};                                           \
        for (size_t i = 0; i < sizeof tests / sizeof *tests; i++)                                  \
            tests[i].run();                                                                        \
    }                                                                                              \
    void target_one(struct bytes in)                                                               \
    {                                                                                              \
        if (fuzz_named.count == 0)                                                                 \
            fuzz_name_codecs();                                                                    \
        fuzz_target_one(in);                                                                       \
    }                                                                                              \
    bool target_seed(size_t i, struct buf *out)                                                    \
    {                                                                                              \
        if (fuzz_named.count == 0)                                                                 \
            fuzz_name_codecs();                                                                    \
        return fuzz_target_seed(i, out);                                                           \
    }

#endif
