/* Where nodes are reached: a dial that came to nothing, and an address of this node's own that is
 * another from now on. Private to core/node. */
#ifndef VELUM_NODE_REACH_H
#define VELUM_NODE_REACH_H

#include "core/node/state.h"

/* Not of a bulk link. */
void reach_dial_failed(struct node *n, uint32_t dial, enum dial_end end);
/* The other nodes are told. */
void reach_address(struct node *n, const char *addr);

#endif
