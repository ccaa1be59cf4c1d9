/* Objects in a simulated mesh: what is put, got and removed by whom, and a mover for each node with
 * a disk that fails in all the ways that disks do. Only some of the runs have them, and draw all
 * that is about them from numbers of their own, so that the others are as they were without.
 *
 * What must hold: bytes that a get delivers are those that were put; a put that was told to have k
 * copies survives k - 1 lost disks, or copies that rot; a node keeps within its bytes; what was
 * removed is not kept any more in the end; and once nothing fails any more, whoever asks for what
 * still has a copy gets it, there are as many copies as there should be, and nothing is under way
 * that nobody waits for.
 *
 * Called by sim.c, sim_plan.c, sim_node.c, sim_disk.c and sim_fault.c. */
#ifndef VELUM_SIM_SIM_OBJECTS_H
#define VELUM_SIM_SIM_OBJECTS_H

#include "core/sim/world.h"

/* Decides what there is to be, before any node is made; `seed` is the run's; `graphs`: that there
 * are graphs that read objects. */
void sim_objects_plan(struct world *w, uint64_t seed, bool graphs);
/* The present season has objects. */
bool sim_objects_now(const struct world *w);
/* A season begins: whoever carries something does. */
void sim_objects_begin(struct world *w);
void sim_objects_clear(struct world *w);
/* True when everything about objects has come to its end, or the run has failed. */
bool sim_objects_over(struct world *w);
/* A node's disk is lost, and what was told may be untrue soon. */
void sim_objects_lost(struct world *w);

/* --- of a node --- */

/* A MOVE action. */
void sim_objects_move(struct world *w, struct sim_node *n, const struct action *a,
                      struct bytes payload);
/* The next answer of the mover is there. */
void sim_objects_moved(struct world *w, struct sim_node *n);
/* Its process has ended; with `power` what was not synced may be lost. */
void sim_objects_crash(struct world *w, struct sim_node *n, bool power);
/* The mover alone ends, and another serves. */
void sim_objects_mover_dies(struct world *w, struct sim_node *n);
/* Bytes on its disk change. False when there are none. */
bool sim_objects_rot(struct world *w, struct sim_node *n);
/* The disk is empty, or as it was when it was copied. */
void sim_objects_disk_lost(struct world *w, struct sim_node *n, bool to_image);
void sim_objects_disk_copied(struct sim_node *n);
/* Whoever maps a file now finds what is on the disk, if that was so before a node may have had it
 * looked at last. */
void sim_objects_mapped(const struct world *w, struct sim_node *n);
void sim_objects_node_clear(struct world *w, struct sim_node *n);
/* Whether a node that is not gone for good has it, whole and right. */
bool sim_objects_survives(const struct world *w, const struct sim_thing *t);

#endif
