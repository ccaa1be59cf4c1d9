/* What the author of an open job appends, in its ledger: lists come in order, however often and
 * from whomever; what contradicts itself makes the job divergent, in whatever order it is heard. */
#include "core/base/ensure.h"
#include "core/base/err.h"
#include "core/base/prng.h"
#include "core/base/text.h"
#include "core/job/ledger.h"
#include "tests/lib/check.h"
#include "tests/lib/heap.h"
#include "tests/lib/parts.h"

#define STAGES 40
#define FACTS_MAX 128

static struct heap heap;
static uint8_t arena[1 << 20];
static size_t arena_used;
static struct job_id job;
static struct bytes spec;
static struct bytes facts[FACTS_MAX];
static uint32_t facts_count;

static struct buf room(void)
{
    struct buf b;

    buf_init_fixed(&b, arena + arena_used, sizeof arena - arena_used);
    return b;
}

static struct bytes kept(struct buf *b)
{
    REQUIRE(buf_result(b) == 0);
    arena_used += b->len;
    return buf_bytes(b);
}

static struct bytes seal(enum fact_kind kind, struct bytes body, uint8_t mark)
{
    struct signed_bytes s = {.certificate = bytes_of_text("cert"), .body = body};
    struct buf b = room();

    s.signature[0] = mark;
    put_signed_fact(&b, kind, &s);
    return kept(&b);
}

/* The first stage is in the spec, and asks for this. */
static void begin_with(bool open, const struct demand *demand)
{
    struct job_spec s = {.name = "t", .open = open};
    struct buf b;

    arena_used = facts_count = 0;
    parts_begin();
    for (uint32_t i = 0; i < STAGES; i++) {
        struct part *p = parts_add(1 + i % 3, false);

        if (i > 0)
            parts_need(p, i - 1, 0);
    }
    parts_spec(&s, "sum");
    s.stage.demand = *demand;
    s.more = (struct bytes){NULL, 0};
    s.more_count = 0;
    b = room();
    REQUIRE(put_spec(&b, &s) == 0);
    spec = kept(&b);
    job = spec_id(spec);
    spec = seal(FACT_SPEC, spec, 0);
}

static void begin(bool open)
{
    begin_with(open, &(struct demand){0});
}

static struct bytes stages_by(uint32_t from, uint32_t to, struct node_id author)
{
    struct buf b = room();

    put_stages_begin(&b, job, author);
    parts_append(&b, from, to, "sum");
    return seal(FACT_STAGES, kept(&b), 1);
}

static struct bytes stages(uint32_t from, uint32_t to)
{
    return stages_by(from, to, (struct node_id){0});
}

static struct bytes close_with(uint32_t count)
{
    struct close_fact c = {.count = count};
    struct buf b = room();

    put_close_body(&b, job, &c);
    return seal(FACT_CLOSE, kept(&b), 1);
}

static struct bytes value_of(uint32_t stage, uint64_t first)
{
    struct partial p = {.author = {{7}}, .from = first, .upto = first + 1, .count = 1};
    uint8_t raw[8];
    struct buf b = room();

    store_u64(raw, 1000 + stage);
    put_partial_begin(&b, &p);
    put_value(&b, &(struct value){{0, first}, {raw, 8}});
    return kept(&b);
}

static struct ledger *ledger(void)
{
    struct ledger *l;

    REQUIRE(ledger_new(&l, &heap.alloc, spec) == 0);
    return l;
}

TEST(stages_are_appended_in_their_order)
{
    struct stage_spec got;
    struct ledger *l;

    heap_init(&heap);
    begin(true);
    l = ledger();
    CHECK_INT(ledger_apply(l, stages(5, 9)), ERR_FULL);
    CHECK_INT(ledger_apply(l, stages(1, 5)), LEDGER_NEW);
    CHECK_INT(ledger_apply(l, stages(5, 9)), LEDGER_NEW);
    CHECK_INT(ledger_apply(l, stages(1, 5)), LEDGER_KNOWN);
    CHECK_INT(ledger_graph(l)->count, 9);
    for (uint32_t i = 1; i < 9; i++) {
        const struct stage_spec *s = graph_spec(ledger_graph(l), ledger_spec(l), i, &got);

        CHECK_STR(s->kernel, "sum");
        CHECK_INT(s->units, parts[i].leaves);
        CHECK_INT(s->params.data[0], parts[i].param);
        CHECK_INT(stage_need_at(s->needs, 0).stage, i - 1);
        CHECK_INT(ledger_graph(l)->stages[i - 1].readers_count, 1);
    }
    ledger_free(l);
    CHECK(heap_is_empty(&heap));
}

static struct bytes ended(void)
{
    struct outcome o = {.state = JOB_CANCELLED};
    struct buf b = room();

    put_outcome_body(&b, job, &o);
    return seal(FACT_OUTCOME, kept(&b), 1);
}

/* Who was told the end first is told the stages too, because its ledger is another. */
TEST(an_ended_job_without_its_stages_is_not_the_same)
{
    struct ledger *all, *some;
    struct buf all_facts;

    heap_init(&heap);
    begin(true);
    all = ledger();
    some = ledger();
    CHECK_INT(ledger_apply(all, stages(1, 5)), LEDGER_NEW);
    CHECK_INT(ledger_apply(all, ended()), LEDGER_NEW);
    CHECK_INT(ledger_apply(some, ended()), LEDGER_NEW);
    ledger_shrink(all);
    CHECK(!digest_equal(ledger_digest(all), ledger_digest(some)));
    all_facts = room();
    ledger_snapshot(all, &all_facts);
    for (struct reader r = reader_of(buf_bytes(&all_facts)); reader_left(&r) > 0;)
        CHECK(ledger_apply(some, read_block(&r, FRAME_PAYLOAD_MAX)) >= 0);
    CHECK(digest_equal(ledger_digest(all), ledger_digest(some)));
    CHECK_INT(ledger_graph(some)->count, 5);
    ledger_free(all);
    ledger_free(some);
    CHECK(heap_is_empty(&heap));
}

TEST(a_job_that_is_not_open_takes_none)
{
    struct ledger *l;

    heap_init(&heap);
    begin(false);
    l = ledger();
    CHECK(ledger_is_whole(l));
    CHECK_INT(ledger_apply(l, stages(1, 5)), ERR_FORMAT);
    CHECK_INT(ledger_apply(l, close_with(1)), ERR_FORMAT);
    ledger_free(l);
}

TEST(only_its_author_appends)
{
    struct ledger *l;

    heap_init(&heap);
    begin(true);
    l = ledger();
    CHECK_INT(ledger_apply(l, stages_by(1, 5, (struct node_id){{1}})), ERR_FORMAT);
    CHECK_INT(ledger_graph(l)->count, 1);
    ledger_free(l);
}

TEST(it_is_whole_when_it_is_closed_and_all_are_there)
{
    struct ledger *l;

    heap_init(&heap);
    begin(true);
    l = ledger();
    CHECK(!ledger_is_whole(l));
    CHECK_INT(ledger_apply(l, close_with(9)), LEDGER_NEW);
    CHECK_INT(ledger_apply(l, close_with(9)), LEDGER_KNOWN);
    CHECK(!ledger_is_whole(l));
    CHECK_INT(ledger_apply(l, stages(1, 9)), LEDGER_NEW);
    CHECK(ledger_is_whole(l));
    CHECK_INT(ledger_closed(l), 9);
    ledger_free(l);
}

/* Values of stages that are not known yet are not wrong, and are not taken. */
TEST(values_come_after_their_stage)
{
    struct ledger *l;

    heap_init(&heap);
    begin(true);
    l = ledger();
    CHECK_INT(ledger_apply(l, value_of(1, 2)), ERR_FULL);
    CHECK_INT(ledger_apply(l, stages(1, 3)), LEDGER_NEW);
    CHECK_INT(ledger_apply(l, value_of(1, 2)), LEDGER_NEW);
    CHECK_INT(ledger_apply(l, close_with(3)), LEDGER_NEW);
    CHECK_INT(ledger_apply(l, value_of(9, 900)), ERR_FORMAT);
    ledger_free(l);
}

/* Between the stages of a row are numbers that are no leaf of any. */
TEST(only_leaves_are_named)
{
    struct outcome o = {.state = JOB_CANCELLED};
    struct partial p = {.author = {{7}}};
    uint64_t leaves = 0;
    struct ledger *l;
    struct buf b;

    heap_init(&heap);
    begin(true);
    l = ledger();
    CHECK_INT(ledger_apply(l, stages(1, STAGES)), LEDGER_NEW);
    for (uint32_t i = 0; i < STAGES; i++)
        leaves += parts[i].leaves;
    p.upto = ledger_graph(l)->shape.end;
    CHECK(leaves < p.upto);
    b = room();
    put_outcome_body(&b, job, &o);
    CHECK_INT(ledger_apply(l, seal(FACT_OUTCOME, kept(&b), 1)), LEDGER_NEW);
    b = room();
    put_partial_begin(&b, &p);
    CHECK_INT(ledger_apply(l, kept(&b)), LEDGER_NEW);
    CHECK_INT(ledger_named(l, 0, p.upto), leaves);
    ledger_free(l);
    CHECK(heap_is_empty(&heap));
}

static void check_contradiction(struct bytes a, struct bytes b, struct bytes before)
{
    struct ledger *one = ledger(), *two = ledger(), *told = ledger();
    struct buf all;
    struct reader r;

    for (int i = 0; i < 2; i++)
        if (before.len > 0)
            CHECK_INT(ledger_apply(i == 0 ? one : two, before), LEDGER_NEW);
    CHECK_INT(ledger_apply(one, a), LEDGER_NEW);
    CHECK_INT(ledger_apply(one, b), LEDGER_DIVERGED);
    CHECK_INT(ledger_apply(two, b), LEDGER_NEW);
    CHECK_INT(ledger_apply(two, a), LEDGER_DIVERGED);
    CHECK(digest_equal(ledger_digest(one), ledger_digest(two)));
    CHECK_INT(ledger_outcome(one)->state, JOB_DIVERGENT);
    CHECK(strstr(ledger_outcome(one)->error, "its author said two different things") != NULL);
    buf_init(&all, &heap.alloc, 1 << 20);
    ledger_snapshot(one, &all);
    for (r = reader_of(buf_bytes(&all)); reader_left(&r) > 0;)
        CHECK(ledger_apply(told, read_block(&r, 1 << 20)) >= 0);
    CHECK(digest_equal(ledger_digest(one), ledger_digest(told)));
    buf_clear(&all);
    ledger_free(one);
    ledger_free(two);
    ledger_free(told);
}

TEST(an_author_who_contradicts_himself_makes_it_divergent)
{
    struct bytes list, other;

    heap_init(&heap);
    begin(true);
    list = stages(1, 5);
    parts[2].param = 99;
    other = stages(1, 5);
    check_contradiction(list, other, (struct bytes){NULL, 0});
    check_contradiction(list, stages(1, 4), (struct bytes){NULL, 0});
    check_contradiction(close_with(5), close_with(6), (struct bytes){NULL, 0});
    check_contradiction(list, close_with(3), (struct bytes){NULL, 0});
    check_contradiction(stages(3, 6), stages(3, 7), stages(1, 3));
    CHECK(heap_is_empty(&heap));
}

/* What a list may not say. */
TEST(a_list_that_cannot_be_is_refused_whole)
{
    struct ledger *l;
    struct stage_spec s = {.units = 1, .leaf_units = 1, .accumulator_size = 8};
    struct buf b;

    heap_init(&heap);
    begin(true);
    l = ledger();
    memcpy(s.kernel, "sum", 4);
    for (int k = 0; k < 4; k++) {
        b = room();
        put_stages_begin(&b, job, (struct node_id){0});
        put_append_begin(&b, 1, 2);
        put_append_like(&b, 0, (struct bytes){NULL, 0}, 0, (struct bytes){NULL, 0});
        s.reduction = k == 0 ? REDUCE_SEARCH : REDUCE_FOLD;
        s.accumulator_size = k == 0 ? 32 : 8;
        s.units = k == 1 ? 0 : 1;
        if (k == 2)
            put_append_like(&b, 1, (struct bytes){NULL, 0}, 0, (struct bytes){NULL, 0});
        else if (k == 3) {
            struct stage_need need = {2, 0};
            uint8_t raw[STAGE_NEED_BYTES];
            struct buf n;

            buf_init_fixed(&n, raw, sizeof raw);
            put_stage_need(&n, &need);
            put_append_like(&b, 0, (struct bytes){NULL, 0}, 1, buf_bytes(&n));
        } else {
            put_append_whole(&b, 2, &s);
        }
        CHECK(ledger_apply(l, seal(FACT_STAGES, kept(&b), 1)) < 0);
        CHECK_INT(ledger_graph(l)->count, 1);
    }
    ledger_free(l);
    CHECK(heap_is_empty(&heap));
}

static struct bytes sized(uint32_t like, uint64_t units, uint64_t leaf_units)
{
    struct buf b = room();

    put_stages_begin(&b, job, (struct node_id){0});
    put_append_begin(&b, 1, 4);
    put_append_like(&b, 0, (struct bytes){NULL, 0}, 0, (struct bytes){NULL, 0});
    put_append_sized(&b, like, units, leaf_units, bytes_of_text("other"), 0,
                     (struct bytes){NULL, 0});
    put_append_sized(&b, 0, 12, 5, bytes_of_text("third"), 0, (struct bytes){NULL, 0});
    put_append_sized(&b, 0, 6, 6, bytes_of_text("fourth"), 0, (struct bytes){NULL, 0});
    return seal(FACT_STAGES, kept(&b), 1);
}

/* It is like it in all else, and where both have one leaf they may be one run. */
TEST(a_stage_is_like_one_of_other_units)
{
    const struct stage_spec *s;
    struct stage_spec place;
    const struct graph *g;
    struct ledger *l;
    uint32_t first;

    heap_init(&heap);
    begin(true);
    l = ledger();
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
    CHECK(heap_is_empty(&heap));
}

static struct bytes named(const char *name, const char *args, uint64_t units)
{
    struct stage_spec s = {.units = units, .leaf_units = 1, .params = bytes_of_text("other")};
    struct buf b = room();

    text_copy(s.name, sizeof s.name, name);
    text_copy(s.args, sizeof s.args, args);
    put_stages_begin(&b, job, (struct node_id){0});
    put_append_begin(&b, 1, 2);
    put_append_named(&b, 0, units > 0, &s);
    put_append_like(&b, 0, (struct bytes){NULL, 0}, 0, (struct bytes){NULL, 0});
    return seal(FACT_STAGES, kept(&b), 1);
}

/* So a graph of many stages is short, and may be shown by their names. */
TEST(a_stage_is_like_one_of_another_name)
{
    const struct stage_spec *s;
    struct stage_spec place;
    struct ledger *l;

    heap_init(&heap);
    for (uint64_t units = 0; units < 9; units += 4) {
        begin(true);
        l = ledger();
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
    CHECK(heap_is_empty(&heap));
}

/* One that collects, of so many leaves, and (`reads`) one behind it that reads what they yield. */
static struct bytes collecting(uint32_t number, uint64_t leaves, bool reads)
{
    struct stage_spec s = {.units = leaves, .leaf_units = 1, .reduction = REDUCE_COLLECT};
    struct stage_need need = {number, 0};
    uint8_t raw[STAGE_NEED_BYTES];
    struct buf b = room(), n;

    memcpy(s.kernel, "grep", 5);
    buf_init_fixed(&n, raw, sizeof raw);
    put_stage_need(&n, &need);
    put_stages_begin(&b, job, (struct node_id){0});
    put_append_begin(&b, number, reads ? 2 : 1);
    put_append_whole(&b, number, &s);
    if (reads)
        put_append_like(&b, 0, (struct bytes){NULL, 0}, 1, buf_bytes(&n));
    return seal(FACT_STAGES, kept(&b), 1);
}

/* Each leaf of it is an input of its readers, in the same list too, and all together are bounded as
 * in a specification. */
TEST(what_is_appended_may_collect)
{
    const struct graph *g;
    struct ledger *l;

    heap_init(&heap);
    begin(true);
    l = ledger();
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
    CHECK(heap_is_empty(&heap));
}

static struct bytes one_stage(uint32_t number, const struct demand *demand)
{
    struct stage_spec s = {.units = 1, .leaf_units = 1, .accumulator_size = 8, .demand = *demand};
    struct buf b = room();

    memcpy(s.kernel, "sum", 4);
    put_stages_begin(&b, job, (struct node_id){0});
    put_append_begin(&b, number, 1);
    put_append_whole(&b, number, &s);
    return seal(FACT_STAGES, kept(&b), 1);
}

/* Whether the spec asks for it or not; different ones are few. */
TEST(what_is_appended_asks_for_something_of_nodes)
{
    struct demand asked = {.cpus = 2, .on = bytes_of_text("gpu=1")}, other = asked, got;
    const struct graph_stage *s;
    struct ledger *l;
    struct buf b;

    heap_init(&heap);
    begin_with(true, &asked);
    l = ledger();
    other.on = bytes_of_text("gpu=");
    CHECK_INT(ledger_apply(l, one_stage(1, &other)), ERR_FORMAT);
    CHECK_INT(ledger_graph(l)->count, 1);
    CHECK_INT(ledger_apply(l, one_stage(1, &asked)), LEDGER_NEW);
    CHECK_INT(ledger_apply(l, one_stage(2, &(struct demand){0})), LEDGER_NEW);
    b = room();
    put_stages_begin(&b, job, (struct node_id){0});
    put_append_begin(&b, 3, 2);
    put_append_like(&b, 1, (struct bytes){NULL, 0}, 0, (struct bytes){NULL, 0});
    put_append_like(&b, 2, (struct bytes){NULL, 0}, 0, (struct bytes){NULL, 0});
    CHECK_INT(ledger_apply(l, seal(FACT_STAGES, kept(&b), 1)), LEDGER_NEW);
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
    CHECK(heap_is_empty(&heap));
}

/* What it takes to read a list; what nobody here can is refused as such. */
TEST(a_list_says_which_generation_reads_it)
{
    struct demand asked = {.cpus = 2}, other = {.cpus = 3};
    struct stage_spec named = {.name = "x"};
    struct ledger *l;
    struct buf b;

    heap_init(&heap);
    begin_with(true, &asked);
    l = ledger();
    CHECK_INT(ledger_apply(l, one_stage(1, &asked)), LEDGER_NEW);
    CHECK_INT(ledger_graph(l)->level, FEATURE_FIRST);
    b = room();
    put_stages_begin(&b, job, (struct node_id){0});
    put_append_begin(&b, 2, 1);
    put_u32(&b, APPEND_LATER & ~(APPEND_LATER << 1));
    CHECK_INT(ledger_apply(l, seal(FACT_STAGES, kept(&b), 1)), ERR_VERSION);
    CHECK_INT(ledger_graph(l)->count, 2);
    CHECK_INT(ledger_apply(l, one_stage(2, &other)), LEDGER_NEW);
    CHECK_INT(ledger_graph(l)->level, FEATURE_APPEND_MORE);
    ledger_free(l);
    begin_with(true, &asked);
    l = ledger();
    b = room();
    put_stages_begin(&b, job, (struct node_id){0});
    put_append_begin(&b, 1, 1);
    put_append_named(&b, 0, false, &named);
    CHECK_INT(ledger_apply(l, seal(FACT_STAGES, kept(&b), 1)), LEDGER_NEW);
    CHECK_INT(ledger_graph(l)->level, FEATURE_APPEND_MORE);
    ledger_free(l);
    CHECK(heap_is_empty(&heap));
}

static void apply_in_some_order(struct ledger *l, struct prng *p)
{
    uint32_t left = facts_count;
    bool done[FACTS_MAX] = {false};

    while (left > 0) {
        uint32_t i = (uint32_t)prng_below(p, facts_count);
        int rc = ledger_apply(l, facts[i]);

        CHECK(rc >= 0 || rc == ERR_FULL);
        left -= rc >= 0 && !done[i];
        done[i] |= rc >= 0;
    }
}

static void merge_into(struct ledger *to, const struct ledger *from)
{
    struct buf all;
    struct reader r;

    buf_init(&all, &heap.alloc, 1 << 20);
    ledger_snapshot(from, &all);
    for (r = reader_of(buf_bytes(&all)); reader_left(&r) > 0;)
        CHECK(ledger_apply(to, read_block(&r, 1 << 20)) >= 0);
    buf_clear(&all);
}

/* Facts in any order, and snapshots of ledgers that have some of them, come to one thing. */
TEST(merging_is_commutative_associative_and_idempotent)
{
    struct prng p;

    prng_init(&p, 520);
    heap_init(&heap);
    for (int round = 0; round < 60; round++) {
        struct ledger *l[3], *all;
        uint32_t at = 1, closed = 0;

        begin(true);
        while (at < STAGES) {
            uint32_t to = at + 1 + (uint32_t)prng_below(&p, 7);

            to = to < STAGES ? to : STAGES;
            facts[facts_count++] = stages(at, to);
            at = to;
        }
        all = ledger();
        for (uint32_t i = 0; i < facts_count; i++)
            CHECK_INT(ledger_apply(all, facts[i]), LEDGER_NEW);
        for (uint32_t k = 0; k < 30; k++) {
            uint32_t stage = (uint32_t)prng_below(&p, STAGES);

            facts[facts_count++] =
                value_of(stage, shape_at(&ledger_graph(all)->shape, stage).first);
        }
        if (prng_below(&p, 2) == 0)
            closed = facts_count, facts[facts_count++] = close_with(STAGES);
        for (int i = 0; i < 3; i++) {
            l[i] = ledger();
            for (uint32_t k = 0; k < facts_count; k++)
                if (prng_below(&p, 3) > 0)
                    (void)ledger_apply(l[i], facts[k]);
        }
        merge_into(l[0], l[1]);
        merge_into(l[0], l[2]);
        merge_into(l[2], l[1]);
        merge_into(l[2], l[0]);
        CHECK(digest_equal(ledger_digest(l[0]), ledger_digest(l[2])));
        merge_into(l[2], l[2]);
        CHECK(digest_equal(ledger_digest(l[0]), ledger_digest(l[2])));
        for (int i = 0; i < 2; i++) {
            apply_in_some_order(l[i], &p);
            CHECK_INT(ledger_graph(l[i])->count, STAGES);
            CHECK(ledger_is_whole(l[i]) == (closed > 0));
        }
        CHECK(digest_equal(ledger_digest(l[0]), ledger_digest(l[1])));
        for (int i = 0; i < 3; i++)
            ledger_free(l[i]);
        ledger_free(all);
    }
    CHECK(heap_is_empty(&heap));
}

/* Stages that a node works on before it holds the job are news when they come as facts. */
TEST(lent_stages_are_news_once)
{
    struct ledger *from, *to;

    heap_init(&heap);
    begin(true);
    from = ledger();
    to = ledger();
    CHECK_INT(ledger_apply(from, stages(1, 5)), LEDGER_NEW);
    CHECK_INT(ledger_apply(from, stages(5, 9)), LEDGER_NEW);
    CHECK_INT(ledger_lend(to, ledger_graph(from)), 0);
    CHECK_INT(ledger_graph(to)->count, 9);
    CHECK(digest_equal(ledger_digest(from), ledger_digest(to)));
    CHECK_INT(ledger_apply(to, stages(1, 5)), LEDGER_NEW);
    CHECK_INT(ledger_apply(to, stages(1, 5)), LEDGER_KNOWN);
    ledger_free(from);
    ledger_free(to);
    CHECK(heap_is_empty(&heap));
}

static int append_some(struct ledger **l)
{
    int rc = ledger_new(l, &heap.alloc, spec);

    if (rc < 0)
        return rc;
    rc = ledger_apply(*l, stages(1, 20));
    if (rc >= 0)
        rc = ledger_apply(*l, stages(20, 40));
    return rc < 0 ? rc : ledger_apply(*l, close_with(40));
}

TEST(a_list_that_finds_no_memory_is_not_there)
{
    heap_init(&heap);
    begin(true);
    for (uint32_t fail = 1;; fail++) {
        struct ledger *l = NULL;
        size_t used = arena_used;
        int rc;

        heap.fail_at = heap.calls + fail;
        rc = append_some(&l);
        heap.fail_at = 0;
        arena_used = used;
        if (l != NULL && rc < 0) {
            CHECK_INT(rc, ERR_NO_MEMORY);
            CHECK(ledger_graph(l)->count == 1 || ledger_graph(l)->count == 20 ||
                  ledger_graph(l)->count == 40);
        }
        if (l != NULL)
            ledger_free(l);
        CHECK(heap_is_empty(&heap));
        if (rc >= 0)
            break;
    }
}

TEST_MAIN(stages_are_appended_in_their_order, an_ended_job_without_its_stages_is_not_the_same,
          a_job_that_is_not_open_takes_none, only_its_author_appends,
          it_is_whole_when_it_is_closed_and_all_are_there, values_come_after_their_stage,
          a_stage_is_like_one_of_other_units, a_stage_is_like_one_of_another_name,
          what_is_appended_may_collect, only_leaves_are_named,
          an_author_who_contradicts_himself_makes_it_divergent,
          a_list_that_cannot_be_is_refused_whole, what_is_appended_asks_for_something_of_nodes,
          a_list_says_which_generation_reads_it, merging_is_commutative_associative_and_idempotent,
          lent_stages_are_news_once, a_list_that_finds_no_memory_is_not_there)
