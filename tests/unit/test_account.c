/* Who counted which leaves: against an array with one name a leaf, and in a ledger. */
#include "core/base/err.h"
#include "core/base/prng.h"
#include "core/job/account.h"
#include "core/job/ledger.h"
#include "tests/lib/check.h"
#include "tests/lib/heap.h"

#define LEAVES 64

static struct node_id node(uint8_t n)
{
    struct node_id id;
    memset(id.bytes, n, sizeof id.bytes);
    return id;
}

static void check_runs(const struct account *a, const uint8_t *names)
{
    uint64_t at = 0;
    for (uint32_t i = 0; i < a->count; i++) {
        const struct account_run *r = &a->runs[i];
        for (; at < r->run.first; at++)
            CHECK_INT(names[at], 0);
        for (; at < r->run.end; at++)
            CHECK_INT(names[at], r->author.bytes[0]);
        if (i > 0 && a->runs[i - 1].run.end == r->run.first)
            CHECK(!node_id_equal(a->runs[i - 1].author, r->author));
    }
    for (; at < LEAVES; at++)
        CHECK_INT(names[at], 0);
}

TEST(test_each_leaf_is_named_once)
{
    for (uint64_t seed = 0; seed < 300; seed++) {
        uint8_t names[LEAVES] = {0};
        struct account a;
        struct heap heap;
        struct prng p;
        struct run gap;
        prng_init(&p, seed);
        heap_init(&heap);
        account_init(&a, &heap.alloc);
        for (int i = 0; i < 40; i++) {
            uint64_t first = prng_below(&p, LEAVES), end = first + prng_below(&p, LEAVES - first);
            uint8_t author = (uint8_t)(1 + prng_below(&p, 3));
            while (account_gap(&a, first, end, &gap)) {
                CHECK(gap.first >= first && gap.end <= end);
                CHECK_INT(account_add(&a, node(author), gap), 0);
                first = gap.end;
                for (uint64_t k = gap.first; k < gap.end; k++) {
                    CHECK_INT(names[k], 0);
                    names[k] = author;
                }
            }
            check_runs(&a, names);
        }
        account_clear(&a);
        CHECK(heap_is_empty(&heap));
    }
}

TEST(test_at_the_bound_neighbours_become_one)
{
    struct account a;
    struct heap heap;
    struct run gap;
    heap_init(&heap);
    account_init(&a, &heap.alloc);
    a.count_max = 8;
    for (uint64_t leaf = 0; leaf < LEAVES; leaf++)
        CHECK_INT(account_add(&a, node((uint8_t)(1 + leaf)), (struct run){leaf, leaf + 1}), 0);
    CHECK(a.count <= 8);
    CHECK(!account_gap(&a, 0, LEAVES, &gap));
    CHECK(node_id_is_zero(a.runs[0].author));
    account_clear(&a);
    CHECK(heap_is_empty(&heap));
}

TEST(test_without_neighbours_there_is_an_end)
{
    struct account a;
    struct heap heap;
    heap_init(&heap);
    account_init(&a, &heap.alloc);
    a.count_max = 8;
    for (uint64_t leaf = 0; leaf < 8; leaf++)
        CHECK_INT(account_add(&a, node(1), (struct run){2 * leaf, 2 * leaf + 1}), 0);
    CHECK_INT(account_add(&a, node(1), (struct run){60, 61}), ERR_FULL);
    CHECK_INT(account_leaves(&a), 8);
    CHECK_INT(a.count, 8);
    account_clear(&a);
    CHECK(heap_is_empty(&heap));
}

TEST(test_a_tightened_account_names_the_same_leaves_in_half_the_runs)
{
    struct account a;
    struct heap heap;
    struct run gap;
    heap_init(&heap);
    account_init(&a, &heap.alloc);
    for (uint64_t leaf = 0; leaf < 1000; leaf++)
        CHECK_INT(account_add(&a, node((uint8_t)(1 + leaf % 2)), (struct run){leaf, leaf + 1}), 0);
    CHECK_INT(a.count, 1000);
    account_tighten(&a);
    CHECK_INT(a.count, 500);
    CHECK(account_bytes(&a) <= 500 * sizeof *a.runs);
    CHECK(!account_gap(&a, 0, 1000, &gap));
    CHECK_INT(account_leaves(&a), 1000);
    for (int i = 0; i < 10; i++)
        account_tighten(&a);
    CHECK(a.count <= ACCOUNT_RUNS_LEAST);
    CHECK(!account_gap(&a, 0, 1000, &gap));
    account_clear(&a);
    CHECK(heap_is_empty(&heap));
}

static uint64_t counted(const struct account *a, struct node_id author)
{
    for (uint16_t i = 0; i < a->counts_count; i++)
        if (node_id_equal(a->counts[i].author, author))
            return a->counts[i].leaves;
    return 0;
}

TEST(test_joined_runs_are_counts_per_node)
{
    static struct leaf_count before[FACT_COUNTS_MAX], after[FACT_COUNTS_MAX];
    struct account a;
    struct heap heap;
    struct run gap;
    heap_init(&heap);
    account_init(&a, &heap.alloc);
    for (uint64_t leaf = 0; leaf < 60; leaf++)
        CHECK_INT(account_add(&a, node((uint8_t)(leaf % 3)), (struct run){leaf, leaf + 1}), 0);
    CHECK_INT(account_counts(&a, before), 3);
    CHECK(!a.joined);
    CHECK_INT(account_join(&a, 4), 0);
    CHECK(a.joined);
    CHECK_INT(account_counts(&a, after), 3);
    for (int i = 0; i < 3; i++)
        CHECK(node_id_equal(before[i].author, after[i].author) &&
              after[i].leaves == before[i].leaves + (i == 0 ? 4 : 0));
    CHECK_INT(a.counts_count, 3);
    CHECK_INT(counted(&a, node(0)), 24);
    CHECK_INT(counted(&a, node(1)), 20);
    CHECK_INT(counted(&a, node(2)), 20);
    CHECK_INT(account_leaves(&a), 64);
    CHECK_INT(account_bytes(&a), 3 * sizeof *a.counts);
    CHECK(!account_gap(&a, 0, LEAVES, &gap));
    account_clear(&a);
    CHECK(heap_is_empty(&heap));
}

/* Ids that differ late and ids that differ early; every one counts one leaf, whoever is first two.
 */
TEST(test_of_very_many_nodes_the_last_are_counted_as_one)
{
    struct account a;
    struct heap heap;
    heap_init(&heap);
    account_init(&a, &heap.alloc);
    for (uint64_t leaf = 0; leaf < 1000; leaf++) {
        struct node_id id = {{0}};
        id.bytes[leaf % 2 == 0 ? 0 : 31] = (uint8_t)(1 + leaf / 2);
        id.bytes[leaf % 2 == 0 ? 1 : 30] = (uint8_t)(1 + (leaf / 2 >> 8));
        CHECK_INT(account_add(&a, id, (struct run){leaf, leaf + 1}), 0);
    }
    CHECK_INT(account_join(&a, 0), 0);
    CHECK_INT(a.counts_count, FACT_COUNTS_MAX);
    CHECK_INT(account_leaves(&a), 1000);
    CHECK_INT(counted(&a, node(0)), 1000 - (FACT_COUNTS_MAX - 1));
    for (uint16_t i = 1; i < a.counts_count; i++) {
        CHECK_INT(a.counts[i].leaves, 1);
        CHECK(node_id_compare(a.counts[i - 1].author, a.counts[i].author) < 0);
    }
    account_clear(&a);
    CHECK(heap_is_empty(&heap));
}

TEST(test_what_would_not_become_smaller_stays)
{
    struct account a;
    struct heap heap;
    heap_init(&heap);
    account_init(&a, &heap.alloc);
    CHECK_INT(account_add(&a, node(1), (struct run){0, 8}), 0);
    CHECK_INT(account_add(&a, node(2), (struct run){8, LEAVES}), 0);
    account_tighten(&a);
    CHECK_INT(account_join(&a, 0), 0);
    CHECK(a.joined == (2 * sizeof *a.counts < 2 * sizeof *a.runs));
    CHECK_INT(account_leaves(&a), LEAVES);
    account_clear(&a);
    CHECK(heap_is_empty(&heap));
}

/* --- in a ledger --- */

static struct job_id job;

static struct ledger *ledger_of(struct heap *heap)
{
    struct signed_bytes s = {.certificate = bytes_of_text("cert")};
    struct job_spec spec = {.name = "t"};
    struct ledger *l = NULL;
    struct buf body, fact;
    memcpy(spec.stage.kernel, "sum", 4);
    spec.stage.units = LEAVES;
    spec.stage.leaf_units = 1;
    spec.stage.accumulator_size = 8;
    buf_init(&body, &heap->alloc, 65536);
    buf_init(&fact, &heap->alloc, 65536);
    REQUIRE(put_spec(&body, &spec) == 0);
    job = spec_id(buf_bytes(&body));
    s.body = buf_bytes(&body);
    put_signed_fact(&fact, FACT_SPEC, &s);
    REQUIRE(ledger_new(&l, &heap->alloc, buf_bytes(&fact)) == 0);
    buf_clear(&body);
    buf_clear(&fact);
    return l;
}

/* What a node that ran [first, end) reports; the value of every tree node is its first leaf. */
static int report(struct ledger *l, uint8_t author, uint64_t first, uint64_t end,
                  struct runset *gained)
{
    struct partial p = {.author = node(author), .from = first, .upto = end};
    uint8_t room[2048], raw[8];
    struct buf f;
    for (uint64_t at = first; at < end; p.count++)
        at = tree_end(tree_largest_at(at, end, LEAVES), LEAVES);
    buf_init_fixed(&f, room, sizeof room);
    put_partial_begin(&f, &p);
    for (uint64_t at = first; at < end;) {
        struct tree_node n = tree_largest_at(at, end, LEAVES);
        store_u64(raw, at);
        put_value(&f, &(struct value){n, {raw, 8}});
        at = tree_end(n, LEAVES);
    }
    return ledger_apply_counting(l, buf_bytes(&f), gained);
}

static int tell_run(struct ledger *l, uint8_t author, uint64_t first, uint64_t end)
{
    uint8_t room[128];
    struct buf f;
    buf_init_fixed(&f, room, sizeof room);
    put_partial_run(&f, node(author), first, end);
    return ledger_apply(l, buf_bytes(&f));
}

static int end_as(struct ledger *l, uint8_t state)
{
    struct signed_bytes s = {.certificate = bytes_of_text("cert")};
    struct outcome o = {.state = state};
    uint8_t body_room[512], room[1024];
    struct buf body, fact;
    buf_init_fixed(&body, body_room, sizeof body_room);
    buf_init_fixed(&fact, room, sizeof room);
    put_outcome_body(&body, job, &o);
    s.body = buf_bytes(&body);
    put_signed_fact(&fact, FACT_OUTCOME, &s);
    return ledger_apply(l, buf_bytes(&fact));
}

/* The runs a snapshot names, one byte a leaf. */
static void names_of(const struct ledger *l, struct heap *heap, uint8_t names[LEAVES])
{
    struct buf b;
    struct reader r;
    buf_init(&b, &heap->alloc, 1 << 20);
    ledger_snapshot(l, &b);
    r = reader_of(buf_bytes(&b));
    memset(names, 0, LEAVES);
    while (reader_left(&r) > 0) {
        struct fact f;
        REQUIRE(fact_read(read_block(&r, SIZE_MAX), &f) == 0);
        if (f.kind != FACT_PARTIAL)
            continue;
        for (uint64_t k = f.partial.from; k < f.partial.upto; k++) {
            CHECK_INT(names[k], 0);
            names[k] = node_id_is_zero(f.partial.author) ? 255 : f.partial.author.bytes[0];
        }
    }
    buf_clear(&b);
}

static void check_names(const struct ledger *l, struct heap *heap, const char *wanted)
{
    uint8_t names[LEAVES];
    names_of(l, heap, names);
    for (uint64_t i = 0; wanted[i] != 0; i++)
        CHECK_INT(names[i], wanted[i] == '?' ? 255 : wanted[i] - '0');
}

/* A value that nobody is named for yet. */
static int tell_value(struct ledger *l, uint64_t leaf)
{
    struct partial p = {.author = node(9), .from = leaf, .upto = leaf, .count = 1};
    uint8_t room[256], raw[8];
    struct buf f;
    buf_init_fixed(&f, room, sizeof room);
    put_partial_begin(&f, &p);
    store_u64(raw, leaf);
    put_value(&f, &(struct value){{0, leaf}, {raw, 8}});
    return ledger_apply(l, buf_bytes(&f));
}

/* Who reads the journal has what was known when it was written, and takes what follows. */
TEST(test_a_journal_that_is_written_anew_leaves_room_for_a_late_name)
{
    struct heap heap;
    heap_init(&heap);
    struct ledger *l = ledger_of(&heap), *read = ledger_of(&heap);
    struct buf b;
    CHECK_INT(report(l, 1, 0, 2, NULL), LEDGER_NEW);
    CHECK_INT(tell_value(l, 3), LEDGER_NEW);
    CHECK_INT(end_as(l, JOB_FAILED), LEDGER_NEW);
    CHECK_INT(tell_run(l, 4, 6, 7), LEDGER_NEW); /* its value is elsewhere */
    buf_init(&b, &heap.alloc, 1 << 20);
    ledger_snapshot_own(l, &b);
    CHECK_INT(tell_run(l, 5, 3, 4), LEDGER_NEW);
    for (struct reader r = reader_of(buf_bytes(&b)); reader_left(&r) > 0;)
        CHECK(ledger_apply(read, read_block(&r, SIZE_MAX)) >= 0);
    check_names(read, &heap, "110?004");
    CHECK_INT(tell_run(read, 5, 3, 4), LEDGER_NEW);
    check_names(l, &heap, "1105004");
    check_names(read, &heap, "1105004");
    buf_clear(&b);
    ledger_free(l);
    ledger_free(read);
    CHECK(heap_is_empty(&heap));
}

TEST(test_a_report_names_only_what_it_newly_covers)
{
    struct heap heap;
    struct runset gained;
    heap_init(&heap);
    struct ledger *l = ledger_of(&heap);
    runset_init(&gained, &heap.alloc, 256);
    CHECK_INT(report(l, 1, 2, 4, &gained), LEDGER_NEW);
    CHECK_INT(gained.leaves, 2);
    runset_reset(&gained);
    CHECK_INT(report(l, 2, 0, 8, &gained), LEDGER_NEW);
    CHECK_INT(gained.count, 2);
    CHECK_INT(gained.runs[0].end, 2);
    CHECK_INT(gained.runs[1].first, 4);
    runset_reset(&gained);
    CHECK_INT(report(l, 3, 4, 6, &gained), LEDGER_KNOWN);
    CHECK_INT(gained.count, 0);
    check_names(l, &heap, "221122220");
    runset_clear(&gained);
    ledger_free(l);
    CHECK(heap_is_empty(&heap));
}

TEST(test_a_run_is_named_only_where_it_is_covered)
{
    struct heap heap;
    heap_init(&heap);
    struct ledger *l = ledger_of(&heap);
    CHECK_INT(tell_run(l, 1, 0, 8), LEDGER_KNOWN);
    CHECK_INT(report(l, 2, 4, 6, NULL), LEDGER_NEW);
    CHECK_INT(tell_run(l, 1, 0, 8), LEDGER_KNOWN);
    check_names(l, &heap, "00002200");
    ledger_free(l);
    CHECK(heap_is_empty(&heap));
}

TEST(test_there_are_no_leaves_behind_the_last)
{
    struct heap heap;
    heap_init(&heap);
    struct ledger *l = ledger_of(&heap);
    CHECK_INT(tell_run(l, 1, LEAVES - 1, LEAVES + 1), ERR_FORMAT);
    CHECK_INT(end_as(l, JOB_DONE), LEDGER_NEW);
    CHECK_INT(tell_run(l, 1, 0, LEAVES + 1), ERR_FORMAT);
    ledger_free(l);
    CHECK(heap_is_empty(&heap));
}

TEST(test_of_an_ended_job_others_know_what_was_counted)
{
    struct heap heap;
    heap_init(&heap);
    struct ledger *l = ledger_of(&heap);
    CHECK_INT(report(l, 2, 4, 6, NULL), LEDGER_NEW);
    CHECK_INT(end_as(l, JOB_CANCELLED), LEDGER_NEW);
    CHECK_INT(end_as(l, JOB_DONE), LEDGER_NEW);
    CHECK_INT(tell_run(l, 1, 0, 8), LEDGER_NEW);
    CHECK_INT(tell_run(l, 3, 0, 8), LEDGER_KNOWN);
    ledger_shrink(l);
    check_names(l, &heap, "111122110");
    ledger_free(l);
    CHECK(heap_is_empty(&heap));
}

static struct partial names(uint8_t author, uint64_t first, uint64_t end)
{
    return (struct partial){.author = node(author), .from = first, .upto = end};
}

/* What says nothing new is seen without applying it, and nothing else is taken for that. */
TEST(test_names_that_are_there_are_known_at_sight)
{
    struct heap heap;
    heap_init(&heap);
    struct ledger *l = ledger_of(&heap);
    struct partial p = names(3, 4, 6);
    CHECK_INT(report(l, 2, 4, 6, NULL), LEDGER_NEW);
    CHECK(!ledger_has_names(l, &p)); /* of a job that runs it may be more than names */
    CHECK_INT(end_as(l, JOB_DONE), LEDGER_NEW);
    CHECK(ledger_has_names(l, &p));
    p = names(3, 4, 7);
    CHECK(!ledger_has_names(l, &p));
    p = names(3, 3, 6);
    CHECK(!ledger_has_names(l, &p));
    p = names(3, 4, LEAVES + 1);
    CHECK(!ledger_has_names(l, &p));
    p = names(3, 4, 6);
    p.count = 1;
    CHECK(!ledger_has_names(l, &p));
    ledger_free(l);
    CHECK(heap_is_empty(&heap));
}

TEST(test_what_nobody_named_keeps_its_place)
{
    struct heap heap;
    heap_init(&heap);
    struct ledger *l = ledger_of(&heap);
    CHECK_INT(report(l, 2, 4, 6, NULL), LEDGER_NEW);
    struct partial p = {.count = 1};
    uint8_t room[256], raw[8] = {0};
    struct buf f;
    buf_init_fixed(&f, room, sizeof room);
    put_partial_begin(&f, &p);
    put_value(&f, &(struct value){{2, 0}, {raw, 8}});
    CHECK_INT(ledger_apply(l, buf_bytes(&f)), LEDGER_NEW);
    check_names(l, &heap, "00002200");
    CHECK_INT(end_as(l, JOB_DONE), LEDGER_NEW);
    check_names(l, &heap, "????2200");
    CHECK_INT(tell_run(l, 1, 0, 2), LEDGER_NEW);
    ledger_shrink(l);
    check_names(l, &heap, "11??2200");
    ledger_free(l);
    CHECK(heap_is_empty(&heap));
}

static int tell_counts(struct ledger *l, uint64_t first, uint64_t second)
{
    struct leaf_count list[2] = {{node(1), first}, {node(2), second}};
    uint8_t room[256];
    struct buf f;
    buf_init_fixed(&f, room, sizeof room);
    put_counts(&f, list, 2);
    return ledger_apply(l, buf_bytes(&f));
}

/* What a snapshot counts without saying which leaves. */
static uint64_t counts_of(const struct ledger *l, struct heap *heap)
{
    struct buf b;
    struct reader r;
    uint64_t sum = 0;
    buf_init(&b, &heap->alloc, 1 << 20);
    ledger_snapshot(l, &b);
    r = reader_of(buf_bytes(&b));
    while (reader_left(&r) > 0) {
        struct fact f;
        REQUIRE(fact_read(read_block(&r, SIZE_MAX), &f) == 0);
        sum += f.kind == FACT_COUNTS ? f.counts.leaves : 0;
    }
    buf_clear(&b);
    return sum;
}

TEST(test_counts_of_others_are_taken_where_they_say_more)
{
    struct heap heap;
    heap_init(&heap);
    struct ledger *l = ledger_of(&heap);
    CHECK_INT(report(l, 2, 0, 8, NULL), LEDGER_NEW);
    CHECK_INT(tell_counts(l, 30, LEAVES - 30), LEDGER_KNOWN);
    CHECK_INT(tell_counts(l, 30, LEAVES - 29), ERR_FORMAT);
    CHECK_INT(end_as(l, JOB_DONE), LEDGER_NEW);
    CHECK_INT(tell_counts(l, 4, 4), LEDGER_KNOWN);
    check_names(l, &heap, "22222222");
    ledger_shrink(l);
    CHECK_INT(tell_counts(l, 4, 5), LEDGER_NEW);
    CHECK_INT(counts_of(l, &heap), 9);
    CHECK_INT(tell_run(l, 3, 0, LEAVES), LEDGER_KNOWN);
    CHECK_INT(tell_counts(l, 30, LEAVES - 30), LEDGER_NEW);
    CHECK_INT(tell_counts(l, 31, LEAVES - 31), LEDGER_KNOWN);
    CHECK_INT(counts_of(l, &heap), LEAVES);
    ledger_free(l);
    CHECK(heap_is_empty(&heap));
}

/* With room for no run at all. */
/* Of a job that was told in parts only the first names had come. */
TEST(test_a_joined_account_of_a_result_is_whole)
{
    struct heap heap;
    heap_init(&heap);
    struct ledger *l = ledger_of(&heap);
    CHECK_INT(end_as(l, JOB_DONE), LEDGER_NEW);
    ledger_shrink(l);
    for (uint64_t i = 0; i < 10; i++)
        CHECK_INT(tell_run(l, (uint8_t)(1 + i % 2), i, i + 1), LEDGER_NEW);
    CHECK_INT(ledger_account_join(l), 0);
    CHECK_INT(counts_of(l, &heap), LEAVES);
    ledger_free(l);
    CHECK(heap_is_empty(&heap));
}

TEST(test_what_has_no_room_for_its_name_is_counted_all_the_same)
{
    struct heap heap;
    heap_init(&heap);
    struct ledger *l = ledger_of(&heap);
    struct runset gained;
    runset_init(&gained, &heap.alloc, 256);
    for (int i = 0; i < 12; i++)
        ledger_account_tighten(l);
    for (uint64_t leaf = 0; leaf < LEAVES; leaf += 2)
        CHECK_INT(report(l, 2, leaf, leaf + 1, &gained), LEDGER_NEW);
    CHECK_INT(gained.leaves, LEAVES / 2);
    CHECK_INT(end_as(l, JOB_CANCELLED), LEDGER_NEW);
    ledger_shrink(l);
    CHECK_INT(ledger_account_join(l), 0);
    CHECK(ledger_account_is_joined(l));
    CHECK_INT(counts_of(l, &heap), LEAVES / 2);
    runset_clear(&gained);
    ledger_free(l);
    CHECK(heap_is_empty(&heap));
}

TEST_MAIN(test_a_joined_account_of_a_result_is_whole, test_each_leaf_is_named_once,
          test_at_the_bound_neighbours_become_one, test_without_neighbours_there_is_an_end,
          test_a_tightened_account_names_the_same_leaves_in_half_the_runs,
          test_joined_runs_are_counts_per_node, test_of_very_many_nodes_the_last_are_counted_as_one,
          test_what_would_not_become_smaller_stays,
          test_counts_of_others_are_taken_where_they_say_more,
          test_what_has_no_room_for_its_name_is_counted_all_the_same,
          test_a_journal_that_is_written_anew_leaves_room_for_a_late_name,
          test_a_report_names_only_what_it_newly_covers,
          test_a_run_is_named_only_where_it_is_covered, test_there_are_no_leaves_behind_the_last,
          test_of_an_ended_job_others_know_what_was_counted,
          test_names_that_are_there_are_known_at_sight, test_what_nobody_named_keeps_its_place)
