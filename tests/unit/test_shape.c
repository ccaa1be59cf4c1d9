/* The row of leaves of many stages: in it every stage's tree is the tree of that stage alone. */
#include "core/base/err.h"
#include "core/base/prng.h"
#include "core/job/shape.h"
#include "tests/lib/check.h"
#include "tests/lib/heap.h"

static struct heap heap;
static struct shape s;

static void begin(void)
{
    heap_init(&heap);
    shape_init(&s, &heap.alloc);
}

static void end(void)
{
    shape_clear(&s);
    CHECK(heap_is_empty(&heap));
}

TEST(one_stage_is_as_a_tree_alone)
{
    for (uint64_t leaves = 1; leaves <= 40; leaves++) {
        begin();
        CHECK_INT(shape_add(&s, leaves), 0);
        CHECK(tree_equal(shape_root(&s, 0), tree_root(leaves)));
        for (uint8_t level = 0; level <= 8; level++)
            for (uint64_t i = 0; i <= leaves + 1; i++) {
                struct tree_node at = {level, i};

                CHECK_INT(shape_has(&s, at), tree_has(at, leaves));
                if (!tree_has(at, leaves))
                    continue;
                CHECK_INT(shape_end(&s, at), tree_end(at, leaves));
                CHECK(tree_equal(shape_canonical(&s, at), tree_canonical(at, leaves)));
            }
        end();
    }
}

TEST(the_example_of_the_header_lies_as_drawn)
{
    static const uint64_t leaves[] = {5, 1, 1, 3}, firsts[] = {0, 8, 9, 12};
    uint32_t stage;

    begin();
    for (int i = 0; i < 4; i++)
        CHECK_INT(shape_add(&s, leaves[i]), 0);
    for (uint32_t i = 0; i < 4; i++) {
        CHECK_INT(shape_at(&s, i).first, firsts[i]);
        CHECK_INT(shape_at(&s, i).end, firsts[i] + leaves[i]);
    }
    CHECK_INT(s.leaves, 10);
    CHECK_INT(s.end, 15);
    CHECK(!shape_find(&s, 5, &stage));
    CHECK(!shape_find(&s, 15, &stage));
    CHECK(shape_find(&s, 9, &stage) && stage == 2);
    CHECK_INT(shape_leaves(&s, 4, 13), 4);
    CHECK_INT(shape_leaves(&s, 5, 8), 0);
    /* (1, 4) would be both stages of one leaf. */
    CHECK(!shape_has(&s, (struct tree_node){1, 4}));
    CHECK(shape_is_root(&s, (struct tree_node){0, 8}));
    CHECK(shape_is_root(&s, (struct tree_node){3, 0}));
    CHECK(!shape_is_root(&s, (struct tree_node){2, 0}));
    end();
}

/* Every node of every stage, by its own numbers and by the row's. */
static void check_stage(uint32_t i)
{
    struct shape_stage g = shape_at(&s, i);
    uint64_t leaves = g.end - g.first;
    uint32_t stage;

    CHECK_INT(g.first & (((uint64_t)1 << tree_levels(leaves)) - 1), 0);
    for (uint8_t level = 0; level <= tree_levels(leaves); level++)
        for (uint64_t k = 0; k <= (leaves - 1) >> level; k++) {
            struct tree_node own = {level, k}, at = {level, k + (g.first >> level)}, c;

            CHECK(shape_has(&s, at));
            CHECK(shape_find(&s, tree_first(at), &stage) && stage == i);
            CHECK_INT(shape_end(&s, at), g.first + tree_end(own, leaves));
            c = shape_canonical(&s, at);
            own = tree_canonical(own, leaves);
            CHECK_INT(c.level, own.level);
            CHECK_INT(c.index, own.index + (g.first >> own.level));
            CHECK_INT(shape_is_root(&s, c), tree_equal(own, tree_root(leaves)));
        }
    CHECK(tree_equal(shape_largest_at(&s, g.first, UINT64_MAX), shape_root(&s, i)));
    for (uint8_t above = (uint8_t)(tree_levels(leaves) + 1); above <= LEVEL_MAX; above++)
        CHECK(!shape_has(&s, (struct tree_node){above, g.first >> above}) ||
              (g.first >> above) << above != g.first);
}

TEST(every_stage_of_many_has_its_own_tree_in_the_row)
{
    struct prng p;

    prng_init(&p, 7);
    for (int round = 0; round < 60; round++) {
        uint32_t count = 1 + (uint32_t)prng_below(&p, 30);
        uint64_t leaves = 0, is_leaf = 0;
        uint32_t stage;

        begin();
        for (uint32_t i = 0; i < count; i++) {
            uint64_t more = prng_below(&p, 3) == 0 ? 1 : 1 + prng_below(&p, 70);

            CHECK_INT(shape_add(&s, more), 0);
            leaves += more;
        }
        CHECK_INT(s.leaves, leaves);
        for (uint32_t i = 0; i < count; i++)
            check_stage(i);
        for (uint64_t leaf = 0; leaf < s.end; leaf++)
            is_leaf += shape_find(&s, leaf, &stage);
        CHECK_INT(is_leaf, leaves);
        CHECK_INT(shape_leaves(&s, 0, s.end), leaves);
        for (int k = 0; k < 20; k++) {
            uint64_t a = prng_below(&p, s.end), b = a + prng_below(&p, s.end - a + 1), sum = 0;

            for (uint64_t leaf = a; leaf < b; leaf++)
                sum += shape_find(&s, leaf, &stage);
            CHECK_INT(shape_leaves(&s, a, b), sum);
        }
        end();
    }
}

TEST(what_does_not_fit_changes_nothing)
{
    begin();
    CHECK_INT(shape_add(&s, LEAVES_MAX), 0);
    CHECK_INT(shape_add(&s, 1), ERR_FULL);
    CHECK_INT(s.count, 1);
    end();
    begin();
    CHECK_INT(shape_add(&s, 3), 0);
    CHECK_INT(shape_add(&s, LEAVES_MAX), ERR_FULL);
    CHECK_INT(shape_add(&s, LEAVES_MAX / 2), 0);
    CHECK_INT(s.end, LEAVES_MAX);
    CHECK(!shape_has(&s, (struct tree_node){LEVEL_MAX, 0}));
    CHECK(!shape_has(&s, (struct tree_node){0, UINT64_MAX}));
    end();
    begin();
    CHECK_INT(shape_add(&s, 3), 0);
    heap.fail_at = heap.calls + 1;
    CHECK_INT(shape_add(&s, 3), ERR_NO_MEMORY);
    CHECK_INT(s.count, 1);
    CHECK_INT(s.end, 3);
    end();
}

TEST_MAIN(one_stage_is_as_a_tree_alone, the_example_of_the_header_lies_as_drawn,
          every_stage_of_many_has_its_own_tree_in_the_row, what_does_not_fit_changes_nothing)
