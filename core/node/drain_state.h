/* Part of struct node; see drain.h. */
#ifndef VELUM_NODE_DRAIN_STATE_H
#define VELUM_NODE_DRAIN_STATE_H

#include "core/base/instant.h"
#include "core/wire/act.h"

struct drain {
    bool on;
    bool leaves; /* it stops when it is empty */
    bool empty;  /* so it was at the last look, which was said */
    struct instant look_at;
    enum act_kind own; /* what its own key has said: DRAIN, LEAVE, or RESUME for nothing; */
    int64_t own_at_s;  /* an act counts instead only when it is later than this */
};

#endif
