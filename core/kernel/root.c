#include "core/kernel/root.h"

#include "core/kernel/pair.h"

/* The root of a number of 54 bits, with 27 zeros behind them: 54 bits, of which the last one says
 * how to round, since no root lies half-way between two doubles. */
static uint64_t digits_of(uint64_t number)
{
    uint64_t root = 0, rest = 0;
    for (int i = 0; i < 54; i++) {
        rest = rest << 2 | (number >> 52 & 3);
        number = number << 2 & ((UINT64_C(1) << 54) - 1);
        const uint64_t next = root << 2 | 1;
        root <<= 1;
        if (rest >= next) {
            rest -= next;
            root |= 1;
        }
    }
#if VELUM_PLANT == 832 /* unit/test_maths: a root is cut instead of rounded */
    return root >> 1;
#else
    return (root >> 1) + (root & 1);
#endif
}

double root_square_by_digits(double x)
{
    int exponent;
    if (!(x > 0) || x == INFINITE)
        return x == 0 || x > 0 ? x : NO_NUMBER;
    const uint64_t frac = bits_of_double(split_double(x, &exponent)) & ((UINT64_C(1) << 52) - 1);
    const int odd = exponent & 1;
    const uint64_t root = digits_of((frac | UINT64_C(1) << 52) << odd);
    return (double)(int64_t)root * power_of_two((exponent - odd) / 2 - 52);
}

double root_square(double x)
{
#if defined(__x86_64__) && defined(__GNUC__)
    double root;
    __asm__("sqrtsd %1, %0" : "=x"(root) : "x"(x));
    return root != root ? NO_NUMBER : root;
#elif defined(__aarch64__) && defined(__GNUC__)
    double root;
    __asm__("fsqrt %d0, %d1" : "=w"(root) : "w"(x));
    return root != root ? NO_NUMBER : root;
#else
    return root_square_by_digits(x);
#endif
}

/* m from 1 to below 8 */
static double cube_root_near(double m)
{
    double y = 0.67 + m * (0.36 - m * 0.0245);
    for (int i = 0; i < 4; i++)
        y -= (y - m / (y * y)) / 3;
    const struct pair square = pair_product(y, y), cube = pair_product(square.high, y);
    const double rest = (m - cube.high) - (cube.low + square.low * y);
    return y + rest / (3 * square.high);
}

double root_cube(double x)
{
    int exponent;
    const double magnitude = x < 0 ? -x : x;
    if (x != x)
        return NO_NUMBER;
    if (x == 0 || magnitude == INFINITE)
        return x;
    const double frac = split_double(magnitude, &exponent);
    const int third = (exponent + 3 * 400) / 3 - 400; /* rounded down */
    const double root =
        cube_root_near(frac * power_of_two(exponent - 3 * third)) * power_of_two(third);
    return x < 0 ? -root : root;
}

static double magnitude_of(double x)
{
    return double_of_bits(bits_of_double(x) & ~(UINT64_C(1) << 63));
}

/* a from 1 to below 2, b from 0 to a. */
static double hypotenuse_near(double a, double b)
{
    const struct pair s = pair_add(pair_product(a, a), pair_product(b, b));
    const double root = root_square(s.high);
    const struct pair back = pair_product(root, root);
    return root + ((s.high - back.high) - back.low + s.low) / (2 * root);
}

/* In two steps: a power of two may itself be out of range. */
double root_hypot(double x, double y)
{
    int exponent, least;
    const double p = magnitude_of(x), q = magnitude_of(y);
    const double great = p > q ? p : q, small = p > q ? q : p;
    if (p == INFINITE || q == INFINITE)
        return INFINITE;
    if (p != p || q != q)
        return NO_NUMBER;
    if (small == 0)
        return great;
    split_double(great, &exponent);
    split_double(small, &least);
    if (exponent - least > 60)
        return great;
    const double half = power_of_two(-exponent / 2), rest = power_of_two(-exponent + exponent / 2);
    return hypotenuse_near(great * half * rest, small * half * rest) / half / rest;
}
