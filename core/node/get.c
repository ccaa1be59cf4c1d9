#include "core/node/get.h"

#include <string.h>

#include "core/base/err.h"
#include "core/node/copies.h"
#include "core/node/fetching.h"
#include "core/node/link.h"
#include "core/node/mover.h"

struct get {
    struct get *next;
    uint64_t number;
    uint64_t link;
    uint32_t request;
    struct digest name;
    uint64_t size;
    uint64_t asked; /* of the mover, up to here */
    uint64_t sent;
    uint32_t credit; /* so many bytes more may be read and sent */
    uint32_t reads;  /* that were not answered yet */
    bool waits;      /* the object is not whole here yet */
    struct instant until;
};

static struct get *find(const struct node *n, uint64_t number)
{
    struct get *g = n->objects->gets;

    while (g != NULL && g->number != number)
        g = g->next;
    return g;
}

static struct get *find_request(const struct node *n, uint64_t link, uint32_t request)
{
    struct get *g = n->objects->gets;

    while (g != NULL && (g->link != link || g->request != request))
        g = g->next;
    return g;
}

static void forget(struct node *n, struct get *g)
{
    struct shelf_object *o = shelf_find(n->objects->shelf, g->name);
    struct get **at = &n->objects->gets;

    while (*at != g)
        at = &(*at)->next;
    *at = g->next;
    n->objects->gets_count--;
    if (o != NULL && !g->waits)
        objects_unpin(n, o);
    alloc_free(n->alloc, g, sizeof *g);
}

static void was_read(struct node *n, uint64_t number, const struct frame *answer);

/* Reads on as far as credit reaches, a few slices ahead. */
static void go_on(struct node *n, struct get *g)
{
    while (g->asked < g->size && g->reads < GET_READS && g->credit > 0) {
        struct move_part m = {.name = g->name, .offset = g->asked, .length = MOVE_BYTES_MAX};

        if (m.length > g->size - g->asked)
            m.length = (uint32_t)(g->size - g->asked);
        if (m.length > g->credit)
            m.length = g->credit;
        mover_part(n, MESSAGE_MOVE_READ, put_move_read, &m, was_read, g->number);
        g->asked += m.length;
        g->credit -= m.length;
        g->reads++;
    }
}

static void end(struct node *n, struct get *g)
{
    reply_end(n, g->link, g->request);
    forget(n, g);
}

static void was_read(struct node *n, uint64_t number, const struct frame *answer)
{
    struct get *g = find(n, number);
    struct moved_bytes m;
    int rc = moved_result(answer);

    if (g == NULL)
        return;
    if (rc == 0 && (answer->type != MESSAGE_MOVED_BYTES ||
                    read_moved_bytes(answer->payload, &m) < 0 || m.bytes.len == 0))
        rc = ERR_FORMAT;
    if (rc < 0) {
        reply_error(n, g->link, g->request, 1, "the object cannot be read here any more",
                    "get it again");
        forget(n, g);
        return;
    }
    g->reads--;
    g->sent += m.bytes.len;
    send_link(n, g->link, MESSAGE_REPLY_PIECE, g->request, m.bytes);
    if (g->sent >= g->size)
        end(n, g);
    else
        go_on(n, g);
}

/* It is whole here: from now on it stays. */
static void start(struct node *n, struct get *g, struct shelf_object *o)
{
    g->waits = false;
    g->size = o->size;
    shelf_pin(n->objects->shelf, o);
    objects_send_view(n, g->link, g->request, o);
    if (g->sent > g->size) {
        reply_error(n, g->link, g->request, 2, "the object ends before that offset",
                    "is FILE.part of another object? remove it");
        forget(n, g);
    } else if (g->sent == g->size) {
        end(n, g);
    } else {
        go_on(n, g);
    }
}

/* The name a ref means: of something here, or any when all of its digits are given. */
static bool name_of(struct node *n, uint64_t link, const struct request_get *m, uint32_t request,
                    struct digest *name)
{
    struct shelf_object *o;

    if (strlen(m->ref) == 2 * ID_SIZE)
        return id_parse_prefix(m->ref, name->bytes) == 2 * ID_SIZE;
    o = objects_by_ref(n, link, request, m->ref);
    if (o != NULL)
        *name = o->name;
    return o != NULL;
}

void get_begin(struct node *n, uint64_t link, uint32_t request, const struct request_get *m)
{
    struct objects *s = n->objects;
    struct shelf_object *o;
    struct digest name;
    struct get *g;

    if (!name_of(n, link, m, request, &name))
        return;
    if (s->gets_count >= GETS_MAX) {
        reply_error(n, link, request, 1, "64 objects are being got from this node already",
                    "try again when one of them is through");
        return;
    }
    g = node_alloc(n, sizeof *g);
    if (g == NULL)
        return;
    *g = (struct get){.next = s->gets,
                      .number = ++s->number_counter,
                      .link = link,
                      .request = request,
                      .name = name,
                      .asked = m->offset,
                      .sent = m->offset,
                      .waits = true,
                      .until = instant_plus_us(n->now, SEEK_OBJECT_US)};
    s->gets = g;
    s->gets_count++;
    o = shelf_find(s->shelf, name);
    if (o != NULL && o->whole)
        start(n, g, o);
    else
        copies_seek(n, name);
}

bool gets_wait_for(const struct node *n, struct digest name)
{
    for (const struct get *g = n->objects->gets; g != NULL; g = g->next)
        if (g->waits && digest_equal(g->name, name))
            return true;
    return false;
}

bool gets_wait(const struct node *n)
{
    for (const struct get *g = n->objects->gets; g != NULL; g = g->next)
        if (g->waits)
            return true;
    return false;
}

static void nobody_has_it(struct node *n, struct get *g)
{
    reply_error(n, g->link, g->request, 3, "no node that can be asked has this object whole",
                "velum objects --all");
    forget(n, g);
}

void gets_fetched(struct node *n, struct digest name, bool whole)
{
    struct shelf_object *o = shelf_find(n->objects->shelf, name);
    struct get *g, *next;

    for (g = n->objects->gets; g != NULL; g = next) {
        next = g->next;
        if (!g->waits || !digest_equal(g->name, name))
            continue;
        if (whole && o != NULL)
            start(n, g, o);
        else
            nobody_has_it(n, g);
    }
}

void gets_tick(struct node *n)
{
    struct get *g, *next;

    for (g = n->objects->gets; g != NULL; g = next) {
        next = g->next;
        if (g->waits && instant_reached(n->now, g->until) && !fetching_is_on(n, g->name))
            nobody_has_it(n, g);
    }
}

void get_more(struct node *n, uint64_t link, uint32_t request, struct bytes payload)
{
    struct get *g = find_request(n, link, request);
    uint32_t bytes;

    if (g == NULL)
        return; /* it ended while this was on its way */
    if (read_object_credit(payload, &bytes) < 0 || bytes > OBJECT_CREDIT_MAX - g->credit) {
        reply_error(n, link, request, 1, "more bytes were asked for than may be on their way", "");
        forget(n, g);
        return;
    }
    g->credit += bytes;
    if (!g->waits)
        go_on(n, g);
}

void get_link_down(struct node *n, uint64_t link)
{
    struct get *g, *next;

    for (g = n->objects->gets; g != NULL; g = next) {
        next = g->next;
        if (g->link == link)
            forget(n, g);
    }
}

void gets_free(struct node *n)
{
    struct get *g;

    while ((g = n->objects->gets) != NULL) {
        n->objects->gets = g->next;
        alloc_free(n->alloc, g, sizeof *g);
    }
}
