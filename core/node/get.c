#include "core/node/get.h"

#include "core/base/err.h"
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
    if (o != NULL)
        shelf_unpin(n->objects->shelf, o);
    alloc_free(n->alloc, g, sizeof *g);
}

static void was_read(struct node *n, uint64_t number, const struct frame *answer);

/* Reads on as far as credit reaches, a few slices ahead. */
static void go_on(struct node *n, struct get *g)
{
    uint8_t bytes[64];
    struct buf b;

    while (g->asked < g->size && g->reads < GET_READS && g->credit > 0) {
        struct move_part m = {.name = g->name, .offset = g->asked, .length = MOVE_BYTES_MAX};

        if (m.length > g->size - g->asked)
            m.length = (uint32_t)(g->size - g->asked);
        if (m.length > g->credit)
            m.length = g->credit;
        buf_init_fixed(&b, bytes, sizeof bytes);
        put_move_read(&b, &m);
        mover_order(n, MESSAGE_MOVE_READ, buf_bytes(&b), was_read, g->number);
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

void get_begin(struct node *n, uint64_t link, uint32_t request, const struct request_get *m)
{
    struct objects *s = n->objects;
    struct shelf_object *o = objects_by_ref(n, link, request, m->ref);
    struct get *g;

    if (o == NULL)
        return;
    if (!o->whole) {
        reply_error(n, link, request, 3, "only a part of the object is here", "");
        return;
    }
    if (m->offset > o->size) {
        reply_error(n, link, request, 2, "the object ends before that offset",
                    "is FILE.part of another object? remove it");
        return;
    }
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
                      .name = o->name,
                      .size = o->size,
                      .asked = m->offset,
                      .sent = m->offset};
    s->gets = g;
    s->gets_count++;
    shelf_pin(s->shelf, o);
    objects_send_view(n, link, request, o);
    if (g->sent == g->size)
        end(n, g);
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
    while (n->objects->gets != NULL)
        forget(n, n->objects->gets);
}
