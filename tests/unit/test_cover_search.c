/* The cover of a search against plain arrays: what it holds depends on the reports that came, not
 * on their order, and nothing behind the lowest match is in it. */
#include "core/base/err.h"
#include "core/base/prng.h"
#include "core/job/cover.h"
#include "core/wire/found.h"
#include "tests/lib/check.h"
#include "tests/lib/heap.h"

#define LEAVES_MOST 70u
#define LEAF_UNITS 3u
#define REPORTS_MOST 60u
#define VALUE_SIZE 12u

struct world {
    struct heap heap;
    struct shape shape; /* of the cover that was made last; all of a world have the same */
    struct prng p;
    uint64_t leaves;
    uint64_t match[LEAVES_MOST]; /* the unit of this leaf that matches, or FOUND_NONE */
};

/* One run that a worker reports: it ends behind its first match. */
struct report {
    uint64_t first, end;
};

static void world_init(struct world *w, uint64_t seed)
{
    heap_init(&w->heap);
    prng_init(&w->p, seed);
    w->leaves = 1 + prng_below(&w->p, LEAVES_MOST);
    uint64_t often = 1 + prng_below(&w->p, 40);
    for (uint64_t i = 0; i < w->leaves; i++)
        w->match[i] =
            prng_one_in(&w->p, often) ? i * LEAF_UNITS + prng_below(&w->p, LEAF_UNITS) : FOUND_NONE;
}

static uint64_t found_in(const struct world *w, uint64_t first, uint64_t end)
{
    while (first < end && w->match[first] == FOUND_NONE)
        first++;
    return first < end ? w->match[first] : FOUND_NONE;
}

static void put_found(uint64_t unit, uint8_t raw[VALUE_SIZE])
{
    memset(raw, unit == FOUND_NONE ? 0 : (int)unit + 1, VALUE_SIZE);
    store_u64(raw, unit);
}

static int insert_node(struct cover *c, struct tree_node at, uint64_t unit)
{
    uint8_t raw[VALUE_SIZE];
    put_found(unit, raw);
    return cover_insert(c, &(struct value){at, {raw, sizeof raw}});
}

static struct report report_any(struct world *w)
{
    struct report r;
    r.first = prng_below(&w->p, w->leaves);
    r.end = r.first + 1 + prng_below(&w->p, w->leaves - r.first);
    for (uint64_t i = r.first; i < r.end; i++)
        if (w->match[i] != FOUND_NONE)
            r.end = i + 1;
    return r;
}

static void insert(const struct world *w, struct cover *c, struct report r)
{
    while (r.first < r.end) {
        struct tree_node at = tree_largest_at(r.first, r.end, w->leaves);
        uint64_t end = tree_end(at, w->leaves);
        CHECK(insert_node(c, at, found_in(w, r.first, end)) >= 0);
        r.first = end;
    }
}

static struct cover *cover_of(struct world *w)
{
    struct cover *c = NULL;
    shape_init(&w->shape, &w->heap.alloc);
    REQUIRE(shape_add(&w->shape, w->leaves) == 0);
    REQUIRE(cover_new(&c, &w->heap.alloc, &w->shape) == 0);
    cover_search(c, LEAF_UNITS);
    return c;
}

/* Reports in another order, some of them twice. */
static void insert_shuffled(struct world *w, struct cover *c, struct report *list, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        uint32_t k = i + (uint32_t)prng_below(&w->p, count - i);
        struct report r = list[k];
        list[k] = list[i];
        list[i] = r;
        insert(w, c, r);
        if (prng_one_in(&w->p, 4))
            insert(w, c, list[prng_below(&w->p, i + 1)]);
    }
}

/* What one knows, told to another. */
static void pour(const struct cover *from, struct cover *to)
{
    for (uint32_t i = 0; i < cover_count(from); i++)
        CHECK(cover_insert(to, cover_at(from, i)) >= 0);
}

static void check_like_array(const struct world *w, const struct cover *c,
                             const struct report *list, uint32_t count)
{
    bool line[LEAVES_MOST] = {false};
    uint64_t end = w->leaves, covered = 0, a, b;
    struct value root;
    for (uint32_t i = 0; i < count; i++)
        for (uint64_t k = list[i].first; k < list[i].end; k++) {
            line[k] = true;
            if (w->match[k] != FOUND_NONE && k < end)
                end = k + 1;
        }
    for (uint64_t k = 0; k < end; k++)
        covered += line[k];
    CHECK_INT(cover_end(c), end);
    CHECK_INT(cover_leaves(c), covered);
    CHECK_INT(cover_overlap(c, 0, w->leaves), covered);
    for (uint64_t at = 0; cover_gap(c, at, &a, &b); at = b) {
        CHECK(a < b && b <= end);
        for (uint64_t k = at; k < b; k++)
            CHECK_INT(line[k], k < a);
    }
    CHECK_INT(cover_root(c, 0, &root), covered == end);
    if (covered == end) {
        CHECK_INT(cover_count(c), 1);
        CHECK(found_unit(root.data) == found_in(w, 0, w->leaves));
    }
    a = 0;
    CHECK(!cover_pair(c, &a, &root, &root));
}

TEST(any_order_and_any_way_of_merging_gives_the_same)
{
    for (uint64_t seed = 0; seed < 3000; seed++) {
        struct world w;
        struct report list[REPORTS_MOST];
        world_init(&w, seed);
        uint32_t count = 1 + (uint32_t)prng_below(&w.p, REPORTS_MOST);
        uint32_t half = (uint32_t)prng_below(&w.p, count + 1);
        for (uint32_t i = 0; i < count; i++)
            list[i] = report_any(&w);
        struct cover *left = cover_of(&w), *right = cover_of(&w), *all = cover_of(&w);
        insert_shuffled(&w, left, list, half);
        insert_shuffled(&w, right, list + half, count - half);
        insert_shuffled(&w, all, list, count);
        check_like_array(&w, all, list, count);
        struct digest before = cover_digest(all);
        pour(left, all);
        CHECK(digest_equal(cover_digest(all), before)); /* idempotent */
        struct cover *turned = cover_of(&w);
        pour(right, turned);
        pour(left, turned);
        pour(right, left);
        CHECK(digest_equal(cover_digest(left), before)); /* commutative, associative */
        CHECK(digest_equal(cover_digest(turned), before));
        check_like_array(&w, left, list, count);
        cover_free(left);
        cover_free(right);
        cover_free(turned);
        cover_free(all);
        CHECK(heap_is_empty(&w.heap));
    }
}

TEST(a_match_needs_nothing_of_what_lies_behind_it)
{
    struct world w;
    struct value v;
    world_init(&w, 1);
    w.leaves = 16;
    struct cover *c = cover_of(&w);
    CHECK(cover_is_search(c) && cover_end(c) == 16);
    CHECK_INT(insert_node(c, (struct tree_node){2, 3}, FOUND_NONE), COVER_ADDED);
    CHECK_INT(insert_node(c, (struct tree_node){0, 8}, 24), COVER_ADDED);
    CHECK_INT(cover_end(c), 9);
    CHECK_INT(cover_leaves(c), 1);
    CHECK_INT(cover_count(c), 1);
    CHECK(cover_at(c, 0)->at.level == 3 && cover_at(c, 0)->at.index == 1);
    CHECK_INT(insert_node(c, (struct tree_node){0, 12}, FOUND_NONE), COVER_DUPLICATE);
    CHECK_INT(insert_node(c, (struct tree_node){0, 9}, 28), COVER_DUPLICATE);
    CHECK_INT(insert_node(c, (struct tree_node){1, 0}, FOUND_NONE), COVER_ADDED);
    CHECK_INT(insert_node(c, (struct tree_node){0, 2}, 7), COVER_ADDED);
    CHECK(cover_root(c, 0, &v) && found_unit(v.data) == 7);
    CHECK_INT(cover_leaves(c), 3);
    CHECK(!cover_gap(c, 0, &(uint64_t){0}, &(uint64_t){0}));
    cover_free(c);
    CHECK(heap_is_empty(&w.heap));
}

/* Two statements that cannot both be true, in either order: the job is divergent. */
TEST(what_cannot_both_be_true_is_seen)
{
    static const struct {
        struct tree_node a;
        uint64_t found_a;
        struct tree_node b;
        uint64_t found_b;
    } pairs[] = {
        {{0, 5}, 15, {0, 5}, FOUND_NONE}, /* the same leaf */
        {{0, 5}, 15, {0, 5}, 16},         /* another unit of it */
        {{0, 5}, 15, {2, 1}, FOUND_NONE}, /* nothing in a node around it */
        {{0, 5}, 15, {3, 0}, FOUND_NONE}, {{2, 1}, 13, {2, 1}, 16}, {{2, 1}, 12, {3, 0}, 20},
        {{0, 5}, 15, {2, 1}, 20}, /* something, but not before a later leaf */
    };
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        struct world w;
        struct value met;
        world_init(&w, i);
        w.leaves = 16;
        struct cover *c = cover_of(&w);
        CHECK_INT(insert_node(c, pairs[i].a, pairs[i].found_a), COVER_ADDED);
        CHECK_INT(insert_node(c, pairs[i].b, pairs[i].found_b), ERR_DAMAGED);
        CHECK(cover_meets(c, pairs[i].b, &met) && found_unit(met.data) == pairs[i].found_a);
        cover_free(c);
        c = cover_of(&w);
        CHECK_INT(insert_node(c, pairs[i].b, pairs[i].found_b), COVER_ADDED);
        CHECK_INT(insert_node(c, pairs[i].a, pairs[i].found_a), ERR_DAMAGED);
        CHECK(cover_meets(c, pairs[i].a, &met) && found_unit(met.data) == pairs[i].found_b);
        cover_free(c);
        CHECK(heap_is_empty(&w.heap));
    }
}

TEST(values_of_another_form_are_refused)
{
    struct world w;
    uint8_t raw[VALUE_SIZE] = {0};
    struct value v = {{0, 5}, {raw, 4}}, met;
    world_init(&w, 1);
    w.leaves = 16;
    struct cover *c = cover_of(&w);
    CHECK_INT(cover_insert(c, &v), ERR_FORMAT);      /* too short */
    CHECK_INT(insert_node(c, v.at, 18), ERR_FORMAT); /* of the next leaf */
    CHECK_INT(insert_node(c, v.at, 14), ERR_FORMAT);
    memset(raw, 255, 8);
    raw[9] = 1;
    v.data.len = VALUE_SIZE;
    CHECK_INT(cover_insert(c, &v), ERR_FORMAT); /* no match, and something about it */
    CHECK(!cover_meets(c, v.at, &met) && cover_count(c) == 0);
    cover_free(c);
    CHECK(heap_is_empty(&w.heap));
}

TEST(every_refused_allocation_leaves_it_as_it_was)
{
    for (uint64_t seed = 0; seed < 60; seed++) {
        struct world w;
        struct report list[REPORTS_MOST];
        world_init(&w, seed);
        struct cover *c = cover_of(&w), *like = cover_of(&w);
        for (uint32_t i = 0; i < 20; i++) {
            list[i] = report_any(&w);
            struct tree_node at = tree_largest_at(list[i].first, list[i].end, w.leaves);
            uint64_t unit = found_in(&w, list[i].first, tree_end(at, w.leaves));
            w.heap.fail_at = w.heap.calls + 1 + prng_below(&w.p, 3);
            int rc = insert_node(c, at, unit);
            w.heap.fail_at = 0;
            if (rc >= 0)
                insert_node(like, at, unit);
            CHECK(digest_equal(cover_digest(c), cover_digest(like)));
            CHECK(cover_leaves(c) == cover_leaves(like) && cover_end(c) == cover_end(like));
        }
        cover_free(c);
        cover_free(like);
        CHECK(heap_is_empty(&w.heap));
    }
}

TEST_MAIN(any_order_and_any_way_of_merging_gives_the_same,
          a_match_needs_nothing_of_what_lies_behind_it, what_cannot_both_be_true_is_seen,
          values_of_another_form_are_refused, every_refused_allocation_leaves_it_as_it_was)
