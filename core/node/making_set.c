#include "core/node/making_set.h"

#include "core/base/err.h"

void making_set_init(struct making_set *s, const struct alloc *a)
{
    *s = (struct making_set){0};
    map_init(&s->numbers, a, sizeof(uint64_t), MAKINGS_ALL_MAX);
    for (int ring = 0; ring < MAKING_RINGS; ring++)
        map_init(&s->rings[ring], a, ID_SIZE, MAKINGS_ALL_MAX);
}

void making_set_clear(struct making_set *s)
{
    map_clear(&s->numbers);
    for (int ring = 0; ring < MAKING_RINGS; ring++)
        map_clear(&s->rings[ring]);
}

struct making *making_set_find(const struct making_set *s, uint64_t number)
{
    return map_get(&s->numbers, &number);
}

struct making *making_set_first(const struct making_set *s, enum making_state state)
{
    return s->queues[state].first;
}

struct making *making_set_first_of(const struct making_set *s, struct job_id job)
{
    return map_get(&s->rings[MAKING_BY_JOB], job.bytes);
}

/* --- the order in which they came into their state --- */

static void enqueue(struct making_set *s, struct making *m)
{
    struct making_queue *q = &s->queues[m->state];

    m->queue = (struct making_near){.prev = q->last};
    if (q->last != NULL)
        q->last->queue.next = m;
    else
        q->first = m;
    q->last = m;
    q->count++;
}

static void dequeue(struct making_set *s, const struct making *m)
{
    struct making_queue *q = &s->queues[m->state];

    if (m->queue.prev != NULL)
        m->queue.prev->queue.next = m->queue.next;
    else
        q->first = m->queue.next;
    if (m->queue.next != NULL)
        m->queue.next->queue.prev = m->queue.prev;
    else
        q->last = m->queue.prev;
    q->count--;
    if (s->unsynced == m)
        s->unsynced = m->queue.next;
#if VELUM_PLANT != 642 /* unit/test_making_set: who waits behind one that went waits for ever */
    if (s->early == m)
        s->early = m->queue.next;
#endif
}

/* --- rings --- */

static const uint8_t *key_of(const struct making *m, enum making_ring ring)
{
    return ring == MAKING_BY_NAME ? m->name.bytes : m->job.bytes;
}

/* As the last of those that are like it. */
static int ring_add(struct making_set *s, struct making *m, enum making_ring ring)
{
    struct making *first = map_get(&s->rings[ring], key_of(m, ring));
    struct making_near *near = &m->rings[ring];

    if (first == NULL) {
        *near = (struct making_near){m, m};
        return map_put(&s->rings[ring], key_of(m, ring), m);
    }
    *near = (struct making_near){first->rings[ring].prev, first};
    near->prev->rings[ring].next = first->rings[ring].prev = m;
    return 0;
}

static void ring_remove(struct making_set *s, struct making *m, enum making_ring ring)
{
    struct making_near *near = &m->rings[ring];

    if (near->next == NULL)
        return;
    near->prev->rings[ring].next = near->next;
    near->next->rings[ring].prev = near->prev;
    if (near->next == m)
        map_remove(&s->rings[ring], key_of(m, ring));
    else if (map_get(&s->rings[ring], key_of(m, ring)) == m)
        (void)map_put(&s->rings[ring], key_of(m, ring), near->next); /* the key has its place */
    *near = (struct making_near){0};
}

/* --- what is to be looked at --- */

/* They come in about the order they were begun in, so the place is near the front. */
static void mark(struct making_set *s, struct making *m)
{
    struct making **at = &s->due;

    if (m->due)
        return;
    while (*at != NULL && (*at)->number > m->number)
        at = &(*at)->next_due;
    m->due = true;
    m->next_due = *at;
    *at = m;
}

static void unmark(struct making_set *s, struct making *m)
{
    struct making **at = &s->due;

    if (!m->due)
        return;
    while (*at != m)
        at = &(*at)->next_due;
    *at = m->next_due;
    m->due = false;
}

void making_set_synced(struct making_set *s, uint64_t ticket)
{
    for (; s->unsynced != NULL && s->unsynced->ticket <= ticket;
         s->unsynced = s->unsynced->queue.next)
        mark(s, s->unsynced);
}

void making_set_ended(struct making_set *s, struct instant now)
{
    for (; s->early != NULL && instant_reached(now, s->early->until);
         s->early = s->early->queue.next)
        mark(s, s->early);
}

void making_set_named(struct making_set *s, struct digest name)
{
    struct making *first = map_get(&s->rings[MAKING_BY_NAME], name.bytes), *m = first;

    while (m != NULL) {
        if (m->state == MAKING_WRITTEN)
            mark(s, m);
        m = m->rings[MAKING_BY_NAME].next;
        if (m == first)
            return;
    }
}

void making_set_all(struct making_set *s)
{
    for (struct making *m = s->queues[MAKING_WRITTEN].first; m != NULL; m = m->queue.next)
        mark(s, m);
}

struct making *making_set_take_due(struct making_set *s)
{
    struct making *m = s->due;

    if (m != NULL)
        unmark(s, m);
    return m;
}

/* --- from state to state --- */

int making_set_add(struct making_set *s, struct making *m)
{
    int rc = map_put(&s->numbers, &m->number, m);

    if (rc < 0)
        return rc;
    m->state = MAKING_HELD;
    enqueue(s, m);
    return 0;
}

static void change(struct making_set *s, struct making *m, enum making_state state)
{
    dequeue(s, m);
    m->state = state;
    enqueue(s, m);
}

void making_set_open(struct making_set *s, struct making *m)
{
    change(s, m, MAKING_OPEN);
}

struct making *making_set_has(const struct making_set *s, struct digest name, struct job_id job)
{
    struct making *first = map_get(&s->rings[MAKING_BY_NAME], name.bytes), *m = first;

    while (m != NULL && (m->state != MAKING_NAMED || !job_id_equal(m->job, job))) {
        m = m->rings[MAKING_BY_NAME].next;
        m = m == first ? NULL : m;
    }
    return m;
}

static int add_to_rings(struct making_set *s, struct making *m, bool waited_for)
{
    int rc = ring_add(s, m, MAKING_BY_NAME);

    return rc < 0 || !waited_for ? rc : ring_add(s, m, MAKING_BY_JOB);
}

int making_set_name(struct making_set *s, struct making *m)
{
    change(s, m, MAKING_NAMED);
#if VELUM_PLANT == 1005 /* trace/test_collect: a leaf counts while its output has only a name */
    return add_to_rings(s, m, false);
#endif
    return add_to_rings(s, m, true);
}

int making_set_written(struct making_set *s, struct making *m, bool waited_for)
{
    bool named = m->state == MAKING_NAMED;

    change(s, m, MAKING_WRITTEN);
    if (s->unsynced == NULL)
        s->unsynced = m;
    if (s->early == NULL)
        s->early = m;
    mark(s, m);
    return named ? 0 : add_to_rings(s, m, waited_for);
}

void making_set_remove(struct making_set *s, struct making *m)
{
    unmark(s, m);
    for (int ring = 0; ring < MAKING_RINGS; ring++)
        ring_remove(s, m, (enum making_ring)ring);
    dequeue(s, m);
    map_remove(&s->numbers, &m->number);
}
