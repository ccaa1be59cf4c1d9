/* What users see of the nodes. Private to core/node. */
#ifndef VELUM_NODE_SHOW_NODES_H
#define VELUM_NODE_SHOW_NODES_H

#include "core/node/state.h"

/* REQUEST_NODES: this node first, then all members. */
void show_nodes(struct node *n, uint64_t link, uint32_t request, struct bytes payload);

#endif
