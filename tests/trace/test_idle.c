/* How often a node wakes that has nothing to do: an idle mesh costs what its members' probes cost,
 * whatever it has done before. And how late it came to what was due. */
#include "core/node/jobs.h"
#include "core/node/lag.h"
#include "core/node/state.h"
#include "tests/lib/check.h"
#include "tests/lib/rig_inside.h"
#include "tests/lib/story_copies.h"

#define NODES 5u
#define CALM_S 20
#define WATCH_S 60
/* Of its own timer, beyond what it does without any job: a look at what is kept, or a comparison,
 * now and then. Rounds would be 20 a second. */
#define MORE_MAX 12u

static struct story story;

/* So often the node that woke most did so, of those from this one on. */
static uint32_t woken_most(uint32_t from, int64_t us)
{
    uint32_t most = 0;

    for (uint32_t i = 0; i < story.count; i++)
        story.nodes[i].woken = 0;
    story_run(&story, us);
    for (uint32_t i = from; i < story.count; i++)
        if (story.nodes[i].core != NULL && story.nodes[i].woken > most)
            most = story.nodes[i].woken;
    return most;
}

static uint32_t woken_without_a_job(int64_t us)
{
    uint32_t woken;

    story_begin(&story, NODES);
    story_run(&story, CALM_S * S_US);
    woken = woken_most(0, us);
    CHECK(story_end(&story));
    return woken;
}

TEST(a_job_that_has_ended_wakes_nobody)
{
    uint32_t without = woken_without_a_job(WATCH_S * S_US);

    story_begin(&story, NODES);
    for (uint32_t k = 1; k <= 20; k++)
        story_ended(&story, k);
    story_run(&story, CALM_S * S_US);
    CHECK(without > WATCH_S);
    CHECK(woken_most(0, WATCH_S * S_US) <= without + MORE_MAX);
    CHECK(story_end(&story));
}

/* Who led it first is dead, so that its holders compare it once more two seconds after its end; and
 * a second after it they look whether there are enough copies. There is nothing to do before; only
 * the user's node waits for the dead one. */
TEST(who_waits_to_compare_an_ended_job_sleeps_until_then)
{
    uint32_t without = woken_without_a_job(5 * S_US), syncs;
    uint64_t user;

    story_begin(&story, NODES);
    story_run(&story, CALM_S * S_US);
    story_kill(&story, story_leader(&story, story_submitted(&story, 0, 1)));
    story_run(&story, 2 * CALM_S * S_US);
    REQUIRE(story.nodes[0].core != NULL);
    user = story_user(&story, 0);
    story_ask_id(&story, user, MESSAGE_REQUEST_KILL, story_job(&story, 1));
    story_run(&story, S_US);
    syncs = story.sent[MESSAGE_SYNC];
    story_leave(&story, user);
    CHECK(woken_most(1, 5 * S_US) <= without + MORE_MAX);
    CHECK(story.sent[MESSAGE_SYNC] > syncs);
    CHECK(story_end(&story));
}

/* Nobody has its kernel, so that it waits. */
TEST(a_holder_of_a_job_that_another_coordinates_sleeps)
{
    uint32_t without = woken_without_a_job(WATCH_S * S_US), leader;

    story_begin(&story, NODES);
    leader = story_leader(&story, story_submitted(&story, 0, 1));
    story_run(&story, CALM_S * S_US);
    for (uint32_t i = 0; i < NODES; i++)
        story.nodes[i].woken = 0;
    story_run(&story, WATCH_S * S_US);
    for (uint32_t i = 0; i < NODES; i++)
        CHECK(i == leader || story.nodes[i].woken <= without + WATCH_S / 5 + MORE_MAX);
    CHECK(story_end(&story));
}

static struct rig rig;
static struct rig_job job;

/* The round after this one comes so much later. */
static int64_t next_round_us(void)
{
    return instant_since_us(rig.node->round_at, rig.now);
}

TEST(a_node_that_computes_a_long_leaf_sleeps)
{
    rig_start(&rig, 1, true);
    rig_peer_up(&rig, 0, 1);
    rig_job_make(&rig, &job, (struct rig_spec){.accumulator_size = 16, .leaves = 64});
    rig_grant(&rig, 0, &job, 1, (struct peer_chunk){1, 0, 8});
    REQUIRE(rig_take_order(&rig, MESSAGE_ORDER_RUN) != NULL);
    rig_run(&rig, CALM_S * S_US);
    CHECK(rig.node->labour_jobs != NULL && rig.node->labour_jobs->labour->chunks != NULL);
    CHECK(next_round_us() > LEAF_LIMIT_US / 2);
    rig_job_clear(&job);
    rig_stop(&rig);
}

static void late(int64_t us)
{
    struct event ev = {.kind = EVENT_TICK, .tick = {us}};

    rig_event(&rig, &ev);
}

TEST(a_node_that_came_late_says_so_for_a_while)
{
    rig_start(&rig, 1, true);
    late(-5000);
    CHECK_INT(lag_recent_us(rig.node), 0);
    late(7000);
    late(3000);
    CHECK_INT(lag_recent_us(rig.node), 7000);
    rig_run(&rig, 35 * S_US);
    late(2000);
    CHECK_INT(lag_recent_us(rig.node), 7000);
    rig_run(&rig, 35 * S_US);
    CHECK_INT(lag_recent_us(rig.node), 2000);
    rig_run(&rig, 70 * S_US);
    CHECK_INT(lag_recent_us(rig.node), 0);
    rig_stop(&rig);
}

TEST_MAIN(a_job_that_has_ended_wakes_nobody, who_waits_to_compare_an_ended_job_sleeps_until_then,
          a_holder_of_a_job_that_another_coordinates_sleeps,
          a_node_that_computes_a_long_leaf_sleeps, a_node_that_came_late_says_so_for_a_while)
