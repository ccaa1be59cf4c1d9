/* The maths that kernels are given, against the C library's functions of long double, which have
 * eleven bits more than what is tested, or more. */
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "core/base/prng.h"
#include "core/kernel/angle.h"
#include "core/kernel/kernel.h"
#include "core/kernel/power.h"
#include "core/kernel/root.h"
#include "tests/lib/check.h"

#define ROUNDS 40000
#define ONE_NAN UINT64_C(0x7ff8000000000000)

static const struct velum_maths *maths(void)
{
    REQUIRE(VELUM_HOST_HAS(kernel_host_plain(), maths));
    REQUIRE(kernel_host_plain()->maths->size == sizeof(struct velum_maths));
    return kernel_host_plain()->maths;
}

static uint64_t bits_of(double x)
{
    uint64_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

static double of_bits(uint64_t bits)
{
    double x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

/* How far `is` is from the true value, in units of the last place of doubles there. */
static double ulps(double is, long double truth)
{
    const double near = fabs((double)truth);
    if (isnan(truth) || isnan(is))
        return isnan(truth) && bits_of(is) == ONE_NAN ? 0 : HUGE_VAL;
    if (isinf((double)truth) || isinf(is))
        return (double)truth == is ? 0 : HUGE_VAL;
    if (truth == 0)
        return is == 0 && !signbit(is) == !signbit(truth) ? 0 : HUGE_VAL;
    int exponent;
    frexp(near < DBL_MIN ? DBL_MIN : near, &exponent);
    return (double)(fabsl((long double)is - truth) / ldexpl(1, exponent - DBL_MANT_DIG));
}

/* Any double: all exponents alike, subnormals and specials among them. */
static double any_double(struct prng *p)
{
    return of_bits(prng_u64(p));
}

/* From -size to size, sizes of all kinds alike down to size/2^depth. */
static double any_within(struct prng *p, double size, unsigned depth)
{
    const double one = (double)(int64_t)(prng_u64(p) >> 11) / 0x1p53;
    const double shrunk = ldexp(size * one, -(int)prng_below(p, depth + 1));
    return prng_u64(p) & 1 ? -shrunk : shrunk;
}

static const double specials[] = {0.0,
                                  -0.0,
                                  1,
                                  -1,
                                  INFINITY,
                                  -INFINITY,
                                  NAN,
                                  0x1p-1074,
                                  -0x1p-1074,
                                  0x1.fffffffffffffp-1023,
                                  DBL_MIN,
                                  DBL_MAX,
                                  -DBL_MAX,
                                  0x1.fffffffffffffp-1,
                                  0x1.0000000000001p+0,
                                  0.5,
                                  2,
                                  -2,
                                  3,
                                  -3,
                                  0x1p52,
                                  0x1.0000000000001p+52,
                                  -0x1.0000000000001p+52,
                                  0x1p53,
                                  0x1.8p-1,
                                  0x1.6a09e667f3bcdp+0,
                                  709.782712893384,
                                  709.7827128933841,
                                  -708.3964185322641,
                                  -745.1332191019411,
                                  -745.1332191019412,
                                  0x1.921fb54442d18p+0,
                                  0x1.921fb54442d18p-1,
                                  0x1.921fb54442d19p-1,
                                  /* The double that is nearest to a multiple of pi/2. */
                                  0x1.6ac5b262ca1ffp+849,
                                  1e22};
#define SPECIALS (sizeof specials / sizeof *specials)

/* --- one argument --- */

static double worst_of_one(double (*f)(double), long double (*truth)(long double), double size,
                           unsigned depth)
{
    struct prng p;
    double worst = 0, at = 0;
    prng_init(&p, 830);
    for (unsigned i = 0; i < SPECIALS + 2 * ROUNDS; i++) {
        const double x = i < SPECIALS            ? specials[i]
                         : i < SPECIALS + ROUNDS ? any_double(&p)
                                                 : any_within(&p, size, depth);
        const double off = ulps(f(x), truth((long double)x));
        if (off > worst) {
            worst = off;
            at = x;
        }
    }
    printf("# off by %.4f at most, at %a\n", worst, at);
    return worst;
}

/* The library's own functions may be off by one unit where long double is no longer than double. */
#define LIMIT(ulp) ((ulp) + (LDBL_MANT_DIG > DBL_MANT_DIG ? 0 : 1.0))

TEST(test_log)
{
    CHECK(worst_of_one(maths()->log, logl, 4, 4) <= LIMIT(0.54));
}

TEST(test_log2)
{
    CHECK(worst_of_one(maths()->log2, log2l, 4, 4) <= LIMIT(0.54));
    for (int k = -1074; k < 1024; k++)
        CHECK(maths()->log2(ldexp(1, k)) == k);
}

TEST(test_log10)
{
    CHECK(worst_of_one(power_log10, log10l, 4, 4) <= LIMIT(0.56));
    for (int k = 0; k <= 22; k++)
        CHECK(power_log10(maths()->pow(10, k)) == k);
}

TEST(test_asin)
{
    CHECK(worst_of_one(angle_asin, asinl, 1, 30) <= LIMIT(0.52));
    CHECK(angle_asin(0.5) == 0x1.0c152382d7366p-1 && angle_asin(-1) == -0x1.921fb54442d18p+0);
}

TEST(test_acos)
{
    CHECK(worst_of_one(angle_acos, acosl, 1, 30) <= LIMIT(0.52));
    CHECK(angle_acos(1) == 0 && angle_acos(-1) == 0x1.921fb54442d18p+1);
    for (double x = 0.5; x < 1; x = (1 + x) / 2)
        CHECK(ulps(angle_acos(x), acosl((long double)x)) <= LIMIT(0.52));
}

TEST(test_exp)
{
    CHECK(worst_of_one(maths()->exp, expl, 746, 14) <= LIMIT(0.65));
}

TEST(test_sin)
{
    CHECK(worst_of_one(maths()->sin, sinl, 1000, 12) <= LIMIT(0.62));
}

TEST(test_cos)
{
    CHECK(worst_of_one(maths()->cos, cosl, 1000, 12) <= LIMIT(0.62));
}

TEST(test_tan)
{
    CHECK(worst_of_one(maths()->tan, tanl, 1000, 12) <= LIMIT(0.62));
}

TEST(test_cbrt)
{
    CHECK(worst_of_one(maths()->cbrt, cbrtl, 1000, 12) <= LIMIT(0.52));
    for (int i = -1000; i <= 1000; i++)
        CHECK(maths()->cbrt((double)i * i * i) == i);
}

/* Rounded correctly, so there is nothing to measure: the same bits as the library's. */
TEST(test_sqrt)
{
    struct prng p;
    prng_init(&p, 831);
    for (unsigned i = 0; i < SPECIALS + 2 * ROUNDS; i++) {
        const double x = i < SPECIALS ? specials[i] : fabs(any_double(&p));
        const double truth = sqrt(x);
        const uint64_t bits = isnan(truth) ? ONE_NAN : bits_of(truth);
        CHECK(bits_of(maths()->sqrt(x)) == bits);
        CHECK(bits_of(root_square_by_digits(x)) == bits);
    }
}

/* --- two arguments --- */

static double worst_of_two(double (*f)(double, double),
                           long double (*truth)(long double, long double), double size, double more)
{
    struct prng p;
    double worst = 0, at = 0, and = 0;
    prng_init(&p, 832);
    for (unsigned i = 0; i < SPECIALS * SPECIALS + 2 * ROUNDS; i++) {
        double x = i < SPECIALS * SPECIALS ? specials[i / SPECIALS] : any_double(&p);
        double y = i < SPECIALS * SPECIALS ? specials[i % SPECIALS] : any_double(&p);
        if (i >= SPECIALS * SPECIALS + ROUNDS) {
            x = any_within(&p, size, 10);
            y = any_within(&p, more, 10);
        }
        const double off = ulps(f(x, y), truth((long double)x, (long double)y));
        if (off > worst) {
            worst = off;
            at = x;
            and = y;
        }
    }
    printf("# off by %.4f at most, at %a and %a\n", worst, at, and);
    return worst;
}

static double pow_of_magnitude(double x, double y)
{
    return maths()->pow(fabs(x), y);
}

static long double powl_of_magnitude(long double x, long double y)
{
    return powl(fabsl(x), y);
}

TEST(test_pow)
{
    CHECK(worst_of_two(maths()->pow, powl, 100, 40) <= LIMIT(0.65));
    CHECK(worst_of_two(pow_of_magnitude, powl_of_magnitude, 2, 1000) <= LIMIT(0.65));
    for (int k = 0; k <= 22; k++)
        CHECK(maths()->pow(-10, k) == (k % 2 ? -1 : 1) * pow(10, k));
}

TEST(test_atan2)
{
    CHECK(worst_of_two(maths()->atan2, atan2l, 100, 100) <= LIMIT(0.52));
    CHECK(worst_of_two(maths()->atan2, atan2l, 1, 1000) <= LIMIT(0.52));
}

TEST(test_hypot)
{
    CHECK(worst_of_two(root_hypot, hypotl, 100, 100) <= LIMIT(0.52));
    CHECK(root_hypot(3, -4) == 5 && root_hypot(0x1.8p1023, 0x1p-1074) == 0x1.8p1023);
    CHECK(root_hypot(0x3p-1074, 0x4p-1074) == 0x5p-1074 && isinf(root_hypot(NAN, -INFINITY)));
}

/* --- the same everywhere --- */

static uint64_t mix(uint64_t all, double x)
{
    all = (all ^ bits_of(x)) * 0x9e3779b97f4a7c15u;
    return all ^ all >> 31;
}

/* The answer of every compiler, option and processor tried. If it changes, so do results. */
#define BITS_OF_ALL UINT64_C(0x3e943379161a6f22)

TEST(test_bits)
{
    const struct velum_maths *m = maths();
    struct prng p;
    uint64_t all = 0;
    prng_init(&p, 833);
    for (int i = 0; i < 20000; i++) {
        const double x = i & 1 ? any_double(&p) : any_within(&p, 300, 12);
        const double y = i & 2 ? any_double(&p) : any_within(&p, 40, 8);
        const double one[] = {m->sqrt(x), m->cbrt(x), m->exp(x), m->log(fabs(x)), m->log2(fabs(x)),
                              m->sin(x),  m->cos(x),  m->tan(x), m->pow(fabs(x), y), m->pow(x, y),
                              m->atan2(y, x)};
        for (size_t k = 0; k < sizeof one / sizeof *one; k++)
            all = mix(all, one[k]);
    }
    if (all != BITS_OF_ALL)
        printf("# the bits are 0x%016llx\n", (unsigned long long)all);
    CHECK(all == BITS_OF_ALL);
}

/* Those that are not in the table. */
#define BITS_OF_OTHERS UINT64_C(0xf644c4e74b39191b)

TEST(test_bits_of_others)
{
    struct prng p;
    uint64_t all = 0;
    prng_init(&p, 834);
    for (int i = 0; i < 20000; i++) {
        const double x = i & 1 ? any_double(&p) : any_within(&p, 1, 12);
        const double y = i & 2 ? any_double(&p) : any_within(&p, 1, 12);
        all = mix(mix(all, angle_asin(x)), angle_acos(x));
        all = mix(mix(all, power_log10(fabs(x))), root_hypot(x, y));
    }
    if (all != BITS_OF_OTHERS)
        printf("# the bits are 0x%016llx\n", (unsigned long long)all);
    CHECK(all == BITS_OF_OTHERS);
}

TEST_MAIN(test_log, test_log2, test_log10, test_exp, test_sin, test_cos, test_tan, test_asin,
          test_acos, test_cbrt, test_sqrt, test_pow, test_atan2, test_hypot, test_bits,
          test_bits_of_others)
