/* Workers of the search: as sim_worker.h has them, but that they answer at once, and that each leaf
 * ends when the search says so. They lie in their node's memory. Called by explore_part.c. */
#ifndef VELUM_SIM_EXPLORE_WORKER_H
#define VELUM_SIM_EXPLORE_WORKER_H

#include "core/sim/world.h"

#define EXPLORE_SAYS_MAX 16

struct explore_worker;

/* What workers have to say, for their node to hear after the present step. */
struct explore_says {
    uint32_t count, next;
    struct {
        uint32_t worker, request;
        uint8_t type; /* 0: it was killed and is gone */
        struct buf payload;
    } list[EXPLORE_SAYS_MAX];
};

struct explore_crew {
    struct explore_worker *first;
};

/* All of these: a is the node's memory; false when something is wrong, and the world has failed. */
bool explore_worker_start(struct world *w, const struct alloc *a, struct explore_crew *c,
                          uint32_t number, struct explore_says *says);
bool explore_worker_order(struct world *w, const struct alloc *a, struct explore_crew *c,
                          const struct action *order, struct bytes payload,
                          struct explore_says *says);
void explore_worker_kill(const struct alloc *a, struct explore_crew *c, uint32_t number,
                         struct explore_says *says);
/* Some worker has a leaf under way. */
bool explore_worker_works(const struct explore_crew *c);
/* The first of them ends it. */
bool explore_worker_leaf(struct world *w, const struct alloc *a, struct explore_crew *c,
                         struct explore_says *says);

#endif
