#include "cmd/inflate.h"

#include <string.h>

#include "core/base/err.h"

#define REACH 32768u /* how far back a copy may begin */
#define BLOCK_END 256
#define ADLER 65521u
#define ADLER_RUN 5552u /* bytes until the larger sum has to be reduced */

/* --- bits --- */

static bool fill(struct inflate *f, unsigned count)
{
    while (f->bits_count < count) {
        if (f->at == f->in.len)
            return false;
        f->bits |= (uint64_t)f->in.data[f->at++] << f->bits_count;
        f->bits_count += 8;
    }
    return true;
}

static void drop(struct inflate *f, unsigned count)
{
    f->bits >>= count;
    f->bits_count -= count;
}

/* The next bits, or ERR_FORMAT. */
static int take(struct inflate *f, unsigned count)
{
    if (!fill(f, count))
        return ERR_FORMAT;
    int v = (int)(f->bits & ((1u << count) - 1));
    drop(f, count);
    return v;
}

/* --- codes --- */

static unsigned reverse(unsigned code, unsigned bits)
{
    unsigned r = 0;
    for (; bits > 0; bits--, code >>= 1)
        r = r << 1 | (code & 1);
    return r;
}

static void add_fast(struct inflate_code *c, unsigned code, unsigned bits, unsigned symbol)
{
    if (bits > INFLATE_FAST_BITS)
        return;
    for (unsigned i = reverse(code, bits); i < 1u << INFLATE_FAST_BITS; i += 1u << bits)
        c->fast[i] = (uint16_t)(symbol << 4 | bits);
}

/* False: more codes of a length than there are. */
static bool make_code(struct inflate_code *c, const uint8_t *lengths, unsigned symbols)
{
    unsigned at[INFLATE_BITS_MAX + 2] = {0}, next = 0, place = 0;
    int left = 1;
    memset(c, 0, sizeof *c);
    for (unsigned i = 0; i < symbols; i++)
        c->count[lengths[i]]++;
    c->count[0] = 0;
    for (unsigned bits = 1; bits <= INFLATE_BITS_MAX; bits++) {
        left = 2 * left - c->count[bits];
        if (left < 0)
            return false;
        at[bits + 1] = at[bits] + c->count[bits];
    }
    for (unsigned bits = 1; bits <= INFLATE_BITS_MAX; bits++, next <<= 1)
        for (unsigned i = 0; i < symbols && place < at[bits + 1]; i++)
            if (lengths[i] == bits) {
                add_fast(c, next++, bits, i);
                c->symbol[place++] = (uint16_t)i;
            }
    return true;
}

static int take_slowly(struct inflate *f, const struct inflate_code *c)
{
    unsigned code = 0, first = 0, place = 0;
    for (unsigned bits = 1; bits <= INFLATE_BITS_MAX && fill(f, bits); bits++) {
        code = code << 1 | (unsigned)(f->bits >> (bits - 1) & 1);
        if (code - first < c->count[bits]) {
            drop(f, bits);
            return c->symbol[place + code - first];
        }
        place += c->count[bits];
        first = (first + c->count[bits]) << 1;
    }
    return ERR_FORMAT;
}

static int take_symbol(struct inflate *f, const struct inflate_code *c)
{
    fill(f, INFLATE_FAST_BITS); /* near the end there may be fewer, and a code may be short */
    const unsigned found = c->fast[f->bits & ((1u << INFLATE_FAST_BITS) - 1)], bits = found & 15;
    if (bits == 0 || bits > f->bits_count)
        return take_slowly(f, c);
    drop(f, bits);
    return (int)(found >> 4);
}

/* --- what comes out --- */

static int tell(struct inflate *f)
{
    const struct bytes part = {f->window + f->told, f->len - f->told};
    for (size_t i = 0; i < part.len;) {
        const size_t end = part.len - i < ADLER_RUN ? part.len : i + ADLER_RUN;
        for (; i < end; i++) {
            f->a += part.data[i];
            f->b += f->a;
        }
        f->a %= ADLER;
        f->b %= ADLER;
    }
    const int rc = part.len > 0 ? f->put(f->ctx, part) : 0;
    if (f->len > REACH) {
        memmove(f->window, f->window + f->len - REACH, REACH);
        f->len = REACH;
    }
    f->told = f->len;
    return rc;
}

/* There is room for the longest copy behind this. */
static int make_room(struct inflate *f)
{
    return sizeof f->window - f->len < 258 ? tell(f) : 0;
}

static int copy(struct inflate *f, size_t length, size_t distance)
{
    if (distance > f->len)
        return ERR_FORMAT;
    for (; length > 0; length--, f->len++)
        f->window[f->len] = f->window[f->len - distance];
    return 0;
}

static int take_copy(struct inflate *f, int symbol)
{
    static const uint16_t lengths[] = {3,  4,  5,  6,   7,   8,   9,   10,  11, 13,
                                       15, 17, 19, 23,  27,  31,  35,  43,  51, 59,
                                       67, 83, 99, 115, 131, 163, 195, 227, 258};
    static const uint8_t length_bits[] = {0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2,
                                          2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0};
    static const uint16_t distances[] = {
        1,   2,   3,   4,   5,   7,    9,    13,   17,   25,   33,   49,   65,    97,    129,
        193, 257, 385, 513, 769, 1025, 1537, 2049, 3073, 4097, 6145, 8193, 12289, 16385, 24577};
    if (symbol > 285)
        return ERR_FORMAT;
    const int length = take(f, length_bits[symbol - 257]);
    const int far = length < 0 ? length : take_symbol(f, &f->distances);
    if (far < 0 || far > 29)
        return ERR_FORMAT;
    const int more = take(f, far < 2 ? 0 : (unsigned)far / 2 - 1);
    if (more < 0)
        return more;
    return copy(f, (size_t)(lengths[symbol - 257] + length), (size_t)(distances[far] + more));
}

/* --- blocks --- */

static int run_codes(struct inflate *f)
{
    for (;;) {
        const int symbol = take_symbol(f, &f->literals);
        if (symbol < 0 || symbol == BLOCK_END)
            return symbol < 0 ? symbol : 0;
        int rc = make_room(f);
        if (rc >= 0 && symbol < BLOCK_END)
            f->window[f->len++] = (uint8_t)symbol;
        else if (rc >= 0)
            rc = take_copy(f, symbol);
        if (rc < 0)
            return rc;
    }
}

static int run_stored(struct inflate *f)
{
    drop(f, f->bits_count % 8);
    const int size = take(f, 16), inverse = take(f, 16);
    if (size < 0 || inverse < 0 || (size ^ inverse) != 0xffff)
        return ERR_FORMAT;
    for (int i = 0; i < size; i++) {
        const int byte = take(f, 8), rc = byte < 0 ? byte : make_room(f);
        if (rc < 0)
            return rc;
        f->window[f->len++] = (uint8_t)byte;
    }
    return 0;
}

static int run_fixed(struct inflate *f)
{
    uint8_t lengths[288];
    for (unsigned i = 0; i < 288; i++)
        lengths[i] = i < 144 ? 8 : i < 256 ? 9 : i < 280 ? 7 : 8;
    make_code(&f->literals, lengths, 288);
    memset(lengths, 5, 30);
    make_code(&f->distances, lengths, 30);
    return run_codes(f);
}

/* The lengths of both codes. 0 or ERR_FORMAT. */
static int take_lengths(struct inflate *f, uint8_t *lengths, unsigned count)
{
    unsigned n = 0;
    while (n < count) {
        const int symbol = take_symbol(f, &f->literals);
        if (symbol < 0 || (symbol == 16 && n == 0))
            return ERR_FORMAT;
        if (symbol < 16) {
            lengths[n++] = (uint8_t)symbol;
            continue;
        }
        const int more = take(f, symbol == 16 ? 2 : symbol == 17 ? 3 : 7);
        const unsigned times = (symbol == 18 ? 11 : 3) + (unsigned)more;
        if (more < 0 || times > count - n)
            return ERR_FORMAT;
        memset(lengths + n, symbol == 16 ? lengths[n - 1] : 0, times);
        n += times;
    }
    return 0;
}

static int run_dynamic(struct inflate *f)
{
    static const uint8_t order[19] = {16, 17, 18, 0, 8,  7, 9,  6, 10, 5,
                                      11, 4,  12, 3, 13, 2, 14, 1, 15};
    uint8_t lengths[286 + 32] = {0}, first[19] = {0};
    const int literals = take(f, 5), distances = take(f, 5), count = take(f, 4);
    if (count < 0 || literals > 286 - 257)
        return ERR_FORMAT;
    for (int i = 0; i < count + 4; i++) {
        const int bits = take(f, 3);
        if (bits < 0)
            return bits;
        first[order[i]] = (uint8_t)bits;
    }
    const unsigned begin = 257 + (unsigned)literals, end = begin + 1 + (unsigned)distances;
    if (!make_code(&f->literals, first, 19) || take_lengths(f, lengths, end) < 0)
        return ERR_FORMAT;
    if (!make_code(&f->literals, lengths, begin) ||
        !make_code(&f->distances, lengths + begin, end - begin))
        return ERR_FORMAT;
    return run_codes(f);
}

static int run_block(struct inflate *f, int kind)
{
    switch (kind) {
    case 0:
        return run_stored(f);
    case 1:
        return run_fixed(f);
    case 2:
        return run_dynamic(f);
    default:
        return ERR_FORMAT;
    }
}

static int check_sum(struct inflate *f)
{
    uint32_t sum = 0;
    drop(f, f->bits_count % 8);
    for (int i = 0; i < 4; i++) {
        const int byte = take(f, 8);
        if (byte < 0)
            return byte;
        sum = sum << 8 | (uint32_t)byte;
    }
#if VELUM_PLANT == 817 /* unit/test_picture: bytes that are not those that were compressed pass */
    return 0;
#endif
    return sum == (f->b << 16 | f->a) ? 0 : ERR_FORMAT;
}

int inflate_run(struct inflate *f, struct bytes in, int (*put)(void *ctx, struct bytes bytes),
                void *ctx)
{
    f->in = in;
    f->put = put;
    f->ctx = ctx;
    f->at = f->len = f->told = 0;
    f->bits = 0;
    f->bits_count = 0;
    f->a = 1;
    f->b = 0;
    const int method = take(f, 8), flags = take(f, 8);
    if (flags < 0 || (method & 15) != 8 || (flags & 32) || (method << 8 | flags) % 31 != 0)
        return ERR_FORMAT;
    for (int last = 0; last == 0;) {
        last = take(f, 1);
        const int kind = last < 0 ? last : take(f, 2);
        const int rc = kind < 0 ? kind : run_block(f, kind);
        if (rc < 0)
            return rc;
    }
    const int rc = tell(f);
    return rc < 0 ? rc : check_sum(f);
}
