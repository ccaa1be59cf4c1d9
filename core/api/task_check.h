/* What is wrong with a task before anybody is asked, as a failure of its handle. Called by task.c
 * and session.c. */
#ifndef VELUM_API_TASK_CHECK_H
#define VELUM_API_TASK_CHECK_H

#include "core/api/handle.h"
#include "core/host/submission.h"

/* Its kernel's name, its own, and its arguments. 0 or a code. */
int task_check(struct velum *v, const struct velum_task *t);
/* Milliseconds of a caller's as a specification has them. */
uint64_t task_us(uint64_t ms);
/* Both return the code. */
int task_refuse_kernel(struct velum *v, const char *kernel);
int task_refuse_args(struct velum *v, const char *kernel, const char *reason);
/* The leaf the caller chose, into the plan, if it leaves a number of leaves that a job may have. */
int task_choose_leaf(struct velum *v, struct submission *s);
/* Each into the submission. 0, or a code: something of it is not allowed. */
int task_limits(struct velum *v, struct submission *s, const struct velum_task *t);
int task_asks(struct velum *v, struct submission *s, const struct velum_asks *a);

#endif
