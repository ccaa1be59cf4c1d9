/* A job with as many outputs as a large one has: all that its ledger says finds room where it is
 * told whole, to another holder or to the own journal. */
#include "core/base/err.h"
#include "core/base/text.h"
#include "core/job/ledger.h"
#include "tests/lib/check.h"
#include "tests/lib/heap.h"

#define LISTS 35
#define STAGES_A_LIST 1000

static struct heap heap;
static uint8_t body_bytes[SPEC_SIZE_MAX], fact_bytes[2 * SPEC_SIZE_MAX];
static struct job_id job;

static struct bytes seal(enum fact_kind kind, const struct buf *body)
{
    struct signed_bytes s = {.certificate = bytes_of_text("cert"), .body = buf_bytes(body)};
    struct buf b;

    buf_init_fixed(&b, fact_bytes, sizeof fact_bytes);
    put_signed_fact(&b, kind, &s);
    REQUIRE(buf_result(&b) == 0);
    return buf_bytes(&b);
}

/* An open job of tasks: each has one leaf, whose value is as large as one may be. */
static struct ledger *ledger(void)
{
    struct job_spec s = {.name = "large", .open = true};
    struct ledger *l;
    struct buf body;

    text_copy(s.stage.kernel, sizeof s.stage.kernel, "sum");
    s.stage.units = s.stage.leaf_units = 1;
    s.stage.accumulator_size = ACCUMULATOR_SIZE_MAX;
    buf_init_fixed(&body, body_bytes, sizeof body_bytes);
    REQUIRE(put_spec(&body, &s) == 0);
    job = spec_id(buf_bytes(&body));
    REQUIRE(ledger_new(&l, &heap.alloc, seal(FACT_SPEC, &body)) == 0);
    return l;
}

static struct bytes list_from(uint32_t first)
{
    struct buf body;

    buf_init_fixed(&body, body_bytes, sizeof body_bytes);
    put_stages_begin(&body, job, (struct node_id){0});
    put_append_begin(&body, first, STAGES_A_LIST);
    for (uint32_t i = 0; i < STAGES_A_LIST; i++)
        put_append_like(&body, 0, (struct bytes){NULL, 0}, 0, (struct bytes){NULL, 0});
    return seal(FACT_STAGES, &body);
}

static void fill(struct ledger *l)
{
    static uint8_t raw[ACCUMULATOR_SIZE_MAX];

    for (uint32_t i = 0; i < LISTS; i++)
        REQUIRE(ledger_apply(l, list_from(1 + i * STAGES_A_LIST)) == LEDGER_NEW);
    for (uint32_t i = 0; i < ledger_graph(l)->count; i++) {
        uint64_t leaf = shape_at(&ledger_graph(l)->shape, i).first;

        store_u64(raw, leaf);
        REQUIRE(ledger_put(l, &(struct value){{0, leaf}, {raw, sizeof raw}}) == 1);
    }
}

/* How many values these facts tell. */
static uint32_t values_in(struct bytes facts)
{
    struct reader r = reader_of(facts);
    uint32_t count = 0;
    struct fact f;

    while (reader_left(&r) > 0 && !r.failed) {
        REQUIRE(fact_read(read_block(&r, 65536), &f) == 0);
        count += f.kind == FACT_PARTIAL ? f.partial.count : 0;
    }
    return count;
}

TEST(a_large_ledger_is_told_whole)
{
    struct ledger *l;
    struct buf all;

    heap_init(&heap);
    l = ledger();
    fill(l);
    buf_init(&all, &heap.alloc, LEDGER_BYTES_MAX);
    ledger_snapshot(l, &all);
    CHECK_INT(buf_result(&all), 0);
    CHECK_INT(values_in(buf_bytes(&all)), 1 + LISTS * STAGES_A_LIST);
    buf_clear(&all);
    ledger_free(l);
    CHECK(heap_is_empty(&heap));
}

TEST_MAIN(a_large_ledger_is_told_whole)
