/* A peer has been met: dates come first (calendar.h), because much of what this node has, or has
 * heard, may turn out to be old: finished jobs to be forgotten (forget.h), others to be set aside
 * (stale.h).
 *
 * Nodes tell each other their dates when they meet, and never again. So whoever learns that it was
 * away hangs up on all whom it met before that and who do not know it from itself either. They meet
 * anew at once, with the right date, and only then talk about jobs; what was on its way over the
 * old link is not read. Otherwise one that was away as well, and holds the same old job, would show
 * it to this node, which has just set it aside, or to one that never had it, and they would take it
 * for a running one: the rest of the mesh has ended and forgotten it, and it would begin again. For
 * the same reason what was only heard of running jobs is forgotten: those who tell it with reason
 * tell it again, and nobody would ever say of the others that they have ended.
 *
 * Two nodes with the same old job, A and B, and C that was there all the time:
 *   - A meets C first, then B: B hears the date of C from A, and sets its copy aside.
 *   - A meets B, then C: A sets aside and hangs up on B, which does when they meet anew.
 *   - A has greeted B with its old date, then meets C, then hears B's greeting: B has the old date
 *     of A, so A hangs up on B at once.
 *   - D, which never had the job, meets B, then C: like A, with nothing to set aside.
 *   - A user brings the job back at A: B sets its copy aside when it meets A, or has done so, and
 *     may then hold the job anew beside it, as of any that others run.
 * Small differences (calendar_grain_s) are let be: jobs are kept whole for longer than that before
 * only their names are.
 *
 * Private to core/node. */
#ifndef VELUM_NODE_MEET_H
#define VELUM_NODE_MEET_H

#include "core/node/state.h"

/* The link to it is up. False: it was hung up on. */
bool meet_peer(struct node *n, const struct member *m);

#endif
