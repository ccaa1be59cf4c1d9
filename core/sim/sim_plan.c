#include "core/sim/sim_plan.h"

#include <string.h>

#include "core/base/sha256.h"
#include "core/sim/sim_check.h"
#include "core/sim/sim_disk.h"
#include "core/sim/sim_kernel.h"
#include "core/sim/sim_net.h"
#include "core/sim/sim_node.h"
#include "core/sim/sim_user.h"
#include "core/sim/sim_worker.h"

#define LOSSES_MAX 2 /* of disks, in one run */
#define TEN_YEARS_S ((int64_t)3652 * 24 * 3600)

enum fault {
    FAULT_RESET,
    FAULT_PARTITION,
    FAULT_ONE_WAY,
    FAULT_OPEN,
    FAULT_KILL,
    FAULT_POWER,
    FAULT_STOP,
    FAULT_WORKER,
    FAULT_PAUSE,
    FAULT_SLOW,
    FAULT_DELAY,
    FAULT_COMPACT,
    FAULT_FULL,
    FAULT_SYNC,
    FAULT_WIPE,
    FAULT_IMAGE,
    FAULT_CLOCK,
    FAULT_COUNT
};

const char *sim_fault_name(uint32_t fault)
{
    static const char *const names[FAULT_COUNT] = {
        [FAULT_RESET] = "reset", [FAULT_PARTITION] = "partition", [FAULT_ONE_WAY] = "one-way",
        [FAULT_OPEN] = "open",   [FAULT_KILL] = "kill",           [FAULT_POWER] = "power",
        [FAULT_STOP] = "stop",   [FAULT_WORKER] = "worker",       [FAULT_PAUSE] = "pause",
        [FAULT_SLOW] = "slow",   [FAULT_DELAY] = "delay",         [FAULT_COMPACT] = "compact",
        [FAULT_FULL] = "full",   [FAULT_SYNC] = "sync",           [FAULT_WIPE] = "wipe",
        [FAULT_IMAGE] = "image", [FAULT_CLOCK] = "clock",
    };

    return fault < FAULT_COUNT ? names[fault] : NULL;
}

static void make_nodes(struct world *w)
{
    struct digest d;
    uint64_t text[2] = {prng_u64(&w->prng), 0};
    bool one_machine = world_chance(w, 3);

    for (uint32_t i = 0; i < w->plan.nodes; i++) {
        struct sim_node *n = &w->nodes[i];

        text[1] = i;
        d = sha256_of(text, sizeof text);
        memcpy(n->id.bytes, d.bytes, ID_SIZE);
        n->index = i;
        n->slots = (uint32_t)world_between(w, 1, 3);
        n->machine = one_machine ? 0 : i;
        n->slowness = world_chance(w, 8) ? (uint32_t)world_between(w, 2, 20) : 1;
        n->lacks_kernel = i > 0 && world_chance(w, 12);
        n->tick_at = INT64_MAX;
    }
    text[1] = SIM_NODES_MAX;
    d = sha256_of(text, sizeof text);
    memcpy(w->user_id.bytes, d.bytes, ID_SIZE);
}

static uint64_t leaves_of_a_job(struct world *w)
{
    switch (prng_below(&w->prng, 4)) {
    case 0:
        return world_between(w, 1, 4);
    case 1:
        return world_between(w, 5, 60);
    default:
        return world_between(w, 30, 400);
    }
}

static void make_job(struct world *w, uint32_t i)
{
    struct sim_job *j = &w->jobs[i];
    uint64_t leaves = leaves_of_a_job(w);

    j->leaf_us = (uint32_t)world_between(w, 200, leaves < 50 ? 40000 : 8000);
    if (world_chance(w, 10))
        j->spec.timeout_us = world_between(w, 500000, 4000000);
    if (world_chance(w, 6))
        j->spec.slots_max = (uint32_t)world_between(w, 1, 4);
    sim_job_make(w, i, world_chance(w, 2), leaves);
    for (uint32_t k = 0; k < w->plan.nodes; k++)
        j->kernel_lacks |= !j->builtin && w->nodes[k].lacks_kernel;
    j->skew = world_chance(w, 3) ? (uint32_t)world_between(w, 2, 40) : 0;
    if (!w->plan.kernel_dies || i > 0)
        return;
    j->poison = prng_below(&w->prng, j->leaves);
    j->poison_times = world_chance(w, 2) ? UINT32_MAX : (uint32_t)world_between(w, 1, 2);
}

/* One draw a statement: the order of draws in one argument list is the compiler's, and a seed must
 * replay the same run whoever compiled it. */
static void add_user(struct world *w, enum user_kind kind, uint32_t job, int64_t at, uint64_t least,
                     uint64_t most)
{
    int64_t when = at + (int64_t)world_between(w, least, most);
    uint32_t node = (uint32_t)prng_below(&w->prng, w->plan.nodes);

    sim_user_add(w, kind, job, node, false, when);
}

/* Somebody submits it, perhaps somebody else the same bytes elsewhere; others watch, or kill it. */
static void make_users(struct world *w, uint32_t i)
{
    int64_t at = (int64_t)world_between(w, 1000, (uint64_t)w->plan.heal_at * 2 / 3);

    sim_user_add(w, USER_SUBMITS, i, (uint32_t)prng_below(&w->prng, w->plan.nodes), false, at);
    if (world_chance(w, 4))
        add_user(w, USER_SUBMITS, i, at, 0, 20000);
    if (world_chance(w, 2))
        add_user(w, USER_WATCHES, i, at, 1000, 300000);
    if (world_chance(w, 6))
        add_user(w, USER_KILLS, i, at, 5000, 1500000);
}

static void make_faults(struct world *w, uint32_t off)
{
    static const uint32_t usual[FAULT_COUNT] = {6, 3, 2, 4, 4, 2, 1, 4, 3, 2, 2, 3, 2, 2, 1, 2, 1};
    struct sim_plan *p = &w->plan;

    /* Swarm: each seed leaves some kinds of faults out and exaggerates others. */
    for (uint32_t i = 0; i < FAULT_COUNT; i++)
        p->weights[i] = world_chance(w, 3) ? 0 : usual[i] * (uint32_t)world_between(w, 1, 3);
    p->heal_at = (int64_t)world_between(w, 300000, 4000000);
    p->fault_every_us = (int64_t)world_between(w, 20000, 800000);
    if (world_chance(w, 10))
        memset(p->weights, 0, sizeof p->weights);
    p->delay_us =
        (uint32_t)(world_chance(w, 5) ? world_between(w, 1000, 20000) : world_between(w, 30, 400));
    p->jitter_us = (uint32_t)prng_below(&w->prng, p->delay_us * 2);
    for (uint32_t i = 0; i < FAULT_COUNT; i++)
        p->weights[i] = off >> i & 1 ? 0 : p->weights[i];
    p->room_bytes = world_chance(w, 3) ? world_between(w, 500, 20000) : 0;
    p->one_dies_for_good = world_chance(w, 4);
    p->kernel_dies = world_chance(w, 8);
}

void sim_plan_make(struct world *w, uint32_t nodes, uint32_t faults_off)
{
    struct sim_plan *p = &w->plan;
    uint64_t drawn = world_chance(w, 2) ? 3 : world_between(w, 3, SIM_NODES_MAX);

    p->nodes = nodes > 0 ? nodes : (uint32_t)drawn;
    p->jobs = (uint32_t)world_between(w, 1, 3);
    make_faults(w, faults_off);
    make_nodes(w);
    for (uint32_t i = 0; i < p->jobs; i++) {
        make_job(w, i);
        make_users(w, i);
    }
    w->calm = true;
    for (uint32_t i = 0; i < p->nodes; i++)
        world_later(w, world_chance(w, 4) ? (int64_t)world_between(w, 0, 500000) : 0,
                    HAPPEN_RESTART, SIM_EVERYBODY, i, 0);
    world_later(w, (int64_t)world_between(w, 1000, (uint64_t)p->fault_every_us * 2), HAPPEN_FAULT,
                SIM_EVERYBODY, 0, 0);
    world_later(w, p->heal_at, HAPPEN_HEAL, SIM_EVERYBODY, 0, 0);
}

/* --- the faults --- */

static struct sim_node *any_node(struct world *w)
{
    return &w->nodes[prng_below(&w->prng, w->plan.nodes)];
}

static void cut_one(struct world *w)
{
    if (w->links_count > 0)
        sim_net_reset(w, (uint32_t)prng_below(&w->prng, w->links_count));
}

static void partition(struct world *w, bool both_ways)
{
    bool side[SIM_NODES_MAX];

    for (uint32_t i = 0; i < w->plan.nodes; i++)
        side[i] = world_chance(w, 2);
    for (uint32_t a = 0; a < w->plan.nodes; a++)
        for (uint32_t b = 0; b < w->plan.nodes; b++)
            if (side[a] && !side[b]) {
                w->blocked[a][b] = true;
                w->blocked[b][a] |= both_ways;
            }
}

static void open_all(struct world *w)
{
    memset(w->blocked, 0, sizeof w->blocked);
    sim_net_unblocked(w);
}

static void bring_down(struct world *w, bool power)
{
    struct sim_node *n = any_node(w);
    bool gone = false;

    if (n->core == NULL)
        return;
    for (uint32_t i = 0; i < w->plan.nodes; i++)
        gone |= w->nodes[i].dead_for_good;
    /* Between two actions of a step to come; or right now, when it does so little. */
    n->power_goes_too = power;
    if (world_chance(w, 2))
        n->crash_in = (uint32_t)world_between(w, 1, 60);
    else
        sim_node_crash(w, n, power);
    if (w->plan.one_dies_for_good && !gone && world_chance(w, 3) && n->core == NULL) {
        n->dead_for_good = true;
        sim_check_lost(w);
        return;
    }
    world_later(w, (int64_t)world_between(w, 5000, world_chance(w, 3) ? 8000000 : 1000000),
                HAPPEN_RESTART, SIM_EVERYBODY, n->index, 0);
}

/* A node comes back without its disk, or with an old copy of it. */
static void lose_disk(struct world *w, bool to_image)
{
    struct sim_node *n = any_node(w);

    if (to_image && !n->disk.has_image) {
        sim_disk_copy(w, n);
        return;
    }
    if (n->core == NULL || w->losses >= LOSSES_MAX)
        return;
    sim_node_crash(w, n, true);
    sim_disk_lose(w, n, to_image);
    world_later(w, (int64_t)world_between(w, 5000, 3000000), HAPPEN_RESTART, SIM_EVERYBODY,
                n->index, 0);
}

static void ask_to_stop(struct world *w)
{
    struct sim_node *n = any_node(w);
    struct event ev = {.kind = EVENT_STOP};

    sim_node_event(w, n, &ev);
    world_later(w, (int64_t)world_between(w, 2000000, 4000000), HAPPEN_RESTART, SIM_EVERYBODY,
                n->index, 0);
}

static void happen(struct world *w, enum fault f)
{
    struct sim_node *n = any_node(w);

    world_trace(w, "%u: FAULT %s", (unsigned)w->now, sim_fault_name(f));
    if (f != FAULT_COMPACT && f != FAULT_OPEN)
        w->calm = false;
    switch (f) {
    case FAULT_RESET:
        cut_one(w);
        break;
    case FAULT_PARTITION:
    case FAULT_ONE_WAY:
        partition(w, f == FAULT_PARTITION);
        break;
    case FAULT_OPEN:
        open_all(w);
        break;
    case FAULT_KILL:
    case FAULT_POWER:
        bring_down(w, f == FAULT_POWER);
        break;
    case FAULT_STOP:
        ask_to_stop(w);
        break;
    case FAULT_WORKER:
        sim_worker_kill_any(w, n);
        break;
    case FAULT_PAUSE:
        n->paused_until =
            w->now + (int64_t)world_between(w, 10000, world_chance(w, 3) ? 7000000 : 500000);
        break;
    case FAULT_SLOW:
        n->slowness = (uint32_t)world_between(w, 1, 10);
        break;
    case FAULT_DELAY:
        w->plan.delay_us = (uint32_t)world_between(w, 30, 30000);
        w->plan.jitter_us = w->plan.delay_us;
        break;
    case FAULT_FULL:
        sim_disk_fill(w, n,
                      (int64_t)world_between(w, 10000, world_chance(w, 3) ? 6000000 : 500000));
        break;
    case FAULT_SYNC:
        sim_disk_fail(n, (uint32_t)world_between(w, 1, 4));
        break;
    case FAULT_CLOCK:
        n->wall_off_s =
            world_chance(w, 2) ? 0 : (int64_t)world_between(w, 0, 2 * TEN_YEARS_S) - TEN_YEARS_S;
        break;
    case FAULT_WIPE:
    case FAULT_IMAGE:
        lose_disk(w, f == FAULT_IMAGE);
        break;
    default:
        sim_node_compact(w, n);
        break;
    }
}

void sim_plan_fault(struct world *w)
{
    uint32_t total = 0, pick;

    if (w->healed)
        return;
    for (uint32_t i = 0; i < FAULT_COUNT; i++)
        total += w->plan.weights[i];
    if (total == 0)
        return;
    pick = (uint32_t)prng_below(&w->prng, total);
    for (uint32_t i = 0; i < FAULT_COUNT; i++) {
        if (pick < w->plan.weights[i]) {
            happen(w, (enum fault)i);
            break;
        }
        pick -= w->plan.weights[i];
    }
    world_later(w, (int64_t)world_between(w, 100, (uint64_t)w->plan.fault_every_us * 2),
                HAPPEN_FAULT, SIM_EVERYBODY, 0, 0);
}

void sim_plan_heal(struct world *w)
{
    world_trace(w, "%u: HEAL", (unsigned)w->now);
    w->healed = true;
    open_all(w);
    w->plan.delay_us = 100;
    w->plan.jitter_us = 100;
    for (uint32_t i = 0; i < w->plan.nodes; i++) {
        struct sim_node *n = &w->nodes[i];

        n->paused_until = w->now;
        n->crash_in = 0;
        n->slowness = 1;
        n->wall_off_s = 0;
        sim_disk_fail(n, 0);
        sim_disk_room(w, n);
        sim_node_start(w, n);
    }
}

int64_t sim_plan_work_us(const struct world *w)
{
    int64_t total = 0;

    for (uint32_t i = 0; i < w->plan.jobs; i++)
        for (uint64_t leaf = 0; leaf < w->jobs[i].leaves; leaf++)
            total += sim_leaf_us(&w->jobs[i], leaf) * 9 / 8;
    return total;
}
