/* Objects on their way in from users. Private to core/node. */
#ifndef VELUM_NODE_PUT_H
#define VELUM_NODE_PUT_H

#include "core/node/objects.h"

void put_begin(struct node *n, uint64_t link, uint32_t request, struct bytes payload);
void put_data(struct node *n, uint64_t link, uint32_t request, struct bytes payload);
void put_link_down(struct node *n, uint64_t link);
/* What was on its way in a mover that died is lost: their users are told. */
void put_mover_died(struct node *n);
/* It is written down here: the user hears of it when so many copies are whole, or after a while of
 * those that are. */
void put_written(struct node *n, uint64_t link, uint32_t request, const struct shelf_object *o,
                 uint32_t copies);
void puts_look(struct node *n);
void puts_free(struct node *n);

#endif
