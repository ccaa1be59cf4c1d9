/* When `velum map` ends before its inputs do: --halt WHEN,WHAT=N or N%, as GNU Parallel has it.
 * Called by map.c. */
#ifndef VELUM_CMD_MAP_HALT_H
#define VELUM_CMD_MAP_HALT_H

#include <stdbool.h>
#include <stdint.h>

enum halt_what { HALT_FAIL, HALT_SUCCESS, HALT_DONE };

struct map_halt {
    bool wanted; /* false: never */
    bool now;    /* what runs is cancelled; else it is waited for */
    enum halt_what what;
    uint64_t count;   /* 0: percent counts */
    unsigned percent; /* 1 to 100, of all inputs */
};

/* "never", "soon,fail=1", "now,success=3", "soon,done=10%". False: it is none of these. */
bool map_halt_parse(const char *text, struct map_halt *out);
/* Whether it is time; `total` is 0 when it is not known (then a percentage never is). */
bool map_halt_reached(const struct map_halt *h, uint64_t failed, uint64_t succeeded,
                      uint64_t total);

#endif
