#include "core/node/stage_views.h"

#include "core/base/err.h"
#include "core/node/jobs.h"
#include "core/node/link.h"
#include "core/node/stages.h"

#define TELLINGS_MAX 64
#define SLICE 512u              /* stages told in a step */
#define MADE_IN_A_STEP 2048u    /* stages looked at before that */
#define FRAME_STAGES_MAX 57344u /* bytes of views in one frame, beside its head */

/* Stages [first, end) of a job, and what is known of them. */
struct slice {
    uint32_t first, end;
    const struct ledger *ledger;
    const struct ready *ready;
    bool busy[SLICE]; /* chunks of it are out, by its place among them */
    bool ended;       /* what is not complete never will be */
};

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

/* Which of the stages of a slice have chunks out; none, where nobody here knows. */
static void who_has_chunks(const struct job *j, struct slice *of)
{
    const struct pool *p = j->lead == NULL ? NULL : j->lead->pool;

    for (uint32_t i = 0; p != NULL && i < pool_chunks(p); i++) {
        const struct chunk *c = pool_chunk_at(p, i);
        uint32_t stage = stage_of_leaf(j, c->next < c->end ? c->next : c->first);

        if (stage >= of->first && stage < of->end)
            of->busy[stage - of->first] = true;
    }
}

static enum stage_view_state state_of(const struct slice *k, const struct stage_view *v)
{
    enum ready_state state = ready_at(k->ready, v->number);

    if (v->done == v->leaves && (k->ended || state == STAGE_DONE))
        return STAGE_VIEW_DONE;
    if (state == STAGE_FAILED)
        return ledger_stage_cancelled(k->ledger, v->number) ? STAGE_VIEW_CANCELLED
                                                            : STAGE_VIEW_FAILED;
    if (state == STAGE_BLOCKED)
        return STAGE_VIEW_BLOCKED;
#if VELUM_PLANT != 581 /* trace/test_graph: stages of a job that has ended seem to wait */
    if (k->ended)
        return STAGE_VIEW_STOPPED;
#endif
    if (state == STAGE_WAITING)
        return STAGE_VIEW_WAITING;
    return v->done > 0 || k->busy[v->number - k->first] ? STAGE_VIEW_RUNNING : STAGE_VIEW_READY;
}

static void view_of(const struct job *j, const struct slice *k, uint32_t stage,
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
#if VELUM_PLANT != 797 /* trace/test_stage_views: a view of a stage may be longer than a frame */
    if (v->needs_count > STAGE_VIEW_NEEDS_MAX)
        v->needs_count = STAGE_VIEW_NEEDS_MAX;
#endif
    v->needs = (struct bytes){s->needs.data, (size_t)v->needs_count * STAGE_NEED_BYTES};
    v->state = state_of(k, v);
    if (v->state == STAGE_VIEW_BLOCKED)
        v->blocked_by = k->ready->stages[stage].blocked_by;
}

/* --- a slice on its way --- */

static void send_part(struct node *n, const struct views_to *to, enum views_told told,
                      uint16_t count, struct bytes views)
{
    struct buf b;

    buf_init(&b, n->alloc, FRAME_PAYLOAD_MAX);
    if (to->link == 0) {
        put_job_id(&b, to->job);
        put_u8(&b, (uint8_t)told);
    }
    put_u16(&b, count);
    put_raw(&b, views.data, views.len);
    if (b.failed)
        n->memory_out = true;
    else if (to->link == 0)
        send_node(n, to->node, MESSAGE_STAGES_TOLD, to->request, buf_bytes(&b));
    else
        send_link(n, to->link, MESSAGE_REPLY_STAGES, to->request, buf_bytes(&b));
    buf_clear(&b);
}

void stage_views_unknown(struct node *n, const struct views_to *to)
{
    send_part(n, to, VIEWS_UNKNOWN, 0, (struct bytes){NULL, 0});
}

/* As many as fit one frame and one slice; t->next goes on behind them. */
static void tell_slice(struct node *n, struct stages_telling *t, struct job *j,
                       const struct ready *r)
{
    struct slice k = {.first = t->next,
                      .ledger = j->ledger,
                      .ready = r,
                      .ended = job_is_final(j) && j->lead == NULL};
    struct stage_view v;
    uint16_t count = 0;
    struct buf b;

    k.end = t->count - k.first < SLICE ? t->count : k.first + SLICE;
    who_has_chunks(j, &k);
    buf_init(&b, n->alloc, FRAME_PAYLOAD_MAX);
    for (; t->next < k.end && b.len < FRAME_STAGES_MAX - STAGE_VIEW_SIZE_MAX; t->next++, count++) {
        view_of(j, &k, t->next, &v);
        put_stage_view(&b, &v);
    }
    if (b.failed)
        n->memory_out = true;
    else
        send_part(n, &t->to, t->next < t->count ? VIEWS_MORE : VIEWS_LAST, count, buf_bytes(&b));
    buf_clear(&b);
}

/* The outcome names them; who wrote it may be anybody. */
static void fail_those_given_up(const struct job *j, struct ready *r)
{
    const struct outcome *o = ledger_outcome(j->ledger);

    for (uint16_t i = 0; o != NULL && i < o->failed_count; i++)
        if (outcome_failed(o, i) < j->graph->count)
            ready_fail(r, outcome_failed(o, i), not_told, NULL);
}

/* Those of a job that goes on: of one that has ended the outcome names those that count. */
static void fail_those_cancelled(const struct job *j, struct ready *r)
{
    uint32_t i = ledger_cancelled_from(j->ledger, 0);

    for (; i < r->count; i = ledger_cancelled_from(j->ledger, i + 1))
        ready_fail(r, i, not_told, NULL);
}

/* Once it is known what is complete, and before it is told. */
static bool block(const struct job *j, struct ready *r)
{
    if (!job_is_final(j))
        fail_those_cancelled(j, r);
    return ready_go_on(r, UINT32_MAX, not_told, NULL);
}

static void drop_own(struct stages_telling *t)
{
    if (t->has_own)
        ready_clear(&t->own);
    t->has_own = t->own_made = false;
}

/* A holder that does not lead sees what is complete, and what may run because of that. Of a job
 * that has ended each does. */
static void begin_own(struct node *n, struct stages_telling *t, struct job *j)
{
    if (ready_init(&t->own, n->alloc, j->graph, ledger_cover(j->ledger)) < 0) {
        n->memory_out = true;
        return;
    }
    t->has_own = true;
    if (job_is_final(j))
        fail_those_given_up(j, &t->own);
    else
        ready_due_all(&t->own);
}

/* While it is made it looks at the graph and the cover, which may be others in the next step. */
static bool is_of(const struct ready *own, const struct job *j)
{
    return own->graph == j->graph && own->cover == ledger_cover(j->ledger) &&
           own->count <= j->graph->count;
}

/* The job may have changed hands since the last slice. NULL: it is not made yet. */
static const struct ready *ready_of(struct node *n, struct stages_telling *t, struct job *j)
{
    if (j->lead != NULL && j->lead->ready.count >= t->count)
        return &j->lead->ready;
    if (!t->own_made && !is_of(&t->own, j))
        drop_own(t);
    if (!t->has_own)
        begin_own(n, t, j);
    if (t->has_own && !t->own_made)
        t->own_made = ready_go_on(&t->own, MADE_IN_A_STEP, not_told, NULL) && block(j, &t->own);
    return t->own_made ? &t->own : NULL;
}

/* --- who is told --- */

static void telling_remove(struct node *n, struct stages_telling *t)
{
    struct stages_telling **at = &n->stages_tellings;

    while (*at != t)
        at = &(*at)->next_telling;
    *at = t->next_telling;
    drop_own(t);
    alloc_free(n->alloc, t, sizeof *t);
}

/* A node that is refused has the patience that it has with one that is silent. */
void stage_views_tell(struct node *n, const struct views_to *to, const struct job *j)
{
    struct stages_telling **end = &n->stages_tellings, *t = NULL;
    uint32_t count = 0;

    for (; *end != NULL; end = &(*end)->next_telling)
        count++;
    if (count < TELLINGS_MAX)
        t = node_alloc(n, sizeof *t);
    if (t == NULL) {
        if (to->link != 0)
            reply_error(n, to->link, to->request, 1,
                        "too many lists of stages are on their way at this node", "try again");
        return;
    }
    *t = (struct stages_telling){.to = *to, .count = j->graph->count};
    *end = t;
}

static bool is_gone(const struct node *n, const struct views_to *to)
{
    return to->link != 0 ? link_find(n, to->link) == NULL : !member_works(n, to->node);
}

/* A node takes no more than its link has room for: a queue that is too long closes that. */
static bool may_go(const struct node *n, const struct views_to *to)
{
#if VELUM_PLANT == 796 /* trace/test_stage_views: stages are told however many are on their way */
    return true;
#endif
    return to->link != 0 || node_is_self(n, to->node) || is_gone(n, to) ||
           link_has_room(n, to->node);
}

/* The first that need not wait; NULL: none. */
static struct stages_telling *next_telling(const struct node *n)
{
    struct stages_telling *t = n->stages_tellings;

    while (t != NULL && !may_go(n, &t->to))
        t = t->next_telling;
    return t;
}

/* In the middle of it: others do not tell the rest. */
static void job_is_gone(struct node *n, const struct views_to *to)
{
    if (to->link != 0)
        reply_error(n, to->link, to->request, 3, "the job is gone",
                    "velum ps --all lists those that are kept");
    else
        stage_views_unknown(n, to);
}

static void tell_next(struct node *n, struct stages_telling *t)
{
    struct job *j = job_find(n, t->to.job);
    const struct ready *r;

    if (is_gone(n, &t->to)) {
        telling_remove(n, t);
        return;
    }
    if (j == NULL || j->ledger == NULL || j->graph->count < t->count) {
        job_is_gone(n, &t->to);
        telling_remove(n, t);
        return;
    }
    r = ready_of(n, t, j);
    if (r != NULL)
        tell_slice(n, t, j, r);
    if (r == NULL || t->next < t->count)
        return;
    if (t->to.link != 0)
        reply_end(n, t->to.link, t->to.request);
    telling_remove(n, t);
}

void stage_views_run(struct node *n)
{
    struct stages_telling *t;

#if VELUM_PLANT == 752 /* trace/test_stage_views: the stages of a job are told in one step */
    while ((t = next_telling(n)) != NULL)
        tell_next(n, t);
#endif
    t = next_telling(n);
    if (t != NULL)
        tell_next(n, t);
}

bool stage_views_are_due(const struct node *n)
{
    return next_telling(n) != NULL;
}

void stage_views_free(struct node *n)
{
    while (n->stages_tellings != NULL)
        telling_remove(n, n->stages_tellings);
}
