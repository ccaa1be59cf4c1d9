/* Finds nodes of the same mesh on the local networks, by datagrams to a group (core/wire/beacon.h):
 * says where this node listens, and hears others. Only while it listens off loopback.
 *
 *     UDP port 8001, groups 239.255.86.76 and ff12::56:454c:554d, one hop
 *
 * Says so at the start, then after 1 s, 2 s and so on to 30 s, a little earlier or later each time,
 * and soon after it has heard of a node that is not known. Owns its sockets and alarms. What comes
 * in is bounded by heard.h, and what is heard is a hint and nothing else. Interfaces come and go:
 * they are looked for again every minute, and when something cannot be sent. */
#ifndef VELUM_HOST_BEACON_H
#define VELUM_HOST_BEACON_H

#include "core/host/address.h"
#include "core/host/loop.h"
#include "core/wire/beacon.h"

#define BEACON_PORT 8001
#define BEACON_GROUP_V4 0xEFFF564C /* 239.255.86.76 */

struct beacon;

struct beacon_parts { /* borrowed: the loop and ctx */
    struct loop *loop;
    struct digest mesh;
    struct node_id self;
    struct address bound;
    void *ctx;
    bool (*knows)(void *ctx, const uint8_t node[BEACON_NODE_SIZE]);
    void (*hint)(void *ctx, const char *addr);
};

/* ERR_SYSTEM where there is no multicast: neither by IPv4 nor by IPv6. */
int beacon_new(struct beacon **out, const struct beacon_parts *parts);
void beacon_free(struct beacon *b);

#endif
