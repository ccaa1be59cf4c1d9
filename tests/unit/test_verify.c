/* The independent checker: it believes a journal that adds up, and names what does not in journals
 * that were made wrong on purpose. */
#include "core/base/err.h"
#include "core/base/sha256.h"
#include "core/node/journal_record.h"
#include "core/verify/scan.h"
#include "core/verify/verdict.h"
#include "core/wire/tree.h"
#include "tests/lib/book.h"
#include "tests/lib/check.h"

#define LEAVES 13

/* --- reading --- */

struct folder {
    struct store_memory *m;
    uint64_t numbers[STORE_MEMORY_NAMES_MAX];
    size_t count;
};

static int load(void *ctx, uint64_t number, uint64_t most, struct bytes *out)
{
    struct folder *f = ctx;
    char name[32];
    snprintf(name, sizeof name, "%016llx.seg", (unsigned long long)number);
    const struct store_memory_content *c = store_memory_find(f->m, name);
    if (!c)
        return ERR_NOT_FOUND;
    *out = (struct bytes){c->data, c->size < most ? c->size : most};
    return 0;
}

static struct scan_files files_of(struct folder *f, struct store_memory *m)
{
    *f = (struct folder){.m = m};
    for (uint64_t n = 1; n < 100; n++) {
        struct bytes b;
        if (load(f, n, 1, &b) == 0)
            f->numbers[f->count++] = n;
    }
    return (struct scan_files){f, f->numbers, f->count, load};
}

static int merge(void *ctx, const struct tally_kernel *k, struct bytes left, struct bytes right,
                 uint8_t *out)
{
    (void)ctx;
    if (strcmp(k->name, "join") != 0)
        return ERR_KERNEL;
    store_u64(out, join(load_u64(left.data), load_u64(right.data)));
    return 0;
}

static int each(void *ctx, uint16_t type, struct bytes payload)
{
    return tally_record(ctx, type, payload);
}

static struct tally tallies[4];
static struct scan_report scan_report;

static int tally_book(struct tally *t, const struct book *b)
{
    struct folder f;
    struct scan_files files = files_of(&f, b->m);
    tally_init(t, &heap.alloc, job, merge, NULL);
    int rc = scan_journal(&files, 1, each, t, &scan_report);
    return rc < 0 ? rc : tally_end(t);
}

static struct verdict verdict_of(size_t count)
{
    const struct tally *list[4];
    struct verdict v;
    for (size_t i = 0; i < count; i++)
        list[i] = &tallies[i];
    CHECK_INT(verdict_over(&v, &heap.alloc, list, count), 0);
    return v;
}

/* The verdict over one journal, which is used up. */
static struct verdict judge(struct book *b)
{
    CHECK_INT(tally_book(&tallies[0], b), 0);
    struct verdict v = verdict_of(1);
    book_close(b);
    return v;
}

static void begin(void)
{
    heap_init(&heap);
    buf_init(&spec, &heap.alloc, 65536);
}

static void end(size_t count)
{
    for (size_t i = 0; i < count; i++)
        tally_clear(&tallies[i]);
    buf_clear(&spec);
    CHECK(heap_is_empty(&heap));
}

static void check_fault(enum tally_fault fault, uint64_t first, uint64_t last)
{
    const struct tally_problem *p = &tallies[0].problems[0];
    CHECK(tallies[0].problems_count > 0);
    CHECK_INT(p->fault, fault);
    CHECK_INT(p->first, first);
    CHECK_INT(p->end, last);
}

/* --- journals that add up --- */

TEST(test_a_whole_journal_is_proven)
{
    begin();
    struct book b = good_book(0);
    struct verdict v = judge(&b);
    CHECK(v.proven);
    CHECK_INT(v.counted, LEAVES);
    CHECK_INT(v.unnamed, 0);
    CHECK_INT(v.nodes, 2);
    CHECK_INT(v.agree, 1);
    CHECK_INT(v.problems, 0);
    end(1);
}

TEST(test_three_journals_of_many_segments_agree)
{
    begin();
    for (size_t i = 0; i < 3; i++) {
        struct book b = good_book(512);
        CHECK_INT(tally_book(&tallies[i], &b), 0);
        struct folder f;
        CHECK(files_of(&f, b.m).count > 2);
        book_close(&b);
    }
    struct verdict v = verdict_of(3);
    CHECK(v.proven);
    CHECK_INT(v.agree, 3);
    CHECK_INT(v.others, 0);
    end(3);
}

TEST(test_after_compaction_the_runs_are_the_proof)
{
    begin();
    struct book b = book_open(0);
    write_spec(&b);
    write_done(&b);
    write_run(&b, 1, 0, 8);
    write_run(&b, 0, 8, 9);
    write_run(&b, 2, 9, LEAVES);
    struct verdict v = judge(&b);
    CHECK(v.proven);
    CHECK_INT(v.nodes, 2);
    CHECK_INT(v.unnamed, 1);
    end(1);
}

static void write_counts(struct book *b, uint64_t unnamed, uint64_t first, uint64_t second)
{
    struct leaf_count list[3] = {{node(0), unnamed}, {node(1), first}, {node(2), second}};
    uint8_t room[256];
    struct buf f;
    buf_init_fixed(&f, room, sizeof room);
    put_counts(&f, list + (unnamed == 0), unnamed == 0 ? 2 : 3);
    write_fact(b, buf_bytes(&f));
}

TEST(test_after_runs_were_joined_the_counts_are_the_proof)
{
    begin();
    struct book b = book_open(0);
    write_spec(&b);
    write_done(&b);
    write_counts(&b, 1, 4, LEAVES - 5);
    struct verdict v = judge(&b);
    CHECK(v.proven && tallies[0].joined);
    CHECK_INT(v.counted, LEAVES);
    CHECK_INT(v.unnamed, 1);
    CHECK_INT(v.nodes, 2);
    end(1);

    begin();
    b = good_book(0);
    write_counts(&b, 0, 4, LEAVES - 4);
    v = judge(&b);
    CHECK(v.proven && !tallies[0].joined);
    CHECK_INT(v.unnamed, 0);
    end(1);

    /* Another holder knew more. */
    begin();
    b = book_open(0);
    write_spec(&b);
    write_report(&b, 1, 0, 5, NO_LIE);
    write_done(&b);
    write_counts(&b, 0, 5, LEAVES - 5);
    v = judge(&b);
    CHECK(v.proven && tallies[0].joined);
    end(1);
}

TEST(test_counts_that_do_not_add_up_prove_nothing)
{
    begin();
    struct book b = book_open(0);
    write_spec(&b);
    write_done(&b);
    write_counts(&b, 2, 4, LEAVES - 7);
    struct verdict v = judge(&b);
    CHECK(!v.proven);
    CHECK_INT(v.problems, 0);
    CHECK_INT(v.counted, LEAVES - 1);
    CHECK_INT(v.unnamed, 2);
    end(1);

    begin();
    b = book_open(0);
    write_spec(&b);
    write_done(&b);
    write_counts(&b, 2, 4, LEAVES - 5);
    CHECK(!judge(&b).proven);
    check_fault(TALLY_FORMAT, 0, 0);
    end(1);
}

TEST(test_values_alone_prove_that_all_is_counted)
{
    begin();
    struct book b = book_open(0);
    write_spec(&b);
    write_report(&b, 1, 0, 8, NO_LIE);
    struct partial p = {.count = 1};
    uint8_t room[256], raw[8];
    struct buf f;
    buf_init_fixed(&f, room, sizeof room);
    put_partial_begin(&f, &p);
    store_u64(raw, value_of((struct tree_node){3, 1}));
    put_value(&f, &(struct value){{3, 1}, {raw, 8}});
    write_fact(&b, buf_bytes(&f));
    write_done(&b);
    struct verdict v = judge(&b);
    CHECK(v.proven);
    CHECK_INT(v.unnamed, LEAVES - 8);
    end(1);
}

TEST(test_a_value_is_made_again_from_its_parts)
{
    begin();
    struct book b = book_open(0);
    write_spec(&b);
    write_report(&b, 1, 0, 5, NO_LIE);
    write_report(&b, 1, 5, 8, NO_LIE);
    struct partial p = {.author = node(1), .count = 1};
    uint8_t room[256], raw[8];
    struct buf f;
    buf_init_fixed(&f, room, sizeof room);
    put_partial_begin(&f, &p);
    store_u64(raw, value_of((struct tree_node){3, 0}));
    put_value(&f, &(struct value){{3, 0}, {raw, 8}});
    write_fact(&b, buf_bytes(&f));
    struct verdict v = judge(&b);
    CHECK_INT(tally_refolded(&tallies[0]), 1);
    CHECK_INT(v.problems, 0);
    end(1);
}

TEST(test_a_job_that_runs_is_counted_so_far)
{
    begin();
    struct book b = book_open(0);
    write_spec(&b);
    write_report(&b, 1, 0, 5, NO_LIE);
    struct verdict v = judge(&b);
    CHECK(!v.proven);
    CHECK_INT(v.state, TALLY_OPEN);
    CHECK_INT(v.counted, 5);
    CHECK_INT(v.problems, 0);
    end(1);
}

TEST(test_a_holder_that_was_away_does_not_spoil_the_proof)
{
    begin();
    struct book b = good_book(0);
    CHECK_INT(tally_book(&tallies[0], &b), 0);
    book_close(&b);
    b = book_open(0);
    write_spec(&b);
    write_report(&b, 1, 0, 5, NO_LIE);
    CHECK_INT(tally_book(&tallies[1], &b), 0);
    book_close(&b);
    struct verdict v = verdict_of(2);
    CHECK(v.proven);
    CHECK_INT(v.agree, 1);
    CHECK_INT(v.others, 1);
    end(2);
}

TEST(test_a_holder_that_left_and_came_back_has_the_job_anew)
{
    begin();
    struct book b = book_open(0);
    write_spec(&b);
    write_report(&b, 1, 0, 5, NO_LIE);
    write_spec(&b);
    write_report(&b, 1, 0, 5, NO_LIE);
    write_report(&b, 2, 5, LEAVES, NO_LIE);
    write_done(&b);
    struct verdict v = judge(&b);
    CHECK(v.proven);
    CHECK_INT(v.problems, 0);
    end(1);

    begin();
    b = book_open(0);
    write_spec(&b);
    write_report(&b, 1, 0, LEAVES, NO_LIE);
    write_spec(&b);
    write_report(&b, 1, 0, 5, NO_LIE);
    v = judge(&b);
    CHECK(!v.proven);
    CHECK_INT(v.counted, 5);
    end(1);
}

/* What happens to the whole job: its id and one byte. */
static void write_about_job(struct book *b, uint16_t type, uint8_t what)
{
    uint8_t room[64];
    struct buf r;
    buf_init_fixed(&r, room, sizeof room);
    put_job_id(&r, job);
    put_u8(&r, what);
    write_record(b, type, buf_bytes(&r));
}

/* A node that was no holder any more gave its copy up, and became one again. */
TEST(test_a_copy_that_was_given_up_begins_anew)
{
    begin();
    struct book b = book_open(0);
    write_spec(&b);
    write_report(&b, 1, 0, 5, NO_LIE);
    write_about_job(&b, RECORD_STALE, STALE_DROPPED);
    write_spec(&b);
    write_report(&b, 1, 0, 5, NO_LIE);
    write_report(&b, 2, 5, LEAVES, NO_LIE);
    write_done(&b);
    struct verdict v = judge(&b);
    CHECK(v.proven && !v.gone);
    CHECK_INT(v.problems, 0);
    end(1);

    begin();
    b = book_open(0);
    write_spec(&b);
    write_report(&b, 1, 0, LEAVES, NO_LIE);
    write_about_job(&b, RECORD_STALE, STALE_DROPPED);
    write_report(&b, 1, 0, 5, NO_LIE); /* on its way then */
    v = judge(&b);
    CHECK(!v.best && !v.gone);
    end(1);
}

/* What is given up is the old copy; the new one beside it stays. */
TEST(test_an_old_copy_that_is_dropped_takes_nothing_of_the_new_one)
{
    begin();
    struct book b = book_open(0);
    write_spec(&b);
    write_report(&b, 1, 0, 5, NO_LIE);
    write_about_job(&b, RECORD_STALE, STALE_ASIDE);
    write_spec(&b);
    write_report(&b, 1, 0, LEAVES, NO_LIE);
    write_about_job(&b, RECORD_STALE, STALE_DROPPED);
    write_done(&b);
    CHECK(judge(&b).proven);
    end(1);

    begin();
    b = book_open(0);
    write_spec(&b);
    write_report(&b, 1, 0, LEAVES, NO_LIE);
    write_about_job(&b, RECORD_STALE, STALE_ASIDE);
    write_about_job(&b, RECORD_STALE, STALE_BACK);
    write_done(&b);
    CHECK(judge(&b).proven);
    end(1);

    begin();
    b = good_book(0);
    write_about_job(&b, RECORD_STALE, STALE_ASIDE);
    write_about_job(&b, RECORD_STALE, STALE_DROPPED);
    CHECK(!judge(&b).best);
    end(1);
}

TEST(test_a_forgotten_job_is_gone)
{
    begin();
    struct book b = good_book(0);
    write_about_job(&b, RECORD_GONE, JOB_DONE);
    struct verdict v = judge(&b);
    CHECK(v.gone && !v.best && !v.proven);
    end(1);
}

/* --- journals made wrong on purpose --- */

TEST(test_a_leaf_counted_twice_is_named)
{
    begin();
    struct book b = book_open(0);
    write_spec(&b);
    write_report(&b, 1, 0, 9, NO_LIE);
    write_report(&b, 2, 8, LEAVES, NO_LIE);
    write_done(&b);
    struct verdict v = judge(&b);
    CHECK(!v.proven);
    check_fault(TALLY_TWICE, 8, 9);
    end(1);
}

TEST(test_a_leaf_counted_twice_by_one_node_is_named)
{
    begin();
    struct book b = book_open(0);
    write_spec(&b);
    write_report(&b, 1, 0, 9, NO_LIE);
    write_report(&b, 1, 7, LEAVES, NO_LIE);
    write_done(&b);
    CHECK(!judge(&b).proven);
    check_fault(TALLY_TWICE, 7, 9);
    end(1);
}

TEST(test_a_run_named_twice_after_compaction_is_named)
{
    begin();
    struct book b = book_open(0);
    write_spec(&b);
    write_done(&b);
    write_run(&b, 1, 0, 8);
    write_run(&b, 2, 6, LEAVES);
    CHECK(!judge(&b).proven);
    check_fault(TALLY_TWICE, 6, 8);
    end(1);
}

TEST(test_a_missing_leaf_is_named)
{
    begin();
    struct book b = book_open(0);
    uint64_t first, last;
    write_spec(&b);
    write_report(&b, 1, 0, 5, NO_LIE);
    write_report(&b, 2, 6, LEAVES, NO_LIE);
    write_done(&b);
    CHECK(!judge(&b).proven);
    CHECK(tally_hole(&tallies[0], 0, &first, &last));
    CHECK_INT(first, 5);
    CHECK_INT(last, 6);
    CHECK(!tally_hole(&tallies[0], last, &first, &last));
    end(1);
}

/* The disk may have refused the record with the value. */
TEST(test_a_run_without_a_value_does_not_count)
{
    begin();
    struct book b = book_open(0);
    uint64_t first, last;
    write_spec(&b);
    write_report(&b, 1, 0, 5, NO_LIE);
    write_run(&b, 2, 3, 8);
    CHECK(!judge(&b).proven);
    check_fault(TALLY_TWICE, 3, 5);
    CHECK(tally_hole(&tallies[0], 0, &first, &last));
    CHECK_INT(first, 5);
    end(1);
}

TEST(test_who_brings_the_value_later_is_named)
{
    begin();
    struct book b = book_open(0);
    write_spec(&b);
    write_report(&b, 1, 0, 5, NO_LIE);
    write_run(&b, 2, 5, 8);
    write_report(&b, 3, 5, LEAVES, NO_LIE);
    write_done(&b);
    struct verdict v = judge(&b);
    CHECK(v.proven);
    CHECK_INT(v.nodes, 2);
    end(1);
}

TEST(test_a_result_vouches_for_runs_without_a_value)
{
    begin();
    struct book b = book_open(0);
    write_spec(&b);
    write_report(&b, 1, 0, 5, NO_LIE);
    write_run(&b, 2, 5, LEAVES);
    write_done(&b);
    struct verdict v = judge(&b);
    CHECK(v.proven);
    CHECK_INT(v.nodes, 2);
    end(1);
}

TEST(test_a_digest_of_something_else_is_seen)
{
    begin();
    struct book b = book_open(0);
    uint8_t raw[8];
    write_spec(&b);
    write_report(&b, 1, 0, LEAVES, NO_LIE);
    struct outcome o = done(value_of(tree_root(LEAVES)), raw);
    o.digest.bytes[7] ^= 1;
    write_outcome(&b, &o);
    CHECK(!judge(&b).proven);
    check_fault(TALLY_DIGEST, 0, 0);
    end(1);
}

TEST(test_a_result_that_the_values_do_not_fold_to_is_seen)
{
    begin();
    struct book b = book_open(0);
    write_spec(&b);
    write_report(&b, 1, 0, 5, NO_LIE);
    write_report(&b, 1, 5, LEAVES, 6);
    write_done(&b);
    CHECK(!judge(&b).proven);
    check_fault(TALLY_RESULT, 0, LEAVES);
    end(1);
}

TEST(test_a_value_that_its_parts_do_not_fold_to_is_named)
{
    begin();
    struct book b = book_open(0);
    write_spec(&b);
    write_report(&b, 1, 0, 6, NO_LIE);
    write_report(&b, 1, 6, 8, 6);
    write_report(&b, 1, 8, LEAVES, NO_LIE);
    struct partial p = {.author = node(1), .count = 1};
    uint8_t room[256], raw[8];
    struct buf f;
    buf_init_fixed(&f, room, sizeof room);
    put_partial_begin(&f, &p);
    store_u64(raw, value_of((struct tree_node){3, 0}));
    put_value(&f, &(struct value){{3, 0}, {raw, 8}});
    write_fact(&b, buf_bytes(&f));
    CHECK(!judge(&b).proven);
    check_fault(TALLY_WRONG, 0, 8);
    end(1);
}

TEST(test_two_values_of_the_same_leaves_are_named)
{
    begin();
    struct book b = book_open(0);
    write_spec(&b);
    write_report(&b, 1, 0, 4, NO_LIE);
    write_report(&b, 2, 0, 4, 0);
    CHECK(!judge(&b).proven);
    check_fault(TALLY_UNEQUAL, 0, 4);
    end(1);
}

TEST(test_a_result_of_too_many_leaves_is_seen)
{
    begin();
    struct book b = book_open(0);
    uint8_t raw[8];
    write_spec(&b);
    write_report(&b, 1, 0, LEAVES, NO_LIE);
    struct outcome o = done(value_of(tree_root(LEAVES)), raw);
    o.leaves++;
    write_outcome(&b, &o);
    CHECK(!judge(&b).proven);
    check_fault(TALLY_COUNT, LEAVES + 1, LEAVES + 1);
    end(1);
}

TEST(test_two_different_results_are_seen)
{
    begin();
    uint8_t raw[8];
    struct book b = good_book(0);
    CHECK_INT(tally_book(&tallies[0], &b), 0);
    struct outcome o = done(5, raw);
    write_outcome(&b, &o);
    CHECK_INT(tally_book(&tallies[2], &b), 0);
    CHECK_INT(tallies[2].problems[0].fault, TALLY_TWO);
    book_close(&b);
    b = book_open(0);
    write_spec(&b);
    write_outcome(&b, &o);
    CHECK_INT(tally_book(&tallies[1], &b), 0);
    book_close(&b);
    struct verdict v = verdict_of(2);
    CHECK(v.two_results && !v.proven);
    end(3);
}

TEST(test_a_specification_of_another_job_is_seen)
{
    begin();
    struct book b = good_book(0);
    spec.data[40] ^= 1;
    write_signed(&b, FACT_SPEC, buf_bytes(&spec));
    CHECK(!judge(&b).proven);
    check_fault(TALLY_ID, 0, 0);
    end(1);
}

/* --- bytes made wrong --- */

TEST(test_every_flipped_byte_of_what_was_synced_is_seen)
{
    begin();
    struct book b = good_book(0);
    journal_close(b.j);
    struct store_memory_content *c = store_memory_find(b.m, "0000000000000001.seg");
    uint64_t used = c->size;
    while (used > 0 && c->data[used - 1] == 0)
        used--;
    for (uint64_t i = 0; i < used; i++) {
        c->data[i] ^= 0x10;
        int rc = tally_book(&tallies[0], &b);
        /* Only the mark at the very end has nothing behind it that speaks for it. */
        if (i < used - 32)
            CHECK(rc == ERR_DAMAGED || rc == ERR_VERSION);
        tally_clear(&tallies[0]);
        c->data[i] ^= 0x10;
    }
    CHECK_INT(tally_book(&tallies[0], &b), 0);
    store_memory_free(b.m);
    end(1);
}

TEST(test_a_missing_segment_is_seen)
{
    begin();
    struct book b = good_book(512);
    struct folder f;
    struct scan_files files = files_of(&f, b.m);
    REQUIRE(files.count > 2);
    memmove(&f.numbers[1], &f.numbers[2], (f.count - 2) * sizeof f.numbers[0]);
    files.count--;
    tally_init(&tallies[0], &heap.alloc, job, merge, NULL);
    CHECK_INT(scan_journal(&files, 1, each, &tallies[0], &scan_report), ERR_DAMAGED);
    CHECK_INT(scan_report.bad_segment, 2);
    book_close(&b);
    end(1);
}

TEST(test_another_vocabulary_is_refused)
{
    begin();
    struct book b = good_book(0);
    struct folder f;
    struct scan_files files = files_of(&f, b.m);
    tally_init(&tallies[0], &heap.alloc, job, merge, NULL);
    CHECK_INT(scan_journal(&files, 0, each, &tallies[0], &scan_report), ERR_VERSION);
    book_close(&b);
    end(1);
}

TEST_MAIN(test_a_whole_journal_is_proven, test_three_journals_of_many_segments_agree,
          test_after_compaction_the_runs_are_the_proof, test_values_alone_prove_that_all_is_counted,
          test_after_runs_were_joined_the_counts_are_the_proof,
          test_counts_that_do_not_add_up_prove_nothing, test_a_value_is_made_again_from_its_parts,
          test_a_job_that_runs_is_counted_so_far,
          test_a_holder_that_was_away_does_not_spoil_the_proof,
          test_a_holder_that_left_and_came_back_has_the_job_anew,
          test_a_copy_that_was_given_up_begins_anew,
          test_an_old_copy_that_is_dropped_takes_nothing_of_the_new_one,
          test_a_forgotten_job_is_gone, test_a_leaf_counted_twice_is_named,
          test_a_leaf_counted_twice_by_one_node_is_named,
          test_a_run_named_twice_after_compaction_is_named, test_a_missing_leaf_is_named,
          test_a_run_without_a_value_does_not_count, test_who_brings_the_value_later_is_named,
          test_a_result_vouches_for_runs_without_a_value, test_a_digest_of_something_else_is_seen,
          test_a_result_that_the_values_do_not_fold_to_is_seen,
          test_a_value_that_its_parts_do_not_fold_to_is_named,
          test_two_values_of_the_same_leaves_are_named, test_a_result_of_too_many_leaves_is_seen,
          test_two_different_results_are_seen, test_a_specification_of_another_job_is_seen,
          test_every_flipped_byte_of_what_was_synced_is_seen, test_a_missing_segment_is_seen,
          test_another_vocabulary_is_refused)
