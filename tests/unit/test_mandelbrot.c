/* Kernel mandelbrot against a plain loop over pixels and steps, bit by bit. */
#include <math.h>

#include "core/base/err.h"
#include "core/base/prng.h"
#include "core/host/worker_host.h"
#include "core/kernel/kernel.h"
#include "core/wire/input.h"
#include "core/wire/spec.h"
#include "tests/unit/plan_rig.h"

/* The kernel once more in this program, as compilers without vectors see it. */
#define VELUM_BUILTIN
#define VELUM_NO_VECTORS
#define velum_kernel_mandelbrot scalar_mandelbrot
#undef VELUM_KERNEL
#define VELUM_KERNEL(id)                                                                           \
    extern const struct velum_kernel velum_kernel_##id;                                            \
    const struct velum_kernel velum_kernel_##id
#include "plugins/mandelbrot.c"
#undef velum_kernel_mandelbrot

#define BYTES_MAX 200000u
#define HEAD_BYTES 24u

static uint8_t wanted[BYTES_MAX], ours[BYTES_MAX];
static size_t wanted_len, ours_len;
static _Alignas(64) uint8_t scratch[VELUM_MEMORY_MAX];
static size_t scratch_used;

static void *memory(const struct velum_host *host, size_t size)
{
    (void)host;
    if (size > sizeof scratch - scratch_used)
        return NULL;
    scratch_used += size;
    return scratch + scratch_used - size;
}

static int emit(const struct velum_host *host, const void *bytes, size_t size)
{
    (void)host;
    if (size > sizeof ours - ours_len)
        return -1;
    memcpy(ours + ours_len, bytes, size);
    ours_len += size;
    return 0;
}

static int make_plan(int argc, const char *const *argv)
{
    return kernel_plan(kernel_find("mandelbrot"), argc, argv, 0, NULL, &plan);
}

#define PLAN(...) make_plan(WORDS(__VA_ARGS__))

/* All leaves of so many rows; without their heads, which are checked. */
static bool run(const struct velum_kernel *k, uint64_t cpu, uint64_t leaf_units)
{
    struct velum_host host = *kernel_host_plain();
    char reason[REASON_SIZE];
    host.cpu = cpu;
    host.memory = memory;
    host.emit = emit;
    ours_len = 0;
    for (uint64_t first = 0; first < plan.units; first += leaf_units) {
        const uint64_t left = plan.units - first, rows = left < leaf_units ? left : leaf_units;
        const size_t at = ours_len;
        memset(scratch, 0x5a, sizeof scratch);
        scratch_used = 0;
        if (kernel_leaf(k, &host, (struct bytes){plan.params, plan.params_size}, first, rows, NULL,
                        reason) < 0)
            return false;
        CHECK(memcmp(ours + at, "rgbrows1", 8) == 0);
        CHECK_INT(ours[at + 16] | ours[at + 17] << 8, first);
        CHECK_INT(ours[at + 20] | ours[at + 21] << 8, rows);
        ours_len -= HEAD_BYTES;
        memmove(ours + at, ours + at + HEAD_BYTES, ours_len - at);
    }
    return true;
}

static bool is_wanted(void)
{
    return ours_len == wanted_len && memcmp(ours, wanted, wanted_len) == 0;
}

/* Every way that this processor has. */
static void check_ways(uint64_t leaf_units)
{
    const uint64_t cpu = worker_host_cpu();
    const struct velum_kernel *k = kernel_find("mandelbrot");
    CHECK(run(&scalar_mandelbrot, 0, leaf_units) && is_wanted());
    CHECK(run(k, 0, leaf_units) && is_wanted());
    if (cpu & VELUM_CPU_AVX2)
        CHECK(run(k, VELUM_CPU_AVX2, leaf_units) && is_wanted());
    if (cpu & VELUM_CPU_AVX512)
        CHECK(run(k, VELUM_CPU_AVX2 | VELUM_CPU_AVX512, leaf_units) && is_wanted());
}

/* The kernel has its logarithms from lists, which must be right to a part of a shade. */
static void plain_colour(double n, double size, uint8_t *pixel)
{
    static struct shades shades;
    make_shades(&shades, kernel_host_plain()->maths);
    CHECK(fabs(smooth_part(&shades, size) - fmin(log2(log2(size) / 16), 2)) < 0.0003);
    paint(kernel_host_plain()->maths, &shades, (uint64_t)n, size, pixel);
}

static void plain_pixel(double x, double y, uint64_t iterations, uint8_t *pixel)
{
    double r = 0, i = 0;
    memset(pixel, 0, 3);
    if ((x + 1) * (x + 1) + y * y <= 1.0 / 16)
        return;
    const double q = (x - 0.25) * (x - 0.25) + y * y;
    if (q * (q + (x - 0.25)) <= y * y / 4)
        return;
    for (uint64_t n = 1; n <= iterations; n++) {
        const double next = r * r - i * i + x;
        i = 2 * r * i + y;
        r = next;
        if (r * r + i * i > 65536) {
            plain_colour((double)n, r * r + i * i, pixel);
            return;
        }
    }
}

static void plain_loops(uint32_t width, uint32_t height, double x, double y, double zoom,
                        uint64_t iterations)
{
    const double by_width = 3.5 / width, by_height = 2.625 / height;
    const double step = (by_width > by_height ? by_width : by_height) / zoom;
    for (uint32_t row = 0; row < height; row++)
        for (uint32_t column = 0; column < width; column++)
            plain_pixel(x + (column - (width - 1) / 2.0) * step,
                        y + ((height - 1) / 2.0 - row) * step, iterations,
                        wanted + 3 * (row * width + column));
    wanted_len = 3 * (size_t)width * height;
}

TEST(every_way_has_the_bits_of_plain_loops)
{
    static const uint64_t depths[] = {1, 7, 8, 9, 63, 1000, 1003};
    struct prng p;
    prng_init(&p, 41);
    for (int round = 0; round < 21; round++) {
        const uint32_t width = 1 + (uint32_t)prng_below(&p, 70);
        const uint32_t height = 1 + (uint32_t)prng_below(&p, 40);
        const uint64_t iterations = depths[round % 7];
        char size[40], depth[40];
        snprintf(size, sizeof size, "%ux%u", width, height);
        snprintf(depth, sizeof depth, "--iterations=%llu", (unsigned long long)iterations);
        if (round % 3 == 0) {
            plain_loops(width, height, -0.75, 0, 1, iterations);
            REQUIRE(PLAN("--size", size, depth) == 0);
        } else if (round % 3 == 1) {
            plain_loops(width, height, -0.743643887037151, 0.13182590420533, 20000, iterations);
            REQUIRE(PLAN("--center", "-0.743643887037151,0.13182590420533", "--zoom", "20000",
                         "--size", size, depth) == 0);
        } else {
            plain_loops(width, height, 1.5, -.25, 0.01, iterations);
            REQUIRE(PLAN("--center=1.5,-.25", "--zoom=0.010", "--size", size, depth) == 0);
        }
        CHECK_INT(plan.units, height);
        check_ways(1 + prng_below(&p, height));
    }
}

/* A row that is as wide as it may be has room, and several bands of rows are one picture. */
TEST(wide_rows)
{
    REQUIRE(PLAN("--size", "32768x2", "--iterations", "20") == 0);
    CHECK_INT(plan.leaf_units, 1);
    plain_loops(32768, 2, -0.75, 0, 1, 20);
    check_ways(2);
    REQUIRE(PLAN("--size", "10x6000", "--iterations", "3") == 0);
    plain_loops(10, 6000, -0.75, 0, 1, 3);
    check_ways(6000);
}

/* What one can see: the set is black, and the picture is its own mirror image. */
TEST(the_picture_is_that_of_the_set)
{
    REQUIRE(PLAN("--size", "141x105") == 0);
    REQUIRE(run(kernel_find("mandelbrot"), worker_host_cpu(), 105));
    uint32_t black = 0;
    for (uint32_t i = 0; i < ours_len; i += 3)
        black += memcmp(ours + i, "\0\0\0", 3) == 0;
    for (uint32_t row = 0; row < 105; row++)
        CHECK(memcmp(ours + 423 * row, ours + 423 * (104 - row), 423) == 0);
    /* Its area is 1.5066, by Förstemann 2012. */
    const double area = black * (3.5 / 141) * (3.5 / 141);
    CHECK(area > 1.47 && area < 1.56);
}

TEST(leaves_are_256_at_most)
{
    REQUIRE(make_plan(0, NULL) == 0);
    CHECK_INT(plan.units, 768);
    CHECK_INT(plan.leaf_units, 8);
    REQUIRE(PLAN("--size=32768x32768") == 0);
    CHECK_INT(plan.leaf_units, 128);
    REQUIRE(PLAN("--size=10000x1001") == 0);
    CHECK_INT(plan.leaf_units, 4);
    REQUIRE(PLAN("--size=1x1") == 0);
    CHECK_INT((plan.units - 1) / plan.leaf_units, 0);
}

#define REFUSED(words, ...) check_refused(make_plan(WORDS(__VA_ARGS__)), words)

TEST(what_is_refused)
{
    REFUSED("options only", "5");
    REFUSED("options only", "--");
    REFUSED("options only", "--sizes=5x5");
    REFUSED("--size takes", "--size");
    REFUSED("--size takes", "--size", "100");
    REFUSED("--size takes", "--size=0x5");
    REFUSED("--size takes", "--size=5x0");
    REFUSED("--size takes", "--size=5x");
    REFUSED("--size takes", "--size=x5");
    REFUSED("--size takes", "--size=32769x5");
    REFUSED("--size takes", "--size=00000000000005x5");
    REFUSED("--size takes", "--size=5x5x5");
    REFUSED("--center takes", "--center", "1");
    REFUSED("--center takes", "--center=,");
    REFUSED("--center takes", "--center=1,2,");
    REFUSED("--center takes", "--center=1,4.001");
    REFUSED("--center takes", "--center=1,-");
    REFUSED("--center takes", "--center=1..2,0");
    REFUSED("--center takes", "--center=0.1234567890123456,0");
    REFUSED("--zoom takes", "--zoom=0");
    REFUSED("--zoom takes", "--zoom=0.001");
    REFUSED("--zoom takes", "--zoom=1e5");
    REFUSED("--zoom takes", "--zoom=-1");
    REFUSED("--zoom takes", "--zoom=1000000000001");
    REFUSED("--zoom takes", "--zoom=99999999999999999999999999999999999999");
    REFUSED("--iterations takes", "--iterations", "0");
    REFUSED("--iterations takes", "--iterations=100000001");
    REFUSED("--iterations takes", "--iterations=x");
}

/* A leaf that no plan has is an error and nothing worse. */
TEST(strange_leaves_fail)
{
    char reason[REASON_SIZE];
    struct velum_host host = *kernel_host_plain();
    const struct velum_kernel *k = kernel_find("mandelbrot");
    host.memory = memory;
    host.emit = emit;
    REQUIRE(PLAN("--size=5x5") == 0);
    const struct bytes params = {plan.params, plan.params_size};
    CHECK_INT(kernel_leaf(k, &host, params, 4, 2, NULL, reason), ERR_KERNEL);
    CHECK_INT(kernel_leaf(k, &host, (struct bytes){plan.params, 8}, 0, 1, NULL, reason),
              ERR_KERNEL);
    scratch_used = sizeof scratch;
    CHECK_INT(kernel_leaf(k, &host, params, 0, 1, NULL, reason), ERR_KERNEL);
    scratch_used = 0;
    ours_len = sizeof ours - 30;
    CHECK_INT(kernel_leaf(k, &host, params, 0, 5, NULL, reason), ERR_KERNEL);
}

TEST_MAIN(every_way_has_the_bits_of_plain_loops, wide_rows, the_picture_is_that_of_the_set,
          leaves_are_256_at_most, what_is_refused, strange_leaves_fail)
