#include "core/node/author_ask.h"

#include "core/node/jobs.h"
#include "core/node/link.h"
#include "core/node/owners.h"
#include "core/node/seek.h"

_Static_assert(AUTHOR_ASKED_MAX == SEEK_MAX, "all who may have a job are asked");

static struct author_ask *find(struct author_asks *a, struct job_id job)
{
    for (uint32_t i = 0; i < a->count; i++)
        if (job_id_equal(a->asks[i]->job, job))
            return a->asks[i];
    return NULL;
}

static bool is_fresh(const struct node *n, const struct author_ask *a)
{
    return instant_since_us(n->now, a->since) < AUTHOR_KNOWN_US;
}

static enum author_word word_of(const struct node *n, const struct author_ask *a, struct node_id by)
{
    uint32_t named = 0, others = 0;
    bool over = instant_since_us(n->now, a->since) >= AUTHOR_WAIT_US;

    for (uint32_t i = 0; i < a->count; i++) {
        named += node_id_equal(a->by[i], by);
        others += !node_id_is_zero(a->by[i]) && !node_id_equal(a->by[i], by);
    }
    if (!over || named == others)
        return AUTHOR_UNKNOWN;
    if (!owner_word_is_enough(n, named > others ? named : others))
        return AUTHOR_UNKNOWN;
    return named > others ? AUTHOR_IS : AUTHOR_IS_NOT;
}

enum author_word author_word(const struct node *n, struct job_id job, struct node_id by)
{
    const struct job *j = job_find(n, job);
    const struct author_asks *all = &n->vouches.author_asks;

    if (j != NULL)
        return node_id_equal(j->spec->author, by) ? AUTHOR_IS : AUTHOR_IS_NOT;
    for (uint32_t i = 0; i < all->count; i++)
        if (job_id_equal(all->asks[i]->job, job) && is_fresh(n, all->asks[i]))
            return word_of(n, all->asks[i], by);
    return AUTHOR_UNKNOWN;
}

static void drop(struct node *n, uint32_t i)
{
    struct author_asks *a = &n->vouches.author_asks;

    alloc_free(n->alloc, a->asks[i], sizeof *a->asks[i]);
    a->asks[i] = a->asks[--a->count];
}

/* NULL: there is no memory. */
static struct author_ask *ask_new(struct node *n)
{
    struct author_asks *a = &n->vouches.author_asks;
    struct author_ask *ask;
    uint32_t first = 0;

    for (uint32_t i = 1; a->count == AUTHOR_ASKS_MAX && i < a->count; i++)
        if (instant_before(a->asks[i]->since, a->asks[first]->since))
            first = i;
    if (a->count == AUTHOR_ASKS_MAX)
        drop(n, first);
    ask = node_alloc(n, sizeof *ask);
    if (ask != NULL)
        a->asks[a->count++] = ask;
    return ask;
}

void author_asks_forget(struct node *n)
{
    struct author_asks *a = &n->vouches.author_asks;

    for (uint32_t i = a->count; i-- > 0;)
        if (!is_fresh(n, a->asks[i]))
            drop(n, i);
}

void author_asks_free(struct node *n)
{
    while (n->vouches.author_asks.count > 0)
        drop(n, 0);
}

/* Who had no link, or said nothing, is asked again. */
static void send(struct node *n, struct author_ask *a)
{
    uint8_t bytes[64];
    struct buf b;

    a->sent = n->now;
    buf_init_fixed(&b, bytes, sizeof bytes);
    put_job_id(&b, a->job);
    put_u32(&b, 0);
    for (uint32_t i = 0; i < a->count; i++)
        if (node_id_is_zero(a->by[i]))
            (void)send_node(n, a->who[i], MESSAGE_WATCH, 0, buf_bytes(&b));
}

void author_ask(struct node *n, struct job_id job)
{
    struct author_asks *all = &n->vouches.author_asks;
    struct author_ask *a;

    if (job_find(n, job) != NULL)
        return;
    a = find(all, job);
    if (a == NULL || !is_fresh(n, a)) {
        a = a == NULL ? ask_new(n) : a;
        if (a == NULL)
            return;
        *a = (struct author_ask){.job = job, .since = n->now};
        a->count = seek_candidates(n, job, a->who);
        send(n, a);
    } else if (instant_since_us(n->now, a->sent) >= AUTHOR_WAIT_US) {
        send(n, a);
    }
}

void author_told(struct node *n, struct node_id from, struct job_id job, struct node_id by)
{
    struct author_ask *a = find(&n->vouches.author_asks, job);

    for (uint32_t i = 0; a != NULL && i < a->count; i++)
        if (node_id_equal(a->who[i], from))
            a->by[i] = by;
}
