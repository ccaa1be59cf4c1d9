/* Stories of chunks of stages whose leaves take very different times: each is as long as a chunk of
 * its own stage should be. */
#include "core/job/pool.h"
#include "core/node/jobs.h"
#include "core/node/stages.h"
#include "tests/lib/check.h"
#include "tests/lib/parts.h"
#include "tests/lib/story_graph.h"
#include "tests/lib/story_worker.h"

#define QUICK_US MS_US
#define SLOW_US (200 * MS_US)

static struct story story;
static struct job_spec made;

static uint32_t none(uint64_t leaf)
{
    (void)leaf;
    return 0;
}

/* Every second stage is slow. */
static int64_t by_stage(uint8_t param)
{
    return param % 2 == 1 ? SLOW_US : QUICK_US;
}

static void as_told(struct job_spec *spec, uint32_t number)
{
    (void)number;
    spec->slots_max = 0;
    parts_spec(spec, "work");
    made = *spec;
}

static struct part *stage(uint64_t leaves)
{
    struct part *p = parts_add(leaves, false);

    p->leaf_units = p->param % 2 == 1 ? 7 : 1;
    return p;
}

static void begin(uint32_t count)
{
    story_init(&story, count);
    story.output = none;
    story.graphs = true;
    story.adjust = as_told;
    story.leaf_us = by_stage;
    parts_begin();
    story_start_all(&story, false);
    story_run(&story, 2 * S_US);
}

/* The longest chunk of each stage that its coordinator has given out at any time, and its first
 * one. */
static uint64_t longest[PARTS_MAX], first[PARTS_MAX];

static void look(const struct job *j)
{
    for (uint32_t i = 0; i < pool_chunks(j->lead->pool); i++) {
        const struct chunk *c = pool_chunk_at(j->lead->pool, i);
        uint32_t its = stage_of_leaf(j, c->first);
        uint64_t length = c->end - c->first;

        first[its] = first[its] == 0 ? length : first[its];
        longest[its] = length > longest[its] ? length : longest[its];
    }
}

static void run(void)
{
    struct job_id id = story_submitted(&story, 0, 1);
    struct job_view v;

    memset(longest, 0, sizeof longest);
    memset(first, 0, sizeof first);
    for (int k = 0; k < 60000; k++) {
        const struct job *j = NULL;

        for (uint32_t i = 0; i < story.count; i++) {
            const struct job *here = job_find(story.nodes[i].core, id);

            j = here != NULL && here->lead != NULL ? here : j;
        }
        if (j == NULL)
            break;
        look(j);
        story_run(&story, MS_US);
    }
    v = story_result(&story, 0, id, S_US);
    story_check_graph(&v, &made, none);
    CHECK_INT(v.leaves_done, parts_leaves());
}

TEST(a_slow_stage_behind_a_quick_one_has_chunks_of_its_own_length)
{
    begin(2);
    (void)stage(8000);
    parts_need(stage(160), 0, NEED_ORDER);
    parts_need(stage(8000), 1, NEED_ORDER);
    run();
    CHECK(longest[0] > 200);
    /* Nothing was known of it: four leaves, then half a second of work. */
    CHECK(first[1] <= 4);
    CHECK(longest[1] <= 4);
    /* And what was known of the first holds for the third. */
    CHECK(first[2] > 200);
    CHECK(story_end(&story));
}

TEST(stages_that_run_at_once_do_not_disturb_each_other)
{
    begin(2);
    (void)stage(20000);
    (void)stage(150);
    (void)stage(20000);
    (void)stage(150);
    run();
    CHECK(longest[0] > 200 && longest[2] > 200);
    CHECK(longest[1] <= 4 && longest[3] <= 4);
    CHECK(story_end(&story));
}

TEST_MAIN(a_slow_stage_behind_a_quick_one_has_chunks_of_its_own_length,
          stages_that_run_at_once_do_not_disturb_each_other)
