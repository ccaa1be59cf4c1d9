/* The local networks this machine is on: interfaces that are up, know groups and are not loopback.
 * Called by beacon.c. */
#ifndef VELUM_HOST_NETWORKS_H
#define VELUM_HOST_NETWORKS_H

#include <net/if.h>

#include "core/host/address.h"

#define NETWORKS_MAX 16 /* the system lets one socket join 20 groups */

struct network {
    unsigned index;
    char name[IF_NAMESIZE];
    bool has_v4, has_v6;
    /* Where others on it reach who listens on `bound`: its first IPv4 address, and its link-local
     * one, or `bound` itself. len 0: not by that. */
    struct address v4, v6;
};

/* How many there are; those beyond are left out. */
uint32_t networks_list(const struct address *bound, struct network list[NETWORKS_MAX]);

#endif
