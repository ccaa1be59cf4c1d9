#include "cmd/map_run.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cmd/inputs.h"
#include "cmd/interrupt.h"
#include "cmd/map_show.h"
#include "cmd/map_words.h"
#include "cmd/talk.h"
#include "core/base/err.h"
#include "core/base/text.h"
#include "core/host/builtin.h"
#include "core/host/loop.h"

#define HELD_FACTOR 4
#define LOOK_MS 100
#define INPUTS_AT_ONCE 256
#define CANCEL_US (5 * S_US)
#define COMMAND_SIZE (KERNEL_NAME_SIZE + ARGS_COUNT_MAX * ARG_SIZE_MAX)

/* No exit code: 1 when an input failed, else 0. */
#define CODE_OF_INPUTS (-1)

enum item_state { ITEM_FREE, ITEM_RUNNING, ITEM_ENDED, ITEM_SKIPPED };

struct item {
    enum item_state state;
    uint64_t seq;
    int op;     /* what is waited for: the job, then its result where that is bytes */
    int job_op; /* the job, while its result is on its way; 0: it is not */
    struct map_result result;
    char *command, *label, *error;
    char job[2 * ID_SIZE + 1];
    int64_t wall_us; /* when it was started */
    struct instant began;
    uint64_t elapsed_us;
    int code;
};

/* How it goes on: by and by less. */
enum phase { GOING, DRAINING, CANCELLING };

struct map {
    struct velum *v;
    struct map_inputs *inputs;
    struct map_log *log;
    const struct map_task *task;
    struct map_show show;
    struct map_counts counts;
    struct item *items; /* with keep_order input i is at i % cap */
    uint32_t cap;
    uint64_t last_seq; /* of the inputs that were taken */
    uint64_t lost;     /* inputs whose node was reached no more: their jobs may go on */
    uint64_t next_out; /* with keep_order: the input whose result is printed next */
    bool exhausted, waits;
    enum phase phase;
    const char *why;
    int code; /* of what ended it before its inputs did */
    struct instant started, cancelled;
};

static void stop(struct map *m, enum phase phase, const char *why, int code)
{
    if (phase <= m->phase)
        return;
    m->phase = phase;
    m->why = why;
    m->code = code;
    if (phase != CANCELLING)
        return;
    m->cancelled = loop_clock();
    for (uint32_t i = 0; i < m->cap; i++)
        if (m->items[i].state == ITEM_RUNNING)
            (void)velum_kill(m->v, m->items[i].op, 0);
}

/* --- an input ends --- */

static void clear(struct item *it)
{
    free(it->command);
    free(it->label);
    map_result_clear(&it->result);
    free(it->error);
    *it = (struct item){.state = ITEM_FREE};
}

static void record(struct map *m, const struct item *it)
{
    const struct map_log_line line = {.seq = it->seq,
                                      .job = it->job,
                                      .started_us = it->wall_us,
                                      .elapsed_us = it->elapsed_us,
                                      .bytes = it->result.size,
                                      .code = it->code,
                                      .command = it->command};
    if (m->log && map_log_add(m->log, &line) < 0)
        stop(m, CANCELLING, "the job log cannot be written", CODE_FAILED);
}

/* What the log says to be done was printed. */
static void deliver(struct map *m, struct item *it)
{
    const struct map_end end = {.seq = it->seq,
                                .job = it->job,
                                .label = it->label,
                                .command = it->command,
                                .result = &it->result,
                                .error = it->error,
                                .code = it->code,
                                .elapsed_us = it->elapsed_us};
    if (map_show_input(&m->show, &end) < 0)
        stop(m, CANCELLING, "a result that waited in a file cannot be read", CODE_FAILED);
    else if (m->log && fflush(stdout) != 0)
        stop(m, CANCELLING, "standard output takes no more", CODE_FAILED);
    else
        record(m, it);
    clear(it);
}

static void deliver_in_order(struct map *m)
{
    for (;; m->next_out++) {
        struct item *it = &m->items[m->next_out % m->cap];
        if (it->state == ITEM_ENDED)
            deliver(m, it);
        else if (it->state == ITEM_SKIPPED)
            clear(it);
        else
            return;
    }
}

/* What was cancelled leaves gaps. What has ended behind them is as good as any other. */
static void deliver_rest(struct map *m)
{
    for (; m->task->keep_order && m->next_out <= m->last_seq; m->next_out++) {
        struct item *it = &m->items[m->next_out % m->cap];
        if (it->state == ITEM_ENDED)
            deliver(m, it);
    }
}

static void look_at_halt(struct map *m)
{
    const struct map_counts *c = &m->counts;
    const struct map_halt *h = &m->task->halt;
    if (map_halt_reached(h, c->failed, c->succeeded, c->total))
        stop(m, h->now ? CANCELLING : DRAINING, "halted as --halt says",
             h->what == HALT_SUCCESS ? CODE_DONE : CODE_OF_INPUTS);
}

/* One that this command cancelled itself has not ended: it is not told of, and is done again by
 * --resume. */
static void ended(struct map *m, struct item *it)
{
    if (m->phase == CANCELLING && it->code != CODE_DONE) {
        m->lost += it->code == CODE_NO_NODE && it->job[0];
        clear(it);
        return;
    }
    it->state = ITEM_ENDED;
    if (it->code == CODE_DONE)
        m->counts.succeeded++;
    else
        m->counts.failed++;
    if (m->task->keep_order)
        deliver_in_order(m);
    else
        deliver(m, it);
    look_at_halt(m);
}

/* What is said of the first input then holds for all. */
static void look_at_kernel(struct map *m, const struct item *it, bool missing)
{
    if (!missing || m->counts.succeeded > 0)
        return;
    if (m->phase == GOING)
        map_show_pause(&m->show), talk_error("%s", it->error);
    stop(m, CANCELLING, "no input can be done", CODE_MISUSE);
}

/* The bytes of a job that collects are on their way, or the code that says why they are not. */
static int ask_for_bytes(struct map *m, struct item *it, uint64_t size)
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
static int take_result(struct map *m, struct item *it)
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
static bool has_bytes_coming(struct map *m, struct item *it, struct velum_state *s)
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

static void release(struct map *m, struct item *it)
{
    velum_release(m->v, it->op);
    if (it->job_op != 0)
        velum_release(m->v, it->job_op);
    it->job_op = 0;
}

static void take_end(struct map *m, struct item *it)
{
    struct velum_state s = {0};
    if (velum_look(m->v, it->op, &s) != VELUM_DONE)
        s.code = VELUM_FAILED;
    if (has_bytes_coming(m, it, &s))
        return;
    it->code = s.code < 0 ? -s.code : CODE_DONE;
    it->elapsed_us = (uint64_t)instant_since_us(loop_clock(), it->began);
    if (it->job_op == 0)
        text_copy(it->job, sizeof it->job, s.id);
    if (it->code == CODE_DONE && take_result(m, it) < 0) {
        it->code = CODE_FAILED;
        it->error = strdup(err_sentence(ERR_NO_MEMORY));
    } else if (it->code != CODE_DONE) {
        it->error = strdup(s.error && s.error[0] ? s.error : velum_sentence(m->v, s.code));
        map_result_clear(&it->result);
    }
    release(m, it);
    m->counts.running--;
    if (it->code == CODE_NO_NODE)
        stop(m, CANCELLING, "no node is reached any more", CODE_NO_NODE);
    look_at_kernel(m, it, s.no_kernel);
    ended(m, it);
}

static struct item *item_of(struct map *m, int op)
{
    for (uint32_t i = 0; i < m->cap; i++)
        if (m->items[i].state == ITEM_RUNNING && m->items[i].op == op)
            return &m->items[i];
    return NULL;
}

/* --- an input begins --- */

static char *join(const char *first, size_t count, const char *const *words)
{
    static char text[COMMAND_SIZE];
    char raw[COMMAND_SIZE];
    text_copy(raw, sizeof raw, first);
    for (size_t i = 0; i < count; i++) {
        text_append(raw, sizeof raw, i > 0 || first[0] ? " " : "");
        text_append(raw, sizeof raw, words[i]);
    }
    text_sanitise(raw, strlen(raw), true, text, sizeof text);
    return strdup(text);
}

static struct item *free_item(struct map *m, uint64_t seq)
{
    if (m->task->keep_order)
        return &m->items[seq % m->cap];
    for (uint32_t i = 0; i < m->cap; i++)
        if (m->items[i].state == ITEM_FREE)
            return &m->items[i];
    return NULL;
}

/* What cannot even be asked for has ended. */
static void refused(struct map *m, struct item *it, int code, const char *why)
{
    it->code = -code;
    it->error = strdup(why);
    if (code == VELUM_NO_NODE)
        stop(m, CANCELLING, "no node is reached any more", CODE_NO_NODE);
    /* Without a node there are none but the built-in ones. */
    look_at_kernel(m, it, velum_is_inside(m->v) && !builtin_usage(m->task->kernel));
    ended(m, it);
}

static int64_t wall_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

/* The words that are files for the kernel, or references of objects. */
static int take_files(const struct map_task *task, const struct map_words *words,
                      struct velum_input files[ARGS_COUNT_MAX], int *count)
{
    int at = builtin_files_at(task->kernel, words->count, words->list);
    *count = 0;
    for (int i = at; at >= 0 && i < words->count; i++) {
        const char *word = words->list[i];
        files[(*count)++] = inputs_is_ref(word) ? (struct velum_input){.ref = word}
                                                : (struct velum_input){.path = word};
    }
    return at >= 0 ? at : words->count;
}

static void start(struct map *m, const struct map_input *in, const struct map_words *words)
{
    const struct map_task *task = m->task;
    struct velum_input files[ARGS_COUNT_MAX];
    struct velum_task t = {.kernel = task->kernel,
                           .argv = words->list,
                           .inputs = files,
                           .slots_max = task->slots_max,
                           .timeout_ms = task->timeout_ms,
                           .asks = {.cpus = task->wants.stage.cpus,
                                    .mem_bytes = task->wants.stage.mem_bytes,
                                    .on = task->wants.stage.on,
                                    .prefer = task->wants.stage.prefer,
                                    .priority = task->wants.priority,
                                    .wait_for_capacity = task->wants.waits}};
    t.argc = take_files(task, words, files, &t.inputs_count);
    struct item *it = free_item(m, in->seq);
    *it = (struct item){.state = ITEM_RUNNING,
                        .seq = in->seq,
                        .command = join(task->kernel, (size_t)words->count, words->list),
                        .label = join("", in->count, in->values),
                        .wall_us = wall_us(),
                        .began = loop_clock()};
    m->started = it->began;
    it->op = velum_submit(m->v, &t);
    if (it->op < 0)
        refused(m, it, it->op, velum_sentence(m->v, it->op));
    else
        m->counts.running++;
}

/* Whether an earlier run has done this input. */
static bool is_past(struct map *m, const struct map_input *in, const struct map_words *words)
{
    enum map_past past = m->log ? map_log_past(m->log, in->seq) : MAP_PAST_NONE;
    if (past == MAP_PAST_NONE || (past == MAP_PAST_FAILED && m->task->resume_failed))
        return false;
    char *command = join(m->task->kernel, (size_t)words->count, words->list);
    bool same = command && map_log_is_same(m->log, in->seq, command);
    if (!same) {
        map_show_pause(&m->show);
        talk_error("the job log is of other inputs: input %llu is now %s",
                   (unsigned long long)in->seq, command ? command : "?");
        talk_try("another --joblog FILE");
        stop(m, DRAINING, "the job log is of other inputs", CODE_MISUSE);
    }
    free(command);
    m->counts.skipped += same;
    return true;
}

static void take_input(struct map *m, const struct map_input *in)
{
    static struct map_words words;
    char message[64];
    int rc = map_words_make(&words, m->task->argc, m->task->argv, in);
    if (rc < 0) {
        snprintf(message, sizeof message, "input %llu gives %s", (unsigned long long)in->seq,
                 rc == ERR_FULL ? "more than 64 words" : "a word above 1,023 bytes");
        map_show_pause(&m->show);
        talk_error("%s", message);
        stop(m, DRAINING, "an input is too large", CODE_MISUSE);
    } else if (m->log && in->seq > MAP_LOG_SEQ_MAX) {
        stop(m, DRAINING, "a job log has room for 16,777,216 inputs", CODE_MISUSE);
    } else if (!is_past(m, in, &words)) {
        start(m, in, &words);
    } else if (m->task->keep_order) {
        *free_item(m, in->seq) = (struct item){.state = ITEM_SKIPPED, .seq = in->seq};
        deliver_in_order(m);
    }
}

static bool may_start(const struct map *m)
{
    if (m->phase != GOING || m->exhausted || m->counts.running >= m->task->parallel)
        return false;
    if (m->task->keep_order && m->last_seq + 1 >= m->next_out + m->cap)
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
            stop(m, DRAINING, "not all inputs could be read", CODE_MISUSE);
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
    struct pollfd p[2] = {{.fd = velum_fd(m->v), .events = POLLIN},
                          {.fd = m->waits ? map_inputs_fd(m->inputs) : -1, .events = POLLIN}};
    int ms = velum_timeout(m->v);
    if (ms < 0 || ms > LOOK_MS)
        ms = LOOK_MS;
    if (m->task->delay_us > 0 && m->phase == GOING && !m->exhausted)
        ms = ms < 5 ? ms : 5;
    if (!m->waits && may_start(m))
        ms = 0;
    (void)poll(p, 2, ms);
}

static bool is_over(const struct map *m)
{
    if (m->phase == CANCELLING && instant_since_us(loop_clock(), m->cancelled) > CANCEL_US)
        return true;
    return m->counts.running == 0 && (m->exhausted || m->phase != GOING);
}

static void go(struct map *m)
{
    int op;
    for (;;) {
        start_some(m);
        if (is_over(m))
            return;
        if (!m->waits || m->counts.running > 0 || m->phase == GOING)
            wait_some(m);
        int rc = velum_process(m->v);
        while ((op = velum_next(m->v)) > 0) {
            struct item *it = item_of(m, op);
            if (it)
                take_end(m, it);
        }
        /* Whoever reads it sees each result now, and may have had enough. */
        if (fflush(stdout) != 0)
            stop(m, CANCELLING, "standard output takes no more", CODE_FAILED);
        if (rc < 0)
            stop(m, CANCELLING, velum_sentence(m->v, rc), -rc);
        if (interrupt_came())
            stop(m, CANCELLING, "interrupted", CODE_INTERRUPTED);
        map_show_progress(&m->show, &m->counts, loop_clock());
    }
}

/* A node that does not answer cannot say that it has cancelled anything. */
static void tell_what_may_run(const struct map *m)
{
    const uint64_t count = m->counts.running + m->lost;
    if (count == 0 || velum_is_inside(m->v))
        return;
    talk_error("%llu job%s may still run, for the node does not answer", (unsigned long long)count,
               count == 1 ? "" : "s");
    talk_try("velum ps, and velum kill JOB");
}

int map_run(struct velum *v, struct map_inputs *inputs, struct map_log *log,
            const struct map_task *task)
{
    struct map m = {.v = v,
                    .inputs = inputs,
                    .log = log,
                    .task = task,
                    .next_out = 1,
                    .code = CODE_OF_INPUTS,
                    .cap = task->parallel * (task->keep_order ? HELD_FACTOR : 1)};
    m.counts.total = map_inputs_total(inputs);
    m.items = calloc(m.cap, sizeof *m.items);
    if (!m.items) {
        talk_error("%s", err_sentence(ERR_NO_MEMORY));
        return CODE_FAILED;
    }
    signal(SIGPIPE, SIG_IGN);
    interrupt_catch();
    map_show_begin(&m.show, task, loop_clock());
    go(&m);
    deliver_rest(&m);
    map_show_end(&m.show, &m.counts, m.why, loop_clock());
    tell_what_may_run(&m);
    for (uint32_t i = 0; i < m.cap; i++)
        clear(&m.items[i]);
    free(m.items);
    if (m.code != CODE_OF_INPUTS)
        return m.code;
    return m.counts.failed > 0 ? CODE_FAILED : CODE_DONE;
}
