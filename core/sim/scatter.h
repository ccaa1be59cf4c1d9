/* How one job spreads over many whole nodes: `velum sim --nodes N --job ...` with more nodes than
 * the simulator of faults takes.
 *
 * Three runs follow each other in one mesh: one job alone; the same, and when half of it could be
 * done one node of a hundred dies, its coordinator among them; several at once, submitted at as
 * many nodes. Each must end with the result it has when folded straight. How far it is from what
 * the slots could do, and what coordinator and nodes send for it, is measured. Everything follows
 * from the seed. Called by cmd/sim_scatter.c and tests. */
#ifndef VELUM_SIM_SCATTER_H
#define VELUM_SIM_SCATTER_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/alloc.h"
#include "core/sim/scale_plan.h"

#define SCATTER_LEAVES_MAX 100000000
#define SCATTER_SLOTS 4
#define SCATTER_RUNS 3

struct scatter_options {
    uint64_t seed;
    uint32_t nodes;  /* SCALE_NODES_MIN to SCALE_NODES_MAX */
    const char *job; /* as sim_job_check takes it, of at most SCATTER_LEAVES_MAX leaves */
    /* Called when a run begins and every simulated second, with its name. May be NULL. */
    void (*progress)(void *ctx, const char *run, int64_t virtual_us, uint64_t events);
    void *ctx;
};

/* Of a node, over the time in which the jobs ran: frames and bytes about jobs. */
struct scatter_load {
    double frames, bytes; /* sent in a second */
    double got_frames;
};

struct scatter_run {
    const char *name;
    uint32_t jobs, killed;
    uint32_t told, right; /* jobs whose user was told an end; and of these with the right result */
    int64_t told_safe_us; /* from submission to the last acknowledgement */
    int64_t took_us;      /* to the last result told */
    int64_t ideal_us;     /* all slots at work until the last leaf has ended */
    uint64_t leaves;      /* of all jobs together */
    uint64_t computed;    /* by workers: more than these were run twice */
    /* The node that got the most reports. */
    struct scatter_load coordinator;
    double reports, grants;         /* there, in a second */
    struct scatter_load mean, most; /* of all others */
    double mesh_frames, mesh_bytes; /* membership: of a node, in a second */
};

struct scatter_result {
    uint32_t nodes, slots;
    struct scatter_run runs[SCATTER_RUNS];
    uint64_t events;
    int64_t virtual_us;
    uint64_t memory_bytes; /* most that the cores had at a time */
    const char *wrong;     /* a rule of the program's own that was broken, or NULL */
};

#define SCATTER_FIGURES (8 * SCATTER_RUNS)

/* What is promised of each run, in this order: no wrong result; seconds until it is told, which is
 * what all slots would need, a millisecond a node for the links, and a tail as long as the last
 * chunks; reports a second at one node, whatever the number of nodes; grants, of which few may come
 * back; what coordinator and others send for so many reports; leaves run twice. Returns how many
 * are held. */
uint32_t scatter_figures(const struct scatter_result *r,
                         struct scale_figure figures[SCATTER_FIGURES]);

/* 0, or ERR_NO_MEMORY. */
int scatter_measure(const struct alloc *a, const struct scatter_options *o,
                    struct scatter_result *r);

#endif
