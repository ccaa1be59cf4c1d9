#include "core/node/window.h"

uint32_t window_count(struct window *w, struct instant now)
{
    if (instant_since_us(now, w->since) >= S_US)
        *w = (struct window){.since = now};
    return w->count;
}

bool window_take(struct window *w, struct instant now, uint32_t most)
{
    if (window_count(w, now) >= most)
        return false;
    w->count++;
    return true;
}
