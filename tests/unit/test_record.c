#include "core/journal/record.h"

#include "core/base/crc32c.h"
#include "core/base/err.h"
#include "tests/lib/check.h"

static struct segment_header header_sample(void)
{
    struct segment_header h = {.base = true,
                               .feature_level = 3,
                               .number = 0x1122334455667788,
                               .file_bytes = 4096,
                               .born_bytes = 120,
                               .before_sequence = 99,
                               .before_crc = 0xdeadbeef};

    for (int i = 0; i < JOURNAL_ID_SIZE; i++)
        h.id[i] = (uint8_t)i;
    return h;
}

TEST(test_header_is_as_drawn)
{
    struct segment_header h = header_sample();
    uint8_t bytes[SEGMENT_HEADER_BYTES];
    const uint8_t drawn[68] = {
        'V',  'E',  'L',  'U',  'M',  'J',  'N',  'L', 1, 0,  1,  0,  3,  0,    0,    0,    0,
        1,    2,    3,    4,    5,    6,    7,    8,   9, 10, 11, 12, 13, 14,   15,   0x88, 0x77,
        0x66, 0x55, 0x44, 0x33, 0x22, 0x11, 0x00, 16,  0, 0,  0,  0,  0,  0,    120,  0,    0,
        0,    0,    0,    0,    0,    99,   0,    0,   0, 0,  0,  0,  0,  0xef, 0xbe, 0xad, 0xde};

    segment_encode(&h, bytes);
    CHECK_MEM(bytes, drawn, sizeof(drawn));
    CHECK_INT(load_u32(bytes + 76), crc32c(0, bytes, 76));
}

TEST(test_header_comes_back)
{
    struct segment_header h = header_sample();
    struct segment_header back;
    uint8_t bytes[SEGMENT_HEADER_BYTES];

    segment_encode(&h, bytes);
    CHECK_INT(segment_decode(&back, bytes, 3), 0);
    CHECK(back.base && back.feature_level == 3 && back.number == h.number);
    CHECK(back.file_bytes == 4096 && back.born_bytes == 120 && back.before_sequence == 99);
    CHECK(back.before_crc == h.before_crc && back.crc == h.crc);
    CHECK_MEM(back.id, h.id, JOURNAL_ID_SIZE);
}

TEST(test_header_of_a_later_writer_is_a_version)
{
    struct segment_header h = header_sample();
    struct segment_header back;
    uint8_t bytes[SEGMENT_HEADER_BYTES];

    segment_encode(&h, bytes);
    CHECK_INT(segment_decode(&back, bytes, 2), ERR_VERSION);
    store_u16(bytes + 8, JOURNAL_FORMAT_VERSION + 1);
    store_u32(bytes + 76, crc32c(0, bytes, 76));
    CHECK_INT(segment_decode(&back, bytes, 3), ERR_VERSION);
}

TEST(test_any_flip_in_a_header_is_damage)
{
    struct segment_header h = header_sample();
    struct segment_header back;
    uint8_t bytes[SEGMENT_HEADER_BYTES];

    segment_encode(&h, bytes);
    for (size_t bit = 0; bit < 8 * sizeof(bytes); bit++) {
        bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
        CHECK_INT(segment_decode(&back, bytes, 3), ERR_DAMAGED);
        bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
}

TEST(test_names)
{
    char name[SEGMENT_NAME_SIZE];

    segment_name(0xabc, name);
    CHECK_STR(name, "0000000000000abc.seg");
    CHECK_INT(segment_number(name), 0xabc);
    CHECK_INT(segment_number("0000000000000ABC.seg"), 0);
    CHECK_INT(segment_number("0000000000000abc.seg.torn"), 0);
    CHECK_INT(segment_number("000000000000abc.seg"), 0);
    CHECK_INT(segment_number("000000000000zabc.seg"), 0);
    CHECK_INT(segment_number("reserve"), 0);
    CHECK_INT(segment_number(""), 0);
}

TEST(test_record_comes_back_and_any_flip_is_seen)
{
    uint8_t bytes[64];
    struct record r;
    const size_t whole = record_bytes(5);

    CHECK_INT(whole, 40);
    memset(bytes, 0xff, sizeof(bytes));
    record_encode(bytes, 7, bytes_of_text("hello"));
    uint32_t crc = record_seal(bytes, 0x1234, 0x5678, 10, 8);
    CHECK(record_head(&r, bytes, 100, 0x1234) && record_intact(bytes, 5, 0x1234));
    CHECK(r.crc == crc && r.length == 5 && r.type == 7 && r.chain == 0x5678);
    CHECK(r.sequence == 10 && r.synced == 8);
    CHECK_MEM(bytes + 32, "hello\0\0\0\xff", 9);
    CHECK(!record_intact(bytes, 5, 0x1235));
    CHECK(!record_head(&r, bytes, 4, 0x1234));
    for (size_t bit = 0; bit < 8 * whole; bit++) {
        bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
        CHECK(!record_head(&r, bytes, 5, 0x1234) || !record_intact(bytes, 5, 0x1234));
        bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
}

TEST(test_zeroes_are_no_record)
{
    const uint8_t zero[RECORD_HEAD_BYTES] = {0};
    struct record r;

    CHECK(!record_head(&r, zero, 100, 0));
    CHECK(!record_head(&r, zero, 100, 0x1234));
}

TEST(test_only_a_mark_speaks_of_itself)
{
    uint8_t bytes[RECORD_HEAD_BYTES];
    struct record r;

    record_encode(bytes, RECORD_TYPE_MARK, (struct bytes){NULL, 0});
    record_seal(bytes, 1, 2, 10, 10);
    CHECK(record_head(&r, bytes, 0, 1) && record_intact(bytes, 0, 1));
    record_seal(bytes, 1, 2, 10, 9);
    CHECK(!record_head(&r, bytes, 0, 1));
    record_encode(bytes, 5, (struct bytes){NULL, 0});
    record_seal(bytes, 1, 2, 10, 10);
    CHECK(!record_head(&r, bytes, 0, 1));
}

TEST_MAIN(test_header_is_as_drawn, test_header_comes_back,
          test_header_of_a_later_writer_is_a_version, test_any_flip_in_a_header_is_damage,
          test_names, test_record_comes_back_and_any_flip_is_seen, test_zeroes_are_no_record,
          test_only_a_mark_speaks_of_itself)
