#include "core/kernel/power.h"

#include <stdbool.h>

#include "core/kernel/pair.h"

/* log 2: its first 42 bits, so that a product with an exponent is exact, and the rest. */
#define LN2_HIGH 0x1.62e42fefa3800p-1
#define LN2_LOW 0x1.ef35793c76730p-45
#define LOG2_E_HIGH 0x1.71547652b82fep+0
#define LOG2_E_LOW 0x1.777d0ffda0d24p-56
#define LOG10_2_HIGH 0x1.34413509f7800p-2 /* 42 bits as well */
#define LOG10_2_LOW 0x1.fef311f12b358p-46
#define LOG10_E_HIGH 0x1.bcb7b1526e50ep-2
#define LOG10_E_LOW 0x1.95355baaafad3p-57
#define SQRT_2 0x1.6a09e667f3bcdp+0
#define EXP_OVER 709.8   /* more is above the largest double */
#define EXP_UNDER -745.2 /* less is below half of the smallest */

/* --- logarithms --- */

/* What is near 1 of a finite number above 0, less 1, and its power of two. */
static double split_near(double x, int *k)
{
    double m = split_double(x, k);
    if (m > SQRT_2) {
        m *= 0.5;
        ++*k;
    }
    return m - 1;
}

/* f / (2 + f) */
static struct pair ratio_of(double f)
{
    return pair_divide((struct pair){f, 0}, pair_sum(2, f));
}

static const double odd_parts[] = {1.0 / 27, 1.0 / 25, 1.0 / 23, 1.0 / 21, 1.0 / 19,
                                   1.0 / 17, 1.0 / 15, 1.0 / 13, 1.0 / 11, 1.0 / 9,
                                   1.0 / 7,  1.0 / 5,  1.0 / 3};

/* z/3 + z^2/5 + ... z^10/21 */
static double short_tail(double z)
{
    return z * pair_series(z, odd_parts + 3, 10);
}

/* log(1 + f), low to about 2^-59 of it. */
static struct pair log_near(double f)
{
    const struct pair s = ratio_of(f);
    return (struct pair){2 * s.high, 2 * (s.low + s.high * short_tail(s.high * s.high))};
}

/* 1/7 + z/9 + ... z^10/27 */
static double long_tail(double z)
{
    return pair_series(z, odd_parts, 11);
}

/* log x to about 2^-68 of it, x finite and above 0. */
static struct pair log_long(double x)
{
    const struct pair third = {0x1.5555555555555p-2, 0x1.5555555555555p-56};
    const struct pair fifth = {0x1.999999999999ap-3, -0x1.999999999999ap-57};
    int k;
    const struct pair s = ratio_of(split_near(x, &k)), z = pair_multiply(s, s);
    struct pair t = pair_add(fifth, pair_product(z.high, long_tail(z.high)));
    t = pair_add(third, pair_multiply(z, t));
    t = pair_add(s, pair_multiply(s, pair_multiply(z, t)));
    t = pair_add((struct pair){k * LN2_HIGH, 0}, (struct pair){2 * t.high, 2 * t.low});
    return pair_add(t, pair_product(k, LN2_LOW));
}

/* Whether the logarithm is not that of a finite number above 0; then *to is it. */
static bool log_is_special(double x, double *to)
{
    if (x > 0 && x < INFINITE)
        return false;
    *to = x == 0 ? -INFINITE : x > 0 ? x : NO_NUMBER;
    return true;
}

double power_log(double x)
{
    double special;
    int k;
    if (log_is_special(x, &special))
        return special;
    const struct pair near = log_near(split_near(x, &k));
    const struct pair s = pair_sum(k * LN2_HIGH, near.high);
    return s.high + (s.low + (near.low + k * LN2_LOW));
}

double power_log2(double x)
{
    double special;
    int k;
    if (log_is_special(x, &special))
        return special;
    const struct pair near = log_near(split_near(x, &k));
    const struct pair p = pair_product(near.high, LOG2_E_HIGH);
    const struct pair s = pair_sum(k, p.high);
    return s.high + (s.low + (p.low + (near.high * LOG2_E_LOW + near.low * LOG2_E_HIGH)));
}

double power_log10(double x)
{
    double special;
    int k;
    if (log_is_special(x, &special))
        return special;
    const struct pair near = log_near(split_near(x, &k));
    const struct pair p = pair_product(near.high, LOG10_E_HIGH);
    const struct pair s = pair_sum(k * LOG10_2_HIGH, p.high);
    return s.high + (s.low + (p.low + k * LOG10_2_LOW +
                              (near.high * LOG10_E_LOW + near.low * LOG10_E_HIGH)));
}

/* --- exponential --- */

/* 1/2 + r/3! + ... r^12/14! */
static double exp_tail(double r)
{
    static const double parts[] = {1.0 / 87178291200,
                                   1.0 / 6227020800,
                                   1.0 / 479001600,
                                   1.0 / 39916800,
                                   1.0 / 3628800,
                                   1.0 / 362880,
                                   1.0 / 40320,
                                   1.0 / 5040,
                                   1.0 / 720,
                                   1.0 / 120,
                                   1.0 / 24,
                                   1.0 / 6,
                                   0.5};
    return pair_series(r, parts, 13);
}

/* In two steps, of which only the second can round: 2^k itself may be out of range. */
static double scale(double x, int k)
{
    return x * power_of_two(k / 2) * power_of_two(k - k / 2);
}

static double exp_of(struct pair x)
{
    const double shift = 0x1.8p52; /* what is added to it becomes whole */
    if (x.high > EXP_OVER)
        return INFINITE;
    if (x.high < EXP_UNDER)
        return 0;
    const double k = (x.high * LOG2_E_HIGH + shift) - shift;
    const struct pair r = pair_sum(x.high - k * LN2_HIGH, x.low - k * LN2_LOW);
    const struct pair s = pair_sum(1, r.high);
#if VELUM_PLANT == 830 /* unit/test_maths: what is left of the argument is lost */
    const double rest = r.high * r.high * exp_tail(r.high);
#else
    const double rest = r.low + r.low * r.high + r.high * r.high * exp_tail(r.high);
#endif
    return scale(s.high + (s.low + rest), (int)k);
}

double power_exp(double x)
{
    return x != x ? NO_NUMBER : exp_of((struct pair){x, 0});
}

/* --- power --- */

/* 0: no whole number; 1: odd; 2: even, as all large ones are, and what is none. */
static int parity_of(double y)
{
    const double shift = 0x1p52;
    y = y < 0 ? -y : y;
    if (!(y < 0x1p53))
        return 2;
    if (y < shift && (y + shift) - shift != y)
        return 0;
    return (uint64_t)y & 1 ? 1 : 2;
}

static double magnitude(double x)
{
    return double_of_bits(bits_of_double(x) & ~(UINT64_C(1) << 63));
}

/* |x|^y, neither a NaN. */
static double pow_of(double x, double y)
{
    const bool grows = (x > 1) == (y > 0);
    if (x == 1 || y == 0)
        return 1;
    if (x == 0 || x == INFINITE || magnitude(y) > 0x1p70)
        return grows ? INFINITE : 0;
    const struct pair log = log_long(x);
    struct pair t = pair_product(y, log.high);
    t.low += y * log.low;
    return exp_of(t);
}

double power_pow(double x, double y)
{
    const int parity = parity_of(y);
    if (x == 1 || y == 0)
        return 1;
    if (x != x || y != y)
        return NO_NUMBER;
    if (x < 0 && x > -INFINITE && parity == 0)
        return NO_NUMBER;
    const double r = pow_of(magnitude(x), y);
    return bits_of_double(x) >> 63 && parity == 1 ? -r : r;
}
