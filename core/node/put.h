/* Objects on their way in from users. Of one whose user goes before its end nothing is left, unless
 * it has a key (core/wire/object_request.h): then what came waits for him, while there is room for
 * it. It does so too when the node or its mover ends before him: the next scan finds what was
 * written. Private to core/node. */
#ifndef VELUM_NODE_PUT_H
#define VELUM_NODE_PUT_H

#include "core/node/object_peer.h"
#include "core/node/objects.h"
#include "core/wire/move.h"

void put_begin(struct node *n, uint64_t link, uint32_t request, struct bytes payload);
void put_data(struct node *n, uint64_t link, uint32_t request, struct bytes payload);
void put_link_down(struct node *n, uint64_t link);
/* Users that send one, or that have sent one and were not answered yet. */
uint32_t puts_open(const struct node *n);
/* The mover found what came of a put before it, or the node, began. */
void put_found(struct node *n, const struct moved_left *m);
/* Gives up the put that waits longest for its user to come back; false: none does. */
bool put_drop_left(struct node *n);
/* What was on its way in a mover that died is lost: their users are told. */
void put_mover_died(struct node *n);
/* It is written down here: the user hears of it when so many copies are whole, or of those that are
 * when no other node has asked for any of it for a while. */
void put_written(struct node *n, uint64_t link, uint32_t request, const struct shelf_object *o,
                 uint32_t copies);
/* Another node asks for this part of an object. */
void put_asked(struct node *n, const struct bulk_part *part);
void puts_look(struct node *n);
/* When what a user left has waited for long enough, at the earliest. */
struct instant puts_due(const struct node *n);
void puts_free(struct node *n);

#endif
