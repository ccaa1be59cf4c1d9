/* Jobs and tasks whose plan the caller has already, of a kernel that this program need not have.
 * For the commands of this executable; a program has velum_submit and velum_add. Called by
 * cmd/map_run.c and cmd/map_tasks.c. */
#ifndef VELUM_API_PLANNED_H
#define VELUM_API_PLANNED_H

#include "core/api/velum.h"
#include "core/host/builtin.h"

/* As velum_submit, at the level sent, of one that reads no files. NULL: it is not planned yet. */
int planned_submit(struct velum *v, const struct velum_task *task, const struct plan *plan);
/* As velum_add: what the task says of kernel and arguments is for people. */
int64_t planned_add(struct velum *v, int session, const struct velum_stage *task,
                    const struct plan *plan);

#endif
