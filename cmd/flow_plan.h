/* What the kernels of a flow make of its stages, and the specification of the job that comes of it.
 * What is wrong is said here, by the stage's file and line. Called by flow.c. */
#ifndef VELUM_CMD_FLOW_PLAN_H
#define VELUM_CMD_FLOW_PLAN_H

#include "cmd/flow_files.h"
#include "core/host/builtin.h"

struct flow_plan {
    const char *path;
    const struct flow *flow;
    const struct flow_files *files;
    struct plan *list;           /* as the stages stand in the file */
    uint64_t *leaf_units;        /* the same: what is taken in place of the plan's; 0: nothing */
    struct kernel_view *kernels; /* of the node, once one is needed that is not built in */
    uint32_t kernels_count;
};

/* Plans every stage. A stage that collects, is read by one with too many inputs and has no leaf of
 * its own gets larger leaves. 0 or an exit code; release with flow_plan_clear in any case. */
int flow_plan_make(struct flow_plan *p, struct line *l);
void flow_plan_clear(struct flow_plan *p);
uint64_t flow_plan_leaves(const struct flow_plan *p, uint32_t stage);
/* How many inputs a stage has: outputs of a stage that collects are as many as its leaves. */
uint64_t flow_plan_inputs(const struct flow_plan *p, uint32_t stage);
/* The specification, whose author is `author`. 0 or < 0; flow_plan_refuse says what that is. */
int flow_plan_encode(const struct flow_plan *p, struct node_id author, bool keep_going,
                     struct buf *body);
/* The same of one stage as a job of its own, which reads these objects. */
int flow_plan_encode_one(const struct flow_plan *p, uint32_t stage, struct node_id author,
                         const char *name, const struct stage_input *inputs, uint16_t count,
                         struct buf *body);
int flow_plan_refuse(const struct flow_plan *p, int rc);

#endif
