#include "core/node/watchers.h"

#include "core/base/err.h"
#include "core/node/link.h"

void watchers_init(struct node *n)
{
    map_init(&n->watched, n->alloc, ID_SIZE, WATCHERS_MAX);
}

void watchers_free(struct node *n)
{
    while (n->watchers != NULL)
        watcher_remove(n, n->watchers);
    map_clear(&n->watched);
}

bool watchers_have_room(const struct node *n, enum watcher_kind kind)
{
    return n->watchers_count < WATCHERS_MAX &&
           (kind == WATCHER_USER || n->watching_nodes < WATCHERS_NODES_MAX);
}

struct watcher *watchers_of(const struct node *n, struct job_id id)
{
    return map_get(&n->watched, id.bytes);
}

static void count_at_link(const struct node *n, const struct watcher *w, bool more)
{
    struct link_entry *l = w->kind == WATCHER_USER ? link_find(n, w->link) : NULL;

    if (l != NULL)
        l->watches += more ? 1u : UINT32_MAX;
}

struct watcher *watcher_add(struct node *n, const struct watcher *w)
{
    struct watcher *copy = node_alloc(n, sizeof *copy);
    struct watcher *same = watchers_of(n, w->job);

    if (copy == NULL)
        return NULL;
    *copy = *w;
    if (map_put(&n->watched, copy->job.bytes, copy) < 0) {
        alloc_free(n->alloc, copy, sizeof *copy);
        n->memory_out = true;
        return NULL;
    }
    copy->prev = copy->prev_same = NULL;
    copy->next = n->watchers;
    copy->next_same = same;
    if (same != NULL)
        same->prev_same = copy;
    if (n->watchers != NULL)
        n->watchers->prev = copy;
    n->watchers = copy;
    n->watchers_count++;
    count_at_link(n, copy, true);
    n->watching_nodes += copy->kind == WATCHER_NODE;
    return copy;
}

/* Replacing a value needs no memory. */
static void leave_same(struct node *n, struct watcher *w)
{
    if (w->next_same != NULL)
        w->next_same->prev_same = w->prev_same;
#if VELUM_PLANT == 571 /* trace/test_watch: with the latest of a job's watchers all of them go */
    if (w->prev_same == NULL)
        (void)map_remove(&n->watched, w->job.bytes);
    else
        w->prev_same->next_same = w->next_same;
#else
    if (w->prev_same != NULL)
        w->prev_same->next_same = w->next_same;
    else if (w->next_same == NULL)
        (void)map_remove(&n->watched, w->job.bytes);
    else
        ensure(map_put(&n->watched, w->job.bytes, w->next_same) == 0);
#endif
}

void watcher_remove(struct node *n, struct watcher *w)
{
    leave_same(n, w);
    if (n->watch_next == w)
        n->watch_next = w->next;
    if (w->next != NULL)
        w->next->prev = w->prev;
    if (w->prev != NULL)
        w->prev->next = w->next;
    else
        n->watchers = w->next;
    n->watchers_count--;
    count_at_link(n, w, false);
    n->watching_nodes -= w->kind == WATCHER_NODE;
    alloc_free(n->alloc, w, sizeof *w);
}
