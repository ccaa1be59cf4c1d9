#include "core/job/border.h"
#include "core/wire/tree.h"
#include "tests/lib/check.h"

TEST(test_leaves_and_levels)
{
    CHECK_INT(tree_leaves(1, 1), 1);
    CHECK_INT(tree_leaves(10, 3), 4);
    CHECK_INT(tree_leaves(9, 3), 3);
    CHECK_INT(tree_leaves(UINT64_MAX, UINT64_MAX), 1);
    CHECK(tree_leaves(UINT64_MAX, 1) == UINT64_MAX);
    CHECK_INT(tree_levels(1), 0);
    CHECK_INT(tree_levels(2), 1);
    CHECK_INT(tree_levels(3), 2);
    CHECK_INT(tree_levels(4), 2);
    CHECK_INT(tree_levels(5), 3);
    CHECK_INT(tree_levels(LEAVES_MAX), 40);
    CHECK_INT(tree_levels(LEAVES_MAX - 1), 40);
}

TEST(test_drawing_of_five_leaves)
{
    struct tree_node four = tree_canonical((struct tree_node){0, 4}, 5);
    CHECK(four.level == 2 && four.index == 1);
    CHECK(tree_equal(tree_canonical((struct tree_node){1, 2}, 5), four));
    CHECK(tree_equal(tree_canonical(four, 5), four));
    CHECK_INT(tree_first(four), 4);
    CHECK_INT(tree_end(four, 5), 5);
    CHECK(tree_equal(tree_parent(four), tree_root(5)));
    CHECK(!tree_has((struct tree_node){0, 5}, 5));
    CHECK(!tree_has((struct tree_node){1, 3}, 5));
    CHECK(!tree_has((struct tree_node){4, 0}, 5));
    CHECK(!tree_has((struct tree_node){3, 1}, 5));
    CHECK(!tree_has((struct tree_node){63, UINT64_MAX}, 5));
}

/* Every node of every small tree, by the definition: same leaves, same canonical name. */
TEST(test_canonical_names_are_one_a_value)
{
    for (uint64_t leaves = 1; leaves <= 40; leaves++) {
        for (uint8_t level = 0; level <= tree_levels(leaves); level++) {
            for (uint64_t i = 0; i << level < leaves; i++) {
                struct tree_node at = {level, i};
                struct tree_node c = tree_canonical(at, leaves);
                CHECK(tree_has(at, leaves) && tree_has(c, leaves));
                CHECK(tree_first(at) == tree_first(c));
                CHECK(tree_end(at, leaves) == tree_end(c, leaves));
                CHECK(tree_equal(tree_canonical(c, leaves), c));
                bool root = tree_equal(c, tree_root(leaves));
                CHECK(root || tree_has(tree_sibling(c), leaves));
                CHECK(root || tree_equal(tree_canonical(tree_sibling(c), leaves), tree_sibling(c)));
                struct tree_node up = tree_parent(c);
                CHECK(root ||
                      tree_end(up, leaves) - tree_first(up) > tree_end(c, leaves) - tree_first(c));
                CHECK(level == 0 || tree_first(tree_left(at)) == tree_first(at));
                CHECK(level == 0 || tree_equal(tree_parent(tree_right(at)), at));
            }
        }
    }
}

TEST(test_holds)
{
    CHECK(tree_holds((struct tree_node){3, 0}, (struct tree_node){0, 7}));
    CHECK(!tree_holds((struct tree_node){3, 0}, (struct tree_node){0, 8}));
    CHECK(tree_holds((struct tree_node){2, 5}, (struct tree_node){2, 5}));
    CHECK(!tree_holds((struct tree_node){0, 0}, (struct tree_node){1, 0}));
    CHECK(tree_holds((struct tree_node){40, 0}, (struct tree_node){0, LEAVES_MAX - 1}));
}

/* Walking a run by largest nodes covers it exactly, with at most two values a level. */
TEST(test_a_run_is_few_nodes)
{
    for (uint64_t leaves = 1; leaves <= 33; leaves++) {
        for (uint64_t first = 0; first < leaves; first++) {
            for (uint64_t end = first + 1; end <= leaves; end++) {
                unsigned count = 0;
                uint64_t at = first;
                while (at < end) {
                    struct tree_node n = tree_largest_at(at, end, leaves);
                    CHECK(tree_first(n) == at && tree_equal(n, tree_canonical(n, leaves)));
                    at = tree_end(n, leaves);
                    count++;
                }
                CHECK(at == end && count <= 2u * tree_levels(leaves) + 1);
            }
        }
    }
    struct tree_node all = tree_largest_at(0, LEAVES_MAX - 1, LEAVES_MAX - 1);
    CHECK(tree_equal(all, tree_root(LEAVES_MAX - 1)));
}

TEST(test_lengths_are_nodes_of_the_tree_or_the_whole_hole)
{
    CHECK_INT(border_length(0, 1000, 100), 64);
    CHECK_INT(border_length(64, 1000, 100), 64);
    CHECK_INT(border_length(65, 1000, 100), 1);
    CHECK_INT(border_length(66, 1000, 100), 2);
    CHECK_INT(border_length(72, 1000, 100), 8);
    CHECK_INT(border_length(65, 165, 100), 100);
    CHECK_INT(border_length(65, 166, 100), 1);
    CHECK_INT(border_length(5, 6, 1), 1);
    CHECK(border_length(0, LEAVES_MAX, UINT64_MAX) == LEAVES_MAX);
    for (uint64_t first = 0; first < 70; first++) {
        for (uint64_t wanted = 1; wanted < 70; wanted++) {
            uint64_t n = border_length(first, 1000, wanted);
            CHECK(n >= 1 && n <= wanted && first % n == 0);
        }
    }
}

TEST(test_cut_is_the_coarsest_border_that_leaves_a_quarter)
{
    for (uint64_t next = 0; next < 40; next++) {
        for (uint64_t end = next + 2; end < 80; end++) {
            uint64_t cut = border_cut(next, end);
            uint64_t n = end - next;
            CHECK(cut > next && cut < end);
            CHECK(4 * (cut - next) >= n && 4 * (end - cut) >= n);
            uint64_t step = cut & (~cut + 1);
            for (uint64_t k = next + 1; k < end; k++)
                if (k % (2 * step) == 0)
                    CHECK(4 * (k - next) < n || 4 * (end - k) < n);
        }
    }
    CHECK_INT(border_cut(0, 1000), 512);
    CHECK_INT(border_cut(300, 1000), 512);
    CHECK_INT(border_cut(500, 1000), 768);
}

TEST_MAIN(test_leaves_and_levels, test_drawing_of_five_leaves, test_canonical_names_are_one_a_value,
          test_holds, test_a_run_is_few_nodes, test_lengths_are_nodes_of_the_tree_or_the_whole_hole,
          test_cut_is_the_coarsest_border_that_leaves_a_quarter)
