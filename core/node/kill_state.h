/* Cancels of jobs that were not here when they came (kill.h). Private to core/node. */
#ifndef VELUM_NODE_KILL_STATE_H
#define VELUM_NODE_KILL_STATE_H

#include <stdbool.h>

#include "core/base/id.h"

#define KILL_UNSEEN_MAX 64

struct kill_unseen {
    struct job_id job;
    struct node_id by; /* a user, whose jobs alone it forbids */
    bool of_all;       /* he may end those of others, too */
};

/* A ring. */
struct kill_unseens {
    struct kill_unseen list[KILL_UNSEEN_MAX];
    uint32_t next;
};

#endif
