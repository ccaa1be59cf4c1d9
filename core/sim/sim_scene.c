#include "core/sim/sim_scene.h"

#include "core/sim/sim_check.h"
#include "core/sim/sim_disk.h"
#include "core/sim/sim_drain.h"
#include "core/sim/sim_kernel.h"
#include "core/sim/sim_node.h"
#include "core/sim/sim_plan.h"
#include "core/sim/sim_revoke.h"
#include "core/sim/sim_user.h"

#define COPIES 3                   /* the acknowledgement is to say */
#define WIPED 2                    /* of their disks */
#define SHIP_LOOK_US (200 * MS_US) /* is it time for the next node */
#define MEET_US (400 * MS_US)      /* until then the nodes know each other */

/* --- wipe --- */

/* Soon, while most jobs still run; then further and further on, to many minutes of idle time. */
static uint64_t events_until_wipe(struct world *w)
{
    switch (prng_below(&w->prng, 8)) {
    case 0:
    case 1:
        return prng_below(&w->prng, 100);
    case 2:
    case 3:
    case 4:
        return prng_below(&w->prng, 1500);
    case 5:
    case 6:
        return prng_below(&w->prng, 6000);
    default:
        return prng_below(&w->prng, world_chance(w, 20) ? 200000 : 20000);
    }
}

static void plan_wipe(struct world *w)
{
    uint32_t node = (uint32_t)prng_below(&w->prng, w->plan.nodes);

    w->story.wipe_in = 1 + events_until_wipe(w);
    sim_user_add(w, USER_SUBMITS, 0, node, false, MEET_US);
}

static uint32_t any_disk_with(struct world *w, uint32_t job)
{
    uint32_t from = (uint32_t)prng_below(&w->prng, w->plan.nodes);

    for (uint32_t i = 0; i < w->plan.nodes; i++) {
        uint32_t at = (from + i) % w->plan.nodes;

        if (w->nodes[at].core != NULL && w->nodes[at].disk.held[job].spec)
            return at;
    }
    return SIM_NODES_MAX;
}

/* Both processes are gone before either disk is. */
static void wipe(struct world *w)
{
    struct sim_node *lost[WIPED];
    uint32_t count = 0, at;

    w->story.wiped = w->jobs[0].told != 0 ? SIM_WIPED_IDLE : SIM_WIPED_BUSY;
    while (count < WIPED && (at = any_disk_with(w, 0)) < SIM_NODES_MAX) {
        lost[count++] = &w->nodes[at];
        sim_node_crash(w, &w->nodes[at], true);
    }
    for (uint32_t i = 0; i < count; i++) {
        sim_disk_lose(w, lost[i], false);
        lost[i]->dead_for_good = world_chance(w, 4);
        if (!lost[i]->dead_for_good)
            world_later(w, (int64_t)world_between(w, 5000, 3000000), HAPPEN_RESTART, SIM_EVERYBODY,
                        lost[i]->index, 0);
    }
    world_later(w, (int64_t)world_between(w, 0, 3000000), HAPPEN_HEAL, SIM_EVERYBODY, 0, 0);
}

/* --- ship --- */

static void plan_ship(struct world *w)
{
    uint32_t node = (uint32_t)prng_below(&w->prng, w->plan.nodes);

    w->story.old_nodes = w->plan.nodes;
    sim_user_add(w, USER_SUBMITS, 0, node, false, MEET_US);
    world_later(w, MEET_US, HAPPEN_SCENE, SIM_EVERYBODY, 0, 0);
}

bool sim_scene_may_go(const struct world *w, const struct sim_node *n)
{
    for (uint32_t job = 0; job < w->plan.jobs; job++) {
        uint32_t copies = 0;

        for (uint32_t i = 0; i < w->plan.nodes; i++)
            copies += i != n->index && w->nodes[i].core != NULL && w->nodes[i].disk.held[job].spec;
        if (w->jobs[job].acknowledged && copies < 2)
            return false;
    }
    return true;
}

static struct sim_node *any_old_node(struct world *w)
{
    uint32_t from = (uint32_t)prng_below(&w->prng, w->story.old_nodes);

    for (uint32_t i = 0; i < w->story.old_nodes; i++) {
        struct sim_node *n = &w->nodes[(from + i) % w->story.old_nodes];

        if (!n->dead_for_good)
            return n;
    }
    return NULL;
}

static void last_has_come(struct world *w)
{
    w->story.sailed = w->jobs[0].told == 0;
    sim_user_add(w, USER_WATCHES, 0, w->plan.nodes - 1, true, 2 * S_US);
    world_later(w, (int64_t)world_between(w, 0, 3 * S_US), HAPPEN_HEAL, SIM_EVERYBODY, 0, 0);
}

/* The old nodes go one by one, each as soon as it may. */
static void replace_next(struct world *w)
{
    struct sim_node *n = any_old_node(w);

    if (n == NULL) {
        last_has_come(w);
        return;
    }
    if (w->jobs[0].acknowledged && sim_scene_may_go(w, n))
        sim_plan_replace(w, n);
    world_later(w, SHIP_LOOK_US + (int64_t)prng_below(&w->prng, SHIP_LOOK_US), HAPPEN_SCENE,
                SIM_EVERYBODY, 0, 0);
}

/* --- all --- */

void sim_scene_plan(struct world *w)
{
    if (w->plan.scene == SIM_SCENE_WIPE)
        plan_wipe(w);
    else if (w->plan.scene == SIM_SCENE_REVOKE)
        sim_revoke_plan(w);
    else if (w->plan.scene == SIM_SCENE_DRAIN)
        sim_drain_plan(w);
    else
        plan_ship(w);
}

void sim_scene_watch(struct world *w)
{
    if (w->plan.scene == SIM_SCENE_REVOKE)
        sim_revoke_watch(w);
    if (w->plan.scene != SIM_SCENE_WIPE || w->story.wipe_in == 0 || !w->jobs[0].acknowledged)
        return;
    if (--w->story.wipe_in > 0)
        return;
    if (w->jobs[0].told_durable >= COPIES)
        wipe(w);
    else
        world_later(w, 0, HAPPEN_HEAL, SIM_EVERYBODY, 0, 0);
}

void sim_scene_goes_on(struct world *w)
{
    if (w->plan.scene == SIM_SCENE_REVOKE)
        sim_revoke_goes_on(w);
    else if (w->healed)
        return;
    else if (w->plan.scene == SIM_SCENE_DRAIN)
        sim_drain_goes_on(w);
    else
        replace_next(w);
}

void sim_scene_judge(struct world *w, uint32_t node, uint32_t job, uint8_t state)
{
    if (state != JOB_DONE)
        world_fail(w, G2, "a job that was acknowledged does not end with its result", node, job);
}
