/* A small network of our own: one bridge, and for each place a network namespace joined to it by a
 * veth pair, 10.77.0.1 and up. The driver stands at the bridge. Trouble is made at the receiving
 * end, on the input hook: a packet dropped at the sender would fail its send, which no cable does.
 *
 * Nothing has a name outside: the namespaces are held by descriptors and by what runs in them, so
 * they are gone when those are. Uses ip, nft and ss, which it starts itself. */
#ifndef VELUM_CHAOS_NET_H
#define VELUM_CHAOS_NET_H

#include <stdbool.h>
#include <stdint.h>

#include "tests/chaos/driver/schedule.h"

#define NET_WHY_SIZE 256

struct net {
    bool open;
    uint32_t places;
    int ns[NODES_MAX];
};

/* Takes this process into namespaces of its own before anything else is done: user, where it is not
 * root; network; and for small disks mount, which a chroot has no use of. 0, or -1 with the reason
 * why this is refused here. */
int net_enter(bool disks, char why[NET_WHY_SIZE]);
/* The bridge and the places. 0 or -1 with a reason. */
int net_open(struct net *n, uint32_t places, char why[NET_WHY_SIZE]);
void net_close(struct net *n);
/* The namespace of a place, or -1 where there is no net. */
int net_of(const struct net *n, uint32_t place);
/* No packet gets from one side to the other; with one_way the nodes of `mask` hear nothing of the
 * others, who hear them. Each returns false when a tool failed. */
bool net_cut(const struct net *n, uint32_t mask, bool one_way);
bool net_mend(const struct net *n);
/* Resets every connection with another place. */
bool net_reset(const struct net *n, uint32_t mask);
bool net_link(const struct net *n, uint32_t place, bool up);

#endif
