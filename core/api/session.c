#include "core/api/session.h"

#include <stdlib.h>
#include <string.h>

#include "core/api/program.h"
#include "core/api/session_kinds.h"
#include "core/api/session_lists.h"
#include "core/api/task.h"
#include "core/api/task_check.h"
#include "core/base/err.h"
#include "core/base/text.h"
#include "core/host/builtin.h"
#include "core/host/loop.h"
#include "core/host/memory.h"
#include "core/job/fact.h"
#include "core/job/graph.h"
#include "core/wire/message.h"
#include "core/wire/session.h"

#define ENDS_HELD_MAX ((size_t)1 << 20) /* not taken by the program: no credit for more */
#define UNTAKEN_MAX ((size_t)256 << 10) /* bytes of lists on their way */
#define TASKS_BYTES_MAX (GRAPH_LISTS_BYTES_MAX / 4 * 3) /* each list has a head and a signature */
#define CREDIT_EVERY ((uint64_t)128 << 10)
#define SILENT_US (3 * S_US)
#define AGAIN_US S_US
#define AHEAD_FEW 4        /* tasks that have not ended, at most, are sent ahead of their list */
#define AHEAD_LIST_MAX 800 /* of which there are no more in a list */
#define AHEAD_SIGNED_IN_US (80 * MS_US)
#define AHEAD_SKIP_MAX 1024u
#define NO_ROOM 1 /* as the node refuses what a job is too full for, or all jobs together */

/* What was heard of a task. One that was given up may be complete after all: a node that was
 * thought lost had computed it. */
enum known { KNOWN_NOT, KNOWN_GIVEN_UP, KNOWN_DONE };

struct session {
    struct velum *v;
    struct op *op, *next; /* in the handle's list */
    enum velum_level level;
    char name[JOB_NAME_SIZE];
    uint32_t slots_max;
    uint64_t timeout_us, cpu_us;
    struct wants wants;
    struct kinds kinds;
    uint16_t *sizes;     /* of the values, by task */
    uint8_t *known;      /* by task: enum known */
    uint32_t count, cap; /* tasks */
    uint32_t ended;
    struct lists lists; /* not taken by the coordinator yet */
    uint32_t taken, safe, low, durable, machines;
    struct buf ends; /* of tasks, as they came, from ends_at on; not taken by the program */
    size_t ends_at;
    struct buf scratch; /* the value that was taken last */
    uint32_t request, number;
    uint64_t heard_bytes, told_bytes;
    struct instant heard, progress;
    bool closing;
    /* Tasks sent ahead (core/wire/session.h), which are all that is in no signed list. */
    struct buf ahead;     /* blocks: of those that were not sent yet */
    uint32_t ahead_count; /* since a list was signed last */
    uint32_t ahead_skip;  /* so many times tasks go in a list at once; */
    uint32_t ahead_wait;  /* and so many when it is refused again */
    bool sign_now;        /* something in the list was not sent ahead, or was not computed */
    struct instant sign_by;
};

static void link_in(struct velum *v, struct session *s)
{
    s->next = v->sessions;
    v->sessions = s->op;
}

int session_open(struct velum *v, const struct velum_session *options)
{
    static const struct velum_session usual = {0};
    const struct velum_session *o = options ? options : &usual;
    struct op *op = NULL;
    struct session *s;
    int rc;

    if (o->name && o->name[0] && (!text_is_name(o->name) || strlen(o->name) >= JOB_NAME_SIZE))
        return handle_fail(v, VELUM_MISUSE, "nightly-1",
                           "a job's name takes a-z, 0-9 and -, at most 63, not \"%.64s\"", o->name);
    rc = task_gather(v, &op);
    if (rc < 0)
        return rc;
    rc = task_asks(v, task_submission(op), &o->asks);
    s = rc < 0 ? NULL : calloc(1, sizeof *s);
    if (!s) {
        handle_free(v, op);
        return rc < 0 ? rc : handle_fail_err(v, ERR_NO_MEMORY, "a new operation");
    }
    s->v = v;
    s->op = op;
    s->level = o->level == VELUM_DURABLE ? VELUM_DURABLE : VELUM_SENT;
    if (o->name)
        text_copy(s->name, sizeof s->name, o->name);
    s->slots_max = o->slots_max;
    s->wants = task_submission(op)->wants;
    s->timeout_us = task_us(o->timeout_ms);
    s->cpu_us = task_us(o->cpu_ms);
    buf_init(&s->ends, &host_memory, SIZE_MAX / 2);
    buf_init(&s->scratch, &host_memory, ACCUMULATOR_SIZE_MAX);
    buf_init(&s->ahead, &host_memory, FRAME_PAYLOAD_MAX);
    s->sign_by = INSTANT_NEVER;
    lists_init(&s->lists);
    op->session = s;
    link_in(v, s);
    return op->number;
}

void session_free(struct velum *v, struct op *op)
{
    struct session *s = op->session;
    struct op **at = &v->sessions;

    if (!s)
        return;
    while (*at != op)
        at = &(*at)->session->next;
    *at = s->next;
    lists_clear(&s->lists);
    buf_clear(&s->ends);
    buf_clear(&s->scratch);
    buf_clear(&s->ahead);
    free(s->sizes);
    free(s->known);
    free(s);
    op->session = NULL;
}

/* --- adding --- */

static int make_room(struct session *s)
{
    uint32_t cap = s->cap ? 2 * s->cap : 256;
    uint16_t *sizes;
    uint8_t *known;

    if (s->count < s->cap)
        return 0;
    sizes = realloc(s->sizes, cap * sizeof *sizes);
    if (sizes)
        s->sizes = sizes;
    known = sizes ? realloc(s->known, cap) : NULL;
    if (!known)
        return ERR_NO_MEMORY;
    memset(known + s->cap, 0, cap - s->cap);
    s->known = known;
    s->cap = cap;
    return 0;
}

static int refuse(struct velum *v, const char *kernel, int rc, const char *reason)
{
    const char *near = builtin_nearest(kernel);

    if (rc == ERR_NOT_FOUND)
        return handle_fail(v, VELUM_MISUSE, near ? near : "velum kernels",
                           "this program has no kernel \"%s\" for a task", kernel);
    return handle_fail(v, VELUM_MISUSE, "", "%s: %s", kernel,
                       reason[0] ? reason : "the arguments are not allowed");
}

/* Which inputs it reads, and how many bytes they have. */
static int read_needs(struct velum *v, const struct session *s, const struct velum_stage *t,
                      struct buf *needs, uint64_t *sizes, uint16_t *inputs)
{
    *inputs = 0;
    for (int i = 0; i < t->inputs_count + t->after_count; i++) {
        bool input = i < t->inputs_count;
        int64_t task = input ? t->inputs[i] : t->after[i - t->inputs_count];
        struct stage_need need = {(uint32_t)task, input ? (uint16_t)i : NEED_ORDER};

        if (task < 0 || task >= s->count)
            return handle_fail(v, VELUM_MISUSE, "a number that velum_add gave",
                               "task %u of this session needs task %lld, which is none before it",
                               s->count, (long long)task);
        put_stage_need(needs, &need);
        if (input)
            sizes[(*inputs)++] = s->sizes[task];
    }
    return buf_result(needs) < 0 ? handle_fail_err(v, ERR_TOO_LARGE, "what a task needs") : 0;
}

static int plan(struct velum *v, const struct velum_stage *t, uint16_t inputs,
                const uint64_t *sizes, struct plan *out)
{
    char reason[REASON_SIZE] = "";
    int rc = !v->inside && program_has(t->kernel)
                 ? ERR_NOT_FOUND
                 : builtin_plan(t->kernel, t->argc, t->argv, inputs, sizes, out, reason);

    if (rc < 0)
        return refuse(v, t->kernel, rc, reason);
    if (t->leaf_units > 0)
        out->leaf_units = t->leaf_units;
    return 0;
}

/* The first task is in the job's specification, the others are appended. */
static int first_task(struct velum *v, struct session *s, const struct velum_stage *t,
                      const struct plan *p)
{
    struct submission *job = task_submission(s->op);

    job->name = s->name;
    job->slots_max = s->slots_max;
    job->timeout_us = s->timeout_us;
    job->cpu_us = s->cpu_us;
    job->open = true;
    job->plan = *p;
    submission_join_args(job, t->argc, t->argv);
    task_gathered(v, s->op);
    return 0;
}

static bool may_go_ahead(const struct session *s)
{
    return !s->sign_now && s->ahead_skip == 0 && s->level == VELUM_SENT && !s->closing &&
           s->ahead_count < AHEAD_LIST_MAX && s->count - s->ended < AHEAD_FEW &&
           s->ends.len - s->ends_at < ENDS_HELD_MAX / 2;
}

/* It is in the list already. */
static void go_ahead(struct session *s, uint32_t like, uint64_t units, struct bytes params)
{
    const struct session_ahead m = {*task_job(s->op), s->count, like, units, params};
    uint8_t room[PARAMS_SIZE_MAX + 128];
    struct buf b;

    buf_init_fixed(&b, room, sizeof room);
    put_session_ahead(&b, &m);
    put_block(&s->ahead, buf_bytes(&b));
    s->sign_now |= b.failed || s->ahead.failed;
    if (s->ahead_count++ == 0)
        s->sign_by = instant_plus_us(loop_clock(), AHEAD_SIGNED_IN_US);
}

static int append(struct velum *v, struct session *s, const struct velum_stage *t,
                  const struct plan *p, uint16_t needs_count, struct bytes needs)
{
    const bool asks_nothing = t->asks_nothing != 0;
    const struct kind *like = kinds_find(&s->kinds, p, asks_nothing);
    const bool rolled = like && p->rolled;
    bool same = like && !rolled && like->units == p->units && like->leaf_units == p->leaf_units;
    struct submission args;
    struct stage_spec stage = submission_stage(p);
    int rc;

    stage.needs_count = needs_count;
    stage.needs = needs;
    stage.rolled = rolled;

    if (like) {
        rc = lists_add_like(&s->lists, s->count, like->number, !same, &stage);
    } else {
        submission_join_args(&args, t->argc, t->argv);
        text_copy(stage.args, sizeof stage.args, args.args);
#if VELUM_PLANT != 608 /* unit/test_api_session: only the first task of a session asks of nodes */
        if (!asks_nothing)
            stage.demand = wants_demand(&s->wants);
#endif
        rc = lists_add_whole(&s->lists, s->count, &stage);
        if (rc == 0)
            kinds_remember(&s->kinds, s->count, p, asks_nothing);
    }
    if (rc == 0 && like && !rolled && needs_count == 0 && task_job(s->op) && may_go_ahead(s))
        go_ahead(s, like->number, same ? 0 : stage.units, stage.params);
    else
        s->sign_now = true;
    return rc < 0 ? handle_fail_err(v, rc, "a task") : 0;
}

static int check(struct velum *v, const struct session *s, const struct velum_stage *t)
{
    if (s->op->code != VELUM_IN_PART)
        return s->op->code < 0
                   ? handle_fail(v, s->op->code, "", "%s", s->op->said ? s->op->said : "it ended")
                   : handle_fail(v, VELUM_MISUSE, "velum_open", "the session has ended");
    if (s->closing)
        return handle_fail(v, VELUM_MISUSE, "velum_open", "the session was closed");
    if (!t->kernel || strlen(t->kernel) >= KERNEL_NAME_SIZE)
        return handle_fail(v, VELUM_MISUSE, "velum kernels", "there is no kernel of that name");
    if (t->argc < 0 || t->argc > ARGS_COUNT_MAX || (t->argc > 0 && !t->argv) ||
        t->inputs_count < 0 || t->inputs_count > STAGE_INPUTS_MAX || t->after_count < 0 ||
        t->after_count > STAGE_INPUTS_MAX || (t->inputs_count > 0 && !t->inputs) ||
        (t->after_count > 0 && !t->after))
        return handle_fail(v, VELUM_MISUSE, "", "a task has at most %d arguments and %d inputs",
                           ARGS_COUNT_MAX, STAGE_INPUTS_MAX);
    if (s->count >= JOB_STAGES_MAX)
        return handle_fail(v, VELUM_FAILED, "velum_close, then velum_open",
                           "a session has at most %u tasks", JOB_STAGES_MAX);
#if VELUM_PLANT != 587 /* unit/test_api_session: tasks that find no room in a job wait for ever */
    if (s->lists.bytes >= TASKS_BYTES_MAX)
        return handle_fail(v, VELUM_FAILED, "velum_close, then velum_open",
                           "the tasks of this session have %u MiB, and no more fit a job",
                           (unsigned)(TASKS_BYTES_MAX >> 20));
#endif
    if (s->count - s->ended >= SESSION_OPEN_MAX - APPEND_STAGES_MAX)
        return handle_fail(v, VELUM_IN_PART, "velum_take",
                           "%u tasks of this session have not ended", s->count - s->ended);
    return 0;
}

bool session_is_empty(const struct op *op)
{
    return op->session->count == 0;
}

int64_t session_add(struct velum *v, struct op *op, const struct velum_stage *t,
                    const struct plan *planned)
{
    struct session *s = op->session;
    uint8_t room[2 * STAGE_INPUTS_MAX * STAGE_NEED_BYTES];
    uint64_t sizes[STAGE_INPUTS_MAX];
    uint16_t inputs;
    struct plan here;
    const struct plan *p = planned ? planned : &here;
    struct buf needs;
    int rc = check(v, s, t);

    buf_init_fixed(&needs, room, sizeof room);
    if (rc == 0)
        rc = read_needs(v, s, t, &needs, sizes, &inputs);
    if (rc == 0 && !planned)
        rc = plan(v, t, inputs, sizes, &here);
    if (rc < 0)
        return rc;
    if (p->reduction != REDUCE_FOLD)
        return handle_fail(v, VELUM_MISUSE, "velum_submit",
                           "%s searches or collects, and a task folds", t->kernel);
    if (make_room(s) < 0)
        return handle_fail_err(v, ERR_NO_MEMORY, "a task");
    rc = s->count == 0
             ? first_task(v, s, t, p)
             : append(v, s, t, p, (uint16_t)(t->inputs_count + t->after_count), buf_bytes(&needs));
    if (rc < 0)
        return rc;
    if (s->count == 0)
        kinds_remember(&s->kinds, s->count, p, false);
    s->sizes[s->count] = (uint16_t)p->accumulator_size;
    return s->count++;
}

/* --- saying --- */

static void ask(struct velum *v, struct session *s, struct bytes fact)
{
    struct session_ask m = {.job = *task_job(s->op),
                            .consumed = s->heard_bytes,
                            .low = s->low,
                            .level = s->level == VELUM_DURABLE ? SESSION_DURABLE : SESSION_SENT,
                            .fact = fact};
    struct buf b;

    if (!v->ask || !task_job(s->op))
        return;
    /* A program that does not take what came gets no more. */
    if (s->ends.len - s->ends_at > ENDS_HELD_MAX)
        m.consumed = s->told_bytes;
    s->told_bytes = m.consumed;
    if (s->request == 0) {
        s->request = ops_next_request(s->op);
        s->heard_bytes = s->told_bytes = m.consumed = 0;
        s->number = 0;
    }
    buf_init(&b, &host_memory, FRAME_PAYLOAD_MAX);
    put_session_ask(&b, &m);
    if (!b.failed)
        (void)ask_send(v->ask, MESSAGE_REQUEST_SESSION, s->request, buf_bytes(&b));
    buf_clear(&b);
}

/* The end is said once everything that became of tasks is here: what is behind an outcome would not
 * be told. */
static bool may_close(const struct session *s)
{
    return s->closing && s->count > 0 && s->ended == s->count && lists_are_taken(&s->lists);
}

static void say_close(struct velum *v, struct session *s)
{
    struct buf fact;

    buf_init(&fact, &host_memory, FRAME_PAYLOAD_MAX);
    if (lists_sign_close(ask_identity(v->ask), *task_job(s->op), s->count, &fact) == 0)
        ask(v, s, buf_bytes(&fact));
    buf_clear(&fact);
}

/* True: what was gathered is to be signed. Otherwise all of it is on its way without that. */
static bool ahead_is_over(const struct session *s)
{
    return s->sign_now || s->closing || s->request == 0 ||
           (s->ahead_count > 0 && instant_reached(loop_clock(), s->sign_by));
}

static void send_ahead(struct velum *v, struct session *s)
{
    struct reader r = reader_of(buf_bytes(&s->ahead));

    while (reader_left(&r) > 0)
        (void)ask_send(v->ask, MESSAGE_REQUEST_AHEAD, s->request,
                       read_block(&r, FRAME_PAYLOAD_MAX));
    buf_reset(&s->ahead);
}

static int sign_lists(struct velum *v, struct session *s)
{
    int rc;

    s->ahead_count = 0;
    s->sign_by = INSTANT_NEVER;
    buf_reset(&s->ahead);
    s->ahead.failed = false;
    rc = lists_seal(&s->lists, ask_identity(v->ask), *task_job(s->op));
    s->ahead_skip -= rc == 0 && s->sign_now && s->ahead_skip > 0;
    s->sign_now = rc == 1;
    return rc;
}

/* Sends what was not sent, as far as there is room for it. */
static void flush(struct velum *v, struct session *s)
{
    struct bytes fact;
    int rc = 0;

    if (!v->ask || !task_job(s->op) || s->op->code != VELUM_IN_PART)
        return;
    if (ahead_is_over(s))
        rc = sign_lists(v, s);
    else
        send_ahead(v, s);
    if (rc < 0) {
        handle_end_failed(v, s->op, VELUM_FAILED, "", "tasks cannot be signed: %s",
                          err_sentence(rc));
        return;
    }
    while (lists_next(&s->lists, UNTAKEN_MAX, &fact))
        ask(v, s, fact);
    if (may_close(s) && s->progress.us != INSTANT_NEVER.us) {
        s->progress = INSTANT_NEVER;
        say_close(v, s);
    }
    if (s->heard_bytes - s->told_bytes >= CREDIT_EVERY && s->ends.len - s->ends_at <= ENDS_HELD_MAX)
        ask(v, s, (struct bytes){NULL, 0});
}

struct instant session_due(const struct op *op)
{
    return op->code == VELUM_IN_PART ? op->session->sign_by : INSTANT_NEVER;
}

struct op *session_next(const struct op *op)
{
    return op->session->next;
}

void session_flush_all(struct velum *v)
{
    for (struct op *op = v->sessions; op; op = op->session->next)
        flush(v, op->session);
}

void session_resume(struct velum *v, struct op *op)
{
    struct session *s = op->session;

    if (!s || !task_job(op) || op->code != VELUM_IN_PART)
        return;
    s->request = 0;
    s->sign_now = true;
    s->heard = s->progress = loop_clock();
    lists_again(&s->lists);
    ask(v, s, (struct bytes){NULL, 0});
    flush(v, s);
}

void session_tick(struct velum *v, struct op *op)
{
    struct session *s = op->session;
    const struct instant now = loop_clock();

    if (!s || !task_job(op) || op->code != VELUM_IN_PART || !v->ask)
        return;
    if (s->request == 0 || instant_since_us(now, s->heard) > SILENT_US) {
        session_resume(v, op);
        return;
    }
    if (!lists_are_taken(&s->lists) && instant_since_us(now, s->progress) > AGAIN_US) {
        s->progress = now;
        lists_again(&s->lists);
    }
    if (may_close(s))
        say_close(v, s);
    else
        ask(v, s, (struct bytes){NULL, 0});
    flush(v, s);
}

int session_close(struct velum *v, struct op *op)
{
    struct session *s = op->session;

    s->closing = true;
    if (s->count == 0 && op->code == VELUM_IN_PART)
        handle_end(v, op, VELUM_DONE);
    else
        flush(v, s);
    return op->number;
}

/* --- hearing --- */

static void hear_end(struct session *s, const struct session_stage *e)
{
    if (e->stage >= s->count || s->known[e->stage] == KNOWN_DONE ||
        (s->known[e->stage] == KNOWN_GIVEN_UP && e->state != STAGE_END_DONE))
        return;
    s->ended += s->known[e->stage] == 0;
    s->known[e->stage] = e->state == STAGE_END_DONE ? KNOWN_DONE : KNOWN_GIVEN_UP;
    while (s->low < s->count && s->known[s->low] == KNOWN_DONE)
        s->low++;
    if (s->ends_at > ((size_t)64 << 10) && s->ends_at > s->ends.len / 2) {
        buf_drop_front(&s->ends, s->ends_at);
        s->ends_at = 0;
    }
    put_session_end(&s->ends, e);
}

static void hear(struct velum *v, struct session *s, struct bytes payload)
{
    struct session_answer m;

    if (read_session_answer(payload, &m) < 0 || !job_id_equal(m.job, *task_job(s->op))) {
        handle_makes_no_sense(v, s->op);
        return;
    }
    s->heard = loop_clock();
    if (m.number != s->number + 1) { /* one was lost on its way */
        session_resume(v, s->op);
        return;
    }
    s->number = m.number;
    s->heard_bytes += payload.len;
    if (m.taken > s->taken || m.count > 0)
        s->progress = s->heard;
    s->taken = m.taken;
    s->safe = m.safe;
    s->durable = m.durable;
    s->machines = m.machines;
    lists_taken(&s->lists, m.taken);
    lists_safe(&s->lists, m.safe < m.taken ? m.safe : m.taken);
    for (uint16_t i = 0; i < m.count; i++) {
        struct session_stage e = read_session_end(&m.ends);

        hear_end(s, &e);
    }
    if (s->ends.failed)
        handle_end_failed(v, s->op, VELUM_FAILED, "velum_take more often",
                          "what became of tasks finds no memory");
}

/* A task that is not computed ahead is one of the list; whoever cannot do that now is asked less
 * and less often. */
static void hear_computed(struct velum *v, struct session *s, struct bytes payload)
{
    struct session_computed m;
    struct session_stage e = {.state = STAGE_END_DONE};

    if (read_session_computed(payload, &m) < 0 || !job_id_equal(m.job, *task_job(s->op))) {
        handle_makes_no_sense(v, s->op);
        return;
    }
    s->heard = loop_clock();
    if (m.computed) {
        e.stage = m.task;
        e.value = m.value;
        s->ahead_wait = 0;
        hear_end(s, &e);
        return;
    }
    s->sign_now = true;
    if (s->ahead_skip > 0)
        return;
    s->ahead_wait = s->ahead_wait < AHEAD_SKIP_MAX ? 2 * s->ahead_wait + 1 : AHEAD_SKIP_MAX;
    s->ahead_skip = s->ahead_wait;
}

static void hear_refusal(struct velum *v, struct session *s, struct bytes payload)
{
    struct reply_error e;
    char hint[sizeof e.hint];

    /* Whoever coordinates may not be known there yet: the next tick asks again. */
    if (read_reply_error(payload, &e) < 0 || e.exit_code == 7) {
        s->request = 0;
        return;
    }
    text_sanitise(e.hint, strlen(e.hint), true, hint, sizeof hint);
    handle_end_failed(v, s->op, e.exit_code ? -(int)e.exit_code : VELUM_FAILED, hint, "%s", e.what);
    /* Nobody here takes what its tasks come to any more: what they need is needed by other jobs. */
#if VELUM_PLANT != 749 /* unit/test_map_full: a job that was refused room keeps what it has */
    if (e.exit_code == NO_ROOM)
        task_kill(v, s->op);
#endif
}

bool session_aside(struct velum *v, struct op *op, const struct frame *frame)
{
    struct session *s = op->session;

    if (!s || s->request == 0 || frame->request != s->request)
        return false;
    if (op->code != VELUM_IN_PART)
        return true;
    if (frame->type == MESSAGE_REPLY_SESSION)
        hear(v, s, frame->payload);
    else if (frame->type == MESSAGE_REPLY_AHEAD)
        hear_computed(v, s, frame->payload);
    else if (frame->type == MESSAGE_REPLY_ERROR)
        hear_refusal(v, s, frame->payload);
    return true;
}

/* --- taking --- */

bool session_has_end(const struct op *op)
{
    return op->session->ends_at < op->session->ends.len;
}

bool session_is_idle(const struct op *op)
{
    const struct session *s = op->session;

    return op->code != VELUM_IN_PART || s->ended == s->count;
}

/* Of a task that failed it is why, which another party wrote. */
static void take_value(struct session *s, const struct session_stage *e, struct velum_end *out)
{
    char clean[VIEW_ERROR_SIZE] = "";
    bool done = e->state == STAGE_END_DONE;

    if (!done && e->value.len > 0)
        text_sanitise((const char *)e->value.data, e->value.len, true, clean, sizeof clean);
#if VELUM_PLANT == 585 /* unit/test_api_session: why a task has failed is not told */
    clean[0] = 0;
#endif
    buf_reset(&s->scratch);
    put_raw(&s->scratch, done ? e->value.data : (const uint8_t *)clean,
            done ? e->value.len : strlen(clean) + 1);
    out->bytes = done ? s->scratch.data : NULL;
    out->size = done ? s->scratch.len : 0;
    out->error = done || s->scratch.failed ? "" : (const char *)s->scratch.data;
}

bool session_take(struct op *op, struct velum_end *out)
{
    struct session *s = op->session;
    struct reader r = reader_of(buf_bytes(&s->ends));
    struct session_stage e;

    if (!session_has_end(op))
        return false;
    r.at = s->ends_at;
    e = read_session_end(&r);
    s->ends_at = r.at;
    out->task = e.stage;
    out->code = e.state == STAGE_END_DONE        ? VELUM_DONE
                : e.state == STAGE_END_FAILED    ? VELUM_FAILED
                : e.state == STAGE_END_TIMED_OUT ? VELUM_TIME_OUT
                                                 : VELUM_CANCELLED;
    take_value(s, &e, out);
    if (s->ends_at == s->ends.len) {
        buf_reset(&s->ends);
        s->ends_at = 0;
    }
    return true;
}

void session_look(const struct op *op, struct velum_progress *out)
{
    const struct session *s = op->session;

    *out = (struct velum_progress){.added = s->count,
                                   .sent = s->taken,
                                   .safe = s->safe,
                                   .ended = s->ended,
                                   .durable = s->durable,
                                   .machines = s->machines};
}
