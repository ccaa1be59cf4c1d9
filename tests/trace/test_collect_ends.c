/* Stories of the ends of chunks whose outputs a slow disk takes: the slot goes on with the next
 * chunk, and the outputs of both are written down together. */
#include "core/node/jobs.h"
#include "tests/lib/story_collect.h"

#define LEAF_US (3 * MS_US)
#define SLOW_US (40 * MS_US)
#define NAMED_US (2 * MS_US) /* a leaf's way to the mover and back, and more */

#define SELDOM_US (10 * S_US)
#define STEP_US (MS_US / 4)

static struct story story;
static uint32_t count;

static uint32_t of_little(uint64_t leaf)
{
    return 2000 + (uint32_t)leaf;
}

static int64_t leaf_us(uint8_t param)
{
    (void)param;
    return LEAF_US;
}

static void of_some(struct job_spec *spec, uint32_t number)
{
    story_collects(spec, number);
    spec->stage.units = count;
}

/* A node of one slot that looks at its slow timers so often; chunks of four leaves. In virtual us,
 * to the outcome. */
static int64_t job_of(uint32_t leaves, uint32_t round_us)
{
    struct instant began;
    struct job_id id;

    count = leaves;
    story_init(&story, 1);
    story.ages.objects_bytes = 1 << 30;
    story_collect_begin(&story, of_little, false);
    story.adjust = of_some;
    story.leaf_us = leaf_us;
    story.nodes[0].core->options.slots = 1;
    story.nodes[0].core->limits.chunk_us = 5 * LEAF_US;
    story.nodes[0].core->limits.round_us = round_us;
    story.nodes[0].sync_us = SLOW_US;
    id = story_submitted(&story, 0, 1);
    began = story.now;
    while (!story_is_over(&story, 0, id) && instant_since_us(story.now, began) < 60 * S_US)
        story_run(&story, STEP_US);
    return instant_since_us(story.now, began);
}

/* Sixteen are written down together; the last of them, and then the list of all, while nothing else
 * is to be done. */
TEST(a_slot_goes_on_while_the_last_outputs_of_its_chunk_are_written_down)
{
    const int64_t busy_us = 64 * (LEAF_US + NAMED_US), took_us = job_of(64, SELDOM_US);

    CHECK(took_us >= busy_us && took_us < busy_us + 2 * SLOW_US + 10 * MS_US);
    CHECK_INT(story.nodes[0].syncs, 64 / 16 + 1);
    CHECK(story_end(&story));
}

TEST(outputs_are_not_written_down_one_by_one_where_timers_are_looked_at_often)
{
    CHECK(job_of(64, MS_US) < 60 * S_US);
    CHECK(story.nodes[0].syncs <= 64 / 8 + 1);
    CHECK(story_end(&story));
}

TEST(the_last_outputs_of_a_stage_wait_for_no_others)
{
    CHECK(job_of(1, SELDOM_US) <= LEAF_US + SLOW_US);
    CHECK(story_end(&story));
}

TEST_MAIN(a_slot_goes_on_while_the_last_outputs_of_its_chunk_are_written_down,
          outputs_are_not_written_down_one_by_one_where_timers_are_looked_at_often,
          the_last_outputs_of_a_stage_wait_for_no_others)
