/* Makes the tag of a beacon right again after the rest was changed, by the drawing in
 * core/wire/beacon.h. Header only. */
#ifndef VELUM_TESTS_SEAL_BEACON_H
#define VELUM_TESTS_SEAL_BEACON_H

#include <string.h>

#include "core/base/hmac.h"
#include "core/wire/beacon.h"

static inline void seal_beacon(const struct digest *key, const uint8_t address[BEACON_ADDRESS_SIZE],
                               uint8_t packet[BEACON_SIZE])
{
    uint8_t asked[4 + 32 + BEACON_ADDRESS_SIZE] = {'t', 'a', 'g', '.'};
    memcpy(asked + 4, packet, 32);
    memcpy(asked + 4 + 32, address, BEACON_ADDRESS_SIZE);
    const struct digest tag = hmac_sha256(key, (struct bytes){asked, sizeof asked});
    memcpy(packet + 32, tag.bytes, 16);
}

#endif
