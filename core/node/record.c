/* What a coordinator has written about a job, and who has synced it. Facts of one step go out
 * together: one record in the own journal, one FACTS frame to each other holder. A batch is *kept*
 * by a holder once that holder answered for it or a later one. */
#include <string.h>

#include "core/base/err.h"
#include "core/base/sha256.h"
#include "core/node/acts.h"
#include "core/node/asker.h"
#include "core/node/copies.h"
#include "core/node/directory.h"
#include "core/node/forget.h"
#include "core/node/holder.h"
#include "core/node/jobs.h"
#include "core/node/kill.h"
#include "core/node/lead.h"
#include "core/node/link.h"
#include "core/node/objects.h"
#include "core/node/outcome.h"
#include "core/node/record.h"
#include "core/node/replica.h"
#include "core/node/snapshot.h"

int store_record(struct node *n, uint16_t type, struct bytes payload, uint64_t *ticket)
{
    struct action *a = actions_add(n->out, ACTION_STORE, payload);

    if (a == NULL) {
        n->memory_out = true;
        return ERR_NO_MEMORY;
    }
    a->type = type;
    a->ticket = ++n->ticket_last;
    *ticket = a->ticket;
    snapshot_stored(n, type, payload);
    return 0;
}

/* Every holder ever named goes along, so that whoever asks for the proof can ask them all. */
static void put_cancelled(struct buf *b, const struct node *n, const struct job *j,
                          struct job_id id, uint64_t answer)
{
    const bool has = (answer & 1) != 0;
    const uint8_t state = (uint8_t)(answer >> 8); /* of a stage alone */
    const struct tombstone *t = tombstone_of(n, id);
    struct node_id ever[KILL_HOLDERS_MAX];
    uint32_t count = 0;

    put_u8(b, !has                                                                 ? 0
              : j != NULL && j->ledger != NULL && ledger_forgot_holders(j->ledger) ? 2
                                                                                   : 1);
    put_u8(b, state != 0 ? state : t != NULL ? t->state : j == NULL ? 0 : job_final_state(j));
    if (j != NULL && j->ledger != NULL)
        count = ledger_ever_holders(j->ledger, ever, KILL_HOLDERS_MAX);
    put_u8(b, (uint8_t)count);
    for (uint32_t i = 0; i < count; i++)
        put_node_id(b, ever[i]);
}

/* A job waits for the first of its batches that is not synced, and then for the next: however many
 * there are while a disk hangs, they take one place among the waits. */
static void batches_await(struct job *j)
{
    struct batch *x = j->batches;

    while (x != NULL && (x->ticket == 0 || x->own_synced))
        x = x->next;
    if (x == NULL || j->awaits_batch)
        return;
    j->awaits_batch = true;
    (void)wait_add(j->node, (struct wait){.ticket = x->ticket, .kind = WAIT_BATCH, .job = j->id});
}

static void batches_synced(struct job *j)
{
    j->awaits_batch = false;
    for (struct batch *x = j->batches; x != NULL; x = x->next)
        if (x->ticket > 0 && x->ticket <= j->node->ticket_synced)
            x->own_synced = j->own_synced = true;
    batches_await(j);
    record_progress(j);
    job_mark_busy(j);
}

static void wait_run(struct node *n, const struct wait *w)
{
    struct job *j = job_find(n, w->job);
    struct buf b;

    if (w->kind == WAIT_BATCH) {
        if (j != NULL)
            batches_synced(j);
        return;
    }
    if (w->kind == WAIT_KEPT) {
        copies_written(n, w);
        return;
    }
    if (w->kind == WAIT_OBJECT) {
        objects_written(n, w);
        return;
    }
    if (w->kind == WAIT_ACT) {
        acts_kept(n, w);
        return;
    }
#if VELUM_PLANT != 599 /* trace/test_holder: what one process sent counts as kept for the next */
    if (w->kind == WAIT_FACTS_KEPT && w->boot != member_boot(n, w->node))
        return;
#endif
    buf_init(&b, n->alloc, FRAME_PAYLOAD_MAX);
    put_job_id(&b, w->job);
    if (w->kind == WAIT_FACTS_KEPT) {
        put_u64(&b, w->number);
        put_u8(&b, 0);
        send_node(n, w->node, MESSAGE_FACTS_KEPT, 0, buf_bytes(&b));
    } else {
        put_cancelled(&b, n, j, w->job, w->number);
        send_node(n, w->node, MESSAGE_CANCELLED, w->request, buf_bytes(&b));
    }
    buf_clear(&b);
}

void record_compacted(struct node *n, uint64_t ticket)
{
    if (n->store_broken)
        n->heal_ticket = ticket;
}

void record_stored(struct node *n, uint64_t ticket, int rc)
{
#if VELUM_PLANT == 7 /* sim: a record that was refused counts as synced */
    rc = 0;
#endif
    snapshot_answered(n, ticket);
    if (rc < 0) {
        log_line(n->options.log, LOG_ERROR, "the journal does not take records: %s",
                 err_sentence(rc));
        n->store_broken = true;
        n->heal_ticket = 0;
        n->heal_at = instant_plus_us(n->now, 500 * MS_US);
        return;
    }
#if VELUM_PLANT != 8 /* sim: what is synced later speaks for a record that was refused */
    if (n->store_broken && (n->heal_ticket == 0 || ticket < n->heal_ticket))
        return;
#endif
    n->store_broken = false;
    n->ticket_synced = ticket;
    if (n->objects != NULL)
        n->objects->makings_due = true;
}

void record_heal(struct node *n)
{
    if (!n->store_broken || n->heal_ticket != 0 || !instant_reached(n->now, n->heal_at))
        return;
    snapshot_begin(n);
#if VELUM_PLANT == 389 /* trace/test_snapshot: a snapshot that has begun heals like a whole one */
    n->heal_ticket = n->ticket_last;
#endif
}

/* By ticket, those of one in the order in which they came. */
static void wait_insert(struct node *n, struct wait *w)
{
    struct wait **at = &n->waits_first;

    if (n->waits_last != NULL && n->waits_last->ticket <= w->ticket)
        at = &n->waits_last->next;
    while (*at != NULL && (*at)->ticket <= w->ticket)
        at = &(*at)->next;
    w->next = *at;
    *at = w;
    if (w->next == NULL)
        n->waits_last = w;
    n->waits_count++;
}

int wait_add(struct node *n, struct wait w)
{
    struct wait *copy;

    /* Synced already: no STORED will come that could run it. */
    if (w.ticket <= n->ticket_synced) {
        wait_run(n, &w);
        return 0;
    }
#if VELUM_PLANT != 573 /* trace/test_waits: whoever asks is waited for, however many there are */
    if (w.kind != WAIT_BATCH && n->waits_count >= n->limits.waits)
        return ERR_FULL;
#endif
    copy = node_alloc(n, sizeof *copy);
    if (copy == NULL)
        return ERR_NO_MEMORY;
    *copy = w;
    wait_insert(n, copy);
    return 0;
}

bool waits_are_due(const struct node *n)
{
    return n->waits_first != NULL && n->waits_first->ticket <= n->ticket_synced;
}

void waits_run(struct node *n)
{
    uint32_t left = n->limits.waits_run;
    struct wait *w;

#if VELUM_PLANT == 574 /* trace/test_waits: all that waited for one sync follows in one step */
    left = UINT32_MAX;
#endif
    for (; left > 0 && waits_are_due(n); left--) {
        w = n->waits_first;
        n->waits_first = w->next;
        if (n->waits_first == NULL)
            n->waits_last = NULL;
        n->waits_count--;
        wait_run(n, w);
        alloc_free(n->alloc, w, sizeof *w);
    }
}

void waits_free(struct node *n)
{
    struct wait *w, *next;

    for (w = n->waits_first; w != NULL; w = next) {
        next = w->next;
        alloc_free(n->alloc, w, sizeof *w);
    }
    n->waits_first = n->waits_last = NULL;
}

/* Facts waiting in `fresh` become one record. */
static int fresh_store(const struct job *j, uint64_t *ticket)
{
    struct node *n = j->node;
    struct buf b;
    int rc;

    buf_init(&b, n->alloc, FRAME_PAYLOAD_MAX);
    put_job_id(&b, j->id);
    put_u16(&b, j->fresh_count);
    put_raw(&b, j->fresh.data, j->fresh.len);
    b.no_memory |= j->fresh.no_memory;
#if VELUM_PLANT != 182 /* trace/test_starved: a fact that had no room is counted all the same */
    b.failed |= j->fresh.failed;
#endif
    rc = b.failed ? buf_result(&b) : store_record(n, RECORD_FACTS, buf_bytes(&b), ticket);
    buf_clear(&b);
    return rc;
}

static void fresh_reset(struct job *j)
{
    buf_reset(&j->fresh);
    j->fresh_count = 0;
    j->fresh_full = false;
}

/* And one batch. */
static int batch_close(struct job *j)
{
    struct node *n = j->node;
    struct batch *x, **end;
    uint64_t ticket = 0;
    int rc;

    x = node_alloc(n, sizeof *x);
    if (x == NULL)
        return ERR_NO_MEMORY;
    x->number = ++j->batch_last;
    j->committed = n->now;
    x->full = j->fresh_full;
    x->notices = j->fresh_notices;
    j->fresh_notices = NULL;
    for (end = &j->batches; *end != NULL; end = &(*end)->next)
        ;
    *end = x;
    rc = fresh_store(j, &ticket);
    if (rc == 0) {
        x->ticket = ticket;
        batches_await(j);
        replicas_send(j, x->number, j->fresh_count, buf_bytes(&j->fresh));
    }
    fresh_reset(j);
    return rc;
}

void record_close(struct job *j)
{
    if (j->fresh_count > 0)
        batch_close(j);
}

void record_fact(struct job *j, struct bytes fact, bool full)
{
    if (j->fresh.alloc == NULL)
        buf_init(&j->fresh, j->node->alloc, FRAME_PAYLOAD_MAX);
    if (j->fresh.len + fact.len + 4 > j->node->limits.batch_bytes && j->fresh_count > 0)
#if VELUM_PLANT == 104 /* sim: what does not fit one record is left out */
        buf_reset(&j->fresh), j->fresh_count = 0;
#else
        batch_close(j);
#endif
    put_block(&j->fresh, fact);
    if (j->fresh.failed)
        j->node->memory_out = true;
    j->fresh_count++;
    j->fresh_full |= full;
    job_mark_busy(j);
}

void record_notice(struct job *j, struct node_id node, uint64_t seq)
{
    uint64_t boot = member_boot(j->node, node);
    struct kept_notice *k;

    for (k = j->fresh_notices; k != NULL; k = k->next) {
        if (node_id_equal(k->node, node) && k->boot == boot) {
            k->seq = seq > k->seq ? seq : k->seq;
            return;
        }
    }
    k = node_alloc(j->node, sizeof *k);
    if (k == NULL)
        return;
    *k = (struct kept_notice){.node = node, .boot = boot, .seq = seq, .next = j->fresh_notices};
    j->fresh_notices = k;
    job_mark_busy(j);
}

/* One sync takes all reports that came while the one before was under way, and a disk that is quick
 * gets the next no sooner than limits.commit_us: a thousand workers' nodes, or as many tasks that
 * come one by one, cost the other holders no more frames than that. What is awaited goes at once.
 */
static bool batch_is_due(const struct job *j)
{
    struct instant soonest = instant_plus_us(j->committed, j->node->limits.commit_us);
    const struct batch *x = j->batches;

    if (j->lead == NULL || (j->fresh_count == 0 && j->fresh_notices == NULL))
        return false;
#if VELUM_PLANT == 243 /* unit/test_scatter: each report costs the other holders a frame */
    x = NULL;
    soonest = j->committed;
#endif
    while (x != NULL && x->number != j->batch_last)
        x = x->next;
    if (j->fresh_full || (x != NULL && !x->own_synced))
        return j->fresh_full;
    if (instant_before(j->node->now, soonest))
        record_look_by(j->node, soonest);
    return !instant_before(j->node->now, soonest);
}

void record_look_by(struct node *n, struct instant due)
{
#if VELUM_PLANT != 500 /* trace/test_ahead: what waits for others is written never */
    n->commit_at = instant_first(n->commit_at, due);
#endif
}

void record_commits(struct node *n)
{
    if (!instant_reached(n->now, n->commit_at))
        return;
    n->commit_at = INSTANT_NEVER;
    /* Those that may be what was waited for, and no others: many jobs may be led here. */
    for (struct job *j = n->live_jobs; j != NULL; j = j->next_live)
        if (j->lead != NULL &&
            (j->fresh_count > 0 || j->fresh_notices != NULL || j->lead->sessions != NULL))
            job_mark_busy(j);
}

void record_settle(struct job *j)
{
    if (batch_is_due(j))
        batch_close(j);
    record_progress(j);
}

static uint32_t batch_copies(const struct job *j, const struct batch *x)
{
    uint32_t count = x->own_synced;

    for (uint8_t i = 0; i < j->replicas_count; i++)
        count += j->replicas[i].acked >= x->number;
    return count;
}

static void notices_send(struct job *j, struct batch *x)
{
    struct node *n = j->node;
    struct kept_notice *k;
    struct hand *hand;
    uint8_t bytes[64];
    struct buf b;

    while ((k = x->notices) != NULL) {
        x->notices = k->next;
        buf_init_fixed(&b, bytes, sizeof bytes);
        put_job_id(&b, j->id);
        put_u64(&b, k->seq);
        hand = j->lead == NULL ? NULL : lead_hand(j->lead, k->node);
        /* The next process of that node counts from the beginning. */
#if VELUM_PLANT == 10 /* trace/test_coordinator: KEPT is said to the next process of a node */
        if (k->boot != 0) {
#else
        if (k->boot == member_boot(n, k->node)) {
#endif
            if (hand != NULL && hand->boot == k->boot && hand->seq_kept < k->seq)
                hand->seq_kept = k->seq;
            send_node(n, k->node, MESSAGE_KEPT, 0, buf_bytes(&b));
        }
        alloc_free(n->alloc, k, sizeof *k);
    }
}

bool batch_is_kept(const struct job *j, uint64_t number)
{
    return j->batches == NULL ? j->batch_last >= number : j->batches->number > number;
}

void record_progress(struct job *j)
{
    struct batch *x, **at;
    uint32_t wanted = copies_wanted(j), least = wanted < 2 ? wanted : 2, copies;

#if VELUM_PLANT == 9 /* sim: one copy is enough for a worker to forget its progress */
    least = 1;
#endif
    /* Progress does not wait behind an outcome that still lacks a copy. */
    for (at = &j->batches; (x = *at) != NULL;) {
        copies = batch_copies(j, x);
#if VELUM_PLANT == 4 /* sim: progress is called kept before anybody has synced it */
        copies = copies == 0 ? 2 : copies;
#endif
        if (copies >= least)
            notices_send(j, x);
#if VELUM_PLANT == 218 /* trace/test_coordinator: two copies are enough for what needs all */
        if (copies < least || !x->own_synced) {
#else
        if (copies < (x->full ? wanted : least) || !x->own_synced) {
#endif
            at = &x->next;
            continue;
        }
        *at = x->next;
        alloc_free(j->node->alloc, x, sizeof *x);
    }
    askers_answer(j);
    if (j->lead != NULL && j->lead->finishing && batch_is_kept(j, j->lead->outcome_batch))
        outcome_settled(j);
}

void record_clear(struct job *j)
{
    struct node *n = j->node;
    struct batch *x;
    struct kept_notice *k;
    struct asker *a;

    while ((x = j->batches) != NULL) {
        j->batches = x->next;
        while ((k = x->notices) != NULL) {
            x->notices = k->next;
            alloc_free(n->alloc, k, sizeof *k);
        }
        alloc_free(n->alloc, x, sizeof *x);
    }
    while ((k = j->fresh_notices) != NULL) {
        j->fresh_notices = k->next;
        alloc_free(n->alloc, k, sizeof *k);
    }
    while ((a = j->askers) != NULL) {
        j->askers = a->next;
        alloc_free(n->alloc, a, sizeof *a);
    }
    if (j->fresh.alloc != NULL)
        buf_clear(&j->fresh);
    j->fresh = (struct buf){0};
    j->fresh_count = 0;
    replicas_clear(j);
}

/* What is in the ledger must be in the journal, whoever coordinates: this node may say later that
 * it keeps it. */
void record_unwritten(struct job *j)
{
    uint64_t ticket;

    if (j->fresh_count == 0)
        return;
    if (fresh_store(j, &ticket) < 0)
        j->node->memory_out = true;
    fresh_reset(j);
}
