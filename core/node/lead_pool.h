/* What a coordinator has to give out of one job: the leaves of those stages that are ready, as
 * quickly as the nodes that work for it take them. Private to core/node. */
#ifndef VELUM_NODE_LEAD_POOL_H
#define VELUM_NODE_LEAD_POOL_H

#include "core/node/state.h"

/* What there is to give out as far as the ledger tells, and which stages are ready. Once, when it
 * begins to lead. 0 or ERR_NO_MEMORY; the owner clears j->lead->ready in any case. */
int lead_pool_begin(struct job *j);
/* Gives out what this cover lacks, from now on; nothing else that is known of leaves holds. It is
 * borrowed for as long as it leads. 0 or ERR_NO_MEMORY: then nothing has changed. */
int lead_pool_anew(struct job *j, const struct cover *cover);
/* As if this cover, which lacks some of what there was, were all that is known: whoever reads what
 * is lacking waits, what is out of it is taken back, and the rest goes on. Borrowed until the next
 * call of this, or of lead_pool_whole. 0 or ERR_NO_MEMORY: then nothing has changed. */
int lead_pool_lacks(struct job *j, const struct cover *cover);
/* Nothing of the stage is given out now: what it reads is not there, or it failed. */
bool lead_pool_rests(const struct job *j, uint32_t stage);
/* All of it is there again: from now on the ledger's cover counts. */
void lead_pool_whole(struct job *j);
/* Nothing is out any more; nothing when there is no pool. */
void lead_pool_drop(struct job *j);
/* Who has chunks was told to stop: their slots are free for other jobs. */
void lead_pool_halt(struct job *j);
/* What so many nodes and slots that may run it mean for reports and chunks. */
void lead_pace(struct job *j, uint32_t nodes, uint32_t slots);
/* Values of stages [first, end) have come into the cover: others may be ready now. */
void lead_values_came(struct job *j, uint32_t first, uint32_t end);
/* Room for so many stages in all; then they have come. 0 or ERR_NO_MEMORY. */
int lead_make_room(struct job *j, uint32_t stages);
void lead_stages_came(struct job *j);
/* The same of what another holder told: looked at with the next lead_stages_look. */
void lead_values_told(struct job *j, struct partial told);
/* The stage is given up. */
void lead_stage_fails(struct job *j, uint32_t stage);
/* Goes on with stages that may have changed: with so many at most, the rest in the next step. */
void lead_stages_look(struct job *j);

#endif
