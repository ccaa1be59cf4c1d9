/* An operation that is a job: planned (here, when this program has the kernel, or by the node),
 * signed, submitted, watched, and shown. Called by velum.c and handle.c. */
#ifndef VELUM_API_TASK_H
#define VELUM_API_TASK_H

#include "core/api/handle.h"
#include "core/host/submission.h"

/* A new operation, or a code. `planned` NULL: its plan is made here or by its node. */
int task_start(struct velum *v, const struct velum_task *t, const struct plan *planned);
/* One whose kernel and arguments come later: then *task_submission is filled in, and
 * task_gathered goes on with it. */
int task_gather(struct velum *v, struct op **out);
struct submission *task_submission(struct op *op);
void task_gathered(struct velum *v, struct op *op);
/* Its id, or NULL: it is not acknowledged yet. */
const struct job_id *task_job(const struct op *op);
/* Asks once more what has not been answered. */
void task_resume(struct velum *v, struct op *op);
/* Takes an answer to the open request. */
void task_answer(struct velum *v, struct op *op, const struct frame *frame);
/* Takes an answer to a KILL, which is asked beside the rest, also after the job has ended. False
 * when it is none. */
bool task_aside(struct op *op, const struct frame *frame);
/* One of its inputs is there, or cannot be had: the child has ended. */
void task_fed(struct velum *v, struct op *op, const struct op *child);
/* A refusal by a node that may not know the job yet: asks again in a moment. False when that makes
 * no sense. */
bool task_is_patient(struct velum *v, struct op *op);
/* Asks for its cancelling. */
void task_kill(struct velum *v, struct op *op);
/* Whether that was answered; then the answer's code, and who is away or what went wrong. */
bool task_is_killed(const struct op *op, int *code, char why[VIEW_ERROR_SIZE]);
/* Whether the node has acknowledged it. */
bool task_is_acknowledged(const struct op *op);

const char *task_text(const struct op *op);
struct bytes task_bytes(const struct op *op);
/* Whether it has bytes for a result, and then what its node says of them (core/wire/output.h). */
bool task_yields(const struct op *op, struct bytes *result);
void task_look(const struct op *op, struct velum_state *out);
void task_free(struct op *op);

#endif
