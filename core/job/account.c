#include "core/job/account.h"

#include <string.h>

#include "core/base/ensure.h"
#include "core/base/err.h"

#define RUNS_FIRST_CAP 2u

void account_init(struct account *a, const struct alloc *alloc)
{
    *a = (struct account){.alloc = alloc, .count_max = ACCOUNT_RUNS_MAX};
}

void account_clear(struct account *a)
{
    alloc_free(a->alloc, a->runs, a->cap * sizeof *a->runs);
    a->runs = NULL;
    a->count = a->cap = 0;
}

/* The first run that ends after `leaf`, or count. */
static uint32_t find(const struct account *a, uint64_t leaf)
{
    uint32_t low = 0;
    uint32_t high = a->count;
    while (low < high) {
        uint32_t mid = low + (high - low) / 2;
        if (a->runs[mid].run.end <= leaf)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

bool account_gap(const struct account *a, uint64_t at, uint64_t end, struct run *gap)
{
    uint32_t i = find(a, at);
    while (i < a->count && a->runs[i].run.first <= at)
        at = a->runs[i++].run.end;
    if (at >= end)
        return false;
    *gap = (struct run){at, end};
#if VELUM_PLANT == 217 /* unit/test_account: a gap reaches one leaf into the next run */
    if (i < a->count && a->runs[i].run.first + 1 < end)
        gap->end = a->runs[i].run.first + 1;
#else
    if (i < a->count && a->runs[i].run.first < end)
        gap->end = a->runs[i].run.first;
#endif
    return true;
}

/* Touching runs become one, two and two: half the account at most, where there are few holes. */
static void coarsen(struct account *a)
{
    uint32_t to = 0;
    for (uint32_t i = 0; i < a->count; to++) {
        struct account_run *r = &a->runs[to];
        *r = a->runs[i++];
        if (i == a->count || a->runs[i].run.first != r->run.end)
            continue;
        if (!node_id_equal(a->runs[i].author, r->author))
            r->author = (struct node_id){0};
        r->run.end = a->runs[i++].run.end;
    }
    a->count = to;
}

static int make_room(struct account *a)
{
    if (a->count == a->count_max)
        coarsen(a);
    if (a->count < a->cap)
        return 0;
    void *runs = a->runs;
    uint32_t cap = a->cap ? a->cap * 2 : RUNS_FIRST_CAP;
    int rc = alloc_grow(a->alloc, &runs, a->cap, cap, sizeof *a->runs);
    if (rc < 0)
        return rc;
    a->runs = runs;
    a->cap = cap;
    return 0;
}

static bool joins(const struct account *a, uint32_t left, uint32_t right)
{
    return right < a->count && left < right && a->runs[left].run.end == a->runs[right].run.first &&
           node_id_equal(a->runs[left].author, a->runs[right].author);
}

/* Makes run i and its right neighbour one where they are of one author. */
static void join(struct account *a, uint32_t i)
{
    if (!joins(a, i, i + 1))
        return;
    a->runs[i].run.end = a->runs[i + 1].run.end;
    memmove(a->runs + i + 1, a->runs + i + 2, (a->count - i - 2) * sizeof *a->runs);
    a->count--;
}

int account_add(struct account *a, struct node_id author, struct run gap)
{
    int rc = make_room(a);
    if (rc < 0)
        return rc;
    uint32_t i = find(a, gap.first);
    ensure(gap.first < gap.end && (i == a->count || gap.end <= a->runs[i].run.first));
    memmove(a->runs + i + 1, a->runs + i, (a->count - i) * sizeof *a->runs);
    a->runs[i] = (struct account_run){gap, author};
    a->count++;
    join(a, i);
    if (i > 0)
        join(a, i - 1);
    return 0;
}
