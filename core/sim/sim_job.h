/* A job of a simulated user: what it is, what it must come to (sim_kernel.c), and what has become
 * of it. Private to core/sim. */
#ifndef VELUM_SIM_SIM_JOB_H
#define VELUM_SIM_SIM_JOB_H

#include "core/job/shape.h"
#include "core/wire/spec.h"

#define SIM_STAGES_MAX 5u
#define SIM_READS_MAX 2u
#define SIM_VALUE_SIZE 24u /* of a stage of simsum that folds */

/* The objects that a stage reads. */
struct sim_reads {
    uint8_t count;
    uint8_t things[SIM_READS_MAX];
    uint8_t bytes[SIM_READS_MAX * STAGE_INPUT_BYTES]; /* as in the spec */
};

/* Of an open job (sim_author.c): what he is going to do, and what he knows. */
struct sim_author {
    uint32_t borders; /* bit i: a list of what is appended begins with stage i */
    bool dies;        /* he is never heard of again when so many stages are known */
    uint32_t dies_at;
    uint32_t number, taken, safe, ended; /* as in the answers; ended: bit by bit */
    uint32_t safe_left; /* disks that may be lost before what was called safe may be gone */
    uint64_t consumed;
    int64_t came, heard;
};

struct sim_job {
    bool builtin; /* pi, else simsum or simseek */
    bool searches;
    uint64_t match;  /* of a search, the lowest leaf that matches; from `leaves` on: none does */
    uint64_t wanted; /* leaves that the result is made of */
    /* sim_input.c, sim_output.c: bit i: stage i collects; what stages read; and the names of what
     * their leaves yield, stage by stage: zero where that is no object. */
    uint8_t collecting;
    struct sim_reads reads[SIM_STAGES_MAX];
    struct digest *made;
    uint32_t made_count, made_first[SIM_STAGES_MAX];
    struct buf signed_spec;
    struct job_id id;
    struct job_spec spec; /* params borrowed from params below */
    uint8_t params[64];
    uint32_t params_len;
    uint64_t leaves;  /* numbers of the row of all its stages */
    uint32_t stages;  /* 1, or several of simsum: sim_graph.h */
    uint32_t of_spec; /* of an open job so many are in its spec; 0: it is not open */
    struct sim_author author;
    struct bytes all_more;              /* all but the first, those that are appended too */
    uint8_t values[SIM_STAGES_MAX][64]; /* that they must have */
    uint64_t seeds[SIM_STAGES_MAX];     /* made of what they read */
    struct shape shape;
    uint8_t stage_params[SIM_STAGES_MAX][8], needs[SIM_STAGES_MAX][32], more[1536];
    uint32_t leaf_us;
    uint32_t skew;                     /* every so many leaves costs ten times as much; 0: none */
    uint64_t poison;                   /* this leaf kills its worker; UINT64_MAX: none */
    uint32_t poison_times;             /* how often; UINT32_MAX: always */
    uint8_t expected[64];              /* canonical accumulator */
    struct digest digest, accumulator; /* of the result: what it is known by, and its bytes' */
    bool kernel_lacks;                 /* some node does not have its kernel */
    bool may_fail;                     /* it had a reason to */
    uint32_t submissions;              /* how often the same bytes were submitted */
    int64_t submitted;                 /* when they were first */
    uint64_t computed_us;              /* by all workers that ever ran a leaf of it */
    uint32_t losses;                   /* of disks, since it was submitted */
    uint32_t done_durable;             /* the most copies that were told of a result */
    int64_t ended_at;                  /* when somebody first wrote an outcome, 0: never */
    bool stopped;                      /* enough holders had an outcome, and somebody said so */
    /* what was told */
    bool acknowledged, kill_asked, kill_proved;
    uint8_t stages_asked, stages_proved; /* the same of stages alone, bit by bit */
    uint32_t told_durable;
    /* So many disks may still be lost before what was told may be untrue. */
    uint32_t copies_left, cancels_left, outcomes_left;
    uint8_t told; /* greatest final state told to anybody */
};

#endif
