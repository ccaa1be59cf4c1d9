/* Simulated jobs that collect: which they are, and what must be so of them in the end
 * (sim_output.c, sim_passing.c). Only runs with objects have them, and
 * draw what is about them from the numbers of those.
 *
 * What must hold: the result is the list of what the leaves yield, in their order; each output and
 * the list has its copies and can be got, also after one disk was lost that had them; and what a
 * job made that came to no result is kept by nobody, once everybody is there.
 *
 * Called by sim_kernel.c, sim_worker.c, sim_check.c, sim_plan.c and sim_objects.c. */
#ifndef VELUM_SIM_SIM_COLLECT_H
#define VELUM_SIM_SIM_COLLECT_H

#include "core/sim/world.h"

/* Whether a job is to be a graph with objects (sim_graph.c); how many leaves it may have. */
bool sim_collect_amid(struct world *w, uint64_t *leaves);
/* Whether one of one stage collects, what it reads, and how many leaves it may have. */
bool sim_collect_plan(struct world *w, struct sim_job *j, uint64_t *leaves);

/* So long it may take beyond its leaves: an input is waited for, outputs are asked about. */
int64_t sim_collect_patience_us(const struct sim_job *j);
/* A job of this kind may fail for this reason. */
bool sim_collect_may_fail(const struct world *w, const struct sim_job *j, const char *error);
/* It collects, or reads objects. */
bool sim_collect_has_objects(const struct sim_job *j);
/* Some job reads it, and may want it for as long as its result is kept. */
bool sim_collect_reads(const struct world *w, const struct sim_thing *t);
/* Some of what the jobs made becomes things to be got. */
void sim_collect_things(struct world *w);
/* NULL: nothing is wrong, or still to come. */
const char *sim_collect_outstanding(struct world *w);
/* All those that were acknowledged have ended; since when, for whoever waits so long for the rest.
 */
bool sim_collect_ended(const struct world *w, int64_t *since);

#endif
