/* Which generation reads what is appended: the feature level of a list, and what is of a later
 * one. */
#include "core/base/err.h"
#include "core/base/text.h"
#include "core/job/graph.h"
#include "tests/lib/check.h"
#include "tests/lib/heap.h"

static struct heap heap;
static struct graph graph;
static struct job_spec spec;
static uint8_t room[4096];
static struct buf list;

static struct stage_spec stage(const struct demand *demand)
{
    struct stage_spec s = {.units = 1, .leaf_units = 1, .accumulator_size = 8, .demand = *demand};

    text_copy(s.kernel, sizeof s.kernel, "work");
    return s;
}

/* A job of one stage that asks for this. */
static void begin(const struct demand *demand)
{
    heap_init(&heap);
    spec = (struct job_spec){.open = true, .stage = stage(demand)};
    REQUIRE(graph_init(&graph, &heap.alloc, &spec) == 0);
}

static void end(void)
{
    graph_clear(&graph);
    CHECK(heap_is_empty(&heap));
}

static void begin_list(uint16_t count)
{
    buf_init_fixed(&list, room, sizeof room);
    put_append_begin(&list, graph.count, count);
}

/* The level that the list takes; then it is appended. */
static uint32_t level(void)
{
    struct reader r = reader_of(buf_bytes(&list));
    struct append a;
    uint32_t needs;

    REQUIRE(read_append(&r, &a) == 0);
    needs = graph_list_level(&graph, &spec, &a);
    CHECK_INT(graph_append(&graph, &spec, buf_bytes(&list), &a), 0);
    return needs;
}

static uint32_t level_of_stage(const struct stage_spec *s)
{
    begin_list(1);
    put_append_whole(&list, graph.count, s);
    return level();
}

/* Another stage like it has its source too, and nothing else of what it reads. */
TEST(a_snippet_is_appended_with_its_source)
{
    struct demand none = {0};
    struct stage_spec s, room_for_it;
    uint8_t inputs[2 * STAGE_INPUT_BYTES];
    struct buf b;

    begin(&none);
    s = stage(&(struct demand){.tier = TIER_S2});
    s.source = (struct digest){{5}};
    buf_init_fixed(&b, inputs, sizeof inputs);
    put_stage_input(&b, &(struct stage_input){{{4}}, 70});
    put_stage_input(&b, &(struct stage_input){s.source, 80});
    s.inputs = buf_bytes(&b);
    s.inputs_count = 2;
    s.snippet = true;
    CHECK_INT(level_of_stage(&s), FEATURE_SNIPPETS);
    begin_list(1);
    put_append_like(&list, 1, (struct bytes){NULL, 0}, 0, (struct bytes){NULL, 0});
    CHECK_INT(level(), FEATURE_FIRST);
    CHECK_INT(graph.level, FEATURE_SNIPPETS);
    s = *graph_spec(&graph, &spec, 2, &room_for_it);
    CHECK(s.snippet && s.inputs_count == 1 && s.demand.tier == TIER_S2);
    CHECK_INT(stage_source(&s).size, 80);
    CHECK(graph.stages[2].reads);
    end();
}

TEST(a_list_says_which_generation_reads_it)
{
    struct demand asked = {.cpus = 2}, other = {.cpus = 3};
    struct stage_spec same = stage(&asked), more = stage(&other), named = {.name = "x"}, collects;

    begin(&asked);
    CHECK_INT(level_of_stage(&same), FEATURE_FIRST);
    begin_list(2);
    put_append_like(&list, 0, (struct bytes){NULL, 0}, 0, (struct bytes){NULL, 0});
    put_append_sized(&list, 0, 9, 9, (struct bytes){NULL, 0}, 0, (struct bytes){NULL, 0});
    CHECK_INT(level(), FEATURE_FIRST);
    CHECK_INT(graph.level, FEATURE_FIRST);
    begin_list(1);
    put_append_named(&list, 0, false, &named);
    CHECK_INT(level(), FEATURE_APPEND_MORE);
    CHECK_INT(graph.level, FEATURE_APPEND_MORE);
    CHECK_INT(level_of_stage(&same), FEATURE_FIRST);
    /* Also where a stage before, which is none of the specification's, has asked for the same. */
    CHECK_INT(level_of_stage(&more), FEATURE_APPEND_MORE);
    CHECK_INT(level_of_stage(&more), FEATURE_APPEND_MORE);
    collects = same;
    collects.reduction = REDUCE_COLLECT;
    collects.accumulator_size = 0;
    CHECK_INT(level_of_stage(&collects), FEATURE_APPEND_MORE);
    end();
}

TEST(what_a_later_generation_says_is_no_damage)
{
    struct reader r;
    struct append a;

    begin(&(struct demand){0});
    for (uint32_t bit = 24; bit < 29; bit++) {
        begin_list(1);
        put_u32(&list, (uint32_t)1 << bit);
        put_text(&list, "what nobody knows yet");
        r = reader_of(buf_bytes(&list));
        CHECK_INT(read_append(&r, &a), ERR_VERSION);
    }
    begin_list(1);
    put_u32(&list, JOB_STAGES_MAX);
    r = reader_of(buf_bytes(&list));
    CHECK_INT(read_append(&r, &a), ERR_FORMAT);
    end();
}

TEST_MAIN(a_snippet_is_appended_with_its_source, a_list_says_which_generation_reads_it,
          what_a_later_generation_says_is_no_damage)
