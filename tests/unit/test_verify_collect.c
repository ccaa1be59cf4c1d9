/* The independent checker over jobs that collect: their lists are put together here by the code of
 * the product, and there by the drawing alone. */
#include "core/job/fact.h"
#include "core/object/name.h"
#include "core/verify/outputs.h"
#include "core/verify/verdict.h"
#include "core/wire/output.h"
#include "tests/lib/check.h"
#include "tests/lib/heap.h"
#include "tests/unit/tally_rig.h"

#define LEAVES_MOST 1500u

static uint32_t leaves;
static struct buf list;
static uint64_t size;

static struct output output_of(uint32_t leaf, uint8_t bytes[OUTPUT_INLINE_MAX])
{
    struct output o = {.kind = leaf % 5 == 3 ? OUTPUT_OBJECT : OUTPUT_BYTES};

    memset(bytes, (int)leaf, OUTPUT_INLINE_MAX);
    memset(o.name.bytes, (int)leaf + 1, ID_SIZE);
    o.size = o.kind == OUTPUT_OBJECT ? 1001 + leaf : leaf * 37 % 1001;
    o.bytes = (struct bytes){bytes, (size_t)(o.kind == OUTPUT_OBJECT ? 0 : o.size)};
    return o;
}

static int merge(void *ctx, const struct tally_kernel *k, struct bytes left, struct bytes right,
                 uint8_t *out)
{
    (void)ctx, (void)k, (void)left, (void)right, (void)out;
    CHECK(!"nothing of a collect is merged");
    return -1;
}

static void begin(uint32_t count)
{
    struct job_spec s = {.name = "t"};
    struct buf b;

    heap_init(&heap);
    buf_init(&b, &heap.alloc, 65536);
    buf_init(&list, &heap.alloc, 1 << 22);
    leaves = count;
    size = 0;
    memcpy(s.stage.kernel, "yield", 6);
    s.stage.units = (uint64_t)count * 10 - 3;
    s.stage.leaf_units = 10;
    s.stage.reduction = REDUCE_COLLECT;
    REQUIRE(put_spec(&b, &s) == 0);
    job = spec_id(buf_bytes(&b));
    tally_init(&tally, &heap.alloc, job, merge, NULL);
    record_signed(FACT_SPEC, buf_bytes(&b));
    buf_clear(&b);
}

/* One leaf, as a node reports it; what differs from what it should be is the test's lie. */
static void report(uint32_t leaf, bool in_list, uint64_t more)
{
    struct partial p = {.from = leaf, .upto = leaf + 1, .count = 1};
    uint8_t bytes[OUTPUT_INLINE_MAX];
    struct output o = output_of(leaf, bytes);
    struct buf v, f;

    memset(p.author.bytes, 7, ID_SIZE);
    buf_init(&v, &heap.alloc, 4096);
    buf_init(&f, &heap.alloc, 8192);
    put_output(&v, &o);
    if (in_list)
        put_block(&list, buf_bytes(&v));
    size += in_list ? o.size : 0;
    v.data[v.len - 1] = (uint8_t)(v.data[v.len - 1] + more);
    put_partial_begin(&f, &p);
    put_value(&f, &(struct value){{0, leaf}, buf_bytes(&v)});
    record(buf_bytes(&f));
    buf_clear(&v);
    buf_clear(&f);
}

static struct collected result(void)
{
    struct collected c = {.size = size, .leaves = leaves};
    struct object_sum sum;

    object_sum_begin(&sum, list.len);
    for (uint64_t i = 0; i < object_pieces(list.len); i++)
        object_sum_piece(&sum,
                         sha256_of(list.data + i * PIECE_SIZE, object_piece_length(list.len, i)));
    CHECK(object_sum_end(&sum, &c.list));
    if (list.len <= RESULT_LIST_MAX)
        c.inline_list = buf_bytes(&list);
    return c;
}

static void done(const struct collected *c, struct digest digest)
{
    struct outcome o = {.state = JOB_DONE, .digest = digest, .leaves = leaves};
    struct buf body, raw;

    buf_init(&raw, &heap.alloc, ACCUMULATOR_SIZE_MAX);
    put_collected(&raw, c);
    o.accumulator = buf_bytes(&raw);
    buf_init(&body, &heap.alloc, 8192);
    put_outcome_body(&body, job, &o);
    record_signed(FACT_OUTCOME, buf_bytes(&body));
    buf_clear(&body);
    buf_clear(&raw);
}

static void check_end(enum tally_fault fault, bool proven)
{
    const struct tally *one = &tally;
    struct verdict v;

    CHECK_INT(tally_end(&tally), 0);
    CHECK_INT(verdict_over(&v, &heap.alloc, &one, 1), 0);
    CHECK_INT(v.proven, proven);
    if (!proven && fault != TALLY_MISSING && CHECK(tally.problems_count > 0))
        CHECK_INT(tally.problems[0].fault, fault);
    tally_clear(&tally);
    buf_clear(&list);
    CHECK(heap_is_empty(&heap));
}

static void all(uint32_t count, uint32_t lie_at, uint64_t more)
{
    begin(count);
    for (uint32_t i = 0; i < count; i++)
        report(i, true, i == lie_at ? more : 0);
}

TEST(lists_short_and_long_are_proven)
{
    static const uint32_t counts[] = {1, 2, 3, 9, 400, LEAVES_MOST};
    struct collected c;

    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        all(counts[i], UINT32_MAX, 0);
        CHECK(counts[i] < LEAVES_MOST || list.len > PIECE_SIZE / 2);
        c = result();
        done(&c, c.list);
        check_end(TALLY_FORMAT, true);
    }
}

TEST(a_list_that_the_values_do_not_make_is_seen)
{
    struct collected c;

    all(400, 8, 1);
    c = result();
    done(&c, c.list);
    check_end(TALLY_RESULT, false);
}

TEST(a_size_that_the_values_do_not_have_is_seen)
{
    struct collected c;

    all(400, UINT32_MAX, 0);
    c = result();
    c.size++;
    done(&c, c.list);
    check_end(TALLY_RESULT, false);
}

TEST(a_digest_that_is_not_the_lists_is_seen)
{
    struct collected c;

    all(9, UINT32_MAX, 0);
    c = result();
    done(&c, (struct digest){{1}});
    check_end(TALLY_DIGEST, false);
}

TEST(a_list_in_the_result_under_another_name_is_seen)
{
    struct collected c;

    all(2, UINT32_MAX, 0);
    c = result();
    c.list.bytes[3] ^= 1;
    done(&c, c.list);
    check_end(TALLY_DIGEST, false);
}

TEST(a_leaf_without_output_is_missing)
{
    struct collected c;

    begin(9);
    for (uint32_t i = 0; i < 9; i++)
        if (i != 4)
            report(i, true, 0);
    c = result();
    done(&c, c.list);
    CHECK(!tally_is_whole(&tally));
    check_end(TALLY_MISSING, false);
}

TEST(two_outputs_of_one_leaf_are_seen)
{
    struct collected c;

    all(9, UINT32_MAX, 0);
    report(5, false, 1);
    c = result();
    done(&c, c.list);
    check_end(TALLY_UNEQUAL, false);
}

/* Of each kind and of one that is none, with sizes and bytes that fit or do not. */
TEST(an_output_is_what_the_product_takes_for_one)
{
    static const uint64_t sizes[] = {0, 1, OUTPUT_INLINE_MAX, OUTPUT_INLINE_MAX + 1};
    static uint8_t room[OUTPUT_VALUE_MAX + 2];
    uint32_t right = 0;

    for (uint8_t kind = 0; kind <= 2; kind++)
        for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
            for (size_t len = 0; len <= sizeof room; len++) {
                const struct bytes value = {room, len};

                room[0] = kind;
                store_u64(room + 1, sizes[i]);
                const bool is = read_output(value, NULL) == 0;
                CHECK_INT(outputs_value(value), is);
                right += is;
            }
    CHECK_INT(right, 4);
}

TEST(a_result_is_of_all_leaves_and_nothing_behind_it)
{
    struct collected c;
    struct digest name;
    struct buf b;
    uint64_t bytes;

    all(9, UINT32_MAX, 0);
    c = result();
    buf_init(&b, &heap_plain, 8192);
    put_collected(&b, &c);
    CHECK(outputs_result(buf_bytes(&b), 9, &name, &bytes) && digest_equal(name, c.list));
    CHECK(!outputs_result(buf_bytes(&b), 8, &name, &bytes));
    for (size_t len = 0; len < b.len; len++)
        CHECK(!outputs_result((struct bytes){b.data, len}, 9, &name, &bytes));
    put_u8(&b, 0);
    CHECK(!outputs_result(buf_bytes(&b), 9, &name, &bytes));
    buf_clear(&b);
    done(&c, c.list);
    check_end(TALLY_FORMAT, true);
}

TEST_MAIN(an_output_is_what_the_product_takes_for_one,
          a_result_is_of_all_leaves_and_nothing_behind_it, lists_short_and_long_are_proven,
          a_list_that_the_values_do_not_make_is_seen, a_size_that_the_values_do_not_have_is_seen,
          a_digest_that_is_not_the_lists_is_seen, a_list_in_the_result_under_another_name_is_seen,
          a_leaf_without_output_is_missing, two_outputs_of_one_leaf_are_seen)
