/* Facts: keeping them for a coordinator, comparing ledgers with other holders, taking over when the
 * coordinator is gone. Private to core/node. */
#ifndef VELUM_NODE_HOLDER_H
#define VELUM_NODE_HOLDER_H

#include "core/node/state.h"

void holder_tend(struct job *j); /* claims when it must, steps down when it must */
void holder_tend_all(struct node *n);
int holder_facts(struct node *n, struct node_id from, struct bytes payload);
int holder_facts_kept(struct node *n, struct node_id from, struct bytes payload);
int holder_sync(struct node *n, struct node_id from, struct bytes payload);
/* Shows the ledger's digest to another node that has the job: both then send what the other lacks.
 */
void holder_compare(struct job *j, struct node_id other);
void holder_peer_up(struct node *n, struct node_id id);
void holder_send_snapshot(struct job *j, struct node_id to, uint64_t batch);
/* One verified or own fact into the job; creates the job from a SPEC. */
int holder_take_fact(struct node *n, struct job_id job, struct bytes fact, struct buf *news,
                     uint16_t *news_count);

#endif
