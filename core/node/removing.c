#include "core/node/removing.h"

#include "core/node/copies.h"
#include "core/node/link.h"

struct removing {
    struct removing *next;
    uint64_t link;
    uint32_t request;
    struct digest name;
    struct instant until;
    bool heard; /* of somebody who should know, and does not */
};

bool removing_begin(struct node *n, uint64_t link, uint32_t request, const struct shelf_object *o)
{
    struct objects *s = n->objects;
    struct removing *r;

    if (s->removings_count >= REMOVINGS_MAX || !copies_ask_kept(n, o->name, o->size))
        return false;
    r = node_alloc(n, sizeof *r);
    if (r == NULL)
        return true; /* this step comes to nothing */
    *r = (struct removing){.next = s->removings,
                           .link = link,
                           .request = request,
                           .name = o->name,
                           .until = instant_plus_us(n->now, REMOVING_WAIT_US)};
    s->removings = r;
    s->removings_count++;
    return true;
}

static void forget(struct node *n, struct removing **at)
{
    struct removing *r = *at;

    *at = r->next;
    n->objects->removings_count--;
    alloc_free(n->alloc, r, sizeof *r);
}

void removing_told(struct node *n, struct digest name)
{
    struct removing **at = &n->objects->removings, *r;

    while ((r = *at) != NULL) {
        if (!digest_equal(r->name, name)) {
            at = &r->next;
            continue;
        }
        objects_take_away(n, r->link, r->request, r->name);
        forget(n, at);
    }
}

void removing_heard(struct node *n, struct digest name)
{
    for (struct removing *r = n->objects->removings; r != NULL; r = r->next)
        r->heard |= digest_equal(r->name, name);
}

void removings_tick(struct node *n)
{
    struct removing **at = &n->objects->removings, *r;

    while ((r = *at) != NULL) {
        if (!instant_reached(n->now, r->until)) {
            at = &r->next;
            continue;
        }
        if (r->heard)
            objects_take_away(n, r->link, r->request, r->name);
        else
            reply_error(n, r->link, r->request, 7, "the nodes that should keep it do not answer",
                        "try again when they are back: velum nodes");
        forget(n, at);
    }
}

void removing_link_down(struct node *n, uint64_t link)
{
    for (struct removing *r = n->objects->removings; r != NULL; r = r->next)
        if (r->link == link)
            r->link = 0; /* it is removed all the same, and nobody hears of it */
}

void removings_free(struct node *n)
{
    struct removing *r;

    while ((r = n->objects->removings) != NULL) {
        n->objects->removings = r->next;
        alloc_free(n->alloc, r, sizeof *r);
    }
}
