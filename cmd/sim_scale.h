/* What `velum sim` does with more nodes than the simulator of faults takes: it shows how membership
 * behaves when there are many. Called by cmd/sim.c. */
#ifndef VELUM_CMD_SIM_SCALE_H
#define VELUM_CMD_SIM_SCALE_H

#include <stdbool.h>
#include <stdint.h>

#include "cmd/cmd.h"

/* What was said of how far it is: on a terminal a line that changes, elsewhere one for each
 * experiment. */
struct scale_said {
    bool terminal;
    const char *last;
};
/* Progress of scale.h and scatter.h; ctx is a scale_said. */
void scale_say(void *ctx, const char *experiment, int64_t virtual_us, uint64_t events);

int sim_scale(const struct call *c);

#endif
