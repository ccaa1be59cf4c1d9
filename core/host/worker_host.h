/* The host table that kernels see inside a worker: processor features, log lines on standard error,
 * naps during which orders are still received, and scratch memory. Called by worker.c. */
#ifndef VELUM_HOST_WORKER_HOST_H
#define VELUM_HOST_WORKER_HOST_H

#include "plugins/velum_kernel.h"

/* Gets the scratch memory that the kernel asked for (bounded by VELUM_MEMORY_MAX): 0 or
 * ERR_NO_MEMORY. Once in a process. */
int worker_host_init(const struct velum_kernel *k);
/* The table; forgets what the last call took of the scratch memory. */
const struct velum_host *worker_host_fresh(void);
/* What this processor and system allow: VELUM_CPU_... bits. */
uint64_t worker_host_cpu(void);

#endif
