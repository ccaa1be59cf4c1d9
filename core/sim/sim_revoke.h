/* The scene `revoke`: while a job runs on sixteen nodes, the key of one of them is revoked, by an
 * act that a random other node hears first. Every connection to it must be gone within five
 * seconds, at the other nodes' ends, and none may come up again (G9); the job ends with its result.
 * Half of those that are revoked do not listen, as a stolen machine would, and go on trying until
 * all is healed.
 *
 * Called by sim_scene.c and sim_net.c. */
#ifndef VELUM_SIM_SIM_REVOKE_H
#define VELUM_SIM_SIM_REVOKE_H

#include "core/sim/world.h"

#define SIM_REVOKE_NODES 16
#define SIM_REVOKE_US (5 * S_US) /* until all is cut */

void sim_revoke_plan(struct world *w);
void sim_revoke_goes_on(struct world *w);
/* After each event. */
void sim_revoke_watch(struct world *w);
/* This node does not read frames of that type. */
bool sim_revoke_is_deaf(const struct world *w, uint32_t node, uint8_t type);

#endif
