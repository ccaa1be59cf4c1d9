#include "core/node/authors.h"

#include "core/node/link.h"

struct tally {
    struct node_id id;
    uint32_t jobs;
};

void tally_free(struct node *n, struct map *m)
{
    struct tally *t;
    size_t at = 0;

    while ((t = map_next(m, &at)) != NULL)
        alloc_free(n->alloc, t, sizeof *t);
    map_clear(m);
}

void tally_more(struct node *n, struct map *m, struct node_id id)
{
    struct tally *t = map_get(m, &id);

    if (t == NULL) {
        t = node_alloc(n, sizeof *t);
        if (t == NULL)
            return;
        t->id = id;
        if (map_put(m, &t->id, t) < 0) {
            n->memory_out = true;
            alloc_free(n->alloc, t, sizeof *t);
            return;
        }
    }
    t->jobs++;
}

void tally_less(struct node *n, struct map *m, struct node_id id)
{
    struct tally *t = map_get(m, &id);

    if (t == NULL || --t->jobs > 0)
        return;
    map_remove(m, &id);
    alloc_free(n->alloc, t, sizeof *t);
}

uint32_t tally_of(const struct map *m, struct node_id id)
{
    const struct tally *t = map_get(m, &id);

    return t == NULL ? 0 : t->jobs;
}

void authors_init(struct node *n)
{
    map_init(&n->authors, n->alloc, ID_SIZE, JOBS_LIVE_MAX + JOBS_KEPT_MAX + 1);
}

void authors_free(struct node *n)
{
    tally_free(n, &n->authors);
}

void authors_more(struct node *n, struct node_id id)
{
    tally_more(n, &n->authors, id);
}

void authors_less(struct node *n, struct node_id id)
{
    tally_less(n, &n->authors, id);
}

uint32_t authors_count(const struct node *n)
{
    return (uint32_t)n->authors.count;
}

uint32_t authors_jobs(const struct node *n, struct node_id id)
{
    return tally_of(&n->authors, id);
}
