/* Many jobs, few slots: whose turn it is at the node that coordinates them. */
#include "tests/lib/rig_turns.h"

static struct rig_turns rig;
static uint32_t turn_of[TURN_JOBS_MAX], turns; /* the last one of each */

static void begin(void)
{
    turns = 0;
    memset(turn_of, 0, sizeof turn_of);
    turns_start(&rig, 1);
}

static void end(void)
{
    turns_stop(&rig);
}

static struct rig_job *make_job(uint64_t leaves)
{
    return turns_make(&rig, (struct rig_spec){.leaves = leaves});
}

static uint32_t submit(uint64_t leaves)
{
    return turns_submit(&rig, (struct rig_spec){.leaves = leaves});
}

static void work(struct turn t, int64_t us)
{
    turn_of[t.job] = ++turns;
    turn_work(&rig, t, us);
}

/* How many turns others have before this job has its first; UINT32_MAX: more than that. */
static uint32_t turns_before(uint32_t job, uint32_t most)
{
    for (uint32_t i = 0; i <= most; i++) {
        struct turn t = turn_take(&rig);

        work(t, TURN_US);
        if (t.job == job)
            return i;
    }
    return UINT32_MAX;
}

/* So many jobs that are not new any more: each was served for some turns. */
static void serve_all(uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        submit(4096);
    for (uint32_t i = 0; i < 4 * count; i++)
        work(turn_take(&rig), TURN_US);
}

TEST(test_new_job_waits_for_a_turn_not_for_a_round_of_all_others)
{
    begin();
    serve_all(120);
    for (uint32_t i = 0; i < 50; i++)
        work(turn_take(&rig), TURN_US);
    for (uint32_t i = 0; i < 10; i++)
        CHECK(turns_before(submit(1), 40) <= 3);
    end();
}

/* Another coordinator's jobs have the only slot, and what is offered comes back. */
TEST(test_new_job_among_many_knocks)
{
    struct turn t;
    uint32_t job = 0, knocks = 0;

    begin();
    for (uint32_t i = 0; i < 200; i++)
        submit(4096);
    for (uint32_t ms = 0; ms < 5000; ms += 10) {
        if (ms == 2000)
            job = submit(1);
        while (turn_next(&rig, &t)) {
            knocks += t.knock && ms >= 2000 && t.job == job;
            turn_back(&rig, t, t.knock ? RETURN_FULL : RETURN_BUSY);
        }
        rig_run(&rig.rig, 10 * MS_US);
    }
    CHECK(knocks >= 3);
    end();
}

/* Their coordinator dies; nobody has had anything of them so far. */
TEST(test_jobs_that_are_taken_over_are_not_newer_than_a_new_one)
{
    struct turn t;
    uint32_t job;

    begin();
    rig_peer_up(&rig.rig, 1, 0);
    serve_all(20);
    for (uint32_t i = 0; i < 100; i++)
        rig_hold(&rig.rig, 1, make_job(4096));
    t = turn_take(&rig);
    rig_peer_dies(&rig.rig, 1);
    rig_run(&rig.rig, 20 * MS_US);
    job = submit(1);
    rig_run(&rig.rig, 400 * MS_US);
    work(t, TURN_US);
    CHECK(turns_before(job, 40) <= 3);
    end();
}

/* Of these jobs, the first so many, nobody has waited for longer. */
static bool has_waited_longest(uint32_t job, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        if (turn_of[i] < turn_of[job])
            return false;
    return true;
}

TEST(test_old_jobs_have_every_second_turn_however_many_are_new)
{
    uint32_t old = 0, in_order = 0;

    begin();
    serve_all(100);
    rig.knocks_refused = 0;
    for (uint32_t i = 0; i < 200; i++) {
        struct turn t;

        if (i % 2 == 0)
            submit(64);
        t = turn_take(&rig);
        old += t.job < 100;
        in_order += t.job < 100 && has_waited_longest(t.job, 100);
        work(t, TURN_US / 8);
    }
    CHECK(old >= 90 && old <= 110);
    CHECK_INT(in_order, old);
    /* Who has a turn soon leaves knocking to those who have none. */
    CHECK_INT(rig.knocks_refused, 0);
    end();
}

static uint32_t knocks_within(uint32_t ms)
{
    struct turn t;
    uint32_t knocks = 0;

    for (uint32_t i = 0; i < ms; i += 10) {
        while (turn_next(&rig, &t)) {
            knocks += t.knock;
            turn_back(&rig, t, t.knock ? RETURN_FULL : RETURN_BUSY);
        }
        rig_run(&rig.rig, 10 * MS_US);
    }
    return knocks;
}

TEST(test_old_jobs_knock_where_their_coordinator_has_no_slot)
{
    struct turn t;
    uint32_t knocks;

    begin();
    serve_all(100);
    t = turn_take(&rig);
    CHECK_INT(knocks_within(5000), 0);
    turn_back(&rig, t, RETURN_BUSY);
    knocks = knocks_within(5000);
    CHECK(knocks >= 5 && knocks <= 5000 / 300 + 1);
    end();
}

/* How often the node is asked in two seconds, if it gives back each time for this reason. */
static uint32_t asked_within_two_seconds(uint8_t reason)
{
    struct turn t;
    uint32_t asked = 0;

    begin();
    submit(4096);
    for (uint32_t ms = 0; ms < 2000; ms += 10) {
        while (turn_next(&rig, &t)) {
            asked++;
            turn_back(&rig, t, reason);
        }
        rig_run(&rig.rig, 10 * MS_US);
    }
    end();
    return asked;
}

TEST(test_node_that_waits_for_confirmation_is_asked_again_soon)
{
    CHECK(asked_within_two_seconds(RETURN_BUSY) <= 6);
    CHECK(asked_within_two_seconds(RETURN_UNKEPT) >= 12);
}

/* The node that has it is told, so that it can end it for whatever comes. */
TEST(test_spare_copy_is_granted_as_one)
{
    const struct rig_sent *s = NULL;
    struct peer_grant g;
    struct turn t;

    begin();
    submit(1);
    t = turn_take(&rig);
    rig_peer_up(&rig.rig, 1, 1);
    for (uint32_t i = 0; i < 600 && s == NULL; i++) {
        rig_run(&rig.rig, 100 * MS_US);
        s = rig_take(&rig.rig, 1, MESSAGE_GRANT);
    }
    REQUIRE(s != NULL && read_peer_grant(s->payload, &g) == 0);
    CHECK_INT(read_peer_chunk(&g.rest).first, t.c.first);
    CHECK_INT(g.flags & GRANT_SPARE, GRANT_SPARE);
    end();
}

TEST_MAIN(test_spare_copy_is_granted_as_one,
          test_node_that_waits_for_confirmation_is_asked_again_soon,
          test_new_job_waits_for_a_turn_not_for_a_round_of_all_others,
          test_jobs_that_are_taken_over_are_not_newer_than_a_new_one,
          test_old_jobs_have_every_second_turn_however_many_are_new, test_new_job_among_many_knocks,
          test_old_jobs_knock_where_their_coordinator_has_no_slot)
