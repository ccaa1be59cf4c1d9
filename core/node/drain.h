/* Draining: a node that was told to (core/wire/act.h) takes nothing new and gives away what it has,
 * so that it can be stopped without any loss.
 *
 * It says so itself, by a label and by the word that it cannot store (`recovering`), so that nodes
 * that do not know the label leave it alone too. To others it is no holder, no keeper of objects
 * and no coordinator any more: they take over as from a node whose disk is full, and it steps down
 * when it sees their greater title. What runs goes on to the next border of a leaf, all else goes
 * back. Its ledgers and objects go when others have confirmed them (keep.c, copies.c), never
 * before; where nobody else could have them they stay, and so does it.
 *
 * Knows no clock but the events'. Private to core/node. */
#ifndef VELUM_NODE_DRAIN_H
#define VELUM_NODE_DRAIN_H

#include "core/node/state.h"

#define LABEL_DRAINS "draining"

/* What acts say of this node may be another thing now: it does what the latest says. */
void drain_look(struct node *n);
/* An act that this node's own key has signed: whoever has that may stop it anyway. It is for this
 * process and no other node, so it is not kept; it comes after all acts that are known here, and an
 * act that was made before it and is heard of later undoes nothing. RESUME takes back what this key
 * has said, and no more. 0; ERR_IDENTITY or another error where it is no such act. */
int drain_by_own_key(struct node *n, struct bytes act);
bool drain_is_on(const struct node *n);
/* A member that says so. */
bool member_drains(const struct member *m);
/* Works, as member_works, and takes new work. */
bool member_takes(const struct node *n, struct node_id id);
/* Slots of members that are there and take nothing, and how many these are. */
uint32_t drain_slots(const struct node *n, uint32_t *members);
/* So many others must have an object before this node lets go of it. */
uint32_t drain_others_least(const struct node *n);
/* What this node holds, and of that what nobody else is known to have: of very many objects only
 * the latest are looked at for that. One object at least until it is known what is on the disk,
 * and while a user puts one. */
struct node_held drain_held(const struct node *n);
/* Now and then: says when nothing is left, and goes then if it is to. */
void drain_tick(struct node *n);
struct instant drain_due(const struct node *n);

#endif
