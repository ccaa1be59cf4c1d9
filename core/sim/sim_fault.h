/* The kinds of faults, and what each of them does. Called by sim_plan.c, which decides when. */
#ifndef VELUM_SIM_SIM_FAULT_H
#define VELUM_SIM_SIM_FAULT_H

#include "core/sim/world.h"

enum fault {
    FAULT_RESET,
    FAULT_PARTITION,
    FAULT_ONE_WAY,
    FAULT_OPEN,
    FAULT_KILL,
    FAULT_POWER,
    FAULT_STOP,
    FAULT_WORKER,
    FAULT_PAUSE,
    FAULT_SLOW,
    FAULT_DELAY,
    FAULT_COMPACT,
    FAULT_FULL,
    FAULT_SYNC,
    FAULT_WIPE,
    FAULT_IMAGE,
    FAULT_CLOCK,
    FAULT_LAG,     /* one direction between two nodes becomes slow */
    FAULT_NARROW,  /* the bandwidth between two nodes collapses */
    FAULT_FLAP,    /* two nodes lose and find each other again and again */
    FAULT_ECHO,    /* a connection breaks; what one side said has arrived, and it cannot know */
    FAULT_READ,    /* a node comes back, and its disk fails to read */
    FAULT_SHORT,   /* writes are cut short */
    FAULT_SPACE,   /* the disk has no room for anything new */
    FAULT_ROT,     /* synced bytes of a journal change */
    FAULT_FROZEN,  /* a wall clock stands still */
    FAULT_REPLACE, /* a node is replaced by a new one */
    FAULT_MEMORY,  /* a request of a node for memory is refused */
    FAULT_EVENTS,  /* those before this happen at some moment, the others last for the whole run */
    FAULT_TIGHT = FAULT_EVENTS, /* nodes have tiny limits (sim_tight.h) */
    FAULT_DRAWN,                /* those before this are in a seed by lot */
    FAULT_DRIFT = FAULT_DRAWN,  /* clocks drift, and stand while a node does (sim_clock.h) */
    FAULT_COUNT
};

/* One of them happens. */
void sim_fault_happens(struct world *w, enum fault f);
/* Two nodes that flap change their mind; so often they will again. */
void sim_fault_flaps(struct world *w, uint64_t pair, uint64_t times);
/* Nothing is blocked, slow or narrow any more between any two nodes. */
void sim_fault_open(struct world *w);
/* Everything that lasts ends at this node, which starts again when it is down. */
void sim_fault_mend(struct world *w, struct sim_node *n);

#endif
