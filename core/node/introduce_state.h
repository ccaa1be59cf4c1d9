/* Who is known to be a node of the mesh, and of whom this node was only told: proven.h and
 * introduce.h. Private to these two. */
#ifndef VELUM_NODE_INTRODUCE_STATE_H
#define VELUM_NODE_INTRODUCE_STATE_H

#include "core/base/map.h"
#include "core/node/state.h"

struct teller;

struct introductions {
    struct map proven; /* node_id -> struct proof */
    struct map heard;  /* node_id -> struct heard */
    struct teller *tellers;
    struct instant seek_at; /* the next one is dialled then */
};

#endif
