/* Seeds run by several processes at once, and what came of them in the order of the seeds: a run
 * has one thread and shares nothing with another. Each process takes every jobs-th seed and runs
 * ahead of the reader as far as a pipe holds results.
 *
 * Owns its processes: they end with the crew, and when this process ends however that happens. */
#ifndef VELUM_CMD_SIM_CREW_H
#define VELUM_CMD_SIM_CREW_H

#include "core/sim/sim_try.h"

#define SIM_CREW_MAX 256
#define SIM_TWICE_EVERY 100 /* so many seeds, one is run twice: what cannot be repeated is no use */

struct sim_plan {
    struct sim_options options; /* of every seed, but for the seed */
    uint64_t first, count;
    uint32_t jobs; /* processes, 1 to SIM_CREW_MAX; with 1 this process runs the seeds itself */
    bool shrink;
};

struct sim_crew;

/* NULL: no memory, no process or no pipe. */
struct sim_crew *sim_crew_open(const struct sim_plan *plan);
void sim_crew_close(struct sim_crew *crew);
/* What came of the next seed: the options it ran with, smaller where it was shrunk, and its result.
 * Waits for it. 1; 0 after the last one; ERR_NO_MEMORY; ERR_CLOSED when running it ended the
 * process: *options says which one it was. */
int sim_crew_next(struct sim_crew *crew, struct sim_options *options, struct sim_result *result);

#endif
