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

/* A chunk that peer 0 was given. */
struct turn {
    uint32_t job;
    struct peer_chunk c;
    bool knock;
};

static void begin(void)
{
    jobs_count = 0;
    seq = 0;
    rig_start(&rig, 1, false);
    rig_peer_up(&rig, 0, 1);
}

static void end(void)
{
    while (jobs_count > 0)
        rig_job_clear(&jobs[--jobs_count]);
    rig_stop(&rig);
}

static uint32_t submit(uint64_t leaves)
{
    struct rig_job *j = &jobs[jobs_count];

    rig_job_make(&rig, j,
                 (struct rig_spec){
                     .accumulator_size = 16, .leaves = leaves, .nonce = (uint8_t)(jobs_count + 1)});
    rig_submit(&rig, 0, j);
    return jobs_count++;
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

/* How many turns others have before this job has its first; UINT32_MAX: more than that. */
static uint32_t turns_before(uint32_t job, uint32_t most)
{
    struct turn t;

    for (uint32_t i = 0; i <= most; i++) {
        REQUIRE(next_turn(&t));
        work(t, TURN_US);
        if (t.job == job)
            return i;
    }
    return UINT32_MAX;
}

/* So many jobs that are not new any more: each was served for a turn, or two. */
static void serve_all(uint32_t count)
{
    struct turn t;

    for (uint32_t i = 0; i < count; i++)
        submit(4096);
    for (uint32_t i = 0; i < 2 * count; i++) {
        REQUIRE(next_turn(&t));
        work(t, TURN_US);
    }
}

TEST(test_new_job_waits_for_a_turn_not_for_a_round_of_all_others)
{
    struct turn t;

    begin();
    serve_all(120);
    for (uint32_t i = 0; i < 50; i++) {
        REQUIRE(next_turn(&t));
        work(t, TURN_US);
    }
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

TEST(test_old_jobs_have_every_second_turn_however_many_are_new)
{
    bool served[50] = {false};
    uint32_t old = 0, count = 0;
    struct turn t;

    begin();
    serve_all(50);
    for (uint32_t i = 0; i < 180; i++) {
        submit(64);
        REQUIRE(next_turn(&t));
        old += t.job < 50;
        if (t.job < 50)
            served[t.job] = true;
        work(t, TURN_US / 8);
    }
    for (uint32_t i = 0; i < 50; i++)
        count += served[i];
    CHECK(old >= 60);
    CHECK_INT(count, 50);
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
    REQUIRE(next_turn(&t));
    CHECK_INT(knocks_within(5000), 0);
    give_back(t, RETURN_BUSY);
    knocks = knocks_within(5000);
    CHECK(knocks >= 5 && knocks <= 5000 / 300 + 1);
    end();
}

TEST_MAIN(test_new_job_waits_for_a_turn_not_for_a_round_of_all_others,
          test_old_jobs_have_every_second_turn_however_many_are_new, test_new_job_among_many_knocks,
          test_old_jobs_knock_where_their_coordinator_has_no_slot)
