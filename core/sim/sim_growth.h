/* What must not grow: at the end of a season, when all is healed and every job has ended, a node
 * takes no more memory, links and disk than what it knows explains, however long it has run. Called
 * by sim.c. */
#ifndef VELUM_SIM_SIM_GROWTH_H
#define VELUM_SIM_SIM_GROWTH_H

#include "core/sim/world.h"

void sim_check_growth(struct world *w);

#endif
