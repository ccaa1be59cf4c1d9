/* What chunks take of nodes, and what is known of those that have it (fit.h, labour_room.h).
 * Private to core/node. */
#ifndef VELUM_NODE_FIT_STATE_H
#define VELUM_NODE_FIT_STATE_H

#include "core/base/id.h"
#include "core/wire/demand.h"

/* What a chunk takes of a node while it runs. */
struct load {
    uint32_t slots;
    uint64_t memory_bytes;
};

/* Somebody who has jobs that this node works for. */
struct submitter {
    struct node_id id;
    uint64_t served_us; /* by workers of this node, since he came */
    uint32_t jobs;
    struct submitter *next;
};

/* What some stages of a job ask for, and who meets that, of the nodes that may run the job. */
struct fit {
    struct demand demand;  /* borrowed from the spec, or from what was appended */
    uint32_t nodes, slots; /* chunks that they run at a time */
    uint64_t memory_most;  /* of one of them */
    bool open;             /* a stage that asks for it may run */
};

/* Of the nodes with free slots, who is offered chunks at the moment. */
enum fit_care {
    FIT_FREE,  /* those that have room for it */
    FIT_CLOSE, /* the same, if its inputs are there and it is preferred */
    FIT_ANY    /* all that meet what is asked for: they are knocked at */
};

#endif
