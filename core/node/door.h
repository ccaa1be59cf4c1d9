/* Connections as they come and go: who is let in, and who is told. Private to core/node. */
#ifndef VELUM_NODE_DOOR_H
#define VELUM_NODE_DOOR_H

#include "core/node/state.h"

/* LINK_UP. A link to who was revoked (acts.h), or is shut out (offence.h), ends before anything is
 * said over it; and one for which there is no room (crowd.h). */
void door_link_up(struct node *n, const struct event *ev);
/* Who comes up here is not let in: the link is closed, and whoever dialled it hears that it failed;
 * `refused`: as if nobody listened. */
void door_close(struct node *n, const struct event *ev, bool refused);
/* Ends all links of this key, a node's or a user's, and those for objects. */
void door_cut(struct node *n, struct node_id id);
/* LINK_DOWN. */
void door_link_down(struct node *n, const struct event *ev);
/* DIAL_FAILED. */
void door_dial_failed(struct node *n, uint32_t dial, enum dial_end end);

#endif
