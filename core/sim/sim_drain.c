#include "core/sim/sim_drain.h"

#include "core/node/node.h"
#include "core/sim/sim_disk.h"
#include "core/sim/sim_fault.h"
#include "core/sim/sim_node.h"
#include "core/sim/sim_seal.h"
#include "core/sim/sim_user.h"
#include "core/wire/act.h"

#define LOOK_US (200 * MS_US)
#define MEET_US (400 * MS_US) /* until then the nodes know each other */
#define EMPTY_US (60 * S_US)  /* a node must be within that, and a leaf that runs */
#define MOST_DRAINS 6

static void look_later(struct world *w)
{
    world_later(w, LOOK_US + (int64_t)prng_below(&w->prng, LOOK_US), HAPPEN_SCENE, SIM_EVERYBODY, 0,
                0);
}

void sim_drain_plan(struct world *w)
{
    uint32_t node = (uint32_t)prng_below(&w->prng, w->plan.nodes);

    w->story.drains_left = (uint32_t)world_between(w, 1, MOST_DRAINS);
    sim_user_add(w, USER_SUBMITS, 0, node, false, MEET_US);
    look_later(w);
}

static uint32_t order(struct world *w, uint32_t node, enum act_kind kind)
{
    uint32_t at = (uint32_t)prng_below(&w->prng, w->plan.nodes);
    uint32_t user = sim_user_add(w, USER_ORDERS, 0, at, false, 0);

    w->users[user].subject = node;
    w->users[user].act = (uint8_t)kind;
    w->users[user].act_at = sim_node_wall_s(w, &w->nodes[node]) + ++w->story.orders;
    return user;
}

/* The time is one that no act before had. */
void sim_drain_ask(struct world *w, const struct sim_user *u, struct buf *to)
{
    const struct act a = {
        .kind = (enum act_kind)u->act, .subject = w->nodes[u->subject].id, .at_s = u->act_at};
    uint8_t certificate[SIM_CERTIFICATE_SIZE], text[64], room[256], act_room[512];
    struct signed_bytes s = {.certificate = {certificate, sizeof certificate}};
    struct buf body, act;

    buf_init_fixed(&body, room, sizeof room);
    buf_init_fixed(&act, act_room, sizeof act_room);
    put_act_body(&body, &a);
    s.body = buf_bytes(&body);
    sim_certificate(w->user_id, PARTY_USER, certificate);
    sim_sign(w->user_id, (struct bytes){text, signed_text(&s, SIGNED_ACT, text)}, s.signature);
    put_signed(&act, &s);
    put_block(to, buf_bytes(&act));
}

/* --- one after the other --- */

static bool all_are_up(const struct world *w)
{
    for (uint32_t i = 0; i < w->plan.nodes; i++)
        if (!w->nodes[i].dead_for_good && !sim_node_is_up(w, i))
            return false;
    return true;
}

static uint32_t nodes_left(const struct world *w)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < w->plan.nodes; i++)
        count += !w->nodes[i].dead_for_good;
    return count;
}

static uint32_t any_node(struct world *w)
{
    uint32_t at = (uint32_t)prng_below(&w->prng, w->plan.nodes);

    while (w->nodes[at].dead_for_good)
        at = (at + 1) % w->plan.nodes;
    return at;
}

static void begin_one(struct world *w)
{
    struct story *s = &w->story;

    s->draining = any_node(w);
    s->drain_began = w->now;
    s->drain_stage = STORY_DRAINS;
    s->order = order(w, s->draining, ACT_DRAIN);
    if (!world_chance(w, 3))
        return;
    w->nodes[s->draining].power_goes_too = world_chance(w, 2);
    w->nodes[s->draining].crash_in = (uint32_t)world_between(w, 1, 200);
}

static int64_t longest_leaf_us(const struct world *w, const struct sim_node *n)
{
    const struct sim_job *j = &w->jobs[0];

    return (int64_t)j->leaf_us * (j->skew > 0 ? 10 : 1) * n->slowness;
}

/* Whoever was killed on the way comes back soon. */
static void wait_for_it(struct world *w)
{
    struct story *s = &w->story;
    struct sim_node *n = &w->nodes[s->draining];

    if (n->core == NULL) {
        world_later(w, (int64_t)world_between(w, 5000, 1000000), HAPPEN_RESTART, SIM_EVERYBODY,
                    n->index, 0);
        return;
    }
    if (w->now - s->drain_began > EMPTY_US + longest_leaf_us(w, n))
        world_fail(w, G3, "a node that drains is not empty after a minute", n->index, 0);
    if (!node_is_drained(n->core) || !w->users[s->order].done)
        return;
    s->drained++;
    n->crash_in = 0;
    sim_node_crash(w, n, true);
    sim_disk_lose(w, n, false);
    n->dead_for_good = nodes_left(w) > SIM_SCENE_NODES_MIN && world_chance(w, 4);
    s->drain_stage = STORY_RESUMES;
    s->order = order(w, s->draining, ACT_RESUME);
    if (!n->dead_for_good)
        world_later(w, (int64_t)world_between(w, 5000, 3000000), HAPPEN_RESTART, SIM_EVERYBODY,
                    n->index, 0);
}

static void end_one(struct world *w)
{
    struct story *s = &w->story;

    if (!w->users[s->order].done || !all_are_up(w))
        return;
    s->drain_stage = STORY_IDLE;
    if (--s->drains_left == 0)
        world_later(w, (int64_t)world_between(w, 0, 3 * S_US), HAPPEN_HEAL, SIM_EVERYBODY, 0, 0);
}

/* What the mesh must bear at any time. */
static void disturb(struct world *w)
{
    static const enum fault some[] = {FAULT_RESET,   FAULT_ECHO,  FAULT_FLAP,
                                      FAULT_COMPACT, FAULT_PAUSE, FAULT_WORKER};

    sim_fault_happens(w, some[prng_below(&w->prng, sizeof some / sizeof *some)]);
}

void sim_drain_goes_on(struct world *w)
{
    struct story *s = &w->story;

    if (world_chance(w, 12))
        disturb(w);
    if (s->drain_stage == STORY_IDLE && w->jobs[0].acknowledged && all_are_up(w))
        begin_one(w);
    else if (s->drain_stage == STORY_DRAINS)
        wait_for_it(w);
    else if (s->drain_stage == STORY_RESUMES)
        end_one(w);
    if (s->drains_left > 0)
        look_later(w);
}
