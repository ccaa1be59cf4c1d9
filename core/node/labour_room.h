/* What the chunks that are here take of this node, and which jobs go before others: submitters by
 * the time they were served, and the jobs of one by priority, then by the time they were served.
 * Private to core/node. */
#ifndef VELUM_NODE_LABOUR_ROOM_H
#define VELUM_NODE_LABOUR_ROOM_H

#include "core/node/state.h"

/* Whether this node has what the stage asks for at all, whoever offers it. */
bool room_meets(const struct node *n, const struct stage_spec *s);
/* Whether one more chunk of the stage has room beside those that are here. One that is let in by
 * turn (GRANT_KNOCK) may find all taken: then others make room at their next leaf, if they were
 * served more than it was. */
bool room_for_chunk(struct job *j, const struct stage_spec *s, uint8_t flags);
/* Whether the node can run one more beside these. */
bool load_fits(const struct node *n, struct load running, struct load more);
/* < 0: chunks of `a` go before those of `b`; > 0: behind; 0: they were served alike. */
int room_order(const struct job *a, const struct job *b);

/* Whoever has work here; of those who came last and one who comes anew nobody is far ahead. NULL:
 * memory is out. */
struct submitter *room_submitter(struct node *n, struct node_id id);
/* One job of his fewer. NULL is accepted. */
void room_submitter_drop(struct node *n, struct submitter *s);
/* A job was served for so long. */
void room_served(struct job *j, uint64_t us);

#endif
