/* Facts: keeping them for a coordinator, and comparing ledgers with other holders. Private to
 * core/node. */
#ifndef VELUM_NODE_HOLDER_H
#define VELUM_NODE_HOLDER_H

#include "core/node/state.h"

/* FACTS: verified, kept, and said to be kept once they are synced. */
int holder_facts(struct node *n, struct node_id from, struct bytes payload);
/* FACTS_KEPT: a holder has synced a batch. */
int holder_facts_kept(struct node *n, struct node_id from, struct bytes payload);
/* SYNC: another node's view of the job; where the ledgers differ it gets this one's. */
int holder_sync(struct node *n, struct node_id from, struct bytes payload);
/* Shows the ledger's digest to another node that has the job: both then send what the other lacks.
 */
void holder_compare(struct job *j, struct node_id other);
/* The same with all that hold it, or may hold it still. */
void holder_compare_all(struct job *j);
/* Where the ledger of a live job may be behind: others have told an outcome that is not here,
 * nobody has answered since a restart, or nothing was heard for long. Whoever should know is asked,
 * once a second; in silence every five. */
void holder_catch_up(struct job *j);
/* When that is due next, of a job that has not ended here and that another coordinates. */
struct instant holder_catch_up_due(const struct job *j);
/* A node is reachable: compares this live job with it, or brings it up to date. */
void holder_peer_up(struct job *j, struct node_id id);
/* Ended jobs about which coordinators may have differed are compared once more a little later, so
 * that all holders keep the same. */
void holder_compare_ended(struct node *n);
/* When the next of them is due; INSTANT_NEVER: none. */
struct instant holder_compare_due(const struct node *n);
/* An ended job goes: its news are compared no more. */
void holder_changed_gone(struct job *j);
/* The same for a job that has ended: a holder may have come back without it. */
void holder_peer_kept(struct job *j, struct node_id id);
/* Sends the whole ledger, for nobody to acknowledge. */
void holder_send_snapshot(struct job *j, struct node_id to);
/* The same of a job that has ended, or with `titles` no more than a holder can lack that has
 * everybody's name. */
void holder_send_ended(struct job *j, struct node_id to, bool titles);
/* Who holds the job, who coordinates it, and how these came about. */
void holder_send_titles(struct job *j, struct node_id to);
/* Takes a signed fact that `from` brings: it is verified, and appended to news as a block, and
 * counted, when it is new. */
int holder_take_fact(struct node *n, struct job_id job, struct node_id from, struct bytes fact,
                     struct buf *news, uint16_t *news_count);

/* Stages that came with a grant, as u16 count and blocks: facts like any others. 0 or an error. */
int holder_take_lists(struct job *j, struct node_id from, struct bytes lists);

#endif
