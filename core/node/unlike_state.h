/* What the node of a worker knows of compilers that differ, in one job: unlike.h. Private to
 * core/node. */
#ifndef VELUM_NODE_UNLIKE_STATE_H
#define VELUM_NODE_UNLIKE_STATE_H

#include "core/job/fact.h"

#define COUNTED_SOURCES_MAX 4

struct unlike_state {
    struct buf finding; /* a fact that the coordinator has no word for yet; empty: there is none */
    struct unlike told; /* by the coordinator; no author: nothing */
    /* Leaves count that what was built of these sources computed here; or of any, where there are
     * more. */
    struct digest counted[COUNTED_SOURCES_MAX];
    uint32_t counted_count;
    bool counted_more;
};

#endif
