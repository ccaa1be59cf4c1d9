/* Who is next; see turns.h. */
#include "core/node/turns.h"

#define RANK_LOOKS_MAX 64 /* at jobs that may be of a higher priority */
#define PASSES_MAX 64     /* of new jobs of which nothing is known yet, in a row */

static void put_in(struct job *j, enum turn_kind which, bool first)
{
    struct turn_list *l = &j->node->turns.list[which];
    struct turn_link *at = &j->turn[which];

    ensure(!at->in);
    at->in = true;
    at->prev = first ? NULL : l->last;
    at->next = first ? l->first : NULL;
    if (at->prev != NULL)
        at->prev->turn[which].next = j;
    else
        l->first = j;
    if (at->next != NULL)
        at->next->turn[which].prev = j;
    else
        l->last = j;
    l->count++;
}

static void take_out(struct job *j, enum turn_kind which)
{
    struct turn_list *l = &j->node->turns.list[which];
    struct turn_link *at = &j->turn[which];

    if (!at->in)
        return;
    at->in = false;
    if (which == TURNS_ALL && j->node->turns.cursor == j)
        j->node->turns.cursor = at->next;
    if (which == TURNS_ALL && j->node->turns.walk == j)
        j->node->turns.walk = at->next;
    if (at->prev != NULL)
        at->prev->turn[which].next = at->next;
    else
        l->first = at->next;
    if (at->next != NULL)
        at->next->turn[which].prev = at->prev;
    else
        l->last = at->prev;
    l->count--;
}

static bool is_new(const struct job *j)
{
    return j->lead->served_us < j->node->limits.chunk_us;
}

/* Thousands may be taken over at once: they did not come last, however late they are here. */
static bool came_now(const struct job *j)
{
#if VELUM_PLANT == 354 /* trace/test_turns: jobs that are taken over go ahead of a new one */
    return true;
#endif
    return j->lead->claim.epoch <= 1;
}

void turns_set(struct job *j, bool hungry)
{
    if (j->turn[TURNS_ALL].in == hungry)
        return;
    if (!hungry) {
        take_out(j, TURNS_ALL);
        take_out(j, TURNS_NEW);
        take_out(j, TURNS_HIGH);
        j->node->turns.ranked -= j->spec->priority != 0;
        return;
    }
    put_in(j, TURNS_ALL, false);
    j->node->turns.ranked += j->spec->priority != 0;
    if (j->spec->priority > 0)
        put_in(j, TURNS_HIGH, false);
    if (is_new(j))
        put_in(j, TURNS_NEW, came_now(j));
}

void turns_served(struct job *j, uint64_t us)
{
    j->lead->served_us += us;
    j->node->turns.served = j->node->now;
    if (!is_new(j))
        take_out(j, TURNS_NEW);
}

uint32_t turns_count(const struct node *n)
{
    return n->turns.list[TURNS_ALL].count;
}

bool turns_ahead(const struct node *n)
{
#if VELUM_PLANT == 350 /* trace/test_turns: a new job waits for a round of all others */
    return false;
#endif
#if VELUM_PLANT == 351 /* trace/test_turns: while jobs are new, no other has a turn */
    return n->turns.list[TURNS_NEW].first != NULL;
#endif
    return n->turns.list[TURNS_NEW].first != NULL && !n->turns.ahead;
}

struct job *turns_new(struct node *n, const struct job *before)
{
    struct job *j = before == NULL ? n->turns.list[TURNS_NEW].first : before->turn[TURNS_NEW].next;

    for (uint32_t i = 0; j != NULL && pool_chunks(j->lead->pool) > 0 && j->lead->served_us == 0;
         i++)
        j = i < PASSES_MAX ? j->turn[TURNS_NEW].next : NULL;
    return j;
}

void turns_pass(struct job *j)
{
    if (!j->turn[TURNS_ALL].in)
        return;
    take_out(j, TURNS_ALL);
    put_in(j, TURNS_ALL, false);
}

void turns_had(struct job *j, bool ahead)
{
    j->node->turns.ahead = ahead;
    turns_pass(j);
}

static struct job *higher_of(enum turn_kind which, const struct job *j, struct job *best)
{
    struct job *at = j->node->turns.list[which].first;

    for (uint32_t i = 0; i < RANK_LOOKS_MAX && at != NULL; i++, at = at->turn[which].next)
        if (at->spec->priority > best->spec->priority &&
            node_id_equal(at->spec->author, j->spec->author) && !at->lead->unmet &&
            pool_free_leaves(at->lead->pool) > 0)
            best = at;
    return best;
}

struct job *turns_instead(struct job *j)
{
#if VELUM_PLANT == 547 /* trace/test_demand: a job of low priority has its turns like the others */
    return j;
#endif
    if (j->node->turns.ranked == 0)
        return j;
    return higher_of(TURNS_ALL, j, higher_of(TURNS_HIGH, j, j));
}

void turns_begin(struct node *n)
{
    n->turns.walk = n->turns.list[TURNS_ALL].first;
}

struct job *turns_next(struct node *n)
{
    struct job *j = n->turns.walk;

    n->turns.walk = j == NULL ? NULL : j->turn[TURNS_ALL].next;
    return j;
}

struct job *turns_scan(struct node *n)
{
    struct job *j = n->turns.cursor != NULL ? n->turns.cursor : n->turns.list[TURNS_ALL].first;

    n->turns.cursor = j == NULL ? NULL : j->turn[TURNS_ALL].next;
    return j;
}
