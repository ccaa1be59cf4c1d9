#include "core/job/runset.h"

#include <string.h>

#include "core/base/err.h"

#define RUNS_FIRST_CAP 8u

void runset_init(struct runset *s, const struct alloc *a, uint32_t count_max)
{
    *s = (struct runset){.alloc = a, .count_max = count_max};
}

void runset_clear(struct runset *s)
{
    alloc_free(s->alloc, s->runs, s->cap * sizeof *s->runs);
    runset_init(s, s->alloc, s->count_max);
}

void runset_reset(struct runset *s)
{
    s->count = 0;
    s->leaves = 0;
}

/* The first run whose end is at or after `leaf` (touching counts), or count. */
static uint32_t first_reaching(const struct runset *s, uint64_t leaf)
{
    uint32_t low = 0;
    uint32_t high = s->count;
    while (low < high) {
        uint32_t mid = low + (high - low) / 2;
        if (s->runs[mid].end < leaf)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

static int make_room(struct runset *s)
{
    if (s->count < s->cap)
        return 0;
    if (s->count >= s->count_max)
        return ERR_FULL;
    uint32_t cap = s->cap ? s->cap * 2 : RUNS_FIRST_CAP;
    if (cap > s->count_max)
        cap = s->count_max;
    void *runs = s->runs;
    int rc = alloc_grow(s->alloc, &runs, s->cap, cap, sizeof *s->runs);
    if (rc < 0)
        return rc;
    s->runs = runs;
    s->cap = cap;
    return 0;
}

/* Moves the runs from `from` on to `to`. */
static void shift(struct runset *s, uint32_t from, uint32_t to)
{
    memmove(s->runs + to, s->runs + from, (s->count - from) * sizeof *s->runs);
    s->count = s->count - from + to;
}

int runset_add(struct runset *s, uint64_t first, uint64_t end)
{
    if (first >= end)
        return 0;
    uint32_t i = first_reaching(s, first);
    if (i == s->count || s->runs[i].first > end) {
        int rc = make_room(s);
        if (rc < 0)
            return rc;
        shift(s, i, i + 1);
        s->runs[i] = (struct run){first, end};
        s->leaves += end - first;
        return 0;
    }
    uint32_t last = i;
    while (last + 1 < s->count && s->runs[last + 1].first <= end)
        last++;
    struct run joined = {first, end};
    if (s->runs[i].first < first)
        joined.first = s->runs[i].first;
    if (s->runs[last].end > end)
        joined.end = s->runs[last].end;
    for (uint32_t k = i; k <= last; k++)
        s->leaves -= s->runs[k].end - s->runs[k].first;
    s->leaves += joined.end - joined.first;
    s->runs[i] = joined;
    shift(s, last + 1, i + 1);
    return 0;
}

int runset_remove(struct runset *s, uint64_t first, uint64_t end)
{
    if (first >= end)
        return 0;
    uint32_t i = first_reaching(s, first + 1);
    if (i == s->count || s->runs[i].first >= end)
        return 0;
    if (s->runs[i].first < first && s->runs[i].end > end) {
        int rc = make_room(s);
        if (rc < 0)
            return rc;
        shift(s, i, i + 1);
        s->runs[i].end = first;
        s->runs[i + 1].first = end;
        s->leaves -= end - first;
        return 0;
    }
    s->leaves -= runset_overlap(s, first, end);
    if (s->runs[i].first < first)
        s->runs[i++].end = first;
    uint32_t last = i;
    while (last < s->count && s->runs[last].end <= end)
        last++;
    if (last < s->count && s->runs[last].first < end)
        s->runs[last].first = end;
    shift(s, last, i);
    return 0;
}

bool runset_contains(const struct runset *s, uint64_t leaf)
{
    uint32_t i = first_reaching(s, leaf + 1);
    return i < s->count && s->runs[i].first <= leaf;
}

uint64_t runset_overlap(const struct runset *s, uint64_t first, uint64_t end)
{
    uint64_t sum = 0;
    for (uint32_t i = first_reaching(s, first + 1); i < s->count && s->runs[i].first < end; i++) {
        uint64_t a = s->runs[i].first > first ? s->runs[i].first : first;
        uint64_t b = s->runs[i].end < end ? s->runs[i].end : end;
        sum += b - a;
    }
    return first < end ? sum : 0;
}

bool runset_next(const struct runset *s, uint64_t at, struct run *out)
{
    uint32_t i = first_reaching(s, at + 1);
    if (i == s->count)
        return false;
    *out = s->runs[i];
    if (out->first < at)
        out->first = at;
    return true;
}
