/* Stories of outputs that have their names and are not in place yet: their workers go on, and they
 * do not count. */
#include "core/node/jobs.h"
#include "core/node/labour_output.h"
#include "core/node/making.h"
#include "core/node/objects.h"
#include "tests/lib/story_collect.h"
#include "tests/lib/story_copies.h"

static struct story story;

static uint32_t of_little(uint64_t leaf)
{
    return 2000 + (uint32_t)leaf;
}

static void begin(uint32_t count)
{
    story_init(&story, count);
    story.ages.objects_bytes = 1 << 30;
    story_collect_begin(&story, of_little, false);
    story.adjust = story_collects_many;
}

static struct digest output_name(uint64_t leaf)
{
    uint32_t size = story.output(leaf);

    for (uint32_t k = 0; k < size; k++)
        story_collect.got[k] = story_output_byte(leaf, k);
    return object_name_of((struct bytes){story_collect.got, size});
}

/* One by one, as each worker's node keeps in mind how many of its outputs are not settled. */
static bool all_are_counted(void)
{
    bool right = true;

    for (uint32_t i = 0; i < story.count; i++)
        for (const struct worker *w = story.nodes[i].core->workers; w != NULL; w = w->next) {
            const struct making_set *set = &story.nodes[i].core->objects->makings;
            uint32_t count = 0;

            for (int state = MAKING_NAMED; state <= MAKING_WRITTEN; state++)
                for (const struct making *m = set->queues[state].first; m != NULL;
                     m = m->queue.next)
                    count += m->who == w->number;
            right &= w->outputs_unsettled == count && count <= LABOUR_OUTPUTS_AHEAD + 1;
        }
    return right;
}

/* A node of which one is far from the end of its chunk, or NULL. */
static struct story_node *with_names_only(void)
{
    for (uint32_t i = 0; i < story.count; i++)
        for (struct worker *w = story.nodes[i].core->workers; w != NULL; w = w->next)
            if (w->chunk != NULL && w->output_leaf + 8 < w->chunk->end &&
                story.nodes[i].core->objects->makings.queues[MAKING_NAMED].count > 0)
                return &story.nodes[i];
    return NULL;
}

/* Its worker goes on, and then the disk does not take what has a name already. */
TEST(an_output_that_has_a_name_only_is_not_counted)
{
    struct story_node *at = NULL;
    struct job_id id;

    begin(3);
    for (uint32_t i = 0; i < story.count; i++)
        story.nodes[i].core->limits.round_us = MS_US; /* a chunk is longer */
    id = story_submitted(&story, 1, 1);
    for (int k = 0; k < 20000 && (at = with_names_only()) == NULL; k++)
        story_run(&story, MS_US);
    REQUIRE(at != NULL);
    at->mover.no_sync = true;
    for (int k = 0; k < 20000 && story_leaves_counted(&story, id) < 600; k++) {
        story_run(&story, MS_US);
        CHECK(all_are_counted());
    }
    CHECK(story_leaves_counted(&story, id) >= 600);
    for (uint64_t leaf = 0; leaf < 5000; leaf++)
        CHECK(!story_is_counted(&story, id, leaf) ||
              story_whole_at(&story, 0, output_name(leaf)) != NULL ||
              story_whole_at(&story, 1, output_name(leaf)) != NULL ||
              story_whole_at(&story, 2, output_name(leaf)) != NULL);
    CHECK(story_end(&story));
}

static bool any_gets_its_name(void)
{
    for (uint32_t i = 0; i < story.count; i++)
        for (const struct making *m =
                 making_set_first(&story.nodes[i].core->objects->makings, MAKING_OPEN);
             m != NULL; m = m->queue.next)
            if (m->finishing && m->may_wait)
                return true;
    return false;
}

TEST(a_job_that_is_killed_while_outputs_get_their_names_leaves_nothing_with_the_mover)
{
    struct job_id id;
    uint64_t user;
    uint32_t request;

    begin(2);
    for (uint32_t i = 0; i < story.count; i++)
        story.nodes[i].mover_us = 20 * MS_US;
    id = story_submitted(&story, 0, 1);
    for (int k = 0; k < 20000 && !any_gets_its_name(); k++)
        story_run(&story, MS_US);
    REQUIRE(any_gets_its_name());
    user = story_user(&story, 1);
    request = story_ask_id(&story, user, MESSAGE_REQUEST_KILL, id);
    CHECK_INT(story_code_within(&story, user, request, S_US), 0);
    story_run(&story, 12 * S_US);
    for (uint32_t i = 0; i < story.count; i++) {
        CHECK(makings_are_none(story.nodes[i].core));
        CHECK_INT(story.nodes[i].core->objects->coming_bytes, 0);
        CHECK(story.nodes[i].mover.streams == NULL);
    }
    CHECK(story_end(&story));
}

TEST_MAIN(an_output_that_has_a_name_only_is_not_counted,
          a_job_that_is_killed_while_outputs_get_their_names_leaves_nothing_with_the_mover)
