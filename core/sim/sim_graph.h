/* Jobs of several stages in the simulator: all of simsum, each stage reading the values of others,
 * so that a stage that ran too early, or with another's value, comes to another result. */
#ifndef VELUM_SIM_SIM_GRAPH_H
#define VELUM_SIM_SIM_GRAPH_H

#include "core/sim/sim_kernel.h"

/* Turns a job that has one stage of simsum into one of several, of about so many leaves together.
 * Which ones follows from the number of leaves alone. Of an `open` one some are appended by its
 * author. */
void sim_graph_make(struct sim_job *j, uint32_t index, uint64_t leaves, bool open);
/* Of the parameters of a stage of the job. */
uint32_t sim_graph_stage(const struct sim_job *j, struct bytes params);
struct stage_spec sim_graph_spec(const struct sim_job *j, uint32_t stage);
/* How many inputs a worker has for a stage: objects, and the values of others that it reads. */
uint16_t sim_graph_inputs(const struct sim_job *j, uint32_t stage);
/* The seed of a stage that reads nothing. */
uint64_t sim_graph_begin(uint32_t stage);
/* What reading this input adds to the seed of a stage. */
uint64_t sim_graph_read(uint64_t seed, uint32_t place, struct bytes value);
/* Stages that nobody reads any more, bit by bit, when these are complete. */
uint8_t sim_graph_spent(const struct sim_job *j, uint8_t complete);
/* The seed of a stage, when the values of those before it are known. */
uint64_t sim_graph_seed(const struct sim_job *j, uint32_t stage,
                        const uint8_t values[SIM_STAGES_MAX][64]);

#endif
