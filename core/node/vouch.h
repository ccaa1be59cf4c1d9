/* Whether there is such a job: of those that run elsewhere the directory has what anybody says.
 * One counts, for the limit of live jobs and for the shares of submitters, when
 *
 *   - its ledger is here;
 *   - its coordinator has told it himself, over his own link or when he was asked, and is the same
 *     process still: for as many as he is believed (evidence.h), at most VOUCHED_MAX each;
 *   - it is doubted, which all others are: DOUBTED_COUNTED_MAX of these.
 *
 * Of doubted ones those are asked that they name, VOUCH_ASKS_MAX at a time, where nobody has told
 * them for VOUCH_AFTER_US, or where there are many: the first that has the job vouches for it, or
 * keeps it for as long again; when all that are there say no, it goes. What its coordinator has
 * answered he is not asked again while he is the same process. One whose coordinator and
 * holders are all gone stays for VOUCH_GONE_US. Doubted ones that nobody tells are not passed on,
 * and take no room that others need.
 *
 * So with the keys of k nodes a thief makes others count k * EVIDENCE_FREE jobs that there are not,
 * and DOUBTED_COUNTED_MAX more however many he has, for as long as his links stand and some minutes
 * longer. Private to core/node. */
#ifndef VELUM_NODE_VOUCH_H
#define VELUM_NODE_VOUCH_H

#include "core/node/state.h"

#define VOUCHED_MAX (JOBS_LIVE_MAX / 4)
#define DOUBTED_COUNTED_MAX (JOBS_LIVE_MAX / 4)
#define VOUCH_AFTER_US (30 * S_US)
#define VOUCH_GONE_US (24 * 3600 * S_US)

void vouches_init(struct node *n);
void vouches_free(struct node *n);
/* The entry is, or is no more, one of a job that runs; `by` is its author. */
void vouch_count(struct node *n, struct entry *e, struct node_id by);
void vouch_uncount(struct node *n, struct entry *e, struct node_id by);
/* `from` has told this; `news`: which stands in the directory now. */
void vouch_heard(struct node *n, struct node_id from, const struct peer_entry *p, bool news);
/* Whether there is room for one more that `from` tells and that `coordinator` leads: one that is
 * doubted makes room for one that is not. */
bool vouch_has_room(struct node *n, struct node_id from, struct node_id coordinator);
/* Whether others are told of it when they are met. */
bool vouch_passes_on(const struct node *n, const struct entry *e);
/* STATE of another node. NULL: it does not have the job. */
void vouch_state(struct node *n, struct node_id from, struct job_id id, const struct job_view *v);
/* It does not have this job, which it may have led. */
void vouch_denied(struct node *n, struct node_id from, struct job_id id);
/* Of this one another number is believed than before. */
void vouch_anew(struct node *n, struct node_id coordinator);
/* The entry leaves its list. */
void vouch_entry_gone(struct node *n, const struct entry *e);
/* It leads nothing any more. */
void vouch_revoked(struct node *n, struct node_id id);
void vouches_tick(struct node *n);
struct instant vouches_due(const struct node *n);

#endif
