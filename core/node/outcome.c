/* How a job ends, and the merges on the way there. */
#include <string.h>

#include "core/base/err.h"
#include "core/base/sha256.h"
#include "core/node/directory.h"
#include "core/node/drain.h"
#include "core/node/events.h"
#include "core/node/jobs.h"
#include "core/node/lead.h"
#include "core/node/lead_check.h"
#include "core/node/lead_pool.h"
#include "core/node/link.h"
#include "core/node/linked.h"
#include "core/node/outcome.h"
#include "core/node/record.h"
#include "core/node/replica.h"
#include "core/node/seal.h"
#include "core/node/stages.h"
#include "core/node/tell_stages.h"
#include "core/node/turns.h"
#include "core/node/unlike.h"
#include "core/node/watch.h"
#include "core/wire/output.h"

#define MERGE_PAUSE_US (200 * MS_US) /* a node that gave merges back is left alone so long */
#define MERGE_FAILED_US (600 * S_US) /* and one whose workers ended in them */

void outcome_stop_all(struct job *j, uint8_t state)
{
    uint8_t bytes[64];
    struct buf b;

    buf_init_fixed(&b, bytes, sizeof bytes);
    put_job_id(&b, j->id);
    put_u8(&b, state);
    for (uint32_t i = 0; i < j->lead->hands_count; i++)
        send_node(j->node, j->lead->hands[i]->id, MESSAGE_STOP, 0, buf_bytes(&b));
}

/* What still runs is of no use any more. */
static void halt_all(struct job *j)
{
#if VELUM_PLANT == 145 /* trace/test_coordinator: workers forget before the outcome is synced */
    outcome_stop_all(j, job_final_state(j));
#else
    if (pool_chunks(j->lead->pool) > 0 || j->lead->merging || lead_check_out(j) > 0)
        outcome_stop_all(j, 0);
#endif
#if VELUM_PLANT != 777 /* trace/test_outcome: slots of an ended job are taken until copied */
    lead_pool_halt(j);
    lead_check_halt(j);
#endif
}

static void fill_outcome(const struct job *j, struct outcome *o)
{
    const struct lead *l = j->lead;

    o->leaves = cover_leaves(ledger_cover(j->ledger));
    for (uint32_t i = 0; i < l->hands_count; i++)
        o->nodes += l->hands[i]->seq_seen > 0;
    o->retries = pool_retries(l->pool);
    o->duplicates = l->duplicates;
    o->redone_us = l->redone_us;
    o->cpu_us = l->cpu_us;
    o->elapsed_us = job_shown_us(j);
    o->checks = j->spec->check > 0;
    if (o->checks)
        lead_check_count(j, &o->checked, &o->unchecked);
}

/* Which stages were given up, so that whoever asks later is told, and what they block. */
static void fill_failed(const struct job *j, struct outcome *o, uint8_t raw[4 * FACT_FAILED_MAX])
{
    const struct ready *r = &j->lead->ready;

    o->failed = (struct bytes){raw, 0};
    for (uint32_t i = 0; r->failed > 0 && i < j->graph->count; i++) {
        if (ready_at(r, i) != STAGE_FAILED || o->failed_count == FACT_FAILED_MAX)
            continue;
        store_u32(raw + o->failed.len, i);
        o->failed.len += 4;
        o->failed_count++;
    }
}

/* Of a collect it is the name of the list. */
static struct digest digest_of(const struct job *j, struct bytes accumulator)
{
    struct collected c;

    if (!stage_folds(j, graph_result(j->graph)) && read_collected(accumulator, &c) == 0)
        return c.list;
    return sha256_of(accumulator.data, accumulator.len);
}

/* What is told when this end, which is in the ledger, has its copies. */
static void copy_out(struct job *j, uint8_t state, struct bytes fact)
{
    struct lead *l = j->lead;

    halt_all(j);
    record_fact(j, fact, true);
    l->outcome_batch = j->batch_last + (j->fresh_count > 0);
    l->finishing = state;
#if VELUM_PLANT != 1173 /* trace/test_outcome: who refused values waits as if there were no end */
    replicas_hurry(j);
#endif
    turns_set(j, false);
}

static void write_end(struct job *j, enum job_state state, struct bytes accumulator,
                      const char *error)
{
    struct node *n = j->node;
    struct outcome o = {.state = (uint8_t)state, .accumulator = accumulator};
    uint8_t failed[4 * FACT_FAILED_MAX];
    struct buf body, fact;
    int rc;

    text_copy(o.error, sizeof o.error, error);
    if (state == JOB_DONE)
        o.digest = digest_of(j, accumulator);
    fill_outcome(j, &o);
    fill_failed(j, &o, failed);
    buf_init(&body, n->alloc, FRAME_PAYLOAD_MAX);
    buf_init(&fact, n->alloc, FRAME_PAYLOAD_MAX);
    put_outcome_body(&body, j->id, &o);
    rc = buf_result(&body);
    if (rc == 0)
        rc = seal_later(j, FACT_OUTCOME, buf_bytes(&body), &fact);
    if (rc == 0)
        rc = ledger_apply(j->ledger, buf_bytes(&fact));
    if (rc >= 0)
        copy_out(j, (uint8_t)state, buf_bytes(&fact));
    else
        log_line(n->options.log, LOG_ERROR, "cannot write an outcome: %s", err_sentence(rc));
    buf_clear(&body);
    buf_clear(&fact);
}

void outcome_write(struct job *j, enum job_state state, struct bytes accumulator, const char *error)
{
    if (j->lead == NULL || j->lead->finishing)
        return;
    write_end(j, state, accumulator, error);
    if (state == JOB_DIVERGENT)
        event_note(j->node, EVENT_NOTE_DIVERGED, (struct node_id){0}, j->id.bytes, error);
}

void outcome_divergent(struct job *j)
{
    outcome_write(j, JOB_DIVERGENT, (struct bytes){NULL, 0},
                  "two runs of the same leaves gave different values");
}

/* An outcome that another coordinator wrote, and perhaps did not live to settle; or a greater one
 * than that which is being copied. That two values or two results differ nobody may have signed. */
void outcome_adopt(struct job *j)
{
    struct bytes fact = ledger_outcome_fact(j->ledger);
    uint8_t state = job_final_state(j);

#if VELUM_PLANT == 539 /* trace/test_outcome: a greater end is told with the copies of a lesser */
    if (j->lead->finishing)
        return;
#endif
    if (j->lead->finishing == state)
        return;
    if (fact.len > 0)
        copy_out(j, state, fact);
    else
        write_end(j, JOB_DIVERGENT, (struct bytes){NULL, 0}, ledger_outcome(j->ledger)->error);
}

/* Enough copies of the outcome are synced: now it may be told. */
void outcome_settled(struct job *j)
{
    struct node *n = j->node;
    uint32_t copies, machines;

    copies = record_durable(j, j->lead->outcome_batch, &machines);
    job_settle(j, copies, machines, 0);
    outcome_stop_all(j, job_final_state(j));
    directory_publish(j);
    watch_job(n, j->id);
    lead_end(j);
    job_after_outcome(j);
    n->assign_wanted = true;
}

/* Just now: another may get what it could not. */
static bool has_given_back(const struct job *j, struct node_id id)
{
    const struct hand *h = lead_hand(j->lead, id);

    return h != NULL && instant_before(j->node->now, h->no_merges_until);
}

/* Better than another node for merging: one that has computed leaves of the job has its kernel for
 * certain. 0: not to be asked now. */
static int merge_fitness(const struct job *j, struct node_id id)
{
    const struct hand *h = lead_hand(j->lead, id);

    if (!member_takes(j->node, id) || has_given_back(j, id) || (h != NULL && h->no_kernel))
        return 0;
    return h != NULL && h->seq_seen > 0 ? 2 : 1;
}

static bool merge_node(const struct job *j, uint32_t stage, struct node_id *id)
{
    const struct node *n = j->node;
    const struct hand *own = lead_hand(j->lead, n->options.id);
    int best = 0, fitness;

    if (j->kernels[stage].kernel >= 0 && member_takes(n, n->options.id) &&
        !has_given_back(j, n->options.id) && (own == NULL || !own->no_kernel)) {
        *id = n->options.id;
        return true;
    }
    for (uint32_t i = 0; i < linked_count(n) && best < 2; i++) {
        const struct member *m = linked_at(n, i);

        fitness = merge_fitness(j, m->info->id);
        if (fitness > best) {
            best = fitness;
            *id = m->info->id;
        }
    }
    return best > 0;
}

/* As many pairs of the stage as go into one order, and into a frame of which so much is taken. */
static uint16_t put_pairs(const struct job *j, uint32_t stage, size_t taken, struct buf *pairs)
{
    const struct cover *cover = ledger_cover(j->ledger);
    size_t pair = 2 * (VALUE_HEAD_SIZE + (size_t)j->graph->stages[stage].accumulator_size);
    struct shape_stage in = stage_leaves(j, stage);
    struct value left, right;
    uint64_t from = in.first;
    uint16_t count = 0;

    while (count < MERGE_COUNT_MAX && taken + pairs->len + pair <= FRAME_PAYLOAD_MAX &&
#if VELUM_PLANT == 481 /* trace/test_graph: pairs of several stages go to one worker */
           cover_pair(cover, &from, &left, &right)) {
#else
           cover_pair(cover, &from, &left, &right) && tree_first(left.at) < in.end) {
#endif
#if VELUM_PLANT == 3 /* sim: siblings change sides */
        put_value(pairs, &right);
        put_value(pairs, &left);
#else
        put_value(pairs, &left);
        put_value(pairs, &right);
#endif
        count++;
    }
    return count;
}

static void merge_send(struct job *j, uint32_t stage, struct node_id to)
{
    struct node *n = j->node;
    struct lead *l = j->lead;
    struct hand *h = lead_hand_make(j, to);
    struct peer_grant g = {.job = j->id, .report_us = l->report_us};
    struct buf b, pairs;
    uint16_t count;

    if (h == NULL || !tell_stages(j, h, stage))
        return;
    if (!node_is_self(n, to))
        job_seal(j);
    g.claim = ledger_claim_fact(j->ledger);
    if (!h->knows_spec)
        g.spec = ledger_spec_signed(j->ledger);
    buf_init(&b, n->alloc, FRAME_PAYLOAD_MAX);
    buf_init(&pairs, n->alloc, FRAME_PAYLOAD_MAX);
    put_peer_grant_begin(&b, &g);
    count = put_pairs(j, stage, b.len + 2, &pairs);
    put_u16(&b, count);
    put_raw(&b, pairs.data, pairs.len);
    if (count > 0 && !b.failed && send_node(n, to, MESSAGE_GRANT, 0, buf_bytes(&b))) {
        h->knows_spec = true;
        unlike_tell(j, to);
        l->merging = true;
        l->merging_at = to;
        l->merging_stage = stage;
        l->merging_since = n->now;
    }
    buf_clear(&b);
    buf_clear(&pairs);
}

/* A worker is bound to a stage with all that the stage reads. Who took over may have values of one
 * that waits: they were computed with what the coordinator before had not passed on. A node would
 * keep such merges, and take no others meanwhile that would bring about what they wait for. */
static bool may_merge(const struct job *j, uint32_t stage)
{
    enum ready_state state = ready_at(&j->lead->ready, stage);

#if VELUM_PLANT == 730 /* trace/test_graph_merges: values whose inputs are not there are merged */
    return true;
#endif
    return state != STAGE_WAITING && state != STAGE_BLOCKED && !stage_is_cancelled(j, stage);
}

/* The first stage with two values that a worker has to merge, and can. */
static bool stage_to_merge(const struct job *j, uint32_t *stage)
{
    struct value left, right;
    uint64_t from = 0, at = 0;

    for (; cover_pair(ledger_cover(j->ledger), &at, &left, &right); at = from) {
        *stage = stage_of_leaf(j, tree_first(left.at));
        if (j->kernels[*stage].builtin == NULL && stage_folds(j, *stage) && may_merge(j, *stage))
            return true;
        from = stage_leaves(j, *stage).end;
    }
    return false;
}

void outcome_merge(struct job *j)
{
    struct lead *l = j->lead;
    struct node_id to;
    struct hand *h;
    uint32_t stage;

    if (l->collecting)
        return;
    if (l->merging && instant_since_us(j->node->now, l->merging_since) > j->node->limits.merge_us) {
        /* Perhaps it has forgotten the job meanwhile. */
        h = lead_hand(l, l->merging_at);
        if (h != NULL)
            h->knows_spec = false, h->stages_told = 0;
        l->merging = false;
    }
    if (!l->merging && stage_to_merge(j, &stage) && merge_node(j, stage, &to))
        merge_send(j, stage, to);
}

void outcome_merged(struct job *j)
{
    j->lead->merging = false;
#if VELUM_PLANT != 1035 /* trace/test_work_liars: merges that failed long ago are remembered */
    j->lead->merging_failed = (struct node_id){{0}};
#endif
}

void outcome_merge_failed(struct job *j, struct hand *h, uint8_t flags, const char *cause)
{
    struct lead *l = j->lead;
    struct node_id other;
    char text[VIEW_ERROR_SIZE];

    h->no_merges_until = instant_plus_us(j->node->now, MERGE_FAILED_US);
#if VELUM_PLANT == 1030 /* trace/test_work_liars: merges that failed at one node have failed */
    if (false) {
#else
    if ((node_id_is_zero(l->merging_failed) || node_id_equal(l->merging_failed, h->id)) &&
        merge_node(j, l->merging_stage, &other)) {
#endif
        l->merging_failed = h->id;
        l->merging = false;
        return;
    }
    text_copy(text, sizeof text,
              (flags & REPORT_OWN_DOING) ? "merging two values ended its worker three times: "
                                         : "merging two values was begun twenty times: ");
    text_append(text, sizeof text, cause);
    outcome_write(j, JOB_FAILED, (struct bytes){NULL, 0}, text);
}

void outcome_merges_returned(struct job *j, struct hand *h)
{
    struct lead *l = j->lead;

    h->no_merges_until = instant_plus_us(j->node->now, MERGE_PAUSE_US);
    if (l->merging && node_id_equal(l->merging_at, h->id))
        l->merging = false;
}
