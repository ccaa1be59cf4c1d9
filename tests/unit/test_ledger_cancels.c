/* Stages that are cancelled one by one, in their ledger: which they are does not depend on the
 * order in which that is heard, and however many there are, few facts say so. */
#include "core/base/err.h"
#include "core/base/prng.h"
#include "core/base/text.h"
#include "core/job/ledger.h"
#include "core/wire/feature.h"
#include "tests/lib/check.h"
#include "tests/lib/heap.h"
#include "tests/lib/parts.h"

#define STAGES 40

static struct heap heap;
static uint8_t arena[1 << 18];
static size_t arena_used;
static struct job_id job;

static struct bytes sealed(enum fact_kind kind, const struct buf *body, uint8_t mark)
{
    struct signed_bytes s = {.certificate = bytes_of_text("cert"), .body = buf_bytes(body)};
    struct buf b;

    s.signature[0] = mark;
    buf_init_fixed(&b, arena + arena_used, sizeof arena - arena_used);
    put_signed_fact(&b, kind, &s);
    REQUIRE(buf_result(&b) == 0);
    arena_used += b.len;
    return buf_bytes(&b);
}

/* Of an open job that has its first stage. */
static struct ledger *ledger(void)
{
    struct job_spec s = {.name = "t", .open = true};
    uint8_t bytes[1024];
    struct ledger *l;
    struct buf body;

    parts_begin();
    for (uint32_t i = 0; i < STAGES; i++)
        parts_add(1 + i % 3, false);
    parts_spec(&s, "sum");
    s.more = (struct bytes){NULL, 0};
    s.more_count = 0;
    buf_init_fixed(&body, bytes, sizeof bytes);
    REQUIRE(put_spec(&body, &s) == 0);
    job = spec_id(buf_bytes(&body));
    REQUIRE(ledger_new(&l, &heap.alloc, sealed(FACT_SPEC, &body, 0)) == 0);
    return l;
}

/* All the others. */
static struct bytes rest(void)
{
    uint8_t bytes[8192];
    struct buf body;

    buf_init_fixed(&body, bytes, sizeof bytes);
    put_stages_begin(&body, job, (struct node_id){0});
    parts_append(&body, 1, STAGES, "sum");
    return sealed(FACT_STAGES, &body, 1);
}

static struct bytes closed(void)
{
    struct close_fact c = {.count = STAGES};
    uint8_t bytes[128];
    struct buf body;

    buf_init_fixed(&body, bytes, sizeof bytes);
    put_close_body(&body, job, &c);
    return sealed(FACT_CLOSE, &body, 1);
}

static struct bytes ended(void)
{
    struct outcome o = {.state = JOB_FAILED};
    uint8_t bytes[256];
    struct buf body;

    buf_init_fixed(&body, bytes, sizeof bytes);
    put_outcome_body(&body, job, &o);
    return sealed(FACT_OUTCOME, &body, 1);
}

static struct bytes cancel(struct stage_cancel c, uint8_t by)
{
    uint8_t bytes[256];
    struct buf body;

    c.by = (struct node_id){{by}};
    buf_init_fixed(&body, bytes, sizeof bytes);
    put_stage_cancel_body(&body, job, &c);
    return sealed(FACT_STAGE_CANCEL, &body, by);
}

/* Signed by this one, so that no two are alike. */
static struct bytes cancel_of(uint32_t stage, uint8_t by)
{
    uint8_t set[1];

    return cancel(stage_cancel_of((struct node_id){{0}}, stage, set), by);
}

/* The fact that a coordinator says in place of those there are. */
static struct bytes joined(const struct ledger *l, uint8_t by)
{
    return cancel(ledger_stage_cancels(l, 0), by);
}

static void check_cancelled(const struct ledger *l, const bool *expected)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < STAGES; i++) {
        CHECK(ledger_stage_cancelled(l, i) == expected[i]);
        CHECK((ledger_stage_cancel_fact(l, i).len > 0) == expected[i]);
        count += expected[i];
    }
    CHECK_INT(ledger_stages_cancelled(l), count);
}

static void take_snapshot(struct ledger *to, const struct ledger *from, bool own)
{
    struct buf all;

    buf_init(&all, &heap.alloc, 1 << 20);
    if (own)
        ledger_snapshot_own(from, &all);
    else
        ledger_snapshot(from, &all);
    for (struct reader r = reader_of(buf_bytes(&all)); reader_left(&r) > 0;)
        CHECK(ledger_apply(to, read_block(&r, FRAME_PAYLOAD_MAX)) >= 0);
    buf_clear(&all);
}

TEST(stages_are_cancelled_one_by_one)
{
    bool expected[STAGES] = {[3] = true, [8] = true, [9] = true};
    struct ledger *l, *told;

    heap_init(&heap);
    arena_used = 0;
    l = ledger();
    told = ledger();
    CHECK_INT(ledger_apply(l, cancel_of(3, 1)), ERR_FULL); /* it may still come */
    CHECK_INT(ledger_apply(l, rest()), LEDGER_NEW);
    CHECK_INT(ledger_graph(l)->level, FEATURE_FIRST);
    CHECK_INT(ledger_apply(l, cancel_of(9, 1)), LEDGER_NEW);
    CHECK_INT(ledger_graph(l)->level, FEATURE_STAGE_CANCEL);
    CHECK_INT(ledger_apply(l, cancel_of(9, 2)), LEDGER_KNOWN);
    CHECK_INT(ledger_apply(l, cancel_of(3, 1)), LEDGER_NEW);
    CHECK_INT(ledger_apply(l, cancel_of(8, 1)), LEDGER_NEW);
    check_cancelled(l, expected);
    CHECK(ledger_keeps(l, FACT_STAGE_CANCEL, ledger_stage_cancel_fact(l, 9)));
    CHECK(!ledger_keeps(l, FACT_STAGE_CANCEL, cancel_of(9, 2)));
    CHECK_INT(ledger_apply(l, closed()), LEDGER_NEW);
    CHECK_INT(ledger_apply(l, cancel_of(STAGES, 1)), ERR_FORMAT);
    for (int own = 0; own < 2; own++) {
        take_snapshot(told, l, own != 0);
        check_cancelled(told, expected);
        CHECK(digest_equal(ledger_digest(told), ledger_digest(l)));
    }
    /* They outlive the cover, for whoever asks why it failed. */
    CHECK_INT(ledger_apply(l, ended()), LEDGER_NEW);
    ledger_shrink(l);
    check_cancelled(l, expected);
    ledger_free(l);
    ledger_free(told);
    CHECK(heap_is_empty(&heap));
}

/* In any order, joined by anybody at any time, twice, or told in part: it comes to the same. */
TEST(the_order_of_cancels_does_not_matter)
{
    for (uint64_t seed = 0; seed < 200; seed++) {
        bool expected[STAGES] = {false};
        struct ledger *one, *two;
        struct prng p;

        heap_init(&heap);
        arena_used = 0;
        prng_init(&p, seed);
        one = ledger();
        two = ledger();
        REQUIRE(ledger_apply(one, rest()) == LEDGER_NEW);
        REQUIRE(ledger_apply(two, rest()) == LEDGER_NEW);
        for (uint32_t i = 0; i < 30; i++) {
            uint32_t stage = (uint32_t)prng_below(&p, STAGES), which = (uint32_t)prng_below(&p, 3);
            struct bytes fact = cancel_of(stage, (uint8_t)(1 + i % 5));

            if (i % 4 == 3 && ledger_stages_cancelled(one) > 0)
                fact = joined(one, 7);
            else
                expected[stage] = true;
            if (which != 0)
                CHECK(ledger_apply(one, fact) >= 0);
            if (which != 1)
                CHECK(ledger_apply(two, fact) >= 0);
        }
        take_snapshot(one, two, false);
        take_snapshot(two, one, true);
        check_cancelled(one, expected);
        check_cancelled(two, expected);
        if (!CHECK(digest_equal(ledger_digest(one), ledger_digest(two))))
            printf("seed %d\n", (int)seed);
        ledger_free(one);
        ledger_free(two);
        CHECK(heap_is_empty(&heap));
    }
}

/* However many stages are cancelled, a ledger that is looked after says so in a few facts. */
TEST(many_cancels_become_one_fact)
{
    bool expected[STAGES] = {false};
    struct ledger *l;
    size_t bytes;

    heap_init(&heap);
    arena_used = 0;
    l = ledger();
    REQUIRE(ledger_apply(l, rest()) == LEDGER_NEW);
    for (uint32_t i = 1; i < 9; i++)
        CHECK_INT(ledger_apply(l, cancel_of(3 * i, 1)), LEDGER_NEW);
    CHECK(!ledger_stage_cancels_apart(l, 5));
    CHECK_INT(ledger_apply(l, cancel_of(39, 1)), LEDGER_NEW);
    CHECK(ledger_stage_cancels_apart(l, 5));
    CHECK(!ledger_stage_cancels_apart(l, STAGE_CANCEL_SPAN));
    bytes = ledger_bytes(l);
    CHECK_INT(ledger_apply(l, joined(l, 2)), LEDGER_KNOWN);
    CHECK(!ledger_stage_cancels_apart(l, 5));
    CHECK(ledger_bytes(l) < bytes);
    for (uint32_t i = 1; i < STAGES; i++)
        expected[i] = (i % 3 == 0 && i < 27) || i == 39;
    check_cancelled(l, expected);
    CHECK_INT(ledger_apply(l, cancel_of(6, 3)), LEDGER_KNOWN);
    CHECK(bytes_equal(ledger_stage_cancel_fact(l, 6), ledger_stage_cancel_fact(l, 39)));
    ledger_free(l);
    CHECK(heap_is_empty(&heap));
}

TEST_MAIN(stages_are_cancelled_one_by_one, the_order_of_cancels_does_not_matter,
          many_cancels_become_one_fact)
