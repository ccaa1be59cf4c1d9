/* Acts that users of this node hand in, and who has each on its disk: every member that is not dead
 * is asked, over the link there is or one that is made, and the user is told when all have it, or
 * who has not when ACT_ASK_US have passed. At most ACT_ASKS_MAX at a time.
 *
 * Of a user is taken what he signed himself, with a certificate that has not ended and a key that
 * is not revoked, at a time within ACT_OFF_S of this node's; or what this node's own key signed
 * (drain.h), whoever brings it. Private to core/node. */
#ifndef VELUM_NODE_ACT_ASK_H
#define VELUM_NODE_ACT_ASK_H

#include "core/node/state.h"

#define ACT_ASK_US (5 * S_US)
#define ACT_ASKS_MAX 64
#define ACT_ASK_DIALS 64 /* members without a link that are asked in one look */

/* REQUEST_ACT. */
void act_ask_request(struct node *n, struct link_entry *l, uint32_t request, struct bytes payload);
/* That node has it on its disk. */
void act_ask_kept(struct node *n, struct node_id from, uint32_t token, struct digest name);
/* Asks again, and answers those that have waited long enough. */
void act_asks_tick(struct node *n);
/* This node itself stood still: nobody was late meanwhile. */
void act_asks_late(struct node *n, int64_t late_us);
void act_asks_link_down(struct node *n, uint64_t link);
/* This node ends: answers them all. */
void act_asks_end(struct node *n);
void act_asks_free(struct node *n);

#endif
