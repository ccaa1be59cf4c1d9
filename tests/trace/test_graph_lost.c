/* Stories of jobs of several stages that yield objects: for whom these are kept, and what becomes
 * of the job when they are lost with the nodes that had them. */
#include "core/base/err.h"
#include "core/job/ledger.h"
#include "core/node/jobs.h"
#include "core/node/objects.h"
#include "tests/lib/parts.h"
#include "tests/lib/story_collect.h"

#define OUTPUTS 12

static struct story story;

static uint32_t of_much(uint64_t leaf)
{
    return 20000 + (uint32_t)leaf;
}

static void as_told(struct job_spec *spec, uint32_t number)
{
    (void)number;
    spec->slots_max = 0;
    parts_spec(spec, "work");
}

static void begin(uint32_t count)
{
    story_init(&story, count);
    story.ages.objects_bytes = 1 << 30;
    story.output = of_much;
    story.graphs = true;
    story.adjust = as_told;
    parts_begin();
    for (uint32_t i = 0; i < count; i++) {
        story.nodes[i].keeps_disk = true;
        story_start(&story, i);
    }
    for (uint32_t i = 1; i < count; i++)
        story_hint(&story, i, 0);
    story_run(&story, 2 * S_US);
}

static uint64_t covered_at(uint32_t i, struct job_id id)
{
    const struct job *j = job_find(story.nodes[i].core, id);

    return j == NULL || j->ledger == NULL ? 0 : cover_leaves(ledger_cover(j->ledger));
}

static void cover(uint32_t i, struct job_id id, uint64_t leaves)
{
    for (int k = 0; k < 8000 && covered_at(i, id) < leaves; k++)
        story_run(&story, MS_US);
    CHECK(covered_at(i, id) >= leaves);
}

static void lose(uint32_t i)
{
    story_kill(&story, i);
    story_restore(&story, i, NULL);
    sim_mover_clear(&story.nodes[i].mover);
    sim_mover_init(&story.nodes[i].mover, &story.heap.alloc, UINT64_MAX);
}

/* All but one, with their disks; new ones come in their place. */
static void lose_others(uint32_t left)
{
    for (uint32_t i = 0; i < story.count; i++)
        if (i != left)
            lose(i);
    for (uint32_t i = 0; i < story.count; i++) {
        if (i == left)
            continue;
        story_start(&story, i);
        story_hint(&story, i, left);
    }
}

/* The coordinator of a new job, where nothing that is made or got comes about. It may not even hear
 * of it. */
static uint32_t submitted_beside(struct job_id *id, bool hears)
{
    uint32_t left;

    *id = story_submitted(&story, 0, 1);
    left = story_leader(&story, *id);
    if (!hears)
        story_drop(&story, MESSAGE_OBJECT_KEEP, STORY_USER, left);
    story.nodes[left].mover_silent = true;
    return left;
}

static void lose_all_but(uint32_t left)
{
    lose_others(left);
    story_drop(&story, 0, 0, 0);
    story.nodes[left].mover_silent = false;
    story_mover_dies(&story, left);
}

static uint32_t kept_for(struct job_id id)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < story.count; i++)
        count += node_keeps_for(story.nodes[i].core, id);
    return count;
}

TEST(outputs_that_others_read_are_kept_for_their_job)
{
    struct job_id id;
    uint32_t leader;

    begin(3);
    parts_add(OUTPUTS, true);
    parts_need(parts_add(40, false), 0, 0);
    id = story_submitted(&story, 0, 1);
    leader = story_leader(&story, id);
    cover(leader, id, OUTPUTS + 1);
    CHECK(covered_at(leader, id) < OUTPUTS + 40);
    CHECK(kept_for(id) >= 2 * OUTPUTS);
    CHECK_INT(story_result(&story, 1, id, 30 * S_US).state, JOB_DONE);
    CHECK(kept_for(id) >= 2 * OUTPUTS);
    CHECK(story_end(&story));
}

/* The stage was complete, and its leaves are given out again. */
TEST(outputs_of_the_last_stage_that_are_lost_are_computed_again)
{
    struct collected c;
    struct job_id id;
    struct job_view v;
    uint64_t computed, had;
    uint32_t left;

    begin(4);
    parts_add(3, false);
    parts_need(parts_add(OUTPUTS, true), 0, 0);
    left = submitted_beside(&id, false);
    cover(left, id, 3 + OUTPUTS / 2);
    had = covered_at(left, id);
    CHECK(had < 3 + OUTPUTS);
    computed = story_leaves_computed(&story);
    lose_all_but(left);
    v = story_result(&story, left, id, 120 * S_US);
    CHECK_STR(v.error, "");
    CHECK_INT(v.state, JOB_DONE);
    REQUIRE(read_collected(v.result, &c) == 0);
    CHECK_INT(c.leaves, OUTPUTS);
    /* All outputs, and nothing of the stage before. */
    CHECK(story_leaves_computed(&story) - computed >= OUTPUTS - 1);
    CHECK(kept_for(id) >= 2 * OUTPUTS);
    CHECK(story_end(&story));
}

TEST(an_output_that_is_lost_before_it_was_read_fails_the_job_by_name)
{
    struct job_id id;
    struct job_view v;
    uint32_t left;

    begin(4);
    parts_add(OUTPUTS, true);
    parts_need(parts_add(8, false), 0, 0);
    left = submitted_beside(&id, true);
    cover(left, id, OUTPUTS);
    lose_all_but(left);
    v = story_result(&story, left, id, 240 * S_US);
    CHECK_INT(v.state, JOB_FAILED);
    CHECK(strstr(v.error, "is on no node that can be asked") != NULL);
    CHECK(strstr(v.error, "had it last") != NULL);
    CHECK(story_end(&story));
}

TEST_MAIN(outputs_that_others_read_are_kept_for_their_job,
          outputs_of_the_last_stage_that_are_lost_are_computed_again,
          an_output_that_is_lost_before_it_was_read_fails_the_job_by_name)
