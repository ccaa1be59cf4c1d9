/* What the stages of a flow yield, as inputs of other jobs: objects as they are, and few bytes as
 * small objects that are put. Called by flow_resume.c and flow_many.c. */
#ifndef VELUM_CMD_FLOW_YIELD_H
#define VELUM_CMD_FLOW_YIELD_H

#include "cmd/line.h"
#include "core/wire/input.h"

/* A few bytes, put as an object. 0 or an exit code. */
int flow_yield_bytes(struct line *l, struct bytes bytes, struct stage_input *out);
/* Of a list of outputs as output.h draws it, `count` from the one at `from` on. 0 or an exit
 * code. */
int flow_yield_list(struct line *l, struct bytes list, uint32_t from, uint32_t count,
                    struct stage_input *out);

#endif
