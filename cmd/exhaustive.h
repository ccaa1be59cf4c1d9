/* `velum sim --exhaustive`: every order of events in a small scope. Called by cmd/sim.c, which has
 * the options. */
#ifndef VELUM_CMD_EXHAUSTIVE_H
#define VELUM_CMD_EXHAUSTIVE_H

#include "cmd/cmd.h"

/* --depth, --detours, --trace and --json as they were given. The exit code. */
int exhaustive_run(const struct call *c);

#endif
