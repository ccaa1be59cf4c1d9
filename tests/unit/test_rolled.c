/* Stages that are appended rolled: all of their leaves are one. */
#include "core/base/err.h"
#include "core/job/graph.h"
#include "tests/lib/check.h"
#include "tests/lib/heap.h"

static struct heap heap;
static struct graph graph;
static const struct job_spec spec = {
    .open = true,
    .stage = {
        .kernel = "sum", .params = {NULL, 0}, .units = 1, .leaf_units = 1, .accumulator_size = 8}};

static void begin(void)
{
    heap_init(&heap);
    REQUIRE(graph_init(&graph, &heap.alloc, &spec) == 0);
}

static void end(void)
{
    graph_clear(&graph);
    CHECK(heap_is_empty(&heap));
}

/* Its list alone. */
static int take(const struct buf *b)
{
    struct reader r = reader_of(buf_bytes(b));
    struct append list;
    int rc = read_append(&r, &list);
    return rc < 0 ? rc : graph_append(&graph, &spec, buf_bytes(b), &list);
}

/* Two of them, the first of so many units; it needs the stage of the spec, whose value it reads
 * unless the place says otherwise. */
static int two(uint64_t units, uint64_t leaf_units, uint16_t place)
{
    uint8_t room[1024], needs[STAGE_NEED_BYTES];
    const struct stage_spec other = {.units = 9, .leaf_units = 2};
    struct stage_spec first = {.units = units, .leaf_units = leaf_units, .needs_count = 1};
    struct buf b, need;
    buf_init_fixed(&b, room, sizeof room);
    buf_init_fixed(&need, needs, sizeof needs);
    put_stage_need(&need, &(struct stage_need){0, place});
    first.needs = buf_bytes(&need);
    put_append_begin(&b, 1, 2);
    put_append_rolled(&b, 0, &first);
    put_append_rolled(&b, 0, &other);
    return take(&b);
}

TEST(a_stage_that_is_rolled_is_one_leaf)
{
    const uint64_t most = APPEND_ROLLED_MAX;
    struct stage_spec room;
    const struct stage_spec *s;
    uint32_t first;
    begin();
    CHECK_INT(two(most * 5, 5, NEED_ORDER), 0);
    CHECK_INT(graph.count, 3);
    s = graph_spec(&graph, &spec, 1, &room);
    CHECK(s->rolled && s->units == most * 5 && s->leaf_units == 5);
    CHECK(spec_leaves(s) == 1 && spec_leaf_units(s) == most * 5);
    CHECK_INT(graph.shape.leaves, 3);
    CHECK(graph.stages[1].joins && graph.stages[2].joins && graph.stages[2].rolled);
    CHECK(!graph.stages[0].rolled && !graph_spec(&graph, &spec, 0, &room)->rolled);
    CHECK(graph_has_run(&graph, 0, 3, &first) && first == 0);
    end();
}

/* What it is made of has to be said, and to have a bound; and whoever computes it is given its
 * parameters and nothing else. */
TEST(what_cannot_be_rolled_is_refused)
{
    uint8_t room[256];
    struct buf b;
    begin();
    CHECK_INT(two(12, 5, 0), ERR_FORMAT);
    CHECK_INT(two((uint64_t)APPEND_ROLLED_MAX * 5 + 1, 5, NEED_ORDER), ERR_FORMAT);
    buf_init_fixed(&b, room, sizeof room);
    put_append_begin(&b, 1, 1);
    put_append_like(&b, APPEND_ROLLED, (struct bytes){NULL, 0}, 0, (struct bytes){NULL, 0});
    CHECK_INT(take(&b), ERR_FORMAT);
    CHECK_INT(graph.count, 1);
    end();
}

TEST_MAIN(a_stage_that_is_rolled_is_one_leaf, what_cannot_be_rolled_is_refused)
