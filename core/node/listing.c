#include "core/node/listing.h"

#include "core/node/ends.h"
#include "core/node/link.h"
#include "core/node/request.h"

#define SLICE 64 /* entries looked at in a step */

/* Those that run first: one that ends meanwhile comes to the end of what is still to be seen. */
static void begin_first(struct node *n)
{
    n->listing_number++;
    n->listing_ended = false;
    n->listing_next = n->running.first;
}

void listing_add(struct node *n, uint64_t link, uint32_t request, bool all)
{
    struct listing **end = &n->listings, *x;
    uint32_t count = 0;

    for (; *end != NULL; end = &(*end)->next)
        count++;
    if (count == LISTINGS_MAX) {
        reply_error(n, link, request, 1, "too many lists of jobs are on their way", "try again");
        return;
    }
    x = node_alloc(n, sizeof *x);
    if (x == NULL)
        return;
    *x = (struct listing){.link = link, .request = request, .all = all};
    *end = x;
    if (count == 0)
        begin_first(n);
}

static void remove_first(struct node *n)
{
    struct listing *x = n->listings;

    n->listings = x->next;
    alloc_free(n->alloc, x, sizeof *x);
    if (n->listings != NULL)
        begin_first(n);
}

/* The next entry, or NULL at the end of both lists. */
static struct entry *next_entry(struct node *n)
{
    struct entry *e;

    if (n->listing_next == NULL && !n->listing_ended) {
        n->listing_ended = true;
        n->listing_next = n->ended.first;
    }
    e = n->listing_next;
    n->listing_next = e == NULL ? NULL : e->next;
    return e;
}

void listings_run(struct node *n)
{
    const struct listing *x = n->listings;
    uint32_t left = SLICE;
    struct entry *e = NULL;

#if VELUM_PLANT == 577 /* trace/test_listing: a list of jobs is written in one step */
    left = UINT32_MAX;
#endif
    for (; x != NULL && left > 0 && (e = next_entry(n)) != NULL; left--) {
#if VELUM_PLANT != 578 /* trace/test_listing: a job that ends while it is listed is there twice */
        if (e->listed == n->listing_number)
            continue;
#endif
        e->listed = n->listing_number;
        if (!ends_is_shown(n, e))
            continue;
        request_tell_job(n, x->link, x->request, e, x->all);
    }
    if (x == NULL || e != NULL)
        return;
    reply_end(n, x->link, x->request);
    remove_first(n);
}

bool listings_are_due(const struct node *n)
{
    return n->listings != NULL;
}

void listings_link_down(struct node *n, uint64_t link)
{
    struct listing **at, *x;

    while (n->listings != NULL && n->listings->link == link)
        remove_first(n);
    for (at = &n->listings; (x = *at) != NULL;) {
        if (x->link != link) {
            at = &x->next;
            continue;
        }
        *at = x->next;
        alloc_free(n->alloc, x, sizeof *x);
    }
}

void listings_entry_gone(struct node *n, const struct entry *e)
{
    if (n->listing_next == e)
        n->listing_next = e->next;
}

void listings_free(struct node *n)
{
    struct listing *x;

    while ((x = n->listings) != NULL) {
        n->listings = x->next;
        alloc_free(n->alloc, x, sizeof *x);
    }
}
