/* Stories of leaves that are done, and whose reports wait until their outputs are safe: what is
 * lost meanwhile, and that nobody does them again. */
#include "core/node/jobs.h"
#include "core/node/labour.h"
#include "core/node/labour_output.h"
#include "core/node/lead.h"
#include "tests/lib/story_collect.h"

static struct story story;
static uint8_t bytes[PIECE_SIZE];

static uint32_t of_little(uint64_t leaf)
{
    return 2000 + (uint32_t)leaf;
}

static void begin(uint32_t count)
{
    story_init(&story, count);
    story.ages.objects_bytes = 1 << 30;
    story_collect_begin(&story, of_little, false);
    for (uint32_t i = 1; i < count; i++)
        for (uint32_t k = 1; k < i; k++)
            story_hint(&story, i, k);
    story_run(&story, S_US);
}

/* A worker with an output that is whole on its node, and that it has not told of. */
static struct worker *with_output(uint32_t *node)
{
    for (*node = 0; *node < story.count; (*node)++)
        for (struct worker *w = story.nodes[*node].core->workers; w != NULL; w = w->next)
            if (w->chunk != NULL && w->output_whole)
                return w;
    return NULL;
}

static void tell_of_output(uint32_t node, const struct worker *w)
{
    struct output o = {.kind = OUTPUT_OBJECT, .size = w->output_bytes, .name = w->output_name};
    uint8_t raw[64];
    struct buf b, x;

    buf_init(&b, &story.heap.alloc, FRAME_PAYLOAD_MAX);
    buf_init_fixed(&x, raw, sizeof raw);
    put_output(&x, &o);
    put_worker_progress_begin(&b, w->chunk->grant, w->output_leaf + 1, 10, 0, false, 1);
    put_value(&b, &(struct value){{0, w->output_leaf}, buf_bytes(&x)});
    story_worker_says(&story, node, w->number, MESSAGE_WORKER_PROGRESS, buf_bytes(&b));
    buf_clear(&b);
}

/* The node has taken it, and finds it damaged before the worker tells of it. */
TEST(an_output_that_is_lost_before_its_worker_tells_of_it_is_nobodys_fault)
{
    struct digest name;
    struct job_id id;
    struct worker *w;
    const struct job *j;
    uint64_t leaf;
    uint32_t node;

    begin(2);
    story.adjust = story_collects_many;
    id = story_submitted(&story, 0, 1);
    story_run_until_counted(&story, id, 200);
    story_drop(&story, MESSAGE_OBJECT_KEEP, STORY_USER, STORY_USER);
    story_run(&story, 2 * S_US);
    w = with_output(&node);
    REQUIRE(w != NULL);
    name = w->output_name;
    leaf = w->output_leaf;
    for (uint64_t bit = 7; bit < 8000000; bit += 8 * 1000 + 8)
        CHECK(sim_mover_rot(&story.nodes[node].mover, bit, NULL));
    CHECK(story_get_whole(&story, node, name, bytes, sizeof bytes) != 0);
    REQUIRE(w->output_whole && story_whole_at(&story, node, name) == NULL);
    tell_of_output(node, w);
    CHECK(w->state == WORKER_DYING);
    story_drop(&story, 0, STORY_USER, STORY_USER);
    for (int k = 0; k < 60000 && !story_is_counted(&story, id, leaf); k++)
        story_run(&story, MS_US);
    CHECK(story_is_counted(&story, id, leaf));
    j = job_find(story.nodes[story_leader(&story, id)].core, id);
    REQUIRE(j != NULL && j->lead != NULL);
    CHECK_STR(j->lead->last_cause, "an output of it was lost on this node before it was counted");
    CHECK(story_end(&story));
}

/* Only this node computes, and another coordinates. */
static struct job_id one_computes(uint32_t worker)
{
    uint32_t number = 0;
    struct job_id id;

    do {
        story_init(&story, 4);
        story.ages.objects_bytes = 1 << 30;
        story_collect_begin(&story, of_little, false);
        for (uint32_t i = 0; i < story.count; i++)
            story.nodes[i].core->options.slots = i == worker;
        id = story_submitted(&story, worker, ++number);
        if (story_leader(&story, id) != worker)
            return id;
        CHECK(story_end(&story));
    } while (number < 20);
    REQUIRE(false);
    return id;
}

/* The only node that computes has done leaves that nobody may hear of yet. */
TEST(a_new_coordinator_hears_of_leaves_whose_outputs_are_not_safe)
{
    const uint32_t worker = 3;
    struct job_id id = one_computes(worker);
    uint64_t computed;
    struct job_view v;

    story_drop(&story, MESSAGE_OBJECT_KEEP, STORY_USER, STORY_USER);
    story_run(&story, 500 * MS_US);
    computed = story_leaves_computed(&story);
    CHECK(computed > 0 && computed < STORY_LEAVES);
    CHECK_INT(story_leaves_counted(&story, id), 0);
    story_kill(&story, story_leader(&story, id));
    story_run(&story, 4 * S_US);
    CHECK_INT(story_leaves_counted(&story, id), 0);
    story_drop(&story, 0, STORY_USER, STORY_USER);
    v = story_result(&story, worker, id, 20 * S_US);
    story_check_result(&story, worker, &v);
    CHECK_INT(story_leaves_computed(&story), STORY_LEAVES);
    CHECK(story_end(&story));
}

/* One that is open for all its coordinator knows, and over at the node that had it. */
static const struct chunk *over_and_not_told(struct job_id id, uint32_t leader, uint32_t worker)
{
    const struct job *j = job_find(story.nodes[leader].core, id);

    for (uint64_t k = 1; k <= j->lead->grant_counter; k++) {
        uint64_t grant = lead_grant_base(&j->lead->claim) | k;
        const struct chunk *c = pool_find(j->lead->pool, grant);

        if (c != NULL && node_id_equal(c->node, story.nodes[worker].id) &&
            labour_chunk_of(job_find(story.nodes[worker].core, id), grant) == NULL)
            return c;
    }
    return NULL;
}

static void trim(struct job_id id, uint32_t leader, uint32_t worker, const struct chunk *c)
{
    uint8_t raw[64];
    struct buf b;

    buf_init_fixed(&b, raw, sizeof raw);
    put_job_id(&b, id);
    put_u64(&b, c->grant);
    put_u64(&b, c->first);
    story_say(&story, leader, worker, MESSAGE_TRIM, 0, buf_bytes(&b));
}

/* The chunk is no more, and what it came to is told later: that is no chunk that nobody knows. */
TEST(a_chunk_that_is_done_and_not_told_does_not_come_back_when_it_is_trimmed)
{
    const uint32_t worker = 3;
    struct job_id id = one_computes(worker);
    const uint32_t leader = story_leader(&story, id);
    const struct chunk *c;
    struct job_view v;

    story_drop(&story, MESSAGE_OBJECT_KEEP, STORY_USER, STORY_USER);
    story_run(&story, 500 * MS_US);
    c = over_and_not_told(id, leader, worker);
    REQUIRE(c != NULL);
    CHECK(story_leaves_computed(&story) > 0);
    CHECK_INT(story_leaves_counted(&story, id), 0);
    trim(id, leader, worker, c);
    story_run(&story, MS_US);
    CHECK(over_and_not_told(id, leader, worker) == c);
    story_run(&story, 500 * MS_US);
    story_drop(&story, 0, STORY_USER, STORY_USER);
    v = story_result(&story, worker, id, 20 * S_US);
    story_check_result(&story, worker, &v);
    CHECK_INT(story_leaves_computed(&story), STORY_LEAVES);
    CHECK(story_end(&story));
}

TEST_MAIN(a_chunk_that_is_done_and_not_told_does_not_come_back_when_it_is_trimmed,
          an_output_that_is_lost_before_its_worker_tells_of_it_is_nobodys_fault,
          a_new_coordinator_hears_of_leaves_whose_outputs_are_not_safe)
