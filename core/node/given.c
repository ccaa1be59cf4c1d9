#include "core/node/given.h"

#include "core/node/link.h"

struct given {
    struct runset runs;
    struct runset ended; /* of them, with the report that is looked at */
    bool any;            /* there were too many */
    struct instant since;
    uint64_t cpu_us, compute_us; /* believed so far */
};

#define GIVEN_SLACK_US ((uint64_t)10 * S_US) /* what was reported late was begun earlier */

void given_rival(struct job *j, struct node_id by)
{
    if (j->lead != NULL && !node_is_self(j->node, by))
        j->lead->fresh = false;
}

void given_note(struct job *j, struct hand *h, uint64_t first, uint64_t end)
{
    struct given *g = h->given;

    if (!j->lead->fresh)
        return;
    if (g == NULL) {
        g = h->given = node_alloc(j->node, sizeof *g);
        if (g == NULL)
            return;
        runset_init(&g->runs, j->node->alloc, GIVEN_RUNS_MAX);
        runset_init(&g->ended, j->node->alloc, GIVEN_RUNS_MAX);
        g->since = j->node->now;
    }
    if (!g->any && runset_add(&g->runs, first, end) < 0) {
        g->any = true;
        runset_clear(&g->runs);
    }
}

static bool has(const struct given *g, uint64_t first, uint64_t end)
{
    return g->any || runset_overlap(&g->runs, first, end) == end - first;
}

/* Of leaves it was given; or of two values that are here, when it was to merge some. */
static bool may_tell(const struct job *j, const struct hand *h, const struct peer_report_chunk *c,
                     struct tree_node at)
{
    const uint64_t first = tree_first(at), end = shape_end(&j->graph->shape, at);

    if (c->flags & REPORT_MERGED)
        return cover_overlap(ledger_cover(j->ledger), first, end) == end - first;
    return h->given != NULL && has(h->given, first, end);
}

bool given_unasked(const struct job *j, const struct hand *h, const struct peer_report_chunk *c)
{
#if VELUM_PLANT == 968 /* trace/test_work_liars: merges fail that nobody asked for */
    return false;
#endif
    return j->lead->fresh && (c->flags & REPORT_MERGED) &&
           !(j->lead->merging && node_id_equal(j->lead->merging_at, h->id));
}

bool given_allows(const struct job *j, const struct hand *h, const struct peer_report_chunk *c,
                  struct bytes values)
{
    struct reader r = reader_of(values);

#if VELUM_PLANT == 945 /* trace/test_toolbox: leaves count that the node was never given */
    return true;
#endif
    if (!j->lead->fresh)
        return true;
    if (c->next > c->from && (h->given == NULL || !has(h->given, c->from, c->next)))
        return false;
    for (uint16_t i = 0; i < c->values; i++)
        if (!may_tell(j, h, c, read_value(&r).at))
            return false;
    return true;
}

/* All in all, of either. */
static uint64_t most_of(const struct job *j, const struct hand *h)
{
    const struct member *m = mesh_find(j->node->mesh, h->id);
    const uint64_t slots = m == NULL ? j->node->options.slots : m->info->slots;

    if (!j->lead->fresh)
        return UINT64_MAX;
    if (h->given == NULL)
        return 0;
    return GIVEN_SLACK_US + slots * (uint64_t)instant_since_us(j->node->now, h->given->since);
}

static uint64_t take(uint64_t *sum, uint64_t us, uint64_t most)
{
    const uint64_t room = most > *sum ? most - *sum : 0;

#if VELUM_PLANT != 1031 /* trace/test_work_liars: time counts that a node never had */
    us = us < room ? us : room;
#endif
    *sum += us;
    return us;
}

void given_time(const struct job *j, struct hand *h, const struct peer_report_chunk *c,
                uint64_t *cpu_us, uint64_t *compute_us)
{
    uint64_t none[2] = {0, 0};
    const uint64_t most = most_of(j, h);

    *cpu_us = take(h->given == NULL ? &none[0] : &h->given->cpu_us, c->cpu_us, most);
    *compute_us = take(h->given == NULL ? &none[1] : &h->given->compute_us, c->compute_us, most);
}

bool given_may_take(const struct job *j, const struct hand *h, uint64_t us)
{
    return us <= most_of(j, h);
}

/* What comes before a report that was refused is told again; and of a chunk that is not out any
 * more the same leaves may have been given to it once more. */
void given_ended(const struct job *j, struct hand *h, const struct peer_report_chunk *c)
{
    const struct chunk *chunk = pool_find(j->lead->pool, c->grant);

    if (chunk != NULL && node_id_equal(chunk->node, h->id) && h->refused == 0 && h->given != NULL &&
        !h->given->any && chunk->first < c->next)
        (void)runset_add(&h->given->ended, chunk->first, c->next);
}

void given_told(struct hand *h, bool taken)
{
    struct given *g = h->given;
    struct run run;

    if (g == NULL)
        return;
#if VELUM_PLANT == 957 /* trace/test_refused: what ended in a refused report was not given */
    taken = true;
#endif
    for (uint64_t at = 0; taken && runset_next(&g->ended, at, &run); at = run.end)
        (void)runset_remove(&g->runs, run.first, run.end);
    runset_reset(&g->ended);
}

void given_free(struct node *n, struct hand *h)
{
    if (h->given == NULL)
        return;
    runset_clear(&h->given->runs);
    runset_clear(&h->given->ended);
    alloc_free(n->alloc, h->given, sizeof *h->given);
}
