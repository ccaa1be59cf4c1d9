#include "core/sim/sim_plan.h"

#include <string.h>

#include "core/base/sha256.h"
#include "core/sim/sim_author.h"
#include "core/sim/sim_check.h"
#include "core/sim/sim_clock.h"
#include "core/sim/sim_collect.h"
#include "core/sim/sim_demand.h"
#include "core/sim/sim_fault.h"
#include "core/sim/sim_kernel.h"
#include "core/sim/sim_node.h"
#include "core/sim/sim_objects.h"
#include "core/sim/sim_revoke.h"
#include "core/sim/sim_scene.h"
#include "core/sim/sim_thief.h"
#include "core/sim/sim_tight.h"
#include "core/sim/sim_user.h"

#define MINUTE_US ((uint64_t)60 * S_US)
#define LASTING_NODES 8
#define TIGHT_PAUSE_US (200 * MS_US)
#define LASTING_ROUND_US 25000
#define OWNERS_US 700000
#define KEEP_S 90
#define TOMBSTONE_S 150
#define SEASON_JOBS_MAX 12

static struct node_id id_of(uint64_t mesh, uint64_t number)
{
    const uint64_t text[2] = {mesh, number};
    struct digest d = sha256_of(text, sizeof text);
    struct node_id id;

    memcpy(id.bytes, d.bytes, ID_SIZE);
    return id;
}

static void make_node(struct world *w, uint32_t i)
{
    struct sim_node *n = &w->nodes[i];

    n->id = id_of(w->plan.mesh, i);
    n->index = i;
    n->slots = (uint32_t)world_between(w, 1, 3);
    n->machine = w->plan.one_machine ? 0 : i;
    n->slowness = world_chance(w, 8) ? (uint32_t)world_between(w, 2, 20) : 1;
    n->lacks_kernel = i > 0 && world_chance(w, 12) && w->plan.scene == SIM_SCENE_NONE;
    w->ticks[i].at = INT64_MAX;
    sim_tight_not(n);
    if (sim_plan_has(w, FAULT_TIGHT))
        sim_tight_draw(n, w->plan.mesh + i);
    if (w->stuff.wanted)
        n->limits.owners_us = OWNERS_US;
    /* Rounds of a millisecond would be all that there is to see of an hour. */
    if (w->plan.lasting && n->limits.round_us < LASTING_ROUND_US)
        n->limits.round_us = LASTING_ROUND_US;
}

static void make_nodes(struct world *w)
{
    w->plan.mesh = prng_u64(&w->prng);
    w->plan.one_machine = world_chance(w, 3);
    for (uint32_t i = 0; i < w->plan.nodes; i++)
        make_node(w, i);
    w->user_id = id_of(w->plan.mesh, SIM_NODES_MAX);
}

static uint64_t leaves_of_a_job(struct world *w)
{
    if (w->plan.scene >= SIM_SCENE_SHIP)
        return world_between(w, 100, 400);
    switch (prng_below(&w->prng, 4)) {
    case 0:
        return world_between(w, 1, 4);
    case 1:
        return world_between(w, 5, 60);
    default:
        return world_between(w, 30, w->plan.lasting ? 100 : 400);
    }
}

/* A lasting run has jobs of milliseconds and jobs of minutes. */
static uint32_t leaf_of_a_job(struct world *w, uint64_t leaves)
{
    if (w->plan.scene == SIM_SCENE_SHIP || w->plan.scene == SIM_SCENE_DRAIN)
        return (uint32_t)(world_between(w, 60, 200) * (uint64_t)S_US * w->plan.nodes / leaves);
    if (w->plan.scene == SIM_SCENE_REVOKE)
        return (uint32_t)(world_between(w, 3, 10) * (uint64_t)S_US * w->plan.nodes / leaves);
    if (w->plan.lasting && world_chance(w, 2))
        return (uint32_t)world_between(w, 40000, 400000);
    if (w->plan.lasting && world_chance(w, 2))
        return (uint32_t)world_between(w, 1000000, 4000000);
    return (uint32_t)world_between(w, 200, leaves < 50 ? 40000 : 8000);
}

static void make_job(struct world *w, uint32_t i)
{
    struct sim_job *j = &w->jobs[i];
    uint64_t leaves = leaves_of_a_job(w);
    uint32_t stage;

    j->leaf_us = leaf_of_a_job(w, leaves);
    if (world_chance(w, 10) && w->plan.scene == SIM_SCENE_NONE)
        j->spec.timeout_us = world_between(w, 500000, w->plan.lasting ? 40000000 : 4000000);
    if (world_chance(w, 6))
        j->spec.slots_max = (uint32_t)world_between(w, 1, 4);
    /* Of a number that is drawn anyway, so that all other jobs of a seed are what they were. */
    j->searches = j->leaf_us % 3 == 0;
    j->spec.check = j->leaf_us % 7 == 0 ? (uint16_t)(j->leaf_us % 5 * 250) : 0;
    j->match = j->leaf_us / 3 % (leaves + leaves / 4 + 1);
    sim_job_make(w, i, world_chance(w, 2), leaves);
    for (uint32_t k = 0; k < w->plan.nodes; k++)
        j->kernel_lacks |= !j->builtin && w->nodes[k].lacks_kernel;
    j->skew = world_chance(w, 3) ? (uint32_t)world_between(w, 2, 40) : 0;
    if (!w->plan.kernel_dies || i > w->plan.jobs_old)
        return;
    j->poison = prng_below(&w->prng, j->leaves);
    /* A number between two stages is none. */
    if (!shape_find(&j->shape, j->poison, &stage))
        j->poison = shape_at(&j->shape, stage).first;
    j->poison_times = world_chance(w, 2) ? UINT32_MAX : (uint32_t)world_between(w, 1, 2);
}

/* One draw a statement: the order of draws in one argument list is the compiler's, and a seed must
 * replay the same run whoever compiled it. */
static uint32_t add_user(struct world *w, enum user_kind kind, uint32_t job, int64_t at,
                         uint64_t least, uint64_t most)
{
    int64_t when = at + (int64_t)world_between(w, least, most);
    uint32_t node = (uint32_t)prng_below(&w->prng, w->plan.nodes);

    return sim_user_add(w, kind, job, node, false, when);
}

/* Somebody submits it, perhaps somebody else the same bytes elsewhere; others watch, or kill it. */
static void make_users(struct world *w, uint32_t i)
{
    int64_t at = (int64_t)world_between(w, 1000, (uint64_t)w->plan.season_us * 2 / 3);

    sim_user_add(w, USER_SUBMITS, i, (uint32_t)prng_below(&w->prng, w->plan.nodes), false, at);
    if (w->jobs[i].of_spec > 0)
        add_user(w, USER_APPENDS, i, at, 1000, 200000);
    if (world_chance(w, 4))
        add_user(w, USER_SUBMITS, i, at, 0, 20000);
    if (world_chance(w, 2))
        add_user(w, USER_WATCHES, i, at, 1000, 300000);
    if (world_chance(w, 6))
        add_user(w, USER_KILLS, i, at, 5000, 1500000);
    if (w->jobs[i].stages > 1 && world_chance(w, 4)) {
        uint32_t user = add_user(w, USER_KILLS_STAGE, i, at, 5000, 800000);

        w->users[user].stage = (uint32_t)prng_below(&w->prng, w->jobs[i].stages);
    }
}

/* Swarm: each seed leaves some kinds of faults out and exaggerates others. The rarer kinds are in
 * half of the seeds, so that they do not crowd out the usual ones everywhere. */
static void make_weights(struct world *w)
{
    static const uint8_t usual[] = {6, 3, 2, 4, 4, 2, 1, 4, 3, 2, 2, 3, 2, 2, 1,
                                    2, 1, 2, 2, 2, 4, 2, 2, 2, 1, 1, 1, 2, 1};
    _Static_assert(sizeof usual == FAULT_DRAWN, "each kind that is drawn has a weight");
    bool rarer = world_chance(w, 2);

    for (uint32_t i = 0; i < FAULT_DRAWN; i++) {
        bool left_out = world_chance(w, 3);
        uint32_t times = (uint32_t)world_between(w, 1, 3);

        w->plan.weights[i] = left_out || (i >= FAULT_LAG && !rarer) ? 0 : usual[i] * times;
    }
}

static void make_faults(struct world *w)
{
    struct sim_plan *p = &w->plan;

    make_weights(w);
    /* Tiny frames make several times the events of an hour. */
    if (p->lasting && !world_chance(w, 3))
        p->weights[FAULT_TIGHT] = 0;
    if (p->lasting) {
        p->season_us = (int64_t)world_between(w, 3 * MINUTE_US, 8 * MINUTE_US);
        p->fault_every_us = (int64_t)world_between(w, 10 * S_US, 35 * S_US);
    } else {
        p->season_us = (int64_t)world_between(w, 300000, 4000000);
        p->fault_every_us = (int64_t)world_between(w, 20000, 800000);
    }
    if (world_chance(w, p->lasting ? 30 : 10))
        memset(p->weights, 0, FAULT_DRAWN * sizeof p->weights[0]);
    p->delay_us =
        (uint32_t)(world_chance(w, 5) ? world_between(w, 1000, 20000) : world_between(w, 30, 400));
    p->jitter_us = (uint32_t)prng_below(&w->prng, p->delay_us * 2);
    if (w->seasons == 0)
        p->room_bytes = world_chance(w, 3) ? world_between(w, 500, 20000) : 0;
    p->one_dies_for_good = world_chance(w, 4);
    p->kernel_dies = world_chance(w, 8);
}

/* Faults and jobs from now on, until all is healed. */
static void begin_season(struct world *w, uint32_t jobs)
{
    struct sim_plan *p = &w->plan;

    for (; jobs > 0 && p->jobs < SIM_JOBS_MAX; jobs--) {
        make_job(w, p->jobs++);
        if (p->scene == SIM_SCENE_NONE)
            make_users(w, p->jobs - 1);
    }
    sim_objects_begin(w);
    sim_thief_begins(w);
    w->calm = true;
    if (p->scene != SIM_SCENE_NONE)
        return;
    p->heal_at = w->now + p->season_us;
    world_later(w, (int64_t)world_between(w, 1000, (uint64_t)p->fault_every_us * 2), HAPPEN_FAULT,
                SIM_EVERYBODY, 0, 0);
    world_later(w, p->season_us, HAPPEN_HEAL, SIM_EVERYBODY, 0, 0);
}

static uint32_t jobs_of_a_season(struct world *w)
{
    if (w->plan.scene != SIM_SCENE_NONE || w->plan.job != NULL)
        return 1;
    if (!w->plan.lasting)
        return (uint32_t)world_between(w, 1, 3);
    return (uint32_t)world_between(w, 3, SEASON_JOBS_MAX);
}

static uint32_t nodes_of_a_mesh(struct world *w, const struct sim_options *o)
{
    bool whole = o->scene == SIM_SCENE_NONE || o->scene == SIM_SCENE_REVOKE;
    uint64_t most = whole ? SIM_NODES_MAX : SIM_NODES_MAX / 2;
    uint64_t drawn = world_chance(w, 2) ? 3 : world_between(w, 3, most);

    if (o->nodes > 0)
        return o->nodes > most ? (uint32_t)most : o->nodes;
    if (o->scene == SIM_SCENE_REVOKE)
        return SIM_REVOKE_NODES;
    return o->lasting ? LASTING_NODES : (uint32_t)drawn;
}

bool sim_plan_has(const struct world *w, uint32_t fault)
{
    return w->plan.weights[fault] > 0 && !(w->plan.faults_off >> fault & 1);
}

/* A scene brings its own misfortune: of the faults it has those that last. */
static void clear_stage(struct sim_plan *p)
{
    memset(p->weights, 0, FAULT_EVENTS * sizeof p->weights[0]);
    p->one_dies_for_good = p->kernel_dies = false;
}

void sim_plan_make(struct world *w, const struct sim_options *o)
{
    struct sim_plan *p = &w->plan;
    uint32_t jobs;

    p->lasting = o->lasting;
    p->thief = o->thief && o->scene == SIM_SCENE_NONE;
    prng_init(&w->thief, o->seed);
    p->scene = o->scene;
    p->job = o->job;
    p->faults_off = o->faults_off;
    p->weights[FAULT_DRIFT] = sim_clock_drifts(o->seed);
    p->nodes_wanted = p->nodes = nodes_of_a_mesh(w, o);
    if (p->lasting)
        p->ends_at = (int64_t)world_between(w, 5 * MINUTE_US, 55 * MINUTE_US);
    /* In some lasting runs days are seconds. */
    if (p->lasting && o->seed % 3 == 0) {
        p->keep_s = KEEP_S;
        p->tombstone_s = TOMBSTONE_S;
    }
    sim_objects_plan(w, o->seed, o->graphs);
    jobs = jobs_of_a_season(w);
    make_faults(w);
    if (p->scene != SIM_SCENE_NONE)
        clear_stage(p);
    make_nodes(w);
    begin_season(w, jobs);
    for (uint32_t i = 0; i < p->nodes; i++)
        world_later(w,
                    p->scene == SIM_SCENE_NONE && world_chance(w, 4)
                        ? (int64_t)world_between(w, 0, 500000)
                        : 0,
                    HAPPEN_RESTART, SIM_EVERYBODY, i, 0);
    if (p->scene != SIM_SCENE_NONE)
        sim_scene_plan(w);
}

/* A new node, which starts within so long. */
static struct sim_node *newcomer(struct world *w, uint64_t within_us)
{
    struct sim_node *n = &w->nodes[w->plan.nodes];

    make_node(w, w->plan.nodes++);
    world_later(w, (int64_t)world_between(w, 0, within_us), HAPPEN_RESTART, SIM_EVERYBODY, n->index,
                0);
    return n;
}

bool sim_plan_replace(struct world *w, struct sim_node *n)
{
    if (w->plan.nodes == SIM_NODES_MAX || n->dead_for_good)
        return false;
    sim_node_crash(w, n, world_chance(w, 2));
    n->dead_for_good = true;
    n->died_in = w->seasons + 1;
    sim_check_lost(w);
    /* The jobs that there are were made for nodes that have their kernel, or not. */
    newcomer(w, 2 * (uint64_t)S_US)->lacks_kernel = false;
    return true;
}

/* Where a node died for good, a new one comes in its place, until all places are taken. */
static void replace_the_dead(struct world *w)
{
    uint32_t dead = 0;

    for (uint32_t i = 0; i < w->plan.nodes; i++)
        dead += w->nodes[i].dead_for_good;
    while (w->plan.nodes < w->plan.nodes_wanted + dead && w->plan.nodes < SIM_NODES_MAX)
        newcomer(w, MINUTE_US);
}

bool sim_plan_again(struct world *w)
{
    struct sim_plan *p = &w->plan;

    if (w->now >= p->ends_at)
        return false;
    w->healed = w->somebody_left = false;
    w->losses = w->rots = 0;
    for (uint32_t i = 0; i < p->nodes; i++)
        w->rots += w->nodes[i].disk.rotten;
    w->season_events = 0;
    p->jobs_old = p->jobs;
    sim_users_leave(w);
    replace_the_dead(w);
    make_faults(w);
    begin_season(w, jobs_of_a_season(w));
    return true;
}

/* One kind by lot, or FAULT_EVENTS when there are none. */
static enum fault any_fault(struct world *w)
{
    uint32_t total = 0, pick;

    for (uint32_t i = 0; i < FAULT_EVENTS; i++)
        total += w->plan.weights[i];
    if (total == 0)
        return FAULT_EVENTS;
    pick = (uint32_t)prng_below(&w->prng, total);
    for (uint32_t i = 0;; i++) {
        if (pick < w->plan.weights[i])
            return (enum fault)i;
        pick -= w->plan.weights[i];
    }
}

/* Each fault has draws of its own, so that the others stay what they are, and when, without those
 * that are switched off: only then a failing run can be made smaller. */
void sim_plan_fault(struct world *w)
{
    struct prng before = w->prng;
    enum fault f;

    if (w->healed)
        return;
    prng_init(&w->prng, w->plan.mesh ^ ++w->plan.fault_number << 32);
    world_later(w, (int64_t)world_between(w, 100, (uint64_t)w->plan.fault_every_us * 2),
                HAPPEN_FAULT, SIM_EVERYBODY, 0, 0);
    f = any_fault(w);
    if (f != FAULT_EVENTS && sim_plan_has(w, f)) {
        w->faults++;
        sim_fault_happens(w, f);
    }
    w->prng = before;
}

void sim_plan_heal(struct world *w)
{
    world_trace(w, "%u: HEAL", (unsigned)w->now);
    w->healed = true;
    sim_fault_open(w);
    w->plan.delay_us = 100;
    w->plan.jitter_us = 100;
    w->healed_at = w->now;
    for (uint32_t i = 0; i < w->plan.nodes; i++) {
        if (w->nodes[i].paused_until > w->healed_at)
            w->healed_at = w->nodes[i].paused_until;
        sim_fault_mend(w, &w->nodes[i]);
    }
}

static int64_t under_way_us(const struct world *w)
{
    int64_t last = w->now;

    for (uint32_t i = 0; i < w->plan.nodes; i++)
        for (const struct sim_worker *x = w->nodes[i].workers; x != NULL; x = x->next)
            if (x->working && x->leaf_ends > last)
                last = x->leaf_ends;
    return last - w->now;
}

int64_t sim_plan_work_us(const struct world *w)
{
    int64_t total = under_way_us(w), pause_us = 0;

    /* A node that may have hardly anything unconfirmed gives each leaf back, and gets it again when
     * the one before is kept. */
    if (sim_plan_has(w, FAULT_TIGHT))
        pause_us = TIGHT_PAUSE_US;
    for (uint32_t i = w->plan.jobs_old; i < w->plan.jobs; i++)
        total += sim_collect_patience_us(&w->jobs[i]) + sim_author_patience_us(w, &w->jobs[i]);
    for (uint32_t i = w->plan.jobs_old; i < w->plan.jobs; i++) {
        int64_t slowness = sim_demand_slowness(w, &w->jobs[i]);
        int64_t times = w->jobs[i].spec.check > 0 ? 2 : 1; /* leaves are computed again */

        for (uint64_t leaf = 0; leaf < w->jobs[i].leaves; leaf++)
            total += (sim_leaf_us(&w->jobs[i], leaf) * 9 / 8 * slowness + pause_us) * times;
    }
    return total;
}
