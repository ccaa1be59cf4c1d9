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
/* A chunk that took so much has ended there, and another can take its place. */
void site_is_done(struct node *n, struct site *s, struct load load);
/* One chunk more is out there. */
void site_more(struct node *n, struct site *s, struct load load);
/* One fewer is out at this node. */
void site_less(struct node *n, struct node_id id, struct load load);
/* All chunks of the job at this node are about to go. */
void site_less_all(struct job *j, struct node_id id);

#endif
