/* What the workers of this node did, told to the coordinator: gathered for a few milliseconds, sent
 * as one REPORT, and sent again until the holders have synced it. */
#include "core/node/labour_report.h"

#include "core/base/err.h"
#include "core/node/jobs.h"
#include "core/node/labour.h"
#include "core/node/labour_lost.h"
#include "core/node/labour_open.h"
#include "core/node/labour_output.h"
#include "core/node/labour_room.h"
#include "core/node/labour_tasks.h"
#include "core/node/link.h"
#include "core/node/making.h"
#include "core/node/session_ahead.h"
#include "core/node/stages.h"
#include "core/node/unlike.h"

static void pending_room(struct job *j, size_t more)
{
    struct labour *l = j->labour;

    if (l->pending_count > 0 && l->pending.len + more > j->node->limits.report_bytes)
        labour_report_flush(j);
    if (l->pending_count == 0)
        l->pending_since = j->node->now;
}

static void pending_add(struct job *j, const struct peer_report_chunk *c, struct bytes values)
{
    struct labour *l = j->labour;

    pending_room(j, values.len + 512);
    put_peer_report_chunk(&l->pending, c);
    put_raw(&l->pending, values.data, values.len);
    /* Values were bounded when they came, so it is memory that ran out. */
    if (l->pending.failed)
        j->node->memory_out = true;
    l->pending_count++;
    l->touched = j->node->now;
    job_mark_busy(j);
}

/* The values of a worker's frame, checked: what is not a value of this stage within the run, or
 * would not fit a report, never leaves the node. A worker goes by the leaves of its stage alone,
 * and knows nothing of the `base` leaves before it in the row: `to` gets the values as they are
 * called there. ERR_NOT_FOUND: an output was lost. */
static int take_values(const struct job *j, uint32_t stage, struct reader r, uint16_t count,
                       struct run within, uint64_t base, struct buf *to)
{
    bool folds = stage_folds(j, stage);
    int rc = 0;

    for (uint16_t i = 0; i < count && rc == 0; i++) {
        struct value v = read_value(&r);

        if (r.failed || v.at.level > LEVEL_MAX || v.at.index > LEAVES_MAX >> v.at.level)
            return ERR_FORMAT;
        v.at.index += base >> v.at.level;
        if (!graph_value(j->graph, &v) || tree_first(v.at) < within.first ||
            shape_end(&j->graph->shape, v.at) > within.end)
            return ERR_FORMAT;
        rc = folds ? 0 : labour_output_check(j, v.data);
        put_value(to, &v);
    }
    if (rc < 0)
        return rc;
    if (to->no_memory)
        j->node->memory_out = true;
    return reader_done(&r) && to->len <= PROGRESS_VALUES_MAX ? 0 : ERR_FORMAT;
}

/* Told in the worker's own numbers, which end where the stage does. */
static bool progress_fits(const struct labour_chunk *c, const struct worker_progress *p,
                          uint64_t base)
{
    return p->next <= c->end - base && p->next >= c->next - base &&
           p->compute_us <= REPORT_US_MAX && p->cpu_us <= REPORT_US_MAX;
}

static void show_speed(struct job *j, const struct labour_chunk *c, uint64_t leaves,
                       uint64_t compute_us)
{
    struct stage_spec room;
    struct node *n = j->node;
    double speed;

    if (leaves == 0 || compute_us == 0)
        return;
    speed = (double)leaves * (double)spec_leaf_units(stage_spec_of(j, c->stage, &room)) /
            (double)compute_us;
    n->speed_units_us = n->speed_units_us == 0 ? speed : n->speed_units_us * 0.8 + speed * 0.2;
}

/* Of a chunk that goes on or ends with it; the worker is at `at`. */
static int take_progress(struct job *j, struct labour_chunk *c, const struct worker_progress *p,
                         uint64_t at)
{
    struct node *n = j->node;
    uint64_t base = labour_tasks_base(j, c), next = p->next + base, told = next - c->next;
    bool ended = c->tasks ? next == c->end : p->ended;
    struct peer_report_chunk r = {.grant = c->grant,
                                  .from = c->next,
                                  .next = next,
                                  .end = c->end,
                                  .compute_us = p->compute_us,
                                  .cpu_us = p->cpu_us,
                                  .values = p->count};
    struct buf values;
    int rc;

    if (!progress_fits(c, p, base))
        return ERR_FORMAT;
    buf_init(&values, n->alloc, FRAME_PAYLOAD_MAX);
    rc = take_values(j, c->stage, p->rest, p->count, (struct run){c->first, c->end}, base, &values);
    if (rc < 0) {
        buf_clear(&values);
        return rc;
    }
    show_speed(j, c, next - c->next, p->compute_us);
    c->next = next;
#if VELUM_PLANT != 272 /* trace/test_labour: all leaves of a chunk share the limit of one */
    c->moved = n->now;
#endif
    room_served(j, p->compute_us);
    if (c->tasks)
        labour_tasks_took(j->labour, told, p->compute_us);
    if (ended)
        r.flags |= REPORT_ENDED;
    r.end = c->end;
    pending_add(j, &r, buf_bytes(&values));
    buf_clear(&values);
    if (ended) {
        j->labour->pending_now = true;
        labour_output_chunk_ended(j, c); /* what it told waits for that */
        if (c->tasks)
            labour_tasks_over(n, c, at);
        labour_chunk_remove(j, c);
    } else if (c->tasks) {
        labour_tasks_told(n, c);
    }
    return 0;
}

int labour_report_progress(struct job *j, struct labour_chunk *c, const struct worker_progress *p)
{
    struct worker_progress kept = *p;

    if (c->ahead)
        return ahead_told(j, c, p);
    if (c->tasks && !labour_tasks_clip(c, &kept))
        return ERR_FORMAT;
    return take_progress(j, c, &kept, p->next);
}

static void report_nothing_done(struct job *j, const struct labour_chunk *c, uint8_t flags,
                                const char *cause, uint64_t cpu_us)
{
    struct peer_report_chunk r = {.grant = c->grant,
                                  .from = c->next,
                                  .next = c->next,
                                  .end = c->end,
                                  .cpu_us = cpu_us,
                                  .flags = flags};

    text_copy(r.cause, sizeof r.cause, cause);
    pending_add(j, &r, (struct bytes){NULL, 0});
    j->labour->pending_now = true;
}

void labour_report_border(struct job *j, const struct labour_chunk *c, uint8_t flags,
                          const char *cause)
{
    report_nothing_done(j, c, flags, cause, 0);
}

void labour_report_trimmed(struct job *j, struct labour_chunk *c, uint64_t end)
{
    uint64_t base = labour_tasks_base(j, c);
    bool ended;

#if VELUM_PLANT != 670 /* trace/test_ahead: a worker cuts what no coordinator has granted */
    /* It is no chunk of the coordinator's, and nobody told the worker to cut it. */
    if (c->ahead)
        return;
#endif
    /* It has nothing behind that any more, whether or not the chunk was cut before it. */
    if (c->tasks && end >= c->next && end < c->ordered)
        c->ordered = end;
    if (end < c->next - base || end > c->end - base)
        return;
    c->end = end + base;
    /* All that the worker has to do of tasks may be told by now; of other runs their end is. */
    ended = c->tasks && c->end == c->next;
    labour_report_border(j, c, ended ? REPORT_ENDED : 0, "");
    if (ended)
        labour_chunk_remove(j, c);
}

int labour_report_merged(struct job *j, uint32_t stage, const struct worker_merged *m)
{
    struct peer_report_chunk r = {
        .compute_us = m->compute_us, .flags = REPORT_MERGED, .values = m->count};
    struct shape_stage in = stage_leaves(j, stage);
    struct buf values;
    int rc;

    if (j->labour == NULL)
        return 0;
    if (m->compute_us > REPORT_US_MAX)
        return ERR_FORMAT;
    buf_init(&values, j->node->alloc, FRAME_PAYLOAD_MAX);
    /* Merges are asked for by the names in the row. */
    rc = take_values(j, stage, m->rest, m->count, (struct run){in.first, in.end}, 0, &values);
    if (rc == 0) {
        pending_add(j, &r, buf_bytes(&values));
        j->labour->pending_now = true;
    }
    buf_clear(&values);
    return rc;
}

void labour_report_merge_failed(struct job *j, uint8_t flags, const char *cause)
{
    struct peer_report_chunk r = {.flags = (uint8_t)(flags | REPORT_FAILED | REPORT_MERGED)};

    if (j->labour == NULL)
        return;
    text_copy(r.cause, sizeof r.cause, cause);
    pending_add(j, &r, (struct bytes){NULL, 0});
    j->labour->pending_now = true;
}

void labour_report_died(struct job *j, struct labour_chunk *c, uint8_t flags, const char *cause,
                        uint64_t cpu_us)
{
    if (c->ahead) {
        ahead_lost(j, c);
        return;
    }
#if VELUM_PLANT == 1155 /* trace/test_cpu_time: the time of a leaf that died is no time */
    cpu_us = 0;
#endif
    report_nothing_done(j, c, flags, cause, cpu_us);
    labour_chunk_remove(j, c);
}

void labour_report_failed(struct job *j, struct labour_chunk *c, uint8_t flags, const char *cause)
{
    labour_report_died(j, c, flags, cause, 0);
}

/* It names no output that is not written down yet, or has no other copy. */
static bool may_go(const struct job *j, const struct unkept *u)
{
#if VELUM_PLANT == 593 /* trace/test_collect: a leaf counts before its output is safe */
    return true;
#endif
    return u->sent || makings_settled(j->node, j->id, u->outputs);
}

void labour_report_flush(struct job *j)
{
    struct node *n = j->node;
    struct labour *l = j->labour;
    struct unkept *u;
    uint64_t before;
    struct buf b;

    if (l == NULL || l->pending_count == 0)
        return;
    before = l->unkept_last == NULL ? 0 : l->unkept_last->seq;
    buf_init(&b, n->alloc, FRAME_PAYLOAD_MAX);
    put_job_id(&b, j->id);
    l->seq = ++n->report_counter;
    put_u64(&b, l->seq);
    put_u8(&b, 0);
    put_u64(&b, before);
    put_u16(&b, l->pending_count);
    put_raw(&b, l->pending.data, l->pending.len);
    u = b.failed ? NULL : node_alloc(n, sizeof *u);
    if (u != NULL) {
        u->seq = l->seq;
        u->payload = bytes_copy(n, buf_bytes(&b));
        if (l->unkept_last == NULL)
            l->unkept_first = u;
        else
            l->unkept_last->next = u;
        l->unkept_last = u;
        l->unkept_bytes += u->payload.len;
        u->outputs = makings_made(n);
        /* Behind others that are on their way, or wait, it takes its turn. */
        u->sent = l->resend == NULL && may_go(j, u);
        if (u->sent) {
            labour_lost_leave_out(j, u);
            send_node(n, l->claim.node, MESSAGE_REPORT, 0, u->payload);
        }
#if VELUM_PLANT != 1008 /* trace/test_computed: a slot waits until its last outputs are safe */
        if (!u->sent)
            labour_open_computed(j, u);
#endif
        if (!u->sent && l->resend == NULL) {
            l->resend = u;
            l->resend_before = before;
        }
    } else {
        n->memory_out = true;
    }
    buf_clear(&b);
    buf_reset(&l->pending);
    l->pending_count = 0;
    l->pending_now = false;
}

/* What was gathered last goes before it, or waits and is open. */
static void tell_open(struct job *j)
{
    struct labour *l = j->labour;

    labour_report_flush(j);
    l->open_due = false;
    labour_open_tell(j->node, j, j->id, l->open_epoch, l->claim.node);
}

/* There may be megabytes of them: no more at once than the link has room for. */
static void resend_some(struct job *j)
{
    struct node *n = j->node;
    struct labour *l = j->labour;
    bool self = node_is_self(n, l->claim.node);
    struct unkept *u;

#if VELUM_PLANT == 147 /* trace/test_labour: all that nobody has confirmed goes out at once */
    self = true;
#endif
    if (l->resend != NULL && !self && !member_works(n, l->claim.node))
        mesh_want_link(n->mesh, l->claim.node, n->now);
    while ((u = l->resend) != NULL && may_go(j, u) && (self || link_has_room(n, l->claim.node))) {
        uint8_t *again;

        if (!u->sent)
            labour_lost_leave_out(j, u);
        again = (uint8_t *)(uintptr_t)u->payload.data + ID_SIZE + 8;
        *again = u->sent;
        store_u64(again + 1, l->resend_before);
        l->resend_before = u->seq;
        l->resend = u->next;
        u->sent = true;
        send_node(n, l->claim.node, MESSAGE_REPORT, 0, u->payload);
    }
    if (l->open_due && (l->resend == NULL || !may_go(j, l->resend)))
        tell_open(j);
}

bool labour_report_waits(const struct job *j)
{
    const struct labour *l = j->labour;

    return l->open_due || (l->resend != NULL && may_go(j, l->resend));
}

void labour_report_flush_due(struct node *n)
{
    for (struct job *j = n->labour_jobs; j != NULL; j = j->next_labour) {
        labour_output_look(j);
        if (j->labour->resend != NULL || j->labour->open_due)
            resend_some(j);
        if (j->labour->pending_count > 0 &&
            (j->labour->pending_now ||
             instant_since_us(n->now, j->labour->pending_since) >= n->limits.coalesce_us))
            labour_report_flush(j);
    }
}

struct instant labour_report_flush_at(const struct node *n)
{
    struct instant due = INSTANT_NEVER;

    for (const struct job *j = n->labour_jobs; j != NULL; j = j->next_labour) {
        due = instant_first(due, labour_output_due(j));
        if (j->labour->pending_count > 0)
            due = instant_first(due,
                                instant_plus_us(j->labour->pending_since, n->limits.coalesce_us));
    }
    return due;
}

void labour_report_forget(struct job *j, uint64_t seq)
{
    struct labour *l = j->labour;
    struct unkept *u;

    while ((u = l->unkept_first) != NULL && u->seq <= seq) {
        l->unkept_first = u->next;
        l->resend = l->resend == u ? u->next : l->resend;
#if VELUM_PLANT != 105 /* sim: what was confirmed still counts as unconfirmed */
        l->unkept_bytes -= u->payload.len;
#endif
        bytes_free(j->node, u->payload);
        alloc_free(j->node->alloc, u, sizeof *u);
    }
    if (l->unkept_first == NULL)
        l->unkept_last = NULL;
}

int labour_report_kept(struct node *n, struct node_id from, struct bytes payload)
{
    struct reader r = reader_of(payload);
    struct job_id id = read_job_id(&r);
    uint64_t seq = read_u64(&r);
    struct job *j = job_find(n, id);

    if (!reader_done(&r))
        return ERR_FORMAT;
    if (j != NULL && j->labour != NULL && node_id_equal(from, j->labour->claim.node))
        labour_report_forget(j, seq);
    return 0;
}

void labour_report_anew(struct job *j)
{
    j->labour->resend = j->labour->unkept_first;
    j->labour->resend_before = 0;
    unlike_resend(j);
}

void labour_report_resend(struct job *j)
{
    labour_report_anew(j);
    resend_some(j);
}
