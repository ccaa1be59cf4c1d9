/* How many inputs `velum map` has under way at a time, where its user did not say: few of those
 * that take long, so that what is ended early leaves little behind; many of those that are short,
 * so that no slot waits for the next. Pure. Called by map_run.c. */
#ifndef VELUM_CMD_MAP_PACE_H
#define VELUM_CMD_MAP_PACE_H

#include <stdint.h>

#include "core/base/instant.h"

struct map_pace {
    uint32_t least, most, window;
    uint32_t ended; /* of those under way when the span began */
    struct instant began;
};

/* Both the same: it stays so. */
void map_pace_begin(struct map_pace *p, uint32_t least, uint32_t most, struct instant now);
/* So many more have ended. */
void map_pace_ended(struct map_pace *p, uint32_t count, struct instant now);
/* The time that goes by without an end counts as well. */
uint32_t map_pace_window(struct map_pace *p, struct instant now);

#endif
