/* The monotonic clocks of simulated nodes. Each process sees one that began at a moment of its own,
 * so that a time of one node means nothing to another nor to the next process. With FAULT_DRIFT in
 * the seed, clocks go up to 500 ppm too fast or too slow, and half of the nodes are suspended where
 * others are stopped: their clocks stand still meanwhile. It follows from the seed without a draw
 * of the world's.
 *
 * Wall clocks are sim_node_wall_s. Called by sim_node.c and sim_fault.c. */
#ifndef VELUM_SIM_SIM_CLOCK_H
#define VELUM_SIM_SIM_CLOCK_H

#include "core/sim/world.h"

#define SIM_CLOCK_PPM 500

/* Whether the seed has FAULT_DRIFT. */
bool sim_clock_drifts(uint64_t seed);
/* A process starts. */
void sim_clock_begin(const struct world *w, struct sim_node *n);
/* What it shows now; never less than before. */
struct instant sim_clock_read(const struct world *w, struct sim_node *n);
/* When, by the world's time, it will show that. */
int64_t sim_clock_shows(const struct world *w, const struct sim_node *n, struct instant at);
/* The node stands still until then, by the world's time, whatever was said before. */
void sim_clock_pause(const struct world *w, struct sim_node *n, int64_t until);
/* The least time that may have passed by the world when a clock has counted so much. */
int64_t sim_clock_least_us(int64_t counted_us);

#endif
