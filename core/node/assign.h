/* Who gets chunks: free slots of live nodes meet free leaves of the jobs that this node
 * coordinates. Private to core/node. */
#ifndef VELUM_NODE_ASSIGN_H
#define VELUM_NODE_ASSIGN_H

#include "core/node/state.h"

void assign_all(struct node *n);
void assign_trim(struct job *j, struct node_id to, uint64_t grant, uint64_t end);
struct site *site_of(struct node *n, struct node_id id);
void site_less(struct node *n, struct node_id id, uint32_t by);

#endif
