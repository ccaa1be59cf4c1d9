#include "core/sim/sim_revoke.h"

#include "core/sim/sim_net.h"
#include "core/sim/sim_node.h"
#include "core/sim/sim_seal.h"
#include "core/sim/sim_user.h"
#include "core/wire/act_talk.h"

#define MEET_US (400 * MS_US) /* until then the nodes know each other */
#define WHEN_US (3 * S_US)    /* after that, some time of the job's */
#define END_US (2 * S_US)     /* after all had to be cut */

void sim_revoke_plan(struct world *w)
{
    uint32_t node = (uint32_t)prng_below(&w->prng, w->plan.nodes);

    sim_user_add(w, USER_SUBMITS, 0, node, false, MEET_US);
    world_later(w, MEET_US + (int64_t)prng_below(&w->prng, WHEN_US), HAPPEN_SCENE, SIM_EVERYBODY, 0,
                0);
}

/* Holders and the coordinator are what matters most. */
static struct sim_node *choose(struct world *w)
{
    uint32_t from = (uint32_t)prng_below(&w->prng, w->plan.nodes);
    bool holder = world_chance(w, 2);

    for (uint32_t i = 0; holder && i < w->plan.nodes; i++) {
        struct sim_node *n = &w->nodes[(from + i) % w->plan.nodes];

        if (n->disk.held[0].spec)
            return n;
    }
    return &w->nodes[from];
}

static void put_act(const struct world *w, struct node_id subject, struct buf *to)
{
    const struct act a = {
        .kind = ACT_REVOKE, .subject = subject, .at_s = SIM_WALL_S, .reason = "a scene"};
    uint8_t certificate[SIM_CERTIFICATE_SIZE], text[64], room[512];
    struct signed_bytes s = {.certificate = {certificate, sizeof certificate}};
    struct buf body, whole;
    uint8_t bytes[1024];

    buf_init_fixed(&body, room, sizeof room);
    put_act_body(&body, &a);
    s.body = buf_bytes(&body);
    sim_certificate(w->user_id, PARTY_USER, certificate);
    sim_sign(w->user_id, (struct bytes){text, signed_text(&s, SIGNED_ACT, text)}, s.signature);
    buf_init_fixed(&whole, bytes, sizeof bytes);
    put_signed(&whole, &s);
    put_acts_begin(to, 1);
    put_block(to, buf_bytes(&whole));
}

/* Whoever brings it, an act is judged by itself: it comes over any link of that node. */
static void tell(struct world *w, struct sim_node *n, struct node_id subject)
{
    struct event ev = {.kind = EVENT_FRAME};
    uint8_t bytes[2048];
    struct buf b;

    buf_init_fixed(&b, bytes, sizeof bytes);
    put_act(w, subject, &b);
    for (uint32_t i = 0; i < n->ends_count; i++)
        if (sim_net_peer(w, n, n->ends[i].link) < SIM_NODES_MAX)
            ev.frame.link = n->ends[i].link;
    ev.frame.frame = (struct frame){MESSAGE_ACT, 0, buf_bytes(&b)};
    sim_node_event(w, n, &ev);
}

static void revoke(struct world *w)
{
    struct story *s = &w->story;
    struct sim_node *gone = choose(w);
    uint32_t others = (uint32_t)world_between(w, 1, w->plan.nodes - 1);

    s->deaf = world_chance(w, 2);
    s->revoked = gone->index + 1;
    s->revoked_at = w->now;
    gone->dead_for_good = true;
    gone->died_in = w->seasons + 1;
    w->calm = false;
    world_trace(w, "%u: node%u is revoked%s", (unsigned)w->now, gone->index,
                s->deaf ? " and does not listen" : "");
    tell(w, &w->nodes[(gone->index + others) % w->plan.nodes], gone->id);
    world_later(w, SIM_REVOKE_US + END_US, HAPPEN_SCENE, SIM_EVERYBODY, 0, 0);
}

/* A thief gives up: nobody can be asked there. */
static void end(struct world *w)
{
    struct sim_node *gone = &w->nodes[w->story.revoked - 1];

    w->story.over = true;
    if (gone->core != NULL)
        sim_node_crash(w, gone, false);
    world_later(w, 0, HAPPEN_HEAL, SIM_EVERYBODY, 0, 0);
}

void sim_revoke_goes_on(struct world *w)
{
    if (w->story.revoked == 0)
        revoke(w);
    else
        end(w);
}

/* Connections to it that other nodes take for open. */
static uint32_t links_to(const struct world *w, uint32_t gone)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < w->plan.nodes; i++) {
        const struct sim_node *n = &w->nodes[i];

        for (uint32_t k = 0; i != gone && k < n->ends_count; k++)
            count += sim_net_peer(w, n, n->ends[k].link) == gone;
    }
    return count;
}

void sim_revoke_watch(struct world *w)
{
    struct story *s = &w->story;

    if (s->revoked == 0 || s->over || w->failed)
        return;
    if (links_to(w, s->revoked - 1) == 0) {
        if (s->cut_us == 0)
            s->cut_us = w->now - s->revoked_at + 1;
    } else if (s->cut_us > 0) {
        world_fail(w, G9, "a node that was revoked, and was cut off, has a link again",
                   s->revoked - 1, UINT32_MAX);
    } else if (w->now - s->revoked_at > SIM_REVOKE_US) {
        world_fail(w, G9, "a node that was revoked has a link after 5 s", s->revoked - 1,
                   UINT32_MAX);
    }
}

bool sim_revoke_is_deaf(const struct world *w, uint32_t node, uint8_t type)
{
    return w->story.deaf && type == MESSAGE_ACT && node + 1 == w->story.revoked;
}
