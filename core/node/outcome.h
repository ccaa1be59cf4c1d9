/* How a job ends, and the merges on the way there. Private to core/node. */
#ifndef VELUM_NODE_OUTCOME_H
#define VELUM_NODE_OUTCOME_H

#include "core/node/state.h"

/* Sends STOP to every node that ever got a chunk of the job. state 0: what they have reported they
 * keep, should this node and its disk be lost before others have the outcome. */
void outcome_stop_all(struct job *j, uint8_t state);
/* Writes the outcome as a fact; it is told once it has its copies. Nothing when one is written
 * already. error is empty for a job that is done. */
void outcome_write(struct job *j, enum job_state state, struct bytes accumulator,
                   const char *error);
/* That of a job of which two values of one tree node are known that are not equal. */
void outcome_divergent(struct job *j);
/* At the coordinator: takes over the settling of an outcome that came as a fact, or of what came as
 * facts makes it divergent. */
void outcome_adopt(struct job *j);
/* Enough copies are synced: tells the outcome, and ends the coordination. */
void outcome_settled(struct job *j);
/* Sends the next pairs to merge to a worker, one batch at a time; called again and again, because
 * nobody may be there to ask. For kernels not built in. */
void outcome_merge(struct job *j);
/* The merges that are out are done. */
void outcome_merged(struct job *j);
/* Merges ended this node's workers, so it says: another one is asked, where there is one, before
 * the job has failed. */
void outcome_merge_failed(struct job *j, struct hand *h, uint8_t flags, const char *cause);
/* This node gave back the merges it was sent, if it was. */
void outcome_merges_returned(struct job *j, struct hand *h);

#endif
