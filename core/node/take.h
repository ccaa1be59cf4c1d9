/* Facts one by one: whether one is believed, whether it is news, and what the journal keeps of it.
 * Called by holder.c and, for the own journal, by jobs.c. Private to core/node. */
#ifndef VELUM_NODE_TAKE_H
#define VELUM_NODE_TAKE_H

#include "core/node/state.h"

/* Takes one fact of the own journal into the job; creates the job from a SPEC. Gives enum
 * ledger_result or an error. */
int take_replayed(struct node *n, struct job_id job, struct bytes fact);
/* One fact that `from` tells of the job, which is *at, or NULL until a SPEC makes it: it is
 * verified, and what is new goes to news as a block or more, which are counted. Gives enum
 * ledger_result or an error. */
int take_told(struct node *n, struct job **at, struct job_id job, struct node_id from,
              struct bytes fact, struct buf *news, uint16_t *news_count);
/* Whether the job's present list of holders names this node. */
bool take_is_holder(const struct job *j, struct node_id id);
/* Whether facts without a signature are believed from it. */
bool take_may_tell(const struct job *j, struct node_id from);

#endif
