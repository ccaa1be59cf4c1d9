/* Chunks granted to this node: taken in, queued for workers, cut, given back. Whose grants count is
 * decided by the greatest claim seen. What came of the chunks goes out through labour_report. It
 * never talks to a worker but to cut its chunk. Private to core/node. */
#ifndef VELUM_NODE_LABOUR_H
#define VELUM_NODE_LABOUR_H

#include "core/node/state.h"

/* What coordinators send; each takes one message's payload. ERR_FORMAT when it is malformed. */
int labour_grant(struct node *n, struct node_id from, struct bytes payload);
int labour_trim(struct node *n, struct node_id from, struct bytes payload);
int labour_claim(struct node *n, struct node_id from, struct bytes payload);
int labour_stop(struct node *n, struct node_id from, struct bytes payload);

struct labour_chunk *labour_chunk_of(struct job *j, uint64_t grant);
/* Frees the chunk; its worker, if any, is free for others. */
void labour_chunk_remove(struct job *j, struct labour_chunk *c);
/* Asks the chunk's worker to end it at this leaf, or at the next it can. */
void labour_order_trim(struct node *n, struct labour_chunk *c, uint64_t end);
/* Ends a worker whose inputs are not what they should be: what it has in hand is done again, here
 * or elsewhere, and nobody is to blame. */
void labour_take_back(struct node *n, struct worker *w);
/* RETURN of so many grants, to the node that gave them. */
void labour_send_return(struct node *n, struct node_id to, struct job_id id, uint8_t reason,
                        const char *why, const uint64_t *grants, uint16_t count);
/* Every chunk of the job goes back that no worker has. */
void labour_return_all(struct job *j, enum return_reason reason, const char *why);
/* The same of one stage. */
void labour_return_stage(struct job *j, uint32_t stage, enum return_reason reason, const char *why);
/* Frees all the job has here: chunks, gathered and unconfirmed reports. */
void labour_drop(struct job *j);
/* The same, and its workers are free; the job is freed where its ledger is not here. */
void labour_over(struct job *j);

/* A link to this node is up: reports it may have missed go out again. */
void labour_peer_up(struct node *n, struct node_id id);
/* The operator wants this node to stop: chunks end at their next leaf, those not begun go back. */
void labour_hand_back(struct node *n);
/* Chunks that knocked and found no slot for a while go back: all of them run long leaves. */
void labour_waits(struct node *n);
/* Work whose coordinator and holders have been gone for long, and that has nothing running, is
 * given up; a job that has had nothing here for a while is forgotten. */
void labour_orphans(struct node *n);
/* When the next round has something to do for jobs that this node works for. */
struct instant labour_round_due(const struct node *n);
/* Whether nothing runs, waits or is unconfirmed. */
bool labour_is_idle(const struct node *n);

#endif
