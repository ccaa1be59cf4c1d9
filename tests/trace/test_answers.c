/* A holder of many jobs is told what it does not believe of any of them: who tells it is answered
 * so many times a second, however many jobs he names, and others have as much. */
#include "core/node/answers.h"
#include "core/node/directory.h"
#include "core/node/jobs.h"
#include "core/node/place.h"
#include "tests/lib/check.h"
#include "tests/lib/rig.h"

#define HOLDER 0
#define STRANGER 1
#define OTHER 2
#define JOBS 24u
#define WORDS 16u /* a second */

static struct rig rig;
static struct rig_job jobs[JOBS];

static struct job *here(uint32_t i)
{
    return job_find(rig.node, jobs[i].id);
}

static void begin(void)
{
    rig_start(&rig, 1, false);
    rig_peer_up(&rig, HOLDER, 1);
    rig_peer_up(&rig, STRANGER, 1);
    rig_peer_up(&rig, OTHER, 1);
    for (uint32_t i = 0; i < JOBS; i++) {
        const struct rig_spec s = {.accumulator_size = 16, .leaves = 8, .nonce = (uint8_t)(i + 1)};

        rig_job_make(&rig, &jobs[i], s);
        rig_hold(&rig, HOLDER, &jobs[i]);
    }
    rig_run(&rig, 2 * S_US);
}

static void end(void)
{
    for (uint32_t i = 0; i < JOBS; i++)
        rig_job_clear(&jobs[i]);
    rig_stop(&rig);
}

static void tell_title(uint32_t peer, const struct rig_job *job)
{
    struct buf fact;

    buf_init(&fact, &rig.heap.alloc, FRAME_PAYLOAD_MAX);
    rig_put_claim(&rig, peer, job, 2, &fact);
    rig_tell(&rig, peer, job, 1, &fact);
    buf_clear(&fact);
}

/* Of all jobs; how often it was answered. */
static uint32_t answered(uint32_t peer)
{
    (void)rig_count(&rig, peer, MESSAGE_FACTS);
    for (uint32_t i = 0; i < JOBS; i++)
        tell_title(peer, &jobs[i]);
    return rig_count(&rig, peer, MESSAGE_FACTS);
}

TEST(one_peer_is_answered_so_often_however_many_jobs_it_names)
{
    begin();
    CHECK_INT(answered(STRANGER), WORDS);
    CHECK_INT(answered(STRANGER), 0);
    CHECK_INT(answered(OTHER), WORDS);
    rig_run(&rig, S_US);
    CHECK_INT(answered(STRANGER), WORDS);
    end();
}

TEST(holders_are_asked_once_a_second_for_each_peer_that_is_not_believed)
{
    begin();
    (void)rig_count(&rig, HOLDER, MESSAGE_SYNC);
    (void)answered(STRANGER);
    CHECK_INT(rig_count(&rig, HOLDER, MESSAGE_SYNC), 1);
    (void)answered(OTHER);
    (void)answered(STRANGER);
    CHECK_INT(rig_count(&rig, HOLDER, MESSAGE_SYNC), 1);
    end();
}

/* How it ended, and who has copies, as its coordinator counted them. */
static void tell_copies(uint32_t peer, const struct rig_job *job, uint64_t version)
{
    uint8_t room[1024];
    struct peer_entry p = {.version = version,
                           .epoch = 1,
                           .coordinator = rig.peers[HOLDER].id,
                           .ended_s = 1,
                           .holders_count = 1,
                           .holders = {rig.peers[HOLDER].id}};
    struct buf b;

    p.view = rig_view(&rig, job);
    p.view.state = JOB_CANCELLED;
    p.view.durable = p.view.machines = 2;
    buf_init_fixed(&b, room, sizeof room);
    put_u8(&b, 0);
    put_u16(&b, 1);
    put_peer_entry(&b, &p);
    rig_frame(&rig, peer, MESSAGE_DIRECTORY, &b);
}

/* Jobs that this node keeps, and of them those whose count is doubted. */
static uint32_t kept(bool doubted)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < JOBS; i++)
        count += here(i) != NULL && here(i)->settled && (!doubted || here(i)->miscounted);
    return count;
}

/* Somebody who has no copy tells of others. */
static void doubt(uint32_t i)
{
    const struct holders *h = here(i) == NULL ? NULL : ledger_holders(here(i)->ledger);

    if (h != NULL)
        tell_copies(holders_have(h, rig.peers[STRANGER].id) ? OTHER : STRANGER, &jobs[i],
                    directory_find(rig.node, jobs[i].id)->version + 1);
}

/* They are counted anew, which takes a copy to each holder. */
TEST(jobs_whose_counts_are_doubted_are_copied_one_after_the_other)
{
    const struct outcome cancelled = {.state = JOB_CANCELLED};
    uint32_t before;

    begin();
    for (uint32_t i = 0; i < JOBS; i++) {
        rig_tell_outcome(&rig, HOLDER, &jobs[i], &cancelled);
        tell_copies(HOLDER, &jobs[i], 1000);
    }
    rig_run(&rig, 60 * S_US);
    CHECK(kept(false) >= JOBS / 2);
    CHECK_INT(kept(true), 0);
    for (uint32_t i = 0; i < JOBS; i++)
        doubt(i);
    before = kept(true);
    CHECK(before >= JOBS / 4);
    for (uint32_t ms = 0; ms < 10000; ms += 50) {
        uint32_t now;

        rig_run(&rig, 50 * MS_US);
        now = kept(true);
        CHECK(now + 1 >= before);
        before = now;
    }
    CHECK_INT(before, 0);
    end();
}

static struct entry *ended_entry(void)
{
    const struct outcome cancelled = {.state = JOB_CANCELLED};

    rig_tell_outcome(&rig, HOLDER, &jobs[0], &cancelled);
    tell_copies(HOLDER, &jobs[0], 1000);
    rig_run(&rig, 60 * S_US);
    REQUIRE(here(0) != NULL && here(0)->settled && !here(0)->miscounted);
    return directory_find(rig.node, jobs[0].id);
}

/* What it says until then is not what they told. */
TEST(a_count_that_is_doubted_keeps_its_version_until_there_is_another)
{
    const struct entry *e;
    uint64_t version;

    begin();
    e = ended_entry();
    version = e->version;
    doubt(0);
    CHECK(here(0)->miscounted);
    CHECK_INT(e->version, version);
    rig_run(&rig, 10 * S_US);
    CHECK(!here(0)->miscounted);
    CHECK_INT(e->version, version + 2);
    end();
}

/* Nodes that heard both have the greater one. */
TEST(a_count_of_the_same_version_is_doubted_too)
{
    struct entry *e;
    uint64_t version;

    begin();
    e = ended_entry();
    version = e->version;
    e->holders_count = 0; /* less than what is told */
    tell_copies(STRANGER, &jobs[0], version);
    CHECK(here(0)->miscounted);
    rig_run(&rig, 10 * S_US);
    CHECK_INT(e->version, version + 1);
    end();
}

/* A full table is that of the last second only. */
TEST(many_peers_leave_room_for_others_a_second_later)
{
    begin();
    for (uint32_t i = 0; i < 2 * ANSWERED_MAX; i++) {
        const struct node_id id = {{7, (uint8_t)i}};

        CHECK(answers_may(rig.node, id, ANSWER_WORD) == (i < ANSWERED_MAX));
    }
    rig_run(&rig, 2 * S_US);
    CHECK(answers_may(rig.node, (struct node_id){{8}}, ANSWER_WORD));
    end();
}

TEST_MAIN(one_peer_is_answered_so_often_however_many_jobs_it_names,
          holders_are_asked_once_a_second_for_each_peer_that_is_not_believed,
          jobs_whose_counts_are_doubted_are_copied_one_after_the_other,
          a_count_that_is_doubted_keeps_its_version_until_there_is_another,
          a_count_of_the_same_version_is_doubted_too,
          many_peers_leave_room_for_others_a_second_later)
