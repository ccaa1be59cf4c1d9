/* A number as the unevaluated sum of two doubles, high and low, of which low is at most half an ulp
 * of high: about 106 bits, by IEEE additions and multiplications only. For what maths computes on
 * the way to one double. Header only; power.c, angle.c and root.c use it.
 *
 * Sources: Knuth, TAOCP volume 2, 4.2.2, theorem B (two_sum); Dekker, "A floating-point technique
 * for extending the available precision", Numerische Mathematik 18 (1971), for the rest. */
#ifndef VELUM_KERNEL_PAIR_H
#define VELUM_KERNEL_PAIR_H

#include <stdint.h>
#include <string.h>

struct pair {
    double high, low;
};

/* Horner's rule: c[0] z^(count - 1) + ... + c[count - 1]. */
static inline double pair_series(double z, const double *c, int count)
{
    double t = c[0];
    for (int i = 1; i < count; i++)
        t = c[i] + z * t;
    return t;
}

/* high + low is a + b, exactly. */
static inline struct pair pair_sum(double a, double b)
{
    const double high = a + b, t = high - a;
    return (struct pair){high, (a - (high - t)) + (b - t)};
}

/* high + low is a * b, exactly where no part of it is below the smallest normal double, and neither
 * factor above 2^995. */
static inline struct pair pair_product(double a, double b)
{
    const double split = 134217729; /* 2^27 + 1 */
    const double ta = split * a, tb = split * b;
    const double ah = ta - (ta - a), bh = tb - (tb - b);
    const double al = a - ah, bl = b - bh;
    const double high = a * b;
    return (struct pair){high, ((ah * bh - high) + ah * bl + al * bh) + al * bl};
}

static inline struct pair pair_add(struct pair a, struct pair b)
{
    const struct pair s = pair_sum(a.high, b.high);
    return pair_sum(s.high, s.low + (a.low + b.low));
}

static inline struct pair pair_multiply(struct pair a, struct pair b)
{
    const struct pair p = pair_product(a.high, b.high);
    return pair_sum(p.high, p.low + (a.high * b.low + a.low * b.high));
}

static inline struct pair pair_divide(struct pair a, struct pair b)
{
    const double q = a.high / b.high;
    const struct pair back = pair_product(q, b.high);
    const double rest = ((a.high - back.high) - back.low) + (a.low - q * b.low);
    return pair_sum(q, rest / b.high);
}

static inline uint64_t bits_of_double(double x)
{
    uint64_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

static inline double double_of_bits(uint64_t bits)
{
    double x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

/* 2^k, k from -1022 to 1023. */
static inline double power_of_two(int k)
{
    return double_of_bits((uint64_t)(k + 1023) << 52);
}

#define INFINITE double_of_bits(UINT64_C(0x7ff) << 52)
/* The one NaN: processors differ in the sign and the payload of those that they make. */
#define NO_NUMBER double_of_bits(UINT64_C(0x7ff8) << 48)

/* x is frac * 2^exponent with frac from 1 to below 2. Of a number that is finite and above 0. */
static inline double split_double(double x, int *exponent)
{
    int shift = 0;
    if (x < power_of_two(-1022)) {
        x *= power_of_two(54);
        shift = -54;
    }
    const uint64_t bits = bits_of_double(x);
    *exponent = (int)(bits >> 52) - 1023 + shift;
    return double_of_bits((bits & ((UINT64_C(1) << 52) - 1)) | UINT64_C(1023) << 52);
}

#endif
