#include "core/object/shelf.h"

#include <string.h>

#include "core/base/ensure.h"
#include "core/base/err.h"
#include "core/object/name.h"

/* Objects stand in a tree by their names (AVL: Knuth, TAOCP 6.2.3): names can be made that fill one
 * place of any table by their first bits, and a table that grows stops the node meanwhile. */
struct entry {
    struct shelf_object o;      /* first, so that one is the other */
    struct entry *left, *right; /* lesser and greater names */
    struct entry *older, *newer;
};

struct shelf {
    const struct alloc *alloc;
    uint32_t objects_max, count, kept; /* kept: and whole */
    uint64_t bytes_max, bytes, bytes_loose; /* of those that may go */
    struct entry *root;
    struct entry *oldest, *newest;
    uint64_t uses;
    uint32_t numbers;
};

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
    *s = (struct shelf){.alloc = a, .objects_max = objects_max, .bytes_max = bytes_max};
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

static void tree_free(struct shelf *s, struct entry *e)
{
    if (!e)
        return;
    tree_free(s, e->left);
    tree_free(s, e->right);
    entry_free(s, e);
}

void shelf_free(struct shelf *s)
{
    if (!s)
        return;
    tree_free(s, s->root);
    alloc_free(s->alloc, s, sizeof *s);
}

struct shelf_object *shelf_find(const struct shelf *s, struct digest name)
{
    struct entry *e = s->root;
    int side;
    while (e && (side = compare(&name, &e->o.name)) != 0)
        e = side < 0 ? e->left : e->right;
    return e ? &e->o : NULL;
}

/* --- the tree; it is at most 29 high, so these may call themselves --- */

static int height(const struct entry *e)
{
    return e ? e->o.height : 0;
}

static void measure(struct entry *e)
{
    int left = height(e->left), right = height(e->right);
    e->o.height = (uint8_t)(1 + (left > right ? left : right));
}

static struct entry *turn_right(struct entry *e)
{
    struct entry *up = e->left;
    e->left = up->right;
    up->right = e;
    measure(e);
    measure(up);
    return up;
}

static struct entry *turn_left(struct entry *e)
{
    struct entry *up = e->right;
    e->right = up->left;
    up->left = e;
    measure(e);
    measure(up);
    return up;
}

/* Both sides are even, and differ by two at most: gives the top of the same, even. */
static struct entry *even(struct entry *e)
{
    int lean = height(e->left) - height(e->right);
    if (lean > 1) {
        if (height(e->left->left) < height(e->left->right))
            e->left = turn_left(e->left);
        return turn_right(e);
    }
    if (lean < -1) {
        if (height(e->right->right) < height(e->right->left))
            e->right = turn_right(e->right);
        return turn_left(e);
    }
    measure(e);
    return e;
}

static struct entry *tree_with(struct entry *at, struct entry *e)
{
    if (!at)
        return e;
    if (compare(&e->o.name, &at->o.name) < 0)
        at->left = tree_with(at->left, e);
    else
        at->right = tree_with(at->right, e);
    return even(at);
}

static struct entry *tree_without_first(struct entry *at, struct entry **first)
{
    if (!at->left) {
        *first = at;
        return at->right;
    }
    at->left = tree_without_first(at->left, first);
    return even(at);
}

static struct entry *tree_without(struct entry *at, struct entry *e)
{
    struct entry *next, *right;
    int side;
    ensure(at);
    side = compare(&e->o.name, &at->o.name);
    if (side == 0) {
        ensure(at == e);
        if (!e->right)
            return e->left;
        right = tree_without_first(e->right, &next);
#if VELUM_PLANT == 302 /* unit/test_shelf: the next greater keeps its old right side */
        next->right = next->right ? next->right : right;
#else
        next->right = right;
#endif
        next->left = e->left;
        return even(next);
    }
    if (side < 0)
        at->left = tree_without(at->left, e);
    else
        at->right = tree_without(at->right, e);
    return even(at);
}

/* --- those that may go --- */

static void list_remove(struct shelf *s, struct entry *e)
{
    if (!e->o.may_go)
        return;
    *(e->older ? &e->older->newer : &s->oldest) = e->newer;
    *(e->newer ? &e->newer->older : &s->newest) = e->older;
    e->older = e->newer = NULL;
    e->o.may_go = false;
#if VELUM_PLANT != 301 /* unit/test_shelf: what went is still counted as what may go */
    s->bytes_loose -= e->o.size;
#endif
}

/* At the end, if it may go at all. */
static void list_update(struct shelf *s, struct entry *e)
{
    list_remove(s, e);
#if VELUM_PLANT == 300 /* unit/test_shelf: what is kept and pinned goes when its pin does */
    if (e->o.pins > 0)
        return;
#else
    if (e->o.kept || e->o.pins > 0)
        return;
#endif
    e->older = s->newest;
    *(s->newest ? &s->newest->newer : &s->oldest) = e;
    s->newest = e;
    e->o.may_go = true;
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

static void set_state(struct shelf *s, struct shelf_object *o, bool whole, bool kept)
{
    s->kept -= o->whole && o->kept;
    o->whole = whole;
    o->kept = kept;
    s->kept += o->whole && o->kept;
}

uint32_t shelf_kept(const struct shelf *s)
{
    return s->kept;
}

void shelf_keep(struct shelf *s, struct shelf_object *o, bool kept)
{
    set_state(s, o, o->whole, kept);
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

static int add(struct shelf *s, struct digest name, uint64_t size, struct instant now,
               struct shelf_object **out)
{
    struct entry *e;
    if (shelf_find(s, name))
        return ERR_EXISTS;
    if (s->count >= s->objects_max)
        return ERR_FULL;
    e = alloc_zeroed(s->alloc, sizeof *e);
    if (!e)
        return ERR_NO_MEMORY;
    e->o = (struct shelf_object){
        .name = name, .size = size, .pieces = object_pieces(size), .since = now};
    e->o.number = ++s->numbers;
    e->o.height = 1;
    s->root = tree_with(s->root, e);
    s->count++;
    s->bytes += size;
    shelf_use(s, &e->o);
    *out = &e->o;
    return 0;
}

int shelf_add(struct shelf *s, struct digest name, uint64_t size, struct instant now,
              struct shelf_object **out)
{
    if (!shelf_find(s, name) && (size > s->bytes_max || s->bytes > s->bytes_max - size))
        return s->count >= s->objects_max ? ERR_FULL : ERR_NO_SPACE;
    return add(s, name, size, now, out);
}

int shelf_add_kept(struct shelf *s, struct digest name, uint64_t size, struct instant now,
                   struct shelf_object **out)
{
    if (size > UINT64_MAX - s->bytes)
        return ERR_NO_SPACE;
    return add(s, name, size, now, out);
}

void shelf_remove(struct shelf *s, struct shelf_object *o)
{
    struct entry *e = (struct entry *)o;
    list_remove(s, e);
    set_state(s, o, false, false);
    s->root = tree_without(s->root, e);
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
    o->listed = true;
    set_state(s, o, true, o->kept);
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

void shelf_sound(struct shelf_object *o, struct instant until)
{
    if (instant_before(o->sound_until, until))
        o->sound_until = until;
}

void shelf_doubt(struct shelf_object *o)
{
    o->sound_until = (struct instant){0};
}

int shelf_piece_lost(struct shelf *s, struct shelf_object *o, uint64_t piece)
{
    ensure(piece < o->pieces);
#if VELUM_PLANT != 691 /* unit/test_shelf: what lost a piece is sound when it is whole again */
    shelf_doubt(o);
#endif
    if (!o->map) {
        o->map = alloc_zeroed(s->alloc, map_size(o));
        if (!o->map)
            return ERR_NO_MEMORY;
        for (uint64_t i = 0; o->whole && i < o->pieces; i++)
            o->map[i / 8] |= (uint8_t)(1u << i % 8);
    }
    set_state(s, o, false, o->kept);
#if VELUM_PLANT == 303 /* unit/test_shelf: a piece that is lost twice counts twice */
    o->have--;
#else
    o->have -= o->map[piece / 8] >> piece % 8 & 1;
#endif
    o->map[piece / 8] &= (uint8_t) ~(1u << piece % 8);
    return 0;
}

void shelf_lost(struct shelf *s, struct shelf_object *o)
{
    alloc_free(s->alloc, o->map, map_size(o));
    o->map = NULL;
    o->listed = false;
    set_state(s, o, false, o->kept);
    o->have = 0;
    shelf_doubt(o);
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
    struct entry *e = s->root, *best = NULL;
    while (e)
        if (!after || compare(&e->o.name, after) > 0) {
            best = e;
            e = e->left;
        } else {
            e = e->right;
        }
    return best ? &best->o : NULL;
}
