/* Taking a submission: from a user here, or forwarded by the node a user asked. Private to
 * core/node. */
#ifndef VELUM_NODE_SUBMIT_H
#define VELUM_NODE_SUBMIT_H

#include "core/node/state.h"

/* SUBMIT of a user: answered once enough copies are synced, or with an error. */
void submit_user(struct node *n, uint64_t link, uint32_t request, struct bytes payload);
/* FORWARD: another node's user submits, and this node is to hold and coordinate the job. */
int submit_forward(struct node *n, struct node_id from, uint32_t request, struct bytes payload);
/* FORWARDED: the answer to it, passed on to the user. */
int submit_forwarded(struct node *n, struct node_id from, uint32_t request, struct bytes payload);
/* Tells users whose submission was forwarded in vain. */
void submit_tick(struct node *n);
/* This node itself stood still: no first holder was late meanwhile. */
void submit_late(struct node *n, int64_t late_us);
void submit_node_gone(struct node *n, struct node_id id);
/* This node leads the job no more, and a user here waits to hear how safe it is: whoever leads it
 * now is asked. False: nobody is known to. */
bool submit_pass_on(struct job *j, const struct asker *a);
/* No other node coordinates the job, or has a part in it by its ledger; or is yet to be met after a
 * start. */
bool submit_nobody_has(const struct job *j);
void forwards_free(struct node *n);

#endif
