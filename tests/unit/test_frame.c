#include "core/base/crc32c.h"
#include "core/base/err.h"
#include "core/wire/frame.h"
#include "core/wire/message.h"
#include "tests/lib/check.h"
#include "tests/lib/heap.h"

TEST(test_frame_golden_bytes)
{
    static const uint8_t golden[] = {0x56, 0x4c, 0x01, 0x25, 0x03, 0x00, 0x00, 0x00, 0x04, 0x03,
                                     0x02, 0x01, 0xb9, 0xac, 0x93, 0xec, 'a',  'b',  'c'};
    uint8_t raw[64];
    struct buf b;
    buf_init_fixed(&b, raw, sizeof raw);
    frame_put(&b, MESSAGE_GRANT, 0x01020304, bytes_of_text("abc"));
    CHECK_INT(b.len, sizeof golden);
    CHECK_MEM(raw, golden, sizeof golden);
    uint8_t head[FRAME_HEADER_SIZE];
    frame_head(head, MESSAGE_GRANT, 0x01020304, 3);
    CHECK_MEM(head, golden, sizeof head);
    struct frame f;
    CHECK_INT(frame_take(buf_bytes(&b), &f), sizeof golden);
    CHECK_INT(f.type, MESSAGE_GRANT);
    CHECK_INT(f.request, 0x01020304);
    CHECK(bytes_equal(f.payload, bytes_of_text("abc")));
}

TEST(test_frame_waits_for_every_byte_and_takes_no_more_than_its_own)
{
    uint8_t raw[64];
    struct buf b;
    buf_init_fixed(&b, raw, sizeof raw);
    frame_put(&b, 1, 0, bytes_of_text("hello"));
    size_t first = b.len;
    frame_put(&b, 2, 9, (struct bytes){0});
    struct frame f;
    for (size_t n = 0; n < first; n++) {
        CHECK_INT(frame_take((struct bytes){raw, n}, &f), 0);
        const size_t known = n < FRAME_HEADER_SIZE ? FRAME_HEADER_SIZE : first;
        CHECK_INT(frame_missing((struct bytes){raw, n}), known - n);
    }
    for (size_t n = first; n <= b.len; n++)
        CHECK_INT(frame_take((struct bytes){raw, n}, &f), first);
    CHECK_INT(frame_take((struct bytes){raw + first, b.len - first}, &f), FRAME_HEADER_SIZE);
    CHECK_INT(f.type, 2);
    CHECK_INT(f.payload.len, 0);
}

TEST(test_frame_header_with_any_flipped_bit_is_refused_at_once)
{
    uint8_t raw[FRAME_HEADER_SIZE];
    struct buf b;
    buf_init_fixed(&b, raw, sizeof raw);
    frame_put(&b, 40, 7, (struct bytes){0});
    for (size_t i = 0; i < FRAME_HEADER_SIZE * 8; i++) {
        raw[i / 8] ^= (uint8_t)(1 << i % 8);
        struct frame f;
        int expected = i < 16 ? ERR_FORMAT : i < 24 ? ERR_VERSION : ERR_CHECKSUM;
        CHECK_INT(frame_take((struct bytes){raw, sizeof raw}, &f), expected);
        raw[i / 8] ^= (uint8_t)(1 << i % 8);
    }
}

TEST(test_frame_of_the_greatest_size_passes_and_one_more_does_not)
{
    struct heap heap;
    heap_init(&heap);
    struct buf b;
    buf_init(&b, &heap.alloc, 200000);
    static uint8_t payload[FRAME_PAYLOAD_MAX + 1];
    frame_put(&b, 1, 0, (struct bytes){payload, FRAME_PAYLOAD_MAX});
    struct frame f;
    CHECK_INT(frame_take(buf_bytes(&b), &f), FRAME_HEADER_SIZE + FRAME_PAYLOAD_MAX);
    CHECK_INT(f.payload.len, FRAME_PAYLOAD_MAX);
    frame_put(&b, 1, 0, (struct bytes){payload, FRAME_PAYLOAD_MAX + 1});
    CHECK_INT(buf_result(&b), ERR_TOO_LARGE);
    buf_clear(&b);
    CHECK(heap_is_empty(&heap));
}

TEST(test_frame_that_claims_too_much_is_refused_before_its_payload)
{
    uint8_t raw[FRAME_HEADER_SIZE] = {0x56, 0x4c, WIRE_VERSION, 1};
    store_u32(raw + 4, FRAME_PAYLOAD_MAX + 1);
    store_u32(raw + 12, crc32c(0, raw, 12));
    struct frame f;
    CHECK_INT(frame_take((struct bytes){raw, sizeof raw}, &f), ERR_TOO_LARGE);
}

TEST(test_frame_in_place_behind_other_bytes)
{
    uint8_t raw[64];
    struct buf b;
    buf_init_fixed(&b, raw, sizeof raw);
    put_u8(&b, 0xee);
    size_t start = frame_begin(&b, 3, 5);
    CHECK_INT(start, 1);
    put_u16(&b, 77);
    frame_end(&b, start);
    struct frame f;
    CHECK_INT(frame_take((struct bytes){raw + 1, b.len - 1}, &f), FRAME_HEADER_SIZE + 2);
    CHECK_INT(load_u16(f.payload.data), 77);
    /* A buf that is full half-way fails as a whole, and frame_end must not touch it. */
    buf_init_fixed(&b, raw, 10);
    start = frame_begin(&b, 3, 5);
    frame_end(&b, start);
    CHECK_INT(buf_result(&b), ERR_TOO_LARGE);
}

TEST(test_message_names)
{
    CHECK_STR(message_name(MESSAGE_HELLO), "HELLO");
    CHECK_STR(message_name(MESSAGE_WORKER_DESCRIBED), "WORKER_DESCRIBED");
    CHECK_STR(message_name(0), "unknown");
    CHECK_STR(message_name(70000), "unknown");
}

TEST_MAIN(test_frame_golden_bytes, test_frame_waits_for_every_byte_and_takes_no_more_than_its_own,
          test_frame_header_with_any_flipped_bit_is_refused_at_once,
          test_frame_of_the_greatest_size_passes_and_one_more_does_not,
          test_frame_that_claims_too_much_is_refused_before_its_payload,
          test_frame_in_place_behind_other_bytes, test_message_names)
