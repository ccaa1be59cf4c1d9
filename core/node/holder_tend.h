/* Whether a holder leads a job: it takes over when the coordinator is gone, and steps down for a
 * greater title. Private to core/node. */
#ifndef VELUM_NODE_HOLDER_TEND_H
#define VELUM_NODE_HOLDER_TEND_H

#include "core/node/state.h"

/* Claims when it must, steps down when it must. */
void holder_tend(struct job *j);
/* When a round has something to do for it. */
struct instant holder_tend_due(const struct job *j);
/* All the other holders that this node knows of are. */
bool holder_others_are_gone(const struct job *j);
void holder_tend_all(struct node *n);

#endif
