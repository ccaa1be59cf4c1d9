#include "core/sim/scatter_worker.h"

#include <string.h>

#include "core/kernel/run.h"
#include "core/sim/sim_kernel.h"
#include "core/wire/message.h"
#include "core/wire/tree.h"

#define PIPE_US 30
#define START_US 800 /* a fork, an exec and the hardening */
#define START_SPREAD_US 2200
#define END_US 100
#define MERGE_US 5

struct scatter_worker {
    struct scatter_worker *next;
    uint32_t number, job; /* SCATTER_JOBS_MAX: not loaded */
    bool dying, working, queued;
    struct order_run now, next_run;
    struct run run;
    uint8_t *values;
    int64_t leaf_us;
    int64_t began_us;    /* the leaf that is under way */
    int64_t reported_us; /* the last report of this run, or its begin */
    uint64_t compute_us; /* since then */
    uint64_t turn, last_run, last_end;
};

static struct scatter_worker *find(const struct scatter_node *node, uint32_t number)
{
    struct scatter_worker *x = node->workers;

    while (x != NULL && x->number != number)
        x = x->next;
    return x;
}

static void wrong(struct scatter_net *n, const char *what)
{
    if (n->wrong == NULL)
        n->wrong = what;
}

static size_t values_size(const struct scatter_net *n, const struct scatter_worker *x)
{
    return (size_t)RUN_VALUES_MAX * n->jobs[x->job].spec.stage.accumulator_size;
}

static void say(struct scatter_net *n, const struct scatter_node *node, uint32_t worker,
                uint8_t type, int64_t at_us, const struct buf *b)
{
    struct scale_event ev = {.at_us = at_us,
                             .kind = SCALE_SAYS,
                             .node = node->index,
                             .process = node->process,
                             .dial = worker,
                             .type = type};

    if (b != NULL) {
        ensure(!b->failed || b->no_memory);
        n->queue.out_of_memory |= b->no_memory;
        ev.payload = scale_queue_payload(&n->queue, buf_bytes(b));
    }
    scale_queue_push(&n->queue, ev);
}

void scatter_worker_start(struct scatter_net *n, struct scatter_node *node, uint32_t number)
{
    struct scatter_worker *x = alloc_zeroed(&n->own, sizeof *x);
    uint8_t bytes[4];
    struct buf b;

    if (x == NULL) {
        n->queue.out_of_memory = true;
        return;
    }
    x->number = number;
    x->job = SCATTER_JOBS_MAX;
    x->leaf_us = node->leaf_us;
    x->next = node->workers;
    node->workers = x;
    buf_init_fixed(&b, bytes, sizeof bytes);
    put_u32(&b, 0);
    say(n, node, number, MESSAGE_WORKER_READY,
        n->now_us + START_US + (int64_t)prng_below(&n->prng, START_SPREAD_US), &b);
}

/* --- the run --- */

static int merge(void *ctx, struct bytes left, struct bytes right, uint8_t *out)
{
    return sim_merge(ctx, left, right, out);
}

static void progress(struct scatter_net *n, struct scatter_node *node, struct scatter_worker *x)
{
    struct buf b;
    uint32_t from;

    run_take(&x->run, &from);
    buf_init(&b, &n->own, FRAME_PAYLOAD_MAX);
    put_worker_progress_begin(&b, x->now.run, x->run.next, x->compute_us, x->compute_us,
                              run_ended(&x->run), (uint16_t)(x->run.count - from));
    for (uint32_t i = from; i < x->run.count; i++) {
        struct value v = run_value(&x->run, i);

        put_value(&b, &v);
    }
    say(n, node, x->number, MESSAGE_WORKER_PROGRESS, n->now_us + PIPE_US, &b);
    buf_clear(&b);
    x->compute_us = 0;
    x->reported_us = n->now_us;
}

/* It wakes when the next report is due, at the end of the leaf of that moment, or at the run's. */
static void doze(struct scatter_net *n, const struct scatter_node *node, struct scatter_worker *x)
{
    int64_t work_us = x->reported_us + (int64_t)x->now.report_us - x->began_us;
    uint64_t leaves = work_us <= 0 ? 1 : (uint64_t)((work_us + x->leaf_us - 1) / x->leaf_us);

    if (leaves > x->run.end - x->run.next)
        leaves = x->run.end - x->run.next;
    scale_queue_push(&n->queue,
                     (struct scale_event){.at_us = x->began_us + (int64_t)leaves * x->leaf_us,
                                          .kind = SCALE_WORK,
                                          .node = node->index,
                                          .process = node->process,
                                          .dial = x->number,
                                          .link = ++x->turn});
}

static void run_begin(struct scatter_net *n, const struct scatter_node *node,
                      struct scatter_worker *x)
{
    const struct order_run *o = &x->now;

    run_init(&x->run, o->first, o->end, tree_leaves(o->units, o->leaf_units), x->values,
             n->jobs[x->job].spec.stage.accumulator_size);
    x->working = true;
    x->compute_us = 0;
    x->reported_us = x->began_us = n->now_us;
    doze(n, node, x);
}

/* The leaves that have ended by now. */
static void catch_up(struct scatter_net *n, struct scatter_worker *x)
{
    struct sim_job *j = &n->jobs[x->job];

    for (; !run_ended(&x->run) && x->began_us + x->leaf_us <= n->now_us;
         x->began_us += x->leaf_us) {
        sim_leaf(j, x->run.next, run_slot(&x->run));
        if (run_push(&x->run, merge, j) < 0)
            wrong(n, "a run folds what are no neighbours");
        x->compute_us += (uint64_t)x->leaf_us;
        n->computed_leaves++;
    }
}

/* A run of nothing, trimmed before its begin, is over at once. */
static void run_over(struct scatter_net *n, struct scatter_node *node, struct scatter_worker *x)
{
    for (;;) {
        progress(n, node, x);
        x->last_run = x->now.run;
        x->last_end = x->run.end;
        x->working = false;
        if (!x->queued)
            return;
        x->queued = false;
        x->now = x->next_run;
        if (x->now.first < x->now.end)
            break;
        run_init(&x->run, x->now.first, x->now.first, tree_leaves(x->now.units, x->now.leaf_units),
                 x->values, n->jobs[x->job].spec.stage.accumulator_size);
    }
    run_begin(n, node, x);
}

void scatter_worker_wake(struct scatter_net *n, struct scatter_node *node, uint32_t number,
                         uint64_t turn)
{
    struct scatter_worker *x = find(node, number);

    if (x == NULL || !x->working || x->dying || x->turn != turn)
        return;
    catch_up(n, x);
    if (run_ended(&x->run)) {
        run_over(n, node, x);
        return;
    }
    if (n->now_us - x->reported_us >= (int64_t)x->now.report_us)
        progress(n, node, x);
    doze(n, node, x);
}

/* --- orders --- */

static uint32_t job_of(const struct scatter_net *n, const struct order_load *m)
{
    uint32_t i = 0;

    while (i < n->jobs_count && (strcmp(m->kernel, n->jobs[i].spec.stage.kernel) != 0 ||
                                 !bytes_equal(m->params, n->jobs[i].spec.stage.params)))
        i++;
    return i < n->jobs_count ? i : SCATTER_JOBS_MAX;
}

static void on_load(struct scatter_net *n, const struct scatter_node *node,
                    struct scatter_worker *x, struct bytes payload)
{
    struct worker_loaded answer = {.ok = true};
    struct order_load m;
    struct buf b;

    if (x->job != SCATTER_JOBS_MAX || read_order_load(payload, &m) < 0 ||
        job_of(n, &m) == SCATTER_JOBS_MAX) {
        wrong(n, "a worker got a bad LOAD, or a second one");
        return;
    }
    x->job = job_of(n, &m);
    answer.accumulator_size = n->jobs[x->job].spec.stage.accumulator_size;
    x->values = alloc_zeroed(&n->own, values_size(n, x));
    n->queue.out_of_memory |= x->values == NULL;
    buf_init(&b, &n->own, 512);
    put_worker_loaded(&b, &answer);
    say(n, node, x->number, MESSAGE_WORKER_LOADED, n->now_us + PIPE_US, &b);
    buf_clear(&b);
}

static void on_run(struct scatter_net *n, const struct scatter_node *node, struct scatter_worker *x,
                   struct bytes payload)
{
    struct order_run m;

    if (x->job == SCATTER_JOBS_MAX || x->queued || read_order_run(payload, &m) < 0) {
        wrong(n, "a worker got a bad RUN, or a third one");
        return;
    }
    x->queued = x->working;
    if (x->working) {
        x->next_run = m;
        return;
    }
    x->now = m;
    run_begin(n, node, x);
}

/* When it looks at its orders: behind the leaf that is under way. */
static int64_t looks_us(const struct scatter_net *n, const struct scatter_worker *x)
{
    return PIPE_US + (x->working ? x->began_us + x->leaf_us : n->now_us);
}

static uint64_t trim_run(struct scatter_net *n, const struct scatter_node *node,
                         struct scatter_worker *x, uint64_t end)
{
    end = run_trim(&x->run, end > x->run.next ? end : x->run.next + 1);
    doze(n, node, x);
    return end;
}

static void on_trim(struct scatter_net *n, const struct scatter_node *node,
                    struct scatter_worker *x, struct bytes payload)
{
    struct order_trim m;
    uint8_t bytes[32];
    struct buf b;

    if (read_order_trim(payload, &m) < 0) {
        wrong(n, "a worker got a bad TRIM");
        return;
    }
    if (x->working && m.run == x->now.run) {
        m.end = trim_run(n, node, x, m.end);
    } else if (x->queued && m.run == x->next_run.run) {
        if (m.end < x->next_run.first)
            m.end = x->next_run.first;
        if (m.end < x->next_run.end)
            x->next_run.end = m.end;
        m.end = x->next_run.end;
    } else if (m.run == x->last_run) {
        m.end = x->last_end;
    }
    buf_init_fixed(&b, bytes, sizeof bytes);
    put_order_trim(&b, &m);
    say(n, node, x->number, MESSAGE_WORKER_TRIMMED, looks_us(n, x), &b);
}

static void on_merge(struct scatter_net *n, const struct scatter_node *node,
                     struct scatter_worker *x, struct bytes payload)
{
    struct reader rest;
    uint64_t run;
    uint16_t count;
    uint8_t out[64];
    struct buf b;

    if (x->job == SCATTER_JOBS_MAX || read_order_merge(payload, &run, &count, &rest) < 0) {
        wrong(n, "a worker got a bad MERGE");
        return;
    }
    buf_init(&b, &n->own, FRAME_PAYLOAD_MAX);
    put_worker_merged_begin(&b, run, MERGE_US * (uint64_t)count, count);
    for (uint16_t i = 0; i < count; i++) {
        struct value left = read_value(&rest), right = read_value(&rest), v;

        v.at = tree_parent(left.at);
        v.data = (struct bytes){out, left.data.len};
        if (rest.failed || sim_merge(&n->jobs[x->job], left.data, right.data, out) < 0)
            wrong(n, "values that are no neighbours were to be merged");
        put_value(&b, &v);
    }
    say(n, node, x->number, MESSAGE_WORKER_MERGED, looks_us(n, x) + MERGE_US * count, &b);
    buf_clear(&b);
}

void scatter_worker_order(struct scatter_net *n, struct scatter_node *node,
                          const struct action *order, struct bytes payload)
{
    struct scatter_worker *x = find(node, order->worker);

    if (x == NULL || x->dying || n->queue.out_of_memory)
        return;
    if (x->working)
        catch_up(n, x);
    switch (order->type) {
    case MESSAGE_ORDER_LOAD:
        on_load(n, node, x, payload);
        break;
    case MESSAGE_ORDER_RUN:
        on_run(n, node, x, payload);
        break;
    case MESSAGE_ORDER_TRIM:
        on_trim(n, node, x, payload);
        break;
    case MESSAGE_ORDER_MERGE:
        on_merge(n, node, x, payload);
        break;
    default:
        wrong(n, "a worker got an order that nobody here causes");
        break;
    }
}

void scatter_worker_kill(struct scatter_net *n, struct scatter_node *node, uint32_t number)
{
    struct scatter_worker *x = find(node, number);

    if (x == NULL || x->dying)
        return;
    x->dying = true;
    say(n, node, number, 0, n->now_us + END_US, NULL);
}

static void worker_free(struct scatter_net *n, struct scatter_worker *x)
{
    if (x->values != NULL)
        alloc_free(&n->own, x->values, values_size(n, x));
    alloc_free(&n->own, x, sizeof *x);
}

void scatter_worker_gone(struct scatter_net *n, struct scatter_node *node, uint32_t number)
{
    struct scatter_worker **at = &node->workers, *x;

    while ((x = *at) != NULL && x->number != number)
        at = &x->next;
    if (x == NULL)
        return;
    *at = x->next;
    worker_free(n, x);
}

void scatter_workers_lose(struct scatter_net *n, const struct scatter_node *node)
{
    for (struct scatter_worker *x = node->workers; x != NULL; x = x->next)
        if (x->working && !x->dying)
            catch_up(n, x);
}

void scatter_workers_clear(struct scatter_net *n, struct scatter_node *node)
{
    struct scatter_worker *x;

    while ((x = node->workers) != NULL) {
        node->workers = x->next;
        worker_free(n, x);
    }
}
