#include "core/mesh/mesh_inside.h"

#include <string.h>

#include "core/base/err.h"

/* A link's life.
 *
 *   up -> GREETING -> (HELLO) -> OPEN -> gone
 *                                OPEN -> DRAINING (we said GOODBYE) -> gone
 *                                OPEN -> ENDING (they said duplicate) -> gone
 *
 * Parallel links are ranked alike by both ends (links.h), so both call the same one a duplicate,
 * and it does not matter who says it first. The one who hears it closes, but only once the better
 * link is open at its own end too: until then its member stays reachable over the old one, which
 * the other end still reads. So a member's link changes at most once per duplicate and never
 * through nothing. A HELLO that says `alone` disproves every link its author greeted on before:
 * that end of them is gone, whatever ours looks like. */

#define ENDING_US (1 * S_US)
#define DRAINING_US (2 * S_US)
#define IDLE_US (60 * S_US)
/* The first contact of a large mesh is met by everybody, and needed by few of them for long. */
#define LINKS_EASY 64
#define IDLE_CROWDED_US (5 * S_US)
#define SYNC_PAUSE_US (10 * MS_US)
#define COMPARE_US (300 * MS_US)
#define REDIAL_US (1 * S_US)

void link_send(struct mesh *m, const struct link *l, enum message type, const struct buf *b)
{
    if (buf_result(b) == 0)
        m->ports.send(m->ports.ctx, l->number, (uint8_t)type, buf_bytes(b));
}

void link_goodbye(struct mesh *m, const struct link *l, enum goodbye_reason reason)
{
    uint8_t raw[8];
    struct buf b;
    buf_init_fixed(&b, raw, sizeof raw);
    struct goodbye g = {reason, MESH_VERSION_MIN, MESH_VERSION_MAX};
    put_goodbye(&b, &g);
    link_send(m, l, MESSAGE_GOODBYE, &b);
}

int link_greet(struct mesh *m, struct link *l)
{
    l->greeting_ours = ++m->next_greeting;
    struct hello h = {
        .version_min = MESH_VERSION_MIN,
        .version_max = MESH_VERSION_MAX,
        .features = MESH_FEATURES,
        .greeting = l->greeting_ours,
        .alone = !links_has(&m->links, l->id, l),
        .calendar_s = m->ports.calendar ? m->ports.calendar(m->ports.ctx) : 0,
        .self = m->self,
    };
    buf_reset(&m->out);
    put_hello(&m->out, &h);
    /* A table of more than a page goes out later, and only to one that needs it: links come and go
     * with every change of the ring, at both ends of which the table is known. */
    if (m->members.count > MESH_PAGE_RUMORS)
        memset(l->sync_after.bytes, 0xff, sizeof l->sync_after.bytes);
    /* The receiver comes first: what is said of it, it must be able to refute. */
    l->syncing = rumors_page(m, l->id, &l->sync_after);
    l->told = m->self.incarnation;
    link_send(m, l, MESSAGE_HELLO, &m->out);
    return buf_result(&m->out);
}

void link_arm(struct mesh *m, struct link *l)
{
    struct instant due = link_due(l);
    if (instant_before(due, l->armed))
        links_arm(&m->links, l, due);
}

void link_arm_of(struct mesh *m, const struct peer *p)
{
    struct link *l = p->m.link ? links_find(&m->links, p->m.link) : NULL;
    if (l)
        link_arm(m, l);
}

void link_forget(struct mesh *m, struct link *l)
{
    if (l->peer)
        l->peer->care->links--;
    links_remove(&m->links, l);
}

static void close_link(struct mesh *m, struct link *l)
{
    m->ports.close(m->ports.ctx, l->number);
    link_forget(m, l);
}

void link_drop_all(struct mesh *m, struct node_id id)
{
    struct link *l;
    for (uint64_t at = 0; (l = links_after(&m->links, at)) != NULL;) {
        at = l->number;
        if (l->peer && node_id_equal(l->id, id))
            close_link(m, l);
    }
}

void link_expel_all(struct mesh *m, struct node_id id)
{
    struct link *l;
    for (uint64_t at = 0; (l = links_after(&m->links, at)) != NULL;) {
        at = l->number;
        if (node_id_equal(l->id, id))
            close_link(m, l);
    }
}

static void drain(struct mesh *m, struct link *l, enum goodbye_reason reason, struct instant now)
{
    link_goodbye(m, l, reason);
    l->state = LINK_DRAINING;
    l->deadline = instant_plus_us(now, DRAINING_US);
    link_arm(m, l);
}

/* Of a table that was not in our HELLO. One that was not here before gets it now; with others the
 * digests are compared, a moment later, when what changed the ring has become known everywhere. */
static void sync_begin(struct mesh *m, struct link *l, bool is_news, struct instant now)
{
    if (m->members.count <= MESH_PAGE_RUMORS)
        return;
    l->fresh = true;
    if (l->ours)
        l->compare = instant_plus_us(now, COMPARE_US);
    if (is_news && !l->syncing) {
        l->syncing = true;
        l->sync_after = (struct node_id){0};
    }
}

/* A link that never came to a HELLO. */
static void greeting_failed(struct mesh *m, const struct link *l, struct instant now)
{
    struct hint *h = hints_find_dial(&m->hints, l->dial);
    if (h) {
        hint_failed(h, now);
        mesh_arm(m, h->due);
    }
    struct peer *p = members_find(&m->members, l->id);
    if (p && l->ours)
        dial_peer_failed(m, p, false, now);
}

void link_gone(struct mesh *m, struct link *l, bool lost, struct instant now)
{
    struct link was = *l;
    struct peer *p = l->peer;
    link_forget(m, l);
    if (!p && was.state == LINK_GREETING)
        greeting_failed(m, &was, now);
    if (!p || p->m.link != was.number)
        return;
    const struct link *other = links_best(&m->links, m->self.id, was.id);
    struct care *c = p->care;
    probe_end(m, p);
    members_acquit(&m->members, p);
    peer_becomes(m, p, p->m.state, other ? other->number : 0, now);
    if (other)
        return;
    c->lost = lost;
    c->dial_wait_us = 0;
    c->dial_due = instant_plus_us(now, REDIAL_US);
    mesh_arm(m, c->dial_due);
    if (!lost)
        return;
    c->probe = (struct probe){.stage = PROBE_LOST, .due = instant_plus_us(now, LOST_GRACE_US)};
    mesh_arm(m, c->probe.due);
    peer_dial(m, p, now);
}

void link_mute(struct mesh *m, struct link *l, struct instant now)
{
    log_line(m->log, LOG_INFO, "mesh: the link to %s carries nothing; trying another",
             l->peer->m.info->name);
    m->ports.close(m->ports.ctx, l->number);
    link_gone(m, l, true, now);
}

/* Because of ourselves: what ends in the middle of its greeting tells nothing of its member. */
static void hang_up(struct mesh *m, struct link *l, struct instant now)
{
    struct hint *h = hints_find_dial(&m->hints, l->dial);
    if (l->state != LINK_DRAINING)
        link_goodbye(m, l, GOODBYE_CLOSING);
    m->ports.close(m->ports.ctx, l->number);
    if (l->state != LINK_GREETING) {
        link_gone(m, l, false, now);
        return;
    }
    link_forget(m, l);
    if (!h)
        return;
    hint_failed(h, now);
    mesh_arm(m, h->due);
}

void link_anew(struct mesh *m, struct peer *p, struct instant now)
{
    struct link *l;
    for (uint64_t at = 0; (l = links_after(&m->links, at)) != NULL;) {
        at = l->number;
#if VELUM_PLANT == 641 /* trace/test_mesh_anew: a greeting that is half said goes on as it was */
        if (l->peer == p)
#else
        if (node_id_equal(l->id, p->m.info->id))
#endif
            hang_up(m, l, now);
    }
    peer_dial(m, p, now);
}

/* Links that the author of this HELLO no longer has. */
static void drop_disproved(struct mesh *m, const struct link *fresh, const struct hello *h)
{
    struct link *l;
    for (uint64_t at = 0; (l = links_after(&m->links, at)) != NULL;) {
        at = l->number;
        if (l == fresh || !l->peer || !node_id_equal(l->id, fresh->id))
            continue;
#if VELUM_PLANT != 53 /* trace/test_mesh_storm: connections of the process before stay open */
        if (l->boot != h->self.boot || (h->alone && l->greeting_theirs < h->greeting))
            close_link(m, l);
#endif
    }
}

/* Says GOODBYE on all but the best. */
static void drain_duplicates(struct mesh *m, const struct link *best, struct instant now)
{
    struct link *l;
    for (uint64_t at = 0; (l = links_after(&m->links, at)) != NULL;) {
        at = l->number;
        if (l == best || !node_id_equal(l->id, best->id))
            continue;
        if (l->state == LINK_ENDING)
            close_link(m, l);
        else if (l->state == LINK_OPEN)
            drain(m, l, GOODBYE_DUPLICATE, now);
    }
}

/* What a member says of itself over its own link: believed at once, whatever others said. Only
 * where another link of this process is up already, over that more may have come meanwhile. 1 when
 * others should hear of it, 0, or ERR_NO_MEMORY. */
static int take_word(struct mesh *m, struct peer *p, const struct member_info *said)
{
    uint64_t boot = p->m.info->boot;
    bool restarted = said->boot != boot;
    struct care *c = members_care(&m->members, p);
    if (!c)
        return ERR_NO_MEMORY;
    bool outdated =
        !restarted && p->m.link && incarnation_ahead(true, p->m.incarnation, said->incarnation) < 0;
#if VELUM_PLANT == 1022 /* trace/test_own_word: a HELLO counts less than what others said */
    outdated = !restarted && incarnation_ahead(true, p->m.incarnation, said->incarnation) < 0;
#endif
    if (!outdated && !peer_inform(m, p, said, true))
        return ERR_NO_MEMORY;
    hearsay_settled(p);
    /* Only the node's own word makes its other process the past; rumors may come in any order. */
    if (restarted) {
        c->boot_before = boot;
        c->boot_replaced = true;
    }
    return restarted || !node_state_is_live(p->m.state);
}

void link_on_hello(struct mesh *m, struct link *l, const struct hello *h, struct instant now)
{
    struct peer *p = peer_meet(m, &h->self, now);
    int is_news = p ? take_word(m, p, &h->self) : ERR_NO_MEMORY;
    if (is_news < 0) {
        link_goodbye(m, l, GOODBYE_CLOSING);
        m->ports.close(m->ports.ctx, l->number);
        link_gone(m, l, false, now);
        if (p && !p->m.state)
            peer_forget(m, p);
        return;
    }
    drop_disproved(m, l, h);
    l->state = LINK_OPEN;
    l->peer = p;
    p->care->links++;
    l->boot = h->self.boot;
    l->calendar_s = h->calendar_s;
    l->features = h->features;
    l->greeting_theirs = h->greeting;
    l->used = l->deadline = now;
#if VELUM_PLANT == 134 /* unit/test_scale: all who came in through a node stay linked to it */
    l->idle_us = INT64_MAX / 2;
#else
    l->idle_us = m->links.count > LINKS_EASY ? IDLE_CROWDED_US : IDLE_US;
#endif
    dial_hint_met(m, l->dial, l->id);
    struct care *c = p->care;
    c->lost = false;
    c->dial_due = INSTANT_NEVER;
    c->dial_wait_us = 0;
    c->probe.stage = PROBE_NONE;
    members_acquit(&m->members, p);
    const struct link *best = links_best(&m->links, m->self.id, l->id);
    peer_becomes(m, p, NODE_ALIVE, best->number, now);
    drain_duplicates(m, best, now);
    probe_heard(m, l, now);
    sync_begin(m, l, is_news > 0, now);
    self_greeted(m, l);
    link_arm(m, l);
    if (is_news > 0)
        peer_news(m, p, l->number);
}

static void said_duplicate(struct mesh *m, struct link *l, struct instant now)
{
    const struct link *best = links_best(&m->links, m->self.id, l->id);
    if (l->state == LINK_OPEN && (best == l || best->state == LINK_ENDING)) {
        l->state = LINK_ENDING;
        l->deadline = instant_plus_us(now, ENDING_US);
        link_arm(m, l);
        return;
    }
    m->ports.close(m->ports.ctx, l->number);
    link_gone(m, l, false, now);
}

static void said_leaving(struct mesh *m, struct link *l, struct instant now)
{
    struct peer *p = members_find(&m->members, l->id);
    m->ports.close(m->ports.ctx, l->number);
    if (l->state == LINK_DRAINING || !p || (l->peer && l->boot != p->m.info->boot)) {
        link_gone(m, l, false, now);
        return;
    }
    link_forget(m, l);
    peer_becomes(m, p, NODE_LEFT, 0, now);
    peer_news(m, p, 0);
}

void link_on_goodbye(struct mesh *m, struct link *l, const struct goodbye *g, struct instant now)
{
    if (g->reason == GOODBYE_LEAVING) {
        said_leaving(m, l, now);
        return;
    }
    if (g->reason == GOODBYE_DUPLICATE) {
        said_duplicate(m, l, now);
        return;
    }
    if (g->reason == GOODBYE_VERSION)
        log_line(m->log, LOG_WARNING,
                 "mesh: a node speaks protocol %u to %u, this one %u to %u; one of them needs an "
                 "update",
                 g->version_min, g->version_max, MESH_VERSION_MIN, MESH_VERSION_MAX);
    m->ports.close(m->ports.ctx, l->number);
    link_gone(m, l, false, now);
}

static bool link_is_idle(const struct link *l)
{
    return l->state == LINK_OPEN && !l->peer->care->standing && l->peer->m.link == l->number;
}

struct link *link_oldest_idle(const struct mesh *m)
{
    struct link *oldest = NULL;
    for (uint32_t i = 0; i < m->links.count; i++) {
        struct link *l = m->links.list[i];
        if (link_is_idle(l) && (!oldest || instant_before(l->used, oldest->used)))
            oldest = l;
    }
    return oldest;
}

void link_let_go(struct mesh *m, struct link *l, struct instant now)
{
    link_goodbye(m, l, GOODBYE_IDLE);
    m->ports.close(m->ports.ctx, l->number);
    link_gone(m, l, false, now);
}

bool link_make_room(struct mesh *m, struct instant now)
{
#if VELUM_PLANT == 207 /* trace/test_mesh_full: the table of links has no bound */
    if (m->links.count > 0)
        return true;
#endif
    if (m->links.count < LINKS_MAX)
        return true;
    struct link *oldest = link_oldest_idle(m);
    if (oldest)
        link_let_go(m, oldest, now);
    return oldest != NULL;
}

struct instant link_due(const struct link *l)
{
    if (l->state != LINK_OPEN)
        return instant_first(l->deadline, probe_link_due(l));
    struct instant due = probe_link_due(l);
    due = instant_first(due, l->compare);
    if (l->syncing)
        due = instant_first(due, l->deadline);
    if (link_is_idle(l))
        due = instant_first(due, instant_plus_us(l->used, l->idle_us));
    return due;
}

static void link_step(struct mesh *m, struct link *l, struct instant now)
{
    if (l->state == LINK_OPEN && l->syncing && instant_reached(now, l->deadline)) {
        sync_pump(m, l);
        l->deadline = instant_plus_us(now, SYNC_PAUSE_US);
    }
    if (l->state == LINK_OPEN && instant_reached(now, l->compare)) {
        l->compare = INSTANT_NEVER;
        probe_compare(m, l);
    }
    if (link_is_idle(l) && instant_since_us(now, l->used) >= l->idle_us) {
        struct peer *p = l->peer;
        drain(m, l, GOODBYE_IDLE, now);
        probe_end(m, p);
        peer_becomes(m, p, p->m.state, 0, now);
    } else if (l->state != LINK_OPEN && instant_reached(now, l->deadline)) {
        m->ports.close(m->ports.ctx, l->number);
#if VELUM_PLANT == 206 /* trace/test_mesh_full: a link that drained is closed again and again */
        if (l->state == LINK_DRAINING)
            return;
#endif
        link_gone(m, l, l->state == LINK_ENDING, now);
    }
}

void link_tick(struct mesh *m, struct instant now)
{
    struct link *l;
    m->ticks++;
    /* Each once: one that stays due is looked at again in the next tick. */
    while ((l = links_first(&m->links)) && instant_reached(now, l->armed) && l->tick != m->ticks) {
        uint64_t number = l->number;
        l->tick = m->ticks;
        link_step(m, l, now);
        l = links_find(&m->links, number);
        if (l)
            probe_link_tick(m, l, now);
        l = links_find(&m->links, number);
        if (l)
            links_arm(&m->links, l, link_due(l));
    }
}
