#include "core/node/copies.h"

#include "core/base/err.h"
#include "core/node/drain.h"
#include "core/node/fetch_wait.h"
#include "core/node/fetching.h"
#include "core/node/get.h"
#include "core/node/having.h"
#include "core/node/labour_inputs.h"
#include "core/node/link.h"
#include "core/node/making.h"
#include "core/node/owners.h"
#include "core/node/place.h"
#include "core/node/proving.h"
#include "core/node/put.h"
#include "core/node/record.h"
#include "core/node/removing.h"
#include "core/node/reserve.h"
#include "core/node/room.h"
#include "core/node/snippet.h"

#define TELL_AGAIN_US (2 * S_US)
#define LOST_AGAIN_US (10 * S_US)
#define LOOKS_MAX 256u   /* statements looked at in a round */
#define HASHES_MAX 1024u /* members ranked in a round, for all of them together */
#define SEEKS_MAX 64u    /* nodes asked for one object */

/* --- telling --- */

static void send_keep(struct node *n, struct node_id to, const struct keeping *k)
{
    const struct object_keep m = keeping_for(n, to, k);
    uint8_t bytes[128 + REMOVAL_SIZE_MAX];
    struct buf b;

    buf_init_fixed(&b, bytes, sizeof bytes);
    put_u16(&b, 1);
    put_object_keep(&b, &m);
    send_node(n, to, MESSAGE_OBJECT_KEEP, 0, buf_bytes(&b));
}

static void send_word(struct node *n, struct node_id to, const struct object_have *m)
{
    uint8_t bytes[128];
    struct buf b;

    buf_init_fixed(&b, bytes, sizeof bytes);
    put_u16(&b, 1);
    put_object_have(&b, m);
    send_node(n, to, MESSAGE_OBJECT_HAVE, 0, buf_bytes(&b));
}

/* What this node has of it, for this owner. */
static struct object_have word_on(const struct node *n, struct digest name, struct job_id owner)
{
    const struct shelf_object *o = shelf_find(n->objects->shelf, name);
    const struct keeping *k = keeping_find(n, name, owner);
    struct object_have m = {.name = name, .owner = owner};
    bool removed = keeping_is_removed(n, name); /* and read to its end: it is not for others */

    m.whole = o != NULL && o->whole && k != NULL && k->kept && member_keeps(n, n->options.id);
#if VELUM_PLANT != 551 /* trace/test_object_places: what may go any time is told as a copy */
    m.whole &= o != NULL && o->kept;
#endif
#if VELUM_PLANT == 463 /* trace/test_owners: a copy for one owner counts as one for another */
    m.whole = o != NULL && o->whole && keeping_is_kept(n, name) && member_keeps(n, n->options.id);
#endif
#if VELUM_PLANT != 365 /* trace/test_object_damage: what is here in part is here for nobody */
    m.part = o != NULL && !o->whole && o->have > 0 && !removed;
#endif
#if VELUM_PLANT != 408 /* trace/test_object_mover: a copy counts before it is written down */
    /* It counts when it would be kept after a crash too; then copies_written says so. */
    if (k != NULL && k->ticket > n->ticket_synced)
        m.whole = false;
#endif
    m.loose = o != NULL && o->whole && !m.whole && !removed;
    m.size = o != NULL ? o->size : 0;
    return m;
}

static void send_have(struct node *n, struct node_id to, struct digest name, struct job_id owner)
{
    struct object_have m = word_on(n, name, owner);

    send_word(n, to, &m);
}

static void send_seek(struct node *n, struct node_id to, struct digest name, struct job_id owner)
{
    uint8_t bytes[2 * ID_SIZE];
    struct buf b;

    buf_init_fixed(&b, bytes, sizeof bytes);
    put_object_seek_begin(&b, owner);
    put_digest(&b, name);
    send_node(n, to, MESSAGE_OBJECT_SEEK, 0, buf_bytes(&b));
}

void copies_written(struct node *n, const struct wait *w)
{
    const struct shelf_object *o =
        n->objects == NULL ? NULL : shelf_find(n->objects->shelf, w->object);

    if (o != NULL && o->whole)
        send_have(n, w->node, w->object, w->job);
}

/* Of `size` 0: whether there is room does not matter. */
static struct holders keepers_of(const struct node *n, struct digest name, uint64_t size)
{
#if VELUM_PLANT == 492 /* trace/test_object_places: who keeps no objects is struck, not replaced */
    struct holders wanted = place_keepers(n, name, size, NULL);

    for (uint8_t i = wanted.count; i-- > 0;)
        if (having_never(n, wanted.ids[i]))
            wanted.ids[i] = wanted.ids[--wanted.count];
    return wanted;
#else
    return place_keepers(n, name, size, room_lacks);
#endif
}

#define CONCERNED_MAX (KEEPING_HAS_MAX + FACT_HOLDERS_MAX)

/* Other nodes that have said that they have it, and those that should have it. */
static uint32_t concerned(const struct node *n, const struct keeping *k,
                          const struct holders *wanted, struct node_id to[CONCERNED_MAX])
{
    uint32_t count = 0;

    for (uint8_t i = 0; i < k->has_count; i++)
        to[count++] = k->has[i];
    for (uint8_t i = 0; i < wanted->count; i++)
        if (!node_is_self(n, wanted->ids[i]) && !having_had(k, wanted->ids[i]))
            to[count++] = wanted->ids[i];
    return count;
}

/* --- what was removed --- */

void copies_tell_removed(struct node *n, struct digest name)
{
    struct holders wanted = keepers_of(n, name, 0);
    struct node_id to[CONCERNED_MAX];

    for (struct keeping *k = keeping_about(n, name); k != NULL; k = k->next_same) {
        uint32_t count = k->kept ? 0 : concerned(n, k, &wanted, to);

        for (uint32_t i = 0; i < count; i++)
            send_keep(n, to[i], k);
        if (!k->kept)
            k->told = n->now;
    }
    copies_look(n);
}

static void tell_again(struct node *n, struct node_id to, const struct keeping *k, bool due)
{
    if (!member_works(n, to))
        mesh_want_link(n->mesh, to, n->now);
    else if (due)
        send_keep(n, to, k);
}

/* Whoever has it hears so until he says that he has it no more; and so do those that should have
 * it, also when others should have had it before: in the other half of a mesh that was cut in two
 * nobody has heard, and whoever keeps it there is known to them. True when one is left. */
static bool tend_removed(struct node *n, struct keeping *k, uint32_t *hashes)
{
    bool due = instant_since_us(n->now, k->told) >= TELL_AGAIN_US;
    struct holders wanted = {0};

    having_forget_gone(n, k);
    for (uint8_t i = 0; i < k->has_count; i++)
        tell_again(n, k->has[i], k, due);
#if VELUM_PLANT != 496 /* trace/test_object_places: who was in the other half does not hear of it */
    if (k->placed != n->objects->placings || (k->missing && due)) {
        *hashes += mesh_count(n->mesh) + 1;
        wanted = keepers_of(n, k->name, 0);
        having_heard_only(k, &wanted);
        k->missing = false;
        k->placed = n->objects->placings;
    }
#endif
    for (uint8_t i = 0; i < wanted.count; i++) {
        if (node_is_self(n, wanted.ids[i]) || having_heard(k, wanted.ids[i]))
            continue;
        k->missing = true;
        if (!having_had(k, wanted.ids[i]))
            tell_again(n, wanted.ids[i], k, due);
    }
    if (due)
        k->told = n->now;
    return k->has_count > 0 || k->missing;
}

/* Whoever counts on this node hears what it has, for each of the owners. */
static void tell_all(struct node *n, const struct keeping *first)
{
    struct holders wanted = keepers_of(n, first->name, 0);
    struct node_id to[CONCERNED_MAX];

    for (const struct keeping *k = first; k != NULL; k = k->next_same) {
        uint32_t count = k->kept ? concerned(n, k, &wanted, to) : 0;

        for (uint32_t i = 0; i < count; i++)
            send_have(n, to[i], k->name, k->owner);
    }
}

void copies_lost(struct node *n, const struct shelf_object *o)
{
    for (struct keeping *k = keeping_about(n, o->name); k != NULL; k = k->next_same) {
        k->told = k->kept ? KEEPING_NOT_TOLD : k->told;
        k->placed = k->kept ? 0 : k->placed;
    }
    if (!keeping_is_kept(n, o->name))
        return;
#if VELUM_PLANT != 364 /* trace/test_object_damage: nobody hears that a copy is damaged */
    tell_all(n, keeping_about(n, o->name));
#endif
    copies_look(n);
}

static bool is_missing(const struct node *n, const struct keeping *k, const struct holders *wanted)
{
    for (uint8_t i = 0; i < wanted->count; i++)
        if (!node_is_self(n, wanted->ids[i]) && !having_has(n, k, wanted->ids[i]))
            return true;
    return false;
}

static void seek_lost(struct node *n, struct keeping *k, const struct holders *wanted)
{
    struct node_id to[CONCERNED_MAX];
    uint32_t count = concerned(n, k, wanted, to);

    k->told = n->now;
    for (uint32_t i = 0; i < count; i++)
        send_seek(n, to[i], k->name, k->owner);
}

/* It is to be kept, and not whole here: those who may have it are asked until one has. True when it
 * is to be looked at again. */
static bool tend_lost(struct node *n, struct keeping *first, struct shelf_object *o,
                      const struct holders *wanted)
{
    bool missing = false;

    for (struct keeping *k = first; k != NULL; k = k->next_same)
        missing |= k->kept && is_missing(n, k, wanted);
    if (!missing && !holders_have(wanted, n->options.id)) {
        shelf_keep(n->objects->shelf, o, false);
        return false;
    }
    if (fetching_is_on(n, first->name))
        return false;
#if VELUM_PLANT != 361 /* trace/test_object_damage: what is lost is asked for when somebody reads */
    for (struct keeping *k = first; k != NULL; k = k->next_same)
        if (k->kept && instant_since_us(n->now, k->told) >= LOST_AGAIN_US)
            seek_lost(n, k, wanted);
#endif
    return true;
}

/* Those who should have it and do not say that they have it for this owner are told. */
static void tend_kept(struct node *n, struct keeping *k, const struct holders *wanted)
{
    bool due = instant_since_us(n->now, k->told) >= TELL_AGAIN_US;

    k->missing = false;
    for (uint8_t i = 0; i < wanted->count; i++) {
        if (node_is_self(n, wanted->ids[i]) || having_has(n, k, wanted->ids[i]))
            continue;
        k->missing = true;
        if (!member_works(n, wanted->ids[i]))
            mesh_want_link(n->mesh, wanted->ids[i], n->now);
        else if (due)
            send_keep(n, wanted->ids[i], k);
    }
    if (due && k->missing)
        k->told = n->now;
    k->placed = n->objects->placings;
}

/* What was found when its keepers were ranked last holds, and nobody is to be told. */
static bool is_tended(const struct node *n, const struct keeping *k)
{
    return k->placed == n->objects->placings &&
           !(k->missing && instant_since_us(n->now, k->told) >= TELL_AGAIN_US);
}

/* True when it is to be looked at again soon. Ranking members is what costs, so it is done when
 * something has changed, and when those that lack it are to be told again. */
static bool tend(struct node *n, struct keeping *first, uint32_t *hashes)
{
    struct shelf_object *o = shelf_find(n->objects->shelf, first->name);
    bool more = false, kept = false, tended = true, missing = false;
    struct holders wanted;

    for (struct keeping *k = first; k != NULL; k = k->next_same) {
        kept |= k->kept;
#if VELUM_PLANT != 321 /* trace/test_object_links: that it is removed is said once */
        if (!k->kept)
            more |= tend_removed(n, k, hashes);
#endif
    }
    if (!kept || o == NULL || (!o->whole && !o->kept))
        return more;
    for (struct keeping *k = first; k != NULL; k = k->next_same) {
        if (!k->kept)
            continue;
        having_forget_gone(n, k);
        tended &= is_tended(n, k);
        missing |= k->missing;
    }
    if (o->whole && tended)
        return more || missing;
    *hashes += mesh_count(n->mesh) + 1;
    wanted = keepers_of(n, first->name, first->size);
    if (!o->whole)
        return tend_lost(n, first, o, &wanted) || more;
    missing = false;
    for (struct keeping *k = first; k != NULL; k = k->next_same) {
        if (!k->kept)
            continue;
        tend_kept(n, k, &wanted);
        missing |= k->missing;
    }
    /* A node that should not have it lets go when the others do. One other may have gone, and
     * nobody noticed yet. */
    if (o->kept !=
        (missing || wanted.count < drain_others_least(n) || holders_have(&wanted, n->options.id))) {
        shelf_keep(n->objects->shelf, o, !o->kept);
        tell_all(n, first);
    }
    return more || missing;
}

/* Whoever knows that it is kept contradicts. */
bool copies_ask_kept(struct node *n, struct digest name, uint64_t size)
{
    const struct keeping nothing = {.name = name, .size = size, .generation = 1};
    struct holders wanted = keepers_of(n, name, 0);
    bool any = false;

    for (uint8_t i = 0; i < wanted.count; i++) {
        if (node_is_self(n, wanted.ids[i]))
            continue;
        send_keep(n, wanted.ids[i], &nothing);
        any = true;
    }
    return any;
}

void copies_look(struct node *n)
{
    struct objects *s = n->objects;

    if (s == NULL)
        return;
        /* What is under way goes on to its end, or the last would never have their turn. */
#if VELUM_PLANT == 409 /* trace/test_object_links: with each news the look begins anew */
    s->look_at = 0;
#else
    s->look_again |= s->look_more && s->look_at > 0;
#endif
    s->look_more = true;
}

void copies_look_anew(struct node *n)
{
    if (n->objects == NULL)
        return;
    n->objects->placings++;
    copies_look(n);
}

void copies_look_at(struct node *n, struct digest name)
{
    struct keeping *k = keeping_about(n, name);
    uint32_t hashes = 0;

    if (k != NULL && n->objects->scanned)
        (void)tend(n, k, &hashes);
    copies_look(n);
}

void copies_tick(struct node *n)
{
    struct objects *s = n->objects;
    struct keeping *k;
    uint32_t hashes = 0;

#if VELUM_PLANT != 373 /* trace/test_object_places: who cannot write keeps what others have */
    if (s->able != member_keeps(n, n->options.id)) {
        s->able = !s->able;
        s->placings++;
        copies_look(n);
    }
#endif
    if (s->view_seen.us != n->view_changed.us) {
        s->view_seen = n->view_changed;
        room_forget(n);
        s->placings++;
        copies_look(n);
    }
    if (!s->look_more || !s->scanned)
        return;
    for (uint32_t i = 0; i < LOOKS_MAX && hashes < HASHES_MAX; i++) {
        k = map_next(&n->keeping, &s->look_at);
        if (k == NULL) {
            s->look_more = s->look_again;
            s->look_again = false;
            s->look_at = 0;
            return;
        }
        s->look_again |= tend(n, k, &hashes);
    }
}

/* --- hearing --- */

static void on_removed(struct node *n, struct digest name)
{
    struct shelf_object *o = shelf_find(n->objects->shelf, name);

    if (o != NULL && !keeping_is_kept(n, name))
        objects_let_go(n, o);
}

static void on_keep(struct node *n, struct node_id from, const struct object_keep *m)
{
    struct keeping *k, said = {.name = m->name,
                               .owner = m->owner,
                               .size = m->size,
                               .generation = m->generation,
                               .kept = m->kept,
                               .passing = m->passing,
                               .by = m->by,
                               .removal = m->removal};
    struct shelf_object *o;
    int rc;

#if VELUM_PLANT != 464 /* trace/test_owners: what a job that is over made is taken in again */
    if (m->kept && !job_id_equal(m->owner, KEEPING_USER) &&
        (owner_is_over(n, m->owner) || (m->passing && owner_has_result(n, m->owner)))) {
        send_word(n, from, &(struct object_have){.name = m->name, .owner = m->owner, .over = true});
        return;
    }
#endif
    rc = keeping_hear(n, from, &said);
    k = keeping_find(n, m->name, m->owner);
    if (rc < 0 || k == NULL)
        return;
    if (rc == 0 && keeping_holds_against(k, &said)) {
        send_keep(n, from, k);
        return;
    }
    removing_told(n, m->name);
    if (m->kept && !k->kept)
        return; /* somebody waited for this to remove it */
    if (!k->kept) {
        on_removed(n, m->name);
        having_remove(k, from);
        having_note_heard(k, from);
        if (rc > 0) /* the one who says so tells the others too, unless he is lost */
            k->placed = n->objects->placings;
        send_have(n, from, m->name, m->owner);
        copies_look(n);
        return;
    }
    o = shelf_find(n->objects->shelf, m->name);
    having_told(n, k, from, o != NULL && o->whole);
    makings_about(n, m->name);
    if (rc > 0)
        wait_add(n, (struct wait){.ticket = k->ticket,
                                  .kind = WAIT_KEPT,
                                  .node = from,
                                  .object = m->name,
                                  .job = m->owner});
        /* It may be here. Whoever says so says it again. */
#if VELUM_PLANT != 404 /* trace/test_object_mover: what was not found yet is fetched, and goes */
    if (!n->objects->scanned)
        return;
#endif
    if (o != NULL && o->whole) {
        shelf_keep(n->objects->shelf, o, true);
        send_have(n, from, m->name, m->owner);
        copies_look(n);
    } else if (fetching_begin(n, m->name, m->size, from) < 0) {
        send_have(n, from, m->name, m->owner);
    }
}

/* Somebody waits for it, or it is to be kept and not whole. */
static bool is_wanted(const struct node *n, struct digest name, uint64_t size)
{
    const struct shelf_object *o = shelf_find(n->objects->shelf, name);

    return gets_wait_for(n, name) || labour_inputs_want(n, name) ||
           (size <= SHIPPED_PLUGIN_MAX && snippet_wants(n, name)) || fetching_is_on(n, name) ||
           (o != NULL && o->kept && !o->whole);
}

static void on_have(struct node *n, struct node_id from, const struct object_have *m)
{
    struct keeping *k = keeping_find(n, m->name, m->owner);
    struct objects *s = n->objects;

    removing_heard(n, m->name);
    if (m->over)
        owner_doubted(n, m->owner);
    if (m->never && !having_never(n, from) && s->without_count < OBJECT_WITHOUT_MAX) {
        s->without[s->without_count++] = from;
        s->placings++;
    }
    if (k != NULL && m->whole && !having_has(n, k, from))
        room_found(n, from, m->size);
    if (k != NULL && (m->whole || m->loose))
        having_add(n, k, from, m->loose);
    else if (k != NULL)
        having_remove(k, from);
    if (k != NULL && !k->kept && !m->whole && !m->loose && !m->part)
        having_note_heard(k, from);
    if ((m->whole || m->loose || m->part) && is_wanted(n, m->name, m->size) &&
        gets_believe(n, m->name, from))
        (void)fetching_begin(n, m->name, m->size, from);
    puts_look(n);
    makings_about(n, m->name);
    n->objects->makings_due = true;
    copies_look(n);
}

static int on_list(struct node *n, struct node_id from, uint8_t type, struct bytes payload)
{
    struct reader r = reader_of(payload);
    uint16_t count = read_u16(&r);

    if (count == 0 || count > OBJECT_BATCH)
        return ERR_FORMAT;
    for (uint16_t i = 0; i < count; i++) {
        if (type == MESSAGE_OBJECT_KEEP) {
            struct object_keep m = read_object_keep(&r);

            if (!r.failed)
                on_keep(n, from, &m);
        } else {
            struct object_have m = read_object_have(&r);

            if (r.failed)
                break;
            proving_heard(n, from, &m);
            reserve_heard(n, from, &m);
            if (n->objects != NULL)
                on_have(n, from, &m);
        }
    }
    return reader_done(&r) ? 0 : ERR_FORMAT;
}

/* A node that keeps no objects says so to whoever counts on it. */
static void never(struct node *n, struct node_id to, uint8_t type, struct bytes payload)
{
    struct reader r = reader_of(payload);
    struct object_have m = {.never = true};

    if (type == MESSAGE_OBJECT_HAVE)
        return;
    if (type == MESSAGE_OBJECT_KEEP)
        (void)read_u16(&r);
    else
        m.owner = read_job_id(&r);
    m.name = read_digest(&r);
    if (type == MESSAGE_OBJECT_KEEP)
        m.owner = read_job_id(&r);
    if (!r.failed)
        send_word(n, to, &m);
}

static int on_seek(struct node *n, struct node_id from, struct bytes payload)
{
    struct job_id owner;
    struct reader names;
    uint16_t count;
    struct buf b;

    if (read_object_seek(payload, &owner, &count, &names) < 0)
        return ERR_FORMAT;
    buf_init(&b, n->alloc, FRAME_PAYLOAD_MAX);
    put_u16(&b, count);
    for (uint16_t i = 0; i < count; i++) {
        struct digest name = read_digest(&names);
        const struct keeping *k = keeping_find(n, name, owner);
        struct object_have m = word_on(n, name, owner);

        if (k != NULL && !k->kept)
            send_keep(n, from, k);
        put_object_have(&b, &m);
    }
    if (b.failed)
        n->memory_out = true;
    else
        send_node(n, from, MESSAGE_OBJECT_HAVE, 0, buf_bytes(&b));
    buf_clear(&b);
    return 0;
}

int copies_frame(struct node *n, struct node_id from, uint8_t type, struct bytes payload)
{
    if (n->objects == NULL && type != MESSAGE_OBJECT_HAVE) {
        never(n, from, type, payload);
        return 0;
    }
    if (type != MESSAGE_OBJECT_SEEK)
        return on_list(n, from, type, payload);
    /* What this node has it does not know yet. */
    return n->objects->scanned ? on_seek(n, from, payload) : 0;
}

void copies_fetched(struct node *n, struct digest name, bool whole)
{
    struct shelf_object *o = shelf_find(n->objects->shelf, name);
    struct keeping *k = keeping_about(n, name);

    if (k != NULL && whole && o != NULL)
        shelf_keep(n->objects->shelf, o, keeping_is_kept(n, name));
    for (; k != NULL; k = k->next_same) {
        k->placed = 0;
        tell_all(n, k);
    }
    keeping_came(n, name);
    gets_fetched(n, name, whole);
    if (whole && (labour_inputs_want(n, name) || snippet_wants(n, name)))
        n->serve_wanted = true;
    copies_look(n);
}

/* --- seeking --- */

static bool has_any(const struct keeping *k, struct node_id id)
{
    while (k != NULL && !having_had(k, id))
        k = k->next_same;
    return k != NULL;
}

void copies_seek(struct node *n, struct digest name)
{
    struct holders wanted = keepers_of(n, name, 0);
    const struct keeping *first = keeping_about(n, name);
    struct job_id owner = first != NULL ? first->owner : KEEPING_USER;
    uint32_t asked = 0;

    for (uint8_t i = 0; i < wanted.count; i++)
        if (!node_is_self(n, wanted.ids[i]))
            send_seek(n, wanted.ids[i], name, owner);
    for (const struct keeping *k = first; k != NULL; k = k->next_same)
        for (uint8_t i = 0; i < k->has_count; i++)
            if (!holders_have(&wanted, k->has[i]))
                send_seek(n, k->has[i], name, k->owner);
    /* Whoever got it for himself has it too. */
    for (uint32_t i = 0; i < mesh_count(n->mesh) && asked < SEEKS_MAX; i++) {
        const struct member *m = mesh_at(n->mesh, i);

        if (!member_is_there(m) || holders_have(&wanted, m->info->id) ||
            has_any(first, m->info->id))
            continue;
        send_seek(n, m->info->id, name, owner);
        asked++;
    }
}

void copies_ask_keepers(struct node *n, struct digest name, struct job_id owner)
{
    struct holders wanted = keepers_of(n, name, 0);

    for (uint8_t i = 0; i < wanted.count; i++)
        if (!node_is_self(n, wanted.ids[i]))
            send_seek(n, wanted.ids[i], name, owner);
}

void copies_keep_there(struct node *n, struct node_id at, struct digest name, uint64_t size,
                       struct job_id owner, bool passing)
{
    struct keeping k = {.name = name, .owner = owner, .size = size, .generation = 1, .kept = true};

    k.passing = passing;
    send_keep(n, at, &k);
}

bool copies_are_quiet(const struct node *n)
{
    const struct objects *s = n->objects;

    return s == NULL || (!s->look_more && (s->scanned || s->scan_is_on) &&
                         s->able == member_keeps(n, n->options.id) && s->fetches == NULL &&
                         s->bulks == NULL && s->put_waits == NULL && s->removings == NULL &&
                         makings_are_none(n) && !fetch_waits_any(n) && !gets_wait(n));
}
