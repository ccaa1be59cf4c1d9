/* Coordination of one job by this node: the title, what workers' nodes tell, and what follows from
 * it. Private to core/node. */
#ifndef VELUM_NODE_LEAD_H
#define VELUM_NODE_LEAD_H

#include "core/node/state.h"

/* The high half of the grants under this title: no other coordinator gives the same ones out. */
uint64_t lead_grant_base(const struct claim *c);
/* Writes a claim greater than the known one and leads from now on; fresh: the job is new, so its
 * spec is written too and nobody is asked for open chunks. On an error it does not lead. */
int lead_begin(struct job *j, bool fresh);
/* Leads no more; nothing when it does not. The ledger stays. */
void lead_end(struct job *j);
/* The node is dead: its chunks are free again. */
void lead_node_gone(struct job *j, struct node_id id);
/* A suspected node keeps its chunks, but others may get them too. */
void lead_node_doubt(struct job *j, struct node_id id, bool doubt);
/* Shows the claim over the new link; what is open there comes as the answer. */
void lead_peer_up(struct job *j, struct node_id id);
/* The slow timers of a job that this node leads: timeouts, dead holders, merges without answer. */
void lead_tick(struct job *j);
/* Merges, completes, judges; nothing when this node does not lead. */
void lead_advance(struct job *j);
/* NULL when nothing was ever given to that node. */
struct hand *lead_hand(const struct lead *l, struct node_id id);
/* Blank again when the node was restarted; NULL when memory is out. */
struct hand *lead_hand_make(struct job *j, struct node_id id);
/* It cannot run the kernel, until again_at; it has told what is open there. */
void lead_hand_lacks(struct lead *l, struct hand *h, struct instant again_at);
void lead_hand_answers(struct lead *l, struct hand *h);
/* Fills in what only a coordinator knows. */
void lead_view(struct job *j, struct job_view *v);
/* How many live nodes may run the job, as far as is known, and how many slots they have. */
uint32_t lead_eligible(struct job *j, uint32_t *slots);

#endif
