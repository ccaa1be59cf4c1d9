/* Exhaustive search in a small scope: three nodes of the unchanged production core, one job of four
 * leaves, and every order in which frames arrive, syncs end, leaves end and timers fire early, with
 * at most one crash and one partition anywhere in between.
 *
 * Membership and the directory are oracles: their frames arrive at once, and a dial is answered at
 * once, so that the search is about the ledger and the grants. Each node has a clock of its own
 * that stands still but for its timers.
 *
 * The search is breadth first, so that a broken promise is shown with a shortest way to it, and
 * complete up to its depth. Depth counts choices from the submission on; or, with `detours`, only
 * those that leave the straight run, which does the first thing there is to do, waits when there is
 * none, and goes on to the end of the job from wherever a detour has led: every run with so many
 * detours is looked at as a whole (the idea of delay-bounded scheduling: Emmi, Qadeer, Rakamaric,
 * POPL 2011). Without detours some of the deepest states are run to the end of the job, too.
 *
 * Two states are one when nothing that the nodes hold tells them apart (explore_heap.h), wherever
 * it lies in memory and whatever the clocks show. Owns all it simulates; never reads a clock.
 * Called by cmd/exhaustive.c and tests/sim. */
#ifndef VELUM_SIM_EXPLORE_H
#define VELUM_SIM_EXPLORE_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/alloc.h"
#include "core/base/log.h"
#include "core/sim/sim.h"

#define EXPLORE_DEPTH_MAX 200

/* What may go wrong in one run, each anywhere. */
struct explore_scope {
    uint8_t crashes, cuts; /* of nodes; of the network, which heals again */
    uint8_t ticks;         /* timers of a node that fire early, those within 10 ms not counted */
    uint8_t lapses;        /* of two seconds each, in which silence is noticed */
};

#define EXPLORE_SCOPE_DEFAULT                                                                      \
    {                                                                                              \
        .crashes = 1, .cuts = 1, .ticks = 2, .lapses = 3                                           \
    }

struct explore_options {
    struct explore_scope scope;
    uint32_t depth;               /* so many choices at most */
    bool detours;                 /* only those that leave the straight run count for the depth */
    uint64_t states_max;          /* give up behind so many states; 0: never */
    const struct log_sink *trace; /* the way to a failure, one line a choice, and each level */
};

struct explore_result {
    bool failed;
    char what[SIM_WHAT_SIZE]; /* when failed */
    bool complete;            /* every state up to `depth` was looked at */
    uint32_t depth;           /* of the deepest state */
    uint64_t states;          /* that differ */
    uint64_t transitions;
    uint64_t node_states; /* states of a single node that differ */
    uint64_t node_steps;  /* so many steps of a core were needed; the others were known */
    uint64_t ended;       /* so many states are the end of the job */
};

/* 0 (look at result->failed), or ERR_NO_MEMORY. */
int explore_run(const struct alloc *a, const struct explore_options *options,
                struct explore_result *result);

#endif
