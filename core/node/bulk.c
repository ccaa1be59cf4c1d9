#include "core/node/bulk.h"

#include "core/base/err.h"
#include "core/node/damage.h"
#include "core/node/fetching.h"
#include "core/node/link.h"
#include "core/node/mover.h"
#include "core/node/ports.h"
#include "core/node/put.h"
#include "core/object/name.h"

#define READS_MAX 16u /* slices ahead: so many may come by one wake-up */

/* A part that was asked of this node. */
struct serving {
    struct bulk_part part;
    uint64_t size;        /* of the object, where it is here */
    uint32_t number;      /* of that on the shelf when it was asked for */
    uint32_t asked, sent; /* of its length: read orders given, bytes sent */
    uint32_t reads;       /* that were not answered yet */
    bool as_is;           /* the mover need not compare it */
    bool failed;
};

/* A part that this side asked for, and that is not whole here yet. */
struct asking {
    struct bulk_part part;
    uint64_t tag;
    uint32_t got;
};

struct bulk {
    struct bulk *next;
    uint64_t number;
    uint64_t link; /* 0: it is being dialled */
    uint32_t dial; /* 0: the other side dialled */
    struct node_id id;
    struct instant used;
    struct serving wants[BULK_WANTS_MAX]; /* the first is being served */
    uint32_t wants_count;
    struct asking asks[BULK_WANTS_MAX]; /* answered in this order */
    uint32_t asks_count;
};

static struct bulk *find_link(const struct node *n, uint64_t link)
{
    struct bulk *k = n->objects == NULL ? NULL : n->objects->bulks;

    while (k != NULL && k->link != link)
        k = k->next;
    return k;
}

/* The one over which this side asks. */
static struct bulk *find_dialled(const struct node *n, struct node_id id)
{
    struct bulk *k = n->objects->bulks;

    while (k != NULL && (k->dial == 0 || !node_id_equal(k->id, id)))
        k = k->next;
    return k;
}

static void forget(struct node *n, struct bulk *k)
{
    struct bulk **at = &n->objects->bulks;

    while (*at != k)
        at = &(*at)->next;
    *at = k->next;
    n->objects->bulks_count--;
    alloc_free(n->alloc, k, sizeof *k);
}

static void send_part(struct node *n, struct bulk *k, uint8_t type, const struct bulk_part *part,
                      void (*put)(struct buf *b, const struct bulk_part *m))
{
    struct action *a = actions_begin(n->out, ACTION_SEND);

    if (a != NULL)
        put(&n->out->arena, part);
    if (a == NULL || !actions_end(n->out, a)) {
        n->memory_out = true;
        return;
    }
    a->link = k->link;
    a->type = type;
    k->used = n->now;
}

/* --- links --- */

static struct bulk *make(struct node *n, struct node_id id)
{
    struct objects *s = n->objects;
    struct bulk *k;

    if (s->bulks_count >= BULK_LINKS_MAX)
        return NULL;
    k = node_alloc(n, sizeof *k);
    if (k == NULL)
        return NULL;
    *k = (struct bulk){.next = s->bulks, .number = ++s->number_counter, .id = id, .used = n->now};
    s->bulks = k;
    s->bulks_count++;
    return k;
}

uint64_t bulk_idle_link(const struct node *n, struct instant *used)
{
    const struct bulk *oldest = NULL;

    for (const struct bulk *k = n->objects == NULL ? NULL : n->objects->bulks; k != NULL;
         k = k->next)
        if (k->link != 0 && k->wants_count == 0 && !fetching_uses(n, k->id) &&
            (oldest == NULL || instant_before(k->used, oldest->used)))
            oldest = k;
    if (oldest == NULL)
        return 0;
    *used = oldest->used;
    return oldest->link;
}

void bulk_close(struct node *n, uint64_t link)
{
    ports_close(n, link);
    forget(n, find_link(n, link));
}

uint32_t bulk_count(const struct node *n)
{
    return n->objects == NULL ? 0 : n->objects->bulks_count;
}

/* Makes room by closing the one that was used least of those that have nothing to do. */
static void make_room(struct node *n)
{
    struct instant used;
    uint64_t link = n->objects->bulks_count < BULK_LINKS_MAX ? 0 : bulk_idle_link(n, &used);

    if (link != 0)
        bulk_close(n, link);
}

bool bulk_ready(struct node *n, struct node_id id)
{
    const struct member *m = mesh_find(n->mesh, id);
    struct bulk *k = find_dialled(n, id);
    struct action *a;

    if (k != NULL)
#if VELUM_PLANT == 320 /* trace/test_object_links: fetches that share a link ask for too much */
        return k->link != 0;
#else
        return k->link != 0 && k->asks_count < BULK_WANTS_MAX;
#endif
    if (m == NULL || m->state != NODE_ALIVE || instant_before(n->now, n->objects->dial_again))
        return false;
    make_room(n);
    k = make(n, id);
    if (k == NULL)
        return false;
    k->dial = BULK_DIAL | (++n->objects->dial_counter & ~BULK_DIAL);
    a = actions_add(n->out, ACTION_DIAL, (struct bytes){NULL, 0});
    if (a == NULL) {
        n->memory_out = true;
        return false;
    }
    a->dial = k->dial;
    a->id = id;
    a->bulk = true;
    text_copy(a->addr, sizeof a->addr, m->info->addr);
    return false;
}

bool bulk_is_busy(const struct node *n, struct node_id id)
{
    const struct bulk *k = find_dialled(n, id);

    return k != NULL && k->link != 0 && k->asks_count == BULK_WANTS_MAX;
}

bool bulk_is_dial(uint32_t dial)
{
    return (dial & BULK_DIAL) != 0;
}

void bulk_link_up(struct node *n, uint64_t link, uint32_t dial, struct node_id id)
{
    struct bulk *k = NULL;

    if (n->objects == NULL) {
        ports_close(n, link);
        return;
    }
    for (k = n->objects->bulks; dial != 0 && k != NULL && k->dial != dial; k = k->next)
        ;
    if (dial == 0) {
        /* A second one of the same node takes the place of the first. */
        for (k = n->objects->bulks; k != NULL; k = k->next)
            if (k->dial == 0 && node_id_equal(k->id, id))
                break;
        if (k != NULL) {
            ports_close(n, k->link);
            forget(n, k);
        }
        make_room(n);
        k = make(n, id);
    }
    if (k == NULL) {
        ports_close(n, link);
        return;
    }
    k->link = link;
    k->used = n->now;
    if (dial != 0)
        fetching_go_on(n);
}

void bulk_dial_failed(struct node *n, uint32_t dial)
{
    struct bulk *k;
    struct node_id id;

    for (k = n->objects == NULL ? NULL : n->objects->bulks; k != NULL && k->dial != dial;)
        k = k->next;
    if (k == NULL)
        return;
    id = k->id;
    forget(n, k);
    n->objects->dial_again = instant_plus_us(n->now, BULK_AGAIN_US);
    fetching_source_gone(n, id);
}

bool bulk_link_down(struct node *n, uint64_t link)
{
    struct bulk *k = find_link(n, link);
    struct node_id id;
    bool dialled;

    if (k == NULL)
        return false;
    id = k->id;
    dialled = k->dial != 0;
    forget(n, k);
    if (dialled)
        fetching_source_gone(n, id);
    return true;
}

void bulk_cut(struct node *n, struct node_id id)
{
    struct bulk *k = n->objects == NULL ? NULL : n->objects->bulks, *next;

    for (; k != NULL; k = next) {
        next = k->next;
        if (k->link == 0 || !node_id_equal(k->id, id))
            continue;
        ports_close(n, k->link);
        (void)bulk_link_down(n, k->link);
    }
}

/* Its machine may be gone without a word, and then nothing else ends the connection. */
static bool is_mute(const struct node *n, const struct bulk *k)
{
#if VELUM_PLANT == 737 /* trace/test_object_links: what was asked of who is gone is waited for */
    return false;
#endif
    return k->asks_count > 0 && instant_since_us(n->now, k->used) >= BULK_MUTE_US;
}

void bulk_tick(struct node *n)
{
    struct bulk *k, *next;

    for (k = n->objects->bulks; k != NULL; k = next) {
        next = k->next;
        if (is_mute(n, k)) {
            ports_close(n, k->link);
            (void)bulk_link_down(n, k->link);
            continue;
        }
        if (k->link == 0 || k->wants_count > 0 || fetching_uses(n, k->id) ||
            instant_since_us(n->now, k->used) < BULK_IDLE_US)
            continue;
        ports_close(n, k->link);
        forget(n, k);
    }
}

void bulks_free(struct node *n)
{
    while (n->objects->bulks != NULL)
        forget(n, n->objects->bulks);
}

/* --- asking --- */

bool bulk_ask(struct node *n, struct node_id id, const struct bulk_part *want, uint64_t tag)
{
    struct bulk *k = find_dialled(n, id);

    if (k == NULL || k->link == 0 || k->asks_count == BULK_WANTS_MAX)
        return false;
    k->asks[k->asks_count++] = (struct asking){.part = *want, .tag = tag};
    send_part(n, k, MESSAGE_BULK_WANT, want, put_bulk_want);
    return true;
}

/* What was asked for first has come to its end: there is room for more. */
static void answered(struct node *n, struct bulk *k)
{
    k->asks_count--;
    for (uint32_t i = 0; i < k->asks_count; i++)
        k->asks[i] = k->asks[i + 1];
    n->objects->fetch_wanted = true;
}

/* Is it an answer to what was asked for first? */
static bool is_answer(const struct bulk *k, const struct bulk_part *part)
{
    const struct asking *a = &k->asks[0];

    return k->asks_count > 0 && digest_equal(part->name, a->part.name) &&
           part->what == a->part.what && part->offset == a->part.offset + a->got;
}

static int on_bytes(struct node *n, struct bulk *k, struct bytes payload)
{
    struct asking *a = &k->asks[0];
    struct bulk_part part;
    uint64_t tag = a->tag;

    if (read_bulk_bytes(payload, &part) < 0 || k->dial == 0 || !is_answer(k, &part) ||
        part.bytes.len > a->part.length - a->got)
        return ERR_FORMAT;
    a->got += (uint32_t)part.bytes.len;
    if (a->got == a->part.length)
        answered(n, k);
    fetching_bytes(n, tag, &part);
    return 0;
}

/* It may come when a part has been sent: then it names where the part begins. */
static int on_refuse(struct node *n, struct bulk *k, struct bytes payload)
{
    struct node_id id = k->id;
    struct bulk_part part;
    uint64_t tag = k->asks[0].tag;

    if (read_bulk_refuse(payload, &part) < 0 || k->dial == 0 || k->asks_count == 0)
        return ERR_FORMAT;
    k->asks[0].got = 0;
    if (!is_answer(k, &part))
        return ERR_FORMAT;
    answered(n, k);
    fetching_refused(n, id, tag, &part);
    return 0;
}

/* --- serving --- */

static void was_read(struct node *n, uint64_t number, const struct frame *answer);

static void serve(struct node *n, struct bulk *k)
{
    struct serving *s = &k->wants[0];

    while (k->wants_count > 0 && s->reads < READS_MAX && s->asked < s->part.length && !s->failed) {
        struct move_part m = {.name = s->part.name,
                              .size = s->size,
                              .offset = s->part.offset + s->asked,
                              .length = s->part.length - s->asked,
                              .as_is = s->as_is};

        if (m.length > MOVE_BYTES_MAX)
            m.length = MOVE_BYTES_MAX;
        s->asked += m.length;
        s->reads++;
        mover_part(n, s->part.what == BULK_LIST ? MESSAGE_MOVE_LIST : MESSAGE_MOVE_READ,
                   put_move_read, &m, was_read, k->number);
    }
}

static void served(struct node *n, struct bulk *k)
{
    struct serving *s = &k->wants[0];
    struct shelf_object *o;

    if (s->failed)
        send_part(n, k, MESSAGE_BULK_REFUSE, &s->part, put_bulk_refuse);
    o = shelf_find(n->objects->shelf, s->part.name);
    if (o != NULL)
        shelf_use(n->objects->shelf, o);
    k->wants_count--;
    for (uint32_t i = 0; i < k->wants_count; i++)
        k->wants[i] = k->wants[i + 1];
    serve(n, k);
}

/* All that is read of a part is of one piece, or of the list. */
static void look_for_damage(struct node *n, const struct serving *s, int rc)
{
    struct shelf_object *o = shelf_find(n->objects->shelf, s->part.name);

    if (s->part.what == BULK_DATA)
        (void)damage_read(n, s->part.name, s->number, s->part.offset, rc);
    else if (rc == ERR_NOT_FOUND && o != NULL && o->number == s->number && o->listed)
        damage_all(n, o);
}

/* Reads are answered in order, so each is the next slice of the first part. */
static void was_read(struct node *n, uint64_t number, const struct frame *answer)
{
    struct moved_bytes m = {0};
    struct bulk_part part;
    struct serving *s;
    struct bulk *k;
    int rc = moved_result(answer);

    for (k = n->objects->bulks; k != NULL && k->number != number; k = k->next)
        ;
    if (k == NULL || k->wants_count == 0)
        return;
    s = &k->wants[0];
    s->reads--;
    look_for_damage(n, s, rc);
    if (rc < 0 || answer->type != MESSAGE_MOVED_BYTES ||
        read_moved_bytes(answer->payload, &m) < 0 || m.bytes.len == 0 ||
        m.bytes.len > s->part.length - s->sent)
        s->failed = true;
    if (!s->failed) {
        part = s->part;
        part.offset += s->sent;
        part.bytes = m.bytes;
        s->sent += (uint32_t)m.bytes.len;
        send_part(n, k, MESSAGE_BULK_BYTES, &part, put_bulk_bytes);
    }
    if (s->reads == 0 && (s->failed || s->sent == s->part.length))
        served(n, k);
    else
        serve(n, k);
}

/* All of it was compared when it came, a moment ago; and whoever asks compares each piece. One that
 * was damaged since is found so only when he asks again. */
static bool is_fresh(const struct node *n, const struct shelf_object *o)
{
#if VELUM_PLANT == 1002 /* trace/test_object_damage: what is asked for is never compared any more */
    return o != NULL && o->whole;
#endif
    return o != NULL && o->whole && instant_before(n->now, o->sound_until) &&
           instant_since_us(n->now, o->since) < BULK_FRESH_US;
}

/* What is not here is refused in its turn, by whoever reads it. */
static int on_want(struct node *n, struct bulk *k, struct bytes payload)
{
    struct serving s = {0};
    const struct shelf_object *o;

    if (read_bulk_want(payload, &s.part) < 0 || k->dial != 0 || k->wants_count == BULK_WANTS_MAX)
        return ERR_FORMAT;
    if (s.part.what == BULK_DATA &&
        s.part.offset / PIECE_SIZE != (s.part.offset + s.part.length - 1) / PIECE_SIZE)
        return ERR_FORMAT;
    o = shelf_find(n->objects->shelf, s.part.name);
    s.number = o != NULL ? o->number : 0;
    s.size = o != NULL ? o->size : 0;
    s.as_is = is_fresh(n, o);
    k->wants[k->wants_count++] = s;
    k->used = n->now;
#if VELUM_PLANT != 1171 /* trace/test_object_copies: a copy that takes its time is not waited for */
    put_asked(n, &s.part);
#endif
    if (k->wants_count == 1)
        serve(n, k);
    return 0;
}

bool bulk_frame(struct node *n, uint64_t link, const struct frame *f)
{
    struct bulk *k = find_link(n, link);
    int rc = ERR_FORMAT;

    if (k == NULL || link == 0)
        return false;
    k->used = n->now;
    if (f->type == MESSAGE_BULK_WANT)
        rc = on_want(n, k, f->payload);
    else if (f->type == MESSAGE_BULK_BYTES)
        rc = on_bytes(n, k, f->payload);
    else if (f->type == MESSAGE_BULK_REFUSE)
        rc = on_refuse(n, k, f->payload);
    if (rc < 0 && find_link(n, link) != NULL) {
        ports_close(n, link);
        bulk_link_down(n, link);
    }
    return true;
}
