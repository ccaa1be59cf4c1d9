/* Those who wait for news of jobs: each hears of the job it waits for, whoever else has left. */
#include "core/node/state.h"
#include "tests/lib/check.h"
#include "tests/lib/story.h"

#define WAITING 3u
#define MANY 5000u
#define IN_A_ROUND 2048u
#define ROUND_US (50 * MS_US)

static struct story story;

/* Of three who wait for one job, and one who waits for another, those of `mask` leave. */
static void some_leave(uint32_t mask)
{
    struct job_id id, other;
    uint64_t user[WAITING], stranger, killer;
    uint32_t request[WAITING], waits, kill;

    story_begin(&story, 1);
    id = story_submitted(&story, 0, 1);
    other = story_submitted(&story, 0, 2);
    for (uint32_t i = 0; i < WAITING; i++) {
        user[i] = story_user(&story, 0);
        request[i] = story_watch(&story, user[i], id);
    }
    stranger = story_user(&story, 0);
    waits = story_watch(&story, stranger, other);
    story_run(&story, 10 * MS_US);
    for (uint32_t i = 0; i < WAITING; i++)
        if (mask >> i & 1)
            story_leave(&story, user[i]);
    killer = story_user(&story, 0);
    kill = story_ask_id(&story, killer, MESSAGE_REQUEST_KILL, id);
    REQUIRE(story_code_within(&story, killer, kill, S_US) == 0);
    story_run(&story, 5 * MS_US); /* no round needs to come */
    for (uint32_t i = 0; i < WAITING; i++) {
        const struct story_answer *a = story_answer(&story, user[i], request[i]);
        struct job_view v = {0};

        if (mask >> i & 1)
            continue;
        REQUIRE(a != NULL && read_job_view((struct bytes){a->data, a->len}, &v) == 0);
        CHECK_INT(v.state, JOB_CANCELLED);
    }
    CHECK_INT(story_code(&story, stranger, waits), 0);
    CHECK_INT(story.nodes[0].core->watchers_count, 1);
    story_leave(&story, stranger);
    story_run(&story, 10 * MS_US);
    CHECK_INT(story.nodes[0].core->watchers_count, 0);
    CHECK_INT(story.nodes[0].core->watched.count, 0);
    CHECK(story_end(&story));
}

TEST(who_waits_hears_of_the_end_whoever_has_left)
{
    for (uint32_t mask = 0; mask < 1u << WAITING; mask++)
        some_leave(mask);
}

/* Each wants to hear every 10 ms, so all are due in each round. */
TEST(many_who_wait_are_told_in_several_rounds)
{
    struct request_watch m = {.interval_ms = 10};
    uint32_t most = 0, before, told;
    uint64_t user;
    uint8_t bytes[64];
    struct buf b;

    story_begin(&story, 1);
    m.job = story_submitted(&story, 0, 1);
    user = story_user(&story, 0);
    buf_init_fixed(&b, bytes, sizeof bytes);
    put_request_watch(&b, &m);
    for (uint32_t i = 0; i < MANY; i++)
        (void)story_ask(&story, user, MESSAGE_REQUEST_WATCH, buf_bytes(&b));
    story_run(&story, S_US);
    CHECK_INT(story.nodes[0].core->watchers_count, MANY);
    before = story.answers_count;
    for (int i = 0; i < 6; i++) {
        told = story.answers_count;
        story_run(&story, ROUND_US);
        told = story.answers_count - told;
        most = told > most ? told : most;
    }
    CHECK(most <= IN_A_ROUND);
    CHECK(story.answers_count - before >= MANY);
    story_leave(&story, user);
    CHECK(story_end(&story));
}

/* A command that follows many jobs on one link looks at each of them over and over. */
TEST(who_looks_again_and_again_is_one_who_waits)
{
    struct job_id id;
    uint64_t user, other;
    uint32_t looks[WAITING], waits;
    struct job_view v;

    story_begin(&story, 1);
    id = story_submitted(&story, 0, 1);
    user = story_user(&story, 0);
    other = story_user(&story, 0);
    waits = story_watch(&story, other, id);
    for (uint32_t i = 0; i < WAITING; i++) {
        looks[i] = story_watch(&story, user, id);
        story_run(&story, 10 * MS_US);
        CHECK(story_answer(&story, user, looks[i]) != NULL);
    }
    CHECK_INT(story.nodes[0].core->watchers_count, 2);
    REQUIRE(story_code_within(&story, user, story_ask_id(&story, user, MESSAGE_REQUEST_KILL, id),
                              S_US) == 0);
    story_run(&story, 10 * MS_US);
    for (uint32_t i = 0; i < 2; i++) {
        const struct story_answer *a =
            i == 0 ? story_answer(&story, user, looks[WAITING - 1])
                   : story_answer(&story, other, waits);

        REQUIRE(a != NULL && read_job_view((struct bytes){a->data, a->len}, &v) == 0);
        CHECK_INT(v.state, JOB_CANCELLED);
    }
    CHECK_INT(story.nodes[0].core->watchers_count, 0);
    CHECK(story_end(&story));
}

TEST_MAIN(who_waits_hears_of_the_end_whoever_has_left, many_who_wait_are_told_in_several_rounds,
          who_looks_again_and_again_is_one_who_waits)
