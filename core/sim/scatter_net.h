/* Whole node cores by the hundred and thousand, and the hosts they need: connections with delays,
 * disks that sync in a millisecond, workers, users. Nodes die once and for good; nothing else
 * breaks. Everything follows from one seed.
 *
 * A journal's bytes are counted and not kept, for nobody starts again. Users have their node's
 * control socket: no delay, and no end. Owns nodes, connections and events; knows nothing of what
 * is measured, which scatter.c hangs in by `told` and `turn`. Called by scatter.c only. */
#ifndef VELUM_SIM_SCATTER_NET_H
#define VELUM_SIM_SCATTER_NET_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/prng.h"
#include "core/mesh/mesh.h"
#include "core/node/node.h"
#include "core/sim/scale_conn.h"
#include "core/sim/scale_queue.h"
#include "core/sim/sim_kernel.h"

#define SCATTER_START_US (1000 * S_US) /* the clock at the beginning */
#define SCATTER_JOBS_MAX 64
#define SCATTER_TYPES 80 /* of messages between nodes */

/* Frames to and from one node since they were last set to nothing, by type. */
struct scatter_traffic {
    uint32_t sent[SCATTER_TYPES], got[SCATTER_TYPES];
    uint64_t mesh_bytes, job_bytes; /* sent: membership; all else */
    uint64_t got_bytes;
};

struct scatter_worker;

struct scatter_node {
    struct scatter_net *net;
    uint32_t index;
    bool up;
    uint32_t process;
    struct node *core;
    struct member_info info;
    uint64_t contact; /* its first link */
    int64_t tick_us;  /* its timer */
    bool syncing;
    uint64_t given, taken; /* tickets: the last one, and the last one of the sync under way */
    struct scatter_worker *workers;
    int64_t leaf_us; /* that a leaf takes here */
    struct scatter_traffic traffic;
};

struct scatter_net {
    const struct alloc *given;
    struct alloc counted; /* of the cores */
    struct alloc own;     /* of everything else; both notice when there is no more */
    uint64_t bytes_live, bytes_most;
    struct profiles *profiles;
    struct prng prng;
    int64_t now_us;
    uint64_t events_count;
    struct scatter_node *nodes;
    uint32_t count;
    uint32_t slots; /* of each */
    struct node_id user;
    struct scale_queue queue;
    struct scale_conns conns;
    struct actions actions;
    const char *wrong; /* what should never be, if it has been */
    struct sim_job jobs[SCATTER_JOBS_MAX];
    uint64_t computed_leaves; /* by all workers, ever: a worker cannot tell two like jobs apart */
    uint32_t jobs_count;
    void *ctx;
    /* A frame for the user of that job. */
    void (*told)(void *ctx, uint32_t job, uint8_t type, struct bytes payload);
    /* What scatter_net_turn has asked for. */
    void (*turn)(void *ctx, uint32_t job);
};

/* So many nodes with so many slots each, none running. ERR_NO_MEMORY. */
int scatter_net_open(struct scatter_net *n, const struct alloc *a, uint32_t count, uint32_t slots,
                     uint64_t seed);
/* False when a core gave back less than it took. */
bool scatter_net_close(struct scatter_net *n);

/* Starts all of them; each knows all. */
void scatter_net_start(struct scatter_net *n);
/* Its process dies: connections end, dials are refused. */
void scatter_net_kill(struct scatter_net *n, uint32_t node);
/* The user of a job opens the control socket of that node. */
void scatter_net_user(struct scatter_net *n, uint32_t node, uint32_t job);
/* And asks something there. */
void scatter_net_ask(struct scatter_net *n, uint32_t node, uint32_t job, uint8_t type,
                     struct bytes payload);
/* `turn` is called for it in `us`. */
void scatter_net_turn(struct scatter_net *n, uint32_t job, int64_t us);

/* One event not after `until_us`; false when there is none, and then it is that late. */
bool scatter_net_step(struct scatter_net *n, int64_t until_us);
void scatter_net_run(struct scatter_net *n, int64_t us);
/* Memory is out, or something is wrong. */
bool scatter_net_failed(const struct scatter_net *n);

#endif
