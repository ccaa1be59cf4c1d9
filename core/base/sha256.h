/* SHA-256 (FIPS 180-4). Portable; the core needs it on boards too, where there is no OpenSSL. */
#ifndef VELUM_BASE_SHA256_H
#define VELUM_BASE_SHA256_H

#include <stddef.h>
#include <stdint.h>

#include "core/base/id.h"

struct sha256 {
    uint32_t state[8];
    uint64_t total_bytes;
    uint8_t block[64];
};

void sha256_init(struct sha256 *s);
void sha256_add(struct sha256 *s, const void *data, size_t len);
struct digest sha256_end(struct sha256 *s);
struct digest sha256_of(const void *data, size_t len);
/* Both, the same number of bytes each: little longer than one of them where the processor has
 * instructions for it and neither has half a block inside. */
void sha256_add_two(struct sha256 *a, const void *x, struct sha256 *b, const void *y, size_t len);
/* Blocks of 64 bytes into the state, by the processor's instructions where it has them; and
 * without, which only tests call. */
void sha256_blocks(uint32_t state[8], const uint8_t *blocks, size_t count);
void sha256_blocks_portable(uint32_t state[8], const uint8_t *blocks, size_t count);

#endif
