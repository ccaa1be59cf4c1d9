/* What a seed means: how many nodes, which jobs, which faults and how often. Called by sim.c. */
#ifndef VELUM_SIM_SIM_PLAN_H
#define VELUM_SIM_SIM_PLAN_H

#include "core/sim/world.h"

/* Fills w->plan, nodes, jobs and users from the seed. nodes: 0 lets the seed decide. */
void sim_plan_make(struct world *w, const struct sim_options *o);
/* The season is over. Begins another one; false when there is none left. */
bool sim_plan_again(struct world *w);
/* The node is gone for good, with its disk, and a new one comes in its place. False: no room for
 * one more. */
bool sim_plan_replace(struct world *w, struct sim_node *n);
/* The run has this kind of fault. */
bool sim_plan_has(const struct world *w, uint32_t fault);
/* One fault happens, and the next one is arranged. */
void sim_plan_fault(struct world *w);
/* All faults end: what is blocked opens,
 * what is down starts again but for the one that is dead for good. */
void sim_plan_heal(struct world *w);
/* Work of all jobs of this season on one normal slot, in microseconds, behind the leaves that are
 * under way: a slow node may have begun them, and nothing takes a leaf away in its middle. */
int64_t sim_plan_work_us(const struct world *w);

#endif
