/* Memory for many runs one after the other. What is given back is kept, by size, for the next who
 * asks for as much, so a run asks the allocator below it only now and then.
 *
 * Owns what it has taken from below until sim_pool_clear. It hides from a checker of memory what
 * happens inside: whoever looks for such faults gives a run the allocator below. */
#ifndef VELUM_SIM_SIM_POOL_H
#define VELUM_SIM_SIM_POOL_H

#include "core/base/alloc.h"

#define SIM_POOL_STEP 32u /* bytes: sizes are told apart so finely */
#define SIM_POOL_LARGEST 2048u

struct sim_pool {
    struct alloc alloc; /* to be given to runs; its context is the pool, which stays in its place */
    const struct alloc *below;
    struct sim_pool_block *free[SIM_POOL_LARGEST / SIM_POOL_STEP];
    struct sim_pool_chunk *chunks;
    unsigned char *rest; /* of the newest chunk */
    size_t rest_bytes;
};

void sim_pool_init(struct sim_pool *p, const struct alloc *below);
/* All runs must have ended. */
void sim_pool_clear(struct sim_pool *p);

#endif
