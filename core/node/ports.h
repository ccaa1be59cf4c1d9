/* Between a node and its mesh: what mesh wants done becomes actions, and what it tells of members
 * is noted, to be looked at when it has returned. Called by node.c. Private to core/node. */
#ifndef VELUM_NODE_PORTS_H
#define VELUM_NODE_PORTS_H

#include "core/node/state.h"

/* The mesh of node.mesh, with this node as its options have it. 0 or an error of mesh_new. */
int ports_make_mesh(struct node *n);
/* Closes a connection of any kind, which is forgotten here. */
void ports_close(struct node *n, uint64_t link);

#endif
