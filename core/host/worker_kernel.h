/* The kernel of a worker, fetched into the process in the order that its walls demand (sandbox.h):
 * what is a file is opened first, then the walls close, and only then are foreign bytes looked at.
 * Whatever these return, no kernel has run yet, and the process can open nothing any more.
 * Called by worker.c, once in a process. */
#ifndef VELUM_HOST_WORKER_KERNEL_H
#define VELUM_HOST_WORKER_KERNEL_H

#include "core/wire/order.h"
#include "plugins/velum_kernel.h"

/* The limits on memory and processor time, the inputs, the walls and the kernel that LOAD names. 0
 * with *out, which is NULL where there is no such built-in; or < 0 with a sentence. A sentence
 * beside 0 says why what was built of the snippet was left out. */
int worker_kernel_load(const struct order_load *m, const struct velum_kernel **out,
                       char reason[REASON_SIZE]);
/* Whether it is the one that LOAD names. */
bool worker_kernel_is(const struct velum_kernel *k, const struct order_load *m);
/* The plugin or snippet of DESCRIBE, without inputs. */
int worker_kernel_try(uint8_t origin, const char *path, const struct velum_kernel **out,
                      char reason[REASON_SIZE]);

#endif
