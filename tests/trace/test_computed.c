/* Stories of slots that have something to do while what they did before waits: its outputs are
 * written down and copied. */
#include "core/node/jobs.h"
#include "core/wire/feature.h"
#include "tests/lib/story_collect.h"

#define MANY 256u
#define LEAF_US (18 * MS_US)
#define MOVER_US (2 * MS_US)

static struct story story;

static uint32_t of_much(uint64_t leaf)
{
    return 36000 + (uint32_t)leaf;
}

static int64_t leaf_us(uint8_t param)
{
    (void)param;
    return LEAF_US;
}

static void of_many(struct job_spec *spec, uint32_t number)
{
    story_collects(spec, number);
    spec->stage.units = MANY;
}

/* Two nodes of a slot each, which take turns with a disk that needs its time for everything. In
 * virtual ms, to the outcome. */
static int64_t job_of_two(uint32_t level)
{
    struct job_id id;
    int64_t ms = 0;

    story_init(&story, 2);
    for (uint32_t i = 0; i < story.count; i++)
        story.nodes[i].level = level;
    story.ages.objects_bytes = 1 << 30;
    story_collect_begin(&story, of_much, false);
    story.adjust = of_many;
    story.leaf_us = leaf_us;
    for (uint32_t i = 0; i < story.count; i++) {
        story.nodes[i].core->options.slots = 1;
        story.nodes[i].mover_us = MOVER_US;
    }
    id = story_submitted(&story, 0, 1);
    for (; ms < 60000 && !story_is_over(&story, 0, id); ms++)
        story_run(&story, MS_US);
    return ms;
}

/* Workers of these stories wait for the disk after each leaf; beyond that a slot is idle for a few
 * ms between two chunks, and at the beginning and the end of all. */
TEST(a_slot_has_its_next_chunk_before_the_outputs_of_the_last_are_safe)
{
    const int64_t busy_ms = MANY / 2 * (LEAF_US + MOVER_US) / MS_US,
                  took_ms = job_of_two(FEATURE_COMPUTED);

    CHECK(took_ms >= busy_ms && took_ms < busy_ms + 70);
    CHECK(story.sent[MESSAGE_RETURN] > 0);
    CHECK(story.sent[MESSAGE_RETURN] <= story.sent[MESSAGE_GRANT]);
    CHECK(story_end(&story));
}

/* It would take the chunks for given back. */
TEST(a_coordinator_of_an_older_generation_is_told_nothing_new)
{
    CHECK(job_of_two(FEATURE_COMPUTED - 1) < 60000);
    CHECK_INT(story.sent[MESSAGE_RETURN], 0);
    CHECK(story_end(&story));
}

TEST_MAIN(a_slot_has_its_next_chunk_before_the_outputs_of_the_last_are_safe,
          a_coordinator_of_an_older_generation_is_told_nothing_new)
