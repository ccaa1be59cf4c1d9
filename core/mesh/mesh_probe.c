#include "core/mesh/mesh_inside.h"

/* Silence.
 *
 * A standing link that has been quiet for 600 to 850 ms is pinged; any frame is an answer. Both
 * ends count what they hear, so an idle pair exchanges one ping and one pong in that time, not two.
 * No answer in 100 ms: up to three others are asked to ping it, 400 ms more. Nobody got through:
 * suspect. In sum at most 1.35 s after the last frame, stretched by local health. Others who hold a
 * link to the suspect ping it themselves when they hear of it, and confirm or ask it to refute. */

#define QUIET_MIN_US (600 * MS_US)
#define QUIET_SPREAD_US (250 * MS_US)
#define PING_TIMEOUT_US (100 * MS_US)
#define ASK_TIMEOUT_US (400 * MS_US) /* outlasts one retransmission on the way */
#define RELAY_TIMEOUT_US (300 * MS_US)
#define ASK_COUNT 3
#define MUTE_US (3 * S_US) /* a link so long silent is broken, whatever others say */
#define DEAD_KEPT_US (600 * S_US)
#define LEFT_KEPT_US (60 * S_US)
#define DEAD_DIAL_US (2 * S_US)
#define DEAD_DIAL_LATER_US (5 * S_US)
#define DEAD_DIAL_NODES 16
#define DEAD_FRESH_US (60 * S_US)

void probe_quiet(struct mesh *m, struct link *l, struct instant now)
{
    int64_t us = QUIET_MIN_US + (int64_t)prng_below(&m->prng, (uint64_t)QUIET_SPREAD_US);
    l->quiet = instant_plus_us(now, us);
}

static void ping(struct mesh *m, const struct link *l)
{
    uint8_t raw[32];
    struct buf b;
    buf_init_fixed(&b, raw, sizeof raw);
    struct ping what = {++m->next_number, members_digest(&m->members, &m->self)};
    put_ping(&b, &what);
    link_send(m, l, MESSAGE_PING, &b);
}

void probe_compare(struct mesh *m, const struct link *l)
{
    ping(m, l);
}

void probe_begin(struct mesh *m, struct peer *p, struct instant now)
{
    struct link *l = links_find(&m->links, p->m.link);
    struct care *c = members_care(&m->members, p);
    if (!c)
        return;
    c->probe = (struct probe){
        .stage = PROBE_DIRECT,
        .due = instant_plus_us(now, health_stretch_us(&m->health, PING_TIMEOUT_US)),
    };
    if (!l)
        return;
#if VELUM_PLANT != 131 /* trace/test_mesh: nobody wakes up for a ping that is not answered */
    link_arm(m, l);
#endif
    ping(m, l);
}

void probe_end(struct mesh *m, struct peer *p)
{
    if (care_of(p)->probe.stage == PROBE_NONE)
        return;
    p->care->probe.stage = PROBE_NONE;
    link_arm_of(m, p);
}

static void ask(struct mesh *m, const struct link *l, const struct peer *p)
{
    uint8_t raw[64];
    struct buf b;
    buf_init_fixed(&b, raw, sizeof raw);
    struct probe_ask what = {p->care->probe.number, p->m.info->id};
    put_probe_ask(&b, &what);
    link_send(m, l, MESSAGE_PROBE, &b);
}

static bool link_can_be_asked(const struct link *l, const struct peer *about)
{
    return l->peer && l->peer != about && l->peer->m.link == l->number &&
           l->peer->m.state == NODE_ALIVE;
}

void probe_others(struct mesh *m, struct peer *p, struct instant now)
{
    const struct link *chosen[ASK_COUNT];
    struct care *c = members_care(&m->members, p);
    uint32_t seen = 0;
    if (!c)
        return;
    for (uint32_t i = 0; i < m->links.count; i++) {
        const struct link *l = m->links.list[i];
        if (!link_can_be_asked(l, p))
            continue;
        /* Reservoir sampling: each candidate is as likely as any other. */
        uint64_t at = seen < ASK_COUNT ? seen : prng_below(&m->prng, seen + 1);
        if (at < ASK_COUNT)
            chosen[at] = l;
        seen++;
    }
    c->probe = (struct probe){
        .stage = PROBE_INDIRECT,
        .due = instant_plus_us(now, health_stretch_us(&m->health, ASK_TIMEOUT_US)),
        .number = ++m->next_number,
        .asked = seen < ASK_COUNT ? seen : ASK_COUNT,
    };
    for (uint32_t i = 0; i < c->probe.asked; i++)
        ask(m, chosen[i], p);
    if (p->m.link)
        link_arm_of(m, p);
    else
        mesh_arm(m, c->probe.due);
}

static void relay_answer(struct mesh *m, const struct relay *r, bool answered)
{
    const struct link *l = links_find(&m->links, r->asker);
    if (!l || l->state == LINK_DRAINING)
        return;
    uint8_t raw[16];
    struct buf b;
    buf_init_fixed(&b, raw, sizeof raw);
    struct probe_answer what = {r->number, answered};
    put_probe_answer(&b, &what);
    link_send(m, l, MESSAGE_PROBED, &b);
}

void probe_on_ask(struct mesh *m, struct link *l, const struct probe_ask *asked, struct instant now)
{
    struct relay r = {.asker = l->number, .number = asked->number, .target = asked->target};
    const struct peer *p = members_find(&m->members, asked->target);
    const struct link *to = p ? links_find(&m->links, p->m.link) : NULL;
    if (!to || m->relays_count == MESH_RELAYS_MAX) {
        relay_answer(m, &r, false);
        return;
    }
    r.due = instant_plus_us(now, RELAY_TIMEOUT_US);
    m->relays[m->relays_count++] = r;
    ping(m, to);
}

static void relays_answered(struct mesh *m, struct node_id target)
{
    for (uint32_t i = m->relays_count; i-- > 0;)
        if (node_id_equal(m->relays[i].target, target)) {
            relay_answer(m, &m->relays[i], true);
            m->relays[i] = m->relays[--m->relays_count];
        }
}

void probe_relays_tick(struct mesh *m, struct instant now)
{
    for (uint32_t i = m->relays_count; i-- > 0;)
        if (instant_reached(now, m->relays[i].due)) {
            /* A no tells the asker that we, and with it the asker itself, are well. */
            relay_answer(m, &m->relays[i], false);
            m->relays[i] = m->relays[--m->relays_count];
        }
}

struct instant probe_relays_due(const struct mesh *m)
{
    struct instant due = INSTANT_NEVER;
    for (uint32_t i = 0; i < m->relays_count; i++)
        due = instant_first(due, m->relays[i].due);
    return due;
}

/* The peer of a probe that others were asked for, or NULL. */
static struct peer *probed(const struct mesh *m, uint32_t number)
{
    for (uint32_t i = 0; i < m->members.cared_count; i++) {
        const struct probe *probe = &m->members.cared[i]->care->probe;
        if (probe->stage == PROBE_INDIRECT && probe->number == number)
            return m->members.cared[i];
    }
    return NULL;
}

void probe_on_answer(struct mesh *m, const struct probe_answer *a, struct instant now)
{
    struct peer *p = probed(m, a->number);
    if (!p)
        return;
    struct care *c = p->care;
    c->probe.answers++;
    if (!a->answered)
        return;
    probe_end(m, p);
    p->m.heard = now;
    if (p->m.link || p->m.state != NODE_ALIVE)
        return;
    peer_becomes(m, p, NODE_AWAY, 0, now);
    /* A last try that was due while the others were asked was not thought needed. */
    if (!c->dial && c->dial_due.us == INSTANT_NEVER.us) {
        c->dial_due = now;
        mesh_arm(m, now);
    }
}

void probe_heard(struct mesh *m, struct link *l, struct instant now)
{
    struct peer *p = l->peer;
    l->heard = now;
    if (!p)
        return;
    p->m.heard = now;
    probe_quiet(m, l, now);
    if (p->care->probe.stage == PROBE_DIRECT)
        health_better(&m->health);
    link_arm(m, l);
    probe_end(m, p);
    if (m->relays_count > 0)
        relays_answered(m, p->m.info->id);
    if (p->m.state == NODE_SUSPECT && p->m.link) {
        if (!p->care->hushed)
            suspicion_forward(m, p);
        peer_becomes(m, p, NODE_ALIVE, p->m.link, now);
    }
    if (p->care->accusation)
        accusation_forward(m, p);
}

/* Nobody got through to it. */
static void probe_failed(struct mesh *m, struct peer *p, struct instant now)
{
    if (p->care->probe.asked > 0 && p->care->probe.answers == 0)
        health_worse(&m->health);
    probe_end(m, p);
    peer_suspect(m, p, m->self.id, now);
}

static void probe_step(struct mesh *m, struct peer *p, struct instant now)
{
    enum probe_stage stage = p->care->probe.stage;
    if (stage == PROBE_INDIRECT) {
        probe_failed(m, p, now);
    } else if (stage == PROBE_DIRECT && p->care->accusation) {
        probe_end(m, p);
        accusation_holds(m, p, now);
    } else if (stage == PROBE_DIRECT && p->m.state == NODE_SUSPECT) {
        probe_end(m, p);
        peer_suspect(m, p, m->self.id, now);
    } else if (stage == PROBE_LOST && (p->m.link || p->m.state == NODE_SUSPECT)) {
        probe_end(m, p);
    } else {
        probe_others(m, p, now);
    }
}

static bool link_is_watched(const struct link *l)
{
    return l->peer && l->peer->m.link == l->number;
}

struct instant probe_link_due(const struct link *l)
{
    if (!link_is_watched(l))
        return INSTANT_NEVER;
    const struct care *c = l->peer->care;
    if (c->probe.stage != PROBE_NONE)
        return c->probe.due;
    return c->standing ? l->quiet : INSTANT_NEVER;
}

static void probe_link(struct mesh *m, struct link *l, struct instant now)
{
    struct peer *p = l->peer;
    bool probing = p->care->probe.stage != PROBE_NONE;
    /* A ping is retried while the silence lasts; a suspicion that is wrong ends with its answer. */
    probe_quiet(m, l, now);
    if (probing)
        probe_step(m, p, now);
    else if (p->m.state != NODE_SUSPECT && instant_since_us(now, l->heard) > MUTE_US)
        link_mute(m, l, now);
    else
        probe_begin(m, p, now);
}

void probe_link_tick(struct mesh *m, struct link *l, struct instant now)
{
    if (instant_reached(now, probe_link_due(l)))
        probe_link(m, l, now);
}

static struct instant suspicion_end(const struct mesh *m, const struct peer *p)
{
    const struct suspicion *s = &p->care->suspicion;
    return instant_plus_us(s->start,
                           suspicion_timeout_us(s, m->members.live + 1, m->members.alive));
}

void suspicion_arm(struct mesh *m, const struct peer *p)
{
    if (p->care->hushed)
        mesh_arm(m, instant_plus_us(p->care->suspicion.start, HUSH_US));
    mesh_arm(m, suspicion_end(m, p));
}

static void suspicion_tick(struct mesh *m, struct peer *p, struct instant now)
{
    struct instant told = instant_plus_us(p->care->suspicion.start, HUSH_US);
    if (p->care->hushed && instant_reached(now, told)) {
        p->care->hushed = false;
        peer_news(m, p, 0);
    }
    if (instant_reached(now, suspicion_end(m, p)))
        peer_dead(m, p, 0, now);
    else
        suspicion_arm(m, p);
}

/* One that is gone. True when it was forgotten. */
static bool gone_tick(struct mesh *m, struct peer *p, struct instant now)
{
    int64_t kept = p->m.state == NODE_LEFT ? LEFT_KEPT_US : DEAD_KEPT_US;
    struct instant end = instant_plus_us(p->care->gone_at, kept);
    if (!instant_reached(now, end)) {
        mesh_arm(m, end);
        return false;
    }
    if (p->m.state == NODE_DEAD) {
        struct hint *h = hints_add(&m->hints, p->m.info->addr, now);
        if (h && node_id_is_zero(h->met) && !h->wait_us)
            hint_left_behind(h);
    }
    peer_forget(m, p);
    return true;
}

/* All nodes together try a dead member about as often as DEAD_DIAL_NODES would alone, each at a
 * time of its own, so that one that comes back is not met by everybody at once. */
static int64_t dead_pause_us(struct mesh *m, bool fresh, struct instant now)
{
    int64_t us = fresh ? DEAD_DIAL_US : DEAD_DIAL_LATER_US, nodes = (int64_t)m->members.live + 1;
    if (nodes > DEAD_DIAL_NODES)
        us = us * nodes / DEAD_DIAL_NODES;
    if (nodes > DEAD_DIAL_NODES && !m->dead_known)
        m->dead_dialled.us = now.us - (int64_t)prng_below(&m->prng, (uint64_t)us);
    m->dead_known = true;
    return us;
}

/* One dead member at a time is tried, the one whose turn is longest ago, so that a healed
 * partition is found within seconds and a large one costs no storm. */
static void dead_dial(struct mesh *m, struct instant now)
{
    struct peer *next = NULL;
    bool fresh = false;
    for (uint32_t i = 0; i < m->members.cared_count; i++) {
        struct peer *p = m->members.cared[i];
        if (p->m.state != NODE_DEAD || p->care->dial)
            continue;
        fresh |= instant_since_us(now, p->care->gone_at) < DEAD_FRESH_US;
        if (!next || instant_before(p->care->dial_start, next->care->dial_start))
            next = p;
    }
#if VELUM_PLANT == 52 /* trace/test_mesh: nobody dials the dead */
    next = NULL;
#endif
    if (!next) {
        m->dead_known = false;
        return;
    }
    int64_t pause_us = dead_pause_us(m, fresh, now);
    struct instant due = instant_plus_us(m->dead_dialled, pause_us);
    if (instant_reached(now, due)) {
        m->dead_dialled = now;
        peer_dial(m, next, now);
        due = instant_plus_us(now, pause_us < DEAD_DIAL_LATER_US ? DEAD_DIAL_US : pause_us);
    }
    mesh_arm(m, due);
}

/* Those that are gone, but were not cared for, because there was no memory. */
static void neglect_ends(struct mesh *m, struct instant now)
{
    struct members *t = &m->members;
    t->neglected = false;
    for (uint32_t i = 0; i < t->count; i++) {
        struct peer *p = members_at(t, i);
        if (node_state_is_live(p->m.state) || p->care)
            continue;
        struct care *c = members_care(t, p);
        if (c)
            c->gone_at = now;
        else
            t->neglected = true;
    }
    if (t->neglected)
        mesh_arm(m, instant_plus_us(now, S_US));
}

void probe_members_tick(struct mesh *m, struct instant now)
{
    struct members *t = &m->members;
    if (t->neglected)
        neglect_ends(m, now);
    for (uint32_t i = 0; i < t->cared_count;) {
        struct peer *p = t->cared[i];
        struct probe *probe = &p->care->probe;
        if (!p->m.link && probe->stage != PROBE_NONE) {
            if (instant_reached(now, probe->due))
                probe_step(m, p, now);
            if (probe->stage != PROBE_NONE)
                mesh_arm(m, probe->due);
        }
        if (p->m.state == NODE_SUSPECT)
            suspicion_tick(m, p, now);
        if (node_state_is_live(p->m.state) || !gone_tick(m, p, now))
            i++;
    }
    dead_dial(m, now);
}

void probe_restart(struct mesh *m, struct instant now)
{
    health_worse(&m->health);
    for (uint32_t i = 0; i < m->members.cared_count; i++) {
        struct care *c = m->members.cared[i]->care;
        c->suspicion.start = now;
        members_acquit(&m->members, m->members.cared[i]);
        if (c->probe.stage == PROBE_DIRECT || c->probe.stage == PROBE_INDIRECT)
            c->probe.stage = PROBE_NONE;
        if (c->probe.stage == PROBE_LOST)
            c->probe.due = instant_plus_us(now, LOST_GRACE_US);
    }
    for (uint32_t i = 0; i < m->links.count; i++) {
        struct link *l = m->links.list[i];
        l->heard = now;
        probe_quiet(m, l, now);
        if (l->state == LINK_GREETING)
            l->deadline = instant_plus_us(now, S_US);
        link_arm(m, l);
    }
    m->relays_count = 0;
}
