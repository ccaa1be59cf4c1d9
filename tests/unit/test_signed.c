#include "core/base/err.h"
#include "core/base/sha256.h"
#include "core/wire/signed.h"
#include "tests/lib/check.h"

static uint8_t raw[80000];

static struct signed_bytes sample(uint8_t path_count)
{
    struct signed_bytes s = {.certificate = bytes_of_text("certificate")};
    s.body = bytes_of_text("body");
    memset(s.signature, 0x5a, sizeof s.signature);
    s.path_count = path_count;
    s.path_index = (uint16_t)((1u << path_count) - 1);
    for (size_t i = 0; i < path_count; i++)
        memset(s.path[i].bytes, (int)i, ID_SIZE);
    return s;
}

TEST(test_signed_round_trip_and_every_truncation)
{
    for (uint8_t count = 0; count <= SIGNED_PATH_MAX; count = (uint8_t)(count + 4)) {
        struct signed_bytes s = sample(count);
        struct signed_bytes got;
        struct buf b;
        buf_init_fixed(&b, raw, sizeof raw);
        put_signed(&b, &s);
        for (size_t n = 0; n <= b.len; n++) {
            struct reader r = reader_of((struct bytes){raw, n});
            read_signed(&r, &got);
            CHECK_INT(reader_done(&r), n == b.len);
        }
        CHECK(bytes_equal(got.certificate, s.certificate) && bytes_equal(got.body, s.body));
        CHECK_MEM(got.signature, s.signature, SIGNATURE_SIZE);
        CHECK_INT(got.path_count, count);
        CHECK_INT(got.path_index, count ? s.path_index : 0);
        CHECK_MEM(got.path, s.path, sizeof s.path[0] * count);
    }
}

TEST(test_signed_bounds)
{
    struct signed_bytes s = sample(0);
    struct signed_bytes got;
    struct buf b;
    static uint8_t big[SIGNED_BODY_MAX + 1];
    buf_init_fixed(&b, raw, sizeof raw);
    s.certificate = (struct bytes){big, CERTIFICATE_SIZE_MAX + 1};
    put_signed(&b, &s);
    CHECK_INT(buf_result(&b), ERR_TOO_LARGE);
    buf_reset(&b);
    s.certificate.len--;
    s.body = (struct bytes){big, SIGNED_BODY_MAX + 1};
    put_signed(&b, &s);
    CHECK_INT(buf_result(&b), ERR_TOO_LARGE);
    buf_reset(&b);
    s.body.len--;
    put_signed(&b, &s);
    struct reader r = reader_of(buf_bytes(&b));
    read_signed(&r, &got);
    CHECK(reader_done(&r));
    store_u16(raw, CERTIFICATE_SIZE_MAX + 1);
    r = reader_of(buf_bytes(&b));
    read_signed(&r, &got);
    CHECK(r.failed);

    s = sample(2);
    s.path_index = 4; /* a path of two has no third bit */
    buf_reset(&b);
    put_signed(&b, &s);
    r = reader_of(buf_bytes(&b));
    read_signed(&r, &got);
    CHECK(r.failed);
    s.path_count = SIGNED_PATH_MAX + 1;
    put_signed(&b, &s);
    CHECK_INT(buf_result(&b), ERR_TOO_LARGE);
}

TEST(test_signed_text_of_one_body)
{
    struct signed_bytes s = sample(0);
    uint8_t text[64];
    size_t domain = sizeof SIGNED_SPEC;
    CHECK_INT(signed_text(&s, SIGNED_SPEC, text), domain + 33);
    CHECK_MEM(text, SIGNED_SPEC, domain);
    CHECK_INT(text[domain], 0);
    struct digest d = sha256_of("body", 4);
    CHECK_MEM(text + domain + 1, d.bytes, ID_SIZE);
}

/* The tree as the header draws it, by plain recursion, to check the clever one. */
static struct digest slow_root(const struct digest *bodies, size_t count)
{
    uint8_t text[65] = {count > 1};
    if (count == 1) {
        memcpy(text + 1, bodies->bytes, ID_SIZE);
        return sha256_of(text, 33);
    }
    size_t half = 1;
    while (half * 2 < count)
        half *= 2;
    struct digest left = slow_root(bodies, half);
    struct digest right = slow_root(bodies + half, count - half);
    memcpy(text + 1, left.bytes, ID_SIZE);
    memcpy(text + 33, right.bytes, ID_SIZE);
    return sha256_of(text, 65);
}

TEST(test_every_path_of_every_list_leads_to_the_root)
{
    struct digest bodies[70];
    for (uint8_t i = 0; i < 70; i++)
        bodies[i] = sha256_of(&i, 1);
    for (size_t count = 2; count <= 70; count++) {
        struct digest root = slow_root(bodies, count);
        CHECK(digest_equal(signed_root(bodies, count), root));
        for (uint8_t i = 0; i < count; i++) {
            struct signed_bytes s = {.body = {&i, 1}};
            uint8_t text[64];
            signed_path(bodies, count, i, &s);
            size_t n = signed_text(&s, SIGNED_SPEC, text);
            CHECK_MEM(text + n - ID_SIZE, root.bytes, ID_SIZE);
            CHECK_INT(text[n - ID_SIZE - 1], 1);
        }
    }
}

TEST(test_a_path_proves_only_its_own_body)
{
    struct digest bodies[5];
    for (uint8_t i = 0; i < 5; i++)
        bodies[i] = sha256_of(&i, 1);
    struct digest root = signed_root(bodies, 5);
    uint8_t other = 3;
    struct signed_bytes s = {.body = {&other, 1}};
    uint8_t text[64];
    signed_path(bodies, 5, 2, &s);
    size_t n = signed_text(&s, SIGNED_SPEC, text);
    CHECK(memcmp(text + n - ID_SIZE, root.bytes, ID_SIZE) != 0);
    /* A list of one is a single body. */
    signed_path(bodies, 1, 0, &s);
    CHECK_INT(s.path_count, 0);
}

TEST(test_longest_list_has_a_path_of_sixteen)
{
    static struct digest bodies[65536];
    for (uint32_t i = 0; i < 65536; i++)
        memcpy(bodies[i].bytes, &i, sizeof i);
    struct signed_bytes s = {0};
    signed_path(bodies, 65536, 65535, &s);
    CHECK_INT(s.path_count, SIGNED_PATH_MAX);
    CHECK_INT(s.path_index, 65535);
}

TEST_MAIN(test_signed_round_trip_and_every_truncation, test_signed_bounds,
          test_signed_text_of_one_body, test_every_path_of_every_list_leads_to_the_root,
          test_a_path_proves_only_its_own_body, test_longest_list_has_a_path_of_sixteen)
