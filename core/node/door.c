#include "core/node/door.h"

#include "core/node/bulk.h"
#include "core/node/crowd.h"
#include "core/node/events.h"
#include "core/node/link.h"
#include "core/node/offence.h"
#include "core/node/ports.h"
#include "core/node/proven.h"
#include "core/node/revoked.h"
#include "core/node/user_link.h"

void door_close(struct node *n, const struct event *ev, bool refused)
{
    const uint32_t dial = ev->link_up.dial;

    ports_close(n, ev->link_up.link);
    if (dial != 0 && ev->link_up.bulk)
        bulk_dial_failed(n, dial);
    else if (dial != 0)
        mesh_dial_failed(n->mesh, dial, refused, n->now);
}

void door_link_up(struct node *n, const struct event *ev)
{
    const uint64_t link = ev->link_up.link;

    if (revoked_refuses(n, ev)) {
        event_note(n, EVENT_NOTE_LINK, ev->link_up.id, NULL, "its key was revoked");
        return;
    }
    if (ev->link_up.party == PARTY_NODE && offence_bars(n, ev->link_up.id)) {
        event_note(n, EVENT_NOTE_LINK, ev->link_up.id, NULL, "it is shut out for what it did");
        door_close(n, ev, true);
        return;
    }
    if (!crowd_make_room(n)) {
        door_close(n, ev, false);
        return;
    }
    if (ev->link_up.bulk)
        bulk_link_up(n, link, ev->link_up.dial, ev->link_up.id);
    else if (link_add(n, link, ev->link_up.party, ev->link_up.id) < 0)
        ports_close(n, link);
    else if (ev->link_up.party == PARTY_NODE) {
        proven_keep(n, ev->link_up.id, ev->link_up.certificate);
        mesh_link_up(n->mesh, link, ev->link_up.dial, ev->link_up.id, n->now);
    }
}

static void ended(struct node *n, const struct link_entry *l)
{
    if (l->party == PARTY_NODE)
        mesh_link_down(n->mesh, l->link, n->now);
    else
        user_link_down(n, l->link);
}

static struct link_entry *first_link(const struct node *n, struct node_id id)
{
    size_t at = 0;
    struct link_entry *l;

    while ((l = map_next(&n->links, &at)) != NULL && !node_id_equal(l->id, id))
        ;
    return l;
}

/* The table changes with each that is closed: the next one is looked for from the beginning. */
void door_cut(struct node *n, struct node_id id)
{
    const struct link_entry *l;

    while ((l = first_link(n, id)) != NULL) {
        const uint64_t link = l->link;

        ended(n, l);
        ports_close(n, link);
    }
    bulk_cut(n, id);
}

void door_link_down(struct node *n, const struct event *ev)
{
    const struct link_entry *l;

    event_link_end(n, ev->link_down.link, ev->link_down.end);
    if (bulk_link_down(n, ev->link_down.link))
        return;
    l = link_find(n, ev->link_down.link);
    if (l == NULL)
        return;
    ended(n, l);
    link_remove(n, ev->link_down.link);
}

void door_dial_failed(struct node *n, uint32_t dial, enum dial_end end)
{
    if (bulk_is_dial(dial)) {
        bulk_dial_failed(n, dial);
        return;
    }
    if (end == DIAL_IDENTITY)
        event_stranger(n, dial);
    if (dial == 0)
        return;
    if (end == DIAL_IDENTITY)
        mesh_dial_foreign(n->mesh, dial);
    /* Somebody else on the port: whoever was there is as gone as when it refuses. */
    mesh_dial_failed(n->mesh, dial, end == DIAL_REFUSED || end == DIAL_IDENTITY, n->now);
}
