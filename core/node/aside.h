/* A user's PLAN or SHOW, or a list of them (core/wire/asides.h), which needs a kernel to run and
 * therefore a worker: the queue of them, and what the user is told. Each gets a worker of its own,
 * which ends afterwards, so that nothing of one request is left for the next; but one that did a
 * list, or a plan by C source, is kept for ASIDE_KEPT_US, for more of the same kernel on the same
 * link, and for no others.
 * It never waits for a worker and never picks one; workers.c gives it. Private to core/node. */
#ifndef VELUM_NODE_ASIDE_H
#define VELUM_NODE_ASIDE_H

#include "core/node/state.h"

#define ASIDE_LIMIT_US (10 * S_US) /* for waiting and for working */

#define ASIDE_KEPT_US S_US
#define ASIDE_KEPT_MAX 4 /* workers of a node that wait so */

/* Queues one like this, with copies of its params and payload, or tells its user that too many
 * wait. */
void aside_begin(struct node *n, const struct aside *wanted);
/* What the aside's worker said; the end of the aside ends the worker too. */
void aside_frame(struct node *n, struct worker *w, const struct frame *f);
/* Tells the user why, if one is still there. The aside stays. */
void aside_fail(struct node *n, const struct aside *a, const char *why);
/* Takes it out of the queue and frees it. */
void aside_end(struct node *n, struct aside *a);
/* Ends those that waited too long for a worker, and workers that are at one for too long, or have
 * waited for long enough. */
void aside_limits(struct node *n);
/* A worker that waits for such a list or plan, or NULL. */
struct worker *aside_worker(const struct node *n, const struct aside *a);
/* So many are at work at the same that it is better to wait for one of them. */
bool aside_may_wait(const struct node *n, const struct aside *a);
/* It waits for another list, and has nothing to do. */
bool aside_is_kept(const struct worker *w);
/* When the first of them has waited for long enough. */
struct instant aside_kept_due(const struct node *n);
/* The user is gone: what is under way has nobody left to tell, and nobody asks for more. */
void aside_link_down(struct node *n, uint64_t link);
void asides_free(struct node *n);

#endif
