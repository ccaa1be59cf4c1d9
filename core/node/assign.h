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
/* The site may have a free slot now. */
void site_may_be_free(struct node *n, struct site *s);
/* Slots that are taken to be free for the job at this member, or (NULL) here. */
uint32_t assign_slots_free(struct job *j, const struct member *m);
/* How many chunks more the job may have at once. */
uint32_t assign_slots_left(const struct job *j);
/* The chunk goes out, with all that the node needs to compute it. False: it did not. */
bool assign_send(struct job *j, struct node_id to, uint8_t flags, const struct chunk *chunk);
/* Some node that may run the job has not said lately that its quota of objects is full. */
bool assign_has_room(struct job *j);

#endif
