/* The stages of a job as this node has them: what they say, and their kernels. A node that lacks
 * one of the kernels does not take part in the job. Private to core/node. */
#ifndef VELUM_NODE_STAGES_H
#define VELUM_NODE_STAGES_H

#include <limits.h>

#include "core/node/state.h"

/* In place of the number of one of this node's kernels: of a snippet, whose source is an input. It
 * is C, or the file of a plugin, or, where a result is shown, either of them. */
#define KERNEL_COMPILED INT_MAX
#define KERNEL_SHIPPED (INT_MAX - 1)
#define KERNEL_CARRIED (INT_MAX - 2)

/* Looks up the kernels of the job's stages, once its spec and graph are there. 0 or ERR_NO_MEMORY.
 */
int stages_bind(struct job *j);
void stages_free(struct job *j);
size_t stages_bytes(const struct job *j); /* of its kernels */
/* What the stages of an open job need here counts among node.open_bytes while it runs: anew, after
 * either may have changed. */
void stages_weigh(struct job *j);
/* Whether this much more, of any open job, is within the bound of them all. */
bool stages_have_room(const struct node *n, size_t bytes);
/* Takes a STAGES or CLOSE fact whose signature was checked, with or without a ledger: whether its
 * author is the job's is looked at here. enum ledger_result, or an error of ledger_apply;
 * ERR_IDENTITY. */
int stages_take(struct job *j, struct bytes bytes, const struct fact *f);
/* The facts that append the stages from number `from` on, as far as they fit `room` bytes: u16
 * count, blocks. Returns the number of the first stage behind them. */
uint32_t stages_put_lists(const struct job *j, uint32_t from, size_t room, struct buf *to);
/* Borrowed from the job, or read into *room. */
const struct stage_spec *stage_spec_of(const struct job *j, uint32_t stage,
                                       struct stage_spec *room);
/* The stage of a leaf that is one. */
uint32_t stage_of_leaf(const struct job *j, uint64_t leaf);
/* The leaves of the stage, and the number in the row of its first. */
struct shape_stage stage_leaves(const struct job *j, uint32_t stage);
/* Whether [first, end), of one leaf at least, are leaves of one stage, or of tasks that join; the
 * stage is that of the first. */
bool stage_has_run(const struct job *j, uint64_t first, uint64_t end, uint32_t *stage);
/* What it is that somebody speaks of leaf end - 1, which may be none: ERR_NOT_FOUND where it may be
 * of stages that were appended and have not come here yet, else ERR_FORMAT. */
int stages_missing(const struct job *j, uint64_t end);
bool stage_folds(const struct job *j, uint32_t stage);
/* Its output is complete, as far as the facts here tell. */
bool stage_is_complete(const struct job *j, uint32_t stage);
/* It was cancelled before it was complete: nothing is computed for it any more. */
bool stage_is_cancelled(const struct job *j, uint32_t stage);
/* What it yields, where it collects, is wanted by later stages only: it is none of the result. */
bool stage_passes(const struct job *j, uint32_t stage);
/* Appends "stage NAME", or its number where it has none. */
void stage_append_name(const struct job *j, uint32_t stage, char *text, size_t cap);

#endif
