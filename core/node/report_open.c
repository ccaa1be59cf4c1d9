/* Which chunks a worker's node has: OPEN, when it was shown a title; and which of them it has
 * computed. */
#include "core/base/err.h"
#include "core/node/assign.h"
#include "core/node/jobs.h"
#include "core/node/lead.h"
#include "core/node/lead_check.h"
#include "core/node/report.h"
#include "core/node/site.h"
#include "core/node/stages.h"

/* Grants that were given out before the claim was shown and that the node does not list never
 * reached it. */
static void return_unlisted(struct job *j, const struct hand *h, const uint64_t *listed,
                            uint16_t count)
{
    struct pool *p = j->lead->pool;
    uint32_t i = 0;

    lead_check_unlisted(j, h, listed, count);
    while (i < pool_chunks(p)) {
        const struct chunk *c = pool_chunk_at(p, i);
        bool keep = !node_id_equal(c->node, h->id) || c->grant > h->shown;

        for (uint16_t k = 0; k < count && !keep; k++)
            keep = listed[k] == c->grant;
        if (keep) {
            i++;
            continue;
        }
        /* Another takes its place in the list. */
        site_less(j, c);
        pool_return(p, c->grant);
    }
}

/* One open chunk: adopted when the leaves are free, stopped when somebody else has them by now. */
static int open_chunk(struct job *j, struct hand *h, struct reader *r, uint64_t *grant)
{
    struct node *n = j->node;
    struct site *s = site_of(n, h->id);
    const struct chunk *c;
    uint64_t next, end;

    *grant = read_u64(r);
    next = read_u64(r);
    end = read_u64(r);
    if (r->failed || next > end)
        return ERR_FORMAT;
    if (end > j->graph->shape.end)
        return stages_missing(j, end);
    c = pool_find(j->lead->pool, *grant);
    if (c != NULL && node_id_equal(c->node, h->id)) {
        report_stop_if_moot(j, c);
        return 0;
    }
    if (lead_check_is(j, *grant))
        return 0;
    if (pool_adopt(j->lead->pool, h->id, *grant, next, end, n->now) == 0 && s != NULL)
        site_more(j, s, next);
    else
        assign_trim(j, h->id, *grant, 0);
    return 0;
}

int report_open(struct node *n, struct node_id from, struct bytes payload)
{
    struct reader r = reader_of(payload);
    struct job_id id = read_job_id(&r);
    uint32_t epoch = read_u32(&r);
    uint16_t count = read_u16(&r);
    struct job *j = job_find(n, id);
    uint64_t listed[OPEN_CHUNKS_MAX];
    struct hand *h;
    int rc = 0;

    if (r.failed || count > OPEN_CHUNKS_MAX)
        return ERR_FORMAT;
    if (j == NULL || j->lead == NULL || epoch != j->lead->claim.epoch)
        return 0;
    h = lead_hand_make(j, from);
    if (h == NULL)
        return ERR_NO_MEMORY;
    lead_hand_answers(j->lead, h);
    pool_not_lost(j->lead->pool, from, h->boot);
    for (uint16_t i = 0; i < count && rc == 0; i++)
        rc = open_chunk(j, h, &r, &listed[i]);
    if (rc == 0)
        return_unlisted(j, h, listed, count);
    n->assign_wanted = true;
    job_mark_busy(j);
    return rc < 0 ? rc : reader_done(&r) ? 0 : ERR_FORMAT;
}

int report_computed(struct job *j, const struct hand *h, struct reader *r, uint16_t count)
{
    for (uint16_t i = 0; i < count; i++) {
        const struct chunk *c = pool_find(j->lead->pool, read_u64(r));

        if (c != NULL && node_id_equal(c->node, h->id))
            site_is_computed(j, c);
    }
    j->node->assign_wanted = true;
    job_mark_busy(j);
    return reader_done(r) ? 0 : ERR_FORMAT;
}
