/* What `velum sim --job` does with more nodes than the simulator of faults takes: one job and then
 * several, scattered over all of them. Called by cmd/sim.c. */
#ifndef VELUM_CMD_SIM_SCATTER_H
#define VELUM_CMD_SIM_SCATTER_H

#include "cmd/cmd.h"

int sim_scatter(const struct call *c);

#endif
