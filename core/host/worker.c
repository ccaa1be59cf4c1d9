#include "core/host/worker.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#include "core/base/err.h"
#include "core/base/text.h"
#include "core/host/leaf_trial.h"
#include "core/host/worker_asides.h"
#include "core/host/worker_host.h"
#include "core/host/worker_input.h"
#include "core/host/worker_kernel.h"
#include "core/host/worker_leaf.h"
#include "core/host/worker_memory.h"
#include "core/host/worker_output.h"
#include "core/host/worker_pipe.h"
#include "core/kernel/kernel.h"
#include "core/kernel/rolled.h"
#include "core/kernel/run.h"
#include "core/wire/found.h"
#include "core/wire/message.h"
#include "core/wire/tree.h"

#define TASK_LONG_US 20000   /* one that takes longer does not keep back those before it */
#define LOOK_EVERY_NS 100000 /* between leaves; a look costs about half a microsecond */
#define AHEAD_NS 250000000   /* an output that took longer is taken before the next leaf begins */

/* A run. Of TASKS, which are read one after the other, `order` says the same in the words of RUN,
 * but for units that each has of its own; the frame is copied. */
struct task {
    bool present, tasks;
    uint32_t request;
    struct order_run order;
    struct reader tasks_left;
    uint8_t *frame;
};

struct worker {
    const struct velum_kernel *kernel; /* NULL until LOAD */
    uint32_t value_size;
    _Alignas(8) uint8_t params[PARAMS_SIZE_MAX];
    size_t params_len;
    struct task now, queued;
    struct run run;         /* of `now` */
    uint8_t *task_values;   /* of all tasks of `now`, where it is some */
    uint64_t told_next;     /* leaves of `now` before it are told */
    void *values;           /* of a fold: RUN_VALUES_MAX values, for `run` */
    struct collect collect; /* of a collect: what `run` yields */
    bool collects, searches;
    bool in_leaf;           /* orders are obeyed in the middle of a leaf */
    uint64_t last_run, end; /* the run that ended last, and where */
    int64_t began_ns;       /* when the compute time not yet reported began */
    int64_t cpu_ns;         /* processor time that was reported, or spent before the run */
    int64_t looked_ns;
    bool done;
    int status;
};

static int64_t clock_ns(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static int64_t now_ns(void)
{
    return clock_ns(CLOCK_MONOTONIC);
}

static struct bytes params_of(const struct worker *w)
{
    return (struct bytes){w->params, w->params_len};
}

/* The node broke the protocol: that is a fault of ours, and not worth surviving. */
static void leave(struct worker *w, const char *why)
{
    static const char head[] = "worker: ";
    (void)!write(2, head, sizeof head - 1);
    (void)!write(2, why, strlen(why));
    (void)!write(2, "\n", 1);
    w->done = true;
    w->status = 2;
}

static uint8_t *task_value(const struct worker *w, uint64_t leaf)
{
    return w->task_values + (leaf - w->run.first) * w->value_size;
}

/* One frame with values [from, to). Only the last one tells how far the run is. */
static void send_part(struct worker *w, uint32_t from, uint32_t to, bool last, uint64_t told_next,
                      uint64_t compute_us, uint64_t cpu_us)
{
    struct buf *b = pipe_begin(MESSAGE_WORKER_PROGRESS, w->now.request);
    put_worker_progress_begin(b, w->now.order.run, last ? w->run.next : told_next,
                              last ? compute_us : 0, last ? cpu_us : 0, last && run_ended(&w->run),
                              (uint16_t)(to - from));
    for (uint32_t i = from; i < to; i++) {
        struct value v = run_value(&w->run, i);
        put_value(b, &v);
    }
    pipe_send();
}

static void send_folded(struct worker *w, uint64_t told_next, uint64_t compute_us, uint64_t cpu_us)
{
    const uint32_t fit = PROGRESS_VALUES_MAX / (VALUE_HEAD_SIZE + w->value_size);
    uint32_t from;
    run_take(&w->run, &from);
    while (w->run.count - from > fit) {
        send_part(w, from, from + fit, false, told_next, compute_us, cpu_us);
        from += fit;
    }
    send_part(w, from, w->run.count, true, told_next, compute_us, cpu_us);
}

/* One value a task. */
static void send_tasks(struct worker *w, uint64_t told_next, uint64_t compute_us, uint64_t cpu_us)
{
    struct buf *b = pipe_begin(MESSAGE_WORKER_PROGRESS, w->now.request);
    put_worker_progress_begin(b, w->now.order.run, w->run.next, compute_us, cpu_us,
                              run_ended(&w->run), (uint16_t)(w->run.next - told_next));
    for (uint64_t leaf = told_next; leaf < w->run.next; leaf++) {
        const struct value v = {{0, leaf}, {task_value(w, leaf), w->value_size}};
        put_value(b, &v);
    }
    pipe_send();
}

static void send_collected(struct worker *w, uint64_t compute_us, uint64_t cpu_us)
{
    struct buf *b = pipe_begin(MESSAGE_WORKER_PROGRESS, w->now.request);
    put_worker_progress_begin(b, w->now.order.run, w->run.next, compute_us, cpu_us,
                              run_ended(&w->run), w->collect.values_count);
    put_raw(b, w->collect.values.data, w->collect.values.len);
    pipe_send();
    collect_drop_values(&w->collect);
}

static void send_progress(struct worker *w)
{
    const uint64_t told_next = w->told_next;
    const uint64_t compute_us = (uint64_t)(now_ns() - w->began_ns) / 1000;
    const int64_t cpu_ns = clock_ns(CLOCK_PROCESS_CPUTIME_ID);
    const uint64_t cpu_us = (uint64_t)(cpu_ns - w->cpu_ns) / 1000;
    if (w->now.tasks)
        send_tasks(w, told_next, compute_us, cpu_us);
    else if (w->collects)
        send_collected(w, compute_us, cpu_us);
    else
        send_folded(w, told_next, compute_us, cpu_us);
    w->told_next = w->run.next;
    /* Waiting for a full pipe is not computing. */
    w->began_ns = now_ns();
    w->cpu_ns = cpu_ns;
}

/* The worker whose kernel computes a task, and nothing else of it runs: its buffers are free. */
static struct worker *volatile at_task;
static volatile sig_atomic_t task_is_long;

/* What was done before a task that takes long is told meanwhile: others may wait for it, and the
 * node knows from then on which task that is. */
static void on_alarm(int number)
{
    struct worker *w = at_task;
    (void)number;
    if (!w)
        leaf_trial_late();
    if (!w)
        return;
    at_task = NULL;
    task_is_long = true;
    if (w->run.next > w->told_next)
        send_progress(w);
}

static void keep_params(struct worker *w, const struct order_load *m)
{
    if (m->params.len > 0)
        memcpy(w->params, m->params.data, m->params.len);
    w->params_len = m->params.len;
}

#define REGISTER "velum_register comes before arguments are looked at"

static int load_kernel(struct worker *w, const struct order_load *m, char reason[REASON_SIZE])
{
    const struct velum_kernel *k = NULL;
    int rc = worker_kernel_load(m, &k, reason);
    if (rc < 0)
        return rc;
    /* Built-ins are in every executable, so it is one of a program's own. */
    if (!k && m->origin == ORIGIN_BUILTIN) {
        text_copy(reason, REASON_SIZE, "a worker of this program did not register it; " REGISTER);
        return ERR_NOT_FOUND;
    }
    if (!k || !worker_kernel_is(k, m)) {
        text_copy(reason, REASON_SIZE, "this node's kernel of that name has another source");
        return ERR_NOT_FOUND;
    }
    if (k->reduce != m->reduction) {
        text_copy(reason, REASON_SIZE, "this node's kernel of that name has another reduction");
        return ERR_NOT_FOUND;
    }
    w->collects = k->reduce == VELUM_COLLECT;
    w->searches = k->reduce == VELUM_SEARCH;
    w->value_size = kernel_accumulator_size(k);
    w->values = w->collects ? NULL : malloc((size_t)RUN_VALUES_MAX * w->value_size);
    if ((!w->values && !w->collects) || worker_host_init(k, &w->collect) < 0) {
        text_copy(reason, REASON_SIZE, err_sentence(ERR_NO_MEMORY));
        return ERR_NO_MEMORY;
    }
    keep_params(w, m);
    w->kernel = k;
    return 0;
}

/* Another stage of the job, with the kernel that is there. */
static int load_again(struct worker *w, const struct order_load *m, char reason[REASON_SIZE])
{
    if (w->now.present || w->queued.present || !worker_kernel_is(w->kernel, m) ||
        w->kernel->reduce != m->reduction)
        return ERR_ARGUMENT;
    int rc = worker_input_again(m, reason);
    if (rc == 0)
        keep_params(w, m);
    return rc;
}

/* Walls that do not close, and a plugin's file that is not what the node has found at its start:
 * the kernel can do nothing about either. */
static bool is_by_node(int rc)
{
    return rc == ERR_SYSTEM || rc == ERR_UNSUPPORTED || rc == ERR_NOT_FOUND || rc == ERR_IO;
}

static void on_load(struct worker *w, const struct frame *f)
{
    struct order_load m;
    struct worker_loaded answer = {0};
    int rc = read_order_load(f->payload, &m);
    if (rc == 0)
        rc = w->kernel ? load_again(w, &m, answer.reason) : load_kernel(w, &m, answer.reason);
    if (rc == ERR_NO_MEMORY)
        worker_memory_explain(answer.reason);
    if (rc == ERR_FORMAT || (rc < 0 && w->kernel)) {
        leave(w, "a bad LOAD, or a second one that cannot be");
        return;
    }
    answer.ok = rc == 0;
    answer.by_node = is_by_node(rc);
    answer.unbuilt = rc == 0 && answer.reason[0];
    answer.accumulator_size = w->kernel ? w->value_size : 0;
    put_worker_loaded(pipe_begin(MESSAGE_WORKER_LOADED, f->request), &answer);
    pipe_send();
}

static void on_inputs(struct worker *w, const struct frame *f)
{
    struct reader rest;
    uint16_t count = 0;
    int rc = w->kernel ? read_order_inputs(f->payload, &count, &rest) : ERR_FORMAT;
    for (uint16_t i = 0; rc == 0 && i < count; i++) {
        const struct order_input in = read_order_input(&rest);
        rc = rest.failed ? ERR_FORMAT : worker_input_given(&in);
    }
    if (rc < 0 || !reader_done(&rest))
        leave(w, "bad INPUTS");
}

static void start_run(struct worker *w, struct task *t)
{
    const struct order_run *o = &t->order;
    uint8_t *frame = w->now.frame;
    w->now = *t;
    /* Their two copies change places. */
    t->frame = frame;
    if (t->tasks)
        run_init(&w->run, o->first, o->end, LEAVES_MAX, NULL, 0);
    else
        run_init(&w->run, o->first, o->end, tree_leaves(o->units, o->leaf_units), w->values,
                 w->value_size);
    collect_begin_run(&w->collect, o->run, t->request);
    w->told_next = o->first;
    w->began_ns = w->looked_ns = now_ns();
    w->cpu_ns = clock_ns(CLOCK_PROCESS_CPUTIME_ID);
}

/* What is in `queued` begins at once where nothing runs. */
static void begin(struct worker *w)
{
    if (w->now.present)
        return;
    start_run(w, &w->queued);
    w->queued.present = false;
}

static void on_run(struct worker *w, const struct frame *f)
{
    struct order_run order;
    if (!w->kernel || w->queued.present || !worker_input_complete() ||
        read_order_run(f->payload, &order) < 0) {
        leave(w, "a bad RUN, or a third one, or one before its inputs");
        return;
    }
    w->queued.present = true;
    w->queued.tasks = false;
    w->queued.request = f->request;
    w->queued.order = order;
    begin(w);
}

/* Room for the first of them, once: their values fit a frame. */
static bool has_room_for_tasks(struct worker *w)
{
    if (!w->task_values)
        w->task_values = malloc(PROGRESS_VALUES_MAX);
    if (!w->queued.frame)
        w->queued.frame = malloc(FRAME_PAYLOAD_MAX);
    return w->task_values && w->queued.frame;
}

static void on_tasks(struct worker *w, const struct frame *f)
{
    struct order_tasks m;
    if (!w->kernel || w->collects || w->searches || w->queued.present || worker_input_count() > 0 ||
        !has_room_for_tasks(w) || read_order_tasks(f->payload, &m) < 0 ||
        m.count * (VALUE_HEAD_SIZE + w->value_size) > PROGRESS_VALUES_MAX) {
        leave(w, "bad TASKS, or a third run");
        return;
    }
    memcpy(w->queued.frame, f->payload.data, f->payload.len);
    w->queued.tasks_left = m.rest;
    w->queued.tasks_left.data = w->queued.frame;
    w->queued.present = w->queued.tasks = true;
    w->queued.request = f->request;
    w->queued.order = (struct order_run){.run = m.run,
                                         .first = m.first,
                                         .end = m.first + m.count,
                                         .units = m.units,
                                         .leaf_units = m.units,
                                         .report_us = m.report_us};
    begin(w);
}

/* A run that has not begun can be cut down to nothing; it then ends as soon as it begins. */
static uint64_t trim_queued(struct order_run *o, uint64_t end)
{
    if (end < o->first)
        end = o->first;
    if (end < o->end)
        o->end = end;
    return o->end;
}

/* Leaves whose output is under way, or is not taken yet, stay with the run. */
static uint64_t trim_current(struct worker *w, uint64_t end)
{
    uint64_t keep = w->run.next + w->collect.awaits;
#if VELUM_PLANT != 432 /* unit/test_worker_output: a trim cuts off the leaf under way */
    keep += w->in_leaf;
#endif
    return run_trim(&w->run, end < keep ? keep : end);
}

/* What is queued may belong to the same run, behind it. */
static uint64_t trim_tasks(struct worker *w, uint64_t end)
{
    const uint64_t now = trim_current(w, end);
    struct order_run *o = &w->queued.order;
    if (!w->queued.present || o->run != w->now.order.run)
        return now;
    if (end > o->first)
        return trim_queued(o, end);
    w->queued.present = false;
    return now;
}

static void on_trim(struct worker *w, const struct frame *f)
{
    struct order_trim m;
    if (read_order_trim(f->payload, &m) < 0) {
        leave(w, "a bad TRIM");
        return;
    }
    if (w->now.tasks && w->now.present && m.run == w->now.order.run)
        m.end = trim_tasks(w, m.end);
    else if (w->now.present && m.run == w->now.order.run)
        m.end = trim_current(w, m.end);
    else if (w->queued.present && m.run == w->queued.order.run)
        m.end = trim_queued(&w->queued.order, m.end);
    else if (m.run == w->last_run)
        m.end = w->end;
    put_order_trim(pipe_begin(MESSAGE_WORKER_TRIMMED, f->request), &m);
    pipe_send();
}

static void on_merge(struct worker *w, const struct frame *f)
{
    if (!w->kernel || w->collects ||
        worker_merge(w->kernel, params_of(w), w->value_size, f->payload,
                     pipe_begin(MESSAGE_WORKER_MERGED, f->request)) < 0)
        leave(w, "a bad MERGE");
    else
        pipe_send();
}

static void on_taken(struct worker *w, const struct frame *f)
{
    struct order_taken m;
    if (read_order_taken(f->payload, &m) < 0 || !collect_taken(&w->collect, &m))
        leave(w, "a bad TAKEN, or one that nothing waits for");
    else
        run_step(&w->run);
}

static void on_more(struct worker *w, const struct frame *f)
{
    struct order_more m;
    if (read_order_more(f->payload, &m) < 0)
        leave(w, "a bad MORE");
    else
        collect_more(&w->collect, &m);
}

static void on_plan(struct worker *w, const struct frame *f)
{
    if (!w->kernel ||
        worker_plan(w->kernel, f->payload, pipe_begin(MESSAGE_WORKER_PLANNED, f->request)) < 0)
        leave(w, "a bad PLAN");
    else
        pipe_send();
}

static void on_show(struct worker *w, const struct frame *f)
{
    struct reader r = reader_of(f->payload);
    const struct aside_show m = {params_of(w), read_block(&r, ACCUMULATOR_SIZE_MAX)};
    if (!w->kernel || !reader_done(&r)) {
        leave(w, "a bad SHOW");
        return;
    }
    worker_show(w->kernel, &m, pipe_begin(MESSAGE_WORKER_SHOWN, f->request));
    pipe_send();
}

static void on_asides(struct worker *w, const struct frame *f)
{
    if (!w->kernel ||
        worker_asides(w->kernel, f->payload, pipe_begin(MESSAGE_WORKER_ASIDES, f->request)) < 0)
        leave(w, "bad ASIDES");
    else
        pipe_send();
}

static void on_describe(struct worker *w, const struct frame *f)
{
    struct order_describe m;
    char refused[REASON_SIZE] = "";
    const struct velum_kernel *k = NULL;
    if (read_order_describe(f->payload, &m) < 0) {
        leave(w, "a bad DESCRIBE");
        return;
    }
    struct kernel_view view = {.origin = m.origin};
    if (worker_kernel_try(m.origin, m.path, &k, refused) == 0)
        kernel_describe(k, m.origin, &view);
    text_copy(view.path, sizeof view.path, m.path);
    text_copy(view.refused, sizeof view.refused, refused);
    struct buf *b = pipe_begin(MESSAGE_WORKER_DESCRIBED, f->request);
    put_kernel_view(b, &view);
    put_kernel_manual(b, &view);
    pipe_send();
    w->done = true;
}

static void on_frame(struct worker *w, const struct frame *f)
{
    static const struct {
        uint8_t type;
        void (*handle)(struct worker *w, const struct frame *f);
    } handlers[] = {
        {MESSAGE_ORDER_LOAD, on_load},         {MESSAGE_ORDER_RUN, on_run},
        {MESSAGE_ORDER_TRIM, on_trim},         {MESSAGE_ORDER_MERGE, on_merge},
        {MESSAGE_ORDER_PLAN, on_plan},         {MESSAGE_ORDER_SHOW, on_show},
        {MESSAGE_ORDER_DESCRIBE, on_describe}, {MESSAGE_ORDER_TAKEN, on_taken},
        {MESSAGE_ORDER_MORE, on_more},         {MESSAGE_ORDER_INPUTS, on_inputs},
        {MESSAGE_ORDER_TASKS, on_tasks},       {MESSAGE_ORDER_ASIDES, on_asides},
    };
    for (size_t i = 0; i < sizeof handlers / sizeof *handlers; i++) {
        if (handlers[i].type == f->type) {
            handlers[i].handle(w, f);
            return;
        }
    }
    leave(w, "an order of unknown type");
}

static void obey(struct worker *w)
{
    struct frame f;
    while (!w->done && pipe_next(&f))
        on_frame(w, &f);
}

static int merge_values(void *ctx, struct bytes left, struct bytes right, uint8_t *out)
{
    const struct worker *w = ctx;
    return kernel_merge(w->kernel, params_of(w), left, right, out);
}

static void kernel_said_no(struct worker *w, struct worker_failed *answer)
{
    answer->run = w->now.order.run;
    answer->leaf = w->run.next;
    worker_leaf_tell(answer);
    if (w->run.next > w->run.first)
        send_progress(w);
    put_worker_failed(pipe_begin(MESSAGE_WORKER_FAILED, w->now.request), answer);
    pipe_send();
    w->done = true;
}

/* Orders are obeyed here in the middle of a leaf. Waiting is not computing. */
static bool stand_by(void *ctx, bool patient)
{
    struct worker *w = ctx;
    if (patient) {
        const int64_t began = now_ns();
        pipe_wait();
        w->began_ns += now_ns() - began;
    }
    obey(w);
    return !w->done;
}

static int fold_leaf(struct worker *w, uint64_t first, uint64_t count, char reason[REASON_SIZE])
{
    int rc = worker_leaf(w->kernel, params_of(w), first, count, run_slot(&w->run), reason);
    if (rc < 0 || (rc = run_push(&w->run, merge_values, w)) < 0)
        return rc;
#if VELUM_PLANT != 511 /* unit/test_worker: a run of a search goes on behind its match */
    if (w->searches && found_matches(run_value(&w->run, w->run.count - 1).data))
        run_trim(&w->run, w->run.next);
#endif
    return 0;
}

/* The one behind that which is awaited, if any. The run steps when a leaf has its value, so where
 * one says no all before it have. A long one is told before the next begins. */
static int collect_leaf(struct worker *w, char reason[REASON_SIZE])
{
    struct collect *c = &w->collect;
    const struct order_run *o = &w->now.order;
    const uint64_t leaf = w->run.next + c->awaits;
    uint64_t first, count;
    if (leaf == w->run.end)
        return collect_settle(c);
    kernel_leaf_range(o->units, o->leaf_units, leaf, &first, &count);
    const int64_t began = now_ns();
    collect_begin_leaf(c, leaf);
    w->in_leaf = true;
    int rc = worker_leaf(w->kernel, params_of(w), first, count, NULL, reason);
    if (rc == 0 && (rc = collect_end_leaf(c)) == ERR_TOO_LARGE)
        text_copy(reason, REASON_SIZE, "a leaf yields more than 2^40 bytes");
    w->in_leaf = false;
    if (rc < 0)
        collect_settle(c);
    else if (!c->awaits)
        run_step(&w->run);
#if VELUM_PLANT != 938 /* unit/test_worker_output: a long leaf is told when the next is computed */
    else if (now_ns() - began > AHEAD_NS)
        rc = collect_settle(c);
#endif
    return rc;
}

/* The params move to where they are aligned. */
static int task_leaf(struct worker *w, char reason[REASON_SIZE])
{
    const struct order_task t = read_order_task(&w->now.tasks_left, w->now.order.units);
    if (t.params.len > 0)
        memcpy(w->params, t.params.data, t.params.len);
    w->params_len = t.params.len;
    at_task = w;
    uint8_t *value = task_value(w, w->run.next);
    const struct rolled all = {w->kernel, worker_host_fresh, params_of(w),
                               t.units,   t.leaf_units,      w->values};
    int rc = worker_leaf_rolled(&all, value, reason);
    at_task = NULL;
    if (rc == 0)
        run_step(&w->run);
    return rc;
}

static int compute_leaf(struct worker *w, char reason[REASON_SIZE])
{
    const struct order_run *o = &w->now.order;
    uint64_t first, count;
    if (w->now.tasks)
        return task_leaf(w, reason);
    if (w->collects)
        return collect_leaf(w, reason);
    kernel_leaf_range(o->units, o->leaf_units, w->run.next, &first, &count);
    return fold_leaf(w, first, count, reason);
}

static bool report_is_due(const struct worker *w, int64_t now, int64_t reported)
{
    return now - reported >= (int64_t)w->now.order.report_us * 1000 ||
           (w->collects && !collect_has_room(&w->collect));
}

/* Looks for orders when a look is due, and obeys those that have come. */
static void look(struct worker *w, int64_t now)
{
    if (now - w->looked_ns >= LOOK_EVERY_NS || task_is_long) {
        pipe_look();
        w->looked_ns = now;
        task_is_long = false;
    }
    obey(w);
}

/* Until the run has ended, as it is by then. A progress report leaves every report_us of time. */
static void work_at(struct worker *w)
{
    int64_t reported = w->began_ns;
    while (!w->done && !run_ended(&w->run)) {
        struct worker_failed failed = {0};
        if (compute_leaf(w, failed.reason) < 0) {
            if (!w->done)
                kernel_said_no(w, &failed);
            return;
        }
        const int64_t now = now_ns();
        look(w, now);
        if (run_ended(&w->run) || w->run.next == w->told_next || !report_is_due(w, now, reported))
            continue;
        send_progress(w);
        reported = w->began_ns;
    }
    if (!w->done)
        send_progress(w);
    w->last_run = w->now.order.run;
    w->end = w->run.end;
    w->now.present = false;
}

static void work(struct worker *w)
{
    /* The first of several may be the long one as well: only what is told is worth an alarm. */
    const bool several = w->now.tasks && w->run.end - w->run.first > 1;
    if (several)
        leaf_alarm_every(TASK_LONG_US);
    work_at(w);
    if (several)
        leaf_alarm_every(0);
}

int worker_main(void)
{
    static struct worker w;
    w.collect.stand_by = stand_by;
    w.collect.ctx = &w;
    const struct sigaction on_time = {.sa_handler = on_alarm, .sa_flags = SA_RESTART};
    signal(SIGPIPE, SIG_IGN);
    sigaction(SIGALRM, &on_time, NULL);
    /* Naps are measured in milliseconds; the default slack is a hundredth of the shortest. */
    prctl(PR_SET_TIMERSLACK, 1UL, 0UL, 0UL, 0UL);
    put_u32(pipe_begin(MESSAGE_WORKER_READY, 0), (uint32_t)getpid());
    pipe_send();
    while (!w.done) {
        obey(&w);
        if (w.now.present) {
            work(&w);
        } else if (w.queued.present) {
            begin(&w);
        } else if (!w.done) {
            pipe_wait();
        }
    }
    return w.status;
}
