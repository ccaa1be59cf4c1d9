/* Bytes to blocks of deflate (RFC 1951) with codes of their own, a segment of bytes a block. Who
 * uses it fills `bytes`, calls deflate_segment, and takes what is in `out`; deflate_align ends what
 * can be put in front of another stream. The same bytes give the same stream everywhere. For png.c.
 *
 * Repeats are looked for within the segment only, at the last places that began with the same three
 * bytes. */
#ifndef VELUM_PNG_DEFLATE_H
#define VELUM_PNG_DEFLATE_H

#include "plugins/png_huffman.h"

#define SEGMENT 65535u
#define DISTANCE_MAX 32768u
#define MATCH_MIN 3u
#define MATCH_MAX 258u
#define MATCH_GOOD 32u    /* a longer one is not looked for */
#define TRIES 16u         /* places at which bytes are compared */
#define SHORT_REACH 4096u /* a match of three bytes from further back is longer than the bytes */
#define HASH_BITS 13u
#define LITERALS 286u
#define DISTANCES 30u
#define BLOCK_END 256u

#define MATCH ((uint32_t)1 << 31) /* with the distance - 1 << 8, and the length - 3 */

struct deflate {
    uint8_t bytes[SEGMENT];
    uint32_t bytes_len;
    uint16_t last[1 << HASH_BITS]; /* by hash of three bytes: 1 + where some with it were last */
    uint16_t before[SEGMENT];      /* the same of the last ones in front of those here; 0: none */
    uint32_t tokens[SEGMENT + 1];  /* a byte, or a match; the last one is BLOCK_END */
    uint32_t tokens_count;
    struct huffman literals, distances;
    uint8_t out[2 * SEGMENT + 512]; /* no code is longer than 15 bits */
    uint32_t out_len;
    uint64_t bits; /* behind out, the lowest first */
    uint32_t bits_count;
};

/* --- bits --- */

static inline void put_bits(struct deflate *d, uint32_t value, uint32_t count)
{
    d->bits |= (uint64_t)value << d->bits_count;
    for (d->bits_count += count; d->bits_count >= 8; d->bits_count -= 8, d->bits >>= 8)
        d->out[d->out_len++] = (uint8_t)d->bits;
}

/* An empty block that is stored: it ends at a byte. */
static void deflate_align(struct deflate *d)
{
    put_bits(d, 0, 3);
    put_bits(d, 0, (8 - d->bits_count) % 8);
    put_bits(d, 0xffff0000u, 32);
}

/* --- matches --- */

static inline uint32_t log2_of(uint32_t v)
{
#if defined(__GNUC__) && !defined(__TINYC__)
    return 31 - (uint32_t)__builtin_clz(v);
#else
    uint32_t log = 0;
    while (v >>= 1)
        log++;
    return log;
#endif
}

static inline uint32_t hash_of(const uint8_t *p)
{
    const uint32_t three = p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16;
    return three * 2654435761u >> (32 - HASH_BITS);
}

static inline uint32_t match_length(const uint8_t *a, const uint8_t *b, uint32_t most)
{
    uint32_t len = 0;
    while (len < most && a[len] == b[len])
        len++;
    return len;
}

/* The symbol of a length, and what is added to it, in so many bits. */
static inline uint32_t length_symbol(uint32_t length, uint32_t *extra, uint32_t *bits)
{
    const uint32_t l = length - 3;
    *bits = l < 8 || length == MATCH_MAX ? 0 : log2_of(l) - 2;
    *extra = l & ((1u << *bits) - 1);
    return length == MATCH_MAX ? 285 : l < 8 ? 257 + l : 261 + 4 * *bits + (l >> *bits & 3);
}

static inline uint32_t distance_symbol(uint32_t distance, uint32_t *extra, uint32_t *bits)
{
    const uint32_t d = distance - 1;
    *bits = d < 4 ? 0 : log2_of(d) - 1;
    *extra = d & ((1u << *bits) - 1);
    return d < 4 ? d : 2 + 2 * *bits + (d >> *bits & 1);
}

static void clear_counts(struct huffman *h)
{
    for (uint32_t i = 0; i < HUFFMAN_SYMBOLS_MAX; i++)
        h->count[i] = 0;
}

/* Bytes that begin here are found from now on. Returns 1 + where the last like them began, or 0. */
static inline uint32_t remember(struct deflate *d, uint32_t at)
{
    if (d->bytes_len - at < MATCH_MIN)
        return 0;
    uint16_t *last = &d->last[hash_of(d->bytes + at)];
    const uint32_t from = *last;
    d->before[at] = *last;
    *last = (uint16_t)(at + 1);
    return from;
}

/* How long the longest match at `at` is, of those from `from` on, or 0; *distance: how far back. */
static inline uint32_t find_match(const struct deflate *d, uint32_t at, uint32_t from,
                                  uint32_t *distance)
{
    const uint32_t left = d->bytes_len - at, most = left < MATCH_MAX ? left : MATCH_MAX;
    uint32_t best = MATCH_MIN - 1;
    for (uint32_t i = 0; from > 0 && i < TRIES && best < MATCH_GOOD && best < most; i++) {
        const uint32_t back = at + 1 - from;
        const uint8_t *p = d->bytes + from - 1;
        if (back > DISTANCE_MAX)
            break;
        const uint32_t len =
            p[best] == d->bytes[at + best] ? match_length(p, d->bytes + at, most) : 0;
        if (len > best && (len > MATCH_MIN || back <= SHORT_REACH)) {
            best = len;
            *distance = back;
        }
        from = d->before[from - 1];
    }
    return best >= MATCH_MIN ? best : 0;
}

static void add_literal(struct deflate *d, uint32_t byte)
{
    d->tokens[d->tokens_count++] = byte;
    d->literals.count[byte]++;
}

static void add_match(struct deflate *d, uint32_t length, uint32_t distance)
{
    uint32_t extra, bits;
    d->tokens[d->tokens_count++] = MATCH | (distance - 1) << 8 | (length - 3);
    d->literals.count[length_symbol(length, &extra, &bits)]++;
    d->distances.count[distance_symbol(distance, &extra, &bits)]++;
}

static void find_tokens(struct deflate *d)
{
    uint32_t distance = 0;
    clear_counts(&d->literals);
    clear_counts(&d->distances);
    for (uint32_t i = 0; i < 1u << HASH_BITS; i++)
        d->last[i] = 0;
    d->tokens_count = 0;
    for (uint32_t at = 0; at < d->bytes_len;) {
        const uint32_t len = find_match(d, at, remember(d, at), &distance);
        if (len == 0) {
            add_literal(d, d->bytes[at++]);
            continue;
        }
        add_match(d, len, distance);
        for (const uint32_t end = at++ + len; at < end; at++)
            remember(d, at);
    }
    add_literal(d, BLOCK_END);
}

/* --- a block --- */

#define RUNS_MAX (LITERALS + DISTANCES)

/* The lengths of both codes, as symbols of a third: a length, or 17 and 18 for runs of zeros. */
struct code_runs {
    uint8_t symbol[RUNS_MAX], extra[RUNS_MAX];
    uint32_t count;
    struct huffman code;
};

static void put_run(struct code_runs *r, uint32_t symbol, uint32_t extra)
{
    r->symbol[r->count] = (uint8_t)symbol;
    r->extra[r->count++] = (uint8_t)extra;
    r->code.count[symbol]++;
}

static void find_runs(struct code_runs *r, const uint8_t *lengths, uint32_t count)
{
    for (uint32_t at = 0, run; at < count; at += run) {
        for (run = 1; lengths[at] == 0 && run < 138 && at + run < count && lengths[at + run] == 0;)
            run++;
        if (run >= 11)
            put_run(r, 18, run - 11);
        else if (run >= 3)
            put_run(r, 17, run - 3);
        else
            run = 1, put_run(r, lengths[at], 0);
    }
}

static uint32_t symbols_used(const struct huffman *h, uint32_t least, uint32_t most)
{
    while (most > least && h->bits[most - 1] == 0)
        most--;
    return most;
}

static void put_codes(struct deflate *d)
{
    static const uint8_t order[19] = {16, 17, 18, 0, 8,  7, 9,  6, 10, 5,
                                      11, 4,  12, 3, 13, 2, 14, 1, 15};
    const uint32_t literals = symbols_used(&d->literals, 257, LITERALS);
    const uint32_t distances = symbols_used(&d->distances, 1, DISTANCES);
    struct code_runs r;
    uint32_t lengths = 19;
    r.count = 0;
    clear_counts(&r.code);
    find_runs(&r, d->literals.bits, literals);
    find_runs(&r, d->distances.bits, distances);
    huffman_make(&r.code, 19, 7);
    while (lengths > 4 && r.code.bits[order[lengths - 1]] == 0)
        lengths--;
    put_bits(d, literals - 257, 5);
    put_bits(d, distances - 1, 5);
    put_bits(d, lengths - 4, 4);
    for (uint32_t i = 0; i < lengths; i++)
        put_bits(d, r.code.bits[order[i]], 3);
    for (uint32_t i = 0; i < r.count; i++) {
        const uint32_t symbol = r.symbol[i];
        put_bits(d, r.code.code[symbol], r.code.bits[symbol]);
        put_bits(d, r.extra[i], symbol == 18 ? 7 : symbol == 17 ? 3 : 0);
    }
}

static inline void put_symbol(struct deflate *d, const struct huffman *h, uint32_t symbol)
{
    put_bits(d, h->code[symbol], h->bits[symbol]);
}

static void put_tokens(struct deflate *d)
{
    uint32_t extra, bits;
    for (uint32_t i = 0; i < d->tokens_count; i++) {
        const uint32_t token = d->tokens[i];
        if (!(token & MATCH)) {
            put_symbol(d, &d->literals, token);
            continue;
        }
        put_symbol(d, &d->literals, length_symbol((token & 0xff) + 3, &extra, &bits));
        put_bits(d, extra, bits);
        put_symbol(d, &d->distances, distance_symbol((token >> 8 & 0x7fff) + 1, &extra, &bits));
        put_bits(d, extra, bits);
    }
}

/* What is in bytes, as one block behind what is in out. */
static void deflate_segment(struct deflate *d)
{
    find_tokens(d);
    huffman_make(&d->literals, LITERALS, HUFFMAN_BITS_MAX);
    huffman_make(&d->distances, DISTANCES, HUFFMAN_BITS_MAX);
    put_bits(d, 0, 1);
    put_bits(d, 2, 2);
    put_codes(d);
    put_tokens(d);
}

#endif
