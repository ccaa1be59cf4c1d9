/* Taking a submission: from a user here, or forwarded by the node a user asked. Private to
 * core/node. */
#ifndef VELUM_NODE_SUBMIT_H
#define VELUM_NODE_SUBMIT_H

#include "core/node/state.h"

void submit_user(struct node *n, uint64_t link, uint32_t request, struct bytes payload);
int submit_forward(struct node *n, struct node_id from, uint32_t request, struct bytes payload);
int submit_forwarded(struct node *n, struct node_id from, uint32_t request, struct bytes payload);
void submit_tick(struct node *n);
void submit_node_gone(struct node *n, struct node_id id);
void submit_link_down(struct node *n, uint64_t link);
void forwards_free(struct node *n);

#endif
