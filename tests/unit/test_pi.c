#include <math.h>
#include <unistd.h>

#include "core/base/prng.h"
#include "core/host/plugin.h"
#include "core/host/worker_host.h"
#include "core/kernel/kernel.h"
#include "core/kernel/run.h"
#include "core/wire/tree.h"
#include "tests/lib/check.h"
#include "tests/plugins/plugins.h"

/* The kernel once more in this program, as compilers without vectors see it. */
#define VELUM_BUILTIN
#define VELUM_NO_VECTORS
#define velum_kernel_pi scalar_pi
#undef VELUM_KERNEL
#define VELUM_KERNEL(id)                                                                           \
    extern const struct velum_kernel velum_kernel_##id;                                            \
    const struct velum_kernel velum_kernel_##id
#include "plugins/pi.c"
#undef velum_kernel_pi

#define PI_LONG 3.14159265358979323846264338327950288L

static struct pair leaf_of(const struct velum_kernel *k, uint64_t cpu, uint64_t n, uint64_t first,
                           uint64_t count)
{
    uint8_t params[8], canonical[16];
    char reason[REASON_SIZE];
    struct velum_host host = *kernel_host_plain();
    struct pair r;
    host.cpu = cpu;
    velum_store_u64(params, n);
    REQUIRE(kernel_leaf(k, &host, (struct bytes){params, 8}, first, count, canonical, reason) == 0);
    uint64_t high = load_u64(canonical), low = load_u64(canonical + 8);
    memcpy(&r.high, &high, 8);
    memcpy(&r.low, &low, 8);
    return r;
}

struct part {
    uint64_t n, first, count;
};

/* Full leaves, short ones, one group, less than a group, N around the bound of the groups, N where
 * nothing but 53 bits holds d. */
static const struct part parts[] = {
    {1, 0, 1},
    {2, 0, 2},
    {4095, 0, 4095},
    {4096, 0, 4096},
    {4097, 0, 4097},
    {5000, 1000, 127},
    {5000, 1000, 129},
    {1000003, 0, 65536},
    {1000003, 983040, 16963},
    {400000000, 4194304, 4194304},
    {400000000, 398458880, 1541120},
    {99999999999, 8388608ull * 1000, 8388608},
    {1000000000000000, 8388608ull * 77777777, 8388608},
    {1000000000000000, 1000000000000000 - 300001, 300001},
    {999999999999999, 999999999999999 - 262145, 262145},
};
#define PARTS (sizeof parts / sizeof *parts)

/* One number for the bits of all parts. The constant below is the answer of every compiler, option
 * and processor tried; if it changes, results of running jobs change too. */
#define BITS_OF_ALL_PARTS UINT64_C(0xea69ccc3a235b482)

static uint64_t bits_of(const struct velum_kernel *k, uint64_t cpu)
{
    uint64_t all = 0;
    for (size_t i = 0; i < PARTS; i++) {
        struct pair r = leaf_of(k, cpu, parts[i].n, parts[i].first, parts[i].count);
        uint64_t high, low;
        memcpy(&high, &r.high, 8);
        memcpy(&low, &r.low, 8);
        all = (all ^ high) * 0x9e3779b97f4a7c15u;
        all = (all ^ all >> 31 ^ low) * 0xbf58476d1ce4e5b9u;
    }
    return all;
}

static void check_bits(const char *what, const struct velum_kernel *k, uint64_t cpu)
{
    uint64_t bits = bits_of(k, cpu);
    if (!CHECK(bits == BITS_OF_ALL_PARTS))
        printf("# %s: 0x%016llx\n", what, (unsigned long long)bits);
}

TEST(test_every_path_has_the_same_bits)
{
    const struct velum_kernel *k = kernel_find("pi");
    const uint64_t cpu = worker_host_cpu();
    check_bits("without vectors", &scalar_pi, 0);
    check_bits("plain vectors", k, 0);
    if (cpu & VELUM_CPU_AVX2)
        check_bits("AVX2", k, VELUM_CPU_AVX2);
    if (cpu & VELUM_CPU_AVX512)
        check_bits("AVX-512", k, VELUM_CPU_AVX2 | VELUM_CPU_AVX512);
}

/* Builds the kernel as a plugin with another compiler or other options. */
static bool build(const char *compiler, const char *options, char path[600])
{
    static int number;
    char command[2000];
    const char *root = getenv("VELUM_ROOT") ? getenv("VELUM_ROOT") : ".";
    snprintf(command, sizeof command, "command -v %s >/dev/null", compiler);
    if (system(command) != 0)
        return false;
    snprintf(path, 600, "%s-%d.so", plugin_path("pi-variant"), number++);
    snprintf(command, sizeof command,
             "%s -std=gnu11 -fPIC -shared -nostdlib -ffreestanding -fvisibility=hidden "
             "-fno-stack-protector -ffp-contract=off %s -DVELUM_SOURCE_DIGEST='\"%064d\"' "
             "-I'%s' -o '%s' '%s/plugins/pi.c' '%s/plugins/helper.c'",
             compiler, options, 0, root, path, root, root);
    return system(command) == 0;
}

TEST(test_every_compiler_has_the_same_bits)
{
    static const char *const compilers[] = {"gcc", "clang"};
    static const char *const options[] = {
        "-O0", "-O1", "-O2", "-O3", "-O3 -march=native", "-Os", "-O2 -DVELUM_NO_VECTORS"};
    for (size_t c = 0; c < 2; c++)
        for (size_t o = 0; o < sizeof options / sizeof *options; o++) {
            char path[600], reason[REASON_SIZE] = "", what[100];
            const struct velum_kernel *k;
            if (!build(compilers[c], options[o], path))
                continue;
            REQUIRE(CHECK_INT(plugin_load(path, &k, reason), 0) && CHECK_STR(reason, ""));
            snprintf(what, sizeof what, "%s %s", compilers[c], options[o]);
            check_bits(what, k, 0);
            check_bits(what, k, worker_host_cpu());
            unlink(path);
        }
}

static int merge_here(void *ctx, struct bytes left, struct bytes right, uint8_t *out)
{
    struct kernel_plan *p = ctx;
    return kernel_merge(kernel_find("pi"), (struct bytes){p->params, p->params_size}, left, right,
                        out);
}

/* The whole job, folded as everywhere. */
static struct pair whole(const char *n, char text[SHOW_SIZE_MAX])
{
    static struct kernel_plan p;
    static uint8_t values[RUN_VALUES_MAX * 16];
    const struct velum_kernel *k = kernel_find("pi");
    struct velum_host host = *kernel_host_plain();
    struct run r;
    struct pair sum;
    REQUIRE(kernel_plan(k, 1, &n, 0, NULL, &p) == 0);
    uint64_t leaves = tree_leaves(p.units, p.leaf_units);
    host.cpu = worker_host_cpu();
    run_init(&r, 0, leaves, leaves, values, 16);
    while (!run_ended(&r)) {
        uint64_t first, count;
        char reason[REASON_SIZE];
        kernel_leaf_range(p.units, p.leaf_units, r.next, &first, &count);
        REQUIRE(kernel_leaf(k, &host, (struct bytes){p.params, p.params_size}, first, count,
                            run_slot(&r), reason) == 0);
        REQUIRE(run_push(&r, merge_here, &p) == 0);
    }
    struct bytes root = run_value(&r, 0).data;
    REQUIRE(kernel_show(k, (struct bytes){p.params, p.params_size}, root, text) == 0);
    memcpy(&sum.high, root.data, 8);
    memcpy(&sum.low, root.data + 8, 8);
    return sum;
}

TEST(test_error_is_below_a_femto)
{
    static const char *const ns[] = {"100000000", "123456789", "400000000", "999999937",
                                     "1000000007"};
    char text[SHOW_SIZE_MAX];
    for (size_t i = 0; i < sizeof ns / sizeof *ns; i++) {
        struct pair sum = whole(ns[i], text);
        long double n = strtold(ns[i], NULL);
        long double error = ((long double)sum.high + sum.low) / n - PI_LONG;
        if (!CHECK(fabsl(error) <= 9e-16L))
            printf("# N = %s: %.3Lg\n", ns[i], error);
        CHECK_STR(text, "3.14159265358979");
    }
}

/* A whole sum of 10^11 takes too long here, but a leaf is an integral too: N times 4 atan. */
static long double leaf_error(uint64_t n, uint64_t first, uint64_t count)
{
    /* The difference of the two arcs as one, because theirs would lose all digits. */
    long double a = (long double)first / n, b = (long double)(first + count) / n;
    long double want = 4 * n * atanl((long double)count / n / (1 + a * b));
    struct pair r = leaf_of(kernel_find("pi"), worker_host_cpu(), n, first, count);
    return ((r.high - want) + r.low) / want;
}

TEST(test_leaves_of_large_sums)
{
    static const uint64_t ns[] = {1000000000,     10000000000,     99999999977,     100000000000,
                                  31415926535897, 999999999999989, 1000000000000000};
    struct prng p;
    prng_init(&p, 5);
    for (size_t i = 0; i < sizeof ns / sizeof *ns; i++) {
        long double sum = 0;
        for (int k = 0; k < 24; k++) {
            uint64_t first = prng_below(&p, ns[i] / 8388608) * 8388608;
            long double error = leaf_error(ns[i], first, 8388608 / 8);
            CHECK(fabsl(error) < 4e-16L);
            sum += error;
        }
        if (!CHECK(fabsl(sum / 24) < 2e-16L))
            printf("# N = %llu: mean error %.3Lg\n", (unsigned long long)ns[i], sum / 24);
    }
}

TEST(test_small_sums_against_the_obvious_loop)
{
    char text[SHOW_SIZE_MAX], n_text[32];
    for (uint64_t n = 1; n < 9000; n += n < 70 ? 1 : n / 13) {
        long double want = 0;
        for (uint64_t i = 0; i < n; i++) {
            long double x = (i + 0.5L) / n;
            want += 4 / (1 + x * x);
        }
        snprintf(n_text, sizeof n_text, "%llu", (unsigned long long)n);
        struct pair sum = whole(n_text, text);
        if (!CHECK(fabsl(((long double)sum.high + sum.low) / want - 1) < 3e-16L))
            printf("# N = %s\n", n_text);
    }
    whole("1", text);
    CHECK_STR(text, "3.20000000000000");
    whole("2", text);
    CHECK_STR(text, "3.16235294117647");
}

TEST(test_bad_arguments_name_what_is_allowed)
{
    static const char *const bad[] = {"",
                                      "0",
                                      "-5",
                                      "abc",
                                      "1e9",
                                      "12 ",
                                      " 12",
                                      "+3",
                                      "1.5",
                                      "1000000000000001",
                                      "99999999999999999999999999",
                                      "0x10"};
    static struct kernel_plan p;
    const struct velum_kernel *k = kernel_find("pi");
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        CHECK(kernel_plan(k, 1, &bad[i], 0, NULL, &p) < 0);
        CHECK(strstr(p.reason, "from 1 to 1000000000000000") != NULL);
    }
    CHECK(kernel_plan(k, 0, NULL, 0, NULL, &p) < 0);
    CHECK_STR(p.reason, "N is missing: how many intervals, from 1 to 1000000000000000");
    CHECK(kernel_plan(k, 2, (const char *[]){"5", "6"}, 0, NULL, &p) < 0);
    CHECK(strstr(p.reason, "too many arguments") != NULL);
}

TEST(test_leaf_size_depends_on_n_alone)
{
    static const struct {
        const char *n;
        uint64_t units;
    } wants[] = {{"1", 65536},           {"1000000", 65536},        {"8388608", 131072},
                 {"400000000", 4194304}, {"100000000000", 8388608}, {"1000000000000000", 8388608}};
    static struct kernel_plan p;
    for (size_t i = 0; i < sizeof wants / sizeof *wants; i++) {
        REQUIRE(kernel_plan(kernel_find("pi"), 1, &wants[i].n, 0, NULL, &p) == 0);
        CHECK_INT(p.leaf_units, wants[i].units);
        CHECK_INT(p.units, strtoull(wants[i].n, NULL, 10));
        CHECK_INT(p.params_size, 8);
    }
}

TEST_MAIN(test_every_path_has_the_same_bits, test_every_compiler_has_the_same_bits,
          test_error_is_below_a_femto, test_leaves_of_large_sums,
          test_small_sums_against_the_obvious_loop, test_bad_arguments_name_what_is_allowed,
          test_leaf_size_depends_on_n_alone)
