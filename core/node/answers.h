/* How much a peer is answered that tells of jobs what is not believed of it (warrant.h). One such
 * frame is small, and the answer to it need not be: titles, lists and whole jobs go to others, who
 * answer in turn. So each peer has a part a second, of all jobs together; what goes beyond is noted
 * only, and one in good faith says it again. At most ANSWERED_MAX peers have a part at a time.
 * Private to core/node. */
#ifndef VELUM_NODE_ANSWERS_H
#define VELUM_NODE_ANSWERS_H

#include "core/node/state.h"

/* Whether the peer has this once more now; then it has had it. */
bool answers_may(struct node *n, struct node_id peer, enum answer what);

#endif
