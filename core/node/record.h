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
/* A snapshot of everything is whole, and has this ticket. */
void record_compacted(struct node *n, uint64_t ticket);
/* Does it when its ticket is synced, perhaps at once. ERR_FULL at limits.waits, and then whoever
 * asked gets no confirmation; never of WAIT_BATCH, of which each job has one. */
int wait_add(struct node *n, struct wait w);
/* Does what may be done by now, limits.waits_run of it; the rest is due at once. */
void waits_run(struct node *n);
bool waits_are_due(const struct node *n);
void waits_free(struct node *n);
/* The coordinator writes a fact: applied to the own ledger by the caller before. */
void record_fact(struct job *j, struct bytes fact, bool full);
/* A report's sender hears KEPT once the facts of this step are kept. */
void record_notice(struct job *j, struct node_id node, uint64_t seq);
/* By then jobs that this node leads are looked at again: something of them waits for more of it. */
void record_look_by(struct node *n, struct instant due);
void record_commits(struct node *n); /* each step: when that is due */
void record_close(struct job *j);    /* what is fresh becomes a batch now */
void record_settle(struct job *j);   /* end of step: one STORE, one FACTS to each holder */
void record_progress(struct job *j); /* looks whether batches are kept by now */
/* Every batch up to this one has the copies it needs. */
bool batch_is_kept(const struct job *j, uint64_t number);
void record_clear(struct job *j);
/* Facts of this step go to the own journal although this node leads no more. */
void record_unwritten(struct job *j);

#endif
