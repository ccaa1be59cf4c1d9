#include "core/mesh/mesh_inside.h"

#include "core/base/ensure.h"
#include "core/base/err.h"
#include "core/base/text.h"

/* Belief and its spread.
 *
 * Of two statements about one process the higher incarnation wins (they go round), and at equal
 * ones the worse state; only the process itself raises its incarnation. Boot ids are random, so a
 * rumor of another boot wins by incarnation alone; a restarted process that meets its own past in a
 * HELLO goes above it. What arrives over a member's own link beats every rumor about it, and others
 * are believed so far only (mesh_hearsay.c).
 *
 * Links are reliable and in order, so a rumor crosses each standing link at most once in each
 * direction: whoever learns something new tells all its standing links and then forgets about it.
 * That is 2 log2 N sends a node. Loads change all the time and go another way (mesh_load.c).
 *
 * What a broken link swallowed is made good by the exchange of whole tables: small ones at the next
 * HELLO, large ones with whoever is new, and otherwise when the digests in PING and PONG are
 * unequal on a fresh link or stay so on an old one. */

#define SYNC_PAGES 8 /* at a time; the queue behind a link is bounded */
#define SYNC_DIFFERS 3
#define SYNC_DIFFERS_US (2 * S_US)
#define SYNC_WAIT_MAX_US (60 * S_US)
#define NEWS_FIRST_CAP 16

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

static bool is_bad_news(enum node_state state)
{
    return state == NODE_SUSPECT || state == NODE_DEAD;
}

/* Whoever has read that a node is dead also reads that it came back. */
static void log_becomes(const struct mesh *m, const struct peer *p, enum node_state before)
{
    enum node_state state = p->m.state;
    bool back = is_bad_news(before) && state == NODE_ALIVE;
    log_line(m->log, is_bad_news(state) || back ? LOG_WARNING : LOG_INFO, "mesh: %s is %s",
             p->m.info->name, back ? "back" : node_state_name(state));
}

static void is_gone(struct mesh *m, struct peer *p, bool is_news, struct instant now)
{
    struct care *c = members_care(&m->members, p);
    p->m.link = 0;
    if (!c) {
        m->members.neglected = true;
        return;
    }
    members_acquit(&m->members, p);
    c->probe.stage = PROBE_NONE;
    if (is_news)
        c->gone_at = now;
}

/* How many can confirm a suspicion has changed too, which matters while they are few. Among many a
 * suspicion runs out when it was last thought to, and is looked at then. */
static bool suspicions_change(const struct members *t)
{
    return t->suspects > 0 && (t->live <= HUSH_NODES || t->alive <= SUSPICION_CONFIRMATIONS_MAX);
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
        if (suspicions_change(&m->members) || !node_state_is_live(state))
            mesh_arm(m, now);
        log_becomes(m, p, before);
    }
    if (node_state_is_live(state))
        link_arm_of(m, p);
    else
        is_gone(m, p, state != before, now);
    m->ports.changed(m->ports.ctx, &p->m, before, link_before);
    if (!node_state_is_live(state)) {
        link_drop_all(m, p->m.info->id);
        dial_hints_release(m, p->m.info->id, now);
    }
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
    if (p->news)
        m->news[p->news - 1].peer = NULL;
    log_line(m->log, LOG_INFO, "mesh: %s is forgotten", p->m.info->name);
    const struct node_id id = p->m.info->id;
    members_remove(&m->members, p);
    if (m->ports.forgotten)
        m->ports.forgotten(m->ports.ctx, id);
}

bool peer_inform(struct mesh *m, struct peer *p, const struct member_info *info, bool own)
{
    uint32_t slots = p->m.info->slots;
    bool described = slots != info->slots || p->m.info->recovering != info->recovering;
    bool load = described || p->m.busy != info->busy || p->m.speed_units_s != info->speed_units_s;
    bool rebooted = p->m.info->boot != info->boot;
    int rc = own ? members_set_word(&m->members, p, info) : members_set_info(&m->members, p, info);
    if (rc < 0)
        return false;
    if (rebooted && p->care)
        p->care->boot_replaced = false;
    if (load && p->m.state)
        m->ports.load(m->ports.ctx, &p->m);
    if (described && p->m.state && m->ports.described)
        m->ports.described(m->ports.ctx, &p->m, slots);
    return true;
}

struct news *news_of(struct mesh *m, struct peer *p)
{
    if (p->news)
        return &m->news[p->news - 1];
    if (m->news_count == m->news_cap) {
        uint32_t cap = m->news_cap ? m->news_cap + m->news_cap / 2 : NEWS_FIRST_CAP;
        void *list = m->news;
        if (alloc_grow(m->alloc, &list, m->news_cap, cap, sizeof *m->news) < 0)
            return NULL;
        m->news = list;
        m->news_cap = cap;
    }
    m->news[m->news_count] = (struct news){.is_load = true};
    p->news = ++m->news_count;
    return &m->news[m->news_count - 1];
}

void peer_news(struct mesh *m, struct peer *p, uint64_t from)
{
    struct news *n = news_of(m, p);
    if (!n)
        return;
    n->from = !n->peer || n->is_load || n->from == from ? from : 0;
    n->peer = p;
    n->is_load = false;
    m->news_urgent = true;
}

void peer_suspect(struct mesh *m, struct peer *p, struct node_id accuser, struct instant now)
{
    struct care *c = node_state_is_live(p->m.state) ? members_care(&m->members, p) : NULL;
    if (!c)
        return;
    bool is_new = p->m.state != NODE_SUSPECT, ours = node_id_equal(accuser, m->self.id);
    if (is_new)
        suspicion_begin(&c->suspicion, now);
#if VELUM_PLANT == 135 /* unit/test_scale: everybody hears at once whom one node does not reach */
    c->hushed = false;
#else
    c->hushed = ours && (is_new ? p->m.link && m->members.live > HUSH_NODES : c->hushed);
#endif
    if ((suspicion_accuse(&c->suspicion, accuser) || is_new) && !c->hushed)
        peer_news(m, p, 0);
    peer_becomes(m, p, NODE_SUSPECT, p->m.link, now);
    suspicion_arm(m, p);
}

void peer_dead(struct mesh *m, struct peer *p, uint64_t from, struct instant now)
{
    peer_becomes(m, p, NODE_DEAD, 0, now);
    if (p->care)
        p->care->dial_due = INSTANT_NEVER;
    peer_news(m, p, from);
}

void put_peer(struct buf *b, const struct peer *p)
{
    const struct suspicion *s = &care_of(p)->suspicion;
    /* That we cannot reach it ourselves is nobody else's business, or not yet. */
    bool hushed = p->m.state == NODE_SUSPECT && care_of(p)->hushed;
    enum node_state state = p->m.state == NODE_AWAY || hushed ? NODE_ALIVE : p->m.state;
    put_member_rumor(b, &p->m, state, s->accusers, state == NODE_SUSPECT ? s->accusers_count : 0);
}

void send_list(struct mesh *m, const struct link *l)
{
    if (buf_result(&m->out) == 0)
        m->ports.send(m->ports.ctx, l->number, MESSAGE_RUMORS, buf_bytes(&m->out));
}

void tell(struct mesh *m, const struct link *l, const struct rumor *r)
{
    buf_reset(&m->out);
    size_t start = rumor_list_begin(&m->out);
    put_rumor(&m->out, r);
    rumor_list_end(&m->out, start, 1);
    send_list(m, l);
}

static void tell_peer(struct mesh *m, const struct link *l, const struct peer *p)
{
    buf_reset(&m->out);
    size_t start = rumor_list_begin(&m->out);
    put_peer(&m->out, p);
    rumor_list_end(&m->out, start, 1);
    send_list(m, l);
}

void accusation_forward(struct mesh *m, struct peer *p)
{
    const struct link *l = links_find(&m->links, p->m.link);
    const struct rumor *r = care_of(p)->accusation;
    if (r && l)
        tell(m, l, r);
    members_acquit(&m->members, p);
}

void suspicion_forward(struct mesh *m, struct peer *p)
{
    const struct link *l = links_find(&m->links, p->m.link);
    members_acquit(&m->members, p);
    if (l)
        tell_peer(m, l, p);
}

static void accuse_all(struct mesh *m, struct peer *p, const struct rumor *r, struct instant now)
{
    for (uint32_t i = 0; i < r->accusers_count; i++)
        peer_suspect(m, p, r->accusers[i], now);
    if (r->accusers_count == 0)
        peer_suspect(m, p, m->self.id, now);
}

/* Our link led to a process that others say is replaced, and it does not answer. */
static void replaced_holds(struct mesh *m, struct peer *p, const struct rumor *r,
                           struct instant now)
{
    struct link *l = links_find(&m->links, p->m.link);
    if (l) {
        m->ports.close(m->ports.ctx, l->number);
        link_gone(m, l, false, now);
    }
    if (!peer_inform(m, p, &r->info, false))
        return;
    if (node_state_is_live(r->state))
        peer_becomes(m, p, NODE_ALIVE, p->m.link, now);
    else
        peer_becomes(m, p, r->state, 0, now);
    peer_news(m, p, 0);
    if (r->state == NODE_SUSPECT)
        accuse_all(m, p, r, now);
}

void accusation_holds(struct mesh *m, struct peer *p, struct instant now)
{
    const struct rumor r = *p->care->accusation;
    members_acquit(&m->members, p);
    if (r.info.boot != p->m.info->boot) {
        replaced_holds(m, p, &r, now);
        return;
    }
    int64_t ahead = incarnation_ahead(true, p->m.incarnation, r.info.incarnation);
    if (ahead < 0)
        return;
#if VELUM_PLANT != 487 /* trace/test_mesh: who is accused of what it was before dies late */
    if (ahead > 0 && !peer_inform(m, p, &r.info, false))
        return;
#endif
    if (r.state == NODE_DEAD) {
        peer_dead(m, p, 0, now);
        return;
    }
    if (r.state == NODE_LEFT) {
        peer_becomes(m, p, NODE_LEFT, 0, now);
        peer_news(m, p, 0);
        return;
    }
    accuse_all(m, p, &r, now);
    /* We tried ourselves, which makes us an accuser of our own. */
    peer_suspect(m, p, m->self.id, now);
}

/* Somebody speaks ill of a member whose link we hold: it is asked before we believe it. */
static void accusation_check(struct mesh *m, struct peer *p, const struct rumor *r,
                             struct instant now)
{
    if (!members_accuse(&m->members, p, r))
        return;
    if (p->care->probe.stage == PROBE_NONE)
        probe_begin(m, p, now);
    else if (p->care->probe.stage == PROBE_INDIRECT)
        accusation_holds(m, p, now);
}

/* Said of the process before the present one, which has replaced it by its own word. */
static bool is_of_the_past(const struct peer *p, uint64_t boot)
{
    const struct care *c = care_of(p);
    return c->boot_replaced && boot == c->boot_before;
}

static bool rumor_is_newer(const struct peer *p, const struct rumor_head *r)
{
    uint64_t boot = p->m.info->boot;
    if (r->boot != boot && is_of_the_past(p, r->boot))
        return false;
    /* A process leaves once and for good; what it said just before may still be under way. */
    if (r->boot == boot && (p->m.state == NODE_LEFT || r->state == NODE_LEFT))
        return p->m.state != NODE_LEFT;
#if VELUM_PLANT == 48 /* trace/test_mesh: a suspicion that was refuted goes on */
    if (rank(r->state) != rank(p->m.state))
        return rank(r->state) > rank(p->m.state);
#endif
    int64_t ahead = incarnation_ahead(r->boot == boot, p->m.incarnation, r->incarnation);
#if VELUM_PLANT == 205 /* trace/test_own_word: a rumor of an older incarnation is believed */
    if (ahead != 0)
        return true;
#else
    if (ahead != 0)
        return ahead > 0;
#endif
    if (r->boot != boot)
        return r->boot > boot;
    return rank(r->state) > rank(p->m.state);
}

/* Nothing in it that is not known, as with most: a rumor comes over nearly every link. */
static bool rumor_is_stale(const struct peer *p, const struct rumor_head *r)
{
    bool confirms = r->state == NODE_SUSPECT && p->m.state == NODE_SUSPECT &&
                    r->incarnation == p->m.incarnation;
    return r->boot == p->m.info->boot && !confirms && !rumor_is_newer(p, r);
}

static void rumor_is_old(struct mesh *m, struct peer *p, const struct rumor *r, struct link *from,
                         struct instant now)
{
    uint64_t boot = p->m.info->boot;
    bool same = r->info.boot == boot && r->info.incarnation == p->m.incarnation;
    if (same && r->state == NODE_SUSPECT && p->m.state == NODE_SUSPECT)
        for (uint32_t i = 0; i < r->accusers_count; i++)
            peer_suspect(m, p, r->accusers[i], now);
    if (r->info.boot == boot || is_of_the_past(p, r->info.boot))
        return;
    /* Two processes of one node, and only the node can say which is its present one: the teller
     * learns what we know, and the node is asked, whose HELLO settles it. Our own HELLO shows it
     * how high its past had counted. */
    tell_peer(m, from, p);
    if (!p->m.link && r->state == NODE_ALIVE)
        hearsay_ask(m, &r->info, now);
}

/* News of a member that is well. */
static void believe_alive(struct mesh *m, struct peer *p, const struct rumor *r, struct link *from,
                          bool own, struct instant now)
{
    bool was_live = node_state_is_live(p->m.state) && p->m.state != NODE_SUSPECT;
    bool restarted = p->m.info->boot != r->info.boot;
    bool load_only = was_live && !restarted &&
                     member_statement(r->info.incarnation) == member_statement(p->m.incarnation);
    if (!peer_inform(m, p, &r->info, own))
        return;
    p->m.heard = now;
    members_acquit(&m->members, p);
    if (!was_live)
        peer_becomes(m, p, NODE_ALIVE, p->m.link, now);
    if (!load_only)
        peer_news(m, p, from->number);
    else
        peer_news_load(m, p, from, now);
}

static void believe(struct mesh *m, struct peer *p, const struct rumor *r, struct link *from,
                    struct instant now)
{
    if (r->state == NODE_ALIVE) {
        believe_alive(m, p, r, from, false, now);
        return;
    }
    /* The link goes with its member when that one has left. */
    uint64_t number = from->number;
    if (!peer_inform(m, p, &r->info, false))
        return;
    if (r->state == NODE_LEFT) {
        peer_becomes(m, p, NODE_LEFT, 0, now);
        peer_news(m, p, number);
    } else if (r->state == NODE_DEAD) {
        peer_dead(m, p, number, now);
    } else {
        if (!node_state_is_live(p->m.state))
            peer_becomes(m, p, NODE_ALIVE, 0, now);
        accuse_all(m, p, r, now);
    }
}

/* p: what is known of the one it is about, or NULL. */
static void rumor_apply(struct mesh *m, struct peer *p, const struct rumor *r, struct link *from,
                        struct instant now)
{
    struct rumor_head head = {r->info.id, r->info.boot, r->info.incarnation, r->state};
    bool is_new = !p;
    if (is_new)
        p = peer_meet(m, &r->info, now);
    if (!p)
        return;
    if (is_new) {
        peer_becomes(m, p, NODE_ALIVE, 0, now);
        peer_news(m, p, from->number);
        if (r->state == NODE_SUSPECT)
            accuse_all(m, p, r, now);
    } else if (hearsay_is_own(p, &head, from)) {
        believe_alive(m, p, r, from, true, now);
    } else if (!hearsay_may_count(m, p, r, from, now)) {
        return;
    } else if (!rumor_is_newer(p, &head)) {
        rumor_is_old(m, p, r, from, now);
    } else if (p->m.link && from->peer != p &&
               (p->m.info->boot != r->info.boot || hearsay_is_accusation(r->state))) {
        /* Whoever is at the other end of our link can say that it is there, and which process of
         * its node is the present one. */
        if (hearsay_may_accuse(from, now))
            accusation_check(m, p, r, now);
    } else {
        believe(m, p, r, from, now);
    }
}

/* Whether there is anything in it for us; most rumors are known, and are not even decoded. */
static bool rumor_matters(struct mesh *m, const struct peer *p, const struct rumor_head *r,
                          const struct link *from, struct instant now)
{
    if (node_id_equal(r->id, m->self.id))
        return true;
    if (m->ports.expelled && m->ports.expelled(m->ports.ctx, r->id))
        return false;
    /* An unknown one that is gone anyway is not brought back from the dead, or tables would hand it
     * to each other for ever. */
    if (!p)
        return node_state_is_live(r->state);
    if (hearsay_is_own(p, r, from))
        return r->incarnation != p->m.incarnation;
    return !rumor_is_stale(p, r) || hearsay_may_differ(m, p, r, now);
}

void rumors_apply(struct mesh *m, struct rumor_list *list, struct link *from, struct instant now)
{
    uint64_t number = from->number;
    struct rumor_head head;
    struct rumor r;
    while (rumor_list_peek(list, &head)) {
        struct peer *p = members_find(&m->members, head.id);
        if (!hearsay_is_believed(m, p, *list, &head, number) ||
            !rumor_matters(m, p, &head, from, now)) {
            rumor_list_skip(list);
            continue;
        }
        rumor_list_next(list, &r);
        if (node_id_equal(r.info.id, m->self.id))
            rumor_about_self(m, &r, now);
        else
            rumor_apply(m, p, &r, from, now);
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
        put_peer(&m->out, p);
        count++;
    }
    for (uint32_t n = 0; n < MESH_PAGE_RUMORS && i < m->members.count; n++, i++) {
        p = members_at(&m->members, i);
        put_peer(&m->out, p);
        *after = p->m.info->id;
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
    link_arm(m, l);
    struct rumor self = {.state = NODE_ALIVE, .info = m->self};
    tell(m, l, &self);
    sync_pump(m, l);
}

/* Takes an entry out; its place is filled by news_compact. */
static void news_told(struct news *n)
{
    n->peer->news = 0;
    n->peer = NULL;
}

/* Closes the gaps of those told and forgotten. */
static void news_compact(struct mesh *m)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < m->news_count; i++) {
        if (!m->news[i].peer)
            continue;
        m->news[kept] = m->news[i];
        kept++;
        m->news[kept - 1].peer->news = kept;
    }
    m->news_count = kept;
}

void news_drop(struct mesh *m, bool loads)
{
    for (uint32_t i = 0; i < m->news_count; i++)
        if (m->news[i].peer && m->news[i].is_load == loads)
            news_told(&m->news[i]);
    news_compact(m);
}

/* Writes up to a page of the urgent news into m->out and takes them out of the queue. *at goes
 * on in the queue. *from becomes the one link all of them came over, or 0. */
static uint32_t news_page(struct mesh *m, uint32_t *at, uint64_t *from)
{
    buf_reset(&m->out);
    size_t start = rumor_list_begin(&m->out);
    uint32_t count = 0;
    for (; *at < m->news_count && count < MESH_PAGE_RUMORS; ++*at) {
        struct news *n = &m->news[*at];
        if (!n->peer || n->is_load)
            continue;
        put_peer(&m->out, n->peer);
        *from = count == 0 || *from == n->from ? n->from : 0;
        news_told(n);
        count++;
    }
    rumor_list_end(&m->out, start, count);
    return count;
}

static bool is_told(const struct link *l)
{
    return l->peer && l->peer->m.link == l->number && l->peer->care->standing;
}

/* A node that was just told of thousands has nobody yet to tell them to. */
static bool anybody_is_told(const struct mesh *m)
{
    for (uint32_t i = 0; i < m->links.count; i++)
        if (is_told(m->links.list[i]))
            return true;
    return false;
}

void rumors_flush(struct mesh *m)
{
    uint32_t at = 0;
    uint64_t from = 0;
    m->news_urgent = false;
    self_flush(m);
    if (!anybody_is_told(m)) {
        news_drop(m, false);
        return;
    }
    while (news_page(m, &at, &from) > 0)
        for (uint32_t i = 0; i < m->links.count; i++) {
            const struct link *l = m->links.list[i];
            if (is_told(l) && l->number != from)
                send_list(m, l);
        }
    news_compact(m);
}
