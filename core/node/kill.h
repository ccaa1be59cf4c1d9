/* Cancelling with proof. Private to core/node. */
#ifndef VELUM_NODE_KILL_H
#define VELUM_NODE_KILL_H

#include "core/node/state.h"

/* KILL of a user: every holder known is asked, and answered once one of them has proof. */
void kill_begin(struct node *n, uint64_t link, uint32_t request, struct job_id id,
                struct node_id by);
/* CANCEL at a holder: kept, and said to be kept once it is synced. */
int kill_cancel(struct node *n, struct node_id from, uint32_t request, struct bytes payload);
/* CANCELLED: the answer, and holders to ask that were not known here. */
int kill_cancelled(struct node *n, struct node_id from, uint32_t request, struct bytes payload);
/* Asks again, and answers those that have waited long enough. */
void kill_tick(struct node *n);
/* This node itself stood still: no holder was late meanwhile. */
void kill_late(struct node *n, int64_t late_us);
void kill_link_down(struct node *n, uint64_t link);
void kills_free(struct node *n);
/* The coordinator itself ends the job: its time ran out. */
int cancel_here(struct job *j, struct node_id by, enum job_state state);

#endif
