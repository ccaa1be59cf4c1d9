#include "core/node/meet.h"

#include "core/node/directory.h"
#include "core/node/forget.h"
#include "core/node/link.h"
#include "core/node/linked.h"
#include "core/node/stale.h"

/* Whichever of the two greetings had the later date, both sides know that one. */
static void note_date(const struct node *n, struct link_entry *l, uint64_t theirs_s)
{
    uint64_t since_ours_s = n->calendar.jumped_s - l->jumps_s;
    uint64_t since_theirs_s = calendar_since(n, theirs_s);

#if VELUM_PLANT == 677 /* trace/test_stale: whom it greeted before it jumped is not met anew */
    since_ours_s = 0;
#endif
    l->jumps_s =
        n->calendar.jumped_s - (since_ours_s < since_theirs_s ? since_ours_s : since_theirs_s);
}

/* Backwards, because those that are hung up on leave the list. */
static void hang_up(struct node *n)
{
    for (uint32_t i = linked_count(n); i-- > 0;) {
        const struct member *m = linked_at(n, i);
        const struct link_entry *l = link_find(n, m->link);

        if (l != NULL && n->calendar.jumped_s - l->jumps_s >= calendar_grain_s(n))
            mesh_meet_anew(n->mesh, m->info->id, n->now);
    }
}

bool meet_peer(struct node *n, const struct member *m)
{
    uint64_t link = m->link, theirs_s = mesh_link_calendar_s(n->mesh, link), behind_s;
    struct link_entry *l = link_find(n, link);

    if (l == NULL)
        return false;
    behind_s = calendar_meet(n, theirs_s);
    if (behind_s > 0)
        forget_jumped(n, behind_s);
    stale_look(n);
#if VELUM_PLANT != 679 /* trace/test_stale: what was heard of old jobs stays in the directory */
    if (behind_s >= calendar_grain_s(n))
        directory_forget_heard(n);
#endif
    note_date(n, l, theirs_s);
#if VELUM_PLANT != 676 /* trace/test_stale: whoever learns its date keeps its links */
    hang_up(n);
#endif
    return m->link == link;
}
