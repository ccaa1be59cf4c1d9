/* What a simulated node's machine consists of beside the process: its disk and the workers. Private
 * to core/sim, a part of world.h. */
#ifndef VELUM_SIM_SIM_MACHINE_H
#define VELUM_SIM_SIM_MACHINE_H

#include "core/base/bytes.h"
#include "core/job/fact.h"
#include "core/journal/journal.h"
#include "core/kernel/run.h"
#include "core/node/event.h"
#include "core/sim/sim_seen.h"
#include "core/sim/sim_store.h"
#include "core/wire/order.h"
#include "core/wire/output.h"

/* --- sim_disk.c --- */

struct stored_record {
    struct stored_record *next;
    uint64_t ticket;
    uint16_t type;
    bool compact;
    struct buf payload;
};

struct sim_disk {
    struct sim_store store;
    struct journal *journal;
    struct stored_record *first, *last; /* given, not synced */
    uint32_t writing;                   /* how many of them the present sync takes */
    struct buf snapshot;                /* the slices of the compaction to come */
    bool busy, full;
    int64_t silent_at; /* since then it is full and its node was not told so, 0: it was told */
    int64_t compact_after;            /* when the host may ask for it again */
    bool stalled;                     /* a write said that there is no space, and is tried again */
    bool rotten;                      /* synced bytes of it have changed, and nobody knows */
    bool rot_has_witness;             /* but the journal must find out */
    uint64_t bytes_now, bytes_before; /* of the journal, after the last sync and the one before */
    uint32_t bad_starts;              /* at so many of its next starts it fails to read */
    struct held held[SIM_JOBS_MAX];
    struct held replayed[SIM_JOBS_MAX];
    uint32_t wipes;         /* each makes a journal of its own */
    struct sim_store image; /* an old copy of the disk, kept by the operator */
    bool has_image, image_rotten;
    struct held image_held[SIM_JOBS_MAX];
    int64_t lost_at;                /* when the disk was lost, 0: never */
    struct held lost[SIM_JOBS_MAX]; /* and what was on it then */
};

/* --- sim_worker.c --- */

struct worker_says {
    struct worker_says *next;
    uint8_t type; /* 0: it has exited */
    uint32_t request;
    enum worker_end end;
    int status;
    struct buf payload;
};

struct worker_order {
    struct worker_order *next;
    uint8_t type;
    uint32_t request;
    struct buf payload;
};

struct sim_worker {
    struct sim_worker *next;
    uint32_t number;
    uint32_t job; /* SIM_JOBS_MAX: not loaded */
    uint32_t stage;
    bool loaded;
    uint16_t inputs_missing; /* so many were not given yet */
    uint64_t seed;           /* made of those that were, and of the files */
    struct buf files;        /* the names of those that are mapped */
    bool dying;
    struct worker_order *on_way, *orders; /* sent to it, and arrived */
    struct worker_says *said;             /* on its way to the node */
    bool working, queued;
    struct order_run now, next_run;
    uint32_t now_request;
    struct run run;
    uint8_t *values; /* room for those of a run, of so many bytes each */
    uint32_t values_size;
    /* Of a run of tasks: its order, params and all, and that of the one that waits; empty: it is
     * none. And the values that are not told yet, from leaf `told` on. */
    struct buf tasks, next_tasks, task_values;
    uint64_t told;
    uint64_t compute_us, last_run, last_end;
    int64_t reported, leaf_began, leaf_ends;
    /* Of a job that collects: the value of the leaf before `run.next`, which is to be reported; and
     * the leaf's output is with the node, which has not taken it yet. */
    uint8_t output[OUTPUT_VALUE_MAX];
    size_t output_len;
    bool has_output, gives;
    uint64_t turn;
};

#endif
