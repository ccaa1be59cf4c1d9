/* What waits for the disk: there is room for so much of it, and what is done after a sync is done
 * in several steps. */
#include "core/node/jobs.h"
#include "core/node/record.h"
#include "tests/lib/check.h"
#include "tests/lib/rig.h"

#define ROOM 8u
#define MANY 500u

static struct rig rig;
static struct rig_job job, led;

/* A job of peer 0's that this node holds, and nothing of it is synced. */
static void begin(void)
{
    rig_start(&rig, 1, false);
    rig_peer_up(&rig, 0, 1);
    rig_job_make(&rig, &job, (struct rig_spec){.nonce = 1, .accumulator_size = 16, .leaves = 8});
    rig.syncs_late = true;
    rig_hold(&rig, 0, &job);
    (void)rig_count(&rig, 0, MESSAGE_FACTS_KEPT);
}

static void end(void)
{
    rig_synced(&rig);
    rig_run(&rig, 100 * MS_US);
    CHECK_INT(rig.node->waits_count, 0);
    rig_job_clear(&job);
    rig_stop(&rig);
}

/* Its coordinator wants to know whether all up to these batches is kept. */
static void ask_kept(uint64_t first, uint64_t count)
{
    uint8_t bytes[128];
    struct buf b;

    for (uint64_t i = 0; i < count; i++) {
        buf_init_fixed(&b, bytes, sizeof bytes);
        put_facts_begin(&b, job.id, first + i, false, 0);
        rig_frame(&rig, 0, MESSAGE_FACTS, &b);
    }
}

/* How many answers there are: kept, or refused. */
static uint32_t answers(bool refused)
{
    const struct rig_sent *s;
    uint32_t count[2] = {0, 0};

    while ((s = rig_take(&rig, 0, MESSAGE_FACTS_KEPT)) != NULL)
        count[s->payload.data[s->payload.len - 1] != 0]++;
    CHECK_INT(count[!refused], 0);
    return count[refused];
}

TEST(while_a_disk_hangs_so_many_are_waited_for_and_others_refused)
{
    begin();
    rig.node->limits.waits = ROOM;
    ask_kept(2, 3 * ROOM);
    CHECK(rig.node->waits_count <= ROOM);
    CHECK(answers(true) >= 2 * ROOM);
    rig_run(&rig, 10 * S_US);
    CHECK_INT(answers(false), 0);
    rig_synced(&rig);
    CHECK(answers(false) > 0);
    /* What was refused is taken now. */
    ask_kept(2 + 3 * ROOM, 1);
    CHECK_INT(answers(false), 1);
    end();
}

/* What it leads itself goes on: each job has a place, whoever else waits. */
TEST(a_job_led_here_finds_a_place_among_the_waits)
{
    begin();
    rig.node->limits.waits = ROOM;
    ask_kept(2, 3 * ROOM);
    (void)answers(true);
    rig_job_make(&rig, &led, (struct rig_spec){.nonce = 2, .accumulator_size = 16, .leaves = 8});
    rig_submit(&rig, 0, &led);
    CHECK(!job_find(rig.node, led.id)->own_synced);
    rig_synced(&rig);
    rig_run(&rig, S_US);
    CHECK(job_find(rig.node, led.id)->own_synced);
    CHECK(job_find(rig.node, led.id)->batches == NULL);
    rig_job_clear(&led);
    end();
}

TEST(what_waited_for_one_sync_follows_in_several_steps)
{
    begin();
    ask_kept(2, MANY);
    CHECK(rig.node->waits_count >= MANY);
    rig_synced(&rig);
    CHECK(answers(false) <= node_limits_usual.waits_run);
    CHECK(waits_are_due(rig.node) && node_due(rig.node).us <= rig.now.us);
    rig_run(&rig, MS_US);
    CHECK(!waits_are_due(rig.node));
    CHECK(answers(false) >= MANY - node_limits_usual.waits_run);
    end();
}

TEST_MAIN(while_a_disk_hangs_so_many_are_waited_for_and_others_refused,
          a_job_led_here_finds_a_place_among_the_waits,
          what_waited_for_one_sync_follows_in_several_steps)
