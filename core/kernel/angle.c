#include "core/kernel/angle.h"

#include <stdbool.h>

#include "core/kernel/pair.h"
#include "core/kernel/root.h"

#define WORDS 6 /* of 32 bits: what is kept of a product with 2/pi */
#define EIGHTH_TURN 0x1.921fb54442d18p-1

static const struct pair half_pi = {0x1.921fb54442d18p+0, 0x1.1a62633145c07p-54};

/* 64 zeros, for angles below 2, and the first 1280 bits of 2/pi. */
static const uint32_t two_over_pi[] = {
    0,          0,          0xa2f9836e, 0x4e441529, 0xfc2757d1, 0xf534ddc0, 0xdb629599,
    0x3c439041, 0xfe5163ab, 0xdebbc561, 0xb7246e3a, 0x424dd2e0, 0x06492eea, 0x09d1921c,
    0xfe1deb1c, 0xb129a73e, 0xe88235f5, 0x2ebb4484, 0xe99c7026, 0xb45f7e41, 0x3991d639,
    0x835339f4, 0x9c845f8b, 0xbdf9283b, 0x1ff897ff, 0xde05980f, 0xef2f118b, 0x5a0a6d1f,
    0x6d367ecf, 0x27cb09b7, 0x4f463f66, 0x9e5fea2d, 0x7527bac7, 0xebe5f17b, 0x3d0739f7,
    0x8a5292ea, 0x6bfb5fb1, 0x1f8d5d08, 0x56033046, 0xfc7b6bab, 0xf0cfbc20, 0x9af4361d,
};

/* --- sine, cosine, tangent --- */

/* r of x = quarter * pi/2 + r, with r from -pi/4 to pi/4 */
struct reduced {
    unsigned quarter; /* modulo 4 */
    struct pair rest;
};

/* number * 2^exponent * 2/pi modulo 4: WORDS words, the highest first, of which two bits are before
 * the point. */
static void multiply(uint64_t number, int exponent, uint32_t out[WORDS])
{
    const unsigned at = (unsigned)(exponent - 2 + 64), shift = at % 32;
    const uint32_t *from = two_over_pi + at / 32;
    uint64_t carry[WORDS + 2] = {0}, sum = 0;
    for (int i = WORDS - 1; i >= 0; i--) {
        const uint64_t two = (uint64_t)from[i] << 32 | from[i + 1];
#if VELUM_PLANT == 831 /* unit/test_maths: 2/pi is taken without its bits of this angle */
        const uint64_t word = i < 4 ? two << shift >> 32 : 0;
#else
        const uint64_t word = two << shift >> 32;
#endif
        const uint64_t low = word * (uint32_t)number, high = word * (number >> 32);
        const int to = WORDS - 1 - i; /* carry[] is the lowest first */
        carry[to] += (uint32_t)low;
        carry[to + 1] += (low >> 32) + (uint32_t)high;
        carry[to + 2] += high >> 32;
    }
    for (int i = 0; i < WORDS; i++) {
        sum = (sum >> 32) + carry[i];
        out[WORDS - 1 - i] = (uint32_t)sum;
    }
}

static void negate(uint32_t words[WORDS])
{
    uint64_t sum = 1;
    for (int i = WORDS - 1; i >= 0; i--) {
        sum += (uint32_t)~words[i];
        words[i] = (uint32_t)sum;
        sum >>= 32;
    }
}

/* x from pi/4 on, finite */
static struct reduced reduce(double x)
{
    const uint64_t bits = bits_of_double(x), one = UINT64_C(1) << 52;
    uint32_t words[WORDS];
    struct reduced r = {0};
    multiply((bits & (one - 1)) | one, (int)(bits >> 52) - 1023 - 52, words);
    r.quarter = ((words[0] >> 29) + 1) >> 1;
    words[0] -= (uint32_t)r.quarter << 30;
    r.quarter &= 3;
    const bool negative = words[0] >> 31;
    if (negative)
        negate(words);
    for (int i = 0; i < WORDS - 1; i++) {
        const struct pair word = {(double)words[i] * power_of_two(-30 - 32 * i), 0};
        r.rest = pair_add(r.rest, word);
    }
    r.rest = pair_multiply(r.rest, half_pi);
    if (negative)
        r.rest = (struct pair){-r.rest.high, -r.rest.low};
    return r;
}

/* 1/17!, -1/15!, ... 1/5! */
static const double sine_parts[] = {
    1.0 / 355687428096000, -1.0 / 1307674368000, 1.0 / 6227020800, -1.0 / 39916800,
    1.0 / 362880,          -1.0 / 5040,          1.0 / 120};

/* r in [-pi/4, pi/4]. The cube is a tenth of the sine, so it is computed as a pair. */
static struct pair sine_near(struct pair r)
{
    const struct pair sixth = {-0x1.5555555555555p-3, -0x1.5555555555555p-57};
    const struct pair square = pair_product(r.high, r.high);
    const struct pair cube = pair_multiply(sixth, pair_multiply((struct pair){r.high, 0}, square));
    const struct pair s = pair_sum(r.high, cube.high);
    const double z = square.high;
    const double t = pair_series(z, sine_parts, 7);
    return pair_sum(s.high, s.low + (cube.low + r.low * (1 - 0.5 * z) + r.high * z * z * t));
}

/* -1/18!, 1/16!, ... 1/4! */
static const double cosine_parts[] = {
    -1.0 / 6402373705728000, 1.0 / 20922789888000, -1.0 / 87178291200, 1.0 / 479001600,
    -1.0 / 3628800,          1.0 / 40320,          -1.0 / 720,         1.0 / 24};

static struct pair cosine_near(struct pair r)
{
    const struct pair z = pair_product(r.high, r.high);
    const struct pair s = pair_sum(1, -0.5 * z.high);
    const double t = pair_series(z.high, cosine_parts, 8);
    return pair_sum(s.high, s.low + (z.high * z.high * t - 0.5 * z.low - r.high * r.low));
}

/* Of a finite number above 0. */
static struct reduced reduced_of(double x)
{
    return x <= EIGHTH_TURN ? (struct reduced){0, {x, 0}} : reduce(x);
}

static bool is_finite(double x)
{
    return x - x == 0;
}

/* The sine of an angle that is `quarters` quarter turns further. */
static double sine_of(double x, unsigned quarters)
{
    const struct reduced r = reduced_of(x);
    const unsigned quarter = r.quarter + quarters;
    const struct pair s = quarter & 1 ? cosine_near(r.rest) : sine_near(r.rest);
    return quarter & 2 ? -s.high : s.high;
}

double angle_sin(double x)
{
    if (!is_finite(x))
        return NO_NUMBER;
    if (x == 0)
        return x;
    return x < 0 ? -sine_of(-x, 0) : sine_of(x, 0);
}

double angle_cos(double x)
{
    if (!is_finite(x))
        return NO_NUMBER;
    return sine_of(x < 0 ? -x : x, 1);
}

static double tangent_of(double x)
{
    const struct reduced r = reduced_of(x);
    const struct pair s = sine_near(r.rest), c = cosine_near(r.rest);
    if (r.quarter & 1)
        return -pair_divide(c, s).high;
    return x < 0x1p-27 ? x : pair_divide(s, c).high;
}

double angle_tan(double x)
{
    if (!is_finite(x))
        return NO_NUMBER;
    if (x == 0)
        return x;
    return x < 0 ? -tangent_of(-x) : tangent_of(x);
}

/* --- the angle of a point --- */

#define PARTS 16

/* The arc tangents of j/16. */
static const struct pair arcs[PARTS + 1] = {
    {0, 0},
    {0x1.ff55bb72cfdeap-5, -0x1.c934d86d23f1dp-60},
    {0x1.fd5ba9aac2f6ep-4, -0x1.cd37686760c17p-59},
    {0x1.7b97b4bce5b02p-3, 0x1.347b0b4f881cap-58},
    {0x1.f5b75f92c80ddp-3, 0x1.8ab6e3cf7afbdp-57},
    {0x1.362773707ebccp-2, -0x1.963a544b672d8p-57},
    {0x1.6f61941e4def1p-2, -0x1.c63aae6f6e918p-56},
    {0x1.a64eec3cc23fdp-2, -0x1.24dec1b50b7ffp-56},
    {0x1.dac670561bb4fp-2, 0x1.a2b7f222f65e2p-56},
    {0x1.0657e94db30d0p-1, -0x1.d5b495f6349e6p-56},
    {0x1.1e00babdefeb4p-1, -0x1.928df287a668fp-58},
    {0x1.345f01cce37bbp-1, 0x1.1021137c71102p-55},
    {0x1.4978fa3269ee1p-1, 0x1.2419a87f2a458p-56},
    {0x1.5d58987169b18p-1, 0x1.0028e4bc5e7cap-57},
    {0x1.700a7c5784634p-1, -0x1.8c34d25aadef6p-56},
    {0x1.819d0b7158a4dp-1, -0x1.bf76229d3b917p-56},
    {0x1.921fb54442d18p-1, 0x1.1a62633145c07p-55},
};

/* Behind the first part of the series. */
static const double arc_parts[] = {1.0 / 13, -1.0 / 11, 1.0 / 9, -1.0 / 7, 1.0 / 5, -1.0 / 3};

/* The arc tangent of small/great, from 0 to 1; great from 1/2 to below 2. */
static struct pair arc_of(struct pair small, struct pair great)
{
    const unsigned j = (unsigned)(small.high / great.high * PARTS + 0.5);
    const struct pair c = {(double)j / PARTS, 0};
    const struct pair p = pair_multiply(great, c), q = pair_multiply(small, c);
    const struct pair above = pair_add(small, (struct pair){-p.high, -p.low});
    const struct pair below = pair_add(great, q);
    const struct pair t = pair_divide(above, below);
    const double z = t.high * t.high;
    const double s = pair_series(z, arc_parts, 6);
    return pair_add(arcs[j], pair_sum(t.high, t.low + t.high * z * s));
}

/* a - b */
static double minus(struct pair a, struct pair b)
{
    return pair_add(a, (struct pair){-b.high, -b.low}).high;
}

/* From 0 to pi, y not below 0; x may be. Neither a NaN. */
static double angle_of(double y, double x)
{
    const struct pair pi = {2 * half_pi.high, 2 * half_pi.low};
    const bool left = bits_of_double(x) >> 63, steep = y > (left ? -x : x);
    const double across = left ? -x : x;
    double small = steep ? across : y, great = steep ? y : across;
    if (small == 0 || (great == INFINITE && small < great))
        return steep ? half_pi.high : left ? pi.high : 0;
    if (great == INFINITE)
        small = great = 1;
    int exponent, least;
    split_double(great, &exponent);
    split_double(small, &least);
    if (exponent - least > 66) /* the angle is that of an axis, or of a tiny ratio */
        return steep ? half_pi.high : left ? pi.high : y / x;
    /* In two steps: a power of two may itself be out of range. */
    const double half = power_of_two(-exponent / 2), rest = power_of_two(-exponent + exponent / 2);
    const struct pair arc = arc_of((struct pair){small * half * rest, 0},
                                   (struct pair){great * half * rest, 0});
    if (!steep)
        return left ? minus(pi, arc) : arc.high;
    return left ? pair_add(half_pi, arc).high : minus(half_pi, arc);
}

double angle_atan2(double y, double x)
{
    if (x != x || y != y)
        return NO_NUMBER;
    const bool below = bits_of_double(y) >> 63;
    const double angle = angle_of(below ? -y : y, x);
    return below ? -angle : angle;
}

/* --- the angle of a sine --- */

/* sqrt(1 - x^2), x from 0 to below 1. */
static struct pair other_side(double x)
{
    const struct pair square = pair_product(x, x);
    const struct pair rest =
        pair_add((struct pair){1, 0}, (struct pair){-square.high, -square.low});
    const double root = root_square(rest.high);
    const struct pair back = pair_product(root, root);
    return pair_sum(root, ((rest.high - back.high) - back.low + rest.low) / (2 * root));
}

/* Whose sine is x, or, to a quarter turn, the rest: whose cosine that is. x from 0 to 1. */
static struct pair angle_of_sine(double x, bool rest)
{
    if (x == 1)
        return rest ? (struct pair){0, 0} : half_pi;
    const struct pair side = {x, 0}, other = other_side(x);
    const bool steep = x > other.high;
    const struct pair arc = steep ? arc_of(other, side) : arc_of(side, other);
    return steep == rest ? arc : pair_add(half_pi, (struct pair){-arc.high, -arc.low});
}

/* Below 2^-27 the angle is its sine. */
double angle_asin(double x)
{
    const double magnitude = x < 0 ? -x : x;
    if (!(magnitude <= 1))
        return NO_NUMBER;
    if (magnitude < 0x1p-27)
        return x;
    const double angle = angle_of_sine(magnitude, false).high;
    return x < 0 ? -angle : angle;
}

double angle_acos(double x)
{
    if (!(x <= 1 && x >= -1))
        return NO_NUMBER;
    return x < 0 ? pair_add(half_pi, angle_of_sine(-x, false)).high : angle_of_sine(x, true).high;
}
