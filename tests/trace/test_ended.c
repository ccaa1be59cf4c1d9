/* What a node keeps of jobs that have ended: their facts, and little else. */
#include "core/node/jobs.h"
#include "tests/lib/check.h"
#include "tests/lib/story.h"

static struct story story;

static struct job_id end_one(uint32_t number)
{
    struct job_id id = story_submitted(&story, 0, number);
    uint64_t user = story_user(&story, 0);

    story_ask_id(&story, user, MESSAGE_REQUEST_KILL, id);
    story_run(&story, S_US);
    story_leave(&story, user);
    return id;
}

/* One specification in the ledger, none beside it, and no room for other holders. */
TEST(an_ended_job_has_no_room_for_what_only_a_running_one_needs)
{
    struct job_id id;
    struct job *j;

    story_begin(&story, 3);
    id = end_one(1);
    for (uint32_t i = 0; i < 3; i++) {
        j = job_find(story.nodes[i].core, id);
        if (j == NULL)
            continue;
        CHECK(j->shrunk && j->lead == NULL);
        CHECK(j->own_spec == NULL && j->replicas == NULL);
        CHECK(j->spec == ledger_spec(j->ledger));
    }
    CHECK(story_end(&story));
}

/* What it must keep: itself, and the ledger with what it read (specification, outcome, the holders
 * and the one fact that names them), half a KiB of its own, and four facts with a certificate and a
 * signature each. A second specification or room for eight holders does not fit. What goes with a
 * job is what it had. */
TEST(an_ended_job_takes_so_much_memory)
{
    const size_t read =
        sizeof(struct job_spec) + sizeof(struct outcome) + 2 * sizeof(struct holders);
    const size_t most = sizeof(struct job) + read + 512 + 4 * (size_t)512;
    struct job_id id;
    size_t before;

    story_init(&story, 1);
    story_start(&story, 0);
    story_run(&story, S_US);
    id = end_one(1);
    before = story.heap.live_bytes;
    job_free(job_find(story.nodes[0].core, id));
    CHECK(before - story.heap.live_bytes > sizeof(struct job) + sizeof(struct job_spec));
    CHECK(before - story.heap.live_bytes <= most);
    CHECK(story_end(&story));
}

TEST_MAIN(an_ended_job_has_no_room_for_what_only_a_running_one_needs,
          an_ended_job_takes_so_much_memory)
