/* The end of a node that stops in good order: what it has not begun goes back, what runs ends at
 * the next border of a leaf, and then it says goodbye. Private to core/node. */
#ifndef VELUM_NODE_STOP_H
#define VELUM_NODE_STOP_H

#include "core/node/state.h"

/* Once; again it changes nothing. */
void stop_begin(struct node *n);
/* At the end of a step: leaves when nothing is left to do, or it took too long. */
void stop_finish(struct node *n);

#endif
