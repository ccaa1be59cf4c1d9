#include "core/node/replica.h"

#include <string.h>

#include "core/node/joblog.h"
#include "core/node/jobs.h"
#include "core/node/level.h"
#include "core/node/link.h"
#include "core/node/parcel.h"
#include "core/node/place.h"
#include "core/node/record.h"
#include "core/node/seal.h"

#define OUT_OF_REACH_US (10 * S_US) /* then it may be well, but this node's jobs go on without it */
/* Before one that refused something is shown everything again; with an end at first so soon. */
#define AGAIN_US S_US
#define AGAIN_SOON_US (20 * MS_US)

static struct replica *replica_find(struct job *j, struct node_id id)
{
    for (uint8_t i = 0; i < j->replicas_count; i++)
        if (node_id_equal(j->replicas[i].id, id))
            return &j->replicas[i];
    return NULL;
}

static void replica_reset(struct replica *r)
{
    r->whole = r->catching = false;
#if VELUM_PLANT == 211 /* sim: what a holder was to catch up with is lost with its link */
    r->catch_up = (struct buf){0};
#else
    buf_clear(&r->catch_up);
#endif
}

/* What it has kept counts again when it says so again: it may come back without its disk, or with
 * an older one, or may have forgotten the job. Nor is its word on what is under way any word on
 * what it lacks. */
static void replica_lacks(struct replica *r)
{
    replica_reset(r);
#if VELUM_PLANT != 15 /* trace/test_coordinator: a holder without its disk still counts as a copy */
    r->acked = r->sent = 0;
#endif
}

static bool send_facts(struct job *j, const struct replica *r, uint64_t batch, bool first,
                       uint16_t count, struct bytes facts)
{
    return parcel_frame(j->node, j->id, r->id, batch, first, count, facts);
}

/* One frame of what it lacks; the last one carries the batch, which the holder then confirms. */
static void catch_up_frame(struct job *j, struct replica *r)
{
    uint64_t room = j->node->options.link_room_bytes, most = j->node->limits.frame_bytes;
    size_t start = r->catch_at, end;
    uint16_t count;
    bool log;

    if (room > 0 && room < most)
        most = room;
    end = parcel_cut(buf_bytes(&r->catch_up), start, most, &count);
    /* The log of an ended job is confirmed with the rest: it comes before the last word. */
    log = end == r->catch_up.len && j->shrunk && j->log_len > 0;
    if (!send_facts(j, r, end == r->catch_up.len && !log ? r->catch_batch : 0, start == 0, count,
                    (struct bytes){r->catch_up.data + start, end - start}))
        return;
    r->catch_at = end;
    if (end < r->catch_up.len)
        return;
    if (log) {
        joblog_show(j, r->id);
        send_facts(j, r, r->catch_batch, false, 0, (struct bytes){NULL, 0});
    }
    r->sent = r->catch_batch;
    replica_reset(r);
    r->whole = true;
    if (!log)
        joblog_show(j, r->id);
}

static void catch_up_begin(struct job *j, struct replica *r)
{
    record_close(j);
    job_seal(j);
    buf_init(&r->catch_up, j->node->alloc, LEDGER_BYTES_MAX);
    ledger_snapshot(j->ledger, &r->catch_up);
    r->catching = true;
    r->catch_at = 0;
    r->catch_batch = j->batch_last;
    if (!r->catch_up.failed)
        return;
    j->node->memory_out |= r->catch_up.no_memory;
    replica_reset(r);
}

static void replica_tick(struct job *j, struct replica *r)
{
    struct node *n = j->node;

    if (member_works(n, r->id))
        r->reached = n->now;
    else if (!member_is_gone(n, r->id))
        mesh_want_link(n->mesh, r->id, n->now);
    if (r->whole || !member_works(n, r->id) || !instant_reached(n->now, r->again_at) ||
        !link_has_room(n, r->id) || level_lacks(j, r->id))
        return;
    if (!r->catching)
        catch_up_begin(j, r);
    while (r->catching && link_has_room(n, r->id)) {
        size_t before = r->catch_at;

        catch_up_frame(j, r);
        if (r->catching && r->catch_at == before)
            return;
    }
}

void replicas_tick(struct job *j)
{
    for (uint8_t i = 0; i < j->replicas_count; i++)
        replica_tick(j, &j->replicas[i]);
}

void replicas_hurry(struct job *j)
{
    for (uint8_t i = 0; i < j->replicas_count; i++) {
        j->replicas[i].again_at = j->node->now;
        j->replicas[i].pause_us = 0;
    }
    job_mark_busy(j);
}

static int64_t pause_after(const struct job *j, int64_t last_us)
{
#if VELUM_PLANT == 1172 /* trace/test_outcome: who refused hears of the end a second later */
    return AGAIN_US;
#endif
    if (!job_is_final(j) || 2 * last_us >= AGAIN_US)
        return AGAIN_US;
    return last_us == 0 ? AGAIN_SOON_US : 2 * last_us;
}

/* Who is catching up gets it behind what it still lacks. */
void replicas_send(struct job *j, uint64_t batch, uint16_t count, struct bytes facts)
{
    for (uint8_t i = 0; i < j->replicas_count; i++) {
        struct replica *r = &j->replicas[i];

        if (r->whole && send_facts(j, r, batch, false, count, facts)) {
            r->sent = batch;
#if VELUM_PLANT == 16 /* trace/test_copies: catching up leaves out what is written meanwhile */
        } else if (false) {
#else
        } else if (r->catching) {
#endif
            put_raw(&r->catch_up, facts.data, facts.len);
            r->catch_batch = batch;
            if (r->catch_up.failed)
                replica_reset(r);
        }
    }
}

void replica_down(struct job *j, struct node_id id)
{
    struct replica *r = replica_find(j, id);

    if (r != NULL) {
        replica_lacks(r);
        r->unread = false;
    }
    job_mark_busy(j);
}

void replica_kept(struct job *j, struct node_id id, uint64_t batch, uint8_t answer)
{
    struct replica *r = replica_find(j, id);

    if (r == NULL)
        return;
    if (answer != ANSWER_KEPT) {
        replica_lacks(r);
#if VELUM_PLANT != 742 /* trace/test_levels: who cannot read something is shown it again for ever */
        r->unread |= answer == ANSWER_UNREAD;
#endif
        r->pause_us = pause_after(j, r->pause_us);
        r->again_at = instant_plus_us(j->node->now, r->pause_us);
        return;
    }
    r->pause_us = 0;
    /* Only what was sent can be kept: a confused holder cannot acknowledge the future. */
    if (batch > r->sent || batch <= r->acked)
        return;
    r->acked = batch;
    record_progress(j);
    /* Its author may wait for that. */
#if VELUM_PLANT != 506 /* trace/test_ahead: that a task is safe is told at the next event */
    if (j->lead != NULL && j->lead->sessions != NULL)
        job_mark_busy(j);
#endif
}

/* Room for all that there may be. Without memory the step fails anyway. */
static bool replicas_room(struct job *j)
{
    if (j->replicas == NULL)
        j->replicas = node_alloc(j->node, HOLDERS_MAX * sizeof *j->replicas);
    return j->replicas != NULL;
}

void replicas_follow(struct job *j)
{
    const struct holders *h = ledger_holders(j->ledger);
    struct replica old[HOLDERS_MAX];
    uint8_t old_count = j->replicas_count;

    if (!replicas_room(j))
        return;
    memcpy(old, j->replicas, sizeof old);
    j->replicas_count = 0;
    for (uint8_t i = 0; h != NULL && i < h->count; i++) {
        struct replica r = {.id = h->ids[i], .reached = j->node->now};

#if VELUM_PLANT != 17 /* sim: the coordinator counts as a holder twice */
        if (node_is_self(j->node, h->ids[i]))
            continue;
#endif
        for (uint8_t k = 0; k < old_count; k++) {
            if (!node_id_equal(old[k].id, r.id))
                continue;
            r = old[k];
            old[k] = (struct replica){.id = r.id};
        }
        j->replicas[j->replicas_count++] = r;
    }
    for (uint8_t k = 0; k < old_count; k++)
        replica_reset(&old[k]);
    replicas_tick(j);
}

void replicas_clear(struct job *j)
{
    for (uint8_t i = 0; i < j->replicas_count; i++)
        replica_reset(&j->replicas[i]);
#if VELUM_PLANT != 258 /* trace/test_ended: what only a job that is copied needs stays */
    alloc_free(j->node->alloc, j->replicas, HOLDERS_MAX * sizeof *j->replicas);
    j->replicas = NULL;
#endif
    j->replicas_count = 0;
}

void replicas_only(struct job *j, struct node_id id)
{
    replicas_clear(j);
    if (!replicas_room(j))
        return;
    j->replicas[j->replicas_count++] = (struct replica){.id = id, .reached = j->node->now};
    replicas_tick(j);
}

bool replica_has(const struct job *j, struct node_id id, uint64_t batch)
{
    for (uint8_t i = 0; i < j->replicas_count; i++)
        if (node_id_equal(j->replicas[i].id, id))
            return j->replicas[i].acked >= batch;
    return false;
}

bool replica_is_up(const struct job *j, struct node_id id)
{
    for (uint8_t i = 0; i < j->replicas_count; i++)
        if (node_id_equal(j->replicas[i].id, id))
            return j->replicas[i].whole && j->replicas[i].acked > 0;
    return false;
}

uint32_t copies_wanted(const struct job *j)
{
    uint32_t count = 1;

    for (uint8_t i = 0; i < j->replicas_count; i++)
        count += member_counts(j->node, j->replicas[i].id) &&
                 instant_since_us(j->node->now, j->replicas[i].reached) < OUT_OF_REACH_US;
    return count;
}

uint32_t record_durable(const struct job *j, uint64_t batch, uint32_t *machines)
{
    const struct node *n = j->node;
    struct machines on = {0};
    uint32_t count = 0;

    *machines = 0;
    if (n->options.embedded)
        return 0;
    for (int i = -1; i < (int)j->replicas_count; i++) {
#if VELUM_PLANT == 2 /* sim: copies count as soon as they are sent */
        if (i >= 0 ? j->replicas[i].sent == 0 : !j->own_synced)
            continue;
#else
        if (i < 0 ? !j->own_synced : j->replicas[i].acked < batch)
            continue;
#endif
        count++;
        machines_add(&on, member_machine(n, i < 0 ? n->options.id : j->replicas[i].id));
    }
    *machines = on.count;
    return count;
}
