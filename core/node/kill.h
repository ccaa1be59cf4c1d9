/* Cancelling with proof. Private to core/node. */
#ifndef VELUM_NODE_KILL_H
#define VELUM_NODE_KILL_H

#include "core/node/state.h"

void kill_begin(struct node *n, uint64_t link, uint32_t request, struct job_id id,
                struct node_id by);
int kill_cancel(struct node *n, struct node_id from, uint32_t request, struct bytes payload);
int kill_cancelled(struct node *n, struct node_id from, uint32_t request, struct bytes payload);
void kill_tick(struct node *n);
void kill_link_down(struct node *n, uint64_t link);
void kills_free(struct node *n);
int cancel_here(struct job *j, struct node_id by, enum job_state state); /* timeouts */

#endif
