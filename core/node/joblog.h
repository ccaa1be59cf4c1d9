/* What the workers of a job wrote: its last lines. The coordinator takes them in and copies them to
 * the other holders as they come, as far as their links have room, so that they outlive it; when
 * the job has ended the last of them go to the journal. Nothing depends on them: a line may be
 * missing, or stand twice. Private to core/node. */
#ifndef VELUM_NODE_JOBLOG_H
#define VELUM_NODE_JOBLOG_H

#include "core/node/state.h"

/* LOG: from a node that works for the job, or from its coordinator to a holder. */
int joblog_frame(struct node *n, struct node_id from, struct bytes payload);
/* All there is, to a holder that has just caught up. */
void joblog_show(struct job *j, struct node_id to);
/* The job has ended: LOG_KEPT_MAX of it stay, in the journal too. */
void joblog_end(struct job *j);
/* A record of the journal, and the same for a snapshot of everything. */
int joblog_replay(struct node *n, struct bytes payload);
void joblog_snapshot(const struct job *j, struct buf *to);
void joblog_free(struct job *j);

#endif
