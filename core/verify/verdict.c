#include "core/verify/verdict.h"

#include <string.h>

#include "core/base/err.h"

/* Distinct authors, ascending in a list of its own. */
static int nodes_count(const struct tally *t, const struct alloc *a, uint32_t *nodes)
{
    struct node_id *ids = t->named.count ? alloc_array(a, t->named.count, sizeof *ids) : NULL;
    size_t count = 0;
    if (!ids && t->named.count)
        return ERR_NO_MEMORY;
    for (size_t i = 0; i < t->named.count; i++) {
        struct node_id id = t->named.list[i].author;
        size_t low = 0, high = count;
        while (low < high) {
            size_t mid = (low + high) / 2;
            if (node_id_compare(ids[mid], id) < 0)
                low = mid + 1;
            else
                high = mid;
        }
        if (node_id_is_zero(id) || (low < count && node_id_equal(ids[low], id)))
            continue;
        memmove(ids + low + 1, ids + low, (count - low) * sizeof *ids);
        ids[low] = id;
        count++;
    }
    alloc_free(a, ids, t->named.count * sizeof *ids);
    *nodes = t->joined ? t->joined_nodes : (uint32_t)count;
    return 0;
}

static bool is_better(const struct tally *a, const struct tally *b)
{
    uint64_t none_a, none_b;
    bool done_a = a->state == TALLY_DONE, done_b = b->state == TALLY_DONE;
    if (done_a != done_b)
        return done_a;
    uint64_t counted_a = tally_leaves(a, &none_a), counted_b = tally_leaves(b, &none_b);
    return counted_a != counted_b ? counted_a > counted_b : none_a < none_b;
}

int verdict_over(struct verdict *v, const struct alloc *a, const struct tally *const *tallies,
                 size_t count)
{
    *v = (struct verdict){0};
    for (size_t i = 0; i < count; i++) {
        const struct tally *t = tallies[i];
        v->problems += t->problems_count;
        v->gone |= t->gone;
        if (!t->known || t->gone)
            continue;
        if (tally_rank(t->state) > tally_rank(v->state))
            v->state = t->state;
        if (!v->best || is_better(t, v->best))
            v->best = t;
    }
    if (!v->best)
        return 0;
    for (size_t i = 0; i < count; i++) {
        const struct tally *t = tallies[i];
        bool same = t->state == v->state && digest_equal(t->digest, v->best->digest);
        if (!t->known || t->gone)
            continue;
        v->agree += same;
        v->others += !same;
        v->two_results |= t->state == TALLY_DONE && v->best->state == TALLY_DONE && !same;
    }
    v->counted = tally_leaves(v->best, &v->unnamed);
    v->proven =
        v->state == TALLY_DONE && tally_is_whole(v->best) && v->problems == 0 && !v->two_results;
    return nodes_count(v->best, a, &v->nodes);
}
