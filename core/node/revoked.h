/* What a revocation does here (acts.h). From the step in which this node hears of it:
 *
 *   - no link to or from that key stays or comes up, of whatever kind; whoever is at the other end
 *     is told why, once, and hung up on
 *   - a node is no member any more: as one that has left, and what is rumored of it is not read
 *   - a user's jobs that this node leads end as failed; none of his is taken as new, and nothing of
 *     one that others hold is run here
 *   - this node itself, if it is the one, ends
 *
 * Facts that were signed before stay true, and so do those that a holder passes on: ledgers must
 * come to be equal everywhere, in whatever order acts and facts arrive. They give the revoked
 * nothing: a claim of a node that is no member is that of a coordinator that is gone, and a job of
 * such a user is ended by whoever leads it. Private to core/node. */
#ifndef VELUM_NODE_REVOKED_H
#define VELUM_NODE_REVOKED_H

#include "core/node/state.h"

/* The act is known from now on. */
void revoked_now(struct node *n, const struct act *a);
/* A link has come up: true when it was refused. */
bool revoked_refuses(struct node *n, const struct event *ev);
/* The coordinator's look at a job: true when it ends now. */
bool revoked_ends(struct job *j);

#endif
