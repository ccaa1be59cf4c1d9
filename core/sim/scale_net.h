/* A lean network under many instances of core/mesh: connections with delays, dials, frames counted
 * as they are encoded, nodes that stall, fall silent, die and start again. Everything follows from
 * one seed.
 *
 * Connections are reliable and in order, as over TCP: trouble is delay or an end. A silent node's
 * peers see nothing, a killed one's see their links end and are refused when they dial. Owns the
 * nodes, connections and events; knows nothing of what is measured, which scale.c hangs in by
 * `changed`, `load` and `turn`. Called by scale.c only. */
#ifndef VELUM_SIM_SCALE_NET_H
#define VELUM_SIM_SCALE_NET_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/prng.h"
#include "core/mesh/mesh.h"
#include "core/sim/scale_conn.h"

#define SCALE_START_US (1000 * S_US) /* the clock at the beginning */

enum scale_life { SCALE_ABSENT, SCALE_UP, SCALE_SILENT, SCALE_KILLED };

struct scale_node {
    struct scale_net *net;
    uint32_t index;
    enum scale_life life;
    uint32_t process;
    struct mesh *mesh;
    struct member_info info;
    int64_t tick_us;    /* its timer */
    int64_t stalled_us; /* until then nothing moves in it */
    uint64_t contact;   /* the link of scale_net_start_known */
    uint64_t frames, bytes;
    /* Measured by scale.c. */
    uint32_t live;      /* others it takes for live */
    int64_t start_us;   /* its process's begin */
    int64_t known_us;   /* when it had what is being watched; -1: not yet */
    int64_t suspect_us; /* when the first other node suspected it; -1: nobody */
    int64_t dead_us;    /* when the last one declared it dead */
    uint32_t deads;     /* how many did */
    uint32_t load;      /* what it last said of itself */
};

struct scale_net {
    const struct alloc *given;
    struct alloc counted;
    struct profiles *profiles; /* of all: what is equal is there once */
    uint64_t bytes_live, bytes_most;
    struct prng prng;
    int64_t now_us;
    uint64_t events_count;
    struct scale_node *nodes;
    uint32_t count;
    int64_t stall_every_us; /* each node stops for a second about so often; 0: never */
    struct scale_queue queue;
    struct scale_conns conns;
    void *ctx;
    void (*changed)(void *ctx, struct scale_node *at, const struct member *m,
                    enum node_state before);
    void (*load)(void *ctx, struct scale_node *at, const struct member *m);
    void (*turn)(void *ctx, struct scale_node *at);
};

/* count nodes, none running. ERR_NO_MEMORY. */
int scale_net_open(struct scale_net *n, const struct alloc *a, uint32_t count, uint64_t seed);
/* False when a mesh gave back less than it took. */
bool scale_net_close(struct scale_net *n);

/* Starts a process there, which knows the address of another node; later, in `us`. */
void scale_net_start(struct scale_net *n, uint32_t node, uint32_t hint, int64_t us);
/* Starts a process at once on each of the first `count` nodes, and tells each of all others, as the
 * whole table of a first contact would, from which it was then parted: a mesh without the N^2 log N
 * rumors of its growth. */
void scale_net_start_known(struct scale_net *n, uint32_t count);
/* It stops for good, and nobody is told. */
void scale_net_silence(struct scale_net *n, uint32_t node);
/* Its process dies: connections end, dials are refused. */
void scale_net_kill(struct scale_net *n, uint32_t node);
/* `turn` is called for it in `us`, unless it does not run then. */
void scale_net_turn(struct scale_net *n, uint32_t node, int64_t us);
/* Stalls and their ends, as long as stall_every_us is set. */
void scale_net_stalls(struct scale_net *n);
/* After something was done to its mesh from outside: its timer is set anew. */
void scale_net_settle(struct scale_net *n, struct scale_node *node);

/* One event not after `until_us`; false when there is none, and then it is that late. */
bool scale_net_step(struct scale_net *n, int64_t until_us);
void scale_net_run(struct scale_net *n, int64_t us);

bool scale_net_out_of_memory(const struct scale_net *n);

/* The node of that id. */
uint32_t scale_net_index(struct node_id id);

#endif
