/* A simulated node's life: start on its disk, events in, actions out in order, kill -9 between any
 * two of them, and start again. Called by everything in core/sim that has an event for a node. */
#ifndef VELUM_SIM_SIM_NODE_H
#define VELUM_SIM_SIM_NODE_H

#include "core/sim/world.h"

/* A process on what its disk holds. */
void sim_node_start(struct world *w, struct sim_node *n);
/* The process ends without a word. `power`: its machine too. */
void sim_node_crash(struct world *w, struct sim_node *n, bool power);
/* One event; time and wall clock are filled in. Nothing happens while it is down. */
void sim_node_event(struct world *w, struct sim_node *n, struct event *ev);
void sim_node_tick(struct world *w, struct sim_node *n);
/* Asks it to compact its journal. */
void sim_node_compact(struct world *w, struct sim_node *n);
/* What its wall clock says. */
int64_t sim_node_wall_s(const struct world *w, const struct sim_node *n);
uint32_t sim_node_of(const struct world *w, struct node_id id);
bool sim_node_is_up(const struct world *w, uint32_t node);
void sim_node_clear(struct world *w, struct sim_node *n);

#endif
