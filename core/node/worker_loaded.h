/* What a worker says of the kernel that it was to load for a job, and what becomes of its work when
 * it could not. Private to core/node. */
#ifndef VELUM_NODE_WORKER_LOADED_H
#define VELUM_NODE_WORKER_LOADED_H

#include "core/node/state.h"

/* LOADED, of a worker that is bound to a job. Where it could not load, an input may be at fault,
 * or this node, which then gives the job's work back, or the kernel. */
void worker_loaded_heard(struct node *n, struct worker *w, struct bytes payload);

#endif
