/* How long each experiment of scale.c takes, and what must be held: both follow from the number of
 * nodes alone. Pure values; called by scale.c, cmd/sim_scale.c and tests. */
#ifndef VELUM_SIM_SCALE_PLAN_H
#define VELUM_SIM_SCALE_PLAN_H

#include <stdbool.h>
#include <stdint.h>

#include "core/sim/scale.h"

#define SCALE_VICTIMS_MAX 64

/* Beyond SCALE_WHOLE_MAX nodes all of it is shorter, for a node has to do more and there are
 * more; and all but the last few begin with a table of all. */
struct scale_plan {
    uint32_t known; /* so many are told of each other to begin with; the others join */
    int64_t join_limit_us;
    int64_t settle_us; /* links that are not needed are closed after a minute */
    int64_t idle_us;
    uint32_t spread_rounds;
    int64_t busy_begin_us; /* the nodes become busy one after another in so long */
    int64_t busy_warm_us, busy_us;
    bool busy_after;   /* whether it is awaited that all know the last loads */
    uint32_t victims;  /* at most, in one round */
    int64_t silent_us; /* until all must take them for dead */
    int64_t refused_us;
    int64_t back_us;
    int64_t unrest_us;
};

struct scale_plan scale_plan_of(uint32_t nodes);

/* One figure, what it came to, and what it must not exceed. */
struct scale_figure {
    const char *name;
    const char *unit;
    double seen, bound;
    bool held; /* what never came to an end holds no bound */
};

#define SCALE_FIGURES 12

/* The promises: seconds, frames and bytes a node, and deaths. Detection within 1.5 s, death within
 * 5 s at 16 nodes and 1 s more for each doubling, and loads that grow with log2 N, no faster.
 * Returns how many are held. */
uint32_t scale_figures(const struct scale_result *r, struct scale_figure figures[SCALE_FIGURES]);

#endif
