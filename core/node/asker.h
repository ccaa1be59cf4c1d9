/* Who waits for the acknowledgement of a submission: a user here, or the node that forwarded it.
 * Private to core/node. */
#ifndef VELUM_NODE_ASKER_H
#define VELUM_NODE_ASKER_H

#include "core/node/state.h"

/* Somebody waits for the acknowledgement of a submission; link 0: node does. */
void asker_add(struct job *j, uint64_t link, struct node_id node, uint32_t request, bool already);
/* This node leads no more: for users who wait whoever does is asked. */
void askers_pass_on(struct job *j);
/* Who has waited for long hears that it is not known yet how safe the job is. */
void askers_tick(struct job *j);
/* Answers those whose batch is kept by now. */
void askers_answer(struct job *j);

#endif
