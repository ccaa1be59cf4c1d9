/* The table of those who wait for news of a job: a list of all, and by job those of one, the latest
 * first in both. It owns them. What they are told is watch.c's business. Private to core/node. */
#ifndef VELUM_NODE_WATCHERS_H
#define VELUM_NODE_WATCHERS_H

#include "core/node/state.h"

#define WATCHERS_MAX 16384
#define WATCHERS_NODES_MAX 12288 /* of these: the rest is for users of this node */

void watchers_init(struct node *n);
/* Frees all. */
void watchers_free(struct node *n);
/* Whether there may be one more of this kind. */
bool watchers_have_room(const struct node *n, enum watcher_kind kind);
/* A copy of w, or NULL without memory. */
struct watcher *watcher_add(struct node *n, const struct watcher *w);
void watcher_remove(struct node *n, struct watcher *w);
/* The latest one of this job, or NULL; the others by next_same. */
struct watcher *watchers_of(const struct node *n, struct job_id id);

#endif
