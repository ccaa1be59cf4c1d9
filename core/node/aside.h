/* A user's PLAN or SHOW, which needs a kernel to run and therefore a worker: the queue of them, and
 * what the user is told. Each gets a worker of its own, which ends afterwards, so that nothing of
 * one request is left for the next. It never waits for a worker and never picks one; workers.c
 * gives it. Private to core/node. */
#ifndef VELUM_NODE_ASIDE_H
#define VELUM_NODE_ASIDE_H

#include "core/node/state.h"

#define ASIDE_LIMIT_US (10 * S_US) /* for waiting and for working */

/* Takes the aside and queues it. ERR_FULL: too many wait, and it is freed. */
int aside_add(struct node *n, struct aside *a);
/* What the aside's worker said; the end of the aside ends the worker too. */
void aside_frame(struct node *n, struct worker *w, const struct frame *f);
/* Tells the user why, if one is still there. The aside stays. */
void aside_fail(struct node *n, const struct aside *a, const char *why);
/* Its worker worked too long: the user hears which kernel hangs, and nothing when the worker ends.
 */
void aside_too_long(struct node *n, struct aside *a);
/* Takes it out of the queue and frees it. */
void aside_end(struct node *n, struct aside *a);
/* Ends those that waited too long for a worker. */
void aside_limits(struct node *n);
/* The user is gone: what is under way has nobody left to tell. */
void aside_link_down(struct node *n, uint64_t link);
void asides_free(struct node *n);

#endif
