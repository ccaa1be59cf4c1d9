/* A mesh that is there at once: each node is told of all others as the whole table of a first
 * contact would, from which it was then parted, without the N^2 log N rumors of a mesh's growth.
 * Called by scale_net.c and scatter_net.c. */
#ifndef VELUM_SIM_SCALE_KNOWN_H
#define VELUM_SIM_SCALE_KNOWN_H

#include <stdint.h>

#include "core/base/alloc.h"
#include "core/mesh/mesh.h"

struct scale_known {
    void *ctx;
    uint32_t count; /* >= 2 nodes, 0 to count - 1 */
    const struct member_info *(*info)(void *ctx, uint32_t node);
    /* Hands a node a frame of its contact's. HELLO comes first, and for it the link is up; GOODBYE
     * is the last. */
    void (*give)(void *ctx, uint32_t node, uint32_t contact, uint8_t type, struct bytes payload);
};

/* 0 or ERR_NO_MEMORY. */
int scale_know_all(const struct alloc *a, const struct scale_known *k);

#endif
