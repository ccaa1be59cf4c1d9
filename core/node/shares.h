/* How submitters share the slots that this node gives to the jobs that it coordinates: the next
 * turn is for the one who has had least of them. What counts is for how long chunks of his jobs had
 * slots: while they are out all of that, as leaves may take hours, and in the end what they were
 * computed for. Each slot that one has now counts as a turn (node_limits.chunk_us) in advance, so
 * that many slots that become free at once are shared too. So nobody has more of them for having a
 * thousand jobs.
 *
 * Who comes anew, or again after a while in which he wanted nothing, begins where the one who has
 * had least is: he is not ahead for the time in which he was not here (start-time fair queueing, as
 * in Goyal, Vin and Cheng 1996, section 2). He is forgotten with the last of his jobs.
 *
 * Bounded by the number of jobs. A turn looks at SHARE_LOOKS_MAX of them, each in O(log n).
 * Private to core/node. */
#ifndef VELUM_NODE_SHARES_H
#define VELUM_NODE_SHARES_H

#include "core/node/state.h"

#define SHARE_LOOKS_MAX 16

void shares_init(struct node *n);
void shares_free(struct node *n); /* no job is coordinated any more */
/* The job is coordinated here from now on: it has lead.share. 0 or ERR_NO_MEMORY. */
int shares_join(struct job *j);
/* It is not any longer, and has no turns; without lead.share: nothing. */
void shares_leave(struct job *j);
/* A chunk of the job takes so many slots; this one gives them back, and was computed for
 * c->compute_us. */
void shares_more(struct job *j, uint32_t slots);
void shares_less(struct job *j, uint32_t slots, const struct chunk *c);
/* The submitter has jobs that want turns, or has none any more. */
void shares_want(struct node *n, struct share *s, bool wants);
/* How many want turns. */
uint32_t shares_wanting(const struct node *n);
/* Who is next: NULL when all are aside, or nobody wants any. */
struct share *shares_next(struct node *n);
/* He can use nothing for the rest of this go of giving out work; nothing when he wants none any
 * more, as the last of his jobs may have ended in its turn. shares_go begins the next, with
 * those back who are aside for longest, but so few that others have their turns whatever these
 * lack: most of what is looked at in vain (node_limits.fruitless_jobs) is left for them. */
void shares_aside(struct node *n, struct share *s);
void shares_go(struct node *n);
/* The job may be able to use something again: so he is not aside any more. */
void shares_back(struct job *j);
/* Goes round and round, one at a time. NULL: nobody wants any. */
struct share *shares_scan(struct node *n);

#endif
