/* Where an object would find room: not at nodes that keep none, and for a while not at those that
 * have said that one of its size does not fit. Nobody waits for a copy there, and the next by rank
 * stands in; after ROOM_AGAIN_US they are asked again, so that they get theirs when there is room.
 *
 * And what this node says when it has no room itself. Private to core/node. */
#ifndef VELUM_NODE_ROOM_H
#define VELUM_NODE_ROOM_H

#include "core/node/objects.h"

#define ROOM_AGAIN_US (30 * S_US)

/* That node takes in no object of this size now; place_keepers asks so. */
bool room_lacks(const struct node *n, struct node_id id, uint64_t size);
/* How many nodes can have it, this one among them; COPIES_MAX or more are that many: those that
 * live, can store, and have room. */
uint32_t room_possible(const struct node *n, uint64_t size);
/* It has an object of this size whole: there was room. */
void room_found(struct node *n, struct node_id id, uint64_t size);
/* FULL of another node. */
int room_frame(struct node *n, struct node_id from, struct bytes payload);
/* An object that is kept has no room here: those that have it do not wait for this node. */
void room_tell(struct node *n, struct digest name, uint64_t size);
/* Who is in the mesh has changed: one of them may have started anew. */
void room_forget(struct node *n);
void room_tick(struct node *n);
/* When the first of them is asked again. */
struct instant room_due(const struct node *n);

#endif
