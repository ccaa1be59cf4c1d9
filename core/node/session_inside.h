/* Between session.c and session_route.c, and nobody else. */
#ifndef VELUM_NODE_SESSION_INSIDE_H
#define VELUM_NODE_SESSION_INSIDE_H

#include "core/node/state.h"
#include "core/wire/session.h"

/* Where answers go: to a user's link, or (0) to the node of one. */
struct session_to {
    uint64_t link;
    struct node_id node;
    uint32_t request;
};

/* At the coordinator. 0, or why what came along cannot be taken; where that needs words of its own
 * they are in *why, which is empty before. */
int session_hear(struct job *j, const struct session_to *to, const struct session_ask *m,
                 struct reply_error *why);

#endif
