/* Which chunks are computed again, what is remembered of them, and what comes of it. */
#include "core/job/recheck.h"
#include "tests/lib/check.h"
#include "tests/lib/heap.h"

#define LEAVES 65536u
#define AUTHOR 1
#define OTHER 2

static struct heap heap;
static struct shape shape;
static struct recheck r;
static const struct instant now = {1000};

static void begin(void)
{
    heap_init(&heap);
    shape_init(&shape, &heap.alloc);
    REQUIRE(shape_add(&shape, LEAVES) == 0);
    recheck_init(&r, &heap.alloc, &shape, 4711);
}

static void end(void)
{
    recheck_clear(&r);
    shape_clear(&shape);
    CHECK_INT(heap.live_bytes, 0);
}

static struct node_id node(uint8_t number)
{
    return (struct node_id){{number}};
}

static struct value value_of(uint8_t level, uint64_t index, const char *data)
{
    return (struct value){{level, index}, bytes_of_text(data)};
}

static void tell(uint64_t grant, uint8_t level, uint64_t index, const char *data)
{
    const struct value v = value_of(level, index, data);
    recheck_told(&r, grant, node(AUTHOR), &v, false, now);
}

static bool never_open(void *ctx, uint64_t grant)
{
    (void)ctx;
    (void)grant;
    return false;
}

static bool not_its_own(void *ctx, const struct recheck_chunk *c, struct node_id id)
{
    (void)ctx;
    return !node_id_equal(c->author, id);
}

static bool is_run(void *ctx, uint64_t first, uint64_t last)
{
    (void)ctx;
    return first < last;
}

static const struct chunk *take(uint8_t by, uint64_t grant)
{
    const struct recheck_rules rules = {NULL, not_its_own, is_run};
    recheck_settle(&r, never_open, NULL, now);
    return recheck_take(&r, node(by), grant, &rules, now);
}

static enum recheck_answer answer(uint64_t grant, uint8_t level, uint64_t index, const char *data)
{
    const struct value v = value_of(level, index, data);
    struct recheck_value what;
    struct recheck_chunk *c = recheck_find(&r, grant);
    REQUIRE(c != NULL);
    return recheck_answer(&r, c, &v, false, &what);
}

TEST(so_many_of_a_thousand_chunks_are_picked_and_others_with_another_secret)
{
    struct recheck other;
    uint32_t picked = 0, both = 0;
    begin();
    recheck_init(&other, &heap.alloc, &shape, 4712);
    for (uint64_t grant = 0; grant < 10000; grant++) {
        CHECK(!recheck_picks(&r, grant, 0));
        CHECK(recheck_picks(&r, grant, 1000));
        picked += recheck_picks(&r, grant, 100);
        both += recheck_picks(&r, grant, 100) && recheck_picks(&other, grant, 100);
    }
    CHECK(picked > 850 && picked < 1150);
    CHECK(both > 50 && both < 150);
    recheck_clear(&other);
    end();
}

TEST(values_that_are_part_of_a_later_one_are_not_computed_again_alone)
{
    const struct chunk *c;
    begin();
    tell(7, 0, 0, "a");
    tell(7, 0, 1, "b");
    tell(7, 1, 0, "ab");
    tell(7, 1, 1, "cd");
    tell(7, 2, 0, "abcd");
    tell(7, 0, 4, "e");
    CHECK_INT(r.values, 2);
    c = take(OTHER, 100);
    REQUIRE(c != NULL);
    CHECK(c->first == 0 && c->end == 5 && node_id_equal(c->node, node(OTHER)));
    CHECK_INT(answer(100, 1, 0, "other"), RECHECK_NOTHING);
    CHECK_INT(answer(100, 2, 0, "abcd"), RECHECK_EQUAL);
    CHECK_INT(answer(100, 2, 0, "abcd"), RECHECK_NOTHING);
    CHECK_INT(answer(100, 0, 4, "e"), RECHECK_EQUAL);
    CHECK_INT(r.checked, 5);
    recheck_back(&r, recheck_find(&r, 100), false, now);
    CHECK_INT(recheck_left(&r), 0);
    CHECK_INT(r.missed, 0);
    end();
}

TEST(another_value_of_the_same_leaves_is_told_apart)
{
    begin();
    tell(7, 0, 0, "a");
    REQUIRE(take(OTHER, 100) != NULL);
    CHECK_INT(answer(100, 0, 0, "b"), RECHECK_DIFFERS);
    CHECK_INT(r.checked, 0);
    end();
}

TEST(a_match_where_nothing_was_to_be_found_is_told_apart)
{
    const struct value none = value_of(3, 0, "none"), match = value_of(0, 5, "match");
    struct recheck_value what;
    begin();
    recheck_told(&r, 7, node(AUTHOR), &none, true, now);
    REQUIRE(take(OTHER, 100) != NULL);
    CHECK_INT(recheck_answer(&r, recheck_find(&r, 100), &match, false, &what), RECHECK_DIFFERS);
    CHECK(what.at.level == 3 && what.none);
    end();
}

TEST(who_told_a_value_is_not_asked_for_it_again)
{
    begin();
    tell(7, 0, 0, "a");
    CHECK(take(AUTHOR, 100) == NULL);
    CHECK(take(OTHER, 100) != NULL);
    CHECK(take(OTHER, 101) == NULL);
    CHECK_INT(r.out, 1);
    end();
}

TEST(what_was_broken_off_is_tried_again_value_by_value_and_given_up_in_the_end)
{
    const struct chunk *c;
    begin();
    tell(7, 1, 0, "ab");
    tell(7, 0, 2, "c");
    tell(7, 0, 3, "d");
    c = take(OTHER, 100);
    REQUIRE(c != NULL && c->end == 4);
    CHECK_INT(answer(100, 1, 0, "ab"), RECHECK_EQUAL);
    recheck_back(&r, recheck_find(&r, 100), false, now);
    for (uint64_t i = 1; i < RECHECK_TRIES_MAX; i++) {
        c = take(OTHER, 100 + i);
        REQUIRE(c != NULL && c->first == 2 && c->end == 3);
        recheck_back(&r, recheck_find(&r, 100 + i), false, now);
    }
    CHECK(take(OTHER, 200) == NULL);
    CHECK(r.checked == 2 && r.missed == 2 && recheck_left(&r) == 0);
    end();
}

TEST(who_has_no_time_for_it_has_not_tried_it_for_a_while)
{
    const struct instant later = instant_plus_us(now, RECHECK_REFUSED_US);
    const struct chunk *c;
    begin();
    tell(7, 0, 0, "a");
    tell(7, 0, 1, "b");
    for (uint64_t i = 0; i < (uint64_t)4 * RECHECK_TRIES_MAX; i++) {
        c = take(OTHER, 100 + i);
        REQUIRE(c != NULL && c->first == 0 && c->end == 2);
        recheck_back(&r, recheck_find(&r, 100 + i), true, now);
    }
    for (uint64_t i = 0; i < RECHECK_TRIES_MAX; i++) {
        REQUIRE(take(OTHER, 200 + i) != NULL);
        recheck_back(&r, recheck_find(&r, 200 + i), true, later);
    }
    CHECK(take(OTHER, 300) == NULL);
    CHECK(r.checked == 0 && r.missed == 2 && recheck_left(&r) == 0);
    end();
}

TEST(beyond_the_bound_each_leaf_is_missed_once)
{
    begin();
    for (uint64_t leaf = 0; leaf < RECHECK_VALUES_MAX + 100; leaf++)
        tell(leaf, 0, 2 * leaf, "a");
    CHECK_INT(r.values, RECHECK_VALUES_MAX);
    CHECK_INT(r.missed, 100);
    tell(100000, 0, LEAVES - 2, "a");
    tell(100000, 1, LEAVES / 2 - 1, "b");
    CHECK_INT(r.missed, 102);
    end();
}

TEST(what_lies_behind_a_match_does_not_matter_any_more)
{
    begin();
    tell(7, 0, 0, "a");
    tell(8, 0, 9, "b");
    recheck_settle(&r, never_open, NULL, now);
    recheck_cut(&r, 5);
    CHECK(recheck_left(&r) == 1 && r.missed == 0);
    recheck_give_up(&r, recheck_waiting(&r, NULL));
    CHECK(recheck_left(&r) == 0 && r.missed == 1);
    end();
}

/* Whatever request for memory is refused. */
TEST(without_memory_leaves_are_missed)
{
    for (uint64_t fail = 1; fail < 12; fail++) {
        begin();
        heap.fail_at = heap.calls + fail;
        for (uint64_t i = 0; i < 9; i++)
            tell(i / 3, 0, i, "a");
        while (take(OTHER, 100 + r.out) != NULL)
            ;
        heap.fail_at = 0;
        CHECK_INT(r.values + r.missed, 9);
        end();
    }
}

TEST_MAIN(so_many_of_a_thousand_chunks_are_picked_and_others_with_another_secret,
          values_that_are_part_of_a_later_one_are_not_computed_again_alone,
          another_value_of_the_same_leaves_is_told_apart,
          a_match_where_nothing_was_to_be_found_is_told_apart,
          who_told_a_value_is_not_asked_for_it_again,
          what_was_broken_off_is_tried_again_value_by_value_and_given_up_in_the_end,
          who_has_no_time_for_it_has_not_tried_it_for_a_while,
          beyond_the_bound_each_leaf_is_missed_once,
          what_lies_behind_a_match_does_not_matter_any_more, without_memory_leaves_are_missed)
