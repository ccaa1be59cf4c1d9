/* Lists of jobs on their way to users who asked for all of them: in slices, so that no step is long
 * because there are many. One after the other, in the order in which they were asked for. A job is
 * listed once, also when it ends meanwhile; one that comes later may be missing. Private to
 * core/node. */
#ifndef VELUM_NODE_LISTING_H
#define VELUM_NODE_LISTING_H

#include "core/node/state.h"

#define LISTINGS_MAX 64 /* on their way; more are refused */

struct listing {
    uint64_t link;
    uint32_t request;
    bool all; /* also jobs that have ended */
    struct listing *next;
};

/* Begins one. A user who finds no room is told. */
void listing_add(struct node *n, uint64_t link, uint32_t request, bool all);
/* The next slice. */
void listings_run(struct node *n);
/* There is more to say at once. */
bool listings_are_due(const struct node *n);
void listings_link_down(struct node *n, uint64_t link);
/* The entry leaves its list. */
void listings_entry_gone(struct node *n, const struct entry *e);
void listings_free(struct node *n);

#endif
