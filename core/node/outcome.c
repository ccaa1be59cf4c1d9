/* How a job ends, and the merges on the way there. */
#include <string.h>

#include "core/base/err.h"
#include "core/base/sha256.h"
#include "core/node/directory.h"
#include "core/node/jobs.h"
#include "core/node/lead.h"
#include "core/node/link.h"
#include "core/node/outcome.h"
#include "core/node/record.h"
#include "core/node/replica.h"
#include "core/node/seal.h"
#include "core/node/watch.h"

void lead_stop_all(struct job *j, uint8_t state)
{
    uint8_t bytes[64];
    struct buf b;

    buf_init_fixed(&b, bytes, sizeof bytes);
    put_job_id(&b, j->id);
    put_u8(&b, state);
    for (uint32_t i = 0; i < j->lead->hands_count; i++)
        send_node(j->node, j->lead->hands[i].id, MESSAGE_STOP, 0, buf_bytes(&b));
}

static void fill_outcome(const struct job *j, struct outcome *o)
{
    const struct lead *l = j->lead;

    o->leaves = cover_leaves(ledger_cover(j->ledger));
    for (uint32_t i = 0; i < l->hands_count; i++)
        o->nodes += l->hands[i].seq_seen > 0;
    o->retries = pool_retries(l->pool);
    o->duplicates = l->duplicates;
    o->redone_us = l->redone_us;
    o->cpu_us = l->cpu_us;
    o->elapsed_us = job_elapsed_us(j);
}

void outcome_write(struct job *j, enum job_state state, struct bytes accumulator, const char *error)
{
    struct node *n = j->node;
    struct outcome o = {.state = (uint8_t)state, .accumulator = accumulator};
    struct buf body, fact;
    int rc;

    if (j->lead == NULL || j->lead->finishing)
        return;
    text_copy(o.error, sizeof o.error, error);
    if (state == JOB_DONE)
        o.digest = sha256_of(accumulator.data, accumulator.len);
    fill_outcome(j, &o);
    buf_init(&body, n->alloc, FRAME_PAYLOAD_MAX);
    buf_init(&fact, n->alloc, FRAME_PAYLOAD_MAX);
    put_outcome_body(&body, j->id, &o);
    rc = buf_result(&body);
    if (rc == 0)
        rc = seal_later(j, FACT_OUTCOME, buf_bytes(&body), &fact);
    if (rc == 0)
        rc = ledger_apply(j->ledger, buf_bytes(&fact));
    if (rc >= 0) {
        lead_stop_all(j, o.state);
        record_fact(j, buf_bytes(&fact), true);
        j->lead->outcome_batch = j->batch_last + 1;
        j->lead->finishing = true;
        job_set_hungry(j, false);
    } else {
        log_line(n->options.log, LOG_ERROR, "cannot write an outcome: %s", err_sentence(rc));
    }
    buf_clear(&body);
    buf_clear(&fact);
}

/* An outcome that another coordinator wrote, and perhaps did not live to settle. */
void outcome_adopt(struct job *j)
{
    struct bytes fact = ledger_outcome_fact(j->ledger);

    if (j->lead == NULL || j->lead->finishing)
        return;
    lead_stop_all(j, job_final_state(j));
    if (fact.len > 0)
        record_fact(j, fact, true);
    j->lead->outcome_batch = j->batch_last + (j->fresh_count > 0);
    j->lead->finishing = true;
}

/* Enough copies of the outcome are synced: now it may be told. */
void outcome_settled(struct job *j)
{
    struct node *n = j->node;
    uint32_t copies, machines;

    if (j->lead->published)
        return;
    j->lead->published = true;
    copies = record_durable(j, &machines);
    job_settle(j, copies, machines);
    directory_publish(j);
    watch_job(n, j->id);
    lead_end(j);
    job_after_outcome(j);
    n->assign_wanted = true;
}

static bool merge_node(struct job *j, struct node_id *id)
{
    struct node *n = j->node;

    if (j->kernel >= 0 && !n->stopping) {
        *id = n->options.id;
        return true;
    }
    for (uint32_t i = 0; i < mesh_count(n->mesh); i++) {
        const struct member *m = mesh_at(n->mesh, i);
        const struct hand *h = lead_hand(j->lead, m->info.id);

        if (member_works(n, m->info.id) && h != NULL && h->seq_seen > 0 && !h->no_kernel) {
            *id = m->info.id;
            return true;
        }
    }
    return false;
}

/* Pairs of siblings of a kernel that is not built in go to a worker, a few at a time. */
void merge_advance(struct job *j)
{
    struct node *n = j->node;
    struct lead *l = j->lead;
    struct hand *h;
    struct peer_grant g = {.job = j->id};
    struct buf b, pairs;
    struct value left, right;
    struct node_id to;
    uint64_t from = 0;
    uint16_t count = 0;

    if (j->builtin != NULL || l->merging || l->collecting)
        return;
    buf_init(&b, n->alloc, FRAME_PAYLOAD_MAX);
    buf_init(&pairs, n->alloc, FRAME_PAYLOAD_MAX);
    while (count < MERGE_COUNT_MAX && cover_pair(ledger_cover(j->ledger), &from, &left, &right)) {
#if VELUM_PLANT == 3 /* siblings change sides */
        put_value(&pairs, &right);
        put_value(&pairs, &left);
#else
        put_value(&pairs, &left);
        put_value(&pairs, &right);
#endif
        count++;
    }
    if (count == 0 || !merge_node(j, &to) || (h = lead_hand_make(j, to)) == NULL)
        goto out;
    if (!node_is_self(n, to))
        job_seal(j);
    g.claim = ledger_claim_fact(j->ledger);
    g.report_us = REPORT_US_DEFAULT;
    if (!h->knows_spec)
        g.spec = ledger_spec_signed(j->ledger);
    put_peer_grant_begin(&b, &g);
    put_u16(&b, count);
    put_raw(&b, pairs.data, pairs.len);
    if (!b.failed && send_node(n, to, MESSAGE_GRANT, 0, buf_bytes(&b))) {
        h->knows_spec = true;
        l->merging = true;
        l->merging_at = to;
        l->merging_since = n->now;
    }
out:
    buf_clear(&b);
    buf_clear(&pairs);
}
