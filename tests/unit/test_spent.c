/* Values that nobody reads any more: which ones go, that it does not matter in which order facts
 * came, and that a snapshot without them leads to an equal ledger. */
#include "core/base/err.h"
#include "core/base/prng.h"
#include "core/job/account.h"
#include "core/job/ledger_inside.h"
#include "tests/lib/parts.h"
#include "tests/unit/tally_rig.h"

static struct ledger *ledger_of_parts(void)
{
    struct job_spec spec = {.name = "t"};
    struct signed_bytes sealed = {.certificate = bytes_of_text("c")};
    struct ledger *l;
    struct buf body, fact;

    parts_spec(&spec, "work");
    buf_init(&body, &heap.alloc, SPEC_SIZE_MAX);
    buf_init(&fact, &heap.alloc, SPEC_SIZE_MAX + 1000);
    REQUIRE(put_spec(&body, &spec) == 0);
    job = spec_id(buf_bytes(&body));
    sealed.body = buf_bytes(&body);
    put_signed_fact(&fact, FACT_SPEC, &sealed);
    REQUIRE(ledger_new(&l, &heap.alloc, buf_bytes(&fact)) == 0);
    buf_clear(&body);
    buf_clear(&fact);
    return l;
}

/* A value of the leaf's own, which depends on nothing else. */
static int leaf(struct ledger *l, uint64_t at, bool collects)
{
    struct partial p = {.from = at, .upto = at + 1, .count = 1};
    uint8_t room[256], value[9] = {0};
    struct buf f;

    memset(p.author.bytes, (int)(at % 3) + 1, ID_SIZE);
    if (!collects)
        store_u32(value, (uint32_t)at);
    buf_init_fixed(&f, room, sizeof room);
    put_partial_begin(&f, &p);
    put_value(&f, &(struct value){{0, at}, {value, collects ? 9 : 8}});
    return ledger_apply(l, buf_bytes(&f));
}

/* What the leaves of the stage are folded to, as its coordinator tells it. */
static int root(struct ledger *l, uint32_t stage)
{
    struct partial p = {.count = 1};
    uint8_t room[256], value[8] = {1};
    struct buf f;

    store_u32(value + 4, stage);
    buf_init_fixed(&f, room, sizeof room);
    put_partial_begin(&f, &p);
    put_value(&f, &(struct value){shape_root(&l->graph.shape, stage), {value, 8}});
    return ledger_apply(l, buf_bytes(&f));
}

static void whole(struct ledger *l, uint32_t stage)
{
    struct shape_stage in = shape_at(&l->graph.shape, stage);

    for (uint64_t at = in.first; at < in.end; at++)
        CHECK(leaf(l, at, parts[stage].collects) >= 0);
    if (!parts[stage].collects && in.end - in.first > 1)
        CHECK(root(l, stage) >= 0);
}

static bool spent(struct ledger *l, uint32_t stage)
{
    return cover_is_spent(ledger_cover(l), stage);
}

static struct ledger *copied(struct ledger *l)
{
    struct ledger *other = NULL;
    struct reader r;
    struct buf all;

    buf_init(&all, &heap.alloc, 1 << 20);
    ledger_snapshot(l, &all);
    r = reader_of(buf_bytes(&all));
    REQUIRE(ledger_new(&other, &heap.alloc, read_block(&r, 1 << 20)) == 0);
    while (reader_left(&r) > 0)
        CHECK(ledger_apply(other, read_block(&r, 1 << 20)) >= 0);
    buf_clear(&all);
    return other;
}

static int cannot_merge(void *ctx, const struct tally_kernel *k, struct bytes left,
                        struct bytes right, uint8_t *out)
{
    (void)ctx, (void)k, (void)left, (void)right, (void)out;
    return ERR_NOT_FOUND;
}

/* The independent checker counts what the ledger does, in a journal that was written anew: some
 * values are not in it any more. */
static void check_counted(struct ledger *l)
{
    uint64_t unnamed;
    struct reader r;
    struct buf all;

    buf_init(&all, &heap.alloc, 1 << 20);
    ledger_snapshot_own(l, &all);
    tally_init(&tally, &heap.alloc, job, cannot_merge, NULL);
    for (r = reader_of(buf_bytes(&all)); reader_left(&r) > 0;)
        record(read_block(&r, 1 << 20));
    buf_clear(&all);
    CHECK_INT(tally_end(&tally), 0);
    CHECK_INT(tally.problems_count, 0);
    CHECK_INT(tally_leaves(&tally, &unnamed), cover_leaves(ledger_cover(l)));
    CHECK_INT(unnamed, cover_leaves(ledger_cover(l)) - account_leaves(&l->account));
    tally_clear(&tally);
}

static bool alike(struct ledger *a, struct ledger *b)
{
    return digest_equal(ledger_digest(a), ledger_digest(b));
}

TEST(a_value_goes_with_the_last_of_its_readers)
{
    struct ledger *l;

    heap_init(&heap);
    parts_begin();
    parts_add(5, false);
    parts_need(parts_add(1, false), 0, 0);
    parts_need(parts_add(3, false), 0, 0);
    l = ledger_of_parts();
    whole(l, 0);
    whole(l, 1);
    CHECK(!spent(l, 0));
    CHECK_INT(leaf(l, shape_at(&l->graph.shape, 2).first, false), LEDGER_NEW);
    CHECK(!spent(l, 0));
    whole(l, 2);
    CHECK(spent(l, 0));
    CHECK(!spent(l, 1) && !spent(l, 2)); /* nobody reads them */
    CHECK_INT(cover_leaves(ledger_cover(l)), 9);
    CHECK_INT(account_leaves(&l->account), 9);
    CHECK_INT(leaf(l, 2, false), LEDGER_KNOWN);
    ledger_free(l);
    CHECK(heap_is_empty(&heap));
}

/* Its outputs may be lost, and then it reads once more. */
TEST(what_a_collect_has_read_stays_until_its_outputs_are_read)
{
    struct ledger *l;

    heap_init(&heap);
    parts_begin();
    parts_add(4, false);
    parts_need(parts_add(6, true), 0, 0);
    parts_need(parts_add(2, false), 1, 0);
    parts_need(parts_add(2, true), 2, 0);
    l = ledger_of_parts();
    whole(l, 0);
    whole(l, 1);
    CHECK(!spent(l, 0));
    whole(l, 2);
    CHECK(spent(l, 0) && spent(l, 1));
    whole(l, 3);
    CHECK(!spent(l, 2)); /* the result may be lost as well */
    CHECK_INT(cover_leaves(ledger_cover(l)), 14);
    CHECK_INT(cover_count(ledger_cover(l)), 5);
    ledger_free(l);
    CHECK(heap_is_empty(&heap));
}

/* A node that has only the value of what read it knows as much. */
TEST(what_came_of_a_stage_before_it_was_spent_makes_no_difference)
{
    struct ledger *all, *last;

    heap_init(&heap);
    parts_begin();
    parts_add(7, true);
    parts_need(parts_add(3, false), 0, 0);
    parts_need(parts_add(1, false), 1, 0);
    all = ledger_of_parts();
    last = ledger_of_parts();
    for (uint32_t i = 0; i < 3; i++)
        whole(all, i);
    CHECK(!alike(all, last));
    whole(last, 2);
    CHECK(alike(all, last));
    whole(last, 0);
    CHECK(alike(all, last));
    ledger_free(all);
    ledger_free(last);
    CHECK(heap_is_empty(&heap));
}

/* --- any graph, against the definition --- */

static bool is_spent(const bool *complete, uint32_t stage);

static bool is_through(const bool *complete, uint32_t stage)
{
    return (complete[stage] && !parts[stage].collects) || is_spent(complete, stage);
}

static bool is_spent(const bool *complete, uint32_t stage)
{
    bool any = false;

    for (uint32_t i = stage + 1; i < parts_count; i++)
        for (uint8_t k = 0; k < parts[i].needs_count; k++) {
            if (parts[i].needs[k].stage != stage)
                continue;
            any = true;
            if (!is_through(complete, i))
                return false;
        }
    return any;
}

static void random_parts(struct prng *p)
{
    parts_begin();
    for (uint32_t i = 0, count = 2 + (uint32_t)prng_below(p, 12); i < count; i++) {
        struct part *one = parts_add(1 + prng_below(p, 5), prng_below(p, 3) == 0);
        uint16_t needs = i == 0 ? 0 : (uint16_t)prng_below(p, 3);

        for (uint16_t k = 0; k < needs; k++)
            parts_need(one, (uint32_t)prng_below(p, i), k);
        if (i > 0 && prng_below(p, 4) == 0)
            parts_need(one, (uint32_t)prng_below(p, i), NEED_ORDER);
    }
}

static void order(struct prng *p, uint32_t *to)
{
    for (uint32_t i = 0; i < parts_count; i++) {
        uint32_t k = (uint32_t)prng_below(p, i + 1);

        to[i] = to[k];
        to[k] = i;
    }
}

static void one_graph(struct prng *p)
{
    bool complete[PARTS_MAX] = {false};
    uint32_t first[PARTS_MAX], second[PARTS_MAX];
    struct ledger *a, *b, *c;

    random_parts(p);
    order(p, first);
    order(p, second);
    a = ledger_of_parts();
    b = ledger_of_parts();
    for (uint32_t i = 0; i < parts_count; i++) {
        whole(a, first[i]);
        complete[first[i]] = true;
        for (uint32_t k = 0; k < parts_count; k++)
            CHECK_INT(spent(a, k), is_spent(complete, k));
        c = copied(a);
        CHECK(alike(a, c));
        ledger_free(c);
        check_counted(a);
    }
    for (uint32_t i = 0; i < parts_count; i++)
        whole(b, second[i]);
    CHECK(alike(a, b));
    CHECK_INT(cover_leaves(ledger_cover(a)), parts_leaves());
    CHECK_INT(cover_leaves(ledger_cover(b)), parts_leaves());
    ledger_free(a);
    ledger_free(b);
}

TEST(any_graph_drops_what_the_definition_says_in_any_order)
{
    struct prng p;

    heap_init(&heap);
    prng_init(&p, 4);
    for (int i = 0; i < 300; i++)
        one_graph(&p);
    CHECK(heap_is_empty(&heap));
}

/* Memory that runs out in the middle: the rest goes when the fact is taken again. */
TEST(what_could_not_be_dropped_for_lack_of_memory_is_dropped_later)
{
    bool failed = true;

    heap_init(&heap);
    for (uint64_t call = 1; failed; call++) {
        struct ledger *l;

        parts_begin();
        for (uint32_t i = 0; i < 6; i++)
            parts_add(2, i % 2 == 1);
        for (uint32_t i = 1; i < 6; i++)
            parts_need(&parts[i], i - 1, 0);
        parts_need(parts_add(1, false), 5, 0);
        l = ledger_of_parts();
        heap.fail_at = heap.calls + call;
        failed = leaf(l, shape_at(&l->graph.shape, 6).first, false) == ERR_NO_MEMORY;
        heap.fail_at = 0;
        CHECK(leaf(l, shape_at(&l->graph.shape, 6).first, false) >= 0);
        for (uint32_t i = 0; i < 6; i++)
            CHECK(spent(l, i));
        ledger_free(l);
    }
    CHECK(heap_is_empty(&heap));
}

TEST_MAIN(a_value_goes_with_the_last_of_its_readers,
          what_a_collect_has_read_stays_until_its_outputs_are_read,
          what_came_of_a_stage_before_it_was_spent_makes_no_difference,
          any_graph_drops_what_the_definition_says_in_any_order,
          what_could_not_be_dropped_for_lack_of_memory_is_dropped_later)
