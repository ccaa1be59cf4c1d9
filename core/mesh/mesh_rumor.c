#include "core/mesh/mesh_inside.h"

#include "core/base/ensure.h"
#include "core/base/err.h"
#include "core/base/text.h"

/* Belief and its spread.
 *
 * Of two statements about one process the higher incarnation wins, and at equal ones the worse
 * state; only the process itself raises its incarnation. Boot ids are random, so a rumor of another
 * boot wins by incarnation alone; a restarted process that meets its own past in a HELLO goes above
 * it. What arrives over a member's own link beats every rumor about it.
 *
 * Links are reliable and in order, so a rumor crosses each standing link at most once in each
 * direction: whoever learns something new tells all its standing links and then forgets about it.
 * That is 2 log2 N sends a node. Loads change all the time, and N of them would be N times the
 * frames: a node's neighbours hear each one (at most ten a second, mesh_set_load), but pass it on
 * only if they did not lately; `lately` grows with N, so that what crosses a link does not. The
 * last one is always passed on in the end.
 *
 * What a broken link swallowed is made good by the exchange of whole tables: small ones at the next
 * HELLO, large ones with whoever is new, and otherwise when the digests in PING and PONG are
 * unequal on a fresh link or stay so on an old one. */

#define LAZY_US (100 * MS_US)
#define LOAD_NODES 16 /* up to so many, loads are passed on without a pause */
#define SYNC_PAGES 8  /* at a time; the queue behind a link is bounded */
#define SYNC_DIFFERS 3
#define SYNC_DIFFERS_US (2 * S_US)
#define SYNC_WAIT_MAX_US (60 * S_US)
#define FULL_MESH_PEERS 8 /* as many are all linked with each other: no need to pass loads on */

static int rank(enum node_state s)
{
    switch (s) {
    case NODE_LEFT:
        return 3;
    case NODE_DEAD:
        return 2;
    case NODE_SUSPECT:
        return 1;
    default:
        return 0;
    }
}

static void log_becomes(const struct mesh *m, const struct peer *p, enum node_state state)
{
    enum log_level level = state == NODE_SUSPECT || state == NODE_DEAD ? LOG_WARNING : LOG_INFO;
    log_line(m->log, level, "mesh: %s is %s", p->m.info.name, node_state_name(state));
}

void peer_becomes(struct mesh *m, struct peer *p, enum node_state state, uint64_t link,
                  struct instant now)
{
    enum node_state before = p->m.state;
    uint64_t link_before = p->m.link;
    if (before == state && link_before == link)
        return;
    p->m.link = link;
    if (state != before) {
        m->ring_stale |= node_state_is_live(before) != node_state_is_live(state);
        members_set_state(&m->members, p, state);
        p->state_at = now;
        p->accused = p->accused && node_state_is_live(state);
        /* How many can confirm a suspicion has changed too. */
        mesh_arm(m, now);
        log_becomes(m, p, state);
    }
    if (!node_state_is_live(state)) {
        p->probe.stage = PROBE_NONE;
        p->m.link = 0;
    }
    m->ports.changed(m->ports.ctx, &p->m, before, link_before);
    if (!node_state_is_live(state)) {
        link_drop_all(m, p->m.info.id);
        dial_hints_release(m, p->m.info.id, now);
    }
}

static void news_unlink(struct mesh *m, struct peer **at)
{
    struct peer *p = *at;
    *at = p->news_next;
    if (m->news_last == &p->news_next)
        m->news_last = at;
    p->news_next = NULL;
    p->news = NEWS_NONE;
}

struct peer *peer_meet(struct mesh *m, const struct member_info *info, struct instant now)
{
    struct peer *p = members_find(&m->members, info->id);
    if (p)
        return p;
    int rc = members_add(&m->members, info, &p);
    if (rc < 0) {
        log_line(m->log, LOG_WARNING, "mesh: %s is not taken in: %s", info->name, err_sentence(rc));
        return NULL;
    }
    p->m.heard = now;
    return p;
}

void peer_forget(struct mesh *m, struct peer *p)
{
    struct peer **at = &m->news_first;
    while (p->news && *at != p)
        at = &(*at)->news_next;
    if (p->news)
        news_unlink(m, at);
    log_line(m->log, LOG_INFO, "mesh: %s is forgotten", p->m.info.name);
    members_remove(&m->members, p);
}

void peer_inform(struct mesh *m, struct peer *p, const struct member_info *info)
{
    struct member_info *old = &p->m.info;
    bool load = old->busy != info->busy || old->slots != info->slots ||
                old->speed_units_s != info->speed_units_s || old->recovering != info->recovering;
    if (old->boot != info->boot)
        p->boot_replaced = false;
    members_set_info(&m->members, p, info);
    if (load && p->m.state)
        m->ports.load(m->ports.ctx, &p->m);
}

/* So long a node keeps a member's next load to itself after it passed one on. All nodes together
 * then pass on at most LOAD_NODES loads in LAZY_US over each link, however many they are. */
static int64_t load_pause_us(const struct mesh *m)
{
    int64_t nodes = (int64_t)m->members.live + 1;
    return nodes <= LOAD_NODES ? 0 : LAZY_US * nodes / LOAD_NODES;
}

void peer_news(struct mesh *m, struct peer *p, enum news news, uint64_t from, struct instant now)
{
    p->news_from = p->news == NEWS_NONE ? from : p->news_from == from ? from : 0;
    if (p->news == NEWS_NONE) {
        *m->news_last = p;
        m->news_last = &p->news_next;
    }
    if (news > p->news)
        p->news = news;
    if (news == NEWS_URGENT) {
        m->news_urgent = true;
        return;
    }
    p->news_due = instant_plus_us(p->news_told, load_pause_us(m));
    struct instant soon = instant_plus_us(now, LAZY_US);
    m->lazy_due =
        instant_first(m->lazy_due, instant_before(soon, p->news_due) ? p->news_due : soon);
}

static void announce(struct mesh *m, uint32_t incarnation, struct instant now)
{
    /* Beyond the last number there is nothing to say; at one statement in 10 s it is reached after
     * 30 days without the mesh ever forgetting this node. */
    if (incarnation < m->self.incarnation)
        return;
    m->self.incarnation = incarnation;
    m->self_news = NEWS_URGENT;
    m->news_urgent = true;
    m->announced = now;
    m->announce_due = INSTANT_NEVER;
}

static uint32_t next_statement(uint32_t incarnation)
{
    return (member_statement(incarnation) + 1) << MEMBER_LOAD_BITS;
}

void self_announce(struct mesh *m, struct instant now)
{
    announce(m, next_statement(m->self.incarnation), now);
}

void self_announce_load(struct mesh *m, struct instant now)
{
    announce(m, m->self.incarnation + 1, now);
}

void peer_suspect(struct mesh *m, struct peer *p, struct node_id accuser, struct instant now)
{
    if (!node_state_is_live(p->m.state))
        return;
    if (p->m.state != NODE_SUSPECT)
        suspicion_begin(&p->suspicion, now);
    if (suspicion_accuse(&p->suspicion, accuser) || p->m.state != NODE_SUSPECT)
        peer_news(m, p, NEWS_URGENT, 0, now);
    peer_becomes(m, p, NODE_SUSPECT, p->m.link, now);
    mesh_arm(m, now);
}

void peer_dead(struct mesh *m, struct peer *p, uint64_t from, struct instant now)
{
    peer_becomes(m, p, NODE_DEAD, 0, now);
    p->dial_due = INSTANT_NEVER;
    peer_news(m, p, NEWS_URGENT, from, now);
}

static struct rumor rumor_of_peer(const struct peer *p)
{
    struct rumor r = {.state = p->m.state, .info = p->m.info};
    /* That we cannot reach it ourselves is nobody else's business. */
    if (r.state == NODE_AWAY)
        r.state = NODE_ALIVE;
    if (r.state == NODE_SUSPECT) {
        r.accusers_count = p->suspicion.accusers_count;
        for (uint32_t i = 0; i < r.accusers_count; i++)
            r.accusers[i] = p->suspicion.accusers[i];
    }
    return r;
}

static void send_list(struct mesh *m, const struct link *l)
{
    if (buf_result(&m->out) == 0)
        m->ports.send(m->ports.ctx, l->number, MESSAGE_RUMORS, buf_bytes(&m->out));
}

static void tell(struct mesh *m, const struct link *l, const struct rumor *r)
{
    buf_reset(&m->out);
    size_t start = rumor_list_begin(&m->out);
    put_rumor(&m->out, r);
    rumor_list_end(&m->out, start, 1);
    send_list(m, l);
}

void accusation_forward(struct mesh *m, struct peer *p)
{
    const struct link *l = links_find(&m->links, p->m.link);
    if (p->accused && l)
        tell(m, l, &p->accusation);
    p->accused = false;
}

void suspicion_forward(struct mesh *m, struct peer *p)
{
    p->accused = true;
    p->accusation = rumor_of_peer(p);
    accusation_forward(m, p);
}

static void accuse_all(struct mesh *m, struct peer *p, const struct rumor *r, struct instant now)
{
    for (uint32_t i = 0; i < r->accusers_count; i++)
        peer_suspect(m, p, r->accusers[i], now);
    if (r->accusers_count == 0)
        peer_suspect(m, p, m->self.id, now);
}

/* Our link led to a process that others say is replaced, and it does not answer. */
static void replaced_holds(struct mesh *m, struct peer *p, struct instant now)
{
    struct rumor r = p->accusation;
    struct link *l = links_find(&m->links, p->m.link);
    if (l) {
        m->ports.close(m->ports.ctx, l->number);
        link_gone(m, l, false, now);
    }
    peer_inform(m, p, &r.info);
    if (node_state_is_live(r.state))
        peer_becomes(m, p, NODE_ALIVE, p->m.link, now);
    else
        peer_becomes(m, p, r.state, 0, now);
    peer_news(m, p, NEWS_URGENT, 0, now);
    if (r.state == NODE_SUSPECT)
        accuse_all(m, p, &r, now);
}

void accusation_holds(struct mesh *m, struct peer *p, struct instant now)
{
    ensure(p->accused);
    p->accused = false;
    if (p->accusation.info.boot != p->m.info.boot) {
        replaced_holds(m, p, now);
        return;
    }
    if (p->accusation.info.incarnation < p->m.info.incarnation)
        return;
    if (p->accusation.state == NODE_DEAD) {
        peer_dead(m, p, 0, now);
        return;
    }
    accuse_all(m, p, &p->accusation, now);
    /* We tried ourselves, which makes us an accuser of our own. */
    peer_suspect(m, p, m->self.id, now);
}

/* Somebody speaks ill of a member whose link we hold: it is asked before we believe it. */
static void accusation_check(struct mesh *m, struct peer *p, const struct rumor *r,
                             struct instant now)
{
    p->accused = true;
    p->accusation = *r;
    if (p->probe.stage == PROBE_NONE)
        probe_begin(m, p, now);
    else if (p->probe.stage == PROBE_INDIRECT)
        accusation_holds(m, p, now);
}

static void rumor_about_self(struct mesh *m, const struct rumor *r, struct instant now)
{
    bool same_process = r->info.boot == m->self.boot;
    bool accused = same_process && r->state != NODE_ALIVE;
    bool ahead = r->info.incarnation > m->self.incarnation;
    bool refute = r->info.incarnation >= m->self.incarnation && (accused || !same_process);
    if (m->leaving || (!refute && !ahead) || next_statement(r->info.incarnation) == 0)
        return;
    m->self.incarnation = r->info.incarnation;
    self_announce(m, now);
    if (accused) {
        health_worse(&m->health);
        log_line(m->log, LOG_INFO, "mesh: others took this node for %s; refuted",
                 node_state_name(r->state));
    }
}

static bool rumor_is_newer(const struct peer *p, const struct rumor *r)
{
    const struct member_info *known = &p->m.info;
    if (r->info.boot != known->boot && p->boot_replaced && r->info.boot == p->boot_before)
        return false;
    /* A process leaves once and for good; what it said just before may still be under way. */
    if (r->info.boot == known->boot && (p->m.state == NODE_LEFT || r->state == NODE_LEFT))
        return p->m.state != NODE_LEFT;
#if VELUM_PLANT == 48 /* trace/test_mesh: a suspicion that was refuted goes on */
    if (rank(r->state) != rank(p->m.state))
        return rank(r->state) > rank(p->m.state);
#endif
#if VELUM_PLANT == 205 /* trace/test_mesh: a rumor of an older incarnation is believed */
    if (r->info.incarnation != known->incarnation)
        return true;
#else
    if (r->info.incarnation != known->incarnation)
        return r->info.incarnation > known->incarnation;
#endif
    if (r->info.boot != known->boot)
        return r->info.boot > known->boot;
    return rank(r->state) > rank(p->m.state);
}

static void rumor_is_old(struct mesh *m, struct peer *p, const struct rumor *r, struct link *from,
                         struct instant now)
{
    bool same = r->info.boot == p->m.info.boot && r->info.incarnation == p->m.info.incarnation;
    if (same && r->state == NODE_SUSPECT && p->m.state == NODE_SUSPECT)
        for (uint32_t i = 0; i < r->accusers_count; i++)
            peer_suspect(m, p, r->accusers[i], now);
    if (r->info.boot == p->m.info.boot || (p->boot_replaced && r->info.boot == p->boot_before))
        return;
    /* Two processes of one node, and only the node can say which is its present one: the teller
     * learns what we know, and the node is asked, whose HELLO settles it. Our own HELLO shows it
     * how high its past had counted. */
    struct rumor ours = rumor_of_peer(p);
    tell(m, from, &ours);
    if (!p->m.link && r->state == NODE_ALIVE) {
        text_copy(p->m.info.addr, sizeof p->m.info.addr, r->info.addr);
        peer_dial(m, p, now);
    }
}

/* News of a member that is well. */
static void believe_alive(struct mesh *m, struct peer *p, const struct rumor *r, struct link *from,
                          struct instant now)
{
    bool was_live = node_state_is_live(p->m.state) && p->m.state != NODE_SUSPECT;
    bool restarted = p->m.info.boot != r->info.boot;
    bool load_only =
        was_live && !restarted &&
        member_statement(r->info.incarnation) == member_statement(p->m.info.incarnation);
    peer_inform(m, p, &r->info);
    p->m.heard = now;
    p->accused = false;
    if (!was_live)
        peer_becomes(m, p, NODE_ALIVE, p->m.link, now);
    if (!load_only)
        peer_news(m, p, NEWS_URGENT, from->number, now);
    else if (from->peer != p || m->members.live > FULL_MESH_PEERS)
        peer_news(m, p, NEWS_LAZY, from->number, now);
}

static void believe(struct mesh *m, struct peer *p, const struct rumor *r, struct link *from,
                    struct instant now)
{
    if (r->state == NODE_ALIVE) {
        believe_alive(m, p, r, from, now);
        return;
    }
    /* The link goes with its member when that one has left. */
    uint64_t number = from->number;
    peer_inform(m, p, &r->info);
    if (r->state == NODE_LEFT) {
        peer_becomes(m, p, NODE_LEFT, 0, now);
        peer_news(m, p, NEWS_URGENT, number, now);
    } else if (r->state == NODE_DEAD) {
        peer_dead(m, p, number, now);
    } else {
        if (!node_state_is_live(p->m.state))
            peer_becomes(m, p, NODE_ALIVE, 0, now);
        accuse_all(m, p, r, now);
    }
}

static void rumor_apply(struct mesh *m, const struct rumor *r, struct link *from,
                        struct instant now)
{
    if (node_id_equal(r->info.id, m->self.id)) {
        rumor_about_self(m, r, now);
        return;
    }
    struct peer *p = members_find(&m->members, r->info.id);
    /* An unknown one that is gone anyway is not brought back from the dead, or tables would hand it
     * to each other for ever. */
    if (!p && !node_state_is_live(r->state))
        return;
    bool is_new = !p;
    if (is_new)
        p = peer_meet(m, &r->info, now);
    if (!p)
        return;
    if (is_new) {
        peer_becomes(m, p, NODE_ALIVE, 0, now);
        peer_news(m, p, NEWS_URGENT, from->number, now);
        if (r->state == NODE_SUSPECT)
            accuse_all(m, p, r, now);
    } else if (!rumor_is_newer(p, r)) {
        rumor_is_old(m, p, r, from, now);
    } else if (p->m.link && p->m.info.boot != r->info.boot && from->peer != p) {
        /* Whoever is at the other end of our link can say which process is the present one. */
        accusation_check(m, p, r, now);
    } else if (p->m.link && from->peer != p &&
               (r->state == NODE_SUSPECT || r->state == NODE_DEAD)) {
        accusation_check(m, p, r, now);
    } else {
        believe(m, p, r, from, now);
    }
}

void rumors_apply(struct mesh *m, struct rumor_list *list, struct link *from, struct instant now)
{
    uint64_t number = from->number;
    struct rumor r;
    while (rumor_list_next(list, &r)) {
        rumor_apply(m, &r, from, now);
        /* A rumor may have ended the very link it came over (its member has left). */
        from = links_find(&m->links, number);
        if (!from)
            return;
    }
}

bool rumors_page(struct mesh *m, struct node_id first, struct node_id *after)
{
    size_t start = rumor_list_begin(&m->out);
    uint32_t count = 0, i = members_after(&m->members, *after);
    const struct peer *p = members_find(&m->members, first);
    if (p) {
        struct rumor r = rumor_of_peer(p);
        put_rumor(&m->out, &r);
        count++;
    }
    for (uint32_t n = 0; n < MESH_PAGE_RUMORS && i < m->members.count; n++, i++) {
        p = m->members.list[i];
        struct rumor r = rumor_of_peer(p);
        put_rumor(&m->out, &r);
        *after = p->m.info.id;
        count++;
    }
    rumor_list_end(&m->out, start, count);
    return i < m->members.count;
}

void sync_pump(struct mesh *m, struct link *l)
{
    for (uint32_t page = 0; page < SYNC_PAGES && l->syncing; page++) {
        buf_reset(&m->out);
        l->syncing = rumors_page(m, (struct node_id){0}, &l->sync_after);
        send_list(m, l);
    }
}

void sync_compare(struct mesh *m, struct link *l, uint64_t digest, struct instant now)
{
    bool fresh = l->fresh;
    l->fresh = false;
    if (digest == members_digest(&m->members, &m->self)) {
        l->differs = 0;
        l->sync_wait_us = SYNC_DIFFERS_US;
        return;
    }
    if (l->differs++ == 0)
        l->differs_since = now;
    bool lasting =
        l->differs >= SYNC_DIFFERS && instant_since_us(now, l->differs_since) >= l->sync_wait_us;
    if (l->syncing || (!fresh && !lasting))
        return;
    /* A large table goes over one link at a time: what it repairs there, rumors carry on. */
    if (m->members.count > MESH_PAGE_RUMORS && instant_since_us(now, m->synced) < SYNC_DIFFERS_US) {
        l->fresh = fresh;
        return;
    }
    m->synced = now;
    l->differs = 0;
    l->sync_wait_us =
        l->sync_wait_us > SYNC_WAIT_MAX_US / 2 ? SYNC_WAIT_MAX_US : l->sync_wait_us * 2;
    l->sync_after = (struct node_id){0};
    l->syncing = true;
    struct rumor self = {.state = NODE_ALIVE, .info = m->self};
    tell(m, l, &self);
    sync_pump(m, l);
}

/* Writes up to a page of the news that are due into m->out and takes them off the list. *at goes on
 * in the list. *from becomes the one link all of them came over, or 0. */
static uint32_t news_page(struct mesh *m, struct peer ***at, uint64_t *from, struct instant now)
{
    buf_reset(&m->out);
    size_t start = rumor_list_begin(&m->out);
    uint32_t count = 0;
    if (m->self_news) {
        struct rumor r = {.state = NODE_ALIVE, .info = m->self};
        put_rumor(&m->out, &r);
        m->self_news = NEWS_NONE;
        *from = 0;
        count++;
    }
    while (**at && count < MESH_PAGE_RUMORS) {
        struct peer *p = **at;
        if (p->news == NEWS_LAZY && instant_before(now, p->news_due)) {
            m->lazy_due = instant_first(m->lazy_due, p->news_due);
            *at = &p->news_next;
            continue;
        }
        struct rumor r = rumor_of_peer(p);
        put_rumor(&m->out, &r);
        *from = count == 0 || *from == p->news_from ? p->news_from : 0;
        p->news_told = now;
        news_unlink(m, *at);
        count++;
    }
    rumor_list_end(&m->out, start, count);
    return count;
}

void rumors_flush(struct mesh *m, struct instant now)
{
    struct peer **at = &m->news_first;
    uint64_t from = 0;
    m->news_urgent = false;
    m->lazy_due = INSTANT_NEVER;
    while (news_page(m, &at, &from, now) > 0)
        for (uint32_t i = 0; i < m->links.count; i++) {
            const struct link *l = m->links.list[i];
            if (l->peer && l->peer->m.link == l->number && l->peer->standing && l->number != from)
                send_list(m, l);
        }
    /* What rests goes out together, not each at a time of its own. */
    if (m->lazy_due.us != INSTANT_NEVER.us && instant_since_us(m->lazy_due, now) < LAZY_US)
        m->lazy_due = instant_plus_us(now, LAZY_US);
}
