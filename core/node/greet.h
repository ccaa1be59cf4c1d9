/* What a peer is told once it can be reached: titles and ledgers of the jobs that run, then the
 * directory, then the ledgers of ended jobs that it holds as well, because it may have lost them.
 * It is told no faster than it takes it (link_has_room): thousands of jobs are more than a link's
 * queue holds. Private to core/node. */
#ifndef VELUM_NODE_GREET_H
#define VELUM_NODE_GREET_H

#include "core/node/state.h"

/* From the beginning, also when an earlier greeting is not done yet. */
void greet_peer(struct node *n, struct node_id id);
/* What it was to be told of this ended job did not find room: it, or its titles, is sent as soon as
 * there is. */
void greet_kept_again(struct node *n, struct node_id id, struct job *j, bool titles);
/* How long the next parcel to it may be: where another is on its way there, or there is no room for
 * one that waits, what a link may take at once. */
size_t greet_parcel_room(const struct node *n, struct node_id id);
/* The rest of it is sent as soon as there is room. Takes it; false: another is on its way there, or
 * there is no room for it, and this one is dropped. */
bool greet_parcel(struct node *n, struct node_id id, struct parcel *p);
/* And all acts whose names begin with one of these bytes, a bit for each, before all else. */
void greet_acts(struct node *n, struct node_id id, const uint8_t which[32]);
/* Goes on with all of them as far as there is room. */
void greet_run(struct node *n);
/* The job leaves the list of those that run, or of those that are kept; or an entry leaves its. */
void greet_live_gone(struct node *n, const struct job *j);
void greet_kept_gone(struct node *n, const struct job *j);
void greet_entry_gone(struct node *n, const struct entry *e);
void greetings_free(struct node *n);

#endif
