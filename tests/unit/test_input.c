#include "core/wire/input.h"

#include "core/base/err.h"
#include "tests/lib/check.h"

static uint8_t raw[(STAGE_INPUTS_MAX + 2) * STAGE_INPUT_BYTES];

static struct buf with(uint16_t count, uint64_t size)
{
    struct buf b;
    buf_init_fixed(&b, raw, sizeof raw);
    put_u16(&b, count);
    for (uint16_t i = 0; i < count; i++)
        put_stage_input(&b, &(struct stage_input){.name = {{(uint8_t)i, 3}}, .size = size - i});
    CHECK_INT(buf_result(&b), 0);
    return b;
}

static bool reads(struct bytes in, uint16_t count)
{
    struct reader r = reader_of(in);
    uint16_t got;
    struct bytes inputs = read_stage_inputs(&r, &got);
    return reader_done(&r) && got == count && inputs.len == (size_t)count * STAGE_INPUT_BYTES;
}

TEST(test_inputs_come_through)
{
    static const uint16_t counts[] = {0, 1, 2, STAGE_INPUTS_MAX};
    for (size_t i = 0; i < 4; i++) {
        struct buf b = with(counts[i], STAGE_INPUT_SIZE_MAX);
        CHECK(reads(buf_bytes(&b), counts[i]));
        for (size_t n = 0; n < b.len; n++)
            CHECK(!reads((struct bytes){raw, n}, counts[i]));
        for (uint16_t j = 0; j < counts[i]; j++) {
            struct stage_input in = stage_input_at((struct bytes){raw + 2, b.len - 2}, j);
            CHECK(in.size == STAGE_INPUT_SIZE_MAX - j && in.name.bytes[0] == (uint8_t)j &&
                  in.name.bytes[1] == 3);
        }
    }
}

TEST(test_inputs_beyond_a_bound)
{
    struct buf b = with(STAGE_INPUTS_MAX + 1, 1000);
    CHECK(!reads(buf_bytes(&b), STAGE_INPUTS_MAX + 1));
    CHECK(!stage_inputs_fit((struct bytes){raw + 2, b.len - 2}, STAGE_INPUTS_MAX + 1));
    CHECK(stage_inputs_fit((struct bytes){raw + 2, 3 * STAGE_INPUT_BYTES}, 3));
    CHECK(!stage_inputs_fit((struct bytes){raw + 2, 3 * STAGE_INPUT_BYTES}, 2));
    b = with(2, STAGE_INPUT_SIZE_MAX + 2);
    CHECK(!reads(buf_bytes(&b), 2));
    b = with(2, STAGE_INPUT_SIZE_MAX + 1); /* the second one is within */
    CHECK(!reads(buf_bytes(&b), 2));
}

TEST_MAIN(test_inputs_come_through, test_inputs_beyond_a_bound)
