/* The cover of many stages against a cover of each stage alone. */
#include "core/base/err.h"
#include "core/base/prng.h"
#include "core/job/cover.h"
#include "tests/lib/check.h"
#include "tests/lib/heap.h"

#define STAGES 12

static struct heap heap;
static struct shape all, alone[STAGES];
static struct cover *row, *own[STAGES];
static uint32_t count;

static void begin(struct prng *p)
{
    heap_init(&heap);
    shape_init(&all, &heap.alloc);
    count = 1 + (uint32_t)prng_below(p, STAGES);
    for (uint32_t i = 0; i < count; i++) {
        uint64_t leaves = prng_below(p, 3) == 0 ? 1 : 1 + prng_below(p, 20);

        shape_init(&alone[i], &heap.alloc);
        REQUIRE(shape_add(&all, leaves) == 0 && shape_add(&alone[i], leaves) == 0);
        REQUIRE(cover_new(&own[i], &heap.alloc, &alone[i]) == 0);
    }
    REQUIRE(cover_new(&row, &heap.alloc, &all) == 0);
}

static void end(void)
{
    for (uint32_t i = 0; i < count; i++)
        cover_free(own[i]);
    cover_free(row);
    shape_clear(&all);
    CHECK(heap_is_empty(&heap));
}

/* The same value, of a leaf or of two siblings, in both. */
static void insert(uint32_t stage, struct tree_node at, uint64_t what)
{
    uint8_t raw[8];
    struct value v = {at, {raw, 8}};
    int rc;

    store_u64(raw, what);
    rc = cover_insert(own[stage], &v);
    v.at.index += shape_at(&all, stage).first >> at.level;
    CHECK_INT(cover_insert(row, &v), rc);
}

static uint64_t number(const struct value *v)
{
    return load_u64(v->data.data);
}

static void merge_one(uint32_t stage)
{
    struct value left, right;
    uint64_t from = 0;

    if (cover_pair(own[stage], &from, &left, &right))
        insert(stage, tree_parent(left.at), number(&left) * 31 + number(&right));
}

static void compare(void)
{
    uint64_t leaves = 0, first, last, from = 0;
    uint32_t values = 0, stage, other;
    struct value left, right, v, w;

    for (uint32_t i = 0; i < count; i++) {
        struct shape_stage g = shape_at(&all, i);

        leaves += cover_leaves(own[i]);
        values += cover_count(own[i]);
        CHECK_INT(cover_overlap(row, g.first, g.end), cover_leaves(own[i]));
        CHECK_INT(cover_root(row, i, &v), cover_root(own[i], 0, &w));
        if (cover_root(own[i], 0, &w) && cover_root(row, i, &v))
            CHECK_INT(number(&v), number(&w));
        for (uint64_t at = 0; cover_gap(own[i], at, &first, &last); at = last) {
            uint64_t f, l;

            REQUIRE(cover_gap(row, g.first + at, &f, &l));
            CHECK_INT(f, g.first + first);
            CHECK_INT(l, g.first + last);
        }
    }
    CHECK_INT(cover_leaves(row), leaves);
    CHECK_INT(cover_count(row), values);
    while (cover_pair(row, &from, &left, &right)) {
        CHECK(shape_find(&all, tree_first(left.at), &stage));
        CHECK(shape_find(&all, tree_first(right.at), &other) && other == stage);
    }
    for (uint64_t at = 0; cover_gap(row, at, &first, &last); at = last) {
        CHECK(shape_find(&all, first, &stage) && shape_find(&all, last - 1, &other));
        CHECK_INT(stage, other);
        leaves += last - first;
    }
    CHECK_INT(leaves, all.leaves);
}

TEST(many_stages_in_one_cover_are_each_as_alone)
{
    struct prng p;

    for (uint64_t seed = 1; seed <= 300; seed++) {
        prng_init(&p, seed);
        begin(&p);
        for (int k = 0; k < 120; k++) {
            uint32_t stage = (uint32_t)prng_below(&p, count);
            uint64_t leaf = prng_below(&p, alone[stage].leaves);

            if (prng_below(&p, 3) == 0)
                merge_one(stage);
            else
                insert(stage, (struct tree_node){0, leaf}, leaf + 100 * stage);
            if (k % 10 == 0)
                compare();
        }
        compare();
        end();
    }
}

TEST(values_of_whole_stages_do_not_count_for_the_bound)
{
    uint8_t raw[8] = {1};
    struct shape s;
    struct cover *c;

    heap_init(&heap);
    shape_init(&s, &heap.alloc);
    REQUIRE(cover_new(&c, &heap.alloc, &s) == 0);
    for (uint64_t i = 0; i < COVER_VALUES_MAX + 100; i++) {
        struct value v = {{0, i}, {raw, 8}};

        REQUIRE(shape_add(&s, 1) == 0);
        REQUIRE(cover_insert(c, &v) == COVER_ADDED);
    }
    CHECK_INT(cover_frontier(c), s.end);
    CHECK_INT(cover_leaves(c), s.leaves);
    cover_free(c);
    shape_clear(&s);
    CHECK(heap_is_empty(&heap));
}

TEST(leaves_that_stay_apart_leave_room_for_others)
{
    uint8_t raw[8] = {1};
    struct value v = {{0, 0}, {raw, 8}}, left, right;
    struct shape s;
    struct cover *c;
    uint64_t from = 0;

    heap_init(&heap);
    shape_init(&s, &heap.alloc);
    REQUIRE(shape_add_apart(&s, COVER_VALUES_MAX) == 0 && shape_add(&s, 8) == 0);
    REQUIRE(cover_new(&c, &heap.alloc, &s) == 0);
    for (; v.at.index < COVER_VALUES_MAX; v.at.index++)
        REQUIRE(cover_insert(c, &v) == COVER_ADDED);
    CHECK(!cover_pair(c, &from, &left, &right));
    CHECK_INT(cover_frontier(c), s.end);
    for (; v.at.index < COVER_VALUES_MAX + 8; v.at.index += 2)
        CHECK_INT(cover_insert(c, &v), COVER_ADDED);
    v.at.index = COVER_VALUES_MAX + 1;
    CHECK_INT(cover_insert(c, &v), COVER_ADDED);
    REQUIRE(cover_pair(c, &from, &left, &right));
    CHECK_INT(left.at.index, COVER_VALUES_MAX);
    cover_free(c);
    shape_clear(&s);
    CHECK(heap_is_empty(&heap));
}

TEST_MAIN(leaves_that_stay_apart_leave_room_for_others, many_stages_in_one_cover_are_each_as_alone,
          values_of_whole_stages_do_not_count_for_the_bound)
