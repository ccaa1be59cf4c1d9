/* Leaves of a kernel in a worker. Where it is what the machine's compiler built of a snippet, the
 * first of them, and others as worker_sample.h says, are computed by what libtcc made as well, in
 * this same process and before it: two values that differ are no value of the leaf, and the kernel
 * is not to be trusted in that form.
 *
 * What both do to memory of their own, or leave in the scratch memory, is not looked at. Called by
 * worker.c and worker_kernel.c. */
#ifndef VELUM_HOST_WORKER_LEAF_H
#define VELUM_HOST_WORKER_LEAF_H

#include <stdbool.h>

#include "core/kernel/kernel.h"
#include "core/kernel/rolled.h"
#include "core/wire/order.h"

/* The first leaf is to be computed by this kernel too, which is like the other in all it says; and
 * others, whose two values may take leaf_us. 0: no others. */
void worker_leaf_compare(const struct velum_kernel *plain, uint64_t leaf_us);
/* Whether the two differed, and how, for the answer that says so. */
void worker_leaf_tell(struct worker_failed *answer);

/* As kernel_leaf and rolled_compute with the worker's host table, or ERR_KERNEL with a sentence:
 * the two differ. */
int worker_leaf(const struct velum_kernel *k, struct bytes params, uint64_t first, uint64_t count,
                uint8_t *value, char reason[REASON_SIZE]);
int worker_leaf_rolled(const struct rolled *all, uint8_t *value, char reason[REASON_SIZE]);

#endif
