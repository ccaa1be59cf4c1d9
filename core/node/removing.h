/* Requests to remove an object. What others say of it stays, unless who asks may take that back too
 * (permit.h), and so does what jobs want that have not ended.
 *
 * What he takes back he signs (removal_right.h), and asks first what he is to sign: so the others
 * are asked once, and then all that he may take back goes with one word, which names its owners.
 *
 * That it is to be kept others may have been told, and how often that has changed before, while
 * this node only happens to have it. They are asked, and then it is removed everywhere. When for
 * REMOVING_WAIT_US nobody of those who answer knows of it, what is here goes; when nobody answers,
 * the user hears so.
 *
 * At most REMOVINGS_MAX at a time. Private to core/node. */
#ifndef VELUM_NODE_REMOVING_H
#define VELUM_NODE_REMOVING_H

#include "core/node/objects.h"

#define REMOVINGS_MAX 64u
#define REMOVING_WAIT_US (2 * S_US)

/* RM of a user, who is answered. */
void removing_ask(struct node *n, uint64_t link, uint32_t request, const struct request_rm *m);
/* Somebody has told what is known of it. */
void removing_told(struct node *n, struct digest name);
/* Somebody has nothing of it to tell. */
void removing_heard(struct node *n, struct digest name);
void removing_link_down(struct node *n, uint64_t link);
void removings_tick(struct node *n);
void removings_free(struct node *n);

#endif
