/* SHA-512 against the examples of its standard and, at every length around its blocks, another
 * implementation. */
#include "core/base/sha256.h"
#include "core/base/sha512.h"
#include "tests/lib/check.h"

static void check_hex(const uint8_t *bytes, size_t count, const char *expected)
{
    char hex[2 * SHA512_SIZE + 1];
    for (size_t i = 0; i < count; i++)
        snprintf(hex + 2 * i, 3, "%02x", bytes[i]);
    CHECK_STR(hex, expected);
}

static void check_text(const char *text, const char *expected)
{
    uint8_t out[SHA512_SIZE];
    sha512_of(text, strlen(text), out);
    check_hex(out, sizeof out, expected);
}

/* FIPS 180-4 examples. */
TEST(test_known_vectors)
{
    check_text("", "cf83e1357eefb8bdf1542850d66d8007d620e4050b5715dc83f4a921d36ce9ce"
                   "47d0d13c5d85f2b0ff8318d2877eec2f63b931bd47417a81a538327af927da3e");
    check_text("abc", "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
                      "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f");
    check_text(
        "abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmnhijklmnoijklmnopjklmnopqklmn"
        "opqrlmnopqrsmnopqrstnopqrstu",
        "8e959b75dae313da8cf4f72814fc143f8f7779c6eb9f7fa17299aeadb6889018"
        "501d289e4900f7e4331b99dec4b5433ac7d329eeb6dd26545e96e55b874be909");
}

/* Digests of "x" n times for every n to 400, folded into one. */
TEST(test_every_length_around_a_block)
{
    char x[400];
    struct sha256 all;
    memset(x, 'x', sizeof x);
    sha256_init(&all);
    for (size_t n = 0; n <= sizeof x; n++) {
        uint8_t out[SHA512_SIZE];
        sha512_of(x, n, out);
        sha256_add(&all, out, sizeof out);
    }
    const struct digest d = sha256_end(&all);
    check_hex(d.bytes, sizeof d.bytes,
              "457596daf5f1e6e2ead5296f156b162e6ac12ee1a10f6372dc6c38e9fbb29cb0");
}

TEST_MAIN(test_known_vectors, test_every_length_around_a_block)
