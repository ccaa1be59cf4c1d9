#include "core/base/crc32c.h"
#include "tests/lib/check.h"

/* One bit at a time, straight from the polynomial. */
static uint32_t slow_crc(const uint8_t *p, size_t len)
{
    uint32_t crc = 0xffffffff;
    for (size_t i = 0; i < len; i++) {
        crc ^= p[i];
        for (int bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ (crc & 1 ? 0x82f63b78u : 0);
    }
    return ~crc;
}

/* RFC 3720 appendix B.4. */
TEST(test_known_vectors)
{
    uint8_t data[32];
    CHECK_INT(crc32c(0, "123456789", 9), 0xe3069283);
    CHECK_INT(crc32c(0, "", 0), 0);
    memset(data, 0, 32);
    CHECK_INT(crc32c(0, data, 32), 0x8a9136aa);
    memset(data, 0xff, 32);
    CHECK_INT(crc32c(0, data, 32), 0x62a8ab43);
    for (size_t i = 0; i < 32; i++)
        data[i] = (uint8_t)i;
    CHECK_INT(crc32c(0, data, 32), 0x46dd794e);
    for (size_t i = 0; i < 32; i++)
        data[i] = (uint8_t)(31 - i);
    CHECK_INT(crc32c(0, data, 32), 0x113fdb5c);
}

/* Every single byte at every place of an eight-byte step reads every entry of every table. */
TEST(test_every_table_entry)
{
    for (size_t at = 0; at < 8; at++) {
        for (unsigned v = 0; v < 256; v++) {
            uint8_t data[8] = {0};
            data[at] = (uint8_t)v;
            CHECK_INT(crc32c_portable(0, data, 8), slow_crc(data, 8));
            CHECK_INT(crc32c(0, data, 8), slow_crc(data, 8));
        }
    }
}

TEST(test_lengths_offsets_and_cuts)
{
    uint8_t data[80];
    for (size_t i = 0; i < sizeof data; i++)
        data[i] = (uint8_t)(i * i + 3);
    for (size_t from = 0; from < 8; from++)
        for (size_t len = 0; from + len <= sizeof data; len++) {
            CHECK_INT(crc32c(0, data + from, len), slow_crc(data + from, len));
            CHECK_INT(crc32c_portable(0, data + from, len), slow_crc(data + from, len));
        }
    uint32_t whole = slow_crc(data, sizeof data);
    for (size_t cut = 0; cut <= sizeof data; cut++)
        CHECK_INT(crc32c(crc32c(0, data, cut), data + cut, sizeof data - cut), whole);
}

TEST_MAIN(test_known_vectors, test_every_table_entry, test_lengths_offsets_and_cuts)
