/* The facts of one job, of a kernel that is a function, in any order: what two ledgers come to is
 * the same whatever the order, however often a fact comes, and however it is split between them. An
 * input is a row of six bytes, each of them one fact; kind RAW takes bytes of the input as a fact
 * as they are, of which only that it is taken once is checked, in a ledger of its own. */
#include "core/job/ledger.h"
#include "core/base/sha256.h"
#include "tests/fuzz/target.h"
#include "tests/lib/check.h"
#include "tests/lib/heap.h"

#define LEAVES 37
#define FACTS_MAX 24
#define ARENA ((size_t)1 << 18)

enum what { HOLDERS, CLAIM, CANCEL, ATTEMPT, UNLIKE, RETIRED, STAGE, PARTIAL, OUTCOME, RAW, WHATS };

static struct heap heap;
static uint8_t arena[ARENA];
static size_t arena_used;
static struct job_id job;
static struct {
    struct bytes list[FACTS_MAX];
    size_t count;
} facts, raw;

static struct node_id id_of(uint8_t n)
{
    struct node_id id;
    memset(id.bytes, 1 + n % 6, sizeof id.bytes);
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

static struct bytes seal(enum fact_kind kind, struct bytes body, uint8_t mark)
{
    struct signed_bytes s = {.certificate = bytes_of_text("cert"), .body = body};
    struct buf b = room();
    s.signature[0] = mark;
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
    return seal(FACT_SPEC, body, 0);
}

/* A sum of its leaves. */
static void put_node(struct buf *b, struct tree_node at)
{
    uint64_t first = tree_first(at), end = tree_end(at, LEAVES);
    uint8_t bytes[8];
    store_u64(bytes, (end * (end + 1) - first * (first + 1)) / 2);
    put_value(b, &(struct value){at, {bytes, 8}});
}

static struct bytes partial_fact(const uint8_t d[5])
{
    const uint64_t first = d[0] % LEAVES, end = first + 1 + d[1] % (LEAVES - first);
    struct partial p = {.author = id_of(d[2]), .from = first, .upto = end, .compute_us = 10};
    struct buf b = room();
    for (uint64_t at = first; at < end; p.count++)
        at = tree_end(tree_largest_at(at, end, LEAVES), LEAVES);
    put_partial_begin(&b, &p);
    for (uint64_t at = first; at < end;) {
        struct tree_node n = tree_largest_at(at, end, LEAVES);
        put_node(&b, n);
        at = tree_end(n, LEAVES);
    }
    return kept(&b);
}

static struct bytes outcome_fact(const uint8_t d[5])
{
    struct outcome o = {.state = (uint8_t)(JOB_DONE + d[0] % 6), .nodes = d[2]};
    uint8_t bytes[8] = {d[1]};
    struct buf b = room();
    if (o.state == JOB_DONE) {
        o.accumulator = (struct bytes){bytes, 8};
        o.digest = sha256_of(bytes, 8);
    }
    put_outcome_body(&b, job, &o);
    return seal(FACT_OUTCOME, kept(&b), d[3]);
}

static struct bytes signed_fact(enum what what, const uint8_t d[5])
{
    const struct holders h = {
        .generation = 1u + d[0] % 3, .count = 2, .ids = {id_of(d[1] % 3), id_of(3 + d[2] % 3)}};
    const struct claim claim = {.epoch = d[0] % 3, .boot = d[1] % 3, .node = id_of(d[2])};
    const struct cancel cancel = {id_of(d[0]), d[1] % 2 ? JOB_CANCELLED : JOB_TIMED_OUT};
    uint8_t set[1];
    const struct stage_cancel stage = stage_cancel_of(id_of(d[0]), 0, set);
    struct buf b = room();
    switch (what) {
    case HOLDERS:
        put_holders_body(&b, job, &h);
        return seal(FACT_HOLDERS, kept(&b), d[3]);
    case CLAIM:
        put_claim_body(&b, job, &claim);
        return seal(FACT_CLAIM, kept(&b), d[3]);
    case CANCEL:
        put_cancel_body(&b, job, &cancel);
        return seal(FACT_CANCEL, kept(&b), d[3]);
    default:
        put_stage_cancel_body(&b, job, &stage);
        return seal(FACT_STAGE_CANCEL, kept(&b), d[3]);
    }
}

static struct bytes plain_fact(enum what what, const uint8_t d[5])
{
    const struct attempt attempt = {.leaf = d[0] % 3,
                                    .author = id_of(d[1]),
                                    .own_doing = d[2] % 2,
                                    .cause = {d[3] % 2 ? 'x' : 'y'}};
    const struct term term = {.id = id_of(d[0]), .named = d[1] % 3u, .retired = d[2] % 4u};
    const struct unlike unlike = {d[0] % 3, {{{0}}, {{1 + d[1] % 2}}}, id_of(d[2]), "cc"};
    struct buf b = room();
    if (what == ATTEMPT)
        put_attempt(&b, &attempt);
    else if (what == UNLIKE)
        put_unlike(&b, &unlike);
    else
        put_retired(&b, &term, 1);
    return kept(&b);
}

static struct bytes fact_of(enum what what, const uint8_t d[5])
{
    switch (what) {
    case PARTIAL:
        return partial_fact(d);
    case OUTCOME:
        return outcome_fact(d);
    case ATTEMPT:
    case UNLIKE:
    case RETIRED:
        return plain_fact(what, d);
    default:
        return signed_fact(what, d);
    }
}

static void read_facts(struct bytes in)
{
    struct reader r = reader_of(in);
    facts.count = raw.count = 0;
    while (reader_left(&r) >= 6 && facts.count < FACTS_MAX && raw.count < FACTS_MAX) {
        enum what what = (enum what)(read_u8(&r) % WHATS);
        const uint8_t *d = reader_take(&r, 5);
        size_t len = what == RAW ? load_u16(d) % (reader_left(&r) + 1) : 0;
        if (what == RAW)
            raw.list[raw.count++] = read_view(&r, len);
        else
            facts.list[facts.count++] = fact_of(what, d);
    }
}

static struct ledger *ledger_of(struct bytes spec)
{
    struct ledger *l = NULL;
    REQUIRE(ledger_new(&l, &heap.alloc, spec) == 0);
    return l;
}

/* Each fact, and the first of them again, in a step that is odd or even as the order wants. */
static struct digest in_order(struct bytes spec, bool backwards)
{
    struct ledger *l = ledger_of(spec);
    for (size_t i = 0; i < facts.count; i++) {
        size_t at = backwards ? facts.count - 1 - i : i;
        CHECK(ledger_apply(l, facts.list[at]) >= 0);
        CHECK_INT(ledger_apply(l, facts.list[at]), LEDGER_KNOWN);
        CHECK_INT(ledger_apply(l, facts.list[backwards ? facts.count - 1 : 0]), LEDGER_KNOWN);
    }
    struct digest d = ledger_digest(l);
    ledger_free(l);
    return d;
}

/* False when nothing was news. */
static bool take_snapshot(struct ledger *to, const struct ledger *from)
{
    struct buf b;
    bool news = false;
    buf_init(&b, &heap.alloc, SIZE_MAX);
    ledger_snapshot(from, &b);
    REQUIRE(!b.failed);
    struct reader r = reader_of(buf_bytes(&b));
    while (reader_left(&r) > 0) {
        int rc = ledger_apply(to, read_block(&r, SIZE_MAX));
        CHECK(rc >= 0 && !r.failed);
        news |= rc > 0;
    }
    buf_clear(&b);
    return news;
}

static struct digest split(struct bytes spec)
{
    struct ledger *a = ledger_of(spec), *b = ledger_of(spec);
    for (size_t i = 0; i < facts.count; i++)
        CHECK(ledger_apply(i % 2 ? a : b, facts.list[i]) >= 0);
    take_snapshot(a, b);
    take_snapshot(b, a);
    CHECK(digest_equal(ledger_digest(a), ledger_digest(b)));
    CHECK(!take_snapshot(a, b));
    struct digest d = ledger_digest(a);
    ledger_free(a);
    ledger_free(b);
    return d;
}

static void take_raw(struct bytes spec)
{
    struct ledger *l = ledger_of(spec);
    for (size_t i = 0; i < raw.count; i++) {
        int rc = ledger_apply(l, raw.list[i]), again = ledger_apply(l, raw.list[i]);
        CHECK(rc < 0 ? again == rc : again == LEDGER_KNOWN);
    }
    (void)ledger_digest(l);
    struct ledger *other = ledger_of(spec);
    take_snapshot(other, l);
    CHECK(digest_equal(ledger_digest(other), ledger_digest(l)));
    ledger_free(other);
    ledger_shrink(l);
    ledger_free(l);
}

void target_one(struct bytes in)
{
    heap_init(&heap);
    arena_used = 0;
    struct bytes spec = spec_fact();
    read_facts(in);
    struct digest first = in_order(spec, false);
    CHECK(digest_equal(first, in_order(spec, true)));
    CHECK(digest_equal(first, split(spec)));
    take_raw(spec);
    CHECK(heap_is_empty(&heap));
}

bool target_seed(size_t i, struct buf *out)
{
    if (i >= 3 * WHATS)
        return false;
    for (size_t k = 0; k < 1 + i / WHATS * 8; k++) {
        const enum what what = (enum what)((i + k) % WHATS);
        if (what == RAW)
            continue;
        put_u8(out, (uint8_t)what);
        for (size_t n = 0; n < 5; n++)
            put_u8(out, (uint8_t)(7 * i + 5 * k + 3 * n));
    }
    arena_used = 0;
    (void)spec_fact();
    const uint8_t d[5] = {(uint8_t)i, 5, 3, 2, 1};
    const struct bytes fact = fact_of((enum what)(i % RAW), d);
    put_u8(out, RAW);
    put_u16(out, (uint16_t)fact.len);
    put_u16(out, 0), put_u8(out, 0);
    put_raw(out, fact.data, fact.len);
    return true;
}
