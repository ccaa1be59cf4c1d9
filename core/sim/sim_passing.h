/* Objects that simulated jobs of several stages read: those that users put, and those that pass
 * from one stage to another.
 *
 * What must hold: nobody drops the last copy of what a job that runs still needs; a job fails for
 * want of an input only where that is a user's, and lost; what stages yielded is computed again
 * instead; and once the job has a result what passed is kept by nobody.
 *
 * Called by sim_collect.c, sim_objects.c and sim_theft.c. */
#ifndef VELUM_SIM_SIM_PASSING_H
#define VELUM_SIM_SIM_PASSING_H

#include "core/sim/world.h"

/* A job may fail for this reason, which names an input. */
bool sim_passing_may_fail(const struct world *w, const struct sim_job *j, const char *error);
/* The node lets go of this object. */
void sim_passing_dropped(struct world *w, const struct sim_node *n, struct digest name);
/* One object that a job needs now: a user's, or what one stage passes to another. `lot` chooses.
 * False: there is none. */
bool sim_passing_any(const struct world *w, bool of_user, uint64_t lot, struct digest *name);
/* Of a job that is done: NULL, or what is kept in vain. */
const char *sim_passing_left(const struct world *w, const struct sim_job *j);

#endif
