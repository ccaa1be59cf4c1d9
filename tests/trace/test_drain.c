/* Stories of nodes that drain: what they hold goes to others, never before those have it, they take
 * nothing new, and nobody but an admin or their own key makes them. */
#include "core/node/drain.h"
#include "core/node/jobs.h"
#include "core/node/labour.h"
#include "core/node/link.h"
#include "core/node/place.h"
#include "tests/lib/story_act.h"
#include "tests/lib/story_collect.h"
#include "tests/lib/story_copies.h"

#define LONG_US (20 * S_US)

static uint8_t bytes[PIECE_SIZE + 7];

static void begin(uint32_t count)
{
    story_init(&story, count);
    story.ages.objects_bytes = 1 << 30;
    story_start_all(&story, true);
    story_run(&story, 5 * S_US);
    story_fill(bytes, sizeof bytes);
}

static struct node *core(uint32_t i)
{
    return story.nodes[i].core;
}

/* An admin at node `by` says so of node i, later than what was said before. */
static void order(uint32_t by, enum act_kind kind, uint32_t i)
{
    static int64_t times;
    const struct act_made m = act_make(kind, story.nodes[i].id, ++times);

    act_give(by, &m);
    story_run(&story, 10 * MS_US);
}

static bool is_empty(uint32_t i)
{
    struct node_held held = drain_held(core(i));

    return held.jobs == 0 && held.objects == 0 && labour_is_idle(core(i));
}

static void empty_within(uint32_t i, int64_t us)
{
    for (int64_t t = 0; t < us && !is_empty(i); t += 50 * MS_US)
        story_run(&story, 50 * MS_US);
    CHECK(is_empty(i));
}

/* As a user of node `at` is told. */
static struct node_view told_of(uint32_t at, uint32_t i)
{
    static const uint8_t word = REQUEST_NODES_HELD;
    uint64_t user = story_user(&story, at);
    uint32_t request = story_ask(&story, user, MESSAGE_REQUEST_NODES, (struct bytes){&word, 1});
    struct node_view v = {.state = NODE_DEAD}, found = v;

    story_run(&story, 5 * MS_US);
    for (uint32_t k = 0; k < story.answers_count; k++) {
        const struct story_answer *a = &story.answers[k];

        if (a->link == user && a->request == request && a->type == MESSAGE_REPLY_NODE &&
            read_node_view((struct bytes){a->data, a->len}, &v) == 0 &&
            node_id_equal(v.id, story.nodes[i].id))
            found = v;
    }
    story_leave(&story, user);
    return found;
}

static void all_see(uint32_t i, enum node_state state)
{
    for (uint32_t at = 0; at < story.count; at++)
        if (core(at) != NULL)
            CHECK_INT(told_of(at, i).state, state);
}

static void gone_within(uint32_t i, int64_t us)
{
    for (int64_t t = 0; t < us && !story.nodes[i].exited; t += 20 * MS_US)
        story_run(&story, 20 * MS_US);
    CHECK(story.nodes[i].exited);
}

TEST(jobs_go_to_others_and_another_leads)
{
    struct job_id ended, live;
    uint32_t who;

    begin(4);
    ended = story_ended(&story, 1);
    live = story_submitted(&story, 0, 2);
    who = story_leader(&story, live);
    order((who + 1) % 4, ACT_DRAIN, who);
    story_run(&story, 100 * MS_US);
    all_see(who, NODE_DRAINING);
    CHECK(!story_leads(&story, who, live));
    empty_within(who, LONG_US);
    CHECK(!story_holds(&story, who, ended) && !story_holds(&story, who, live));
    CHECK_INT(story_holders_up(&story, ended), 3);
    CHECK_INT(story_holders_up(&story, live), 3);
    CHECK(story_leader(&story, live) != who);
    all_see(who, NODE_DRAINING);
    story_run(&story, S_US);
    CHECK(core(who)->drain.empty);
    CHECK(story_end(&story));
}

/* What only one node can take goes there; what nobody can stays. */
TEST(nothing_is_given_up_before_another_has_it)
{
    struct job_id id;
    struct digest name;
    struct object_view put;

    begin(2);
    id = story_ended(&story, 1);
    name = story_put_whole(&story, 0, bytes, sizeof bytes, LONG_US, &put);
    story_run(&story, 2 * S_US);
    story_kill(&story, 1);
    story_run(&story, LONG_US);
    order(0, ACT_DRAIN, 0);
    story_run(&story, LONG_US);
    CHECK(story_holds(&story, 0, id));
    CHECK(story_whole_at(&story, 0, name) != NULL);
    struct node_view v = told_of(0, 0);
    CHECK(v.tells_held && v.held.jobs == 1 && v.held.objects == 1);
    CHECK_INT(v.held.jobs_only, 1);
    CHECK_INT(v.held.objects_only, 1);
    story_lose(&story, 1);
    story_start_among(&story, 1);
    empty_within(0, LONG_US);
    CHECK(story_holds(&story, 1, id));
    CHECK(story_whole_at(&story, 1, name) != NULL && story_whole_at(&story, 1, name)->kept);
    CHECK(story_end(&story));
}

/* After a start it takes a moment until it is known what lies on the disk. */
TEST(who_has_not_looked_yet_is_not_empty)
{
    struct object_view put;
    uint32_t looks = 0;

    begin(1);
    story_put_whole(&story, 0, bytes, sizeof bytes, LONG_US, &put);
    story_kill(&story, 0);
    story_start_among(&story, 0);
    for (; looks < 1000 && !core(0)->objects->scanned; looks++) {
        CHECK(drain_held(core(0)).objects > 0);
        story_run(&story, MS_US / 10);
    }
    CHECK(looks > 0 && core(0)->objects->scanned);
    CHECK_INT(drain_held(core(0)).objects, 1);
    CHECK(story_end(&story));
}

/* Nobody can be given what nobody can read: it holds up no one who is to leave. */
TEST(what_is_damaged_and_nowhere_else_is_not_waited_for)
{
    struct digest name;
    struct object_view put;
    struct shelf_object *o;

    begin(1);
    name = story_put_whole(&story, 0, bytes, sizeof bytes, LONG_US, &put);
    order(0, ACT_LEAVE, 0);
    story_run(&story, LONG_US);
    REQUIRE(core(0) != NULL && !core(0)->drain.empty);
    o = shelf_find(core(0)->objects->shelf, name);
    CHECK_INT(shelf_piece_lost(core(0)->objects->shelf, o, 1), 0);
    CHECK(o->kept);
    CHECK_INT(drain_held(core(0)).objects, 0);
    gone_within(0, LONG_US);
    CHECK(story_end(&story));
}

/* Two keep it elsewhere when the third does not any more. */
TEST(objects_go_to_others)
{
    struct digest name;
    struct object_view put;
    uint32_t who = 0, kept = 0;

    begin(4);
    name = story_put_whole(&story, 0, bytes, sizeof bytes, LONG_US, &put);
    story_run(&story, 2 * S_US);
    while (story_whole_at(&story, who, name) == NULL || !story_whole_at(&story, who, name)->kept)
        who++;
    order(0, ACT_DRAIN, who);
    empty_within(who, LONG_US);
    for (uint32_t i = 0; i < 4; i++)
        kept += story_whole_at(&story, i, name) != NULL && story_whole_at(&story, i, name)->kept;
    CHECK_INT(kept, 3);
    CHECK(story_end(&story));
}

static uint32_t some_bytes(uint64_t leaf)
{
    return (uint32_t)(leaf % 3) * 700;
}

/* Of a job that runs: what was reported counts, what runs ends at its leaf, and the bits are what
 * they are in any case. */
TEST(a_running_job_ends_while_its_coordinator_drains)
{
    struct job_id id;
    struct job_view v;
    uint32_t who;

    story_init(&story, 4);
    story.ages.objects_bytes = 1 << 30;
    story_collect_begin(&story, some_bytes, true);
    id = story_submitted(&story, 0, 1);
    story_run_until_counted(&story, id, 3);
    who = story_leader(&story, id);
    order((who + 1) % 4, ACT_DRAIN, who);
    story_run(&story, 20 * MS_US);
    CHECK(labour_is_idle(core(who)));
    v = story_result(&story, (who + 1) % 4, id, LONG_US);
    story_check_result(&story, (who + 1) % 4, &v);
    empty_within(who, LONG_US);
    CHECK(story_end(&story));
}

TEST(it_takes_nothing_new_until_it_is_told_to)
{
    struct job_id id;
    uint32_t held = 0, given_back;

    story_init(&story, 3);
    story.ages.objects_bytes = 1 << 30;
    story_collect_begin(&story, some_bytes, true);
    order(1, ACT_DRAIN, 0);
    story_run(&story, 5 * S_US);
    given_back = story.given_back;
    for (uint32_t number = 1; number < 6; number++) {
        id = story_submitted(&story, number % 3, number);
        CHECK_INT(story_result(&story, number % 3, id, LONG_US).state, JOB_DONE);
        CHECK(!story_holds(&story, 0, id));
    }
    CHECK_INT(story.given_back, given_back);
    CHECK(core(0)->labour_jobs == NULL);
    order(1, ACT_RESUME, 0);
    story_run(&story, LONG_US);
    all_see(0, NODE_ALIVE);
    for (uint32_t number = 1; number < 6; number++)
        held += story_holds(&story, 0, story_job(&story, number));
    CHECK_INT(held, 5);
    CHECK(story_end(&story));
}

/* The only node there is refuses what it could not give away. */
TEST(who_drains_alone_takes_no_job)
{
    uint64_t user;

    begin(1);
    order(0, ACT_DRAIN, 0);
    user = story_user(&story, 0);
    CHECK_INT(story_code_within(&story, user, story_submit(&story, user, 1), S_US), 1);
    CHECK(story_end(&story));
}

TEST(a_restart_changes_nothing_of_it)
{
    struct job_id id;

    begin(3);
    id = story_ended(&story, 1);
    order(1, ACT_DRAIN, 0);
    story_kill(&story, 0);
    story_run(&story, 5 * S_US);
    story_start_among(&story, 0);
    story_run(&story, S_US);
    all_see(0, NODE_DRAINING);
    empty_within(0, LONG_US);
    CHECK(!story_holds(&story, 0, id));
    CHECK_INT(story_holders_up(&story, id), 2);
    CHECK(story_end(&story));
}

/* The word of whoever was there meanwhile reaches it when it comes back. */
TEST(it_learns_when_it_comes_back_that_it_may_work_again)
{
    begin(3);
    order(1, ACT_DRAIN, 0);
    story_run(&story, S_US);
    story_kill(&story, 0);
    story_run(&story, S_US);
    order(1, ACT_RESUME, 0);
    story_start_among(&story, 0);
    story_run(&story, 2 * S_US);
    CHECK(!drain_is_on(core(0)));
    all_see(0, NODE_ALIVE);
    CHECK(story_end(&story));
}

/* It does so with exit code 0 and a goodbye, and what it had is elsewhere. */
TEST(whoever_is_to_leave_goes_when_it_is_empty)
{
    struct job_id id;
    uint32_t goodbyes;

    begin(4);
    id = story_ended(&story, 1);
    goodbyes = story.sent[MESSAGE_GOODBYE];
    order(1, ACT_LEAVE, 0);
    for (int k = 0; k < 1000 && core(0) != NULL; k++)
        story_run(&story, 20 * MS_US);
    REQUIRE(story.nodes[0].exited);
    CHECK_INT(story.nodes[0].exit_code, 0);
    CHECK_INT(story.sent[MESSAGE_GOODBYE] - goodbyes, 3);
    CHECK_INT(story_holders_up(&story, id), 3);
    CHECK(story_end(&story));
}

TEST(whoever_is_to_leave_does_not_go_in_the_middle_of_a_users_put)
{
    struct object_view v;
    uint64_t user;
    uint32_t request;

    begin(3);
    user = story_user(&story, 0);
    request = story_put_begun(&story, user, sizeof bytes);
    order(1, ACT_LEAVE, 0);
    story_run(&story, LONG_US);
    REQUIRE(core(0) != NULL && !core(0)->drain.empty);
    CHECK_INT(told_of(1, 0).state, NODE_DRAINING);
    CHECK_INT(drain_held(core(0)).objects, 1);
    story_put_sent(&story, user, request, bytes, sizeof bytes);
    CHECK_INT(story_code_within(&story, user, request, LONG_US), 0);
    CHECK(story_object_view(&story, user, request, &v));
    gone_within(0, LONG_US);
    for (uint32_t i = 1; i < 3; i++)
        CHECK(story_whole_at(&story, i, v.name) != NULL);
    CHECK(story_end(&story));
}

/* Nor before it has said what became of a job that it passed on. */
TEST(whoever_is_to_leave_answers_before)
{
    uint64_t user;
    uint32_t request;

    begin(2);
    order(1, ACT_DRAIN, 0);
    story_run(&story, S_US);
    user = story_user(&story, 0);
    story_pause(&story, 1);
    request = story_submit(&story, user, 1);
    order(0, ACT_LEAVE, 0);
    story_run(&story, 1200 * MS_US);
    REQUIRE(core(0) != NULL);
    CHECK_INT(story_code(&story, user, request), -1);
    story_resume(&story, 1);
    CHECK_INT(story_code_within(&story, user, request, 5 * S_US), 0);
    gone_within(0, LONG_US);
    CHECK(story_end(&story));
}

static void said_by(uint32_t at, struct node_id who, enum party party, uint32_t subject)
{
    const struct act_made m = act_make_by(who, party, ACT_DRAIN, story.nodes[subject].id, 1, 9);

    act_give(at, &m);
    story_run(&story, 100 * MS_US);
}

/* Whoever hands it in, and at whichever node. */
TEST(only_an_admin_and_its_own_key_make_a_node_drain)
{
    begin(3);
    said_by(0, story_user_id(), PARTY_SUBMIT, 0);
    said_by(0, story_user_id(), PARTY_READ, 0);
    said_by(0, story.nodes[1].id, PARTY_NODE, 0);
    said_by(0, story.nodes[0].id, PARTY_ISSUER, 0);
    CHECK(!drain_is_on(core(0)));
    said_by(1, story.nodes[0].id, PARTY_NODE, 0);
    CHECK(!drain_is_on(core(0)));
    story.as = PARTY_READ;
    said_by(0, story.nodes[0].id, PARTY_NODE, 0);
    CHECK(drain_is_on(core(0)) && !drain_is_on(core(1)));
    CHECK_INT(core(1)->acts.count, 0);
    CHECK_INT(core(0)->acts.count, 0);
    CHECK(story_end(&story));
}

static void own_key_says(enum act_kind kind)
{
    const int64_t now_s = story.now.us / S_US;
    const struct act_made m =
        act_make_by(story.nodes[0].id, PARTY_NODE, kind, story.nodes[0].id, now_s, 9);

    act_give(0, &m);
    story_run(&story, 100 * MS_US);
}

static void check_leaves(bool on, bool leaves)
{
    CHECK_INT(drain_is_on(core(0)), on);
    CHECK_INT(core(0)->drain.leaves, leaves);
}

/* Time of the act that is later than what the user hands in; 0: he is told that all know it. */
static int64_t later_than(uint64_t user, enum act_kind kind, int64_t at_s)
{
    const struct act_made m = act_make(kind, story.nodes[0].id, at_s - STORY_WALL_S);
    const uint32_t request = act_hand_in(user, &m);
    const int code = story_code_within(&story, user, request, 6 * S_US);
    const struct story_answer *a = story_answer(&story, user, request);
    struct reply_error e;

    if (code == 0)
        return 0;
    REQUIRE(read_reply_error((struct bytes){a->data, a->len}, &e) == 0);
    CHECK_INT(e.exit_code, 1);
    return e.later_s;
}

/* Whatever their clocks are, and how often one of them is at it. */
TEST(who_orders_something_else_is_told_how_late_he_is_to_be)
{
    const int64_t now_s = STORY_WALL_S + 8, ahead_s = now_s + (int64_t)20 * 3600;
    uint64_t user;

    begin(3);
    user = story_user(&story, 1);
    CHECK_INT(later_than(user, ACT_DRAIN, ahead_s), 0);
    CHECK(drain_is_on(core(0)));
    CHECK_INT(later_than(user, ACT_RESUME, now_s), ahead_s);
    CHECK(drain_is_on(core(0)));
    CHECK_INT(later_than(user, ACT_RESUME, ahead_s + 1), 0);
    CHECK(!drain_is_on(core(0)));
    CHECK_INT(later_than(user, ACT_LEAVE, now_s), ahead_s + 1);
    CHECK_INT(later_than(user, ACT_LEAVE, ahead_s + 2), 0);
    CHECK(drain_is_on(core(0)));
    CHECK(story_end(&story));
}

/* Node 0 comes back to a part of the mesh that has an older order about it, or gets it late. */
TEST(what_its_own_key_said_is_undone_by_what_is_later_and_by_nothing_else)
{
    static const enum act_kind late[] = {ACT_RESUME, ACT_DRAIN};
    struct act_made m;
    int64_t now_s;

    for (size_t i = 0; i < sizeof late / sizeof *late; i++) {
        begin(3);
        own_key_says(ACT_LEAVE);
        check_leaves(true, true);
        now_s = story.now.us / S_US;
        m = act_make(late[i], story.nodes[0].id, now_s - 60);
        act_say(1, 0, &m);
        story_run(&story, 100 * MS_US);
        CHECK_INT(core(0)->acts.count, 1);
        check_leaves(true, true);
        m = act_make(late[i], story.nodes[0].id, now_s + 1);
        act_say(1, 0, &m);
        story_run(&story, 100 * MS_US);
        check_leaves(late[i] == ACT_DRAIN, false);
        CHECK(story_end(&story));
    }
}

/* Its clock is behind that of the admin who had it work again. */
TEST(its_own_key_is_heard_after_all_that_is_known)
{
    struct act_made m;

    begin(3);
    m = act_make(ACT_RESUME, story.nodes[0].id, 3600);
    act_say(1, 0, &m);
    story_run(&story, 100 * MS_US);
    own_key_says(ACT_DRAIN);
    check_leaves(true, false);
    own_key_says(ACT_RESUME);
    check_leaves(false, false);
    m = act_make(ACT_LEAVE, story.nodes[0].id, 3601);
    act_say(1, 0, &m);
    story_run(&story, 100 * MS_US);
    check_leaves(true, true);
    own_key_says(ACT_RESUME);
    check_leaves(true, true);
    CHECK(story_end(&story));
}

TEST_MAIN(jobs_go_to_others_and_another_leads, nothing_is_given_up_before_another_has_it,
          who_has_not_looked_yet_is_not_empty, what_is_damaged_and_nowhere_else_is_not_waited_for,
          objects_go_to_others,
          a_running_job_ends_while_its_coordinator_drains, it_takes_nothing_new_until_it_is_told_to,
          who_drains_alone_takes_no_job, a_restart_changes_nothing_of_it,
          it_learns_when_it_comes_back_that_it_may_work_again,
          whoever_is_to_leave_goes_when_it_is_empty,
          whoever_is_to_leave_does_not_go_in_the_middle_of_a_users_put,
          whoever_is_to_leave_answers_before,
          only_an_admin_and_its_own_key_make_a_node_drain,
          who_orders_something_else_is_told_how_late_he_is_to_be,
          what_its_own_key_said_is_undone_by_what_is_later_and_by_nothing_else,
          its_own_key_is_heard_after_all_that_is_known)
