/* Searching for grep.c: one byte, or a short text, in many bytes. Two bytes of the text, its first
 * and its last, are compared at 16 places at once; where both are right the rest is looked at. */
#ifndef VELUM_PLUGINS_GREP_FIND_H
#define VELUM_PLUGINS_GREP_FIND_H

#include <stdbool.h>

#include "plugins/velum_kernel.h"

#if defined(__GNUC__) && !defined(__TINYC__)
#define FIND_LANES 16
typedef uint8_t find_vec __attribute__((vector_size(FIND_LANES), aligned(1), may_alias));
typedef uint64_t find_pair __attribute__((vector_size(FIND_LANES)));

static find_vec find_all(uint8_t c)
{
    return (find_vec){c, c, c, c, c, c, c, c, c, c, c, c, c, c, c, c};
}

static bool find_any(find_vec v)
{
    const find_pair p = (find_pair)v;
    return (p[0] | p[1]) != 0;
}

static const find_vec *find_at(const uint8_t *p)
{
    return (const find_vec *)(const void *)p;
}
#endif

/* The first c in [p, end), or end. */
static const uint8_t *find_byte(const uint8_t *p, const uint8_t *end, uint8_t c)
{
#ifdef FIND_LANES
    const find_vec wanted = find_all(c);
    for (; end - p >= 4 * FIND_LANES; p += 4 * FIND_LANES) {
        const find_vec *v = find_at(p);
        if (find_any((find_vec)((v[0] == wanted) | (v[1] == wanted) | (v[2] == wanted) |
                                (v[3] == wanted))))
            break;
    }
    while (end - p >= FIND_LANES && !find_any((find_vec)(*find_at(p) == wanted)))
        p += FIND_LANES;
#endif
    while (p < end && *p != c)
        p++;
    return p;
}

/* Behind the last c in [begin, p), or begin. */
static const uint8_t *find_behind_last(const uint8_t *begin, const uint8_t *p, uint8_t c)
{
#ifdef FIND_LANES
    const find_vec wanted = find_all(c);
    while (p - begin >= FIND_LANES && !find_any((find_vec)(*find_at(p - FIND_LANES) == wanted)))
        p -= FIND_LANES;
#endif
    while (p > begin && p[-1] != c)
        p--;
    return p;
}

/* A text to be found; letters are small where case is ignored. */
struct find {
    const uint8_t *text;
    uint32_t len; /* at least 1 */
    bool fold;
    uint8_t first, last, first_fold, last_fold; /* what is set in a byte before it is compared */
    /* Comparisons of single bytes that may be wasted yet: a text that is nearly everywhere costs
     * its length at each place, and is left to the automaton. */
    int64_t patience;
};

#define FIND_PATIENCE 4 /* for each byte that is searched */

static uint8_t find_fold(const struct find *f, uint8_t c)
{
    return f->fold && c >= 'a' && c <= 'z' ? 0x20 : 0;
}

static void find_init(struct find *f, const uint8_t *text, uint32_t len, bool fold)
{
    f->text = text;
    f->len = len;
    f->fold = fold;
    f->first = text[0];
    f->last = text[len - 1];
    f->first_fold = find_fold(f, f->first);
    f->last_fold = find_fold(f, f->last);
    f->patience = 65536;
}

static bool find_is_at(struct find *f, const uint8_t *p)
{
    uint32_t i = 0;
    while (i < f->len && (p[i] | find_fold(f, f->text[i])) == f->text[i])
        i++;
    f->patience -= i;
    return i == f->len;
}

/* The first place in [p, end) where the text begins and is whole, or end. */
static const uint8_t *find_text(struct find *f, const uint8_t *p, const uint8_t *end)
{
    const uint32_t ahead = f->len - 1;
#ifdef FIND_LANES
    const find_vec first = find_all(f->first), last = find_all(f->last);
    const find_vec first_fold = find_all(f->first_fold), last_fold = find_all(f->last_fold);
    while (end - p >= (ptrdiff_t)ahead + 2 * FIND_LANES) {
        const find_vec *a = find_at(p), *b = find_at(p + ahead);
        const find_vec low =
            (find_vec)(((a[0] | first_fold) == first) & ((b[0] | last_fold) == last));
        const find_vec high =
            (find_vec)(((a[1] | first_fold) == first) & ((b[1] | last_fold) == last));
        f->patience += 2 * FIND_LANES * FIND_PATIENCE;
        for (uint32_t i = 0; find_any(low | high) && i < 2 * FIND_LANES; i++)
            if ((i < FIND_LANES ? low[i] : high[i - FIND_LANES]) && find_is_at(f, p + i))
                return p + i;
        p += 2 * FIND_LANES;
    }
#endif
    for (; end - p > (ptrdiff_t)ahead; p++) {
        f->patience += FIND_PATIENCE;
        if (find_is_at(f, p))
            return p;
    }
    return end;
}

#endif
