/* Stages that a coordinator gives up while the rest of the job goes on: their leaves keep dying, a
 * task ran out of its time, or somebody cancelled them. What needs them is blocked. Private to
 * core/node. */
#ifndef VELUM_NODE_GIVE_UP_H
#define VELUM_NODE_GIVE_UP_H

#include "core/node/state.h"

/* Nothing more of it is given out, what is out ends at the next border, and nobody hears of it as
 * complete unless it is. `text` says why. */
void give_up_stage(struct job *j, uint32_t stage, const char *text);
/* A task whose own time is over, unless it is to be begun again; `cause` is how its worker's node
 * says so. */
void give_up_task(struct job *j, uint32_t stage, const char *cause);
/* Those that were cancelled, and are not complete; each once. */
void give_up_cancelled(struct job *j);
/* Somebody cancelled it, or what it needs, and that is not complete. A node that had not heard so
 * computes it all the same: were it complete, what it needs would count as read to its end. */
bool given_up_behind(const struct job *j, uint32_t stage);
/* Every stage is complete, given up or blocked: the job fails. */
void give_up_job(struct job *j);

#endif
