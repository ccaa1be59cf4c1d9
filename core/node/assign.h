/* Who gets chunks: free slots of live nodes meet free leaves of the jobs that this node
 * coordinates. Private to core/node. */
#ifndef VELUM_NODE_ASSIGN_H
#define VELUM_NODE_ASSIGN_H

#include "core/node/state.h"

/* Grants what can be granted now; jobs take turns where slots are short. */
void assign_all(struct node *n);
/* Asks a node to end a chunk at this leaf; it answers in a report. */
void assign_trim(struct job *j, struct node_id to, uint64_t grant, uint64_t end);
/* Ends the chunks of a search where its lowest match is, once for each match. */
void assign_cut(struct job *j);
/* Made when it is new; NULL when memory is out. */
struct site *site_of(struct node *n, struct node_id id);
/* It may have a free slot now. */
void site_may_be_free(struct node *n, struct site *s);
/* It gave chunks back. */
void site_is_full(struct node *n, struct site *s);
/* It gave chunks back until more of what it reported is confirmed, which nobody else decides. */
void site_is_unkept(struct node *n, struct site *s);
/* It has a free slot, as it says or shows. */
void site_is_heard(struct node *n, struct site *s);
/* A chunk has ended there, and another can take its place. */
void site_is_done(struct node *n, struct site *s);
/* One chunk more is out there. */
void site_more(struct node *n, struct site *s);
/* So many chunks fewer are out at this node. */
void site_less(struct node *n, struct node_id id, uint32_t by);

#endif
