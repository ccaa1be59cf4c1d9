#include "core/base/prng.h"
#include "tests/lib/check.h"

/* splitmix64 from 0 begins e220a8397b1dcdaf 6e789e6aa1b965f4 06c45d188009454f f88bb8a8724c81ec
 * (published with the generator). */
TEST(test_seeding_is_splitmix64)
{
    struct prng p;
    prng_init(&p, 0);
    CHECK(p.state[0] == 0xe220a8397b1dcdafu);
    CHECK(p.state[1] == 0x6e789e6aa1b965f4u);
    CHECK(p.state[2] == 0x06c45d188009454fu);
    CHECK(p.state[3] == 0xf88bb8a8724c81ecu);
}

/* The first outputs of xoshiro256** from the state 1, 2, 3, 4,
 * as other implementations print them. */
TEST(test_known_outputs)
{
    static const uint64_t expected[6] = {
        11520u, 0u, 1509978240u, 1215971899390074240u, 1216172134540287360u, 607988272756665600u};
    struct prng p = {{1, 2, 3, 4}};
    for (size_t i = 0; i < 6; i++)
        CHECK(prng_u64(&p) == expected[i]);
}

TEST(test_below_stays_below_and_reaches_everything)
{
    struct prng p;
    prng_init(&p, 7);
    for (uint64_t bound = 1; bound <= 40; bound++) {
        uint64_t seen = 0;
        for (int i = 0; i < 2000; i++) {
            uint64_t v = prng_below(&p, bound);
            REQUIRE(v < bound);
            seen |= UINT64_C(1) << v;
        }
        CHECK(seen == (UINT64_C(1) << bound) - 1);
    }
    for (int i = 0; i < 1000; i++) {
        CHECK(prng_below(&p, UINT64_MAX) != UINT64_MAX);
        CHECK(prng_below(&p, (UINT64_C(1) << 63) + 1) <= UINT64_C(1) << 63);
    }
}

TEST(test_below_is_uniform)
{
    struct prng p;
    prng_init(&p, 1);
    int counts[6] = {0};
    for (int i = 0; i < 60000; i++)
        counts[prng_below(&p, 6)]++;
    for (int i = 0; i < 6; i++)
        CHECK(counts[i] > 9500 && counts[i] < 10500); /* five standard deviations */
}

TEST(test_one_in)
{
    struct prng p;
    prng_init(&p, 1);
    int hits = 0;
    for (int i = 0; i < 10000; i++)
        hits += prng_one_in(&p, 10) ? 1 : 0;
    CHECK(hits > 850 && hits < 1150);
    CHECK(prng_one_in(&p, 1));
}

TEST_MAIN(test_seeding_is_splitmix64, test_known_outputs,
          test_below_stays_below_and_reaches_everything, test_below_is_uniform, test_one_in)
