#include "core/job/shape.h"

#include "core/base/ensure.h"
#include "core/base/err.h"

#define FIRST_CAP 8u

void shape_init(struct shape *s, const struct alloc *a)
{
    *s = (struct shape){.alloc = a};
    s->stages = &s->one;
    s->cap = 1;
}

void shape_clear(struct shape *s)
{
    if (s->stages != &s->one)
        alloc_free(s->alloc, s->stages, s->cap * sizeof *s->stages);
    shape_init(s, s->alloc);
}

size_t shape_bytes(const struct shape *s)
{
    return s->stages == &s->one ? 0 : s->cap * sizeof *s->stages;
}

static int make_room(struct shape *s, uint32_t count)
{
    uint32_t cap = s->cap < FIRST_CAP ? FIRST_CAP : 2 * s->cap;
    void *stages = s->stages == &s->one ? NULL : s->stages;
    int rc;

    if (s->count + count <= s->cap)
        return 0;
    cap = cap < s->count + count ? s->count + count : cap;
    rc = alloc_grow(s->alloc, &stages, stages == NULL ? 0 : s->cap, cap, sizeof *s->stages);
    if (rc < 0)
        return rc;
    if (s->stages == &s->one)
        ((struct shape_stage *)stages)[0] = s->one;
    s->stages = stages;
    s->cap = cap;
    return 0;
}

int shape_reserve(struct shape *s, uint32_t count)
{
    if (count > SHAPE_STAGES_MAX - s->count)
        return ERR_FULL;
    return make_room(s, count);
}

static int add(struct shape *s, uint64_t leaves, bool apart)
{
    uint64_t size = (uint64_t)1 << tree_levels(leaves);
    uint64_t first = (s->next + size - 1) & ~(size - 1);
    int rc;

    if (s->count == SHAPE_STAGES_MAX || first >= LEAVES_MAX || leaves > LEAVES_MAX - first)
        return ERR_FULL;
    rc = make_room(s, 1);
    if (rc < 0)
        return rc;
    s->stages[s->count++] = (struct shape_stage){first, first + leaves, apart};
    s->end = first + leaves;
    s->next = first + size;
    s->leaves += leaves;
    return 0;
}

int shape_add(struct shape *s, uint64_t leaves)
{
    return add(s, leaves, false);
}

int shape_add_apart(struct shape *s, uint64_t leaves)
{
    return add(s, leaves, true);
}

uint32_t shape_count(const struct shape *s)
{
    return s->count;
}

struct shape_stage shape_at(const struct shape *s, uint32_t i)
{
    ensure(i < s->count);
    return s->stages[i];
}

/* The first stage that ends after the leaf, or count. Each stage before it has a leaf at least, and
 * so has each behind it: among stages of one leaf there is nothing to search. */
static uint32_t find(const struct shape *s, uint64_t leaf)
{
    uint32_t low = 0, high = s->count;

    if (leaf >= s->end)
        return s->count;
    if (s->end - leaf < s->count)
        low = s->count - (uint32_t)(s->end - leaf);
    if (leaf < s->count)
        high = (uint32_t)leaf;

    while (low < high) {
        uint32_t mid = low + (high - low) / 2;

        if (s->stages[mid].end <= leaf)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

bool shape_find(const struct shape *s, uint64_t leaf, uint32_t *stage)
{
    *stage = find(s, leaf);
    return *stage < s->count && s->stages[*stage].first <= leaf;
}

uint64_t shape_leaves(const struct shape *s, uint64_t first, uint64_t end)
{
    uint64_t sum = 0;

    if (s->count == 1) {
        end = end < s->end ? end : s->end;
        return first < end ? end - first : 0;
    }
    for (uint32_t i = find(s, first); i < s->count && s->stages[i].first < end; i++) {
        uint64_t from = s->stages[i].first > first ? s->stages[i].first : first;

        sum += (s->stages[i].end < end ? s->stages[i].end : end) - from;
    }
    return sum;
}

/* Of a node of the row, the stage of its first leaf. */
static const struct shape_stage *stage_of(const struct shape *s, struct tree_node at)
{
    uint32_t i = 0;
    bool found = s->count == 1 || shape_find(s, tree_first(at), &i);

    ensure(found);
    return &s->stages[i];
}

/* The same node by the stage's own numbers, and back. */
static struct tree_node to_own(const struct shape_stage *g, struct tree_node at)
{
    at.index -= g->first >> at.level;
    return at;
}

static struct tree_node to_row(const struct shape_stage *g, struct tree_node at)
{
    at.index += g->first >> at.level;
    return at;
}

bool shape_has(const struct shape *s, struct tree_node at)
{
    uint32_t i;

    if (s->count == 1)
        return tree_has(at, s->end);
    /* Nothing overflows: no index is beyond what LEAVES_MAX allows. */
    if (at.level > LEVEL_MAX || at.index >= LEAVES_MAX >> at.level ||
        !shape_find(s, tree_first(at), &i))
        return false;
    /* Above the stage's root a node may begin where the stage does. */
    return at.level <= tree_levels(s->stages[i].end - s->stages[i].first);
}

uint64_t shape_end(const struct shape *s, struct tree_node at)
{
    const struct shape_stage *g = stage_of(s, at);
    uint64_t end = (at.index + 1) << at.level;

    return end < g->end ? end : g->end;
}

struct tree_node shape_canonical(const struct shape *s, struct tree_node at)
{
    const struct shape_stage *g = stage_of(s, at);

    return to_row(g, tree_canonical(to_own(g, at), g->end - g->first));
}

struct tree_node shape_root(const struct shape *s, uint32_t stage)
{
    const struct shape_stage *g = &s->stages[stage];

    ensure(stage < s->count);
    return to_row(g, tree_root(g->end - g->first));
}

bool shape_is_root(const struct shape *s, struct tree_node at)
{
    const struct shape_stage *g = stage_of(s, at);

    return tree_first(at) == g->first && shape_end(s, at) == g->end;
}

bool shape_is_apart(const struct shape *s, struct tree_node at)
{
    return stage_of(s, at)->apart;
}

struct tree_node shape_largest_at(const struct shape *s, uint64_t first, uint64_t end)
{
    const struct shape_stage *g = stage_of(s, (struct tree_node){0, first});

    end = end < g->end ? end : g->end;
    return to_row(g, tree_largest_at(first - g->first, end - g->first, g->end - g->first));
}
