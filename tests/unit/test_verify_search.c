/* The independent checker over searches: what is counted up to the match, and what is wrong with a
 * result, is found from the journal alone. */
#include "core/base/sha256.h"
#include "core/job/fact.h"
#include "core/verify/verdict.h"
#include "core/wire/found.h"
#include "core/wire/tree.h"
#include "tests/lib/check.h"
#include "tests/lib/heap.h"
#include "tests/unit/tally_rig.h"

#define LEAVES 50u
#define LEAF_UNITS 4u
#define SIZE 10u

static int merge(void *ctx, const struct tally_kernel *k, struct bytes left, struct bytes right,
                 uint8_t *out)
{
    (void)ctx, (void)k, (void)left, (void)right, (void)out;
    CHECK(!"no kernel is asked for the lower match");
    return -1;
}

static void begin(void)
{
    struct job_spec s = {.name = "t"};
    struct buf b;

    heap_init(&heap);
    buf_init(&b, &heap.alloc, 65536);
    memcpy(s.stage.kernel, "seek", 5);
    s.stage.units = LEAVES * LEAF_UNITS - 1;
    s.stage.leaf_units = LEAF_UNITS;
    s.stage.reduction = REDUCE_SEARCH;
    s.stage.accumulator_size = SIZE;
    REQUIRE(put_spec(&b, &s) == 0);
    job = spec_id(buf_bytes(&b));
    tally_init(&tally, &heap.alloc, job, merge, NULL);
    record_signed(FACT_SPEC, buf_bytes(&b));
    buf_clear(&b);
}

static void found(uint64_t unit, uint8_t raw[SIZE])
{
    memset(raw, unit == FOUND_NONE ? 0 : (int)unit, SIZE);
    store_u64(raw, unit);
}

/* Leaves [first, end) by this node; `unit` matches in the last of them, or none. `at` is the one
 * value that is said of them. */
static void fact(uint64_t first, uint64_t end, uint8_t author, struct tree_node at, uint64_t unit)
{
    struct partial p = {.from = first, .upto = end, .count = 1};
    uint8_t raw[SIZE];
    struct buf f;

    memset(p.author.bytes, author, ID_SIZE);
    buf_init(&f, &heap.alloc, 8192);
    put_partial_begin(&f, &p);
    found(unit, raw);
    put_value(&f, &(struct value){at, {raw, sizeof raw}});
    record(buf_bytes(&f));
    buf_clear(&f);
}

static void done(uint64_t unit, uint64_t leaves, uint8_t lie)
{
    uint8_t raw[SIZE];
    struct outcome o = {.state = JOB_DONE, .leaves = leaves, .accumulator = {raw, sizeof raw}};
    struct buf body;

    found(unit, raw);
    raw[SIZE - 1] = (uint8_t)(raw[SIZE - 1] + lie);
    o.digest = sha256_of(raw, sizeof raw);
    buf_init(&body, &heap.alloc, 8192);
    put_outcome_body(&body, job, &o);
    record_signed(FACT_OUTCOME, buf_bytes(&body));
    buf_clear(&body);
}

static void check_end(enum tally_fault fault, bool proven, uint64_t counted)
{
    const struct tally *one = &tally;
    struct verdict v;

    CHECK_INT(tally_end(&tally), 0);
    CHECK_INT(verdict_over(&v, &heap.alloc, &one, 1), 0);
    CHECK_INT(v.proven, proven);
    CHECK_INT(v.counted, counted);
    CHECK_INT(v.unnamed, 0);
    if (!proven && fault != TALLY_MISSING && CHECK(tally.problems_count > 0))
        CHECK_INT(tally.problems[0].fault, fault);
    tally_clear(&tally);
    CHECK(heap_is_empty(&heap));
}

/* Leaf 21 has the match, unit 85. Leaves behind it were counted before that was known. */
static void all_but(uint64_t hole)
{
    begin();
    fact(24, 28, 3, (struct tree_node){2, 6}, FOUND_NONE);
    for (uint64_t i = 0; i < 20; i += 4)
        if (i != hole)
            fact(i, i + 4, 1, (struct tree_node){2, i / 4}, FOUND_NONE);
    fact(20, 22, 2, (struct tree_node){1, 10}, 85);
}

TEST(a_match_with_all_leaves_below_it_is_proven)
{
    all_but(UINT64_MAX);
    done(85, 22, 0);
    check_end(TALLY_FORMAT, true, 22);
    all_but(UINT64_MAX);
    /* As a holder folds it, and as a snapshot says it. */
    fact(22, 22, 2, (struct tree_node){3, 2}, 85);
    fact(22, 22, 2, (struct tree_node){6, 0}, 85);
    CHECK_INT(tally.stages.list[0].fold.refolded, 2);
    done(85, 22, 0);
    check_end(TALLY_FORMAT, true, 22);
}

TEST(a_search_without_a_match_needs_all_leaves)
{
    for (uint64_t end = 49; end <= 50; end++) {
        begin();
        for (uint64_t i = 0; i < end; i++)
            fact(i, i + 1, (uint8_t)(1 + i % 3), (struct tree_node){0, i}, FOUND_NONE);
        done(FOUND_NONE, 50, 0);
        check_end(TALLY_MISSING, end == 50, end);
    }
}

TEST(a_leaf_below_the_match_is_missing)
{
    all_but(8);
    done(85, 22, 0);
    CHECK(!tally_is_whole(&tally));
    check_end(TALLY_MISSING, false, 18);
}

TEST(a_result_that_is_not_the_lowest_match_is_seen)
{
    all_but(UINT64_MAX);
    done(86, 22, 0); /* another unit of the leaf */
    check_end(TALLY_RESULT, false, 22);
    all_but(UINT64_MAX);
    done(85, 22, 1); /* other bytes */
    check_end(TALLY_RESULT, false, 22);
    all_but(UINT64_MAX);
    done(FOUND_NONE, 50, 0);
    check_end(TALLY_RESULT, false, 26);
    all_but(UINT64_MAX);
    done(LEAVES * LEAF_UNITS - 1, 50, 0); /* no unit */
    check_end(TALLY_RESULT, false, 26);
}

TEST(a_result_of_another_number_of_leaves_is_seen)
{
    all_but(UINT64_MAX);
    done(85, 23, 0);
    check_end(TALLY_COUNT, false, 22);
}

TEST(values_that_cannot_be_are_seen)
{
    all_but(UINT64_MAX);
    fact(22, 22, 2, (struct tree_node){3, 2}, FOUND_NONE);
    CHECK(tally.problems_count == 1 && tally.problems[0].fault == TALLY_WRONG);
    tally_clear(&tally);
    all_but(UINT64_MAX);
    fact(22, 22, 2, (struct tree_node){1, 10}, 84);
    CHECK(tally.problems_count == 1 && tally.problems[0].fault == TALLY_UNEQUAL);
    tally_clear(&tally);
    all_but(UINT64_MAX);
    fact(30, 31, 2, (struct tree_node){0, 30}, 85); /* a match of another leaf */
    CHECK(tally.problems_count == 1 && tally.problems[0].fault == TALLY_FORMAT);
    tally_clear(&tally);
    CHECK(heap_is_empty(&heap));
}

TEST_MAIN(a_match_with_all_leaves_below_it_is_proven, a_search_without_a_match_needs_all_leaves,
          a_leaf_below_the_match_is_missing, a_result_that_is_not_the_lowest_match_is_seen,
          a_result_of_another_number_of_leaves_is_seen, values_that_cannot_be_are_seen)
