/* Damage: pieces of objects here that are not any more what they were when they were written. The
 * mover compares each piece with its digest before it gives out a byte of it, but to who compares
 * it himself (get.c; and other nodes, of what has just come: bulk.c), and gives up one that is
 * wrong: it counts as lost from then on, whoever counts on this node hears so, and what is to be
 * kept is got again from whoever has it.
 *
 * What is to be kept is looked at also when nobody reads it: one object after the other, a slice of
 * it every limits.check_us and only while the mover has nothing else to do, and all of them at most
 * once in limits.check_round_s. Private to core/node. */
#ifndef VELUM_NODE_DAMAGE_H
#define VELUM_NODE_DAMAGE_H

#include "core/node/objects.h"
#include "core/wire/move.h"

/* An order to read these bytes was answered so: of an object that had this number on the shelf.
 * True when a piece is lost by that which was not before. */
bool damage_read(struct node *n, struct digest name, uint32_t number, uint64_t offset, int rc);
/* The mover was asked to look at a part of it: what it found damaged is lost. 0 and how far it
 * came, or why it came to nothing; the object may be gone then. */
int damage_found(struct node *n, struct shelf_object *o, const struct frame *answer,
                 struct moved_checked *m);
/* The mover has not got this piece, whatever the shelf says. */
void damage_piece(struct node *n, struct shelf_object *o, uint64_t piece);
/* The mover has nothing of it. */
void damage_all(struct node *n, struct shelf_object *o);
void damage_tick(struct node *n);
/* When the next slice is to be looked at; INSTANT_NEVER: there is nothing to look at. */
struct instant damage_due(const struct node *n);

#endif
