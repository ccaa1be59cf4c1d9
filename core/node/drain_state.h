/* Part of struct node; see drain.h. */
#ifndef VELUM_NODE_DRAIN_STATE_H
#define VELUM_NODE_DRAIN_STATE_H

#include "core/base/instant.h"

struct drain {
    bool on;
    bool leaves; /* it stops when it is empty */
    bool empty;  /* so it was at the last look, which was said */
    struct instant look_at;
};

#endif
