/* The other holders of a job as its coordinator sees them: who has what, and bringing one that was
 * away up to date. A holder first *catches up*: it gets everything there is, in as many frames as
 * it takes and no faster than it takes them; from then on it gets each batch as it is written.
 * Private to core/node. */
#ifndef VELUM_NODE_REPLICA_H
#define VELUM_NODE_REPLICA_H

#include "core/node/state.h"

/* Follows the ledger's list of holders; what is known of those that stay is kept. */
void replicas_follow(struct job *j);
/* Begins or goes on to bring those up to date that can be reached. */
void replicas_tick(struct job *j);
/* There is an end now. Those that refused something may have known of it, and taken no values for
 * that: they are shown everything at once, and again soon when they refuse more. */
void replicas_hurry(struct job *j);
/* One batch of so many facts to each of them. */
void replicas_send(struct job *j, uint64_t batch, uint16_t count, struct bytes facts);
void replicas_clear(struct job *j);
/* Its link has gone: it must catch up when it is back. */
void replica_down(struct job *j, struct node_id id);
/* What a holder says of a batch, in FACTS_KEPT. */
enum kept_answer {
    ANSWER_KEPT = 0,
    ANSWER_REFUSED = 1, /* it has not taken all of it, and must catch up again */
    ANSWER_UNREAD = 2   /* the same, but it cannot read it, as a later generation wrote it */
};
/* It has synced everything up to this batch, or else. One that cannot read it is asked no more
 * before it is another process. */
void replica_kept(struct job *j, struct node_id id, uint64_t batch, uint8_t answer);
/* Only this one, which is to get everything there is. */
void replicas_only(struct job *j, struct node_id id);
/* It has synced everything up to this batch. */
bool replica_has(const struct job *j, struct node_id id, uint64_t batch);
/* It has caught up over the present link, and synced that. */
bool replica_is_up(const struct job *j, struct node_id id);
/* How many copies an acknowledgement of the whole job needs at this moment: this node's, and one
 * for each holder that can be expected to have one. */
uint32_t copies_wanted(const struct job *j);
/* How many copies of all up to this batch are synced somewhere, and on how many machines; 0 in
 * embedded mode. The first batch has the specification. */
uint32_t record_durable(const struct job *j, uint64_t batch, uint32_t *machines);

#endif
