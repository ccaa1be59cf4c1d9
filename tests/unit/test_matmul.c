/* Kernel matmul against three plain loops, bit by bit, and against long doubles. */
#include <float.h>
#include <math.h>

#include "core/base/err.h"
#include "core/base/prng.h"
#include "core/host/worker_host.h"
#include "core/kernel/kernel.h"
#include "core/wire/spec.h"
#include "tests/unit/plan_rig.h"

/* The kernel once more in this program, as compilers without vectors see it. */
#define VELUM_BUILTIN
#define VELUM_NO_VECTORS
#define velum_kernel_matmul scalar_matmul
#undef VELUM_KERNEL
#define VELUM_KERNEL(id)                                                                           \
    extern const struct velum_kernel velum_kernel_##id;                                            \
    const struct velum_kernel velum_kernel_##id
#include "plugins/matmul.c"
#undef velum_kernel_matmul

#define NUMBERS_MAX 400000u

union numbers {
    double d[NUMBERS_MAX];
    float f[NUMBERS_MAX];
};

static union numbers a, b, wanted, ours;
static bool floats; /* are what they are */
static uint64_t sizes[2];
static uint32_t files;
static size_t ours_len;

static _Alignas(64) uint8_t scratch[VELUM_MEMORY_MAX];

static void *memory(const struct velum_host *host, size_t size)
{
    (void)host;
    return size <= sizeof scratch ? scratch : NULL;
}

static uint32_t inputs(const struct velum_host *host)
{
    (void)host;
    return files;
}

static const uint8_t *input(const struct velum_host *host, uint32_t index, uint64_t *size)
{
    (void)host;
    *size = sizes[index];
    return (const uint8_t *)(index == 0 ? &a : &b);
}

static int emit(const struct velum_host *host, const void *bytes, size_t size)
{
    (void)host;
    if (size > sizeof ours - ours_len)
        return -1;
    memcpy((uint8_t *)&ours + ours_len, bytes, size);
    ours_len += size;
    return 0;
}

static int make_plan(int argc, const char *const *argv)
{
    return kernel_plan(kernel_find("matmul"), argc, argv, (uint16_t)files, sizes, &plan);
}

static bool run(const struct velum_kernel *k, uint64_t cpu, uint64_t leaf_units)
{
    struct velum_host host = *kernel_host_plain();
    char reason[REASON_SIZE];
    host.cpu = cpu;
    host.memory = memory;
    host.inputs = inputs;
    host.input = input;
    host.emit = emit;
    ours_len = 0;
    for (uint64_t first = 0; first < plan.units; first += leaf_units) {
        const uint64_t left = plan.units - first;
        memset(scratch, 0xff, sizeof scratch); /* a NaN wherever nothing is put */
        if (kernel_leaf(k, &host, (struct bytes){plan.params, plan.params_size}, first,
                        left < leaf_units ? left : leaf_units, NULL, reason) < 0)
            return false;
    }
    return true;
}

static size_t number_size(void)
{
    return floats ? sizeof(float) : sizeof(double);
}

static double number_at(const union numbers *of, size_t i)
{
    return floats ? (double)of->f[i] : of->d[i];
}

static void set_number(union numbers *of, size_t i, double value)
{
    if (floats)
        of->f[i] = (float)value;
    else
        of->d[i] = value;
}

#define PLAIN_LOOPS(type, of)                                                                      \
    for (size_t i = 0; i < rows; i++)                                                              \
        for (size_t j = 0; j < columns; j++) {                                                     \
            type sum = 0;                                                                          \
            for (size_t k = 0; k < inner; k++)                                                     \
                sum += a.of[i * inner + k] * b.of[k * columns + j];                                \
            wanted.of[i * columns + j] = sum != sum ? (type)NAN : sum;                             \
        }

static void plain_loops(size_t rows, size_t inner, size_t columns)
{
    if (floats) {
        PLAIN_LOOPS(float, f)
    } else {
        PLAIN_LOOPS(double, d)
    }
}

static bool is_wanted(size_t count)
{
    return ours_len == number_size() * count && memcmp(&ours, &wanted, ours_len) == 0;
}

/* Every way that this processor has, in leaves of so many rows. */
static void check_ways(uint64_t leaf_units, size_t count)
{
    const uint64_t cpu = worker_host_cpu();
    const struct velum_kernel *k = kernel_find("matmul");
    CHECK(run(&scalar_matmul, 0, leaf_units) && is_wanted(count));
    CHECK(run(k, 0, leaf_units) && is_wanted(count));
    if (cpu & VELUM_CPU_AVX2)
        CHECK(run(k, VELUM_CPU_AVX2, leaf_units) && is_wanted(count));
    if (cpu & VELUM_CPU_AVX512)
        CHECK(run(k, VELUM_CPU_AVX2 | VELUM_CPU_AVX512, leaf_units) && is_wanted(count));
}

static struct prng prng;

static size_t below(size_t n)
{
    return (size_t)prng_below(&prng, n);
}

static double any_number(bool special)
{
    static const double rare[][9] = {
        {0.0, -0.0, 1e308, -1e308, INFINITY, -INFINITY, NAN, 5e-324, 3e-308},
        {0.0, -0.0, 3e38, -3e38, INFINITY, -INFINITY, NAN, 1.5e-45, 2e-38},
    };
    if (special && below(40) == 0)
        return rare[floats][below(sizeof *rare / sizeof **rare)];
    const int exponent = (int)below(40) - 70;
    return ldexp((double)(int64_t)prng_u64(&prng), exponent);
}

static void fill(size_t rows, size_t inner, size_t columns, bool special)
{
    for (size_t i = 0; i < rows * inner; i++)
        set_number(&a, i, any_number(special));
    for (size_t i = 0; i < inner * columns; i++)
        set_number(&b, i, any_number(special));
    files = 2;
    sizes[0] = number_size() * rows * inner;
    sizes[1] = number_size() * inner * columns;
}

static int plan_inner(size_t inner, const char *tile)
{
    char text[40];
    const char *argv[] = {"--numbers", floats ? "float" : "double", "--inner", text, tile};
    snprintf(text, sizeof text, "%zu", inner);
    return make_plan(tile ? 5 : 4, argv);
}

/* Odd sizes, tiles that are not full, rows longer than what is packed at a time. */
static void check_bits(uint64_t seed)
{
    const uint64_t band = floats ? 168 : 84;
    prng_init(&prng, seed);
    for (int round = 0; round < 60; round++) {
        const size_t rows = 1 + below(round % 7 ? 40 : 180), columns = 1 + below(90);
        const size_t inner = 1 + below(round % 3 ? 60 : 700);
        fill(rows, inner, columns, round % 2 == 0);
        plain_loops(rows, inner, columns);
        REQUIRE(plan_inner(inner, round % 5 ? NULL : "--tile=7") == 0);
        CHECK_INT(plan.units, rows);
        CHECK_INT(plan.leaf_units, round % 5 ? band : 7);
        check_ways(1 + below(30), rows * columns);
        check_ways(plan.leaf_units, rows * columns);
    }
}

TEST(test_bits_of_plain_loops)
{
    floats = false;
    check_bits(31);
}

TEST(test_bits_of_plain_loops_of_floats)
{
    floats = true;
    check_bits(33);
}

static void check_near(long double epsilon)
{
    const size_t n = 150;
    prng_init(&prng, 32);
    fill(n, n, n, false);
    REQUIRE(plan_inner(n, NULL) == 0);
    REQUIRE(run(kernel_find("matmul"), worker_host_cpu(), plan.leaf_units));
    for (size_t i = 0; i < n; i += 7)
        for (size_t j = 0; j < n; j++) {
            long double sum = 0, size = 0;
            for (size_t k = 0; k < n; k++) {
                const long double product =
                    (long double)number_at(&a, i * n + k) * number_at(&b, k * n + j);
                sum += product;
                size += fabsl(product);
            }
            CHECK(fabsl(number_at(&ours, i * n + j) - sum) <= n * epsilon / 2 * size);
        }
}

TEST(test_near_the_true_product)
{
    floats = false;
    check_near(DBL_EPSILON);
    floats = true;
    check_near(FLT_EPSILON);
}

/* Bytes, whatever the order of this machine: of a NaN that infinities make, and of one that was
 * given with a sign and bits of its own. */
TEST(test_bytes_of_floats)
{
    static const uint8_t left[] = {0, 0, 0x80, 0x7f, 0x39, 0x30, 0xc1, 0xff, 0, 0, 0xc0, 0x3f};
    static const uint8_t right[] = {0, 0, 0, 0};
    static const uint8_t want[] = {0, 0, 0xc0, 0x7f, 0, 0, 0xc0, 0x7f, 0, 0, 0, 0};
    memcpy(&a, left, sizeof left);
    memcpy(&b, right, sizeof right);
    floats = true;
    files = 2;
    sizes[0] = sizeof left;
    sizes[1] = sizeof right;
    memcpy(&wanted, want, sizeof want);
    REQUIRE(plan_inner(1, NULL) == 0);
    check_ways(2, 3);
}

/* As the top of the kernel says it. */
static double made_by_hand(uint64_t i, uint64_t j, uint64_t m)
{
    uint64_t v = (2654435761u * i + 2246822519u * j + 3266489917u * m) & UINT32_MAX;
    v = (v ^ v >> 15) * 739982445u & UINT32_MAX;
    v ^= v >> 12;
    return ldexp((double)v, -31) - 1;
}

static void check_made(const char *type)
{
    const size_t n = 37;
    const char *argv[] = {"--size", "37", "--numbers", type};
    files = 0;
    REQUIRE(make_plan(4, argv) == 0);
    CHECK_INT(plan.units, 37);
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < n; j++) {
            set_number(&a, i * n + j, made_by_hand(i, j, 1));
            set_number(&b, i * n + j, made_by_hand(i, j, 2));
        }
    plain_loops(n, n, n);
    check_ways(plan.leaf_units, n * n);
    check_ways(5, n * n);
}

TEST(test_made_matrices)
{
    floats = false;
    check_made("double");
    floats = true;
    check_made("float");
}

/* The widest product there may be, one row of it, and a tile that is as large as its memory. */
static void check_largest(size_t columns, const char *tile, const char *more)
{
    const size_t rows = floats ? 168 : 84;
    fill(2, 3, columns, false);
    plain_loops(2, 3, columns);
    REQUIRE(plan_inner(3, NULL) == 0);
    CHECK_INT(plan.leaf_units, 12);
    check_ways(2, 2 * columns);
    fill(rows, 2, 1024, false);
    plain_loops(rows, 2, 1024);
    REQUIRE(plan_inner(2, tile) == 0);
    check_ways(rows, rows * 1024);
    CHECK(plan_inner(2, more) < 0);
}

TEST(test_largest_bands)
{
    floats = false;
    check_largest(9216, "--tile=84", "--tile=85");
    CHECK(strstr(plan.reason, "84 rows"));
    floats = true;
    check_largest(18432, "--tile=168", "--tile=169");
    CHECK(strstr(plan.reason, "168 rows"));
}

/* The last parameter is the type; a plan without it is of doubles. */
TEST(test_type_in_the_plan)
{
    const char *argv[] = {"--size=3"};
    files = 0;
    REQUIRE(make_plan(1, argv) == 0);
    REQUIRE(plan.params_size == 40);
    REQUIRE(run(kernel_find("matmul"), 0, 3));
    CHECK_INT(ours_len, 72);
    plan.params[32] = 1;
    REQUIRE(run(kernel_find("matmul"), 0, 3));
    CHECK_INT(ours_len, 36);
    plan.params[32] = 2;
    CHECK(!run(kernel_find("matmul"), 0, 3));
    plan.params_size = 32;
    REQUIRE(run(kernel_find("matmul"), 0, 3));
    CHECK_INT(ours_len, 72);
}

#define REFUSED(words, ...) check_refused(make_plan(WORDS(__VA_ARGS__)), words)

TEST(test_what_is_refused)
{
    files = 0;
    REFUSED("two files", "--tile", "5");
    REFUSED("numbers from 1", "--size");
    REFUSED("numbers from 1", "--size", "0");
    REFUSED("numbers from 1", "--size", "-3");
    REFUSED("numbers from 1", "--size=5", "--size=5");
    REFUSED("numbers from 1", "--sizes=5");
    REFUSED("numbers from 1", "5");
    REFUSED("numbers from 1", "--size", "--inner", "5");
    REFUSED("double or float", "--numbers");
    REFUSED("double or float", "--numbers", "floats", "--size=5");
    REFUSED("double or float", "--numbers=", "--size=5");
    REFUSED("double or float", "--numbers=float", "--numbers=float", "--size=5");
    REFUSED("9216", "--size", "9217");
    REFUSED("18432", "--numbers", "float", "--size", "18433");
    REFUSED("not both", "--size", "5", "--inner", "5");
    REFUSED("84 rows", "--size", "9216", "--tile", "13");
    REFUSED("168 rows", "--numbers=float", "--size", "18432", "--tile", "13");
    files = 2;
    sizes[0] = sizes[1] = 8 * 25;
    REFUSED("not both", "--size", "5");
    CHECK_INT(make_plan(0, NULL), 0);
    CHECK_INT(make_plan(1, (const char *[]){"--"}), 0);
    REFUSED("no matrices", "--inner=7");
    sizes[0] = 8 * 24;
    REFUSED("--inner", "--");
    sizes[0] = sizes[1] = 0;
    REFUSED("--inner", "--");
    sizes[0] = 8 * 25 + 1;
    sizes[1] = 8 * 25;
    REFUSED("multiple of 8 bytes", "--inner=5");
    REFUSED("multiple of 4 bytes", "--numbers=float", "--inner=5");
    sizes[0] = 8 * 25;
    sizes[1] = 8 * 25 + 2;
    REFUSED("multiple of 4 bytes", "--numbers=float", "--inner=5");
    sizes[0] = sizes[1] = 4 * 25;
    REFUSED("multiple of 8 bytes", "--inner=5");
    CHECK_INT(make_plan(1, (const char *[]){"--numbers=float"}), 0);
    REFUSED("matrices of floats", "--numbers=float", "--inner=7");
    sizes[0] = 4 * 24;
    REFUSED("--inner", "--numbers=float");
    sizes[0] = 8 * 25;
    sizes[1] = 0;
    REFUSED("--inner", "--inner=5");
    sizes[0] = VELUM_SIZE_UNKNOWN;
    REFUSED("before it runs", "--inner=5");
}

TEST_MAIN(test_bits_of_plain_loops, test_bits_of_plain_loops_of_floats, test_near_the_true_product,
          test_bytes_of_floats, test_made_matrices, test_largest_bands, test_type_in_the_plan,
          test_what_is_refused)
