/* The end of a job that collects: when every leaf's output is in the cover, its coordinator makes
 * the list of them, an object of its own node, and writes the outcome when that has its copies.
 * Private to core/node. */
#ifndef VELUM_NODE_COLLECT_H
#define VELUM_NODE_COLLECT_H

#include "core/node/state.h"

/* This node leads it, and all leaves of all stages are covered. Goes on where it was. */
void collect_advance(struct job *j);
/* It leads no more. */
void collect_drop(struct job *j);

#endif
