/* Ledgers of a search: in whatever order facts come and ledgers meet, the lowest match wins, and
 * the account names the leaves up to it and no others. */
#include "core/base/err.h"
#include "core/base/prng.h"
#include "core/base/sha256.h"
#include "core/job/ledger_inside.h"
#include "core/wire/found.h"
#include "tests/lib/check.h"
#include "tests/lib/heap.h"

#define LEAVES 40u
#define LEAF_UNITS 5u
#define VALUE_SIZE 10u
#define FACTS_MOST 24u

static struct heap heap;
static struct job_id job;
static struct bytes spec;
static uint8_t arena[1 << 20];
static size_t used;
static uint64_t match[LEAVES]; /* the unit that matches, or FOUND_NONE */

static struct bytes keep(struct buf *b)
{
    CHECK_INT(buf_result(b), 0);
    used += b->len;
    return buf_bytes(b);
}

static struct buf room(void)
{
    struct buf b;
    buf_init_fixed(&b, arena + used, sizeof arena - used);
    return b;
}

static struct bytes seal(enum fact_kind kind, struct bytes body)
{
    struct signed_bytes s = {.certificate = bytes_of_text("cert"), .body = body};
    struct buf b = room();
    put_signed_fact(&b, kind, &s);
    return keep(&b);
}

static void begin(struct prng *p, uint64_t seed)
{
    struct job_spec s = {.name = "t"};
    prng_init(p, seed);
    uint64_t often = 1 + prng_below(p, 2 * LEAVES);
    heap_init(&heap);
    used = 0;
    for (uint64_t i = 0; i < LEAVES; i++)
        match[i] = prng_one_in(p, often) ? i * LEAF_UNITS + prng_below(p, LEAF_UNITS) : FOUND_NONE;
    memcpy(s.stage.kernel, "seek", 5);
    s.stage.units = LEAVES * LEAF_UNITS;
    s.stage.leaf_units = LEAF_UNITS;
    s.stage.reduction = REDUCE_SEARCH;
    s.stage.accumulator_size = VALUE_SIZE;
    struct buf b = room();
    CHECK_INT(put_spec(&b, &s), 0);
    struct bytes body = keep(&b);
    job = spec_id(body);
    spec = seal(FACT_SPEC, body);
}

static uint64_t found_in(uint64_t first, uint64_t end)
{
    while (first < end && match[first] == FOUND_NONE)
        first++;
    return first < end ? match[first] : FOUND_NONE;
}

static void found(uint64_t unit, uint8_t raw[VALUE_SIZE])
{
    memset(raw, unit == FOUND_NONE ? 0 : 7, VALUE_SIZE);
    store_u64(raw, unit);
}

/* What a node that ran leaves from `first` on reports: up to `end`, or its first match. */
static struct bytes report(uint64_t first, uint64_t end, uint8_t author)
{
    struct partial p = {.from = first, .compute_us = 10};
    struct buf values, b;
    uint8_t raw[VALUE_SIZE];
    memset(p.author.bytes, author, ID_SIZE);
    for (uint64_t i = first; i < end; i++)
        end = match[i] != FOUND_NONE ? i + 1 : end;
    p.upto = end;
    buf_init(&values, &heap.alloc, 65536);
    while (first < end) {
        struct tree_node at = tree_largest_at(first, end, LEAVES);
        found(found_in(first, tree_end(at, LEAVES)), raw);
        put_value(&values, &(struct value){at, {raw, sizeof raw}});
        first = tree_end(at, LEAVES);
        p.count++;
    }
    b = room();
    put_partial_begin(&b, &p);
    put_raw(&b, values.data, values.len);
    buf_clear(&values);
    return keep(&b);
}

static struct bytes done(void)
{
    uint8_t raw[VALUE_SIZE];
    found(found_in(0, LEAVES), raw);
    struct outcome o = {
        .state = JOB_DONE, .accumulator = {raw, sizeof raw}, .digest = sha256_of(raw, sizeof raw)};
    struct buf b = room();
    put_outcome_body(&b, job, &o);
    return seal(FACT_OUTCOME, keep(&b));
}

/* Somebody says that these leaves were counted, of a job that has ended. */
static struct bytes told(uint64_t first, uint64_t end)
{
    struct partial p = {.from = first, .upto = end};
    struct buf b = room();
    put_partial_begin(&b, &p);
    return keep(&b);
}

static struct ledger *ledger(void)
{
    struct ledger *l = NULL;
    CHECK_INT(ledger_new(&l, &heap.alloc, spec), 0);
    return l;
}

static void take_snapshot(const struct ledger *from, struct ledger *to)
{
    struct buf b;
    buf_init(&b, &heap.alloc, 1 << 20);
    ledger_snapshot(from, &b);
    struct reader r = reader_of(buf_bytes(&b));
    while (reader_left(&r) > 0)
        CHECK(ledger_apply(to, read_block(&r, SIZE_MAX)) >= 0 && !r.failed);
    buf_clear(&b);
}

/* Leaves that the result is or will be made of, and that somebody is named for. */
static uint64_t named(struct ledger *l)
{
    uint64_t end = ledger_leaves(l), sum = end;
    struct run gap = {0, 0};
    while (account_gap(&l->account, gap.end, end, &gap))
        sum -= gap.end - gap.first;
    return sum;
}

TEST(the_lowest_match_wins_however_ledgers_meet)
{
    for (uint64_t seed = 0; seed < 1500; seed++) {
        struct prng p;
        struct bytes facts[FACTS_MOST];
        begin(&p, seed);
        uint32_t count = 1 + (uint32_t)prng_below(&p, FACTS_MOST);
        struct ledger *a = ledger(), *b = ledger(), *all = ledger();
        for (uint32_t i = 0; i < count; i++) {
            uint64_t first = prng_below(&p, LEAVES);
            facts[i] = report(first, first + 1 + prng_below(&p, LEAVES - first),
                              (uint8_t)(1 + prng_below(&p, 4)));
            CHECK(ledger_apply(i % 2 ? a : b, facts[i]) >= 0);
        }
        for (uint32_t i = count; i-- > 0;)
            CHECK(ledger_apply(all, facts[i]) >= 0);
        CHECK_INT(named(all), cover_leaves(ledger_cover(all)));
        take_snapshot(a, b);
        take_snapshot(b, a);
        CHECK(digest_equal(ledger_digest(a), ledger_digest(b)));
        CHECK(digest_equal(ledger_digest(a), ledger_digest(all)));
        CHECK_INT(named(a), cover_leaves(ledger_cover(a)));
        CHECK_INT(named(b), cover_leaves(ledger_cover(b)));
        take_snapshot(a, all);
        CHECK(digest_equal(ledger_digest(a), ledger_digest(all)));
        CHECK(ledger_outcome(all) == NULL);
        ledger_free(a);
        ledger_free(b);
        ledger_free(all);
        CHECK(heap_is_empty(&heap));
    }
}

/* What it was made of is the leaves up to the match, for holders that saw others too. */
TEST(the_account_of_an_ended_search_ends_at_its_match)
{
    for (uint64_t seed = 0; seed < 300; seed++) {
        struct prng p;
        begin(&p, seed);
        uint64_t unit = found_in(0, LEAVES);
        uint64_t leaves = unit == FOUND_NONE ? LEAVES : unit / LEAF_UNITS + 1;
        struct ledger *l = ledger(), *late = ledger();
        for (uint64_t i = 0; i < 4; i++)
            CHECK(ledger_apply(late, report(LEAVES - 1 - 3 * i, LEAVES, 9)) >= 0);
        CHECK(ledger_apply(l, report(leaves / 2, LEAVES, 2)) >= 0);
        CHECK(ledger_apply(l, report(0, leaves / 2 + 1, 1)) >= 0);
        CHECK_INT(named(l), leaves);
        CHECK_INT(ledger_leaves(l), leaves);
        struct bytes outcome = done();
        CHECK_INT(ledger_apply(l, outcome), LEDGER_NEW);
        CHECK_INT(ledger_apply(late, outcome), LEDGER_NEW);
        CHECK_INT(ledger_leaves(late), leaves);
        CHECK(account_leaves(&late->account) <= leaves);
        take_snapshot(l, late);
        ledger_shrink(l);
        ledger_shrink(late);
        CHECK(ledger_apply(late, report(LEAVES - 1, LEAVES, 3)) == LEDGER_KNOWN);
        /* Behind the match nobody is named any more. */
        CHECK_INT(ledger_apply(late, told(leaves, LEAVES)), LEDGER_KNOWN);
        CHECK(digest_equal(ledger_digest(l), ledger_digest(late)));
        CHECK_INT(account_leaves(&l->account), leaves);
        CHECK_INT(account_leaves(&late->account), leaves);
        CHECK_INT(ledger_account_join(late), 0);
        CHECK_INT(account_leaves(&late->account), leaves);
        ledger_free(l);
        ledger_free(late);
        CHECK(heap_is_empty(&heap));
    }
}

/* Of a job that fails everybody takes what others say, behind a match too: each leaf once. */
TEST(no_leaf_is_named_twice_when_a_search_fails)
{
    struct prng p;
    struct runset gained;
    begin(&p, 1);
    for (uint64_t i = 0; i < LEAVES; i++)
        match[i] = FOUND_NONE;
    struct bytes behind = report(30, 32, 1);
    match[20] = 20 * LEAF_UNITS;
    struct outcome o = {.state = JOB_FAILED};
    struct buf b = room();
    struct ledger *l = ledger();
    CHECK_INT(ledger_apply(l, behind), LEDGER_NEW);
    CHECK_INT(ledger_apply(l, report(20, 21, 2)), LEDGER_NEW);
    put_outcome_body(&b, job, &o);
    CHECK_INT(ledger_apply(l, seal(FACT_OUTCOME, keep(&b))), LEDGER_NEW);
    ledger_shrink(l);
    runset_init(&gained, &heap.alloc, 8);
    CHECK_INT(ledger_apply_counting(l, told(28, 33), &gained), LEDGER_NEW);
    CHECK(gained.count == 2 && gained.leaves == 3); /* 28, 29 and 32 */
    runset_clear(&gained);
    ledger_free(l);
    CHECK(heap_is_empty(&heap));
}

/* They were counted before the match was known, and stand behind it in a journal written anew. */
TEST(names_behind_a_match_outlive_a_restart)
{
    struct prng p;
    struct fact f;
    struct buf b;
    begin(&p, 1);
    for (uint64_t i = 0; i < LEAVES; i++)
        match[i] = FOUND_NONE;
    struct bytes behind = report(30, 32, 1);
    match[20] = 20 * LEAF_UNITS;
    struct ledger *l = ledger(), *read = ledger();
    CHECK_INT(ledger_apply(l, behind), LEDGER_NEW);
    CHECK_INT(ledger_apply(l, report(20, 21, 2)), LEDGER_NEW);
    CHECK_INT(ledger_named(l, 0, LEAVES), 3);
    buf_init(&b, &heap.alloc, 1 << 20);
    ledger_snapshot_own(l, &b);
    for (struct reader r = reader_of(buf_bytes(&b)); reader_left(&r) > 0;) {
        struct bytes fact = read_block(&r, SIZE_MAX);
        CHECK_INT(fact_read(fact, &f), 0);
        if (f.kind != FACT_SPEC)
            CHECK(ledger_apply_own(read, fact, &f) >= 0);
    }
    CHECK_INT(ledger_named(read, 0, LEAVES), 3);
    CHECK_INT(ledger_apply(read, told(30, 32)), LEDGER_KNOWN);
    buf_clear(&b);
    ledger_free(l);
    ledger_free(read);
    CHECK(heap_is_empty(&heap));
}

TEST(what_contradicts_a_match_makes_it_divergent)
{
    struct prng p;
    begin(&p, 1);
    for (uint64_t i = 0; i < LEAVES; i++)
        match[i] = FOUND_NONE;
    struct bytes nothing = report(0, 16, 1);
    match[9] = 9 * LEAF_UNITS + 2;
    struct bytes something = report(8, 16, 2);
    for (int turn = 0; turn < 2; turn++) {
        struct ledger *l = ledger();
        CHECK_INT(ledger_apply(l, turn ? nothing : something), LEDGER_NEW);
        CHECK_INT(ledger_apply(l, turn ? something : nothing), LEDGER_DIVERGED);
        ledger_free(l);
    }
    CHECK(heap_is_empty(&heap));
}

TEST_MAIN(names_behind_a_match_outlive_a_restart, the_lowest_match_wins_however_ledgers_meet,
          the_account_of_an_ended_search_ends_at_its_match,
          no_leaf_is_named_twice_when_a_search_fails, what_contradicts_a_match_makes_it_divergent)
