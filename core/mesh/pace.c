#include "core/mesh/pace.h"

bool pace_allows(struct pace *p, uint32_t max, int64_t fade_us, struct instant now)
{
    const int64_t faded = instant_since_us(now, p->since) / fade_us;

    if (p->count > 0 && faded > 0) {
        p->count -= faded < p->count ? (uint32_t)faded : p->count;
        p->since = now;
    }
    if (p->count >= max)
        return false;
    if (p->count++ == 0)
        p->since = now;
    return true;
}

bool rise_allows(struct rise *r, int64_t steps, uint16_t max, struct instant now)
{
    const uint16_t second = (uint16_t)(now.us / S_US);

    if (second != r->second)
        *r = (struct rise){.second = second};
    if (steps > max - r->count)
        return false;
    r->count = (uint16_t)(r->count + steps);
    return true;
}
