#include "core/sim/sim_clock.h"

#include "core/base/ensure.h"
#include "core/sim/sim_fault.h"
#include "core/sim/sim_plan.h"

#define MILLION 1000000
#define BOOTED_US ((uint64_t)5 * S_US)
#define BEGAN_MAX_US ((uint64_t)30 * 24 * 3600 * S_US)

bool sim_clock_drifts(uint64_t seed)
{
    struct prng p;

    prng_init(&p, seed);
    return prng_one_in(&p, 2);
}

void sim_clock_begin(const struct world *w, struct sim_node *n)
{
    struct prng p;
    uint64_t most;

    prng_init(&p, w->plan.mesh + n->index);
    n->clock.ppm = (int32_t)prng_below(&p, 2 * SIM_CLOCK_PPM + 1) - SIM_CLOCK_PPM;
    n->clock.suspends = prng_one_in(&p, 2);
    if (!sim_plan_has(w, FAULT_DRIFT)) {
        n->clock.ppm = 0;
        n->clock.suspends = false;
    }
    prng_init(&p, w->plan.mesh + ((uint64_t)n->boot << 32) + n->index);
    /* A machine that has just been switched on, or has run for days. */
    most = prng_one_in(&p, 4) ? BOOTED_US : BEGAN_MAX_US;
    n->clock.began = S_US + (int64_t)prng_below(&p, most);
    n->clock.zero = w->now;
    n->clock.last = 0;
}

/* What it shows after so long. */
static int64_t counted(const struct sim_node *n, int64_t us)
{
    return n->clock.began + us + us / 1000 * n->clock.ppm / 1000;
}

struct instant sim_clock_read(const struct world *w, struct sim_node *n)
{
    int64_t us = counted(n, w->now - n->clock.zero);

    if (us > n->clock.last)
        n->clock.last = us;
    return (struct instant){n->clock.last};
}

int64_t sim_clock_shows(const struct world *w, const struct sim_node *n, struct instant at)
{
    int64_t us = at.us - n->clock.began;

    if (us <= 0)
        return w->now;
    /* Each time what is wrong becomes some two thousand times less. */
    for (int i = 0; i < 3 && n->clock.ppm != 0; i++)
        us -= counted(n, us) - at.us;
    while (counted(n, us) < at.us)
        us++;
    return n->clock.zero + us;
}

void sim_clock_pause(const struct world *w, struct sim_node *n, int64_t until)
{
    int64_t standing = n->paused_until > w->now ? n->paused_until - w->now : 0;

    if (n->clock.suspends)
        n->clock.zero += until - w->now - standing;
    n->paused_until = until;
}

int64_t sim_clock_least_us(int64_t counted_us)
{
    return counted_us - counted_us / MILLION * SIM_CLOCK_PPM - SIM_CLOCK_PPM;
}
