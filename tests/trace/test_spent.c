/* Stories of values that nobody reads any more: every holder drops them, and whoever takes over, or
 * starts from a journal without them, goes on from what is left. */
#include "core/job/ledger.h"
#include "core/node/jobs.h"
#include "tests/lib/check.h"
#include "tests/lib/parts.h"
#include "tests/lib/story_collect.h"
#include "tests/lib/story_graph.h"
#include "tests/lib/story_worker.h"

static struct story story;
static struct job_spec made; /* of the job that was made last */

static uint32_t few(uint64_t leaf)
{
    return (uint32_t)(leaf * 7 % 90);
}

static void as_told(struct job_spec *spec, uint32_t number)
{
    (void)number;
    spec->slots_max = 0;
    parts_spec(spec, "work");
    made = *spec;
}

/* Two short stages, and a long one that reads the second. */
static struct job_id begun(void)
{
    story_init(&story, 3);
    story.ages.objects_bytes = 1 << 30;
    story.output = few;
    story.graphs = true;
    story.adjust = as_told;
    for (uint32_t i = 0; i < story.count; i++) {
        story.nodes[i].keeps_disk = true;
        story_start(&story, i);
    }
    for (uint32_t i = 1; i < story.count; i++)
        story_hint(&story, i, 0);
    story_run(&story, 2 * S_US);
    parts_begin();
    parts_add(9, true);
    parts_need(parts_add(5, false), 0, 0);
    parts_need(parts_add(400, false), 1, 0);
    return story_submitted(&story, 0, 1);
}

static struct cover *cover_at_node(uint32_t i, struct job_id id)
{
    const struct job *j = job_find(story.nodes[i].core, id);

    return j == NULL || j->ledger == NULL ? NULL : ledger_cover(j->ledger);
}

static bool all_have_dropped(struct job_id id)
{
    for (uint32_t i = 0; i < story.count; i++) {
        const struct cover *c = cover_at_node(i, id);

        if (c == NULL || !cover_is_spent(c, 0) || cover_is_spent(c, 1))
            return false;
    }
    return true;
}

static void wait_for_that(struct job_id id)
{
    for (int k = 0; k < 4000 && !all_have_dropped(id); k++)
        story_run(&story, MS_US);
    CHECK(all_have_dropped(id));
    for (uint32_t i = 0; i < story.count; i++)
        CHECK(cover_leaves(cover_at_node(i, id)) < parts_leaves());
}

static void check_result(uint32_t i, struct job_id id)
{
    struct job_view v = story_result(&story, i, id, 60 * S_US);

    story_check_graph(&v, &made, few);
    CHECK_INT(v.leaves_done, parts_leaves());
}

TEST(every_holder_drops_what_was_read_to_its_end)
{
    struct job_id id = begun();

    wait_for_that(id);
    check_result(1, id);
    CHECK_INT(story_leaves_computed(&story), parts_leaves());
    CHECK(story_end(&story));
}

TEST(who_takes_over_computes_nothing_of_it_again)
{
    struct job_id id = begun();
    uint32_t leader = story_leader(&story, id);

    wait_for_that(id);
    story_kill(&story, leader);
    story_run(&story, 8 * S_US);
    story_start(&story, leader);
    story_hint(&story, leader, (leader + 1) % 3);
    check_result((leader + 1) % 3, id);
    CHECK(story_leaves_computed(&story) < parts_leaves() + 60);
    CHECK(story_end(&story));
}

TEST(holders_that_all_come_back_go_on_without_it)
{
    struct job_id id = begun();

    wait_for_that(id);
    for (uint32_t i = 0; i < story.count; i++)
        story_kill(&story, i);
    for (uint32_t i = 0; i < story.count; i++) {
        story_start(&story, i);
        CHECK(cover_at_node(i, id) != NULL && cover_is_spent(cover_at_node(i, id), 0));
    }
    for (uint32_t i = 1; i < story.count; i++)
        story_hint(&story, i, 0);
    check_result(2, id);
    CHECK(story_end(&story));
}

TEST_MAIN(every_holder_drops_what_was_read_to_its_end, who_takes_over_computes_nothing_of_it_again,
          holders_that_all_come_back_go_on_without_it)
