/* Coordination of one job by this node: the title, what workers' nodes tell, and what follows from
 * it. Private to core/node. */
#ifndef VELUM_NODE_LEAD_H
#define VELUM_NODE_LEAD_H

#include "core/node/state.h"

uint64_t lead_grant_base(const struct lead *l);
int lead_begin(struct job *j, bool fresh);
void lead_end(struct job *j);
void lead_node_gone(struct job *j, struct node_id id);
void lead_node_doubt(struct job *j, struct node_id id, bool doubt);
void lead_peer_up(struct job *j, struct node_id id);
void lead_tick(struct job *j);
void lead_advance(
    struct job *j); /* merges, completes, judges; nothing when this node does not lead */
struct hand *lead_hand(struct lead *l, struct node_id id);
struct hand *lead_hand_make(struct job *j, struct node_id id);
void lead_view(struct job *j, struct job_view *v);
uint32_t lead_eligible(struct job *j, uint32_t *slots);

#endif
