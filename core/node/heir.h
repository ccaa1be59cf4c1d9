/* Who leads a job whose ledger is not here, when others tell that it is another than before. The
 * directory is hearsay (hearsay.h), and whoever stands in it as the coordinator is asked first for
 * what users want, and says whose the job is. So that one takes another's place only
 *
 *   - by the word of those who are known to have the job: its coordinator and its holders, as
 *     they, and whoever told of it first, have named them;
 *   - as one of these, whoever tells it; or
 *   - when all of them are gone.
 *
 * Of anybody else they are asked (SYNC of nothing) and tell how it is over their own links; until
 * then his word counts for nothing, but for an end, which stands beside the coordinator of before.
 * Which holders others tell of is shown, and gives these no word. At most HEIR_ASKS_MAX jobs a
 * second are asked about, and each once in HEIR_ASK_US.
 *
 * Those are asked too that should hold it by rank (place.h), and have a word in it as long, also
 * against who is told to lead it: so whoever told of a job first has not the last word on it.
 * Private to core/node. */
#ifndef VELUM_NODE_HEIR_H
#define VELUM_NODE_HEIR_H

#include "core/node/state.h"

#define HEIR_ASKS_MAX 16u
#define HEIR_ASK_US (2 * S_US)

/* Whether `from` may tell this of a job that is known; or p is made what he may. */
bool heir_allows(struct node *n, struct entry *e, struct node_id from, struct peer_entry *p);
/* It has been asked, as one that should hold the job by rank, and says who leads it. */
bool heir_says(const struct node *n, const struct entry *e, struct node_id from,
               const struct peer_entry *p);
/* Of two that say so this one leads the job, and the other has no part in it; or it is not known,
 * and those are asked who know. */
bool heir_leads(struct node *n, struct job_id job, struct node_id id, struct node_id other);
/* It is one of those who are known to have it, beside who is told to lead it. */
bool heir_knows(const struct entry *e, struct node_id id);
/* Whoever has it tells how it is over his own link. */
void heir_ask(struct node *n, struct job_id job, struct node_id to);
/* This is told now. */
void heir_taken(struct entry *e, const struct peer_entry *p);

#endif
