/* The inputs of a job that this node works for: got here whole before a worker is bound to it, and
 * pinned until it works for the job no more. Private to core/node. */
#ifndef VELUM_NODE_LABOUR_INPUTS_H
#define VELUM_NODE_LABOUR_INPUTS_H

#include "core/node/state.h"

/* All are here. The others are asked for from now on. */
bool labour_inputs_are_here(struct job *j);
/* Somebody has said that he has the object whole. */
bool labour_inputs_want(const struct node *n, struct digest name);
/* Goes on with what is missing; chunks of a job of which an input is to be had nowhere go back. */
void labour_inputs_tick(struct node *n);
void labour_inputs_drop(struct job *j);

#endif
