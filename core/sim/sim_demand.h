/* Nodes that are not alike, and jobs that ask for some of them. What a node has follows from its
 * number, and what a job asks for from a number that is drawn anyway, so that all else of a seed is
 * what it would be without. */
#ifndef VELUM_SIM_SIM_DEMAND_H
#define VELUM_SIM_SIM_DEMAND_H

#include "core/sim/world.h"

/* Labels and memory. */
void sim_demand_node(const struct sim_node *n, struct node_options *o);
/* One job in four asks for something in its first stage, and waits for a node that has it; some
 * have another priority. */
void sim_demand_job(struct sim_job *j);
/* Whether the node meets what the job asks for. */
bool sim_demand_met(const struct sim_job *j, const struct sim_node *n);
/* How many times longer a leaf of the job takes on the fastest node that may run it; 1 where it
 * asks for nothing. */
uint32_t sim_demand_slowness(const struct world *w, const struct sim_job *j);

#endif
