/* What the author of an open job appends, in its ledger: lists come in order, however often and
 * from whomever; what contradicts itself makes the job divergent, in whatever order it is heard. */
#include "core/base/ensure.h"
#include "core/base/err.h"
#include "core/base/prng.h"
#include "core/base/text.h"
#include "core/job/ledger.h"
#include "tests/lib/appended.h"
#include "tests/lib/check.h"
#include "tests/lib/heap.h"
#include "tests/lib/parts.h"

#define FACTS_MAX 128

static struct bytes facts[FACTS_MAX];
static uint32_t facts_count;

TEST(stages_are_appended_in_their_order)
{
    struct stage_spec got;
    struct ledger *l;

    heap_init(&appended_heap);
    appended_begin(true);
    l = appended_ledger();
    CHECK_INT(ledger_apply(l, appended_stages(5, 9)), ERR_FULL);
    CHECK_INT(ledger_apply(l, appended_stages(1, 5)), LEDGER_NEW);
    CHECK_INT(ledger_apply(l, appended_stages(5, 9)), LEDGER_NEW);
    CHECK_INT(ledger_apply(l, appended_stages(1, 5)), LEDGER_KNOWN);
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
    CHECK(heap_is_empty(&appended_heap));
}

static struct bytes ended(void)
{
    struct outcome o = {.state = JOB_CANCELLED};
    struct buf b = appended_room();

    put_outcome_body(&b, appended_job, &o);
    return appended_seal(FACT_OUTCOME, appended_kept(&b), 1);
}

/* Who was told the end first is told the stages too, because its ledger is another. */
TEST(an_ended_job_without_its_stages_is_not_the_same)
{
    struct ledger *all, *some;
    struct buf all_facts;

    heap_init(&appended_heap);
    appended_begin(true);
    all = appended_ledger();
    some = appended_ledger();
    CHECK_INT(ledger_apply(all, appended_stages(1, 5)), LEDGER_NEW);
    CHECK_INT(ledger_apply(all, ended()), LEDGER_NEW);
    CHECK_INT(ledger_apply(some, ended()), LEDGER_NEW);
    ledger_shrink(all);
    CHECK(!digest_equal(ledger_digest(all), ledger_digest(some)));
    all_facts = appended_room();
    ledger_snapshot(all, &all_facts);
    for (struct reader r = reader_of(buf_bytes(&all_facts)); reader_left(&r) > 0;)
        CHECK(ledger_apply(some, read_block(&r, FRAME_PAYLOAD_MAX)) >= 0);
    CHECK(digest_equal(ledger_digest(all), ledger_digest(some)));
    CHECK_INT(ledger_graph(some)->count, 5);
    ledger_free(all);
    ledger_free(some);
    CHECK(heap_is_empty(&appended_heap));
}

TEST(a_job_that_is_not_open_takes_none)
{
    struct ledger *l;

    heap_init(&appended_heap);
    appended_begin(false);
    l = appended_ledger();
    CHECK(ledger_is_whole(l));
    CHECK_INT(ledger_apply(l, appended_stages(1, 5)), ERR_FORMAT);
    CHECK_INT(ledger_apply(l, appended_close_with(1)), ERR_FORMAT);
    ledger_free(l);
}

TEST(only_its_author_appends)
{
    struct ledger *l;

    heap_init(&appended_heap);
    appended_begin(true);
    l = appended_ledger();
    CHECK_INT(ledger_apply(l, appended_stages_by(1, 5, (struct node_id){{1}})), ERR_FORMAT);
    CHECK_INT(ledger_graph(l)->count, 1);
    ledger_free(l);
}

TEST(it_is_whole_when_it_is_closed_and_all_are_there)
{
    struct ledger *l;

    heap_init(&appended_heap);
    appended_begin(true);
    l = appended_ledger();
    CHECK(!ledger_is_whole(l));
    CHECK_INT(ledger_apply(l, appended_close_with(9)), LEDGER_NEW);
    CHECK_INT(ledger_apply(l, appended_close_with(9)), LEDGER_KNOWN);
    CHECK(!ledger_is_whole(l));
    CHECK_INT(ledger_apply(l, appended_stages(1, 9)), LEDGER_NEW);
    CHECK(ledger_is_whole(l));
    CHECK_INT(ledger_closed(l), 9);
    ledger_free(l);
}

/* Values of stages that are not known yet are not wrong, and are not taken. */
TEST(values_come_after_their_stage)
{
    struct ledger *l;

    heap_init(&appended_heap);
    appended_begin(true);
    l = appended_ledger();
    CHECK_INT(ledger_apply(l, appended_value_of(1, 2)), ERR_FULL);
    CHECK_INT(ledger_apply(l, appended_stages(1, 3)), LEDGER_NEW);
    CHECK_INT(ledger_apply(l, appended_value_of(1, 2)), LEDGER_NEW);
    CHECK_INT(ledger_apply(l, appended_close_with(3)), LEDGER_NEW);
    CHECK_INT(ledger_apply(l, appended_value_of(9, 900)), ERR_FORMAT);
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

    heap_init(&appended_heap);
    appended_begin(true);
    l = appended_ledger();
    CHECK_INT(ledger_apply(l, appended_stages(1, APPENDED_STAGES)), LEDGER_NEW);
    for (uint32_t i = 0; i < APPENDED_STAGES; i++)
        leaves += parts[i].leaves;
    p.upto = ledger_graph(l)->shape.end;
    CHECK(leaves < p.upto);
    b = appended_room();
    put_outcome_body(&b, appended_job, &o);
    CHECK_INT(ledger_apply(l, appended_seal(FACT_OUTCOME, appended_kept(&b), 1)), LEDGER_NEW);
    b = appended_room();
    put_partial_begin(&b, &p);
    CHECK_INT(ledger_apply(l, appended_kept(&b)), LEDGER_NEW);
    CHECK_INT(ledger_named(l, 0, p.upto), leaves);
    ledger_free(l);
    CHECK(heap_is_empty(&appended_heap));
}

static void check_contradiction(struct bytes a, struct bytes b, struct bytes before)
{
    struct ledger *one = appended_ledger(), *two = appended_ledger(), *told = appended_ledger();
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
    buf_init(&all, &appended_heap.alloc, 1 << 20);
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

    heap_init(&appended_heap);
    appended_begin(true);
    list = appended_stages(1, 5);
    parts[2].param = 99;
    other = appended_stages(1, 5);
    check_contradiction(list, other, (struct bytes){NULL, 0});
    check_contradiction(list, appended_stages(1, 4), (struct bytes){NULL, 0});
    check_contradiction(appended_close_with(5), appended_close_with(6), (struct bytes){NULL, 0});
    check_contradiction(list, appended_close_with(3), (struct bytes){NULL, 0});
    check_contradiction(appended_stages(3, 6), appended_stages(3, 7), appended_stages(1, 3));
    CHECK(heap_is_empty(&appended_heap));
}

/* What a list may not say. */
TEST(a_list_that_cannot_be_is_refused_whole)
{
    struct ledger *l;
    struct stage_spec s = {.units = 1, .leaf_units = 1, .accumulator_size = 8};
    struct buf b;

    heap_init(&appended_heap);
    appended_begin(true);
    l = appended_ledger();
    memcpy(s.kernel, "sum", 4);
    for (int k = 0; k < 4; k++) {
        b = appended_room();
        put_stages_begin(&b, appended_job, (struct node_id){0});
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
        CHECK(ledger_apply(l, appended_seal(FACT_STAGES, appended_kept(&b), 1)) < 0);
        CHECK_INT(ledger_graph(l)->count, 1);
    }
    ledger_free(l);
    CHECK(heap_is_empty(&appended_heap));
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

    buf_init(&all, &appended_heap.alloc, 1 << 20);
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
    heap_init(&appended_heap);
    for (int round = 0; round < 60; round++) {
        struct ledger *l[3], *all;
        uint32_t at = 1, closed = 0;

        facts_count = 0;
        appended_begin(true);
        while (at < APPENDED_STAGES) {
            uint32_t to = at + 1 + (uint32_t)prng_below(&p, 7);

            to = to < APPENDED_STAGES ? to : APPENDED_STAGES;
            facts[facts_count++] = appended_stages(at, to);
            at = to;
        }
        all = appended_ledger();
        for (uint32_t i = 0; i < facts_count; i++)
            CHECK_INT(ledger_apply(all, facts[i]), LEDGER_NEW);
        for (uint32_t k = 0; k < 30; k++) {
            uint32_t stage = (uint32_t)prng_below(&p, APPENDED_STAGES);

            facts[facts_count++] =
                appended_value_of(stage, shape_at(&ledger_graph(all)->shape, stage).first);
        }
        if (prng_below(&p, 2) == 0)
            closed = facts_count, facts[facts_count++] = appended_close_with(APPENDED_STAGES);
        for (int i = 0; i < 3; i++) {
            l[i] = appended_ledger();
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
            CHECK_INT(ledger_graph(l[i])->count, APPENDED_STAGES);
            CHECK(ledger_is_whole(l[i]) == (closed > 0));
        }
        CHECK(digest_equal(ledger_digest(l[0]), ledger_digest(l[1])));
        for (int i = 0; i < 3; i++)
            ledger_free(l[i]);
        ledger_free(all);
    }
    CHECK(heap_is_empty(&appended_heap));
}

/* Stages that a node works on before it holds the job are news when they come as facts. */
TEST(lent_stages_are_news_once)
{
    struct ledger *from, *to;

    heap_init(&appended_heap);
    appended_begin(true);
    from = appended_ledger();
    to = appended_ledger();
    CHECK_INT(ledger_apply(from, appended_stages(1, 5)), LEDGER_NEW);
    CHECK_INT(ledger_apply(from, appended_stages(5, 9)), LEDGER_NEW);
    CHECK_INT(ledger_lend(to, ledger_graph(from)), 0);
    CHECK_INT(ledger_graph(to)->count, 9);
    CHECK(digest_equal(ledger_digest(from), ledger_digest(to)));
    CHECK_INT(ledger_apply(to, appended_stages(1, 5)), LEDGER_NEW);
    CHECK_INT(ledger_apply(to, appended_stages(1, 5)), LEDGER_KNOWN);
    ledger_free(from);
    ledger_free(to);
    CHECK(heap_is_empty(&appended_heap));
}

static int append_some(struct ledger **l)
{
    int rc = ledger_new(l, &appended_heap.alloc, appended_spec);

    if (rc < 0)
        return rc;
    rc = ledger_apply(*l, appended_stages(1, 20));
    if (rc >= 0)
        rc = ledger_apply(*l, appended_stages(20, 40));
    return rc < 0 ? rc : ledger_apply(*l, appended_close_with(40));
}

TEST(a_list_that_finds_no_memory_is_not_there)
{
    heap_init(&appended_heap);
    appended_begin(true);
    for (uint32_t fail = 1;; fail++) {
        struct ledger *l = NULL;
        size_t used = appended_used;
        int rc;

        appended_heap.fail_at = appended_heap.calls + fail;
        rc = append_some(&l);
        appended_heap.fail_at = 0;
        appended_used = used;
        if (l != NULL && rc < 0) {
            CHECK_INT(rc, ERR_NO_MEMORY);
            CHECK(ledger_graph(l)->count == 1 || ledger_graph(l)->count == 20 ||
                  ledger_graph(l)->count == 40);
        }
        if (l != NULL)
            ledger_free(l);
        CHECK(heap_is_empty(&appended_heap));
        if (rc >= 0)
            break;
    }
}

TEST_MAIN(stages_are_appended_in_their_order, an_ended_job_without_its_stages_is_not_the_same,
          a_job_that_is_not_open_takes_none, only_its_author_appends,
          it_is_whole_when_it_is_closed_and_all_are_there, values_come_after_their_stage,
          only_leaves_are_named, an_author_who_contradicts_himself_makes_it_divergent,
          a_list_that_cannot_be_is_refused_whole, merging_is_commutative_associative_and_idempotent,
          lent_stages_are_news_once, a_list_that_finds_no_memory_is_not_there)
