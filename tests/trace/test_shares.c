/* Many submitters, few slots: how the node that coordinates their jobs shares what there is. */
#include "core/base/text.h"
#include "tests/lib/rig_inside.h"
#include "tests/lib/rig_turns.h"

#define LEAVES 4096

static struct rig_turns rig;
static uint32_t had[256]; /* turns, by the author's number */
static uint8_t author_of[TURN_JOBS_MAX];

static void begin(uint32_t slots)
{
    memset(had, 0, sizeof had);
    turns_start(&rig, slots);
}

static void end(void)
{
    turns_stop(&rig);
}

static void submit_jobs(uint8_t author, uint32_t count)
{
    while (count-- > 0)
        author_of[turns_submit(&rig, (struct rig_spec){.leaves = LEAVES, .author = author})] =
            author;
}

static struct turn take(void)
{
    struct turn t = turn_take(&rig);

    /* Each leaf takes a turn, so that none of the jobs is at its end soon. */
    t.c.end = t.c.first + 1;
    had[author_of[t.job]]++;
    return t;
}

static void take_turns(uint32_t count)
{
    while (count-- > 0)
        turn_work(&rig, take(), TURN_US);
}

TEST(test_who_has_a_hundred_jobs_has_no_more_turns)
{
    begin(1);
    submit_jobs(1, 100);
    submit_jobs(2, 1);
    submit_jobs(3, 5);
    take_turns(90);
    for (uint8_t i = 1; i <= 3; i++)
        CHECK(had[i] >= 29 && had[i] <= 31);
    end();
}

/* Leaves may take hours: whoever is next does not get all slots that become free at once. */
TEST(test_slots_that_are_free_at_once_are_shared)
{
    const struct rig_sent *s;
    struct peer_grant g;

    begin(0);
    submit_jobs(1, 3);
    submit_jobs(2, 1);
    rig_peer_up(&rig.rig, 1, 8);
    rig_run(&rig.rig, MS_US);
    while ((s = rig_take(&rig.rig, 1, MESSAGE_GRANT)) != NULL)
        if (read_peer_grant(s->payload, &g) == 0 && (g.flags & GRANT_KNOCK) == 0)
            had[author_of[turns_job(&rig, g.job)]]++;
    CHECK_INT(had[1], 4);
    CHECK_INT(had[2], 4);
    end();
}

/* It is time that is shared, not chunks: a leaf may be longer than a turn. */
TEST(test_who_has_long_leaves_has_fewer_turns)
{
    begin(1);
    submit_jobs(1, 1);
    submit_jobs(2, 1);
    for (uint32_t i = 0; i < 110; i++) {
        struct turn t = take();

        turn_work(&rig, t, author_of[t.job] == 1 ? 10 * TURN_US : TURN_US);
    }
    CHECK(had[1] >= 9 && had[1] <= 11);
    end();
}

/* Nor has he less, who was the only one before. */
TEST(test_who_comes_late_has_no_more_than_the_others)
{
    begin(1);
    submit_jobs(1, 2);
    take_turns(200);
    submit_jobs(2, 1);
    memset(had, 0, sizeof had);
    take_turns(4);
    CHECK(had[2] >= 1);
    take_turns(36);
    CHECK(had[1] >= 18 && had[1] <= 22);
    end();
}

/* Their jobs wait for a node that there is not, and they have had least. */
TEST(test_those_who_can_use_nothing_hold_up_nobody)
{
    struct rig_spec waits = {.leaves = LEAVES, .waits = true};
    struct turn t;

    begin(1);
    waits.demand.on = bytes_of_text("gpu");
    submit_jobs(1, 1);
    take_turns(8);
    for (uint8_t i = 0; i < 200; i++) {
        waits.author = (uint8_t)(2 + i);
        author_of[turns_submit(&rig, waits)] = waits.author;
    }
    take_turns(8);
    for (uint32_t i = 0; i < 20; i++) {
        t = take();
        turn_work(&rig, t, TURN_US);
        CHECK_INT(author_of[t.job], 1);
    }
    end();
}

/* Or, where it says why, it has it and cannot run it now. */
static void cannot_run(uint32_t peer, const char *why)
{
    struct peer_chunk c;
    uint8_t bytes[128];
    struct buf b;

    REQUIRE(rig_take_grant(&rig.rig, peer, &c));
    buf_init_fixed(&b, bytes, sizeof bytes);
    put_job_id(&b, rig.jobs[0].id);
    put_u8(&b, RETURN_NO_KERNEL);
    put_text(&b, why);
    put_u16(&b, 1);
    put_u64(&b, c.grant);
    rig_frame(&rig.rig, peer, MESSAGE_RETURN, &b);
}

static void lacks_the_kernel(uint32_t peer)
{
    cannot_run(peer, "");
}

/* What kept it from running it may be over, and it is not out for as long as the job lives. */
TEST(test_who_could_not_run_a_job_is_asked_again_later)
{
    begin(1);
    rig_peer_up(&rig.rig, 1, 1);
    submit_jobs(1, 1);
    rig_run(&rig.rig, MS_US);
    cannot_run(0, "no worker can be started");
    rig_run(&rig.rig, 55 * S_US);
    CHECK_INT(rig_count(&rig.rig, 0, MESSAGE_GRANT), 0);
    rig_run(&rig.rig, 10 * S_US);
    /* Who has not got it never will have it. */
    lacks_the_kernel(0);
    rig_run(&rig.rig, 200 * S_US);
    CHECK_INT(rig_count(&rig.rig, 0, MESSAGE_GRANT), 0);
    end();
}

/* This node has not got it either: the only job of a submitter ends while it is his turn, and he
 * wants nothing any more. */
TEST(test_a_job_that_no_node_can_run_fails_in_its_turn)
{
    begin(1);
    rig_peer_up(&rig.rig, 1, 1);
    submit_jobs(1, 1);
    rig_run(&rig.rig, MS_US);
    lacks_the_kernel(0);
    rig_run(&rig.rig, 400 * MS_US); /* and it may be asked for others again */
    CHECK_INT(rig_view(&rig.rig, &rig.jobs[0]).state, JOB_RUNNING);
    lacks_the_kernel(1);
    rig_run(&rig.rig, MS_US);
    CHECK_INT(rig_view(&rig.rig, &rig.jobs[0]).state, JOB_FAILED);
    submit_jobs(2, 1);
    rig_run(&rig.rig, 400 * MS_US);
    CHECK(rig_count(&rig.rig, 0, MESSAGE_GRANT) + rig_count(&rig.rig, 1, MESSAGE_GRANT) > 0);
    end();
}

/* Jobs of this submitter that somebody else coordinates, as peer 0 tells. */
static void told_of(uint8_t author, uint32_t count)
{
    struct peer_entry p = {
        .version = 1, .epoch = 1, .coordinator = rig.rig.peers[0].id, .holders_count = 1};
    struct buf b;

    p.holders[0] = rig.rig.peers[0].id;
    p.view.state = JOB_RUNNING;
    p.view.by = rig_id(author);
    text_copy(p.view.kernel, sizeof p.view.kernel, "work");
    for (uint32_t i = 0; i < count; i++) {
        store_u32(p.view.id.bytes, i + 1);
        buf_init(&b, &rig.rig.heap.alloc, FRAME_PAYLOAD_MAX);
        put_u8(&b, 0);
        put_u16(&b, 1);
        put_peer_entry(&b, &p);
        rig_frame(&rig.rig, 0, MESSAGE_DIRECTORY, &b);
        buf_clear(&b);
    }
}

/* Chunks that a full node lets in by turn: only who knocks gets any. */
static uint32_t let_in(int64_t within_us)
{
    struct turn t;
    uint32_t count = 0;

    for (int64_t us = 0; us < within_us; us += 10 * MS_US) {
        while (turn_next(&rig, &t))
            if (t.knock)
                count++;
            else
                turn_back(&rig, t, RETURN_BUSY);
        rig_run(&rig.rig, 10 * MS_US);
    }
    return count;
}

/* All slots are taken by jobs of others' coordinators. */
TEST(test_the_only_job_of_a_submitter_knocks_for_his_share_of_the_mesh)
{
    begin(8);
    told_of(1, 60);
    submit_jobs(2, 1);
    CHECK_INT(let_in(5 * S_US), 4);
    end();
    begin(8);
    told_of(2, 60);
    submit_jobs(2, 1);
    CHECK_INT(let_in(5 * S_US), 1);
    end();
}

TEST_MAIN(test_the_only_job_of_a_submitter_knocks_for_his_share_of_the_mesh,
          test_who_has_a_hundred_jobs_has_no_more_turns,
          test_slots_that_are_free_at_once_are_shared, test_who_has_long_leaves_has_fewer_turns,
          test_who_comes_late_has_no_more_than_the_others,
          test_those_who_can_use_nothing_hold_up_nobody,
          test_who_could_not_run_a_job_is_asked_again_later,
          test_a_job_that_no_node_can_run_fails_in_its_turn)
