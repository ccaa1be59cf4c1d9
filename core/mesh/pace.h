/* How often something may happen that others can bring about: so many at once, and then one each
 * so many microseconds; and how far a number may rise within a second. Pure values inside others;
 * called by mesh only. */
#ifndef VELUM_MESH_PACE_H
#define VELUM_MESH_PACE_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/instant.h"

struct pace {
    uint32_t count; /* of late */
    struct instant since;
};

/* Whether it may happen now, which then counts: `max` at once, and each is forgotten after
 * `fade_us`. */
bool pace_allows(struct pace *p, uint32_t max, int64_t fade_us, struct instant now);

struct rise {
    uint16_t second; /* of those since the process began, the low bits */
    uint16_t count;  /* within it */
};

/* Whether it may rise so far, which then counts. At most 65,535. */
bool rise_allows(struct rise *r, int64_t steps, uint16_t max, struct instant now);

#endif
