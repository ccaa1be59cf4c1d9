/* Certificates of nodes: of those that came over a link of their own, and of those that were
 * introduced (introduce.h). Whoever has one is a node of this mesh, whatever else is said of it;
 * and it is introduced to others by the same certificate. That one has ended since makes nobody
 * untrue.
 *
 * Kept as long as the node is a member or has a link here; for MESH_MEMBERS_MAX and as many as
 * there are links. Private to core/node. */
#ifndef VELUM_NODE_PROVEN_H
#define VELUM_NODE_PROVEN_H

#include "core/node/state.h"

bool proven_has(const struct node *n, struct node_id id);
/* Its certificate, this node's own too; empty: none is known. Borrowed until the next change. */
struct bytes proven_certificate(const struct node *n, struct node_id id);
/* This is its certificate from now on. Nothing where there is no room: it cannot be introduced. */
void proven_keep(struct node *n, struct node_id id, struct bytes certificate);
/* Forgets it, unless it is a member or has a link. */
void proven_look(struct node *n, struct node_id id);
void proven_free(struct node *n);

#endif
