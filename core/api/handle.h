/* A handle: the line to a node (or the node inside), the operations that go on over it, and what
 * happens when the line breaks: it is opened again, and every operation asks once more what it had
 * not been answered. Signed jobs are sent again as the same bytes, so they stay one job.
 *
 * Called by velum.c, task.c, feed.c, haul.c and yield.c. Everything here runs in the caller's
 * thread, inside a guard (guard.h). */
#ifndef VELUM_API_HANDLE_H
#define VELUM_API_HANDLE_H

#include "core/api/op.h"
#include "core/api/velum.h"
#include "core/host/ask.h"
#include "core/host/exit_code.h"
#include "core/wire/request.h"

#define HANDLE_ANSWER_MAX_US (30 * S_US)
#define HANDLE_LOST_MAX_US (30 * S_US)
#define HANDLE_FULL_MAX_US (60 * S_US)
#define HANDLE_SENTENCE_SIZE (VIEW_ERROR_SIZE + 512)

struct velum {
    struct ask *ask; /* NULL while the node is lost */
    struct ask_options options;
    struct spawner spawner;
    char *addr;
    struct conf *node; /* of VELUM_AS_NODE */
    int failed;        /* velum_init's code when it failed: nothing works */
    int poll;          /* an epoll set: the line, and `wake` */
    int wake;
    bool inside, woken;
    struct instant retry_at; /* when a lost node is looked for */
    int64_t retry_us;
    struct instant look_at; /* when operations are looked through for what is late */
    /* A node takes only so many requests at a time. Since when it has had no room for any that it
     * had none for before, when it said so last, and after how long that is a failure. */
    struct instant full_since, full_at;
    int64_t full_max_us;
    struct ops ops;
    struct op *sessions; /* the first of those that are open jobs */
    struct task_source *source; /* the last C source that was described, or NULL */
    bool children_ended; /* some have, and their parents do not know yet */
    int code;            /* of the last failure, and what it was */
    char said[HANDLE_SENTENCE_SIZE];
    char scratch[HANDLE_SENTENCE_SIZE];
};

/* Remembers a failure and what to try ("" for nothing); returns the code. */
int handle_fail(struct velum *v, int code, const char *hint, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
/* The same for a code of core/base/err.h. */
int handle_fail_err(struct velum *v, int err, const char *what);
/* The operation has ended; said NULL for success, otherwise the handle's last failure is copied. */
void handle_end(struct velum *v, struct op *op, int code);
void handle_end_failed(struct velum *v, struct op *op, int code, const char *hint,
                       const char *format, ...) __attribute__((format(printf, 5, 6)));
/* Of one that is no job: it ends, and what it had begun at the node with it. */
void handle_cancel(struct velum *v, struct op *op);
/* As `other` ended, which has failed. */
void handle_end_as(struct velum *v, struct op *op, const struct op *other);
/* The operation of that number is op's child from now on: when it has ended op goes on, in the same
 * step or the next. One that op had before is gone. */
void handle_adopt(struct velum *v, struct op *op, int child);
/* Frees an operation with all that is its. */
void handle_free(struct velum *v, struct op *op);
/* The same for an answer of the node's that does not read, or is none to what was asked. */
void handle_makes_no_sense(struct velum *v, struct op *op);

/* Opens by v->options; says what is wrong. */
int handle_open(struct velum *v);
void handle_close(struct velum *v);
/* Sends a new request of the operation, whose answer is due in HANDLE_ANSWER_MAX_US. Nothing is
 * lost when there is no node: the operation asks again when there is one. Frames that were borrowed
 * from the line are no longer good. */
void handle_ask(struct velum *v, struct op *op, uint8_t type, struct bytes payload);
/* There is none, and the operation can do nothing without: it goes on when there is one again. */
void handle_needs_node(struct velum *v, struct op *op);
/* Sends what belongs to the open request. */
void handle_ask_on(struct velum *v, struct op *op, uint8_t type, struct bytes payload);
/* The operation asks once more in a moment. */
void handle_again(struct velum *v, struct op *op, int64_t after_us);
/* Whether the node that was lost while this operation went on may just not know of it yet. */
bool handle_is_new(const struct op *op);
/* What was refused or lost before is over: the node has answered. */
void handle_answered(struct op *op);
/* Everything that can be done without waiting. */
void handle_step(struct velum *v);
/* When handle_step is due though nothing is readable. */
struct instant handle_due(const struct velum *v);

#endif
