/* The end of a job that collects: when every leaf's output is in the cover, its coordinator makes
 * the list of them, an object of its own node, and writes the outcome when that has its copies.
 * Private to core/node. */
#ifndef VELUM_NODE_COLLECT_H
#define VELUM_NODE_COLLECT_H

#include "core/node/state.h"

/* Nothing unless this node leads it and all leaves are covered; goes on where it was otherwise. */
void collect_advance(struct job *j);
/* It leads no more. */
void collect_drop(struct job *j);

#endif
