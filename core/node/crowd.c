#include "core/node/crowd.h"

#include "core/mesh/mesh_wire.h"
#include "core/node/bulk.h"
#include "core/node/link.h"
#include "core/node/ports.h"
#include "core/node/user_link.h"

/* Which of two users goes first; of two that were used at the same moment, who came first. */
static bool goes_before(const struct link_entry *a, const struct link_entry *b)
{
    if ((a->watches > 0) != (b->watches > 0))
        return b->watches > 0;
    if (a->used.us != b->used.us)
        return instant_before(a->used, b->used);
    return a->link < b->link;
}

static const struct link_entry *first_user(const struct node *n)
{
    const struct link_entry *first = NULL, *l;
    size_t at = 0;

    while ((l = map_next(&n->links, &at)) != NULL)
        if (party_is_user(l->party) && (first == NULL || goes_before(l, first)))
            first = l;
    return first;
}

static void send_away(struct node *n, uint64_t link)
{
    const struct goodbye g = {GOODBYE_IDLE, MESH_VERSION_MIN, MESH_VERSION_MAX};
    uint8_t bytes[8];
    struct buf b;

    buf_init_fixed(&b, bytes, sizeof bytes);
    put_goodbye(&b, &g);
    send_link(n, link, MESSAGE_GOODBYE, 0, buf_bytes(&b));
    user_link_down(n, link);
    ports_close(n, link);
}

/* False: none of its connections can go. */
static bool one_goes(struct node *n)
{
    struct instant used = INSTANT_NEVER, bulk_used = INSTANT_NEVER;
    const uint64_t link = mesh_idle_link(n->mesh, &used), bulk = bulk_idle_link(n, &bulk_used);
    const struct link_entry *user;

#if VELUM_PLANT != 986 /* trace/test_crowd: commands go before nodes that nobody needs */
    if (bulk != 0 && (link == 0 || instant_before(bulk_used, used))) {
        bulk_close(n, bulk);
        return true;
    }
    if (link != 0) {
        mesh_let_go(n->mesh, link, n->now);
        return true;
    }
#endif
    user = first_user(n);
    if (user != NULL)
        send_away(n, user->link);
    return user != NULL;
}

bool crowd_make_room(struct node *n)
{
    const size_t bulks = bulk_count(n);

    if (n->links.count + bulks < n->limits.connections)
        return true;
#if VELUM_PLANT == 987 /* trace/test_crowd: the newest is turned away */
    return false;
#else
    return one_goes(n);
#endif
}
