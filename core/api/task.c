#include "core/api/task.h"

#include <stdlib.h>
#include <string.h>

#include "core/api/feed.h"
#include "core/api/program.h"
#include "core/api/session.h"
#include "core/api/task_check.h"
#include "core/api/task_source.h"
#include "core/base/err.h"
#include "core/base/text.h"
#include "core/host/job_entry.h"
#include "core/host/memory.h"
#include "core/host/submission.h"
#include "core/host/user_fact.h"
#include "core/wire/message.h"
#include "core/wire/output.h"
#include "core/wire/spec.h"

#define AGAIN_US (100 * MS_US)

enum step { GATHERING, FEEDING, DESCRIBING, PLANNING, SIGNING, SUBMITTING, WATCHING, SHOWING };

struct task {
    enum step step;
    struct submission *submission; /* until it is signed */
    struct feed feed;              /* its inputs, until it is signed */
    char *kernel, **argv;          /* for its plan, while it is fed */
    int argc;
    struct task_source code; /* its kernel, where that is C */
    bool behind;             /* the plan that is asked for is that of the stage behind the first */
    struct buf payload;      /* of the request that has to be answered */
    uint32_t progress_ms;
    struct reply_submitted ack;
    bool acknowledged;
    struct job_entry entry; /* what was told of it last */
    bool told;
    uint32_t kill_request;
    bool kill_wanted, kill_answered;
    int kill_code;
    struct reply_killed killed;
};

/* --- beginning --- */

/* The kernel whose stage is behind, where there is one: planned here, or asked of a node. */
static int plan_then(struct velum *v, struct task *t)
{
    struct submission *s = t->submission;
    char reason[REASON_SIZE] = "";
    uint64_t sizes[STAGE_INPUTS_MAX];
    uint16_t count;
    t->step = SIGNING;
    if (!s->plan.then[0])
        return 0;
    if (submission_then_inputs(s, &count, sizes) < 0)
        return handle_fail(v, VELUM_MISUSE, "a larger leaf", "that would be %llu leaves, %d may be",
                           (unsigned long long)submission_leaves(s), STAGE_INPUTS_MAX);
    int rc = builtin_plan(s->plan.then, 0, NULL, count, sizes, &s->then, reason);
    if (rc != ERR_NOT_FOUND)
        return rc < 0 ? task_refuse_args(v, s->plan.then, reason) : 0;
    if (v->inside)
        return task_refuse_kernel(v, s->plan.then);
    t->step = PLANNING;
    t->behind = true;
    buf_reset(&t->payload);
    rc = put_request_plan(&t->payload, s->plan.then, 0, NULL, count, sizes);
    if (rc == 0)
        rc = buf_result(&t->payload);
    return rc < 0 ? handle_fail_err(v, rc, s->plan.then) : 0;
}

/* From a plan to the bytes that are sent, by the key that belongs to the line. */
static int seal(struct velum *v, struct task *t)
{
    struct identity *identity = ask_identity(v->ask);
    if (!identity) {
        const char *why = ask_fault(v->ask);
        return handle_fail(v, VELUM_NOT_ALLOWED, "", "%s",
                           why[0] ? why : "your key cannot be read");
    }
    buf_reset(&t->payload);
    int rc = submission_seal(t->submission, identity, &t->payload);
    if (rc < 0)
        return handle_fail_err(v, rc, "the job cannot be signed");
    free(t->submission);
    t->submission = NULL;
    feed_clear(&t->feed);
    t->step = SUBMITTING;
    return 0;
}

/* What a plan is made of; the sizes of inputs come with it. */
struct wish {
    const char *kernel;
    int argc;
    const char *const *argv;
    const uint64_t *sizes;
    const struct plan *planned; /* it is made already; NULL: it is not */
};

/* A kernel of this program's own is no kernel of a node outside, even when it has that name. */
static int plan_here(struct velum *v, struct task *t, const struct wish *w,
                     char reason[REASON_SIZE])
{
    if (w->planned) {
        t->submission->plan = *w->planned;
        return 0;
    }
    if (t->code.is)
        return ERR_NOT_FOUND;
    if (!v->inside && program_has(w->kernel))
        return ERR_NOT_FOUND;
    return builtin_plan(w->kernel, w->argc, w->argv, t->feed.count, w->sizes, &t->submission->plan,
                        reason);
}

static int plan(struct velum *v, struct task *t, const struct wish *w)
{
    char reason[REASON_SIZE] = "";
    int rc = plan_here(v, t, w, reason);
    t->step = PLANNING;
    if (rc == 0) {
        rc = task_choose_leaf(v, t->submission);
        if (rc == 0)
            rc = plan_then(v, t);
        return rc == 0 && t->step == SIGNING && v->ask ? seal(v, t) : rc;
    }
    if (rc != ERR_NOT_FOUND)
        return task_refuse_args(v, w->kernel, reason);
    if (v->inside && !t->code.is)
        return task_refuse_kernel(v, w->kernel);
    buf_reset(&t->payload);
    if (t->code.is)
        rc = task_source_put_plan(&t->code, w->argc, w->argv, t->submission->inputs_count, w->sizes,
                                  &t->payload);
    else
        rc = put_request_plan(&t->payload, w->kernel, w->argc, w->argv, t->feed.count, w->sizes);
    if (rc == 0)
        rc = buf_result(&t->payload);
    return rc < 0 ? handle_fail_err(v, rc, w->kernel) : 0;
}

/* The words are the caller's only until velum_submit returns. */
static int keep_words(struct task *t, const struct velum_task *asked)
{
    t->kernel = strdup(asked->kernel);
    t->argv = calloc((size_t)asked->argc + 1, sizeof *t->argv);
    if (!t->kernel || !t->argv)
        return ERR_NO_MEMORY;
    for (; t->argc < asked->argc; t->argc++) {
        t->argv[t->argc] = strdup(asked->argv[t->argc]);
        if (!t->argv[t->argc])
            return ERR_NO_MEMORY;
    }
    return 0;
}

static void drop_words(struct task *t)
{
    for (int i = 0; i < t->argc; i++)
        free(t->argv[i]);
    free(t->argv);
    free(t->kernel);
}

/* Its inputs come first. What is wrong with its arguments is said now, where that can be known. */
static int begin_feeding(struct velum *v, struct task *t, const struct velum_task *asked)
{
    uint64_t sizes[STAGE_INPUTS_MAX];
    char reason[REASON_SIZE] = "";
    const struct wish w = {asked->kernel, asked->argc, asked->argv, sizes, NULL};
    t->step = FEEDING;
#if VELUM_PLANT == 804 /* unit/test_api_node: a node of the mesh in a program reads no inputs */
    if (v->inside && !v->options.objects)
#else
    if (v->inside && !v->node && !v->options.objects)
#endif
        return handle_fail(v, VELUM_MISUSE, "velum_options.keep_objects, or a node: velum node",
                           "the node inside this program keeps no objects");
    t->submission->inputs_count = (uint16_t)(t->feed.count - (t->code.is && !t->code.described));
    t->submission->inputs = t->feed.made;
    if (feed_sizes(&t->feed, sizes)) {
        int rc = plan_here(v, t, &w, reason);
        if (rc < 0 && rc != ERR_NOT_FOUND)
            return task_refuse_args(v, asked->kernel, reason);
    }
    return keep_words(t, asked) < 0 ? handle_fail_err(v, ERR_NO_MEMORY, "a new operation") : 0;
}

/* A source that its node has not yet comes behind the inputs. */
static int open_feed(struct velum *v, struct task *t, const struct velum_task *asked)
{
    struct velum_input list[STAGE_INPUTS_MAX];
    struct velum_task with = *asked;
    const int count = asked->inputs_count;
    int rc = task_source_is_file(asked->kernel) ? task_source_open(v, asked->kernel, &t->code) : 0;
    if (rc < 0 || (!asked->inputs && count > 0))
        return rc < 0 ? rc : feed_open(v, asked, &t->feed); /* which says so */
    if (t->code.is)
        t->submission->source = &t->code.made;
    if (t->code.is && count >= STAGE_INPUTS_MAX)
        return handle_fail(v, VELUM_MISUSE, "", "a task of C source has 0 to %d inputs, not %d",
                           STAGE_INPUTS_MAX - 1, count);
    if (t->code.is && !t->code.described && count >= 0) {
        if (count > 0)
            memcpy(list, asked->inputs, (size_t)count * sizeof *list);
        list[count] = (struct velum_input){.path = asked->kernel};
        with.inputs = list;
        with.inputs_count++;
    }
    return feed_open(v, &with, &t->feed);
}

static int fill(struct velum *v, struct task *t, const struct velum_task *asked,
                const struct plan *planned)
{
    struct submission *s = t->submission;
    s->name = asked->name ? asked->name : "";
    t->progress_ms = asked->progress_ms > UINT32_MAX ? UINT32_MAX : (uint32_t)asked->progress_ms;
    submission_join_args(s, asked->argc, asked->argv);
    int rc = task_asks(v, s, &asked->asks);
    if (rc == 0)
        rc = task_limits(v, s, asked);
    if (rc == 0)
        rc = open_feed(v, t, asked);
    if (rc < 0)
        return rc;
    const struct wish w = {asked->kernel, asked->argc, asked->argv, NULL, planned};
    return t->feed.count > 0 ? begin_feeding(v, t, asked) : plan(v, t, &w);
}

void task_free(struct op *op)
{
    struct task *t = op->task;
    if (!t)
        return;
    job_entry_clear(&t->entry);
    buf_clear(&t->payload);
    feed_clear(&t->feed);
    drop_words(t);
    free(t->submission);
    free(t);
}

/* Without anything of it. */
static int new_task(struct velum *v, struct op **out)
{
    int rc = ops_add(&v->ops, OP_TASK, out);
    if (rc < 0)
        return handle_fail_err(v, rc, "a new operation");
    (*out)->task = calloc(1, sizeof *(*out)->task);
    if ((*out)->task) {
        buf_init(&(*out)->task->payload, &host_memory, FRAME_PAYLOAD_MAX);
        (*out)->task->submission = calloc(1, sizeof *(*out)->task->submission);
        if ((*out)->task->submission)
            return 0;
    }
    task_free(*out);
    ops_remove(&v->ops, *out);
    return handle_fail_err(v, ERR_NO_MEMORY, "a new operation");
}

int task_gather(struct velum *v, struct op **out)
{
    int rc = new_task(v, out);
    if (rc < 0)
        return rc;
    (*out)->task->step = GATHERING;
    return 0;
}

struct submission *task_submission(struct op *op)
{
    return op->task->submission;
}

void task_gathered(struct velum *v, struct op *op)
{
    op->task->step = SIGNING;
    task_resume(v, op);
}

const struct job_id *task_job(const struct op *op)
{
    return op->task->acknowledged ? &op->task->ack.job : NULL;
}

int task_start(struct velum *v, const struct velum_task *asked, const struct plan *planned)
{
    struct op *op = NULL;
    int rc = task_check(v, asked);
    if (rc < 0)
        return rc;
    rc = new_task(v, &op);
    if (rc < 0)
        return rc;
    rc = fill(v, op->task, asked, planned);
    if (rc < 0) {
        task_free(op);
        ops_remove(&v->ops, op);
        return rc;
    }
    task_resume(v, op);
    return op->number;
}

/* --- going on --- */

static void watch(struct velum *v, struct op *op)
{
    const struct request_watch ask = {.job = op->task->ack.job,
                                      .interval_ms = op->task->progress_ms};
    uint8_t room[64];
    struct buf payload;
    buf_init_fixed(&payload, room, sizeof room);
    put_request_watch(&payload, &ask);
    op->task->step = WATCHING;
    handle_ask(v, op, MESSAGE_REQUEST_WATCH, buf_bytes(&payload));
}

static void ask_kill(struct velum *v, struct op *op)
{
    const struct request_kill m = {.job = op->task->ack.job};
    uint8_t room[USER_KILL_SIZE];
    struct buf payload;
    buf_init_fixed(&payload, room, sizeof room);
    op->task->kill_request = ops_next_request(op);
    if (v->ask && user_fact_kill(ask_identity(v->ask), m, &payload) == 0)
        (void)ask_send(v->ask, MESSAGE_REQUEST_KILL, op->task->kill_request, buf_bytes(&payload));
}

static void ask_show(struct velum *v, struct op *op)
{
    struct task *t = op->task;
    const struct job_view *j = &t->entry.view;
    const bool foreign = task_source_shows(&t->code, j);
    struct request_show ask = {.source = j->source, .params = j->params, .accumulator = j->result};
    buf_reset(&t->payload);
    (void)text_copy(ask.kernel, sizeof ask.kernel, j->kernel);
    if (foreign)
        (void)task_source_put_show(&t->code, j, &t->payload);
    else
        put_request_show(&t->payload, &ask);
    t->step = SHOWING;
    handle_ask(v, op, foreign ? MESSAGE_REQUEST_SNIPPET : MESSAGE_REQUEST_SHOW,
               buf_bytes(&t->payload));
}

static void sign_and_send(struct velum *v, struct op *op)
{
    if (!v->ask) {
        handle_needs_node(v, op);
        return;
    }
    int rc = seal(v, op->task);
    if (rc < 0)
        handle_end(v, op, rc);
    else
        handle_ask(v, op, MESSAGE_REQUEST_SUBMIT, buf_bytes(&op->task->payload));
}

static void plan_fed(struct velum *v, struct op *op)
{
    struct task *t = op->task;
    uint64_t sizes[STAGE_INPUTS_MAX];
    feed_leave_rest(&t->feed); /* a source that was put by now */
    (void)feed_sizes(&t->feed, sizes);
    const struct wish w = {t->kernel, t->argc, (const char *const *)t->argv, sizes, NULL};
    int rc = plan(v, t, &w);
    if (rc < 0)
        handle_end(v, op, rc);
    else
        task_resume(v, op);
}

/* The next of what it reads. Its source, the last of them, one task of the handle puts. */
static void feed_on(struct velum *v, struct op *op)
{
    struct task *t = op->task;
    const bool is_source = t->code.is && !t->code.described && feed_is_at_last(&t->feed);
    const int turn = is_source ? task_source_turn(v, op, &t->code) : 0;
    if (turn > 0)
        plan_fed(v, op);
    else if (turn == 0)
        feed_next(v, op, &t->feed);
}

void task_resume(struct velum *v, struct op *op)
{
    struct task *t = op->task;
    switch (t->step) {
    case GATHERING:
        break;
    case FEEDING: /* an input that is on its way asks again itself */
        if (!op->child)
            feed_on(v, op);
        break;
    case DESCRIBING:
    case PLANNING:
        handle_ask(v, op, t->code.is && !t->behind ? MESSAGE_REQUEST_SNIPPET : MESSAGE_REQUEST_PLAN,
                   buf_bytes(&t->payload));
        break;
    case SIGNING:
        sign_and_send(v, op);
        break;
    case SUBMITTING:
        handle_ask(v, op, MESSAGE_REQUEST_SUBMIT, buf_bytes(&t->payload));
        break;
    case WATCHING:
        watch(v, op);
        break;
    case SHOWING:
        ask_show(v, op);
        break;
    }
    if (t->step == WATCHING && op->session && handle_is_new(op))
        session_resume(v, op);
#if VELUM_PLANT != 427 /* unit/test_api: a kill before the job is acknowledged is forgotten */
    if (t->kill_wanted && !t->kill_answered && t->acknowledged)
        ask_kill(v, op);
#endif
}

static void describe(struct velum *v, struct op *op)
{
    struct task *t = op->task;
    t->code.made = t->feed.made[t->feed.count - 1];
    t->step = DESCRIBING;
    buf_reset(&t->payload);
    int rc = task_source_put_describe(&t->code, &t->payload);
    if (rc < 0)
        handle_end(v, op, handle_fail_err(v, rc, t->kernel));
    else
        task_resume(v, op);
}

void task_fed(struct velum *v, struct op *op, const struct op *child)
{
    struct task *t = op->task;
    if (!feed_take(v, op, &t->feed, child))
        return;
    if (!feed_is_done(&t->feed))
        feed_on(v, op);
    else if (t->code.is && !t->code.described)
        describe(v, op);
    else
        plan_fed(v, op);
}

static void planned(struct velum *v, struct op *op, const struct frame *frame)
{
    struct task *t = op->task;
    struct plan *plan = t->behind ? &t->submission->then : &t->submission->plan;
    if (frame->type != MESSAGE_REPLY_PLAN || plan_read(plan, frame->payload) < 0) {
        handle_makes_no_sense(v, op);
        return;
    }
    if (t->code.is && !t->behind)
        text_copy(plan->then, sizeof plan->then, t->code.then);
    int rc = t->behind ? 0 : task_choose_leaf(v, t->submission);
    if (t->behind)
        t->step = SIGNING;
    else if (rc == 0)
        rc = plan_then(v, t);
    if (rc < 0)
        handle_end(v, op, rc);
    else if (t->step == SIGNING)
        sign_and_send(v, op);
    else
        task_resume(v, op);
}

static void submitted(struct velum *v, struct op *op, const struct frame *frame)
{
    struct task *t = op->task;
    if (frame->type != MESSAGE_REPLY_SUBMITTED ||
        read_reply_submitted(frame->payload, &t->ack) < 0) {
        handle_makes_no_sense(v, op);
        return;
    }
    t->acknowledged = true;
    buf_clear(&t->payload);
    t->step = WATCHING;
    task_resume(v, op);
    session_resume(v, op);
}

static void take_text(struct velum *v, struct op *op, const char *raw)
{
    char clean[SHOW_SIZE_MAX];
    text_sanitise(raw, strlen(raw), false, clean, sizeof clean);
    op->task->entry.text = strdup(clean);
    if (op->task->entry.text)
        handle_end(v, op, VELUM_DONE);
    else
        handle_end_failed(v, op, VELUM_FAILED, "", "%s", err_sentence(ERR_NO_MEMORY));
}

/* Of bytes there is no text but what they are called. */
static void name_result(struct velum *v, struct op *op)
{
    char digits[ID_HEX_SIZE];
    id_hex(op->task->entry.view.digest.bytes, 2 * ID_SIZE, digits);
    take_text(v, op, digits);
}

static void show(struct velum *v, struct op *op)
{
    char raw[SHOW_SIZE_MAX];
    if (op->task->entry.view.reduction == REDUCE_COLLECT) {
        name_result(v, op);
        return;
    }
    int rc = builtin_show(&op->task->entry.view, raw);
    if (rc == 0)
        take_text(v, op, raw);
    else if (rc == ERR_NOT_FOUND)
        ask_show(v, op);
    else
        handle_end_failed(v, op, VELUM_FAILED, "", "the result cannot be shown: %s",
                          err_sentence(rc));
}

static void say_outcome(struct velum *v, struct op *op)
{
    const struct job_view *j = &op->task->entry.view;
    const char *state = job_state_name(j->state);
    const char *why = strcmp(j->error, state) == 0 ? "" : j->error;
    char id[9];
    id_hex(j->id.bytes, 8, id);
    handle_end_failed(v, op, -(int)exit_code_of_state(j->state), "", "job %s ended %s%s%s", id,
                      state, why[0] ? ": " : "", why);
}

static void watched(struct velum *v, struct op *op, const struct frame *frame)
{
    struct task *t = op->task;
    struct job_entry now = {0};
    if (frame->type != MESSAGE_REPLY_JOB || job_entry_take(&now, frame->payload) < 0) {
        handle_makes_no_sense(v, op);
        return;
    }
    job_entry_clear(&t->entry);
    t->entry = now;
    t->told = true;
    /* A short job ends before the news of its copies has gone round. */
    if (t->entry.view.durable < t->ack.durable) {
        t->entry.view.durable = t->ack.durable;
        t->entry.view.machines = t->ack.machines;
    }
    if (!job_state_is_final(now.view.state))
        return;
    if (now.view.state == JOB_DONE)
        show(v, op);
    else
        say_outcome(v, op);
}

static void shown(struct velum *v, struct op *op, const struct frame *frame)
{
    char raw[SHOW_SIZE_MAX];
    struct reader r = reader_of(frame->payload);
    read_text(&r, raw, sizeof raw);
    if (frame->type != MESSAGE_REPLY_TEXT || !reader_done(&r))
        handle_makes_no_sense(v, op);
    else
        take_text(v, op, raw);
}

void task_answer(struct velum *v, struct op *op, const struct frame *frame)
{
    struct task *t = op->task;
    handle_answered(op);
    switch (t->step) {
    case DESCRIBING:
        if (task_source_described(v, op, t->kernel, frame, &t->code) == 0)
            plan_fed(v, op);
        break;
    case PLANNING:
        planned(v, op, frame);
        break;
    case GATHERING:
    case FEEDING:
    case SIGNING: /* it has asked nothing */
        break;
    case SUBMITTING:
        submitted(v, op, frame);
        break;
    case WATCHING:
        watched(v, op, frame);
        break;
    case SHOWING:
        shown(v, op, frame);
        break;
    }
}

bool task_is_patient(struct velum *v, struct op *op)
{
    if (op->task->step != WATCHING)
        return false;
    handle_again(v, op, AGAIN_US);
    return true;
}

/* --- cancelling --- */

bool task_aside(struct op *op, const struct frame *frame)
{
    struct task *t = op->task;
    struct reply_error e;
    if (t->kill_request == 0 || frame->request != t->kill_request)
        return false;
    t->kill_request = 0;
    t->kill_answered = true;
    t->kill_code = VELUM_FAILED;
    if (frame->type == MESSAGE_REPLY_KILLED && read_reply_killed(frame->payload, &t->killed) == 0) {
        t->kill_code = t->killed.outcome == KILL_CANCELLING ? VELUM_IN_PART : VELUM_DONE;
    } else if (frame->type == MESSAGE_REPLY_ERROR && read_reply_error(frame->payload, &e) == 0) {
        t->kill_code = -(int)e.exit_code;
        text_copy(t->killed.away, sizeof t->killed.away, e.what);
    }
    return true;
}

void task_kill(struct velum *v, struct op *op)
{
    struct task *t = op->task;
    if (t->step < SUBMITTING) {
        handle_end_failed(v, op, VELUM_CANCELLED, "", "cancelled before it was submitted");
        return;
    }
    t->kill_wanted = true;
    t->kill_answered = false;
    if (t->acknowledged)
        ask_kill(v, op);
}

bool task_is_killed(const struct op *op, int *code, char why[VIEW_ERROR_SIZE])
{
    const struct task *t = op->task;
    if (!t->kill_answered)
        return false;
    *code = t->kill_code;
    text_sanitise(t->killed.away, strlen(t->killed.away), true, why, VIEW_ERROR_SIZE);
    return true;
}

/* --- what is known --- */

bool task_is_acknowledged(const struct op *op)
{
    return op->task->acknowledged;
}

const char *task_text(const struct op *op)
{
    return op->task->entry.text;
}

struct bytes task_bytes(const struct op *op)
{
    const struct job_view *j = &op->task->entry.view;
    return j->reduction == REDUCE_COLLECT ? (struct bytes){0} : j->result;
}

bool task_yields(const struct op *op, struct bytes *result)
{
    *result = op->task->entry.view.result;
    return op->task->entry.view.reduction == REDUCE_COLLECT;
}

void task_look(const struct op *op, struct velum_state *out)
{
    const struct task *t = op->task;
    const struct job_view *j = &t->entry.view;
    struct collected c;
    struct bytes result;
    out->state = job_state_name(t->told ? j->state : JOB_WAITING);
    out->durable = t->ack.durable;
    out->machines = t->ack.machines;
    if (t->acknowledged)
        id_hex(t->ack.job.bytes, 2 * ID_SIZE, out->id);
    if (!t->told)
        return;
    out->units = j->units;
    out->leaves = j->leaves_total;
    out->leaves_done = j->leaves_done;
    out->retries = j->retries;
    out->checked = j->checked, out->unchecked = j->unchecked;
    out->nodes = j->nodes;
    out->durable = j->durable;
    out->machines = j->machines;
    out->elapsed_us = j->elapsed_us;
    out->cpu_us = j->cpu_us;
    if (task_yields(op, &result) && read_collected(result, &c) == 0)
        out->bytes = c.size;
}
