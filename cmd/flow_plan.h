/* What the kernels of a flow make of its stages, and the specification of the job that comes of it.
 * What is wrong is said here, by the stage's file and line. Called by flow.c. */
#ifndef VELUM_CMD_FLOW_PLAN_H
#define VELUM_CMD_FLOW_PLAN_H

#include "cmd/flow_files.h"
#include "cmd/flow_source.h"
#include "core/api/session_lists.h"
#include "core/host/builtin.h"

/* What struct plan says, in little room: there may be a million of them. */
struct flow_planned {
    struct digest source;
    uint64_t units, leaf_units;
    uint8_t *params; /* owned */
    uint16_t params_len;
    uint8_t reduction;
    uint32_t accumulator_size;
};

struct flow_plan {
    const char *path;
    const struct flow *flow;
    const struct flow_files *files;
    const struct flow_sources *sources; /* described */
    struct flow_planned *list;          /* as the stages stand in the file */
    uint64_t *leaf_units;        /* the same: what is taken in place of the plan's; 0: nothing */
    struct kernel_view *kernels; /* of the node, once one is needed that is not built in */
    uint32_t kernels_count;
    bool apart; /* each stage is a job of its own */
    char then[KERNEL_NAME_SIZE]; /* what makes a result of what the last one yields, or "" */
};

/* Plans every stage. A stage that collects, is read by one with too many inputs and has no leaf of
 * its own gets larger leaves. 0 or an exit code; release with flow_plan_clear in any case. */
int flow_plan_make(struct flow_plan *p, struct line *l);
void flow_plan_clear(struct flow_plan *p);
/* The plan of a stage, with its kernel's name. */
void flow_plan_of(const struct flow_plan *p, uint32_t stage, struct plan *to);
uint64_t flow_plan_leaves(const struct flow_plan *p, uint32_t stage);
/* Whether a trial at a node may have found how large its leaves are: neither the file nor a
 * built-in says it, and it is none of those that may not leave it open. They may have another size
 * whenever it is planned again, in a flow that is the same. */
bool flow_plan_leaf_is_open(const struct flow_plan *p, uint32_t stage);
/* How many inputs a stage has: outputs of a stage that collects are as many as its leaves. */
uint64_t flow_plan_inputs(const struct flow_plan *p, uint32_t stage);
/* The job of all stages: its specification, and lists of those that found no room in it, which are
 * appended to it in this order. Where there are none it is closed from the beginning. */
struct flow_job {
    struct buf body;
    struct lists rest;
    uint32_t at; /* the stage that cannot be, as they stand in the file; or FLOW_NONE */
};

/* Its author is `author`. 0, or < 0, and flow_plan_refuse says what that is; release with
 * flow_job_clear in any case. */
int flow_plan_encode(const struct flow_plan *p, struct node_id author, bool keep_going,
                     struct flow_job *job);
void flow_job_clear(struct flow_job *job);
/* The same of one stage as a job of its own, which reads these objects. */
int flow_plan_encode_one(const struct flow_plan *p, uint32_t stage, struct node_id author,
                         const char *name, const struct stage_input *inputs, uint16_t count,
                         struct buf *body);
/* What a stage borrows while it is encoded. */
struct flow_room {
    struct buf needs, inputs;
    struct plan plan;
};
void flow_room_init(struct flow_room *r);
void flow_room_reset(struct flow_room *r);
void flow_room_clear(struct flow_room *r);
/* The stage, but for what it reads and waits for, which is in the room. */
struct stage_spec flow_plan_stage(const struct flow_plan *p, uint32_t stage,
                                  struct flow_room *room);
/* What the whole file says of its job, or of each of its jobs. 0 or < 0. */
int flow_plan_begin(struct job_spec *spec, const struct flow *f, struct node_id author,
                    const char *name);
/* job NULL: of one stage. */
int flow_plan_refuse(const struct flow_plan *p, const struct flow_job *job, int rc);

#endif
