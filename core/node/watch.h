/* Who waits for news of a job: users of this node, and nodes whose users wait there. Private to
 * core/node. */
#ifndef VELUM_NODE_WATCH_H
#define VELUM_NODE_WATCH_H

#include "core/node/state.h"

/* Waits with a copy of w, unless it can be answered at once; a full table is told to the user. */
void watch_add(struct node *n, struct watcher w);
/* Something about the job changed here: tells who waits for it. */
void watch_job(struct node *n, struct job_id id);
/* WATCH: a user of another node waits for a job that this one may hold. */
int watch_frame(struct node *n, struct node_id from, uint32_t request, struct bytes payload);
/* STATE: the answer to it. */
int watch_state(struct node *n, struct node_id from, struct bytes payload);
void watch_link_down(struct node *n, uint64_t link);
/* Nobody waits there any more; who waits for its answer asks another holder. */
void watch_node_gone(struct node *n, struct node_id id);
/* Tells what is due, asks again, gives up. */
void watch_tick(struct node *n);
/* This node itself stood still: nobody was late meanwhile. */
void watch_late(struct node *n, int64_t late_us);
/* What the coordination or the ledger here says of a job that has one. Borrows from the job. */
void job_view_of(struct job *j, struct job_view *v);
/* The same by id; false without them. Borrows from the job. */
bool job_view_here(struct node *n, struct job_id id, struct job_view *v);

#endif
