/* primes A..B: how many primes there are from A to B, both included. A unit is a number.
 *
 * A leaf is one window of odd numbers, a bit each, 1 where a number is known to be no prime. What
 * 3, 5, 7 and 11 divide repeats after 1155 bytes and is copied. Then come the other primes up to
 * the square root of the window's end, which the leaf finds itself, a block at a time: those of the
 * first block strike out their multiples part by part of the window, so that a part stays in the
 * nearest cache, those of later blocks have few multiples in it.
 *
 * Above SIEVE_MAX finding all these primes would cost more than the window is worth: there only
 * primes of the first blocks strike out, and what is left is put to the strong test of Miller and
 * Rabin with the first primes as bases, which is no chance but a proof for numbers of 64 bits:
 * Jiang and Deng, Mathematics of Computation 83 (2014), for the first nine; Sorenson and Webster,
 * Mathematics of Computation 86 (2017), for the first twelve. */
#include "velum_kernel.h"

#include <stdbool.h>

#define NUMBER_MAX 9223372036854775807ull
#define LIMITS "A and B from 0 to 9223372036854775807, A not above B"
#define LEAF_UNITS_MAX 8388608u /* 2^23: all numbers there are make 2^40 leaves */
#define LEAVES_ALLOWED ((uint64_t)1 << 40)
#define LEAF_UNITS_USUAL 1048576u
#define LEAF_UNITS_MIN 65536u

#define SIEVE_MAX ((uint64_t)1 << 54)
#define ROOT_BEYOND 1048576u /* above SIEVE_MAX this stands for the square root */

#define BYTE_SPAN 16u /* numbers, eight of them odd */
#define WINDOW_BYTES (LEAF_UNITS_MAX / BYTE_SPAN + 8)
#define BLOCK_SPAN 524288u
#define BLOCK_BYTES (BLOCK_SPAN / BYTE_SPAN)
#define PART_BITS (8 * BLOCK_BYTES)
#define BLOCK_PRIMES 43390u /* below BLOCK_SPAN; later blocks have fewer */
#define TINY_MAX 11585u     /* the square root of that of SIEVE_MAX */
#define TINY_PRIMES 1400u
#define PATTERN_BYTES 1155u

struct total {
    uint64_t primes;
};

static const struct velum_field primes_fields[] = {
    VELUM_FIELD(struct total, primes, VELUM_U64, 1),
};

/* Bit i of bytes is the number first + 2 i + 1; first is a multiple of BYTE_SPAN. */
struct odds {
    uint8_t *bytes;
    uint64_t first;
    uint32_t bits;
};

struct sieve {
    uint8_t window[WINDOW_BYTES];
    uint8_t block[BLOCK_BYTES];
    uint8_t pattern[PATTERN_BYTES];
    uint16_t tiny[TINY_PRIMES]; /* from 13 on */
    uint32_t tiny_count;
    uint32_t primes[BLOCK_PRIMES], next[BLOCK_PRIMES];
};

static const uint8_t first_primes[] = {2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37};
#define COPIED 5u /* of these, 2 and what the pattern has */

static void strike(uint8_t *bytes, uint64_t bit)
{
    bytes[bit / 8] |= (uint8_t)(1u << bit % 8);
}

/* The index of the first odd multiple of p in the window that is not below its square, or
 * UINT32_MAX: there is none. */
static uint32_t first_multiple(const struct odds *o, uint64_t p)
{
    uint64_t m = o->first + p - o->first % p;
    if (m % 2 == 0)
        m += p;
    if (m < p * p)
        m = p * p;
    const uint64_t index = (m - o->first) / 2;
    return index < o->bits ? (uint32_t)index : UINT32_MAX;
}

/* Strikes out multiples of p from index `from` to before `end`; returns the index of the next. */
static uint32_t strike_multiples(uint8_t *bytes, uint32_t p, uint32_t from, uint32_t end)
{
    uint32_t i = from;
    for (; i < end; i += p)
        strike(bytes, i);
    return i;
}

/* --- the primes that strike out --- */

static void make_pattern(struct sieve *s)
{
    for (uint32_t i = 0; i < PATTERN_BYTES; i++)
        s->pattern[i] = 0;
    for (uint32_t k = 1; k < COPIED; k++) {
        const uint32_t p = first_primes[k];
        (void)strike_multiples(s->pattern, p, p / 2, 8 * PATTERN_BYTES);
    }
}

/* Nothing is struck out but what the pattern has, and 1. */
static void open_odds(const struct sieve *s, struct odds *o)
{
    uint32_t at = (uint32_t)(o->first / BYTE_SPAN % PATTERN_BYTES);
    for (uint32_t i = 0; i < (o->bits + 7) / 8; i++) {
        o->bytes[i] = s->pattern[at];
        at = at + 1 == PATTERN_BYTES ? 0 : at + 1;
    }
    if (o->first == 0)
        strike(o->bytes, 0);
}

static void find_tiny(struct sieve *s, uint64_t root)
{
    s->tiny_count = 0;
    for (uint32_t n = 13; n <= TINY_MAX && (uint64_t)n * n <= root; n += 2) {
        bool prime = n % 3 && n % 5 && n % 7 && n % 11;
        for (uint32_t i = 0; prime && i < s->tiny_count; i++) {
            const uint32_t p = s->tiny[i];
            if (p * p > n)
                break;
            prime = n % p != 0;
        }
        if (prime)
            s->tiny[s->tiny_count++] = (uint16_t)n;
    }
}

static uint32_t lowest_bit(uint64_t word)
{
#if defined(__GNUC__) && !defined(__TINYC__)
    return (uint32_t)__builtin_ctzll(word);
#else
    uint32_t i = 0;
    while (!(word >> i & 1))
        i++;
    return i;
#endif
}

/* The primes from `first` to `root` that are in one block, from 13 on. Returns how many. */
static uint32_t find_block(struct sieve *s, uint64_t first, uint64_t root)
{
    const uint64_t span = root - first + 1 < BLOCK_SPAN ? root - first + 1 : BLOCK_SPAN;
    struct odds o = {s->block, first, (uint32_t)(span / 2)};
    uint32_t count = 0;
    open_odds(s, &o);
    for (uint32_t i = 0; i < s->tiny_count; i++)
        (void)strike_multiples(o.bytes, s->tiny[i], first_multiple(&o, s->tiny[i]), o.bits);
    for (uint32_t at = 0; at < o.bits; at += 64) {
        uint64_t left = ~velum_load_u64(o.bytes + at / 8);
        if (o.bits - at < 64)
            left &= ((uint64_t)1 << (o.bits - at)) - 1;
        for (; left != 0; left &= left - 1)
            s->primes[count++] = (uint32_t)first + 2 * (at + lowest_bit(left)) + 1;
    }
    return count;
}

/* --- the window --- */

static void strike_by_parts(struct sieve *s, const struct odds *o, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        s->next[i] = first_multiple(o, s->primes[i]);
    for (uint32_t from = 0; from < o->bits; from += PART_BITS) {
        const uint32_t end = o->bits - from < PART_BITS ? o->bits : from + PART_BITS;
        for (uint32_t i = 0; i < count; i++)
            if (s->next[i] < end)
                s->next[i] = strike_multiples(o->bytes, s->primes[i], s->next[i], end);
    }
}

static void sieve_window(struct sieve *s, struct odds *o, uint64_t root)
{
    make_pattern(s);
    find_tiny(s, root);
    open_odds(s, o);
    for (uint64_t first = 0; first <= root; first += BLOCK_SPAN) {
        const uint32_t count = find_block(s, first, root);
        if (first == 0)
            strike_by_parts(s, o, count);
        else
            for (uint32_t i = 0; i < count; i++)
                (void)strike_multiples(o->bytes, s->primes[i], first_multiple(o, s->primes[i]),
                                       o->bits);
    }
}

/* --- the strong test --- */

static uint64_t high_half(uint64_t a, uint64_t b)
{
#ifdef __SIZEOF_INT128__
    return (uint64_t)((unsigned __int128)a * b >> 64);
#else
    const uint64_t al = (uint32_t)a, ah = a >> 32, bl = (uint32_t)b, bh = b >> 32;
    const uint64_t low = al * bl, one = ah * bl + (low >> 32), two = al * bh + (uint32_t)one;
    return ah * bh + (one >> 32) + (two >> 32);
#endif
}

/* Products modulo n without a division (Montgomery 1985): a stands for a / 2^64. */
struct modulus {
    uint64_t n;       /* odd, below 2^63 */
    uint64_t inverse; /* n times this is 1 modulo 2^64 */
    uint64_t one;     /* 2^64 modulo n */
};

static uint64_t multiply(const struct modulus *m, uint64_t a, uint64_t b)
{
    const uint64_t high = high_half(a, b), less = high_half(a * b * m->inverse, m->n);
    return high >= less ? high - less : high - less + m->n;
}

static struct modulus modulus_of(uint64_t n)
{
    struct modulus m = {n, n, (0 - n) % n};
    for (int i = 0; i < 5; i++) /* right to 3 bits at first, and to twice as many each time */
        m.inverse *= 2 - n * m.inverse;
    return m;
}

/* `base` times one, by doubling. */
static uint64_t represent(const struct modulus *m, uint32_t base)
{
    uint64_t sum = 0;
    for (uint32_t bit = 32; bit > 0; bit /= 2) {
        sum = sum + sum >= m->n ? sum + sum - m->n : sum + sum;
        if (base & bit)
            sum = sum + m->one >= m->n ? sum + m->one - m->n : sum + m->one;
    }
    return sum;
}

static bool passes(const struct modulus *m, uint32_t base)
{
    const uint64_t minus_one = m->n - m->one, a = represent(m, base);
    const uint32_t twos = lowest_bit(m->n - 1);
    const uint64_t exponent = (m->n - 1) >> twos;
    uint64_t power = a, top = (uint64_t)1 << 62;
    while (!(exponent & top))
        top /= 2;
    while ((top /= 2) != 0) {
        power = multiply(m, power, power);
        if (exponent & top)
            power = multiply(m, power, a);
    }
    if (power == m->one)
        return true;
    for (uint32_t i = 1; i < twos && power != minus_one; i++)
        power = multiply(m, power, power);
    return power == minus_one;
}

/* n is odd, above 37 and below 2^63. */
static bool is_prime(uint64_t n)
{
    const struct modulus m = modulus_of(n);
    const uint32_t bases = n < 3825123056546413051ull ? 9 : 12;
    for (uint32_t i = 0; i < bases; i++)
        if (!passes(&m, first_primes[i]))
            return false;
    return true;
}

/* --- the count --- */

static uint32_t ones_in(uint64_t word)
{
    word -= word >> 1 & 0x5555555555555555u;
    word = (word & 0x3333333333333333u) + (word >> 2 & 0x3333333333333333u);
    word = (word + (word >> 4)) & 0x0f0f0f0f0f0f0f0fu;
    return (uint32_t)(word * 0x0101010101010101u >> 56);
}

/* What is not struck out; `test` says that it may still be composite. */
static uint64_t count_left(const struct odds *o, bool test)
{
    uint64_t count = 0;
    for (uint32_t at = 0; at < o->bits; at += 64) {
        uint64_t left = ~velum_load_u64(o->bytes + at / 8);
        if (!test)
            count += ones_in(left);
        for (; test && left != 0; left &= left - 1)
            count += is_prime(o->first + 2 * (uint64_t)(at + lowest_bit(left)) + 1);
    }
    return count;
}

/* The largest number whose square is not above n. */
static uint64_t square_root(uint64_t n)
{
    uint64_t root = 0;
    for (uint64_t bit = (uint64_t)1 << 31; bit != 0; bit >>= 1)
        if ((root | bit) <= n / (root | bit))
            root |= bit;
    return root;
}

/* From `low` to `high`, which are at most LEAF_UNITS_MAX numbers. */
static uint64_t count_primes(struct sieve *s, uint64_t low, uint64_t high)
{
    const bool beyond = high > SIEVE_MAX;
    const uint64_t first = low / BYTE_SPAN * BYTE_SPAN;
    struct odds o = {s->window, first, (uint32_t)((high - first + 1) / 2)};
    uint64_t count = 0;
    for (uint32_t i = 0; i < COPIED; i++)
        count += low <= first_primes[i] && first_primes[i] <= high;
    sieve_window(s, &o, beyond ? ROOT_BEYOND : square_root(high));
    for (uint32_t bit = 0; first + 2 * bit + 1 < low; bit++)
        strike(o.bytes, bit);
#if VELUM_PLANT == 835 /* unit/test_primes: the odd number behind the window counts too */
    for (uint32_t bit = o.bits + 1; bit % 64 != 0; bit++) {
#else
    for (uint32_t bit = o.bits; bit % 64 != 0; bit++) {
#endif
        if (bit % 8 == 0)
            o.bytes[bit / 8] = 0;
        strike(o.bytes, bit);
    }
    return count + count_left(&o, beyond);
}

static int primes_leaf(const struct velum_host *host, struct velum_call *call, void *accumulator)
{
    struct sieve *s = host->memory(host, sizeof *s);
    const uint64_t low = velum_param_u64(call, 0) + call->first;
    if (!s)
        return velum_fail(call, "there is no memory for the sieve");
    if (call->count > LEAF_UNITS_MAX)
        return velum_fail(call, "a leaf may have 8388608 numbers");
    ((struct total *)accumulator)->primes = count_primes(s, low, low + call->count - 1);
    return 0;
}

static void primes_merge(const struct velum_host *host, const struct velum_call *call, void *left,
                         const void *right)
{
    (void)host;
    (void)call;
    ((struct total *)left)->primes += ((const struct total *)right)->primes;
}

static int primes_show(const struct velum_host *host, const struct velum_call *call,
                       const void *accumulator, char *text, size_t cap)
{
    (void)call;
    return host->put_u64(text, cap, ((const struct total *)accumulator)->primes);
}

/* --- the plan --- */

/* Windows as wide as their primes are worth finding; narrow ranges still make some leaves. */
static uint64_t leaf_units(uint64_t count, uint64_t high)
{
    const uint64_t least = high > SIEVE_MAX ? LEAF_UNITS_MIN : square_root(high);
    uint64_t units = LEAF_UNITS_USUAL;
    while (units < LEAF_UNITS_MAX && (units < 4 * least || (count - 1) / units >= LEAVES_ALLOWED))
        units *= 2;
    while (units > LEAF_UNITS_MIN && units > least && units > count / 64)
        units /= 2;
    return units;
}

/* "A..B" */
static bool parse_range(const struct velum_host *host, const char *text, uint64_t *low,
                        uint64_t *high)
{
    char digits[24];
    uint32_t len = 0;
    while (text[len] && text[len] != '.' && len < sizeof digits - 1) {
        digits[len] = text[len];
        len++;
    }
    digits[len] = 0;
    return text[len] == '.' && text[len + 1] == '.' &&
           host->parse_u64(digits, NUMBER_MAX, low) >= 0 &&
           host->parse_u64(text + len + 2, NUMBER_MAX, high) >= 0;
}

static int primes_plan(const struct velum_host *host, int argc, const char *const *argv,
                       struct velum_plan *out)
{
    uint64_t low = 0, high = 0;
    if (argc != 1 || !parse_range(host, argv[0], &low, &high))
        return velum_refuse(out, "primes takes one range, such as 1..1000000: " LIMITS);
    if (low > high)
        return velum_refuse(out, "there is no number in the range: A must not be above B");
    out->units = high - low + 1;
    out->leaf_units = leaf_units(out->units, high);
    velum_put_u64(out, low);
    return 0;
}

static const char manual[] =
    "Parameters:\n"
    "  A..B  the range, both ends included\n"
    "Units:\n"
    "  a number each; a leaf has 65536 to 8388608, by the range: above 2^54 a sieve\n"
    "  would need too many primes, and what small primes leave is put to a test that\n"
    "  proves.\n"
    "Example:\n"
    "  velum run primes 0..1000000000\n";

VELUM_KERNEL(primes) = {
    VELUM_KERNEL_HEAD,
    .name = "primes",
    .usage = "A..B",
    .summary = "how many primes there are from A to B, by a sieve",
    .limits = LIMITS,
    .manual = manual,
    .accumulator_size = sizeof(struct total),
    .fields = primes_fields,
    .fields_count = 1,
    .memory = (sizeof(struct sieve) + 63) / 64 * 64,
    .plan = primes_plan,
    .leaf = primes_leaf,
    .merge = primes_merge,
    .show = primes_show,
};
_Static_assert((sizeof(struct sieve) + 63) / 64 * 64 <= VELUM_MEMORY_MAX, "a leaf's memory");
