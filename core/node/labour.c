/* Chunks granted to this node. */
#include "core/node/labour.h"
#include "core/node/drain.h"

#include "core/base/err.h"
#include "core/node/acts.h"
#include "core/node/fit.h"
#include "core/node/forget.h"
#include "core/node/holder.h"
#include "core/node/holder_tend.h"
#include "core/node/jobs.h"
#include "core/node/labour_end.h"
#include "core/node/labour_inputs.h"
#include "core/node/labour_open.h"
#include "core/node/labour_output.h"
#include "core/node/labour_report.h"
#include "core/node/labour_room.h"
#include "core/node/labour_tasks.h"
#include "core/node/labour_title.h"
#include "core/node/labour_unable.h"
#include "core/node/lead.h"
#include "core/node/link.h"
#include "core/node/merge_work.h"
#include "core/node/record.h"
#include "core/node/seal.h"
#include "core/node/stages.h"
#include "core/node/workers.h"

#define ORPHAN_US (600 * S_US)
#define LET_IN_US S_US      /* a chunk that knocked waits so long for a slot */
#define IDLE_US (10 * S_US) /* a job that has nothing here is forgotten behind it */
#define DUES_MAX 64 /* jobs whose next round is found out after each step; with more all have it */

struct labour_chunk *labour_chunk_of(struct job *j, uint64_t grant)
{
    for (struct labour_chunk *c = j->labour == NULL ? NULL : j->labour->chunks; c != NULL;
         c = c->next_chunk)
        if (c->grant == grant)
            return c;
    return NULL;
}

static struct labour *labour_make(struct job *j)
{
    struct node *n = j->node;
    struct labour *l = j->labour;

    if (l != NULL)
        return l;
    l = node_alloc(n, sizeof *l);
    if (l == NULL)
        return NULL;
    buf_init(&l->claim_fact, n->alloc, 8192);
    buf_init(&l->pending, n->alloc, FRAME_PAYLOAD_MAX);
    l->report_us = n->limits.report_us;
    l->touched = n->now;
    l->submitter = room_submitter(n, j->spec->author);
    if (l->submitter == NULL) {
        alloc_free(n->alloc, l, sizeof *l);
        return NULL;
    }
    j->labour = l;
    j->prev_labour = NULL;
    j->next_labour = n->labour_jobs;
    if (n->labour_jobs != NULL)
        n->labour_jobs->prev_labour = j;
    n->labour_jobs = j;
    return l;
}

void labour_chunk_remove(struct job *j, struct labour_chunk *c)
{
    struct labour_chunk **at;
    struct worker *w = c->worker == 0 ? NULL : worker_find(j->node, c->worker);

    if (w != NULL && w->chunk == c) {
        labour_output_drop(j->node, w);
        w->chunk = NULL;
    }
    for (at = &j->labour->chunks; *at != c; at = &(*at)->next_chunk)
        ;
    *at = c->next_chunk;
    j->labour->chunks_count--;
    alloc_free(j->node->alloc, c, sizeof *c);
    j->node->serve_wanted = true;
}

void labour_drop(struct job *j)
{
    struct node *n = j->node;
    struct labour *l = j->labour;

    if (l == NULL)
        return;
    while (l->chunks != NULL)
        labour_chunk_remove(j, l->chunks);
    labour_report_forget(j, UINT64_MAX);
    labour_inputs_drop(j);
    buf_clear(&l->pending);
    buf_clear(&l->claim_fact);
    buf_clear(&l->unlike.finding);
    room_submitter_drop(n, l->submitter);
    if (j->prev_labour != NULL)
        j->prev_labour->next_labour = j->next_labour;
    else
        n->labour_jobs = j->next_labour;
    if (j->next_labour != NULL)
        j->next_labour->prev_labour = j->prev_labour;
    alloc_free(n->alloc, l, sizeof *l);
    j->labour = NULL;
}

void labour_over(struct job *j)
{
    struct node *n = j->node;

    labour_drop(j);
    workers_release(n, j);
    if (j->ledger == NULL)
        job_free(j);
}

/* A job whose chunks all went back leaves nothing here. */
static void labour_drop_idle(struct job *j)
{
    const struct labour *l = j->labour;

    if (l == NULL || l->chunks != NULL || l->unkept_first != NULL || l->pending_count > 0 ||
        l->unlike.finding.len > 0 || workers_serve_job(j->node, j))
        return;
    labour_drop(j);
    if (j->ledger == NULL)
        job_free(j);
}

void labour_send_return(struct node *n, struct node_id to, struct job_id id, uint8_t reason,
                        const char *why, const uint64_t *grants, uint16_t count)
{
    struct buf b;

    buf_init(&b, n->alloc, FRAME_PAYLOAD_MAX);
    put_job_id(&b, id);
    put_u8(&b, reason);
    put_text(&b, why);
    put_u16(&b, count);
    for (uint16_t i = 0; i < count; i++)
        put_u64(&b, grants[i]);
    send_node(n, to, MESSAGE_RETURN, 0, buf_bytes(&b));
    buf_clear(&b);
}

/* Nobody confirms what was reported: more work would only pile up here. */
static bool unkept_is_full(const struct job *j)
{
    return j->labour->unkept_bytes > j->node->limits.unkept_bytes;
}

static int take_chunk(struct job *j, const struct peer_chunk *p, uint8_t flags)
{
    struct node *n = j->node;
    struct labour_chunk *c;
    struct stage_spec room;
    const struct stage_spec *spec;
    uint32_t stage;

    if (labour_chunk_of(j, p->grant) != NULL)
        return 0;
    if (!stage_has_run(j, p->first, p->end, &stage))
        return stages_missing(j, p->end);
    if (unkept_is_full(j))
        return ERR_BUSY;
    spec = stage_spec_of(j, stage, &room);
    if (!room_meets(n, spec) || !room_for_chunk(j, spec, flags))
        return ERR_BUSY;
    c = node_alloc(n, sizeof *c);
    if (c == NULL)
        return ERR_NO_MEMORY;
    c->grant = p->grant;
    c->stage = stage;
    c->tasks = labour_tasks_are(j, stage);
    c->load = fit_load_of(spec);
    c->first = c->next = c->ordered = c->halfway = p->first;
    c->end = p->end;
    c->cut_at = UINT64_MAX;
    c->careful = (flags & GRANT_CAREFUL) != 0;
    c->spare = (flags & GRANT_SPARE) != 0;
    c->let_in = (flags & GRANT_KNOCK) != 0;
    c->moved = n->now;
    c->next_chunk = j->labour->chunks;
    j->labour->chunks = c;
    j->labour->chunks_count++;
    labour_output_chunk_came(j, stage);
    labour_inputs_expect(j, stage);
    n->serve_wanted = true;
    return 0;
}

static int grant_job(struct node *n, const struct peer_grant *g, struct job **out)
{
    struct job_spec spec;
    struct job_id id;
    char why[128];
    int rc;

    *out = job_find(n, g->job);
    if (*out != NULL)
        return 0;
    if (g->spec.len == 0 || tombstone_of(n, g->job) != NULL)
        return ERR_NOT_FOUND;
    rc = spec_verify(n, g->spec, &spec, &id, false, why, sizeof why);
    if (rc == 0 && !job_id_equal(id, g->job))
        rc = ERR_FORMAT;
    return rc < 0 ? rc : job_create(n, g->spec, false, out);
}

/* Why this node cannot run the job at all, or -1. */
static int refusal(const struct node *n, const struct job *j)
{
    if (n->stopping || drain_is_on(n) || job_is_final(j) || acts_revoked(n, j->spec->author))
        return RETURN_STOPPING;
    /* What it reads and what it yields may be objects. */
    if (n->objects == NULL && (j->wants_objects || (j->collects && !n->options.embedded)))
        return RETURN_NO_KERNEL;
    return j->lacks_kernel || labour_is_unable(j) ? RETURN_NO_KERNEL : -1;
}

/* The words of one that has given the kernel back, "" where it simply has none. */
static const char *why_not(const struct job *j)
{
    if (labour_is_unable(j))
        return "no worker there can load its kernel";
    return j->lacks_leave
               ? "a node loads only plugins that its plugin_allow names, and this is none"
               : "";
}

int labour_grant(struct node *n, struct node_id from, struct bytes payload)
{
    struct peer_grant g;
    struct job *j;
    uint64_t back[GRANT_CHUNKS_MAX];
    uint16_t back_count = 0;
    int rc, reason, title, taken;
    bool lacks = false, unread;

    rc = read_peer_grant(payload, &g);
    if (rc < 0)
        return rc;
    rc = grant_job(n, &g, &j);
    if (rc == 0 && g.lists.len > 0)
        rc = holder_take_lists(j, from, g.lists);
    unread = rc == ERR_VERSION && g.lists.len > 0;
    reason = unread ? RETURN_NO_KERNEL : rc < 0 ? RETURN_STOPPING : refusal(n, j);
    title = reason == RETURN_STOPPING || labour_make(j) == NULL
                ? -1
                : labour_title(j, from, g.claim);
    /* Everybody is shown titles, so having one proves nothing. */
#if VELUM_PLANT != 204 /* trace/test_labour: chunks are taken from whoever has seen a title */
    if (title > 0 && !node_id_equal(from, j->labour->claim.node))
        title = -1;
#endif
    for (uint16_t i = 0; i < g.chunks; i++) {
        struct peer_chunk c = read_peer_chunk(&g.rest);

        if (g.rest.failed)
            return ERR_FORMAT;
        taken = reason >= 0 || title <= 0 ? ERR_BUSY : take_chunk(j, &c, g.flags);
        lacks |= taken == ERR_NOT_FOUND;
        if (taken < 0)
            back[back_count++] = c.grant;
    }
    taken = reason < 0 && title > 0 ? merge_work_take(j, &g.rest) : 0;
    if (taken < 0)
        return taken;
    if (title == 0)
        labour_title_show(j, from);
    if (title >= 0)
        j->labour->touched = n->now;
    if (title >= 0 && g.report_us > 0 && g.report_us <= 10 * S_US)
        j->labour->report_us = g.report_us;
    /* Without chunks it says that the merges come back. */
    if (back_count > 0 || reason >= 0)
        labour_send_return(n, from, g.job,
                           (uint8_t)(reason >= 0                      ? reason
                                     : lacks                          ? RETURN_STOPPING
                                     : title > 0 && unkept_is_full(j) ? RETURN_UNKEPT
                                     : (g.flags & GRANT_KNOCK)        ? RETURN_FULL
                                                                      : RETURN_BUSY),
                           reason == RETURN_NO_KERNEL ? why_not(j) : "", back, back_count);
    if (rc == 0 && !(g.flags & GRANT_MORE))
        labour_drop_idle(j);
    return 0;
}

void labour_order_trim(struct node *n, struct labour_chunk *c, uint64_t end)
{
    const struct worker *w = worker_find(n, c->worker);
    uint64_t base = w == NULL || w->job == NULL ? 0 : labour_tasks_base(w->job, c);
    struct order_trim m = {.run = c->grant};
    uint8_t bytes[32];
    struct buf b;
    struct action *a;

    if (c->tasks && w != NULL && w->job != NULL && !labour_tasks_cut(w->job, c, &end))
        return;
    m.end = end > base ? end - base : 0;
    buf_init_fixed(&b, bytes, sizeof bytes);
    put_order_trim(&b, &m);
    a = actions_add(n->out, ACTION_ORDER, buf_bytes(&b));
    if (a == NULL) {
        n->memory_out = true;
        return;
    }
    a->worker = c->worker;
    a->type = MESSAGE_ORDER_TRIM;
}

int labour_trim(struct node *n, struct node_id from, struct bytes payload)
{
    struct reader r = reader_of(payload);
    struct job_id id = read_job_id(&r);
    uint64_t grant = read_u64(&r), end = read_u64(&r);
    struct job *j = job_find(n, id);
    struct labour_chunk *c;
    bool waits;

    if (!reader_done(&r))
        return ERR_FORMAT;
    c = j == NULL ? NULL : labour_chunk_of(j, grant);
    waits = c == NULL && j != NULL && j->labour != NULL && labour_open_waits(j, grant);
    if (c == NULL && !waits) {
        labour_send_return(n, from, id, RETURN_UNKNOWN, "", &grant, 1);
        return 0;
    }
    if (!node_id_equal(from, j->labour->claim.node)) {
        labour_title_show(j, from);
        return 0;
    }
    /* It is over, and its last report says so. */
    if (waits)
        return 0;
    if (c->state == SLOT_RUNNING) {
        labour_order_trim(n, c, end);
        return 0;
    }
    c->end = end > c->next ? (end < c->end ? end : c->end) : c->next;
    labour_report_border(j, c, c->end == c->next ? REPORT_ENDED : 0, "");
    if (c->end == c->next)
        labour_chunk_remove(j, c);
    return 0;
}

static bool is_unfed(const struct job *j, const struct labour_chunk *c)
{
    const struct stage_inputs *e = labour_inputs_of(j, c->stage);

    return j->graph->stages[c->stage].reads && (e == NULL || !e->known);
}

/* Whoever granted it went before it told what its stage reads, and whoever leads now need not have
 * that either: only when it is there the chunk is granted again. Until then its slot may be needed
 * for what is missing. */
static void drop_unfed(struct job *j)
{
    uint64_t base = lead_grant_base(&j->labour->claim);
    struct labour_chunk *c, *next;

#if VELUM_PLANT == 732 /* trace/test_graph_merges: chunks without inputs outlive who gave them */
    return;
#endif
    for (c = j->labour->chunks; c != NULL; c = next) {
        next = c->next_chunk;
        if (c->state == SLOT_QUEUED && !c->ahead && c->grant >> 32 != base >> 32 && is_unfed(j, c))
            labour_chunk_remove(j, c);
    }
}

/* A coordinator shows its title: it is told what is open here, and gets what nobody has confirmed.
 */
int labour_claim(struct node *n, struct node_id from, struct bytes payload)
{
    struct reader r = reader_of(payload);
    struct job_id id = read_job_id(&r);
    struct bytes fact = read_block(&r, FRAME_PAYLOAD_MAX);
    struct job *j = job_find(n, id);
    struct fact f;
    int title, rc = reader_done(&r) ? fact_read(fact, &f) : ERR_FORMAT;

    if (rc == 0 && f.kind != FACT_CLAIM)
        rc = ERR_FORMAT;
    if (rc < 0)
        return rc;
    if (j == NULL || (j->labour == NULL && j->ledger == NULL)) {
        if (node_id_equal(f.claim.node, from))
            labour_open_tell(n, NULL, id, f.claim.epoch, from);
        return 0;
    }
    if (job_is_final(j)) {
        /* It has ended here: whoever still coordinates it learns that. */
        if (j->ledger != NULL)
            holder_send_snapshot(j, from);
        return 0;
    }
    if (labour_make(j) == NULL)
        return ERR_NO_MEMORY;
    title = labour_title(j, from, fact);
    if (title < 0)
        return 0;
    j->labour->touched = n->now;
    if (title == 0) {
        labour_title_show(j, from);
        return 0;
    }
#if VELUM_PLANT == 20 /* sim: reports that nobody has kept are forgotten at a takeover */
    labour_report_forget(j, UINT64_MAX);
#endif
    labour_report_flush(j);
    if (node_id_equal(f.claim.node, from)) {
        /* Reports first: what they cover must not be granted again, what is open must not either.
         * Those that wait until outputs are safe may do so for long: what they will tell is open.
         */
        drop_unfed(j);
        j->labour->open_due = true;
        j->labour->open_epoch = f.claim.epoch;
        labour_report_resend(j);
    }
    holder_tend(j);
    labour_drop_idle(j);
    return 0;
}

/* Nothing more is run; what was done and nobody has confirmed stays, for whoever coordinates next.
 */
static void halt(struct job *j)
{
    while (j->labour->chunks != NULL)
        labour_chunk_remove(j, j->labour->chunks);
    workers_release(j->node, j);
    labour_report_flush(j);
    j->labour->touched = j->node->now;
}

int labour_stop(struct node *n, struct node_id from, struct bytes payload)
{
    struct reader r = reader_of(payload);
    struct job_id id = read_job_id(&r);
    struct job *j = job_find(n, id);
    uint8_t state;

    state = read_u8(&r);
    if (!reader_done(&r))
        return ERR_FORMAT;
    /* Only the coordinator this node works for may end its work. */
    if (j == NULL || j->labour == NULL || !node_id_equal(from, j->labour->claim.node))
        return 0;
    if (state == 0) {
        halt(j);
        return 0;
    }
    labour_over(j);
    return 0;
}

void labour_peer_up(struct node *n, struct node_id id)
{
    for (struct job *j = n->labour_jobs; j != NULL; j = j->next_labour)
        if (node_id_equal(j->labour->claim.node, id))
            labour_report_resend(j);
}

static void return_some(struct job *j, const uint32_t *stage, enum return_reason reason,
                        const char *why)
{
    struct labour_chunk *c = j->labour->chunks, *next;

    for (; c != NULL; c = next) {
        next = c->next_chunk;
        if (c->state == SLOT_RUNNING || (stage != NULL && c->stage != *stage))
            continue;
        labour_send_return(j->node, j->labour->claim.node, j->id, (uint8_t)reason, why, &c->grant,
                           1);
        labour_chunk_remove(j, c);
    }
}

void labour_return_all(struct job *j, enum return_reason reason, const char *why)
{
    return_some(j, NULL, reason, why);
}

void labour_return_stage(struct job *j, uint32_t stage, enum return_reason reason, const char *why)
{
    return_some(j, &stage, reason, why);
#if VELUM_PLANT != 661 /* trace/test_graph_lost: merges wait for ever for what they cannot get */
    if (merge_work_take_back(j->node, j, stage))
        labour_send_return(j->node, j->labour->claim.node, j->id, (uint8_t)reason, why, NULL, 0);
#endif
}

void labour_hand_back(struct node *n)
{
    for (struct job *j = n->labour_jobs; j != NULL; j = j->next_labour) {
        for (struct labour_chunk *c = j->labour->chunks; c != NULL; c = c->next_chunk)
            if (c->state == SLOT_RUNNING)
                labour_order_trim(n, c, 0);
        labour_return_all(j, RETURN_STOPPING, "");
    }
}

static void send_back(struct job *j, struct labour_chunk *c)
{
    labour_send_return(j->node, j->labour->claim.node, j->id, RETURN_FULL, "", &c->grant, 1);
    labour_chunk_remove(j, c);
}

void labour_take_back(struct node *n, struct worker *w)
{
    struct labour_chunk *c = w->chunk;

    merge_work_again(n, w);
    worker_kill(n, w);
    if (c != NULL && c->ahead)
        labour_report_failed(w->job, c, 0, "");
    else if (c != NULL)
        send_back(w->job, c);
}

/* A spare copy is for a slot that has nothing else: in the middle of its leaf, too. */
static bool end_spare(struct node *n)
{
    for (struct job *j = n->labour_jobs; j != NULL; j = j->next_labour)
        for (struct labour_chunk *c = j->labour->chunks; c != NULL; c = c->next_chunk) {
            struct worker *w = c->state == SLOT_RUNNING ? worker_find(n, c->worker) : NULL;

#if VELUM_PLANT == 446 /* trace/test_labour: a spare copy keeps its slot until its leaf ends */
            continue;
#endif
            if (!c->spare || w == NULL)
                continue;
            worker_kill(n, w);
            send_back(j, c);
            return true;
        }
    return false;
}

/* A leaf may take minutes, and slots of others be free meanwhile. */
void labour_waits(struct node *n)
{
#if VELUM_PLANT == 357 /* trace/test_labour: who was let in waits behind a long leaf */
    return;
#endif
    for (struct job *j = n->labour_jobs; j != NULL; j = j->next_labour) {
        struct labour_chunk *c = j->labour->chunks, *next;

        for (; c != NULL; c = next) {
            next = c->next_chunk;
            if (!c->let_in || c->state != SLOT_QUEUED ||
                instant_since_us(n->now, c->moved) < LET_IN_US ||
                load_fits(n, workers_load(n), c->load))
                continue;
            if (end_spare(n))
                return;
            send_back(j, c);
        }
    }
}

void labour_orphans(struct node *n)
{
    struct job *j, *next;

    for (j = n->labour_jobs; j != NULL; j = next) {
        int64_t since_us = instant_since_us(n->now, j->labour->touched);

        next = j->next_labour;
        if (labour_end_look(j))
            continue;
        if (since_us >= ORPHAN_US && j->labour->chunks == NULL && j->ledger == NULL)
            labour_over(j);
        else if (since_us >= IDLE_US)
            labour_drop_idle(j);
    }
}

/* Once a job has nothing to do here it goes IDLE_US later, or when what holds it is over: which is
 * an event, like all else that becomes of its chunks. */
static struct instant job_round_due(const struct job *j)
{
    const struct labour *l = j->labour;
    struct instant due = labour_inputs_due(j), end = labour_end_due(j);

    if (labour_report_waits(j))
        return j->node->now;
    for (const struct labour_chunk *c = l->chunks; c != NULL; c = c->next_chunk)
        if (c->let_in && c->state == SLOT_QUEUED)
            due = instant_first(due, instant_plus_us(c->moved, LET_IN_US));
        else
            due = instant_first(due, labour_tasks_due(c));
#if VELUM_PLANT == 622 /* trace/test_idle: a node looks at long leaves all the time */
    if (l->chunks != NULL)
        return j->node->now;
#endif
    if (l->chunks != NULL)
        return instant_first(due, end);
    if (l->unkept_first == NULL && l->pending_count == 0 && !workers_serve_job(j->node, j))
        return instant_first(end, instant_plus_us(l->touched, IDLE_US));
    return j->ledger == NULL ? instant_first(end, instant_plus_us(l->touched, ORPHAN_US)) : end;
}

struct instant labour_round_due(const struct node *n)
{
    struct instant due = workers_limits_due(n);
    uint32_t left = DUES_MAX;

    for (const struct job *j = n->labour_jobs; j != NULL; j = j->next_labour) {
        if (left-- == 0)
            return n->now;
        due = instant_first(due, job_round_due(j));
    }
    return due;
}

bool labour_is_idle(const struct node *n)
{
    for (const struct job *j = n->labour_jobs; j != NULL; j = j->next_labour)
        if (j->labour->chunks != NULL || j->labour->unkept_first != NULL ||
            j->labour->pending_count > 0)
            return false;
    return true;
}
