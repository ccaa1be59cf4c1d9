/* Jobs whose kernel this machine keeps from running: for a while it takes nothing of them, and what
 * it lacks it may have again then. Private to core/node. */
#ifndef VELUM_NODE_LABOUR_UNABLE_H
#define VELUM_NODE_LABOUR_UNABLE_H

#include "core/node/state.h"

/* This node cannot run the kernel of a job's worker, for a reason of its own: its chunk goes back.
 * When that was so three times in a row, which is no passing lack of something, so does what of the
 * job waits for a worker; the node says why, and takes no more of it for a while. */
void labour_cannot(struct node *n, struct worker *w, const char *why);
/* That was so a short while ago. */
bool labour_is_unable(const struct job *j);

#endif
