/* Many jobs, few slots: whose turn it is at the node that coordinates them. */
#include "core/node/peer.h"
#include "core/wire/frame.h"
#include "tests/lib/check.h"
#include "tests/lib/rig.h"

#define JOBS_MAX 250
#define TURN_US (500 * MS_US)

static struct rig rig;
static struct rig_job jobs[JOBS_MAX];
static uint32_t jobs_count;
static uint64_t seq;
static uint32_t turn_of[JOBS_MAX], turns; /* the last one of each */
static uint32_t knocks_refused;

/* A chunk that peer 0 was given. */
struct turn {
    uint32_t job;
    struct peer_chunk c;
    bool knock;
};

static void begin(void)
{
    jobs_count = 0;
    seq = turns = 0;
    memset(turn_of, 0, sizeof turn_of);
    rig_start(&rig, 1, false);
    rig_peer_up(&rig, 0, 1);
}

static void end(void)
{
    while (jobs_count > 0)
        rig_job_clear(&jobs[--jobs_count]);
    rig_stop(&rig);
}

static struct rig_job *make_job(uint64_t leaves)
{
    struct rig_job *j = &jobs[jobs_count++];

    rig_job_make(
        &rig, j,
        (struct rig_spec){.accumulator_size = 16, .leaves = leaves, .nonce = (uint8_t)jobs_count});
    return j;
}

static uint32_t submit(uint64_t leaves)
{
    rig_submit(&rig, 0, make_job(leaves));
    return jobs_count - 1;
}

static uint32_t job_number(struct job_id id)
{
    uint32_t i = 0;

    while (i < jobs_count && !job_id_equal(jobs[i].id, id))
        i++;
    REQUIRE(i < jobs_count);
    return i;
}

static bool next_turn(struct turn *t)
{
    const struct rig_sent *s;
    struct peer_grant g;

    while ((s = rig_take(&rig, 0, MESSAGE_GRANT)) != NULL) {
        REQUIRE(read_peer_grant(s->payload, &g) == 0);
        if (g.chunks == 0)
            continue;
        *t = (struct turn){job_number(g.job), read_peer_chunk(&g.rest),
                           (g.flags & GRANT_KNOCK) != 0};
        return true;
    }
    return false;
}

/* Peer 0 works for it, and its slot is free again. */
static void work(struct turn t, int64_t us)
{
    turn_of[t.job] = ++turns;
    rig_run(&rig, us);
    rig_report(&rig, 0, &jobs[t.job],
               (struct rig_report){.seq = ++seq,
                                   .grant = t.c.grant,
                                   .from = t.c.first,
                                   .next = t.c.end,
                                   .end = t.c.end,
                                   .compute_us = (uint64_t)us,
                                   .flags = REPORT_ENDED,
                                   .values = true,
                                   .size = 16});
    rig_run(&rig, MS_US);
}

static void give_back(struct turn t, uint8_t reason)
{
    struct buf b;

    buf_init(&b, &rig.heap.alloc, FRAME_PAYLOAD_MAX);
    put_job_id(&b, jobs[t.job].id);
    put_u8(&b, reason);
    put_text(&b, "");
    put_u16(&b, 1);
    put_u64(&b, t.c.grant);
    rig_frame(&rig, 0, MESSAGE_RETURN, &b);
    buf_clear(&b);
}

/* The slot's next: nobody is let in beside it. */
static struct turn take_turn(void)
{
    struct turn t;

    for (;;) {
        REQUIRE(next_turn(&t));
        if (!t.knock)
            return t;
        give_back(t, RETURN_FULL);
        knocks_refused++;
    }
}

/* How many turns others have before this job has its first; UINT32_MAX: more than that. */
static uint32_t turns_before(uint32_t job, uint32_t most)
{
    for (uint32_t i = 0; i <= most; i++) {
        struct turn t = take_turn();

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
        work(take_turn(), TURN_US);
}

TEST(test_new_job_waits_for_a_turn_not_for_a_round_of_all_others)
{
    begin();
    serve_all(120);
    for (uint32_t i = 0; i < 50; i++)
        work(take_turn(), TURN_US);
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
        while (next_turn(&t)) {
            knocks += t.knock && ms >= 2000 && t.job == job;
            give_back(t, t.knock ? RETURN_FULL : RETURN_BUSY);
        }
        rig_run(&rig, 10 * MS_US);
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
    rig_peer_up(&rig, 1, 0);
    serve_all(20);
    for (uint32_t i = 0; i < 100; i++)
        rig_hold(&rig, 1, make_job(4096));
    t = take_turn();
    rig_peer_dies(&rig, 1);
    rig_run(&rig, 20 * MS_US);
    job = submit(1);
    rig_run(&rig, 400 * MS_US);
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
    knocks_refused = 0;
    for (uint32_t i = 0; i < 200; i++) {
        struct turn t;

        if (i % 2 == 0)
            submit(64);
        t = take_turn();
        old += t.job < 100;
        in_order += t.job < 100 && has_waited_longest(t.job, 100);
        work(t, TURN_US / 8);
    }
    CHECK(old >= 90 && old <= 110);
    CHECK_INT(in_order, old);
    /* Who has a turn soon leaves knocking to those who have none. */
    CHECK_INT(knocks_refused, 0);
    end();
}

static uint32_t knocks_within(uint32_t ms)
{
    struct turn t;
    uint32_t knocks = 0;

    for (uint32_t i = 0; i < ms; i += 10) {
        while (next_turn(&t)) {
            knocks += t.knock;
            give_back(t, t.knock ? RETURN_FULL : RETURN_BUSY);
        }
        rig_run(&rig, 10 * MS_US);
    }
    return knocks;
}

TEST(test_old_jobs_knock_where_their_coordinator_has_no_slot)
{
    struct turn t;
    uint32_t knocks;

    begin();
    serve_all(100);
    t = take_turn();
    CHECK_INT(knocks_within(5000), 0);
    give_back(t, RETURN_BUSY);
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
        while (next_turn(&t)) {
            asked++;
            give_back(t, reason);
        }
        rig_run(&rig, 10 * MS_US);
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
    t = take_turn();
    rig_peer_up(&rig, 1, 1);
    for (uint32_t i = 0; i < 600 && s == NULL; i++) {
        rig_run(&rig, 100 * MS_US);
        s = rig_take(&rig, 1, MESSAGE_GRANT);
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
