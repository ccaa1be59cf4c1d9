/* That two compilers make two kernels of a job's snippet, as its ledger keeps it: one finding, the
 * least, whoever told it first. */
#include "core/base/err.h"
#include "core/job/ledger.h"
#include "tests/lib/check.h"
#include "tests/lib/heap.h"

#define LEAVES 37

static struct heap heap;
static struct job_id job;

/* Until the next call but three. */
static struct bytes put_in(struct buf *b, const void *what, bool is_body, enum fact_kind kind)
{
    static uint8_t rooms[4][2048];
    static unsigned turn;
    struct signed_bytes s = {.certificate = bytes_of_text("cert")};
    buf_init_fixed(b, rooms[turn++ % 4], sizeof rooms[0]);
    if (!is_body) {
        put_unlike(b, what);
    } else {
        s.body = *(const struct bytes *)what;
        put_signed_fact(b, kind, &s);
    }
    REQUIRE(buf_result(b) == 0);
    return buf_bytes(b);
}

static struct bytes finding(uint64_t leaf, uint8_t author, uint8_t value, const char *compiler)
{
    struct unlike u = {.leaf = leaf, .digests = {{{value}}, {{9}}}};
    struct buf b;
    memset(u.author.bytes, author, ID_SIZE);
    memcpy(u.compiler, compiler, strlen(compiler) + 1);
    return put_in(&b, &u, false, FACT_UNLIKE);
}

static struct ledger *ledger(void)
{
    struct job_spec s = {.name = "t", .stage.kernel = "sum"};
    uint8_t raw[1024];
    struct ledger *l = NULL;
    struct buf body, fact;
    s.stage.units = LEAVES;
    s.stage.leaf_units = 1;
    s.stage.accumulator_size = 8;
    buf_init_fixed(&body, raw, sizeof raw);
    REQUIRE(put_spec(&body, &s) == 0);
    const struct bytes all = buf_bytes(&body);
    job = spec_id(all);
    REQUIRE(ledger_new(&l, &heap.alloc, put_in(&fact, &all, true, FACT_SPEC)) == 0);
    return l;
}

static struct bytes ended(void)
{
    const struct outcome o = {.state = JOB_FAILED, .error = "it does"};
    uint8_t raw[1024];
    struct buf body, fact;
    buf_init_fixed(&body, raw, sizeof raw);
    put_outcome_body(&body, job, &o);
    const struct bytes all = buf_bytes(&body);
    return put_in(&fact, &all, true, FACT_OUTCOME);
}

static void take_blocks(struct ledger *l, struct bytes blocks)
{
    struct reader r = reader_of(blocks);
    while (reader_left(&r) > 0)
        REQUIRE(ledger_apply(l, read_block(&r, SIZE_MAX)) >= 0);
}

/* Ascending, each by another of its parts. */
static struct bytes nth(unsigned i)
{
    static const struct {
        uint8_t leaf, author, value;
        const char *compiler;
    } all[] = {
        {3, 2, 1, "cc"}, {3, 2, 1, "gcc"}, {3, 2, 5, "cc"}, {3, 7, 1, "cc"}, {8, 1, 1, "cc"}};
    return finding(all[i].leaf, all[i].author, all[i].value, all[i].compiler);
}

#define FINDINGS 5

TEST(in_whatever_order_they_come_the_least_stays)
{
    heap_init(&heap);
    for (unsigned first = 0; first < FINDINGS; first++)
        for (unsigned next = 0; next < FINDINGS; next++) {
            struct ledger *a = ledger(), *b = ledger();
            CHECK_INT(ledger_apply(a, nth(first)), LEDGER_NEW);
            CHECK_INT(ledger_apply(a, nth(first)), LEDGER_KNOWN);
            CHECK_INT(ledger_apply(a, nth(next)), next < first ? LEDGER_NEW : LEDGER_KNOWN);
            ledger_apply(b, nth(next));
            CHECK_INT(digest_equal(ledger_digest(a), ledger_digest(b)), next <= first);
            ledger_apply(b, nth(first));
            CHECK(digest_equal(ledger_digest(a), ledger_digest(b)));
            CHECK_INT(unlike_compare(ledger_unlike(a), ledger_unlike(b)), 0);
            ledger_free(a);
            ledger_free(b);
        }
    CHECK(heap_is_empty(&heap));
}

static void check_is_there(struct ledger *l)
{
    REQUIRE(ledger_unlike(l) != NULL);
    CHECK_INT(ledger_unlike(l)->leaf, 3);
    CHECK_STR(ledger_unlike(l)->compiler, "gcc");
    CHECK_INT(ledger_graph(l)->level, FEATURE_UNLIKE);
}

/* A snapshot has it, and so does what is told of a job that has ended and was shrunk. */
TEST(it_is_told_to_the_end_and_after_it)
{
    heap_init(&heap);
    struct ledger *l = ledger(), *other = ledger();
    struct buf b;
    buf_init(&b, &heap.alloc, 65536);
    CHECK(ledger_unlike(l) == NULL);
    CHECK_INT(ledger_graph(l)->level, FEATURE_FIRST);
    CHECK_INT(ledger_apply(l, finding(LEAVES, 1, 1, "cc")), ERR_FORMAT);
    CHECK_INT(ledger_apply(l, nth(1)), LEDGER_NEW);
    check_is_there(l);
    ledger_snapshot(l, &b);
    take_blocks(other, buf_bytes(&b));
    check_is_there(other);
    ledger_free(other);
    CHECK(ledger_apply(l, ended()) > 0);
    ledger_shrink(l);
    buf_reset(&b);
    ledger_titles(l, &b);
    other = ledger();
    take_blocks(other, buf_bytes(&b));
    check_is_there(other);
    CHECK(digest_equal(ledger_digest(l), ledger_digest(other)));
    ledger_free(l);
    ledger_free(other);
    buf_clear(&b);
    CHECK(heap_is_empty(&heap));
}

TEST_MAIN(in_whatever_order_they_come_the_least_stays, it_is_told_to_the_end_and_after_it)
