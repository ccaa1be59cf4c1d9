/* What a coordinator has written about a job, and who has synced it. Facts of one step go out
 * together: one record in the own journal, one FACTS frame to each other holder. A batch is kept by
 * a holder once that holder answered for it or a later one. Private to core/node. */
#ifndef VELUM_NODE_RECORD_H
#define VELUM_NODE_RECORD_H

#include "core/node/state.h"

/* One record to the journal. Gives its ticket. */
int store_record(struct node *n, uint16_t type, struct bytes payload, uint64_t *ticket);
/* The journal's word on a ticket. After a refusal later tickets prove nothing: only a snapshot of
 * everything does, which record_heal asks for. */
void record_stored(struct node *n, uint64_t ticket, int rc);
void record_heal(struct node *n);
int record_compact(struct node *n); /* emits one COMPACT */
/* Does it when its ticket is synced, perhaps at once. Tickets rise from call to call. */
int wait_add(struct node *n, struct wait w);
void waits_run(struct node *n);
void waits_free(struct node *n);
/* The coordinator writes a fact: applied to the own ledger by the caller before. */
void record_fact(struct job *j, struct bytes fact, bool full);
/* A report's sender hears KEPT once the facts of this step are kept. */
void record_notice(struct job *j, struct node_id node, uint64_t seq);
void record_settle(struct job *j);   /* end of step: one STORE, one FACTS to each holder */
void record_progress(struct job *j); /* looks whether batches are kept by now */
/* The holder can be reached again: it gets a snapshot, and batches from then on. */
void record_replica_up(struct job *j, struct node_id id);
void record_replica_down(struct job *j, struct node_id id);
/* The holder has synced everything up to this batch. */
void record_kept(struct job *j, struct node_id id, uint64_t batch);
/* Follows the ledger's list of holders; what is known of those that stay is kept. */
void record_holders_changed(struct job *j);
void record_clear(struct job *j);
/* How many copies are synced somewhere, and on how many machines; 0 in embedded mode. */
uint32_t record_durable(const struct job *j, uint32_t *machines);
/* This node's, and one for each holder not known to be gone. */
uint32_t copies_wanted(const struct job *j);
/* Somebody waits for the acknowledgement of a submission; link 0: node does. */
void asker_add(struct job *j, uint64_t link, struct node_id node, uint32_t request, bool already);
/* This node leads no more: users who wait are told so. */
void askers_pass_on(struct job *j);
/* Facts of this step go to the own journal although this node leads no more. */
void record_unwritten(struct job *j);
/* Answers those whose batch is kept by now. */
void askers_answer(struct job *j);
/* Signs a body and makes the fact around it. */
int seal_fact(struct node *n, enum fact_kind kind, struct bytes body, struct buf *fact);
/* The same, but blank while this node is alone; job_seal signs it before it leaves the node. */
int seal_later(struct job *j, enum fact_kind kind, struct bytes body, struct buf *fact);
/* Signs the facts that are still blank. */
void job_seal(struct job *j);
/* As struct seal.verify, remembering what verified. */
int seal_verify(struct node *n, const struct signed_bytes *s, struct bytes text,
                struct signer *signer);
int fact_verify(struct node *n, const struct fact *f);

#endif
