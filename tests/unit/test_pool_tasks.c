/* A pool of tasks: stages of one leaf that travel together, some of them ahead of what they wait
 * for. */
#include "core/base/err.h"
#include "core/base/prng.h"
#include "core/job/pool.h"
#include "tests/lib/check.h"
#include "tests/lib/heap.h"

#define STAGES 400
#define NONE UINT32_MAX

static struct heap heap;
static struct shape shape;
static struct cover *cover;
static struct pool *pool;
static uint32_t waits_for[STAGES];          /* an earlier one, or NONE */
static bool is_open[STAGES], apart[STAGES]; /* apart: does not join the one before it */
static uint64_t grant;
static struct instant now;

static bool join(void *ctx, uint32_t stage)
{
    (void)ctx;
    return !apart[stage];
}

static bool is_done(uint32_t stage)
{
    return cover_overlap(cover, stage, stage + 1) > 0;
}

static bool ahead(void *ctx, uint32_t stage, uint32_t first)
{
    uint32_t need = waits_for[stage];

    (void)ctx;
    return need == NONE || is_done(need) || (need >= first && need + 1 == stage);
}

static struct node_id id_of(uint8_t n)
{
    struct node_id id;

    memset(id.bytes, n, sizeof id.bytes);
    return id;
}

/* In chains of so many. */
static void begin(uint32_t count, uint32_t chain)
{
    heap_init(&heap);
    shape_init(&shape, &heap.alloc);
    memset(is_open, 0, sizeof is_open);
    memset(apart, 0, sizeof apart);
    for (uint32_t i = 0; i < count; i++) {
        REQUIRE(shape_add(&shape, 1) == 0);
        waits_for[i] = i % chain == 0 ? NONE : i - 1;
    }
    REQUIRE(cover_new(&cover, &heap.alloc, &shape) == 0);
    REQUIRE(pool_new(&pool, &heap.alloc, cover) == 0);
    pool_tasks_of(pool, (struct pool_tasks){NULL, 64, join, ahead});
    grant = 0;
    now = (struct instant){0};
}

static void end(void)
{
    pool_free(pool);
    cover_free(cover);
    shape_clear(&shape);
    CHECK(heap_is_empty(&heap));
}

static void open_ready(void)
{
    for (uint32_t i = 0; i < shape.count; i++) {
        if (is_open[i] || (waits_for[i] != NONE && !is_done(waits_for[i])))
            continue;
        is_open[i] = true;
        pool_open(pool, i);
    }
}

static bool take(uint64_t length, struct chunk *c)
{
    return pool_take(pool, id_of(1), ++grant, length, now, c);
}

static void report(const struct chunk *c, uint64_t from, uint64_t next, bool ended)
{
    for (uint64_t leaf = from; leaf < next; leaf++) {
        CHECK(cover_insert(cover, &(struct value){{0, leaf}, {0}}) >= 0);
        open_ready();
    }
    CHECK_INT(pool_report(pool, c->grant, next, c->end, 1000 * (next - from), ended, now), 0);
}

TEST(tasks_that_join_are_one_chunk_of_the_wanted_length)
{
    struct chunk c;

    begin(200, 1);
    apart[150] = true;
    open_ready();
    REQUIRE(take(50, &c));
    CHECK(c.first == 0 && c.end == 50);
    REQUIRE(take(1000, &c));
    CHECK(c.first == 50 && c.end == 114);
    REQUIRE(take(1000, &c));
    CHECK(c.first == 114 && c.end == 150);
    CHECK_INT(pool_free_leaves(pool), 50);
    end();
}

TEST(a_chain_goes_ahead_in_one_chunk)
{
    struct chunk c, other;

    begin(30, 10);
    open_ready();
    CHECK_INT(pool_free_leaves(pool), 3);
    REQUIRE(take(1, &c));
    CHECK(c.first == 0 && c.end == 10);
    REQUIRE(take(2, &other));
    CHECK(other.first == 10 && other.end == 30);
    CHECK_INT(pool_free_leaves(pool), 0);
    report(&c, 0, 4, false);
    CHECK_INT(pool_free_leaves(pool), 0);
    report(&c, 4, 10, true);
    report(&other, 10, 30, true);
    CHECK_INT(pool_free_leaves(pool), 0);
    end();
}

TEST(what_another_slot_could_begin_is_not_gone_ahead_of)
{
    struct chunk c;

    begin(10, 10);
    waits_for[5] = 2;
    open_ready();
    REQUIRE(take(8, &c));
    CHECK(c.first == 0 && c.end == 5);
    CHECK(!take(8, &c));
    end();
}

TEST(what_comes_back_of_a_chain_is_free_when_its_turn_is)
{
    struct chunk c, again;

    begin(10, 10);
    open_ready();
    REQUIRE(take(8, &c));
    report(&c, 0, 3, false);
    CHECK_INT(pool_return(pool, c.grant), 0);
    CHECK_INT(pool_free_leaves(pool), 1);
    REQUIRE(take(8, &again));
    CHECK(again.first == 3 && again.end == 10);
    report(&again, 3, 10, true);
    CHECK_INT(pool_free_leaves(pool), 0);
    CHECK_INT(cover_leaves(cover), 10);
    end();
}

TEST(a_chunk_that_is_open_somewhere_is_taken_over_with_what_it_goes_ahead_of)
{
    struct chunk c;

    begin(20, 10);
    open_ready();
    CHECK_INT(pool_adopt(pool, id_of(3), 77, 0, 10, now), 0);
    CHECK_INT(pool_adopt(pool, id_of(2), 78, 5, 15, now), ERR_EXISTS);
    CHECK_INT(pool_adopt(pool, id_of(2), 79, 15, 21, now), ERR_FORMAT);
    REQUIRE(take(8, &c));
    CHECK(c.first == 10 && c.end == 20);
    end();
}

TEST(a_chain_is_not_cut_for_a_slot_that_cannot_go_on_with_it)
{
    uint64_t trimmed, border;
    struct chunk c;

    begin(20, 20);
    open_ready();
    REQUIRE(take(8, &c));
    now.us = 50000;
    CHECK(!pool_trim(pool, now, &trimmed, &border));
    end();
    begin(20, 10);
    open_ready();
    REQUIRE(take(8, &c));
    CHECK(c.end == 20);
    now.us = 50000;
    REQUIRE(pool_trim(pool, now, &trimmed, &border));
    CHECK_INT(border, 10);
    end();
}

TEST(a_chunk_that_is_stuck_in_a_long_task_is_cut)
{
    uint64_t trimmed, border;
    struct chunk c;

    begin(40, 1);
    open_ready();
    REQUIRE(take(40, &c));
    now.us = 10000;
    report(&c, 0, 10, false); /* a millisecond each: it would be done by now */
    now.us = 500000;
    REQUIRE(pool_trim(pool, now, &trimmed, &border));
    CHECK(border > 10 && border < 40);
    end();
}

/* Whatever happens, each leaf is covered, in one chunk, free, or shut. */
static void check_balance(void)
{
    static uint8_t had[STAGES];
    uint64_t free = 0;

    memset(had, 0, sizeof had);
    for (uint32_t i = 0; i < pool_chunks(pool); i++) {
        const struct chunk *c = pool_chunk_at(pool, i);

        for (uint64_t leaf = c->next; leaf < c->end; leaf++)
            CHECK_INT(had[leaf]++, 0);
    }
    for (uint32_t i = 0; i < shape.count; i++)
        free += is_open[i] && !is_done(i) && !had[i];
    CHECK_INT(pool_free_leaves(pool), free);
}

static void some_event(struct prng *p)
{
    struct chunk c;
    uint64_t next, trimmed, border;
    int64_t lost_us;

    if (pool_chunks(pool) == 0 || prng_below(p, 3) == 0) {
        (void)pool_take(pool, id_of((uint8_t)(1 + prng_below(p, 3))), ++grant,
                        1 + prng_below(p, 30), now, &c);
        return;
    }
    c = *pool_chunk_at(pool, (uint32_t)prng_below(p, pool_chunks(pool)));
    next = c.next + prng_below(p, c.end - c.next + 1);
    switch (prng_below(p, 6)) {
    case 0:
        pool_return(pool, c.grant);
        break;
    case 1:
        pool_died(pool, c.grant, false, now);
        break;
    case 2:
        pool_lost(pool, c.node, 1, now, &lost_us);
        break;
    case 3:
        (void)pool_trim(pool, now, &trimmed, &border);
        break;
    case 4: /* it ends where it was cut */
        c.end = next + prng_below(p, c.end - next + 1);
        report(&c, c.next, next, next == c.end);
        break;
    default:
        report(&c, c.next, next, next == c.end);
    }
}

TEST(no_task_is_lost_or_given_out_twice)
{
    struct prng p;

    for (uint64_t seed = 1; seed <= 60; seed++) {
        prng_init(&p, seed);
        begin(100, 1 + (uint32_t)prng_below(&p, 12));
        for (uint32_t i = 1; i < shape.count; i++)
            apart[i] = prng_below(&p, 20) == 0;
        open_ready();
        for (int i = 0; i < 4000 && cover_leaves(cover) < shape.count; i++) {
            now.us += 1000;
            some_event(&p);
            check_balance();
        }
        CHECK_INT(cover_leaves(cover), shape.count);
        end();
    }
}

/* One of them was given up: a spare copy of the chunk ends before it. */
TEST(a_spare_copy_has_no_task_that_was_given_up)
{
    struct chunk c, spare;

    begin(100, 1);
    open_ready();
    REQUIRE(take(20, &c) && c.first == 0 && c.end == 20);
    pool_close(pool, 7);
    pool_doubt(pool, id_of(1));
    REQUIRE(pool_spare(pool, id_of(2), ++grant, 1, now, &spare));
    CHECK(spare.first == 0 && spare.end == 7);
    end();
}

TEST_MAIN(a_spare_copy_has_no_task_that_was_given_up,
          tasks_that_join_are_one_chunk_of_the_wanted_length, a_chain_goes_ahead_in_one_chunk,
          what_another_slot_could_begin_is_not_gone_ahead_of,
          what_comes_back_of_a_chain_is_free_when_its_turn_is,
          a_chunk_that_is_open_somewhere_is_taken_over_with_what_it_goes_ahead_of,
          a_chain_is_not_cut_for_a_slot_that_cannot_go_on_with_it,
          a_chunk_that_is_stuck_in_a_long_task_is_cut, no_task_is_lost_or_given_out_twice)
