/* Coordination of one job by this node: the title, what workers' nodes tell, and what follows from
 * it. Everything here is soft state but what record.c writes: a new coordinator builds it again
 * from the ledger and from what nodes say they have open. */
#include "core/node/drain.h"
#include "core/node/lead.h"
#include "core/base/err.h"
#include "core/node/asker.h"
#include "core/node/assign.h"
#include "core/node/collect.h"
#include "core/node/directory.h"
#include "core/node/fit.h"
#include "core/node/give_up.h"
#include "core/node/given.h"
#include "core/node/holder.h"
#include "core/node/jobs.h"
#include "core/node/keep.h"
#include "core/node/kill.h"
#include "core/node/lead_check.h"
#include "core/node/lead_claim.h"
#include "core/node/lead_pool.h"
#include "core/node/level.h"
#include "core/node/link.h"
#include "core/node/linked.h"
#include "core/node/outcome.h"
#include "core/node/place.h"
#include "core/node/proving.h"
#include "core/node/quarantine.h"
#include "core/node/record.h"
#include "core/node/replica.h"
#include "core/node/report.h"
#include "core/node/reserve.h"
#include "core/node/revoked.h"
#include "core/node/seal.h"
#include "core/node/session.h"
#include "core/node/shares.h"
#include "core/node/site.h"
#include "core/node/speeds.h"
#include "core/node/stages.h"
#include "core/node/turns.h"
#include "core/node/unlike.h"
#include "core/node/warrant.h"

#include <string.h>

#define VANISHED_LATELY_US (300 * S_US)
#define HANDS_MAX (2 * MESH_MEMBERS_MAX) /* nodes come and go while a job runs */

struct hand *lead_hand(const struct lead *l, struct node_id id)
{
    return map_get(&l->hand_of, &id);
}

static void hand_blank(struct lead *l, struct hand *h, struct node_id id, uint64_t boot)
{
    l->hands_without -= h->no_kernel;
    l->hands_answered -= h->answered;
    *h = (struct hand){.id = id, .boot = boot, .given = h->given};
}

static struct hand *hand_add(struct job *j, struct node_id id, uint64_t boot)
{
    struct lead *l = j->lead;
    uint32_t cap = l->hands_cap == 0 ? 4 : l->hands_cap * 2;
    void *list = l->hands;
    struct hand *h;

    if (l->hands_count == l->hands_cap) {
        if (alloc_grow(j->node->alloc, &list, l->hands_cap, cap, sizeof *l->hands) < 0) {
            j->node->memory_out = true;
            return NULL;
        }
        l->hands = list;
        l->hands_cap = cap;
    }
    h = node_alloc(j->node, sizeof *h);
    if (h == NULL)
        return NULL;
    if (map_put(&l->hand_of, &id, h) < 0) {
        alloc_free(j->node->alloc, h, sizeof *h);
        j->node->memory_out = true;
        return NULL;
    }
    l->hands[l->hands_count++] = h;
    hand_blank(l, h, id, boot);
    return h;
}

/* What is known of a node is forgotten when its process is another one now. */
struct hand *lead_hand_make(struct job *j, struct node_id id)
{
    struct hand *h = lead_hand(j->lead, id);
    uint64_t boot = member_boot(j->node, id);

    if (h == NULL)
        return hand_add(j, id, boot);
#if VELUM_PLANT != 210 /* sim: the next process of a node is taken for the one before */
    if (h->boot != boot)
        hand_blank(j->lead, h, id, boot);
#endif
    return h;
}

void lead_hand_lacks(struct lead *l, struct hand *h, struct instant again_at)
{
    l->hands_without += !h->no_kernel;
    h->no_kernel = true;
    h->again_at = again_at;
    l->hands_again_at = instant_first(l->hands_again_at, again_at);
}

/* What kept them from running it may be over. */
static void hands_again(struct job *j)
{
    struct lead *l = j->lead;
    struct instant next = INSTANT_NEVER;

    if (!instant_reached(j->node->now, l->hands_again_at))
        return;
    for (uint32_t i = 0; l->hands_without > 0 && i < l->hands_count; i++) {
        struct hand *h = l->hands[i];

        if (!h->no_kernel || !instant_reached(j->node->now, h->again_at)) {
            next = h->no_kernel ? instant_first(next, h->again_at) : next;
            continue;
        }
#if VELUM_PLANT != 793 /* trace/test_shares: who could not run a job once never gets a part of it */
        h->no_kernel = false;
        l->hands_without--;
        j->node->assign_wanted = true;
        job_mark_busy(j);
#endif
    }
    l->hands_again_at = next;
}

void lead_hand_answers(struct lead *l, struct hand *h)
{
    l->hands_answered += !h->answered;
    h->answered = true;
}

static void hands_free(struct node *n, struct lead *l)
{
    for (uint32_t i = 0; i < l->hands_count; i++) {
        given_free(n, l->hands[i]);
        alloc_free(n->alloc, l->hands[i], sizeof *l->hands[i]);
    }
    alloc_free(n->alloc, l->hands, l->hands_cap * sizeof *l->hands);
    map_clear(&l->hand_of);
}

int lead_begin(struct job *j, bool fresh)
{
    struct node *n = j->node;
    struct lead *l = node_alloc(n, sizeof *l);
    int rc;

    if (l == NULL)
        return ERR_NO_MEMORY;
    keep_drop(j);
    j->lead = l;
    l->began = n->now;
    map_init(&l->hand_of, n->alloc, ID_SIZE, HANDS_MAX);
    l->proved_once = fresh;
#if VELUM_PLANT == 468 /* trace/test_lost: who takes over takes outputs for there */
    l->proved_once = true;
#endif
    l->proved = n->partings;
    rc = shares_join(j);
    if (rc == 0)
        rc = lead_pool_begin(j);
    if (rc < 0)
        goto fail;
    l->cut_at = j->graph->shape.end;
    if (fresh)
        record_fact(j, ledger_spec_fact(j->ledger), true);
    rc = lead_claim_heed(j);
    if (rc == 0)
        rc = place_begin(j, fresh || job_is_final(j));
    if (rc == 0)
        rc = lead_claim_write(j, fresh || job_is_final(j));
    if (rc < 0)
        goto fail;
    replicas_follow(j);
    /* The outcome of a coordinator that went before enough copies were synced: bringing them about
     * is all that is left. */
    l->finishing = job_final_state(j);
    l->outcome_batch = j->batch_last + (j->fresh_count > 0);
    l->collecting = !fresh;
    l->fresh = fresh;
    /* One that somebody else has led so far is new only if nothing came of that. */
    if (cover_leaves(ledger_cover(j->ledger)) > 0)
        l->served_us = n->limits.chunk_us;
    turns_set(j, fresh && !l->finishing);
    l->collect_until = instant_plus_us(n->now, n->limits.collect_us);
    if (!fresh)
        lead_claim_show_all(j);
    n->assign_wanted = true;
    directory_publish(j);
    job_mark_busy(j);
    reserve_look(j);
    /* Nothing that is told now counts any more. */
    if (ledger_cancel(j->ledger) != NULL)
        lead_advance(j);
    return 0;
fail:
    lead_end(j);
    return rc;
}

void lead_end(struct job *j)
{
    struct node *n = j->node;
    struct lead *l = j->lead;
    const struct claim *c;

    if (l == NULL)
        return;
    turns_set(j, false);
    collect_drop(j);
    lead_check_end(j);
    lead_pool_drop(j);
    shares_leave(j);
    fit_end(j);
    proving_drop(j);
    reserve_end(j);
    sessions_end(j);
    speeds_end(j);
    j->lead = NULL;
    ready_clear(&l->ready);
    alloc_free(n->alloc, l->failed_why, VIEW_ERROR_SIZE);
    alloc_free(n->alloc, l->cannot_why, REASON_SIZE);
    hands_free(n, l);
    alloc_free(n->alloc, l, sizeof *l);
    c = j->ledger == NULL ? NULL : ledger_claim(j->ledger);
    if (c != NULL && !node_is_self(n, c->node) && !job_is_final(j))
        holder_send_snapshot(j, c->node);
#if VELUM_PLANT != 148 /* trace/test_coordinator: facts of a coordinator that steps down are lost */
    record_unwritten(j);
#endif
    askers_pass_on(j);
    record_clear(j);
}

/* How many live nodes could run this job: those not known to lack the kernel, of those that meet
 * what it asks for. */
uint32_t lead_eligible(struct job *j, uint32_t *slots)
{
    const struct node *n = j->node;
    const struct lead *l = j->lead;
    const struct hand *h = lead_hand(l, n->options.id);
    const struct member *m;
    uint32_t count = h == NULL || !h->no_kernel, drain;

    if (fit_all(j, &count, slots))
        return count;
    count &= !drain_is_on(n);
    *slots = count * n->options.slots + n->there_slots - drain_slots(n, &drain);
    count += n->there_count - drain;
    /* Few lack it, where not all do. */
    for (uint32_t i = 0; l->hands_without > 0 && i < l->hands_count; i++) {
        m = l->hands[i]->no_kernel ? mesh_find(n->mesh, l->hands[i]->id) : NULL;
        if (m == NULL || !member_is_there(m) || member_idles(j->node, m))
            continue;
        count--;
        *slots -= m->info->slots;
    }
    return count;
}

/* A node from which most others have vanished lately is likely the one that is cut off. */
static bool hears_most(const struct node *n)
{
    uint32_t there = 1 + n->there_count, missing = 0;

    for (uint32_t i = 0; i < mesh_count(n->mesh); i++) {
        const struct member *m = mesh_at(n->mesh, i);

        missing += m->state != NODE_LEFT && !member_is_there(m) &&
                   instant_since_us(n->now, m->heard) < VANISHED_LATELY_US;
    }
    return missing <= there;
}

/* Why leaves that kept dying are given up: names the stage as its flow does, and the nodes that
 * were lost, or says how the last worker died. */
static void say_poisoned(struct job *j, uint64_t leaf, const char *why, char text[VIEW_ERROR_SIZE])
{
    struct lead *l = j->lead;
    char name[NODE_NAME_SIZE];
    struct node_id lost[POOL_LOST_AT_MAX];
    uint32_t count = pool_lost_at(l->pool, leaf, lost);
    struct stage_spec room;
    const struct stage_spec *s = stage_spec_of(j, stage_of_leaf(j, leaf), &room);

    text[0] = 0;
    if (s->name[0] != 0) {
        text_append(text, VIEW_ERROR_SIZE, "[");
        text_append(text, VIEW_ERROR_SIZE, s->name);
        text_append(text, VIEW_ERROR_SIZE, "] ");
    }
    text_append(text, VIEW_ERROR_SIZE, why);
    for (uint32_t i = 0; i < count; i++) {
        member_name(j->node, lost[i], name);
        text_append(text, VIEW_ERROR_SIZE, i == 0 ? "; lost were " : ", ");
        text_append(text, VIEW_ERROR_SIZE, name);
    }
    if (l->last_cause[0] != 0) {
        text_append(text, VIEW_ERROR_SIZE, count > 0 ? "; a worker's end: " : ": ");
        text_append(text, VIEW_ERROR_SIZE, l->last_cause);
    }
}

/* Leaves that keep dying end the job, or their stage. */
static void fail_if_poisoned(struct job *j)
{
    struct lead *l = j->lead;
    char why[VIEW_ERROR_SIZE], text[VIEW_ERROR_SIZE];
    uint32_t slots;
    uint64_t leaf;
    bool sure = true;

#if VELUM_PLANT != 393 /* trace/test_coordinator: who is cut off blames a leaf for those it lost */
    sure = !pool_lost_many(l->pool) || hears_most(j->node);
#endif
    while (pool_poisoned(l->pool, lead_eligible(j, &slots), sure, &leaf, why, sizeof why)) {
        say_poisoned(j, leaf, why, text);
        if (!j->spec->keep_going || (j->graph->count == 1 && ledger_is_whole(j->ledger))) {
            if (j->graph->count > 1)
                lead_stage_fails(j, stage_of_leaf(j, leaf));
            outcome_write(j, JOB_FAILED, (struct bytes){NULL, 0}, text);
            return;
        }
        give_up_stage(j, stage_of_leaf(j, leaf), text);
    }
}

/* What was told to coordinators before this one, or not yet, does not count. */
static void fail_if_spent(struct job *j)
{
    char text[VIEW_ERROR_SIZE] = "its workers used more than the ", number[24];
    const uint64_t most = j->spec->cpu_us;

#if VELUM_PLANT == 843 /* trace/test_cpu_time: a limit on processor time is no limit */
    return;
#endif
    if (most == 0 || (j->lead->cpu_us <= most && !j->lead->spent))
        return;
    text_of_u64(most / (uint64_t)MS_US, number);
    text_append(text, sizeof text, number);
    text_append(text, sizeof text, " ms of processor time that the job may use (cpu-time)");
    outcome_write(j, JOB_FAILED, (struct bytes){NULL, 0}, text);
}

static void judge(struct job *j)
{
    const struct lead *l = j->lead;

    fail_if_spent(j);
    if (!l->finishing)
        fail_if_poisoned(j);
    if (!l->finishing && l->ready.failed > 0 && ready_over(&l->ready) && ledger_is_whole(j->ledger))
        give_up_job(j);
}

/* Every stage is complete: the output of the last one is the result. */
static void complete(struct job *j)
{
    uint32_t stage = graph_result(j->graph);
    struct value root;

#if VELUM_PLANT != 848 /* trace/test_check: a result is told before its checks have come back */
    if (lead_check_holds(j))
        return;
#endif
    if (!stage_folds(j, stage))
        collect_advance(j);
    else if (cover_root(ledger_cover(j->ledger), stage, &root))
        outcome_write(j, JOB_DONE, root.data, "");
}

void lead_advance(struct job *j)
{
    const struct cancel *cancel;
    struct lead *l = j->lead;

    if (l == NULL || l->finishing)
        return;
    cancel = ledger_cancel(j->ledger);
#if VELUM_PLANT == 21 /* sim: a job with a cancel goes on */
    cancel = NULL;
#endif
    if (cancel != NULL) {
        outcome_write(j, cancel->state, (struct bytes){NULL, 0},
                      cancel->state != JOB_TIMED_OUT ? "cancelled"
                      : sessions_abandoned(j)
                          ? "its author neither closed it nor asked for 60 s: stages may be missing"
                          : "its time ran out");
        return;
    }
    /* Values may have come as facts of another holder, with nobody's report to fold them. */
    if (report_fold(j) == ERR_DAMAGED) {
        outcome_divergent(j);
        return;
    }
    assign_cut(j);
    give_up_cancelled(j);
    lead_stages_look(j);
#if VELUM_PLANT == 871 /* trace/test_graph_lost: what the last stage reads anew stays lost */
    if (!ready_all(&l->ready))
#else
    if (!ready_all(&l->ready) || l->found != NULL)
#endif
        proving_tend(j);
#if VELUM_PLANT == 527 /* trace/test_append: an open job is done when all there is so far is */
    if (ready_all(&l->ready))
#else
    if (ready_all(&l->ready) && ledger_is_whole(j->ledger))
#endif
        complete(j);
    else
        outcome_merge(j);
    if (l->finishing)
        return;
    judge(j);
}

/* The node is gone: what it had not reported is free at once. After a goodbye no leaf is to blame.
 */
void lead_node_gone(struct job *j, struct node_id id)
{
    struct node *n = j->node;
    const struct member *m = mesh_find(n->mesh, id);
    int64_t lost_us = 0;

    if (j->lead == NULL)
        return;
    site_less_all(j, id);
    lead_check_gone(j, id);
    if (m != NULL && m->state == NODE_LEFT)
        pool_left(j->lead->pool, id);
    else
        pool_lost(j->lead->pool, id, member_boot(n, id), n->now, &lost_us);
    j->lead->redone_us += lost_us > 0 ? (uint64_t)lost_us : 0;
    if (j->lead->merging && node_id_equal(j->lead->merging_at, id))
        j->lead->merging = false;
    replica_down(j, id);
    n->assign_wanted = true;
    lead_advance(j);
}

void lead_node_doubt(struct job *j, struct node_id id, bool doubt)
{
    if (j->lead == NULL)
        return;
#if VELUM_PLANT == 754 /* trace/test_silent: leaves of who is silent wait until it is dead */
    if (doubt)
        return;
#endif
    if (doubt) {
        pool_doubt(j->lead->pool, id);
#if VELUM_PLANT != 897 /* trace/test_check: a check at who is not heard holds the result */
        lead_check_gone(j, id); /* its word comes too late, or is a duplicate */
#endif
    } else {
        pool_heard(j->lead->pool, id);
    }
    j->node->assign_wanted = true;
    job_mark_busy(j);
}

void lead_peer_up(struct job *j, struct node_id id)
{
    if (j->lead == NULL)
        return;
    lead_claim_show(j, id);
    j->node->assign_wanted = true;
}

static void end_collecting(struct job *j)
{
    struct node *n = j->node;
    struct lead *l = j->lead;
    const struct hand *h = lead_hand(l, n->options.id);
    bool all = h != NULL && h->answered && l->hands_answered > n->there_count;

    for (uint32_t i = 0; all && i < linked_count(n); i++) {
        const struct member *m = linked_at(n, i);

        h = lead_hand(l, m->info->id);
        all = !member_is_there(m) || (h != NULL && h->answered);
    }
    if (!all && !instant_reached(n->now, l->collect_until))
        return;
    l->collecting = false;
    turns_set(j, !l->finishing);
    n->assign_wanted = true;
    lead_advance(j);
}

/* Every 50 ms or so while it coordinates, and at the end of each step that touched the job. */
void lead_tick(struct job *j)
{
    struct node *n = j->node;
    struct lead *l = j->lead;

    /* One that was suspected while its link held is trusted again without a new link. */
    replicas_tick(j);
    lead_claims_show(j);
    warrant_tend(j);
    if (l->collecting)
        end_collecting(j);
    askers_tick(j);
    if (l->finishing || revoked_ends(j))
        return;
    hands_again(j);
    report_ask_again(j);
    lead_check_tick(j);
    if (j->lead->finishing)
        return;
    reserve_look(j);
    outcome_merge(j);
#if VELUM_PLANT != 648 /* trace/test_tasks: stages that are to be looked at later wait for news */
    if (l->ready.first_due > 0)
        lead_advance(j);
#endif
    if (l->proving != NULL || (instant_before(l->list_again, n->now) && l->list_again.us != 0))
        lead_advance(j);
#if VELUM_PLANT == 23 /* sim: the limit of a job is measured by the wall clock */
    if (j->spec->timeout_us > 0 && ledger_cancel(j->ledger) == NULL &&
        (n->wall_s - j->submitted_s) * S_US > (int64_t)j->spec->timeout_us) {
#else
    if (j->spec->timeout_us > 0 && job_elapsed_us(j) > j->spec->timeout_us &&
#if VELUM_PLANT == 212 /* trace/test_coordinator: the limit of a job is forgotten at a takeover */
        l->claim.epoch == 1 &&
#endif
        ledger_cancel(j->ledger) == NULL) {
#endif
        cancel_here(j, n->options.id, JOB_TIMED_OUT);
        return;
    }
    if (sessions_abandoned(j) && ledger_cancel(j->ledger) == NULL) {
        cancel_here(j, n->options.id, JOB_TIMED_OUT);
        return;
    }
    if (pool_lost_many(l->pool))
        judge(j); /* it may have had to wait */
    if (!l->finishing)
        place_tend(j);
}

void lead_view(struct job *j, struct job_view *v)
{
    struct lead *l = j->lead;

    v->nodes = 0;
    l->count_pass++;
    for (uint32_t i = 0; i < pool_chunks(l->pool); i++) {
        struct hand *h = lead_hand(l, pool_chunk_at(l->pool, i)->node);

        if (h == NULL || h->counted == l->count_pass)
            continue;
        h->counted = l->count_pass;
        v->nodes++;
    }
    v->leaves_done = cover_leaves(ledger_cover(j->ledger));
    /* A coordinator that took over has not given anything out itself. */
    v->state =
        l->begun || v->leaves_done > 0 || pool_chunks(l->pool) > 0 ? JOB_RUNNING : JOB_WAITING;
    v->retries = pool_retries(l->pool);
    fit_say_unmet(j, v->error, sizeof v->error);
    if (v->error[0] == 0)
        quarantine_say(j, v->error, sizeof v->error);
    if (v->error[0] == 0)
        level_say_lacking(j, v->error, sizeof v->error);
    if (v->error[0] == 0)
        sessions_say_absent(j, v->error, sizeof v->error);
    v->duplicates = l->duplicates;
    v->redone_us = l->redone_us;
    v->cpu_us = l->cpu_us;
    lead_check_count(j, &v->checked, &v->unchecked);
    v->durable = record_durable(j, 1, &v->machines);
}
