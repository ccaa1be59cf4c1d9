/* Simulated jobs that collect: what each of their leaves yields, by plain computation, and what
 * must be so of it in the end. Only runs with objects have them, and draw what is about them from
 * the numbers of those.
 *
 * What must hold: the result is the list of what the leaves yield, in their order; each output and
 * the list has its copies and can be got, also after one disk was lost that had them; and what a
 * job made that came to no result is kept by nobody, once everybody is there.
 *
 * Called by sim_kernel.c, sim_worker.c, sim_check.c, sim_plan.c and sim_objects.c. */
#ifndef VELUM_SIM_SIM_COLLECT_H
#define VELUM_SIM_SIM_COLLECT_H

#include "core/sim/world.h"

/* Decides whether this job collects, and what it reads; how many leaves it may have. */
uint64_t sim_collect_plan(struct world *w, struct sim_job *j, uint64_t leaves);
/* The result it must have, once its spec is whole. */
void sim_collect_finish(struct sim_job *j);

/* So long it may take beyond its leaves: an input is waited for, outputs are asked about. */
int64_t sim_collect_patience_us(const struct sim_job *j);
/* What a leaf yields; gives how many bytes. */
#define SIM_OUTPUT_MAX 2600u
uint32_t sim_collect_output(const struct sim_job *j, uint64_t leaf, uint8_t to[SIM_OUTPUT_MAX]);
/* Its value, as it is reported. */
void sim_collect_value(const struct sim_job *j, uint64_t leaf, struct buf *to);

/* A job of this kind may fail for this reason. */
bool sim_collect_may_fail(const struct world *w, const struct sim_job *j, const char *error);
/* What it reads is on this node, for a worker. */
bool sim_collect_input_is_here(const struct world *w, const struct sim_node *n,
                               const struct sim_job *j);

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
