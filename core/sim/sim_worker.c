#include "core/sim/sim_worker.h"

#include <string.h>

#include "core/base/err.h"
#include "core/sim/sim_author.h"
#include "core/sim/sim_graph.h"
#include "core/sim/sim_input.h"
#include "core/sim/sim_kernel.h"
#include "core/sim/sim_node.h"
#include "core/sim/sim_output.h"
#include "core/wire/tree.h"

#define PIPE_US 30
#define SEGV 11

static struct sim_worker *find(const struct sim_node *n, uint32_t number)
{
    struct sim_worker *x = n->workers;

    while (x != NULL && x->number != number)
        x = x->next;
    return x;
}

static uint32_t value_size(const struct world *w, const struct sim_worker *x)
{
    const struct sim_job *j = &w->jobs[x->job];

    return sim_collects(j, x->stage) ? 0 : sim_value_size(j);
}

/* --- what it says --- */

static struct worker_says *say(struct world *w, struct sim_node *n, struct sim_worker *x,
                               uint8_t type, uint32_t request, int64_t in_us)
{
    struct worker_says *s = world_alloc(w, sizeof *s), **end = &x->said;

    if (s == NULL) {
        buf_init_fixed(&w->unsaid.payload, NULL, 0);
        return &w->unsaid;
    }
    s->type = type;
    s->request = request;
    buf_init(&s->payload, w->alloc, FRAME_PAYLOAD_MAX);
    while (*end != NULL)
        end = &(*end)->next;
    *end = s;
    world_later(w, in_us, HAPPEN_WORKER_SAYS, n->index, x->number, 0);
    return s;
}

static void die(struct world *w, struct sim_node *n, struct sim_worker *x, enum worker_end end,
                int status)
{
    struct worker_says *s;

    if (x->dying)
        return;
    x->dying = true;
    x->working = false;
    x->turn++;
    s = say(w, n, x, 0, 0, (int64_t)world_between(w, 50, 1500));
    s->end = end;
    s->status = status;
}

static void orders_free(struct world *w, struct worker_order **list)
{
    struct worker_order *o;

    while ((o = *list) != NULL) {
        *list = o->next;
        buf_clear(&o->payload);
        alloc_free(w->alloc, o, sizeof *o);
    }
}

static void worker_free(struct world *w, struct sim_worker *x)
{
    struct worker_says *s;

    orders_free(w, &x->on_way);
    orders_free(w, &x->orders);
    while ((s = x->said) != NULL) {
        x->said = s->next;
        buf_clear(&s->payload);
        alloc_free(w->alloc, s, sizeof *s);
    }
    if (x->values != NULL)
        alloc_free(w->alloc, x->values, (size_t)RUN_VALUES_MAX * x->values_size);
    buf_clear(&x->files);
    buf_clear(&x->tasks);
    buf_clear(&x->next_tasks);
    buf_clear(&x->task_values);
    alloc_free(w->alloc, x, sizeof *x);
}

void sim_worker_start(struct world *w, struct sim_node *n, uint32_t number)
{
    struct sim_worker *x = world_alloc(w, sizeof *x);
    struct worker_says *s;

    if (x == NULL)
        return;
    x->number = number;
    x->job = SIM_JOBS_MAX;
    buf_init(&x->files, w->alloc, (size_t)STAGE_INPUTS_MAX * ID_SIZE);
    buf_init(&x->tasks, w->alloc, FRAME_PAYLOAD_MAX);
    buf_init(&x->next_tasks, w->alloc, FRAME_PAYLOAD_MAX);
    buf_init(&x->task_values, w->alloc, FRAME_PAYLOAD_MAX);
    x->next = n->workers;
    n->workers = x;
    s = say(w, n, x, MESSAGE_WORKER_READY, 0, (int64_t)world_between(w, 800, 3000));
    put_u32(&s->payload, 0);
}

/* --- the run --- */

static int merge(void *ctx, struct bytes left, struct bytes right, uint8_t *out)
{
    return sim_merge(ctx, left, right, out);
}

static void tasks_progress(struct world *w, struct sim_node *n, struct sim_worker *x)
{
    struct worker_says *s = say(w, n, x, MESSAGE_WORKER_PROGRESS, x->now_request, PIPE_US);

    put_worker_progress_begin(&s->payload, x->now.run, x->run.next, x->compute_us, x->compute_us,
                              run_ended(&x->run), (uint16_t)(x->run.next - x->told));
    put_raw(&s->payload, x->task_values.data, x->task_values.len);
    buf_reset(&x->task_values);
    x->told = x->run.next;
    x->compute_us = 0;
    x->reported = w->now;
}

static void progress(struct world *w, struct sim_node *n, struct sim_worker *x)
{
    struct worker_says *s;
    uint32_t from;

    if (x->tasks.len > 0) {
        tasks_progress(w, n, x);
        return;
    }
    s = say(w, n, x, MESSAGE_WORKER_PROGRESS, x->now_request, PIPE_US);
    run_take(&x->run, &from);
    put_worker_progress_begin(&s->payload, x->now.run, x->run.next, x->compute_us, x->compute_us,
                              run_ended(&x->run),
                              (uint16_t)(x->has_output ? 1 : x->run.count - from));
    if (x->has_output)
        put_value(&s->payload, &(struct value){{0, x->run.next - 1}, {x->output, x->output_len}});
    x->has_output = false;
    for (uint32_t i = from; i < x->run.count; i++) {
        struct value v = run_value(&x->run, i);

        put_value(&s->payload, &v);
    }
    x->compute_us = 0;
    x->reported = w->now;
}

static void next_leaf(struct world *w, struct sim_node *n, struct sim_worker *x)
{
    int64_t cost = sim_leaf_us(&w->jobs[x->job], x->run.next) * n->slowness;

    cost += (int64_t)world_between(w, 0, (uint64_t)cost / 8 + 1);
    x->leaf_began = w->now;
    x->leaf_ends = w->now + cost;
    world_later(w, cost, HAPPEN_LEAF, n->index, x->number, ++x->turn);
}

static void run_make(struct world *w, struct sim_worker *x, uint64_t first, uint64_t end)
{
    x->told = first;
    if (x->tasks.len > 0)
        run_init(&x->run, first, end, LEAVES_MAX, NULL, 0);
    else
        run_init(&x->run, first, end, tree_leaves(x->now.units, x->now.leaf_units), x->values,
                 value_size(w, x));
}

static void run_begin(struct world *w, struct sim_node *n, struct sim_worker *x)
{
    const struct order_run *o = &x->now;

    run_make(w, x, o->first, o->end);
    x->working = true;
    x->compute_us = 0;
    x->reported = w->now;
    next_leaf(w, n, x);
}

static void take_next(struct sim_worker *x)
{
    struct buf before = x->tasks;

    x->now = x->next_run;
    x->tasks = x->next_tasks;
    x->next_tasks = before;
    buf_reset(&x->next_tasks);
}

/* The run has ended, as it is by now; the one that waits begins. */
static void run_over(struct world *w, struct sim_node *n, struct sim_worker *x)
{
    progress(w, n, x);
    x->last_run = x->now.run;
    x->last_end = x->run.end;
    x->working = false;
    if (!x->queued)
        return;
    x->queued = false;
    take_next(x);
    if (x->now.first >= x->now.end) {
        run_make(w, x, x->now.first, x->now.first);
        run_over(w, n, x);
        return;
    }
    run_begin(w, n, x);
}

static void obey(struct world *w, struct sim_node *n, struct sim_worker *x);

/* Behind a leaf it looks at its orders. False: there is no leaf after this one. */
static bool goes_on(struct world *w, struct sim_node *n, struct sim_worker *x)
{
    obey(w, n, x);
    if (x->dying || w->failed)
        return false;
    if (run_ended(&x->run)) {
        run_over(w, n, x);
        return false;
    }
    return true;
}

/* Of a job that collects: each leaf is reported. */
static void is_computed(struct world *w, struct sim_node *n, struct sim_worker *x)
{
    struct buf b;

    buf_init_fixed(&b, x->output, sizeof x->output);
    sim_output_value(&w->jobs[x->job], x->seed, x->run.next, &b);
    x->output_len = b.len;
    x->has_output = true;
    run_step(&x->run);
    if (!goes_on(w, n, x))
        return;
    progress(w, n, x);
    next_leaf(w, n, x);
}

/* --- orders --- */

/* For the values of a run of any of its stages. */
static void make_room(struct world *w, struct sim_worker *x, uint32_t size)
{
    if (x->values != NULL || size == 0)
        return;
    x->values = world_alloc(w, (size_t)RUN_VALUES_MAX * size);
    x->values_size = size;
}

static void on_load(struct world *w, struct sim_node *n, struct sim_worker *x,
                    const struct worker_order *o)
{
    struct order_load m;
    struct worker_loaded answer = {.ok = true};
    struct worker_says *s;
    uint32_t job;

    if (x->working || read_order_load(buf_bytes(&o->payload), &m) < 0) {
        world_fail(w, G_NONE, "a worker got a bad LOAD, or one in a run", n->index, UINT32_MAX);
        return;
    }
    job = sim_job_by_params(w, m.kernel, m.params);
    if (job == SIM_JOBS_MAX || (x->job != SIM_JOBS_MAX && x->job != job)) {
        world_fail(w, G_NONE, "a worker was loaded for no job, or another", n->index, UINT32_MAX);
        return;
    }
    x->job = job;
    x->stage = sim_graph_stage(&w->jobs[x->job], m.params);
    answer.ok = sim_input_load(w, n, x, &m);
    answer.accumulator_size = value_size(w, x);
    make_room(w, x, answer.accumulator_size);
    s = say(w, n, x, MESSAGE_WORKER_LOADED, o->request, PIPE_US);
    put_worker_loaded(&s->payload, &answer);
}

/* What waits, or begins at once. */
static void goes_next(struct world *w, struct sim_node *n, struct sim_worker *x,
                      const struct worker_order *o, struct order_run m)
{
    x->next_run = m;
    x->queued = x->working;
    if (x->working)
        return;
    take_next(x);
    x->now_request = o->request;
    run_begin(w, n, x);
}

static void on_run(struct world *w, struct sim_node *n, struct sim_worker *x,
                   const struct worker_order *o)
{
    struct order_run m;

    if (x->job == SIM_JOBS_MAX || x->queued || read_order_run(buf_bytes(&o->payload), &m) < 0) {
        world_fail(w, G_NONE, "a worker got a bad RUN, or a third one", n->index, UINT32_MAX);
        return;
    }
    if (x->inputs_missing > 0) {
        world_fail(w, G1, "a leaf was to be computed without its inputs", n->index, x->job);
        return;
    }
    goes_next(w, n, x, o, m);
}

/* Tasks are of stages that read nothing. */
static void on_tasks(struct world *w, struct sim_node *n, struct sim_worker *x,
                     const struct worker_order *o)
{
    struct order_tasks m;

    if (x->job == SIM_JOBS_MAX || x->queued || x->inputs_missing > 0 || x->files.len > 0 ||
        sim_collects(&w->jobs[x->job], x->stage) ||
        read_order_tasks(buf_bytes(&o->payload), &m) < 0) {
        world_fail(w, G_NONE, "a worker got bad TASKS, or a third run", n->index, UINT32_MAX);
        return;
    }
    put_raw(&x->next_tasks, o->payload.data, o->payload.len);
    goes_next(w, n, x, o,
              (struct order_run){m.run, m.first, m.first + m.count, m.units, m.units, m.report_us});
}

/* The run goes on with what waits. */
static void trim_tasks(struct sim_worker *x, struct order_trim *m)
{
    uint64_t end = m->end;

    m->end = run_trim(&x->run, end);
    if (end > x->next_run.first) {
        x->next_run.end = end < x->next_run.end ? end : x->next_run.end;
        m->end = x->next_run.end;
    } else {
        x->queued = false;
        buf_reset(&x->next_tasks);
    }
}

static void on_trim(struct world *w, struct sim_node *n, struct sim_worker *x,
                    const struct worker_order *o)
{
    struct order_trim m;
    struct worker_says *s;

    if (read_order_trim(buf_bytes(&o->payload), &m) < 0) {
        world_fail(w, G_NONE, "a worker got a bad TRIM", n->index, UINT32_MAX);
        return;
    }
    if (x->working && m.run == x->now.run && x->queued && m.run == x->next_run.run) {
        trim_tasks(x, &m);
    } else if (x->working && m.run == x->now.run) {
        if (x->gives && m.end <= x->run.next)
            m.end = x->run.next + 1;
        m.end = run_trim(&x->run, m.end);
    } else if (x->queued && m.run == x->next_run.run) {
        if (m.end < x->next_run.first)
            m.end = x->next_run.first;
        if (m.end < x->next_run.end)
            x->next_run.end = m.end;
        m.end = x->next_run.end;
    } else if (m.run == x->last_run) {
        m.end = x->last_end;
    }
    s = say(w, n, x, MESSAGE_WORKER_TRIMMED, o->request, PIPE_US);
    put_order_trim(&s->payload, &m);
}

static void on_merge(struct world *w, struct sim_node *n, struct sim_worker *x,
                     const struct worker_order *o)
{
    struct worker_says *s;
    struct reader rest;
    uint64_t run;
    uint16_t count;
    uint8_t out[64];

    if (x->job == SIM_JOBS_MAX ||
        read_order_merge(buf_bytes(&o->payload), &run, &count, &rest) < 0) {
        world_fail(w, G_NONE, "a worker got a bad MERGE", n->index, UINT32_MAX);
        return;
    }
    s = say(w, n, x, MESSAGE_WORKER_MERGED, o->request, PIPE_US + 5 * count);
    put_worker_merged_begin(&s->payload, run, 5u * count, count);
    for (uint16_t i = 0; i < count; i++) {
        struct value left = read_value(&rest), right = read_value(&rest), v;

        v.at = tree_parent(left.at);
        v.data = (struct bytes){out, left.data.len};
        if (rest.failed || sim_merge(&w->jobs[x->job], left.data, right.data, out) < 0) {
            world_fail(w, G1, "values that are no neighbours were to be merged", n->index, x->job);
            return;
        }
        put_value(&s->payload, &v);
    }
}

/* --- outputs --- */

/* In parts, by lot. */
static void give(struct world *w, struct sim_node *n, struct sim_worker *x, struct bytes output)
{
    struct worker_output m = {.run = x->now.run, .leaf = x->run.next, .size = output.len};
    struct worker_says *s;
    size_t at = 0, most;

    while (at < output.len) {
        most = output.len - at;
        m.bytes.data = output.data + at;
        m.bytes.len = prng_one_in(&w->stuff.prng, 2)
                          ? most
                          : 1 + (size_t)prng_below(&w->stuff.prng, (uint64_t)most);
        at += m.bytes.len;
        s = say(w, n, x, MESSAGE_WORKER_OUTPUT, x->now_request, PIPE_US);
        put_worker_output(&s->payload, &m);
    }
    s = say(w, n, x, MESSAGE_WORKER_OUTPUT_END, x->now_request, PIPE_US);
    put_worker_output_end(&s->payload, &m);
    x->gives = true;
}

static void on_taken(struct world *w, struct sim_node *n, struct sim_worker *x,
                     const struct worker_order *o)
{
    uint8_t bytes[OUTPUT_VALUE_MAX];
    struct order_taken m;
    struct buf b;

    if (!x->gives || read_order_taken(buf_bytes(&o->payload), &m) < 0 || m.run != x->now.run ||
        m.leaf != x->run.next) {
        world_fail(w, G_NONE, "a worker got a bad TAKEN", n->index, UINT32_MAX);
        return;
    }
    buf_init_fixed(&b, bytes, sizeof bytes);
    sim_output_value(&w->jobs[x->job], x->seed, m.leaf, &b);
    if (!bytes_equal(m.value, buf_bytes(&b)))
        world_fail(w, G5, "an output was taken for another", n->index, x->job);
    x->gives = false;
    is_computed(w, n, x);
}

static void obey(struct world *w, struct sim_node *n, struct sim_worker *x)
{
    struct worker_order *o;

    while ((o = x->orders) != NULL && !x->dying && !w->failed) {
        x->orders = o->next;
        if (o->type == MESSAGE_ORDER_LOAD)
            on_load(w, n, x, o);
        else if (o->type == MESSAGE_ORDER_RUN)
            on_run(w, n, x, o);
        else if (o->type == MESSAGE_ORDER_TASKS)
            on_tasks(w, n, x, o);
        else if (o->type == MESSAGE_ORDER_TRIM)
            on_trim(w, n, x, o);
        else if (o->type == MESSAGE_ORDER_MERGE)
            on_merge(w, n, x, o);
        else if (o->type == MESSAGE_ORDER_TAKEN)
            on_taken(w, n, x, o);
        else if (o->type == MESSAGE_ORDER_MORE && x->job != SIM_JOBS_MAX)
            ; /* what leaves yield here is less than the window */
        else if (o->type == MESSAGE_ORDER_INPUTS)
            sim_input_given(w, n, x, buf_bytes(&o->payload));
        else
            world_fail(w, G_NONE, "a worker got an order that no simulated user causes", n->index,
                       UINT32_MAX);
        o->next = NULL;
        orders_free(w, &o);
    }
}

void sim_worker_order(struct world *w, struct sim_node *n, const struct action *a,
                      struct bytes payload)
{
    struct sim_worker *x = find(n, a->worker);
    struct worker_order *o, **end;

    if (x == NULL || x->dying)
        return;
    o = world_alloc(w, sizeof *o);
    if (o == NULL)
        return;
    o->type = (uint8_t)a->type;
    o->request = a->request;
    buf_init(&o->payload, w->alloc, FRAME_PAYLOAD_MAX);
    put_raw(&o->payload, payload.data, payload.len);
    for (end = &x->on_way; *end != NULL; end = &(*end)->next)
        ;
    *end = o;
    world_later(w, PIPE_US, HAPPEN_ORDER, n->index, x->number, 0);
}

void sim_worker_order_arrives(struct world *w, struct sim_node *n, uint32_t number)
{
    struct sim_worker *x = find(n, number);
    struct worker_order *o, **end;

    if (x == NULL || x->on_way == NULL)
        return;
    o = x->on_way;
    x->on_way = o->next;
    o->next = NULL;
    for (end = &x->orders; *end != NULL; end = &(*end)->next)
        ;
    *end = o;
    if (!x->working || x->gives)
        obey(w, n, x);
}

/* Its bytes go to the node, or the value does. */
static void collect_leaf(struct world *w, struct sim_node *n, struct sim_worker *x)
{
    struct sim_job *j = &w->jobs[x->job];
    uint8_t bytes[SIM_OUTPUT_MAX];
    uint32_t size = sim_output(j, x->seed, x->run.next, bytes);

    x->compute_us += (uint64_t)(w->now - x->leaf_began);
    j->computed_us += (uint64_t)(w->now - x->leaf_began);
    if (size > OUTPUT_INLINE_MAX)
        give(w, n, x, (struct bytes){bytes, size});
    else
        is_computed(w, n, x);
}

/* The next one, behind a report that is due. */
static void leaf_is_done(struct world *w, struct sim_node *n, struct sim_worker *x,
                         struct sim_job *j)
{
    x->compute_us += (uint64_t)(w->now - x->leaf_began);
    j->computed_us += (uint64_t)(w->now - x->leaf_began);
    if (!goes_on(w, n, x))
        return;
    if (w->now - x->reported >= (int64_t)x->now.report_us)
        progress(w, n, x);
    next_leaf(w, n, x);
}

/* Of another stage than the one before it. */
static void task_is_computed(struct world *w, struct sim_node *n, struct sim_worker *x)
{
    struct sim_job *j = &w->jobs[x->job];
    struct value v = {.at = {0, x->run.next}};
    struct order_tasks m;
    struct order_task t;
    uint32_t stage;
    uint8_t out[64];

    read_order_tasks(buf_bytes(&x->tasks), &m);
    for (uint64_t i = x->now.first; i < x->run.next; i++)
        read_order_task(&m.rest, m.units);
    t = read_order_task(&m.rest, m.units);
    stage = sim_graph_stage(j, t.params);
    if (t.units != sim_graph_spec(j, stage).units ||
        t.leaf_units != (sim_author_rolls(j, stage) ? 1 : t.units)) {
        world_fail(w, G1, "a task is computed with the units of another", n->index, x->job);
        return;
    }
    sim_leaf_seeded(j, sim_graph_begin(stage), 0, out);
    v.data = (struct bytes){out, value_size(w, x)};
    put_value(&x->task_values, &v);
    run_step(&x->run);
    leaf_is_done(w, n, x, j);
}

void sim_worker_leaf(struct world *w, struct sim_node *n, uint32_t number, uint64_t turn)
{
    struct sim_worker *x = find(n, number);
    struct sim_job *j;
    uint64_t base;

    if (x == NULL || !x->working || x->dying || x->turn != turn)
        return;
    j = &w->jobs[x->job];
    base = x->tasks.len > 0 ? 0 : shape_at(&j->shape, x->stage).first;
    if (j->poison == base + x->run.next && j->poison_times > 0) {
        j->poison_times -= j->poison_times != UINT32_MAX;
        die(w, n, x, WORKER_SIGNALLED, SEGV);
        return;
    }
    sim_input_look(w, n, x);
    if (sim_collects(j, x->stage) && x->tasks.len == 0) {
        collect_leaf(w, n, x);
        return;
    }
    if (x->tasks.len > 0) {
        task_is_computed(w, n, x);
        return;
    }
    sim_leaf_seeded(j, x->seed, x->run.next, run_slot(&x->run));
    if (run_push(&x->run, merge, j) < 0) {
        world_fail(w, G1, "a run folds what are no neighbours", n->index, x->job);
        return;
    }
    if (sim_ends_run(j, run_value(&x->run, x->run.count - 1).data))
        run_trim(&x->run, x->run.next);
    leaf_is_done(w, n, x, j);
}

void sim_worker_kill(struct world *w, struct sim_node *n, uint32_t number, bool own)
{
    struct sim_worker *x = find(n, number);

    if (x != NULL)
        die(w, n, x, own ? WORKER_KILLED : WORKER_KILLED_OUTSIDE, 9);
}

bool sim_worker_kill_any(struct world *w, struct sim_node *n)
{
    uint64_t count = 0, pick;
    struct sim_worker *x;

    for (x = n->workers; x != NULL; x = x->next)
        count++;
    if (count == 0)
        return false;
    pick = prng_below(&w->prng, count);
    for (x = n->workers; pick > 0; pick--)
        x = x->next;
    die(w, n, x, WORKER_KILLED_OUTSIDE, 9);
    return true;
}

static void exited(struct world *w, struct sim_node *n, struct sim_worker *x,
                   const struct worker_says *s)
{
    struct event ev = {.kind = EVENT_WORKER_EXITED};
    struct sim_worker **at = &n->workers;

    ev.worker_exited.worker = x->number;
    ev.worker_exited.end = s->end;
    ev.worker_exited.status = s->status;
    while (*at != x)
        at = &(*at)->next;
    *at = x->next;
    worker_free(w, x);
    sim_node_event(w, n, &ev);
}

void sim_worker_speaks(struct world *w, struct sim_node *n, uint32_t number)
{
    struct sim_worker *x = find(n, number);
    struct event ev = {.kind = EVENT_WORKER_FRAME};
    struct worker_says *s;

    if (x == NULL || x->said == NULL)
        return;
    s = x->said;
    x->said = s->next;
    if (s->type == 0) {
        exited(w, n, x, s);
    } else {
        ensure(!s->payload.failed || s->payload.no_memory);
        ev.worker_frame.worker = number;
        ev.worker_frame.frame = (struct frame){s->type, s->request, buf_bytes(&s->payload)};
        sim_node_event(w, n, &ev);
    }
    buf_clear(&s->payload);
    alloc_free(w->alloc, s, sizeof *s);
}

void sim_workers_clear(struct world *w, struct sim_node *n)
{
    struct sim_worker *x;

    while ((x = n->workers) != NULL) {
        n->workers = x->next;
        worker_free(w, x);
    }
}
