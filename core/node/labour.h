/* Chunks granted to this node: taken in, run by workers, reported, kept until enough holders have
 * synced the reports. Private to core/node. */
#ifndef VELUM_NODE_LABOUR_H
#define VELUM_NODE_LABOUR_H

#include "core/node/state.h"

int labour_grant(struct node *n, struct node_id from, struct bytes payload);
int labour_kept(struct node *n, struct node_id from, struct bytes payload);
int labour_trim(struct node *n, struct node_id from, struct bytes payload);
int labour_claim(struct node *n, struct node_id from, struct bytes payload);
int labour_stop(struct node *n, struct node_id from, struct bytes payload);
void labour_drop(struct job *j);
int labour_progress(struct job *j, struct labour_chunk *c, const struct worker_progress *p);
void labour_trimmed(struct job *j, struct labour_chunk *c, uint64_t end);
int labour_merged(struct job *j, const struct worker_merged *m);
/* Merges that killed their worker again and again. */
void labour_merge_failed(struct job *j, uint8_t flags, const char *cause);
void labour_failed(struct job *j, struct labour_chunk *c, uint8_t flags, const char *cause);
void labour_flush(struct job *j);
void labour_flush_due(struct node *n);
void labour_order_trim(struct node *n, const struct labour_chunk *c, uint64_t end);
void labour_peer_up(struct node *n, struct node_id id);
void labour_hand_back(struct node *n);
void labour_orphans(struct node *n);
bool labour_is_idle(const struct node *n);
struct labour_chunk *labour_chunk_of(struct job *j, uint64_t grant);
void labour_chunk_remove(struct job *j, struct labour_chunk *c);

#endif
