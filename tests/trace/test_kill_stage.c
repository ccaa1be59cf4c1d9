/* Stories of killing one stage of a job: it is computed no more, what needs it is blocked, and all
 * else goes on to its end, whoever coordinates. */
#include "core/base/err.h"
#include "core/base/text.h"
#include "core/job/ledger.h"
#include "core/node/jobs.h"
#include "core/node/kill.h"
#include "tests/lib/check.h"
#include "tests/lib/parts.h"
#include "tests/lib/story_graph.h"
#include "tests/lib/story_worker.h"

static struct story story;
static struct job_id id;

static uint32_t none(uint64_t leaf)
{
    (void)leaf;
    return 0;
}

static void as_told(struct job_spec *spec, uint32_t number)
{
    (void)number;
    spec->slots_max = 0;
    parts_spec(spec, "work");
}

static void prepare(uint32_t count)
{
    story_init(&story, count);
    story.output = none;
    story.graphs = true;
    story.adjust = as_told;
    parts_begin();
}

static void begin(uint32_t count)
{
    prepare(count);
    story_start_all(&story, true);
    story_run(&story, 2 * S_US);
}

/* 0 is long; 1 needs it, and 2 needs 1; 3 needs nothing, and 4 needs 3. */
static void fork_of(uint64_t first, uint64_t other)
{
    parts_add(first, false);
    parts_need(parts_add(5, false), 0, 0);
    parts_need(parts_add(5, false), 1, NEED_ORDER);
    parts_add(other, false)->name = "other";
    parts_need(parts_add(5, false), 3, 0);
}

static void compute(uint64_t leaves)
{
    for (int k = 0; k < 20000 && story_leaves_computed(&story) < leaves; k++)
        story_run(&story, MS_US);
    CHECK(story_leaves_computed(&story) >= leaves);
}

static struct reply_killed answer_within(uint64_t user, uint32_t request, int64_t us)
{
    struct reply_killed m = {.outcome = 255};
    const struct story_answer *a;

    CHECK_INT(story_code_within(&story, user, request, us), 0);
    a = story_answer(&story, user, request);
    if (a != NULL && a->type == MESSAGE_REPLY_KILLED)
        CHECK_INT(read_reply_killed((struct bytes){a->data, a->len}, &m), 0);
    return m;
}

static struct reply_killed kill_at(uint32_t node, uint32_t stage)
{
    uint64_t user = story_user(&story, node);
    struct reply_killed m = answer_within(user, story_ask_kill(&story, user, id, stage), S_US);

    story_leave(&story, user);
    return m;
}

static uint32_t leader(void)
{
    return story_leader(&story, id);
}

static struct job *job_at(uint32_t node)
{
    return job_find(story.nodes[node].core, id);
}

/* What node i tells of its stages. */
static struct stage_view shown[16];

static uint32_t show(uint32_t i)
{
    return story_stages(&story, i, id, shown, 16);
}

static void check_end(uint32_t node, const char *why)
{
    struct job_view v = story_result(&story, node, id, 60 * S_US);

    CHECK_INT(v.state, JOB_FAILED);
    CHECK_STR(v.error, why);
}

static bool is_named(uint32_t by, uint32_t node)
{
    return ledger_was_holder(job_at(by)->ledger, story.nodes[node].id);
}

/* What the second holder said when these two were all; it was on its way for long. */
static void say_cancelled(uint32_t from, uint32_t to)
{
    uint8_t bytes[128];
    struct buf b;

    buf_init_fixed(&b, bytes, sizeof bytes);
    put_job_id(&b, id);
    put_u8(&b, 1);
    put_u8(&b, JOB_RUNNING);
    put_u8(&b, 2);
    put_node_id(&b, story.nodes[0].id);
    put_node_id(&b, story.nodes[1].id);
    story_say(&story, from, to, MESSAGE_CANCELLED, story.nodes[to].core->kills->token,
              buf_bytes(&b));
}

/* The coordinator is asked, answers for itself, and meets another node before the second holder's
 * answer has come: whom it names then is waited for as well, and that one's disk syncs nothing. */
TEST(a_holder_that_is_named_while_a_kill_waits_is_asked)
{
    uint32_t asked, other, request;
    uint64_t user;

    prepare(3);
    story_start(&story, 0);
    story_start_among(&story, 1);
    story_run(&story, S_US);
    fork_of(2000, 2000);
    id = story_submitted(&story, 0, 1);
    story_run(&story, 100 * MS_US);
    asked = leader();
    other = 1 - asked;
    story_drop(&story, MESSAGE_CANCELLED, other, asked);
    user = story_user(&story, asked);
    request = story_ask_kill(&story, user, id, 1);
    story_run(&story, 50 * MS_US);
    story_start_among(&story, 2);
    for (uint32_t i = 0; i < 20000 && !is_named(asked, 2); i++)
        story_run(&story, 50);
    REQUIRE(is_named(asked, 2));
    story.nodes[2].stuck = true;
    story.drop.type = 0;
    say_cancelled(other, asked);
    CHECK_INT(answer_within(user, request, 6 * S_US).outcome, KILL_CANCELLING);
    CHECK(story_end(&story));
}

TEST(a_stage_that_waits_is_killed)
{
    begin(4);
    fork_of(2000, 2000);
    id = story_submitted(&story, 0, 1);
    story_run(&story, 500 * MS_US);
    CHECK_INT(kill_at(story_stranger(&story, id), 1).outcome, KILL_DONE);
    for (uint32_t i = 0; i < 4; i++) {
        REQUIRE(show(i) == 5);
        CHECK_INT(shown[1].state, STAGE_VIEW_CANCELLED);
        CHECK_INT(shown[2].state, STAGE_VIEW_BLOCKED);
        CHECK_INT(shown[2].blocked_by, 1);
        CHECK(shown[0].state == STAGE_VIEW_RUNNING || shown[0].state == STAGE_VIEW_READY);
    }
    check_end(1, "stage 1 was killed; 1 stage is blocked");
    for (uint32_t i = 0; i < 4; i++) {
        REQUIRE(show(i) == 5);
        CHECK(shown[0].state == STAGE_VIEW_DONE && shown[4].state == STAGE_VIEW_DONE);
        CHECK(shown[1].state == STAGE_VIEW_CANCELLED && shown[1].done == 0);
        CHECK(shown[2].state == STAGE_VIEW_BLOCKED && shown[2].done == 0);
    }
    CHECK(story_end(&story));
}

TEST(a_stage_that_runs_is_cut)
{
    uint64_t done;

    begin(3);
    fork_of(3000, 100);
    id = story_submitted(&story, 0, 1);
    compute(50);
    CHECK_INT(kill_at(1, 0).outcome, KILL_DONE);
    CHECK(ledger_stage_cancelled(job_at(leader())->ledger, 0));
    REQUIRE(show(0) == 5);
    CHECK_INT(shown[0].state, STAGE_VIEW_CANCELLED);
    done = shown[0].done;
    CHECK(done > 0 && done < 3000);
    story_run(&story, 100 * MS_US);
    check_end(2, "stage 0 was killed; 2 stages are blocked");
    REQUIRE(show(0) == 5);
    CHECK_INT(shown[0].done, done);
    CHECK_INT(shown[3].state, STAGE_VIEW_DONE);
    /* What was under way goes to its border at most. */
    CHECK(story_leaves_computed(&story) < 400);
    CHECK(story_end(&story));
}

static int64_t slow_first(uint8_t param)
{
    return param == 0 ? 3 * S_US : STORY_LEAF_US;
}

/* Leaves that are under way, and are reported after it was said that their stage is killed. */
TEST(a_late_report_counts_nothing)
{
    begin(3);
    story.leaf_us = slow_first;
    fork_of(6, 9000);
    id = story_submitted(&story, 0, 1);
    story_run(&story, S_US);
    story_drop(&story, MESSAGE_TRIM, STORY_USER, STORY_USER);
    CHECK_INT(kill_at(1, 0).outcome, KILL_DONE);
    story_run(&story, 3 * S_US);
    REQUIRE(!job_is_final(job_at(leader())));
    CHECK(story.sent[MESSAGE_TRIM] > 0 && story_leaves_computed(&story) > 6);
    REQUIRE(show(1) == 5);
    CHECK_INT(shown[0].state, STAGE_VIEW_CANCELLED);
    CHECK_INT(shown[0].done, 0);
    CHECK_INT(shown[1].state, STAGE_VIEW_BLOCKED);
    CHECK_INT(shown[1].blocked_by, 0);
    check_end(2, "stage 0 was killed; 2 stages are blocked");
    /* Nobody waits for ever to hear that it is kept. */
    story_run(&story, 5 * S_US);
    for (uint32_t i = 0; i < 3; i++)
        CHECK(job_at(i)->labour == NULL || job_at(i)->labour->unkept_first == NULL);
    CHECK(story_end(&story));
}

static int64_t slow_but_two(uint8_t param)
{
    return param == 0 ? 6 * S_US : param == 2 ? 2 * S_US : STORY_LEAF_US;
}

/* Tasks one behind the other, which their node computes in one go: what comes behind the killed one
 * is not complete either, or that one would count as read to its end. */
TEST(what_came_behind_a_killed_task_counts_nothing)
{
    begin(3);
    story.leaf_us = slow_but_two;
    parts_add(2, false)->name = "other"; /* which the coordinator takes itself */
    for (uint32_t i = 1; i <= 4; i++)
        parts_add(1, false);
    for (uint32_t i = 2; i <= 4; i++)
        parts_need(&parts[i], i - 1, NEED_ORDER);
    id = story_submitted(&story, 0, 1);
    story_run(&story, S_US);
    story_drop(&story, MESSAGE_TRIM, STORY_USER, STORY_USER);
    CHECK_INT(kill_at(1, 2).outcome, KILL_DONE);
    story_run(&story, 3 * S_US);
    REQUIRE(!job_is_final(job_at(leader())));
    CHECK(story.sent[MESSAGE_TRIM] > 0);
    check_end(2, "stage 2 was killed; 2 stages are blocked");
    REQUIRE(show(0) == 5);
    CHECK_INT(shown[2].state, STAGE_VIEW_CANCELLED);
    CHECK_INT(shown[3].state, STAGE_VIEW_BLOCKED);
    CHECK_INT(shown[4].done, 0);
    CHECK(story_end(&story));
}

TEST(a_stage_that_is_complete_stays_so)
{
    struct reply_killed m;
    struct job_view v;

    begin(3);
    fork_of(6, 300);
    id = story_submitted(&story, 0, 1);
    compute(200);
    m = kill_at(1, 0);
    CHECK_INT(m.outcome, KILL_ENDED);
    CHECK_INT(m.state, JOB_DONE);
    REQUIRE(show(0) == 5);
    CHECK_INT(shown[0].state, STAGE_VIEW_DONE);
    v = story_result(&story, 0, id, 60 * S_US);
    CHECK_INT(v.state, JOB_DONE);
    CHECK(story_end(&story));
}

TEST(who_takes_over_knows_what_was_killed)
{
    uint32_t first, other;
    bool led = false;

    begin(5);
    fork_of(2000, 2000);
    id = story_submitted(&story, 0, 1);
    compute(50);
    first = leader();
    other = (first + 1) % 5;
    CHECK_INT(kill_at(other, 0).outcome, KILL_DONE);
    CHECK_INT(kill_at(other, 4).outcome, KILL_DONE);
    story_kill(&story, first);
    for (int k = 0; k < 100 && !led; k++) {
        story_run(&story, 100 * MS_US);
        for (uint32_t i = 0; i < 5; i++)
            led |= i != first && story_leads(&story, i, id);
    }
    REQUIRE(led);
    REQUIRE(show(other) == 5);
    CHECK_INT(shown[0].state, STAGE_VIEW_CANCELLED);
    CHECK_INT(shown[4].state, STAGE_VIEW_CANCELLED);
    CHECK_INT(shown[1].state, STAGE_VIEW_BLOCKED);
    check_end(other, "stage 0 was killed; 2 stages were killed; 2 stages are blocked");
    CHECK(story_end(&story));
}

TEST(all_come_back_and_know_what_was_killed)
{
    begin(3);
    fork_of(2000, 2000);
    id = story_submitted(&story, 0, 1);
    compute(50);
    CHECK_INT(kill_at(1, 0).outcome, KILL_DONE);
    for (uint32_t i = 0; i < 3; i++)
        story_kill(&story, i);
    story_start_all(&story, true);
    story_run(&story, 5 * S_US);
    for (uint32_t i = 0; i < 3; i++)
        CHECK(ledger_stage_cancelled(job_at(i)->ledger, 0));
    REQUIRE(show(0) == 5);
    CHECK_INT(shown[0].state, STAGE_VIEW_CANCELLED);
    check_end(1, "stage 0 was killed; 2 stages are blocked");
    CHECK(story_end(&story));
}

TEST(killed_is_not_said_while_a_holder_is_away)
{
    uint32_t stranger, holder;
    struct reply_killed m;
    uint64_t user;

    begin(4);
    fork_of(20000, 20000);
    id = story_submitted(&story, 0, 1);
    compute(10);
    stranger = story_stranger(&story, id);
    for (holder = 0; holder == stranger || holder == leader(); holder++)
        ;
    story_drop(&story, MESSAGE_CANCEL, stranger, holder);
    user = story_user(&story, stranger);
    m = answer_within(user, story_ask_kill(&story, user, id, 1), 6 * S_US);
    CHECK_INT(m.outcome, KILL_CANCELLING);
    CHECK(m.away[0] != 0 && strchr(m.away, ',') == NULL);
    /* The coordinator has it all the same, and passes it on. */
    CHECK(ledger_stage_cancelled(job_at(leader())->ledger, 1));
    CHECK(ledger_stage_cancelled(job_at(holder)->ledger, 1));
    story_drop(&story, 0, 0, 0);
    m = answer_within(user, story_ask_kill(&story, user, id, 1), S_US);
    CHECK_INT(m.outcome, KILL_DONE);
    CHECK(story_end(&story));
}

TEST(a_holder_passes_it_on_to_the_coordinator)
{
    uint32_t stranger;
    uint64_t user;

    begin(4);
    fork_of(20000, 20000);
    id = story_submitted(&story, 0, 1);
    compute(10);
    stranger = story_stranger(&story, id);
    story_drop(&story, MESSAGE_CANCEL, stranger, leader());
    user = story_user(&story, stranger);
    (void)story_ask_kill(&story, user, id, 0);
    story_run(&story, 100 * MS_US);
    CHECK(ledger_stage_cancelled(job_at(leader())->ledger, 0));
    story_drop(&story, 0, 0, 0);
    CHECK(story_end(&story));
}

/* However many are killed, few facts say so. */
TEST(many_kills_become_one_fact)
{
    struct ledger *l;

    begin(3);
    for (uint32_t i = 0; i < 40; i++)
        parts_add(i == 0 ? 20000 : 200, false);
    id = story_submitted(&story, 0, 1);
    story_run(&story, 100 * MS_US);
    for (uint32_t i = 1; i < 40; i += 2)
        CHECK_INT(kill_at(i % 3, i).outcome, KILL_DONE);
    story_run(&story, S_US);
    for (uint32_t i = 0; i < 3; i++) {
        l = job_at(i)->ledger;
        CHECK_INT(ledger_stages_cancelled(l), 20);
        CHECK(!ledger_stage_cancels_apart(l, 0));
        CHECK(bytes_equal(ledger_stage_cancel_fact(l, 1), ledger_stage_cancel_fact(l, 17)));
    }
    CHECK(story_end(&story));
}

TEST(what_is_no_stage_is_not_killed)
{
    uint64_t user;

    begin(3);
    fork_of(2000, 20);
    id = story_submitted(&story, 0, 1);
    user = story_user(&story, 1);
    CHECK_INT(story_code_within(&story, user, story_ask_kill(&story, user, id, 5), S_US), 3);
    CHECK_INT(kill_at(1, 0).outcome, KILL_DONE);
    check_end(1, "stage 0 was killed; 2 stages are blocked");
    CHECK_INT(kill_at(1, 0).outcome, KILL_DONE);
    CHECK_INT(kill_at(1, 3).state, JOB_DONE);
    CHECK_INT(kill_at(1, 2).state, JOB_FAILED);
    CHECK(story_end(&story));
}

/* The one stage of a job: nothing is left of it. */
TEST(the_last_stage_left_ends_its_job)
{
    begin(3);
    parts_add(20000, false)->name = "all";
    id = story_submitted(&story, 0, 1);
    compute(20);
    CHECK_INT(kill_at(2, 0).outcome, KILL_DONE);
    check_end(2, "stage all was killed");
    CHECK(story_end(&story));
}

TEST_MAIN(a_holder_that_is_named_while_a_kill_waits_is_asked, a_stage_that_waits_is_killed,
          a_stage_that_runs_is_cut, a_late_report_counts_nothing,
          what_came_behind_a_killed_task_counts_nothing, a_stage_that_is_complete_stays_so,
          who_takes_over_knows_what_was_killed, all_come_back_and_know_what_was_killed,
          killed_is_not_said_while_a_holder_is_away, a_holder_passes_it_on_to_the_coordinator,
          many_kills_become_one_fact, what_is_no_stage_is_not_killed,
          the_last_stage_left_ends_its_job)
