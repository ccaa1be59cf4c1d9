/* So many a second, and no more: a count of what was done since the second began, which the first
 * one behind the last second begins. Pure values inside others. Private to core/node. */
#ifndef VELUM_NODE_WINDOW_H
#define VELUM_NODE_WINDOW_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/instant.h"

struct window {
    struct instant since;
    uint32_t count; /* what is done now is added here */
};

/* How many there were within this second. */
uint32_t window_count(struct window *w, struct instant now);
/* Whether one more may be, of `most`; then it was. */
bool window_take(struct window *w, struct instant now, uint32_t most);

#endif
