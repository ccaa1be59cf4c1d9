/* Nodes with tiny buffers, early timers, short reports and small tables: what a run of seconds
 * would else never reach happens all the time (FoundationDB calls it buggify). Called by
 * sim_plan.c. */
#ifndef VELUM_SIM_SIM_TIGHT_H
#define VELUM_SIM_SIM_TIGHT_H

#include "core/sim/world.h"

/* Gives the node the usual limits, but for those of snapshots. */
void sim_tight_not(struct sim_node *n);
/* Makes some of its limits tight, which ones and how tight by the seed alone. */
void sim_tight_draw(struct sim_node *n, uint64_t seed);

#endif
