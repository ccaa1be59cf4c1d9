/* Stories of finished jobs that grow old: what is kept how long, what a restart, a clock or an old
 * disk changes about it, and that nothing comes back. Days are seconds here: a job is kept for 20
 * of them, its name for 40. */
#include "core/node/directory.h"
#include "core/node/forget.h"
#include "core/node/jobs.h"
#include "tests/lib/check.h"
#include "tests/lib/story.h"

#define YEARS_S ((int64_t)10 * 365 * 24 * 3600)

static struct story story;

static void begin(uint32_t count)
{
    story_init(&story, count);
    story.ages = (struct node_options){.keep_s = 20, .tombstone_s = 40, .calendar_look_s = 1};
    story_start_all(&story, true);
    story_run(&story, 8 * S_US);
}

static void restart(uint32_t i)
{
    story_kill(&story, i);
    story_start(&story, i);
    for (uint32_t k = 0; k < story.count; k++)
        if (k != i)
            story_hint(&story, i, k);
}

static void kill_job(uint32_t at, struct job_id id)
{
    uint64_t user = story_user(&story, at);
    uint32_t request = story_ask_id(&story, user, MESSAGE_REQUEST_KILL, id);

    story_run(&story, S_US);
    CHECK_INT(story_killed(&story, user, request), KILL_DONE);
    story_leave(&story, user);
}

static struct job_id ended_job_at(uint32_t i, uint32_t number)
{
    struct job_id id = story_submitted(&story, i, number);

    kill_job(i, id);
    return id;
}

static struct job_id ended_job(uint32_t number)
{
    return ended_job_at(0, number);
}

/* From then on, before anybody copies it there. */
static bool hears_that_it_ended(uint32_t i, struct job_id id)
{
    const struct entry *e = NULL;

    for (int ms = 0; ms < 300 && (e == NULL || !e->ended); ms++) {
        story_run(&story, MS_US);
        e = directory_find(story.nodes[i].core, id);
    }
    return e != NULL && e->ended;
}

/* The exit code of `result` at a node, and what it says. */
static int ask(uint32_t at, struct job_id id, char what[VIEW_ERROR_SIZE])
{
    uint64_t user = story_user(&story, at);
    uint32_t request = story_watch(&story, user, id);
    int code = story_code_within(&story, user, request, 3 * S_US);
    const struct story_answer *a = story_answer(&story, user, request);
    struct reply_error e;

    what[0] = '\0';
    if (a != NULL && a->type == MESSAGE_REPLY_ERROR &&
        read_reply_error((struct bytes){a->data, a->len}, &e) == 0)
        text_copy(what, VIEW_ERROR_SIZE, e.what);
    story_leave(&story, user);
    return code;
}

static int code_of(uint32_t at, struct job_id id)
{
    char what[VIEW_ERROR_SIZE];

    return ask(at, id, what);
}

static bool is_whole(uint32_t i, struct job_id id)
{
    return story.nodes[i].core != NULL && story_holds(&story, i, id);
}

TEST(a_finished_job_is_kept_then_its_name_then_nothing)
{
    char what[VIEW_ERROR_SIZE];
    struct job_id id;

    begin(1);
    id = ended_job(1);
    story_run(&story, 17 * S_US);
    CHECK_INT(code_of(0, id), 0);
    story_run(&story, 5 * S_US);
    CHECK(!is_whole(0, id));
    CHECK_INT(ask(0, id, what), 9);
    CHECK_STR(what, "this job has ended as cancelled on 2025-10-09 08:53 UTC and is gone: finished "
                    "jobs are kept for 20 s");
    story_run(&story, 32 * S_US);
    CHECK_INT(code_of(0, id), 9);
    story_run(&story, 8 * S_US);
    CHECK_INT(code_of(0, id), 3);
    CHECK(directory_find(story.nodes[0].core, id) == NULL);
    CHECK_INT(tombs_count(&story.nodes[0].core->tombs), 0);
    CHECK(story_end(&story));
}

TEST(beyond_their_number_the_oldest_shrink_first)
{
    char what[VIEW_ERROR_SIZE];
    struct job_id ids[4];

    begin(1);
    story.ages.keep_jobs = 2;
    restart(0);
    for (uint32_t i = 0; i < 4; i++)
        ids[i] = ended_job(i + 1);
    CHECK_INT(ask(0, ids[1], what), 9);
    CHECK(strstr(what, "of finished jobs the last 2 are kept") != NULL);
    CHECK_INT(code_of(0, ids[0]), 9);
    CHECK_INT(code_of(0, ids[2]), 0);
    CHECK_INT(code_of(0, ids[3]), 0);
    CHECK(story_end(&story));
}

/* Every start finds a wall clock that is ten years off, the other way each time. */
TEST(restarts_and_wall_clocks_change_no_age)
{
    struct job_id id;

    begin(1);
    id = ended_job(1);
    for (int i = 0; i < 10; i++) {
        story.nodes[0].wall_off_s = i % 2 == 0 ? YEARS_S : -YEARS_S;
        restart(0);
        story_run(&story, 1500 * MS_US);
    }
    CHECK(is_whole(0, id));
    for (int i = 0; i < 12; i++) {
        story.nodes[0].wall_off_s = i % 2 == 0 ? YEARS_S : -YEARS_S;
        restart(0);
        story_run(&story, 1500 * MS_US);
    }
    CHECK(!is_whole(0, id));
    CHECK_INT(code_of(0, id), 9);
    CHECK(story_end(&story));
}

TEST(time_in_which_a_process_stood_still_is_not_counted_at_once)
{
    struct job_id id;

    begin(1);
    id = ended_job(1);
    story.now = instant_plus_us(story.now, (int64_t)40 * 24 * 3600 * S_US);
    story_run(&story, 2 * S_US);
    CHECK(is_whole(0, id));
    story_run(&story, 20 * S_US);
    CHECK(!is_whole(0, id));
    CHECK(story_end(&story));
}

/* A holder that was away, and did not count meanwhile, forgets with the others. */
TEST(who_was_away_learns_how_long_from_those_it_meets)
{
    struct job_id id;
    uint32_t away;

    begin(3);
    id = ended_job(1);
    story_run(&story, S_US);
    away = 2;
    CHECK(is_whole(away, id));
    story_kill(&story, away);
    story_run(&story, 25 * S_US);
    CHECK(!is_whole(0, id) && !is_whole(1, id));
    restart(away);
    CHECK(is_whole(away, id));
    story_run(&story, S_US);
    CHECK(!is_whole(away, id));
    for (uint32_t i = 0; i < 3; i++)
        CHECK_INT(code_of(i, id), 9);
    story_run(&story, 45 * S_US);
    for (uint32_t i = 0; i < 3; i++)
        CHECK_INT(code_of(i, id), 3);
    CHECK(story_end(&story));
}

/* Its calendar was behind when the job ended there, and jumps when it meets the others. */
TEST(what_ended_at_a_node_that_was_away_is_not_old_at_once)
{
    struct job_id id;

    begin(3);
    story_kill(&story, 2);
    story_run(&story, 100 * S_US);
    story_cut(&story, 2, 0);
    story_cut(&story, 2, 1);
    restart(2);
    story_run(&story, 8 * S_US);
    id = ended_job_at(2, 1);
    story_mend(&story, 2, 0);
    story_mend(&story, 2, 1);
    story_hint(&story, 2, 0);
    story_run(&story, 10 * S_US);
    CHECK(is_whole(2, id));
    restart(2);
    story_run(&story, S_US);
    CHECK(is_whole(2, id));
    CHECK_INT(code_of(0, id), 0);
    story_run(&story, 15 * S_US);
    CHECK(!is_whole(2, id));
    CHECK_INT(code_of(2, id), 9);
    CHECK(story_end(&story));
}

/* The first that hears when it ended learns before the other how long both of them were away, and
 * passes on what it was told. */
TEST(what_ended_at_a_node_that_was_away_is_old_nowhere)
{
    struct job_id id;
    uint64_t early_s;

    begin(3);
    story_kill(&story, 1);
    story_kill(&story, 2);
    story_run(&story, 30 * S_US);
    story_kill(&story, 0);
    story_start(&story, 2);
    story_run(&story, 8 * S_US);
    id = ended_job_at(2, 1);
    restart(1);
    CHECK(hears_that_it_ended(1, id));
    early_s = calendar_now(story.nodes[1].core);
    story_cut(&story, 1, 2);
    story_cut(&story, 0, 2);
    restart(0);
    CHECK(hears_that_it_ended(0, id));
    story_mend(&story, 0, 2);
    story_mend(&story, 1, 2);
    CHECK(calendar_now(story.nodes[1].core) > early_s + 20);
    CHECK(calendar_now(story.nodes[2].core) <= early_s + 20);
    story_hint(&story, 2, 0);
    story_run(&story, 10 * S_US);
    for (uint32_t i = 0; i < 3; i++) {
        CHECK(is_whole(i, id));
        CHECK_INT(code_of(i, id), 0);
    }
    story_run(&story, 15 * S_US);
    for (uint32_t i = 0; i < 3; i++)
        CHECK_INT(code_of(i, id), 9);
    CHECK(story_end(&story));
}

/* Of those who were away together, one has no part in the job, and is told once more when it ended
 * as soon as they know how long they were. */
TEST(who_only_heard_when_it_ended_hears_of_the_later_date)
{
    const struct entry *e;
    struct job_id id;
    uint32_t stranger = 1;
    uint64_t early_s;

    begin(5);
    for (uint32_t i = 1; i < 5; i++)
        story_kill(&story, i);
    story_run(&story, 30 * S_US);
    story_kill(&story, 0);
    for (uint32_t i = 1; i < 5; i++)
        restart(i);
    story_run(&story, 8 * S_US);
    id = ended_job_at(2, 1);
    story_run(&story, 2 * S_US);
    while (is_whole(stranger, id))
        REQUIRE(++stranger < 5);
    e = directory_find(story.nodes[stranger].core, id);
    REQUIRE(e != NULL);
    early_s = e->ended_s;
    restart(0);
    story_run(&story, 3 * S_US);
    CHECK(calendar_now(story.nodes[stranger].core) > early_s + 20);
    e = directory_find(story.nodes[stranger].core, id);
    CHECK(e != NULL && e->ended_s > early_s + 18);
    CHECK_INT(code_of(stranger, id), 0);
    CHECK(story_end(&story));
}

TEST(a_node_that_never_had_it_says_when_and_why_too)
{
    char what[VIEW_ERROR_SIZE];
    struct job_id id;
    uint32_t stranger;

    begin(4);
    id = story_submitted(&story, 0, 1);
    story_run(&story, S_US);
    stranger = story_stranger(&story, id);
    kill_job(stranger, id);
    story_run(&story, 25 * S_US);
    CHECK_INT(ask(stranger, id, what), 9);
    CHECK(strstr(what, "ended as cancelled on 2025-10-09") != NULL);
    story_run(&story, 45 * S_US);
    CHECK(directory_find(story.nodes[stranger].core, id) == NULL);
    CHECK_INT(code_of(stranger, id), 3);
    CHECK(story_end(&story));
}

/* --- nothing comes back --- */

TEST(an_old_disk_brings_no_finished_job_back)
{
    struct story_record *image;
    struct job_id id;

    begin(3);
    id = story_submitted(&story, 0, 1);
    story_run(&story, S_US);
    image = story_image(&story, 2);
    kill_job(0, id);
    story_run(&story, 25 * S_US);
    CHECK_INT(code_of(1, id), 9);
    story_kill(&story, 2);
    story_restore(&story, 2, image);
    story_start(&story, 2);
    story_hint(&story, 2, 0);
    CHECK(story_holds(&story, 2, id));
    story_run(&story, 10 * S_US);
    for (uint32_t i = 0; i < 3; i++) {
        CHECK(!story_leads(&story, i, id));
        CHECK(!is_whole(i, id));
        CHECK_INT(code_of(i, id), 9);
    }
    restart(2);
    story_run(&story, 10 * S_US);
    CHECK(!is_whole(2, id));
    CHECK(story_end(&story));
}

/* The two that forgot it are cut off from the one that did not know that it ended. */
TEST(a_healed_partition_brings_no_finished_job_back)
{
    struct job_id id;
    uint64_t user;

    begin(3);
    id = story_submitted(&story, 0, 1);
    story_run(&story, S_US);
    story_cut(&story, 2, 0);
    story_cut(&story, 2, 1);
    story_run(&story, 10 * S_US);
    user = story_user(&story, 0);
    story_ask_id(&story, user, MESSAGE_REQUEST_KILL, id);
    story_run(&story, 35 * S_US);
    CHECK_INT(code_of(0, id), 9);
    story_mend(&story, 2, 0);
    story_mend(&story, 2, 1);
    story_hint(&story, 2, 0);
    story_run(&story, 20 * S_US);
    for (uint32_t i = 0; i < 3; i++) {
        CHECK(!story_leads(&story, i, id));
        CHECK_INT(code_of(i, id), 9);
    }
    CHECK(story_end(&story));
}

static int submit_again(uint32_t at, uint32_t number)
{
    uint64_t user = story_user(&story, at);
    uint32_t request = story_submit(&story, user, number);
    int code = story_code_within(&story, user, request, S_US);

    story_leave(&story, user);
    return code;
}

/* While its name is kept the same bytes are the same job; later their last date has passed. */
TEST(the_same_bytes_are_no_new_job_however_late)
{
    begin(1);
    ended_job(1);
    CHECK_INT(submit_again(0, 1), 0);
    story_run(&story, 25 * S_US);
    CHECK_INT(submit_again(0, 1), 9);
    story_run(&story, 45 * S_US);
    story.nodes[0].wall_off_s = (int64_t)30 * 24 * 3600;
    CHECK_INT(submit_again(0, 1), 4);
    story.nodes[0].wall_off_s = -YEARS_S;
    CHECK_INT(submit_again(0, 1), 4);
    CHECK_INT(tombs_count(&story.nodes[0].core->tombs), 0);
    CHECK(story_end(&story));
}

/* The journal still says that the job was gone, before it says that it is there. */
TEST(one_that_came_again_after_its_name_was_forgotten_is_there_after_a_restart)
{
    struct job_id id, other;

    begin(1);
    other = ended_job(2);
    id = ended_job(1);
    story_run(&story, 70 * S_US);
    CHECK_INT(tombs_count(&story.nodes[0].core->tombs), 0);
    CHECK_INT(submit_again(0, 1), 0);
    CHECK(is_whole(0, id));
    for (int i = 0; i < 2; i++) {
        restart(0);
        story_run(&story, S_US);
        CHECK(is_whole(0, id));
        CHECK_INT(tombs_count(&story.nodes[0].core->tombs), 0);
        CHECK_INT(code_of(0, other), 3);
    }
    kill_job(0, id);
    story_run(&story, 22 * S_US);
    restart(0);
    CHECK_INT(code_of(0, id), 9);
    CHECK(story_end(&story));
}

/* It was killed when it had only the spec, and comes back when the others have forgotten it. */
TEST(of_what_only_the_spec_is_left_the_end_is_heard)
{
    uint8_t bytes[4096];
    struct bytes spec;
    struct job_id id;
    struct buf b;

    begin(3);
    story_kill(&story, 2);
    story_run(&story, 8 * S_US);
    id = ended_job(1);
    story_run(&story, 22 * S_US);
    CHECK_INT(code_of(0, id), 9);
    spec = story_spec(&story, 1);
    buf_init_fixed(&b, bytes, sizeof bytes);
    put_job_id(&b, id);
    put_u16(&b, 1);
    put_u32(&b, (uint32_t)spec.len + 2);
    put_u8(&b, FACT_SPEC);
    put_u8(&b, 1);
    put_raw(&b, spec.data, spec.len);
    story_store(&story, 2, RECORD_FACTS, buf_bytes(&b));
    restart(2);
    CHECK(is_whole(2, id));
    story_run(&story, 5 * S_US);
    CHECK(!is_whole(2, id));
    for (uint32_t i = 0; i < 3; i++)
        CHECK_INT(code_of(i, id), 9);
    CHECK(story_end(&story));
}

/* Since then others came, and the one that it knew to hold the job is gone for good. */
TEST(who_comes_back_hears_of_the_end_from_holders_it_never_knew)
{
    struct job_id id;

    story_init(&story, 5);
    story.ages = (struct node_options){.keep_s = 20, .tombstone_s = 400, .calendar_look_s = 1};
    story.nodes[0].keeps_disk = true;
    story_start(&story, 0);
    story_start_among(&story, 1);
    story_run(&story, 2 * S_US);
    id = story_submitted(&story, 1, 1);
    CHECK(is_whole(0, id));
    story_kill(&story, 0);
    for (uint32_t i = 2; i < 5; i++)
        story_start_among(&story, i);
    story_run(&story, 10 * S_US);
    CHECK(is_whole(2, id) || is_whole(3, id) || is_whole(4, id));
    story_ask_id(&story, story_user(&story, 1), MESSAGE_REQUEST_KILL, id);
    story_run(&story, 2 * S_US);
    story_kill(&story, 1);
    story_run(&story, 25 * S_US);
    CHECK_INT(code_of(2, id), 9);
    story_start_among(&story, 0);
    CHECK(is_whole(0, id));
    story_run(&story, 9 * S_US);
    CHECK(!is_whole(0, id));
    CHECK_INT(code_of(0, id), 9);
    CHECK(story_end(&story));
}

TEST_MAIN(of_what_only_the_spec_is_left_the_end_is_heard,
          who_comes_back_hears_of_the_end_from_holders_it_never_knew,
          a_finished_job_is_kept_then_its_name_then_nothing,
          beyond_their_number_the_oldest_shrink_first, restarts_and_wall_clocks_change_no_age,
          time_in_which_a_process_stood_still_is_not_counted_at_once,
          who_was_away_learns_how_long_from_those_it_meets,
          what_ended_at_a_node_that_was_away_is_not_old_at_once,
          what_ended_at_a_node_that_was_away_is_old_nowhere,
          who_only_heard_when_it_ended_hears_of_the_later_date,
          a_node_that_never_had_it_says_when_and_why_too, an_old_disk_brings_no_finished_job_back,
          a_healed_partition_brings_no_finished_job_back,
          the_same_bytes_are_no_new_job_however_late,
          one_that_came_again_after_its_name_was_forgotten_is_there_after_a_restart)
