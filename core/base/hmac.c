#include "core/base/hmac.h"

#include <string.h>

#include "core/base/sha256.h"

#define BLOCK_SIZE 64

static void begin(struct sha256 *s, const struct digest *key, uint8_t pad)
{
    uint8_t block[BLOCK_SIZE];
    memset(block, pad, sizeof block);
    for (size_t i = 0; i < sizeof key->bytes; i++)
        block[i] ^= key->bytes[i];
    sha256_init(s);
    sha256_add(s, block, sizeof block);
}

struct digest hmac_sha256(const struct digest *key, struct bytes text)
{
    struct sha256 s;
    begin(&s, key, 0x36);
    sha256_add(&s, text.data, text.len);
    const struct digest inner = sha256_end(&s);
    begin(&s, key, 0x5c);
    sha256_add(&s, inner.bytes, sizeof inner.bytes);
    return sha256_end(&s);
}
