/* The independent checker over jobs of several stages: each leaf of each of them once, each value
 * in the place where the drawing puts it, and the result of the last one. */
#include "core/base/sha256.h"
#include "core/job/fact.h"
#include "core/verify/verdict.h"
#include "core/wire/output.h"
#include "core/wire/tree.h"
#include "tests/lib/parts.h"
#include "tests/unit/tally_rig.h"

#define NONE UINT32_MAX

static uint64_t first[PARTS_MAX]; /* where stages begin, worked out by hand below */

/* Each stage folds in a way of its own. */
static uint64_t join(uint64_t left, uint64_t right, uint8_t param)
{
    return left * 1000003 + right * 7 + param;
}

static int merge(void *ctx, const struct tally_kernel *k, struct bytes left, struct bytes right,
                 uint8_t *out)
{
    (void)ctx;
    CHECK_STR(k->name, "work");
    CHECK_INT(k->params_len, 1);
    store_u64(out, join(load_u64(left.data), load_u64(right.data), k->params[0]));
    return 0;
}

static uint64_t value_of(uint32_t stage, struct tree_node at)
{
    uint64_t leaves = parts[stage].leaves;
    struct tree_node right;

    if (at.level == 0)
        return stage * 1000 + at.index;
    right = tree_right(at);
    if (!tree_has(right, leaves))
        return value_of(stage, tree_left(at));
    return join(value_of(stage, tree_left(at)), value_of(stage, right), parts[stage].param);
}

static uint64_t fail_at; /* of the heap; 0: never */

/* The tally hears what the job is. */
static void begin_job(const struct job_spec *spec)
{
    struct buf b;

    heap_init(&heap);
    heap.fail_at = fail_at;
    buf_init(&b, &heap_plain, 65536);
    REQUIRE(put_spec(&b, spec) == 0);
    job = spec_id(buf_bytes(&b));
    tally_init(&tally, &heap.alloc, job, merge, NULL);
    record_signed(FACT_SPEC, buf_bytes(&b));
    buf_clear(&b);
}

/* Stages of 5, 1, 6 and 3 leaves, the third of which collects; before them stands a limit. */
static void begin(void)
{
    struct job_spec spec = {.name = "t", .cpu_us = 5000000};

    parts_begin();
    parts_add(5, false)->name = "numbers";
    parts_add(1, false);
    parts_need(parts_add(6, true), 0, 0);
    parts_need(parts_add(3, false), 2, 0);
    first[0] = 0, first[1] = 8, first[2] = 16, first[3] = 24;
    parts_spec(&spec, "work");
    begin_job(&spec);
}

static void append(uint32_t from, uint32_t to)
{
    struct buf b;

    buf_init(&b, &heap_plain, 65536);
    put_stages_begin(&b, job, (struct node_id){0});
    parts_append(&b, from, to, "work");
    record_signed(FACT_STAGES, buf_bytes(&b));
    buf_clear(&b);
}

/* Stages of 5, 5, 1 and 3 leaves; all but the first are appended. */
static void begin_open(void)
{
    struct job_spec spec = {.name = "t", .open = true};

    parts_begin();
    parts_add(5, false);
    parts_need(parts_add(5, false), 0, 0);
    parts_add(1, false)->name = "other";
    parts_need(parts_add(3, false), 2, 0);
    first[0] = 0, first[1] = 8, first[2] = 16, first[3] = 20;
    parts_spec(&spec, "work");
    spec.more = (struct bytes){NULL, 0};
    spec.more_count = 0;
    begin_job(&spec);
}

static void put_leaf_value(struct buf *f, uint32_t stage, uint64_t leaf, uint64_t lie)
{
    uint8_t raw[64];
    struct buf v;

    buf_init_fixed(&v, raw, sizeof raw);
    if (parts[stage].collects) {
        uint8_t byte = (uint8_t)leaf;

        put_output(&v, &(struct output){OUTPUT_BYTES, 1, {&byte, 1}, {{0}}});
    } else {
        put_u64(&v, value_of(stage, (struct tree_node){0, leaf}) + lie);
    }
    put_value(f, &(struct value){{0, first[stage] + leaf}, buf_bytes(&v)});
}

static void report(uint32_t stage, uint64_t leaf, uint64_t lie)
{
    struct partial p = {.from = first[stage] + leaf, .upto = first[stage] + leaf + 1, .count = 1};
    uint8_t raw[512];
    struct buf f;

    memset(p.author.bytes, (int)(1 + leaf % 2), ID_SIZE);
    buf_init_fixed(&f, raw, sizeof raw);
    put_partial_begin(&f, &p);
    put_leaf_value(&f, stage, leaf, lie);
    record(buf_bytes(&f));
}

/* The value of a whole stage, as a merge brings it. */
static void root(uint32_t stage, uint64_t lie)
{
    struct partial p = {.count = 1};
    struct tree_node at = tree_root(parts[stage].leaves);
    uint8_t raw[512], bytes[8];
    struct buf f;

    store_u64(bytes, value_of(stage, at) + lie);
    at.index += first[stage] >> at.level;
    buf_init_fixed(&f, raw, sizeof raw);
    put_partial_begin(&f, &p);
    put_value(&f, &(struct value){at, {bytes, 8}});
    record(buf_bytes(&f));
}

/* The runs of a stage as a journal that was written anew has them: without the values. */
static void names_only(uint32_t stage)
{
    struct partial p = {.from = first[stage], .upto = first[stage] + parts[stage].leaves};
    uint8_t raw[128];
    struct buf f;

    memset(p.author.bytes, 1, ID_SIZE);
    buf_init_fixed(&f, raw, sizeof raw);
    put_partial_begin(&f, &p);
    record(buf_bytes(&f));
}

static void close_with(uint32_t count)
{
    struct buf b;

    buf_init(&b, &heap_plain, 1024);
    put_close_body(&b, job, &(struct close_fact){.count = count});
    record_signed(FACT_CLOSE, buf_bytes(&b));
    buf_clear(&b);
}

static void done(uint64_t leaves, uint64_t lie)
{
    uint8_t bytes[8];
    struct outcome o = {.state = JOB_DONE, .leaves = leaves, .accumulator = {bytes, 8}};
    struct buf body;

    store_u64(bytes, value_of(3, tree_root(3)) + lie);
    o.digest = sha256_of(bytes, 8);
    buf_init(&body, &heap_plain, 8192);
    put_outcome_body(&body, job, &o);
    record_signed(FACT_OUTCOME, buf_bytes(&body));
    buf_clear(&body);
}

/* All leaves but one. */
static void all_but(uint32_t stage, uint64_t leaf)
{
    for (uint32_t i = 0; i < parts_count; i++)
        for (uint64_t k = 0; k < parts[i].leaves; k++)
            if (i != stage || k != leaf)
                report(i, k, 0);
}

static void check_end(bool proven, enum tally_fault fault)
{
    const struct tally *one = &tally;
    struct verdict v;

    CHECK_INT(tally_end(&tally), 0);
    CHECK_INT(verdict_over(&v, &heap.alloc, &one, 1), 0);
    CHECK_INT(v.proven, proven);
    if (!proven && fault != TALLY_MISSING && CHECK(tally.problems_count > 0))
        CHECK_INT(tally.problems[0].fault, fault);
    tally_clear(&tally);
    CHECK(heap_is_empty(&heap));
}

TEST(every_stage_is_proven)
{
    begin();
    CHECK_INT(tally.leaves, 15);
    all_but(NONE, 0);
    root(0, 0);
    root(3, 0);
    CHECK_INT(tally_refolded(&tally), 2);
    done(15, 0);
    check_end(true, TALLY_MISSING);
}

TEST(a_leaf_of_any_stage_that_nothing_counts_is_missed)
{
    for (uint32_t stage = 0; stage < 4; stage++) {
        uint64_t hole, end, leaf = parts_count == 0 ? 0 : parts[stage].leaves - 1;

        begin();
        leaf = parts[stage].leaves - 1;
        all_but(stage, leaf);
        done(15, 0);
        REQUIRE(tally_hole(&tally, 0, &hole, &end));
        CHECK(hole == first[stage] + leaf && end == hole + 1);
        CHECK_INT(tally_stage_of(&tally, &hole), stage);
        CHECK_INT(hole, leaf);
        check_end(false, TALLY_MISSING);
    }
}

TEST(a_leaf_of_a_later_stage_is_counted_once_only)
{
    begin();
    all_but(NONE, 0);
    report(3, 1, 0);
    done(15, 0);
    check_end(false, TALLY_TWICE);
}

TEST(a_value_of_a_later_stage_that_does_not_fold_is_found)
{
    begin();
    all_but(NONE, 0);
    root(3, 1);
    done(15, 1);
    check_end(false, TALLY_WRONG);
}

TEST(a_result_is_that_of_the_last_stage)
{
    begin();
    all_but(NONE, 0);
    done(15, 1);
    check_end(false, TALLY_RESULT);
    begin();
    all_but(NONE, 0);
    done(14, 0);
    check_end(false, TALLY_COUNT);
}

TEST(stages_that_were_appended_are_proven_like_others)
{
    begin_open();
    append(1, 3);
    append(1, 3); /* another holder told it again */
    append(3, 4);
    CHECK_INT(tally.leaves, 14);
    all_but(NONE, 0);
    root(1, 0);
    root(3, 0);
    CHECK_INT(tally_refolded(&tally), 2);
    done(14, 0);
    check_end(true, TALLY_MISSING);
    begin_open();
    append(1, 4);
    all_but(3, 1);
    done(14, 0);
    check_end(false, TALLY_MISSING);
}

/* What a full disk refused is no damage: the journal proves nothing, until it has them. */
TEST(stages_that_are_missing_are_waited_for)
{
    begin_open();
    append(2, 4);
    report(3, 0, 0);
    done(14, 0);
    CHECK_INT(tally.problems_count, 0);
    CHECK(!tally_is_whole(&tally));
    append(1, 2);
    append(2, 4);
    all_but(NONE, 0);
    CHECK_INT(tally_end(&tally), 0);
    CHECK_INT(tally.problems_count, 0);
    CHECK(tally_is_whole(&tally));
    check_end(true, TALLY_MISSING);
    begin_open();
    append(1, 2);
    append(3, 4);
    done(14, 0);
    check_end(false, TALLY_MISSING);
}

/* Those before the one that is cut off are there, and nothing of it is. */
TEST(a_list_of_stages_that_is_cut_off_anywhere_is_not_in_the_form)
{
    struct buf b;

    buf_init(&b, &heap_plain, 65536);
    begin_open();
    put_stages_begin(&b, job, (struct node_id){0});
    parts_append(&b, 1, 4, "work");
    const size_t whole = b.len;
    uint8_t *bytes = malloc(whole);
    REQUIRE(bytes);
    memcpy(bytes, b.data, whole);
    buf_clear(&b);
    tally_clear(&tally);
    for (size_t len = 1 + 2 * ID_SIZE; len < whole; len++) {
        begin_open();
        record_signed(FACT_STAGES, (struct bytes){bytes, len});
        CHECK_INT(tally.problems_count, 1);
        CHECK_INT(tally.problems[0].fault, TALLY_FORMAT);
        CHECK(tally.stages.count >= 1 && tally.stages.count < 4);
        CHECK(tally.stages.list[tally.stages.count - 1].end > 0);
        check_end(false, TALLY_FORMAT);
    }
    free(bytes);
}

/* And says nothing else of the journal. */
TEST(out_of_memory_a_tally_says_so)
{
    uint64_t failures;

    do {
        fail_at++;
        begin_open();
        append(1, 4);
        all_but(NONE, 0);
        done(14, 0);
        failures = heap.failures;
        CHECK_INT(tally_end(&tally), failures > 0 ? ERR_NO_MEMORY : 0);
        CHECK_INT(tally.problems_count, 0);
        tally_clear(&tally);
        CHECK(heap_is_empty(&heap));
    } while (failures > 0);
    CHECK(fail_at > 10);
    fail_at = 0;
}

/* Its seven leaves were folded where they were computed, and are one here. */
TEST(a_stage_that_is_rolled_is_one_leaf)
{
    begin_open();
    parts[2].name = "";
    parts[2].rolled = 7;
    append(1, 4);
    all_but(NONE, 0);
    done(14, 0);
    close_with(4);
    check_end(true, TALLY_MISSING);
}

static void check_counted(uint64_t leaves, uint64_t nameless)
{
    uint64_t unnamed;

    CHECK_INT(tally_end(&tally), 0);
    CHECK_INT(tally.problems_count, 0);
    CHECK_INT(tally_leaves(&tally, &unnamed), leaves);
    CHECK_INT(unnamed, nameless);
    CHECK_INT(tally_is_whole(&tally), leaves == tally.leaves);
}

static void end_tally(void)
{
    tally_clear(&tally);
    CHECK(heap_is_empty(&heap));
}

/* Of a job that goes on: those that read a stage have their values, so its own were dropped. The
 * collect in the middle is read to its end only when what reads it has its value. */
TEST(a_stage_that_was_read_to_its_end_counts_without_its_values)
{
    begin();
    names_only(0);
    names_only(2);
    report(3, 0, 0);
    report(3, 1, 0);
    check_counted(2, 0);
    report(3, 2, 0);
    root(3, 0);
    check_counted(14, 0);
    report(1, 0, 0);
    check_counted(15, 0);
    end_tally();
    /* Nor need anybody be named. */
    begin();
    root(3, 0);
    check_counted(14, 14);
    end_tally();
}

/* One that nobody reads never is: its value is missing. */
TEST(a_stage_that_nothing_reads_counts_with_its_values_only)
{
    begin();
    names_only(1);
    names_only(3);
    check_counted(0, 0);
    end_tally();
}

TEST(of_a_job_that_may_still_grow_every_value_is_wanted)
{
    begin_open();
    append(1, 4);
    names_only(0);
    for (uint64_t leaf = 0; leaf < 5; leaf++)
        report(1, leaf, 0);
    check_counted(5, 0);
    close_with(4);
    check_counted(10, 0);
    end_tally();
    begin_open();
    append(1, 2);
    names_only(0);
    for (uint64_t leaf = 0; leaf < 5; leaf++)
        report(1, leaf, 0);
    close_with(4); /* some are missing here, which may read it */
    check_counted(5, 0);
    end_tally();
}

TEST(what_is_no_leaf_is_no_value_and_has_no_name)
{
    struct partial p = {.from = 5, .upto = 8};
    uint8_t raw[128];
    struct buf f;

    begin();
    buf_init_fixed(&f, raw, sizeof raw);
    put_partial_begin(&f, &p);
    record(buf_bytes(&f));
    CHECK_INT(tally.problems_count, 1);
    CHECK_INT(tally.problems[0].fault, TALLY_FORMAT);
    tally_clear(&tally);
    CHECK(heap_is_empty(&heap));
}

TEST_MAIN(a_stage_that_is_rolled_is_one_leaf, every_stage_is_proven, out_of_memory_a_tally_says_so,
          a_list_of_stages_that_is_cut_off_anywhere_is_not_in_the_form,
          a_leaf_of_any_stage_that_nothing_counts_is_missed,
          a_leaf_of_a_later_stage_is_counted_once_only,
          a_value_of_a_later_stage_that_does_not_fold_is_found, a_result_is_that_of_the_last_stage,
          stages_that_were_appended_are_proven_like_others, stages_that_are_missing_are_waited_for,
          a_stage_that_was_read_to_its_end_counts_without_its_values,
          a_stage_that_nothing_reads_counts_with_its_values_only,
          of_a_job_that_may_still_grow_every_value_is_wanted,
          what_is_no_leaf_is_no_value_and_has_no_name)
