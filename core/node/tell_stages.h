/* What a worker's node is told of a job before it gets leaves of a stage that was appended.
 * Private to core/node. */
#ifndef VELUM_NODE_TELL_STAGES_H
#define VELUM_NODE_TELL_STAGES_H

#include "core/node/state.h"

/* So that the node knows this stage: sends it all that was appended since it was told last, where
 * that is needed. False: it cannot be told now. */
bool tell_stages(struct job *j, struct hand *h, uint32_t stage);

#endif
