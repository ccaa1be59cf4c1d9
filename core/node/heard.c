#include "core/node/heard.h"

#include "core/node/link.h"
#include "core/node/proven.h"
#include "core/wire/feature.h"

uint32_t teller_waiting(const struct teller *t)
{
    return t->count - t->asked - t->sought;
}

/* It cannot be asked. */
static bool is_old(const struct node *n, const struct teller *t)
{
    const struct member *m = mesh_find(n->mesh, t->id);

    return m != NULL && m->link != 0 && mesh_link_features(n->mesh, m->link) < FEATURE_INTRODUCE;
}

bool teller_is_linked(const struct node *n, struct node_id id)
{
    const struct member *m = mesh_find(n->mesh, id);

    return m != NULL && m->link != 0;
}

struct teller *teller_find(const struct node *n, struct node_id id)
{
    struct teller *t = n->introductions->tellers;

    while (t != NULL && !node_id_equal(t->id, id))
        t = t->later;
    return t;
}

static void teller_append(struct introductions *s, struct teller *t)
{
    struct teller **at = &s->tellers;

    while (*at != NULL)
        at = &(*at)->later;
    t->later = NULL;
    *at = t;
}

static void teller_take_out(struct introductions *s, struct teller *t)
{
    struct teller **at = &s->tellers;

    while (*at != t)
        at = &(*at)->later;
    *at = t->later;
}

/* NULL: out of memory. */
struct teller *teller_of(struct node *n, struct node_id id)
{
    struct teller *t = teller_find(n, id);

    if (t != NULL)
        return t;
    t = node_alloc(n, sizeof *t);
    if (t == NULL)
        return NULL;
    t->id = id;
    t->answers.since = n->now;
    teller_append(n->introductions, t);
    return t;
}

void teller_goes_last(struct node *n, struct teller *t)
{
    teller_take_out(n->introductions, t);
    teller_append(n->introductions, t);
}

void teller_free(struct node *n, struct teller *t)
{
    teller_take_out(n->introductions, t);
    alloc_free(n->alloc, t, sizeof *t);
}

static void join_queue(struct node *n, struct teller *t, struct heard *h)
{
    h->by = t;
    h->asked = h->shown = false;
    h->sought = is_old(n, t);
    t->count++;
    t->sought += h->sought;
    h->next = NULL;
    h->prev = t->last;
    if (t->last != NULL)
        t->last->next = h;
    else
        t->first = h;
    t->last = h;
}

static void leave_queue(struct heard *h)
{
    struct teller *t = h->by;

    t->count--;
    t->asked -= h->asked;
    t->sought -= h->sought;
    if (h->prev != NULL)
        h->prev->next = h->next;
    else
        t->first = h->next;
    if (h->next != NULL)
        h->next->prev = h->prev;
    else
        t->last = h->prev;
}

void heard_drop(struct node *n, struct heard *h)
{
    leave_queue(h);
    map_remove(&n->introductions->heard, &h->id);
    bytes_free(n, h->rumor);
    alloc_free(n->alloc, h, sizeof *h);
}

void heard_forget(struct node *n, struct heard *h)
{
    const struct node_id id = h->id;

    heard_drop(n, h);
    proven_look(n, id);
}

void heard_pass_on(struct node *n, struct heard *h)
{
    struct teller *t = NULL;

#if VELUM_PLANT != 979 /* trace/test_introduce: who told first has the last word */
    while (t == NULL && h->others_count > 0) {
        const struct node_id id = h->others[--h->others_count];

        if (teller_is_linked(n, id))
            t = teller_of(n, id);
    }
#endif
    if (t == NULL) {
        heard_forget(n, h);
        return;
    }
    leave_queue(h);
    join_queue(n, t, h);
}

void heard_pass_on_all(struct node *n, struct teller *t, bool all)
{
    struct heard *next;

    for (struct heard *h = t->first; h != NULL; h = next) {
        next = h->next;
        if (all || h->asked)
            heard_pass_on(n, h);
    }
}

/* Whoever has told of the most gives way to one who has told of less. */
static bool make_room(struct node *n, const struct teller *t)
{
    struct introductions *s = n->introductions;
    struct teller *most = s->tellers;

    if (s->heard.count < HEARD_MAX)
        return true;
#if VELUM_PLANT != 980 /* trace/test_ghosts: one fills the table for all */
    for (struct teller *at = most; at != NULL; at = at->later)
        if (at->count > most->count)
            most = at;
    if (most->count > t->count) {
        heard_forget(n, most->last);
        return true;
    }
#endif
    return false;
}

static void heard_add(struct node *n, struct node_id teller, const struct hearsay *said)
{
    struct teller *t = teller_of(n, teller);
    struct heard *h;

    if (t == NULL || !make_room(n, t))
        return;
    h = node_alloc(n, sizeof *h);
    if (h == NULL)
        return;
    h->id = said->id;
    h->incarnation = said->incarnation;
    h->rumor = bytes_copy(n, said->rumor);
    if (h->rumor.data == NULL || map_put(&n->introductions->heard, &h->id, h) < 0) {
        n->memory_out = true;
        bytes_free(n, h->rumor);
        alloc_free(n->alloc, h, sizeof *h);
        return;
    }
    join_queue(n, t, h);
}

/* Also by this one. It is asked instead of who told first, where that has more to prove before, or
 * proves nothing: thousands that are not there keep nobody waiting. */
static void heard_also(struct node *n, struct heard *h, struct node_id teller)
{
    struct teller *before = h->by, *t;
    bool is_new = !node_id_equal(before->id, teller);

    for (uint32_t i = 0; i < h->others_count; i++)
        is_new = is_new && !node_id_equal(h->others[i], teller);
    t = is_new ? teller_of(n, teller) : NULL;
    if (t == NULL)
        return;
#if VELUM_PLANT != 982 /* trace/test_ghosts: who told first is asked first */
    if (!h->asked && !is_old(n, t) && (h->sought || t->count < before->count)) {
        leave_queue(h);
        join_queue(n, t, h);
        teller = before->id;
    }
#endif
    if (h->others_count < HEARD_OTHERS_MAX)
        h->others[h->others_count++] = teller;
}

static void heard_again(struct node *n, struct heard *h, struct node_id teller,
                        const struct hearsay *said)
{
    struct bytes rumor;

    heard_also(n, h, teller);
    /* Of two words that are as new, that of who is to prove it counts. */
    if (said->incarnation < h->incarnation ||
        (said->incarnation == h->incarnation && !node_id_equal(h->by->id, teller)))
        return;
    rumor = bytes_copy(n, said->rumor);
    if (rumor.data == NULL)
        return;
    bytes_free(n, h->rumor);
    h->rumor = rumor;
    h->incarnation = said->incarnation;
}

void heard_hear(struct node *n, struct node_id teller, const struct hearsay *said)
{
    struct heard *h = map_get(&n->introductions->heard, &said->id);

    if (h != NULL)
        heard_again(n, h, teller, said);
    else
        heard_add(n, teller, said);
}
