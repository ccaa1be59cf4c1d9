/* The ring: all live members in the order of their ids, closed. Whom a node keeps links to, and
 * which part of the ring it is responsible for when loads are passed on, follows from the
 * distances in it. Owns nothing; the marks are in the care of the members. Called by mesh only. */
#ifndef VELUM_MESH_RING_H
#define VELUM_MESH_RING_H

#include "core/mesh/members.h"

/* Marks as standing the peers at ring distances 1, 2, 4 ... on both sides of `self` among the live
 * ones, in the order of ids: about 2 log2 N; all while there are few. */
void ring_mark(struct members *t, struct node_id self);
/* What comes from this peer on the way ahead, or behind, is to be passed on to those at the
 * distances 2^0 .. 2^(k-1) that way: gives k. The peer is about 2^k away, on the other side. */
uint32_t ring_reach(const struct members *t, struct node_id self, const struct peer *from,
                    enum ring_way way);
/* How far apart two ids (members.h: member_key) are on the ring, that way. */
static inline uint64_t ring_gap(uint64_t from, uint64_t to, enum ring_way way)
{
    return way == RING_AHEAD ? to - from : from - to;
}

#endif
