/* Stories of users' requests at nodes that do not have what is asked for: who is asked, who is
 * believed, and when it is given up. */
#include "core/node/directory.h"
#include "core/node/request.h"
#include "core/node/state.h"
#include "tests/lib/check.h"
#include "tests/lib/story.h"

static struct story story;

static uint32_t watchers_at(uint32_t i)
{
    uint32_t count = 0;

    for (const struct watcher *w = story.nodes[i].core->watchers; w != NULL; w = w->next)
        count++;
    return count;
}

/* Four nodes and a job that three of them hold; gives the fourth. */
static uint32_t four(struct job_id *id)
{
    story_begin(&story, 4);
    *id = story_submitted(&story, 0, 1);
    story_run(&story, S_US);
    return story_stranger(&story, *id);
}

static void say_state(uint32_t from, uint32_t to, uint8_t known, struct job_id id,
                      enum job_state state)
{
    struct job_view v = {.id = id, .state = state};
    struct gone g = {.state = (uint8_t)state};
    struct buf b;

    text_copy(v.kernel, sizeof v.kernel, "work");
    buf_init(&b, &story.heap.alloc, FRAME_PAYLOAD_MAX);
    put_u8(&b, known);
    put_job_id(&b, id);
    put_u64(&b, 0);
    if (known == 1)
        put_job_view(&b, &v);
    if (known == 2)
        put_gone(&b, &g);
    story_say(&story, from, to, MESSAGE_STATE, 0, buf_bytes(&b));
    buf_clear(&b);
}

static struct job_id some_id(uint32_t number)
{
    struct job_id id = {{1, 2, 3}};

    store_u32(id.bytes + 4, number);
    return id;
}

static uint32_t ask_prefix(uint64_t user, struct job_id id, size_t digits)
{
    struct request_jobs m = {.all = true};
    uint8_t bytes[128];
    struct buf b;

    id_hex(id.bytes, digits, m.which);
    buf_init_fixed(&b, bytes, sizeof bytes);
    put_request_jobs(&b, &m);
    return story_ask(&story, user, MESSAGE_REQUEST_JOBS, buf_bytes(&b));
}

/* --- gone --- */

TEST(a_forgotten_job_is_gone_at_once)
{
    uint64_t user;
    uint32_t request;

    story_begin(&story, 1);
    user = story_user(&story, 0);
    for (uint32_t i = 1; i <= JOBS_KEPT_MAX + 2; i++) {
        struct job_id id = story_submitted(&story, 0, i);

        request = story_ask_id(&story, user, MESSAGE_REQUEST_KILL, id);
        story_run(&story, MS_US);
        REQUIRE(story_killed(&story, user, request) == KILL_DONE);
    }
    request = story_watch(&story, user, story_job(&story, 1));
    CHECK_INT(story_code_within(&story, user, request, 200 * MS_US), 9);
    request = story_ask_id(&story, user, MESSAGE_REQUEST_LOGS, story_job(&story, 1));
    CHECK_INT(story_code_within(&story, user, request, 200 * MS_US), 9);
    request = story_watch(&story, user, story_job(&story, JOBS_KEPT_MAX));
    CHECK_INT(story_code_within(&story, user, request, 200 * MS_US), 0);
    CHECK(story_end(&story));
}

TEST(gone_is_said_when_every_holder_said_so)
{
    struct job_id id;
    uint32_t stranger = four(&id), request, first;
    uint64_t user = story_user(&story, stranger);

    story_drop(&story, MESSAGE_WATCH, stranger, STORY_USER);
    request = story_watch(&story, user, id);
    story_run(&story, MS_US);
    first = story.drop.last_to;
    say_state(first, stranger, 2, id, JOB_DONE);
    CHECK_INT(story_code_within(&story, user, request, 500 * MS_US), -1);
    CHECK(story.drop.last_to != first);
    say_state(story.drop.last_to, stranger, 2, id, JOB_DONE);
    CHECK_INT(story_code_within(&story, user, request, 500 * MS_US), -1);
    say_state(story.drop.last_to, stranger, 2, id, JOB_DONE);
    CHECK_INT(story_code_within(&story, user, request, 500 * MS_US), 9);
    for (uint32_t i = 0; i < story.count; i++)
        CHECK(i == stranger || story.drop.count[i] > 0);
    CHECK(story_end(&story));
}

TEST(another_holder_may_still_have_it)
{
    struct job_id id;
    uint32_t stranger = four(&id), request;
    uint64_t user = story_user(&story, stranger);

    story_drop(&story, MESSAGE_WATCH, stranger, story_leader(&story, id));
    request = story_watch(&story, user, id);
    story_run(&story, MS_US);
    say_state(story_leader(&story, id), stranger, 2, id, JOB_DONE);
    CHECK_INT(story_code_within(&story, user, request, 500 * MS_US), 0);
    CHECK(story_end(&story));
}

TEST(holders_that_never_answer_are_given_up_before_the_command_is)
{
    struct job_id id;
    uint32_t stranger = four(&id), request;
    uint64_t user = story_user(&story, stranger);

    story_drop(&story, MESSAGE_WATCH, stranger, STORY_USER);
    request = story_watch(&story, user, id);
    CHECK_INT(story_code_within(&story, user, request, 28 * S_US), 7);
    for (uint32_t i = 0; i < story.count; i++)
        CHECK(i == stranger || story.drop.count[i] > 0);
    CHECK(story_end(&story));
}

/* --- believed --- */

TEST(a_state_is_believed_from_whom_it_was_asked)
{
    struct job_id id;
    uint32_t stranger = four(&id), request;
    uint64_t user = story_user(&story, stranger);

    story_drop(&story, MESSAGE_WATCH, stranger, STORY_USER);
    request = story_watch(&story, user, id);
    story_run(&story, MS_US);
    for (uint32_t i = 0; i < story.count; i++) {
        if (i == stranger || i == story.drop.last_to)
            continue;
        say_state(i, stranger, 1, id, JOB_DONE);
        say_state(i, stranger, 2, id, JOB_DONE);
    }
    CHECK_INT(story_code(&story, user, request), -1);
    say_state(story.drop.last_to, stranger, 1, id, JOB_DONE);
    CHECK_INT(story_code(&story, user, request), 0);
    CHECK(story_end(&story));
}

static void say_log(uint32_t from, uint32_t to, struct job_id id, uint32_t token)
{
    struct buf b;

    buf_init(&b, &story.heap.alloc, FRAME_PAYLOAD_MAX);
    put_job_id(&b, id);
    put_u8(&b, 1);
    put_block(&b, (struct bytes){(const uint8_t *)"lies", 4});
    story_say(&story, from, to, MESSAGE_LOG_TAIL, token, buf_bytes(&b));
    buf_clear(&b);
}

TEST(a_log_is_believed_from_whom_it_was_asked)
{
    struct job_id id;
    uint32_t stranger = four(&id), request, other, token;
    uint64_t user = story_user(&story, stranger);

    story_drop(&story, MESSAGE_LOGS, stranger, STORY_USER);
    request = story_ask_id(&story, user, MESSAGE_REQUEST_LOGS, id);
    story_run(&story, MS_US);
    REQUIRE(story.nodes[stranger].core->logs != NULL);
    token = story.nodes[stranger].core->logs->token;
    for (other = 0; other == stranger || other == story.drop.last_to; other++)
        ;
    say_log(other, stranger, id, token);
    CHECK_INT(story_code(&story, user, request), -1);
    say_log(story.drop.last_to, stranger, id, token);
    CHECK_INT(story_code(&story, user, request), 0);
    CHECK(story_end(&story));
}

/* --- waiting --- */

TEST(a_node_that_waits_no_more_is_forgotten)
{
    struct job_id id;
    uint32_t stranger = four(&id);

    for (uint32_t i = 2; i < 40; i++) {
        struct job_id next = story_submitted(&story, story_leader(&story, id), i);
        uint64_t user = story_user(&story, stranger);

        story_run(&story, 100 * MS_US);
        story_watch(&story, user, next);
        story_run(&story, 50 * MS_US);
        story_leave(&story, user);
    }
    story_run(&story, 15 * S_US);
    for (uint32_t i = 0; i < story.count; i++)
        CHECK_INT(watchers_at(i), 0);
    CHECK(story_end(&story));
}

TEST(one_holder_is_asked_for_as_long_as_it_answers)
{
    struct job_id id;
    uint32_t stranger = four(&id), request, killing, waiting = 0;
    uint64_t user = story_user(&story, stranger), killer = story_user(&story, stranger);

    request = story_watch(&story, user, id);
    story_run(&story, 60 * S_US);
    CHECK_INT(story_code(&story, user, request), 0);
    for (uint32_t i = 0; i < story.count; i++)
        waiting += i != stranger && watchers_at(i) > 0;
    CHECK_INT(waiting, 1);
    CHECK_INT(watchers_at(story_leader(&story, id)), 1);
    killing = story_ask_id(&story, killer, MESSAGE_REQUEST_KILL, id);
    story_run(&story, 20 * MS_US);
    CHECK_INT(story_killed(&story, killer, killing), KILL_DONE);
    story_run(&story, 100 * MS_US);
    CHECK_INT(watchers_at(stranger), 0);
    CHECK(story_end(&story));
}

TEST(a_silent_holder_is_left_for_the_next)
{
    struct job_id id;
    uint32_t stranger = four(&id), request;
    uint64_t user = story_user(&story, stranger);

    story_drop(&story, MESSAGE_WATCH, stranger, story_leader(&story, id));
    request = story_watch(&story, user, id);
    CHECK_INT(story_code_within(&story, user, request, 3 * S_US), 0);
    CHECK(story_end(&story));
}

/* --- not heard of yet --- */

/* A fourth node that has not heard of the job, and will not. */
static uint32_t four_without_a_word(struct job_id *id)
{
    story_begin(&story, 4);
    for (uint32_t number = 1;; number++) {
        story_drop(&story, MESSAGE_DIRECTORY, STORY_USER, 3);
        *id = story_submitted(&story, 0, number);
        story_run(&story, S_US);
        REQUIRE(number < 100);
        if (!story_holds(&story, 3, *id))
            break;
    }
    REQUIRE(directory_find(story.nodes[3].core, *id) == NULL);
    return 3;
}

TEST(a_job_not_heard_of_is_found_by_its_id)
{
    struct job_id id;
    uint32_t stranger = four_without_a_word(&id), watch, logs, kill;
    uint64_t user = story_user(&story, stranger);

    watch = story_watch(&story, user, id);
    logs = story_ask_id(&story, user, MESSAGE_REQUEST_LOGS, id);
    CHECK_INT(story_code_within(&story, user, watch, 200 * MS_US), 0);
    CHECK_INT(story_code_within(&story, user, logs, 200 * MS_US), 0);
    kill = story_ask_id(&story, user, MESSAGE_REQUEST_KILL, id);
    CHECK_INT(story_code_within(&story, user, kill, 200 * MS_US), 0);
    CHECK_INT(story_killed(&story, user, kill), KILL_DONE);
    story_run(&story, 200 * MS_US);
    CHECK_INT(watchers_at(stranger), 0);
    CHECK(story_end(&story));
}

TEST(no_such_job_is_said_within_a_second)
{
    uint64_t user;
    uint32_t watch, logs, kill, jobs;

    story_begin(&story, 4);
    user = story_user(&story, 1);
    /* Somebody who cannot be asked might be the one. */
    story_drop(&story, MESSAGE_STATE, 2, STORY_USER);
    story.drop.type_too = MESSAGE_LOG_TAIL;
    watch = story_watch(&story, user, some_id(1));
    logs = story_ask_id(&story, user, MESSAGE_REQUEST_LOGS, some_id(1));
    kill = story_ask_id(&story, user, MESSAGE_REQUEST_KILL, some_id(1));
    jobs = ask_prefix(user, some_id(1), 8);
    CHECK_INT(story_code_within(&story, user, watch, 1200 * MS_US), 3);
    CHECK_INT(story_code_within(&story, user, logs, 200 * MS_US), 3);
    CHECK_INT(story_code_within(&story, user, kill, 200 * MS_US), 3);
    CHECK_INT(story_code_within(&story, user, jobs, 200 * MS_US), 3);
    /* Everybody has said no. */
    story_drop(&story, 0, 0, 0);
    watch = story_watch(&story, user, some_id(2));
    CHECK_INT(story_code_within(&story, user, watch, 300 * MS_US), 3);
    CHECK(story_end(&story));
}

TEST(alone_no_such_job_is_said_at_once)
{
    uint64_t user;

    story_begin(&story, 1);
    user = story_user(&story, 0);
    CHECK_INT(story_code_within(&story, user, story_watch(&story, user, some_id(1)), 20 * MS_US),
              3);
    CHECK_INT(story_code_within(&story, user, ask_prefix(user, some_id(1), 8), 20 * MS_US), 3);
    CHECK_INT(story_code_within(&story, user,
                                story_ask_id(&story, user, MESSAGE_REQUEST_KILL, some_id(1)),
                                20 * MS_US),
              3);
    CHECK_INT(story_code_within(&story, user,
                                story_ask_id(&story, user, MESSAGE_REQUEST_LOGS, some_id(1)),
                                20 * MS_US),
              3);
    CHECK(story_end(&story));
}

TEST(a_prefix_is_known_as_soon_as_its_job_is)
{
    struct job_id id;
    uint64_t user;
    uint32_t request, stranger = 1;

    story_begin(&story, 2);
    user = story_user(&story, stranger);
    id = story_job(&story, 1);
    /* A user who was told of it at another node is faster than the news. */
    request = ask_prefix(user, id, 8);
    story_run(&story, 5 * MS_US);
    CHECK_INT(story_code(&story, user, request), -1);
    story_submitted(&story, 0, 1);
    CHECK_INT(story_code_within(&story, user, request, 300 * MS_US), 0);
    CHECK(story_end(&story));
}

/* It comes back, and is asked before anybody of the mesh has answered it. */
TEST(a_node_that_has_met_nobody_yet_does_not_say_that_there_is_no_such_job)
{
    struct job_id id;
    uint32_t back = four(&id), jobs, watch, logs, kill, none;
    uint64_t user;

    story_kill(&story, back);
    story_run(&story, 100 * MS_US);
    for (uint32_t i = 0; i < story.count; i++)
        if (i != back)
            story_pause(&story, i);
    story_start_among(&story, back);
    user = story_user(&story, back);
    jobs = ask_prefix(user, id, 8);
    none = ask_prefix(user, some_id(1), 8);
    watch = story_watch(&story, user, id);
    logs = story_ask_id(&story, user, MESSAGE_REQUEST_LOGS, id);
    kill = story_ask_id(&story, user, MESSAGE_REQUEST_KILL, id);
    story_run(&story, 300 * MS_US);
    for (uint32_t i = 0; i < story.count; i++)
        if (i != back)
            story_resume(&story, i);
    CHECK_INT(story_code_within(&story, user, jobs, 300 * MS_US), 0);
    CHECK_INT(story_code_within(&story, user, watch, 300 * MS_US), 0);
    CHECK_INT(story_code_within(&story, user, logs, 300 * MS_US), 0);
    CHECK_INT(story_killed(&story, user, kill), KILL_DONE);
    CHECK_INT(story_code_within(&story, user, none, 700 * MS_US), 3);
    CHECK(story_end(&story));
}

/* The last hint that the user got. */
static void hint_of(uint64_t user, uint32_t request, struct reply_error *to)
{
    const struct story_answer *a = story_answer(&story, user, request);

    REQUIRE(a != NULL && a->type == MESSAGE_REPLY_ERROR);
    REQUIRE(read_reply_error((struct bytes){a->data, a->len}, to) == 0);
}

/* Two holders may be all that has it: whoever is left may have been started since. */
TEST(who_is_away_may_know_the_job)
{
    struct reply_error e;
    uint64_t user;
    uint32_t request;

    story_begin(&story, 4);
    user = story_user(&story, 0);
    request = ask_prefix(user, some_id(1), 8);
    CHECK_INT(story_code_within(&story, user, request, S_US), 3);
    hint_of(user, request, &e);
    CHECK_STR(e.hint, "velum ps -a");
    story_pause(&story, 2);
    story_kill(&story, 3);
    story_run(&story, 3 * S_US);
    request = ask_prefix(user, some_id(1), 8);
    CHECK_INT(story_code_within(&story, user, request, S_US), 3);
    hint_of(user, request, &e);
    CHECK_STR(e.hint, "velum nodes: 2 are away, and may be alone in knowing it");
    request = story_watch(&story, user, some_id(1));
    CHECK_INT(story_code_within(&story, user, request, 2 * S_US), 3);
    hint_of(user, request, &e);
    CHECK_STR(e.hint, "velum nodes: 2 are away, and may be alone in knowing it");
    story_resume(&story, 2);
    CHECK(story_end(&story));
}

/* --- without a link --- */

/* A larger mesh, a job, and a node with a word of it that is linked to nobody who holds it. */
static bool far_away(uint32_t number, struct job_id *id, uint32_t *far)
{
    *id = story_submitted(&story, 0, number);
    story_run(&story, 2 * S_US);
    for (*far = 0; *far < story.count; ++*far) {
        bool linked = story_holds(&story, *far, *id);

        for (uint32_t i = 0; i < story.count; i++)
            linked |= story_holds(&story, i, *id) && story_linked(&story, *far, i);
        if (!linked && directory_find(story.nodes[*far].core, *id) != NULL)
            return true;
    }
    return false;
}

TEST(holders_without_a_link_are_asked_for_a_log)
{
    struct job_id id;
    uint32_t far, logs, number = 1;
    uint64_t user;

    story_begin(&story, STORY_NODES_MAX);
    while (!far_away(number, &id, &far))
        REQUIRE(++number < 30);
    user = story_user(&story, far);
    logs = story_ask_id(&story, user, MESSAGE_REQUEST_LOGS, id);
    CHECK_INT(story_code_within(&story, user, logs, 500 * MS_US), 0);
    CHECK(story_end(&story));
}

TEST(holders_without_a_link_are_asked_for_a_state)
{
    struct job_id id;
    uint32_t far, watch, number = 1;
    uint64_t user;

    story_begin(&story, STORY_NODES_MAX);
    while (!far_away(number, &id, &far))
        REQUIRE(++number < 30);
    user = story_user(&story, far);
    watch = story_watch(&story, user, id);
    CHECK_INT(story_code_within(&story, user, watch, 500 * MS_US), 0);
    CHECK(story_end(&story));
}

TEST(logs_have_a_maximum)
{
    struct job_id id;
    uint32_t stranger = four(&id), last = 0;
    uint64_t user = story_user(&story, stranger);

    story_drop(&story, MESSAGE_LOGS, STORY_USER, STORY_USER);
    for (int i = 0; i < 1024; i++)
        last = story_ask_id(&story, user, MESSAGE_REQUEST_LOGS, id);
    CHECK_INT(story_code(&story, user, last), -1);
    last = story_ask_id(&story, user, MESSAGE_REQUEST_LOGS, id);
    CHECK_INT(story_code(&story, user, last), 1);
    story_run(&story, 5 * S_US);
    CHECK(story.nodes[stranger].core->logs == NULL);
    CHECK(story_end(&story));
}

TEST_MAIN(a_forgotten_job_is_gone_at_once, gone_is_said_when_every_holder_said_so,
          another_holder_may_still_have_it,
          holders_that_never_answer_are_given_up_before_the_command_is,
          a_state_is_believed_from_whom_it_was_asked, a_log_is_believed_from_whom_it_was_asked,
          a_node_that_waits_no_more_is_forgotten, one_holder_is_asked_for_as_long_as_it_answers,
          a_silent_holder_is_left_for_the_next, a_job_not_heard_of_is_found_by_its_id,
          no_such_job_is_said_within_a_second, alone_no_such_job_is_said_at_once,
          a_prefix_is_known_as_soon_as_its_job_is,
          a_node_that_has_met_nobody_yet_does_not_say_that_there_is_no_such_job,
          who_is_away_may_know_the_job, holders_without_a_link_are_asked_for_a_log,
          holders_without_a_link_are_asked_for_a_state, logs_have_a_maximum)
