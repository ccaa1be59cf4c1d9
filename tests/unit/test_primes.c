/* Kernel primes against known counts, a simple sieve, trial division, and its two ways against each
 * other. */
#include "core/base/prng.h"
#include "core/kernel/kernel.h"
#include "core/kernel/run.h"
#include "core/wire/tree.h"
#include "tests/lib/check.h"

/* The kernel once more in this program, as compilers without numbers of 128 bits see it. */
#undef __SIZEOF_INT128__
#define VELUM_BUILTIN
#define velum_kernel_primes portable_primes
#undef VELUM_KERNEL
#define VELUM_KERNEL(id)                                                                           \
    extern const struct velum_kernel velum_kernel_##id;                                            \
    const struct velum_kernel velum_kernel_##id
#include "plugins/primes.c"
#undef velum_kernel_primes

static struct kernel_plan plan;
static _Alignas(64) uint8_t scratch[VELUM_MEMORY_MAX];

static void *memory(const struct velum_host *host, size_t size)
{
    (void)host;
    return size <= sizeof scratch ? scratch : NULL;
}

static struct bytes params(void)
{
    return (struct bytes){plan.params, plan.params_size};
}

static int merge_here(void *ctx, struct bytes left, struct bytes right, uint8_t *out)
{
    return kernel_merge(ctx, params(), left, right, out);
}

/* From `low` to `high`, in leaves of so many numbers; 0: of as many as planned. */
static uint64_t count_by(const struct velum_kernel *k, uint64_t low, uint64_t high, uint64_t units)
{
    static uint8_t values[RUN_VALUES_MAX * 8];
    char range[50], text[SHOW_SIZE_MAX], reason[REASON_SIZE];
    const char *argv = range;
    struct velum_host host = *kernel_host_plain();
    struct run r;
    host.memory = memory;
    snprintf(range, sizeof range, "%llu..%llu", (unsigned long long)low, (unsigned long long)high);
    if (!CHECK_INT(kernel_plan(k, 1, &argv, 0, NULL, &plan), 0))
        return 0;
    const uint64_t leaf = units ? units : plan.leaf_units, leaves = tree_leaves(plan.units, leaf);
    run_init(&r, 0, leaves, leaves, values, 8);
    while (!run_ended(&r)) {
        uint64_t first, count;
        kernel_leaf_range(plan.units, leaf, r.next, &first, &count);
        memset(scratch, 0xa5, 4096);
        if (!CHECK_INT(kernel_leaf(k, &host, params(), first, count, run_slot(&r), reason), 0))
            return 0;
        (void)run_push(&r, merge_here, (void *)(uintptr_t)k);
    }
    CHECK_INT(kernel_show(k, params(), run_value(&r, 0).data, text), 0);
    return strtoull(text, NULL, 10);
}

static uint64_t count(uint64_t low, uint64_t high, uint64_t units)
{
    return count_by(kernel_find("primes"), low, high, units);
}

TEST(test_known_counts)
{
    static const uint64_t counts[] = {0, 4, 25, 168, 1229, 9592, 78498, 664579, 5761455};
    uint64_t power = 1;
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++, power *= 10) {
        CHECK_INT(count(0, power, 0), counts[i]);
        if (power < LEAF_UNITS_MAX)
            CHECK_INT(count(1, power, power / 3 + 1), counts[i]);
    }
}

#define SMALL 70000u

TEST(test_every_border_of_small_ranges)
{
    static bool composite[SMALL];
    static uint32_t below[SMALL + 1]; /* primes below a number */
    struct prng p;
    composite[0] = composite[1] = true;
    for (uint32_t n = 2; n < SMALL; n++)
        for (uint32_t m = 2 * n; !composite[n] && m < SMALL; m += n)
            composite[m] = true;
    for (uint32_t n = 0; n < SMALL; n++)
        below[n + 1] = below[n] + !composite[n];
    for (uint32_t low = 0; low < 35; low++)
        for (uint32_t high = low; high < low + 70; high++)
            CHECK_INT(count(low, high, 1 + high % 64), below[high + 1] - below[low]);
    prng_init(&p, 11);
    for (int round = 0; round < 100; round++) {
        const uint32_t low = (uint32_t)prng_below(&p, SMALL);
        const uint32_t high = low + (uint32_t)prng_below(&p, SMALL - low);
        const uint32_t units = (uint32_t)(high - low) / 40 + 1 + (uint32_t)prng_below(&p, 5000);
        CHECK_INT(count(low, high, units), below[high + 1] - below[low]);
    }
}

static bool has_divisor(uint64_t n)
{
    for (uint64_t d = 2; d * d <= n; d += 1 + d % 2)
        if (n % d == 0)
            return true;
    return false;
}

TEST(test_windows_by_trial_division)
{
    struct prng p;
    prng_init(&p, 12);
    for (int round = 0; round < 60; round++) {
        const uint64_t low = 1000000 + prng_below(&p, round % 10 ? 10000000000u : 1000000000000u);
        const uint64_t high = low + prng_below(&p, 300);
        uint64_t want = 0;
        for (uint64_t n = low; n <= high; n++)
            want += !has_divisor(n);
        CHECK_INT(count(low, high, round % 2 ? 0 : 77), want);
    }
}

static uint64_t count_by_tests(uint64_t low, uint64_t high)
{
    uint64_t found = 0;
    for (uint64_t n = low | 1; n <= high; n += 2)
        found += is_prime(n);
    return found;
}

/* More than one block of the primes that strike out, and windows of more than one part. */
TEST(test_sieve_and_strong_test_agree)
{
    struct prng p;
    prng_init(&p, 13);
    CHECK_INT(count(1000000000000, 1000000800000, 0), count_by_tests(1000000000000, 1000000800000));
    for (int bits = 8; bits < 52; bits += 3) {
        const uint64_t low = ((uint64_t)1 << bits) + prng_below(&p, (uint64_t)1 << bits);
        CHECK_INT(count(low, low + 5000, 0), count_by_tests(low, low + 5000));
    }
    CHECK_INT(count(SIEVE_MAX - 3000, SIEVE_MAX, 0), count_by_tests(SIEVE_MAX - 3000, SIEVE_MAX));
    CHECK_INT(count(SIEVE_MAX - 3000, SIEVE_MAX + 3001, 0),
              count_by_tests(SIEVE_MAX - 3000, SIEVE_MAX + 3001));
}

/* The primes nearest below 2^63 are at these distances. */
TEST(test_the_end_of_the_range)
{
    static const uint32_t distances[] = {25, 165, 259, 301, 375, 387, 391, 409, 457, 471};
    const uint64_t end = (uint64_t)1 << 63;
    CHECK_INT(count(end - 471, end - 1, 0), 10);
    CHECK_INT(count_by(&portable_primes, end - 471, end - 1, 100), 10);
    for (int i = 0; i < 10; i++)
        CHECK_INT(count(end - distances[i], end - distances[i], 0), 1);
    CHECK_INT(count(end - 24, end - 1, 0), 0);
}

/* Numbers that pass with several of the bases, and primes of every size. */
TEST(test_strong_pseudoprimes)
{
    static const uint64_t composites[] = {
        2047,          1373653,       25326001,        3215031751,
        2152302898747, 3474749660383, 341550071728321, 3825123056546413051};
    static const uint64_t primes[] = {41, 65537, 2147483647, 67280421310721, 2305843009213693951};
    for (size_t i = 0; i < sizeof composites / sizeof *composites; i++)
        CHECK(!is_prime(composites[i]));
    for (size_t i = 0; i < sizeof primes / sizeof *primes; i++)
        CHECK(is_prime(primes[i]));
}

/* What the product of halves is where the compiler has no type for it. */
TEST(test_high_half)
{
    CHECK(high_half(UINT64_MAX, UINT64_MAX) == UINT64_MAX - 1);
    CHECK(high_half(UINT64_MAX, 2) == 1);
    CHECK(high_half((uint64_t)1 << 32, (uint64_t)1 << 32) == 1);
    CHECK(high_half(0xffffffff, 0x100000001) == 0);
    CHECK(high_half(0xfedcba9876543210, 0x123456789abcdef1) == 0x121fa00ad77d7423);
}

TEST(test_leaf_sizes)
{
    static const struct {
        const char *range;
        uint64_t units, leaf_units;
    } wants[] = {
        {"5..5", 1, 65536},
        {"1..1000000", 1000000, 65536},
        {"1..1000000000", 1000000000, 1048576},
        {"1000000000000..1000100000000", 100000001, 1048576},
        {"10000000000000000..10000000001000000", 1000001, 8388608},
        {"9000000000000000000..9000000000001000000", 1000001, 65536},
        {"0..9223372036854775807", (uint64_t)1 << 63, 8388608},
    };
    for (size_t i = 0; i < sizeof wants / sizeof *wants; i++) {
        CHECK_INT(kernel_plan(kernel_find("primes"), 1, &wants[i].range, 0, NULL, &plan), 0);
        CHECK(plan.units == wants[i].units);
        CHECK_INT(plan.leaf_units, wants[i].leaf_units);
    }
}

TEST(test_what_is_no_range)
{
    static const char *const bad[] = {"",
                                      "5",
                                      "5.",
                                      "5..",
                                      "..5",
                                      "1...5",
                                      "-1..5",
                                      "1.5",
                                      "1 ..5",
                                      "1..5 ",
                                      "a..b",
                                      "7..6",
                                      "1..9223372036854775808",
                                      "1,5",
                                      "000000000000000000000001..5"};
    const struct velum_kernel *k = kernel_find("primes");
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        if (!CHECK(kernel_plan(k, 1, &bad[i], 0, NULL, &plan) < 0))
            printf("# %s\n", bad[i]);
        CHECK(strstr(plan.reason, "A") != NULL);
    }
    CHECK(kernel_plan(k, 0, NULL, 0, NULL, &plan) < 0);
    CHECK(kernel_plan(k, 2, (const char *[]){"1..2", "3..4"}, 0, NULL, &plan) < 0);
}

TEST_MAIN(test_known_counts, test_every_border_of_small_ranges, test_windows_by_trial_division,
          test_sieve_and_strong_test_agree, test_the_end_of_the_range, test_strong_pseudoprimes,
          test_high_half, test_leaf_sizes, test_what_is_no_range)
