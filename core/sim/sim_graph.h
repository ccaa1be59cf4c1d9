/* Jobs of several stages in the simulator: all of simsum, each stage reading what others yielded,
 * so that a stage that ran too early, or with another's value, comes to another result. Where there
 * are objects some stages read those, and some collect. */
#ifndef VELUM_SIM_SIM_GRAPH_H
#define VELUM_SIM_SIM_GRAPH_H

#include "core/sim/sim_kernel.h"

/* Turns a job that has one stage of simsum into one of several, of about so many leaves together.
 * Which ones follows from the number of leaves alone; of one that has objects, from the numbers of
 * those. Of an `open` one some are appended by its author. stuff NULL: without objects. */
void sim_graph_make(struct sim_job *j, uint32_t index, uint64_t leaves, bool open,
                    struct sim_stuff *stuff);
/* Of the parameters of a stage of the job. */
uint32_t sim_graph_stage(const struct sim_job *j, struct bytes params);
struct stage_spec sim_graph_spec(const struct sim_job *j, uint32_t stage);
/* The seed of a stage that reads nothing. */
uint64_t sim_graph_begin(uint32_t stage);
/* What reading this input adds to the seed of a stage. */
uint64_t sim_graph_read(uint64_t seed, uint32_t place, struct bytes value);
/* Stages that nobody reads any more, bit by bit, when these are complete. */
uint8_t sim_graph_spent(const struct sim_job *j, uint8_t complete);
#endif
