/* The limit on memory that a job sets its workers, by what it says they may need (demand.h): what a
 * worker wants beyond it the system refuses. Addresses count, touched or not, as they do for the
 * limit that the node sets where the job says nothing (spawner.h): the kernel's own data and its
 * scratch memory. Inputs that are files do not count. Called by worker.c. */
#ifndef VELUM_HOST_WORKER_MEMORY_H
#define VELUM_HOST_WORKER_MEMORY_H

#include "core/wire/order.h"

/* So many bytes for the kernel, in place of the node's limit, and some MiB for the worker itself;
 * 0: the node's limit stays. Before worker_input_open, which makes it final. 0, or ERR_SYSTEM with
 * a reason. */
int worker_memory_limit(uint64_t bytes, char reason[REASON_SIZE]);
/* Of a kernel that could not be loaded for want of memory: where that is the job's limit, the
 * reason says so, in place of what the system said: "the kernel needs more than the 64 MiB ...". */
void worker_memory_explain(char reason[REASON_SIZE]);

#endif
