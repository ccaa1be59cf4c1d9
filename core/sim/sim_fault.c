#include "core/sim/sim_fault.h"

#include <string.h>

#include "core/sim/sim_check.h"
#include "core/sim/sim_clock.h"
#include "core/sim/sim_disk.h"
#include "core/sim/sim_net.h"
#include "core/sim/sim_node.h"
#include "core/sim/sim_objects.h"
#include "core/sim/sim_plan.h"
#include "core/sim/sim_scene.h"
#include "core/sim/sim_worker.h"

#define LOSSES_MAX 2 /* of disks and of synced bytes, in one season */
#define TEN_YEARS_S ((int64_t)3652 * 24 * 3600)

const char *sim_fault_name(uint32_t fault)
{
    static const char *const names[FAULT_COUNT] = {
        [FAULT_RESET] = "reset",   [FAULT_PARTITION] = "partition", [FAULT_ONE_WAY] = "one-way",
        [FAULT_OPEN] = "open",     [FAULT_KILL] = "kill",           [FAULT_POWER] = "power",
        [FAULT_STOP] = "stop",     [FAULT_WORKER] = "worker",       [FAULT_PAUSE] = "pause",
        [FAULT_SLOW] = "slow",     [FAULT_DELAY] = "delay",         [FAULT_COMPACT] = "compact",
        [FAULT_FULL] = "full",     [FAULT_SYNC] = "sync",           [FAULT_WIPE] = "wipe",
        [FAULT_IMAGE] = "image",   [FAULT_CLOCK] = "clock",         [FAULT_LAG] = "lag",
        [FAULT_NARROW] = "narrow", [FAULT_FLAP] = "flap",           [FAULT_ECHO] = "echo",
        [FAULT_READ] = "read",     [FAULT_SHORT] = "short",         [FAULT_SPACE] = "space",
        [FAULT_ROT] = "rot",       [FAULT_FROZEN] = "frozen",       [FAULT_REPLACE] = "replace",
        [FAULT_TIGHT] = "tight",   [FAULT_DRIFT] = "drift",         [FAULT_MEMORY] = "memory",
    };

    return fault < FAULT_COUNT ? names[fault] : NULL;
}

#define BIT(fault) (1u << FAULT_##fault)

const char *sim_fault_group(uint32_t group, uint32_t *faults)
{
    static const struct {
        const char *name;
        uint32_t faults;
    } groups[] = {
        {"network", BIT(RESET) | BIT(PARTITION) | BIT(ONE_WAY) | BIT(OPEN) | BIT(DELAY) | BIT(LAG) |
                        BIT(NARROW) | BIT(FLAP) | BIT(ECHO)},
        {"nodes", BIT(KILL) | BIT(POWER) | BIT(STOP) | BIT(WORKER) | BIT(PAUSE) | BIT(SLOW) |
                      BIT(REPLACE) | BIT(MEMORY)},
        {"disks", BIT(COMPACT) | BIT(FULL) | BIT(SYNC) | BIT(WIPE) | BIT(IMAGE) | BIT(READ) |
                      BIT(SHORT) | BIT(SPACE) | BIT(ROT)},
        {"clocks", BIT(CLOCK) | BIT(FROZEN) | BIT(DRIFT)},
    };

    if (group >= sizeof groups / sizeof groups[0])
        return NULL;
    *faults = groups[group].faults;
    return groups[group].name;
}

static struct sim_node *any_node(struct world *w)
{
    return &w->nodes[prng_below(&w->prng, w->plan.nodes)];
}

static void starts_again(struct world *w, const struct sim_node *n, uint64_t at_most_us)
{
    world_later(w, (int64_t)world_between(w, 5000, at_most_us), HAPPEN_RESTART, SIM_EVERYBODY,
                n->index, 0);
}

/* --- the network --- */

/* In a short run only another fault opens what is blocked, or the end. */
static void opens_later(struct world *w)
{
    if (w->plan.lasting)
        world_later(w, (int64_t)world_between(w, S_US / 2, 40 * S_US), HAPPEN_FAULT, SIM_EVERYBODY,
                    1, 0);
}

static void cut_one(struct world *w)
{
    if (w->links_count > 0)
        sim_net_reset(w, (uint32_t)prng_below(&w->prng, w->links_count));
}

/* One that is in use, or there would be nothing to say again. */
static void cut_unheard(struct world *w)
{
    uint32_t from, index;

    if (w->links_count == 0)
        return;
    from = (uint32_t)prng_below(&w->prng, w->links_count);
    for (uint32_t i = 0; i < w->links_count; i++) {
        index = (from + i) % w->links_count;
        if (sim_net_cut_unheard(w, index))
            return;
    }
}

/* A third of them is partial: some nodes are on both sides, and hear everybody. */
static void partition(struct world *w, bool both_ways)
{
    bool partial = w->plan.nodes > 2 && world_chance(w, 3);
    uint64_t side[SIM_NODES_MAX];

    for (uint32_t i = 0; i < w->plan.nodes; i++)
        side[i] = prng_below(&w->prng, partial ? 3 : 2);
    for (uint32_t a = 0; a < w->plan.nodes; a++)
        for (uint32_t b = 0; b < w->plan.nodes; b++)
            if (side[a] == 1 && side[b] == 0) {
                w->blocked[a][b] = true;
                w->blocked[b][a] |= both_ways;
            }
}

/* Two different nodes, as one number. */
static uint64_t any_pair(struct world *w)
{
    uint64_t a = prng_below(&w->prng, w->plan.nodes);
    uint64_t b = prng_below(&w->prng, w->plan.nodes - 1);

    return a * SIM_NODES_MAX + b + (b >= a);
}

static void slow_down(struct world *w, bool bandwidth)
{
    uint64_t pair = any_pair(w), a = pair / SIM_NODES_MAX, b = pair % SIM_NODES_MAX;

    if (bandwidth) {
        w->bytes_per_ms[a][b] = (uint32_t)world_between(w, 1, 200);
        if (world_chance(w, 2))
            w->bytes_per_ms[b][a] = w->bytes_per_ms[a][b];
    } else {
        w->lag_us[a][b] = (uint32_t)world_between(w, 5000, world_chance(w, 4) ? 2000000 : 200000);
    }
}

void sim_fault_flaps(struct world *w, uint64_t pair, uint64_t times)
{
    uint64_t a = pair / SIM_NODES_MAX, b = pair % SIM_NODES_MAX;
    bool blocked = !w->blocked[a][b];

    if (w->healed || times == 0)
        return;
    if (times == 1)
        blocked = false;
    w->blocked[a][b] = w->blocked[b][a] = blocked;
    world_trace(w, "%u: node%u and node%u %s", (unsigned)w->now, (unsigned)a, (unsigned)b,
                blocked ? "do not hear each other" : "hear each other");
    if (!blocked)
        sim_net_unblocked(w);
    world_later(w, (int64_t)world_between(w, 5000, world_chance(w, 3) ? 900000 : 100000),
                HAPPEN_FLAP, SIM_EVERYBODY, pair, times - 1);
}

static void flap(struct world *w)
{
    uint64_t times = world_between(w, 2, 12);

    sim_fault_flaps(w, any_pair(w), times);
}

void sim_fault_open(struct world *w)
{
    memset(w->blocked, 0, sizeof w->blocked);
    memset(w->lag_us, 0, sizeof w->lag_us);
    memset(w->bytes_per_ms, 0, sizeof w->bytes_per_ms);
    sim_net_unblocked(w);
}

/* --- nodes and their disks --- */

static void bring_down(struct world *w, bool power)
{
    struct sim_node *n = any_node(w);
    bool gone = false;

    if (n->core == NULL)
        return;
    for (uint32_t i = 0; i < w->plan.nodes; i++)
        gone |= w->nodes[i].died_in == w->seasons + 1;
    /* Between two actions of a step to come; or right now, when it does so little. */
    n->power_goes_too = power;
    if (world_chance(w, 2))
        n->crash_in = (uint32_t)world_between(w, 1, 60);
    else
        sim_node_crash(w, n, power);
    if (w->plan.one_dies_for_good && !gone && world_chance(w, 3) && n->core == NULL) {
        n->dead_for_good = true;
        n->died_in = w->seasons + 1;
        sim_check_lost(w);
        return;
    }
    /* Where names of finished jobs are short-lived, some are away for longer than those live. */
    if (w->plan.tombstone_s > 0 && world_chance(w, 4))
        starts_again(w, n, 3 * (uint64_t)w->plan.tombstone_s * S_US);
    else
        starts_again(w, n, world_chance(w, 3) ? 8000000 : 1000000);
}

/* Its journal is to be written anew, perhaps asked for twice. Before that is whole the node may
 * die, or the disk fail. */
static void compact(struct world *w, struct sim_node *n)
{
    sim_node_compact(w, n);
    if (world_chance(w, 3))
        sim_node_compact(w, n);
    if (n->core == NULL || w->healed)
        return;
    if (sim_plan_has(w, FAULT_SYNC) && world_chance(w, 4)) {
        w->calm = false;
        sim_disk_fail(w, n);
    }
    if (!sim_plan_has(w, FAULT_KILL) || !world_chance(w, 4))
        return;
    w->calm = false;
    n->power_goes_too = sim_plan_has(w, FAULT_POWER) && world_chance(w, 2);
    n->crash_in = (uint32_t)world_between(w, 1, 15);
    starts_again(w, n, 1000000);
}

/* A node comes back without its disk, or with an old copy of it. */
static void lose_disk(struct world *w, bool to_image)
{
    struct sim_node *n = any_node(w);

    if (to_image && !n->disk.has_image) {
        sim_disk_copy(w, n);
        return;
    }
    if (n->core == NULL || w->losses + w->rots >= LOSSES_MAX)
        return;
    sim_node_crash(w, n, true);
    sim_disk_lose(w, n, to_image);
    starts_again(w, n, 3000000);
}

/* Nobody sees it before the journal is read again. */
static void rot(struct world *w, struct sim_node *n)
{
    if (n->dead_for_good || w->losses + w->rots >= LOSSES_MAX || !sim_disk_rot(w, n) ||
        n->core == NULL)
        return;
    if (world_chance(w, 4))
        return;
    sim_node_crash(w, n, world_chance(w, 2));
    starts_again(w, n, 1000000);
}

static void replace(struct world *w, struct sim_node *n)
{
    if (n->core != NULL && w->losses + w->rots < LOSSES_MAX && sim_scene_may_go(w, n))
        sim_plan_replace(w, n);
}

static int64_t some_time_us(struct world *w)
{
    return (int64_t)world_between(w, 10000, world_chance(w, 3) ? 6000000 : 500000);
}

static void fail_reads(struct world *w, struct sim_node *n)
{
    n->disk.bad_starts = (uint32_t)world_between(w, 1, 3);
    if (n->core == NULL)
        return;
    sim_node_crash(w, n, world_chance(w, 2));
    starts_again(w, n, 1000000);
}

static void freeze_clock(struct world *w, struct sim_node *n)
{
    n->wall_stands_s = n->wall_stands_s != 0 ? 0 : sim_node_wall_s(w, n);
}

static void ask_to_stop(struct world *w)
{
    struct sim_node *n = any_node(w);
    struct event ev = {.kind = EVENT_STOP};

    sim_node_event(w, n, &ev);
    world_later(w, (int64_t)world_between(w, 2000000, 4000000), HAPPEN_RESTART, SIM_EVERYBODY,
                n->index, 0);
}

void sim_fault_mend(struct world *w, struct sim_node *n)
{
    sim_clock_pause(w, n, w->now);
    n->crash_in = n->starve_in = 0;
    n->slowness = 1;
    n->wall_off_s = n->wall_stands_s = 0;
    n->disk.bad_starts = 0;
    sim_disk_mend(w, n);
    sim_node_start(w, n);
}

/* False when it is none of the network's. */
static bool happens_between(struct world *w, enum fault f)
{
    switch (f) {
    case FAULT_RESET:
        cut_one(w);
        break;
    case FAULT_PARTITION:
    case FAULT_ONE_WAY:
        partition(w, f == FAULT_PARTITION);
        opens_later(w);
        break;
    case FAULT_OPEN:
        sim_fault_open(w);
        break;
    case FAULT_DELAY:
        w->plan.delay_us = (uint32_t)world_between(w, 30, 30000);
        w->plan.jitter_us = w->plan.delay_us;
        break;
    case FAULT_LAG:
    case FAULT_NARROW:
        if (w->plan.nodes > 1)
            slow_down(w, f == FAULT_NARROW);
        opens_later(w);
        break;
    case FAULT_FLAP:
        if (w->plan.nodes > 1)
            flap(w);
        break;
    case FAULT_ECHO:
        cut_unheard(w);
        break;
    default:
        return false;
    }
    return true;
}

/* False when it is none of a disk's. */
static bool happens_to_disk(struct world *w, struct sim_node *n, enum fault f)
{
    switch (f) {
    case FAULT_COMPACT:
        compact(w, n);
        break;
    case FAULT_FULL:
        /* Every other one says nothing. */
        if (world_chance(w, 2))
            sim_disk_fill(w, n, some_time_us(w));
        else
            sim_disk_hang(w, n, some_time_us(w));
        break;
    case FAULT_SPACE:
        sim_disk_no_space(w, n, some_time_us(w));
        break;
    case FAULT_SYNC:
        sim_disk_fail(w, n);
        break;
    case FAULT_SHORT:
        sim_disk_cut_short(w, n);
        break;
    case FAULT_READ:
        fail_reads(w, n);
        break;
    case FAULT_ROT:
        if (!sim_objects_rot(w, n))
            rot(w, n);
        break;
    case FAULT_WIPE:
    case FAULT_IMAGE:
        lose_disk(w, f == FAULT_IMAGE);
        break;
    default:
        return false;
    }
    return true;
}

static void happens_to_node(struct world *w, struct sim_node *n, enum fault f)
{
    switch (f) {
    case FAULT_KILL:
    case FAULT_POWER:
        bring_down(w, f == FAULT_POWER);
        break;
    case FAULT_STOP:
        ask_to_stop(w);
        break;
    case FAULT_WORKER:
        sim_worker_kill_any(w, n);
        sim_objects_mover_dies(w, n);
        break;
    case FAULT_PAUSE:
        sim_clock_pause(
            w, n, w->now + (int64_t)world_between(w, 10000, world_chance(w, 3) ? 7000000 : 500000));
        break;
    case FAULT_MEMORY:
        n->starve_in = (uint32_t)world_between(w, 1, world_chance(w, 3) ? 600 : 60);
        break;
    case FAULT_SLOW:
        n->slowness = (uint32_t)world_between(w, 1, 10);
        break;
    case FAULT_CLOCK:
        n->wall_off_s =
            world_chance(w, 2) ? 0 : (int64_t)world_between(w, 0, 2 * TEN_YEARS_S) - TEN_YEARS_S;
        break;
    case FAULT_FROZEN:
        freeze_clock(w, n);
        break;
    default:
        replace(w, n);
        break;
    }
}

void sim_fault_happens(struct world *w, enum fault f)
{
    struct sim_node *n = any_node(w);

    world_trace(w, "%u: FAULT %s", (unsigned)w->now, sim_fault_name(f));
    if (f != FAULT_COMPACT && f != FAULT_OPEN)
        w->calm = false;
    if (!happens_between(w, f) && !happens_to_disk(w, n, f))
        happens_to_node(w, n, f);
}
