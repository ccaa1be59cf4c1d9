/* Forgetting finished jobs. One that has ended is kept whole (spec, stages, result, log tail) for
 * keep_s of the calendar, or until keep_jobs later ones have ended, or until these need its memory:
 * those that are kept have keep_bytes together (beside their logs and accounts, which have bounds
 * of their own), and the one that ended last is kept however much it needs: of JOB_STAGES_MAX
 * stages some 250 MiB. Then only its name is left for tombstone_s, so that nothing that comes back
 * from an old disk or another part of the mesh can begin it again; then nothing. An entry of the
 * directory goes with the last of it.
 *
 * Each holder has its own word on when the job ended, in its journal; one that gets the job later
 * takes the word of the directory.
 *
 * Owns the tombstones. Private to core/node. */
#ifndef VELUM_NODE_FORGET_H
#define VELUM_NODE_FORGET_H

#include "core/node/state.h"

/* What is said of a job that is gone: "this job ended as done on 2026-11-20 10:15 UTC and is gone:
 * ..." */
#define GONE_SENTENCE_SIZE 256
#define GONE_HINT "to have its result again, submit it anew"

/* NULL: not one that ended and is gone, as far as is known here. */
const struct tombstone *tombstone_of(const struct node *n, struct job_id id);
/* The job is gone but for its name and its outcome; the caller frees it. */
void job_bury(struct job *j, uint8_t state, enum gone_why why);
/* It is one of those that are kept, or no more, or something of it has come: counts its memory. */
void forget_weigh(struct job *j);
/* Shrinks jobs that are too old, too many or too large, at most so many of them. True when that was
 * not enough. */
bool forget_jobs(struct node *n, uint32_t most);
/* The hourly look, and what is due before: jobs, tombstones, entries of the directory. */
void forget_tick(struct node *n);
/* The calendar jumped by so much: what ended while it was behind is not that much older. Then
 * every job is looked at, before anybody is told of it; the rest soon. */
void forget_jumped(struct node *n, uint64_t by_s);
/* At the start: the same, without a jump. */
void forget_now(struct node *n);
/* Whether nothing of a job that ended then is kept anywhere any more. */
bool forget_is_past(const struct node *n, uint64_t ended_s);
void gone_sentence(const struct node *n, const struct gone *g, char to[GONE_SENTENCE_SIZE]);
/* Says it to a user; the job must have a tombstone here. */
void reply_gone(struct node *n, uint64_t link, uint32_t request, struct job_id id);
struct gone gone_of(const struct tombstone *t);
int forget_replay(struct node *n, struct bytes payload);
/* The journal has the job's spec behind its tombstone, if there is one: nobody takes the spec of a
 * job whose name is kept, so the name was forgotten in between, and the older ones before it. */
void forget_replayed_until(struct node *n, struct job_id id);
void forget_snapshot(const struct tombstone *t, struct buf *to); /* as one record */

#endif
