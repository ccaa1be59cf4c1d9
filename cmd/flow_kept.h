/* Which stages the mesh has in jobs of `velum flow --resume`, done or on their way: those of one
 * stage by their names, those of many (flow_bundle_spec.h) by the parameters of their last one.
 * Asked for once. Called by flow_many.c. */
#ifndef VELUM_CMD_FLOW_KEPT_H
#define VELUM_CMD_FLOW_KEPT_H

#include "cmd/flow_names.h"
#include "cmd/line.h"

struct flow_kept_job {
    struct job_id id;
    bool ended; /* done; otherwise it is on its way */
    bool alone; /* of one stage */
};

/* A stage in a job: its number there, and the first of so many outputs among those of the job. */
struct flow_kept_stage {
    uint32_t job, number, at, outputs; /* outputs 0: it is alone, and has all of them */
};

struct flow_kept {
    struct flow_kept_job *jobs;
    struct flow_kept_stage *stages;
    uint32_t jobs_count, jobs_cap, stages_count, stages_cap;
    struct flow_names names;
};

/* Those that this user submitted. `name` is one that is likely new: where the node has not heard of
 * it, it waits for word of other nodes, and what is listed behind that wait is what they know too.
 * 0 or < 0; release with flow_kept_clear in any case. */
int flow_kept_find(struct flow_kept *k, struct line *l, struct node_id own, const char *name);
/* Of a stage's key; NULL: it is in none. */
const struct flow_kept_stage *flow_kept_stage(const struct flow_kept *k, struct digest key);
void flow_kept_clear(struct flow_kept *k);

#endif
