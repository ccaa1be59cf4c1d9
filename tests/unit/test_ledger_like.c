/* What is appended in the likeness of another stage: with other units, another name, an output of
 * its own, other wants. */
#include "core/base/err.h"
#include "core/base/text.h"
#include "core/job/ledger.h"
#include "tests/lib/appended.h"
#include "tests/lib/check.h"
#include "tests/lib/heap.h"
#include "tests/lib/parts.h"

static struct bytes sized(uint32_t like, uint64_t units, uint64_t leaf_units)
{
    struct buf b = appended_room();

    put_stages_begin(&b, appended_job, (struct node_id){0});
    put_append_begin(&b, 1, 4);
    put_append_like(&b, 0, (struct bytes){NULL, 0}, 0, (struct bytes){NULL, 0});
    put_append_sized(&b, like, units, leaf_units, bytes_of_text("other"), 0,
                     (struct bytes){NULL, 0});
    put_append_sized(&b, 0, 12, 5, bytes_of_text("third"), 0, (struct bytes){NULL, 0});
    put_append_sized(&b, 0, 6, 6, bytes_of_text("fourth"), 0, (struct bytes){NULL, 0});
    return appended_seal(FACT_STAGES, appended_kept(&b), 1);
}

/* It is like it in all else, and where both have one leaf they may be one run. */
TEST(a_stage_is_like_one_of_other_units)
{
    const struct stage_spec *s;
    struct stage_spec place;
    const struct graph *g;
    struct ledger *l;
    uint32_t first;

    heap_init(&appended_heap);
    appended_begin(true);
    l = appended_ledger();
    CHECK_INT(ledger_apply(l, sized(0, 0, 5)), ERR_FORMAT);
    CHECK_INT(ledger_apply(l, sized(0, 5, 0)), ERR_FORMAT);
    CHECK_INT(ledger_apply(l, sized(1, 5, 5)), ERR_FORMAT);
    CHECK_INT(ledger_apply(l, sized(2, 5, 5)), ERR_FORMAT);
    CHECK_INT(ledger_apply(l, sized(0, 5, 5)), LEDGER_NEW);
    g = ledger_graph(l);
    CHECK_INT(g->count, 5);
    s = graph_spec(g, ledger_spec(l), 2, &place);
    CHECK(s->units == 5 && s->leaf_units == 5 && s->accumulator_size == 8);
    CHECK(strcmp(s->kernel, "sum") == 0 && bytes_equal(s->params, bytes_of_text("other")));
    s = graph_spec(g, ledger_spec(l), 1, &place);
    CHECK(s->units == 1 && s->leaf_units == 1);
    CHECK_INT(spec_leaves(graph_spec(g, ledger_spec(l), 3, &place)), 3);
    CHECK(g->stages[1].joins && g->stages[2].joins && !g->stages[3].joins && !g->stages[4].joins);
    CHECK(g->stages[2].like == 0 && g->stages[3].like == 0);
    CHECK(graph_has_run(g, 0, 3, &first) && first == 0);
    ledger_free(l);
    CHECK(heap_is_empty(&appended_heap));
}

static struct bytes named(const char *name, const char *args, uint64_t units)
{
    struct stage_spec s = {.units = units, .leaf_units = 1, .params = bytes_of_text("other")};
    struct buf b = appended_room();

    text_copy(s.name, sizeof s.name, name);
    text_copy(s.args, sizeof s.args, args);
    put_stages_begin(&b, appended_job, (struct node_id){0});
    put_append_begin(&b, 1, 2);
    put_append_named(&b, 0, units > 0, &s);
    put_append_like(&b, 0, (struct bytes){NULL, 0}, 0, (struct bytes){NULL, 0});
    return appended_seal(FACT_STAGES, appended_kept(&b), 1);
}

/* So a graph of many stages is short, and may be shown by their names. */
TEST(a_stage_is_like_one_of_another_name)
{
    const struct stage_spec *s;
    struct stage_spec place;
    struct ledger *l;

    heap_init(&appended_heap);
    for (uint64_t units = 0; units < 9; units += 4) {
        appended_begin(true);
        l = appended_ledger();
        CHECK_INT(ledger_apply(l, named("", "", units)), ERR_FORMAT);
        CHECK_INT(ledger_apply(l, named("part-7", "1 70", units)), LEDGER_NEW);
        s = graph_spec(ledger_graph(l), ledger_spec(l), 1, &place);
        CHECK_STR(s->name, "part-7");
        CHECK_STR(s->args, "1 70");
        CHECK_STR(s->kernel, "sum");
        CHECK_INT(s->units, units > 0 ? units : 1);
        CHECK(bytes_equal(s->params, bytes_of_text("other")));
        s = graph_spec(ledger_graph(l), ledger_spec(l), 2, &place);
        CHECK_STR(s->name, "");
        CHECK_STR(s->args, "");
        CHECK(ledger_graph(l)->stages[1].joins == (units < 2));
        ledger_free(l);
    }
    CHECK(heap_is_empty(&appended_heap));
}

/* One that collects, of so many leaves, and (`reads`) one behind it that reads what they yield. */
static struct bytes collecting(uint32_t number, uint64_t leaves, bool reads)
{
    struct stage_spec s = {.units = leaves, .leaf_units = 1, .reduction = REDUCE_COLLECT};
    struct stage_need need = {number, 0};
    uint8_t raw[STAGE_NEED_BYTES];
    struct buf b = appended_room(), n;

    memcpy(s.kernel, "grep", 5);
    buf_init_fixed(&n, raw, sizeof raw);
    put_stage_need(&n, &need);
    put_stages_begin(&b, appended_job, (struct node_id){0});
    put_append_begin(&b, number, reads ? 2 : 1);
    put_append_whole(&b, number, &s);
    if (reads)
        put_append_like(&b, 0, (struct bytes){NULL, 0}, 1, buf_bytes(&n));
    return appended_seal(FACT_STAGES, appended_kept(&b), 1);
}

/* Each leaf of it is an input of its readers, in the same list too, and all together are bounded as
 * in a specification. */
TEST(what_is_appended_may_collect)
{
    const struct graph *g;
    struct ledger *l;

    heap_init(&appended_heap);
    appended_begin(true);
    l = appended_ledger();
    g = ledger_graph(l);
    CHECK_INT(ledger_apply(l, collecting(1, STAGE_INPUTS_MAX + 1, true)), ERR_TOO_LARGE);
    CHECK_INT(ledger_apply(l, collecting(1, COLLECT_LEAVES_MAX + 1, false)), ERR_TOO_LARGE);
    CHECK_INT(ledger_apply(l, collecting(1, STAGE_INPUTS_MAX, true)), LEDGER_NEW);
    CHECK_INT(g->count, 3);
    CHECK(shape_is_apart(&g->shape, (struct tree_node){0, shape_at(&g->shape, 1).first}));
    CHECK(g->stages[1].reduction == REDUCE_COLLECT && g->stages[1].readers_count == 1);
    CHECK(g->stages[2].reduction == REDUCE_FOLD && g->stages[2].reads && !g->stages[1].task);
    CHECK_INT(ledger_apply(l, collecting(3, COLLECT_LEAVES_MAX - STAGE_INPUTS_MAX, false)),
              LEDGER_NEW);
    CHECK_INT(ledger_apply(l, collecting(4, 1, false)), ERR_FULL);
    CHECK_INT(g->count, 4);
    ledger_free(l);
    CHECK(heap_is_empty(&appended_heap));
}

static struct bytes one_stage(uint32_t number, const struct demand *demand)
{
    struct stage_spec s = {.units = 1, .leaf_units = 1, .accumulator_size = 8, .demand = *demand};
    struct buf b = appended_room();

    memcpy(s.kernel, "sum", 4);
    put_stages_begin(&b, appended_job, (struct node_id){0});
    put_append_begin(&b, number, 1);
    put_append_whole(&b, number, &s);
    return appended_seal(FACT_STAGES, appended_kept(&b), 1);
}

/* Whether the spec asks for it or not; different ones are few. */
TEST(what_is_appended_asks_for_something_of_nodes)
{
    struct demand asked = {.cpus = 2, .on = bytes_of_text("gpu=1")}, other = asked, got;
    const struct graph_stage *s;
    struct ledger *l;
    struct buf b;

    heap_init(&appended_heap);
    appended_begin_with(true, &asked);
    l = appended_ledger();
    other.on = bytes_of_text("gpu=");
    CHECK_INT(ledger_apply(l, one_stage(1, &other)), ERR_FORMAT);
    CHECK_INT(ledger_graph(l)->count, 1);
    CHECK_INT(ledger_apply(l, one_stage(1, &asked)), LEDGER_NEW);
    CHECK_INT(ledger_apply(l, one_stage(2, &(struct demand){0})), LEDGER_NEW);
    b = appended_room();
    put_stages_begin(&b, appended_job, (struct node_id){0});
    put_append_begin(&b, 3, 2);
    put_append_like(&b, 1, (struct bytes){NULL, 0}, 0, (struct bytes){NULL, 0});
    put_append_like(&b, 2, (struct bytes){NULL, 0}, 0, (struct bytes){NULL, 0});
    CHECK_INT(ledger_apply(l, appended_seal(FACT_STAGES, appended_kept(&b), 1)), LEDGER_NEW);
    s = ledger_graph(l)->stages;
    CHECK(s[0].demand == 1 && s[1].demand == 1 && s[2].demand == 0);
    CHECK(s[3].demand == 1 && s[4].demand == 0);
    CHECK_INT(ledger_graph(l)->demands_count, 1);
    got = graph_demand(ledger_graph(l), ledger_spec(l), 1);
    CHECK(demand_equal(&got, &asked));
    other = asked;
    for (uint32_t i = 2; i <= DEMANDS_MAX; i++) {
        other.cpus = (uint16_t)(1 + i);
        CHECK_INT(ledger_apply(l, one_stage(3 + i, &other)), LEDGER_NEW);
        CHECK_INT(ledger_graph(l)->stages[3 + i].demand, i);
        got = graph_demand(ledger_graph(l), ledger_spec(l), i);
        CHECK(demand_equal(&got, &other));
    }
    other.cpus = 100;
    CHECK_INT(ledger_apply(l, one_stage(4 + DEMANDS_MAX, &other)), ERR_NOT_FOUND);
    CHECK_INT(ledger_apply(l, one_stage(4 + DEMANDS_MAX, &asked)), LEDGER_NEW);
    CHECK_INT(ledger_graph(l)->demands_count, DEMANDS_MAX);
    ledger_free(l);
    CHECK(heap_is_empty(&appended_heap));
}

/* What it takes to read a list; what nobody here can is refused as such. */

TEST_MAIN(a_stage_is_like_one_of_other_units, a_stage_is_like_one_of_another_name,
          what_is_appended_may_collect, what_is_appended_asks_for_something_of_nodes)
