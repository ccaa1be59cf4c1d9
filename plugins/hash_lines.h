/* What hash and hash-find share: their options, and the lines of a leaf. A line is what is before a
 * newline or the end of a file, a carriage return included; nothing is added or taken away.
 *
 * A unit is a byte of all inputs together, one after the other, and a leaf has the lines that begin
 * in its range, as in grep. Where inputs are still to be yielded by other stages, a unit is one of
 * so many equal shares of all bytes. */
#ifndef VELUM_PLUGINS_HASH_LINES_H
#define VELUM_PLUGINS_HASH_LINES_H

#include "velum_kernel.h"

#include <stdbool.h>

#define HASH_BCRYPT 3u /* beside VELUM_SHA256 and VELUM_SHA512 */
#define HASH_KIND 255u /* the lowest byte of the first parameter; above it */
#define HASH_SHARED 256u
#define HASH_SHARES 64u
#define HASH_LEAVES_WANTED 16384u
#define HASH_ALGORITHMS "sha256, sha512 or bcrypt"

static const struct {
    const char *name;
    uint32_t digest_size; /* of bcrypt, of its text */
} hash_kinds[] = {{"", 0}, {"sha256", 32}, {"sha512", 64}, {"bcrypt", 60}};

static inline uint32_t hash_length(const char *text)
{
    uint32_t len = 0;
    while (text[len])
        len++;
    return len;
}

static inline bool hash_is_same(const void *a, const void *b, uint32_t len)
{
    const uint8_t *x = a, *y = b;
    uint32_t i = 0;
    while (i < len && x[i] == y[i])
        i++;
    return i == len;
}

/* 0 when there is no such algorithm. */
static inline uint32_t hash_kind_of(const char *name)
{
    for (uint32_t i = 1; i <= HASH_BCRYPT; i++)
        if (hash_is_same(name, hash_kinds[i].name, hash_length(hash_kinds[i].name) + 1))
            return i;
    return 0;
}

/* What the option at argv[*at] says if it is --NAME, either behind a = or in the next argument, and
 * *at is then the last of both; otherwise NULL. */
static inline const char *hash_option(int argc, const char *const *argv, int *at, const char *name)
{
    const char *text = argv[*at];
    const uint32_t len = hash_length(name);
    if (text[0] != '-' || text[1] != '-' || !hash_is_same(text + 2, name, len))
        return NULL;
    if (text[2 + len] == '=')
        return text + 3 + len;
    return text[2 + len] == 0 && *at + 1 < argc ? argv[++*at] : NULL;
}

/* Units and leaves of at least so many bytes. Sets HASH_SHARED where nobody knows how many bytes
 * there will be. Returns 0, or < 0: there is no input. */
static inline int hash_plan_bytes(const struct velum_host *host, struct velum_plan *out,
                                  uint64_t leaf_bytes, uint64_t *flags)
{
    const uint32_t count = VELUM_HOST_HAS(host, bcrypt) ? host->inputs(host) : 0;
    for (uint32_t i = 0; i < count; i++) {
        uint64_t size;
        host->input(host, i, &size);
        if (size == VELUM_SIZE_UNKNOWN)
            *flags |= HASH_SHARED;
        out->units += size;
    }
    out->leaf_units = leaf_bytes;
    if (*flags & HASH_SHARED) {
        out->units = HASH_SHARES;
        out->leaf_units = 1;
    }
    if (out->units == 0)
        out->units = 1; /* one leaf without a line */
    while ((out->units - 1) / out->leaf_units >= HASH_LEAVES_WANTED)
        out->leaf_units *= 2;
    return count > 0 ? 0 : -1;
}

/* Words of eight, by which bytes are looked at together. */
static inline uint64_t hash_word(const uint8_t *p)
{
    return (uint64_t)p[0] | (uint64_t)p[1] << 8 | (uint64_t)p[2] << 16 | (uint64_t)p[3] << 24 |
           (uint64_t)p[4] << 32 | (uint64_t)p[5] << 40 | (uint64_t)p[6] << 48 |
           (uint64_t)p[7] << 56;
}

/* The highest bit of each byte that is a newline. */
static inline uint64_t hash_newlines(uint64_t word)
{
    const uint64_t ones = 0x0101010101010101u, low = 127 * ones, odd = word ^ '\n' * ones;
    return ~(((odd & low) + low) | odd | low);
}

static inline const uint8_t *hash_line_end(const uint8_t *p, const uint8_t *end)
{
    while (end - p >= 8 && !hash_newlines(hash_word(p)))
        p += 8;
    while (p < end && *p != '\n')
        p++;
    return p;
}

/* How many lines begin in the first `len` bytes. */
static inline uint64_t hash_count_lines(const uint8_t *p, uint64_t len)
{
    if (len == 0)
        return 0;
    uint64_t count = 1;
    const uint8_t *last = p + len - 1;
    for (; last - p >= 8; p += 8)
        count += (hash_newlines(hash_word(p)) >> 7) * 0x0101010101010101u >> 56;
    for (; p < last; p++)
        count += *p == '\n';
    return count;
}

/* The lines that begin in [first, end) of all bytes. */
struct hash_walk {
    const struct velum_host *host;
    uint64_t at, end; /* of all bytes: where the next line begins, at or behind `at` */
    uint64_t base;    /* where the input begins */
    uint32_t input;
    uint64_t begin; /* of the line that hash_next gave */
};

static inline struct hash_walk hash_walk(const struct velum_host *host, uint64_t first,
                                         uint64_t end)
{
    const struct hash_walk w = {host, first, end, 0, 0, 0};
    return w;
}

/* The range of unit `unit` of a call whose first parameter is `flags`, or of all of its units. */
static inline struct hash_walk hash_walk_units(const struct velum_host *host, uint64_t flags,
                                               uint64_t first, uint64_t count)
{
    uint64_t total = 0, size, end = first + count;
    if (!(flags & HASH_SHARED))
        return hash_walk(host, first, end);
    for (uint32_t i = 0; i < host->inputs(host); i++, total += size)
        host->input(host, i, &size);
    first = total / HASH_SHARES * first + total % HASH_SHARES * first / HASH_SHARES;
    end = total / HASH_SHARES * end + total % HASH_SHARES * end / HASH_SHARES;
    return hash_walk(host, first, end);
}

/* The first line of one input that begins at w->at or behind it, and in the walk. */
static inline const uint8_t *hash_line_of(struct hash_walk *w, const uint8_t *bytes, uint64_t size,
                                          uint64_t *len)
{
    const uint8_t *p = bytes + (w->at - w->base), *end = bytes + size;
    if (w->at > w->base && p[-1] != '\n') {
        p = hash_line_end(p, end);
        p += p < end;
    }
    w->begin = w->base + (uint64_t)(p - bytes);
    if (p == end || w->begin >= w->end)
        return NULL;
    const uint8_t *stop = hash_line_end(p, end);
    *len = (uint64_t)(stop - p);
    w->at = w->begin + *len + (stop < end);
    return p;
}

/* The next line and its length, or NULL when there is none. */
static inline const uint8_t *hash_next(struct hash_walk *w, uint64_t *len)
{
    while (w->input < w->host->inputs(w->host) && w->base < w->end) {
        uint64_t size;
        const uint8_t *line = NULL, *bytes = w->host->input(w->host, w->input, &size);
        if (w->at < w->base)
            w->at = w->base;
        if (w->at - w->base < size)
            line = hash_line_of(w, bytes, size, len);
        if (line)
            return line;
        w->base += size;
        w->input++;
    }
    return NULL;
}

/* How many lines there are before those of the walk, which has not begun. */
static inline uint64_t hash_lines_before(const struct hash_walk *w)
{
    uint64_t base = 0, count = 0, size;
    for (uint32_t i = 0; i < w->host->inputs(w->host) && base < w->at; i++, base += size) {
        const uint8_t *bytes = w->host->input(w->host, i, &size);
        count += hash_count_lines(bytes, w->at - base < size ? w->at - base : size);
    }
    return count;
}

#endif
