/* The graph of a job's stages, and which of them may run: against a plain evaluation of what each
 * one needs. */
#include "core/base/err.h"
#include "core/base/prng.h"
#include "core/job/ready.h"
#include "tests/lib/check.h"
#include "tests/lib/heap.h"
#include "tests/lib/parts.h"

static struct heap heap;
static struct job_spec spec;
static struct graph graph;
static struct cover *cover;
static struct ready ready;
static bool opened[PARTS_MAX];

static uint32_t changes;

#define MANY 400

static void note(void *ctx, uint32_t stage)
{
    changes++;
    if (ready_at(ctx, stage) != STAGE_READY)
        return;
    CHECK(!opened[stage]);
    opened[stage] = true;
}

static void look(struct ready *r)
{
    CHECK(ready_go_on(r, UINT32_MAX, note, r));
}

static void fail(uint32_t stage)
{
    ready_fail(&ready, stage, note, &ready);
    look(&ready);
}

static void begin(void)
{
    heap_init(&heap);
    memset(opened, 0, sizeof opened);
    parts_spec(&spec, "work");
    REQUIRE(graph_init(&graph, &heap.alloc, &spec) == 0);
    REQUIRE(cover_new(&cover, &heap.alloc, &graph.shape) == 0);
    REQUIRE(ready_init(&ready, &heap.alloc, &graph, cover) == 0);
    ready_due_all(&ready);
    look(&ready);
}

static void end(void)
{
    ready_clear(&ready);
    cover_free(cover);
    graph_clear(&graph);
    CHECK(heap_is_empty(&heap));
}

/* A leaf of a stage that collects, or the value of one that folds. */
static void put(uint32_t stage, uint64_t leaf)
{
    static const uint8_t bytes[9];
    struct value v = {shape_root(&graph.shape, stage), {bytes, 8}};

    if (parts[stage].collects)
        v = (struct value){{0, shape_at(&graph.shape, stage).first + leaf}, {bytes, 9}};
    CHECK(graph_value(&graph, &v));
    CHECK(cover_insert(cover, &v) >= 0);
    ready_due(&ready, stage);
    look(&ready);
}

static void finish(uint32_t stage)
{
    for (uint64_t i = 0; i < (parts[stage].collects ? parts[stage].leaves : 1); i++)
        put(stage, i);
}

TEST(a_diamond_opens_from_the_top)
{
    parts_begin();
    parts_add(3, false);
    parts_need(parts_add(2, false), 0, 0);
    parts_need(parts_add(5, true), 0, NEED_ORDER);
    parts_need(parts_add(1, false), 1, 0);
    parts_need(&parts[3], 2, 1);
    begin();
    CHECK(opened[0] && !opened[1] && !opened[2] && !opened[3]);
    CHECK_INT(graph.stages[0].readers_count, 2);
    CHECK(graph.stages[1].reads && !graph.stages[2].reads);
    finish(0);
    CHECK(opened[1] && opened[2] && !opened[3]);
    finish(1);
    CHECK(!opened[3]);
    for (uint64_t leaf = 0; leaf < 4; leaf++)
        put(2, (leaf + 1) % 5);
    CHECK(!opened[3]);
    put(2, 0);
    CHECK(opened[3] && !ready_all(&ready));
    finish(3);
    CHECK(ready_all(&ready) && ready_over(&ready));
    end();
}

TEST(what_needs_a_stage_that_failed_is_blocked_by_it)
{
    parts_begin();
    parts_add(1, false);
    parts_add(1, false);
    parts_need(parts_add(1, false), 0, 0);
    parts_need(parts_add(1, false), 2, NEED_ORDER);
    parts_need(parts_add(1, false), 1, 0);
    begin();
    fail(0);
    CHECK_INT(ready_at(&ready, 0), STAGE_FAILED);
    CHECK_INT(ready_at(&ready, 2), STAGE_BLOCKED);
    CHECK_INT(ready_at(&ready, 3), STAGE_BLOCKED);
    CHECK_INT(ready.stages[3].blocked_by, 0);
    CHECK(!ready_over(&ready));
    finish(1);
    finish(4);
    CHECK(ready_over(&ready) && !ready_all(&ready));
    /* Its value comes after all, from a node that was thought lost. */
    finish(0);
    CHECK_INT(ready_at(&ready, 0), STAGE_DONE);
    CHECK_INT(ready_at(&ready, 2), STAGE_READY);
    CHECK_INT(ready_at(&ready, 3), STAGE_WAITING);
    CHECK(opened[2] && !opened[3] && !ready_over(&ready));
    finish(2);
    finish(3);
    CHECK(ready_all(&ready) && ready_over(&ready));
    end();
}

TEST(what_two_failed_stages_block_waits_for_both)
{
    parts_begin();
    parts_add(1, false);
    parts_add(1, false);
    parts_need(parts_add(1, false), 0, 0);
    parts_need(&parts[2], 1, 1);
    parts_need(parts_add(1, false), 2, 0);
    begin();
    fail(0);
    fail(1);
    finish(0);
    CHECK_INT(ready_at(&ready, 2), STAGE_BLOCKED);
    CHECK_INT(ready.stages[2].blocked_by, 1);
    CHECK_INT(ready.stages[3].blocked_by, 1);
    CHECK(ready_over(&ready));
    /* Another coordinator knew both, and computed what needs them. */
    finish(2);
    CHECK_INT(ready_at(&ready, 3), STAGE_READY);
    finish(1);
    finish(3);
    CHECK(ready_all(&ready));
    end();
}

/* Users give up stages that wait, or are blocked already. */
TEST(a_stage_that_did_not_run_yet_may_be_given_up)
{
    parts_begin();
    parts_add(1, false);
    parts_need(parts_add(1, false), 0, 0);
    parts_need(parts_add(1, false), 1, 0);
    parts_need(parts_add(1, false), 2, 0);
    begin();
    fail(1);
    CHECK_INT(ready_at(&ready, 1), STAGE_FAILED);
    CHECK_INT(ready.stages[3].blocked_by, 1);
    fail(2);
    CHECK_INT(ready_at(&ready, 2), STAGE_FAILED);
    CHECK_INT(ready_at(&ready, 3), STAGE_BLOCKED);
    CHECK_INT(ready.stages[3].blocked_by, 2);
    CHECK(!ready_over(&ready));
    finish(0);
    CHECK(!opened[1] && ready_at(&ready, 1) == STAGE_FAILED);
    CHECK(ready_over(&ready) && ready.failed == 2 && ready.blocked == 1);
    /* The first of them is complete after all: the other stays given up. */
    finish(1);
    CHECK(ready_at(&ready, 1) == STAGE_DONE && ready_at(&ready, 2) == STAGE_FAILED);
    CHECK(ready_over(&ready) && ready.failed == 1);
    end();
}

static void any_graph(struct prng *p)
{
    uint32_t count = 1 + (uint32_t)prng_below(p, 60);

    parts_begin();
    for (uint32_t i = 0; i < count; i++) {
        struct part *s = parts_add(1 + prng_below(p, 6), prng_below(p, 3) == 0);
        uint16_t needs = i == 0 ? 0 : (uint16_t)prng_below(p, 5);

        for (uint16_t k = 0; k < needs; k++)
            parts_need(s, (uint32_t)prng_below(p, i), k);
    }
}

static bool should_be_open(uint32_t stage, const bool *done)
{
    for (uint8_t k = 0; k < parts[stage].needs_count; k++)
        if (!done[parts[stage].needs[k].stage])
            return false;
    return true;
}

TEST(stages_open_when_all_they_need_is_complete_and_not_before)
{
    for (uint64_t seed = 0; seed < 300; seed++) {
        bool done[PARTS_MAX] = {false};
        struct prng p;
        uint32_t left;

        prng_init(&p, seed);
        any_graph(&p);
        begin();
        for (left = parts_count; left > 0;) {
            uint32_t i = (uint32_t)prng_below(&p, parts_count);

            if (done[i] || !opened[i])
                continue;
            finish(i);
            done[i] = true;
            left--;
            for (uint32_t k = 0; k < parts_count; k++)
                CHECK_INT(opened[k], should_be_open(k, done));
        }
        CHECK(ready_all(&ready));
        end();
    }
}

TEST(who_begins_with_a_cover_knows_the_same)
{
    for (uint64_t seed = 0; seed < 100; seed++) {
        struct ready again;
        struct prng p;

        prng_init(&p, seed);
        any_graph(&p);
        begin();
        for (uint32_t i = 0; i < parts_count; i++)
            if (opened[i] && prng_below(&p, 3) > 0)
                finish(i);
        memset(opened, 0, sizeof opened);
        REQUIRE(ready_init(&again, &heap.alloc, &graph, cover) == 0);
        ready_due_all(&again);
        look(&again);
        for (uint32_t i = 0; i < parts_count; i++)
            CHECK_INT(ready_at(&again, i), ready_at(&ready, i));
        ready_clear(&again);
        end();
    }
}

/* Each stage that waits is looked at once, and no go looks at more than it may. */
TEST(what_a_failed_stage_blocks_is_found_in_goes)
{
    uint32_t goes = 0;

    parts_begin();
    parts_add(1, false);
    for (uint32_t i = 1; i < MANY; i++)
        parts_need(parts_add(1, false), i < MANY / 2 ? 0 : i - MANY / 2, NEED_ORDER);
    begin();
    changes = 0;
    ready_fail(&ready, 0, note, &ready);
    CHECK(!ready_over(&ready));
    while (!ready_go_on(&ready, 100, note, &ready))
        goes++;
    CHECK_INT(goes, (MANY - 1) / 100);
    CHECK_INT(changes, MANY);
    CHECK_INT(ready.blocked, MANY - 1);
    CHECK(ready_over(&ready));
    /* And the same back again. */
    changes = 0;
    finish(0);
    CHECK_INT(ready.blocked, 0);
    CHECK(changes < 2 * MANY);
    for (uint32_t i = 1; i < MANY / 2; i++)
        CHECK_INT(ready_at(&ready, i), STAGE_READY);
    end();
}

TEST(every_stage_is_read_back_as_it_was_written)
{
    struct stage_spec room;

    parts_begin();
    for (uint32_t i = 0; i < 20; i++)
        parts_add(i + 1, i % 3 == 0)->name = i % 2 == 0 ? "even" : "";
    begin();
    for (uint32_t i = 20; i-- > 0;) {
        const struct stage_spec *s = graph_spec(&graph, &spec, i, &room);

        CHECK_INT(s->units, i + 1);
        CHECK_INT(s->params.data[0], i);
        CHECK_STR(s->name, i % 2 == 0 ? "even" : "");
    }
    CHECK_INT(graph_result(&graph), 19);
    end();
}

TEST(memory_that_runs_out_leaves_nothing)
{
    for (uint64_t from = 1;; from++) {
        int rc;

        parts_begin();
        for (uint32_t i = 0; i < 12; i++)
            if (i > 0)
                parts_need(parts_add(2, false), i - 1, 0);
            else
                parts_add(2, false);
        heap_init(&heap);
        parts_spec(&spec, "work");
        heap.fail_from = from;
        rc = graph_init(&graph, &heap.alloc, &spec);
        if (rc == 0) {
            graph_clear(&graph);
            CHECK(from > 3);
            break;
        }
        CHECK_INT(rc, ERR_NO_MEMORY);
        CHECK(heap_is_empty(&heap));
    }
}

TEST_MAIN(a_diamond_opens_from_the_top, what_needs_a_stage_that_failed_is_blocked_by_it,
          what_two_failed_stages_block_waits_for_both, a_stage_that_did_not_run_yet_may_be_given_up,
          stages_open_when_all_they_need_is_complete_and_not_before,
          who_begins_with_a_cover_knows_the_same, what_a_failed_stage_blocks_is_found_in_goes,
          every_stage_is_read_back_as_it_was_written, memory_that_runs_out_leaves_nothing)
