/* Tasks of an open job that have a time of their own. */
#include "tests/lib/story_append.h"

#define TASKS 40

static void make_tasks(int64_t leaf_us)
{
    parts_begin();
    for (uint32_t i = 0; i < TASKS; i++)
        parts_add(1, false)->leaf_us = (uint64_t)leaf_us;
}

/* Whether all but these two have ended well. */
static void others_are_done(uint32_t one, uint32_t other)
{
    for (uint32_t i = 0; i < TASKS; i++)
        CHECK(i == one || i == other || states[i] == STAGE_END_DONE);
}

/* They run, and so ends this one of them, and only it does not end well. */
static void one_ends(uint32_t task, uint8_t state, int64_t within_us)
{
    begin(2);
    append(1, TASKS);
    hear_all(TASKS, within_us);
    CHECK_INT(states[task], state);
    others_are_done(task, task);
    end_with(TASKS);
    CHECK_INT(story_result(&story, at, id, 20 * S_US).state, JOB_FAILED);
    CHECK(story_end(&story));
}

TEST(a_task_whose_time_is_over_is_told_then)
{
    struct instant began;

    make_tasks(300 * MS_US);
    parts[0].param = STORY_HANGING;
    parts[20].param = STORY_HANGING;
    begin(2);
    began = story.now;
    append(1, TASKS);
    hear_all(TASKS, 20 * S_US);
    CHECK_INT(states[0], STAGE_END_TIMED_OUT);
    CHECK_INT(states[20], STAGE_END_TIMED_OUT);
    others_are_done(0, 20);
    /* Not when it was tried three times. */
    CHECK(instant_since_us(story.now, began) < 900 * MS_US);
    end_with(TASKS);
    CHECK_INT(story_result(&story, at, id, 20 * S_US).state, JOB_FAILED);
    CHECK(story_end(&story));
}

/* Its worker ends by itself: that is tried again, and is no matter of time. */
TEST(a_task_that_fails_in_its_time_is_one_that_failed)
{
    make_tasks(300 * MS_US);
    parts[20].param = STORY_FAILING;
    one_ends(20, STAGE_END_FAILED, 20 * S_US);
}

/* It is its own all the same. */
TEST(a_time_as_long_as_that_of_every_leaf_is_told_as_well)
{
    make_tasks(LEAF_LIMIT_US);
    parts[0].param = STORY_HANGING;
    one_ends(0, STAGE_END_TIMED_OUT, LEAF_LIMIT_US + 60 * S_US);
}

/* As in a flow that is handed in at once. */
TEST(a_stage_of_a_flow_is_begun_again_when_its_time_is_over)
{
    struct instant began;

    make_tasks(300 * MS_US);
    parts[20].param = STORY_HANGING;
    parts[20].name = "slow";
    begin(2);
    began = story.now;
    append(1, TASKS);
    hear_all(TASKS, 20 * S_US);
    CHECK_INT(states[20], STAGE_END_FAILED);
    others_are_done(20, 20);
    CHECK(instant_since_us(story.now, began) > 900 * MS_US);
    end_with(TASKS);
    CHECK_INT(story_result(&story, at, id, 20 * S_US).state, JOB_FAILED);
    CHECK(story_end(&story));
}

static int64_t a_second(uint8_t param)
{
    (void)param;
    return S_US;
}

TEST(a_time_without_end_is_not_over_at_once)
{
    make_tasks(INT64_MAX);
    begin(2);
    story.leaf_us = a_second;
    append(1, TASKS);
    hear_all(TASKS, 60 * S_US);
    others_are_done(TASKS, TASKS);
    end_with(TASKS);
    check_result(10 * S_US);
    story_leave(&story, user);
    CHECK(story_end(&story));
}

/* It has just waited for others. */
TEST(a_task_that_waits_for_a_slot_does_not_use_up_its_time)
{
    make_tasks(50 * MS_US);
    begin(1);
    story.leaf_us = NULL;
    append(1, TASKS);
    hear_all(TASKS, 20 * S_US);
    others_are_done(TASKS, TASKS);
    end_with(TASKS);
    check_result(10 * S_US);
    story_leave(&story, user);
    CHECK(story_end(&story));
}

TEST_MAIN(a_task_whose_time_is_over_is_told_then, a_task_that_fails_in_its_time_is_one_that_failed,
          a_time_as_long_as_that_of_every_leaf_is_told_as_well,
          a_stage_of_a_flow_is_begun_again_when_its_time_is_over,
          a_time_without_end_is_not_over_at_once,
          a_task_that_waits_for_a_slot_does_not_use_up_its_time)
