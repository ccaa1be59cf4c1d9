/* How much of what is said on the local network is listened to. */
#include "core/host/heard.h"

#include <string.h>

#include "tests/lib/check.h"

static const uint8_t here[BEACON_ADDRESS_SIZE] = {10, 77, 1}, elsewhere[BEACON_ADDRESS_SIZE] = {9};

static void address(uint32_t i, uint8_t to[BEACON_ADDRESS_SIZE])
{
    memset(to, 0, BEACON_ADDRESS_SIZE);
    store_u32(to, i);
}

TEST(a_flood_is_looked_at_64_times_a_second_and_8_times_of_one_source)
{
    struct heard h = {0};
    const struct instant now = {1000 * S_US};
    struct instant until;
    uint8_t from[BEACON_ADDRESS_SIZE];
    uint32_t looks = 0, reads = 0;
    for (uint32_t i = 0; i < 100; i++) {
        reads += heard_may_read(&h, now, &until);
        looks += heard_looks(&h, here, now);
    }
    CHECK_INT(reads, HEARD_LOOKS_MAX);
    CHECK_INT(looks, HEARD_LOOKS_SOURCE_MAX);
    CHECK_INT(until.us, now.us + S_US);
    CHECK(heard_may_read(&h, until, &until));
    CHECK(heard_looks(&h, here, instant_plus_us(now, S_US)));
    memset(&h, 0, sizeof h);
    for (reads = 0; heard_may_read(&h, now, &until); reads++) {
        address(reads, from);
        (void)heard_looks(&h, from, now);
    }
    CHECK_INT(reads, HEARD_LOOKS_MAX);
}

TEST(hints_are_16_a_minute_and_4_of_one_source_and_one_of_a_node)
{
    struct heard h = {0};
    struct instant now = {1000 * S_US};
    uint8_t from[BEACON_ADDRESS_SIZE], node[BEACON_NODE_SIZE] = {0};
    uint32_t hints = 0;
    CHECK(heard_hints(&h, node, here, now));
    CHECK(!heard_hints(&h, node, elsewhere, now));
    for (uint32_t i = 1; i < 50; i++) {
        store_u32(node, i);
        hints += heard_hints(&h, node, here, now);
    }
    CHECK_INT(hints, HEARD_HINTS_SOURCE_MAX - 1);
    for (uint32_t i = 50; i < 100; i++) {
        store_u32(node, i);
        address(i, from);
        hints += heard_hints(&h, node, from, now);
    }
    CHECK_INT(hints, HEARD_HINTS_MAX - 1);
    now = instant_plus_us(now, 60 * S_US);
    CHECK(heard_hints(&h, node, here, now));
}

TEST_MAIN(a_flood_is_looked_at_64_times_a_second_and_8_times_of_one_source,
          hints_are_16_a_minute_and_4_of_one_source_and_one_of_a_node)
