#include "core/node/door.h"

#include "core/node/bulk.h"
#include "core/node/events.h"
#include "core/node/link.h"
#include "core/node/offence.h"
#include "core/node/ports.h"
#include "core/node/reach.h"
#include "core/node/revoked.h"
#include "core/node/user_link.h"

static void refuse(struct node *n, const struct event *ev)
{
    const uint32_t dial = ev->link_up.dial;

    event_note(n, EVENT_NOTE_LINK, ev->link_up.id, NULL, "it is shut out for what it did");
    ports_close(n, ev->link_up.link);
    if (dial != 0 && ev->link_up.bulk)
        bulk_dial_failed(n, dial);
    else if (dial != 0)
        mesh_dial_failed(n->mesh, dial, true, n->now);
}

void door_link_up(struct node *n, const struct event *ev)
{
    const uint64_t link = ev->link_up.link;

    if (revoked_refuses(n, ev)) {
        event_note(n, EVENT_NOTE_LINK, ev->link_up.id, NULL, "its key was revoked");
        return;
    }
    if (ev->link_up.party == PARTY_NODE && offence_bars(n, ev->link_up.id))
        refuse(n, ev);
    else if (ev->link_up.bulk)
        bulk_link_up(n, link, ev->link_up.dial, ev->link_up.id);
    else if (link_add(n, link, ev->link_up.party, ev->link_up.id) < 0)
        ports_close(n, link);
    else if (ev->link_up.party == PARTY_NODE)
        mesh_link_up(n->mesh, link, ev->link_up.dial, ev->link_up.id, n->now);
}

static void ended(struct node *n, uint64_t link)
{
    const struct link_entry *l = link_find(n, link);

    if (l == NULL)
        return;
    if (l->party == PARTY_NODE)
        mesh_link_down(n->mesh, link, n->now);
    else
        user_link_down(n, link);
    link_remove(n, link);
}

void door_link_down(struct node *n, const struct event *ev)
{
    event_link_end(n, ev->link_down.link, ev->link_down.end);
    if (!bulk_link_down(n, ev->link_down.link))
        ended(n, ev->link_down.link);
}

void door_dial_failed(struct node *n, uint32_t dial, enum dial_end end)
{
    if (bulk_is_dial(dial)) {
        bulk_dial_failed(n, dial);
        return;
    }
    if (end == DIAL_IDENTITY)
        event_stranger(n, dial);
    if (dial != 0)
        reach_dial_failed(n, dial, end);
}
