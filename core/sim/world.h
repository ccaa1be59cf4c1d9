/* What a simulated mesh is made of, and its one queue of coming events. Private to core/sim.
 *
 * Time stands still while an event is handled. Events are ordered by (time, number), so nothing
 * depends on addresses. Each part below has a file of its own, named in its heading. */
#ifndef VELUM_SIM_WORLD_H
#define VELUM_SIM_WORLD_H

#include "core/base/ensure.h"
#include "core/base/instant.h"
#include "core/base/prng.h"
#include "core/base/text.h"
#include "core/journal/journal.h"
#include "core/kernel/run.h"
#include "core/node/node.h"
#include "core/sim/sim.h"
#include "core/sim/sim_asking.h"
#include "core/sim/sim_job.h"
#include "core/sim/sim_machine.h"
#include "core/sim/sim_seen.h"
#include "core/sim/sim_store.h"
#include "core/sim/sim_story.h"
#include "core/wire/message.h"
#include "core/wire/request.h"
#include "core/wire/spec.h"

#define SIM_NODES_MAX SIM_NODES_LIMIT
#define SIM_USERS_MAX 256
#define SIM_JOB_PLACES (4u * SIM_JOBS_MAX)
#define SIM_SEGMENT_BYTES ((uint64_t)16384)
#define SIM_EVENTS_MAX 3000000u /* of one season */
#define SIM_WALL_S ((int64_t)1760000000)
#define SIM_EVERYBODY SIM_NODES_MAX /* an event that no pause of a node holds up */

/* Which of the promises (G1 to G12 of the manual) does not hold; G_NONE: the program breaks a rule
 * of its own. */
enum promise { G_NONE, G1, G2, G3, G4, G5, G6, G7, G8, G9, G10, G11, G12 };

enum happening_kind {
    HAPPEN_TICK,
    HAPPEN_DELIVER,     /* a: link, b: direction */
    HAPPEN_DIAL,        /* a: dial record */
    HAPPEN_DIAL_ANSWER, /* a: dial record */
    HAPPEN_STORED,
    HAPPEN_ROOM,        /* a: enum room, of the disk */
    HAPPEN_SPACE,       /* a: node whose disk has space again; it is not told */
    HAPPEN_ORDER,       /* a: worker */
    HAPPEN_LEAF,        /* a: worker, b: turn */
    HAPPEN_WORKER_SAYS, /* a: worker */
    HAPPEN_HINT,        /* a: the node hinted at */
    HAPPEN_FAULT,       /* a: it is over, what was blocked opens */
    HAPPEN_FLAP,        /* a: pair of nodes, b: so often again */
    HAPPEN_SCENE,       /* sim_scene.c */
    HAPPEN_RESTART,     /* a: node */
    HAPPEN_USER,        /* a: user, b: turn */
    HAPPEN_CARRY,       /* a: carrier, b: turn */
    HAPPEN_THEFT,       /* sim_theft.c */
    HAPPEN_THIEF,       /* sim_thief.c */
    HAPPEN_MOVED,       /* the mover has answered */
    HAPPEN_HEAL
};

struct happening {
    int64_t at;
    uint64_t number;
    enum happening_kind kind;
    uint32_t node; /* whose process it needs; SIM_EVERYBODY: nobody's */
    uint32_t boot; /* and which of its lives */
    uint64_t a, b;
};

struct tick {
    int64_t at;
    uint64_t number;
};

/* --- sim_net.c --- */

enum parcel_kind { PARCEL_UP, PARCEL_FRAME, PARCEL_END, PARCEL_RESET };

/* Most say little. Those that are over wait for their next use. */
#define PARCEL_SMALL 120
struct parcel {
    struct parcel *next;
    enum parcel_kind kind;
    uint8_t type;
    uint32_t request;
    uint32_t len;
    uint8_t *data; /* NULL: what there is of it is in small */
    uint8_t small[PARCEL_SMALL];
};

struct link_half {
    uint32_t node; /* SIM_NODES_MAX: a user */
    uint32_t boot;
    uint32_t user;
    uint64_t link; /* the number its core knows it by */
    bool open;
};

/* Direction d carries what half d sends. One that is over rests until it is another one. */
struct sim_link {
    struct link_half halves[2];
    struct parcel *first[2], *last[2];
    int64_t arrives[2]; /* when the last parcel arrives: parcels never overtake */
    int64_t sent[2];    /* when the last one is on its way, where there is little bandwidth */
    bool stalled[2];
    bool bulk; /* for objects */
    bool resting;
    uint32_t pending;      /* deliveries to come */
    uint32_t next_resting; /* index + 1, 0: none */
};

/* A link that a node has open. */
struct link_end_of {
    uint64_t link;
    uint32_t index, half;
};

struct sim_dial {
    uint32_t from, boot, to;
    uint32_t dial;
    struct node_id expected;
    enum dial_end end;
    bool bulk;
    uint32_t next_resting; /* number + 1, 0: none */
};

/* --- sim_clock.c --- */

struct sim_clock {
    int64_t zero;  /* of the world, when it began; later for the time that it stood still */
    int64_t began; /* what it showed then */
    int64_t last;  /* what it showed last */
    int32_t ppm;   /* how much too fast */
    bool suspends; /* stands still while its node does */
};

/* --- sim_node.c --- */

struct sim_node {
    uint32_t index;
    struct node *core;   /* NULL while it is down */
    struct alloc memory; /* of the core, counted */
    size_t core_bytes;
    uint32_t boot;
    struct node_id id;
    uint32_t slots;
    uint32_t machine;
    struct node_limits limits;
    uint32_t ready_workers;
    uint64_t segment_bytes; /* of its journal */
    bool early;             /* its timer often fires before its time */
    bool lacks_kernel;
    bool silent;        /* down with its machine: connections say nothing */
    bool dead_for_good; /* never comes back */
    uint32_t died_in;   /* the season, from 1 */
    bool stopping;
    int64_t paused_until;
    uint32_t slowness;   /* of its workers, 1 is normal */
    uint32_t crash_in;   /* actions until it is killed; 0: not */
    uint32_t starve_in;  /* requests for memory until one is refused; 0: not */
    bool starved;        /* one was */
    bool power_goes_too; /* that crash loses what the disk had not synced */
    struct sim_clock clock;
    int64_t wall_off_s;    /* how wrong its wall clock is */
    int64_t wall_stands_s; /* what it says if it stands still, else 0 */
    uint64_t link_counter;
    struct link_end_of *ends;
    uint32_t ends_count, ends_cap;
    struct sim_disk disk;
    struct sim_moving moving;
    struct seen seen[SIM_JOBS_MAX];
    int64_t started;
    struct sim_worker *workers;
    struct log_sink log;
    struct world *world;
};

/* --- sim_plan.c --- */

/* A long run has seasons, each with faults and jobs of its own and each healed in the end; any
 * other run has one. */
struct sim_plan {
    uint32_t nodes, nodes_wanted; /* those that died for good are counted in nodes */
    uint32_t jobs, jobs_old;      /* jobs_old: of seasons before, all ended */
    uint32_t faults_off;
    uint64_t mesh; /* of which the names of the nodes are made */
    uint64_t fault_number;
    bool one_machine;
    bool lasting;
    enum sim_scene scene;
    const char *job; /* that was asked for, or NULL */
    int64_t ends_at; /* no season begins after that */
    int64_t season_us, heal_at;
    int64_t fault_every_us; /* mean */
    uint32_t weights[32];   /* of enum fault */
    uint32_t delay_us, jitter_us;
    uint64_t room_bytes;          /* of a link; 0: as in production */
    uint32_t keep_s, tombstone_s; /* of finished jobs and their names; 0: as in production */
    bool one_dies_for_good;
    bool kernel_dies;
    bool thief;
};

struct world {
    const struct alloc *given;
    struct alloc noticing;     /* the one given, and out_of_memory when it has no more */
    const struct alloc *alloc; /* the noticing one: everything takes memory from it */
    const struct log_sink *trace;
    const struct sim_tap *tap;
    struct prng prng;
    int64_t now;
    uint64_t happening_counter;
    struct actions actions; /* of the step that is being performed; they never nest */
    bool performing;
    struct happening *heap;
    uint32_t heap_count, heap_cap;
    /* The armed timer of each node, INT64_MAX: none. Together, because all are looked at often. */
    struct tick ticks[SIM_NODES_MAX];
    uint32_t tick_first; /* the node whose timer is the first to fire; SIM_NODES_MAX: none */
    uint64_t events, hash;
    bool failed, out_of_memory;
    char what[SIM_WHAT_SIZE];
    uint8_t promise; /* enum promise, when failed */
    struct sim_plan plan;
    struct sim_node nodes[SIM_NODES_MAX];
    bool blocked[SIM_NODES_MAX][SIM_NODES_MAX]; /* from, to */
    uint32_t lag_us[SIM_NODES_MAX][SIM_NODES_MAX];
    uint32_t bytes_per_ms[SIM_NODES_MAX][SIM_NODES_MAX]; /* 0: as many as you like */
    bool calm;                                           /* nothing has gone wrong yet */
    struct parcel *parcels;                              /* over */
    struct sim_link **links;
    uint32_t links_count, links_cap, links_resting, dials_resting;
    struct sim_dial *dials;
    uint32_t dials_count, dials_cap, users_count, crashes;
    uint32_t losses, seasons; /* losses: of disks, in this season */
    uint32_t misplaced;       /* seasons at whose end a job is not where it should be */
    uint32_t rots;            /* of synced bytes, some of which became losses */
    int64_t unequal_us;       /* the longest that ledgers differed after a healing */
    uint64_t faults, season_events;
    uint64_t repeats; /* reports that arrived a second time */
    uint64_t beside;  /* records stored between two slices of a snapshot */
    uint64_t cut_off; /* processes that ended between two slices */
    struct sim_job jobs[SIM_JOBS_MAX];
    uint8_t jobs_by_id[SIM_JOB_PLACES]; /* job + 1, where its id says or soon after; 0: none */
    struct sim_user users[SIM_USERS_MAX];
    struct sim_stuff stuff;
    struct story story; /* of a scene */
    struct prng thief;
    uint32_t ever_holders[SIM_JOBS_MAX]; /* where there is one: bit i: node i was named */
    bool healed, somebody_left;
    int64_t healed_at; /* what a pause had put off may come until then */
    bool forgetful;    /* a search jumps between runs: what was seen before is of another one */
    struct worker_says unsaid; /* for what there was no memory to say */
    struct node_id user_id;
};

/* An event of this node's process, or of SIM_EVERYBODY. */
void world_later(struct world *w, int64_t in_us, enum happening_kind kind, uint32_t node,
                 uint64_t a, uint64_t b);
/* The node's timer, of which there is one: it fires after so long, or never with INT64_MAX. Kept
 * out of the queue, because nearly every event sets it anew. */
void world_tick_later(struct world *w, struct sim_node *n, int64_t in_us);
/* Takes the next one. False when there is none. */
bool world_next(struct world *w, struct happening *out);
/* A world that takes its memory from `a`; when there is none, world_new gives NULL. */
struct world *world_new(const struct alloc *a);
void world_free(struct world *w);
/* Memory that the simulation itself needs: zeroed, or NULL. Any memory that cannot be had, here or
 * by a node's core, ends the run after the present event. */
void *world_alloc(struct world *w, size_t size);
/* Room for one more element; false when there is none. */
bool world_grow(struct world *w, void **list, uint32_t *cap, uint32_t count, size_t size);
/* Uniform in [from, to]. */
uint64_t world_between(struct world *w, uint64_t from, uint64_t to);
bool world_chance(struct world *w, uint32_t one_in);
/* The run has failed; the first reason stays. job and node: UINT32_MAX when none is meant. */
void world_fail(struct world *w, enum promise promise, const char *what, uint32_t node,
                uint32_t job);
/* Mixes numbers into the hash of the run. */
void world_note(struct world *w, uint64_t a, uint64_t b, uint64_t c);
#define world_trace(w, ...) log_line((w)->trace, LOG_DEBUG, __VA_ARGS__)

#endif
