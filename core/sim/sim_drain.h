/* The scene of draining: while one job runs, node after node is told to drain, wherever that order
 * is handed in, and links break, nodes stand still and workers die now and then. Each must be empty
 * in time, though it may be killed on the way. Then its disk is lost, it is told to work again, and
 * comes back empty or never. The job must end with its result: what drained held nothing that
 * anybody needs. Called by sim_scene.c and sim_user.c. */
#ifndef VELUM_SIM_SIM_DRAIN_H
#define VELUM_SIM_SIM_DRAIN_H

#include "core/sim/world.h"

void sim_drain_plan(struct world *w);
/* HAPPEN_SCENE: looks how far it is. */
void sim_drain_goes_on(struct world *w);
/* What a USER_ORDERS hands in. */
void sim_drain_ask(struct world *w, const struct sim_user *u, struct buf *to);

#endif
