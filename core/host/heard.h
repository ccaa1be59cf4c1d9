/* How many beacons are looked at, and how many of them become hints, whoever sends them and however
 * fast. Owns nothing but its counters: their size is fixed. Called by beacon.c. */
#ifndef VELUM_HOST_HEARD_H
#define VELUM_HOST_HEARD_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/instant.h"
#include "core/wire/beacon.h"

#define HEARD_LOOKS_MAX 64       /* a second, */
#define HEARD_LOOKS_SOURCE_MAX 8 /* and of one address */
#define HEARD_HINTS_MAX 16       /* a minute, */
#define HEARD_HINTS_SOURCE_MAX 4 /* and of one address */
#define HEARD_SOURCES 64

struct heard_hint {
    struct instant at;
    uint8_t node[BEACON_NODE_SIZE];
    uint8_t from[BEACON_ADDRESS_SIZE];
};

struct heard {
    struct instant second; /* when the present one began */
    uint32_t looks;
    uint8_t by_source[HEARD_SOURCES]; /* addresses may share a place */
    struct heard_hint hints[HEARD_HINTS_MAX];
    uint32_t hints_count; /* all that there ever were: the next takes the oldest's place */
};

/* Whether there may be another one this second; when not, *until is when it ends. */
bool heard_may_read(struct heard *h, struct instant now, struct instant *until);
/* One was read: whether it is looked at. */
bool heard_looks(struct heard *h, const uint8_t from[BEACON_ADDRESS_SIZE], struct instant now);
/* It is of a node of the mesh that is not known: whether it becomes a hint. It does not within a
 * minute after one of the same node. */
bool heard_hints(struct heard *h, const uint8_t node[BEACON_NODE_SIZE],
                 const uint8_t from[BEACON_ADDRESS_SIZE], struct instant now);

#endif
