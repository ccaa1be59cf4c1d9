/* Runs of the simulator as somebody who hunts a bug wants them: watched for memory not given
 * back, repeated to show that they can be, and made smaller once they fail. Called by cmd/sim.c
 * and tests/sim. */
#ifndef VELUM_SIM_SIM_TRY_H
#define VELUM_SIM_SIM_TRY_H

#include "core/sim/sim.h"

/* Runs a seed once, or twice to see whether both runs are the same; `result` is of the first. 0, or
 * ERR_NO_MEMORY. A run that was not cut short by `until` must give back all it took from `a`. */
int sim_try(const struct alloc *a, const struct sim_options *o, bool twice, struct sim_result *r);
/* Of a failing run: switches faults off and takes nodes away for as long as it still fails. Gives
 * the smaller options and their result. 0, or ERR_NO_MEMORY. */
int sim_shrink(const struct alloc *a, struct sim_options *o, struct sim_result *r);

#endif
