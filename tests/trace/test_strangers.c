/* What a node may make another do that has no part in the jobs it tells of: to ask those whom it
 * names, so often a second; and how far numbers go that it drives up. */
#include "core/node/directory.h"
#include "core/node/jobs.h"
#include "core/node/left.h"
#include "core/node/place.h"
#include "core/node/take.h"
#include "tests/lib/check.h"
#include "tests/lib/rig_inside.h"
#include "tests/lib/rig_told.h"

#define PEERS 12u
#define JOBS 200u
#define HONEST 0
#define VICTIM 1
#define THIEF 2
#define A_SECOND 32u /* answers.c */

static struct rig rig;
static struct rig_job jobs[JOBS];
static uint32_t foreign; /* neither is a holder of so many; these come first */

static bool is_foreign(const struct rig_job *j)
{
    const struct job *here = job_find(rig.node, j->id);

    return !take_may_tell(here, rig.peers[THIEF].id) && !take_may_tell(here, rig.peers[VICTIM].id);
}

/* The node leads them all. */
static void begin(void)
{
    rig_start(&rig, 1, false);
    rig.strict = true;
    for (uint32_t i = 0; i < PEERS; i++)
        rig_peer_up(&rig, i, 1);
    rig_run(&rig, S_US);
    foreign = 0;
    for (uint32_t i = 0; i < JOBS; i++) {
        struct rig_job *j = &jobs[i];

        rig_job_make(
            &rig, j,
            (struct rig_spec){.nonce = (uint8_t)(1 + i), .leaves = 1, .accumulator_size = 16});
        rig_submit(&rig, HONEST, j);
        rig_run(&rig, 10 * MS_US);
        if (is_foreign(j)) {
            const struct rig_job before = jobs[foreign];

            jobs[foreign++] = *j;
            *j = before;
        }
    }
    REQUIRE(foreign > 3 * A_SECOND);
    rig_run(&rig, S_US);
    rig_count(&rig, VICTIM, MESSAGE_SYNC);
}

static void end(void)
{
    for (uint32_t i = 0; i < JOBS; i++)
        rig_job_clear(&jobs[i]);
    rig_stop(&rig);
}

static void tell(uint32_t peer, enum job_state state)
{
    for (uint32_t i = 0; i < foreign; i++) {
        struct peer_entry p = told_entry(&rig, 0, VICTIM);

        p.view.id = jobs[i].id;
        p.view.state = state;
        p.ended_s = job_state_is_final(state);
        p.epoch = 2;
        p.version = 100;
        told_one(&rig, peer, &p);
    }
}

TEST(whoever_tells_of_many_ends_has_few_asked_about_at_a_time)
{
    uint32_t first;

    begin();
    tell(THIEF, JOB_DIVERGENT);
    rig_run(&rig, 500 * MS_US);
    first = rig_count(&rig, VICTIM, MESSAGE_SYNC);
    CHECK(first > 0 && first <= A_SECOND);
    for (int i = 0; i < 10; i++) {
        rig_run(&rig, S_US);
        CHECK(rig_count(&rig, VICTIM, MESSAGE_SYNC) <= 2 * A_SECOND);
    }
    end();
}

TEST(whoever_names_another_coordinator_has_few_compared_with_him)
{
    begin();
    for (int i = 0; i < 10; i++) {
        tell(THIEF, JOB_RUNNING);
        rig_run(&rig, 100 * MS_US);
    }
    CHECK(rig_count(&rig, VICTIM, MESSAGE_SYNC) <= 2 * A_SECOND);
    /* Who says so of himself is. */
    tell(VICTIM, JOB_RUNNING);
    CHECK(rig_count(&rig, VICTIM, MESSAGE_SYNC) >= foreign);
    end();
}

static void leave(struct node *n, void *ctx)
{
    (void)ctx;
    left_note(n, told_id(1), UINT32_C(1) << 29);
}

static void leave_many(struct node *n, void *ctx)
{
    (void)ctx;
    for (uint32_t i = 0; i < LEFT_MAX; i++)
        left_note(n, told_id(100 + i), 2);
}

TEST(a_title_that_was_driven_up_is_no_other_jobs)
{
    rig_start(&rig, 1, false);
    rig_inside(&rig, leave, NULL);
    CHECK_INT(left_epoch(rig.node, told_id(1)), UINT32_C(1) << 29);
    CHECK_INT(left_epoch(rig.node, told_id(2)), 0);
    rig_inside(&rig, leave_many, NULL);
    CHECK_INT(left_epoch(rig.node, told_id(100)), 2);
    CHECK_INT(left_epoch(rig.node, told_id(1)), LEFT_OTHERS_MAX);
    CHECK_INT(left_epoch(rig.node, told_id(2)), LEFT_OTHERS_MAX);
    rig_stop(&rig);
}

TEST_MAIN(whoever_tells_of_many_ends_has_few_asked_about_at_a_time,
          whoever_names_another_coordinator_has_few_compared_with_him,
          a_title_that_was_driven_up_is_no_other_jobs)
