/* Who is next; see turns.h. */
#include "core/node/turns.h"

#include "core/node/shares.h"

#define RANK_LOOKS_MAX 64 /* at jobs that may be of a higher priority */
#define PASSES_MAX 64     /* of new jobs of which nothing is known yet, in a row */

static struct turn_list *list_of(struct job *j, enum turn_kind which)
{
    return which == TURNS_SCAN ? &j->node->turns.scan : &j->lead->share->list[which];
}

static void put_in(struct job *j, enum turn_kind which, bool first)
{
    struct turn_list *l = list_of(j, which);
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
    struct turn_list *l = list_of(j, which);
    struct turn_link *at = &j->turn[which];

    if (!at->in)
        return;
    at->in = false;
    if (which == TURNS_SCAN && j->node->turns.cursor == j)
        j->node->turns.cursor = at->next;
    if (which == TURNS_ALL && j->lead->share->walk == j)
        j->lead->share->walk = at->next;
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

static void put_in_all(struct job *j)
{
    struct share *s = j->lead->share;

    put_in(j, TURNS_SCAN, false);
    put_in(j, TURNS_ALL, false);
    s->ranked += j->spec->priority != 0;
    if (j->spec->priority > 0)
        put_in(j, TURNS_HIGH, false);
    if (is_new(j))
        put_in(j, TURNS_NEW, came_now(j));
    if (s->list[TURNS_ALL].count == 1)
        shares_want(j->node, s, true);
    else
        shares_back(j);
}

static void take_out_all(struct job *j)
{
    struct share *s = j->lead->share;

    for (int which = 0; which < TURNS_KINDS; which++)
        take_out(j, (enum turn_kind)which);
    s->ranked -= j->spec->priority != 0;
    if (s->list[TURNS_ALL].count == 0)
        shares_want(j->node, s, false);
}

void turns_set(struct job *j, bool hungry)
{
    if (j->turn[TURNS_ALL].in == hungry)
        return;
    if (hungry)
        put_in_all(j);
    else
        take_out_all(j);
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
    return n->turns.scan.count;
}

/* At the first look in a go. */
static void begin_go(struct share *s, uint64_t go)
{
    if (s->go == go)
        return;
    s->go = go;
    s->walk = s->list[TURNS_ALL].first;
    s->new_tried = false;
}

bool turns_ahead(struct share *s, uint64_t go)
{
    begin_go(s, go);
#if VELUM_PLANT == 350 /* trace/test_turns: a new job waits for a round of all others */
    return false;
#endif
#if VELUM_PLANT == 351 /* trace/test_turns: while jobs are new, no other has a turn */
    return !s->new_tried && s->list[TURNS_NEW].first != NULL;
#endif
    return !s->new_tried && s->list[TURNS_NEW].first != NULL && !s->ahead;
}

void turns_no_new(struct share *s)
{
    s->new_tried = true;
}

struct job *turns_new(const struct share *s, const struct job *before)
{
    struct job *j = before == NULL ? s->list[TURNS_NEW].first : before->turn[TURNS_NEW].next;

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
    j->lead->share->ahead = ahead;
    turns_pass(j);
}

static struct job *higher_of(enum turn_kind which, struct job *j, struct job *best)
{
    struct job *at = list_of(j, which)->first;

    for (uint32_t i = 0; i < RANK_LOOKS_MAX && at != NULL; i++, at = at->turn[which].next)
        if (at->spec->priority > best->spec->priority && !at->lead->unmet &&
            pool_free_leaves(at->lead->pool) > 0)
            best = at;
    return best;
}

struct job *turns_instead(struct job *j)
{
#if VELUM_PLANT == 547 /* trace/test_demand: a job of low priority has its turns like the others */
    return j;
#endif
    if (j->lead->share->ranked == 0)
        return j;
    return higher_of(TURNS_ALL, j, higher_of(TURNS_HIGH, j, j));
}

struct job *turns_next(struct share *s, uint64_t go)
{
    struct job *j;

    begin_go(s, go);
    j = s->walk;
    s->walk = j == NULL ? NULL : j->turn[TURNS_ALL].next;
    return j;
}

void turns_again(struct share *s)
{
    if (s->walk == NULL)
        s->walk = s->list[TURNS_ALL].first;
}

struct job *turns_scan(struct node *n)
{
    struct job *j = n->turns.cursor != NULL ? n->turns.cursor : n->turns.scan.first;

    n->turns.cursor = j == NULL ? NULL : j->turn[TURNS_SCAN].next;
    return j;
}
