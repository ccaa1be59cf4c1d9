#include "core/node/get.h"

#include <string.h>

#include "core/base/err.h"
#include "core/base/text.h"
#include "core/node/copies.h"
#include "core/node/damage.h"
#include "core/node/fetch_wait.h"
#include "core/node/fetching.h"
#include "core/node/having.h"
#include "core/node/link.h"
#include "core/node/mover.h"
#include "core/object/fetch.h"
#include "core/object/name.h"

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
    /* Where the reads begin that were not answered yet, oldest first. */
    uint64_t reads[GET_READS];
    uint32_t reads_count;
    uint32_t stale; /* so many of them, the first, are of before something was lost */
    bool as_is;     /* the user compares the bytes with the name himself */
    bool begun;     /* the user knows the size, and the object stays */
    bool waits;     /* the object is not whole here yet, or not any more */
    struct instant until;
    uint64_t lost_at; /* so many bytes had been sent when something was lost last */
    uint32_t losses;  /* in a row at that place */
    /* Those that said they have it, and did not bring it: what they say is not believed again. */
    struct node_id struck[FETCH_SOURCES_MAX];
    uint32_t struck_count;
    bool seek_again; /* there is one more of them, and others may have it */
    bool no_room;    /* others have it, and it does not fit here */
    uint64_t no_room_size;
    struct node_id no_room_says; /* who says that it has this size; zero: it does */
};

#define LOSSES_MAX 3u

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
    if (o != NULL && g->begun)
        objects_unpin(n, o);
    alloc_free(n->alloc, g, sizeof *g);
}

static void was_read(struct node *n, uint64_t number, const struct frame *answer);
static void start(struct node *n, struct get *g, struct shelf_object *o);

/* How much is read at once from here on; of one piece, so that it is known which one is damaged. */
static uint32_t slice(const struct get *g)
{
    uint64_t length = PIECE_SIZE - g->asked % PIECE_SIZE;

    if (length > MOVE_BYTES_MAX)
        length = MOVE_BYTES_MAX;
    if (length > g->size - g->asked)
        length = g->size - g->asked;
    return length < g->credit ? (uint32_t)length : g->credit;
}

/* Reads on as far as credit reaches, a few slices ahead. */
static void go_on(struct node *n, struct get *g)
{
    while (!g->waits && g->asked < g->size && g->reads_count < GET_READS && g->credit > 0) {
        struct move_part m = {
            .name = g->name, .size = g->size, .offset = g->asked, .length = slice(g)};

        m.as_is = g->as_is;
#if VELUM_PLANT == 658 /* trace/test_object_damage: nobody's bytes are compared */
        m.as_is = true;
#endif

        g->reads[g->reads_count++] = g->asked;
        g->asked += m.length;
        g->credit -= m.length;
        mover_part(n, MESSAGE_MOVE_READ, put_move_read, &m, was_read, g->number);
    }
}

static void end(struct node *n, struct get *g)
{
    reply_end(n, g->link, g->request);
    forget(n, g);
}

static void cannot_be_read(struct node *n, struct get *g)
{
    reply_error(n, g->link, g->request, 1, "the object cannot be read at this node",
                "get it from another node: --addr HOST:PORT");
    forget(n, g);
}

/* What is to be sent next is not here any more: it is waited for, and read anew. */
static void wait_for_it(struct node *n, struct get *g)
{
    if (g->lost_at != g->sent)
        g->losses = 0;
    g->lost_at = g->sent;
    g->losses++;
#if VELUM_PLANT != 366 /* trace/test_object_damage: what was read ahead is sent out of its turn */
    g->stale = g->reads_count;
#endif
    g->credit += (uint32_t)(g->asked - g->sent);
    g->asked = g->sent;
    g->waits = true;
    g->until = instant_plus_us(n->now, SEEK_OBJECT_US);
}

/* What is to be sent next could not be read. */
static void was_lost(struct node *n, struct get *g, uint64_t offset, int rc)
{
    struct shelf_object *o = shelf_find(n->objects->shelf, g->name);

    if (o == NULL || (rc != ERR_DAMAGED && rc != ERR_NOT_FOUND) ||
        (g->lost_at == g->sent && g->losses == LOSSES_MAX)) {
        cannot_be_read(n, g);
        return;
    }
    wait_for_it(n, g);
    if (damage_read(n, g->name, o->number, offset, rc))
        return;
    if (o->whole) /* it has come back already */
        start(n, g, o);
    else
        gets_seek_again(n, g->name);
}

/* It was asked for before something was lost, and is asked for again. */
static void was_stale(struct node *n, struct get *g, uint64_t offset, int rc)
{
    const struct shelf_object *o = shelf_find(n->objects->shelf, g->name);

    g->stale--;
    if (o != NULL)
        (void)damage_read(n, g->name, o->number, offset, rc);
    go_on(n, g);
}

static void was_read(struct node *n, uint64_t number, const struct frame *answer)
{
    struct get *g = find(n, number);
    struct moved_bytes m = {0};
    int rc = moved_result(answer);
    uint64_t offset;

    if (g == NULL)
        return;
    offset = g->reads[0];
    g->reads_count--;
    for (uint32_t i = 0; i < g->reads_count; i++)
        g->reads[i] = g->reads[i + 1];
    if (rc == 0 && (answer->type != MESSAGE_MOVED_BYTES ||
                    read_moved_bytes(answer->payload, &m) < 0 || m.bytes.len == 0))
        rc = ERR_FORMAT;
    if (g->stale > 0) {
        was_stale(n, g, offset, rc);
        return;
    }
    if (rc < 0) {
        was_lost(n, g, offset, rc);
        return;
    }
    g->sent += m.bytes.len;
    send_user_lent(n, g->link, MESSAGE_REPLY_PIECE, g->request, m.bytes);
    if (g->sent >= g->size)
        end(n, g);
    else
        go_on(n, g);
}

/* It is whole here: from now on it stays. */
static void start(struct node *n, struct get *g, struct shelf_object *o)
{
    g->waits = false;
    if (g->begun) {
        go_on(n, g);
        return;
    }
    g->begun = true;
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
                    REPLY_TRY_AGAIN " when one of them is through");
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
                      .as_is = m->as_is,
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

/* How large it is: a node that says so may be wrong. */
static void append_size(const struct node *n, const struct get *g, char *to, size_t cap)
{
    char number[24], node[NODE_NAME_SIZE];

    text_of_u64(g->no_room_size, number);
    text_append(to, cap, "; it has ");
    text_append(to, cap, number);
    text_append(to, cap, " bytes");
#if VELUM_PLANT != 684 /* trace/test_object_room: what one node says of a size is told as known */
    if (node_id_is_zero(g->no_room_says))
        return;
    member_name(n, g->no_room_says, node);
    text_append(to, cap, ", as node ");
    text_append(to, cap, node);
    text_append(to, cap, " says");
#endif
}

/* It is not lost: this node alone cannot take it in. */
static void does_not_fit(struct node *n, struct get *g)
{
    char what[256], number[24];

    text_of_u64(n->options.objects_bytes, number);
    text_copy(what, sizeof what, "this node has no room for the object: its disk is full, or its ");
    text_append(what, sizeof what, "limit for objects, ");
    text_append(what, sizeof what, number);
    text_append(what, sizeof what, " bytes");
    append_size(n, g, what, sizeof what);
    reply_error(n, g->link, g->request, 1, what,
                "the same at another node, --addr HOST:PORT; or make room: velum rm REF, or velum "
                "node with a larger --objects SIZE");
    forget(n, g);
}

/* What this node was to keep and has only in part is another matter than what nobody knows. */
static void nobody_has_it(struct node *n, struct get *g)
{
    const struct shelf_object *o = shelf_find(n->objects->shelf, g->name);
    char what[256], count[24];

#if VELUM_PLANT != 653 /* trace/test_object_room: what does not fit here is told to be lost */
    if (g->no_room) {
        does_not_fit(n, g);
        return;
    }
#endif
#if VELUM_PLANT != 727 /* trace/test_object_copies: what was removed is told to be lost */
    if (keeping_is_removed(n, g->name)) {
        reply_error(n, g->link, g->request, 9, "this object was removed", OBJECT_PUT_AGAIN);
        forget(n, g);
        return;
    }
#endif
    if (o == NULL || !(g->begun || o->kept)) {
        text_copy(what, sizeof what, "no node that can be asked has this object whole");
        having_say_last(n, g->name, what, sizeof what);
        reply_error(n, g->link, g->request, 3, what, "velum objects --all");
    } else {
        text_of_u64(o->pieces - o->have, what);
        text_append(what, sizeof what, " of its ");
        text_of_u64(o->pieces, count);
        text_append(what, sizeof what, count);
        text_append(what, sizeof what,
                    " pieces are damaged or missing here, and no other node that can be asked has "
                    "them");
        having_say_last(n, g->name, what, sizeof what);
        reply_error(n, g->link, g->request, 1, what,
                    "start a node that has it, or put it again: velum put FILE");
    }
    forget(n, g);
}

static bool has_struck(const struct get *g, struct node_id id)
{
    for (uint32_t i = 0; i < g->struck_count; i++)
        if (node_id_equal(g->struck[i], id))
            return true;
    return false;
}

void gets_strike(struct node *n, struct digest name, struct node_id id)
{
    for (struct get *g = n->objects->gets; g != NULL; g = g->next) {
        if (!g->waits || !digest_equal(g->name, name) || has_struck(g, id) ||
            g->struck_count == FETCH_SOURCES_MAX)
            continue;
        g->struck[g->struck_count++] = id;
        g->seek_again = true;
    }
}

void gets_no_room(struct node *n, struct digest name, uint64_t size, const struct node_id *says)
{
    for (struct get *g = n->objects->gets; g != NULL; g = g->next) {
        if (!digest_equal(g->name, name))
            continue;
        g->no_room = true;
        g->no_room_size = size;
        g->no_room_says = says != NULL ? *says : (struct node_id){{0}};
    }
}

void gets_fit(struct node *n, struct digest name)
{
    for (struct get *g = n->objects->gets; g != NULL; g = g->next)
        if (digest_equal(g->name, name))
            g->no_room = false;
}

bool gets_believe(const struct node *n, struct digest name, struct node_id id)
{
    bool struck = false;

    for (const struct get *g = n->objects->gets; g != NULL; g = g->next) {
        if (!g->waits || !digest_equal(g->name, name))
            continue;
        if (!has_struck(g, id))
            return true;
        struck = true;
    }
    return !struck;
}

/* Somebody else may have it whole, and answer a little later. */
void gets_fetched(struct node *n, struct digest name, bool whole)
{
    struct shelf_object *o;
    struct get *g, *next;
    bool again = false;

    for (g = n->objects->gets; g != NULL; g = next) {
        next = g->next;
        if (!g->waits || !digest_equal(g->name, name))
            continue;
        o = shelf_find(n->objects->shelf, name); /* one that is through may have let go of it */
        if (whole && o != NULL) {
            start(n, g, o);
        } else if (g->seek_again) {
            g->seek_again = false;
            again = true;
        } else if (instant_reached(n->now, g->until)) {
            nobody_has_it(n, g);
        }
    }
#if VELUM_PLANT != 493 /* trace/test_object_liars: after a liar nobody else is asked */
    if (again)
        gets_seek_again(n, name);
#endif
}

void gets_seek_again(struct node *n, struct digest name)
{
    bool any = false;

    for (struct get *g = n->objects->gets; g != NULL; g = g->next) {
        if (!g->waits || !digest_equal(g->name, name))
            continue;
        g->until = instant_plus_us(n->now, SEEK_OBJECT_US);
        any = true;
    }
    if (any)
        copies_seek(n, name);
}

void gets_tick(struct node *n)
{
    struct get *g, *next;

    for (g = n->objects->gets; g != NULL; g = next) {
        next = g->next;
        if (g->waits && instant_reached(n->now, g->until) && !fetching_is_on(n, g->name) &&
            !fetch_wait_has(n, g->name))
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
