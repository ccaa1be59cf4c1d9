/* Which inputs of `velum map` are rolled (core/wire/append.h): those of several leaves that are so
 * short that a slot should compute all of one, and thousands of them travel together. One that
 * takes longer is better computed leaf by leaf: what was done of it is kept when a node dies, and
 * idle slots share the rest. The result has the same bits. Pure. Called by map_run.c. */
#ifndef VELUM_CMD_MAP_ROLL_H
#define VELUM_CMD_MAP_ROLL_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/instant.h"

/* `began` is set when the first input is, all else 0. */
struct map_roll {
    uint64_t leaves; /* of the inputs that have ended since the span began */
    struct instant began;
    double leaf_us; /* of the last span, over all slots together; 0: it is not known yet */
};

/* An input of so many leaves has ended. */
void map_roll_ended(struct map_roll *r, uint64_t leaves, struct instant now);
/* Whether one of so many is to be rolled. */
bool map_roll_takes(const struct map_roll *r, uint64_t leaves);

#endif
