/* Old jobs of a node that was away for longer than tombstones live: nobody can say any more whether
 * the others have finished and forgotten them, so they are set aside. The node runs none of them,
 * tells nobody of them and merges nothing into them, until a user brings one back or drops it.
 *
 * A node was away when its calendar is behind that of a node it meets (calendar.h): it was off, or
 * stood still, or came back with an old image of its disk. One that was alive and alone counted
 * meanwhile and kept working: its jobs are as good as anybody's. What others tell that were away
 * too, and do not know it yet, is not listened to (meet.h).
 *
 * Only jobs whose end this node has not told are set aside, for want of an outcome or of copies of
 * it: those that are over grow old like any other. Bounded by STALE_MAX; beyond that the ones that
 * do not fit are dropped, and that is said in the log.
 * Private to core/node. */
#ifndef VELUM_NODE_STALE_H
#define VELUM_NODE_STALE_H

#include "core/node/state.h"

#define STALE_MAX (2 * JOBS_LIVE_MAX)

/* A peer is met, or this node starts and may have died in the midst of this. When it was away for
 * so long that tombstones of its jobs may be gone, all jobs that run are set aside, before anything
 * of them is told to whom it met. */
void stale_look(struct node *n);
/* This node holds the job no more: after a restart it does not know of it, or it could begin again
 * one that its holders have finished and forgotten. An old copy that is set aside goes with it: the
 * present holders have all that it could add. */
void stale_given_up(struct node *n, struct job_id id);
/* One step of the journal. */
int stale_replay(struct node *n, struct bytes payload);
/* NULL: no job of that id is set aside. */
struct job *stale_find(const struct node *n, struct job_id id);
/* Records of one of them, the job first. */
void stale_snapshot(struct job *j, struct buf *to);
/* STALE of a user: lists them, brings one back, or drops one. */
void stale_request(struct node *n, uint64_t link, uint32_t request, struct bytes payload);
void stale_free(struct node *n);

#endif
