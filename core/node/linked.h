/* The members that this node has a link to, in the order of their ids, and how many of them can be
 * given work. A mesh may have 16,384 members and a node links to 1,024 of them: what happens often
 * walks these, or looks at a count that is kept with each change. Private to core/node. */
#ifndef VELUM_NODE_LINKED_H
#define VELUM_NODE_LINKED_H

#include "core/node/state.h"

/* What mesh tells of a member: its state or link is another one now. */
void linked_changed(struct node *n, const struct member *m, enum node_state before,
                    uint64_t link_before);
/* It has another number of slots. */
void linked_slots(struct node *n, const struct member *m, uint32_t before);
void linked_free(struct node *n);

uint32_t linked_count(const struct node *n);
const struct member *linked_at(const struct node *n, uint32_t i);
/* Whether somebody lives that this node has no link to. */
bool linked_lacks(const struct node *n);

#endif
