#include "core/node/fetch_wait.h"

#include "core/node/fetching.h"
#include "core/node/get.h"
#include "core/node/keeping.h"
#include "core/node/link.h"

#define LOOKS_MAX 64u /* that are begun, or are not wanted any more, in one go */

struct fetch_wait {
    struct fetch_wait *next;
    struct digest name;
    uint64_t size;
    struct node_id source;
};

void fetch_waits_init(struct node *n)
{
    map_init(&n->objects->waited.names, n->alloc, ID_SIZE, GETS_MAX);
    map_init(&n->objects->copied.names, n->alloc, ID_SIZE, FETCH_WAITS_MAX);
}

/* What is to be kept, and a user waits for now, may be in both: the second time it is here. */
static struct fetch_queue *queue_of(struct node *n, struct digest name)
{
#if VELUM_PLANT == 490 /* trace/test_object_links: a user waits behind all the copies */
    (void)name;
    return &n->objects->copied;
#else
    return gets_wait_for(n, name) ? &n->objects->waited : &n->objects->copied;
#endif
}

bool fetch_wait_add(struct node *n, struct digest name, uint64_t size, struct node_id source)
{
    struct fetch_queue *q = queue_of(n, name);
    struct fetch_wait *w;

    if (map_get(&q->names, &name) != NULL)
        return true;
    if (q->names.count >= q->names.count_max)
        return false;
    w = node_alloc(n, sizeof *w);
    if (w == NULL)
        return false;
    *w = (struct fetch_wait){.name = name, .size = size, .source = source};
    if (map_put(&q->names, &name, w) < 0) {
        alloc_free(n->alloc, w, sizeof *w);
        n->memory_out = true;
        return false;
    }
    if (q->last == NULL)
        q->first = w;
    else
        q->last->next = w;
    q->last = w;
    return true;
}

bool fetch_wait_has(const struct node *n, struct digest name)
{
    return map_get(&n->objects->waited.names, &name) != NULL ||
           map_get(&n->objects->copied.names, &name) != NULL;
}

bool fetch_waits_any(const struct node *n)
{
    return n->objects->waited.first != NULL || n->objects->copied.first != NULL;
}

static void take_first(struct node *n, struct fetch_queue *q)
{
    struct fetch_wait *w = q->first;

    q->first = w->next;
    if (q->first == NULL)
        q->last = NULL;
    (void)map_remove(&q->names, &w->name);
    alloc_free(n->alloc, w, sizeof *w);
}

/* Where the one who told of it has gone, others tell. */
static void begin(struct node *n, const struct fetch_wait *w)
{
    bool waited = gets_wait_for(n, w->name);

    if ((waited || keeping_is_kept(n, w->name)) && member_works(n, w->source))
        (void)fetching_begin(n, w->name, w->size, w->source);
    /* Others had said so too, when it had no place. */
    if (waited)
        gets_seek_again(n, w->name);
}

void fetch_waits_go_on(struct node *n)
{
    struct objects *s = n->objects;
    uint32_t looks = 0;

    while (looks++ < LOOKS_MAX && fetch_waits_any(n)) {
        struct fetch_queue *q = s->waited.first != NULL ? &s->waited : &s->copied;
        struct fetch_wait w = *q->first;

        if (!fetching_has_place(n, w.name))
            return;
        take_first(n, q);
        begin(n, &w);
    }
}

void fetch_waits_free(struct node *n)
{
    struct objects *s = n->objects;

    while (s->waited.first != NULL)
        take_first(n, &s->waited);
    while (s->copied.first != NULL)
        take_first(n, &s->copied);
    map_clear(&s->waited.names);
    map_clear(&s->copied.names);
}
