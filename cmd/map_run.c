#include "cmd/map_run.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cmd/inputs.h"
#include "cmd/interrupt.h"
#include "cmd/map_deliver.h"
#include "cmd/talk.h"
#include "core/api/planned.h"
#include "core/base/err.h"
#include "core/base/text.h"
#include "core/host/builtin.h"
#include "core/host/loop.h"
#include "core/wire/spec.h"
#include "core/wire/tree.h"

#define HELD_FACTOR 4
#define LOOK_MS 100
#define INPUTS_AT_ONCE 256
#define TASK_LEAVES_MAX 64
#define CANCEL_US (5 * S_US)

/* --- one that is a job --- */

/* The bytes of a job that collects are on their way, or the code that says why they are not. */
static int ask_for_bytes(struct map *m, struct map_item *it, uint64_t size)
{
    int op = VELUM_FAILED;
    if (size <= MAP_RESULT_MEMORY_MAX)
        op = velum_result(m->v, it->op);
    else if (map_result_file(&it->result, size) == 0)
        op = velum_result_fd(m->v, it->op, it->result.fd);
    if (op < 0)
        return op;
    it->job_op = it->op;
    it->op = op;
    return 0;
}

/* What the operation leaves, before it is released. */
static int take_result(struct map *m, struct map_item *it)
{
    const char *text = velum_text(m->v, it->op);
    size_t size = 0;
    const void *bytes = velum_bytes(m->v, it->op, &size);
    if (it->result.has_file)
        return 0;
    return it->job_op != 0 ? map_result_bytes(&it->result, bytes, size)
                           : map_result_text(&it->result, text ? text : "");
}

/* A job that collects has no bytes of its own: its result is asked for now. */
static bool has_bytes_coming(struct map *m, struct map_item *it, struct velum_state *s)
{
    size_t size = 0;
    if (s->code != VELUM_DONE || it->job_op != 0)
        return false;
    text_copy(it->job, sizeof it->job, s->id);
    (void)velum_bytes(m->v, it->op, &size);
    if (size > 0)
        return false;
    if (ask_for_bytes(m, it, s->bytes) == 0)
        return true;
    s->code = VELUM_FAILED;
    s->error = "its result finds no room under TMPDIR; velum result prints it";
    return false;
}

static void release(struct map *m, struct map_item *it)
{
    velum_release(m->v, it->op);
    if (it->job_op != 0)
        velum_release(m->v, it->job_op);
    it->job_op = 0;
    map_items_no_job(&m->items, it);
    m->jobs--;
}

static void job_ended(struct map *m, struct map_item *it)
{
    struct velum_state s = {0};
    if (velum_look(m->v, it->op, &s) != VELUM_DONE)
        s.code = VELUM_FAILED;
    m->counts.checked += s.checked;
    m->counts.unchecked += s.unchecked;
    if (has_bytes_coming(m, it, &s))
        return;
    map_outcome(m, it, s.code, s.error);
    if (it->job_op == 0)
        text_copy(it->job, sizeof it->job, s.id);
    if (it->code == CODE_DONE && take_result(m, it) < 0)
        map_no_memory(it);
    release(m, it);
    if (it->code == CODE_NO_NODE)
        map_stop(m, CANCELLING, "no node is reached any more", CODE_NO_NODE);
    map_look_at_kernel(m, it, s.no_kernel);
    map_ended(m, it);
}

/* --- an input begins --- */

/* What cannot even be asked for has ended. */
static void refused(struct map *m, struct map_item *it, int code, const char *why)
{
    it->code = -code;
    it->error = strdup(why);
    if (code == VELUM_NO_NODE)
        map_stop(m, CANCELLING, "no node is reached any more", CODE_NO_NODE);
    /* Without a node there are none but the built-in ones. */
    map_look_at_kernel(m, it, velum_is_inside(m->v) && !m->task->is_source &&
                                  !builtin_usage(m->task->kernel));
    map_ended(m, it);
}

static int64_t wall_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

/* The words that are files for the kernel, or references of objects. */
static int take_files(const struct map_task *task, int argc, const char *const *argv,
                      struct velum_input files[ARGS_COUNT_MAX], int *count)
{
    int at = task->is_source ? kernel_files_at(task->files_from, argc, argv)
                             : builtin_files_at(task->kernel, argc, argv);
    *count = 0;
    for (int i = at; at >= 0 && i < argc; i++) {
        const char *word = argv[i];
        files[(*count)++] = inputs_is_ref(word) ? (struct velum_input){.ref = word}
                                                : (struct velum_input){.path = word};
    }
    return at >= 0 ? at : argc;
}

static struct velum_asks asks_of(const struct map_task *task)
{
    return (struct velum_asks){.cpus = task->wants.stage.cpus,
                               .mem_bytes = task->wants.stage.mem_bytes,
                               .on = task->wants.stage.on,
                               .prefer = task->wants.stage.prefer,
                               .min_tier = task->wants.stage.tier != TIER_UNKNOWN
                                               ? tier_name(task->wants.stage.tier)
                                               : NULL,
                               .priority = task->wants.priority,
                               .wait_for_capacity = task->wants.waits};
}

static int start_job(struct map *m, struct map_item *it, const struct plan *plan)
{
    const char *argv[ARGS_COUNT_MAX];
    int argc = map_item_argv(it, argv);
    const struct map_task *task = m->task;
    struct velum_input files[ARGS_COUNT_MAX];
    struct velum_task t = {.kernel = task->kernel,
                           .argv = argv,
                           .inputs = files,
                           .slots_max = task->slots_max,
                           .timeout_ms = task->timeout_ms,
                           .cpu_ms = task->cpu_ms,
                           .check = task->check,
                           .tier = task->tier,
                           .asks = asks_of(task)};
    t.argc = take_files(task, argc, argv, files, &t.inputs_count);
    int op = planned_submit(m->v, &t, plan);
    if (op < 0)
        return op;
    map_items_job(&m->items, it, op);
    m->jobs++;
    return 0;
}

/* As a job of its own; plan NULL: it has none yet. */
static void start_apart(struct map *m, struct map_item *it, const struct plan *plan)
{
    int rc = start_job(m, it, plan);
    if (rc < 0)
        refused(m, it, rc, velum_sentence(m->v, rc));
    else
        m->counts.running++;
}

/* One of many leaves is a job of its own: it shares the slots with others then, where tasks are run
 * one behind the other. So is one of several with a time of its own, which is that of all of them.
 * One of several is a task as well; rolled, where it is short, it travels with its neighbours. */
static bool is_task(const struct map *m, const struct plan *plan)
{
    const uint64_t most = m->task->timeout_ms > 0 ? 1 : TASK_LEAVES_MAX - 1;
    return !m->apart && plan->reduction == REDUCE_FOLD && !plan->then[0] &&
           tree_leaves(plan->units, plan->leaf_units) <= most;
}

static bool may_roll(struct map *m)
{
    const struct map_task *t = m->task;
    if (!m->roll_asked)
        m->may_roll = !t->may_roll || velum_is_inside(m->v) || t->may_roll(t->call);
    m->roll_asked = true;
    return m->may_roll;
}

static void start_planned(struct map *m, struct map_item *it, struct plan *plan)
{
    const char *argv[ARGS_COUNT_MAX];
    int rc = VELUM_FAILED;
    if (!is_task(m, plan)) {
        start_apart(m, it, plan);
        return;
    }
    plan->leaf_us = m->task->timeout_ms * 1000;
    it->leaves = tree_leaves(plan->units, plan->leaf_units);
    plan->rolled = map_roll_takes(&m->roll, it->leaves) && may_roll(m);
    if (map_item_plan(it, plan) == 0)
        rc = map_tasks_add(m->tasks, plan, map_item_argv(it, argv), argv,
                           map_items_number(&m->items, it));
    if (rc < 0)
        refused(m, it, rc, velum_sentence(m->v, rc));
    else
        m->counts.running++;
}

/* What is wrong with an input is said where it is a job. */
static void start(struct map *m, struct map_item *it)
{
    static struct plan plan;
    const char *argv[ARGS_COUNT_MAX];
    char reason[REASON_SIZE];
    it->state = ITEM_RUNNING;
    if (m->far) {
        map_far_want(m->far, ASIDES_PLAN, map_items_number(&m->items, it));
        m->counts.running++;
    } else if (!m->apart && builtin_plan(m->task->kernel, map_item_argv(it, argv), argv, 0, NULL,
                                         &plan, reason) == 0) {
        start_planned(m, it, &plan);
    } else {
        start_apart(m, it, NULL);
    }
}

static void begin(struct map *m, const struct map_input *in, const struct map_words *words)
{
    struct map_item *it = map_items_take(&m->items, in->seq);
    it->wall_us = wall_us();
    it->began = m->started = loop_clock();
    if (map_item_words(it, words, in) < 0)
        refused(m, it, VELUM_FAILED, err_sentence(ERR_NO_MEMORY));
    else
        start(m, it);
}

static int take_text(struct map_item *it, const char *raw)
{
    static char text[SHOW_SIZE_MAX];
    text_sanitise(raw, strlen(raw), false, text, sizeof text);
    return map_result_text(&it->result, text);
}

/* --- one that is planned by the node --- */

static void planned(struct map *m, struct map_item *it, const struct map_far_end *end)
{
    const bool begins = m->phase != CANCELLING && end->code == VELUM_DONE;
    if (begins) {
        m->counts.running--;
        if (end->too_large)
            start_apart(m, it, NULL);
        else
            start_planned(m, it, end->plan);
        return;
    }
    map_outcome(m, it, end->code == VELUM_DONE ? VELUM_CANCELLED : end->code, end->error);
    map_look_at_kernel(m, it, end->no_kernel);
    map_ended(m, it);
}

static void shown(struct map *m, struct map_item *it, const struct map_far_end *end)
{
    map_outcome(m, it, end->code, end->error);
    if (it->code == CODE_DONE && take_text(it, end->text) < 0)
        map_no_memory(it);
    map_ended(m, it);
}

static void take_far_ends(struct map *m)
{
    struct map_far_end end;
    uint32_t item;
    while (m->far && map_stdout_takes(m) && map_far_next(m->far, &end)) {
        struct map_item *it = &m->items.list[end.item];
        if (end.code == VELUM_NO_NODE)
            map_stop(m, CANCELLING, "no node is reached any more", CODE_NO_NODE);
        if (end.what == ASIDES_PLAN)
            planned(m, it, &end);
        else
            shown(m, it, &end);
    }
    while (m->far && m->phase == CANCELLING && map_far_give_up(m->far, &item)) {
        map_outcome(m, &m->items.list[item], VELUM_CANCELLED, "");
        map_ended(m, &m->items.list[item]);
    }
}

/* --- one that is a task --- */

static int take_value(const struct map *m, struct map_item *it, const struct map_task_end *end)
{
    static struct job_view view;
    static char raw[SHOW_SIZE_MAX];
    (void)text_copy(view.kernel, sizeof view.kernel, m->task->kernel);
    view.source = it->source;
    view.params = (struct bytes){it->params, it->params_len};
    view.result = (struct bytes){end->bytes, end->size};
    int rc = builtin_show(&view, raw);
    return rc < 0 ? rc : take_text(it, raw);
}

/* All that is to be said once of a job that has ended before its tasks, and not of each. */
static void tasks_lost_job(struct map *m, const struct map_item *it, const struct map_task_end *end)
{
    if (end->code == VELUM_NO_NODE)
        map_stop(m, CANCELLING, "no node is reached any more", CODE_NO_NODE);
    map_look_at_kernel(m, it, end->no_kernel);
    m->job_failed |= end->code == VELUM_FAILED;
    if (m->phase == CANCELLING || end->code == VELUM_FAILED)
        return;
    map_show_pause(&m->show);
    talk_said(it->error);
    map_stop(m, CANCELLING,
             end->code == VELUM_CANCELLED ? "the job was cancelled" : "no input can be done",
             it->code);
}

static void task_ended(struct map *m, const struct map_task_end *end)
{
    struct map_item *it = &m->items.list[end->item];
    if (end->code == MAP_TASK_AGAIN && m->phase != CANCELLING) {
        m->counts.running--;
        start(m, it);
        return;
    }
    text_copy(it->job, sizeof it->job, end->job);
    if (m->far && end->code == VELUM_DONE &&
        map_item_value(it, (struct bytes){end->bytes, end->size}) == 0) {
        map_far_want(m->far, ASIDES_SHOW, end->item);
        return;
    }
    map_outcome(m, it, end->code > 0 ? VELUM_CANCELLED : end->code, end->error);
    int rc = it->code == CODE_DONE ? take_value(m, it, end) : 0;
    if (rc == ERR_NO_MEMORY) {
        map_no_memory(it);
    } else if (rc < 0) {
        it->code = CODE_FAILED;
        it->error = strdup("the result cannot be shown");
    }
    if (end->by_job)
        tasks_lost_job(m, it, end);
    map_ended(m, it);
}

/* --- the inputs --- */

/* Whether an earlier run has done this input. */
static bool is_past(struct map *m, const struct map_input *in, const struct map_words *words)
{
    const struct map_task *task = m->task;
    const char *command;
    const enum map_past past =
        map_item_past(m->log, task->resume_failed, task->kernel, words, in, &command);
    if (past == MAP_PAST_NONE)
        return false;
    if (past == MAP_PAST_OTHER) {
        map_show_pause(&m->show);
        map_show_other(in->seq, command);
        map_stop(m, DRAINING, "the job log is of other inputs", CODE_MISUSE);
    }
    m->counts.skipped += past == MAP_PAST_DONE;
    return true;
}

static void take_input(struct map *m, const struct map_input *in)
{
    static struct map_words words;
    int rc = map_words_make(&words, m->task->argc, m->task->argv, in);
    if (rc < 0) {
        map_show_pause(&m->show);
        map_show_large(in->seq, rc);
        map_stop(m, DRAINING, "an input is too large", CODE_MISUSE);
    } else if (m->log && in->seq > MAP_LOG_SEQ_MAX) {
        map_stop(m, DRAINING, "a job log has room for 16,777,216 inputs", CODE_MISUSE);
    } else if (!is_past(m, in, &words)) {
        begin(m, in, &words);
    } else if (m->task->keep_order) {
        map_items_take(&m->items, in->seq)->state = ITEM_SKIPPED;
        map_deliver_in_order(m);
    }
}

static bool may_start(struct map *m)
{
    if (m->phase != GOING || m->exhausted || m->stalled || m->jobs >= m->task->jobs_max ||
        m->counts.running >= map_pace_window(&m->pace, loop_clock()) ||
        !map_tasks_have_room(m->tasks))
        return false;
    if (m->task->keep_order && m->last_seq + 1 >= m->next_out + m->items.cap)
        return false;
    return m->started.us == 0 || instant_since_us(loop_clock(), m->started) >= m->task->delay_us;
}

/* Inputs that need no job (refused at once, or done before) are never too many to start, however
 * many there are: between some of them Ctrl-C and standard output are looked at too. */
static void start_some(struct map *m)
{
    static char message[MAP_MESSAGE_SIZE];
    struct map_input in;
    m->waits = false;
    for (int i = 0; i < INPUTS_AT_ONCE && may_start(m); i++) {
        int rc = map_inputs_next(m->inputs, &in, message);
        if (rc == MAP_LATER) {
            m->waits = true;
            return;
        }
        if (rc < 0) {
            map_show_pause(&m->show);
            talk_error("%s", message);
            map_stop(m, DRAINING, "not all inputs could be read", CODE_MISUSE);
        }
        m->exhausted = rc <= 0;
        if (rc == 1) {
            m->last_seq = in.seq;
            take_input(m, &in);
        }
    }
}

/* --- the loop --- */

static void wait_some(struct map *m)
{
    struct pollfd p[3] = {{.fd = velum_fd(m->v), .events = POLLIN},
                          {.fd = m->waits ? map_inputs_fd(m->inputs) : -1, .events = POLLIN},
                          {.fd = m->stalled ? STDOUT_FILENO : -1, .events = POLLOUT}};
    int ms = velum_timeout(m->v);
    if (ms < 0 || ms > LOOK_MS)
        ms = LOOK_MS;
    if (m->task->delay_us > 0 && m->phase == GOING && !m->exhausted)
        ms = ms < 5 ? ms : 5;
    if (!m->waits && may_start(m))
        ms = 0;
    (void)poll(p, 3, ms);
}

/* Nothing that this command began may be left open at the node. */
static bool jobs_are_over(const struct map *m)
{
    return !map_tasks_go_on(m->tasks) ||
           (m->ending.us > 0 && instant_since_us(loop_clock(), m->ending) > CANCEL_US);
}

static bool is_over(struct map *m)
{
    if (m->phase == CANCELLING && instant_since_us(loop_clock(), m->ending) > CANCEL_US)
        return true;
    if (m->counts.running > 0 || (!m->exhausted && m->phase == GOING))
        return false;
    if (m->ending.us == 0) {
        m->ending = loop_clock();
        map_tasks_close(m->tasks);
    }
    return jobs_are_over(m);
}

static void take_ends(struct map *m)
{
    struct map_task_end end;
    int op;
    if (m->task->keep_order)
        map_deliver_in_order(m);
    while (map_stdout_takes(m) && (op = velum_next(m->v)) > 0) {
        struct map_item *it = map_items_of(&m->items, op);
        if (it)
            job_ended(m, it);
        else if (m->far)
            (void)map_far_took(m->far, op);
    }
    while (map_stdout_takes(m) && map_tasks_next(m->tasks, &end))
        task_ended(m, &end);
    take_far_ends(m);
}

static void go(struct map *m)
{
    for (;;) {
        start_some(m);
        if (is_over(m))
            return;
        if (m->far)
            map_far_send(m->far);
        if (!m->waits || m->counts.running > 0 || m->phase == GOING)
            wait_some(m);
        int rc = velum_process(m->v);
        take_ends(m);
        map_flush(m);
        if (rc < 0)
            map_stop(m, CANCELLING, velum_sentence(m->v, rc), -rc);
        if (interrupt_came())
            map_stop(m, CANCELLING, "interrupted", CODE_INTERRUPTED);
        map_show_progress(&m->show, &m->counts, loop_clock());
    }
}

/* A node that does not answer cannot say that it has cancelled anything. */
static void tell_what_may_run(const struct map *m)
{
    const uint64_t count = m->jobs + m->lost + map_tasks_jobs(m->tasks);
    if (count == 0 || velum_is_inside(m->v))
        return;
    talk_error("%llu job%s may still run, for the node does not answer", (unsigned long long)count,
               count == 1 ? "" : "s");
    talk_try("velum ps, and velum kill JOB");
}

/* Nothing was wrong with the inputs of a job that its nodes had no room for. */
static void tell_how_to_go_on(const struct map *m)
{
    if (m->job_failed && m->log)
        talk_try("--resume-failed, which does again what failed");
    else if (m->job_failed)
        talk_try("--joblog FILE: with it --resume-failed does again only what failed");
}

static int open_all(struct map *m)
{
    const struct map_task *task = m->task;
    const struct velum_asks asks = asks_of(task);
    int rc = map_items_open(&m->items, task->parallel_max * (task->keep_order ? HELD_FACTOR : 1),
                            task->keep_order);
    map_pace_begin(&m->pace, task->parallel, task->parallel_max, loop_clock());
    m->roll.began = loop_clock();
    m->apart = task->slots_max > 0 || task->cpu_ms > 0 || task->check > 0 || task->is_source ||
               builtin_takes_files(task->kernel);
    if (rc == 0 && !task->is_source && !velum_is_inside(m->v) && !builtin_usage(task->kernel))
        rc = map_far_new(&m->far, m->v, task->kernel, &m->items);
    return rc == 0 ? map_tasks_new(&m->tasks, m->v, &asks) : rc;
}

int map_run(struct velum *v, struct map_inputs *inputs, struct map_log *log,
            const struct map_task *task)
{
    struct map m = {
        .v = v, .inputs = inputs, .log = log, .task = task, .next_out = 1, .code = CODE_OF_INPUTS};
    m.counts.total = map_inputs_total(inputs);
    if (open_all(&m) < 0) {
        talk_error("%s", err_sentence(ERR_NO_MEMORY));
        map_far_free(m.far);
        map_items_close(&m.items);
        return CODE_FAILED;
    }
    signal(SIGPIPE, SIG_IGN);
    interrupt_catch();
    map_show_begin(&m.show, task, loop_clock());
    go(&m);
    map_deliver_rest(&m);
    map_show_end(&m.show, &m.counts, m.why, loop_clock());
    tell_how_to_go_on(&m);
    tell_what_may_run(&m);
    map_far_free(m.far);
    map_tasks_free(m.tasks);
    map_items_close(&m.items);
    if (m.code != CODE_OF_INPUTS)
        return m.code;
    return m.counts.failed > 0 ? CODE_FAILED : CODE_DONE;
}
