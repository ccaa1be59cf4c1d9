/* An address of this node's own that is another from now on. Private to core/node. */
#ifndef VELUM_NODE_REACH_H
#define VELUM_NODE_REACH_H

#include "core/node/state.h"

/* The other nodes are told. */
void reach_address(struct node *n, const char *addr);

#endif
