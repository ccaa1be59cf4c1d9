/* The specification of a bundle's job: its stages, which need each other as in the flow and read
 * what others have yielded before as objects; and behind several of them one that collects what
 * they yield, an output a leaf, in their order.
 *
 * The parameters of that last one say what is there, so that whoever looks at the job when it has
 * ended finds it: of each stage, in this order, FLOW_ENTRY_BYTES
 *
 *   20 the first bytes of what the stage is (flow_resume_key), u16 how many outputs it has
 *
 * The kernel does not look at them. Called by flow_many.c, and the reading side by flow_kept.c. */
#ifndef VELUM_CMD_FLOW_BUNDLE_SPEC_H
#define VELUM_CMD_FLOW_BUNDLE_SPEC_H

#include "cmd/flow_plan.h"

#define FLOW_BUNDLE_KERNEL "cat"
#define FLOW_ENTRY_BYTES 22u

struct flow_bundle_spec {
    const struct flow_plan *plan;
    const uint32_t *members; /* stages as they stand in the file */
    uint32_t count;
    /* The number of a stage among them, or FLOW_NONE. */
    uint32_t (*number)(void *ctx, uint32_t stage);
    /* What one that is none of them has yielded: as many as flow_bundle_outputs. */
    const struct stage_input *(*yields)(void *ctx, uint32_t stage);
    const struct digest *(*key)(void *ctx, uint32_t stage);
    void *ctx;
};

/* 0, or < 0. A job of one stage is named by what it is, any other by what all of them are. */
int flow_bundle_encode(const struct flow_bundle_spec *b, struct node_id author, struct buf *body);

#endif
