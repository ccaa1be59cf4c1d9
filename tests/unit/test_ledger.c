#include "core/base/ensure.h"
#include "core/base/err.h"
#include "core/base/prng.h"
#include "core/base/sha256.h"
#include "core/job/ledger.h"
#include "tests/lib/check.h"
#include "tests/lib/heap.h"

#define LEAVES 37

/* Facts live in one arena for the whole test. */
static uint8_t arena[4 << 20];
static size_t arena_used;
static struct job_id job;

static struct node_id id_of(uint8_t n)
{
    struct node_id id;
    memset(id.bytes, n, sizeof id.bytes);
    return id;
}

static struct buf room(void)
{
    struct buf b;
    buf_init_fixed(&b, arena + arena_used, sizeof arena - arena_used);
    return b;
}

static struct bytes kept(struct buf *b)
{
    CHECK_INT(buf_result(b), 0);
    arena_used += b->len;
    return buf_bytes(b);
}

static struct bytes seal(enum fact_kind kind, struct bytes body, uint8_t mark)
{
    struct signed_bytes s = {.certificate = bytes_of_text("cert"), .body = body};
    struct buf b = room();
    s.signature[0] = mark; /* two signatures of one body differ */
    put_signed_fact(&b, kind, &s);
    return kept(&b);
}

static struct bytes spec_fact(void)
{
    struct job_spec s = {.name = "t"};
    memcpy(s.stage.kernel, "sum", 4);
    s.stage.units = LEAVES;
    s.stage.leaf_units = 1;
    s.stage.accumulator_size = 8;
    struct buf b = room();
    CHECK_INT(put_spec(&b, &s), 0);
    struct bytes body = kept(&b);
    job = spec_id(body);
    return seal(FACT_SPEC, body, 0);
}

static struct bytes holders_fact(uint32_t generation, uint8_t a, uint8_t c, uint8_t mark)
{
    struct holders h = {.generation = generation, .count = 2, .ids = {id_of(a), id_of(c)}};
    struct buf b = room();
    put_holders_body(&b, job, &h);
    return seal(FACT_HOLDERS, kept(&b), mark);
}

static struct bytes claim_fact(uint32_t epoch, uint64_t boot, uint8_t node)
{
    struct claim c = {.epoch = epoch, .boot = boot, .node = id_of(node)};
    struct buf b = room();
    put_claim_body(&b, job, &c);
    return seal(FACT_CLAIM, kept(&b), 1);
}

static struct bytes cancel_fact(uint8_t by, uint8_t state)
{
    struct cancel c = {id_of(by), state};
    struct buf b = room();
    put_cancel_body(&b, job, &c);
    return seal(FACT_CANCEL, kept(&b), 1);
}

/* The job has one stage. */
static struct bytes stage_cancel_fact(uint8_t by, uint8_t mark)
{
    uint8_t set[1];
    struct stage_cancel c = stage_cancel_of(id_of(by), 0, set);
    struct buf b = room();
    put_stage_cancel_body(&b, job, &c);
    return seal(FACT_STAGE_CANCEL, kept(&b), mark);
}

static struct bytes outcome_fact(uint8_t state, uint64_t result, uint32_t nodes)
{
    uint8_t raw[8];
    struct outcome o = {.state = state, .nodes = nodes};
    store_u64(raw, result);
    if (state == JOB_DONE) {
        o.accumulator = (struct bytes){raw, 8};
        o.digest = sha256_of(raw, 8);
    }
    struct buf b = room();
    put_outcome_body(&b, job, &o);
    return seal(FACT_OUTCOME, kept(&b), 1);
}

static uint64_t value_of(struct tree_node at)
{
    uint64_t a = tree_first(at);
    uint64_t b = tree_end(at, LEAVES);
    return (b * (b + 1) - a * (a + 1)) / 2;
}

static void put_node(struct buf *b, struct tree_node at, uint64_t lie)
{
    uint8_t raw[8];
    store_u64(raw, value_of(at) + lie);
    put_value(b, &(struct value){at, {raw, 8}});
}

/* What a node that ran [first, end) reports, or with a lie in it. */
static struct bytes partial_fact(uint64_t first, uint64_t end, uint8_t author, uint64_t lie)
{
    struct partial p = {.author = id_of(author), .from = first, .upto = end, .compute_us = 10};
    for (uint64_t at = first; at < end; p.count++)
        at = tree_end(tree_largest_at(at, end, LEAVES), LEAVES);
    struct buf b = room();
    put_partial_begin(&b, &p);
    while (first < end) {
        struct tree_node n = tree_largest_at(first, end, LEAVES);
        put_node(&b, n, lie);
        first = tree_end(n, LEAVES);
    }
    return kept(&b);
}

static struct bytes attempt_fact(uint64_t leaf, uint8_t author, const char *cause)
{
    struct attempt a = {.leaf = leaf, .author = id_of(author), .own_doing = true};
    memcpy(a.cause, cause, strlen(cause) + 1);
    struct buf b = room();
    put_attempt(&b, &a);
    return kept(&b);
}

static struct bytes unlike_fact(uint64_t leaf, uint8_t author)
{
    struct buf b = room();
    put_unlike(&b, &(struct unlike){leaf, {{{0}}, {{author}}}, id_of(author), "cc"});
    return kept(&b);
}

static struct ledger *ledger_of(struct heap *heap, struct bytes spec)
{
    struct ledger *l = NULL;
    CHECK_INT(ledger_new(&l, &heap->alloc, spec), 0);
    return l;
}

static int take_all(struct ledger *l, struct bytes blocks)
{
    struct reader r = reader_of(blocks);
    int news = 0;
    while (reader_left(&r) > 0) {
        int rc = ledger_apply(l, read_block(&r, SIZE_MAX));
        CHECK(rc >= 0 && !r.failed);
        news += rc > 0;
    }
    return news;
}

static struct bytes snapshot(const struct ledger *l)
{
    struct buf b = room();
    ledger_snapshot(l, &b);
    return kept(&b);
}

/* A random fact of a job that is a function. `outcomes`: with results and divergence too. */
static struct bytes retired_fact(uint8_t who, uint32_t named, uint32_t retired)
{
    struct term t = {.id = id_of(who), .named = named, .retired = retired};
    struct buf b = room();
    put_retired(&b, &t, 1);
    return kept(&b);
}

static struct bytes random_fact(struct prng *p, bool outcomes)
{
    uint64_t first = prng_below(p, LEAVES);
    uint64_t end = first + 1 + prng_below(p, LEAVES - first);
    uint8_t a = (uint8_t)(1 + prng_below(p, 6));
    uint8_t b = (uint8_t)(10 + prng_below(p, 6));
    if (prng_one_in(p, 12))
        return retired_fact(prng_one_in(p, 2) ? a : b, (uint32_t)prng_below(p, 2),
                            (uint32_t)prng_below(p, 4));
    if (prng_one_in(p, 12))
        return stage_cancel_fact(a, (uint8_t)prng_below(p, 3));
    switch (prng_below(p, outcomes ? 8 : 6)) {
    case 0:
        return holders_fact((uint32_t)(1 + prng_below(p, 2)), a, b, (uint8_t)prng_below(p, 3));
    case 1:
        return claim_fact((uint32_t)prng_below(p, 3), prng_below(p, 3), a);
    case 2:
        return cancel_fact(a, prng_one_in(p, 2) ? JOB_CANCELLED : JOB_TIMED_OUT);
    case 3:
        return prng_one_in(p, 3) ? unlike_fact(prng_below(p, 3), a)
                                 : attempt_fact(first % 3, a, end % 2 ? "SIGSEGV" : "exit 3");
    case 6:
        return outcome_fact((uint8_t)(JOB_DONE + prng_below(p, 6)), 1, a);
    case 7:
        return outcome_fact(JOB_DONE, 1 + prng_below(p, 2), a);
    default:
        return partial_fact(first, end, a, 0);
    }
}

#define FACTS 12

/* The digest after taking the facts in the given order, some of them twice. */
static struct digest digest_in_order(struct bytes spec, const struct bytes *facts, struct prng *p)
{
    struct heap heap;
    heap_init(&heap);
    struct ledger *l = ledger_of(&heap, spec);
    size_t order[FACTS];
    for (size_t i = 0; i < FACTS; i++) {
        size_t k = prng_below(p, i + 1);
        order[i] = order[k];
        order[k] = i;
    }
    for (size_t i = 0; i < FACTS; i++) {
        CHECK(ledger_apply(l, facts[order[i]]) >= 0);
        CHECK_INT(ledger_apply(l, facts[order[prng_below(p, i + 1)]]), LEDGER_KNOWN);
    }
    struct digest d = ledger_digest(l);
    ledger_free(l);
    CHECK(heap_is_empty(&heap));
    return d;
}

/* Two ledgers of parts, brought together by snapshots both ways. */
static struct digest digest_by_merge(struct bytes spec, const struct bytes *facts, struct prng *p)
{
    struct heap heap;
    heap_init(&heap);
    struct ledger *a = ledger_of(&heap, spec);
    struct ledger *b = ledger_of(&heap, spec);
    for (size_t i = 0; i < FACTS; i++) {
        uint64_t where = prng_below(p, 3);
        if (where != 0)
            CHECK(ledger_apply(a, facts[i]) >= 0);
        if (where != 1)
            CHECK(ledger_apply(b, facts[i]) >= 0);
    }
    struct bytes of_a = snapshot(a);
    take_all(a, snapshot(b));
    take_all(b, of_a);
    CHECK(digest_equal(ledger_digest(a), ledger_digest(b)));
    CHECK_INT(take_all(a, snapshot(b)), 0);
    struct digest d = ledger_digest(a);
    ledger_free(a);
    ledger_free(b);
    CHECK(heap_is_empty(&heap));
    return d;
}

static void check_lattice(bool outcomes)
{
    for (uint64_t seed = 0; seed < 600; seed++) {
        struct prng p;
        prng_init(&p, seed);
        arena_used = 0;
        struct bytes spec = spec_fact();
        struct bytes facts[FACTS];
        for (size_t i = 0; i < FACTS; i++)
            facts[i] = random_fact(&p, outcomes);
        struct digest first = digest_in_order(spec, facts, &p);
        for (int i = 0; i < 3; i++)
            if (!CHECK(digest_equal(digest_in_order(spec, facts, &p), first)))
                printf("  seed %d\n", (int)seed);
        if (!CHECK(digest_equal(digest_by_merge(spec, facts, &p), first)))
            printf("  seed %d\n", (int)seed);
    }
}

TEST(test_order_and_repetition_do_not_matter)
{
    check_lattice(false);
}

TEST(test_order_and_repetition_do_not_matter_with_outcomes)
{
    check_lattice(true);
}

/* --- the laws, over a million triples --- */

/* Ledgers of a round: each ordered triple of them is merged from the left and from the right. */
#define LAW_LEDGERS 27
#define LAW_ROUNDS (CHECK_SANITIZED ? 11u : 51u) /* 51 x 27^3 are more than a million */

/* Memory that is given back all at once: what malloc costs would be most of the time. */
static uint8_t law_pool[1 << 18];
static size_t law_used;

static void *law_resize(void *ctx, void *old, size_t old_size, size_t new_size)
{
    size_t least = old_size < new_size ? old_size : new_size;
    uint8_t *p = law_pool + law_used;
    (void)ctx;
    if (new_size == 0)
        return NULL;
    law_used += (new_size + 15) / 16 * 16;
    ensure(law_used <= sizeof law_pool);
    if (old)
        memcpy(p, old, least);
    return p;
}

/* One value that two nodes of the tree cannot both be right about, without saying which. */
static struct bytes divergent_fact(uint8_t author)
{
    struct divergence d = {.at = {0, author}, .authors = {id_of(author), id_of(9)}};
    memset(d.digests[0].bytes, 1, ID_SIZE);
    memset(d.digests[1].bytes, 2, ID_SIZE);
    struct buf b = room();
    put_divergent(&b, &d);
    return kept(&b);
}

/* Most ledgers still run, so that what an outcome hides is looked at too. */
static struct bytes law_fact(struct prng *p)
{
    if (prng_one_in(p, 40))
        return divergent_fact((uint8_t)(1 + prng_below(p, 6)));
    return random_fact(p, prng_one_in(p, 4));
}

static struct digest law_merge(struct bytes spec, struct bytes a, struct bytes b, struct bytes *all)
{
    static const struct alloc quick = {law_resize, NULL};
    struct ledger *l = NULL;
    law_used = 0;
    CHECK_INT(ledger_new(&l, &quick, spec), 0);
    take_all(l, a);
    take_all(l, b);
    if (all) {
        *all = snapshot(l); /* all but the spec, which both have */
        all->data += 4 + spec.len;
        all->len -= 4 + spec.len;
    }
    return ledger_digest(l);
}

struct law_round {
    struct bytes spec, one[LAW_LEDGERS], two[LAW_LEDGERS][LAW_LEDGERS];
};

/* Draws the ledgers, and merges each with each: in both orders the same, with itself nothing new.
 */
static bool law_pairs(struct law_round *x, struct prng *p)
{
    struct digest alone[LAW_LEDGERS], pair[LAW_LEDGERS][LAW_LEDGERS];
    bool good = true;
    x->spec = spec_fact();
    for (int i = 0; i < LAW_LEDGERS; i++) {
        struct bytes facts[4];
        uint64_t count = 1 + prng_below(p, 4);
        for (uint64_t k = 0; k < count; k++)
            facts[k] = law_fact(p);
        struct buf b = room();
        for (uint64_t k = 0; k < count; k++)
            put_block(&b, facts[k]);
        alone[i] = law_merge(x->spec, kept(&b), (struct bytes){0}, &x->one[i]);
    }
    for (int i = 0; i < LAW_LEDGERS; i++)
        for (int k = 0; k < LAW_LEDGERS; k++)
            pair[i][k] = law_merge(x->spec, x->one[i], x->one[k], &x->two[i][k]);
    for (int i = 0; i < LAW_LEDGERS; i++) {
        good &= CHECK(digest_equal(pair[i][i], alone[i]));
        for (int k = 0; k < i; k++)
            good &= CHECK(digest_equal(pair[i][k], pair[k][i]));
    }
    return good;
}

TEST(test_merging_is_commutative_associative_and_idempotent)
{
    static struct law_round x;
    uint64_t triples = 0;
    bool good = true;
    for (uint64_t round = 0; round < LAW_ROUNDS && good; round++) {
        struct prng p;
        prng_init(&p, round);
        arena_used = 0;
        good = law_pairs(&x, &p);
        for (int i = 0; i < LAW_LEDGERS && good; i++)
            for (int k = 0; k < LAW_LEDGERS && good; k++)
                for (int m = 0; m < LAW_LEDGERS && good; m++, triples++) {
                    struct digest left = law_merge(x.spec, x.two[i][k], x.one[m], NULL);
                    struct digest right = law_merge(x.spec, x.one[i], x.two[k][m], NULL);
                    good = CHECK(digest_equal(left, right));
                }
        if (!good)
            printf("  round %d\n", (int)round);
    }
    CHECK(!good || triples >= LAW_ROUNDS * 19683);
}

TEST(test_outcomes_by_rank)
{
    static const uint8_t ascending[] = {JOB_CANCELLED, JOB_TIMED_OUT, JOB_FAILED,
                                        JOB_UNKNOWN,   JOB_DONE,      JOB_DIVERGENT};
    struct heap heap;
    heap_init(&heap);
    for (size_t i = 0; i < 6; i++) {
        for (size_t k = 0; k < 6; k++) {
            arena_used = 0;
            struct ledger *l = ledger_of(&heap, spec_fact());
            CHECK(!ledger_outcome(l));
            CHECK(ledger_apply(l, outcome_fact(ascending[i], 5, 1)) >= LEDGER_NEW);
            int rc = ledger_apply(l, outcome_fact(ascending[k], 5, 1));
            CHECK(k > i ? rc >= LEDGER_NEW : rc == LEDGER_KNOWN);
            CHECK_INT(ledger_outcome(l)->state, ascending[i > k ? i : k]);
            CHECK(ledger_outcome_fact(l).len > 0);
            ledger_free(l);
        }
    }
    CHECK(heap_is_empty(&heap));
}

TEST(test_two_results_diverge_for_good)
{
    struct heap heap;
    heap_init(&heap);
    arena_used = 0;
    struct ledger *l = ledger_of(&heap, spec_fact());
    CHECK_INT(ledger_apply(l, outcome_fact(JOB_DONE, 5, 1)), LEDGER_NEW);
    CHECK_INT(ledger_outcome(l)->accumulator.len, 8);
    CHECK_INT(ledger_apply(l, outcome_fact(JOB_DONE, 6, 1)), LEDGER_DIVERGED);
    CHECK_INT(ledger_outcome(l)->state, JOB_DIVERGENT);
    CHECK_INT(ledger_outcome(l)->accumulator.len, 0);
    CHECK_INT(ledger_outcome_fact(l).len, 0);
    CHECK_INT(ledger_apply(l, outcome_fact(JOB_DONE, 6, 1)), LEDGER_KNOWN);
    CHECK_INT(ledger_apply(l, outcome_fact(JOB_DIVERGENT, 0, 1)), LEDGER_NEW);
    CHECK(ledger_outcome_fact(l).len > 0);
    ledger_free(l);
    CHECK(heap_is_empty(&heap));
}

TEST(test_unequal_values_of_one_tree_node_diverge_and_are_told_on)
{
    struct heap heap;
    heap_init(&heap);
    arena_used = 0;
    struct bytes spec = spec_fact();
    struct ledger *l = ledger_of(&heap, spec);
    struct ledger *other = ledger_of(&heap, spec);
    CHECK_INT(ledger_apply(l, partial_fact(8, 16, 1, 0)), LEDGER_NEW);
    CHECK_INT(ledger_apply(l, partial_fact(8, 16, 2, 1)), LEDGER_DIVERGED);
    CHECK_INT(ledger_outcome(l)->state, JOB_DIVERGENT);
    CHECK_INT(ledger_apply(l, partial_fact(8, 16, 2, 1)), LEDGER_KNOWN);
    take_all(other, snapshot(l));
    CHECK(ledger_outcome(other) && ledger_outcome(other)->state == JOB_DIVERGENT);
    CHECK(digest_equal(ledger_digest(l), ledger_digest(other)));
    ledger_free(l);
    ledger_free(other);
    CHECK(heap_is_empty(&heap));
}

TEST(test_partials_are_counted_once)
{
    struct heap heap;
    heap_init(&heap);
    arena_used = 0;
    struct ledger *l = ledger_of(&heap, spec_fact());
    CHECK_INT(ledger_apply(l, partial_fact(0, 10, 1, 0)), LEDGER_NEW);
    CHECK_INT(ledger_apply(l, partial_fact(4, 12, 2, 0)), LEDGER_NEW);
    CHECK_INT(cover_leaves(ledger_cover(l)), 12);
    CHECK_INT(ledger_apply(l, partial_fact(0, LEAVES, 2, 0)), LEDGER_NEW);
    struct value root;
    CHECK(cover_root(ledger_cover(l), 0, &root));
    ledger_free(l);
    CHECK(heap_is_empty(&heap));
}

TEST(test_strangers_facts_are_refused)
{
    struct heap heap;
    heap_init(&heap);
    arena_used = 0;
    struct ledger *l = ledger_of(&heap, spec_fact());
    struct job_id mine = job;
    job.bytes[0] ^= 1;
    CHECK_INT(ledger_apply(l, claim_fact(1, 1, 1)), ERR_FORMAT);
    job = mine;
    struct buf b = room();
    put_partial_begin(&b, &(struct partial){.author = id_of(1), .count = 1});
    put_value(&b, &(struct value){{0, 0}, bytes_of_text("short")});
    CHECK_INT(ledger_apply(l, kept(&b)), ERR_FORMAT);
    b = room();
    put_partial_begin(&b, &(struct partial){.author = id_of(1), .count = 1});
    put_value(&b, &(struct value){{0, LEAVES}, bytes_of_text("12345678")});
    CHECK_INT(ledger_apply(l, kept(&b)), ERR_FORMAT);
    CHECK_INT(ledger_apply(l, attempt_fact(LEAVES, 1, "x")), ERR_FORMAT);
    CHECK_INT(cover_count(ledger_cover(l)), 0);
    ledger_free(l);
    struct ledger *none;
    CHECK_INT(ledger_new(&none, &heap.alloc, claim_fact(1, 1, 1)), ERR_FORMAT);
    CHECK(heap_is_empty(&heap));
}

TEST(test_holders_of_one_generation_are_joined)
{
    struct heap heap;
    heap_init(&heap);
    arena_used = 0;
    struct ledger *l = ledger_of(&heap, spec_fact());
    CHECK_INT(ledger_apply(l, holders_fact(2, 9, 5, 0)), LEDGER_NEW);
    CHECK(node_id_equal(ledger_holders(l)->ids[0], id_of(9)));
    CHECK_INT(ledger_apply(l, holders_fact(2, 9, 5, 1)), LEDGER_KNOWN);
    /* Of an older one only who was named counts. */
    CHECK_INT(ledger_apply(l, holders_fact(1, 1, 2, 1)), LEDGER_NEW);
    CHECK_INT(ledger_apply(l, holders_fact(1, 1, 2, 1)), LEDGER_KNOWN);
    CHECK_INT(ledger_holders(l)->generation, 2);
    CHECK_INT(ledger_apply(l, holders_fact(2, 7, 5, 1)), LEDGER_NEW);
    const struct holders *h = ledger_holders(l);
    CHECK_INT(h->count, 3);
    CHECK(node_id_equal(h->ids[0], id_of(5)) && node_id_equal(h->ids[2], id_of(9)));
    CHECK_INT(ledger_apply(l, holders_fact(3, 1, 5, 1)), LEDGER_NEW);
    CHECK_INT(ledger_holders(l)->count, 2);
    struct node_id ever[64];
    CHECK_INT(ledger_ever_holders(l, ever, 64), 5);
    CHECK_INT(ledger_ever_holders(l, ever, 2), 2);
    ledger_free(l);
    CHECK(heap_is_empty(&heap));
}

TEST(test_attempts_are_bounded)
{
    struct heap heap;
    heap_init(&heap);
    arena_used = 0;
    struct ledger *l = ledger_of(&heap, spec_fact());
    int news = 0;
    for (uint8_t author = 1; author <= 5; author++)
        news += ledger_apply(l, attempt_fact(3, author, "SIGSEGV")) == LEDGER_NEW;
    CHECK_INT(news, 3);
    CHECK_INT(ledger_apply(l, attempt_fact(3, 0, "SIGSEGV")), LEDGER_NEW);
    for (uint8_t author = 1; author <= 3; author++)
        for (uint64_t leaf = 0; leaf < LEAVES; leaf++)
            CHECK(ledger_apply(l, attempt_fact(leaf, author, "SIGABRT")) >= 0);
    size_t before = snapshot(l).len;
    CHECK(before < 64 * 64 + 1024);
    ledger_free(l);
    CHECK(heap_is_empty(&heap));
}

TEST(test_shrinking_keeps_the_digest_of_an_ended_job)
{
    struct heap heap;
    heap_init(&heap);
    arena_used = 0;
    struct ledger *l = ledger_of(&heap, spec_fact());
    CHECK(ledger_apply(l, partial_fact(0, 20, 1, 0)) >= 0);
    CHECK(ledger_apply(l, attempt_fact(3, 1, "x")) >= 0);
    CHECK(ledger_apply(l, outcome_fact(JOB_DONE, 5, 1)) >= 0);
    struct digest d = ledger_digest(l);
    ledger_shrink(l);
    CHECK(digest_equal(ledger_digest(l), d));
    CHECK(!ledger_cover(l));
    CHECK_INT(ledger_apply(l, partial_fact(0, 30, 1, 0)), LEDGER_KNOWN);
    CHECK_INT(ledger_apply(l, attempt_fact(4, 1, "x")), LEDGER_KNOWN);
    CHECK_INT(ledger_outcome(l)->accumulator.len, 8);
    ledger_free(l);
    CHECK(heap_is_empty(&heap));
}

TEST(test_digest_of_an_ended_job_follows_the_facts_that_come_late)
{
    struct heap heap;
    heap_init(&heap);
    arena_used = 0;
    struct bytes spec = spec_fact();
    struct ledger *l = ledger_of(&heap, spec), *other = ledger_of(&heap, spec);
    CHECK(ledger_apply(l, outcome_fact(JOB_FAILED, 5, 1)) >= 0);
    CHECK(ledger_apply(other, outcome_fact(JOB_DONE, 5, 1)) >= 0);
    struct digest d = ledger_digest(l);
    CHECK(!digest_equal(d, ledger_digest(other)));
    CHECK(ledger_apply(l, outcome_fact(JOB_DONE, 5, 1)) >= 0);
    CHECK(digest_equal(ledger_digest(l), ledger_digest(other)));
    CHECK(ledger_apply(l, holders_fact(1, 1, 2, 0)) >= 0);
    CHECK(!digest_equal(ledger_digest(l), ledger_digest(other)));
    ledger_free(l);
    ledger_free(other);
    CHECK(heap_is_empty(&heap));
}

TEST(test_who_was_a_holder_survives_a_snapshot_until_it_has_retired)
{
    struct heap heap;
    struct node_id ever[64];
    heap_init(&heap);
    arena_used = 0;
    struct bytes spec = spec_fact();
    struct ledger *l = ledger_of(&heap, spec), *other = ledger_of(&heap, spec);
    CHECK_INT(ledger_apply(l, holders_fact(1, 1, 2, 0)), LEDGER_NEW);
    CHECK_INT(ledger_apply(l, holders_fact(2, 2, 3, 0)), LEDGER_NEW);
    take_all(other, snapshot(l));
    CHECK_INT(ledger_ever_holders(other, ever, 64), 3);
    CHECK(digest_equal(ledger_digest(l), ledger_digest(other)));
    /* An older list may name somebody who was not known. */
    CHECK_INT(ledger_apply(other, holders_fact(1, 4, 2, 0)), LEDGER_NEW);
    CHECK_INT(ledger_apply(other, holders_fact(1, 4, 2, 0)), LEDGER_KNOWN);
    CHECK(!digest_equal(ledger_digest(l), ledger_digest(other)));
    CHECK_INT(ledger_apply(l, retired_fact(1, 1, 2)), LEDGER_NEW);
    CHECK(ledger_has_retired(l, id_of(1)));
    take_all(other, snapshot(l));
    take_all(l, snapshot(other));
    CHECK_INT(ledger_ever_holders(other, ever, 64), 3); /* 2, 3 and 4 */
    CHECK(node_id_equal(ever[0], id_of(2)));
    CHECK(digest_equal(ledger_digest(l), ledger_digest(other)));
    /* Named again it is one again. */
    CHECK_INT(ledger_apply(l, holders_fact(3, 1, 2, 0)), LEDGER_NEW);
    CHECK(!ledger_has_retired(l, id_of(1)));
    CHECK_INT(ledger_ever_holders(l, ever, 64), 4);
    ledger_free(l);
    ledger_free(other);
    CHECK(heap_is_empty(&heap));
}

TEST(test_more_holders_than_are_remembered_are_not_denied)
{
    struct heap heap;
    struct node_id ever[64];
    heap_init(&heap);
    arena_used = 0;
    struct ledger *l = ledger_of(&heap, spec_fact());
    for (uint8_t i = 0; i < 64; i++)
        CHECK_INT(ledger_apply(l, holders_fact(1u + i, (uint8_t)(1 + i), (uint8_t)(2 + i), 0)),
                  LEDGER_NEW);
    CHECK(ledger_forgot_holders(l));
    CHECK_INT(ledger_ever_holders(l, ever, 64), 64);
    /* The one that found no room is no holder any more, and others hear of it no more. */
    CHECK_INT(ledger_apply(l, holders_fact(65, 1, 2, 0)), LEDGER_NEW);
    struct ledger *other = ledger_of(&heap, spec_fact());
    take_all(other, snapshot(l));
    CHECK_INT(ledger_ever_holders(other, ever, 64), 64);
    CHECK(ledger_forgot_holders(other));
    ledger_free(other);
    ledger_free(l);
    l = ledger_of(&heap, spec_fact());
    for (uint8_t i = 0; i < 64; i++) {
        ledger_apply(l, holders_fact(1u + i, (uint8_t)(1 + i), (uint8_t)(2 + i), 0));
        ledger_apply(l, retired_fact((uint8_t)(1 + i), 1u + i, 2u + i));
    }
    CHECK(!ledger_forgot_holders(l));
    ledger_free(l);
    CHECK(heap_is_empty(&heap));
}

TEST(test_no_memory_never_leaks)
{
    for (uint64_t n = 1;; n++) {
        struct heap heap;
        heap_init(&heap);
        heap.fail_at = n;
        arena_used = 0;
        struct bytes spec = spec_fact();
        struct ledger *l;
        if (ledger_new(&l, &heap.alloc, spec) == 0) {
            struct prng p;
            prng_init(&p, 5);
            for (int i = 0; i < 40; i++) {
                struct bytes fact = random_fact(&p, true);
                int rc = ledger_apply(l, fact);
                CHECK(rc >= 0 || (rc == ERR_NO_MEMORY && heap.failures > 0));
                CHECK(rc >= 0 || ledger_apply(l, fact) >= 0);
            }
            ledger_free(l);
        }
        CHECK(heap_is_empty(&heap));
        if (!heap.failures)
            break;
    }
}

TEST_MAIN(test_order_and_repetition_do_not_matter,
          test_order_and_repetition_do_not_matter_with_outcomes,
          test_merging_is_commutative_associative_and_idempotent, test_outcomes_by_rank,
          test_two_results_diverge_for_good,
          test_unequal_values_of_one_tree_node_diverge_and_are_told_on,
          test_partials_are_counted_once, test_strangers_facts_are_refused,
          test_holders_of_one_generation_are_joined,
          test_who_was_a_holder_survives_a_snapshot_until_it_has_retired,
          test_more_holders_than_are_remembered_are_not_denied, test_attempts_are_bounded,
          test_shrinking_keeps_the_digest_of_an_ended_job,
          test_digest_of_an_ended_job_follows_the_facts_that_come_late, test_no_memory_never_leaks)
