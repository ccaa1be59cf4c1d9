/* How many jobs of each submitter the mesh has that have not ended, as far as is known here (the
 * directory). Bounded by the directory; each step is O(1). Private to core/node. */
#ifndef VELUM_NODE_AUTHORS_H
#define VELUM_NODE_AUTHORS_H

#include "core/node/state.h"

void authors_init(struct node *n);
void authors_free(struct node *n);
/* One job more, or one fewer; that it is known is the caller's business. */
void authors_more(struct node *n, struct node_id id);
void authors_less(struct node *n, struct node_id id);
uint32_t authors_count(const struct node *n); /* who has any */
uint32_t authors_jobs(const struct node *n, struct node_id id);

/* The same of anybody, in a map from node_id. */
void tally_free(struct node *n, struct map *m);
void tally_more(struct node *n, struct map *m, struct node_id id);
void tally_less(struct node *n, struct map *m, struct node_id id);
uint32_t tally_of(const struct map *m, struct node_id id);

#endif
