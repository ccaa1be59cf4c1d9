#include "core/kernel/decimal.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "core/base/err.h"

/* A double is mantissa * 2^exponent. The number is kept in limbs of nine decimal digits,
 * limb 0 being the ones: whole limbs upwards, fraction limbs downwards. 2^1024 has 309
 * digits, 2^-1074 has 1,074 places. */
#define LIMB 1000000000u
#define WHOLE_LIMBS 36
#define FRACTION_LIMBS 120

struct number {
    bool negative, is_nan, is_infinite;
    uint64_t mantissa;
    int exponent;
};

struct digits {
    uint32_t limb[FRACTION_LIMBS + WHOLE_LIMBS]; /* least significant first */
    int low, high;                               /* limbs in use: [low, high) */
};

static struct number number_of(double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    const unsigned field = (unsigned)(bits >> 52) & 0x7ff;
    struct number n = {.negative = bits >> 63, .mantissa = bits & 0xfffffffffffffu};
    n.is_nan = field == 0x7ff && n.mantissa;
    n.is_infinite = field == 0x7ff && !n.mantissa;
    if (field)
        n.mantissa |= (uint64_t)1 << 52;
    n.exponent = (field ? (int)field : 1) - 1075;
    return n;
}

/* Times 2^shift, shift <= 29. */
static void digits_double(struct digits *d, unsigned shift)
{
    uint64_t carry = 0;
    for (int i = d->low; i < d->high; i++) {
        carry += (uint64_t)d->limb[i] << shift;
        d->limb[i] = (uint32_t)(carry % LIMB);
        carry /= LIMB;
    }
    if (carry)
        d->limb[d->high++] = (uint32_t)carry;
}

/* Divided by 2^shift, shift <= 9 so that what is left over of a limb is a whole limb below. */
static void digits_halve(struct digits *d, unsigned shift)
{
    const uint32_t mask = ((uint32_t)1 << shift) - 1, unit = LIMB >> shift;
    uint32_t carry = 0;
    for (int i = d->high - 1; i >= d->low; i--) {
        uint32_t limb = d->limb[i];
        d->limb[i] = (limb >> shift) + carry;
        carry = (limb & mask) * unit;
    }
    if (carry)
        d->limb[--d->low] = carry;
    if (d->high > FRACTION_LIMBS + 1 && !d->limb[d->high - 1])
        d->high--;
}

static void digits_of(struct digits *d, uint64_t mantissa, int exponent)
{
    memset(d, 0, sizeof *d);
    d->low = FRACTION_LIMBS;
    d->high = FRACTION_LIMBS + 2;
    d->limb[FRACTION_LIMBS] = (uint32_t)(mantissa % LIMB);
    d->limb[FRACTION_LIMBS + 1] = (uint32_t)(mantissa / LIMB);
    for (; exponent > 0; exponent -= exponent < 29 ? exponent : 29)
        digits_double(d, exponent < 29 ? (unsigned)exponent : 29);
    for (; exponent < 0; exponent += -exponent < 9 ? -exponent : 9)
        digits_halve(d, -exponent < 9 ? (unsigned)-exponent : 9);
}

static uint32_t power_of_ten(int n)
{
    uint32_t p = 1;
    while (n-- > 0)
        p *= 10;
    return p;
}

/* Rounds half to even at `places` places: everything below becomes zero. */
static void digits_round(struct digits *d, int places)
{
    int at = FRACTION_LIMBS - (places + 8) / 9; /* the limb that holds the last place kept */
    const uint32_t unit = power_of_ten((9 - places % 9) % 9);
    bool below = false; /* anything beyond the digits of limb `at` and its neighbour */
    uint32_t rest, half;
    if (unit > 1) {
        rest = d->limb[at] % unit;
        half = unit / 2;
        for (int i = d->low; i < at; i++)
            below |= d->limb[i] != 0;
    } else {
        rest = at > 0 ? d->limb[at - 1] : 0;
        half = LIMB / 2;
        for (int i = d->low; i < at - 1; i++)
            below |= d->limb[i] != 0;
    }
    const bool odd = d->limb[at] / unit % 2;
    const bool up = rest > half || (rest == half && (below || odd));
    d->limb[at] -= d->limb[at] % unit;
    if (!up)
        return;
    uint32_t add = unit;
    for (; add; at++) {
        d->limb[at] += add;
        add = d->limb[at] >= LIMB;
        if (add)
            d->limb[at] -= LIMB;
        if (at >= d->high)
            d->high = at + 1;
    }
}

struct out {
    char *text;
    size_t len, cap;
};

static void out_char(struct out *o, char c)
{
    if (o->len < o->cap)
        o->text[o->len] = c;
    o->len++;
}

/* The first `count` of a limb's nine digits. */
static void out_limb(struct out *o, uint32_t limb, int skip, int count)
{
    for (int i = skip; i < count; i++)
        out_char(o, (char)('0' + limb / power_of_ten(8 - i) % 10));
}

static void out_digits(struct out *o, const struct digits *d, int places)
{
    int top = d->high - 1;
    while (top > FRACTION_LIMBS && !d->limb[top])
        top--;
    int skip = 0; /* leading zeros of the first limb, of which one digit stays */
    while (skip < 8 && d->limb[top] < power_of_ten(8 - skip))
        skip++;
    for (int i = top; i >= FRACTION_LIMBS; i--, skip = 0)
        out_limb(o, d->limb[i], skip, 9);
    if (places)
        out_char(o, '.');
    for (int i = FRACTION_LIMBS - 1; places > 0; i--, places -= 9)
        out_limb(o, d->limb[i], 0, places < 9 ? places : 9);
}

static void out_text(struct out *o, const char *text)
{
    while (*text)
        out_char(o, *text++);
}

int decimal_of_double(char *text, size_t cap, double value, int places)
{
    if (places < 0 || places > DECIMAL_PLACES_MAX)
        return ERR_ARGUMENT;
    const struct number n = number_of(value);
    struct out o = {text, 0, cap};
    if (n.negative && !n.is_nan)
        out_char(&o, '-');
    if (n.is_nan || n.is_infinite) {
        out_text(&o, n.is_nan ? "nan" : "inf");
    } else {
        struct digits d;
        digits_of(&d, n.mantissa, n.exponent);
        digits_round(&d, places);
        out_digits(&o, &d, places);
    }
    if (o.len >= cap)
        return ERR_TOO_LARGE;
    text[o.len] = '\0';
    return (int)o.len;
}

void decimal_hex_of_double(char text[32], double value)
{
    const struct number n = number_of(value);
    struct out o = {text, 0, 31};
    const uint64_t fraction = n.mantissa & 0xfffffffffffffu;
    int exponent = n.mantissa ? n.exponent + 52 : 0;
    if (n.negative)
        out_char(&o, '-');
    if (n.is_nan || n.is_infinite) {
        out_text(&o, n.is_nan ? "nan" : "inf");
    } else {
        out_text(&o, n.mantissa >> 52 ? "0x1" : "0x0");
        if (fraction)
            out_char(&o, '.');
        for (uint64_t left = fraction << 12; left; left <<= 4)
            out_char(&o, "0123456789abcdef"[left >> 60]);
        out_text(&o, exponent < 0 ? "p-" : "p+");
        exponent = exponent < 0 ? -exponent : exponent;
        for (int power = 1000; power; power /= 10)
            if (exponent >= power || power == 1)
                out_char(&o, (char)('0' + exponent / power % 10));
    }
    text[o.len] = '\0';
}
