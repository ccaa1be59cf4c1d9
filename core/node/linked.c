#include "core/node/linked.h"

#include <string.h>

#include "core/node/link.h"

/* The first place whose id is not less. */
static uint32_t place_of(const struct node *n, struct node_id id)
{
    uint32_t low = 0, high = n->linked_count;

    while (low < high) {
        uint32_t at = low + (high - low) / 2;

        if (node_id_compare(n->linked[at]->info->id, id) < 0)
            low = at + 1;
        else
            high = at;
    }
    return low;
}

static void add(struct node *n, const struct member *m)
{
    uint32_t at = place_of(n, m->info->id), cap = n->linked_cap == 0 ? 16 : n->linked_cap * 2;
    void *list = (void *)n->linked;

    if (at < n->linked_count && n->linked[at] == m)
        return;
    if (n->linked_count == n->linked_cap) {
        if (alloc_grow(n->alloc, &list, n->linked_cap, cap, sizeof *n->linked) < 0) {
            n->memory_out = true;
            return;
        }
        n->linked = list;
        n->linked_cap = cap;
    }
    memmove((void *)(n->linked + at + 1), (const void *)(n->linked + at),
            (n->linked_count - at) * sizeof *n->linked);
    n->linked[at] = m;
    n->linked_count++;
}

static void take_out(struct node *n, const struct member *m)
{
    uint32_t at = place_of(n, m->info->id);

    if (at == n->linked_count || n->linked[at] != m)
        return;
    n->linked_count--;
    memmove((void *)(n->linked + at), (const void *)(n->linked + at + 1),
            (n->linked_count - at) * sizeof *n->linked);
}

void linked_changed(struct node *n, const struct member *m, enum node_state before,
                    uint64_t link_before)
{
    bool was = before == NODE_ALIVE && link_before != 0, is = member_is_there(m);

    if (m->link != 0)
        add(n, m);
    else
        take_out(n, m);
    n->there_count = n->there_count + is - was;
    n->there_slots += (is ? m->info->slots : 0) - (was ? m->info->slots : 0);
    n->sites_stale = true;
}

void linked_slots(struct node *n, const struct member *m, uint32_t before)
{
    if (member_is_there(m))
        n->there_slots += m->info->slots - before;
    n->sites_stale = true;
}

void linked_free(struct node *n)
{
    alloc_free(n->alloc, (void *)n->linked, n->linked_cap * sizeof *n->linked);
}

uint32_t linked_count(const struct node *n)
{
    return n->linked_count;
}

const struct member *linked_at(const struct node *n, uint32_t i)
{
    ensure(i < n->linked_count);
    return n->linked[i];
}

bool linked_lacks(const struct node *n)
{
    return n->linked_count + 1 < mesh_live_count(n->mesh);
}
