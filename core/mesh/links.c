#include "core/mesh/links.h"

#include <string.h>

#include "core/base/ensure.h"
#include "core/base/err.h"

#define LINKS_FIRST_CAP 8

void links_init(struct links *t, const struct alloc *a)
{
    *t = (struct links){.alloc = a};
}

static void lists_free(struct links *t)
{
    alloc_free(t->alloc, t->list, t->cap * sizeof *t->list);
    alloc_free(t->alloc, t->numbers, t->cap * sizeof *t->numbers);
    alloc_free(t->alloc, t->heap, t->cap * sizeof *t->heap);
}

void links_clear(struct links *t)
{
    for (uint32_t i = 0; i < t->count; i++)
        alloc_free(t->alloc, t->list[i], sizeof(struct link));
    lists_free(t);
    links_init(t, t->alloc);
}

static uint32_t place_of(const struct links *t, uint64_t number)
{
    uint32_t low = 0, high = t->count;
    while (low < high) {
        uint32_t mid = low + (high - low) / 2;
        if (t->numbers[mid] < number)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

struct link *links_find(const struct links *t, uint64_t number)
{
    uint32_t i = place_of(t, number);
    return i < t->count && t->numbers[i] == number ? t->list[i] : NULL;
}

struct link *links_after(const struct links *t, uint64_t number)
{
    uint32_t i = number == UINT64_MAX ? t->count : place_of(t, number + 1);
    return i < t->count ? t->list[i] : NULL;
}

static int make_room(struct links *t)
{
    if (t->count == LINKS_MAX)
        return ERR_FULL;
    if (t->count < t->cap)
        return 0;
    uint32_t cap = t->cap ? t->cap * 2 : LINKS_FIRST_CAP;
    struct links new = {.alloc = t->alloc, .count = t->count, .cap = cap};
    new.list = alloc_array(t->alloc, cap, sizeof *new.list);
    new.numbers = alloc_array(t->alloc, cap, sizeof *new.numbers);
    new.heap = alloc_array(t->alloc, cap, sizeof *new.heap);
    if (!new.list || !new.numbers || !new.heap) {
        lists_free(&new);
        return ERR_NO_MEMORY;
    }
    if (t->count > 0) {
        memcpy(new.list, t->list, t->count * sizeof *new.list);
        memcpy(new.numbers, t->numbers, t->count * sizeof *new.numbers);
        memcpy(new.heap, t->heap, t->count * sizeof *new.heap);
    }
    lists_free(t);
    *t = new;
    return 0;
}

static void heap_put(struct links *t, uint32_t i, struct link_due due)
{
    t->heap[i] = due;
    due.link->heap_at = i;
}

static void heap_up(struct links *t, struct link *l)
{
    uint32_t i = l->heap_at;
    for (; i > 0 && instant_before(l->armed, t->heap[(i - 1) / 2].armed); i = (i - 1) / 2)
        heap_put(t, i, t->heap[(i - 1) / 2]);
    heap_put(t, i, (struct link_due){l->armed, l});
}

static void heap_down(struct links *t, struct link *l)
{
    uint32_t i = l->heap_at, child;
    while ((child = 2 * i + 1) < t->count) {
        if (child + 1 < t->count && instant_before(t->heap[child + 1].armed, t->heap[child].armed))
            child++;
        if (!instant_before(t->heap[child].armed, l->armed))
            break;
        heap_put(t, i, t->heap[child]);
        i = child;
    }
    heap_put(t, i, (struct link_due){l->armed, l});
}

void links_arm(struct links *t, struct link *l, struct instant when)
{
    bool earlier = instant_before(when, l->armed);
    l->armed = when;
    if (earlier)
        heap_up(t, l);
    else
        heap_down(t, l);
}

struct link *links_first(const struct links *t)
{
    return t->count > 0 ? t->heap[0].link : NULL;
}

int links_add(struct links *t, uint64_t number, struct link **out)
{
    if (links_find(t, number))
        return ERR_EXISTS;
    int rc = make_room(t);
    if (rc < 0)
        return rc;
    struct link *l = alloc_zeroed(t->alloc, sizeof *l);
    if (!l)
        return ERR_NO_MEMORY;
    l->number = number;
    uint32_t i = place_of(t, number);
    memmove(t->list + i + 1, t->list + i, (t->count - i) * sizeof *t->list);
    memmove(t->numbers + i + 1, t->numbers + i, (t->count - i) * sizeof *t->numbers);
    t->list[i] = l;
    t->numbers[i] = number;
    l->armed = INSTANT_NEVER;
    heap_put(t, t->count, (struct link_due){l->armed, l});
    t->count++;
    *out = l;
    return 0;
}

void links_remove(struct links *t, struct link *l)
{
    uint32_t i = place_of(t, l->number);
    ensure(i < t->count && t->list[i] == l);
    t->count--;
    memmove(t->list + i, t->list + i + 1, (t->count - i) * sizeof *t->list);
    memmove(t->numbers + i, t->numbers + i + 1, (t->count - i) * sizeof *t->numbers);
    struct link_due last = t->heap[t->count];
    if (last.link != l) {
        heap_put(t, l->heap_at, last);
        heap_up(t, last.link);
        heap_down(t, last.link);
    }
    alloc_free(t->alloc, l, sizeof *l);
}

/* True when both ends prefer a to b. */
static bool link_is_better(const struct link *a, const struct link *b, bool self_is_lower)
{
    if (a->ours != b->ours)
#if VELUM_PLANT == 51 /* trace/test_mesh: each end keeps another one of two connections */
        return a->ours;
#else
        return a->ours == self_is_lower;
#endif
    return a->ours ? a->greeting_ours < b->greeting_ours : a->greeting_theirs < b->greeting_theirs;
}

struct link *links_best(const struct links *t, struct node_id self, struct node_id id)
{
    bool self_is_lower = node_id_compare(self, id) < 0;
    struct link *best = NULL;
    for (uint32_t i = 0; i < t->count; i++) {
        struct link *l = t->list[i];
        if ((l->state != LINK_OPEN && l->state != LINK_ENDING) || !node_id_equal(l->id, id))
            continue;
        if (!best || (best->state == LINK_ENDING && l->state == LINK_OPEN) ||
            (best->state == l->state && link_is_better(l, best, self_is_lower)))
            best = l;
    }
    return best;
}

bool links_has(const struct links *t, struct node_id id, const struct link *except)
{
    for (uint32_t i = 0; i < t->count; i++) {
        const struct link *l = t->list[i];
        if (l != except && l->state != LINK_DRAINING && node_id_equal(l->id, id))
            return true;
    }
    return false;
}
