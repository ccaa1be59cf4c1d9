#include "core/node/lag.h"

#define SPAN_US (30 * S_US) /* two of them are remembered, the present one and the one before */

void lag_note(struct node *n, int64_t late_us)
{
    struct lag *l = &n->lag;
    int64_t old_us = instant_since_us(n->now, l->since);

    if (old_us >= SPAN_US) {
        l->before_us = old_us < 2 * SPAN_US ? l->most_us : 0;
#if VELUM_PLANT != 627 /* trace/test_idle: a node that was late once is shown as late for ever */
        l->most_us = 0;
#endif
        l->since = n->now;
    }
    if (late_us > l->most_us)
        l->most_us = late_us;
}

uint64_t lag_recent_us(const struct node *n)
{
    const struct lag *l = &n->lag;
    int64_t old_us = instant_since_us(n->now, l->since);

    if (old_us >= 2 * SPAN_US)
        return 0;
    return (uint64_t)(old_us < SPAN_US && l->before_us > l->most_us ? l->before_us : l->most_us);
}
