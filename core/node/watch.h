/* Who waits for news of a job: users of this node, and nodes whose users wait there. Private to
 * core/node. */
#ifndef VELUM_NODE_WATCH_H
#define VELUM_NODE_WATCH_H

#include "core/node/state.h"

void watch_add(struct node *n, struct watcher w);
void watch_job(struct node *n, struct job_id id); /* something about it changed here */
int watch_frame(struct node *n, struct node_id from, uint32_t request, struct bytes payload);
int watch_state(struct node *n, struct node_id from, struct bytes payload);
void watch_link_down(struct node *n, uint64_t link);
void watch_node_gone(struct node *n, struct node_id id);
void watch_tick(struct node *n);
void watchers_free(struct node *n);
bool job_view_here(struct node *n, struct job_id id, struct job_view *v); /* from lead or ledger */

#endif
