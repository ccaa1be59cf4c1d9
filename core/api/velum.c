#include "core/api/velum.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config.h"
#include "core/api/guard.h"
#include "core/api/handle.h"
#include "core/api/haul.h"
#include "core/api/program.h"
#include "core/api/session.h"
#include "core/api/task.h"
#include "core/api/yield.h"
#include "core/base/err.h"
#include "core/base/text.h"
#include "core/host/loop.h"

#define KILL_MAX_MS ((int64_t)30000)

/* --- opening and closing --- */

static int set(struct velum *v, const char *key, const char *value)
{
    char message[CONF_MESSAGE_SIZE] = "";
    if (!value || conf_set(v->node, key, value, message) == 0)
        return 0;
    return handle_fail(v, VELUM_MISUSE, "", "%s", message);
}

/* The same checks as for `velum node`. */
static int take_node_options(struct velum *v, const struct velum_options *o)
{
    char port[16], slots[16];
    v->node = malloc(sizeof *v->node);
    if (!v->node)
        return handle_fail_err(v, ERR_NO_MEMORY, "velum_init");
    conf_default(v->node);
    snprintf(port, sizeof port, "%u", (unsigned)o->port);
    snprintf(slots, sizeof slots, "%u", (unsigned)o->slots);
    int rc = set(v, "port", o->port ? port : NULL);
    if (rc == 0)
        rc = set(v, "slots", o->slots ? slots : NULL);
    if (rc == 0)
        rc = set(v, "bind", o->bind);
    return rc == 0 ? set(v, "name", o->name) : rc;
}

static int take_options(struct velum *v, const struct velum_options *o)
{
    const char *from_env = getenv("VELUM_ADDR");
    const char *addr = o->addr ? o->addr : from_env && from_env[0] ? from_env : NULL;
    enum velum_where where = o->where;
    if (where != VELUM_ANYWHERE && where != VELUM_INSIDE && where != VELUM_AT_NODE &&
        where != VELUM_AS_NODE)
        return handle_fail(v, VELUM_MISUSE, "VELUM_ANYWHERE", "options.where is not allowed");
    if (where == VELUM_ANYWHERE && !addr && program_has_any())
        where = VELUM_INSIDE;
    v->options.slots = o->slots;
    v->options.objects = v->options.foreign = o->keep_objects != 0;
    v->options.embedded_only = where == VELUM_INSIDE || where == VELUM_AS_NODE;
    v->options.embedded_ok = where == VELUM_ANYWHERE && !addr;
    if (where == VELUM_AS_NODE)
        return take_node_options(v, o);
    if (where == VELUM_INSIDE || !addr)
        return 0;
    v->addr = strdup(addr);
    v->options.addr = v->addr;
    return v->addr ? 0 : handle_fail_err(v, ERR_NO_MEMORY, "velum_init");
}

static struct velum *new_handle(void)
{
    struct velum *v = calloc(1, sizeof *v);
    if (!v)
        return NULL;
    v->poll = v->wake = -1;
    v->spawner = (struct spawner){-1, -1, -1};
    v->retry_at = v->look_at = v->full_since = INSTANT_NEVER;
    v->full_max_us = HANDLE_FULL_MAX_US;
    ops_init(&v->ops);
    return v;
}

int velum_init(struct velum **out, const struct velum_options *options)
{
    static const struct velum_options usual = {0};
    struct guard g;
    int rc = program_begin();
    struct velum *v = *out = new_handle();
    if (!v)
        return VELUM_FAILED;
    guard_begin(&g);
    if (rc < 0)
        rc = handle_fail_err(v, rc, "the file of this program");
    if (rc == 0)
        rc = take_options(v, options ? options : &usual);
    if (rc == 0)
        rc = handle_open(v);
    guard_end(&g);
    v->failed = rc;
    return rc;
}

void velum_shutdown(struct velum *v)
{
    struct guard g;
    if (!v)
        return;
    guard_begin(&g);
    handle_close(v);
    guard_end(&g);
    for (uint32_t i = 0; i < v->ops.cap; i++)
        if (v->ops.places[i])
            handle_free(v, v->ops.places[i]);
    ops_clear(&v->ops);
    free(v->source);
    free(v);
}

int velum_is_inside(const struct velum *v)
{
    return v && v->inside;
}

/* --- running --- */

static int milliseconds_until(struct instant due)
{
    if (due.us == INSTANT_NEVER.us)
        return -1;
    int64_t us = instant_since_us(due, loop_clock());
    if (us <= 0)
        return 0;
    return us / 1000 >= INT_MAX ? INT_MAX : (int)((us + 999) / 1000);
}

static struct instant until_of(int64_t timeout_ms)
{
    if (timeout_ms < 0 || timeout_ms > INT64_MAX / 1000)
        return INSTANT_NEVER;
    return instant_plus_us(loop_clock(), timeout_ms * 1000);
}

/* Never the sentence of an earlier failure. */
static int missing(struct velum *v, const char *what)
{
    return v ? handle_fail(v, VELUM_MISUSE, "", "%s is missing", what) : VELUM_MISUSE;
}

static int unknown(struct velum *v)
{
    return handle_fail(v, VELUM_MISUSE, "", "there is no such operation, or it was released");
}

/* Runs until done(op) says so: 0, VELUM_IN_PART at `until`, or VELUM_INTERRUPTED. */
static int run_until(struct velum *v, struct op *op,
                     bool (*done)(const struct velum *v, const struct op *op), struct instant until)
{
    for (;;) {
        handle_step(v);
        if (done(v, op))
            return 0;
        if (v->woken) {
            v->woken = false;
            return handle_fail(v, VELUM_INTERRUPTED, "", "velum_wake was called");
        }
        if (instant_reached(loop_clock(), until))
            return handle_fail(v, VELUM_IN_PART, "", "it has not ended yet");
        struct pollfd p = {.fd = v->poll, .events = POLLIN};
        (void)poll(&p, 1, milliseconds_until(instant_first(handle_due(v), until)));
    }
}

static bool has_ended(const struct velum *v, const struct op *op)
{
    (void)v;
    return op->code != VELUM_IN_PART;
}

/* --- starting --- */

static bool is_acknowledged(const struct velum *v, const struct op *op)
{
    return has_ended(v, op) || task_is_acknowledged(op);
}

/* The operation must come back, so a wake is left for the next wait. */
static void wait_for_acknowledgement(struct velum *v, struct op *op)
{
    bool woken = false;
    while (run_until(v, op, is_acknowledged, INSTANT_NEVER) == VELUM_INTERRUPTED)
        woken = true;
    v->woken = v->woken || woken;
}

int velum_submit(struct velum *v, const struct velum_task *task)
{
    struct guard g;
    if (!v || !task)
        return missing(v, "the task");
    if (v->failed)
        return v->failed;
    guard_begin(&g);
    int number = task_start(v, task, NULL);
    guard_end(&g);
    if (number < 0 || task->level != VELUM_DURABLE)
        return number;
    guard_begin(&g);
    wait_for_acknowledgement(v, ops_find(&v->ops, number));
    guard_end(&g);
    return number;
}

int velum_spawn(struct velum *v, const char *kernel, ...)
{
    const char *args[ARGS_COUNT_MAX + 1];
    struct velum_task task = {.kernel = kernel, .argv = args};
    const char *arg;
    va_list list;
    va_start(list, kernel);
    while ((arg = va_arg(list, const char *)) != NULL && task.argc <= ARGS_COUNT_MAX)
        args[task.argc++] = arg;
    va_end(list);
    return velum_submit(v, &task);
}

int velum_open(struct velum *v, const struct velum_session *options)
{
    struct guard g;
    if (!v)
        return VELUM_MISUSE;
    if (v->failed)
        return v->failed;
    guard_begin(&g);
    int rc = session_open(v, options);
    guard_end(&g);
    return rc;
}

int velum_put(struct velum *v, const void *data, size_t size)
{
    struct guard g;
    if (!v || (!data && size > 0))
        return missing(v, "the data");
    if (v->failed)
        return v->failed;
    guard_begin(&g);
    int rc = haul_put(v, data, size, -1);
    guard_end(&g);
    return rc;
}

int velum_put_fd(struct velum *v, int fd)
{
    struct guard g;
    if (!v || fd < 0)
        return missing(v, "the descriptor");
    if (v->failed)
        return v->failed;
    guard_begin(&g);
    int rc = haul_put(v, NULL, 0, fd);
    guard_end(&g);
    return rc;
}

static int get(struct velum *v, const char *ref, int fd)
{
    struct guard g;
    if (!v || !ref)
        return missing(v, "the reference");
    if (v->failed)
        return v->failed;
    guard_begin(&g);
    int rc = haul_get(v, ref, fd);
    guard_end(&g);
    return rc;
}

int velum_get(struct velum *v, const char *ref)
{
    return get(v, ref, -1);
}

int velum_get_fd(struct velum *v, const char *ref, int fd)
{
    return fd < 0 ? missing(v, "the descriptor") : get(v, ref, fd);
}

/* What a call gave that was to begin an operation: 0 and the operation, or the code to return. */
static int find(struct velum *v, int operation, struct op **op)
{
    if (operation < 0)
        return operation;
    if (!v)
        return VELUM_MISUSE;
    *op = ops_find(&v->ops, operation);
    return *op ? 0 : unknown(v);
}

static int result(struct velum *v, int job, int fd)
{
    struct guard g;
    struct op *op;
    struct bytes bytes = {0};
    int rc = find(v, job, &op);
    if (rc < 0)
        return rc;
    if (v->failed)
        return v->failed;
    if (op->kind != OP_TASK || op->code != VELUM_DONE || !task_yields(op, &bytes))
        return handle_fail(v, VELUM_MISUSE, "velum_wait, then velum_text",
                           "this is no job that is done and has bytes for a result");
    guard_begin(&g);
    rc = yield_start(v, bytes, fd);
    guard_end(&g);
    return rc;
}

int velum_result(struct velum *v, int job)
{
    return result(v, job, -1);
}

int velum_result_fd(struct velum *v, int job, int fd)
{
    return fd < 0 ? missing(v, "the descriptor") : result(v, job, fd);
}

/* --- sessions --- */

static int find_session(struct velum *v, int session, struct op **op)
{
    int rc = find(v, session, op);
    if (rc < 0 || (*op)->session)
        return rc;
    return handle_fail(v, VELUM_MISUSE, "velum_open", "this operation is no session");
}

int64_t velum_add(struct velum *v, int session, const struct velum_stage *task)
{
    struct guard g;
    struct op *op;
    int rc = task ? find_session(v, session, &op) : missing(v, "the task");
    if (rc < 0)
        return rc;
    /* Only the first writes; hundreds of thousands a second may be added, each for the price of a
     * system call otherwise. */
    if (!session_is_empty(op))
        return session_add(v, op, task, NULL);
    guard_begin(&g);
    int64_t number = session_add(v, op, task, NULL);
    guard_end(&g);
    return number;
}

static bool can_take(const struct velum *v, const struct op *op)
{
    (void)v;
    return session_has_end(op) || session_is_idle(op);
}

int velum_take(struct velum *v, int session, struct velum_end *out, int64_t timeout_ms)
{
    struct guard g;
    struct op *op;
    int rc = out ? find_session(v, session, &op) : missing(v, "where to put it");
    if (rc < 0)
        return rc;
    if (!can_take(v, op)) {
        guard_begin(&g);
        rc = run_until(v, op, can_take, until_of(timeout_ms));
        guard_end(&g);
    }
    if (rc == 0 && session_take(op, out))
        rc = op->number;
    return rc == 0 && op->code < 0 && op->code != VELUM_IN_PART ? op->code : rc;
}

int velum_close(struct velum *v, int session)
{
    struct guard g;
    struct op *op;
    int rc = find_session(v, session, &op);
    if (rc < 0)
        return rc;
    guard_begin(&g);
    rc = session_close(v, op);
    guard_end(&g);
    return rc;
}

int velum_progress(struct velum *v, int session, struct velum_progress *out)
{
    struct op *op;
    int rc = out ? find_session(v, session, &op) : missing(v, "where to put it");
    if (rc < 0)
        return rc;
    session_look(op, out);
    return VELUM_DONE;
}

/* --- waiting --- */

/* Its code, with its own sentence as the handle's. */
static int tell(struct velum *v, struct op *op)
{
    ops_told(&v->ops, op);
    if (op->code == VELUM_DONE)
        return op->number;
    v->code = op->code;
    (void)text_copy(v->said, sizeof v->said, op->said ? op->said : "");
    return op->code;
}

int velum_wait(struct velum *v, int operation, int64_t timeout_ms)
{
    struct guard g;
    struct op *op;
    int rc = find(v, operation, &op);
    if (rc < 0)
        return rc;
    guard_begin(&g);
    rc = has_ended(v, op) ? 0 : run_until(v, op, has_ended, until_of(timeout_ms));
    guard_end(&g);
    return rc < 0 ? rc : tell(v, op);
}

static bool has_failed(const struct velum *v, const struct op *op)
{
    (void)op;
    return v->failed != 0;
}

int velum_serve(struct velum *v, int64_t timeout_ms)
{
    struct guard g;
    if (!v)
        return VELUM_MISUSE;
    if (v->failed)
        return v->failed;
    guard_begin(&g);
    int rc = run_until(v, NULL, has_failed, until_of(timeout_ms));
    guard_end(&g);
    if (rc == VELUM_IN_PART)
        return VELUM_DONE;
    return rc < 0 ? rc : v->failed;
}

static bool kill_is_answered(const struct velum *v, const struct op *op)
{
    (void)v;
    int code;
    char why[VIEW_ERROR_SIZE];
    return task_is_killed(op, &code, why) ||
           (op->code != VELUM_IN_PART && !task_is_acknowledged(op));
}

static int kill_outcome(struct velum *v, const struct op *op)
{
    int code = VELUM_DONE;
    char why[VIEW_ERROR_SIZE];
    if (!task_is_killed(op, &code, why) || code == VELUM_DONE)
        return VELUM_DONE;
    if (code == VELUM_IN_PART)
        return handle_fail(v, code, "velum show JOB, once they are back",
                           "%s away: a result that is already complete there may still win",
                           why[0] ? why : "a holder is");
    return handle_fail(v, code, "", "%s", why[0] ? why : "the answer makes no sense");
}

static int kill_task(struct velum *v, struct op *op, int64_t timeout_ms)
{
    if (!has_ended(v, op))
        task_kill(v, op);
    else if (op->code != VELUM_CANCELLED)
        return VELUM_DONE;
    if (timeout_ms < 0 || timeout_ms > KILL_MAX_MS)
        timeout_ms = KILL_MAX_MS;
    int rc = run_until(v, op, kill_is_answered, until_of(timeout_ms));
    return rc < 0 ? rc : kill_outcome(v, op);
}

int velum_kill(struct velum *v, int operation, int64_t timeout_ms)
{
    struct guard g;
    struct op *op;
    int rc = find(v, operation, &op);
    if (rc < 0)
        return rc;
    guard_begin(&g);
    if (op->kind == OP_TASK)
        rc = kill_task(v, op, timeout_ms);
    else if (!has_ended(v, op))
        handle_cancel(v, op);
    guard_end(&g);
    return rc;
}

void velum_release(struct velum *v, int operation)
{
    struct op *op = v ? ops_find(&v->ops, operation) : NULL;
    if (op)
        handle_free(v, op);
}

/* --- what came of it --- */

const char *velum_text(struct velum *v, int operation)
{
    if (operation < 0)
        return velum_sentence(v, operation);
    const struct op *op = v ? ops_find(&v->ops, operation) : NULL;
    if (!op || op->code != VELUM_DONE)
        return NULL;
    return op->kind == OP_TASK ? task_text(op) : op->kind == OP_HAUL ? haul_text(op) : NULL;
}

const void *velum_bytes(struct velum *v, int operation, size_t *size)
{
    const struct op *op = v ? ops_find(&v->ops, operation) : NULL;
    struct bytes bytes = {0};
    if (op && op->code == VELUM_DONE)
        bytes = op->kind == OP_TASK    ? task_bytes(op)
                : op->kind == OP_HAUL  ? haul_bytes(op)
                : op->kind == OP_YIELD ? yield_bytes(op)
                                       : (struct bytes){0};
    if (size)
        *size = bytes.len;
    return bytes.data;
}

int velum_look(struct velum *v, int operation, struct velum_state *out)
{
    const struct op *op = v && out ? ops_find(&v->ops, operation) : NULL;
    if (out)
        *out = (struct velum_state){.state = "", .error = ""};
    if (!op)
        return !v || !out ? missing(v, "where to put it") : unknown(v);
    out->code = op->code;
    if (op->said)
        out->error = op->said;
    out->no_kernel = op->no_kernel;
    if (op->kind == OP_TASK)
        task_look(op, out);
    else if (op->kind == OP_HAUL)
        haul_look(op, out);
    else if (op->kind == OP_YIELD)
        yield_look(op, out);
    return VELUM_DONE;
}

static const char *meaning(int code)
{
    switch (code) {
    case VELUM_DONE:
        return "done";
    case VELUM_FAILED:
        return "it failed";
    case VELUM_MISUSE:
        return "an argument, a kernel or an operation that cannot be";
    case VELUM_NOT_FOUND:
        return "no such job or object";
    case VELUM_NOT_ALLOWED:
        return "not allowed";
    case VELUM_NO_NODE:
        return "no node can be reached";
    case VELUM_NOWHERE:
        return "no node can ever run this";
    case VELUM_IN_PART:
        return "not ended yet, or somebody is away";
    case VELUM_CANCELLED:
        return "cancelled";
    case VELUM_GONE:
        return "it existed and is gone";
    case VELUM_TIME_OUT:
        return "time ran out";
    case VELUM_INTERRUPTED:
        return "the wait was interrupted";
    default:
        return code > 0 ? "an operation" : "unknown code";
    }
}

const char *velum_sentence(const struct velum *v, int code)
{
    if (!v && code == VELUM_MISUSE && program_refusal()[0])
        return program_refusal();
    return v && v->code == code && code < 0 && v->said[0] ? v->said : meaning(code);
}

/* --- inside another loop --- */

int velum_fd(const struct velum *v)
{
    return v ? v->poll : -1;
}

int velum_timeout(const struct velum *v)
{
    return v ? milliseconds_until(handle_due(v)) : -1;
}

int velum_process(struct velum *v)
{
    struct guard g;
    if (!v)
        return VELUM_MISUSE;
    if (v->failed)
        return v->ops.ended_untold > 0 ? (int)v->ops.ended_untold : v->failed;
    guard_begin(&g);
    handle_step(v);
    guard_end(&g);
    return (int)v->ops.ended_untold;
}

int velum_next(struct velum *v)
{
    struct op *op = v ? ops_take_ended(&v->ops) : NULL;
    return op ? op->number : 0;
}

void velum_wake(struct velum *v)
{
    const int error = errno;
    const uint64_t one = 1;
    ssize_t n = write(v->wake, &one, sizeof one);
    (void)n;
    errno = error;
}

const char *velum_version(void)
{
    return VELUM_VERSION;
}
