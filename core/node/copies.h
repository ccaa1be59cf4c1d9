/* Copies of the objects that are to be kept: the best nodes by rank of the name (place.h) have each
 * of them. Whoever has one whole tells those that should and do not say that they have it; a node
 * that should not lets go of it when they all have.
 *
 * And whoever wants an object that is not here asks these nodes for it. Private to core/node. */
#ifndef VELUM_NODE_COPIES_H
#define VELUM_NODE_COPIES_H

#include "core/node/keeping.h"
#include "core/node/object_peer.h"
#include "core/node/objects.h"

#define SEEK_OBJECT_US (2 * S_US)

/* KEEP, HAVE and SEEK of another node. */
int copies_frame(struct node *n, struct node_id from, uint8_t type, struct bytes payload);
/* That this is to be kept is written down: whoever said so hears that it is here, if it is. */
void copies_written(struct node *n, const struct wait *w);
/* Whoever has it or should have it hears for whom it is not to be kept any more. */
void copies_tell_removed(struct node *n, struct digest name);
/* Something is to be looked at: a statement is new, the mesh has changed, an object has come. */
void copies_look(struct node *n);
/* The same, and what was found before does not hold any more. */
void copies_look_anew(struct node *n);
/* This one is new here, and its keepers hear of it at once. */
void copies_look_at(struct node *n, struct digest name);
void copies_tick(struct node *n);
/* There is less of it here than others know: they hear so, and what is to be kept is asked for. */
void copies_lost(struct node *n, const struct shelf_object *o);
/* A fetch has ended. */
void copies_fetched(struct node *n, struct digest name, bool whole);
/* Asks those who should have it what they know of it. False: there is nobody to ask. */
bool copies_ask_kept(struct node *n, struct digest name, uint64_t size);
/* Asks for an object that is not here: what has it is fetched. */
void copies_seek(struct node *n, struct digest name);
/* Whoever should have it is asked whether he has it for this owner. */
void copies_ask_keepers(struct node *n, struct digest name, struct job_id owner);
/* That node has it, and hears that it is to be kept for this owner; `passing`: until that has a
 * result. */
void copies_keep_there(struct node *n, struct node_id at, struct digest name, uint64_t size,
                       struct job_id owner, bool passing);
/* Nothing is under way. */
bool copies_are_quiet(const struct node *n);

#endif
