/* Users' requests, one function each, from one table. Private to core/node. */
#ifndef VELUM_NODE_REQUEST_H
#define VELUM_NODE_REQUEST_H

#include "core/node/state.h"

/* One request of a user; whatever it is, it is answered or the answer is on its way. */
void request_frame(struct node *n, struct link_entry *l, const struct frame *f);
/* LOGS: another node's user wants a log. */
int request_logs_peer(struct node *n, struct node_id from, uint32_t request, struct bytes payload);
/* LOG_TAIL: the answer to it, passed on to the user. */
int request_log_tail(struct node *n, struct node_id from, uint32_t request, struct bytes payload);
/* Tells users whose log did not come. */
void request_tick(struct node *n);
/* This node itself stood still: no log was late meanwhile. */
void request_late(struct node *n, int64_t late_us);
/* Answers for a job that is not in the directory: it is gone, or there never was one. */
void request_tombstone(struct node *n, uint64_t link, uint32_t request, const char *which);
void requests_free(struct node *n);

#endif
