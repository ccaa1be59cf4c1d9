/* What stages have yielded, told to those who compute others with it. Private to core/node. */
#ifndef VELUM_NODE_LEAD_VALUES_H
#define VELUM_NODE_LEAD_VALUES_H

#include "core/node/state.h"

/* INPUT_WANT: answered when this node leads the job and the stage is complete. */
int lead_values_wanted(struct node *n, struct node_id from, struct bytes payload);
/* To a node that is given a chunk of this stage: what it would ask for, before it does. */
void lead_values_ahead(struct job *j, uint32_t stage, struct hand *to);

#endif
