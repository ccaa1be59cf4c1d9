#include "core/node/reach.h"

void reach_dial_failed(struct node *n, uint32_t dial, enum dial_end end)
{
    if (end == DIAL_IDENTITY)
        mesh_dial_foreign(n->mesh, dial);
    /* Somebody else on the port: whoever was there is as gone as when it refuses. */
    mesh_dial_failed(n->mesh, dial, end == DIAL_REFUSED || end == DIAL_IDENTITY, n->now);
}

void reach_address(struct node *n, const char *addr)
{
    mesh_set_addr(n->mesh, addr, n->now);
}
