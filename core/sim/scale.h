/* How membership behaves with many nodes: experiments over instances of the real core/mesh
 * (scale_net.h), one after another in one mesh.
 *
 *   join     all nodes start within a second and know the address of the first
 *   idle     nothing happens: frames and bytes
 *   rumor    one node has news that all must hear at once (it recovers, it is ready)
 *   slot     one node's slots change and nothing else does
 *   busy     every node's slots change all the time: frames and bytes, and how old what the
 *            others know is once it stops
 *   silent   some nodes stop without a sign, with frames delayed: suspected, dead everywhere
 *   refused  some processes die: their links end, their dials are refused
 *   back     the last of those have started again: frames and bytes of all, the ring changing
 *   unrest   frames are delayed and nodes stand still for a second: nobody may be declared dead
 *
 * Reads no clock: equal seeds give equal results. Called by cmd/sim_scale.c and tests. */
#ifndef VELUM_SIM_SCALE_H
#define VELUM_SIM_SCALE_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/alloc.h"

#define SCALE_NODES_MIN 2
#define SCALE_NODES_MAX 10000 /* each knows each in some 85 bytes: N^2 of them are 8 GiB */
#define SCALE_WHOLE_MAX 2048  /* beyond it the experiments are shortened (scale_plan.h) */

struct scale_options {
    uint64_t seed;
    uint32_t nodes;
    uint32_t rounds;   /* of silent and of refused; 0: as many as give some 64 samples */
    int64_t unrest_us; /* 0: as long as gives some 8 node-hours */
    /* Unless NULL, called at the start of each experiment and after each second of virtual time. */
    void (*progress)(void *ctx, const char *experiment, int64_t virtual_us, uint64_t events);
    void *ctx;
};

/* Of samples in microseconds, in order of size. */
struct scale_times {
    uint64_t count;   /* samples */
    uint64_t missing; /* that never came to an end */
    int64_t p50_us, p99_us, most_us;
};

struct scale_load {
    uint64_t node_us; /* time measured, of all nodes together */
    uint64_t frames, bytes;
    uint64_t most_frames, most_bytes; /* of one node */
    uint64_t links;                   /* of all nodes, at the end */
    int64_t us;
};

struct scale_result {
    uint32_t nodes;
    bool shortened;
    struct scale_times join;
    struct scale_load joining, idle, busy;
    struct scale_load back; /* while those that were refused come back */
    struct scale_times rumor, slot, busy_after;
    struct scale_times suspected, dead, refused;
    uint64_t unrest_node_us, false_suspicions, false_deaths;
    uint64_t events;
    int64_t virtual_us;
    uint64_t memory_bytes; /* most that the meshes had at a time */
};

/* 0, or ERR_NO_MEMORY. A result with `busy_after` of no samples: it was left out. */
int scale_run(const struct alloc *a, const struct scale_options *o, struct scale_result *r);

#endif
