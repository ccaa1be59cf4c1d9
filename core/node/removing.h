/* Requests to remove what this node only happens to have: that it is to be kept others have been
 * told, and how often that has changed before. They are asked, and then it is removed everywhere.
 * When for REMOVING_WAIT_US nobody of those who answer knows of it, what is here goes; when nobody
 * answers, the user hears so.
 *
 * At most REMOVINGS_MAX at a time. Private to core/node. */
#ifndef VELUM_NODE_REMOVING_H
#define VELUM_NODE_REMOVING_H

#include "core/node/objects.h"

#define REMOVINGS_MAX 64u
#define REMOVING_WAIT_US (2 * S_US)

/* Asks. False: there is nobody to ask, or there are too many. */
bool removing_begin(struct node *n, uint64_t link, uint32_t request, const struct shelf_object *o);
/* Somebody has told what is known of it. */
void removing_told(struct node *n, struct digest name);
/* Somebody has nothing of it to tell. */
void removing_heard(struct node *n, struct digest name);
void removing_link_down(struct node *n, uint64_t link);
void removings_tick(struct node *n);
void removings_free(struct node *n);

#endif
