#include "core/object/shelf.h"

#include <string.h>

#include "core/base/ensure.h"
#include "core/base/err.h"
#include "core/object/name.h"

#define BITS_FIRST 6u
#define BITS_MAX 18u /* 262,144 buckets: four objects in each at the most objects */
#define BUCKET_GOAL 4u

struct entry {
    struct shelf_object o; /* first, so that one is the other */
    struct entry *next;    /* in its bucket, ascending names */
    struct entry *older, *newer;
    bool listed; /* in the list of those that may go */
};

/* Names are digests, so their first bits spread them evenly, and buckets stand in their order. */
struct shelf {
    const struct alloc *alloc;
    uint32_t objects_max, count;
    uint64_t bytes_max, bytes, bytes_loose; /* of those that may go */
    uint32_t bits;
    struct entry **buckets;
    struct entry *oldest, *newest;
    uint64_t uses;
};

static uint32_t bucket_of(const struct shelf *s, const struct digest *name)
{
    uint32_t head = (uint32_t)name->bytes[0] << 24 | (uint32_t)name->bytes[1] << 16 |
                    (uint32_t)name->bytes[2] << 8 | name->bytes[3];
    return head >> (32 - s->bits);
}

static int compare(const struct digest *a, const struct digest *b)
{
    return memcmp(a->bytes, b->bytes, ID_SIZE);
}

int shelf_new(struct shelf **out, const struct alloc *a, uint32_t objects_max, uint64_t bytes_max)
{
    struct shelf *s = alloc_zeroed(a, sizeof *s);
    ensure(objects_max <= SHELF_OBJECTS_MAX);
    if (!s)
        return ERR_NO_MEMORY;
    *s = (struct shelf){
        .alloc = a, .objects_max = objects_max, .bytes_max = bytes_max, .bits = BITS_FIRST};
    s->buckets = alloc_array(a, (size_t)1 << s->bits, sizeof(struct entry *));
    if (!s->buckets) {
        alloc_free(a, s, sizeof *s);
        return ERR_NO_MEMORY;
    }
    *out = s;
    return 0;
}

static size_t map_size(const struct shelf_object *o)
{
    return (size_t)(o->pieces + 7) / 8;
}

static void entry_free(struct shelf *s, struct entry *e)
{
    alloc_free(s->alloc, e->o.map, map_size(&e->o));
    alloc_free(s->alloc, e, sizeof *e);
}

void shelf_free(struct shelf *s)
{
    struct entry *e, *next;
    if (!s)
        return;
    for (size_t i = 0; i < (size_t)1 << s->bits; i++)
        for (e = s->buckets[i]; e; e = next) {
            next = e->next;
            entry_free(s, e);
        }
    alloc_free(s->alloc, s->buckets, ((size_t)1 << s->bits) * sizeof(struct entry *));
    alloc_free(s->alloc, s, sizeof *s);
}

/* Where it is, or would be. */
static struct entry **place_of(const struct shelf *s, const struct digest *name)
{
    struct entry **at = &s->buckets[bucket_of(s, name)];
    while (*at && compare(&(*at)->o.name, name) < 0)
        at = &(*at)->next;
    return at;
}

struct shelf_object *shelf_find(const struct shelf *s, struct digest name)
{
    struct entry *e = *place_of(s, &name);
    return e && digest_equal(e->o.name, name) ? &e->o : NULL;
}

/* Each old bucket is four new ones in a row. Without memory it goes on with fewer. */
static void spread_out(struct shelf *s)
{
    uint32_t bits = s->bits + 2;
    size_t old = (size_t)1 << s->bits;
    struct entry **buckets, **ends[4];
    if (s->bits + 2 > BITS_MAX || s->count < BUCKET_GOAL << s->bits)
        return;
    buckets = alloc_array(s->alloc, (size_t)1 << bits, sizeof *buckets);
    if (!buckets)
        return;
    s->bits = bits;
    for (size_t i = 0; i < old; i++) {
        for (size_t k = 0; k < 4; k++)
            ends[k] = &buckets[4 * i + k];
        for (struct entry *e = s->buckets[i]; e; e = e->next) {
            uint32_t k = bucket_of(s, &e->o.name) & 3;
            *ends[k] = e;
            ends[k] = &e->next;
        }
        for (size_t k = 0; k < 4; k++)
            *ends[k] = NULL;
    }
    alloc_free(s->alloc, s->buckets, old * sizeof *buckets);
    s->buckets = buckets;
}

/* --- those that may go --- */

static void list_remove(struct shelf *s, struct entry *e)
{
    if (!e->listed)
        return;
    *(e->older ? &e->older->newer : &s->oldest) = e->newer;
    *(e->newer ? &e->newer->older : &s->newest) = e->older;
    e->older = e->newer = NULL;
    e->listed = false;
    s->bytes_loose -= e->o.size;
}

/* At the end, if it may go at all. */
static void list_update(struct shelf *s, struct entry *e)
{
    list_remove(s, e);
    if (e->o.kept || e->o.pins > 0)
        return;
    e->older = s->newest;
    *(s->newest ? &s->newest->newer : &s->oldest) = e;
    s->newest = e;
    e->listed = true;
    s->bytes_loose += e->o.size;
}

void shelf_use(struct shelf *s, struct shelf_object *o)
{
    o->used = ++s->uses;
    list_update(s, (struct entry *)o);
}

void shelf_pin(struct shelf *s, struct shelf_object *o)
{
    o->pins++;
    list_remove(s, (struct entry *)o);
}

void shelf_unpin(struct shelf *s, struct shelf_object *o)
{
    ensure(o->pins > 0);
    o->pins--;
    shelf_use(s, o);
}

void shelf_keep(struct shelf *s, struct shelf_object *o, bool kept)
{
    o->kept = kept;
    shelf_use(s, o);
}

/* Two lists by `newer`, each in order of use, become one. */
static struct entry *merge_lists(struct entry *a, struct entry *b)
{
    struct entry *first = NULL, **end = &first;
    while (a && b) {
        struct entry **from = a->o.used <= b->o.used ? &a : &b;
        *end = *from;
        end = &(*from)->newer;
        *from = (*from)->newer;
    }
    *end = a ? a : b;
    return first;
}

void shelf_order(struct shelf *s)
{
    struct entry *runs[32] = {NULL}, *e, *next, *all = NULL; /* run i has 2^i entries, or none */
    for (e = s->oldest; e; e = next) {
        size_t i = 0;
        next = e->newer;
        e->newer = NULL;
        for (; runs[i]; runs[i++] = NULL)
            e = merge_lists(runs[i], e);
        runs[i] = e;
        if (s->uses < e->o.used)
            s->uses = e->o.used;
    }
    for (size_t i = 0; i < sizeof runs / sizeof *runs; i++)
        all = merge_lists(runs[i], all);
    s->oldest = all;
    s->newest = NULL;
    for (e = all; e; e = e->newer) {
        e->older = s->newest;
        s->newest = e;
        if (s->uses < e->o.used)
            s->uses = e->o.used;
    }
}

/* --- objects --- */

int shelf_add(struct shelf *s, struct digest name, uint64_t size, struct instant now,
              struct shelf_object **out)
{
    struct entry *e, **at = place_of(s, &name);
    if (*at && digest_equal((*at)->o.name, name))
        return ERR_EXISTS;
    if (s->count >= s->objects_max)
        return ERR_FULL;
    if (size > s->bytes_max || s->bytes > s->bytes_max - size)
        return ERR_NO_SPACE;
    e = alloc_zeroed(s->alloc, sizeof *e);
    if (!e)
        return ERR_NO_MEMORY;
    e->o = (struct shelf_object){
        .name = name, .size = size, .pieces = object_pieces(size), .since = now};
    e->next = *at;
    *at = e;
    s->count++;
    s->bytes += size;
    shelf_use(s, &e->o);
    spread_out(s);
    *out = &e->o;
    return 0;
}

void shelf_remove(struct shelf *s, struct shelf_object *o)
{
    struct entry *e = (struct entry *)o, **at = place_of(s, &o->name);
    ensure(*at == e);
    list_remove(s, e);
    *at = e->next;
    s->count--;
    s->bytes -= o->size;
    entry_free(s, e);
}

int shelf_listed(struct shelf *s, struct shelf_object *o)
{
    if (o->pieces > 0 && !o->map && !o->whole) {
        o->map = alloc_zeroed(s->alloc, map_size(o));
        if (!o->map)
            return ERR_NO_MEMORY;
    }
    o->listed = true;
    return 0;
}

void shelf_sealed(struct shelf *s, struct shelf_object *o)
{
    alloc_free(s->alloc, o->map, map_size(o));
    o->map = NULL;
    o->listed = o->whole = true;
    o->have = o->pieces;
}

int shelf_piece(struct shelf *s, struct shelf_object *o, uint64_t piece)
{
    uint8_t bit = (uint8_t)(1u << piece % 8);
    (void)s;
    ensure(piece < o->pieces);
    if (!o->map || (o->map[piece / 8] & bit) != 0)
        return 0;
    o->map[piece / 8] |= bit;
    o->have++;
    return 1;
}

int shelf_piece_lost(struct shelf *s, struct shelf_object *o, uint64_t piece)
{
    ensure(piece < o->pieces);
    if (!o->map) {
        o->map = alloc_zeroed(s->alloc, map_size(o));
        if (!o->map)
            return ERR_NO_MEMORY;
        for (uint64_t i = 0; o->whole && i < o->pieces; i++)
            o->map[i / 8] |= (uint8_t)(1u << i % 8);
    }
    o->whole = false;
    o->have -= o->map[piece / 8] >> piece % 8 & 1;
    o->map[piece / 8] &= (uint8_t) ~(1u << piece % 8);
    return 0;
}

int shelf_by_prefix(const struct shelf *s, const char *ref, struct shelf_object **out)
{
    struct digest from = {{0}};
    int digits = id_parse_prefix(ref, from.bytes);
    const struct shelf_object *o;
    struct shelf_object *second;
    if (digits < 0)
        return ERR_FORMAT;
    /* Digits that were not given are zero: nothing that begins so comes before it. */
    *out = shelf_find(s, from);
    if (!*out)
        *out = shelf_next(s, &from);
    o = *out;
    if (!o || !id_has_prefix(o->name.bytes, from.bytes, (size_t)digits))
        return ERR_NOT_FOUND;
    second = shelf_next(s, &o->name);
    return second && id_has_prefix(second->name.bytes, from.bytes, (size_t)digits) ? ERR_ARGUMENT
                                                                                   : 0;
}

bool shelf_fits(const struct shelf *s, uint64_t bytes)
{
    uint64_t fixed = s->bytes - s->bytes_loose;
    return bytes <= s->bytes_max && fixed <= s->bytes_max - bytes &&
           (s->count < s->objects_max || s->oldest);
}

struct shelf_object *shelf_victim(const struct shelf *s, uint64_t bytes)
{
    if (s->count < s->objects_max && bytes <= s->bytes_max && s->bytes <= s->bytes_max - bytes)
        return NULL;
    return s->oldest ? &s->oldest->o : NULL;
}

uint32_t shelf_count(const struct shelf *s)
{
    return s->count;
}

uint64_t shelf_bytes(const struct shelf *s)
{
    return s->bytes;
}

struct shelf_object *shelf_next(const struct shelf *s, const struct digest *after)
{
    size_t i = after ? bucket_of(s, after) : 0;
    struct entry *e = s->buckets[i];
    while (e && after && compare(&e->o.name, after) <= 0)
        e = e->next;
    while (!e && ++i < (size_t)1 << s->bits)
        e = s->buckets[i];
    return e ? &e->o : NULL;
}
