/* What a coordinator takes for kept by the other holders: what they have said that they synced, and
 * nothing that they have not. */
#include "core/node/jobs.h"
#include "core/node/state.h"
#include "tests/lib/rig.h"
#include "tests/lib/story_copies.h"

static struct rig rig;
static struct rig_job job;
static struct story story;

/* The holder says that it keeps all up to this batch, or that it could not take all of it. */
static void says_of_batch(uint64_t batch, bool refused)
{
    uint8_t bytes[64];
    struct buf b;

    buf_init_fixed(&b, bytes, sizeof bytes);
    put_job_id(&b, job.id);
    put_u64(&b, batch);
    put_u8(&b, refused);
    rig_frame(&rig, 0, MESSAGE_FACTS_KEPT, &b);
    rig_run(&rig, 1000);
}

/* Whatever else it says of what was under way. */
TEST(what_a_holder_refused_is_not_kept_before_it_is_shown_again)
{
    rig_start(&rig, 1, false);
    rig_peer_up(&rig, 0, 1);
    rig.peers[0].mute = true;
    rig_job_make(&rig, &job, (struct rig_spec){.accumulator_size = 16, .leaves = 64});
    rig_submit(&rig, 0, &job);
    says_of_batch(1, true);
    says_of_batch(1, false);
    CHECK_INT(rig_view(&rig, &job).durable, 1);
    rig.peers[0].mute = false;
    rig_run(&rig, 1500 * MS_US);
    CHECK_INT(rig_view(&rig, &job).durable, 2);
    rig_job_clear(&job);
    rig_stop(&rig);
}

/* It has all but the end, and says that its disk takes nothing when that is to be written: the
 * others go on without it. */
TEST(a_copy_without_the_end_is_no_copy_of_the_end)
{
    uint32_t leader, broken;
    struct job_id id;
    struct job *j;

    story_begin(&story, 3);
    id = story_submitted(&story, 0, 1);
    story_run(&story, S_US);
    leader = story_leader(&story, id);
    broken = leader == 0 ? 1 : 0;
    j = job_find(story.nodes[leader].core, id);
    story.nodes[broken].stuck = true;
    story_ask_id(&story, story_user(&story, leader), MESSAGE_REQUEST_KILL, id);
    story_run(&story, 100 * MS_US);
    CHECK(job_is_final(j) && !j->settled);
    story.nodes[broken].core->disk_full = true;
    for (int k = 0; k < 1000 && !j->settled; k++)
        story_run(&story, MS_US);
    CHECK(j->settled);
    CHECK_INT(j->copies, 2);
    CHECK(story_end(&story));
}

TEST_MAIN(what_a_holder_refused_is_not_kept_before_it_is_shown_again,
          a_copy_without_the_end_is_no_copy_of_the_end)
