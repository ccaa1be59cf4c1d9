/* Worker processes as their node has them, and what they do for users and for merges. Private to
 * core/node. */
#ifndef VELUM_NODE_WORKER_STATE_H
#define VELUM_NODE_WORKER_STATE_H

#include "core/node/job_state.h"

enum worker_state {
    WORKER_STARTING,
    WORKER_READY,
    WORKER_BOUND,
    WORKER_ASIDE,
    WORKER_BUILDING, /* a builder: building.h */
    WORKER_DYING
};
struct worker {
    uint32_t number;
    enum worker_state state;
    struct job *job;
    uint32_t stage;     /* of it, whose kernel it has */
    bool has_files;     /* some of its inputs are */
    bool built;         /* it has what this machine's compiler built */
    bool samples;       /* and libtcc's code too, which computes a leaf of it now and then */
    bool compares;      /* and its next leaf for certain, which is its first */
    uint64_t mem_bytes; /* its limit, for good; 0: it has none of its job's */
    struct labour_chunk *chunk;
    struct instant since;
    struct aside *aside;
    int kernel;                /* of this node's: which asides it can do */
    uint64_t kept_link;        /* of one with nothing to do: it waits for more of this link's, */
    struct digest source;      /* and of this source, where it has a snippet for an aside, */
    uint32_t accumulator_size; /* which yields that, as it said once */
    uint32_t output_ahead;     /* bytes of it that it was not told to be taken */
    uint32_t output_taken;     /* as many of them are */
    uint64_t making, output_leaf, output_bytes; /* of a leaf's output; making 0: none is open */
    bool output_ended;                          /* all of it has come, and is being written */
    bool output_whole;                          /* and is whole here; the worker waits for TAKEN */
    struct digest output_name;
    uint32_t outputs_unsettled; /* that are whole here, and not settled (making.h) */
    char tail[256];             /* last output, for a cause of death */
    size_t tail_len;
    uint64_t talked; /* bytes that it wrote since leaves of it were told to have ended */
    uint64_t told_cpu_us;
    struct worker *next;
};

/* What the kernel of an aside is called, and what it yields. */
struct aside_kernel {
    char name[KERNEL_NAME_SIZE], then[KERNEL_NAME_SIZE];
    struct digest source;
    uint8_t reduction;
    uint32_t accumulator_size; /* of a snippet its worker tells it */
};

/* A PLAN, a SHOW, or a list of either for a user, done by a worker of this node. */
struct aside {
    uint64_t link;
    uint32_t request;
    uint8_t order; /* MESSAGE_ORDER_PLAN, _SHOW, _ASIDES, or _DESCRIBE of a snippet */
    int kernel;    /* of this node's, or KERNEL_COMPILED */
    struct aside_kernel about;
    struct instant sought; /* its source, which is not here */
    bool pinned;           /* it is */
    struct bytes params;   /* owned */
    struct bytes payload;  /* owned: the order's payload */
    bool given;
    struct instant since;
    struct aside *next;
};

/* What this machine's compiler makes of a source. */
enum building_state {
    BUILDING_GOES_ON,
    BUILDING_DONE,
    BUILDING_REFUSED, /* there is nothing: the compiler does not take it */
    BUILDING_UNLIKE,  /* it is built, and computes something else than libtcc's code */
    BUILDING_LOST     /* nobody's fault: it begins again */
};
struct building {
    struct digest source;
    enum building_state state;
    struct instant again; /* of one that was lost: not before; INSTANT_NEVER: that is over */
    uint32_t losses;
    uint32_t worker; /* that is at it */
    char why[REASON_SIZE];
    struct building *next;
};

/* Merge work granted to this node: done by any worker bound to the job. */
struct merge_work {
    struct job *job;
    uint32_t stage;
    uint64_t number;
    struct bytes payload;  /* owned: the order's payload */
    uint32_t worker;       /* 0: not given yet */
    uint32_t own, outside; /* workers that died of it, and beside it */
    bool too_long;         /* its worker was killed for that */
    struct instant given_at;
    struct merge_work *next;
};

#endif
