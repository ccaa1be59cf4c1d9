/* Which stages of a job may run: a stage is ready when all that it needs is complete. Soft state of
 * a coordinator, made from the graph and the cover, and kept by what each stage is waited for by:
 * nothing is scanned again. What may have changed is *due*, in the order in which that was heard,
 * and is looked at in goes, so that no go is long however many wait for a stage. Pure; no
 * messages. */
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
    uint8_t state; /* enum ready_state */
    uint8_t told;  /* the owner's: the state of a stage that was heard to have ended, and one */
    bool due;
    bool too_long;    /* the owner's: one that has failed ran out of its own time */
    uint32_t missing; /* needs that are not complete */
    uint32_t blocked_by;
    uint32_t next_due;   /* its number, and one; 0: it is the last */
    uint64_t covered_to; /* its leaves before it are covered */
};

struct ready {
    const struct alloc *alloc;
    const struct graph *graph;
    const struct cover *cover; /* NULL: no stage has a value that it did not have before */
    struct ready_stage one, *stages;
    uint32_t count, cap;            /* of stages that it looks at */
    uint32_t done, failed, blocked; /* so many of them */
    uint32_t first_due, last_due;   /* as next_due */
};

/* Hears of every stage whose state has changed: ready_at says what it is. */
typedef void ready_changed(void *ctx, uint32_t stage);

/* Graph and cover are borrowed. 0 or ERR_NO_MEMORY. Nothing is ready before the first look. */
int ready_init(struct ready *r, const struct alloc *a, const struct graph *g,
               const struct cover *cover);
void ready_clear(struct ready *r);
/* Room for so many stages in all, which the graph does not have yet. 0 or ERR_NO_MEMORY. */
int ready_reserve(struct ready *r, uint32_t count);
/* The graph has got more of them, that there was made room for. */
void ready_more(struct ready *r, ready_changed *changed, void *ctx);
/* Values may have come for the stage, or what it needs has changed: it is due. Of what is complete
 * also where it had failed before and others were blocked by it. */
void ready_due(struct ready *r, uint32_t stage);
/* All are: at the beginning, or when values came from anywhere. */
void ready_due_all(struct ready *r);
/* Gives the stage up: what needs it, however far behind, is blocked; those that read it are due. A
 * stage that is complete stays so. */
void ready_fail(struct ready *r, uint32_t stage, ready_changed *changed, void *ctx);
/* Looks at what is due, at most at so many stages. False: that was not all. */
bool ready_go_on(struct ready *r, uint32_t most, ready_changed *changed, void *ctx);
enum ready_state ready_at(const struct ready *r, uint32_t stage);
/* Every stage is complete. */
bool ready_all(const struct ready *r);
/* No stage can go on: each is complete, has failed, or is blocked, and nothing is due. */
bool ready_over(const struct ready *r);

#endif
