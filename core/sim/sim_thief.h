/* Somebody has the keys of nodes, and says in their name what he likes of jobs that they have no
 * part in: that they hold it, that they coordinate it, how it ended; at any moment, to any node
 * that is linked to them. All that he signs names a node that there is not, or carries a mark: none
 * of it may be written anywhere, and all else is checked as in any run. What he tells in the
 * directory, of these jobs and of some that there are not, may be shown to users. With --thief, in
 * all kinds of runs that have no scene.
 *
 * He leaves those alone that have a job without knowing who holds it: whoever has lost that cannot
 * judge (core/node/warrant.h). Called by sim.c, sim_plan.c and sim_check.c. */
#ifndef VELUM_SIM_SIM_THIEF_H
#define VELUM_SIM_SIM_THIEF_H

#include "core/sim/world.h"

/* From now on, until all is healed. */
void sim_thief_begins(struct world *w);
/* It is time: HAPPEN_THIEF. */
void sim_thief_turn(struct world *w);
/* A fact is written at a node: fails when it is one of his. */
void sim_thief_written(struct world *w, const struct sim_node *n, uint32_t job,
                       const struct fact *f);

#endif
