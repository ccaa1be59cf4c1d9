/* Merging at its bounds: more holders than there is room for, more values than are kept, memory
 * that ends in the middle, and facts that are of no job like this. */
#include <string.h>

#include "core/base/err.h"
#include "core/base/prng.h"
#include "core/job/ledger.h"
#include "core/wire/found.h"
#include "tests/lib/appended.h"
#include "tests/lib/check.h"
#include "tests/lib/heap.h"
#include "tests/lib/parts.h"

#define LEAVES 40000
#define NODES 20
#define FACTS 24

static uint8_t arena[4 << 20];
static size_t arena_used;
static struct job_id job;

static struct node_id id_of(uint32_t n)
{
    struct node_id id = {{(uint8_t)(n + 1)}};
    return id;
}

static struct buf room(void)
{
    struct buf b;
    buf_init_fixed(&b, arena + arena_used, sizeof arena - arena_used);
    return b;
}

static struct bytes kept(const struct buf *b)
{
    REQUIRE(!b->failed);
    arena_used += b->len;
    return buf_bytes(b);
}

static struct bytes seal(enum fact_kind kind, struct bytes body)
{
    const struct signed_bytes s = {.certificate = bytes_of_text("cert"), .body = body};
    struct buf b = room();
    put_signed_fact(&b, kind, &s);
    return kept(&b);
}

static struct bytes spec_fact(void)
{
    struct job_spec s = {.name = "t"};
    struct buf b = room();
    memcpy(s.stage.kernel, "sum", 4);
    s.stage.units = LEAVES;
    s.stage.leaf_units = 1;
    s.stage.accumulator_size = 8;
    REQUIRE(put_spec(&b, &s) == 0);
    struct bytes body = kept(&b);
    job = spec_id(body);
    return seal(FACT_SPEC, body);
}

static struct bytes holders_fact(const struct holders *h)
{
    struct buf b = room();
    put_holders_body(&b, job, h);
    return seal(FACT_HOLDERS, kept(&b));
}

/* One to eight of them, or exactly this one. */
static struct bytes some_holders(struct prng *p, uint32_t only)
{
    struct holders h = {.generation = 1, .count = 1, .ids = {id_of(only)}};
    for (uint32_t n = 0; p && n < NODES && h.count < FACT_HOLDERS_MAX; n++)
        if (n != only && prng_one_in(p, 4))
            h.ids[h.count++] = id_of(n);
    return holders_fact(&h);
}

static struct ledger *ledger_of(struct heap *heap, struct bytes spec)
{
    struct ledger *l = NULL;
    heap_init(heap);
    REQUIRE(ledger_new(&l, &heap->alloc, spec) == 0);
    return l;
}

static void take_snapshot(struct ledger *to, const struct ledger *from)
{
    struct buf b = room();
    ledger_snapshot(from, &b);
    struct reader r = reader_of(kept(&b));
    while (reader_left(&r) > 0)
        CHECK(ledger_apply(to, read_block(&r, SIZE_MAX)) >= 0 && !r.failed);
}

static void shuffle(struct prng *p, struct bytes *facts)
{
    for (size_t i = FACTS - 1; i > 0; i--) {
        size_t k = prng_below(p, i + 1);
        struct bytes other = facts[i];
        facts[i] = facts[k];
        facts[k] = other;
    }
}

/* Eight are remembered, the least, in whatever order they came, and a snapshot says them all. */
TEST(of_many_holders_of_one_generation_the_least_stay)
{
    for (uint64_t seed = 0; seed < 200; seed++) {
        struct prng p;
        struct heap heap[2];
        struct bytes facts[FACTS];
        prng_init(&p, seed);
        arena_used = 0;
        struct bytes spec = spec_fact();
        for (uint32_t i = 0; i < FACTS; i++)
            facts[i] = some_holders(seed % 2 ? &p : NULL, i < NODES ? NODES - 1 - i : i % NODES);
        struct ledger *a = ledger_of(&heap[0], spec), *b = ledger_of(&heap[1], spec);
        for (size_t i = 0; i < FACTS; i++)
            CHECK(ledger_apply(a, facts[i]) >= 0);
        shuffle(&p, facts);
        for (size_t i = 0; i < FACTS; i++)
            CHECK(ledger_apply(b, facts[i]) >= 0);
        CHECK(digest_equal(ledger_digest(a), ledger_digest(b)));
        const struct holders *h = ledger_holders(a);
        CHECK_INT(h->count, FACT_HOLDERS_MAX);
        for (uint8_t i = 0; i < h->count; i++)
            CHECK(node_id_equal(h->ids[i], id_of(i)));
        ledger_free(b);
        b = ledger_of(&heap[1], spec);
        take_snapshot(b, a);
        CHECK(digest_equal(ledger_digest(a), ledger_digest(b)));
        ledger_free(a);
        ledger_free(b);
        CHECK(heap_is_empty(&heap[0]) && heap_is_empty(&heap[1]));
    }
}

static struct bytes unlike_fact(uint64_t leaf)
{
    struct buf b = room();
    put_unlike(&b, &(struct unlike){leaf, {{{1}}, {{2}}}, id_of(1), "cc"});
    return kept(&b);
}

static struct bytes stage_cancel_fact(void)
{
    uint8_t set[1];
    const struct stage_cancel c = stage_cancel_of(id_of(3), 0, set);
    struct buf b = room();
    put_stage_cancel_body(&b, job, &c);
    return seal(FACT_STAGE_CANCEL, kept(&b));
}

/* A fact that found no memory is taken when it comes again, and then it was never missing. */
TEST(what_found_no_memory_is_taken_when_it_comes_again)
{
    struct heap heap;
    struct bytes facts[FACTS];
    arena_used = 0;
    const struct bytes spec = spec_fact();
    for (uint32_t i = 0; i < NODES; i++)
        facts[i] = some_holders(NULL, NODES - 1 - i);
    for (uint32_t i = NODES; i < FACTS; i++)
        facts[i] = i % 2 ? unlike_fact(i) : stage_cancel_fact();
    struct ledger *l = ledger_of(&heap, spec);
    for (size_t i = 0; i < FACTS; i++)
        CHECK(ledger_apply(l, facts[i]) >= 0);
    const struct digest right = ledger_digest(l);
    ledger_free(l);
    for (uint64_t n = 1, failed = 1; failed > 0; n++) {
        l = ledger_of(&heap, spec);
        heap.fail_at = heap.calls + n;
        for (size_t i = 0; i < FACTS; i++) {
            int rc = ledger_apply(l, facts[i]);
            CHECK(rc >= 0 || rc == ERR_NO_MEMORY);
            CHECK(rc >= 0 || ledger_apply(l, facts[i]) >= 0);
        }
        CHECK(digest_equal(ledger_digest(l), right));
        failed = heap.failures;
        ledger_free(l);
        CHECK(heap_is_empty(&heap));
    }
}

/* `count` leaves from `from` on in steps of two, which nothing can fold. */
static struct bytes apart(uint64_t from, uint16_t count, uint64_t step)
{
    struct partial p = {.author = id_of(1), .count = count};
    struct buf b = room();
    uint8_t value[8] = {7};
    put_partial_begin(&b, &p);
    for (uint64_t i = 0; i < count; i++)
        put_value(&b, &(struct value){{0, from + i * step}, {value, sizeof value}});
    return kept(&b);
}

TEST(at_the_bound_only_holes_are_filled)
{
    struct heap heap;
    uint64_t at = 0;
    arena_used = 0;
    struct ledger *l = ledger_of(&heap, spec_fact());
    struct cover *c = ledger_cover(l);
    CHECK(cover_frontier(c) == LEAVES);
    for (int rc = LEDGER_NEW; rc == LEDGER_NEW; at += 2000)
        CHECK((rc = ledger_apply(l, apart(at, 1000, 2))) == LEDGER_NEW || rc == ERR_FULL);
    const uint64_t covered = cover_leaves(c), frontier = cover_frontier(c);
    CHECK_INT(covered, COVER_VALUES_MAX);
    CHECK(frontier < LEAVES);
    CHECK_INT(ledger_apply(l, apart(frontier + 10, 1, 1)), ERR_FULL);
    CHECK(cover_leaves(c) == covered);
    /* One fills a hole and one lies behind: the first is taken, and the fact must come again. */
    CHECK_INT(ledger_apply(l, apart(1, 2, frontier + 10)), ERR_FULL);
    CHECK(cover_leaves(c) == covered + 1);
    CHECK_INT(ledger_apply(l, apart(1, 1, 1)), LEDGER_KNOWN);
    ledger_free(l);
    CHECK(heap_is_empty(&heap));
}

TEST(what_is_of_no_job_like_this_is_refused)
{
    struct divergence d = {.at = {63, 0}, .digests = {{{1}}, {{2}}}};
    struct value v;
    struct heap heap;
    struct ledger *l = NULL;
    arena_used = 0;
    const struct bytes spec = spec_fact(), other = some_holders(NULL, 1);
    heap_init(&heap);
    CHECK_INT(ledger_new(&l, &heap.alloc, other), ERR_FORMAT);
    CHECK_INT(ledger_new(&l, &heap.alloc, (struct bytes){spec.data, spec.len - 1}), ERR_FORMAT);
    l = ledger_of(&heap, spec);
    struct digest before = ledger_digest(l);
    CHECK_INT(ledger_apply(l, unlike_fact(LEAVES)), ERR_FORMAT);
    d.at = (struct tree_node){0, LEAVES};
    struct buf b = room();
    put_divergent(&b, &d);
    CHECK_INT(ledger_apply(l, kept(&b)), ERR_FORMAT);
    b = room();
    d.stage = 1;
    d.at = (struct tree_node){0, 0};
    put_divergent(&b, &d);
    CHECK_INT(ledger_apply(l, kept(&b)), ERR_FORMAT);
    d.stage = 0;
    b = room();
    d.at = (struct tree_node){40, 0};
    put_divergent(&b, &d);
    CHECK(ledger_apply(l, kept(&b)) < 0);
    CHECK(digest_equal(before, ledger_digest(l)));
    CHECK(!ledger_has_retired(l, id_of(9)));
    CHECK(!cover_meets(ledger_cover(l), (struct tree_node){0, LEAVES}, &v));
    CHECK(cover_wanted(ledger_cover(l), 5, 5) == 0);
    CHECK(cover_wanted(ledger_cover(l), 5, LEAVES + 9) == LEAVES - 5);
    ledger_free(l);
    CHECK(heap_is_empty(&heap));
}

/* --- an open job (tests/lib/appended.h) --- */

static struct ledger *open_ledger(void)
{
    heap_init(&appended_heap);
    appended_begin(true);
    return appended_ledger();
}

static struct bytes close_by(struct node_id author, uint32_t count)
{
    const struct close_fact c = {author, count};
    struct buf b = appended_room();
    put_close_body(&b, appended_job, &c);
    return appended_seal(FACT_CLOSE, appended_kept(&b), 1);
}

static struct bytes divergent_outcome(void)
{
    const struct outcome o = {.state = JOB_DIVERGENT, .error = "somebody saw it"};
    struct buf b = appended_room();
    put_outcome_body(&b, appended_job, &o);
    return appended_seal(FACT_OUTCOME, appended_kept(&b), 1);
}

static void end_open(struct ledger *l)
{
    ledger_free(l);
    CHECK(heap_is_empty(&appended_heap));
}

TEST(a_list_that_begins_inside_another_is_a_contradiction)
{
    struct ledger *l = open_ledger();
    CHECK_INT(ledger_apply(l, appended_stages(1, 5)), LEDGER_NEW);
    CHECK(!ledger_keeps(l, FACT_STAGES, bytes_of_text("no fact")));
    CHECK_INT(ledger_apply(l, appended_stages(2, 4)), LEDGER_DIVERGED);
    CHECK_INT(ledger_outcome(l)->state, JOB_DIVERGENT);
    CHECK(strstr(ledger_outcome(l)->error, "its author said two different things") != NULL);
    end_open(l);
}

TEST(only_its_author_closes_a_job_and_not_with_less_than_it_has)
{
    struct ledger *l = open_ledger();
    CHECK_INT(ledger_apply(l, close_by(id_of(77), 9)), ERR_FORMAT);
    CHECK_INT(ledger_closed(l), 0);
    CHECK_INT(ledger_apply(l, appended_stages(1, 5)), LEDGER_NEW);
    CHECK_INT(ledger_apply(l, appended_close_with(3)), LEDGER_DIVERGED);
    end_open(l);
}

/* What somebody signed stays the word that is shown. */
TEST(a_contradiction_of_a_job_that_diverged_says_nothing_new)
{
    struct ledger *l = open_ledger();
    CHECK_INT(ledger_apply(l, appended_stages(1, 5)), LEDGER_NEW);
    CHECK(ledger_apply(l, divergent_outcome()) > 0);
    CHECK_INT(ledger_apply(l, appended_stages(2, 4)), LEDGER_KNOWN);
    CHECK_STR(ledger_outcome(l)->error, "somebody saw it");
    end_open(l);
}

TEST(where_nothing_was_cancelled_there_is_nothing_to_say_of_it)
{
    struct ledger *l = open_ledger();
    CHECK_INT(ledger_stage_cancels(l, 0).set.len, 0);
    CHECK_INT(ledger_stages_cancelled(l), 0);
    CHECK_INT(ledger_cancelled_from(l, 0), UINT32_MAX);
    end_open(l);
}

/* --- one that is not --- */

static struct bytes value_fact(uint64_t first, uint8_t says, uint64_t second)
{
    struct partial p = {.author = id_of(1), .count = 2};
    struct buf b = room();
    uint8_t value[8] = {says}, other[8] = {7};
    put_partial_begin(&b, &p);
    put_value(&b, &(struct value){{0, first}, {value, sizeof value}});
    put_value(&b, &(struct value){{0, second}, {other, sizeof other}});
    return kept(&b);
}

TEST(a_contradiction_is_seen_at_the_bound_too)
{
    struct heap heap;
    uint64_t at = 0;
    arena_used = 0;
    struct ledger *l = ledger_of(&heap, spec_fact());
    while (ledger_apply(l, apart(at, 1000, 2)) == LEDGER_NEW)
        at += 2000;
    const uint64_t behind = cover_frontier(ledger_cover(l)) + 10;
    CHECK_INT(ledger_apply(l, value_fact(0, 7, behind)), ERR_FULL);
    CHECK_INT(ledger_apply(l, value_fact(0, 8, behind)), LEDGER_DIVERGED);
    ledger_free(l);
    CHECK(heap_is_empty(&heap));
}

TEST(a_value_is_as_long_as_it_may_be_and_is_spent_once)
{
    static uint8_t long_value[ACCUMULATOR_SIZE_MAX + 1];
    struct heap heap;
    struct value v = {{0, 0}, {long_value, sizeof long_value}}, other;
    uint64_t from = 0;
    arena_used = 0;
    struct ledger *l = ledger_of(&heap, spec_fact());
    struct cover *c = ledger_cover(l);
    CHECK_INT(cover_insert(c, &v), ERR_FORMAT);
    v.data.len = 8;
    CHECK_INT(cover_insert(c, &v), COVER_ADDED);
    CHECK(!cover_meets(c, (struct tree_node){0, 9}, &other));
    v.at.index = 1;
    CHECK_INT(cover_insert(c, &v), COVER_ADDED);
    CHECK(cover_pair(c, &from, &v, &other));
    CHECK(!cover_pair(c, &from, &v, &other));
    heap.fail_at = heap.calls + 1;
    CHECK_INT(cover_spend(c, 0), ERR_NO_MEMORY);
    CHECK(!cover_is_spent(c, 0));
    CHECK_INT(cover_spend(c, 0), 0);
    CHECK(cover_is_spent(c, 0));
    CHECK_INT(cover_spend(c, 0), 0);
    ledger_free(l);
    CHECK(heap_is_empty(&heap));
}

/* --- a job of several stages (tests/lib/parts.h) --- */

#define GAP 50000 /* between the first stage's leaves and the next */
#define CANCELS_MAX 1024u

static struct bytes parts_fact(bool open, uint32_t stages)
{
    struct job_spec s = {.name = "t", .open = open};
    struct buf b = room();
    parts_begin();
    parts_add(LEAVES, false);
    for (uint32_t i = 1; i < stages; i++)
        parts_add(1 + i % 3, false);
    parts_spec_first(&s, stages < 3 ? stages : 3, "sum");
    REQUIRE(put_spec(&b, &s) == 0);
    struct bytes body = kept(&b);
    job = spec_id(body);
    return seal(FACT_SPEC, body);
}

static struct bytes list_fact(uint32_t from, uint32_t to)
{
    struct buf b = room();
    put_stages_begin(&b, job, (struct node_id){{0}});
    parts_append(&b, from, to, "sum");
    return seal(FACT_STAGES, kept(&b));
}

static struct bytes close_fact(uint32_t count)
{
    struct buf b = room();
    put_close_body(&b, job, &(struct close_fact){.count = count});
    return seal(FACT_CLOSE, kept(&b));
}

static struct bytes cancel_one(uint32_t stage)
{
    uint8_t set[1];
    const struct stage_cancel c = stage_cancel_of(id_of(3), stage, set);
    struct buf b = room();
    put_stage_cancel_body(&b, job, &c);
    return seal(FACT_STAGE_CANCEL, kept(&b));
}

TEST(what_is_said_against_the_spec_is_a_contradiction)
{
    struct heap heap;
    arena_used = 0;
    const struct bytes spec = parts_fact(true, 4);
    for (int i = 0; i < 2; i++) {
        struct ledger *l = ledger_of(&heap, spec);
        CHECK_INT(ledger_apply(l, i == 0 ? close_fact(1) : list_fact(1, 2)), LEDGER_DIVERGED);
        ledger_free(l);
        CHECK(heap_is_empty(&heap));
    }
}

TEST(a_ledger_that_finds_no_memory_is_not_made)
{
    arena_used = 0;
    const struct bytes spec = parts_fact(false, 3);
    int rc = ERR_NO_MEMORY;
    for (uint64_t n = 1; rc < 0; n++) {
        struct heap heap;
        struct ledger *l = NULL;
        heap_init(&heap);
        heap.fail_at = n;
        rc = ledger_new(&l, &heap.alloc, spec);
        CHECK(rc == 0 || rc == ERR_NO_MEMORY);
        ledger_free(l);
        CHECK(heap_is_empty(&heap));
    }
}

TEST(the_value_of_a_whole_stage_is_taken_beyond_the_bound)
{
    struct heap heap;
    uint64_t at = 0;
    uint8_t eight[8] = {1};
    arena_used = 0;
    struct ledger *l = ledger_of(&heap, parts_fact(false, 3));
    while (ledger_apply(l, apart(at, 1000, 2)) == LEDGER_NEW)
        at += 2000;
    struct value v = {shape_root(&ledger_graph(l)->shape, 1), {eight, sizeof eight}};
    CHECK_INT(cover_insert(ledger_cover(l), &v), COVER_ADDED);
    CHECK_INT(ledger_apply(l, unlike_fact(GAP)), ERR_FORMAT);
    ledger_free(l);
    CHECK(heap_is_empty(&heap));
}

TEST(so_many_cancels_are_kept_and_no_more)
{
    struct heap heap;
    arena_used = 0;
    struct ledger *l = ledger_of(&heap, parts_fact(true, PARTS_MAX));
    for (uint32_t at = 3; at < PARTS_MAX; at += 1000)
        CHECK_INT(ledger_apply(l, list_fact(at, at + 1000 < PARTS_MAX ? at + 1000 : PARTS_MAX)),
                  LEDGER_NEW);
    for (uint32_t i = 0; i < CANCELS_MAX; i++)
        CHECK_INT(ledger_apply(l, cancel_one(8 * i)), LEDGER_NEW);
    CHECK_INT(ledger_apply(l, cancel_one(8 * CANCELS_MAX)), ERR_FULL);
    CHECK_INT(ledger_stages_cancelled(l), CANCELS_MAX);
    CHECK_INT(ledger_apply(l, cancel_one(0)), LEDGER_KNOWN);
    ledger_free(l);
    CHECK(heap_is_empty(&heap));
}

/* --- the cover, and names --- */

TEST(pairs_and_values_are_found_from_anywhere)
{
    static const struct tree_node nodes[] = {{0, 0}, {0, 1}, {1, 1}, {0, 4}, {0, 5}};
    struct heap heap;
    struct value left, right;
    uint8_t eight[8] = {1};
    uint64_t from = 3;
    arena_used = 0;
    struct ledger *l = ledger_of(&heap, spec_fact());
    struct cover *c = ledger_cover(l);
    CHECK(!cover_meets(c, (struct tree_node){0, 9}, &left));
    for (size_t i = sizeof nodes / sizeof *nodes; i > 0; i--)
        CHECK_INT(cover_insert(c, &(struct value){nodes[i - 1], {eight, 8}}), COVER_ADDED);
    CHECK(cover_pair(c, &from, &left, &right));
    CHECK(left.at.index == 4 && right.at.index == 5 && from == 6);
    ledger_free(l);
    l = ledger_of(&heap, spec_fact());
    CHECK_INT(cover_insert(ledger_cover(l), &(struct value){{0, 5}, {eight, 8}}), COVER_ADDED);
    CHECK(!cover_meets(ledger_cover(l), (struct tree_node){0, 0}, &left));
    ledger_free(l);
    CHECK(heap_is_empty(&heap));
}

TEST(a_spent_stage_may_find_no_memory)
{
    uint8_t eight[8] = {1};
    for (uint64_t values = 1; values < 80; values++) {
        struct heap heap;
        arena_used = 0;
        struct ledger *l = ledger_of(&heap, spec_fact());
        for (uint64_t i = 0; i < values; i++)
            REQUIRE(cover_insert(ledger_cover(l), &(struct value){{0, 2 * i}, {eight, 8}}) ==
                    COVER_ADDED);
        heap.fail_at = heap.calls + 1;
        CHECK_INT(cover_spend(ledger_cover(l), 0), ERR_NO_MEMORY);
        CHECK_INT(cover_leaves(ledger_cover(l)), values);
        ledger_free(l);
        CHECK(heap_is_empty(&heap));
    }
}

static struct bytes search_fact(void)
{
    struct job_spec s = {.name = "t"};
    struct buf b = room();
    memcpy(s.stage.kernel, "hunt", 5);
    s.stage.units = LEAVES;
    s.stage.leaf_units = 1;
    s.stage.accumulator_size = 12;
    s.stage.reduction = REDUCE_SEARCH;
    REQUIRE(put_spec(&b, &s) == 0);
    return seal(FACT_SPEC, kept(&b));
}

TEST(in_a_search_without_a_match_nothing_is_left_to_judge)
{
    uint8_t none[12] = {0};
    struct heap heap;
    arena_used = 0;
    struct ledger *l = ledger_of(&heap, search_fact());
    struct cover *c = ledger_cover(l);
    store_u64(none, FOUND_NONE);
    CHECK_INT(cover_judged(c), 1);
    struct value v = {shape_root(&ledger_graph(l)->shape, 0), {none, sizeof none}};
    CHECK_INT(cover_insert(c, &v), COVER_ADDED);
    CHECK_INT(cover_judged(c), 0);
    ledger_free(l);
    CHECK(heap_is_empty(&heap));
}

static struct bytes run_fact(struct node_id author, uint64_t first, uint64_t end)
{
    struct buf b = room();
    put_partial_run(&b, author, first, end);
    return kept(&b);
}

/* Who counted leaves is believed of what has a value here; of an ended job of the rest too. */
TEST(leaves_are_named_where_there_is_a_value_or_an_end)
{
    struct heap heap;
    struct fact f;
    struct outcome o = {.state = JOB_FAILED};
    arena_used = 0;
    struct ledger *l = ledger_of(&heap, spec_fact());
    CHECK_INT(ledger_apply(l, apart(0, 1, 1)), LEDGER_NEW);
    const struct bytes own = run_fact(id_of(1), 0, 4);
    REQUIRE(fact_read(own, &f) == 0);
    CHECK(ledger_apply_own(l, own, &f) >= 0);
    CHECK_INT(ledger_named(l, 0, 4), 1);
    struct buf b = room();
    put_outcome_body(&b, job, &o);
    CHECK_INT(ledger_apply(l, seal(FACT_OUTCOME, kept(&b))), LEDGER_NEW);
    CHECK_INT(ledger_apply(l, run_fact((struct node_id){{0}}, 0, 4)), LEDGER_NEW);
    CHECK_INT(ledger_apply(l, run_fact((struct node_id){{0}}, 0, 4)), LEDGER_KNOWN);
    ledger_free(l);
    CHECK(heap_is_empty(&heap));
}

TEST_MAIN(of_many_holders_of_one_generation_the_least_stay,
          what_found_no_memory_is_taken_when_it_comes_again, at_the_bound_only_holes_are_filled,
          what_is_of_no_job_like_this_is_refused,
          a_list_that_begins_inside_another_is_a_contradiction,
          only_its_author_closes_a_job_and_not_with_less_than_it_has,
          a_contradiction_of_a_job_that_diverged_says_nothing_new,
          where_nothing_was_cancelled_there_is_nothing_to_say_of_it,
          a_contradiction_is_seen_at_the_bound_too,
          a_value_is_as_long_as_it_may_be_and_is_spent_once,
          what_is_said_against_the_spec_is_a_contradiction,
          a_ledger_that_finds_no_memory_is_not_made,
          the_value_of_a_whole_stage_is_taken_beyond_the_bound,
          so_many_cancels_are_kept_and_no_more, pairs_and_values_are_found_from_anywhere,
          a_spent_stage_may_find_no_memory, in_a_search_without_a_match_nothing_is_left_to_judge,
          leaves_are_named_where_there_is_a_value_or_an_end)
