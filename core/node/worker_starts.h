/* Workers that the system does not let this node start: a pause behind each such failure, and where
 * none starts for seconds what waits for one is given back, or refused, with the reason. Private to
 * core/node. */
#ifndef VELUM_NODE_WORKER_STARTS_H
#define VELUM_NODE_WORKER_STARTS_H

#include "core/node/state.h"

/* One has started: all is well. */
void starts_work(struct node *n);
/* One ended before it was ready, of that cause; `refused`: its host was not able to make it. */
void starts_failed(struct node *n, bool refused, const char *cause);
/* The pause behind a failure is over. */
void starts_again(struct node *n);

#endif
