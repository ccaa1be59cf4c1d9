/* What workers' nodes tell the coordinator: reports, chunks that come back, chunks that are open,
 * what workers wrote. */
#include <string.h>

#include "core/base/err.h"
#include "core/node/accounts.h"
#include "core/node/assign.h"
#include "core/node/directory.h"
#include "core/node/fit.h"
#include "core/node/forget.h"
#include "core/node/give_up.h"
#include "core/node/given.h"
#include "core/node/holder.h"
#include "core/node/jobs.h"
#include "core/node/kill.h"
#include "core/node/lead.h"
#include "core/node/lead_check.h"
#include "core/node/lead_pool.h"
#include "core/node/link.h"
#include "core/node/no_input.h"
#include "core/node/outcome.h"
#include "core/node/proving.h"
#include "core/node/record.h"
#include "core/node/report.h"
#include "core/node/seal.h"
#include "core/node/site.h"
#include "core/node/speeds.h"
#include "core/node/stages.h"
#include "core/node/turns.h"
#include "core/wire/output.h"

#define NO_ROOM_US (10 * S_US)
#define REFUSED_AGAIN_US S_US
#define REFUSED_MOST_US (30 * S_US)
#define UNABLE_AGAIN_US (60 * S_US)

/* This node is not, or no longer, the coordinator: whoever believes it is told what is known. */
static void not_leading(struct node *n, struct node_id from, struct job *j, struct job_id id)
{
    const struct tombstone *t = j == NULL ? tombstone_of(n, id) : NULL;
    struct buf b;

    buf_init(&b, n->alloc, FRAME_PAYLOAD_MAX);
    put_job_id(&b, id);
    if (j != NULL && j->ledger != NULL && !job_is_final(j)) {
        job_seal(j);
        put_block(&b, ledger_claim_fact(j->ledger));
        if (ledger_claim(j->ledger) != NULL &&
            !node_id_equal(ledger_claim(j->ledger)->node, n->options.id))
            send_node(n, from, MESSAGE_CLAIM, 0, buf_bytes(&b));
    } else if ((j != NULL && job_is_final(j)) || t != NULL) {
        put_u8(&b, t != NULL ? t->state : j->settled ? job_final_state(j) : 0);
        send_node(n, from, MESSAGE_STOP, 0, buf_bytes(&b));
    }
    buf_clear(&b);
}

/* Stages [first, end) of one report. */
struct stages_told {
    uint32_t first, end;
};

/* Values of a report under their one name; the value bytes stay borrowed from the payload. They are
 * of the stages whose leaves it tells; or, where it tells none, of one. Those of stages that were
 * cancelled, or need such a one, are left out: what is said to be killed shall not be complete
 * later. Gives how many there are. */
static int read_values(const struct job *j, struct reader *r, uint16_t count,
                       struct stages_told *of, struct buf *to)
{
    uint16_t taken = 0;

    for (uint16_t i = 0; i < count; i++) {
        struct value v = read_value(r);
        uint32_t its;

        if (r->failed)
            return ERR_FORMAT;
        if (!graph_value(j->graph, &v))
            return stages_missing(j, tree_first(v.at) + 1);
        its = stage_of_leaf(j, tree_first(v.at));
        if (of->first == of->end)
            *of = (struct stages_told){its, its + 1};
#if VELUM_PLANT != 613 /* trace/test_tasks: a report says something of other stages */
        if (its < of->first || its >= of->end)
            return ERR_FORMAT;
#endif
#if VELUM_PLANT == 870 /* trace/test_kill_stage: what came behind a killed task counts */
        if (stage_is_cancelled(j, its))
            continue;
#elif VELUM_PLANT != 718 /* trace/test_kill_stage: late reports complete a stage that was killed */
        if (given_up_behind(j, its))
            continue;
#endif
        v.at = shape_canonical(&j->graph->shape, v.at);
        put_value(to, &v);
        taken++;
    }
    if (to->len > PROGRESS_VALUES_MAX)
        return ERR_FORMAT;
    return to->failed ? buf_result(to) : taken;
}

/* What the cover now has where the value was put: itself, or what it was folded into. */
static bool folded_into(struct job *j, struct tree_node at, struct value *v)
{
    const struct shape *shape = &j->graph->shape;

    for (;;) {
        at = shape_canonical(shape, at);
        if (cover_get(ledger_cover(j->ledger), at, v))
            return v->data.data != NULL;
        if (shape_is_root(shape, at))
            return false;
        at = tree_parent(at);
    }
}

/* Those whose outputs were lost, and are here again. */
static int count_found(struct job *j, uint16_t count, struct bytes values)
{
    struct reader r = reader_of(values);
    struct value v;
    int rc = 0;

    for (uint16_t i = 0; i < count && rc >= 0; i++) {
        struct value brought = read_value(&r);

        if (folded_into(j, brought.at, &v))
            rc = proving_value(j, &v);
    }
    if (rc >= 0)
        proving_values_came(j);
    return rc;
}

/* A fact names one run; what a report newly covered may have holes. */
static void record_runs(struct job *j, struct node_id author, const struct runset *gained)
{
    uint8_t bytes[128];
    struct buf fact;

    for (uint32_t i = 1; i < gained->count; i++) {
        buf_init_fixed(&fact, bytes, sizeof bytes);
        put_partial_run(&fact, author, gained->runs[i].first, gained->runs[i].end);
        record_fact(j, buf_bytes(&fact), false);
    }
}

/* Writes the fact of what a report came to after folding: fewer values than it brought, and the
 * leaves that were not counted before it. */
static void record_partial(struct job *j, const struct partial *p, struct bytes values,
                           const struct runset *gained)
{
    struct node *n = j->node;
    struct reader r = reader_of(values);
    struct partial head = *p;
    struct buf folded, fact;
    struct tree_node last = {0, UINT64_MAX};
    struct value v;

    head.count = 0;
    head.from = gained->count > 0 ? gained->runs[0].first : p->from;
    head.upto = gained->count > 0 ? gained->runs[0].end : p->from;
    buf_init(&folded, n->alloc, FRAME_PAYLOAD_MAX);
    buf_init(&fact, n->alloc, FRAME_PAYLOAD_MAX);
    for (uint16_t i = 0; i < p->count; i++) {
        struct value brought = read_value(&r);

        if (!folded_into(j, brought.at, &v) || tree_equal(v.at, last))
            continue;
        last = v.at;
        put_value(&folded, &v);
        head.count++;
    }
    if (head.count == 0)
        goto out;
    put_partial_begin(&fact, &head);
    put_raw(&fact, folded.data, folded.len);
    /* Fewer bytes than the report's values, which were bounded: only memory can have run out. */
    if (fact.failed || folded.failed)
        n->memory_out = true;
    else
        record_fact(j, buf_bytes(&fact), false);
    record_runs(j, p->author, gained);
out:
    buf_clear(&folded);
    buf_clear(&fact);
}

/* Folds what can be folded here of one stage, whose kernel is built in. */
static int fold_stage(struct job *j, uint32_t stage)
{
    struct cover *c = ledger_cover(j->ledger);
    struct shape_stage in = stage_leaves(j, stage);
    const struct velum_kernel *k = j->kernels[stage].builtin;
    struct stage_spec room;
    struct bytes params = stage_spec_of(j, stage, &room)->params;
    uint8_t out[ACCUMULATOR_SIZE_MAX];
    struct value left, right, v;
    uint64_t from = in.first;
    int rc = 0;

    while (rc >= 0 && cover_pair(c, &from, &left, &right) && tree_first(left.at) < in.end) {
        v.at = tree_parent(left.at);
        rc = kernel_merge(k, params, left.data, right.data, out);
        v.data = (struct bytes){out, left.data.len};
        if (rc >= 0)
            rc = ledger_put(j->ledger, &v);
        from = in.first;
    }
    return rc;
}

int report_fold(struct job *j)
{
    struct value left, right;
    uint64_t from = 0, at;
    int rc = 0;

    while (rc >= 0) {
        uint32_t stage;

        at = from;
        if (!cover_pair(ledger_cover(j->ledger), &at, &left, &right))
            break;
        stage = stage_of_leaf(j, tree_first(left.at));
        if (j->kernels[stage].builtin != NULL && stage_folds(j, stage))
            rc = fold_stage(j, stage);
        from = stage_leaves(j, stage).end;
    }
    return rc;
}

static int apply_values(struct job *j, struct node_id author, const struct peer_report_chunk *c,
                        struct bytes values, bool again)
{
    struct node *n = j->node;
    struct cover *cover = ledger_cover(j->ledger);
    struct partial p = {.author = author,
                        .from = c->from,
                        .upto = c->next,
                        .compute_us = c->compute_us,
                        .count = c->values};
    struct runset gained;
    struct buf fact;
    uint64_t leaves = c->next - c->from, overlap = cover_overlap(cover, c->from, c->next);
    int rc;

    if (overlap > 0 && !(again && overlap == leaves)) {
        j->lead->duplicates += overlap;
        j->lead->redone_us += c->compute_us * overlap / leaves;
    }
    if (c->values == 0)
        return 0;
    buf_init(&fact, n->alloc, FRAME_PAYLOAD_MAX);
    put_partial_begin(&fact, &p);
    put_raw(&fact, values.data, values.len);
    runset_init(&gained, n->alloc, RUNS_NAMED_MAX);
    rc = fact.failed ? buf_result(&fact)
                     : ledger_apply_counting(j->ledger, buf_bytes(&fact), &gained);
    buf_clear(&fact);
    accounts_changed(j);
    /* At its bound the cover may still have taken some of them. */
    if (rc == LEDGER_NEW || rc == ERR_FULL) {
        if (report_fold(j) == ERR_DAMAGED)
            rc = LEDGER_DIVERGED;
        else
            record_partial(j, &p, values, &gained);
    }
    runset_clear(&gained);
    if (rc >= 0 && rc != LEDGER_DIVERGED)
        rc = count_found(j, c->values, values);
    return rc == LEDGER_DIVERGED ? ERR_DAMAGED : rc < 0 ? rc : 0;
}

static void record_attempt(struct job *j, struct node_id author, const struct peer_report_chunk *c)
{
    struct attempt a = {
        .leaf = c->next, .author = author, .own_doing = (c->flags & REPORT_OWN_DOING) != 0};
    uint8_t bytes[512];
    struct buf b;

    text_copy(a.cause, sizeof a.cause, c->cause);
    buf_init_fixed(&b, bytes, sizeof bytes);
    put_attempt(&b, &a);
    if (!b.failed && ledger_apply(j->ledger, buf_bytes(&b)) == LEDGER_NEW)
        record_fact(j, buf_bytes(&b), false);
    text_copy(j->lead->last_cause, sizeof j->lead->last_cause, c->cause);
}

void report_stop_if_moot(struct job *j, const struct chunk *c)
{
    if (c != NULL && c->next < c->end && cover_wanted(proving_cover(j), c->next, c->end) == 0)
        assign_trim(j, c->node, c->grant, 0);
}

static void report_pool(struct job *j, struct hand *h, const struct peer_report_chunk *c)
{
    struct node *n = j->node;
    struct lead *l = j->lead;
    const struct chunk *chunk = pool_find(l->pool, c->grant);
    bool known = chunk != NULL && node_id_equal(chunk->node, h->id);
    uint64_t leaves = c->next - c->from, twin;
    bool has_twin = known && pool_twin(l->pool, c->grant, &twin);
    struct chunk was;

    if (known && leaves > 0)
        h->has_run = stage_of_leaf(j, chunk->first) + 1;
    if (leaves > 0 && c->compute_us > 0)
        speeds_shown(j, h, stage_of_leaf(j, c->from), leaves, c->compute_us);
    if (!known)
        return;
    was = *chunk;
    was.compute_us += c->compute_us;
    if (c->flags & REPORT_NO_ROOM)
        h->no_room_until = instant_plus_us(n->now, NO_ROOM_US);
    if (c->flags & REPORT_FAILED) {
        pool_report(l->pool, c->grant, c->next, c->end, c->compute_us, false, n->now);
        if ((c->flags & REPORT_NO_ROOM) && assign_has_room(j))
            pool_return(l->pool, c->grant);
        else if (c->flags & REPORT_MEMORY)
            pool_died_of_memory(l->pool, c->grant, n->now);
        else
            pool_died(l->pool, c->grant, (c->flags & REPORT_OWN_DOING) != 0, n->now);
        record_attempt(j, h->id, c);
    } else if (pool_report(l->pool, c->grant, c->next, c->end, c->compute_us,
                           (c->flags & REPORT_ENDED) != 0, n->now) < 0 &&
               (c->flags & REPORT_ENDED)) {
        pool_return(l->pool, c->grant);
    }
    if (c->flags & (REPORT_FAILED | REPORT_ENDED))
        site_is_done(j, &was);
    if (has_twin)
        report_stop_if_moot(j, pool_find(l->pool, twin));
    if ((c->flags & REPORT_TOO_LONG) && c->next >= was.first && c->next < was.end)
        give_up_task(j, stage_of_leaf(j, c->next), c->cause);
}

/* What a report says counts. *taken becomes false when there was no room for all of its values:
 * their leaves are free. */
static void count_chunk(struct job *j, struct hand *h, const struct peer_report_chunk *c,
                        struct stages_told of, struct bytes values, bool again, bool *taken)
{
    struct lead *l = j->lead;
    uint64_t before = cover_changes(proving_cover(j));
    int rc;

    if (given_unasked(j, h, c))
        return;
    if (!given_allows(j, h, c, values)) {
        const struct chunk *chunk = pool_find(l->pool, c->grant);

        if ((c->flags & (REPORT_ENDED | REPORT_FAILED)) && chunk != NULL &&
            node_id_equal(chunk->node, h->id)) {
            site_less(j, chunk);
            pool_return(l->pool, c->grant);
        }
        *taken = false;
        return;
    }
    rc = apply_values(j, h->id, c, values, again);
    if (rc >= 0 && (c->flags & REPORT_ENDED))
        given_ended(j, h, c);
    if (rc == 0 && c->next > c->from)
        pool_counted(l->pool, c->grant, c->from, c->next, before);
    if (rc == ERR_DAMAGED)
        outcome_divergent(j);
    else
        lead_check_told(j, h, c, values);
#if VELUM_PLANT == 12 /* trace/test_refused: KEPT is said of what there was no room for */
    *taken = true;
#else
    *taken &= rc >= 0;
#endif
    if (c->values > 0)
        lead_values_came(j, of.first, of.end);
    if ((c->flags & REPORT_MERGED) && (c->flags & REPORT_FAILED) &&
        !stage_is_cancelled(j, l->merging_stage))
        outcome_merge_failed(j, h, c->flags, c->cause);
    else if (c->flags & REPORT_MERGED)
        outcome_merged(j);
    else
        report_pool(j, h, c);
}

static void take_chunk(struct job *j, struct hand *h, const struct peer_report_chunk *c,
                       struct stages_told of, struct bytes values, bool again, bool *taken)
{
    struct lead *l = j->lead;
    uint64_t cpu_us = 0, served_us = 0;

    if (!again)
        given_time(j, h, c, &cpu_us, &served_us);
    l->cpu_us += cpu_us;
    l->spent |= (c->flags & REPORT_SPENT) != 0 && given_may_take(j, h, j->spec->cpu_us);
    if (c->next > c->from || ((c->flags & REPORT_MERGED) && !(c->flags & REPORT_FAILED)))
        l->no_input_since = (struct instant){0};
    if (!lead_check_takes(j, h, c, values))
        count_chunk(j, h, c, of, values, again, taken);
    turns_served(j, served_us);
}

static int report_chunk(struct job *j, struct hand *h, struct reader *r, bool again, bool *taken)
{
    struct peer_report_chunk c;
    struct stages_told of = {0, 0};
    struct buf values;
    int rc;

    read_peer_report_chunk(r, &c);
    if (r->failed)
        return ERR_FORMAT;
    if (c.next > j->graph->shape.end ||
        (c.next > c.from && !stage_has_run(j, c.from, c.next, &of.first)))
        return stages_missing(j, c.next);
    if (c.next > c.from)
        of.end = stage_of_leaf(j, c.next - 1) + 1;
    /* Of tasks all that are told have a value. */
    if (of.end - of.first > 1 && of.end - of.first != c.values)
        return ERR_FORMAT;
    buf_init(&values, j->node->alloc, FRAME_PAYLOAD_MAX);
    rc = read_values(j, r, c.values, &of, &values);
    c.values = rc < 0 ? 0 : (uint16_t)rc;
#if VELUM_PLANT == 13 /* sim: a partial of a job that has ended is accepted */
    if (rc >= 0)
#else
    if (rc >= 0 && !j->lead->finishing)
#endif
        take_chunk(j, h, &c, of, buf_bytes(&values), again, taken);
    buf_clear(&values);
    return rc < 0 ? rc : 0;
}

static void send_kept(struct job *j, const struct hand *h)
{
    uint8_t bytes[64];
    struct buf b;

    buf_init_fixed(&b, bytes, sizeof bytes);
    put_job_id(&b, j->id);
    put_u64(&b, h->seq_kept);
    send_node(j->node, h->id, MESSAGE_KEPT, 0, buf_bytes(&b));
}

/* KEPT speaks for all reports up to its number: from this one on it is not said. */
static void note_refused(const struct node *n, struct hand *h, uint64_t seq)
{
    if (h->refused != 0)
        return;
    if (seq != h->refused_last)
        h->refused_since = n->now;
    h->refused = h->refused_last = seq;
    h->refused_at = n->now;
}

void report_ask_again(struct job *j)
{
    struct instant now = j->node->now;

    for (uint32_t i = 0; i < j->lead->hands_count; i++) {
        struct hand *h = j->lead->hands[i];
        bool last;

        if (h->refused == 0 || instant_since_us(now, h->refused_at) < REFUSED_AGAIN_US)
            continue;
        last = instant_since_us(now, h->refused_since) >= REFUSED_MOST_US;
        h->seq_seen = last ? h->seq_seen : h->refused - 1;
        h->refused = 0;
        if (!last)
            lead_peer_up(j, h->id);
    }
}

int report_take(struct node *n, struct node_id from, struct bytes payload)
{
    struct reader r = reader_of(payload);
    struct job_id id = read_job_id(&r);
    uint64_t seq = read_u64(&r);
    bool again = read_u8(&r) != 0;
    uint64_t before = read_u64(&r);
    uint16_t count = read_u16(&r);
    struct job *j = job_find(n, id);
    struct hand *h;
    bool taken = true, late;
    int rc = 0;

    if (r.failed)
        return ERR_FORMAT;
    if (j == NULL || j->lead == NULL) {
        not_leading(n, from, j, id);
        return 0;
    }
    h = lead_hand_make(j, from);
    if (h == NULL)
        return ERR_NO_MEMORY;
#if VELUM_PLANT == 14 /* sim: a report that comes twice is applied twice */
    again = false;
    h->seq_seen = seq <= h->seq_seen ? seq - 1 : h->seq_seen;
#endif
    if (seq <= h->seq_seen) {
        if (seq <= h->seq_kept)
            send_kept(j, h);
        return 0;
    }
    /* One in between was lost with a link: KEPT for this one would speak for that one too. */
#if VELUM_PLANT != 11 /* sim: nobody notices that a report before this one was lost */
    if (before > h->seq_seen) {
        lead_peer_up(j, from);
        return 0;
    }
#endif
    h->seq_seen = seq;
    late = j->lead->finishing;
    for (uint16_t i = 0; i < count && rc == 0 && j->lead != NULL; i++)
        rc = report_chunk(j, h, &r, again, &taken);
    h = j->lead == NULL ? NULL : lead_hand(j->lead, from);
#if VELUM_PLANT != 775 /* trace/test_refused: KEPT covers a report of what is not known here yet */
    taken &= rc == 0;
#endif
    if (h != NULL)
        given_told(h, taken);
    if (h != NULL && !taken)
        note_refused(n, h, seq);
    if (rc < 0)
        return rc;
        /* What comes behind an outcome is not looked at: the last STOP ends it. */
#if VELUM_PLANT == 255 /* trace/test_refused: KEPT of a later report covers a refused one */
    if (taken && !late)
#else
    if (h != NULL && h->refused == 0 && !late)
#endif
        record_notice(j, from, seq);
    lead_advance(j);
    n->assign_wanted = true;
    return reader_done(&r) ? 0 : ERR_FORMAT;
}

void report_ahead(struct job *j, uint32_t stage, uint16_t count, struct bytes values,
                  uint64_t compute_us)
{
    const struct peer_report_chunk c = {.from = stage_leaves(j, stage).first,
                                        .next = stage_leaves(j, stage + count - 1).end,
                                        .compute_us = compute_us,
                                        .values = count};

    if (apply_values(j, j->node->options.id, &c, values, false) == ERR_DAMAGED)
        outcome_divergent(j);
    lead_values_came(j, stage, stage + count);
}

/* Which stage it is that gives work back; UINT32_MAX: none, it has no part of the job, or gives a
 * check back. */
static uint32_t stage_returned(const struct job *j, struct node_id from, struct reader grants,
                               uint16_t count)
{
    const struct lead *l = j->lead;
    uint64_t grant = count == 0 ? 0 : read_u64(&grants);
    const struct chunk *c = count == 0 ? NULL : pool_find(l->pool, grant);

#if VELUM_PLANT == 1032 /* trace/test_work_liars: anybody may say that inputs are nowhere */
    return c == NULL ? l->merging_stage : stage_of_leaf(j, c->first);
#endif
    if (count == 0 && l->merging && node_id_equal(l->merging_at, from))
        return l->merging_stage;
    if (c == NULL || !node_id_equal(c->node, from) || lead_check_is(j, grant))
        return UINT32_MAX;
    return stage_of_leaf(j, c->first);
}

/* That a stage lacks what is being computed again says nothing new, and what that lacks counts. Nor
 * does a chunk that is only a check. */
static bool says_of_input(const struct job *j, uint8_t reason, uint32_t stage)
{
    if (stage == UINT32_MAX)
        return false;
#if VELUM_PLANT == 489 /* trace/test_graph_merges: what is computed again is taken for lost */
    return reason == RETURN_NO_INPUT;
#endif
    return reason == RETURN_NO_INPUT && !(stage < j->graph->count && lead_pool_rests(j, stage));
}

/* What a node that has the kernel said last of why it does not run it, should nobody. */
static void keep_why(struct job *j, const char *why)
{
    struct lead *l = j->lead;

    if (why[0] == 0)
        return;
    if (l->cannot_why == NULL)
        l->cannot_why = node_alloc(j->node, REASON_SIZE);
    if (l->cannot_why != NULL)
        text_sanitise(why, strlen(why), true, l->cannot_why, REASON_SIZE);
}

int report_returned(struct node *n, struct node_id from, struct bytes payload)
{
    struct reader r = reader_of(payload);
    struct job_id id = read_job_id(&r);
    uint8_t reason = read_u8(&r);
    char why[REASON_SIZE];
    uint16_t count;
    struct job *j = job_find(n, id);
    bool lacks_input;
    struct hand *h;
    struct site *s;

    read_text(&r, why, sizeof why);
    count = read_u16(&r);
    if (r.failed || count > GRANT_CHUNKS_MAX)
        return ERR_FORMAT;
    if (j == NULL || j->lead == NULL)
        return 0;
    h = lead_hand_make(j, from);
    if (h == NULL)
        return ERR_NO_MEMORY;
    if (reason == RETURN_COMPUTED)
        return report_computed(j, h, &r, count);
    if (reason == RETURN_NO_KERNEL) {
        /* One that says why has the kernel, and what it lacks it may have again. */
        lead_hand_lacks(j->lead, h,
                        why[0] != 0 ? instant_plus_us(n->now, UNABLE_AGAIN_US) : INSTANT_NEVER);
        keep_why(j, why);
    }
    lacks_input = says_of_input(j, reason, stage_returned(j, from, r, count));
    if (lacks_input && no_input_fails(j, from, why))
        return 0;
    s = site_of(n, from);
    h->knows_spec &= reason != RETURN_STOPPING;
    h->stages_told = h->knows_spec ? h->stages_told : 0;
#if VELUM_PLANT == 445 /* trace/test_turns: who waits for confirmation is left alone as if busy */
    if (s != NULL)
        site_is_full(n, s);
#else
    if (reason == RETURN_UNKEPT && s != NULL)
        site_is_unkept(n, s);
    else if (reason != RETURN_UNKNOWN && reason != RETURN_FULL && s != NULL)
        site_is_full(n, s);
#endif
    for (uint16_t i = 0; i < count; i++) {
        uint64_t grant = read_u64(&r);
        const struct chunk *c = pool_find(j->lead->pool, grant);

        lead_check_returned(j, from, grant);
#if VELUM_PLANT == 213 /* trace/test_coordinator: anybody may give back another's chunk */
        if (c == NULL)
            continue;
#else
        if (c == NULL || !node_id_equal(c->node, from))
            continue;
#endif
        site_less(j, c);
        if (lacks_input)
            proving_doubt(j, stage_of_leaf(j, c->first));
        pool_return(j->lead->pool, grant);
    }
    if (count == 0 && lacks_input)
        proving_doubt(j, j->lead->merging_stage);
    if (count == 0 || reason == RETURN_NO_KERNEL)
        outcome_merges_returned(j, h);
    n->assign_wanted = true;
    lead_advance(j);
    return reader_done(&r) ? 0 : ERR_FORMAT;
}
