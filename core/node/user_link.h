/* A user's link ends: whatever waits for him here waits no longer. Private to core/node. */
#ifndef VELUM_NODE_USER_LINK_H
#define VELUM_NODE_USER_LINK_H

#include "core/node/state.h"

/* The link itself stays in the table. */
void user_link_down(struct node *n, uint64_t link);

#endif
