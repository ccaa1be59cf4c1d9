#include "core/mesh/mesh_inside.h"

#include <string.h>

/* Who is dialled, and when: standing links that are missing, a link that was lost (at once),
 * members somebody wants, one dead member at a time, and hints. */

#define DIAL_STALE_US (20 * S_US) /* the host forgot to say how it ended */
/* A process that dies closes its connections before its listener: the first dial may still reach
 * the listener and be reset, and only the next one is refused. */
#define DIAL_WAIT_LOST_US (8 * MS_US)
#define DIAL_WAIT_FIRST_US (1 * S_US)
#define DIAL_WAIT_SUSPECT_MAX_US (1 * S_US)
#define DIAL_WAIT_MAX_US (5 * S_US)  /* 10 s after a path has healed all must agree */
#define DIAL_HIGHER_US (300 * MS_US) /* the lower id dials first, which saves most duplicates */
#define WANTED_US (30 * S_US)
#define RING_CALM 16
#define RING_PAUSE_US (50 * MS_US)
#define RING_REST_US (500 * MS_US)
#define HINT_DIALS_MAX 16
#define HINT_PAUSE_US (100 * MS_US)
#define HINT_GONE_US (1 * S_US)

void peer_dial(struct mesh *m, struct peer *p, struct instant now)
{
    if (m->leaving || care_of(p)->dial || p->m.link || p->m.info->addr[0] == '\0' ||
        links_has(&m->links, p->m.info->id, NULL))
        return;
    struct care *c = members_care(&m->members, p);
    if (!c)
        return;
    c->dial = ++m->next_dial;
    c->dial_start = now;
    c->dial_due = INSTANT_NEVER;
    mesh_arm(m, instant_plus_us(now, DIAL_STALE_US));
    m->ports.dial(m->ports.ctx, c->dial, p->m.info->addr, p->m.info->id);
}

struct peer *dial_find(const struct mesh *m, uint32_t dial)
{
    for (uint32_t i = 0; dial && i < m->members.cared_count; i++)
        if (m->members.cared[i]->care->dial == dial)
            return m->members.cared[i];
    return NULL;
}

static void dial_later(struct mesh *m, struct peer *p, struct instant now)
{
    struct care *c = p->care;
    bool hurry = c->lost || p->m.state == NODE_SUSPECT;
    int64_t max = hurry ? DIAL_WAIT_SUSPECT_MAX_US : DIAL_WAIT_MAX_US;
    int64_t first = hurry ? DIAL_WAIT_LOST_US : DIAL_WAIT_FIRST_US;
    c->dial_wait_us = c->dial_wait_us ? c->dial_wait_us * 2 : first;
    if (c->dial_wait_us > max)
        c->dial_wait_us = max;
    c->dial_due = instant_plus_us(now, c->dial_wait_us);
    mesh_arm(m, c->dial_due);
}

void dial_peer_failed(struct mesh *m, struct peer *p, bool refused, struct instant now)
{
    struct care *c = members_care(&m->members, p);
    if (!c)
        return;
    c->dial = 0;
    /* The dead have a turn of their own; and a link that comes in meanwhile settles it. */
    if (p->m.link || !node_state_is_live(p->m.state) || links_has(&m->links, p->m.info->id, NULL))
        return;
    dial_later(m, p, now);
    if (refused && c->lost) {
        /* Its process is gone: the connection ended without a word and nobody listens. Only once
         * for each lost link, because a firewall refuses too. */
        c->lost = false;
        c->probe.stage = PROBE_NONE;
        peer_suspect(m, p, m->self.id, now);
    } else if (p->m.state == NODE_SUSPECT) {
        /* We tried ourselves and did not get there either, which confirms the suspicion. */
        peer_suspect(m, p, m->self.id, now);
    } else if ((c->standing || c->lost) && c->probe.stage != PROBE_INDIRECT) {
        probe_others(m, p, now);
    }
}

void dial_hint_met(struct mesh *m, uint32_t dial, struct node_id id)
{
    struct hint *h = hints_find_dial(&m->hints, dial);
    if (h)
        hint_met(h, id);
}

void dial_hints_release(struct mesh *m, struct node_id id, struct instant now)
{
    for (uint32_t i = 0; i < m->hints.count; i++) {
        struct hint *h = &m->hints.list[i];
        if (!node_id_equal(h->met, id))
            continue;
        h->met = (struct node_id){0};
        h->due = instant_plus_us(now, HINT_GONE_US);
        mesh_arm(m, h->due);
    }
}

/* The member that is already linked and has this address, or NULL. */
static const struct peer *linked_at(const struct mesh *m, const char *addr)
{
    for (uint32_t i = 0; i < m->links.count; i++) {
        const struct peer *p = m->links.list[i]->peer;
        if (p && p->m.link == m->links.list[i]->number && strcmp(p->m.info->addr, addr) == 0)
            return p;
    }
    return NULL;
}

static void hint_dial(struct mesh *m, struct hint *h, uint32_t *dialling, struct instant now)
{
    const struct peer *p = linked_at(m, h->addr);
    if (p) {
        hint_met(h, p->m.info->id);
    } else if (*dialling >= HINT_DIALS_MAX) {
        h->due = instant_plus_us(now, HINT_PAUSE_US);
    } else {
        (*dialling)++;
        h->dial = ++m->next_dial;
        h->dial_start = now;
        h->due = INSTANT_NEVER;
        m->ports.dial(m->ports.ctx, h->dial, h->addr, (struct node_id){0});
    }
}

static void hints_tick(struct mesh *m, struct instant now)
{
    uint32_t dialling = 0;
    for (uint32_t i = 0; i < m->hints.count; i++)
        dialling += m->hints.list[i].dial != 0;
    for (uint32_t i = 0; i < m->hints.count; i++) {
        struct hint *h = &m->hints.list[i];
        if (h->dial && instant_since_us(now, h->dial_start) >= DIAL_STALE_US)
            hint_failed(h, now);
        if (!h->dial && instant_reached(now, h->due))
            hint_dial(m, h, &dialling, now);
        mesh_arm(m, h->dial ? instant_plus_us(h->dial_start, DIAL_STALE_US) : h->due);
    }
}

bool mesh_is_calling(const struct mesh *m)
{
    if (mesh_live_count(m) > 1)
        return false;
    for (uint32_t i = 0; i < m->hints.count; i++)
        if (m->hints.list[i].dial)
            return true;
    for (uint32_t i = 0; i < m->links.count; i++)
        if (m->links.list[i]->state == LINK_GREETING)
            return true;
    return false;
}

static bool is_wanted(const struct care *c, struct instant now)
{
    return c->wanted.us > 0 && instant_since_us(now, c->wanted) < WANTED_US;
}

static bool peer_needs_link(const struct peer *p, struct instant now)
{
    return !p->m.link && node_state_is_live(p->m.state) &&
           (p->care->standing || is_wanted(p->care, now) || p->m.state != NODE_ALIVE);
}

/* Nothing is to be done about it any more. */
static bool is_carefree(const struct peer *p, struct instant now)
{
    const struct care *c = p->care;
    return p->m.state == NODE_ALIVE && c->links == 0 && !c->standing && !c->dial &&
           c->dial_due.us == INSTANT_NEVER.us && c->probe.stage == PROBE_NONE && !c->accusation &&
           !c->boot_replaced && !hearsay_is_doubted(c, now) && !is_wanted(c, now);
}

static void dial_step(struct mesh *m, struct peer *p, struct instant now)
{
    struct care *c = p->care;
    if (c->dial && instant_since_us(now, c->dial_start) >= DIAL_STALE_US)
        dial_peer_failed(m, p, false, now);
    if (!c->dial && instant_reached(now, c->dial_due)) {
        c->dial_due = INSTANT_NEVER;
        if (peer_needs_link(p, now))
            peer_dial(m, p, now);
    }
    mesh_arm(m, c->dial ? instant_plus_us(c->dial_start, DIAL_STALE_US) : c->dial_due);
}

void dial_tick(struct mesh *m, struct instant now)
{
    struct members *t = &m->members;
    for (uint32_t i = 0; i < t->cared_count;) {
        struct peer *p = t->cared[i];
        dial_step(m, p, now);
        if (is_carefree(p, now))
            members_uncare(t, p);
        else
            i++;
    }
    hints_tick(m, now);
}

void ring_renew(struct mesh *m, struct instant now)
{
    struct members *t = &m->members;
    bool calm = t->live <= RING_CALM;
    /* Where nodes come and go by the hundred, a place in the ring is soon another's. */
    int64_t rest_us = calm ? 0 : RING_REST_US;
    m->ring_stale = false;
    m->ring_due = calm ? now : instant_plus_us(now, RING_PAUSE_US);
    ring_mark(t, m->self.id);
    for (uint32_t i = 0; i < t->cared_count; i++) {
        struct peer *p = t->cared[i];
        struct care *c = p->care;
        if (p->m.link)
            link_arm_of(m, p);
        if (!c->standing || p->m.link || c->dial || c->dial_due.us != INSTANT_NEVER.us)
            continue;
        bool first = node_id_compare(m->self.id, p->m.info->id) < 0;
        c->dial_due = instant_plus_us(now, first ? rest_us : rest_us + DIAL_HIGHER_US);
        mesh_arm(m, c->dial_due);
        if (first && calm)
            peer_dial(m, p, now);
    }
}
