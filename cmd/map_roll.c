#include "cmd/map_roll.h"

#define SPAN_LEAVES 64    /* tell how long leaves take */
#define SLOTS_SUPPOSED 64 /* how many share them this command does not know */
#define ROLLED_US (100.0 * MS_US)

void map_roll_ended(struct map_roll *r, uint64_t leaves, struct instant now)
{
    r->leaves += leaves;
    if (r->leaves < SPAN_LEAVES)
        return;
    r->leaf_us = ((double)instant_since_us(now, r->began) + 1) / (double)r->leaves;
    r->leaves = 0;
    r->began = now;
}

bool map_roll_takes(const struct map_roll *r, uint64_t leaves)
{
#if VELUM_PLANT == 748 /* unit/test_map: inputs of long leaves are rolled */
    return leaves > 1;
#endif
    return leaves > 1 && r->leaf_us > 0 &&
           (double)leaves * r->leaf_us * SLOTS_SUPPOSED <= ROLLED_US;
}
