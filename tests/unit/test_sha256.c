#include "core/base/prng.h"
#include "core/base/sha256.h"
#include "tests/lib/check.h"

static void check_hex(struct digest d, const char *expected)
{
    char hex[ID_HEX_SIZE];
    id_hex(d.bytes, 64, hex);
    CHECK_STR(hex, expected);
}

/* FIPS 180-4 examples and RFC 6234 section 8.5. */
TEST(test_known_vectors)
{
    static const char two_blocks[] = "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq";
    check_hex(sha256_of("", 0), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    check_hex(sha256_of("abc", 3),
              "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    check_hex(sha256_of(two_blocks, sizeof two_blocks - 1),
              "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
}

TEST(test_million_times_a)
{
    static char a[1000];
    memset(a, 'a', sizeof a);
    struct sha256 s;
    sha256_init(&s);
    for (int i = 0; i < 1000; i++)
        sha256_add(&s, a, sizeof a);
    check_hex(sha256_end(&s), "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

/* Lengths around the padding border, where mistakes live: digest of "x" n times for every n to 200,
 * folded into one; the expected value comes from another implementation. */
TEST(test_every_length_around_a_block)
{
    char x[200];
    memset(x, 'x', sizeof x);
    struct sha256 all;
    sha256_init(&all);
    for (size_t n = 0; n <= 200; n++) {
        struct digest d = sha256_of(x, n);
        sha256_add(&all, d.bytes, sizeof d.bytes);
    }
    check_hex(sha256_end(&all), "2e9fcf76499976b60177466c31b8ab5caa7d4c6dd8dd97c8ce7b574af689ec94");
}

TEST(test_split_anywhere_is_the_same)
{
    uint8_t data[300];
    for (size_t i = 0; i < sizeof data; i++)
        data[i] = (uint8_t)(i * 7);
    struct digest whole = sha256_of(data, sizeof data);
    for (size_t cut = 0; cut <= sizeof data; cut++) {
        struct sha256 s;
        sha256_init(&s);
        sha256_add(&s, data, cut);
        sha256_add(&s, data + cut, 0);
        sha256_add(&s, data + cut, sizeof data - cut);
        CHECK(digest_equal(sha256_end(&s), whole));
    }
}

TEST(test_instructions_and_portable_code_agree)
{
    struct prng p;
    prng_init(&p, 256);
    for (int i = 0; i < 10000; i++) {
        uint32_t a[8], b[8];
        uint8_t block[64 * 3];
        size_t count = 1 + (size_t)i % 3;
        for (int k = 0; k < 8; k++)
            a[k] = b[k] = (uint32_t)prng_u64(&p);
        for (size_t k = 0; k < sizeof block; k++)
            block[k] = (uint8_t)prng_u64(&p);
        sha256_blocks(a, block, count);
        sha256_blocks_portable(b, block, count);
        CHECK(memcmp(a, b, sizeof a) == 0);
    }
}

TEST(test_two_at_once_are_as_two_alone)
{
    static uint8_t x[700], y[700];
    struct prng p;
    prng_init(&p, 257);
    for (size_t i = 0; i < sizeof x; i++) {
        x[i] = (uint8_t)prng_u64(&p);
        y[i] = (uint8_t)prng_u64(&p);
    }
    for (size_t len = 0; len <= 260; len++) {
        for (size_t before = 0; before <= 128; before += 32) {
            struct sha256 a, b;
            sha256_init(&a);
            sha256_init(&b);
            sha256_add(&a, x, before);
            sha256_add(&b, y, 64);
            sha256_add_two(&a, x + before, &b, y + 64, len);
            sha256_add_two(&a, x + before + len, &b, y + 64 + len, 100);
            CHECK(digest_equal(sha256_end(&a), sha256_of(x, before + len + 100)));
            CHECK(digest_equal(sha256_end(&b), sha256_of(y, 64 + len + 100)));
        }
    }
}

TEST_MAIN(test_two_at_once_are_as_two_alone, test_known_vectors,
          test_instructions_and_portable_code_agree, test_million_times_a,
          test_every_length_around_a_block, test_split_anywhere_is_the_same)
