/* Objects on their way in from users. Private to core/node. */
#ifndef VELUM_NODE_PUT_H
#define VELUM_NODE_PUT_H

#include "core/node/objects.h"

void put_begin(struct node *n, uint64_t link, uint32_t request, struct bytes payload);
void put_data(struct node *n, uint64_t link, uint32_t request, struct bytes payload);
void put_link_down(struct node *n, uint64_t link);
/* What was on its way in a mover that died is lost: their users are told. */
void put_mover_died(struct node *n);
void puts_free(struct node *n);

#endif
