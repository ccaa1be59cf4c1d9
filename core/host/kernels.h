/* The kernels a node starts with: built-ins first, then the plugins of a folder that a worker has
 * tried. Called by host.c and embedded.c. */
#ifndef VELUM_HOST_KERNELS_H
#define VELUM_HOST_KERNELS_H

#include "core/host/crew.h"
#include "core/node/node.h"

#define KERNELS_MAX 512

struct kernels {
    struct node_kernel *list;
    uint32_t count;
};

/* plugins "" for none. `refuse`: NULL, or why none of them may be loaded: then they are listed as
 * refused, and none is tried. < 0 with a sentence when the folder cannot be used.
 * Release with kernels_clear. */
int kernels_open(struct kernels *k, struct spawner *s, const char *plugins, const char *refuse,
                 char message[1280]);
void kernels_clear(struct kernels *k);

#endif
