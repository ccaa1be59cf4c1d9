/* How far the stages of a job are, told in slices. */
#include "core/base/text.h"
#include "core/node/jobs.h"
#include "core/node/show_stages.h"
#include "core/node/stage_views.h"
#include "tests/lib/check.h"
#include "tests/lib/parts.h"
#include "tests/lib/story_inside.h"
#include "tests/lib/story_worker.h"

#define MANY 600u
#define FEW 10u

static struct story story;

static uint32_t none(uint64_t leaf)
{
    (void)leaf;
    return 0;
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
    story.output = none;
    story.graphs = true;
    story.adjust = as_told;
    parts_begin();
    story_start_all(&story, false);
    story_run(&story, 2 * S_US);
}

/* No step of a node is long because there are many. */
TEST(many_stages_are_told_in_slices)
{
    static struct stage_view v[MANY];
    struct actions out;
    struct job_id id;
    struct node *n;
    uint32_t leader;
    uint64_t user;

    begin(5);
    for (uint32_t i = 0; i < MANY; i++)
        parts_add(i == 0 ? 300 : 1, false);
    for (uint32_t i = 1; i < MANY; i++)
        parts_need(&parts[i], i - 1, NEED_ORDER);
    id = story_submitted(&story, 0, 1);
    leader = story_leader(&story, id);
    n = story.nodes[leader].core;
    user = story_user(&story, leader);
    actions_init(&out, &story.heap.alloc);
    n->out = &out;
    show_stages(n, story_other_end(user), 77, (struct bytes){id.bytes, ID_SIZE});
    stage_views_run(n);
    REQUIRE(n->stages_tellings != NULL);
    CHECK(n->stages_tellings->next > 0 && n->stages_tellings->next <= 512);
    CHECK(stage_views_are_due(n) && node_due(n).us <= story.now.us);
    while (n->stages_tellings != NULL)
        stage_views_run(n);
    actions_clear(&out);
    story_run(&story, 200 * MS_US); /* until all nodes know of it */
    for (uint32_t i = 0; i < 5; i++) {
        CHECK_INT(story_stages(&story, i, id, v, MANY), MANY);
        for (uint32_t k = 0; k < MANY; k++)
            CHECK_INT(v[k].number, k);
    }
    CHECK(story_end(&story));
}

/* Whoever asked is gone before all was told. */
TEST(stages_are_told_to_nobody_who_has_left)
{
    struct actions out;
    struct job_id id;
    struct node *n;
    uint64_t user;

    begin(1);
    for (uint32_t i = 0; i < MANY; i++)
        parts_add(i == 0 ? 300 : 1, false);
    id = story_submitted(&story, 0, 1);
    n = story.nodes[0].core;
    user = story_user(&story, 0);
    actions_init(&out, &story.heap.alloc);
    n->out = &out;
    show_stages(n, story_other_end(user), 77, (struct bytes){id.bytes, ID_SIZE});
    stage_views_run(n);
    CHECK(n->stages_tellings != NULL);
    actions_clear(&out);
    story_leave(&story, user);
    story_run(&story, MS_US);
    CHECK(n->stages_tellings == NULL);
    CHECK(story_end(&story));
}

static uint8_t needs_room[9300 * STAGE_NEED_BYTES], more_room[SPEC_SIZE_MAX];

/* Its last stage waits for the first ten thousand times, and all have words that grow when they are
 * made safe to print. */
static void as_repeated(struct job_spec *spec, uint32_t number)
{
    struct stage_spec s;
    struct buf b, more;

    (void)number;
    spec->slots_max = 0;
    memset(spec->stage.args, 1, 200);
    s = spec->stage;
    buf_init_fixed(&more, more_room, sizeof more_room);
    for (uint32_t i = 1; i < FEW - 1; i++)
        put_stage(&more, &s);
    buf_init_fixed(&b, needs_room, sizeof needs_room);
    for (uint32_t i = 0; i < 9300; i++)
        put_stage_need(&b, &(struct stage_need){.stage = 0, .place = NEED_ORDER});
    s.needs = buf_bytes(&b);
    s.needs_count = 9300;
    put_stage(&more, &s);
    REQUIRE(!more.failed);
    spec->more = buf_bytes(&more);
    spec->more_count = FEW - 1;
}

/* Whoever signs such a job ends no node that shows it. */
TEST(a_stage_that_needs_another_again_and_again_is_shown)
{
    static struct stage_view v[FEW];
    struct job_id id;

    story_init(&story, 1);
    story.output = none;
    story.graphs = true;
    story.adjust = as_repeated;
    story_start_all(&story, false);
    story_run(&story, 2 * S_US);
    id = story_submitted(&story, 0, 1);
    CHECK_INT(story_stages(&story, 0, id, v, FEW), FEW);
    CHECK_INT(v[FEW - 1].needs_count, STAGE_VIEW_NEEDS_MAX);
    CHECK(story_end(&story));
}

/* A link to a node has a bounded queue, and is closed beyond it. */
TEST(stages_are_told_as_fast_as_a_node_takes_them)
{
    static struct stage_view v[MANY];
    struct actions out;
    struct job_id id;
    struct node *n;
    uint32_t leader, other;
    uint64_t user;

    begin(2);
    for (uint32_t i = 0; i < 2; i++)
        story.nodes[i].core->options.link_room_bytes = 16384;
    for (uint32_t i = 0; i < MANY; i++)
        parts_add(i == 0 ? 300 : 1, false);
    id = story_submitted(&story, 0, 1);
    leader = story_leader(&story, id);
    other = 1 - leader;
    n = story.nodes[leader].core;
    CHECK_INT(story_stages(&story, other, id, v, MANY), MANY);
    user = story_user(&story, leader);
    actions_init(&out, &story.heap.alloc);
    n->out = &out;
    REQUIRE(show_stages_peer(n, story.nodes[other].id, 77, (struct bytes){id.bytes, ID_SIZE}) == 0);
    for (int i = 0; i < 100; i++)
        stage_views_run(n);
    CHECK(n->stages_tellings != NULL && n->stages_tellings->next > 0);
    CHECK(!stage_views_are_due(n));
    /* Whoever asks later need not wait for that. */
    show_stages(n, story_other_end(user), 78, (struct bytes){id.bytes, ID_SIZE});
    CHECK(stage_views_are_due(n));
    while (stage_views_are_due(n))
        stage_views_run(n);
    CHECK(n->stages_tellings != NULL && n->stages_tellings->next_telling == NULL);
    actions_clear(&out);
    story_cut(&story, leader, other);
    story_run(&story, 10 * S_US);
    CHECK(n->stages_tellings == NULL);
    CHECK(story_end(&story));
}

TEST_MAIN(many_stages_are_told_in_slices, stages_are_told_to_nobody_who_has_left,
          a_stage_that_needs_another_again_and_again_is_shown,
          stages_are_told_as_fast_as_a_node_takes_them)
