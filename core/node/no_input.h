/* A stage whose input no node can give: at the coordinator. The input may come back with its node,
 * so the job fails only when nobody has got one, and no leaf was computed, for NO_INPUT_US; then it
 * names the input and who had it last. Private to core/node. */
#ifndef VELUM_NODE_NO_INPUT_H
#define VELUM_NODE_NO_INPUT_H

#include "core/node/state.h"

/* This node gave back work that was granted to it, and said so. Where leaves are out at others the
 * job goes on. True: that was waited for long enough, and the job's
 * outcome is written. */
bool no_input_fails(struct job *j, struct node_id from, const char *why);

#endif
