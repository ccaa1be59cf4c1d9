#include "core/sim/explore_worker.h"

#include <string.h>

#include "core/sim/sim_kernel.h"
#include "core/wire/tree.h"

#define LEAF_US 1000

struct explore_worker {
    struct explore_worker *next;
    uint32_t number;
    bool loaded, working, queued, merges;
    struct order_run now, next_run;
    uint32_t now_request, next_request, merge_request;
    struct bytes merge; /* that waits for the end of the leaf */
    struct run run;
    uint8_t *values;
    uint64_t last_run, last_end;
};

static bool wrong(struct world *w, const char *what)
{
    world_fail(w, G_NONE, what, UINT32_MAX, 0);
    return false;
}

static uint32_t value_size(const struct world *w)
{
    return w->jobs[0].spec.stage.accumulator_size;
}

static struct explore_worker *find(const struct explore_crew *c, uint32_t number)
{
    struct explore_worker *x = c->first;

    while (x != NULL && x->number != number)
        x = x->next;
    return x;
}

static struct buf *say(struct world *w, struct explore_says *s, uint32_t worker, uint8_t type,
                       uint32_t request)
{
    ensure(s->count < EXPLORE_SAYS_MAX);
    s->list[s->count].worker = worker;
    s->list[s->count].type = type;
    s->list[s->count].request = request;
    buf_init(&s->list[s->count].payload, w->alloc, FRAME_PAYLOAD_MAX);
    return &s->list[s->count++].payload;
}

bool explore_worker_start(struct world *w, const struct alloc *a, struct explore_crew *c,
                          uint32_t number, struct explore_says *says)
{
    struct explore_worker *x = alloc_zeroed(a, sizeof *x);

    if (x == NULL)
        return false;
    x->number = number;
    x->next = c->first;
    c->first = x;
    put_u32(say(w, says, number, MESSAGE_WORKER_READY, 0), 0);
    return true;
}

static void progress(struct world *w, struct explore_worker *x, struct explore_says *says)
{
    struct buf *b = say(w, says, x->number, MESSAGE_WORKER_PROGRESS, x->now_request);
    uint32_t from;

    run_take(&x->run, &from);
    put_worker_progress_begin(b, x->now.run, x->run.next, LEAF_US, LEAF_US, run_ended(&x->run),
                              (uint16_t)(x->run.count - from));
    for (uint32_t i = from; i < x->run.count; i++) {
        struct value v = run_value(&x->run, i);

        put_value(b, &v);
    }
}

static void run_begin(struct world *w, struct explore_worker *x)
{
    memset(x->values, 0, (size_t)RUN_VALUES_MAX * value_size(w));
    memset(&x->run, 0, sizeof x->run);
    run_init(&x->run, x->now.first, x->now.end, w->jobs[0].leaves, x->values, value_size(w));
    x->working = true;
}

static void run_over(struct world *w, struct explore_worker *x, struct explore_says *says)
{
    x->last_run = x->now.run;
    x->last_end = x->run.end;
    x->working = false;
    if (!x->queued)
        return;
    x->queued = false;
    x->now = x->next_run;
    x->now_request = x->next_request;
    run_begin(w, x);
    if (!run_ended(&x->run))
        return;
    progress(w, x, says);
    x->last_run = x->now.run;
    x->last_end = x->run.end;
    x->working = false;
}

static bool on_load(struct world *w, const struct alloc *a, struct explore_worker *x,
                    uint32_t request, struct bytes payload, struct explore_says *says)
{
    struct worker_loaded answer = {.ok = true, .accumulator_size = value_size(w)};
    struct order_load m;

    if (x->loaded || read_order_load(payload, &m) < 0)
        return wrong(w, "a worker got a bad LOAD, or a second one");
    x->values = alloc_zeroed(a, (size_t)RUN_VALUES_MAX * value_size(w));
    if (x->values == NULL)
        return false;
    x->loaded = true;
    put_worker_loaded(say(w, says, x->number, MESSAGE_WORKER_LOADED, request), &answer);
    return true;
}

static bool on_run(struct world *w, struct explore_worker *x, uint32_t request,
                   struct bytes payload)
{
    struct order_run m;

    if (!x->loaded || x->queued || read_order_run(payload, &m) < 0)
        return wrong(w, "a worker got a bad RUN, or a third one");
    if (x->working) {
        x->next_run = m;
        x->next_request = request;
        x->queued = true;
        return true;
    }
    x->now = m;
    x->now_request = request;
    run_begin(w, x);
    return true;
}

static bool on_trim(struct world *w, struct explore_worker *x, uint32_t request,
                    struct bytes payload, struct explore_says *says)
{
    struct order_trim m;

    if (read_order_trim(payload, &m) < 0)
        return wrong(w, "a worker got a bad TRIM");
    if (x->working && m.run == x->now.run) {
        /* The leaf under way counts as begun. */
        m.end = run_trim(&x->run, m.end > x->run.next ? m.end : x->run.next + 1);
    } else if (x->queued && m.run == x->next_run.run) {
        if (m.end < x->next_run.first)
            m.end = x->next_run.first;
        if (m.end < x->next_run.end)
            x->next_run.end = m.end;
        m.end = x->next_run.end;
    } else if (m.run == x->last_run) {
        m.end = x->last_end;
    }
    put_order_trim(say(w, says, x->number, MESSAGE_WORKER_TRIMMED, request), &m);
    return true;
}

static bool merge_now(struct world *w, struct explore_worker *x, uint32_t request,
                      struct bytes payload, struct explore_says *says)
{
    struct reader rest;
    struct buf *b;
    uint64_t run;
    uint16_t count;
    uint8_t out[64];

    if (!x->loaded || read_order_merge(payload, &run, &count, &rest) < 0)
        return wrong(w, "a worker got a bad MERGE");
    b = say(w, says, x->number, MESSAGE_WORKER_MERGED, request);
    put_worker_merged_begin(b, run, LEAF_US, count);
    for (uint16_t i = 0; i < count; i++) {
        struct value left = read_value(&rest), right = read_value(&rest), v;

        v.at = tree_parent(left.at);
        v.data = (struct bytes){out, left.data.len};
        if (rest.failed || sim_merge(&w->jobs[0], left.data, right.data, out) < 0)
            return wrong(w, "values that are no neighbours were to be merged");
        put_value(b, &v);
    }
    return true;
}

static bool on_merge(struct world *w, const struct alloc *a, struct explore_worker *x,
                     uint32_t request, struct bytes payload, struct explore_says *says)
{
    uint8_t *copy;

    if (!x->working)
        return merge_now(w, x, request, payload, says);
    if (x->merges)
        return wrong(w, "a worker got a second MERGE before it had done the first");
    copy = alloc_zeroed(a, payload.len);
    if (copy == NULL)
        return false;
    memcpy(copy, payload.data, payload.len);
    x->merges = true;
    x->merge = (struct bytes){copy, payload.len};
    x->merge_request = request;
    return true;
}

bool explore_worker_order(struct world *w, const struct alloc *a, struct explore_crew *c,
                          const struct action *order, struct bytes payload,
                          struct explore_says *says)
{
    struct explore_worker *x = find(c, order->worker);

    if (x == NULL)
        return true;
    switch (order->type) {
    case MESSAGE_ORDER_LOAD:
        return on_load(w, a, x, order->request, payload, says);
    case MESSAGE_ORDER_RUN:
        return on_run(w, x, order->request, payload);
    case MESSAGE_ORDER_TRIM:
        return on_trim(w, x, order->request, payload, says);
    case MESSAGE_ORDER_MERGE:
        return on_merge(w, a, x, order->request, payload, says);
    default:
        return wrong(w, "a worker got an order that nobody here causes");
    }
}

void explore_worker_kill(const struct alloc *a, struct explore_crew *c, uint32_t number,
                         struct explore_says *says)
{
    struct explore_worker **at = &c->first, *x;

    while ((x = *at) != NULL && x->number != number)
        at = &x->next;
    if (x == NULL)
        return;
    *at = x->next;
    ensure(says->count < EXPLORE_SAYS_MAX);
    says->list[says->count].worker = number;
    says->list[says->count].type = 0;
    buf_init_fixed(&says->list[says->count++].payload, NULL, 0);
    if (x->merges)
        alloc_free(a, (void *)(uintptr_t)x->merge.data, x->merge.len);
    if (x->values != NULL)
        alloc_free(a, x->values, 0);
    alloc_free(a, x, sizeof *x);
}

bool explore_worker_works(const struct explore_crew *c)
{
    for (const struct explore_worker *x = c->first; x != NULL; x = x->next)
        if (x->working)
            return true;
    return false;
}

static int merge(void *ctx, struct bytes left, struct bytes right, uint8_t *out)
{
    return sim_merge(ctx, left, right, out);
}

bool explore_worker_leaf(struct world *w, const struct alloc *a, struct explore_crew *c,
                         struct explore_says *says)
{
    struct explore_worker *x = c->first;
    bool good = true;

    while (!x->working)
        x = x->next;
    sim_leaf(&w->jobs[0], x->run.next, run_slot(&x->run));
    if (run_push(&x->run, merge, &w->jobs[0]) < 0)
        return wrong(w, "a run folds what are no neighbours");
    progress(w, x, says);
    if (x->merges) {
        good = merge_now(w, x, x->merge_request, x->merge, says);
        alloc_free(a, (void *)(uintptr_t)x->merge.data, x->merge.len);
        x->merges = false;
        x->merge = (struct bytes){NULL, 0};
    }
    if (run_ended(&x->run))
        run_over(w, x, says);
    return good;
}
