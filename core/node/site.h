/* Nodes as this node's coordinators together see them: how much of each they have given work to,
 * and whether it takes more. A guess: the node itself decides when it is offered a chunk. Private
 * to core/node. */
#ifndef VELUM_NODE_SITE_H
#define VELUM_NODE_SITE_H

#include "core/node/state.h"

/* Made when it is new; NULL when memory is out. */
struct site *site_of(struct node *n, struct node_id id);
/* It gave chunks back. */
void site_is_full(struct node *n, struct site *s);
/* It gave chunks back until more of what it reported is confirmed, which nobody else decides. */
void site_is_unkept(struct node *n, struct site *s);
/* It has a free slot, as it says or shows. */
void site_is_heard(struct node *n, struct site *s);
/* This chunk of the job has ended there, with all that it was computed for, and another can take
 * its place. */
void site_is_done(struct job *j, const struct chunk *c);
/* All of it is computed, though not told yet: another can take its place, and it is less already
 * when it is over. */
void site_is_computed(struct job *j, const struct chunk *c);
/* One chunk of the job more is out there, from this leaf on. */
void site_more(struct job *j, struct site *s, uint64_t leaf);
/* This one is out no longer. */
void site_less(struct job *j, const struct chunk *c);
/* All chunks of the job at this node are about to go. */
void site_less_all(struct job *j, struct node_id id);

#endif
