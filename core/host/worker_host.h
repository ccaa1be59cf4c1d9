/* The host table that kernels see inside a worker: processor features, log lines on standard error,
 * naps during which orders are still received, scratch memory, the inputs of worker_input.h, bcrypt
 * and, of a kernel that collects, its output. Called by worker.c. */
#ifndef VELUM_HOST_WORKER_HOST_H
#define VELUM_HOST_WORKER_HOST_H

#include "core/host/worker_output.h"
#include "plugins/velum_kernel.h"

/* Gets the scratch memory that the kernel asked for (bounded by VELUM_MEMORY_MAX): 0 or
 * ERR_NO_MEMORY. What a kernel that collects emits goes to *c, borrowed from then on. Once in a
 * process. */
int worker_host_init(const struct velum_kernel *k, struct collect *c);
/* What the kernel emits is added to `to` (NULL: to none), and goes nowhere else where `only`. */
struct sha256;
void worker_host_listen(struct sha256 *to, bool only);
/* The table; forgets what the last call took of the scratch memory. */
const struct velum_host *worker_host_fresh(void);
/* What this processor and system allow: VELUM_CPU_... bits. */
uint64_t worker_host_cpu(void);

#endif
