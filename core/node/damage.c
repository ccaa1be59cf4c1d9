#include "core/node/damage.h"

#include "core/base/err.h"
#include "core/node/copies.h"
#include "core/node/fetching.h"
#include "core/node/get.h"
#include "core/node/labour_inputs.h"
#include "core/node/mover.h"
#include "core/node/sound.h"
#include "core/object/name.h"

#define SKIPS_MAX 8u  /* slices in a row that were left out because the mover was busy */
#define LOOKS_MAX 64u /* objects passed over in one go */
#define HEX_DIGITS 12

/* --- what is found --- */

/* Whoever reads it waits until it is here again. */
static void tell(struct node *n, struct shelf_object *o)
{
    gets_seek_again(n, o->name);
    labour_inputs_lost(n, o->name);
    copies_lost(n, o);
}

/* A fetch that is on counts on what was here, and begins anew. */
void damage_piece(struct node *n, struct shelf_object *o, uint64_t piece)
{
    char name[HEX_DIGITS + 1];

    id_hex(o->name.bytes, HEX_DIGITS, name);
    log_line(n->options.log, LOG_WARNING,
             "piece %llu of object %s is damaged on this node's disk, and is got anew from another "
             "node that has it",
             (unsigned long long)piece, name);
    fetching_stop(n, o->name);
    if (shelf_piece_lost(n->objects->shelf, o, piece) < 0)
        n->memory_out = true;
    tell(n, o);
}

void damage_all(struct node *n, struct shelf_object *o)
{
    char name[HEX_DIGITS + 1];

    id_hex(o->name.bytes, HEX_DIGITS, name);
    log_line(n->options.log, LOG_WARNING,
             "nothing is left of object %s on this node's disk; it is got anew from another node "
             "that has it",
             name);
    fetching_stop(n, o->name);
    shelf_lost(n->objects->shelf, o);
    tell(n, o);
    if (!o->kept && o->pins == 0)
        objects_drop(n, o);
}

static bool is_here(const struct shelf_object *o, uint64_t piece)
{
    return piece < o->pieces &&
           (o->whole || (o->map != NULL && (o->map[piece / 8] >> piece % 8 & 1) != 0));
}

bool damage_read(struct node *n, struct digest name, uint32_t number, uint64_t offset, int rc)
{
    struct shelf_object *o = shelf_find(n->objects->shelf, name);

    if (o == NULL || o->number != number || (rc != ERR_DAMAGED && rc != ERR_NOT_FOUND) ||
        !is_here(o, offset / PIECE_SIZE))
        return false;
    damage_piece(n, o, offset / PIECE_SIZE);
    return true;
}

static void tell_cut(const struct node *n, const struct shelf_object *o, uint64_t bytes)
{
    char name[HEX_DIGITS + 1];

    id_hex(o->name.bytes, HEX_DIGITS, name);
    log_line(n->options.log, LOG_WARNING,
             "the file of object %s on this node's disk had %llu bytes behind its end, which "
             "somebody else has written, and which were cut off",
             name, (unsigned long long)bytes);
}

int damage_found(struct node *n, struct shelf_object *o, const struct frame *answer,
                 struct moved_checked *m)
{
    int rc = moved_result(answer);

    if (rc == 0 &&
        (answer->type != MESSAGE_MOVED_CHECKED || read_moved_checked(answer->payload, m) < 0))
        rc = ERR_FORMAT;
    if (rc == 0 && m->cut > 0)
        tell_cut(n, o, m->cut);
#if VELUM_PLANT != 368 /* trace/test_object_damage: what is found by looking is left as it is */
    if (rc == 0 && is_here(o, m->bad))
        damage_piece(n, o, m->bad);
#endif
    if (rc == ERR_DAMAGED || rc == ERR_NOT_FOUND)
        damage_all(n, o);
    return rc;
}

/* --- looking for it --- */

static void pause(struct node *n)
{
#if VELUM_PLANT != 367 /* trace/test_object_damage: damage is looked for without a pause */
    n->objects->check_at = instant_plus_us(n->now, n->limits.check_us);
#endif
}

/* That was all of them. */
static void rest(struct node *n)
{
    struct objects *s = n->objects;
    struct instant next = instant_plus_us(s->check_began, (int64_t)n->limits.check_round_s * S_US);

    s->check = (struct shelf_check){.begun = false};
    s->check_began = INSTANT_NEVER;
    pause(n);
    if (instant_before(s->check_at, next))
        s->check_at = next;
}

/* The one that is being looked at, or the next that is to be kept. NULL: there is none, or not yet,
 * because many were passed over. */
static struct shelf_object *to_check(struct node *n)
{
    struct objects *s = n->objects;
    struct shelf_object *o = shelf_find(s->shelf, s->check.name);

    if (o != NULL && o->kept && o->number == s->check.number && s->check.piece < o->pieces)
        return o;
    for (uint32_t i = 0; i < LOOKS_MAX; i++) {
        o = shelf_next(s->shelf, s->check.begun ? &s->check.name : NULL);
        if (o == NULL) {
            rest(n);
            return NULL;
        }
        s->check = (struct shelf_check){
            .name = o->name, .number = o->number, .since = n->now, .begun = true};
        if (o->kept && o->have > 0)
            return o;
    }
    return NULL;
}

static void checked(struct node *n, uint64_t number, const struct frame *answer)
{
    struct objects *s = n->objects;
    struct shelf_object *o = shelf_find(s->shelf, s->check.name);
    uint64_t before = s->check.piece;
    struct moved_checked m;

    s->check_is_on = false;
    if (o == NULL || o->number != number)
        return;
    /* What could not be looked at is passed over until the next time. */
    s->check.piece = o->pieces;
    if (damage_found(n, o, answer, &m) < 0 || m.next <= before)
        return;
    s->check.piece = m.next;
    if (o->whole && m.next >= o->pieces)
        sound_is_from(n, o, s->check.since);
}

static void check(struct node *n, const struct shelf_object *o)
{
    struct objects *s = n->objects;
#if VELUM_PLANT == 751 /* trace/test_object_damage: what is too long is given up, all of it */
    struct move_part m = {.name = o->name, .offset = s->check.piece};
#else
    struct move_part m = {.name = o->name, .size = o->size, .offset = s->check.piece};
#endif

    if (s->check_began.us == INSTANT_NEVER.us)
        s->check_began = n->now;
    s->check_is_on = true;
    mover_part(n, MESSAGE_MOVE_CHECK, put_move_check, &m, checked, o->number);
}

void damage_tick(struct node *n)
{
    struct objects *s = n->objects;
    struct shelf_object *o;

    if (!s->scanned || s->check_is_on || !instant_reached(n->now, s->check_at))
        return;
    pause(n);
    if (s->orders_first != NULL && s->check_skips++ < SKIPS_MAX)
        return;
    s->check_skips = 0;
    o = to_check(n);
    if (o != NULL)
        check(n, o);
}

struct instant damage_due(const struct node *n)
{
    const struct objects *s = n->objects;

    return s == NULL || !s->scanned || s->check_is_on || shelf_count(s->shelf) == 0 ? INSTANT_NEVER
                                                                                    : s->check_at;
}
