/* An operation that is an open job: tasks are appended to it while it runs (core/wire/session.h),
 * gathered to lists that are signed as one, and what became of them is taken as it comes. The rest
 * of it is a job like others (task.h). Called by velum.c, handle.c and task.c. */
#ifndef VELUM_API_SESSION_H
#define VELUM_API_SESSION_H

#include "core/api/handle.h"
#include "core/host/builtin.h"

struct session;

/* A new operation, or a code. options NULL: all defaults. */
int session_open(struct velum *v, const struct velum_session *options);
void session_free(struct velum *v, struct op *op);
/* No task was added yet: the first one sends the job, what comes behind it is only gathered. */
bool session_is_empty(const struct op *op);
/* The task's number, or a code. `planned` NULL: it is planned here. */
int64_t session_add(struct velum *v, struct op *op, const struct velum_stage *stage,
                    const struct plan *planned);
int session_close(struct velum *v, struct op *op);
/* The next task that has ended: false when there is none now. */
bool session_take(struct op *op, struct velum_end *out);
/* No more can come: none is open, or the job has ended. */
bool session_is_idle(const struct op *op);
bool session_has_end(const struct op *op);
void session_look(const struct op *op, struct velum_progress *out);

/* Of any operation; nothing where it is none such. The job is acknowledged, or its node was lost
 * and found: what is not answered goes out again. */
void session_resume(struct velum *v, struct op *op);
/* Takes a frame that answers it. */
bool session_aside(struct velum *v, struct op *op, const struct frame *frame);
/* When something that was gathered is to be signed, and the one behind it in the handle's list. */
struct instant session_due(const struct op *op);
struct op *session_next(const struct op *op);
/* What was gathered goes out, of all sessions. */
void session_flush_all(struct velum *v);
/* Once a second: asks, and asks again what was not answered. */
void session_tick(struct velum *v, struct op *op);

#endif
