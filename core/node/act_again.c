#include "core/node/act_again.h"

#include "core/node/state.h"

static int64_t clock_now_s(const struct node *n)
{
    return n->wall_s - n->now.us / S_US;
}

static bool waits(const struct act_again *g)
{
    return g->at.us != INSTANT_NEVER.us;
}

void act_again_init(struct node *n)
{
    n->acts.again = (struct act_again){.at = INSTANT_NEVER};
}

void act_again_refused(struct node *n)
{
    struct act_again *g = &n->acts.again;
    const bool answer = g->pause_us > 0 && instant_since_us(n->now, g->said) < g->pause_us;

    if (waits(g))
        return;
#if VELUM_PLANT == 1023 /* trace/test_act_again: a peer is asked each minute for what never holds */
    g->pause_us = ACTS_AGAIN_US;
    (void)answer;
#else
    g->pause_us = answer ? 2 * g->pause_us : ACTS_AGAIN_US;
#endif
    if (g->pause_us > ACT_AGAIN_MAX_US)
        g->pause_us = ACT_AGAIN_MAX_US;
    g->at = instant_plus_us(n->now, g->pause_us);
    g->looks = instant_plus_us(n->now, ACTS_AGAIN_US);
    g->clock_s = clock_now_s(n);
}

void act_again_now(struct node *n)
{
    n->acts.again.at = n->now;
    n->acts.again.pause_us = 0;
}

static bool clock_was_set(const struct node *n)
{
    const int64_t moved_s = clock_now_s(n) - n->acts.again.clock_s;

    return moved_s >= ACT_AGAIN_CLOCK_S || moved_s <= -ACT_AGAIN_CLOCK_S;
}

static void look_at_clock(struct node *n)
{
    struct act_again *g = &n->acts.again;

    if (!waits(g) || !instant_reached(n->now, g->looks))
        return;
    g->looks = instant_plus_us(n->now, ACTS_AGAIN_US);
    if (clock_was_set(n))
        act_again_now(n);
}

bool act_again_take(struct node *n)
{
    struct act_again *g = &n->acts.again;

    look_at_clock(n);
    if (!instant_reached(n->now, g->at))
        return false;
    g->at = INSTANT_NEVER;
    g->said = n->now;
    return true;
}

struct instant act_again_due(const struct node *n)
{
    const struct act_again *g = &n->acts.again;

    return waits(g) ? instant_first(g->at, g->looks) : INSTANT_NEVER;
}
