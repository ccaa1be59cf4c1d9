/* A ledger of several stages: what it takes, that a snapshot says it all, and that of the numbers
 * between two stages none is ever named. */
#include "core/base/err.h"
#include "core/base/prng.h"
#include "core/job/account.h"
#include "core/job/ledger_inside.h"
#include "tests/lib/check.h"
#include "tests/lib/heap.h"
#include "tests/lib/parts.h"

static struct heap heap;
static struct ledger *ledger;

static struct node_id id_of(uint8_t n)
{
    struct node_id id;

    memset(id.bytes, n, sizeof id.bytes);
    return id;
}

static void begin(void)
{
    struct job_spec spec = {.name = "t"};
    struct signed_bytes sealed = {.certificate = bytes_of_text("c")};
    struct buf body, fact;

    heap_init(&heap);
    parts_spec(&spec, "work");
    buf_init(&body, &heap.alloc, SPEC_SIZE_MAX);
    buf_init(&fact, &heap.alloc, SPEC_SIZE_MAX + 1000);
    REQUIRE(put_spec(&body, &spec) == 0);
    sealed.body = buf_bytes(&body);
    put_signed_fact(&fact, FACT_SPEC, &sealed);
    REQUIRE(ledger_new(&ledger, &heap.alloc, buf_bytes(&fact)) == 0);
    buf_clear(&body);
    buf_clear(&fact);
}

static void end(void)
{
    ledger_free(ledger);
    CHECK(heap_is_empty(&heap));
}

/* A report of leaves [from, upto) of one author, with a value for each, of `len` bytes. */
static int report(uint8_t author, uint64_t from, uint64_t upto, size_t len)
{
    struct partial p = {.author = id_of(author), .from = from, .upto = upto};
    static const uint8_t value[9];
    uint8_t room[8192];
    struct buf f;

    p.count = (uint16_t)(upto - from);
    buf_init_fixed(&f, room, sizeof room);
    put_partial_begin(&f, &p);
    for (uint64_t leaf = from; leaf < upto; leaf++)
        put_value(&f, &(struct value){{0, leaf}, {value, len}});
    return ledger_apply(ledger, buf_bytes(&f));
}

/* Applies a snapshot of the ledger to another one. */
static struct ledger *copied(void)
{
    struct ledger *other = NULL;
    struct reader r;
    struct buf all;

    buf_init(&all, &heap.alloc, 1 << 20);
    ledger_snapshot(ledger, &all);
    r = reader_of(buf_bytes(&all));
    REQUIRE(ledger_new(&other, &heap.alloc, read_block(&r, 1 << 20)) == 0);
    while (reader_left(&r) > 0)
        CHECK(ledger_apply(other, read_block(&r, 1 << 20)) >= 0);
    buf_clear(&all);
    return other;
}

static uint64_t named(const struct ledger *l)
{
    return account_leaves(&l->account);
}

/* Stages of 5, 1, 1 and 3 leaves: 0-4, 8, 9, 12-14. */
static void four(void)
{
    parts_begin();
    parts_add(5, false);
    parts_add(1, false);
    parts_add(1, true);
    parts_add(3, true);
    begin();
}

TEST(values_go_by_their_place_in_the_row)
{
    four();
    CHECK_INT(report(1, 0, 2, 8), LEDGER_NEW);
    CHECK_INT(report(1, 8, 9, 8), LEDGER_NEW);
    CHECK_INT(report(1, 9, 10, 8), ERR_FORMAT); /* no output of a leaf */
    CHECK_INT(report(1, 9, 10, 9), LEDGER_NEW);
    CHECK_INT(report(1, 12, 14, 9), LEDGER_NEW);
    CHECK_INT(report(1, 12, 13, 8), ERR_FORMAT);
    CHECK_INT(report(1, 5, 6, 8), ERR_FORMAT); /* no leaf */
    CHECK_INT(report(1, 14, 16, 9), ERR_FORMAT);
    CHECK_INT(cover_leaves(ledger_cover(ledger)), 6);
    CHECK_INT(named(ledger), 6);
    end();
}

TEST(numbers_that_are_no_leaves_are_never_named)
{
    struct ledger *other;

    four();
    for (uint64_t leaf = 0; leaf < 15; leaf++)
        if (leaf < 5 || leaf == 8)
            CHECK_INT(report(2, leaf, leaf + 1, 8), LEDGER_NEW);
        else if (leaf == 9 || leaf >= 12)
            CHECK_INT(report(2, leaf, leaf + 1, 9), LEDGER_NEW);
    CHECK_INT(named(ledger), 10);
    /* The neighbours 8 and 9 are one run of one author. */
    CHECK_INT(ledger->account.count, 3);
    other = copied();
    CHECK_INT(named(other), 10);
    ledger_shrink(other);
    CHECK_INT(named(other), 10);
    ledger_free(other);
    end();
}

/* Whoever names a run that is wider than the leaves in it. */
TEST(a_wide_run_names_the_leaves_in_it)
{
    uint8_t room[256];
    struct buf f;

    four();
    CHECK_INT(report(1, 12, 15, 9), LEDGER_NEW);
    CHECK_INT(report(1, 8, 9, 8), LEDGER_NEW);
    buf_init_fixed(&f, room, sizeof room);
    put_partial_run(&f, id_of(3), 0, 15);
    ledger_apply(ledger, buf_bytes(&f));
    CHECK_INT(named(ledger), 4);
    CHECK_INT(ledger->account.count, 2);
    end();
}

TEST(what_is_covered_and_has_no_name_gets_one_before_the_cover_goes)
{
    static const uint8_t value[8];
    struct value v = {{0, 0}, {value, 8}};

    four();
    /* As a merge brings it, with nobody's report. */
    v.at = shape_root(&ledger->graph.shape, 0);
    CHECK_INT(cover_insert(ledger_cover(ledger), &v), COVER_ADDED);
    v.at = shape_root(&ledger->graph.shape, 1);
    CHECK_INT(cover_insert(ledger_cover(ledger), &v), COVER_ADDED);
    ledger_shrink(ledger);
    CHECK_INT(named(ledger), 6);
    CHECK_INT(ledger->account.count, 2);
    end();
}

TEST(a_snapshot_leads_to_an_equal_ledger)
{
    for (uint64_t seed = 0; seed < 60; seed++) {
        struct ledger *other;
        struct digest a, b;
        struct prng p;

        prng_init(&p, seed);
        parts_begin();
        for (uint32_t i = 0, count = 1 + (uint32_t)prng_below(&p, 12); i < count; i++)
            parts_add(1 + prng_below(&p, 9), prng_below(&p, 2) == 0);
        begin();
        for (int i = 0; i < 40; i++) {
            uint32_t stage = (uint32_t)prng_below(&p, parts_count);
            struct shape_stage s = shape_at(&ledger->graph.shape, stage);
            uint64_t from = s.first + prng_below(&p, s.end - s.first);

            CHECK(report((uint8_t)(1 + prng_below(&p, 3)), from,
                         from + 1 + prng_below(&p, s.end - from),
                         parts[stage].collects ? 9 : 8) >= 0);
        }
        CHECK_INT(named(ledger), cover_leaves(ledger_cover(ledger)));
        other = copied();
        a = ledger_digest(ledger);
        b = ledger_digest(other);
        CHECK(digest_equal(a, b));
        CHECK_INT(named(other), named(ledger));
        ledger_free(other);
        end();
    }
}

TEST_MAIN(values_go_by_their_place_in_the_row, numbers_that_are_no_leaves_are_never_named,
          a_wide_run_names_the_leaves_in_it,
          what_is_covered_and_has_no_name_gets_one_before_the_cover_goes,
          a_snapshot_leads_to_an_equal_ledger)
