#include "core/node/authors.h"

#include "core/node/link.h"

struct author {
    struct node_id id;
    uint32_t jobs;
};

void authors_init(struct node *n)
{
    map_init(&n->authors, n->alloc, ID_SIZE, JOBS_LIVE_MAX + JOBS_KEPT_MAX + 1);
}

void authors_free(struct node *n)
{
    struct author *a;
    size_t at = 0;

    while ((a = map_next(&n->authors, &at)) != NULL)
        alloc_free(n->alloc, a, sizeof *a);
    map_clear(&n->authors);
}

void authors_more(struct node *n, struct node_id id)
{
    struct author *a = map_get(&n->authors, &id);

    if (a == NULL) {
        a = node_alloc(n, sizeof *a);
        if (a == NULL)
            return;
        a->id = id;
        if (map_put(&n->authors, &id, a) < 0) {
            n->memory_out = true;
            alloc_free(n->alloc, a, sizeof *a);
            return;
        }
    }
    a->jobs++;
}

void authors_less(struct node *n, struct node_id id)
{
    struct author *a = map_get(&n->authors, &id);

    if (a == NULL || --a->jobs > 0)
        return;
    map_remove(&n->authors, &id);
    alloc_free(n->alloc, a, sizeof *a);
}

uint32_t authors_count(const struct node *n)
{
    return (uint32_t)n->authors.count;
}

uint32_t authors_jobs(const struct node *n, struct node_id id)
{
    const struct author *a = map_get(&n->authors, &id);

    return a == NULL ? 0 : a->jobs;
}
