/* Stories of killing tasks of an open job: whoever waits for them hears that they were killed. */
#include "core/node/kill.h"
#include "tests/lib/story_append.h"

static int kill_task(uint32_t node, uint32_t stage)
{
    uint64_t killer = story_user(&story, node);
    uint32_t asked = story_ask_kill(&story, killer, id, stage);

    CHECK_INT(story_code_within(&story, killer, asked, S_US), 0);
    return story_killed(&story, killer, asked);
}

/* What was said of the stage last, to its author. */
static bool was_told(uint32_t stage, const char *text)
{
    for (uint32_t i = 0; i < story.answers_count; i++) {
        const struct story_answer *a = &story.answers[i];
        struct session_answer m;

        if (a->link != user || a->type != MESSAGE_REPLY_SESSION ||
            read_session_answer((struct bytes){a->data, a->len}, &m) < 0)
            continue;
        for (uint16_t k = 0; k < m.count; k++) {
            struct session_stage end = read_session_end(&m.ends);

            if (end.stage == stage && bytes_equal(end.value, bytes_of_text(text)))
                return true;
        }
    }
    return false;
}

TEST(the_author_of_a_task_hears_that_it_was_killed)
{
    struct job_view v;

    parts_begin();
    for (uint32_t i = 0; i < 6; i++)
        parts_add(1, false);
    parts[2].param = STORY_HANGING;
    parts_need(&parts[3], 2, 0);
    parts_need(&parts[4], 1, 0);
    parts_need(&parts[5], 3, 0);
    begin(3);
    append(1, 5);
    story_run(&story, S_US);
    listen();
    CHECK_INT(ends[2], 0);
    CHECK_INT(kill_task(1, 2), KILL_DONE);
    hear_all(5, 2 * S_US);
    CHECK_INT(states[2], STAGE_END_CANCELLED);
    CHECK(was_told(2, "stage 2 was killed"));
    CHECK_INT(states[3], STAGE_END_BLOCKED);
    CHECK_INT(states[4], STAGE_END_DONE);
    append(5, 6);
    hear_all(6, 2 * S_US);
    CHECK_INT(states[5], STAGE_END_BLOCKED);
    end_with(6);
    v = story_result(&story, at, id, 40 * S_US);
    CHECK_INT(v.state, JOB_FAILED);
    CHECK_STR(v.error, "stage 2 was killed; 2 stages are blocked");
    CHECK(story_end(&story));
}

/* Of a task that is not there yet nothing can be said: whoever asks hears that it is not known. */
TEST(a_task_that_did_not_come_yet_is_not_killed)
{
    uint64_t killer;
    uint32_t asked;

    make_parts(6);
    begin(3);
    append(1, 3);
    hear_all(3, 20 * S_US);
    killer = story_user(&story, 1);
    asked = story_ask_kill(&story, killer, id, 3);
    CHECK_INT(story_code_within(&story, killer, asked, 8 * S_US), 7);
    append(3, 6);
    hear_all(6, 20 * S_US);
    CHECK_INT(states[3], STAGE_END_DONE);
    end_with(6);
    check_result(20 * S_US);
    CHECK(story_end(&story));
}

TEST_MAIN(the_author_of_a_task_hears_that_it_was_killed, a_task_that_did_not_come_yet_is_not_killed)
