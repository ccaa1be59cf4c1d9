/* The table of jobs: taking a spec in, listing, replaying. Private to core/node. */
#ifndef VELUM_NODE_JOBS_H
#define VELUM_NODE_JOBS_H

#include "core/node/state.h"

/* NULL: not known here; it may be a tombstone. */
struct job *job_find(const struct node *n, struct job_id id);
/* From signed spec bytes that were verified. With a ledger (holder) or without (worker's node).
 * Gives 0 and the job. */
int job_create(struct node *n, struct bytes spec_signed, bool with_ledger, struct job **out);
/* As a holder, whether the node already works for it or not. 1: it has its ledger already. */
int job_take(struct node *n, struct bytes spec_signed, struct job **out);
/* A job that this node only works for becomes one it holds. */
int job_add_ledger(struct job *j, struct bytes spec_fact);
/* Leaves nothing of it in this process; the journal and the directory are not touched. */
void job_free(struct job *j);
void jobs_free(struct node *n);
void job_mark_busy(struct job *j); /* settle it at the end of this step */
/* The same in the next step, which comes at once: what is left of long work. */
void job_go_on_later(struct job *j);
void jobs_go_on(struct node *n); /* the next step is here */
void job_unlist(struct job *j);    /* takes it out of those to settle, and of those that run */
/* Whether it is among those without an outcome. */
void job_set_live(struct job *j, bool live);
bool job_is_final(const struct job *j);
/* Time since it was submitted, as far as is known here: its coordinators pass it on. */
uint64_t job_elapsed_us(const struct job *j);
/* The same for display: after a restart only the wall clock can tell how long the node was away,
 * and it is not to be relied on. */
uint64_t job_shown_us(const struct job *j);
/* Learns from the present claim when the job was submitted. `restarted`: this node was away for a
 * time that does not count. */
void job_learn_age(struct job *j, bool restarted);
uint8_t job_final_state(const struct job *j); /* 0 while there is no outcome */
struct bytes job_spec_signed(const struct job *j);
uint64_t job_leaves(const struct job *j);
/* Its outcome has the copies it needs: said once, and remembered in the journal. ended_s: when it
 * ended, by the calendar; 0: now. */
void job_settle(struct job *j, uint32_t copies, uint32_t machines, uint64_t ended_s);
/* It ended so much later than this node's calendar said at the time. */
void job_ended_later(struct job *j, uint64_t s);
/* Its copies were counted anew: remembered in the journal. */
void job_recount(struct job *j, uint32_t copies, uint32_t machines);
/* This node holds it no more, but works for it. 0, or an error: then nothing has changed. */
int job_drop_ledger(struct job *j);
void job_after_outcome(struct job *j); /* shrinks it, and has the oldest forgotten */
/* One record of the journal, in order. ERR_VERSION for a type it does not know. */
int jobs_replay(struct node *n, uint16_t type, struct bytes payload);
/* What is kept of one job, as records: u16 type, u32 length, bytes. */
void job_snapshot(struct job *j, struct buf *to);
/* Checks a spec's signature, author and dates. 0 or an error; why gets a sentence. */
int spec_verify(struct node *n, struct bytes spec_signed, struct job_spec *spec, struct job_id *id,
                bool fresh, char *why, size_t cap);
#endif
