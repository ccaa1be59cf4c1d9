#include "core/job/cover.h"

#include <string.h>

#include "core/base/ensure.h"
#include "core/base/err.h"
#include "core/base/sha256.h"
#include "core/wire/found.h"

/* Values are allocated one by one and sorted by pointer, so that an insertion in the middle moves
 * eight bytes a value: some microseconds at the bound. The bound on bytes needs no counting of its
 * own: it is the bound on values times the greatest accumulator. */

#define ENTRIES_FIRST_CAP 16u
/* Values that fill holes are taken beyond the bound, because folding them makes room again. */
#define HOLE_VALUES_MAX (COVER_VALUES_MAX / 8)

_Static_assert((size_t)COVER_VALUES_MAX *ACCUMULATOR_SIZE_MAX <= COVER_BYTES_MAX,
               "the bound on values keeps the bound on bytes");

struct entry {
    struct value v; /* v.data.data points at `bytes` */
    uint64_t end;   /* behind the last leaf it speaks of: of a match, its own */
    uint8_t bytes[];
};

struct cover {
    const struct alloc *alloc;
    const struct shape *shape;
    uint64_t leaves_covered;
    uint64_t changes;    /* of the leaves that are covered or asked for */
    uint64_t leaf_units; /* of a search; otherwise 0 */
    struct entry **entries;
    uint32_t count, cap;
    uint32_t kept;       /* among them, those that nothing folds */
    uint32_t pairs;      /* how many neighbours are siblings */
    uint64_t pairs_from; /* no pair begins before this leaf; UINT64_MAX: there is none */
};

int cover_new(struct cover **out, const struct alloc *a, const struct shape *shape)
{
    struct cover *c = alloc_zeroed(a, sizeof *c);
    if (!c)
        return ERR_NO_MEMORY;
    c->alloc = a;
    c->shape = shape;
    c->pairs_from = UINT64_MAX;
    *out = c;
    return 0;
}

void cover_search(struct cover *c, uint64_t leaf_units)
{
    ensure(c->count == 0 && leaf_units > 0);
    c->leaf_units = leaf_units;
}

bool cover_is_search(const struct cover *c)
{
    return c->leaf_units > 0;
}

static void entry_free(struct cover *c, struct entry *e)
{
    alloc_free(c->alloc, e, sizeof *e + e->v.data.len);
}

void cover_free(struct cover *c)
{
    if (!c)
        return;
    for (uint32_t i = 0; i < c->count; i++)
        entry_free(c, c->entries[i]);
    alloc_free(c->alloc, c->entries, c->cap * sizeof(struct entry *));
    alloc_free(c->alloc, c, sizeof *c);
}

const struct shape *cover_shape(const struct cover *c)
{
    return c->shape;
}

static uint64_t first_of(const struct cover *c, uint32_t i)
{
    return tree_first(c->entries[i]->v.at);
}

static uint64_t end_of(const struct cover *c, uint32_t i)
{
    return c->entries[i]->end;
}

static bool is_match(const struct cover *c, struct bytes data)
{
    return cover_is_search(c) && found_matches(data);
}

/* A match is the last value there is. */
uint64_t cover_end(const struct cover *c)
{
    if (c->count > 0 && is_match(c, c->entries[c->count - 1]->v.data))
        return end_of(c, c->count - 1);
    return c->shape->end;
}

/* The leaf up to which this value says that nothing matches. */
static uint64_t clear_until(const struct cover *c, const struct value *v)
{
    return is_match(c, v->data) ? found_unit(v->data) / c->leaf_units : shape_end(c->shape, v->at);
}

/* The first value that ends after `leaf`, or count. */
static uint32_t find(const struct cover *c, uint64_t leaf)
{
    uint32_t low = 0;
    uint32_t high = c->count;
    while (low < high) {
        uint32_t mid = low + (high - low) / 2;
        if (end_of(c, mid) <= leaf)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

/* The value of a whole stage, or of a leaf that stays apart. */
static bool is_kept(const struct cover *c, struct tree_node at)
{
#if VELUM_PLANT == 476 /* unit/test_cover_stages: outputs that nothing folds fill the cover */
    return shape_is_root(c->shape, at);
#endif
    return shape_is_apart(c->shape, at) || shape_is_root(c->shape, at);
}

/* Whether value i and the one after it are siblings. */
static bool is_pair(const struct cover *c, uint32_t i)
{
    if (i + 1 >= c->count)
        return false;
    struct tree_node left = c->entries[i]->v.at;
    return tree_is_left(left) && !is_kept(c, left) &&
           tree_equal(tree_sibling(left), c->entries[i + 1]->v.at);
}

/* Pairs in which one of the values [from, to) takes part. */
static uint32_t pairs_around(const struct cover *c, uint32_t from, uint32_t to)
{
    uint32_t pairs = 0;
    for (uint32_t i = from > 0 ? from - 1 : 0; i < to; i++)
        pairs += is_pair(c, i) ? 1 : 0;
    return pairs;
}

static int make_room(struct cover *c)
{
    if (c->count < c->cap)
        return 0;
    uint32_t cap = c->cap ? c->cap * 2 : ENTRIES_FIRST_CAP;
    void *entries = c->entries;
    int rc = alloc_grow(c->alloc, &entries, c->cap, cap, sizeof *c->entries);
    if (rc < 0)
        return rc;
    c->entries = entries;
    c->cap = cap;
    return 0;
}

static struct entry *entry_new(struct cover *c, struct tree_node at, struct bytes data)
{
    struct entry *e = alloc_zeroed(c->alloc, sizeof *e + data.len);
    if (!e)
        return NULL;
    if (data.len > 0)
        memcpy(e->bytes, data.data, data.len);
    e->v = (struct value){at, {e->bytes, data.len}};
    e->end = clear_until(c, &e->v) + is_match(c, data);
    return e;
}

/* Value i is new, and may have made pairs of its neighbours. While there is none the next one is
 * the first: then values before it, of stages that are complete, are not looked at again. */
static void note_pairs(struct cover *c, uint32_t i)
{
    uint32_t made = pairs_around(c, i, i + 1);
    uint32_t left = i > 0 && is_pair(c, i - 1) ? i - 1 : i;
    if (c->pairs == 0)
        c->pairs_from = UINT64_MAX;
    c->pairs += made;
#if VELUM_PLANT == 582 /* unit/test_cover: a pair before those that are known is overlooked */
    if (c->pairs_from != UINT64_MAX)
        return;
#endif
    if (made > 0 && first_of(c, left) < c->pairs_from)
        c->pairs_from = first_of(c, left);
}

/* Puts e in the place of values [i, end), which lie below it. Room is there. */
static void replace(struct cover *c, uint32_t i, uint32_t end, struct entry *e)
{
    c->pairs -= pairs_around(c, i, end);
    /* With nothing replaced, the two neighbours cannot have been siblings: e lies between them. */
    for (uint32_t k = i; k < end; k++) {
#if VELUM_PLANT != 31 /* sim: parent and child are both counted */
        c->leaves_covered -= end_of(c, k) - first_of(c, k);
#endif
        c->kept -= is_kept(c, c->entries[k]->v.at);
        entry_free(c, c->entries[k]);
    }
    memmove(c->entries + i + 1, c->entries + end, (c->count - end) * sizeof(struct entry *));
    c->count = c->count - (end - i) + 1;
    c->entries[i] = e;
    c->kept += is_kept(c, e->v.at);
    c->leaves_covered += end_of(c, i) - first_of(c, i);
    note_pairs(c, i);
}

/* Values that are still to be folded. */
static uint32_t parts(const struct cover *c)
{
    return c->count - c->kept;
}

static bool has_room_for(const struct cover *c, uint32_t i, uint32_t end, struct tree_node at)
{
#if VELUM_PLANT == 215 /* unit/test_cover: the bound on values is not kept */
    if (end >= i)
        return true;
#endif
    if (end > i || parts(c) < COVER_VALUES_MAX || is_kept(c, at))
        return true;
    return i < c->count && parts(c) < COVER_VALUES_MAX + HOLE_VALUES_MAX;
}

/* A match is taken beyond the bound: what lies behind it makes room. */
static int put(struct cover *c, struct tree_node at, struct bytes data, bool always)
{
    uint32_t i = find(c, tree_first(at));
    if (i < c->count && tree_equal(c->entries[i]->v.at, at) && c->entries[i]->v.data.data == NULL)
        return COVER_DUPLICATE;
    if (i < c->count && tree_equal(c->entries[i]->v.at, at))
        return bytes_equal(c->entries[i]->v.data, data) ? COVER_DUPLICATE : ERR_DAMAGED;
    if (i < c->count && tree_holds(c->entries[i]->v.at, at))
        return COVER_DUPLICATE;
    uint32_t end = i;
    while (end < c->count && tree_holds(at, c->entries[end]->v.at))
        end++;
    if (!always && !has_room_for(c, i, end, at))
        return ERR_FULL;
    int rc = make_room(c);
    if (rc < 0)
        return rc;
    struct entry *e = entry_new(c, at, data);
    if (!e)
        return ERR_NO_MEMORY;
    uint64_t before = c->leaves_covered;
    replace(c, i, end, e);
    c->changes += c->leaves_covered != before;
    return COVER_ADDED;
}

/* --- a search --- */

/* Whether this and what is there cannot both be true. */
static bool contradicts(const struct cover *c, const struct value *v)
{
    uint64_t clear = clear_until(c, v), match = cover_end(c) - 1;
    const struct value *last = c->count > 0 ? &c->entries[c->count - 1]->v : NULL;
#if VELUM_PLANT == 518 /* unit/test_cover_search: a value without a match takes the place of one */
    last = NULL;
#endif
    if (last && found_matches(last->data)) {
        if (tree_first(v->at) <= match && match < clear)
            return true;
        if (found_matches(v->data) && clear == match)
            return !bytes_equal(v->data, last->data);
    }
    if (!found_matches(v->data))
        return false;
    /* Where that is a match it is the last one, of which all is said above. */
    uint32_t i = find(c, clear);
    return i < c->count && first_of(c, i) <= clear;
}

/* The highest node that this one begins. */
static struct tree_node highest_begun(const struct cover *c, struct tree_node at)
{
    struct tree_node root = shape_root(c->shape, 0);
#if VELUM_PLANT != 512 /* unit/test_cover_search: a match waits for the leaves behind it */
    while (!tree_equal(at, root) && tree_is_left(at))
        at = shape_canonical(c->shape, tree_parent(at));
#endif
    return at;
}

/* Forgets what lies behind this value, the lowest match. */
static void cut(struct cover *c, uint32_t match)
{
    c->pairs -= pairs_around(c, match, c->count);
    while (c->count > match + 1) {
        struct entry *last = c->entries[--c->count];
        c->leaves_covered -= last->end - tree_first(last->v.at);
        entry_free(c, last);
    }
    c->pairs += pairs_around(c, match, c->count);
    c->changes++;
}

/* Siblings become their parent, from value i upwards. The left one of them has no match, because
 * that would be its parent's. */
static void join(struct cover *c, uint32_t i)
{
    for (;;) {
        uint32_t left = i > 0 && is_pair(c, i - 1) ? i - 1 : i;
        if (!is_pair(c, left))
            return;
        struct entry *e = c->entries[left + 1];
        c->pairs -= pairs_around(c, left, left + 2);
        entry_free(c, c->entries[left]);
        e->v.at = shape_canonical(c->shape, tree_parent(e->v.at));
        if (found_matches(e->v.data))
            e->v.at = highest_begun(c, e->v.at);
        c->count--;
        memmove(c->entries + left, c->entries + left + 1,
                (c->count - left) * sizeof(struct entry *));
        note_pairs(c, left);
        i = left;
    }
}

/* A match lies in the node it is said of. */
static bool is_sound(const struct cover *c, const struct value *v)
{
    return found_is_value(v->data) &&
           (!found_matches(v->data) || (clear_until(c, v) >= tree_first(v->at) &&
                                        clear_until(c, v) < shape_end(c->shape, v->at)));
}

static int put_found(struct cover *c, struct tree_node at, const struct value *v)
{
    if (!is_sound(c, v))
        return ERR_FORMAT;
    bool matches = found_matches(v->data);
    if (contradicts(c, v))
        return ERR_DAMAGED;
#if VELUM_PLANT != 513 /* unit/test_cover_search: leaves behind a match still count */
    if (tree_first(at) >= cover_end(c))
        return COVER_DUPLICATE;
#endif
    int rc = put(c, matches ? highest_begun(c, at) : at, v->data, matches);
    if (rc != COVER_ADDED)
        return rc;
    uint32_t i = find(c, tree_first(at));
    if (matches)
        cut(c, i);
    join(c, i);
    return rc;
}

int cover_insert(struct cover *c, const struct value *v)
{
    if (!shape_has(c->shape, v->at) || v->data.len > ACCUMULATOR_SIZE_MAX)
        return ERR_FORMAT;
    struct tree_node at = shape_canonical(c->shape, v->at);
    return cover_is_search(c) ? put_found(c, at, v) : put(c, at, v->data, false);
}

bool cover_is_spent(const struct cover *c, uint32_t stage)
{
    struct value root;
    return cover_root(c, stage, &root) && root.data.data == NULL;
}

int cover_spend(struct cover *c, uint32_t stage)
{
    struct tree_node root = shape_root(c->shape, stage);
    uint32_t i = find(c, tree_first(root)), end = i;
    ensure(!cover_is_search(c));
    if (cover_is_spent(c, stage))
        return 0;
    while (end < c->count && tree_holds(root, c->entries[end]->v.at))
        end++;
    int rc = make_room(c);
    if (rc < 0)
        return rc;
    struct entry *e = entry_new(c, root, (struct bytes){0});
    if (!e)
        return ERR_NO_MEMORY;
    e->v.data.data = NULL;
    uint64_t before = c->leaves_covered;
    replace(c, i, end, e);
    c->changes += c->leaves_covered != before;
    return 0;
}

bool cover_pair(const struct cover *c, uint64_t *from_leaf, struct value *left, struct value *right)
{
    if (c->pairs == 0)
        return false;
    uint64_t from = *from_leaf > c->pairs_from ? *from_leaf : c->pairs_from;
    for (uint32_t i = find(c, from); i + 1 < c->count; i++) {
        if (first_of(c, i) < from || !is_pair(c, i))
            continue;
        *left = c->entries[i]->v;
        *right = c->entries[i + 1]->v;
        *from_leaf = end_of(c, i + 1);
        return true;
    }
    return false;
}

bool cover_root(const struct cover *c, uint32_t stage, struct value *root)
{
    return cover_get(c, shape_root(c->shape, stage), root);
}

bool cover_get(const struct cover *c, struct tree_node at, struct value *v)
{
    if (!shape_has(c->shape, at))
        return false;
    at = shape_canonical(c->shape, at);
    uint32_t i = find(c, tree_first(at));
    if (i == c->count || !tree_equal(c->entries[i]->v.at, at))
        return false;
    *v = c->entries[i]->v;
    return true;
}

bool cover_meets(const struct cover *c, struct tree_node at, struct value *v)
{
    if (!shape_has(c->shape, at))
        return false;
    uint32_t i = find(c, shape_end(c->shape, at) - 1);
    if (i == c->count || first_of(c, i) >= shape_end(c->shape, at))
        i--;
    if (i >= c->count || end_of(c, i) <= tree_first(at))
        return false;
    *v = c->entries[i]->v;
    return true;
}

uint32_t cover_count(const struct cover *c)
{
    return c->count;
}

const struct value *cover_at(const struct cover *c, uint32_t i)
{
    ensure(i < c->count);
    return &c->entries[i]->v;
}

uint32_t cover_index(const struct cover *c, uint64_t leaf)
{
    return find(c, leaf);
}

uint64_t cover_leaves(const struct cover *c)
{
    return c->leaves_covered;
}

uint64_t cover_changes(const struct cover *c)
{
#if VELUM_PLANT == 515 /* unit/test_pool_search: only the number of covered leaves is looked at */
    return c->leaves_covered;
#else
    return c->changes;
#endif
}

uint64_t cover_overlap(const struct cover *c, uint64_t from, uint64_t end)
{
    uint64_t sum = 0;
    for (uint32_t i = find(c, from); i < c->count && first_of(c, i) < end; i++) {
        uint64_t a = first_of(c, i) > from ? first_of(c, i) : from;
        uint64_t b = end_of(c, i) < end ? end_of(c, i) : end;
        sum += b - a;
    }
    return from < end ? sum : 0;
}

uint64_t cover_wanted(const struct cover *c, uint64_t from, uint64_t end)
{
    end = end < cover_end(c) ? end : cover_end(c);
    return from < end ? end - from - cover_overlap(c, from, end) : 0;
}

/* Moves `at` on to a leaf that is not covered. False: there is none. */
static bool next_uncovered(const struct cover *c, uint64_t *at, struct shape_stage *g, uint32_t *i)
{
    uint32_t stage;
    for (*i = find(c, *at);;) {
        while (*i < c->count && first_of(c, *i) <= *at)
            *at = end_of(c, (*i)++);
        bool found = shape_find(c->shape, *at, &stage);
        if (stage == c->shape->count)
            return false;
        *g = shape_at(c->shape, stage);
        if (found)
            return true;
        *at = g->first; /* what lies before it is no leaf */
    }
}

bool cover_gap(const struct cover *c, uint64_t at, uint64_t *first, uint64_t *end)
{
    struct shape_stage g;
    uint32_t i;
    if (!next_uncovered(c, &at, &g, &i) || at >= cover_end(c))
        return false;
    *first = at;
    *end = i < c->count && first_of(c, i) < g.end ? first_of(c, i) : g.end;
    return true;
}

uint64_t cover_covered_to(const struct cover *c, uint64_t at, uint64_t end)
{
    for (uint32_t i = find(c, at); i < c->count && at < end && first_of(c, i) <= at; i++)
        at = end_of(c, i);
    return at < end ? at : end;
}

uint64_t cover_judged(const struct cover *c)
{
#if VELUM_PLANT != 516 /* unit/test_pool_search: a leaf that may lie behind the match is judged */
    uint64_t first, end;
    if (cover_is_search(c))
        return cover_gap(c, 0, &first, &end) ? first + 1 : 0;
#endif
    return c->shape->end;
}

uint64_t cover_frontier(const struct cover *c)
{
    return parts(c) < COVER_VALUES_MAX ? c->shape->end : first_of(c, c->count - 1);
}

struct digest cover_digest(const struct cover *c)
{
    struct sha256 s;
    sha256_init(&s);
    for (uint32_t i = 0; i < c->count; i++) {
        const struct value *v = &c->entries[i]->v;
        uint8_t head[13];
        struct buf b;
        buf_init_fixed(&b, head, sizeof head);
        put_u8(&b, v->at.level);
        put_u64(&b, v->at.index);
        put_u32(&b, (uint32_t)v->data.len);
        sha256_add(&s, head, b.len);
        sha256_add(&s, v->data.data, v->data.len);
    }
    return sha256_end(&s);
}
