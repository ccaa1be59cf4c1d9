#include "core/mesh/hints.h"

#include "tests/lib/check.h"
#include "tests/lib/heap.h"

static struct heap heap;
static struct hints hints;

static struct instant at(int64_t s)
{
    return (struct instant){s * S_US};
}

static struct hint *add(int number)
{
    char addr[32];
    snprintf(addr, sizeof addr, "host%d:8001", number);
    return hints_add(&hints, addr, at(0));
}

static bool has(int number)
{
    char addr[32];
    snprintf(addr, sizeof addr, "host%d:8001", number);
    return hints_find_addr(&hints, addr) != NULL;
}

/* A table without room; nobody was tried yet. */
static void begin(void)
{
    heap_init(&heap);
    hints_init(&hints, &heap.alloc);
    for (int i = 0; i < HINTS_MAX; i++)
        REQUIRE(add(i));
}

static void end(void)
{
    CHECK_INT(hints.count, HINTS_MAX);
    hints_clear(&hints);
    CHECK(heap_is_empty(&heap));
}

TEST(a_full_table_that_has_tried_nobody_in_vain_takes_no_more)
{
    begin();
    hints.list[0].met.bytes[0] = 1;
    hints.list[1].dial = 7;
    CHECK(!add(1000));
    CHECK(!has(1000));
    CHECK(add(3) == &hints.list[3]);
    end();
}

TEST(the_one_that_failed_longest_makes_room)
{
    begin();
    hint_failed(&hints.list[9], at(20));
    hint_failed(&hints.list[5], at(10));
    hint_failed(&hints.list[5], at(90));
    hint_failed(&hints.list[7], at(30));
    struct hint *h = add(1000);
    REQUIRE(h);
    CHECK_INT(h->wait_us, 0);
    CHECK_INT(h->due.us, 0);
    CHECK(has(1000) && !has(5) && has(9) && has(7));
    CHECK(add(1001) && !has(9) && has(7));
    CHECK(add(1002) && !has(7));
    CHECK(!add(1003));
    end();
}

TEST(who_was_met_or_is_being_dialled_stays)
{
    begin();
    hint_failed(&hints.list[1], at(10));
    hint_met(&hints.list[1], (struct node_id){{1}});
    hint_failed(&hints.list[2], at(11));
    hints.list[2].dial = 4;
    CHECK(!add(1000));
    /* Who is gone again is not to blame for what failed before it was met. */
    hints.list[1].met = (struct node_id){{0}};
    CHECK(!add(1000));
    hint_failed(&hints.list[3], at(20));
    hint_failed(&hints.list[1], at(30));
    CHECK(add(1000) && !has(3) && has(1));
    end();
}

TEST(what_the_dead_left_goes_first)
{
    begin();
    hint_failed(&hints.list[1], at(10));
    hint_failed(&hints.list[2], at(20));
    hint_left_behind(&hints.list[2]);
    CHECK(add(1000) && !has(2) && has(1));
    CHECK(add(1001) && !has(1));
    end();
}

TEST_MAIN(a_full_table_that_has_tried_nobody_in_vain_takes_no_more,
          the_one_that_failed_longest_makes_room, who_was_met_or_is_being_dialled_stays,
          what_the_dead_left_goes_first)
