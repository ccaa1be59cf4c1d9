#include <time.h>

#include "core/base/err.h"
#include "core/base/prng.h"
#include "core/job/cover.h"
#include "tests/lib/check.h"
#include "tests/lib/heap.h"

/* The value of a tree node as a function of its leaves: their sum, so that merging adds. */
static uint64_t value_of(struct tree_node at, uint64_t leaves)
{
    uint64_t a = tree_first(at);
    uint64_t b = tree_end(at, leaves);
    return (b * (b + 1) - a * (a + 1)) / 2 + 7 * (b - a);
}

/* Of one stage, whose shape takes no memory. */
static int cover_of(struct cover **out, const struct alloc *a, uint64_t leaves)
{
    static struct shape shape;
    shape_init(&shape, a);
    REQUIRE(shape_add(&shape, leaves) == 0);
    return cover_new(out, a, &shape);
}

static int insert(struct cover *c, struct tree_node at, uint64_t leaves)
{
    uint8_t raw[8];
    store_u64(raw, value_of(at, leaves));
    return cover_insert(c, &(struct value){at, {raw, sizeof raw}});
}

static void merge_all(struct cover *c, uint64_t leaves)
{
    struct value left;
    struct value right;
    uint64_t from = 0;
    while (cover_pair(c, &from, &left, &right)) {
        uint8_t raw[8];
        store_u64(raw, load_u64(left.data.data) + load_u64(right.data.data));
        struct tree_node up = tree_parent(left.at);
        CHECK(load_u64(raw) == value_of(up, leaves));
        CHECK_INT(cover_insert(c, &(struct value){up, {raw, 8}}), COVER_ADDED);
        from = 0;
    }
}

TEST(test_leaves_in_any_order_come_to_the_root)
{
    for (uint64_t leaves = 1; leaves <= 70; leaves++) {
        struct heap heap;
        heap_init(&heap);
        struct prng p;
        prng_init(&p, leaves);
        struct cover *c;
        REQUIRE(cover_of(&c, &heap.alloc, leaves) == 0);
        uint64_t order[70];
        for (uint64_t i = 0; i < leaves; i++) {
            uint64_t k = prng_below(&p, i + 1);
            order[i] = order[k];
            order[k] = i;
        }
        for (uint64_t i = 0; i < leaves; i++) {
            CHECK_INT(insert(c, (struct tree_node){0, order[i]}, leaves), COVER_ADDED);
            CHECK_INT(cover_leaves(c), i + 1);
            if (prng_one_in(&p, 3))
                merge_all(c, leaves);
        }
        merge_all(c, leaves);
        struct value root;
        REQUIRE(cover_root(c, 0, &root));
        CHECK(load_u64(root.data.data) == value_of(tree_root(leaves), leaves));
        CHECK_INT(cover_count(c), 1);
        cover_free(c);
        CHECK(heap_is_empty(&heap));
    }
}

TEST(test_duplicates_supersedes_and_divergence)
{
    struct heap heap;
    heap_init(&heap);
    struct cover *c;
    REQUIRE(cover_of(&c, &heap.alloc, 5) == 0);
    CHECK_INT(insert(c, (struct tree_node){0, 4}, 5), COVER_ADDED);
    CHECK_INT(insert(c, (struct tree_node){0, 4}, 5), COVER_DUPLICATE);
    CHECK_INT(insert(c, (struct tree_node){1, 2}, 5), COVER_DUPLICATE); /* another name of it */
    uint8_t other = 1;
    struct value lie = {{2, 1}, {&other, 1}};
    CHECK_INT(cover_insert(c, &lie), ERR_DAMAGED);
    CHECK_INT(insert(c, (struct tree_node){0, 1}, 5), COVER_ADDED);
    CHECK_INT(insert(c, (struct tree_node){0, 3}, 5), COVER_ADDED);
    CHECK_INT(cover_leaves(c), 3);
    CHECK_INT(insert(c, (struct tree_node){2, 0}, 5), COVER_ADDED);
    CHECK_INT(cover_count(c), 2);
    CHECK_INT(cover_leaves(c), 5);
    CHECK_INT(insert(c, (struct tree_node){0, 2}, 5), COVER_DUPLICATE);
    CHECK_INT(insert(c, (struct tree_node){0, 5}, 5), ERR_FORMAT);
    CHECK_INT(insert(c, (struct tree_node){4, 0}, 5), ERR_FORMAT);
    struct value v;
    CHECK(cover_get(c, (struct tree_node){0, 4}, &v) && v.at.level == 2);
    CHECK(!cover_get(c, (struct tree_node){0, 2}, &v));
    CHECK(!cover_get(c, (struct tree_node){9, 9}, &v));
    cover_free(c);
    CHECK(heap_is_empty(&heap));
}

/* Against a plain array: which leaves are covered, overlaps, gaps, pairs, digest. */
TEST(test_cover_equals_a_line_of_flags)
{
    for (uint64_t seed = 0; seed < 100; seed++) {
        struct heap heap;
        heap_init(&heap);
        struct prng p;
        prng_init(&p, seed);
        uint64_t leaves = 1 + prng_below(&p, 60);
        bool line[64] = {false};
        struct cover *c;
        REQUIRE(cover_of(&c, &heap.alloc, leaves) == 0);
        for (int step = 0; step < 40; step++) {
            uint64_t first = prng_below(&p, leaves);
            struct tree_node at = {(uint8_t)prng_below(&p, 4), 0};
            at.index = first >> at.level;
            if (at.level > tree_levels(leaves))
                continue;
            insert(c, at, leaves);
            for (uint64_t i = tree_first(at); i < tree_end(at, leaves); i++)
                line[i] = true;
            uint64_t a = prng_below(&p, leaves);
            uint64_t b = a + prng_below(&p, leaves - a + 1);
            uint64_t overlap = 0;
            for (uint64_t i = a; i < b; i++)
                overlap += line[i];
            CHECK_INT(cover_overlap(c, a, b), overlap);
            uint64_t gap = a;
            while (gap < leaves && line[gap])
                gap++;
            uint64_t end = gap;
            while (end < leaves && !line[end])
                end++;
            uint64_t got_first;
            uint64_t got_end;
            bool found = cover_gap(c, a, &got_first, &got_end);
            CHECK_INT(found, gap < leaves);
            if (found)
                CHECK(got_first == gap && got_end == end);
        }
        uint32_t pairs = 0;
        uint32_t got = 0;
        for (uint32_t i = 0; i + 1 < cover_count(c); i++)
            pairs += tree_is_left(cover_at(c, i)->at) &&
                     tree_equal(tree_sibling(cover_at(c, i)->at), cover_at(c, i + 1)->at);
        struct value left;
        struct value right;
        for (uint64_t from = 0; cover_pair(c, &from, &left, &right);)
            got++;
        CHECK_INT(got, pairs);
        cover_free(c);
        CHECK(heap_is_empty(&heap));
    }
}

TEST(test_at_the_bound_only_holes_are_taken)
{
    struct heap heap;
    heap_init(&heap);
    struct cover *c;
    uint64_t leaves = (uint64_t)1 << 30;
    REQUIRE(cover_of(&c, &heap.alloc, leaves) == 0);
    for (uint64_t i = 0; i < COVER_VALUES_MAX; i++)
        CHECK_INT(insert(c, (struct tree_node){0, 2 * i}, leaves), COVER_ADDED);
    CHECK_INT(insert(c, (struct tree_node){0, 2 * COVER_VALUES_MAX}, leaves), ERR_FULL);
    CHECK_INT(insert(c, (struct tree_node){0, 1}, leaves), COVER_ADDED);
    CHECK_INT(insert(c, (struct tree_node){1, 0}, leaves), COVER_ADDED);
    CHECK_INT(insert(c, (struct tree_node){1, 1}, leaves), COVER_ADDED);
    int rc = COVER_ADDED;
    for (uint64_t i = 4; i < COVER_VALUES_MAX && rc >= 0; i++)
        rc = insert(c, (struct tree_node){0, 2 * i + 1}, leaves);
    CHECK_INT(rc, ERR_FULL);
    CHECK(cover_count(c) <= COVER_VALUES_MAX + COVER_VALUES_MAX / 8);
    cover_free(c);
    CHECK(heap_is_empty(&heap));
}

TEST(test_no_memory_leaves_the_cover_as_it_was)
{
    for (uint64_t n = 1;; n++) {
        struct heap heap;
        heap_init(&heap);
        heap.fail_at = n;
        struct cover *c = NULL;
        if (cover_of(&c, &heap.alloc, 100) == 0) {
            uint64_t covered = 0;
            for (uint64_t i = 0; i < 40; i++)
                covered += insert(c, (struct tree_node){0, i * 2}, 100) == COVER_ADDED;
            CHECK_INT(cover_leaves(c), covered);
            CHECK(covered >= 39);
            cover_free(c);
        }
        CHECK(heap_is_empty(&heap));
        if (!heap.failures)
            break;
    }
}

TEST(test_random_inserts_are_fast)
{
    struct heap heap;
    heap_init(&heap);
    struct cover *c;
    struct prng p;
    prng_init(&p, 1);
    uint64_t leaves = (uint64_t)1 << 36;
    REQUIRE(cover_of(&c, &heap.alloc, leaves) == 0);
    clock_t start = clock();
    uint32_t added = 0;
    for (int i = 0; i < 16000; i++)
        added += insert(c, (struct tree_node){0, prng_below(&p, leaves)}, leaves) == COVER_ADDED;
    double s = (double)(clock() - start) / CLOCKS_PER_SEC;
    CHECK(added > 15900);
    CHECK(s < 1.6); /* ten times the aim, for sanitizers and busy machines */
    cover_free(c);
    CHECK(heap_is_empty(&heap));
}

TEST_MAIN(test_leaves_in_any_order_come_to_the_root, test_duplicates_supersedes_and_divergence,
          test_cover_equals_a_line_of_flags, test_at_the_bound_only_holes_are_taken,
          test_no_memory_leaves_the_cover_as_it_was, test_random_inserts_are_fast)
