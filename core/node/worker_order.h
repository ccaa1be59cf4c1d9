/* What this node tells its workers (core/wire/order.h). Private to core/node. */
#ifndef VELUM_NODE_WORKER_ORDER_H
#define VELUM_NODE_WORKER_ORDER_H

#include "core/node/labour_inputs.h"
#include "core/node/state.h"
#include "core/wire/order.h"

/* Tells it something (core/wire/order.h). */
void worker_order(struct node *n, const struct worker *w, uint8_t type, struct bytes payload);
/* The file of an object that is a snippet's source. */
void worker_order_source(const struct node *n, struct digest source, char to[PATH_SIZE_MAX]);
/* Where the kernel and its objects lie is filled in; `kernel` of this node's, -1: a built-in,
 * KERNEL_CARRIED and up: a snippet, whose source is the last of the inputs, where there are any. */
void worker_order_load(struct node *n, const struct worker *w, int kernel, struct order_load m);
/* Inputs that are no objects, as many in a frame as fit. */
void worker_order_inputs(struct node *n, const struct worker *w, const struct stage_inputs *e);

#endif
