/* A pool over several stages: what is closed is not given out, no chunk crosses a border, and no
 * leaf is lost. */
#include "core/base/err.h"
#include "core/base/prng.h"
#include "core/job/pool.h"
#include "tests/lib/check.h"
#include "tests/lib/heap.h"

#define STAGES 9

static struct heap heap;
static struct shape shape;
static struct cover *cover;
static struct pool *pool;
static bool is_open[STAGES];
static uint64_t grant;

static struct node_id id_of(uint8_t n)
{
    struct node_id id;

    memset(id.bytes, n, sizeof id.bytes);
    return id;
}

static void begin(const uint64_t *leaves, uint32_t count)
{
    heap_init(&heap);
    shape_init(&shape, &heap.alloc);
    for (uint32_t i = 0; i < count; i++)
        REQUIRE(shape_add(&shape, leaves[i]) == 0);
    memset(is_open, 0, sizeof is_open);
    REQUIRE(cover_new(&cover, &heap.alloc, &shape) == 0);
    REQUIRE(pool_new(&pool, &heap.alloc, cover) == 0);
    grant = 0;
}

static void end(void)
{
    pool_free(pool);
    cover_free(cover);
    shape_clear(&shape);
    CHECK(heap_is_empty(&heap));
}

static bool take(uint64_t length, struct chunk *c)
{
    return pool_take(pool, id_of(1), ++grant, length, (struct instant){0}, c);
}

static void cover_leaf(uint64_t leaf)
{
    CHECK(cover_insert(cover, &(struct value){{0, leaf}, {0}}) >= 0);
}

/* A coordinator that came later hears of chunks before it knows that their stage may run. */
TEST(a_chunk_told_before_its_stage_opens_takes_no_more_than_it_has)
{
    static const uint64_t leaves[] = {3, 8};
    struct chunk c;

    begin(leaves, 2);
    CHECK_INT(pool_adopt(pool, id_of(2), 97, 9, 11, (struct instant){0}), 0);
    CHECK_INT(pool_adopt(pool, id_of(2), 98, 13, 14, (struct instant){0}), 0);
    CHECK_INT(pool_adopt(pool, id_of(3), 99, 10, 12, (struct instant){0}), ERR_EXISTS);
    CHECK_INT(pool_free_leaves(pool), 0);
    pool_open(pool, 1);
    CHECK_INT(pool_free_leaves(pool), 5);
    REQUIRE(take(1, &c));
    CHECK(c.first == 8 && c.end == 9);
    REQUIRE(take(8, &c));
    CHECK(c.first == 11 && c.end == 13);
    REQUIRE(take(8, &c));
    CHECK(c.first == 14 && c.end == 16);
    CHECK(!take(8, &c));
    CHECK_INT(pool_return(pool, 97), 0);
    CHECK_INT(pool_free_leaves(pool), 2);
    end();
}

TEST(what_is_closed_is_not_given_out)
{
    static const uint64_t leaves[] = {3, 1, 1, 2};
    struct chunk c;

    begin(leaves, 4);
    CHECK(!take(10, &c));
    CHECK_INT(pool_free_leaves(pool), 0);
    pool_open(pool, 2);
    CHECK_INT(pool_free_leaves(pool), 1);
    REQUIRE(take(10, &c));
    CHECK(c.first == 5 && c.end == 6);
    CHECK(!take(10, &c));
    end();
}

TEST(a_chunk_ends_where_its_stage_does)
{
    static const uint64_t leaves[] = {1, 1, 1, 2};
    struct chunk c;

    begin(leaves, 4);
    for (uint32_t i = 0; i < 4; i++)
        pool_open(pool, i);
    CHECK_INT(pool_free_leaves(pool), 5);
    for (uint64_t i = 0; i < 3; i++) {
        REQUIRE(take(100, &c));
        CHECK(c.first == i && c.end == i + 1);
    }
    REQUIRE(take(100, &c));
    CHECK(c.first == 4 && c.end == 6);
    CHECK_INT(pool_adopt(pool, id_of(2), 99, 0, 2, (struct instant){0}), ERR_FORMAT);
    CHECK_INT(pool_adopt(pool, id_of(2), 99, 3, 4, (struct instant){0}), ERR_FORMAT);
    end();
}

TEST(a_stage_that_was_closed_takes_nothing_back)
{
    static const uint64_t leaves[] = {8, 8};
    struct chunk c;

    begin(leaves, 2);
    pool_open(pool, 0);
    pool_open(pool, 1);
    REQUIRE(take(4, &c));
    CHECK(c.first == 0 && c.end == 4);
    for (int i = 0; i < 3; i++) {
        pool_died(pool, c.grant, true, (struct instant){0});
        REQUIRE(take(4, &c));
    }
    pool_close(pool, 0);
    CHECK_INT(pool_free_leaves(pool), 8);
    pool_return(pool, c.grant);
    CHECK_INT(pool_free_leaves(pool), 8);
    CHECK(!pool_poisoned(pool, 1, true, &(uint64_t){0}, (char[200]){0}, 200));
    pool_open(pool, 0);
    CHECK_INT(pool_free_leaves(pool), 16);
    end();
}

/* It was given up while its leaves were under way at a node that is doubtful now. */
TEST(a_stage_that_was_closed_has_no_spare_copies)
{
    static const uint64_t leaves[] = {4, 4};
    struct chunk c, spare;

    begin(leaves, 2);
    pool_open(pool, 0);
    pool_open(pool, 1);
    REQUIRE(take(4, &c) && c.first == 0);
    REQUIRE(take(4, &c) && c.first == 4);
    pool_close(pool, 0);
    pool_doubt(pool, id_of(1));
    REQUIRE(pool_spare(pool, id_of(2), ++grant, 1, (struct instant){0}, &spare));
    CHECK(spare.first == 4 && spare.end == 8);
    pool_lost(pool, id_of(2), 0, (struct instant){0}, &(int64_t){0});
    pool_close(pool, 1);
    CHECK(!pool_spare(pool, id_of(3), ++grant, 10, (struct instant){0}, &spare));
    end();
}

/* Another coordinator gave it out, who knew that the stage may run. */
TEST(a_stage_that_waits_for_another_has_no_spare_copies)
{
    static const uint64_t leaves[] = {4, 4};
    struct chunk spare;

    begin(leaves, 2);
    pool_open(pool, 0);
    CHECK_INT(pool_adopt(pool, id_of(1), 97, 4, 8, (struct instant){0}), 0);
    pool_doubt(pool, id_of(1));
    CHECK(!pool_spare(pool, id_of(2), ++grant, 1, (struct instant){0}, &spare));
    pool_open(pool, 1);
    REQUIRE(pool_spare(pool, id_of(2), ++grant, 1, (struct instant){10 * S_US}, &spare));
    CHECK(spare.first == 4 && spare.end == 8);
    end();
}

static uint32_t stage_of(uint64_t leaf)
{
    uint32_t stage = 0;

    REQUIRE(shape_find(&shape, leaf, &stage));
    return stage;
}

/* Every leaf of an open stage is covered, in a chunk, or free; of a closed one none is free. */
static void check_balance(void)
{
    uint64_t free = 0;

    for (uint32_t i = 0; i < shape.count; i++) {
        uint64_t left = shape.stages[i].end - shape.stages[i].first;

        if (is_open[i])
            free += left - cover_overlap(cover, shape.stages[i].first, shape.stages[i].end);
    }
    for (uint32_t i = 0; i < pool_chunks(pool); i++) {
        const struct chunk *c = pool_chunk_at(pool, i);
        uint64_t bare = c->end - c->next - cover_overlap(cover, c->next, c->end);

        CHECK_INT(stage_of(c->first), stage_of(c->end - 1));
        free -= is_open[stage_of(c->first)] ? bare : 0;
    }
    CHECK_INT(pool_free_leaves(pool), free);
}

static void step(struct prng *p)
{
    const struct chunk *some =
        pool_chunks(pool) == 0 ? NULL
                               : pool_chunk_at(pool, (uint32_t)prng_below(p, pool_chunks(pool)));
    uint32_t stage = (uint32_t)prng_below(p, shape.count);
    struct chunk c;

    switch (prng_below(p, 6)) {
    case 0:
        pool_open(pool, stage);
        is_open[stage] = true;
        break;
    case 1:
        if (prng_below(p, 4) == 0) {
            pool_close(pool, stage);
            is_open[stage] = false;
        }
        break;
    case 2:
        if (some) {
            c = *some;
            if (c.next < c.end)
                cover_leaf(c.next);
            pool_report(pool, c.grant, c.next < c.end ? c.next + 1 : c.end, c.end, 1,
                        c.next + 1 >= c.end, (struct instant){0});
        }
        break;
    case 3:
        if (some)
            pool_return(pool, some->grant);
        break;
    default:
        take(1 + prng_below(p, 5), &c);
        break;
    }
}

TEST(no_leaf_of_an_open_stage_is_ever_forgotten)
{
    for (uint64_t seed = 0; seed < 200; seed++) {
        uint64_t leaves[STAGES];
        struct prng p;

        prng_init(&p, seed);
        for (uint32_t i = 0; i < STAGES; i++)
            leaves[i] = prng_below(&p, 2) == 0 ? 1 : 1 + prng_below(&p, 12);
        begin(leaves, STAGES);
        for (int i = 0; i < 200; i++) {
            step(&p);
            check_balance();
        }
        end();
    }
}

TEST_MAIN(a_stage_that_was_closed_has_no_spare_copies,
          a_stage_that_waits_for_another_has_no_spare_copies,
          a_chunk_told_before_its_stage_opens_takes_no_more_than_it_has,
          what_is_closed_is_not_given_out, a_chunk_ends_where_its_stage_does,
          a_stage_that_was_closed_takes_nothing_back, no_leaf_of_an_open_stage_is_ever_forgotten)
