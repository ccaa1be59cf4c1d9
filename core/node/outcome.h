/* How a job ends, and the merges on the way there. Private to core/node. */
#ifndef VELUM_NODE_OUTCOME_H
#define VELUM_NODE_OUTCOME_H

#include "core/node/state.h"

void lead_stop_all(struct job *j, uint8_t state);
void outcome_write(struct job *j, enum job_state state, struct bytes accumulator,
                   const char *error);
void outcome_adopt(struct job *j);   /* takes over the settling of an outcome that came as a fact */
void outcome_settled(struct job *j); /* called once enough copies are synced */
void merge_advance(struct job *j);

#endif
