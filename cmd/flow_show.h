/* The stages that a flow would run, on standard output. Called by flow.c. */
#ifndef VELUM_CMD_FLOW_SHOW_H
#define VELUM_CMD_FLOW_SHOW_H

#include "cmd/flow_plan.h"

void flow_show_table(const struct flow_plan *p);
void flow_show_json(const struct flow_plan *p); /* {"v":1,"stages":[...]} */
void flow_show_dot(const struct flow_plan *p);

#endif
