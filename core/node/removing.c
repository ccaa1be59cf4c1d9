#include "core/node/removing.h"

#include "core/node/copies.h"
#include "core/node/link.h"
#include "core/node/owners.h"
#include "core/node/permit.h"

struct removing {
    struct removing *next;
    uint64_t link;
    uint32_t request;
    struct digest name;
    struct asking who;
    struct instant until;
    bool heard; /* of somebody who should know, and does not */
};

/* --- taking it away --- */

/* Jobs that have not ended go on wanting it, and others who put it go on keeping it. True: he took
 * something back, or nobody keeps it. */
static bool take_from_owners(struct node *n, const struct shelf_object *o,
                             const struct asking *who, struct job_id *wants)
{
    bool any = false, stays = false;

    for (struct keeping *k = keeping_about(n, o->name); k != NULL; k = k->next_same) {
#if VELUM_PLANT != 465 /* trace/test_owners: a user takes from a job what it still needs */
        if (k->kept && k->of != NULL && !owner_has_ended(n, k->owner)) {
            *wants = k->owner;
            stays = true;
            continue;
        }
#endif
        if (k->kept && !permit_takes(n, who, k)) {
            stays = true;
            continue;
        }
        any |= k->kept;
        (void)keeping_say(n, o->name, o->size, k->owner, false);
    }
    return any || !stays;
}

static void say_why(struct node *n, uint64_t link, uint32_t request, struct job_id wants)
{
    char what[80] = "a job that has not ended needs it: ", hint[32] = "velum kill ", job[9];

    if (job_id_equal(wants, KEEPING_USER)) {
        reply_error(n, link, request, 4, "others put it too, or a job of theirs made it",
                    "leave it to them: it goes with the last of those who keep it");
        return;
    }
    id_hex(wants.bytes, 8, job);
    text_append(what, sizeof what, job);
    text_append(hint, sizeof hint, job);
    reply_error(n, link, request, 1, what, hint);
}

static void take_away(struct node *n, uint64_t link, uint32_t request, struct digest name,
                      const struct asking *who)
{
    const struct shelf_object *o = shelf_find(n->objects->shelf, name);
    struct job_id wants = KEEPING_USER;

    if (o == NULL)
        reply_error(n, link, request, 9, "the object has been removed meanwhile", "");
    else if (!take_from_owners(n, o, who, &wants))
        say_why(n, link, request, wants);
    else
        objects_answer_later(n, link, request, o, 0);
}

/* --- asking others first --- */

/* False: there is nobody to ask, or there are too many. */
static bool begin(struct node *n, uint64_t link, uint32_t request, const struct shelf_object *o,
                  const struct asking *who)
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
                           .who = *who,
                           .until = instant_plus_us(n->now, REMOVING_WAIT_US)};
    s->removings = r;
    s->removings_count++;
    return true;
}

void removing_ask(struct node *n, uint64_t link, uint32_t request, const char *ref)
{
    const struct shelf_object *o = objects_by_ref(n, link, request, ref);
    const struct asking who = permit_asking(n, link);

    if (o == NULL)
        return;
#if VELUM_PLANT != 372 /* trace/test_object_places: only what is here goes of what others keep */
    if (keeping_find(n, o->name, KEEPING_USER) == NULL && begin(n, link, request, o, &who))
        return;
#endif
    take_away(n, link, request, o->name, &who);
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
        take_away(n, r->link, r->request, r->name, &r->who);
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
            take_away(n, r->link, r->request, r->name, &r->who);
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
