/* The mesh's next root on its way through the mesh (core/wire/roots.h). The node hands on what its
 * host has found good, and to the host what others say; it judges nothing itself. Each peer is told
 * once, when it can be reached and when there is something new. Two that have others of the same
 * version show them to each other, and either host judges by the same rule; it is noted, too.
 * Private to core/node. */
#ifndef VELUM_NODE_ROOTS_H
#define VELUM_NODE_ROOTS_H

#include "core/node/state.h"

/* EVENT_ROOTS: this is what the host has. */
void roots_known(struct node *n, const struct event *ev);
/* A peer can be reached. */
void roots_greet(struct node *n, struct node_id id);
/* ROOTS. 0 or ERR_FORMAT. */
int roots_heard(struct node *n, struct node_id from, struct bytes payload);
/* REQUEST_ROOTS. */
void roots_request(struct node *n, struct link_entry *l, uint32_t request, struct bytes payload);
void roots_free(struct node *n);

#endif
