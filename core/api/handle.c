#include "core/api/handle.h"

#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "core/api/far.h"
#include "core/api/haul.h"
#include "core/api/session.h"
#include "core/api/task.h"
#include "core/api/task_source.h"
#include "core/api/yield.h"
#include "core/base/ensure.h"
#include "core/base/err.h"
#include "core/base/text.h"
#include "core/host/loop.h"
#include "core/host/spawner.h"
#include "core/wire/message.h"

#define RETRY_FIRST_US (10 * MS_US)
#define RETRY_LAST_US (500 * MS_US)
#define LOOK_US S_US
#define FULL_FIRST_US (50 * MS_US)
#define FULL_LAST_US S_US
#define FULL_SILENT_US (10 * FULL_LAST_US) /* who still waited would have asked again by then */

static void say(struct velum *v, int code, const char *hint, const char *format, va_list args)
{
    vsnprintf(v->scratch, sizeof v->scratch, format, args);
    text_sanitise(v->scratch, strlen(v->scratch), true, v->said, sizeof v->said);
    if (hint[0]) {
        text_append(v->said, sizeof v->said, "; try: ");
        text_append(v->said, sizeof v->said, hint);
    }
    v->code = code;
}

int handle_fail(struct velum *v, int code, const char *hint, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    say(v, code, hint, format, args);
    va_end(args);
    return code;
}

int handle_fail_err(struct velum *v, int err, const char *what)
{
    return handle_fail(v, VELUM_FAILED, "", "%s: %s", what, err_sentence(err));
}

/* A child whose parent has ended goes no further. */
static void end_child(struct velum *v, const struct op *op)
{
    struct op *child = ops_find(&v->ops, op->child);
    if (!child || child->code != VELUM_IN_PART)
        return;
    haul_stop(v, child);
    ops_ended(&v->ops, child, VELUM_CANCELLED);
    ops_told(&v->ops, child);
}

void handle_end(struct velum *v, struct op *op, int code)
{
    if (code != VELUM_DONE)
        op->said = strdup(v->said);
    ops_ended(&v->ops, op, code);
    end_child(v, op);
    if (op->parent) {
        ops_told(&v->ops, op);
        v->children_ended = true;
    }
}

void handle_cancel(struct velum *v, struct op *op)
{
    if (op->kind == OP_HAUL)
        haul_stop(v, op);
    handle_end_failed(v, op, VELUM_CANCELLED, "", "it was cancelled");
}

void handle_end_as(struct velum *v, struct op *op, const struct op *other)
{
    (void)text_copy(v->said, sizeof v->said, other->said ? other->said : "");
    v->code = other->code;
    handle_end(v, op, other->code);
}

void handle_end_failed(struct velum *v, struct op *op, int code, const char *hint,
                       const char *format, ...)
{
    va_list args;
    va_start(args, format);
    say(v, code, hint, format, args);
    va_end(args);
    handle_end(v, op, code);
}

void handle_makes_no_sense(struct velum *v, struct op *op)
{
    handle_end_failed(v, op, VELUM_FAILED, "velum version, here and on the node",
                      "the node gave an answer that makes no sense");
}

/* --- operations that belong to others --- */

void handle_free(struct velum *v, struct op *op)
{
    struct op *child = ops_find(&v->ops, op->child);
    if (child)
        handle_free(v, child);
    if (op->kind == OP_HAUL && op->code == VELUM_IN_PART)
        haul_stop(v, op);
    session_free(v, op);
    if (op->kind == OP_TASK)
        task_free(op);
    else if (op->kind == OP_HAUL)
        haul_free(op);
    else if (op->kind == OP_YIELD)
        yield_free(op);
    else
        far_free(op);
    ops_remove(&v->ops, op);
}

void handle_adopt(struct velum *v, struct op *op, int number)
{
    struct op *before = ops_find(&v->ops, op->child), *child = ops_find(&v->ops, number);
    if (before)
        handle_free(v, before);
    op->child = number;
    child->parent = op->number;
    if (child->code != VELUM_IN_PART) {
        ops_told(&v->ops, child);
        v->children_ended = true;
    }
}

/* Its child has ended: it goes on, and may have another one then. */
static void go_on(struct velum *v, struct op *op)
{
    const struct op *child = ops_find(&v->ops, op->child);
    if (!child || child->code == VELUM_IN_PART || op->child_taken == op->child)
        return;
    op->child_taken = op->child;
    if (op->kind == OP_TASK)
        task_fed(v, op, child);
    else
        yield_go_on(v, op, child);
}

/* --- the line --- */

static int poll_add(const struct velum *v, int fd)
{
    struct epoll_event e = {.events = EPOLLIN};
    return epoll_ctl(v->poll, EPOLL_CTL_ADD, fd, &e) == 0 ? 0 : ERR_SYSTEM;
}

static int open_polls(struct velum *v)
{
    v->poll = epoll_create1(EPOLL_CLOEXEC);
    v->wake = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    return v->poll < 0 || v->wake < 0 ? ERR_SYSTEM : poll_add(v, v->wake);
}

/* A spawner by exec, because this program may have threads and be large; only now that it is known
 * to be needed. */
static int open_inside(struct velum *v, char message[ASK_MESSAGE_SIZE])
{
    struct ask_options o = v->options;
    int rc = spawner_new(&v->spawner);
    if (rc < 0) {
        snprintf(message, ASK_MESSAGE_SIZE, "the process that starts workers cannot be made: %s",
                 strerror(errno));
        return rc;
    }
    o.addr = NULL;
    o.embedded_only = true;
    o.spawner = &v->spawner;
    o.node = v->node;
    rc = ask_open(&v->ask, &o, message);
    if (rc < 0)
        spawner_close(&v->spawner);
    v->inside = rc == 0;
    return rc;
}

static const char *hint_of_open(const struct velum *v, int code, const char *message)
{
    if (v->options.addr && strstr(message, "there is no mesh in"))
        return "VELUM_HOME of the mesh that it belongs to, or velum node, which begins one";
    if (v->options.addr && code == VELUM_MISUSE)
        return "127.0.0.1:8001";
    if (code == VELUM_NO_NODE)
        return v->options.addr ? "velum node, where it should be" : "velum node";
    return "";
}

int handle_open(struct velum *v)
{
    char message[ASK_MESSAGE_SIZE] = "";
    const bool inside = v->options.embedded_only, may = v->options.embedded_ok;
    int rc = open_polls(v);
    v->options.embedded_only = v->options.embedded_ok = false;
    v->options.guest = true;
    if (rc == 0 && !inside)
        rc = ask_open(&v->ask, &v->options, message);
    if (rc == 0 && inside)
        rc = open_inside(v, message);
    else if (rc == ERR_UNREACHABLE && may)
        rc = open_inside(v, message);
    if (rc == 0)
        rc = poll_add(v, ask_fd(v->ask));
    if (rc == 0)
        return 0;
    const int code = -(int)exit_code_of_open(rc);
    const char *hint = strstr(message, "try: ") ? "" : hint_of_open(v, code, message);
    return handle_fail(v, code, hint, "%s", message[0] ? message : err_sentence(rc));
}

void handle_close(struct velum *v)
{
    ask_close(v->ask);
    v->ask = NULL;
    if (v->poll >= 0)
        close(v->poll);
    if (v->wake >= 0)
        close(v->wake);
    free(v->addr);
    free(v->node);
}

/* --- losing it, and finding it again --- */

/* f may end the one it is given and its family, and begin others. */
static void each_live(struct velum *v, void (*f)(struct velum *v, struct op *op))
{
    uint32_t left = v->ops.live;
    for (uint32_t i = 0; i < v->ops.cap && left > 0; i++) {
        struct op *op = v->ops.places[i];
        if (!op || op->code != VELUM_IN_PART)
            continue;
        left--;
        f(v, op);
    }
}

static void look_by(struct velum *v, struct instant due)
{
    v->look_at = instant_first(v->look_at, due);
}

static void end_with_node(struct velum *v, struct op *op)
{
    handle_end_failed(v, op, VELUM_FAILED, "more memory, or fewer jobs at a time",
                      "the node inside this program ended");
}

static void now_lost(struct velum *v, struct op *op)
{
    (void)v;
    if (op->child) /* which is what has lost it */
        return;
    op->silent_by = op->again_at = INSTANT_NEVER;
    if (op->lost_at.us == INSTANT_NEVER.us)
        op->lost_at = loop_clock();
}

static void end_refused(struct velum *v, struct op *op)
{
    handle_end(v, op, v->code);
}

/* What closed the line will close the next one as well: another mesh, or another version. */
static void lose_for_good(struct velum *v, int rc)
{
    const char *why = ask_fault(v->ask);
    handle_fail(v, -(int)exit_code_of_open(rc), "velum nodes", "%s",
                why[0]               ? why
                : rc == ERR_IDENTITY ? "the node belongs to another mesh, or to another user"
                                     : err_sentence(rc));
    each_live(v, end_refused);
}

static void lose(struct velum *v, int rc)
{
    if (rc == ERR_IDENTITY || rc == ERR_VERSION)
        lose_for_good(v, rc);
    ask_close(v->ask);
    v->ask = NULL;
    if (v->inside) {
        v->failed = handle_fail(v, VELUM_FAILED, "more memory, or fewer jobs at a time",
                                "the node inside this program ended");
        each_live(v, end_with_node);
        return;
    }
    v->retry_at = loop_clock();
    v->retry_us = RETRY_FIRST_US;
    look_by(v, instant_plus_us(v->retry_at, LOOK_US));
    each_live(v, now_lost);
}

static void ask_again(struct velum *v, struct op *op)
{
    op->again_at = INSTANT_NEVER;
    if (op->kind == OP_TASK)
        task_resume(v, op);
    else if (op->kind == OP_HAUL)
        haul_resume(v, op);
    else if (op->kind == OP_FAR)
        far_resume(v, op);
}

static void find_again(struct velum *v)
{
    const struct instant now = loop_clock();
    if (v->ops.live == 0 || !instant_reached(now, v->retry_at))
        return;
    int rc = ask_reopen(&v->ask, &v->options);
    if (rc == 0 && poll_add(v, ask_fd(v->ask)) < 0) {
        ask_close(v->ask);
        v->ask = NULL;
        rc = ERR_SYSTEM;
    }
    if (rc == 0) {
#if VELUM_PLANT != 426 /* unit/test_api_node: a node that was found again is not asked again */
        each_live(v, ask_again);
#endif
        return;
    }
    v->retry_at = instant_plus_us(loop_clock(), v->retry_us);
    v->retry_us = v->retry_us * 2 < RETRY_LAST_US ? v->retry_us * 2 : RETRY_LAST_US;
}

bool handle_is_new(const struct op *op)
{
    return op->lost_at.us != INSTANT_NEVER.us;
}

void handle_answered(struct op *op)
{
    op->lost_at = INSTANT_NEVER;
    op->silent_by = INSTANT_NEVER;
}

/* --- asking and being answered --- */

static void send_frame(struct velum *v, uint32_t request, uint8_t type, struct bytes payload)
{
    /* What fails here shows as the end of the line in the next step, which then finds every
     * operation that is still waiting. */
    if (v->ask)
        (void)ask_send(v->ask, type, request, payload);
}

void handle_needs_node(struct velum *v, struct op *op)
{
    const struct instant now = loop_clock();
    if (op->lost_at.us == INSTANT_NEVER.us)
        op->lost_at = now;
    look_by(v, instant_plus_us(now, LOOK_US));
}

void handle_ask(struct velum *v, struct op *op, uint8_t type, struct bytes payload)
{
    const struct instant now = loop_clock();
    op->request = ops_next_request(op);
    if (!v->ask)
        handle_needs_node(v, op);
    op->silent_by = v->ask ? instant_plus_us(now, HANDLE_ANSWER_MAX_US) : INSTANT_NEVER;
    look_by(v, instant_plus_us(now, LOOK_US));
    send_frame(v, op->request, type, payload);
}

void handle_ask_on(struct velum *v, struct op *op, uint8_t type, struct bytes payload)
{
    send_frame(v, op->request, type, payload);
}

void handle_again(struct velum *v, struct op *op, int64_t after_us)
{
    op->request = 0;
    op->silent_by = INSTANT_NEVER;
    op->again_at = instant_plus_us(loop_clock(), after_us);
    look_by(v, op->again_at);
}

/* --- a node that has no room --- */

/* The node is full for all: what it takes of one of those that wait is a sign for the others. */
static void had_room(struct velum *v, struct op *op)
{
    if (op->full_us == 0)
        return;
    op->full_us = 0;
    v->full_since = INSTANT_NEVER;
}

/* It asks again, less and less often, until the node has had no room for very long. */
static void wait_for_room(struct velum *v, struct op *op, const char *what)
{
    const struct instant now = loop_clock();
    if (v->full_since.us == INSTANT_NEVER.us || instant_since_us(now, v->full_at) > FULL_SILENT_US)
        v->full_since = now;
    v->full_at = now;
    handle_answered(op);
    if (instant_since_us(now, v->full_since) >= v->full_max_us) {
        handle_end_failed(v, op, VELUM_FAILED, "later, or another node",
                          "the node has had no room for %d s: %s", (int)(v->full_max_us / S_US),
                          what);
        return;
    }
    op->full_us = op->full_us == 0                 ? FULL_FIRST_US
                  : op->full_us * 2 < FULL_LAST_US ? op->full_us * 2
                                                   : FULL_LAST_US;
    handle_again(v, op, op->full_us);
}

static void refuse(struct velum *v, struct op *op, struct bytes payload)
{
    static const char again[] = REPLY_TRY_AGAIN;
    struct reply_error e;
    char hint[sizeof e.hint];
    if (read_reply_error(payload, &e) < 0) {
        handle_end_failed(v, op, VELUM_FAILED, "velum version, here and on the node",
                          "the node gave an answer that makes no sense");
        return;
    }
    text_sanitise(e.hint, strlen(e.hint), true, hint, sizeof hint);
#if VELUM_PLANT != 877 /* unit/test_api_inputs: what a node has no room for is not asked again */
    if (e.exit_code == -VELUM_FAILED && strncmp(hint, again, sizeof again - 1) == 0) {
        wait_for_room(v, op, e.what);
        return;
    }
#endif
    had_room(v, op);
    op->no_kernel = e.no_kernel;
    /* A misuse is about its arguments, but where nobody has the source. */
    if (op->kind == OP_TASK && (e.exit_code != -VELUM_MISUSE || e.no_kernel))
        task_source_forget(v);
    const char *about = op->kind == OP_HAUL ? haul_ref(op) : "";
    handle_end_failed(v, op, e.exit_code ? -(int)e.exit_code : VELUM_FAILED, hint, "%s%s%s", about,
                      about[0] ? ": " : "", e.what);
}

/* It answers nobody: the node takes nothing of this user, whatever he asks, and hangs up. */
static void refuse_all(struct velum *v, struct bytes payload)
{
    struct reply_error e;
    char hint[sizeof e.hint];
    if (read_reply_error(payload, &e) < 0)
        return;
    text_sanitise(e.hint, strlen(e.hint), true, hint, sizeof hint);
    handle_fail(v, e.exit_code ? -(int)e.exit_code : VELUM_FAILED, hint, "%s", e.what);
    each_live(v, end_refused);
}

static void dispatch(struct velum *v, const struct frame *frame)
{
    struct op *op = ops_of_request(&v->ops, frame->request);
#if VELUM_PLANT != 984 /* unit/test_api_refused: who is refused by his key waits for an answer */
    if (frame->request == 0 && frame->type == MESSAGE_REPLY_ERROR) {
        refuse_all(v, frame->payload);
        return;
    }
#endif
    /* A job may have ended before the proof of its cancelling comes. */
    if (!op || session_aside(v, op, frame) || (op->kind == OP_TASK && task_aside(op, frame)))
        return;
    if (op->code != VELUM_IN_PART || frame->request != op->request)
        return; /* the rest of what it had asked before */
    if (frame->type != MESSAGE_REPLY_ERROR)
        had_room(v, op);
    if (frame->type == MESSAGE_REPLY_ERROR &&
        !(op->kind == OP_TASK && handle_is_new(op) && task_is_patient(v, op)))
        refuse(v, op, frame->payload);
    else if (frame->type != MESSAGE_REPLY_ERROR && op->kind == OP_TASK)
        task_answer(v, op, frame);
    else if (frame->type != MESSAGE_REPLY_ERROR && op->kind == OP_HAUL)
        haul_answer(v, op, frame);
    else if (frame->type != MESSAGE_REPLY_ERROR && op->kind == OP_FAR)
        far_answer(v, op, frame);
}

static void look_at_one(struct velum *v, struct op *op)
{
    const struct instant now = loop_clock();
    if (instant_reached(now, op->silent_by))
        handle_end_failed(v, op, VELUM_NO_NODE, "another node: VELUM_ADDR",
                          "the node gave no answer for %d s",
                          (int)(HANDLE_ANSWER_MAX_US / S_US));
    else if (op->lost_at.us != INSTANT_NEVER.us &&
             instant_since_us(now, op->lost_at) > HANDLE_LOST_MAX_US)
        handle_end_failed(v, op, VELUM_NO_NODE, "velum nodes", "no node has answered for %d s",
                          (int)(HANDLE_LOST_MAX_US / S_US));
    else if (v->ask && instant_reached(now, op->again_at))
        ask_again(v, op);
    else
        look_by(v, instant_first(op->again_at, instant_plus_us(now, LOOK_US)));
    session_tick(v, op);
}

static void look(struct velum *v)
{
    if (v->ops.live == 0 || !instant_reached(loop_clock(), v->look_at))
        return;
    v->look_at = INSTANT_NEVER;
    each_live(v, look_at_one);
}

static void take_wake(struct velum *v)
{
    uint64_t count;
    if (read(v->wake, &count, sizeof count) == (ssize_t)sizeof count)
        v->woken = true;
}

/* What parents ask when a child has ended, the node inside answers at once. */
static int take_frames(struct velum *v)
{
    struct frame frame;
    bool again;
    int rc = 0;
    do {
        while (v->ask && (rc = ask_next(v->ask, (struct instant){0}, &frame)) == 1)
            dispatch(v, &frame);
        again = v->children_ended;
        v->children_ended = false;
        if (again)
            each_live(v, go_on);
#if VELUM_PLANT == 453 /* unit/test_api_inputs: what a node inside says at once is left */
        again = false;
#endif
    } while (again);
    return rc;
}

void handle_step(struct velum *v)
{
    int rc = 0;
    take_wake(v);
    if (!v->ask && !v->failed)
        find_again(v);
    session_flush_all(v); /* what was added begins before anything else is looked at */
    if (v->ask)
        ask_step(v->ask);
    rc = take_frames(v);
    if (v->ask && rc < 0 && rc != ERR_CANCELLED)
        lose(v, rc);
    session_flush_all(v);
    look(v);
}

struct instant handle_due(const struct velum *v)
{
    struct instant due = v->ask ? ask_due(v->ask) : INSTANT_NEVER;
    if (v->ops.live == 0 || v->failed)
        return due;
    if (!v->ask)
        due = instant_first(due, v->retry_at);
    for (const struct op *op = v->ask ? v->sessions : NULL; op; op = session_next(op))
        due = instant_first(due, session_due(op));
    return instant_first(due, v->look_at);
}
