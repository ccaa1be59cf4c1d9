/* Users' requests, one function each, from one table. Private to core/node. */
#ifndef VELUM_NODE_REQUEST_H
#define VELUM_NODE_REQUEST_H

#include "core/node/state.h"

void request_frame(struct node *n, struct link_entry *l, const struct frame *f);
int request_logs_peer(struct node *n, struct node_id from, uint32_t request, struct bytes payload);
int request_log_tail(struct node *n, struct node_id from, uint32_t request, struct bytes payload);
void request_link_down(struct node *n, uint64_t link);
void request_tick(struct node *n);
void request_tombstone(struct node *n, uint64_t link, uint32_t request, const char *which);
void requests_free(struct node *n);

#endif
