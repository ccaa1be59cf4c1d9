/* Objects on their way out to users. Private to core/node. */
#ifndef VELUM_NODE_GET_H
#define VELUM_NODE_GET_H

#include "core/node/objects.h"

/* Begins, or tells the user why not. */
void get_begin(struct node *n, uint64_t link, uint32_t request, const struct request_get *m);
void get_more(struct node *n, uint64_t link, uint32_t request, struct bytes payload);
void get_link_down(struct node *n, uint64_t link);
/* Some get waits for this object; for any. */
bool gets_wait_for(const struct node *n, struct digest name);
bool gets_wait(const struct node *n);
/* This node said that it has it, and did not bring it: whoever waits for it now does not believe
 * that again, and asks anew when the fetch has ended. */
void gets_strike(struct node *n, struct digest name, struct node_id id);
/* Somebody waits who has not struck this node, or nobody waits. */
bool gets_believe(const struct node *n, struct digest name, struct node_id id);
/* There is no room for it here: whoever waits in vain hears that, and who says that it has this
 * size; NULL: it does. Or there is room after all. */
void gets_no_room(struct node *n, struct digest name, uint64_t size, const struct node_id *says);
void gets_fit(struct node *n, struct digest name);
/* Its fetch has ended. */
void gets_fetched(struct node *n, struct digest name, bool whole);
/* There is less of it here than there was: whoever waits for it does so a while longer. */
void gets_seek_again(struct node *n, struct digest name);
/* Gets that nobody answers end. */
void gets_tick(struct node *n);
void gets_free(struct node *n);

#endif
