/* Which stages of a job may run: a stage is ready when all that it needs is complete. Soft state of
 * a coordinator, made from the graph and the cover, and kept by what each completed stage is waited
 * for by: nothing is scanned again. Pure; no messages. */
#ifndef VELUM_JOB_READY_H
#define VELUM_JOB_READY_H

#include "core/job/cover.h"
#include "core/job/graph.h"

enum ready_state {
    STAGE_WAITING, /* for another stage */
    STAGE_READY,
    STAGE_DONE, /* its value, or the outputs of all its leaves, are in the cover */
    STAGE_FAILED,
    STAGE_BLOCKED /* what it needs has failed, or is blocked itself */
};

struct ready_stage {
    uint8_t state;    /* enum ready_state */
    bool told;        /* the owner's: that it is complete, or never will be, was heard */
    uint32_t missing; /* needs that are not complete */
    uint32_t blocked_by;
    uint64_t covered_to; /* its leaves before it are covered */
};

struct ready {
    const struct alloc *alloc;
    const struct graph *graph;
    const struct cover *cover;
    struct ready_stage one, *stages;
    uint32_t count, cap;            /* of stages that it looks at */
    uint32_t done, failed, blocked; /* so many of them */
};

/* Hears of every stage that becomes ready. */
typedef void ready_opened(void *ctx, uint32_t stage);

/* Graph and cover are borrowed. 0 or ERR_NO_MEMORY. Nothing is ready before the first look. */
int ready_init(struct ready *r, const struct alloc *a, const struct graph *g,
               const struct cover *cover);
void ready_clear(struct ready *r);
/* Room for so many stages in all, which the graph does not have yet. 0 or ERR_NO_MEMORY. */
int ready_reserve(struct ready *r, uint32_t count);
/* The graph has got more of them, that there was made room for. */
void ready_more(struct ready *r, ready_opened *opened, void *ctx);
/* Values have come for a stage: it may be complete now, and others ready; also when it had failed
 * and others were blocked by it. */
void ready_look(struct ready *r, uint32_t stage, ready_opened *opened, void *ctx);
/* The same for all: at the beginning, or when values came from anywhere. */
void ready_look_all(struct ready *r, ready_opened *opened, void *ctx);
/* Gives the stage up: what needs it, however far behind, is blocked. A stage that is complete
 * stays so. */
void ready_fail(struct ready *r, uint32_t stage);
enum ready_state ready_at(const struct ready *r, uint32_t stage);
/* Every stage is complete. */
bool ready_all(const struct ready *r);
/* No stage can go on: each is complete, has failed, or is blocked. */
bool ready_over(const struct ready *r);

#endif
