/* The limit on processor time that a job sets its workers: what one of them uses beyond all that
 * the job may use is the end of it, whatever its kernel does or tells. Called by worker_kernel.c.
 */
#ifndef VELUM_HOST_WORKER_TIME_H
#define VELUM_HOST_WORKER_TIME_H

#include "core/wire/order.h"

/* So much for this process, in whole seconds, rounded up: SIGXCPU then, and SIGKILL a second later,
 * because that cannot be put off. 0: no limit. Before the walls close. 0, or ERR_SYSTEM with a
 * reason. */
int worker_time_limit(uint64_t cpu_us, char reason[REASON_SIZE]);

#endif
