/* What comes from the local network, whoever sent it: damaged, and whole. */
#include "core/wire/beacon.h"

#include <string.h>

#include "tests/fuzz/fuzz.h"
#include "tests/lib/seal_beacon.h"

static const uint8_t here[BEACON_ADDRESS_SIZE] = {10, 77};

static int beacon_again(struct bytes in, struct buf *out)
{
    const struct digest key = {{7}};
    struct beacon_text m;
    uint8_t packet[BEACON_SIZE];
    memset(&m, fuzz.fill, sizeof m);
    int rc = beacon_read(&key, in, here, &m);
    if (rc < 0)
        return rc;
    beacon_make(&key, in.data, here, &m, packet);
    put_raw(out, packet, sizeof packet);
    return buf_result(out);
}

/* By somebody of the mesh, who may make a tag for anything. */
static int sealed_again(struct bytes in, struct buf *out)
{
    const struct digest key = {{7}};
    uint8_t packet[BEACON_SIZE];
    if (in.len != sizeof packet)
        return ERR_FORMAT;
    memcpy(packet, in.data, sizeof packet);
    seal_beacon(&key, here, packet);
    return beacon_again((struct bytes){packet, sizeof packet}, out);
}

static void make_beacon(struct buf *out)
{
    const struct digest key = {{7}}, salt = any_digest(), node = any_digest();
    struct beacon_text m = {.port = (uint16_t)(1 + any_below(65535))};
    uint8_t packet[BEACON_SIZE];
    memcpy(m.node, node.bytes, sizeof m.node);
    beacon_make(&key, salt.bytes, here, &m, packet);
    put_raw(out, packet, sizeof packet);
}

TEST(damaged_beacons_are_refused)
{
    static const struct codec codecs[] = {
        {"beacon", beacon_again, make_beacon, true, 20000},
        {"beacon of the mesh", sealed_again, make_beacon, false, 20000},
    };
    fuzz_codecs(codecs, sizeof codecs / sizeof *codecs);
}

TEST_MAIN(damaged_beacons_are_refused)
