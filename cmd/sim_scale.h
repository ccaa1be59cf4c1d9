/* What `velum sim` does with more nodes than the simulator of faults takes: it shows how membership
 * behaves when there are many. Called by cmd/sim.c. */
#ifndef VELUM_CMD_SIM_SCALE_H
#define VELUM_CMD_SIM_SCALE_H

#include "cmd/cmd.h"

int sim_scale(const struct call *c);

#endif
