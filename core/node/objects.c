#include "core/node/objects.h"

#include "core/base/err.h"
#include "core/node/bulk.h"
#include "core/node/copies.h"
#include "core/node/damage.h"
#include "core/node/fetch_wait.h"
#include "core/node/fetching.h"
#include "core/node/get.h"
#include "core/node/having.h"
#include "core/node/keeping.h"
#include "core/node/link.h"
#include "core/node/making.h"
#include "core/node/mover.h"
#include "core/node/owners.h"
#include "core/node/permit.h"
#include "core/node/put.h"
#include "core/node/record.h"
#include "core/node/removing.h"
#include "core/node/room.h"
#include "core/node/sound.h"
#include "core/node/teller.h"
#include "core/object/name.h"

#define SCAN_AGAIN_US (10 * S_US)

/* A request that waits until the shelf is known. */
struct object_ask {
    struct object_ask *next;
    uint64_t link;
    uint8_t type;
    uint32_t request;
    struct bytes payload; /* owned */
};

int objects_new(struct node *n)
{
    struct objects *s;
    int rc;

    if (n->options.objects_bytes == 0)
        return 0;
    s = node_alloc(n, sizeof *s);
    if (s == NULL)
        return ERR_NO_MEMORY;
    rc = shelf_new(&s->shelf, n->alloc, SHELF_OBJECTS_MAX, n->options.objects_bytes);
    if (rc < 0) {
        alloc_free(n->alloc, s, sizeof *s);
        return rc;
    }
    s->check_began = INSTANT_NEVER;
    s->able = true;
    s->placings = 1;
    making_set_init(&s->makings, n->alloc);
    map_init(&s->tellers, n->alloc, ID_SIZE, MESH_MEMBERS_MAX + 1);
    n->objects = s;
    fetch_waits_init(n);
    return 0;
}

static void ask_free(struct node *n, struct object_ask *a)
{
    bytes_free(n, a->payload);
    alloc_free(n->alloc, a, sizeof *a);
}

void objects_free(struct node *n)
{
    struct objects *s = n->objects;
    struct object_ask *a;

    if (s == NULL)
        return;
    fetchings_free(n);
    fetch_waits_free(n);
    bulks_free(n);
    puts_free(n);
    makings_free(n);
    gets_free(n);
    removings_free(n);
    sounds_free(n);
    tellers_free(n);
    while ((a = s->asks) != NULL) {
        s->asks = a->next;
        ask_free(n, a);
    }
    mover_free(n);
    shelf_free(s->shelf);
    alloc_free(n->alloc, s, sizeof *s);
    n->objects = NULL;
}

/* --- what is there at the start --- */

static bool has_bit(const struct moved_found *m, uint64_t piece)
{
    return m->whole || (piece / 8 < m->bits.len && (m->bits.data[piece / 8] >> piece % 8 & 1) != 0);
}

static bool is_on_map(const struct shelf_object *o, uint64_t piece)
{
    return o->whole || (o->map != NULL && (o->map[piece / 8] >> piece % 8 & 1) != 0);
}

/* What is known already is found again when the mover has been replaced: the disk is right. */
static void on_found_again(struct node *n, struct shelf_object *o, const struct moved_found *m)
{
    struct shelf *s = n->objects->shelf;

    if (m->whole && !o->whole) {
        fetching_stop(n, o->name);
        shelf_sealed(s, o);
        makings_about(n, o->name);
        copies_fetched(n, o->name, true);
        return;
    }
    if (!o->whole && shelf_listed(s, o) < 0)
        n->memory_out = true;
    for (uint64_t i = 0; i < o->pieces && !n->memory_out; i++)
        if (has_bit(m, i) && !o->whole)
            shelf_piece(s, o, i);
        else if (!has_bit(m, i) && is_on_map(o, i))
            damage_piece(n, o, i);
}

/* The limit is lower than it was, or the disk fuller: what is kept stays all the same, and of the
 * rest goes what does not fit. */
static int add_found(struct node *n, const struct moved_found *m, struct shelf_object **out)
{
    struct shelf *s = n->objects->shelf;
    struct shelf_object *o = shelf_find(s, m->name);

#if VELUM_PLANT != 402 /* trace/test_object_mover: a lower limit takes what is kept */
    if (keeping_is_kept(n, m->name)) {
        while ((o = shelf_victim(s, m->size)) != NULL)
            objects_drop(n, o);
        return shelf_add_kept(s, m->name, m->size, n->now, out);
    }
#endif
    return shelf_add(s, m->name, m->size, n->now, out);
}

/* Its file is longer than its list. */
static bool is_longer_than_its_list(const struct moved_found *m)
{
    return !m->whole && m->bits.len == 0 && m->size > 0;
}

static uint64_t number_of(struct digest name)
{
    uint64_t number = 0;

    for (int i = 0; i < 8; i++)
        number = number << 8 | name.bytes[i];
    return number;
}

static void is_cut(struct node *n, uint64_t number, const struct frame *answer)
{
    struct moved_checked m;

    if (answer->type != MESSAGE_MOVED_CHECKED || read_moved_checked(answer->payload, &m) < 0 ||
        m.cut == 0)
        return;
    log_line(n->options.log, LOG_WARNING,
             "the file of object %012llx had %llu bytes behind its end, which somebody else wrote "
             "while this node was down, and which were cut off",
             (unsigned long long)(number >> 16), (unsigned long long)m.cut);
}

/* Somebody may have appended to its file while this node was down. What is known of its size here
 * may be wrong as well, so that the mover compares it with the name, and then looks again: only
 * what it finds counts. Once, or a file that cannot be cut would be looked at for ever. */
static bool cut_found(struct node *n, const struct moved_found *m)
{
    const struct keeping *k = keeping_about(n, m->name);
    struct move_part part = {.name = m->name};

#if VELUM_PLANT == 757 /* trace/test_object_damage: what is too long at the start is as it is */
    return false;
#endif
    if (n->objects->scanned || n->objects->scan_cut || k == NULL || k->size >= m->size ||
        (!m->whole && !is_longer_than_its_list(m)))
        return false;
    n->objects->scan_cuts = true;
    part.size = k->size;
    part.offset = object_pieces(k->size); /* nothing is read */
    mover_part(n, MESSAGE_MOVE_CHECK, put_move_check, &part, is_cut, number_of(m->name));
    return true;
}

static void on_found(struct node *n, const struct moved_found *m)
{
    struct shelf *s = n->objects->shelf;
    struct shelf_object *o = shelf_find(s, m->name);

    if (mover_drops(n, m->name) || cut_found(n, m))
        return;
    if (o != NULL) {
        if (o->size == m->size)
            on_found_again(n, o, m);
        return;
    }
    /* It was removed, and went no further before the node or its mover ended. */
    if (keeping_is_removed(n, m->name) || is_longer_than_its_list(m) || add_found(n, m, &o) < 0) {
        mover_name(n, MESSAGE_MOVE_DROP, m->name, NULL, 0);
        return;
    }
    if (m->whole)
        shelf_sealed(s, o);
    else if (shelf_listed(s, o) < 0)
        n->memory_out = true;
    for (uint64_t i = 0; i < o->pieces && !m->whole && !n->memory_out; i++)
        if (has_bit(m, i))
            shelf_piece(s, o, i);
    shelf_keep(s, o, keeping_is_kept(n, m->name));
    o->used = m->used_s;
}

static void answer(struct node *n, uint64_t link, uint8_t type, uint32_t request,
                   struct bytes payload);

/* Those that waited to know what is here; when that could not be found out they hear so. */
static void answer_asks(struct node *n)
{
    struct objects *s = n->objects;
    struct object_ask *a;

    while ((a = s->asks) != NULL) {
        s->asks = a->next;
        s->asks_count--;
        if (s->scanned)
            answer(n, a->link, a->type, a->request, a->payload);
        else
            reply_error(n, a->link, a->request, 1,
                        "this node cannot read the folder of its objects",
                        "see what it says on standard error; ask again in a moment");
        ask_free(n, a);
    }
}

static void scanned(struct node *n, uint64_t what, const struct frame *f)
{
    struct objects *s = n->objects;
    struct moved_found m;
    struct moved_left left;

    (void)what;
    if (f->type == MESSAGE_MOVED_LEFT) {
#if VELUM_PLANT != 769 /* trace/test_put_again: what was left of a put is not known after a start */
        if (read_moved_left(f->payload, &left) == 0)
            put_found(n, &left);
#endif
        return;
    }
    if (f->type == MESSAGE_MOVED_FOUND) {
        if (read_moved_found(f->payload, &m) == 0)
            on_found(n, &m);
        return;
    }
    s->scan_is_on = false;
    if (moved_result(f) < 0) {
        log_line(n->options.log, LOG_WARNING, "the folder of objects cannot be read: %s",
                 err_sentence(moved_result(f)));
        s->scan_again = instant_plus_us(n->now, SCAN_AGAIN_US);
#if VELUM_PLANT == 403 /* trace/test_object_mover: what could not be looked at counts as empty */
        s->scanned = true;
#endif
        answer_asks(n);
        return;
    }
    copies_look(n);
    if (s->scanned)
        return;
    if (s->scan_cuts) {
        s->scan_cuts = false;
        s->scan_cut = true;
        objects_start(n);
        return;
    }
    shelf_order(s->shelf);
    s->scanned = true;
    s->check_at = instant_plus_us(n->now, n->limits.check_us);
    if (shelf_bytes(s->shelf) > n->options.objects_bytes)
        log_line(n->options.log, LOG_WARNING,
                 "the objects that are kept take more than --objects allows; no others are taken");
    answer_asks(n);
}

void objects_start(struct node *n)
{
    if (n->objects == NULL || n->objects->scan_is_on)
        return;
    n->objects->scan_is_on = true;
    mover_order(n, MESSAGE_MOVE_SCAN, (struct bytes){NULL, 0}, scanned, 0);
}

/* --- room --- */

void objects_drop(struct node *n, struct shelf_object *o)
{
    mover_name(n, MESSAGE_MOVE_DROP, o->name, NULL, 0);
    makings_about(n, o->name);
    shelf_remove(n->objects->shelf, o);
}

int objects_made(struct node *n, const struct frame *answer, bool wanted, struct shelf_object **o)
{
    struct shelf *s = n->objects->shelf;
    int rc = moved_result(answer);
    struct moved_made m = {.rc = ERR_FORMAT};

    if (rc == 0 && (answer->type != MESSAGE_MOVED_MADE || read_moved_made(answer->payload, &m) < 0))
        rc = ERR_FORMAT;
#if VELUM_PLANT != 401 /* trace/test_object_mover: what went meanwhile is taken for there */
    if (rc == 0 && mover_drops(n, m.name))
        return ERR_NOT_FOUND;
#endif
    if (rc == 0 && (*o = shelf_find(s, m.name)) == NULL)
        rc = shelf_add(s, m.name, m.size, n->now, o);
    if (rc == 0) {
        fetching_stop(n, m.name);
        shelf_sealed(s, *o);
        keeping_came(n, m.name);
        makings_about(n, m.name);
        sound_is_from(n, *o, n->now);
        shelf_keep(s, *o, wanted || keeping_is_kept(n, m.name));
    } else if (m.rc == 0) {
        mover_name(n, MESSAGE_MOVE_DROP, m.name, NULL, 0);
    }
    return rc;
}

void objects_let_go(struct node *n, struct shelf_object *o)
{
    shelf_keep(n->objects->shelf, o, false);
    if (o->pins == 0)
        objects_drop(n, o);
}

void objects_unpin(struct node *n, struct shelf_object *o)
{
    shelf_unpin(n->objects->shelf, o);
#if VELUM_PLANT != 410 /* trace/test_objects: what was removed while it was read stays */
    if (o->pins == 0 && keeping_is_removed(n, o->name))
        objects_drop(n, o);
#endif
}

bool objects_room(struct node *n, uint64_t bytes)
{
    struct objects *s = n->objects;
    struct shelf_object *o;

    if (!shelf_fits(s->shelf, bytes))
        return false;
    while (bytes > UINT64_MAX - s->coming_bytes || !shelf_fits(s->shelf, s->coming_bytes + bytes))
        if (!put_drop_left(n))
            return false;
    while ((o = shelf_victim(s->shelf, s->coming_bytes + bytes)) != NULL)
        objects_drop(n, o);
    return true;
}

/* --- what users are told --- */

/* Copies are those of the owner that has most of them. All jobs count, and one is named that who
 * asks may see: who is told the whole id of a job is believed to be its author (permit.h). */
static void count_owners(const struct node *n, uint64_t link, const struct shelf_object *o,
                         struct object_view *v)
{
    const struct keeping *k = keeping_about(n, o->name);
    const struct link_entry *l = link_find(n, link);
    uint32_t copies, machines;
    bool named = false;

    v->copies = having_count(n, o, NULL, &v->machines);
    for (; k != NULL; k = k->next_same) {
        if (!k->kept)
            continue;
        copies = having_count(n, o, k, &machines);
        v->copies = copies > v->copies ? copies : v->copies;
        v->machines = machines > v->machines ? machines : v->machines;
        if (job_id_equal(k->owner, KEEPING_USER)) {
            v->flags |= OBJECT_OF_USER;
            continue;
        }
        v->jobs++;
        if ((named && job_id_compare(k->owner, v->job) > 0) || !permit_sees_job(n, l, k->owner))
            continue;
        v->job = k->owner;
        named = true;
    }
}

void objects_view(const struct node *n, uint64_t link, const struct shelf_object *o,
                  struct object_view *v)
{
    uint64_t missing = o->pieces - o->have, bytes = missing * PIECE_SIZE;

    *v = (struct object_view){.name = o->name, .size = o->size};
    v->here = o->whole ? o->size : bytes < o->size ? o->size - bytes : 0;
    v->flags = (uint8_t)((o->kept ? OBJECT_KEPT : 0) | (o->whole ? OBJECT_WHOLE : 0) |
                         (fetching_is_on(n, o->name) ? OBJECT_COMING : 0) |
                         (o->pins > 0 ? OBJECT_IN_USE : 0));
    count_owners(n, link, o, v);
    v->age_s = (uint64_t)(instant_since_us(n->now, o->since) / S_US);
}

void objects_send_view(struct node *n, uint64_t link, uint32_t request,
                       const struct shelf_object *o)
{
    struct object_view v;
    uint8_t bytes[128];
    struct buf b;

    objects_view(n, link, o, &v);
    buf_init_fixed(&b, bytes, sizeof bytes);
    put_object_view(&b, &v);
    send_link(n, link, MESSAGE_REPLY_OBJECT, request, buf_bytes(&b));
}

struct shelf_object *objects_by_ref(struct node *n, uint64_t link, uint32_t request,
                                    const char *ref)
{
    struct shelf_object *o;
    int rc = shelf_by_prefix(n->objects->shelf, ref, &o);

    if (rc == 0)
        return o;
    if (rc == ERR_ARGUMENT)
        reply_error(n, link, request, 2, "several objects begin so", "give more of its digits");
    else
        reply_error(n, link, request, 3, "no such object", "velum objects --all");
    return NULL;
}

/* All that a ref means, or all there are; a page from `after` on. */
static void list(struct node *n, uint64_t link, uint32_t request, const struct request_objects *m)
{
    struct shelf *s = n->objects->shelf;
    struct digest digits = {{0}};
    int count = m->ref[0] != 0 ? id_parse_prefix(m->ref, digits.bytes) : 0;
    struct shelf_object *o = NULL;
    int rc = m->ref[0] != 0 ? shelf_by_prefix(s, m->ref, &o) : 0;

    if (count < 0 || (rc < 0 && rc != ERR_ARGUMENT)) {
        (void)objects_by_ref(n, link, request, m->ref);
        return;
    }
    if (!digest_equal(m->after, (struct digest){{0}}))
        o = shelf_next(s, &m->after);
    else if (m->ref[0] == 0)
        o = shelf_next(s, NULL);
    for (uint32_t i = 0; i < OBJECT_PAGE && o != NULL; i++) {
        if (!id_has_prefix(o->name.bytes, digits.bytes, (size_t)count))
            break;
        objects_send_view(n, link, request, o);
        o = shelf_next(s, &o->name);
    }
    reply_end(n, link, request);
}

void objects_answer_later(struct node *n, uint64_t link, uint32_t request,
                          const struct shelf_object *o, uint32_t copies)
{
    if (wait_add(n, (struct wait){.ticket = n->ticket_last,
                                  .kind = WAIT_OBJECT,
                                  .number = copies,
                                  .link = link,
                                  .request = request,
                                  .object = o->name}) == ERR_FULL)
        reply_error(n, link, request, 1, "too much waits for the disk of this node",
                    REPLY_TRY_AGAIN " when its disk has caught up, or another node");
}

static void is_removed(struct node *n, const struct wait *w, struct shelf_object *o)
{
    objects_send_view(n, w->link, w->request, o);
    reply_end(n, w->link, w->request);
    copies_tell_removed(n, o->name);
    if (keeping_is_kept(n, o->name)) /* it was put again meanwhile, or a job wants it */
        shelf_keep(n->objects->shelf, o, true);
    else
        objects_let_go(n, o);
}

void objects_written(struct node *n, const struct wait *w)
{
    struct shelf_object *o = n->objects == NULL ? NULL : shelf_find(n->objects->shelf, w->object);

    if (o == NULL)
        reply_error(n, w->link, w->request, 9, "the object has been removed meanwhile",
                    OBJECT_PUT_AGAIN);
    else if (w->number == 0)
        is_removed(n, w, o);
    else
        put_written(n, w->link, w->request, o, (uint32_t)w->number);
}

/* --- requests --- */

static void answer(struct node *n, uint64_t link, uint8_t type, uint32_t request,
                   struct bytes payload)
{
    struct request_objects objects;
    struct request_get get;
    struct request_rm rm;

    if (type == MESSAGE_REQUEST_GET && read_request_get(payload, &get) == 0)
        get_begin(n, link, request, &get);
    else if (type == MESSAGE_REQUEST_OBJECTS && read_request_objects(payload, &objects) == 0)
        list(n, link, request, &objects);
    else if (type == MESSAGE_REQUEST_RM && read_request_rm(payload, &rm) == 0)
        removing_ask(n, link, request, &rm);
    else
        reply_malformed(n, link, request);
}

static void ask_later(struct node *n, uint64_t link, const struct frame *f)
{
    struct objects *s = n->objects;
    struct object_ask *a, **at = &s->asks;

    if (s->asks_count >= ASKS_MAX) {
        reply_error(n, link, f->request, 1, "this node is still looking at what objects it has",
                    REPLY_TRY_AGAIN " in a moment");
        return;
    }
    a = node_alloc(n, sizeof *a);
    if (a == NULL)
        return;
    *a = (struct object_ask){
        .link = link, .type = f->type, .request = f->request, .payload = bytes_copy(n, f->payload)};
    while (*at != NULL)
        at = &(*at)->next;
    *at = a;
    s->asks_count++;
}

/* Of a node that keeps none. */
static void list_nothing(struct node *n, uint64_t link, const struct frame *f)
{
    struct request_objects m;

    if (read_request_objects(f->payload, &m) < 0)
        reply_malformed(n, link, f->request);
    else if (m.ref[0] != 0)
        reply_error(n, link, f->request, 3, "no such object", "velum objects --all");
    else
        reply_end(n, link, f->request);
}

void objects_request(struct node *n, uint64_t link, const struct frame *f)
{
    if (n->objects == NULL && f->type == MESSAGE_REQUEST_OBJECTS)
        list_nothing(n, link, f);
    else if (n->objects == NULL)
        reply_error(n, link, f->request, 1, "this node keeps no objects",
                    "start one that does: velum node --objects SIZE");
    else if (f->type == MESSAGE_REQUEST_PUT)
        put_begin(n, link, f->request, f->payload);
    else if (f->type == MESSAGE_REQUEST_DATA)
        put_data(n, link, f->request, f->payload);
    else if (f->type == MESSAGE_REQUEST_MORE)
        get_more(n, link, f->request, f->payload);
    else if (!n->objects->scanned)
        ask_later(n, link, f);
    else
        answer(n, link, f->type, f->request, f->payload);
}

void objects_link_down(struct node *n, uint64_t link)
{
    struct object_ask **at, *a;

    if (n->objects == NULL)
        return;
    put_link_down(n, link);
    get_link_down(n, link);
    removing_link_down(n, link);
    for (at = &n->objects->asks; (a = *at) != NULL;) {
        if (a->link != link) {
            at = &a->next;
            continue;
        }
        *at = a->next;
        n->objects->asks_count--;
        ask_free(n, a);
    }
}

void objects_moved(struct node *n, const struct frame *f)
{
    mover_answered(n, f);
}

void objects_mover(struct node *n)
{
    if (n->objects == NULL)
        return;
    put_mover_died(n);
    makings_mover_died(n);
    fetching_mover_died(n);
    objects_start(n);
}

void objects_tick(struct node *n)
{
    if (n->objects == NULL)
        return;
    if (!n->objects->scanned && instant_reached(n->now, n->objects->scan_again))
        objects_start(n);
    fetching_tick(n);
    bulk_tick(n);
    room_tick(n);
    copies_tick(n);
    damage_tick(n);
    puts_look(n);
    makings_tick(n);
    makings_look(n);
    gets_tick(n);
    removings_tick(n);
}

void objects_settle(struct node *n)
{
    if (n->objects == NULL)
        return;
    if (n->objects->makings_due)
        makings_look(n);
    if (n->objects->fetch_wanted)
        fetching_go_on(n);
}

bool node_object(const struct node *n, struct digest name, struct node_object *out)
{
    const struct shelf_object *o = n->objects == NULL ? NULL : shelf_find(n->objects->shelf, name);

    *out = (struct node_object){.removed = keeping_is_removed(n, name)};
    if (o == NULL)
        return false;
    out->kept = o->kept;
    out->whole = o->whole;
    return true;
}

struct node_objects node_objects(const struct node *n)
{
    const struct objects *s = n->objects;

    if (s == NULL)
        return (struct node_objects){0};
    return (struct node_objects){.bytes = shelf_bytes(s->shelf) + s->coming_bytes,
                                 .puts = s->puts_count,
                                 .gets = s->gets_count,
                                 .waits = s->put_waits_count + s->removings_count,
                                 .asks = s->asks_count,
                                 .fetches = s->fetches_count};
}
