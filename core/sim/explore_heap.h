/* Memory of one simulated node, in one block at one address, so that it can be put aside and put
 * back as it was; and a digest of what it means.
 *
 * The digest follows pointers from a root in the order in which they are met, so it does not depend
 * on where things lie, nor on what was freed. Words that look like a pointer into the block are
 * pointers, and words close to EXPLORE_CLOCK are instants, which count as seen from the node's own
 * clock: both are values that nothing else has. All other bytes count as they are.
 *
 * Called by explore_part.c and explore.c. */
#ifndef VELUM_SIM_EXPLORE_HEAP_H
#define VELUM_SIM_EXPLORE_HEAP_H

#include "core/base/alloc.h"

#include <stdbool.h>
#include <stdint.h>

#define EXPLORE_HEAP_BYTES (1u << 20)
#define EXPLORE_CLOCK ((int64_t)1 << 61) /* when each node's clock begins */

struct explore_heap {
    const struct alloc *given;
    struct alloc alloc; /* give this to the node */
    uint8_t *base;      /* EXPLORE_HEAP_BYTES of it */
    uint32_t *order;    /* scratch of the digest: when each block was met */
    uint32_t *blocks;   /* scratch: those met */
    uint32_t stamp;
    bool full;
};

/* 0 or ERR_NO_MEMORY. The heap must not move afterwards. */
int explore_heap_init(struct explore_heap *h, const struct alloc *a);
void explore_heap_clear(struct explore_heap *h);
/* As after init. */
void explore_heap_reset(struct explore_heap *h);
/* How many bytes from base on may differ from zero. */
uint32_t explore_heap_used(const struct explore_heap *h);
void explore_heap_digest(struct explore_heap *h, const void *root, int64_t now, uint64_t out[2]);

#endif
