#include "core/node/fetching.h"

#include "core/base/err.h"
#include "core/node/bulk.h"
#include "core/node/copies.h"
#include "core/node/fetch_wait.h"
#include "core/node/get.h"
#include "core/node/labour_inputs.h"
#include "core/node/link.h"
#include "core/node/making.h"
#include "core/node/mover.h"
#include "core/node/room.h"
#include "core/node/sound.h"
#include "core/object/fetch.h"
#include "core/object/name.h"

#define INCOMING_MAX (FETCH_SOURCES_MAX * FETCH_WINDOW)
#define SLOT_BITS 8

/* One piece on its way from one node. */
struct incoming {
    struct node_id from;
    uint64_t piece;
    uint64_t tag;    /* it was asked for with */
    uint32_t got;    /* bytes of it that came, in order */
    uint32_t writes; /* orders that were not answered yet */
    bool used;
    bool second; /* another copy of it is written: this one is only waited for */
    int rc;      /* the worst of its writes */
};

struct fetching {
    struct fetching *next;
    uint64_t number;
    struct digest name;
    uint64_t size;
    struct node_id sources[FETCH_SOURCES_MAX]; /* while there is no plan */
    uint32_t sources_count;
    struct fetch *plan; /* NULL: the list is not here yet */
    struct node_id list_from;
    uint64_t list_tag; /* of the part of it that is on its way; 0: none is */
    uint64_t list_end, list_came, list_written; /* bytes */
    struct incoming pieces[INCOMING_MAX];
    bool sealing;
    struct instant began;
    bool from_nothing;    /* so all of it was compared when it came */
    bool starved;         /* there is a piece that none of the sources has */
    struct instant heard; /* when something came last; the others have their time too */
    struct instant came;  /* the same, or it waited for its turn; 0: never */
};

static struct fetching *find(const struct node *n, struct digest name)
{
    struct fetching *f = n->objects == NULL ? NULL : n->objects->fetches;

    while (f != NULL && !digest_equal(f->name, name))
        f = f->next;
    return f;
}

static struct fetching *find_number(const struct node *n, uint64_t number)
{
    struct fetching *f = n->objects->fetches;

    while (f != NULL && f->number != number)
        f = f->next;
    return f;
}

/* Tags tell what is wanted still from what was given up, also in the mover's answers. */
static struct fetching *find_list(const struct node *n, uint64_t tag)
{
    struct fetching *f = n->objects->fetches;

    while (f != NULL && f->list_tag != tag)
        f = f->next;
    return f;
}

bool fetching_is_on(const struct node *n, struct digest name)
{
    return find(n, name) != NULL;
}

struct instant fetching_came(const struct node *n, struct digest name)
{
    const struct fetching *f = find(n, name);

#if VELUM_PLANT == 656 /* trace/test_collect: what does not come is waited for for ever */
    return f != NULL ? n->now : (struct instant){0};
#endif
    /* All of it came; this node's disk has its time. */
    if (f != NULL && f->sealing)
        return n->now;
    return f != NULL ? f->came : (struct instant){0};
}

bool fetching_has_place(const struct node *n, struct digest name)
{
    return n->objects->fetches_count < (gets_wait_for(n, name) ? FETCHES_MAX : FETCHES_COPIES_MAX);
}

static void forget(struct node *n, struct fetching *f)
{
    struct fetching **at = &n->objects->fetches;

    while (*at != f)
        at = &(*at)->next;
    *at = f->next;
    n->objects->fetches_count--;
    n->objects->fetch_wanted |= fetch_waits_any(n);
    fetch_free(f->plan);
    alloc_free(n->alloc, f, sizeof *f);
}

/* It ends here, well or not. */
static void end(struct node *n, struct fetching *f)
{
    struct shelf_object *o = shelf_find(n->objects->shelf, f->name);
    struct digest name = f->name;
    bool whole = o != NULL && o->whole;

    forget(n, f);
#if VELUM_PLANT != 662 /* trace/test_owners: what a user has removed no job can get any more */
    if (whole)
        labour_inputs_came(n, o);
#endif
    /* Without its list nothing is there that could be gone on with; but the order to drop it would
     * take along what a worker here has just yielded, if it is the same. */
    if (o != NULL && !o->listed && !o->kept && o->pins == 1 && !mover_makes(n))
        objects_drop(n, o);
    else if (o != NULL)
        objects_unpin(n, o);
    copies_fetched(n, name, whole);
}

void fetching_stop(struct node *n, struct digest name)
{
    struct fetching *f = find(n, name);
    struct shelf_object *o;

    if (f == NULL)
        return;
    forget(n, f);
    o = shelf_find(n->objects->shelf, name);
    if (o != NULL)
        shelf_unpin(n->objects->shelf, o);
}

/* --- sources --- */

static uint32_t sources_of(const struct fetching *f)
{
    return f->plan != NULL ? fetch_sources(f->plan) : f->sources_count;
}

static struct node_id source_at(const struct fetching *f, uint32_t i)
{
    return f->plan != NULL ? fetch_source_at(f->plan, i) : f->sources[i];
}

static bool has_source(const struct fetching *f, struct node_id id)
{
    for (uint32_t i = 0; i < sources_of(f); i++)
        if (node_id_equal(source_at(f, i), id))
            return true;
    return false;
}

static void add_source(struct fetching *f, struct node_id id)
{
    if (has_source(f, id))
        return;
    f->starved = false;
    if (f->plan != NULL)
        (void)fetch_source(f->plan, id);
    else if (f->sources_count < FETCH_SOURCES_MAX)
        f->sources[f->sources_count++] = id;
}

/* What it was asked for is asked of others. */
static void remove_source(struct fetching *f, struct node_id id)
{
    if (f->plan != NULL)
        fetch_source_gone(f->plan, id);
    for (uint32_t i = 0; i < f->sources_count; i++)
        if (node_id_equal(f->sources[i], id))
            f->sources[i] = f->sources[--f->sources_count];
    if (f->list_tag != 0 && node_id_equal(f->list_from, id))
        f->list_tag = f->list_written = 0;
    for (uint32_t i = 0; i < INCOMING_MAX; i++)
        if (f->pieces[i].used && node_id_equal(f->pieces[i].from, id))
            f->pieces[i].used = false;
}

/* It does not bring what it says it has. */
static void strike(struct node *n, struct fetching *f, struct node_id id)
{
    gets_strike(n, f->name, id);
    remove_source(f, id);
}

bool fetching_uses(const struct node *n, struct node_id id)
{
    for (const struct fetching *f = n->objects->fetches; f != NULL; f = f->next)
        if (has_source(f, id))
            return true;
    return false;
}

/* Links are shared: what somebody waits for asks before what nobody does. */
static bool goes_before(const struct node *n, const struct fetching *f,
                        const struct fetching *other)
{
    return gets_wait_for(n, f->name) && !gets_wait_for(n, other->name);
}

/* Whoever waits for it here does not hear that it is lost; whoever waits for a copy here waits no
 * longer. `says`: who says that it has this size; NULL: its list is here, so it does. */
static void has_no_room(struct node *n, struct digest name, uint64_t size,
                        const struct node_id *says)
{
    room_tell(n, name, size);
    gets_no_room(n, name, size, says);
    labour_inputs_no_room(n, name, size);
}

static int begin(struct node *n, struct digest name, uint64_t size, struct node_id source)
{
    struct objects *s = n->objects;
    struct shelf_object *o = shelf_find(s->shelf, name);
    struct fetching *f = find(n, name), **at;
    int rc;

    if (f != NULL) {
        if (f->size != size)
            return ERR_FORMAT; /* one of them lies; when it was the first, all are asked again */
        add_source(f, source);
        s->fetch_wanted = true;
        return 0;
    }
    if (o != NULL && o->whole)
        return ERR_EXISTS;
    if (o != NULL && o->size != size)
        return ERR_FORMAT;
    if (!fetching_has_place(n, name))
        return fetch_wait_add(n, name, size, source) ? 0 : ERR_FULL;
    if (o == NULL && !objects_room(n, size))
        return ERR_NO_SPACE;
    f = node_alloc(n, sizeof *f);
    if (f == NULL)
        return ERR_NO_MEMORY;
    *f = (struct fetching){
        .number = ++s->number_counter, .name = name, .began = n->now, .heard = n->now};
    f->from_nothing = o == NULL || o->have == 0;
    rc = o != NULL ? 0 : shelf_add(s->shelf, name, size, n->now, &o);
    if (rc < 0) {
        alloc_free(n->alloc, f, sizeof *f);
        return rc;
    }
    f->size = o->size;
    shelf_pin(s->shelf, o);
    for (at = &s->fetches; *at != NULL && !goes_before(n, f, *at); at = &(*at)->next)
        ; /* the oldest asks first */
    f->next = *at;
    *at = f;
    s->fetches_count++;
    if (o->listed && (rc = fetch_new(&f->plan, n->alloc, f->size, o->map)) < 0) {
        end(n, f);
        return rc;
    }
    add_source(f, source);
    s->fetch_wanted = true;
    return 0;
}

int fetching_begin(struct node *n, struct digest name, uint64_t size, struct node_id source)
{
    int rc = begin(n, name, size, source);

    if (rc == 0)
        gets_fit(n, name);
    else if (rc == ERR_NO_SPACE)
        has_no_room(n, name, size, &source);
    return rc;
}

/* --- the list --- */

static void learned(struct node *n, uint64_t number, const struct frame *answer);

static void ask_list(struct node *n, struct fetching *f)
{
    struct bulk_part want = {.name = f->name, .what = BULK_LIST, .offset = f->list_written};
    uint64_t left = object_list_size(f->size) - f->list_written;

    want.length = left < PIECE_SIZE ? (uint32_t)left : PIECE_SIZE;
    for (uint32_t i = 0; i < f->sources_count; i++) {
        uint64_t tag = ++n->objects->number_counter;

        if (!bulk_ready(n, f->sources[i]) || !bulk_ask(n, f->sources[i], &want, tag))
            continue;
        f->list_from = f->sources[i];
        f->list_tag = tag;
        f->list_came = want.offset;
        f->list_end = want.offset + want.length;
        return;
    }
}

static void order_learn(struct node *n, struct fetching *f, uint64_t offset, struct bytes bytes)
{
    struct move_part m = {.name = f->name, .size = f->size, .offset = offset, .bytes = bytes};

    mover_part(n, MESSAGE_MOVE_LEARN, put_move_learn, &m, learned,
               f->list_tag << 16 | (uint16_t)bytes.len);
}

static void is_listed(struct node *n, struct fetching *f)
{
    struct shelf_object *o = shelf_find(n->objects->shelf, f->name);

    if (o == NULL || shelf_listed(n->objects->shelf, o) < 0 ||
        fetch_new(&f->plan, n->alloc, f->size, o->map) < 0) {
        n->memory_out = true;
        return;
    }
    for (uint32_t i = 0; i < f->sources_count; i++)
        (void)fetch_source(f->plan, f->sources[i]);
}

static void learned(struct node *n, uint64_t what, const struct frame *answer)
{
    struct fetching *f = find_list(n, what >> 16);
    int rc = moved_result(answer);

    if (f == NULL || f->plan != NULL)
        return;
    if (rc < 0) {
        /* Whose list it was does not matter: it is begun anew, without that node. */
        f->list_written = 0;
        if (rc == ERR_DAMAGED || rc == ERR_ARGUMENT)
            strike(n, f, f->list_from);
        else
            f->sources_count = 0;
        if (rc == ERR_NO_SPACE)
            has_no_room(n, f->name, f->size, &f->list_from);
        f->list_tag = 0;
        n->objects->fetch_wanted = true;
        return;
    }
    f->list_written += what & 0xffff;
    if (f->list_written == f->list_end)
        f->list_tag = 0;
    if (f->list_written == object_list_size(f->size))
        is_listed(n, f);
    n->objects->fetch_wanted = true;
}

/* --- pieces --- */

static struct incoming *slot_of(struct fetching *f, uint64_t tag)
{
    for (uint32_t i = 0; i < INCOMING_MAX; i++)
        if (f->pieces[i].used && f->pieces[i].tag == tag)
            return &f->pieces[i];
    return NULL;
}

static bool is_written_by_another(const struct fetching *f, uint64_t piece)
{
    for (uint32_t i = 0; i < INCOMING_MAX; i++)
        if (f->pieces[i].used && f->pieces[i].piece == piece && !f->pieces[i].second)
            return true;
    return false;
}

/* One that is free, and of whose former piece no write is open. */
static struct incoming *free_slot(struct fetching *f)
{
    for (uint32_t i = 0; i < INCOMING_MAX; i++)
        if (!f->pieces[i].used && f->pieces[i].writes == 0)
            return &f->pieces[i];
    return NULL;
}

static bool ask_piece(struct node *n, struct fetching *f, struct node_id id)
{
    struct bulk_part want = {.name = f->name, .what = BULK_DATA};
    struct incoming *p = bulk_ready(n, id) ? free_slot(f) : NULL;
    uint64_t piece;
    bool second;

    if (p == NULL || !fetch_next(f->plan, id, n->now, &piece))
        return false;
    want.offset = piece * PIECE_SIZE;
    want.length = object_piece_length(f->size, piece);
    second = is_written_by_another(f, piece);
    *p = (struct incoming){.from = id, .piece = piece, .used = true, .second = second};
    p->tag = ++n->objects->number_counter;
    return bulk_ask(n, id, &want, p->tag);
}

/* One of each source in turn, so that all have their part of a few. */
static void ask_pieces(struct node *n, struct fetching *f)
{
    for (bool some = true; some;) {
        some = false;
        for (uint32_t i = 0; i < fetch_sources(f->plan); i++)
            some |= ask_piece(n, f, fetch_source_at(f->plan, i));
    }
}

static void sealed(struct node *n, uint64_t number, const struct frame *answer)
{
    struct fetching *f = find_number(n, number);
    struct shelf_object *o;
    int rc = moved_result(answer);

    if (f == NULL)
        return;
    o = shelf_find(n->objects->shelf, f->name);
    if (rc == 0 && o != NULL) {
        shelf_sealed(n->objects->shelf, o);
        makings_about(n, f->name);
        if (f->from_nothing)
            sound_is_from(n, o, f->began);
    }
#if VELUM_PLANT != 375 /* trace/test_object_places: what a failed sync has taken counts as here */
    /* Nothing of it is left; or less than the shelf says, and then it is begun anew. */
    if (rc < 0 && rc != ERR_IO && o != NULL) {
        mover_name(n, MESSAGE_MOVE_DROP, f->name, NULL, 0);
        shelf_lost(n->objects->shelf, o);
    }
#endif
    end(n, f);
}

/* Others may have it, and it may have others. */
static void does_not_have(struct node *n, struct fetching *f, struct node_id id, uint64_t piece)
{
    if (!fetch_bad(f->plan, id, piece))
        f->starved = true;
    if (!has_source(f, id))
        strike(n, f, id);
}

/* Second copies are not written. One that has come is held until the first has come to its end:
 * when that came to nothing the piece is asked for anew. */
static void release_seconds(struct fetching *f, const struct shelf_object *o)
{
    for (uint32_t i = 0; i < INCOMING_MAX; i++) {
        struct incoming *p = &f->pieces[i];
        struct node_id from = p->from;

        if (!p->used || !p->second || p->got < object_piece_length(f->size, p->piece))
            continue;
#if VELUM_PLANT != 371 /* trace/test_object_places: what comes already is asked for all the time */
        if (is_written_by_another(f, p->piece))
            continue;
#endif
        p->used = false;
        if (o->map == NULL || (o->map[p->piece / 8] >> p->piece % 8 & 1) != 0) {
            fetch_got(f->plan, from, p->piece);
        } else {
            remove_source(f, from);
            add_source(f, from);
        }
    }
}

/* The piece of a slot, which was to be written, has come to its end. */
static void piece_ends(struct node *n, struct fetching *f, struct incoming *p)
{
    struct shelf_object *o = shelf_find(n->objects->shelf, f->name);
    struct node_id from = p->from;

    p->used = false;
    n->objects->fetch_wanted = true;
    if (o == NULL || f->plan == NULL)
        return;
    if (p->rc == 0) {
        shelf_piece(n->objects->shelf, o, p->piece);
        fetch_got(f->plan, from, p->piece);
    } else if (p->rc == ERR_DAMAGED) {
        log_line(n->options.log, LOG_WARNING, "a node sent a piece of an object that is damaged");
        does_not_have(n, f, from, p->piece);
    } else {
        /* This node's disk does not take it, or has lost what was there. */
        if (p->rc == ERR_NOT_FOUND)
            shelf_lost(n->objects->shelf, o);
        if (p->rc == ERR_NO_SPACE)
            has_no_room(n, f->name, f->size, NULL);
        end(n, f);
    }
}

static void wrote(struct node *n, uint64_t what, const struct frame *answer)
{
    struct fetching *f = find_number(n, what >> SLOT_BITS);
    struct incoming *p;
    int rc = moved_result(answer);

    if (f == NULL)
        return;
    p = &f->pieces[what & ((1u << SLOT_BITS) - 1)];
    p->writes--;
    if (rc < 0 && p->rc == 0)
        p->rc = rc;
    if (p->used && p->writes == 0 &&
        (p->rc < 0 || p->got == object_piece_length(f->size, p->piece)))
        piece_ends(n, f, p);
}

static void order_write(struct node *n, struct fetching *f, struct incoming *p,
                        const struct bulk_part *part)
{
    struct move_part m = {.name = f->name, .offset = part->offset, .bytes = part->bytes};

    mover_part(n, MESSAGE_MOVE_WRITE, put_move_write, &m, wrote,
               f->number << SLOT_BITS | (uint64_t)(p - f->pieces));
    p->writes++;
}

static void on_data(struct node *n, struct fetching *f, uint64_t tag, const struct bulk_part *part)
{
    struct incoming *p = slot_of(f, tag);

    if (p == NULL)
        return;
    p->got += (uint32_t)part->bytes.len;
    if (!p->second && p->rc == 0)
        order_write(n, f, p, part);
    else if (p->second)
        n->objects->fetch_wanted = true;
    else if (p->writes == 0 && p->got == object_piece_length(f->size, p->piece))
        piece_ends(n, f, p);
}

void fetching_bytes(struct node *n, uint64_t tag, const struct bulk_part *part)
{
    struct fetching *f = find(n, part->name);

    if (f == NULL)
        return;
    f->heard = f->came = n->now;
    if (part->what == BULK_DATA)
        on_data(n, f, tag, part);
    else if (f->list_tag == tag) {
        f->list_came = part->offset + part->bytes.len;
        order_learn(n, f, part->offset, part->bytes);
    }
}

void fetching_refused(struct node *n, struct node_id from, uint64_t tag,
                      const struct bulk_part *part)
{
    struct fetching *f = find(n, part->name);
    struct incoming *p = f == NULL ? NULL : slot_of(f, tag);

    if (f == NULL)
        return;
    n->objects->fetch_wanted = true;
    if (part->what == BULK_LIST) {
        if (f->list_tag == tag)
            strike(n, f, from);
    } else if (p != NULL && f->plan != NULL) {
        f->heard = n->now;
        p->used = false;
        does_not_have(n, f, from, p->piece);
    }
}

/* --- going on --- */

static bool is_under_way(const struct fetching *f)
{
    bool some = f->list_tag != 0 || f->sealing;

    for (uint32_t i = 0; i < INCOMING_MAX; i++)
        some |= f->pieces[i].used;
    return some;
}

/* Nothing of it is on its way because others use the links: that is no fault of its sources. */
static bool waits_its_turn(const struct node *n, const struct fetching *f)
{
    bool busy = false;

    if (is_under_way(f))
        return false;
    for (uint32_t i = 0; i < sources_of(f); i++)
        busy |= bulk_is_busy(n, source_at(f, i));
    return busy;
}

static void go_on(struct node *n, struct fetching *f)
{
    struct shelf_object *o = shelf_find(n->objects->shelf, f->name);

    if (f->sealing)
        return;
    if (o == NULL || sources_of(f) == 0) {
        end(n, f);
        return;
    }
    /* The list of nothing is nothing, and right or wrong as what its source says is. */
    if (f->plan == NULL && object_list_size(f->size) == 0 && f->list_tag == 0) {
        f->list_tag = ++n->objects->number_counter;
        f->list_from = f->sources[0];
        order_learn(n, f, 0, (struct bytes){NULL, 0});
    } else if (f->plan == NULL && f->list_tag == 0) {
        ask_list(n, f);
    } else if (f->plan != NULL && o->have == o->pieces) {
        f->sealing = true;
        mover_name(n, MESSAGE_MOVE_SEAL, f->name, sealed, f->number);
    } else if (f->plan != NULL) {
        release_seconds(f, o);
        ask_pieces(n, f);
    }
}

void fetching_go_on(struct node *n)
{
    struct fetching *f, *next;

    n->objects->fetch_wanted = false;
#if VELUM_PLANT != 491 /* trace/test_object_links: a place that comes free is not taken */
    fetch_waits_go_on(n);
#endif
    for (f = n->objects->fetches; f != NULL; f = next) {
        next = f->next;
        go_on(n, f);
    }
}

void fetching_source_gone(struct node *n, struct node_id id)
{
    for (struct fetching *f = n->objects->fetches; f != NULL; f = f->next)
        remove_source(f, id);
    n->objects->fetch_wanted = true;
}

/* Others that were asked whether they have it may answer a little later. */
static int64_t patience_of(const struct fetching *f)
{
    return f->starved && !is_under_way(f) ? SEEK_OBJECT_US : FETCH_PATIENCE_US;
}

/* One that was asked for something brings nothing: others are asked, where there are some. */
static void strike_stalled(struct node *n, struct fetching *f)
{
    struct instant since = {n->now.us - FETCH_STALL_US};
    struct node_id id;

    if (f->plan != NULL && fetch_stalled(f->plan, since, &id)) {
        strike(n, f, id);
#if VELUM_PLANT != 494 /* trace/test_object_liars: whose list does not come is waited for */
    } else if (f->list_tag != 0 && f->list_came < f->list_end && f->sources_count > 1) {
        strike(n, f, f->list_from);
        f->heard = n->now; /* the next has its time too */
#endif
    }
}

static void lost_patience(struct node *n, struct fetching *f)
{
    if (!f->starved)
        for (uint32_t i = 0; i < sources_of(f); i++)
            gets_strike(n, f->name, source_at(f, i));
    end(n, f);
}

void fetching_tick(struct node *n)
{
    struct fetching *f, *next;

    for (f = n->objects->fetches; f != NULL; f = next) {
        next = f->next;
        if (waits_its_turn(n, f))
            f->heard = f->came = n->now;
        if (instant_since_us(n->now, f->heard) >= FETCH_STALL_US)
            strike_stalled(n, f);
        if (!f->sealing && instant_since_us(n->now, f->heard) >= patience_of(f))
            lost_patience(n, f);
    }
    fetching_go_on(n);
}

void fetching_mover_died(struct node *n)
{
    while (n->objects->fetches != NULL)
        end(n, n->objects->fetches);
}

void fetchings_free(struct node *n)
{
    while (n->objects->fetches != NULL)
        forget(n, n->objects->fetches);
}
