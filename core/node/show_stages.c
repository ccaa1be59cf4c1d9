#include "core/node/show_stages.h"

#include "core/base/err.h"
#include "core/node/directory.h"
#include "core/node/jobs.h"
#include "core/node/link.h"
#include "core/node/stages.h"

#define PATIENCE_US (3 * S_US)
#define WAITS_MAX 1024
#define FRAME_STAGES_MAX 57344u /* bytes of views in one frame, beside its head */

/* What frames say of the job, in the order in which they come. */
enum told { TOLD_UNKNOWN = 0, TOLD_MORE = 1, TOLD_LAST = 2 };

/* --- the views of a job --- */

static void not_told(void *ctx, uint32_t stage)
{
    (void)ctx, (void)stage;
}

static uint64_t leaves_done(const struct job *j, uint32_t stage)
{
    struct shape_stage in = stage_leaves(j, stage);
    const struct cover *cover = ledger_cover(j->ledger);

    if (job_final_state(j) == JOB_DONE)
        return in.end - in.first;
    return cover == NULL ? ledger_named(j->ledger, in.first, in.end)
                         : cover_overlap(cover, in.first, in.end);
}

/* Which stages have chunks out, by stage; NULL: none, or nobody here knows. */
static bool *who_has_chunks(const struct job *j)
{
    const struct pool *p = j->lead == NULL ? NULL : j->lead->pool;
    bool *busy = p == NULL ? NULL : node_alloc(j->node, j->graph->count * sizeof *busy);

    for (uint32_t i = 0; busy != NULL && i < pool_chunks(p); i++) {
        const struct chunk *c = pool_chunk_at(p, i);

        busy[stage_of_leaf(j, c->next < c->end ? c->next : c->first)] = true;
    }
    return busy;
}

/* What is known of all stages of a job. */
struct known {
    const struct ready *ready;
    const bool *busy; /* who_has_chunks */
    bool ended;       /* what is not complete never will be */
};

static enum stage_view_state state_of(const struct known *k, const struct stage_view *v)
{
    enum ready_state state = ready_at(k->ready, v->number);

    if (v->done == v->leaves && (k->ended || state == STAGE_DONE))
        return STAGE_VIEW_DONE;
    if (state == STAGE_FAILED)
        return STAGE_VIEW_FAILED;
    if (state == STAGE_BLOCKED)
        return STAGE_VIEW_BLOCKED;
#if VELUM_PLANT != 581 /* trace/test_graph: stages of a job that has ended seem to wait */
    if (k->ended)
        return STAGE_VIEW_STOPPED;
#endif
    if (state == STAGE_WAITING)
        return STAGE_VIEW_WAITING;
    return v->done > 0 || (k->busy != NULL && k->busy[v->number]) ? STAGE_VIEW_RUNNING
                                                                  : STAGE_VIEW_READY;
}

static void view_of(const struct job *j, const struct known *k, uint32_t stage,
                    struct stage_view *v)
{
    struct stage_spec room;
    const struct stage_spec *s = stage_spec_of(j, stage, &room);

    *v = (struct stage_view){.number = stage, .leaves = spec_leaves(s)};
    text_copy(v->name, sizeof v->name, s->name);
    text_copy(v->kernel, sizeof v->kernel, s->kernel);
    text_copy(v->args, sizeof v->args, s->args);
    v->done = leaves_done(j, stage);
    v->needs_count = s->needs_count;
    v->needs = s->needs;
    v->state = state_of(k, v);
    if (v->state == STAGE_VIEW_BLOCKED)
        v->blocked_by = k->ready->stages[stage].blocked_by;
}

/* Where the frames go: to a user, or to the node of one. */
struct sink {
    struct node *n;
    uint64_t link; /* 0: to the node */
    struct node_id to;
    uint32_t request;
    struct job_id job;
};

static void send_part(const struct sink *s, enum told told, uint16_t count, struct bytes views)
{
    struct buf b;

    buf_init(&b, s->n->alloc, FRAME_PAYLOAD_MAX);
    if (s->link == 0) {
        put_job_id(&b, s->job);
        put_u8(&b, (uint8_t)told);
    }
    put_u16(&b, count);
    put_raw(&b, views.data, views.len);
    if (b.failed)
        s->n->memory_out = true;
    else if (s->link == 0)
        send_node(s->n, s->to, MESSAGE_STAGES_TOLD, s->request, buf_bytes(&b));
    else
        send_link(s->n, s->link, MESSAGE_REPLY_STAGES, s->request, buf_bytes(&b));
    buf_clear(&b);
}

static void send_views(const struct sink *s, struct job *j, const struct ready *r)
{
    bool *busy = who_has_chunks(j);
    const struct known known = {r, busy, job_is_final(j) && j->lead == NULL};
    struct stage_view v;
    uint16_t count = 0;
    struct buf b;

    buf_init(&b, s->n->alloc, FRAME_PAYLOAD_MAX);
    for (uint32_t i = 0; i < j->graph->count; i++) {
        view_of(j, &known, i, &v);
        put_stage_view(&b, &v);
        count++;
        if (i + 1 < j->graph->count && b.len < FRAME_STAGES_MAX - STAGE_VIEW_SIZE_MAX)
            continue;
        if (b.failed)
            s->n->memory_out = true;
        send_part(s, i + 1 < j->graph->count ? TOLD_MORE : TOLD_LAST, count, buf_bytes(&b));
        buf_reset(&b);
        count = 0;
    }
    buf_clear(&b);
    alloc_free(s->n->alloc, busy, j->graph->count * sizeof *busy);
    if (s->link != 0)
        reply_end(s->n, s->link, s->request);
}

/* The outcome names them; who wrote it may be anybody. */
static void fail_those_given_up(const struct job *j, struct ready *r)
{
    const struct outcome *o = ledger_outcome(j->ledger);

    for (uint16_t i = 0; o != NULL && i < o->failed_count; i++)
        if (outcome_failed(o, i) < j->graph->count)
            ready_fail(r, outcome_failed(o, i), not_told, NULL);
}

/* A holder that does not lead sees what is complete, and what may run because of that. Of a job
 * that has ended each does. */
static void send_all(const struct sink *s, struct job *j)
{
    struct ready own;

    if (j->lead != NULL) {
        send_views(s, j, &j->lead->ready);
        return;
    }
    if (ready_init(&own, s->n->alloc, j->graph, ledger_cover(j->ledger)) < 0) {
        s->n->memory_out = true;
        return;
    }
    if (job_is_final(j))
        fail_those_given_up(j, &own);
    else
        ready_due_all(&own);
    ready_go_on(&own, UINT32_MAX, not_told, NULL);
    send_views(s, j, &own);
    ready_clear(&own);
}

/* --- asking --- */

static void wait_remove(struct node *n, struct stages_wait *w)
{
    struct stages_wait **at;

    for (at = &n->stages_waits; *at != w; at = &(*at)->next)
        ;
    *at = w->next;
    alloc_free(n->alloc, w, sizeof *w);
}

static void no_answer(struct node *n, const struct stages_wait *w)
{
    reply_error(n, w->link, w->request, 7, "none of the nodes that hold this job answers",
                "velum nodes shows who is away");
}

/* Asks the next of those that may know. False: there is none. */
static bool ask_next(struct node *n, struct stages_wait *w)
{
    const struct entry *e = directory_find(n, w->job);

    while (e != NULL && !w->begun && w->tried <= e->holders_count) {
        struct node_id id = w->tried == 0 ? e->coordinator : e->holders[w->tried - 1];

        w->tried++;
#if VELUM_PLANT != 448 /* trace/test_graph: who coordinated a job is asked though it is gone */
        if (node_is_self(n, id) || !member_works(n, id))
            continue;
#endif
        w->at = id;
        w->since = n->now;
        send_node(n, id, MESSAGE_STAGES, w->token, (struct bytes){w->job.bytes, ID_SIZE});
        return true;
    }
    return false;
}

static void go_on(struct node *n, struct stages_wait *w)
{
    if (ask_next(n, w))
        return;
    no_answer(n, w);
    wait_remove(n, w);
}

static void wait_add(struct node *n, uint64_t link, uint32_t request, struct job_id id)
{
    struct stages_wait *w;
    uint32_t count = 0;

    for (w = n->stages_waits; w != NULL; w = w->next)
        count++;
    w = count >= WAITS_MAX ? NULL : node_alloc(n, sizeof *w);
    if (w == NULL) {
        reply_error(n, link, request, 1, "too many wait for a job's stages at this node",
                    "try again");
        return;
    }
    *w = (struct stages_wait){.token = ++n->token_counter,
                              .link = link,
                              .request = request,
                              .job = id,
                              .next = n->stages_waits};
    n->stages_waits = w;
    go_on(n, w);
}

void show_stages(struct node *n, uint64_t link, uint32_t request, struct bytes payload)
{
    struct reader r = reader_of(payload);
    struct job_id id = read_job_id(&r);
    struct job *j = job_find(n, id);
    const struct entry *e = directory_find(n, id);
    bool holds = j != NULL && j->ledger != NULL;

    if (!reader_done(&r))
        reply_malformed(n, link, request);
    else if (holds &&
             (j->lead != NULL || job_is_final(j) || e == NULL || !member_works(n, e->coordinator)))
        send_all(&(struct sink){.n = n, .link = link, .request = request, .job = id}, j);
    else if (e != NULL)
        wait_add(n, link, request, id);
    else
        reply_error(n, link, request, 3, "this node knows no such job",
                    "velum ps --all lists those it knows");
}

int show_stages_peer(struct node *n, struct node_id from, uint32_t request, struct bytes payload)
{
    struct reader r = reader_of(payload);
    struct sink s = {.n = n, .to = from, .request = request, .job = read_job_id(&r)};
    struct job *j = job_find(n, s.job);

    if (!reader_done(&r))
        return ERR_FORMAT;
    if (j != NULL && j->ledger != NULL)
        send_all(&s, j);
    else
        send_part(&s, TOLD_UNKNOWN, 0, (struct bytes){NULL, 0});
    return 0;
}

/* They come in order, each once, and a frame has some: so whoever tells them comes to an end. */
static bool go_on_from(uint32_t *next, struct bytes told)
{
    struct stage_view v;
    struct reader r;
    uint16_t count;

    if (read_reply_stages(told, &count, &r) < 0 || count == 0)
        return false;
    for (; count > 0; count--, (*next)++) {
        read_stage_view(&r, &v);
        if (r.failed || v.number != *next || *next >= JOB_STAGES_MAX)
            return false;
    }
    return reader_done(&r);
}

int show_stages_told(struct node *n, struct node_id from, uint32_t request, struct bytes payload)
{
    struct reader r = reader_of(payload);
    struct job_id id = read_job_id(&r);
    uint8_t told = read_u8(&r);
    struct stages_wait *w;

    if (r.failed || told > TOLD_LAST)
        return ERR_FORMAT;
    for (w = n->stages_waits; w != NULL && w->token != request; w = w->next)
        ;
    if (w == NULL || !job_id_equal(w->job, id) || !node_id_equal(w->at, from))
        return 0;
    if (told == TOLD_UNKNOWN) {
        go_on(n, w);
        return 0;
    }
    payload = (struct bytes){payload.data + r.at, payload.len - r.at};
#if VELUM_PLANT != 634 /* trace/test_graph: who tells of stages may do so without end */
    if (!go_on_from(&w->told, payload)) {
        reply_error(n, w->link, w->request, 1,
                    "the node that leads this job tells of stages that cannot be",
                    "velum nodes shows which version it runs");
        wait_remove(n, w);
        return 0;
    }
#endif
    w->begun = true;
    send_link(n, w->link, MESSAGE_REPLY_STAGES, w->request, payload);
    w->since = n->now;
    if (told == TOLD_MORE)
        return 0;
    reply_end(n, w->link, w->request);
    wait_remove(n, w);
    return 0;
}

void show_stages_tick(struct node *n)
{
    struct stages_wait *w, *next;

    for (w = n->stages_waits; w != NULL; w = next) {
        next = w->next;
        if (link_find(n, w->link) == NULL)
            wait_remove(n, w);
        else if (!member_works(n, w->at) || instant_since_us(n->now, w->since) >= PATIENCE_US)
            go_on(n, w);
    }
}

void show_stages_free(struct node *n)
{
    while (n->stages_waits != NULL)
        wait_remove(n, n->stages_waits);
}
