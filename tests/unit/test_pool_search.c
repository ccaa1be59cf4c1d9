/* What a coordinator gives out of a search: nothing behind the lowest match, and a leaf that keeps
 * dying only fails the job when all below it are covered without one. */
#include "core/base/err.h"
#include "core/job/pool.h"
#include "core/wire/found.h"
#include "tests/lib/check.h"
#include "tests/lib/heap.h"

#define LEAVES 1024u

struct bench {
    struct heap heap;
    struct shape shape;
    struct cover *cover;
    struct pool *pool;
    struct instant now;
};

static void bench_open(struct bench *b)
{
    heap_init(&b->heap);
    b->now = (struct instant){0};
    shape_init(&b->shape, &b->heap.alloc);
    REQUIRE(shape_add(&b->shape, LEAVES) == 0);
    REQUIRE(cover_new(&b->cover, &b->heap.alloc, &b->shape) == 0);
    cover_search(b->cover, 1);
    REQUIRE(pool_new(&b->pool, &b->heap.alloc, b->cover) == 0);
    pool_set_eligible(b->pool, 2);
}

static void bench_close(struct bench *b)
{
    pool_free(b->pool);
    cover_free(b->cover);
    CHECK(heap_is_empty(&b->heap));
}

static struct node_id id_of(uint8_t n)
{
    struct node_id id;
    memset(id.bytes, n, sizeof id.bytes);
    return id;
}

static void put(struct bench *b, struct tree_node at, uint64_t unit)
{
    uint8_t raw[9] = {0};
    store_u64(raw, unit);
    CHECK(cover_insert(b->cover, &(struct value){at, {raw, sizeof raw}}) >= 0);
}

static void cover_run(struct bench *b, uint64_t first, uint64_t end)
{
    while (first < end) {
        struct tree_node at = tree_largest_at(first, end, LEAVES);
        put(b, at, FOUND_NONE);
        first = tree_end(at, LEAVES);
    }
}

static bool take(struct bench *b, uint8_t node, uint64_t grant, uint64_t length, struct chunk *c)
{
    return pool_take(b->pool, id_of(node), grant, length, b->now, c);
}

static uint64_t wanted(struct bench *b, uint64_t grant)
{
    const struct chunk *c = pool_find(b->pool, grant);
    return cover_wanted(b->cover, c->next, c->end);
}

TEST(nothing_behind_a_match_is_free)
{
    struct bench b;
    struct chunk c;
    bench_open(&b);
    for (uint64_t i = 0; i < 4; i++)
        CHECK(take(&b, 1, i + 1, 64, &c) && c.first == 64 * i);
    cover_run(&b, 0, 10);
    CHECK_INT(pool_report(b.pool, 1, 10, 64, 1, false, b.now), 0);
    CHECK_INT(pool_free_leaves(b.pool), LEAVES - 256);
    put(&b, (struct tree_node){0, 130}, 130);
    CHECK_INT(pool_report(b.pool, 3, 131, 192, 1, true, b.now), 0);
    CHECK_INT(pool_free_leaves(b.pool), 2); /* 128 and 129 were reported, and did not arrive */
    CHECK_INT(pool_return(b.pool, 4), 0);
    CHECK_INT(pool_return(b.pool, 2), 0);
    CHECK_INT(pool_free_leaves(b.pool), 66);
    CHECK(take(&b, 1, 9, 1000, &c) && c.first == 64 && c.end <= 131);
    CHECK_INT(pool_return(b.pool, 9), 0);
    put(&b, (struct tree_node){0, 60}, 60);
    CHECK_INT(pool_free_leaves(b.pool), 0);
    CHECK(!take(&b, 1, 10, 1, &c));
    CHECK_INT(wanted(&b, 1), 50);
    bench_close(&b);
}

/* One leaf more and one behind the match less: the number of covered leaves says nothing. */
TEST(a_match_is_heeded_though_as_many_leaves_are_covered)
{
    struct bench b;
    bench_open(&b);
    cover_run(&b, 20, 21);
    CHECK_INT(pool_free_leaves(b.pool), LEAVES - 1);
    put(&b, (struct tree_node){0, 10}, 10);
    CHECK_INT(cover_leaves(b.cover), 1);
    CHECK_INT(pool_free_leaves(b.pool), 10);
    bench_close(&b);
}

TEST(open_chunks_are_adopted_as_far_as_they_are_wanted)
{
    struct bench b;
    bench_open(&b);
    put(&b, (struct tree_node){0, 100}, 100);
    CHECK_INT(pool_adopt(b.pool, id_of(1), 1, 101, 120, b.now), ERR_EXISTS);
    CHECK_INT(pool_adopt(b.pool, id_of(1), 2, 90, 120, b.now), 0);
    CHECK_INT(wanted(&b, 2), 10);
    CHECK_INT(pool_free_leaves(b.pool), 90);
    CHECK_INT(pool_adopt(b.pool, id_of(1), 3, 95, 99, b.now), ERR_EXISTS);
    bench_close(&b);
}

TEST(no_copy_is_made_of_a_chunk_behind_a_match)
{
    struct bench b;
    struct chunk c;
    bench_open(&b);
    CHECK(take(&b, 1, 1, 64, &c) && take(&b, 2, 2, 64, &c));
    pool_doubt(b.pool, id_of(2));
    put(&b, (struct tree_node){0, 70}, 70);
    CHECK(pool_spare(b.pool, id_of(3), 9, 40, b.now, &c)); /* of leaves 64 to 70 */
    CHECK_INT(pool_return(b.pool, 9), 0);
    put(&b, (struct tree_node){0, 60}, 60);
    CHECK(!pool_spare(b.pool, id_of(3), 9, 40, b.now, &c));
    bench_close(&b);
}

static bool poisoned(struct bench *b, uint64_t *leaf)
{
    char why[256];
    return pool_poisoned(b->pool, 2, true, leaf, why, sizeof why);
}

/* The leaf dies at both nodes in turn, three times in all. */
static void kill_leaf(struct bench *b, uint64_t leaf)
{
    struct chunk c;
    for (uint8_t i = 0; i < 3; i++) {
        REQUIRE(take(b, 1 + i % 2, 100 + i, 1, &c) && c.first == leaf);
        CHECK_INT(pool_died(b->pool, c.grant, true, b->now), i + 1);
    }
}

TEST(a_leaf_that_dies_waits_for_those_below_it)
{
    for (int match = 0; match < 2; match++) {
        struct bench b;
        struct chunk low, c;
        uint64_t leaf = 0;
        bench_open(&b);
        REQUIRE(take(&b, 3, 1, 32, &low) && low.end == 32);
        kill_leaf(&b, 32);
        CHECK(!poisoned(&b, &leaf));
        CHECK(take(&b, 4, 2, 1, &c) && c.first == 33); /* not the leaf that dies */
        CHECK_INT(pool_return(b.pool, 2), 0);
        cover_run(&b, 0, match ? 30 : 32);
        if (match)
            put(&b, (struct tree_node){0, 30}, 30);
        CHECK_INT(pool_report(b.pool, 1, match ? 31 : 32, 32, 1, true, b.now), 0);
        CHECK_INT(poisoned(&b, &leaf), !match);
        if (!match)
            CHECK_INT(leaf, 32);
        CHECK_INT(pool_free_leaves(b.pool) > 0, !match);
        bench_close(&b);
    }
}

TEST_MAIN(nothing_behind_a_match_is_free, a_match_is_heeded_though_as_many_leaves_are_covered,
          open_chunks_are_adopted_as_far_as_they_are_wanted,
          no_copy_is_made_of_a_chunk_behind_a_match,
          a_leaf_that_dies_waits_for_those_below_it)
