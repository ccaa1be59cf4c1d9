#include "core/node/window.h"

uint32_t window_count(struct window *w, struct instant now)
{
    if (instant_since_us(now, w->since) >= S_US)
        *w = (struct window){.since = now};
    return w->count;
}
