#include "core/sim/sim_theft.h"

#include "core/sim/sim_node.h"
#include "core/sim/sim_objects.h"
#include "core/sim/sim_passing.h"

#define THEFTS_IN 2  /* of the runs that have something to lose, so many */
#define THINGS_IN 5  /* one theft in so many takes what a user put */
#define THEFTS_MAX 2 /* in a run */
#define LOOK_US ((uint64_t)20 * MS_US)
#define AWAY_US ((uint64_t)2 * S_US)

static uint64_t below(struct world *w, uint64_t bound)
{
    return prng_below(&w->stuff.prng, bound);
}

static void look_later(struct world *w)
{
    world_later(w, 1 + (int64_t)below(w, w->plan.lasting ? 20 * LOOK_US : LOOK_US), HAPPEN_THEFT,
                SIM_EVERYBODY, 0, 0);
}

void sim_theft_plan(struct world *w)
{
    bool any = false;

    for (uint32_t i = w->plan.jobs_old; i < w->plan.jobs; i++)
        any |= w->jobs[i].stages > 1 && w->jobs[i].collecting != 0;
    if (any && prng_one_in(&w->stuff.prng, THEFTS_IN))
        look_later(w);
}

/* Its journal stays. */
static void rob(struct world *w, struct sim_node *n)
{
    if (n->core != NULL) {
        sim_node_crash(w, n, below(w, 2) == 0);
        world_later(w, 5000 + (int64_t)below(w, AWAY_US), HAPPEN_RESTART, SIM_EVERYBODY, n->index,
                    0);
    }
    sim_objects_disk_lost(w, n, false);
    sim_objects_lost(w);
}

static void steal(struct world *w, struct digest name)
{
    char digits[9];

    id_hex(name.bytes, 8, digits);
    world_trace(w, "%u: all copies of %s are lost", (unsigned)w->now, digits);
    w->calm = false;
    w->stuff.thefts++;
    for (uint32_t i = 0; i < w->plan.nodes; i++)
        if (!w->nodes[i].dead_for_good && sim_mover_has(&w->nodes[i].moving.mover, name))
            rob(w, &w->nodes[i]);
}

void sim_theft_turn(struct world *w)
{
    bool now = below(w, 3) == 0, of_user = below(w, THINGS_IN) == 0;
    uint64_t lot = prng_u64(&w->stuff.prng);
    struct digest name;

    if (w->healed || w->stuff.thefts == THEFTS_MAX)
        return;
    if (now && sim_passing_any(w, of_user, lot, &name))
        steal(w, name);
    look_later(w);
}
