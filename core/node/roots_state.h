/* What a node knows of the mesh's roots: roots.h. Private to core/node. */
#ifndef VELUM_NODE_ROOTS_STATE_H
#define VELUM_NODE_ROOTS_STATE_H

#include "core/base/bytes.h"
#include "core/base/id.h"

struct roots_state {
    uint32_t version; /* 0: the mesh has had one root */
    uint8_t generation;
    struct bytes bytes;    /* owned */
    struct digest refused; /* what was handed to the host last, so that it is not asked twice */
};

#endif
