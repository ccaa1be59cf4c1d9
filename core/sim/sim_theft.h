/* All copies of one object are lost at once, while a simulated job needs it: whoever has it is
 * killed, and comes back without its objects. What stages passed on is computed again; what a user
 * put is not, and the job fails. In some of the runs with graphs that read objects.
 *
 * Called by sim.c and sim_objects.c. */
#ifndef VELUM_SIM_SIM_THEFT_H
#define VELUM_SIM_SIM_THEFT_H

#include "core/sim/world.h"

/* Decides whether there are any, and when first. */
void sim_theft_plan(struct world *w);
/* It may be time. */
void sim_theft_turn(struct world *w);

#endif
