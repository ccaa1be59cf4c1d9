#include "core/node/removing.h"

#include "core/base/err.h"
#include "core/node/copies.h"
#include "core/node/link.h"
#include "core/node/owners.h"
#include "core/node/permit.h"
#include "core/node/removal_right.h"

struct removing {
    struct removing *next;
    uint64_t link;
    uint32_t request;
    struct digest name;
    struct asking who;
    bool asks; /* what to sign */
    struct instant until;
    bool heard; /* of somebody who should know, and does not */
};

/* What somebody wants to be gone. */
struct taking {
    uint64_t link;
    uint32_t request;
    struct digest name;
    struct asking who;
    bool asks;           /* what to sign: nothing is taken yet */
    struct keeping gone; /* what was signed; no generation: nothing was */
    struct removal word; /* the same, and of which owners */
};

/* What keeps it in spite of him. */
struct staying {
    bool any;
    struct job_id wants; /* KEEPING_USER: no job that has not ended */
    bool unnamed;        /* what he may take back and did not name */
};

/* --- taking it away --- */

static bool is_signed(const struct taking *t)
{
    return t->gone.generation > 0;
}

/* Jobs that have not ended go on wanting it, and others who put it go on keeping it. */
static bool may_take(const struct node *n, const struct taking *t, const struct keeping *k,
                     struct staying *stays)
{
#if VELUM_PLANT != 465 /* trace/test_owners: a user takes from a job what it still needs */
    if (k->kept && k->of != NULL && !owner_has_ended(n, k->owner)) {
        stays->wants = k->owner;
        stays->any = true;
        return false;
    }
#endif
    stays->any |= k->kept && !permit_takes(n, &t->who, k);
    return k->kept && permit_takes(n, &t->who, k);
}

/* It has to be signed for others to believe it, and is not. */
static bool lacks_word(const struct node *n, const struct taking *t)
{
    struct staying stays = {.wants = KEEPING_USER};

    for (const struct keeping *k = keeping_about(n, t->name); k != NULL; k = k->next_same)
        if (!t->asks && !is_signed(t) && removal_needs_word(k) && may_take(n, t, k, &stays))
            return true;
    return false;
}

/* All that is said of it is taken back with one word, of this generation. */
static uint64_t next_generation(const struct node *n, struct digest name)
{
    uint64_t last = 0;

    for (const struct keeping *k = keeping_about(n, name); k != NULL; k = k->next_same)
        last = k->generation > last ? k->generation : last;
    return last + 1;
}

/* True: he took something back, or nobody keeps it. */
static bool take_from_owners(struct node *n, const struct taking *t, struct staying *stays)
{
    bool any = false;

    for (struct keeping *k = keeping_about(n, t->name); k != NULL; k = k->next_same) {
        if (!may_take(n, t, k, stays))
            continue;
        any = true;
        if (is_signed(t) && !removal_names(&t->word, k->owner))
            stays->unnamed = true;
        else if (is_signed(t))
            (void)keeping_take_back(n, k, &t->gone);
        else if (!t->asks)
            (void)keeping_say(n, k->name, k->size, k->owner, false);
    }
    return any || !stays->any;
}

static void say_why(struct node *n, const struct taking *t, struct job_id wants)
{
    char what[80] = "a job that has not ended needs it: ", hint[32] = "velum kill ", job[9];

    if (job_id_equal(wants, KEEPING_USER)) {
        reply_error(n, t->link, t->request, 4, "others put it too, or a job of theirs made it",
                    "leave it to them: it goes with the last of those who keep it");
        return;
    }
    id_hex(wants.bytes, 8, job);
    text_append(what, sizeof what, job);
    text_append(hint, sizeof hint, job);
    reply_error(n, t->link, t->request, 1, what, hint);
}

static void say_what_to_sign(struct node *n, const struct taking *t)
{
    struct removal m = {.name = t->name,
                        .generation = next_generation(n, t->name),
                        .at_s = n->wall_s > 0 ? n->wall_s : 0};
    struct staying stays = {.wants = KEEPING_USER};
    uint8_t bytes[REMOVAL_BODY_SIZE];
    struct buf b;

    for (const struct keeping *k = keeping_about(n, t->name); k != NULL; k = k->next_same)
        if (m.owner_count < REMOVAL_OWNERS_MAX && may_take(n, t, k, &stays))
            m.owners[m.owner_count++] = k->owner;
    if (m.owner_count == 0)
        m.owners[m.owner_count++] = KEEPING_USER; /* nobody keeps it */
    buf_init_fixed(&b, bytes, sizeof bytes);
    put_removal_body(&b, &m);
    send_link(n, t->link, MESSAGE_REPLY_PIECE, t->request, buf_bytes(&b));
}

static void take_away(struct node *n, const struct taking *t)
{
    const struct shelf_object *o = shelf_find(n->objects->shelf, t->name);
    struct staying stays = {.wants = KEEPING_USER};

    if (o == NULL)
        reply_error(n, t->link, t->request, 9, "the object has been removed meanwhile", "");
    else if (lacks_word(n, t))
        reply_error(n, t->link, t->request, 1,
                    "who put an object signs that he takes it back, which this command does not",
                    "is this command of the same version as the node? velum version");
    else if (is_signed(t) && t->gone.generation != next_generation(n, t->name))
        reply_error(n, t->link, t->request, 1, "it was put or taken back by somebody else just now",
                    REPLY_TRY_AGAIN " in a moment");
    else if (!take_from_owners(n, t, &stays))
        say_why(n, t, stays.wants);
    else if (stays.unnamed)
        reply_error(n, t->link, t->request, 1, "more keep it than one removal names",
                    REPLY_TRY_AGAIN ": the others go then");
    else if (t->asks)
        say_what_to_sign(n, t);
    else
        objects_answer_later(n, t->link, t->request, o, 0);
}

/* What `r` waited for. */
static void go_on(struct node *n, const struct removing *r)
{
    const struct taking t = {
        .link = r->link, .request = r->request, .name = r->name, .who = r->who, .asks = r->asks};

    take_away(n, &t);
}

/* --- asking others first --- */

/* False: there is nobody to ask, or there are too many. */
static bool begin(struct node *n, const struct taking *t, const struct shelf_object *o)
{
    struct objects *s = n->objects;
    struct removing *r;

    if (s->removings_count >= REMOVINGS_MAX || !copies_ask_kept(n, o->name, o->size))
        return false;
    r = node_alloc(n, sizeof *r);
    if (r == NULL)
        return true; /* this step comes to nothing */
    *r = (struct removing){.next = s->removings,
                           .link = t->link,
                           .request = t->request,
                           .name = o->name,
                           .who = t->who,
                           .asks = t->asks,
                           .until = instant_plus_us(n->now, REMOVING_WAIT_US)};
    s->removings = r;
    s->removings_count++;
    return true;
}

/* Whose word it is counts, and not who brings it. */
static int look_at_word(struct node *n, struct taking *t, struct bytes word)
{
    struct signed_bytes s;
    int rc = read_removal(word, &s, &t->word);

    if (rc < 0)
        return rc;
    t->gone = (struct keeping){.name = t->name,
                               .owner = t->word.owners[0],
                               .generation = t->word.generation,
                               .removal = word};
    rc = removal_hand_in(n, &t->gone);
    t->who = (struct asking){t->gone.by_admin ? PARTY_USER : PARTY_SUBMIT, t->gone.by};
    return rc;
}

static void refuse_word(struct node *n, uint64_t link, uint32_t request, int rc)
{
    if (rc == ERR_ARGUMENT)
        reply_error(n, link, request, 4,
                    "by its date this removal is from longer ago than nodes remember removals, or "
                    "not from the time of your certificate and the node's: some clock is wrong",
                    "compare date on this machine, on the node and where the mesh was made");
    else
        reply_error(n, link, request, 4, "this removal is not signed as it has to be",
                    "is your certificate valid? velum doctor");
}

void removing_ask(struct node *n, uint64_t link, uint32_t request, const struct request_rm *m)
{
    const struct shelf_object *o = objects_by_ref(n, link, request, m->ref);
    struct taking t = {
        .link = link, .request = request, .who = permit_asking(n, link), .asks = m->how == RM_ASK};

    if (o == NULL)
        return;
    t.name = o->name;
    if (m->how == RM_SIGNED) {
        const int rc = look_at_word(n, &t, m->removal);

        if (rc < 0)
            refuse_word(n, link, request, rc);
        else
            take_away(n, &t);
        return;
    }
#if VELUM_PLANT != 372 /* trace/test_object_places: only what is here goes of what others keep */
    if (keeping_find(n, o->name, KEEPING_USER) == NULL && begin(n, &t, o))
        return;
#endif
    take_away(n, &t);
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
        go_on(n, r);
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
            go_on(n, r);
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
