#include "core/base/bytes.h"
#include "core/base/err.h"
#include "tests/lib/check.h"
#include "tests/lib/heap.h"

TEST(test_fields_are_little_endian)
{
    uint8_t raw[15];
    struct buf b;
    buf_init_fixed(&b, raw, sizeof raw);
    put_u8(&b, 0x01);
    put_u16(&b, 0x0302);
    put_u32(&b, 0x07060504);
    put_u64(&b, 0x0f0e0d0c0b0a0908);
    CHECK_INT(buf_result(&b), 0);
    CHECK_INT(b.len, 15);
    for (size_t i = 0; i < 15; i++)
        CHECK_INT(raw[i], i + 1);
    struct reader r = reader_of(buf_bytes(&b));
    CHECK_INT(read_u8(&r), 0x01);
    CHECK_INT(read_u16(&r), 0x0302);
    CHECK_INT(read_u32(&r), 0x07060504);
    CHECK_INT(reader_left(&r), 8);
    CHECK_INT(read_u64(&r), 0x0f0e0d0c0b0a0908);
    CHECK(reader_done(&r));
}

TEST(test_reader_fails_at_the_first_missing_byte_and_stays_failed)
{
    static const uint8_t raw[3] = {1, 2, 3};
    struct reader r = reader_of((struct bytes){raw, 3});
    CHECK_INT(read_u32(&r), 0);
    CHECK(r.failed);
    CHECK_INT(read_u8(&r), 0);
    CHECK_INT(reader_left(&r), 0);
    uint8_t out[2] = {9, 9};
    read_raw(&r, out, 2);
    CHECK(out[0] == 0 && out[1] == 0);
    CHECK_INT(read_view(&r, 1).len, 0);
    CHECK(!reader_done(&r));
}

TEST(test_reader_is_not_done_while_bytes_are_left)
{
    struct reader r = reader_of(bytes_of_text("ab"));
    read_u8(&r);
    CHECK(!reader_done(&r));
    read_u8(&r);
    CHECK(reader_done(&r));
    struct reader empty = reader_of((struct bytes){0});
    CHECK(reader_done(&empty));
    read_view(&empty, 0);
    CHECK(reader_done(&empty));
}

TEST(test_block_above_its_maximum_is_refused)
{
    uint8_t raw[16];
    struct buf b;
    buf_init_fixed(&b, raw, sizeof raw);
    put_block(&b, bytes_of_text("hello"));
    struct reader r = reader_of(buf_bytes(&b));
    CHECK(bytes_equal(read_block(&r, 5), bytes_of_text("hello")));
    CHECK(reader_done(&r));
    r = reader_of(buf_bytes(&b));
    CHECK_INT(read_block(&r, 4).len, 0);
    CHECK(r.failed);
}

TEST(test_block_longer_than_the_bytes_is_refused)
{
    static const uint8_t raw[6] = {0xff, 0xff, 0xff, 0xff, 1, 2};
    struct reader r = reader_of((struct bytes){raw, 6});
    CHECK_INT(read_block(&r, SIZE_MAX).len, 0);
    CHECK(r.failed);
}

TEST(test_text_round_trip_and_its_limits)
{
    uint8_t raw[16];
    char to[6];
    struct buf b;
    buf_init_fixed(&b, raw, sizeof raw);
    put_text(&b, "hello");
    struct reader r = reader_of(buf_bytes(&b));
    read_text(&r, to, sizeof to);
    CHECK_STR(to, "hello");
    CHECK(reader_done(&r));
    r = reader_of(buf_bytes(&b));
    read_text(&r, to, 5);
    CHECK(r.failed);
    CHECK_STR(to, "");
    raw[3] = 0;
    r = reader_of(buf_bytes(&b));
    read_text(&r, to, sizeof to);
    CHECK(r.failed);
    CHECK_STR(to, "");
}

TEST(test_truncation_at_every_byte_fails)
{
    uint8_t raw[64];
    struct buf b;
    buf_init_fixed(&b, raw, sizeof raw);
    put_u8(&b, 1);
    put_text(&b, "name");
    put_block(&b, bytes_of_text("block"));
    put_u64(&b, 7);
    for (size_t n = 0; n <= b.len; n++) {
        char text[8];
        struct reader r = reader_of((struct bytes){raw, n});
        read_u8(&r);
        read_text(&r, text, sizeof text);
        read_block(&r, 8);
        read_u64(&r);
        CHECK_INT(reader_done(&r), n == b.len);
    }
}

TEST(test_buf_grows_to_its_maximum_and_not_beyond)
{
    struct heap heap;
    heap_init(&heap);
    struct buf b;
    buf_init(&b, &heap.alloc, 1000);
    for (int i = 0; i < 1000; i++)
        put_u8(&b, (uint8_t)i);
    CHECK_INT(buf_result(&b), 0);
    CHECK_INT(b.len, 1000);
    CHECK(b.cap <= 1000);
    put_u8(&b, 1);
    CHECK_INT(buf_result(&b), ERR_TOO_LARGE);
    CHECK_INT(b.len, 1000);
    bool same = true;
    for (size_t i = 0; i < 1000; i++)
        same = same && b.data[i] == (uint8_t)i;
    CHECK(same);
    buf_reset(&b);
    CHECK_INT(buf_result(&b), 0);
    put_u8(&b, 1);
    CHECK_INT(b.len, 1);
    buf_clear(&b);
    CHECK(heap_is_empty(&heap));
}

TEST(test_buf_says_when_memory_ran_out)
{
    for (uint64_t n = 1;; n++) {
        struct heap heap;
        heap_init(&heap);
        heap.fail_at = n;
        struct buf b;
        buf_init(&b, &heap.alloc, 4096);
        for (uint64_t i = 0; i < 100; i++)
            put_u64(&b, i);
        CHECK_INT(buf_result(&b), heap.failures ? ERR_NO_MEMORY : 0);
        CHECK(heap.failures || b.len == 800);
        buf_clear(&b);
        CHECK(heap_is_empty(&heap));
        if (!heap.failures)
            break;
    }
}

TEST(test_fixed_buf_stops_at_its_end)
{
    uint8_t raw[5] = {0, 0, 0, 0, 0xaa};
    struct buf b;
    buf_init_fixed(&b, raw, 4);
    put_u16(&b, 0x1111);
    put_u32(&b, 0x22222222);
    CHECK_INT(buf_result(&b), ERR_TOO_LARGE);
    put_u8(&b, 1);
    CHECK_INT(b.len, 2);
    CHECK_INT(raw[4], 0xaa);
    patch_u32(&b, 0, 1); /* dropped like every write after a failure */
    CHECK_INT(raw[0], 0x11);
    buf_clear(&b);
}

TEST(test_patch_and_drop_front)
{
    uint8_t raw[16];
    struct buf b;
    buf_init_fixed(&b, raw, sizeof raw);
    put_u8(&b, 7);
    put_u32(&b, 0);
    put_raw(&b, "abc", 3);
    patch_u32(&b, 1, (uint32_t)b.len);
    CHECK_INT(load_u32(raw + 1), 8);
    buf_drop_front(&b, 5);
    CHECK(bytes_equal(buf_bytes(&b), bytes_of_text("abc")));
    buf_drop_front(&b, 3);
    CHECK_INT(b.len, 0);
}

TEST(test_reserve_gives_room_without_taking_it)
{
    struct heap heap;
    heap_init(&heap);
    struct buf b;
    buf_init(&b, &heap.alloc, 300);
    CHECK(buf_reserve(&b, 0) != NULL);
    uint8_t *room = buf_reserve(&b, 300);
    REQUIRE(room);
    memset(room, 1, 300);
    CHECK_INT(b.len, 0);
    CHECK(!buf_reserve(&b, 301));
    CHECK_INT(buf_result(&b), ERR_TOO_LARGE);
    buf_clear(&b);
    CHECK(heap_is_empty(&heap));
}

TEST(test_alloc_refuses_an_overflowing_array)
{
    struct heap heap;
    heap_init(&heap);
    CHECK(!alloc_array(&heap.alloc, SIZE_MAX / 8 + 1, 8));
    void *array = NULL;
    CHECK_INT(alloc_grow(&heap.alloc, &array, 0, SIZE_MAX / 8 + 1, 8), ERR_NO_MEMORY);
    CHECK_INT(alloc_grow(&heap.alloc, &array, 0, 3, 8), 0);
    uint64_t *numbers = array;
    REQUIRE(numbers);
    CHECK(numbers[0] == 0 && numbers[2] == 0);
    numbers[2] = 5;
    CHECK_INT(alloc_grow(&heap.alloc, &array, 3, 6, 8), 0);
    numbers = array;
    CHECK(numbers[2] == 5 && numbers[3] == 0 && numbers[5] == 0);
    heap.fail_from = 1;
    CHECK_INT(alloc_grow(&heap.alloc, &array, 6, 12, 8), ERR_NO_MEMORY);
    CHECK(array == numbers && numbers[2] == 5);
    alloc_free(&heap.alloc, array, 48);
    alloc_free(&heap.alloc, NULL, 0);
    CHECK(heap_is_empty(&heap));
}

TEST(test_every_error_has_its_own_sentence)
{
    CHECK_STR(err_sentence(ERR_NO_SPACE), "no space left on the disk");
    CHECK_STR(err_sentence(0), "unknown error");
    CHECK_STR(err_sentence(-9999), "unknown error");
    for (int a = ERR_NO_MEMORY; a >= ERR_SYSTEM; a--)
        for (int b = a - 1; b >= ERR_SYSTEM; b--)
            CHECK(strcmp(err_sentence(a), err_sentence(b)) != 0);
}

TEST_MAIN(test_fields_are_little_endian,
          test_reader_fails_at_the_first_missing_byte_and_stays_failed,
          test_reader_is_not_done_while_bytes_are_left, test_block_above_its_maximum_is_refused,
          test_block_longer_than_the_bytes_is_refused, test_text_round_trip_and_its_limits,
          test_truncation_at_every_byte_fails, test_buf_grows_to_its_maximum_and_not_beyond,
          test_buf_says_when_memory_ran_out, test_fixed_buf_stops_at_its_end,
          test_patch_and_drop_front, test_reserve_gives_room_without_taking_it,
          test_alloc_refuses_an_overflowing_array, test_every_error_has_its_own_sentence)
