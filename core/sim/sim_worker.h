/* Worker processes in virtual time: they speak the pipe protocol of core/wire/order.h as
 * core/host/worker.c does, look at their orders between leaves, and die when they are killed or
 * when a leaf is made to kill them.
 * Called by sim_node.c (actions), sim_plan.c (faults) and sim.c (events). */
#ifndef VELUM_SIM_SIM_WORKER_H
#define VELUM_SIM_SIM_WORKER_H

#include "core/sim/world.h"

void sim_worker_start(struct world *w, struct sim_node *n, uint32_t number);
void sim_worker_order(struct world *w, struct sim_node *n, const struct action *a,
                      struct bytes payload);
/* SIGKILL, by the node (`own`) or from outside. */
void sim_worker_kill(struct world *w, struct sim_node *n, uint32_t number, bool own);
/* Kills a random one from outside; false when there is none. */
bool sim_worker_kill_any(struct world *w, struct sim_node *n);
void sim_worker_order_arrives(struct world *w, struct sim_node *n, uint32_t number);
void sim_worker_leaf(struct world *w, struct sim_node *n, uint32_t number, uint64_t turn);
void sim_worker_speaks(struct world *w, struct sim_node *n, uint32_t number);
void sim_workers_clear(struct world *w, struct sim_node *n);

#endif
