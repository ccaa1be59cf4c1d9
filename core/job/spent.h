/* Which values of a job's stages nobody reads any more. A stage is *through* when nothing of it is
 * computed again: one that folds with its value; one that collects when it is spent itself, because
 * until then its outputs may be lost with the nodes that have them, and what they were made of is
 * read once more. A stage whose readers are all through is *spent*: its value is dropped, or the
 * values of its leaves are, and it counts as covered from then on, whatever came of it here. What
 * nothing reads is never spent: the result is among it.
 *
 * So what is spent follows from the values there are, in whatever order they came, and needs no
 * fact of its own: every holder drops the same. Of a job whose graph may still grow nothing is
 * spent. Soft state of a ledger, 12 bytes a stage where there are several; nothing is scanned
 * again. Pure. */
#ifndef VELUM_JOB_SPENT_H
#define VELUM_JOB_SPENT_H

#include "core/job/cover.h"
#include "core/job/graph.h"

struct spent_stage {
    uint32_t left; /* links to readers that are not through */
    uint32_t next; /* of those that are to be dropped, or then were: its number + 1; 0 is the end */
    bool through, due;
};

struct spent {
    const struct alloc *alloc;
    const struct graph *graph;
    struct spent_stage *stages; /* NULL: there is one, which nobody reads */
    uint32_t first_due;         /* as `next` */
    uint32_t first, last;       /* the same, of those that were dropped, in that order */
};

/* The graph is borrowed. 0 or ERR_NO_MEMORY. */
int spent_init(struct spent *s, const struct alloc *a, const struct graph *g);
void spent_clear(struct spent *s);
/* The stage, which folds, has its value in the cover: drops what is spent by that. 0, or
 * ERR_NO_MEMORY: the rest is dropped at the next call, for whatever stage. */
int spent_look(struct spent *s, struct cover *c, uint32_t stage);

/* Which was dropped after that one (its number + 1; 0: which was the first), as number + 1; 0: none
 * was yet. So whoever knows some of them finds those that came since. */
uint32_t spent_after(const struct spent *s, uint32_t known);

#endif
