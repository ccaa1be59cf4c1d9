/* Tasks at the node of a worker: stages of one leaf that are alike and read nothing. A coordinator
 * grants thousands of them as one chunk, whose leaves are neighbours in the row of all stages. The
 * worker gets them in portions of a few milliseconds, and always one more than it works at, so that
 * it never waits for its node; all that it does not have yet goes back at once when the coordinator
 * wants it for a slot that is idle, or a job that comes is let in. A portion is one order, and one
 * frame of values comes back for it; portions are put together to reports like everything else.
 *
 * A task may take long, and those that its worker has behind it are not to wait where other slots
 * are idle. The worker tells what it did before such a task while it is at it, so one that told
 * nothing for TASK_STUCK_US is at task `next`: where the chunk was to be cut by then, all behind
 * that one goes back without asking it. It may have begun another in the same moment; what it tells
 * of leaves that are not the chunk's any more is passed over.
 *
 * What is lost, or comes back in part, are leaves without a report, as of any chunk: each is a
 * stage, and counts for itself. Private to core/node. */
#ifndef VELUM_NODE_LABOUR_TASKS_H
#define VELUM_NODE_LABOUR_TASKS_H

#include "core/node/state.h"

#define TASK_STUCK_US (60 * MS_US) /* of short ones a worker tells something more often */

/* Whether leaves of this stage are given to workers so. */
bool labour_tasks_are(const struct job *j, uint32_t stage);
/* The number of the chunk's leaves by which its worker calls leaf 0. */
uint64_t labour_tasks_base(const struct job *j, const struct labour_chunk *c);
/* Gives the chunk's worker what it may have at the moment. */
void labour_tasks_order(struct node *n, struct worker *w, struct labour_chunk *c);
/* Its worker has told all before c->next, and the chunk goes on. */
void labour_tasks_told(struct node *n, struct labour_chunk *c);
/* So many tasks of the job took a worker so long. */
void labour_tasks_took(struct labour *l, uint64_t tasks, uint64_t us);
/* Leaves out what it tells of leaves behind the chunk's end. False: it tells of such as it was
 * not given. */
bool labour_tasks_clip(const struct labour_chunk *c, struct worker_progress *p);
/* When the chunk's worker has been at one task for long enough that it is cut behind it. */
struct instant labour_tasks_due(const struct labour_chunk *c);
/* The chunk is over, and its worker has told all before `told`: what it is at behind that, if it
 * is, nobody wants, and it would not hear of anything else before it is done. */
void labour_tasks_over(struct node *n, const struct labour_chunk *c, uint64_t told);
/* Cuts chunks whose workers have been at one task for long. */
void labour_tasks_tick(struct node *n);
/* The chunk is to end here: what its worker does not have yet behind it is cut off now, or all but
 * what it has been at for long. True: the worker must be told as well that it ends at *end. */
bool labour_tasks_cut(struct job *j, struct labour_chunk *c, uint64_t *end);

#endif
