/* Tasks on their way: what is taken goes on when it is safe, and out again when it was lost. */
#include "core/api/session_lists.h"

#include <string.h>

#include "core/base/err.h"
#include "core/host/identity.h"
#include "tests/lib/check.h"

static struct lists l;
static struct identity *identity;
static struct job_id job;
static uint32_t number;

static void begin(void)
{
    lists_init(&l);
    number = 1;
    REQUIRE(identity_fleeting(&identity) == 0);
}

static void end(void)
{
    lists_clear(&l);
    identity_free(identity);
}

/* So many tasks, which are a list if few others are on their way. */
static int add_and_seal(uint32_t count)
{
    static const uint8_t params[4] = {1, 2, 3, 4};
    const struct stage_spec s = {.params = {params, 4}};
    for (uint32_t i = 0; i < count; i++)
        CHECK_INT(lists_add_like(&l, number++, 0, false, &s), 0);
    return lists_seal(&l, identity, job);
}

static void add(uint32_t count)
{
    CHECK_INT(add_and_seal(count), 0);
}

/* How many lists go out now; *first is the length of the first. */
static int sent(size_t *first)
{
    struct bytes fact;
    int count = 0;
    for (; lists_next(&l, SIZE_MAX, &fact); count++)
        if (count == 0 && first)
            *first = fact.len;
    return count;
}

TEST(what_was_taken_and_lost_goes_out_again)
{
    size_t first = 0;
    begin();
    add(3);
    add(200);
    add(7);
    CHECK_INT(sent(NULL), 3);
    CHECK(!lists_are_taken(&l));
    lists_taken(&l, 211);
    CHECK(lists_are_taken(&l));
    lists_safe(&l, 4);
    CHECK_INT(sent(NULL), 0);
    lists_taken(&l, 4); /* its node has died with the others */
    CHECK(!lists_are_taken(&l));
    CHECK_INT(sent(&first), 2);
    CHECK(first > 200 * 4);
    lists_taken(&l, 211);
    lists_safe(&l, 211);
    CHECK(lists_are_taken(&l) && !l.head && l.on_the_way == 0);
    end();
}

TEST(what_was_not_taken_goes_out_once_until_it_is_asked_for)
{
    begin();
    add(2);
    CHECK_INT(sent(NULL), 1);
    add(2);
    CHECK_INT(sent(NULL), 1);
    lists_taken(&l, 3);
    lists_again(&l);
    CHECK_INT(sent(NULL), 1);
    lists_again(&l);
    lists_taken(&l, 5); /* before it went out once more */
    CHECK_INT(sent(NULL), 0);
    CHECK(lists_are_taken(&l) && l.on_the_way == 0);
    add(1);
    CHECK_INT(sent(NULL), 1);
    end();
}

/* A job keeps each list with its head and signature, and has no room without end. */
TEST(all_that_a_job_keeps_of_lists_is_counted)
{
    struct bytes fact;
    size_t bytes = 0;
    begin();
    for (int i = 0; i < 50; i++) {
        add(1 + (uint32_t)i % 3);
        while (lists_next(&l, SIZE_MAX, &fact))
            bytes += fact.len;
        lists_taken(&l, number);
    }
    CHECK(lists_are_taken(&l));
    CHECK_INT(l.bytes, bytes);
    CHECK(bytes > 50 * 64);
    end();
}

/* A long one goes to the next list, where it fits: none is refused for what came before it. */
TEST(what_has_no_room_in_a_list_begins_the_next)
{
    static uint8_t needs[4000 * STAGE_NEED_BYTES];
    const struct stage_spec few = {.params = {needs, 400}, .name = "few"};
    const struct stage_spec many = {.needs_count = 4000, .needs = {needs, sizeof needs}};
    begin();
    for (int i = 0; i < 30; i++)
        CHECK_INT(lists_add_like(&l, number++, 0, false, &few), 0);
    CHECK_INT(lists_add_like(&l, number++, 0, false, &many), 0);
    CHECK_INT(lists_add_like(&l, number++, 0, false, &few), 0);
    CHECK_INT(lists_seal(&l, identity, job), 0);
    CHECK_INT(sent(NULL), 3);
    lists_taken(&l, number);
    CHECK(lists_are_taken(&l));
    end();
}

TEST(while_some_lists_are_on_their_way_more_tasks_are_gathered_to_one)
{
    begin();
    for (int i = 0; i < 4; i++)
        add(1);
    CHECK_INT(sent(NULL), 4);
    for (int i = 0; i < 100; i++)
        CHECK_INT(add_and_seal(1), 1);
    CHECK_INT(sent(NULL), 0);
    lists_taken(&l, 2); /* with task 0, which is in the specification */
    add(1);
    CHECK_INT(sent(NULL), 1);
    lists_taken(&l, number);
    CHECK(lists_are_taken(&l));
    end();
}

TEST(a_full_list_waits_for_none)
{
    begin();
    for (int i = 0; i < 4; i++)
        add(1);
    CHECK_INT(add_and_seal(5 * APPEND_STAGES_MAX + 1), 1);
    CHECK(sent(NULL) >= 4 + 5);
    CHECK(!l.tail->sealed);
    lists_taken(&l, number - l.tail->count);
    CHECK_INT(lists_seal(&l, identity, job), 0);
    CHECK_INT(sent(NULL), 1);
    end();
}

TEST_MAIN(what_was_taken_and_lost_goes_out_again,
          what_was_not_taken_goes_out_once_until_it_is_asked_for,
          all_that_a_job_keeps_of_lists_is_counted, what_has_no_room_in_a_list_begins_the_next,
          while_some_lists_are_on_their_way_more_tasks_are_gathered_to_one,
          a_full_list_waits_for_none)
