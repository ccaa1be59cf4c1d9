/* Whether nodes meet what the stages of a flow ask for. Of those in the specification the node that
 * takes it looks; those that are appended it would refuse while others run already, so that the
 * same is looked at here before anything is handed in. Called by flow.c. */
#ifndef VELUM_CMD_FLOW_FIT_H
#define VELUM_CMD_FLOW_FIT_H

#include "cmd/flow_file.h"
#include "cmd/line.h"

/* 0; or an exit code, after the nearest miss was named. */
int flow_fit(const struct flow *f, struct line *l);

#endif
