/* The facts of one job in their reduced view: the spec, the holders (greatest generation; two
 * unequal ones of the same generation are the union, ranked by id), everybody who was ever named as
 * a holder, the greatest claim, the cover, at most 3 attempts a leaf and 64 in all, one cancel, one
 * outcome, which stages were cancelled, the least finding of two compilers that differ; of an open
 * job the stages its author appended, and how many he closed it with. Those of a list are taken
 * when all before them are there. For a kernel that is a function merging is commutative,
 * associative and idempotent.
 *
 * Of lists of holders that were replaced a *chain* is kept: of each that made somebody a holder who
 * wrote a later one. So who has missed all between the list he knows and the present one can see
 * that each was written by one whom the one before it names. A job whose first coordinator is its
 * last has none. The chain is no part of the digest: holders may have met in another order.
 *
 * Beside it stands the account (core/job/account.h): who counted which leaves, as far as the own
 * facts tell, each leaf named once. It outlives the cover and is no part of the digest: holders
 * that met the same leaves in another order name other authors for them.
 *
 * Outcomes: divergent > result > unknown > failed > timed-out > cancelled; the greatest wins; two
 * unequal results are divergent. So is a job whose author says two things of the same stage: two
 * unequal lists that begin alike or overlap, a list behind the end, two ends. */
#ifndef VELUM_JOB_LEDGER_H
#define VELUM_JOB_LEDGER_H

#include "core/base/alloc.h"
#include "core/job/account.h"
#include "core/job/cover.h"
#include "core/job/fact.h"
#include "core/job/graph.h"
#include "core/job/runset.h"

struct ledger;

#define LEDGER_CHAIN_MAX 8 /* lists; of more the oldest go, and who has missed those is lost */

/* No ledger says more than this. The cover's bounds are none on that: values of whole stages, of
 * which there may be JOB_STAGES_MAX, do not count there. */
#define LEDGER_BYTES_MAX (sizeof(size_t) > 4 ? SIZE_MAX >> 31 : SIZE_MAX >> 2)

/* From a SPEC fact (already verified). The bytes are copied. 0, ERR_FORMAT, ERR_NO_MEMORY. */
int ledger_new(struct ledger **out, const struct alloc *a, struct bytes spec_fact);
void ledger_free(struct ledger *l);

enum ledger_result { LEDGER_KNOWN = 0, LEDGER_NEW = 1, LEDGER_DIVERGED = 2 };
/* Applies one encoded fact of this job; signatures were checked by the caller. LEDGER_NEW when the
 * reduced view changed, LEDGER_KNOWN when it said nothing new, LEDGER_DIVERGED when the job became
 * divergent through it. ERR_FORMAT for another job's fact or bad bytes, ERR_FULL at the cover's
 * bound (only a fact that fills a hole or supersedes is taken then), of a list of stages when an
 * earlier one is missing here or the job has all it may have, of values whose stage may still be
 * appended; ERR_NO_MEMORY. */
int ledger_apply(struct ledger *l, struct bytes fact);
/* The same, and appends to `gained` which of a PARTIAL's leaves are named now and were not before.
 * The set's bound is a bound on what is named: leaves beyond it get no name. */
int ledger_apply_counting(struct ledger *l, struct bytes fact, struct runset *gained);
/* The same, for who has read the fact already: `f` is what fact_read made of `fact`. */
int ledger_apply_read(struct ledger *l, struct bytes fact, const struct fact *f,
                      struct runset *gained);
/* The same of a fact in the own journal: it says who counted what also where nothing else does. */
int ledger_apply_own(struct ledger *l, struct bytes fact, const struct fact *f);
/* The ledger keeps exactly these bytes as a signed fact: the signature was checked, or is its
 * own. */
bool ledger_keeps(const struct ledger *l, enum fact_kind kind, struct bytes fact);
/* The job has ended, and all that this says is who counted leaves that have a name here: applying
 * it would change nothing. */
bool ledger_has_names(const struct ledger *l, const struct partial *p);

const struct job_spec *ledger_spec(const struct ledger *l); /* borrowed from the ledger */
const struct graph *ledger_graph(const struct ledger *l);   /* the same */
/* No stage is missing, and none will come: it is not open, or was closed with as many as there
 * are. */
bool ledger_is_whole(const struct ledger *l);
uint32_t ledger_closed(const struct ledger *l); /* with so many stages; 0: it is open */
/* Stages that came here beside the facts of the job, to be worked for. They count from now on;
 * when they come as facts they are news. 0 or ERR_NO_MEMORY. */
int ledger_lend(struct ledger *l, const struct graph *graph);
struct bytes ledger_spec_fact(const struct ledger *l);   /* encoded, as given */
struct bytes ledger_spec_signed(const struct ledger *l); /* the signed bytes inside it, encoded */
/* NULL when there is none yet. The _fact functions give the encoded fact for sending on (empty when
 * none). */
const struct holders *ledger_holders(const struct ledger *l);
const struct claim *ledger_claim(const struct ledger *l);
struct bytes ledger_claim_fact(const struct ledger *l);
const struct cancel *ledger_cancel(const struct ledger *l);
struct bytes ledger_cancel_fact(const struct ledger *l);
/* Somebody has cancelled this stage. One whose output is complete is complete all the same,
 * whatever came first: whoever asks looks at that too. */
bool ledger_stage_cancelled(const struct ledger *l, uint32_t stage);
uint32_t ledger_stages_cancelled(const struct ledger *l); /* so many */
/* The first of them from `stage` on; UINT32_MAX: there is none. */
uint32_t ledger_cancelled_from(const struct ledger *l, uint32_t stage);
/* One fact that says so, encoded; empty when there is none. */
struct bytes ledger_stage_cancel_fact(const struct ledger *l, uint32_t stage);
/* Many facts say which stages near this one are cancelled: one should, that is to say of them what
 * ledger_stage_cancels gives (borrowed until the next fact; `by` is left to the caller). When it is
 * applied, the others are kept no more. */
bool ledger_stage_cancels_apart(const struct ledger *l, uint32_t stage);
struct stage_cancel ledger_stage_cancels(const struct ledger *l, uint32_t stage);
/* Two compilers make two kernels of a snippet of this job; NULL: nobody has found any. */
const struct unlike *ledger_unlike(const struct ledger *l);
/* DIVERGENT state without a signed fact is possible. */
const struct outcome *ledger_outcome(const struct ledger *l);
struct bytes ledger_outcome_fact(const struct ledger *l);
/* How many leaves the result is made of, or will be, as far as is known: of a search that has a
 * match those up to it. */
uint64_t ledger_leaves(const struct ledger *l);
/* A value that was folded here, of those in the cover: as cover_insert. Values of stages that
 * nobody reads any more are dropped (job/spent.h). */
int ledger_put(struct ledger *l, const struct value *v);
/* Of its stages: as spent_after. */
uint32_t ledger_spent_after(const struct ledger *l, uint32_t known);
struct cover *ledger_cover(struct ledger *l); /* freed (NULL) once `ledger_shrink` was called */
/* Every holder that any generation ever named and that has not retired since, by id; for `kill`.
 * Survives snapshots. At most FACT_TERMS_MAX: when there were more, ledger_forgot_holders. */
uint32_t ledger_ever_holders(const struct ledger *l, struct node_id *to, uint32_t cap);
bool ledger_forgot_holders(const struct ledger *l);
/* It was named as a holder, retired or not. */
bool ledger_was_holder(const struct ledger *l, struct node_id id);
/* Of the lists that are kept, the present ones too, the next of which nobody has said who signed
 * it: its fact, and *at to say so. False: of all it is known. They are needed when a list is
 * replaced, and no fact may come between. */
bool ledger_list_unsigned(const struct ledger *l, uint32_t *at, struct bytes *fact);
void ledger_list_signed(struct ledger *l, uint32_t at, struct node_id by);
uint32_t ledger_chain_count(const struct ledger *l);
bool ledger_has_retired(const struct ledger *l, struct node_id id);
/* One RETIRED fact with all that the present HOLDERS fact does not say of them, as a block. False:
 * there is nothing of that kind. */
bool ledger_put_former(const struct ledger *l, struct buf *to);
/* A number that two who would say different things of that hardly ever have in common: whoever
 * makes it so fools himself only. 0 where there is nothing of that kind. */
uint64_t ledger_former_mark(struct ledger *l);
/* This list says what ledger_put_former would, no more and no less. */
bool ledger_former_is(const struct ledger *l, const struct terms *told);

/* A node that is alone keeps its holders, claim and outcome facts with a blank signature (64 zero
 * bytes): nobody is there to check it, and signing is what a submission costs most. Before anything
 * leaves the node they are signed in place. 0, or what sign returned. */
typedef int ledger_sign(void *ctx, const struct signed_bytes *s, uint8_t signature[SIGNATURE_SIZE]);
int ledger_seal(struct ledger *l, ledger_sign *sign, void *ctx);

/* Appends the reduced view as facts, each as a block (u32 length, bytes): for a new holder or a
 * sync. The spec comes first, then an outcome, behind which no value is taken: leaves that are
 * counted without a name are therefore told as counted by nobody. Big covers give PARTIAL facts of
 * at most 32 KiB each, without author. Applied elsewhere it leads to an equal digest. */
void ledger_snapshot(const struct ledger *l, struct buf *to);
/* Of a job that has ended, all that its digest speaks of, and its former holders: without the spec,
 * values, names and attempts. */
void ledger_titles(const struct ledger *l, struct buf *to);
/* As ledger_snapshot for a compaction, which is read as a whole: the values come before the
 * outcome, and nobody is named who is not known, so that the name that comes later is the only
 * one. */
void ledger_snapshot_own(const struct ledger *l, struct buf *to);
/* Over what the facts say, not over signatures. With an outcome, cancels, cover, attempts and
 * former holders do not count, but stages do; of a divergent job only that it is divergent does. */
struct digest ledger_digest(struct ledger *l);
/* After an outcome: drops the cover and attempts, keeps spec, holders, claim, cancel, outcome, and
 * the account. */
void ledger_shrink(struct ledger *l);
/* What is left in memory of one that was shrunk, but for its account: the facts, and the graph. */
size_t ledger_bytes(const struct ledger *l);

/* How many leaves of [first, end) somebody is named for; 0 of an account that was joined. */
uint64_t ledger_named(const struct ledger *l, uint64_t first, uint64_t end);
/* The account's memory, and less of it: see account.h. Joined is only that of a shrunk ledger. 0 or
 * ERR_NO_MEMORY. */
size_t ledger_account_bytes(const struct ledger *l);
const struct account *ledger_account(const struct ledger *l); /* borrowed */
bool ledger_account_is_joined(const struct ledger *l);
/* Every leaf of the result is named or counted. */
bool ledger_account_is_whole(const struct ledger *l);
int ledger_account_join(struct ledger *l);
void ledger_account_tighten(struct ledger *l);

#endif
