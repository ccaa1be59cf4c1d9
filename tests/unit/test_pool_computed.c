/* Chunks that are computed and not told yet: they take no slot and are not cut. */
#include "core/job/pool.h"
#include "tests/lib/check.h"
#include "tests/lib/heap.h"

static struct heap heap;
static struct shape shape;
static struct cover *cover;
static struct pool *pool;
static struct instant now;

static struct node_id id_of(uint8_t n)
{
    struct node_id id;
    memset(id.bytes, n, sizeof id.bytes);
    return id;
}

static void begin(void)
{
    heap_init(&heap);
    now = (struct instant){0};
    shape_init(&shape, &heap.alloc);
    REQUIRE(shape_add(&shape, 1024) == 0);
    REQUIRE(cover_new(&cover, &heap.alloc, &shape) == 0);
    REQUIRE(pool_new(&pool, &heap.alloc, cover) == 0);
    for (uint8_t i = 1; i <= 2; i++) {
        struct chunk c;
        REQUIRE(pool_take(pool, id_of(i), i, 512, now, &c));
    }
    now.us = 100000;
    CHECK_INT(pool_report(pool, 1, 100, 512, 100000, false, now), 0);
    CHECK_INT(pool_report(pool, 2, 562, 1024, 100000, false, now), 0);
}

static void end_all(void)
{
    pool_free(pool);
    cover_free(cover);
    shape_clear(&shape);
    CHECK(heap_is_empty(&heap));
}

TEST(test_one_that_is_computed_takes_no_slot_and_is_not_cut)
{
    uint64_t grant, border;
    begin();
    CHECK_INT(pool_chunks_trusted(pool), 2);
    CHECK(pool_computed(pool, 2));
    CHECK_INT(pool_chunks_trusted(pool), 1);
    CHECK_INT(pool_chunks(pool), 2);
    CHECK(pool_trim(pool, now, &grant, &border) && grant == 1);
    CHECK(!pool_trim(pool, now, &grant, &border));
    end_all();
}

/* The cut never comes. */
TEST(test_one_that_was_to_be_cut_is_so_no_more)
{
    uint64_t grant, border;
    begin();
    CHECK(pool_trim(pool, now, &grant, &border) && grant == 2);
    CHECK_INT(pool_trims(pool), 1);
    CHECK(pool_computed(pool, 2));
    CHECK_INT(pool_trims(pool), 0);
    CHECK(pool_find(pool, 2)->trim_asked == UINT64_MAX);
    end_all();
}

TEST(test_it_is_said_once_and_ends_like_any_other)
{
    begin();
    CHECK(!pool_computed(pool, 3));
    CHECK(pool_computed(pool, 2));
    CHECK(!pool_computed(pool, 2));
    const uint64_t before = pool_free_leaves(pool);
    CHECK_INT(pool_return(pool, 2), 0);
    CHECK_INT(pool_free_leaves(pool), before + 1024 - 562);
    CHECK(pool_find(pool, 2) == NULL);
    CHECK_INT(pool_chunks_trusted(pool), 1);
    end_all();
}

TEST_MAIN(test_one_that_is_computed_takes_no_slot_and_is_not_cut,
          test_one_that_was_to_be_cut_is_so_no_more, test_it_is_said_once_and_ends_like_any_other)
