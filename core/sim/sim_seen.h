/* What the checkers remember of nodes and their disks, job by job. Private to core/sim; sim_check.c
 * fills it in. */
#ifndef VELUM_SIM_SIM_SEEN_H
#define VELUM_SIM_SIM_SEEN_H

#include "core/job/fact.h"
#include "core/sim/sim.h"

#define SIM_JOBS_MAX 64
#define SIM_LEAVES_MAX SIM_JOB_LEAVES

/* What a disk is known to hold, because it was synced. */
struct held {
    bool spec, cancel, outcome;
    bool gone;           /* the last word of it is that it is forgotten, given up or set aside */
    bool over;           /* it had ended then, and was not given up */
    uint32_t generation; /* of the holders */
    uint32_t named;      /* bit i: node i is one of them */
    uint32_t early;      /* of these, those that were named before the job was cancelled here */
    bool retired;        /* its own node has given the job up, or is about to */
    uint32_t named_at, retired_at; /* generations in which that node was named and retired last */
    uint32_t stages;               /* so many that were appended */
    bool closed;
    uint8_t cancelled; /* bit i: stage i is */
    uint8_t roots;     /* bit i: the value of stage i as a whole */
    uint8_t leaves[SIM_LEAVES_MAX / 8];
};

/* What a node has reported of a job to others, report by report. */
struct reported {
    struct reported *next;
    uint64_t seq;
    uint64_t link;    /* over which it was sent last */
    uint32_t arrived; /* bit i: at node i, in some life of it */
    uint32_t at;      /* the last node that it arrived at, */
    int64_t at_since; /* and when it first did */
    bool kept;        /* it was said to be: the disks that had it then may be lost since */
    uint8_t leaves[SIM_LEAVES_MAX / 8];
};

/* Of one job, in one life of a node. */
struct seen {
    struct reported *reported;
    uint64_t kept;      /* the latest report it was told to be kept */
    struct claim claim; /* the greatest it wrote; epoch 0: none */
    struct claim own;   /* the greatest among them that it made itself */
    bool ended;         /* it wrote an outcome, or replayed one */
    bool asked;         /* another node has sent it facts, or compared ledgers */
};

#endif
