/* The title of this node as coordinator of a job: writing it, and showing it to the others.
 *
 * Nodes that only work for a job cannot judge a title, and obey the greatest. One that the job's
 * coordinator does not believe (warrant.h) makes them report to its author. So he who is asked to
 * step down for such a title does not, but writes one that is greater still: whoever followed the
 * other comes back, and brings what nobody has confirmed. Private to core/node. */
#ifndef VELUM_NODE_LEAD_CLAIM_H
#define VELUM_NODE_LEAD_CLAIM_H

#include "core/node/state.h"

/* Epochs: a title of another that is further ahead of the last one is obeyed nowhere, and no list
 * of holders is so far ahead in good faith. */
#define CLAIM_AHEAD_MAX 256u

/* Writes one that is greater than all that are known here. 0, or an error. */
int lead_claim_write(struct job *j, bool full);
/* The same, greater than one of this epoch; and shows it to all. */
int lead_claim_again(struct job *j, uint32_t above);
/* A title that this node's workers have obeyed counts, though no ledger was here to take it. */
int lead_claim_heed(struct job *j);
/* Shows the title to a node, now or as soon as its link has room; it answers with what it has open.
 */
void lead_claim_show(struct job *j, struct node_id to);
void lead_claim_show_all(struct job *j);
/* To those whose links had no room. A node without a link is greeted when it has one. */
void lead_claims_show(struct job *j);

#endif
