/* What a worker does of its kernel beside runs: merges, and plans and shows, one or many in a
 * frame. Called by worker.c. */
#ifndef VELUM_HOST_WORKER_ASIDES_H
#define VELUM_HOST_WORKER_ASIDES_H

#include "core/kernel/kernel.h"
#include "core/wire/asides.h"

/* The order as ORDER_PLAN has it; appends what WORKER_PLANNED has. 0, or ERR_FORMAT: a bad order,
 * and nothing was appended. */
int worker_plan(const struct velum_kernel *k, struct bytes order, struct buf *to);
/* Appends what WORKER_SHOWN has. */
void worker_show(const struct velum_kernel *k, const struct aside_show *m, struct buf *to);
/* The order as ORDER_ASIDES has it; appends what WORKER_ASIDES has. 0 or ERR_FORMAT. */
int worker_asides(const struct velum_kernel *k, struct bytes order, struct buf *to);

/* The order as ORDER_MERGE has it; appends what WORKER_MERGED has. 0, or < 0: a bad order, or what
 * a merge returned, and nothing was appended. */
int worker_merge(const struct velum_kernel *k, struct bytes params, uint32_t value_size,
                 struct bytes order, struct buf *to);

#endif
