/* What was told of a job and is not believed: the numbers that are to be surpassed (warrant.h).
 * Private to core/node. */
#ifndef VELUM_NODE_WARRANT_STATE_H
#define VELUM_NODE_WARRANT_STATE_H

#include <stdint.h>

#include "core/base/instant.h"

struct surpassing {
    struct instant at; /* when a greater one was written last */
    uint32_t told;
};

#endif
