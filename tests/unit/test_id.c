#include "core/base/err.h"
#include "core/base/id.h"
#include "tests/lib/check.h"

static struct node_id counting_id(void)
{
    struct node_id id;
    for (size_t i = 0; i < ID_SIZE; i++)
        id.bytes[i] = (uint8_t)(0xf0 + i);
    return id;
}

TEST(test_hex_and_back)
{
    struct node_id id = counting_id();
    struct node_id back;
    char hex[ID_HEX_SIZE];
    id_hex(id.bytes, 64, hex);
    CHECK_STR(hex, "f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff000102030405060708090a0b0c0d0e0f");
    CHECK_INT(id_parse_prefix(hex, back.bytes), 64);
    CHECK(node_id_equal(id, back));
    id_hex(id.bytes, 5, hex);
    CHECK_STR(hex, "f0f1f");
    id_hex(id.bytes, 0, hex);
    CHECK_STR(hex, "");
}

TEST(test_prefixes_of_every_length)
{
    struct node_id id = counting_id();
    for (size_t n = 1; n <= 64; n++) {
        char hex[ID_HEX_SIZE];
        uint8_t prefix[ID_SIZE];
        id_hex(id.bytes, n, hex);
        CHECK_INT(id_parse_prefix(hex, prefix), n);
        CHECK(id_has_prefix(id.bytes, prefix, n));
        hex[n - 1] = hex[n - 1] == '0' ? '1' : '0';
        CHECK_INT(id_parse_prefix(hex, prefix), n);
        CHECK(!id_has_prefix(id.bytes, prefix, n));
    }
}

TEST(test_what_is_no_prefix)
{
    uint8_t to[ID_SIZE];
    char long_text[66];
    memset(long_text, 'a', 65);
    long_text[65] = '\0';
    CHECK_INT(id_parse_prefix(long_text, to), ERR_FORMAT);
    CHECK_INT(id_parse_prefix("", to), ERR_FORMAT);
    CHECK_INT(id_parse_prefix("12g4", to), ERR_FORMAT);
    CHECK_INT(id_parse_prefix("-1", to), ERR_FORMAT);
    CHECK_INT(id_parse_prefix("12 ", to), ERR_FORMAT);
    CHECK_INT(id_parse_prefix("AbC", to), 3);
    CHECK(to[0] == 0xab && to[1] == 0xc0 && to[2] == 0);
}

TEST(test_order_and_zero)
{
    struct node_id a = {{0}};
    struct node_id b = {{0}};
    CHECK(node_id_is_zero(a));
    b.bytes[31] = 1;
    CHECK(!node_id_is_zero(b));
    CHECK(node_id_compare(a, b) < 0 && node_id_compare(b, a) > 0 && node_id_compare(b, b) == 0);
    a.bytes[0] = 0x80; /* bytes compare as unsigned */
    CHECK(node_id_compare(a, b) > 0);
    struct job_id x = {{1}};
    struct job_id y = {{2}};
    CHECK(!job_id_equal(x, y) && job_id_equal(x, x) && job_id_compare(x, y) < 0);
}

TEST(test_encoding)
{
    uint8_t raw[96];
    struct buf b;
    buf_init_fixed(&b, raw, sizeof raw);
    put_node_id(&b, counting_id());
    put_job_id(&b, (struct job_id){{5}});
    put_digest(&b, (struct digest){{6}});
    CHECK_INT(b.len, 96);
    struct reader r = reader_of(buf_bytes(&b));
    CHECK(node_id_equal(read_node_id(&r), counting_id()));
    CHECK(job_id_equal(read_job_id(&r), (struct job_id){{5}}));
    CHECK(digest_equal(read_digest(&r), (struct digest){{6}}));
    CHECK(reader_done(&r));
    CHECK(node_id_is_zero(read_node_id(&r)));
    CHECK(r.failed);
}

TEST_MAIN(test_hex_and_back, test_prefixes_of_every_length, test_what_is_no_prefix,
          test_order_and_zero, test_encoding)
