/* What a node says on its local network. */
#include "core/wire/beacon.h"

#include <string.h>

#include "core/base/err.h"
#include "core/base/hmac.h"

#include "tests/lib/check.h"
#include "tests/lib/seal_beacon.h"

static const struct digest mesh = {{1, 2, 3}}, other_mesh = {{1, 2, 4}};
static const uint8_t here[BEACON_ADDRESS_SIZE] = {10, 77, 1}, elsewhere[BEACON_ADDRESS_SIZE] = {9};

static void make(const struct digest *of, uint8_t salt, uint8_t to[BEACON_SIZE])
{
    const struct digest key = beacon_key(of);
    const struct beacon_text text = {.port = 8003, .node = {1, 2, 3, 4, 5, 6, 7, 8}};
    uint8_t salts[BEACON_SALT_SIZE];
    memset(salts, salt, sizeof salts);
    salts[0] = (uint8_t)(salt * 7);
    beacon_make(&key, salts, here, &text, to);
}

static int take(const struct digest *of, const uint8_t *packet, size_t len, const uint8_t *from,
                struct beacon_text *to)
{
    const struct digest key = beacon_key(of);
    return beacon_read(&key, (struct bytes){packet, len}, from, to);
}

/* RFC 4231, test case 2, with the key in a block of zeros as HMAC itself has it. */
TEST(the_hash_with_a_key_is_that_of_the_standard)
{
    const struct digest key = {{'J', 'e', 'f', 'e'}};
    const struct digest sum = hmac_sha256(&key, bytes_of_text("what do ya want for nothing?"));
    char text[65];
    id_hex(sum.bytes, 64, text);
    CHECK_STR(text, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
}

TEST(a_beacon_is_read_in_its_mesh_only)
{
    uint8_t packet[BEACON_SIZE];
    struct beacon_text said = {0};
    make(&mesh, 1, packet);
    CHECK_INT(take(&mesh, packet, sizeof packet, here, &said), 0);
    CHECK_INT(said.port, 8003);
    CHECK_INT(said.node[7], 8);
    CHECK_INT(take(&other_mesh, packet, sizeof packet, here, &said), ERR_SIGNATURE);
    for (size_t len = 0; len < sizeof packet; len++)
        CHECK_INT(take(&mesh, packet, len, here, &said), ERR_FORMAT);
    for (size_t bit = 0; bit < 8 * sizeof packet; bit++) {
        packet[bit / 8] ^= (uint8_t)(1u << bit % 8);
        CHECK_INT(take(&mesh, packet, sizeof packet, here, &said), ERR_SIGNATURE);
        packet[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
}

TEST(one_sent_again_from_elsewhere_is_none)
{
    uint8_t packet[BEACON_SIZE];
    struct beacon_text said = {0};
    make(&mesh, 1, packet);
    CHECK_INT(take(&mesh, packet, sizeof packet, elsewhere, &said), ERR_SIGNATURE);
}

/* What is hidden is changed by changing its cover, and the tag is right again. */
static int take_changed(size_t at, uint8_t by)
{
    const struct digest key = beacon_key(&mesh);
    uint8_t packet[BEACON_SIZE];
    struct beacon_text said = {0};
    make(&mesh, 1, packet);
    packet[BEACON_SALT_SIZE + at] ^= by;
    seal_beacon(&key, here, packet);
    return take(&mesh, packet, sizeof packet, here, &said);
}

TEST(what_somebody_of_the_mesh_says_is_read_in_this_form_only)
{
    CHECK_INT(take_changed(0, 0), 0);
    CHECK_INT(take_changed(8, 0xff), 0); /* another node */
    CHECK_INT(take_changed(2, 1 ^ 2), ERR_VERSION);
    for (size_t at = 3; at < 8; at++)
        CHECK_INT(take_changed(at, 1), ERR_FORMAT);
}

TEST(no_node_listens_at_port_zero)
{
    const struct digest key = beacon_key(&mesh);
    const struct beacon_text text = {.port = 0};
    const uint8_t salt[BEACON_SALT_SIZE] = {1};
    uint8_t packet[BEACON_SIZE];
    struct beacon_text said = {0};
    beacon_make(&key, salt, here, &text, packet);
    CHECK_INT(take(&mesh, packet, sizeof packet, here, &said), ERR_FORMAT);
}

/* Whatever stays the same from one to the next would tell whose it is. */
TEST(who_does_not_know_the_mesh_sees_noise)
{
    uint8_t first[BEACON_SIZE], next[BEACON_SIZE];
    bool same[BEACON_SIZE];
    uint32_t ones = 0, stay = 0;
    memset(same, true, sizeof same);
    make(&mesh, 0, first);
    for (uint32_t i = 1; i < 200; i++) {
        make(&mesh, (uint8_t)i, next);
        for (size_t k = 0; k < sizeof next; k++) {
            same[k] = same[k] && next[k] == first[k];
            if (k >= BEACON_SALT_SIZE)
                ones += (uint32_t)__builtin_popcount(next[k]);
        }
    }
    for (size_t k = 0; k < sizeof same; k++)
        stay += same[k];
    CHECK_INT(stay, 0);
    const uint32_t half = 199 * 4 * (BEACON_SIZE - BEACON_SALT_SIZE);
    CHECK(ones > half - half / 20 && ones < half + half / 20);
}

TEST_MAIN(the_hash_with_a_key_is_that_of_the_standard, a_beacon_is_read_in_its_mesh_only,
          what_somebody_of_the_mesh_says_is_read_in_this_form_only, no_node_listens_at_port_zero,
          one_sent_again_from_elsewhere_is_none, who_does_not_know_the_mesh_sees_noise)
