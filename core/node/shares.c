#include "core/node/shares.h"

#include "core/base/err.h"
#include "core/node/link.h"

/* --- the heap: the least of rank_us, then of `came`, is first --- */

static bool goes_before(const struct share *a, const struct share *b)
{
    return a->rank_us != b->rank_us ? a->rank_us < b->rank_us : a->came < b->came;
}

static void place(struct turns *t, uint32_t at, struct share *s)
{
    t->heap[at] = s;
    s->place = at + 1;
}

static void rise(struct turns *t, uint32_t at)
{
    struct share *s = t->heap[at];

    for (; at > 0 && goes_before(s, t->heap[(at - 1) / 2]); at = (at - 1) / 2)
        place(t, at, t->heap[(at - 1) / 2]);
    place(t, at, s);
}

static void sink(struct turns *t, uint32_t at)
{
    struct share *s = t->heap[at];

    for (uint32_t child; (child = 2 * at + 1) < t->heap_count; at = child) {
        if (child + 1 < t->heap_count && goes_before(t->heap[child + 1], t->heap[child]))
            child++;
        if (!goes_before(t->heap[child], s))
            break;
        place(t, at, t->heap[child]);
    }
    place(t, at, s);
}

static void heap_fix(struct turns *t, const struct share *s)
{
    if (s->place == 0)
        return;
    rise(t, s->place - 1);
    sink(t, s->place - 1);
}

static void heap_add(struct turns *t, struct share *s)
{
    ensure(s->place == 0 && t->heap_count < t->heap_cap);
    place(t, t->heap_count++, s);
    rise(t, s->place - 1);
}

static void heap_remove(struct turns *t, struct share *s)
{
    const uint32_t at = s->place - 1;
    struct share *last = t->heap[--t->heap_count];

    s->place = 0;
    if (last == s)
        return;
    place(t, at, last);
    heap_fix(t, last);
}

/* --- aside --- */

static void aside_add(struct turns *t, struct share *s)
{
    s->is_aside = true;
    s->next_aside = NULL;
    s->prev_aside = t->aside_last;
    if (t->aside_last != NULL)
        t->aside_last->next_aside = s;
    else
        t->aside_first = s;
    t->aside_last = s;
    t->aside_count++;
}

static void aside_remove(struct turns *t, struct share *s)
{
    s->is_aside = false;
    if (s->prev_aside != NULL)
        s->prev_aside->next_aside = s->next_aside;
    else
        t->aside_first = s->next_aside;
    if (s->next_aside != NULL)
        s->next_aside->prev_aside = s->prev_aside;
    else
        t->aside_last = s->prev_aside;
    t->aside_count--;
}

void shares_back(struct job *j)
{
    struct turns *t = &j->node->turns;
    struct share *s = j->lead->share;

    if (!s->is_aside)
        return;
    aside_remove(t, s);
    heap_add(t, s);
}

/* --- what each has had --- */

/* It only grows while its chunks run, so what the heap has is never too much. */
static void look(struct node *n, struct share *s)
{
    const int64_t passed_us = instant_since_us(n->now, s->at);

    s->served_us += passed_us > 0 ? (uint64_t)passed_us * s->slots_out : 0;
    s->at = n->now;
#if VELUM_PLANT == 601 /* trace/test_shares: who has thousands of jobs has as many turns */
    s->rank_us = s->served_us / (s->jobs > 0 ? s->jobs : 1);
#elif VELUM_PLANT == 602 /* trace/test_shares: slots that are out count only when they are back */
    s->rank_us = s->served_us;
#else
    s->rank_us = s->served_us + (uint64_t)s->slots_out * n->limits.chunk_us;
#endif
    heap_fix(&n->turns, s);
}

void shares_more(struct job *j, uint32_t slots)
{
    look(j->node, j->lead->share);
    j->lead->slots_out += slots;
    j->lead->share->slots_out += slots;
    look(j->node, j->lead->share);
}

static void less(struct job *j, uint32_t slots)
{
    j->lead->slots_out -= slots;
    j->lead->share->slots_out -= slots;
}

void shares_less(struct job *j, uint32_t slots, const struct chunk *c)
{
    struct share *s = j->lead->share;
    const int64_t waited_us = instant_since_us(j->node->now, c->granted) - (int64_t)c->compute_us;
    uint64_t too_much;

    slots = slots < j->lead->slots_out ? slots : j->lead->slots_out;
    look(j->node, s);
    less(j, slots);
#if VELUM_PLANT != 605 /* trace/test_shares: who waits for a slot is taken to have it */
    too_much = waited_us > 0 ? (uint64_t)waited_us * slots : 0;
    s->served_us -= too_much < s->served_us ? too_much : s->served_us;
#endif
    shares_back(j);
    look(j->node, s);
}

/* --- who there is --- */

void shares_init(struct node *n)
{
    map_init(&n->turns.shares, n->alloc, ID_SIZE, 2 * JOBS_LIVE_MAX);
    n->turns.go = 1;
}

void shares_free(struct node *n)
{
    struct turns *t = &n->turns;

    ensure(t->shares.count == 0);
    map_clear(&t->shares);
    alloc_free(n->alloc, (void *)t->heap, t->heap_cap * sizeof(struct share *));
}

/* So that there is always room in it for all. */
static int grow_heap(struct node *n)
{
    struct turns *t = &n->turns;
    void *heap = (void *)t->heap;
    uint32_t cap = t->heap_cap == 0 ? 8 : 2 * t->heap_cap;

    if (t->shares.count < t->heap_cap)
        return 0;
    if (alloc_grow(n->alloc, &heap, t->heap_cap, cap, sizeof(struct share *)) < 0) {
        n->memory_out = true;
        return ERR_NO_MEMORY;
    }
    t->heap = heap;
    t->heap_cap = cap;
    return 0;
}

static struct share *share_of(struct node *n, struct node_id id)
{
    struct share *s = map_get(&n->turns.shares, &id);

    if (s != NULL)
        return s;
    if (grow_heap(n) < 0 || (s = node_alloc(n, sizeof *s)) == NULL)
        return NULL;
    s->id = id;
    s->at = n->now;
    if (map_put(&n->turns.shares, &id, s) == 0)
        return s;
    n->memory_out = true;
    alloc_free(n->alloc, s, sizeof *s);
    return NULL;
}

int shares_join(struct job *j)
{
    struct share *s = share_of(j->node, j->spec->author);

    if (s == NULL)
        return ERR_NO_MEMORY;
    s->jobs++;
    j->lead->share = s;
    return 0;
}

void shares_leave(struct job *j)
{
    struct node *n = j->node;
    struct share *s = j->lead->share;

    if (s == NULL)
        return;
    look(n, s);
    less(j, j->lead->slots_out);
    look(n, s);
    j->lead->share = NULL;
    if (--s->jobs > 0)
        return;
    shares_want(n, s, false);
    map_remove(&n->turns.shares, &s->id);
    alloc_free(n->alloc, s, sizeof *s);
}

/* --- turns --- */

void shares_want(struct node *n, struct share *s, bool wants)
{
    struct turns *t = &n->turns;

    if (!wants && s->place > 0)
        heap_remove(t, s);
    else if (!wants && s->is_aside)
        aside_remove(t, s);
    if (!wants)
        return;
#if VELUM_PLANT != 603 /* trace/test_shares: who was away has all turns until he has had as much */
    if (s->served_us < t->clock_us)
        s->served_us = t->clock_us;
#endif
    s->came = ++t->came;
    heap_add(t, s);
    look(n, s);
}

uint32_t shares_wanting(const struct node *n)
{
    return n->turns.heap_count + n->turns.aside_count;
}

struct share *shares_next(struct node *n)
{
    struct turns *t = &n->turns;
    uint64_t rank_us;
    struct share *s;

    if (t->heap_count == 0)
        return NULL;
    for (uint32_t i = 0; i < SHARE_LOOKS_MAX; i++) {
        s = t->heap[0];
        rank_us = s->rank_us;
        look(n, s);
        if (s->rank_us == rank_us)
            break;
    }
    s = t->heap[0];
    t->clock_us = s->rank_us > t->clock_us ? s->rank_us : t->clock_us;
    return s;
}

void shares_aside(struct node *n, struct share *s)
{
#if VELUM_PLANT != 736 /* trace/test_shares: the only job of a submitter may not end in its turn */
    if (s->place == 0)
        return;
#endif
    heap_remove(&n->turns, s);
    aside_add(&n->turns, s);
}

void shares_go(struct node *n)
{
    struct turns *t = &n->turns;
    uint32_t most = n->limits.fruitless_jobs / SHARE_LOOKS_MAX;

    t->go++;
#if VELUM_PLANT == 604 /* trace/test_shares: those who can use nothing stand before all others */
    most = UINT32_MAX - 1;
#endif
    most += t->go % 2;
    for (struct share *s; most > 0 && (s = t->aside_first) != NULL; most--) {
        aside_remove(t, s);
        heap_add(t, s);
    }
}

struct share *shares_scan(struct node *n)
{
    struct turns *t = &n->turns;

    return t->heap_count == 0 ? NULL : t->heap[t->heap_next++ % t->heap_count];
}
