/* Objects that are to be fetched while all places are taken (fetching.h): the next begins when one
 * comes free, in the order in which they came, and first those that somebody waits for.
 *
 * At most FETCH_WAITS_MAX that are to be kept: of others whoever tells of them tells again. Those
 * that are waited for are bounded by GETS_MAX. Private to core/node. */
#ifndef VELUM_NODE_FETCH_WAIT_H
#define VELUM_NODE_FETCH_WAIT_H

#include "core/node/objects.h"

#define FETCH_WAITS_MAX 4096u

void fetch_waits_init(struct node *n);
/* False: there are too many. */
bool fetch_wait_add(struct node *n, struct digest name, uint64_t size, struct node_id source);
bool fetch_wait_has(const struct node *n, struct digest name);
bool fetch_waits_any(const struct node *n);
/* Begins those that there is a place for. */
void fetch_waits_go_on(struct node *n);
void fetch_waits_free(struct node *n);

#endif
