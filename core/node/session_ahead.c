#include "core/node/session_ahead.h"

#include "core/base/err.h"
#include "core/node/fit.h"
#include "core/node/jobs.h"
#include "core/node/labour_room.h"
#include "core/node/labour_tasks.h"
#include "core/node/link.h"
#include "core/node/merge_work.h"
#include "core/node/report.h"
#include "core/node/stages.h"
#include "core/node/turns.h"
#include "core/node/worker_order.h"
#include "core/node/workers.h"
#include "core/wire/session.h"

struct ahead_task {
    uint32_t task, like, request;
    uint64_t units, link;
    struct labour_chunk *chunk; /* owned, while a worker is at it */
    struct bytes params, value; /* owned */
    uint64_t compute_us;
};

/* By their numbers, rising. It is there while it has one. */
struct ahead {
    struct ahead_task tasks[AHEAD_MAX];
    uint32_t count;
    size_t bytes;
};

static void answer(struct node *n, uint64_t link, uint32_t request,
                   const struct session_computed *m)
{
    struct buf b;

    buf_init(&b, n->alloc, FRAME_PAYLOAD_MAX);
    put_session_computed(&b, m);
    if (b.failed)
        n->memory_out = true;
    else
        send_link(n, link, MESSAGE_REPLY_AHEAD, request, buf_bytes(&b));
    buf_clear(&b);
}

/* --- beginning --- */

/* Bound to tasks like this one, and with nothing to do. */
static struct worker *idle_worker(const struct job *j, uint32_t like)
{
    const struct graph_stage *stages = j->graph->stages;

    for (struct worker *w = j->node->workers; w != NULL; w = w->next)
        if (w->state == WORKER_BOUND && w->job == j && w->chunk == NULL &&
            labour_tasks_are(j, w->stage) && stages[w->stage].like == stages[like].like &&
            !merge_work_is_given(j->node, w))
            return w;
    return NULL;
}

static bool has_room(const struct job *j, const struct session_ahead *m)
{
    const struct ahead *a = j->lead->ahead;

    return a == NULL ||
           (a->count < AHEAD_MAX && m->task > a->tasks[a->count - (a->count > 0)].task &&
            a->bytes + m->params.len + j->graph->stages[m->like].accumulator_size <=
                AHEAD_BYTES_MAX);
}

static bool are_short(const struct job *j)
{
    return j->labour != NULL && j->labour->task_us > 0 && j->labour->task_us < AHEAD_TASK_US;
}

/* Whoever is on the link was proved to be who he is: the author needs no signature to be told what
 * his own task comes to. */
static bool may_run(const struct job *j, const struct link_entry *l, const struct session_ahead *m)
{
    const struct lead *lead = j->lead;
    struct stage_spec room;
    const struct stage_spec *s;

    if (lead == NULL || lead->sessions == NULL || lead->finishing || lead->collecting ||
        j->node->stopping || ledger_cancel(j->ledger) != NULL || ledger_closed(j->ledger) > 0 ||
        j->spec->slots_max > 0 || j->spec->check > 0)
        return false;
#if VELUM_PLANT != 502 /* trace/test_ahead: anybody has tasks of another's job computed */
    if (!node_id_equal(l->id, j->spec->author))
        return false;
#endif
    if (m->task < j->graph->count || m->like >= j->graph->count || !labour_tasks_are(j, m->like) ||
        !are_short(j) || !has_room(j, m))
        return false;
    s = stage_spec_of(j, m->like, &room);
    return room_meets(j->node, s) && load_fits(j->node, workers_load(j->node), fit_load_of(s));
}

static uint64_t units_of(const struct job *j, const struct session_ahead *m)
{
    struct stage_spec room;

    return m->units > 0 ? m->units : stage_spec_of(j, m->like, &room)->units;
}

static struct ahead_task *task_add(struct job *j, const struct session_ahead *m)
{
    struct node *n = j->node;
    struct ahead *a = j->lead->ahead;
    struct ahead_task *t;

    if (a == NULL)
        a = j->lead->ahead = node_alloc(n, sizeof *a);
    if (a == NULL)
        return NULL;
    t = &a->tasks[a->count];
    *t = (struct ahead_task){.task = m->task, .like = m->like, .units = units_of(j, m)};
    t->params = bytes_copy(n, m->params);
    t->chunk = node_alloc(n, sizeof *t->chunk);
    if (t->chunk == NULL || n->memory_out) {
        bytes_free(n, t->params);
        alloc_free(n->alloc, t->chunk, sizeof *t->chunk);
        return NULL;
    }
    a->count++;
    a->bytes += m->params.len + j->graph->stages[m->like].accumulator_size;
    return t;
}

static void order(struct job *j, struct worker *w, const struct ahead_task *t)
{
    struct node *n = j->node;
    struct order_tasks m = {.run = t->chunk->grant, .first = t->task, .units = t->units};
    struct buf b;

    buf_init(&b, n->alloc, FRAME_PAYLOAD_MAX);
    put_order_tasks_begin(&b, &m);
    put_order_task(&b, m.units, (struct order_task){t->units, t->units, t->params});
    order_tasks_count(&b, 1);
    if (b.failed)
        n->memory_out = true;
    else
        worker_order(n, w, MESSAGE_ORDER_TASKS, buf_bytes(&b));
    buf_clear(&b);
}

/* The numbers of grants do not come near these: see lead_grant_base. */
static uint64_t run_of(uint32_t task)
{
    return UINT64_MAX - task;
}

static void begin(struct job *j, struct worker *w, const struct ahead_task *t)
{
    struct node *n = j->node;
    struct stage_spec room;

    *t->chunk = (struct labour_chunk){.grant = run_of(t->task),
                                      .first = t->task,
                                      .next = t->task,
                                      .end = (uint64_t)t->task + 1,
                                      .stage = t->like,
                                      .state = SLOT_RUNNING,
                                      .worker = w->number,
                                      .ahead = true,
                                      .load = fit_load_of(stage_spec_of(j, t->like, &room)),
                                      .moved = n->now};
    w->chunk = t->chunk;
    w->since = j->labour->touched = n->now;
    order(j, w, t);
}

void ahead_request(struct node *n, const struct link_entry *l, uint32_t request,
                   struct bytes payload)
{
    struct session_ahead m;
    struct ahead_task *t = NULL;
    struct worker *w = NULL;
    struct job *j;

    if (read_session_ahead(payload, &m) < 0) {
        reply_malformed(n, l->link, request);
        return;
    }
    j = job_find(n, m.job);
    if (j != NULL && may_run(j, l, &m))
        w = idle_worker(j, m.like);
    if (w != NULL)
        t = task_add(j, &m);
    if (t == NULL) {
        answer(n, l->link, request, &(struct session_computed){.job = m.job, .task = m.task});
        return;
    }
    t->link = l->link;
    t->request = request;
    begin(j, w, t);
}

/* --- ending --- */

static struct ahead_task *task_of(const struct job *j, const struct labour_chunk *c)
{
    struct ahead *a = j->lead->ahead;
    uint32_t i = a->count;

    while (a->tasks[i - 1].chunk != c)
        ensure(--i > 0);
    return &a->tasks[i - 1];
}

/* Its worker has a slot to give. */
static void leave_worker(struct job *j, struct ahead_task *t)
{
    struct worker *w = t->chunk == NULL ? NULL : worker_find(j->node, t->chunk->worker);

    if (w != NULL && w->chunk == t->chunk)
        w->chunk = NULL;
    alloc_free(j->node->alloc, t->chunk, sizeof *t->chunk);
    t->chunk = NULL;
    j->node->serve_wanted = true;
}

static void task_remove(struct job *j, struct ahead_task *t)
{
    struct ahead *a = j->lead->ahead;
    uint32_t at = (uint32_t)(t - a->tasks);

    if (t->chunk != NULL)
        leave_worker(j, t);
    a->bytes -= t->params.len + j->graph->stages[t->like].accumulator_size;
    bytes_free(j->node, t->params);
    bytes_free(j->node, t->value);
    for (a->count--; at < a->count; at++)
        a->tasks[at] = a->tasks[at + 1];
}

/* The table takes 18 KiB, and jobs that had a task ahead once may be many. */
static void leave_if_empty(struct job *j)
{
    struct ahead *a = j->lead == NULL ? NULL : j->lead->ahead;

    if (a == NULL || a->count > 0)
        return;
#if VELUM_PLANT != 671 /* trace/test_ahead: the table of tasks ahead stays for good */
    alloc_free(j->node->alloc, a, sizeof *a);
    j->lead->ahead = NULL;
#endif
}

static bool is_its_value(const struct job *j, const struct ahead_task *t,
                         const struct worker_progress *p, struct value *v)
{
    struct reader r = p->rest;

    if (!p->ended || p->count != 1 || p->next != t->chunk->end || p->compute_us > REPORT_US_MAX ||
        p->cpu_us > REPORT_US_MAX)
        return false;
    *v = read_value(&r);
    return reader_done(&r) && v->at.level == 0 && v->at.index == t->task &&
           v->data.len == j->graph->stages[t->like].accumulator_size;
}

int ahead_told(struct job *j, const struct labour_chunk *c, const struct worker_progress *p)
{
    struct ahead_task *t = task_of(j, c);
    struct value v;

    if (!is_its_value(j, t, p, &v))
        return ERR_FORMAT;
    t->value = bytes_copy(j->node, v.data);
    t->compute_us = p->compute_us;
    j->lead->cpu_us += p->cpu_us;
    room_served(j, p->compute_us);
    turns_served(j, p->compute_us);
    labour_tasks_took(j->labour, 1, p->compute_us);
    leave_worker(j, t);
    answer(j->node, t->link, t->request,
           &(struct session_computed){
               .job = j->id, .task = t->task, .computed = true, .value = v.data});
    if (t->task < j->graph->count)
        ahead_listed(j);
    return 0;
}

void ahead_lost(struct job *j, const struct labour_chunk *c)
{
    struct ahead_task *t = task_of(j, c);

#if VELUM_PLANT != 503 /* trace/test_ahead: of a task that is lost its author hears nothing */
    answer(j->node, t->link, t->request, &(struct session_computed){.job = j->id, .task = t->task});
#endif
    task_remove(j, t);
    leave_if_empty(j);
}

/* --- counting --- */

static bool is_same(const struct job *j, const struct ahead_task *t)
{
    const struct graph_stage *s = &j->graph->stages[t->task];
    const struct stage_spec *said;
    struct stage_spec room;

#if VELUM_PLANT == 504 /* trace/test_ahead: what was computed ahead counts for any task */
    return true;
#endif
    if (!s->task || s->needs_count > 0 || s->like != j->graph->stages[t->like].like)
        return false;
    said = stage_spec_of(j, t->task, &room);
#if VELUM_PLANT == 700 /* trace/test_ahead: it counts for a task of other units */
    return bytes_equal(said->params, t->params);
#endif
    return said->units == t->units && !said->rolled && bytes_equal(said->params, t->params);
}

/* As a report of so many values, and the fact that comes of it. */
static bool holds(const struct buf *values, struct bytes value)
{
#if VELUM_PLANT == 792 /* trace/test_ahead: what was computed ahead is counted in one fact */
    return true;
#endif
    return values->len + VALUE_HEAD_SIZE + value.len <= PROGRESS_VALUES_MAX;
}

/* Those from `at` on that are neighbours, and fit one report; returns how many. */
static uint32_t put_run(const struct job *j, uint32_t at, struct buf *values, uint64_t *us)
{
    const struct ahead *a = j->lead->ahead;
    uint32_t first = a->tasks[at].task, i = at;

    for (;
         i < a->count && a->tasks[i].task == first + (i - at) && a->tasks[i].task < j->graph->count;
         i++) {
        const struct ahead_task *t = &a->tasks[i];
        const struct value v = {{0, stage_leaves(j, t->task).first}, t->value};

        if (t->chunk != NULL || !is_same(j, t) || stage_is_cancelled(j, t->task) ||
            !holds(values, t->value))
            break;
        put_value(values, &v);
        *us += t->compute_us;
    }
    return i - at;
}

static void count_run(struct job *j, uint32_t *at)
{
    struct buf values;
    uint64_t us = 0;
    uint32_t count;

    buf_init(&values, j->node->alloc, FRAME_PAYLOAD_MAX);
    count = put_run(j, *at, &values, &us);
    if (values.failed)
        j->node->memory_out = true;
    else if (count > 0)
        report_ahead(j, j->lead->ahead->tasks[*at].task, (uint16_t)count, buf_bytes(&values), us);
    *at += count > 0 ? count : 1;
    buf_clear(&values);
}

void ahead_listed(struct job *j)
{
    struct ahead *a = j->lead->ahead;

    for (uint32_t i = 0; a != NULL && i < a->count && a->tasks[i].task < j->graph->count;) {
        count_run(j, &i);
        a = j->lead == NULL ? NULL : j->lead->ahead;
    }
    for (uint32_t i = a == NULL ? 0 : a->count; i-- > 0;)
        if (a->tasks[i].task < j->graph->count && a->tasks[i].chunk == NULL)
            task_remove(j, &a->tasks[i]);
    leave_if_empty(j);
}

void ahead_drop(struct job *j)
{
    struct ahead *a = j->lead->ahead;

    while (a != NULL && a->count > 0) {
        struct ahead_task *t = &a->tasks[a->count - 1];
        struct worker *w = t->chunk == NULL ? NULL : worker_find(j->node, t->chunk->worker);
        bool at_it = w != NULL && w->chunk == t->chunk;

        task_remove(j, t);
        /* It would be at that still when it gets its next chunk, and be blamed for it there. */
#if VELUM_PLANT != 690 /* trace/test_ahead: a worker gets a chunk behind a task that nobody wants */
        if (at_it)
            worker_kill(j->node, w);
#endif
    }
    alloc_free(j->node->alloc, a, sizeof *a);
    j->lead->ahead = NULL;
}
