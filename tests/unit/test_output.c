#include "core/wire/output.h"

#include "core/base/err.h"
#include "tests/lib/check.h"

static uint8_t raw[4096];

static struct bytes encode(enum output_kind kind, uint64_t size)
{
    static uint8_t bytes[OUTPUT_INLINE_MAX + 1];
    struct buf b;
    const size_t len = size < sizeof bytes ? (size_t)size : sizeof bytes;
    memset(bytes, 'o', sizeof bytes);
    buf_init_fixed(&b, raw, sizeof raw);
    put_output(&b, &(struct output){kind, size, {bytes, len}, {{5, 6}}});
    CHECK_INT(buf_result(&b), 0);
    return buf_bytes(&b);
}

static void check_whole(enum output_kind kind, uint64_t size)
{
    struct output o;
    struct bytes in = encode(kind, size);
    CHECK_INT(read_output(in, &o), 0);
    CHECK_INT(read_output(in, NULL), 0);
    CHECK(o.kind == kind && o.size == size);
    if (kind == OUTPUT_BYTES)
        CHECK(o.bytes.len == size && (size == 0 || o.bytes.data[size - 1] == 'o'));
    else
        CHECK(o.bytes.len == 0 && o.name.bytes[0] == 5 && o.name.bytes[1] == 6);
    for (size_t n = 0; n <= in.len + 1; n++)
        CHECK_INT(read_output((struct bytes){raw, n}, NULL), n == in.len ? 0 : ERR_FORMAT);
}

TEST(test_outputs_come_through)
{
    check_whole(OUTPUT_BYTES, 0);
    check_whole(OUTPUT_BYTES, 1);
    check_whole(OUTPUT_BYTES, OUTPUT_INLINE_MAX);
    check_whole(OUTPUT_OBJECT, OUTPUT_INLINE_MAX + 1);
    check_whole(OUTPUT_OBJECT, OUTPUT_SIZE_MAX);
    CHECK_INT(encode(OUTPUT_BYTES, OUTPUT_INLINE_MAX).len, OUTPUT_VALUE_MAX);
}

/* One leaf has one value: the size alone says which of the two it is. */
TEST(test_outputs_of_the_other_kind)
{
    CHECK_INT(read_output(encode(OUTPUT_BYTES, OUTPUT_INLINE_MAX + 1), NULL), ERR_FORMAT);
    CHECK_INT(read_output(encode(OUTPUT_OBJECT, OUTPUT_INLINE_MAX), NULL), ERR_FORMAT);
    CHECK_INT(read_output(encode(OUTPUT_OBJECT, OUTPUT_SIZE_MAX + 1), NULL), ERR_FORMAT);
    CHECK_INT(read_output(encode((enum output_kind)2, 1), NULL), ERR_FORMAT);
}

TEST(test_collected)
{
    static uint8_t list[RESULT_LIST_MAX + 1];
    struct collected got, c = {.size = 1ull << 45,
                               .leaves = 16384,
                               .list = {{1}},
                               .inline_list = {list, RESULT_LIST_MAX}};
    struct buf b;
    buf_init_fixed(&b, raw, sizeof raw);
    put_collected(&b, &c);
    for (size_t n = 0; n <= b.len + 1; n++)
        CHECK_INT(read_collected((struct bytes){raw, n}, &got), n == b.len ? 0 : ERR_FORMAT);
    CHECK_INT(read_collected(buf_bytes(&b), &got), 0);
    CHECK(got.size == 1ull << 45 && got.leaves == 16384 && digest_equal(got.list, c.list));
    CHECK(bytes_equal(got.inline_list, c.inline_list));
    c.inline_list.len++;
    buf_init_fixed(&b, raw, sizeof raw);
    put_collected(&b, &c);
    CHECK_INT(read_collected(buf_bytes(&b), &got), ERR_FORMAT);
}

TEST_MAIN(test_outputs_come_through, test_outputs_of_the_other_kind, test_collected)
