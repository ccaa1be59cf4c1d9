/* Merging at its bounds: more holders than there is room for, more values than are kept, memory that
 * ends in the middle, and facts that are of no job like this. */
#include <string.h>

#include "core/base/err.h"
#include "core/base/prng.h"
#include "core/job/ledger.h"
#include "tests/lib/check.h"
#include "tests/lib/heap.h"

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

/* Eight are remembered, the least, in whatever order the rest came, and a snapshot says them all. */
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
    d.at = (struct tree_node){40, 0};
    put_divergent(&b, &d);
    CHECK(ledger_apply(l, kept(&b)) < 0);
    CHECK(digest_equal(before, ledger_digest(l)));
    CHECK(!ledger_has_retired(l, id_of(9)));
    CHECK(!cover_meets(ledger_cover(l), (struct tree_node){0, LEAVES}, &v));
    CHECK(cover_wanted(ledger_cover(l), 5, 5) == 0);
    ledger_free(l);
    CHECK(heap_is_empty(&heap));
}

TEST_MAIN(of_many_holders_of_one_generation_the_least_stay,
          what_found_no_memory_is_taken_when_it_comes_again, at_the_bound_only_holes_are_filled,
          what_is_of_no_job_like_this_is_refused)
