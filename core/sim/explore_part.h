/* One node of the search: the production core with its disk, its workers and its clock, all in a
 * memory of its own (explore_heap.h), and what every event does to each of its states.
 *
 * States have numbers. A step that was done once is looked up afterwards, so that the search costs
 * what the nodes can do, not how often it happens in the whole. Workers answer at once but for the
 * end of a leaf, which is an event. A disk syncs all it was given, as an event. Called by
 * explore_scene.c. */
#ifndef VELUM_SIM_EXPLORE_PART_H
#define VELUM_SIM_EXPLORE_PART_H

#include "core/sim/explore_heap.h"
#include "core/sim/explore_things.h"
#include "core/sim/world.h"

#define EXPLORE_NODES 3
#define EXPLORE_LEAVES 4
#define EXPLORE_USER EXPLORE_NODES /* as a peer: the user of a node */
#define EXPLORE_REPORTS_MAX 12
#define EXPLORE_QUANTUM_US (50 * MS_US)

enum part_event {
    PART_START = 1,   /* the process begins on what its disk holds */
    PART_KILLED,      /* it ends, and what was not synced is lost */
    PART_KILLED_LATE, /* it ends, and what was not synced is on the disk all the same */
    PART_FRAME,       /* arg: the frame */
    PART_UP,          /* arg: number of its dial, 0: it was dialled */
    PART_ENDED,
    PART_BROKEN,
    PART_REFUSED, /* arg: number of its dial */
    PART_TIMEOUT, /* the same */
    PART_OTHER,   /* the same */
    PART_SYNCED,
    PART_LEAF,
    PART_TICK, /* its clock jumps to what is due next */
    PART_PASS  /* EXPLORE_QUANTUM_US pass, with all that is due meanwhile */
};

/* What a step gave out, in order. */
enum part_out_kind { OUT_SEND = 1, OUT_DIAL, OUT_CLOSE };
struct part_out {
    uint8_t kind, peer, type, unused;
    uint32_t arg; /* SEND: the frame; DIAL: its number */
};

/* What others look at of a state. */
struct part_facts {
    int64_t due_in_us; /* until its next timer, INT64_MAX: none */
    uint64_t seqs[EXPLORE_REPORTS_MAX];
    uint8_t masks[EXPLORE_REPORTS_MAX]; /* the leaves of each report */
    uint8_t reports;
    uint8_t links; /* bit p: has a link to p */
    bool runs, unsynced, works;
    bool spec, outcome; /* on its disk */
    uint8_t leaves;     /* on its disk */
};

struct part_state {
    uint32_t node;
    uint32_t pages; /* a thing: the numbers of the pages */
    struct part_facts facts;
};

struct parts {
    const struct alloc *alloc;
    struct world *w; /* for the job, the seals and the checks; nothing happens in it */
    struct explore_heap heaps[EXPLORE_NODES];
    void *roots[EXPLORE_NODES];      /* of what is in the heaps */
    uint32_t *loaded[EXPLORE_NODES]; /* the numbers of the pages that are in the heap now */
    struct things things;            /* frames, queues, pages, outs */
    struct things digests;           /* what is a state: its number is the state's */
    struct part_state *states;
    uint32_t states_cap;
    struct memo memo;
    uint64_t steps; /* that were not known */
    struct buf outs;
    struct buf pages;
    bool no_memory;
};

/* 0 or ERR_NO_MEMORY. `roots`: a first state of each node, down, with an empty disk. */
int parts_init(struct parts *x, const struct alloc *a, struct world *w,
               uint32_t roots[EXPLORE_NODES]);
void parts_clear(struct parts *x);
const struct part_facts *part_facts(const struct parts *x, uint32_t state);
/* The state that the event leads to, and what was given out (a thing: struct part_out after each
 * other). When a check fails, x->w->failed is set. */
uint32_t part_step(struct parts *x, uint32_t state, enum part_event event, uint32_t peer,
                   uint32_t arg, uint32_t *outs);
/* A frame as a thing: u8 type, u32 request, payload. */
uint32_t part_frame(struct parts *x, uint8_t type, uint32_t request, struct bytes payload);

#endif
