/* The worker process: computes the leaves of one kernel for one job, by the orders of its node
 * (core/wire/order.h), and dies with its pipes.
 *
 * It owns one kernel, its parameters and inputs, one open run and one queued run. It must never
 * touch keys, sockets, TLS or the event loop: whatever runs here is foreign code. Started by the
 * spawner as `velum __worker` with descriptors 0 (orders), 1 (reports) and 2 (log). */
#ifndef VELUM_HOST_WORKER_H
#define VELUM_HOST_WORKER_H

/* Serves until its input ends. Returns the exit status:
 * 0, also after the kernel itself said no; 2 when the node broke the protocol. */
int worker_main(void);

#endif
