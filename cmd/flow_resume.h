/* `velum flow --resume`: each stage is a job of its own, whose name is made of what the stage is:
 *
 *   "flow-" and 40 hex digits of SHA-256 over the kernel's name and source digest, its parameters,
 *   units and leaf size, and the names of the objects it reads; where a trial may have found the
 *   leaf size its arguments count in place of that, of which all else of a plan is made
 *
 * So what is done is found again by what it is, by any command of the same user at any node, for as
 * long as the mesh keeps finished jobs; a stage that was changed, or reads what was changed, is
 * another one and runs. What a stage yields becomes the inputs of its readers: objects as they are,
 * and few bytes as small objects that are put. Called by flow.c. */
#ifndef VELUM_CMD_FLOW_RESUME_H
#define VELUM_CMD_FLOW_RESUME_H

#include "cmd/flow_plan.h"

/* All files are put. Waits for the last stage and prints its result. The exit code. */
int flow_resume(const struct call *c, const struct flow_plan *p, struct line *l);
/* What a stage is that reads these; what counts of it; and its name. `open`: the stage whose leaf
 * size may be another one the next time (flow_plan_leaf_is_open); NULL: it may not. */
#define FLOW_KEY_DIGITS 40
struct digest flow_resume_key(const struct plan *plan, const struct flow_stage *open,
                              const struct stage_input *inputs, uint32_t count);
void flow_resume_name_of(struct digest key, char name[JOB_NAME_SIZE]);
/* "flow-..." of a stage that reads these. */
void flow_resume_name(const struct plan *plan, const struct flow_stage *open,
                      const struct stage_input *inputs, uint32_t count, char name[JOB_NAME_SIZE]);

#endif
