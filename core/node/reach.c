#include "core/node/reach.h"

#include <string.h>

/* Members are in the order of their ids. */
bool node_knows(const struct node *n, const uint8_t *begin, size_t len)
{
    uint32_t low = 0, high = mesh_count(n->mesh);

    if (memcmp(n->options.id.bytes, begin, len) == 0)
        return true;
    while (low < high) {
        const uint32_t middle = low + (high - low) / 2;
        const struct member *m = mesh_at(n->mesh, middle);
        const int order = memcmp(m->info->id.bytes, begin, len);

        if (order == 0)
            return m->state == NODE_ALIVE || m->state == NODE_SUSPECT;
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return false;
}

void reach_address(struct node *n, const char *addr)
{
    mesh_set_addr(n->mesh, addr, n->now);
}
