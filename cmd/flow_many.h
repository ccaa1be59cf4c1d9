/* `velum flow --resume` of a flow with more stages than nodes keep jobs: stages run in bundles, a
 * job each (flow_bundle.h), and are found again in those (flow_kept.h) by what they are: kernel,
 * parameters, units, leaf size, files, and what the stages are that they read.
 *
 * All is with the mesh: whoever goes on, at whatever node and whatever was killed meanwhile, finds
 * what is done, and what is on its way. A bundle with a stage that failed yields nothing; its other
 * stages run again, each as a job of its own. Called by flow.c. */
#ifndef VELUM_CMD_FLOW_MANY_H
#define VELUM_CMD_FLOW_MANY_H

#include "cmd/flow_plan.h"

#define FLOW_FEW_MAX 2000u /* as many finished jobs as nodes keep */

/* As flow_resume. */
int flow_many(const struct call *c, const struct flow_plan *p, struct line *l);

#endif
