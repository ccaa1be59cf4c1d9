#include "core/node/site.h"

#include "core/base/err.h"
#include "core/node/assign.h"
#include "core/node/fit.h"
#include "core/node/link.h"
#include "core/node/shares.h"
#include "core/node/stages.h"

#define RETURNED_PAUSE_US (100 * MS_US) /* a node that gave chunks back is left alone so long */
#define RETURNED_PAUSE_MAX_US (1600 * MS_US) /* doubled each time in a row, up to this */
#define COMPUTED_A_SLOT 4u

/* Forgets the sites of nodes that are gone and have nothing any more. */
static void sites_prune(struct node *n)
{
    struct site *s;
    size_t at = 0;

    while ((s = map_next(&n->sites, &at)) != NULL) {
        if (s->outstanding.slots > 0 || s->computed > 0 || !member_is_gone(n, s->id))
            continue;
        map_remove(&n->sites, &s->id);
        alloc_free(n->alloc, s, sizeof *s);
        at = 0;
    }
}

struct site *site_of(struct node *n, struct node_id id)
{
    struct site *s = map_get(&n->sites, &id);
    int rc;

    if (s != NULL)
        return s;
    if (n->sites.count == n->sites.count_max)
        sites_prune(n);
    s = node_alloc(n, sizeof *s);
    if (s == NULL)
        return NULL;
    s->id = id;
    rc = map_put(&n->sites, &id, s);
    if (rc < 0) {
        alloc_free(n->alloc, s, sizeof *s);
        n->memory_out |= rc == ERR_NO_MEMORY;
        return NULL;
    }
    return s;
}

/* In a mesh that others use as well most offers would come back, and again: each time in a row it
 * is left alone for twice as long. That a slot of it is free is heard of, too. */
void site_is_full(struct node *n, struct site *s)
{
#if VELUM_PLANT == 241 /* unit/test_scatter: a node that is full is offered work again and again */
    s->pause_us = RETURNED_PAUSE_US;
#else
    s->pause_us = s->pause_us == 0 ? RETURNED_PAUSE_US : 2 * s->pause_us;
#endif
    if (s->pause_us > RETURNED_PAUSE_MAX_US)
        s->pause_us = RETURNED_PAUSE_MAX_US;
    s->busy_until = instant_plus_us(n->now, s->pause_us);
}

void site_is_unkept(struct node *n, struct site *s)
{
    s->busy_until = instant_plus_us(n->now, RETURNED_PAUSE_US);
}

void site_is_heard(struct node *n, struct site *s)
{
    s->pause_us = 0;
    s->busy_until = n->now;
    site_may_be_free(n, s);
}

void site_is_done(struct job *j, const struct chunk *c)
{
    struct site *s = map_get(&j->node->sites, &c->node);

    if (s != NULL) {
        s->pause_us = s->pause_us > RETURNED_PAUSE_US ? s->pause_us / 2 : 0;
        s->busy_until = j->node->now;
    }
    site_less(j, c);
}

/* Whoever lies has so many chunks at most for which nothing is done. */
static bool may_be_computed(const struct node *n, const struct site *s)
{
    const struct member *m = mesh_find(n->mesh, s->id);
    const uint32_t slots = m == NULL ? n->options.slots : m->info->slots;

    return s->computed < slots * COMPUTED_A_SLOT;
}

void site_is_computed(struct job *j, const struct chunk *c)
{
    struct site *s = map_get(&j->node->sites, &c->node);
    struct chunk whole = *c;

    if (s == NULL || !may_be_computed(j->node, s) || !pool_computed(j->lead->pool, c->grant))
        return;
    s->computed++;
    /* It has had its slot all the time, whatever it has told. */
    whole.compute_us = (uint64_t)instant_since_us(j->node->now, c->granted);
    site_is_done(j, &whole);
}

void site_more(struct job *j, struct site *s, uint64_t leaf)
{
    const struct load load = fit_load(j, stage_of_leaf(j, leaf));

    s->outstanding.slots += load.slots;
    s->outstanding.memory_bytes += load.memory_bytes;
    j->node->slots_out += load.slots;
    shares_more(j, load.slots);
}

static void less(struct node *n, struct site *s, struct load by)
{
    by.slots = by.slots <= s->outstanding.slots ? by.slots : s->outstanding.slots;
    s->outstanding.slots -= by.slots;
    s->outstanding.memory_bytes -= by.memory_bytes <= s->outstanding.memory_bytes
                                       ? by.memory_bytes
                                       : s->outstanding.memory_bytes;
    n->slots_out -= by.slots;
}

void site_less(struct job *j, const struct chunk *c)
{
    struct site *s = map_get(&j->node->sites, &c->node);
    struct load load = fit_load(j, stage_of_leaf(j, c->first));

    if (c->computed) {
        if (s != NULL)
            s->computed--;
        return;
    }
    shares_less(j, load.slots, c);
    if (s == NULL)
        return;
#if VELUM_PLANT == 548 /* sim: of a chunk that took two slots one stays taken */
    load.slots = 1;
#endif
    less(j->node, s, load);
    site_may_be_free(j->node, s);
}

void site_less_all(struct job *j, struct node_id id)
{
    const struct pool *p = j->lead->pool;

    for (uint32_t i = 0; i < pool_chunks(p); i++)
        if (node_id_equal(pool_chunk_at(p, i)->node, id))
            site_less(j, pool_chunk_at(p, i));
}
