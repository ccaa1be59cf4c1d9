#include "core/host/trial.h"

#include <stdio.h>
#include <string.h>

#include "core/base/err.h"
#include "core/base/text.h"
#include "core/host/spawner.h"
#include "core/kernel/kernel.h"
#include "core/wire/message.h"

#define PAYLOAD_SIZE ((size_t)2 * ARGS_COUNT_MAX * ARG_SIZE_MAX)
#define TAIL_SIZE 128
#define REPORT_US 1000000

enum { DESCRIBER, USER };

struct trying {
    const struct trial_order *order;
    struct trial *out;
    struct loop *loop;
    struct crew *crew;
    struct alarm *alarm;
    int stage; /* which worker is at work */
    bool late, answered;
    uint16_t inputs_count;
    uint64_t sizes[STAGE_INPUTS_MAX];
    uint8_t params[PARAMS_SIZE_MAX];
    size_t params_len;
    bool has_plan;
    struct instant began;
    size_t words_len;
    char tail[TAIL_SIZE]; /* the last words of whoever is at work */
    size_t tail_len;
    uint8_t payload[PAYLOAD_SIZE];
};

static struct buf begin(struct trying *t)
{
    struct buf b;
    buf_init_fixed(&b, t->payload, sizeof t->payload);
    return b;
}

static void order(struct trying *t, uint8_t type, const struct buf *b)
{
    alarm_set(t->alarm, instant_plus_us(loop_clock(), TRIAL_STEP_US));
    if (b->failed || crew_order(t->crew, (uint32_t)t->stage, type, 0, buf_bytes(b)) < 0)
        crew_kill(t->crew, (uint32_t)t->stage);
}

static void end_stage(struct trying *t)
{
    t->answered = true;
    crew_kill(t->crew, (uint32_t)t->stage);
}

static void send_describe(struct trying *t)
{
    struct order_describe m = {.origin = t->order->origin};
    struct buf b = begin(t);
    text_copy(m.path, sizeof m.path, t->order->path);
    put_order_describe(&b, &m);
    order(t, MESSAGE_ORDER_DESCRIBE, &b);
}

static void send_load(struct trying *t)
{
    const struct kernel_view *v = &t->out->view;
    struct order_load m = {.source = v->source,
                           .origin = t->order->origin,
                           .params = {t->params, t->params_len},
                           .reduction = v->reduction};
    struct buf b = begin(t);
    text_copy(m.kernel, sizeof m.kernel, v->name);
    text_copy(m.path, sizeof m.path, t->order->path);
    put_order_load(&b, &m);
    order(t, MESSAGE_ORDER_LOAD, &b);
}

static void send_plan(struct trying *t)
{
    const int from = kernel_files_at(t->out->view.files_from, t->order->argc, t->order->argv);
    struct buf b = begin(t);
    if (put_order_plan(&b, from, t->order->argv, t->inputs_count, t->sizes) < 0) {
        text_copy(t->out->reason, REASON_SIZE, "an argument is too long, or there are too many");
        end_stage(t);
        return;
    }
    order(t, MESSAGE_ORDER_PLAN, &b);
}

static void send_run(struct trying *t)
{
    const struct order_run m = {1, 0, 1, t->out->units, t->out->leaf_units, REPORT_US};
    struct buf b = begin(t);
    put_order_run(&b, &m);
    t->began = loop_clock();
    order(t, MESSAGE_ORDER_RUN, &b);
}

static void on_described(struct trying *t, struct bytes payload)
{
    struct kernel_view *v = &t->out->view;
    if (read_kernel_view(payload, v) < 0)
        text_copy(v->refused, sizeof v->refused, "its description is not in the agreed form");
    end_stage(t);
}

static void on_loaded(struct trying *t, struct bytes payload)
{
    struct worker_loaded m;
    if (read_worker_loaded(payload, &m) < 0 || !m.ok) {
        text_copy(t->out->reason, REASON_SIZE, m.reason[0] ? m.reason : "it broke the protocol");
        end_stage(t);
    } else if (!t->has_plan) {
        send_plan(t);
    } else {
        send_run(t);
    }
}

/* The first worker has no inputs, so that a kernel that reads some stops here. */
static void on_planned(struct trying *t, struct bytes payload)
{
    struct worker_planned m;
    if (read_worker_planned(payload, &m) < 0 || !m.ok || m.params.len > sizeof t->params) {
        text_copy(t->out->reason, REASON_SIZE, m.reason[0] ? m.reason : "it broke the protocol");
        end_stage(t);
        return;
    }
    t->out->planned = t->has_plan = true;
    t->out->units = m.units;
    t->out->leaf_units = m.leaf_units;
    t->params_len = m.params.len;
    if (m.params.len > 0)
        memcpy(t->params, m.params.data, m.params.len);
    if (t->out->reads_files)
        end_stage(t);
    else
        send_load(t);
}

static void on_computed(struct trying *t)
{
    t->out->ran = true;
    t->out->leaf_us = (uint64_t)(loop_clock().us - t->began.us);
    end_stage(t);
}

/* The room that OUTPUT took is given back at once. */
static void on_output_frame(struct trying *t, struct bytes payload)
{
    struct worker_output m;
    struct buf b = begin(t);
    if (read_worker_output(payload, &m) < 0)
        return;
    const struct order_more more = {.run = m.run, .bytes = (uint32_t)m.bytes.len};
    put_order_more(&b, &more);
    crew_order(t->crew, (uint32_t)t->stage, MESSAGE_ORDER_MORE, 0, buf_bytes(&b));
}

static void on_failed(struct trying *t, struct bytes payload)
{
    struct worker_failed m;
    text_copy(t->out->failed, REASON_SIZE,
              read_worker_failed(payload, &m) < 0 ? "it broke the protocol" : m.reason);
    end_stage(t);
}

static void on_frame(void *ctx, uint32_t worker, const struct frame *f)
{
    struct trying *t = ctx;
    if (t->answered || worker != (uint32_t)t->stage)
        return;
    switch (f->type) {
    case MESSAGE_WORKER_DESCRIBED:
        on_described(t, f->payload);
        break;
    case MESSAGE_WORKER_LOADED:
        on_loaded(t, f->payload);
        break;
    case MESSAGE_WORKER_PLANNED:
        on_planned(t, f->payload);
        break;
    case MESSAGE_WORKER_PROGRESS:
    case MESSAGE_WORKER_OUTPUT_END:
        on_computed(t);
        break;
    case MESSAGE_WORKER_OUTPUT:
        on_output_frame(t, f->payload);
        break;
    case MESSAGE_WORKER_FAILED:
        on_failed(t, f->payload);
        break;
    default:
        break;
    }
}

static void keep_tail(struct trying *t, struct bytes text)
{
    const size_t n = text.len < TAIL_SIZE ? text.len : TAIL_SIZE;
    const size_t keep = t->tail_len < TAIL_SIZE - n ? t->tail_len : TAIL_SIZE - n;
    memmove(t->tail, t->tail + t->tail_len - keep, keep);
    memcpy(t->tail + keep, text.data + text.len - n, n);
    t->tail_len = keep + n;
}

static void on_output(void *ctx, uint32_t worker, struct bytes text)
{
    struct trying *t = ctx;
    if (worker == DESCRIBER)
        t->words_len +=
            text_sanitise((const char *)text.data, text.len, false, t->out->words + t->words_len,
                          sizeof t->out->words - t->words_len);
    keep_tail(t, text);
}

static void say_end(const struct trying *t, enum worker_end end, int status, char to[REASON_SIZE])
{
    char failure[SPAWNER_FAILURE_SIZE], tail[REASON_SIZE / 2];
    spawner_failure(status, failure);
    text_sanitise(t->tail, text_trimmed(t->tail, t->tail_len), true, tail, sizeof tail);
    if (t->late)
        snprintf(to, REASON_SIZE, "it took longer than %d s", (int)(TRIAL_STEP_US / S_US));
    else if (end == WORKER_SIGNALLED)
        snprintf(to, REASON_SIZE, "it died of SIG%s", sigabbrev_np(status));
    else if (end == WORKER_EXITED)
        snprintf(to, REASON_SIZE, "it ended its worker with exit code %d", status);
    else if (end == WORKER_LOST)
        snprintf(to, REASON_SIZE, "no worker can be started: %.100s", failure);
    else if (end == WORKER_GARBAGE)
        snprintf(to, REASON_SIZE, "its worker broke the protocol");
    else
        snprintf(to, REASON_SIZE, "its worker was killed");
    if (tail[0] && end == WORKER_SIGNALLED && !t->late) {
        text_append(to, REASON_SIZE, "; last output: ");
        text_append(to, REASON_SIZE, tail);
    }
}

static int start_stage(struct trying *t, int stage)
{
    t->stage = stage;
    t->answered = t->late = false;
    t->tail_len = 0;
    const int rc = crew_start(t->crew, (uint32_t)stage);
    if (rc == 0 && stage == DESCRIBER)
        send_describe(t);
    else if (rc == 0)
        send_load(t);
    return rc;
}

/* The arguments that are files are not among those of a plan, which is told their sizes. */
static int measure(struct trying *t)
{
    const int from = kernel_files_at(t->out->view.files_from, t->order->argc, t->order->argv);
    t->inputs_count = (uint16_t)(t->order->argc - from);
    t->out->reads_files = t->inputs_count > 0;
    if (t->inputs_count > STAGE_INPUTS_MAX) {
        text_copy(t->out->reason, REASON_SIZE, "these are too many files");
        return ERR_ARGUMENT;
    }
    return t->inputs_count == 0 ? 0
                                : t->order->measure(t->order->ctx, from, t->sizes, t->out->reason);
}

static void on_exited(void *ctx, uint32_t worker, enum worker_end end, int status, uint64_t cpu_us)
{
    struct trying *t = ctx;
    (void)cpu_us;
    struct trial *out = t->out;
    char *unsaid = worker == DESCRIBER ? out->view.refused
                   : out->planned      ? out->failed
                                       : out->reason;
    alarm_set(t->alarm, INSTANT_NEVER);
    if (!t->answered)
        say_end(t, end, status, unsaid);
    int rc = 1;
    if (worker == DESCRIBER && !out->view.refused[0] && t->order->plans && measure(t) == 0)
        rc = start_stage(t, USER);
    if (rc != 0)
        loop_stop(t->loop, rc);
}

static void on_late(void *ctx)
{
    struct trying *t = ctx;
    t->late = true;
    crew_kill(t->crew, (uint32_t)t->stage);
}

int trial_run(struct spawner *s, const struct trial_order *o, struct trial *out,
              char message[TRIAL_MESSAGE_SIZE])
{
    static struct trying t;
    const struct crew_options options = {.workers_max = 2};
    const struct crew_events events = {&t, on_frame, on_output, on_exited};
    memset(out, 0, sizeof *out);
    memset(&t, 0, sizeof t);
    t.order = o;
    t.out = out;
    int rc = loop_new(&t.loop);
    if (rc == 0)
        t.alarm = alarm_new(t.loop, on_late, &t);
    if (rc == 0)
        rc = t.alarm ? crew_open(&t.crew, t.loop, s, &options, &events) : ERR_NO_MEMORY;
    if (rc == 0) {
        rc = start_stage(&t, DESCRIBER);
        if (rc == 0)
            rc = loop_run(t.loop);
        crew_release(t.crew, s);
    }
    alarm_free(t.alarm);
    loop_free(t.loop);
    if (rc < 0)
        snprintf(message, TRIAL_MESSAGE_SIZE, "it cannot be tried: %s", err_sentence(rc));
    return rc < 0 ? rc : 0;
}
