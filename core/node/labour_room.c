#include "core/node/labour_room.h"

#include "core/node/fit.h"
#include "core/node/labour.h"
#include "core/node/link.h"

#define AHEAD_US ((uint64_t)10 * S_US) /* a submitter who comes anew was served so much less */

bool room_meets(const struct node *n, const struct stage_spec *s)
{
    struct offer own = fit_offer(n, NULL);

#if VELUM_PLANT == 544 /* trace/test_demand: a node takes what it has not got the memory for */
    return true;
#endif
    return demand_misses(&s->demand, &own) == 0;
}

bool load_fits(const struct node *n, struct load running, struct load more)
{
    return running.slots + more.slots <= n->options.slots &&
           (more.memory_bytes == 0 ||
            running.memory_bytes + more.memory_bytes <= n->options.memory_bytes);
}

static struct load load_here(const struct node *n)
{
    struct load all = {0};

    for (const struct job *j = n->labour_jobs; j != NULL; j = j->next_labour)
        for (const struct labour_chunk *c = j->labour->chunks; c != NULL; c = c->next_chunk) {
            all.slots += c->load.slots;
            all.memory_bytes += c->load.memory_bytes;
        }
    return all;
}

static int order(uint64_t a, uint64_t b)
{
    return a < b ? -1 : a > b;
}

int room_order(const struct job *a, const struct job *b)
{
    const struct labour *x = a->labour, *y = b->labour;

    if (x->submitter != y->submitter)
        return order(x->submitter->served_us, y->submitter->served_us);
#if VELUM_PLANT != 545 /* trace/test_demand: at a node a job of low priority goes before others */
    if (a->spec->priority != b->spec->priority)
        return a->spec->priority > b->spec->priority ? -1 : 1;
#endif
    return order(x->served_us, y->served_us);
}

/* Of the jobs that are to be served behind this one, the running chunk of the last. */
static struct labour_chunk *next_to_leave(const struct node *n, const struct job *newcomer)
{
    struct labour_chunk *victim = NULL;
    const struct job *of = newcomer;

    for (struct job *j = n->labour_jobs; j != NULL; j = j->next_labour)
        for (struct labour_chunk *c = j->labour->chunks; c != NULL && room_order(j, of) > 0;
             c = c->next_chunk)
            if (c->state == SLOT_RUNNING && !c->leaving)
                victim = c, of = j;
    return victim;
}

/* Whether a job that has a chunk here was served no less than this one was, which may wait for its
 * slots then. Of those that were served more, so many chunks make room at their next leaf. */
static bool make_room(struct node *n, const struct job *newcomer, struct load load)
{
    struct labour_chunk *victim;
    bool room = false;

    for (struct job *j = n->labour_jobs; j != NULL && !room; j = j->next_labour) {
        if (j == newcomer || j->labour->chunks == NULL)
            continue;
#if VELUM_PLANT == 356 /* trace/test_labour: nobody is let in before the first report of another */
        room = room_order(j, newcomer) > 0;
#else
        room = room_order(j, newcomer) >= 0;
#endif
    }
    for (uint32_t freed = 0; room && freed < load.slots; freed += victim->load.slots) {
        victim = next_to_leave(n, newcomer);
        if (victim == NULL)
            break;
        victim->leaving = true;
        labour_order_trim(n, victim, 0);
    }
    return room;
}

bool room_for_chunk(struct job *j, const struct stage_spec *s, uint8_t flags)
{
    struct node *n = j->node;
    struct load load = fit_load_of(s), all = load_here(n);

    if (load_fits(n, all, load))
        return true;
    return (flags & GRANT_KNOCK) != 0 && all.slots + load.slots <= 2 * n->options.slots &&
           make_room(n, j, load);
}

/* --- submitters --- */

static struct submitter *find(const struct node *n, struct node_id id)
{
    struct submitter *s = n->submitters;

    while (s != NULL && !node_id_equal(s->id, id))
        s = s->next;
    return s;
}

/* He is served before all others for a while, and not for as long as they had been. */
static uint64_t served_at_first(const struct node *n)
{
    uint64_t least = UINT64_MAX;

    for (const struct submitter *s = n->submitters; s != NULL; s = s->next)
        least = s->served_us < least ? s->served_us : least;
    return least == UINT64_MAX || least < AHEAD_US ? 0 : least - AHEAD_US;
}

struct submitter *room_submitter(struct node *n, struct node_id id)
{
    struct submitter *s = find(n, id);

    if (s == NULL) {
        s = node_alloc(n, sizeof *s);
        if (s == NULL)
            return NULL;
        s->id = id;
        s->served_us = served_at_first(n);
        s->next = n->submitters;
        n->submitters = s;
    }
    s->jobs++;
    return s;
}

void room_submitter_drop(struct node *n, struct submitter *s)
{
    struct submitter **at = &n->submitters;

    if (s == NULL || --s->jobs > 0)
        return;
    while (*at != s)
        at = &(*at)->next;
    *at = s->next;
    alloc_free(n->alloc, s, sizeof *s);
}

void room_served(struct job *j, uint64_t us)
{
    j->labour->served_us += us;
    j->labour->submitter->served_us += us;
}
