/* Tasks of an open job that are computed ahead of the list that will have them (REQUEST_AHEAD of
 * core/wire/session.h), at the coordinator, by its own workers: one line to the worker and one
 * back, and nothing of it is a fact yet. What they came to is kept until the list comes, signed,
 * and is then counted like a report of this node's. A task of which the list says something else is
 * computed like any other, and so is one whose worker dies: only then its death counts.
 *
 * Only where a worker of the job has nothing to do and a slot is free, so nobody waits because of
 * it, and only while tasks of the job are short: a long one should be seen by all, and may go to
 * other nodes. At most AHEAD_MAX and AHEAD_BYTES_MAX of a job are kept. Private to core/node. */
#ifndef VELUM_NODE_SESSION_AHEAD_H
#define VELUM_NODE_SESSION_AHEAD_H

#include "core/node/state.h"
#include "core/wire/order.h"

#define AHEAD_MAX 1024u
#define AHEAD_BYTES_MAX ((size_t)64 << 10)
#define AHEAD_TASK_US 5000.0 /* tasks of a job that take longer are not computed so */

void ahead_request(struct node *n, const struct link_entry *l, uint32_t request,
                   struct bytes payload);
/* What the worker at such a task tells. 0, or ERR_FORMAT: it is none of this task. */
int ahead_told(struct job *j, const struct labour_chunk *c, const struct worker_progress *p);
/* Its worker died, or its kernel said no: its author is told to put it in the list. */
void ahead_lost(struct job *j, const struct labour_chunk *c);
/* A list has come: what it has of them is counted. */
void ahead_listed(struct job *j);
/* This node leads the job no more. */
void ahead_drop(struct job *j);

#endif
