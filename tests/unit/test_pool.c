#include "core/base/err.h"
#include "core/base/prng.h"
#include "core/job/pool.h"
#include "tests/lib/check.h"
#include "tests/lib/heap.h"

struct bench {
    struct heap heap;
    struct cover *cover;
    struct pool *pool;
    uint64_t leaves;
    struct instant now;
};

/* Of one stage, whose shape takes no memory. */
static int cover_of(struct cover **out, const struct alloc *a, uint64_t leaves)
{
    static struct shape shape;
    shape_init(&shape, a);
    REQUIRE(shape_add(&shape, leaves) == 0);
    return cover_new(out, a, &shape);
}

static void bench_open(struct bench *b, uint64_t leaves)
{
    heap_init(&b->heap);
    b->leaves = leaves;
    b->now = (struct instant){0};
    REQUIRE(cover_of(&b->cover, &b->heap.alloc, leaves) == 0);
    REQUIRE(pool_new(&b->pool, &b->heap.alloc, b->cover) == 0);
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

static void cover_run(struct bench *b, uint64_t first, uint64_t end)
{
    while (first < end) {
        struct tree_node at = tree_largest_at(first, end, b->leaves);
        CHECK(cover_insert(b->cover, &(struct value){at, {0}}) >= 0);
        first = tree_end(at, b->leaves);
    }
}

static bool take(struct bench *b, uint8_t node, uint64_t grant, uint64_t length, struct chunk *c)
{
    return pool_take(b->pool, id_of(node), grant, length, b->now, c);
}

/* The chunk's worker has done everything before `next`. */
static void report(struct bench *b, uint64_t grant, uint64_t next, bool ended)
{
    const struct chunk *c = pool_find(b->pool, grant);
    REQUIRE(c);
    cover_run(b, c->next, next);
    CHECK_INT(pool_report(b->pool, grant, next, c->end, (next - c->next) * 1000, ended, b->now), 0);
}

TEST(test_lowest_first_and_holes_before_fresh_ground)
{
    struct bench b;
    struct chunk c;
    bench_open(&b, 1000);
    CHECK_INT(pool_free_leaves(b.pool), 1000);
    CHECK(take(&b, 1, 1, 100, &c) && c.first == 0 && c.end == 64);
    CHECK(take(&b, 2, 2, 100, &c) && c.first == 64 && c.end == 128);
    CHECK_INT(pool_free_leaves(b.pool), 872);
    report(&b, 1, 20, false);
    CHECK_INT(pool_return(b.pool, 1), 0);
    CHECK_INT(pool_free_leaves(b.pool), 872 + 44);
    CHECK(take(&b, 3, 3, 100, &c) && c.first == 20 && c.end == 64);
    CHECK(take(&b, 3, 4, 100, &c) && c.first == 128 && c.end == 192);
    CHECK_INT(pool_return(b.pool, 1), ERR_NOT_FOUND);
    CHECK_INT(pool_chunks(b.pool), 3);
    CHECK_INT(pool_chunks_of(b.pool, id_of(3)), 2);
    CHECK(!take(&b, 3, 4, 1, &c)); /* a number is used once */
    bench_close(&b);
}

TEST(test_length_is_half_a_second_and_shrinks_towards_the_end)
{
    struct bench b;
    struct chunk c;
    bench_open(&b, 10000);
    CHECK_INT(pool_length(b.pool, 1000, 0, 4), 500);
    CHECK_INT(pool_length(b.pool, 0, 0, 4), 4);
    CHECK_INT(pool_length(b.pool, 1e30, 0, 4), 1250);
    CHECK_INT(pool_length(b.pool, 0.001, 0, 4), 1);
    CHECK(take(&b, 1, 1, 8192, &c));
    CHECK_INT(pool_length(b.pool, 1e6, 0, 4), 226);
    CHECK(take(&b, 1, 2, 10000, &c));
    CHECK_INT(pool_length(b.pool, 1e6, 0, 4), 1);
    CHECK_INT(pool_length(b.pool, 0, 0, 0), 1);
    bench_close(&b);
}

/* With a thousand slots a second has no more chunks than the coordinator can give out, at the end
 * neither, and for nodes that have shown nothing yet. */
TEST(test_length_has_a_least_where_there_are_many_slots)
{
    struct bench b;
    struct chunk c;
    uint64_t grant, end;
    bench_open(&b, 100000);
    pool_set_pace(b.pool, (struct pool_pace){.goal_us = 1000000, .least_us = 100000});
    CHECK_INT(pool_length(b.pool, 1000, 0, 1), 1000);
    CHECK_INT(pool_length(b.pool, 1000, 0, 1000), 100);
    CHECK_INT(pool_length(b.pool, 0, 0, 1000), 4);
    CHECK_INT(pool_length(b.pool, 0, 500, 1000), 50);
    CHECK(take(&b, 1, 1, 128, &c));
    CHECK_INT(pool_report(b.pool, 1, 1, 128, 1000, false, b.now), 0);
    CHECK(!pool_trim(b.pool, b.now, &grant, &end));
    pool_set_pace(b.pool, (struct pool_pace){.goal_us = 1000000, .least_us = 50000});
    CHECK(pool_trim(b.pool, b.now, &grant, &end));
    bench_close(&b);
}

TEST(test_trim_gives_back_the_tail)
{
    struct bench b;
    struct chunk c;
    uint64_t grant;
    uint64_t end;
    bench_open(&b, 1024);
    CHECK(take(&b, 1, 1, 512, &c) && take(&b, 2, 2, 512, &c));
    CHECK(!pool_trim(b.pool, b.now, &grant, &end)); /* nothing is known of either */
    b.now.us = 100000;
    report(&b, 1, 100, false);
    report(&b, 2, 512 + 50, false);
    CHECK(pool_trim(b.pool, b.now, &grant, &end));
    CHECK(grant == 2 && end == 768);
    CHECK_INT(pool_find(b.pool, 2)->trim_asked, 768);
    CHECK(pool_trim(b.pool, b.now, &grant, &end));
    CHECK(grant == 1 && end == 256);
    CHECK(!pool_trim(b.pool, b.now, &grant, &end));
    CHECK_INT(pool_report(b.pool, 1, 100, 99, 0, false, b.now), ERR_FORMAT);
    CHECK_INT(pool_report(b.pool, 1, 100, 256, 0, false, b.now), 0);
    CHECK_INT(pool_free_leaves(b.pool), 256);
    CHECK_INT(pool_find(b.pool, 1)->trim_asked == UINT64_MAX, 1);
    CHECK_INT(pool_report(b.pool, 2, 562, 768, 0, false, b.now), 0);
    CHECK_INT(pool_free_leaves(b.pool), 256 + 256);
    CHECK(take(&b, 3, 3, 1000, &c) && c.first == 256 && c.end == 512);
    bench_close(&b);
}

TEST(test_trim_counts_what_was_done_since_the_last_report)
{
    struct bench b;
    struct chunk c;
    uint64_t grant;
    uint64_t end;
    bench_open(&b, 1024);
    CHECK(take(&b, 1, 1, 1024, &c));
    report(&b, 1, 100, false); /* 1 ms a leaf */
    b.now.us = 800000;         /* so it is near leaf 900 */
    CHECK(pool_trim(b.pool, b.now, &grant, &end));
    CHECK(end > 900 && end < 1024);
    bench_close(&b);
    bench_open(&b, 1024);
    CHECK(take(&b, 1, 1, 1024, &c));
    b.now.us = 100000;
    report(&b, 1, 100, false);
    b.now.us = 1023500;
    CHECK(!pool_trim(b.pool, b.now, &grant, &end)); /* less than two leaves left */
    bench_close(&b);
}

TEST(test_a_lost_node_frees_only_what_it_had_not_reported)
{
    struct bench b;
    struct chunk c;
    int64_t lost_us;
    bench_open(&b, 256);
    CHECK(take(&b, 1, 1, 64, &c) && take(&b, 1, 2, 64, &c) && take(&b, 2, 3, 64, &c));
    report(&b, 1, 40, false);
    b.now.us = 5000;
    CHECK_INT(pool_lost(b.pool, id_of(1), 1, b.now, &lost_us), 2);
    CHECK_INT(lost_us, 10000);
    CHECK_INT(pool_chunks(b.pool), 1);
    CHECK_INT(pool_free_leaves(b.pool), 64 + 24 + 64);
    CHECK_INT(pool_retries(b.pool), 2);
    CHECK(take(&b, 2, 4, 64, &c) && c.first == 40 && c.end == 48 && c.careful);
    CHECK(take(&b, 2, 5, 64, &c) && c.first == 48 && c.end == 64 && c.careful);
    CHECK(take(&b, 2, 6, 64, &c) && c.first == 64 && c.end == 128 && c.careful);
    CHECK(take(&b, 2, 7, 64, &c) && c.first == 192 && !c.careful);
    bench_close(&b);
}

TEST(test_own_deaths_are_counted_narrowed_down_and_judged)
{
    struct bench b;
    struct chunk c;
    uint64_t leaf;
    uint64_t grant = 1;
    char why[128];
    bench_open(&b, 16);
    CHECK(!pool_poisoned(b.pool, 2, true, &leaf, why, sizeof why));
    CHECK(take(&b, 1, grant, 16, &c));
    CHECK_INT(pool_died(b.pool, grant, true, b.now), 1); /* at leaf 5 in truth */
    CHECK(take(&b, 1, ++grant, 16, &c) && c.first == 0 && c.careful);
    report(&b, grant, 5, false);
    CHECK_INT(pool_died(b.pool, grant, true, b.now), 1);
    CHECK(take(&b, 1, ++grant, 16, &c) && c.first == 5 && c.careful);
    CHECK_INT(pool_died(b.pool, grant, true, b.now), 2);
    /* Now it runs alone, and not on node 1, because another is eligible. */
    CHECK(take(&b, 1, ++grant, 16, &c) && c.first == 6);
    CHECK(take(&b, 2, ++grant, 16, &c) && c.first == 5 && c.end == 6);
    CHECK(!pool_poisoned(b.pool, 2, true, &leaf, why, sizeof why));
    CHECK_INT(pool_died(b.pool, grant, true, b.now), 3);
    REQUIRE(pool_poisoned(b.pool, 2, true, &leaf, why, sizeof why));
    CHECK_INT(leaf, 5);
    CHECK_STR(why, "leaf 5 ended its worker three times");
    bench_close(&b);
}

/* Node 1 has 1 GiB, node 2 as much, node 3 has 4. */
static uint64_t most_memory;

static uint64_t memory_of(void *ctx, struct node_id node)
{
    (void)ctx;
    return (uint64_t)(node_id_equal(node, id_of(3)) ? 4 : 1) << 30;
}

static uint64_t memory_most(void *ctx, uint64_t leaf)
{
    (void)leaf;
    (void)ctx;
    return most_memory;
}

TEST(test_after_a_death_by_memory_only_nodes_with_more_are_tried)
{
    struct bench b;
    struct chunk c;
    uint64_t leaf;
    char why[128];
    bench_open(&b, 2);
    pool_memory(b.pool, (struct poison_memory){NULL, memory_of, memory_most});
    most_memory = (uint64_t)4 << 30;
    CHECK(take(&b, 1, 1, 1, &c) && c.first == 0);
    CHECK_INT(pool_died_of_memory(b.pool, 1, b.now), 0); /* no death of its own doing */
    CHECK(!pool_poisoned(b.pool, 3, true, &leaf, why, sizeof why));
    CHECK(take(&b, 1, 2, 1, &c) && c.first == 1); /* not with as little again */
    CHECK(!take(&b, 2, 3, 1, &c));
    CHECK(take(&b, 3, 3, 1, &c) && c.first == 0);
    CHECK_INT(pool_died_of_memory(b.pool, 3, b.now), 0);
    CHECK(!take(&b, 3, 4, 1, &c));
    REQUIRE(pool_poisoned(b.pool, 3, true, &leaf, why, sizeof why));
    CHECK_INT(leaf, 0);
    CHECK_STR(why, "leaf 0 ran out of memory on a node with 4096 MiB, and no node that may run it "
                   "has more");
    bench_close(&b);
}

TEST(test_where_no_node_has_more_memory_the_first_death_by_it_ends_the_job)
{
    struct bench b;
    struct chunk c;
    uint64_t leaf;
    char why[128];
    bench_open(&b, 1);
    pool_memory(b.pool, (struct poison_memory){NULL, memory_of, memory_most});
    most_memory = (uint64_t)1 << 30;
    CHECK(take(&b, 1, 1, 1, &c));
    CHECK(!pool_poisoned(b.pool, 2, true, &leaf, why, sizeof why));
    CHECK_INT(pool_died_of_memory(b.pool, 1, b.now), 0);
    CHECK(pool_poisoned(b.pool, 2, true, &leaf, why, sizeof why));
    bench_close(&b);
}

TEST(test_deaths_on_one_node_are_judged_only_where_there_is_no_other)
{
    struct bench b;
    struct chunk c;
    uint64_t leaf;
    char why[128];
    bench_open(&b, 1);
    for (uint64_t grant = 1; grant <= 3; grant++) {
        CHECK(take(&b, 1, grant, 1, &c));
        CHECK_INT(pool_died(b.pool, grant, true, b.now), grant);
    }
    CHECK(!pool_poisoned(b.pool, 2, true, &leaf, why, sizeof why));
    CHECK(!take(&b, 1, 4, 1, &c)); /* left to the other */
    pool_set_eligible(b.pool, 1);  /* which is gone by now */
    CHECK(take(&b, 1, 4, 1, &c));
    CHECK_INT(pool_return(b.pool, 4), 0);
    CHECK(pool_poisoned(b.pool, 1, true, &leaf, why, sizeof why));
    bench_close(&b);
}

TEST(test_deaths_from_outside_do_not_poison_until_the_twentieth)
{
    struct bench b;
    struct chunk c;
    uint64_t leaf;
    char why[128];
    bench_open(&b, 8);
    for (uint64_t grant = 1; grant <= 20; grant++) {
        CHECK(!pool_poisoned(b.pool, 1, true, &leaf, why, sizeof why));
        CHECK(take(&b, 1, grant, 8, &c) && c.first == 0);
        CHECK_INT(pool_died(b.pool, grant, false, b.now), 0);
    }
    CHECK(pool_poisoned(b.pool, 1, true, &leaf, why, sizeof why));
    bench_close(&b);
}

TEST(test_two_node_losses_and_the_leaf_is_alone_four_and_the_job_fails)
{
    struct bench b;
    struct chunk c;
    struct node_id lost[POOL_LOST_AT_MAX];
    int64_t lost_us;
    uint64_t leaf;
    char why[128];
    bench_open(&b, 64);
    for (uint8_t i = 1; i <= 4; i++) {
        CHECK(!pool_poisoned(b.pool, 9, true, &leaf, why, sizeof why));
        CHECK(take(&b, i, i, 64, &c) && c.first == 0 && c.end == (i > 2 ? 1 : 64));
        CHECK_INT(pool_lost(b.pool, id_of(i), 1, b.now, &lost_us), 1);
    }
    CHECK(pool_poisoned(b.pool, 9, true, &leaf, why, sizeof why));
    CHECK_INT(leaf, 0);
    CHECK_STR(why, "leaf 0 was running at four node losses");
    REQUIRE(pool_lost_at(b.pool, 0, lost) == 4);
    CHECK(node_id_equal(lost[0], id_of(1)) && node_id_equal(lost[3], id_of(4)));
    CHECK_INT(pool_lost_at(b.pool, 1, lost), 0);
    /* Another process of node 3 is there, and that of node 2 is there still. */
    pool_not_lost(b.pool, id_of(3), 2);
    CHECK(pool_poisoned(b.pool, 9, true, &leaf, why, sizeof why));
    pool_not_lost(b.pool, id_of(2), 1);
    CHECK(!pool_poisoned(b.pool, 9, true, &leaf, why, sizeof why));
    CHECK_INT(pool_lost_at(b.pool, 0, lost), 3);
    bench_close(&b);
}

TEST(test_node_that_said_goodbye_is_no_loss)
{
    struct bench b;
    struct chunk c;
    uint64_t leaf;
    char why[128];
    bench_open(&b, 64);
    for (uint8_t i = 1; i <= 30; i++) {
        CHECK(take(&b, 1, i, 64, &c) && c.first == 0 && c.end == 64 && !c.careful);
        CHECK_INT(pool_left(b.pool, id_of(2)), 0);
        CHECK_INT(pool_left(b.pool, id_of(1)), 1);
    }
    CHECK(!pool_poisoned(b.pool, 9, true, &leaf, why, sizeof why));
    CHECK_INT(pool_retries(b.pool), 0);
    bench_close(&b);
}

TEST(test_deaths_of_a_leaf_that_was_computed_since_are_forgotten)
{
    struct bench b;
    struct chunk c;
    char why[128];
    uint64_t leaf;
    bench_open(&b, 64);
    for (uint64_t grant = 1; grant <= 3; grant++) {
        CHECK(take(&b, 1, grant, 64, &c));
        CHECK_INT(pool_died(b.pool, grant, true, b.now), grant);
    }
    CHECK(pool_poisoned(b.pool, 1, true, &leaf, why, sizeof why));
    CHECK(take(&b, 1, 4, 1, &c));
    report(&b, 4, 1, true);
    CHECK(!pool_poisoned(b.pool, 1, true, &leaf, why, sizeof why));
    bench_close(&b);
}

/* The cover was at its bound, say. */
TEST(test_reported_leaves_that_are_not_in_the_cover_are_free_again)
{
    struct bench b;
    struct chunk c;
    bench_open(&b, 64);
    CHECK(take(&b, 1, 1, 64, &c));
    uint64_t before = pool_free_leaves(b.pool);
    CHECK_INT(pool_report(b.pool, 1, c.first + 1, c.end, 1000, false, b.now), 0);
    CHECK_INT(pool_free_leaves(b.pool), before + 1);
    bench_close(&b);
}

/* Every second leaf is covered. */
TEST(test_at_the_bound_of_the_cover_only_holes_are_given_out)
{
    const uint64_t ground = (uint64_t)2 * COVER_VALUES_MAX - 2;
    struct bench b;
    struct chunk c;
    uint64_t grant = 0, holes = 0;
    bench_open(&b, (uint64_t)4 * COVER_VALUES_MAX);
    for (uint64_t leaf = 0; leaf <= ground; leaf += 2) {
        CHECK_INT(cover_frontier(b.cover), b.leaves);
        cover_run(&b, leaf, leaf + 1);
    }
    CHECK_INT(cover_count(b.cover), COVER_VALUES_MAX);
    CHECK_INT(cover_frontier(b.cover), ground);
    while (take(&b, 1, ++grant, 1000, &c)) {
        CHECK(c.end <= ground);
        holes += c.end - c.first;
    }
    CHECK_INT(holes, COVER_VALUES_MAX - 1);
    /* Something became one. */
    cover_run(&b, 0, 4);
    CHECK(take(&b, 1, ++grant, 1000, &c));
    CHECK_INT(c.first, ground + 1);
    bench_close(&b);
}

TEST(test_computed_leaves_are_absolved)
{
    struct bench b;
    struct chunk c;
    bench_open(&b, 64);
    CHECK(take(&b, 1, 1, 64, &c));
    CHECK_INT(pool_died(b.pool, 1, true, b.now), 1);
    CHECK(take(&b, 1, 2, 64, &c) && c.careful);
    report(&b, 2, 10, false);
    CHECK_INT(pool_return(b.pool, 2), 0);
    CHECK(take(&b, 1, 3, 64, &c) && c.first == 10 && c.careful);
    report(&b, 3, 64, true);
    CHECK_INT(cover_leaves(b.cover), b.leaves);
    CHECK(!take(&b, 1, 4, 64, &c));
    bench_close(&b);
}

TEST(test_silence_brings_spare_copies_within_bounds)
{
    struct bench b;
    struct chunk c;
    bench_open(&b, 128);
    CHECK(take(&b, 1, 1, 64, &c) && take(&b, 1, 2, 64, &c));
    CHECK(!pool_spare(b.pool, id_of(2), 3, 4, b.now, &c));
    pool_doubt(b.pool, id_of(1));
    CHECK(!pool_spare(b.pool, id_of(1), 3, 4, b.now, &c)); /* not on the silent node itself */
    report(&b, 1, 10, false);
    CHECK(pool_spare(b.pool, id_of(2), 3, 4, b.now, &c));
    CHECK(c.first == 10 && c.end == 64 && c.spare && !c.doubtful);
    CHECK(!pool_spare(b.pool, id_of(2), 4, 19, b.now, &c)); /* one in ten slots */
    CHECK(pool_spare(b.pool, id_of(2), 4, 20, b.now, &c) && c.first == 64);
    CHECK(!pool_spare(b.pool, id_of(3), 5, 1000, b.now, &c)); /* two copies are enough */
    /* The silent node is lost: its leaves are not free, the copies have them. */
    int64_t lost_us;
    CHECK_INT(pool_lost(b.pool, id_of(1), 1, b.now, &lost_us), 2);
    CHECK_INT(pool_free_leaves(b.pool), 0);
    report(&b, 3, 30, false);
    CHECK_INT(pool_return(b.pool, 3), 0);
    CHECK_INT(pool_free_leaves(b.pool), 34);
    report(&b, 4, 128, true);
    CHECK(take(&b, 3, 9, 64, &c) && c.first == 30 && c.end == 64);
    bench_close(&b);
}

TEST(test_whichever_copy_comes_first_counts)
{
    struct bench b;
    struct chunk c;
    bench_open(&b, 64);
    CHECK(take(&b, 1, 1, 64, &c));
    pool_doubt(b.pool, id_of(1));
    CHECK(pool_spare(b.pool, id_of(2), 2, 4, b.now, &c));
    pool_heard(b.pool, id_of(1));
    CHECK(!pool_find(b.pool, 1)->doubtful);
    report(&b, 2, 64, true);
    CHECK_INT(cover_leaves(b.cover), b.leaves);
    CHECK_INT(pool_return(b.pool, 1), 0);
    CHECK_INT(pool_free_leaves(b.pool), 0);
    bench_close(&b);
}

TEST(test_slow_chunk_gets_a_spare_after_three_times_its_forecast)
{
    struct bench b;
    struct chunk c;
    bench_open(&b, 64);
    CHECK(take(&b, 1, 1, 64, &c));
    b.now.us = 3 * POOL_CHUNK_GOAL_US;
    CHECK(!pool_spare(b.pool, id_of(2), 2, 4, b.now, &c));
    b.now.us++;
    CHECK(pool_spare(b.pool, id_of(2), 2, 4, b.now, &c));
    bench_close(&b);
}

TEST(test_a_spare_of_a_slow_chunk_leaves_one_for_a_silent_node)
{
    struct bench b;
    struct chunk c;
    bench_open(&b, 256);
    for (uint64_t i = 1; i <= 4; i++)
        CHECK(take(&b, (uint8_t)i, i, 64, &c));
    b.now.us = 3 * POOL_CHUNK_GOAL_US + 1;
    CHECK(pool_spare(b.pool, id_of(9), 9, 4, b.now, &c) && c.first == 0);
    CHECK(!pool_spare(b.pool, id_of(8), 8, 4, b.now, &c)); /* the others are as slow */
    pool_doubt(b.pool, id_of(3));
    CHECK(pool_spare(b.pool, id_of(8), 8, 4, b.now, &c) && c.first == 128);
    pool_doubt(b.pool, id_of(4));
    CHECK(!pool_spare(b.pool, id_of(7), 7, 4, b.now, &c));
    CHECK_INT(pool_return(b.pool, 8), 0); /* its place is free again */
    CHECK(pool_spare(b.pool, id_of(7), 7, 4, b.now, &c) && c.first == 128);
    CHECK_INT(pool_return(b.pool, 9), 0);
    CHECK(pool_spare(b.pool, id_of(9), 10, 4, b.now, &c) && c.first == 0);
    bench_close(&b);
}

TEST(test_a_new_coordinator_adopts_what_is_open)
{
    struct bench b;
    struct chunk c;
    bench_open(&b, 256);
    cover_run(&b, 0, 10);
    CHECK_INT(pool_adopt(b.pool, id_of(1), 70, 20, 64, b.now), 0);
    CHECK_INT(pool_adopt(b.pool, id_of(2), 71, 63, 70, b.now), ERR_EXISTS);
    CHECK_INT(pool_adopt(b.pool, id_of(2), 70, 100, 110, b.now), ERR_EXISTS);
    CHECK_INT(pool_adopt(b.pool, id_of(2), 72, 0, 10, b.now), ERR_EXISTS);
    CHECK_INT(pool_adopt(b.pool, id_of(2), 73, 5, 15, b.now), 0); /* partly covered is open still */
    CHECK_INT(pool_adopt(b.pool, id_of(2), 74, 250, 257, b.now), ERR_FORMAT);
    CHECK_INT(pool_adopt(b.pool, id_of(2), 74, 9, 9, b.now), ERR_FORMAT);
    CHECK(take(&b, 3, 75, 64, &c) && c.first == 15 && c.end == 20);
    CHECK(take(&b, 3, 76, 64, &c) && c.first == 64);
    bench_close(&b);
}

TEST(test_what_the_cover_gains_elsewhere_is_not_given_out)
{
    struct bench b;
    struct chunk c;
    bench_open(&b, 128);
    CHECK(take(&b, 1, 1, 32, &c));
    cover_run(&b, 32, 50);
    cover_run(&b, 60, 64);
    CHECK_INT(pool_free_leaves(b.pool), 128 - 32 - 18 - 4);
    CHECK(take(&b, 2, 2, 64, &c) && c.first == 50 && c.end == 60);
    CHECK_INT(pool_report(b.pool, 1, 33, 32, 0, false, b.now), ERR_FORMAT);
    CHECK_INT(pool_report(b.pool, 1, 33, 40, 0, false, b.now), ERR_FORMAT);
    CHECK_INT(pool_report(b.pool, 9, 1, 2, 0, false, b.now), ERR_NOT_FOUND);
    bench_close(&b);
}

/* Every leaf is always exactly one of: covered, free, or in an open chunk (copies aside). */
static void check_balance(struct bench *b)
{
    uint8_t open[300] = {0};
    uint64_t sum = 0;
    for (uint32_t i = 0; i < pool_chunks(b->pool); i++) {
        const struct chunk *c = pool_chunk_at(b->pool, i);
        for (uint64_t leaf = c->next; leaf < c->end; leaf++)
            if (!open[leaf]++ && cover_overlap(b->cover, leaf, leaf + 1) == 0)
                sum++;
            else
                CHECK(open[leaf] <= 2);
    }
    CHECK_INT(sum + pool_free_leaves(b->pool) + cover_leaves(b->cover), b->leaves);
}

static void random_step(struct bench *b, struct prng *p, uint64_t *grant)
{
    struct chunk c;
    uint64_t number;
    uint64_t end;
    int64_t lost_us;
    uint8_t node = (uint8_t)(1 + prng_below(p, 4));
    b->now.us += (int64_t)prng_below(p, 100000);
    uint32_t count = pool_chunks(b->pool);
    const struct chunk *some =
        count ? pool_chunk_at(b->pool, (uint32_t)prng_below(p, count)) : NULL;
    switch (prng_below(p, 9)) {
    case 0:
        if (some)
            pool_died(b->pool, some->grant, prng_one_in(p, 2), b->now);
        break;
    case 1:
        if (prng_one_in(p, 4))
            pool_lost(b->pool, id_of(node), 1, b->now, &lost_us);
        break;
    case 2:
        if (pool_trim(b->pool, b->now, &number, &end))
            pool_report(b->pool, number, pool_find(b->pool, number)->next, end, 0, false, b->now);
        break;
    case 3:
        pool_doubt(b->pool, id_of(node));
        if (pool_spare(b->pool, id_of((uint8_t)(node % 4 + 1)), *grant, 20, b->now, &c))
            (*grant)++;
        break;
    case 4:
        if (some)
            pool_return(b->pool, some->grant);
        break;
    case 5:
    case 6:
        if (some) {
            uint64_t next = some->next + prng_below(p, some->end - some->next + 1);
            report(b, some->grant, next, next == some->end);
        }
        break;
    default:
        if (take(b, node, *grant, 1 + prng_below(p, 80), &c))
            (*grant)++;
        break;
    }
}

static void run_random(uint64_t seed, uint64_t fail_from)
{
    struct bench b;
    struct prng p;
    prng_init(&p, seed);
    bench_open(&b, 1 + prng_below(&p, 300));
    uint64_t grant = 1;
    for (int step = 0; step < 300; step++) {
        b.heap.fail_from = fail_from && step % 40 >= 20 ? 1 : 0;
        /* The cover's own memory is not what is tried here. */
        if (b.heap.fail_from && prng_one_in(&p, 3)) {
            struct chunk c;
            uint32_t count = pool_chunks(b.pool);
            if (count && prng_one_in(&p, 2))
                pool_return(b.pool, pool_chunk_at(b.pool, 0)->grant);
            else if (take(&b, 1, grant, 3, &c))
                grant++;
            continue;
        }
        b.heap.fail_from = 0;
        random_step(&b, &p, &grant);
        check_balance(&b);
    }
    b.heap.fail_from = 0;
    check_balance(&b);
    bench_close(&b);
}

TEST(test_no_leaf_is_ever_forgotten)
{
    for (uint64_t seed = 0; seed < 300; seed++)
        run_random(seed, 0);
}

TEST(test_no_leaf_is_forgotten_when_memory_runs_out)
{
    for (uint64_t seed = 0; seed < 100; seed++)
        run_random(seed, 1);
}

TEST(test_no_memory_at_the_start)
{
    struct heap heap;
    struct pool *p;
    struct cover *c;
    heap_init(&heap);
    REQUIRE(cover_of(&c, &heap.alloc, 5) == 0);
    heap.fail_from = 1;
    CHECK_INT(pool_new(&p, &heap.alloc, c), ERR_NO_MEMORY);
    cover_free(c);
    CHECK(heap_is_empty(&heap));
}

TEST_MAIN(test_at_the_bound_of_the_cover_only_holes_are_given_out,
          test_a_spare_of_a_slow_chunk_leaves_one_for_a_silent_node,
          test_lowest_first_and_holes_before_fresh_ground,
          test_length_is_half_a_second_and_shrinks_towards_the_end,
          test_length_has_a_least_where_there_are_many_slots, test_trim_gives_back_the_tail,
          test_trim_counts_what_was_done_since_the_last_report,
          test_a_lost_node_frees_only_what_it_had_not_reported,
          test_own_deaths_are_counted_narrowed_down_and_judged,
          test_after_a_death_by_memory_only_nodes_with_more_are_tried,
          test_where_no_node_has_more_memory_the_first_death_by_it_ends_the_job,
          test_deaths_on_one_node_are_judged_only_where_there_is_no_other,
          test_deaths_from_outside_do_not_poison_until_the_twentieth,
          test_two_node_losses_and_the_leaf_is_alone_four_and_the_job_fails,
          test_node_that_said_goodbye_is_no_loss, test_computed_leaves_are_absolved,
          test_deaths_of_a_leaf_that_was_computed_since_are_forgotten,
          test_reported_leaves_that_are_not_in_the_cover_are_free_again,
          test_silence_brings_spare_copies_within_bounds, test_whichever_copy_comes_first_counts,
          test_slow_chunk_gets_a_spare_after_three_times_its_forecast,
          test_a_new_coordinator_adopts_what_is_open,
          test_what_the_cover_gains_elsewhere_is_not_given_out, test_no_leaf_is_ever_forgotten,
          test_no_leaf_is_forgotten_when_memory_runs_out, test_no_memory_at_the_start)
