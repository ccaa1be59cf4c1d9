#include "core/mesh/mesh_inside.h"

/* Nodes that this one is told of and has not met. What is said of members is believed as
 * mesh_rumor.c has it; whether there is such a node at all, the owner decides: anybody can tell of
 * thousands that are not. */

bool hearsay_is_believed(struct mesh *m, const struct peer *p, struct rumor_list list,
                         const struct rumor_head *r, uint64_t link)
{
    if (p || !m->ports.proven || node_id_equal(r->id, m->self.id))
        return true;
    struct hearsay h = {r->id, r->state, r->incarnation, rumor_list_skip(&list)};
    return m->ports.proven(m->ports.ctx, link, &h);
}

void hearsay_dial(struct mesh *m, const struct member_info *info)
{
    if (info->addr[0] == '\0' || members_find(&m->members, info->id) ||
        links_has(&m->links, info->id, NULL))
        return;
    m->ports.dial(m->ports.ctx, ++m->next_dial, info->addr, info->id);
}
