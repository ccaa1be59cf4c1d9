/* Scenes: runs with one story instead of faults by lot.
 *
 *   wipe   a job is acknowledged with three copies; at some event after that, while it runs or long
 *          after its end, two of its holders lose power and their disks at once. They come back
 *          empty, or never. The job must be there and end with its result (G2, f = 2)
 *   ship   while one job runs, every node that was there when it was submitted is killed for good
 *          and replaced by a new one, one after the other; who waits at the node that came last
 *          must be told the result (the ship of Theseus)
 *   revoke sim_revoke.h
 *   drain  node after node is drained, and then its disk is lost (sim_drain.h)
 *
 * Called by sim_plan.c and sim.c. */
#ifndef VELUM_SIM_SIM_SCENE_H
#define VELUM_SIM_SIM_SCENE_H

#include "core/sim/world.h"

/* The mesh and the job of the scene, in w->plan and w->jobs; its users and its first events. */
void sim_scene_plan(struct world *w);
/* An event has been handled. */
void sim_scene_watch(struct world *w);
/* The scene goes on: HAPPEN_SCENE. */
void sim_scene_goes_on(struct world *w);
/* With this node gone for good, two others that are up still keep every job. */
bool sim_scene_may_go(const struct world *w, const struct sim_node *n);
/* After the healing: what every node told of a job was `state`. */
void sim_scene_judge(struct world *w, uint32_t node, uint32_t job, uint8_t state);

#endif
