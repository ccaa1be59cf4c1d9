#include "core/mesh/mesh_inside.h"

#include <string.h>

#include "core/base/ensure.h"
#include "core/base/err.h"
#include "core/base/text.h"

#define LATE_US (300 * MS_US)
#define GREETING_US (2 * S_US)

/* First in each public function that is told the time. A wake-up long after its due
 * time means that this process slept (stopped, suspended, starved): what it did not
 * hear meanwhile proves nothing. */
static void enter(struct mesh *m, struct instant now)
{
#if VELUM_PLANT == 49 /* trace/test_mesh: a wake-up in time is taken for a late one */
    if (m->due.us == INSTANT_NEVER.us || instant_since_us(now, m->due) >= LATE_US)
#else
    if (m->due.us == INSTANT_NEVER.us || instant_since_us(now, m->due) <= LATE_US)
#endif
        return;
    log_line(m->log, LOG_INFO, "mesh: this node was held up for %lld ms",
             (long long)(instant_since_us(now, m->due) / 1000));
    probe_restart(m, now);
    m->due = now;
}

/* When the first link is due. What is armed may be too early, never too late. */
static struct instant links_due(struct mesh *m)
{
    struct link *l;
    while ((l = links_first(&m->links)) != NULL) {
        struct instant due = link_due(l);
        if (!instant_before(l->armed, due))
            return due;
        links_arm(&m->links, l, due);
    }
    return INSTANT_NEVER;
}

/* Last in each public function that may have changed anything. */
static void settle(struct mesh *m, struct instant now)
{
    if (m->leaving) {
        m->due = INSTANT_NEVER;
        return;
    }
    if (m->ring_stale && instant_reached(now, m->ring_due))
        ring_renew(m, now);
    if (m->news_urgent)
        rumors_flush(m);
    struct instant due = instant_first(m->slow_due, m->loads_due);
    due = instant_first(due, instant_first(m->announce_due, m->outdone_due));
    if (m->ring_stale)
        due = instant_first(due, m->ring_due);
    due = instant_first(due, probe_relays_due(m));
    due = instant_first(due, links_due(m));
    /* A link that is no longer a standing one may have been idle for long. That it is due since
     * then does not mean that this process slept. */
    m->due = instant_before(due, now) ? now : due;
}

int mesh_new(struct mesh **out, const struct alloc *a, const struct member_info *self,
             uint64_t seed, struct profiles *profiles, const struct mesh_ports *ports,
             const struct log_sink *log, struct instant now)
{
    if (!member_info_is_sound(self))
        return ERR_ARGUMENT;
    struct mesh *m = alloc_zeroed(a, sizeof *m);
    if (!m)
        return ERR_NO_MEMORY;
    if (!profiles && profiles_new(&m->profiles_own, a) < 0) {
        alloc_free(a, m, sizeof *m);
        return ERR_NO_MEMORY;
    }
    m->alloc = a;
    m->ports = *ports;
    m->log = log;
    m->self = *self;
    prng_init(&m->prng, seed);
    members_init(&m->members, a, profiles ? profiles : m->profiles_own);
    links_init(&m->links, a);
    hints_init(&m->hints, a);
    buf_init(&m->out, a, FRAME_PAYLOAD_MAX);
    m->loads_due = m->announce_due = m->outdone_due = m->slow_due = m->due = INSTANT_NEVER;
    m->announced = m->loads_told = (struct instant){now.us - S_US};
    m->dead_dialled = now;
    *out = m;
    return 0;
}

void mesh_free(struct mesh *m)
{
    if (!m)
        return;
    members_clear(&m->members);
    profiles_free(m->profiles_own);
    alloc_free(m->alloc, m->news, m->news_cap * sizeof *m->news);
    links_clear(&m->links);
    hints_clear(&m->hints);
    buf_clear(&m->out);
    alloc_free(m->alloc, m, sizeof *m);
}

void mesh_hint(struct mesh *m, const char *addr, struct instant now)
{
    enter(m, now);
    if (m->leaving || strcmp(addr, m->self.addr) == 0)
        return;
    if (!hints_add(&m->hints, addr, now))
        log_line(m->log, LOG_WARNING, "mesh: the address %s is not remembered: %s", addr,
                 err_sentence(ERR_FULL));
    dial_tick(m, now);
    settle(m, now);
}

/* Whoever dialled it, the ticket is used up. */
static void ticket_used(struct mesh *m, uint32_t dial)
{
    struct peer *p = dial_find(m, dial);
    if (p)
        p->care->dial = 0;
}

static void met_self(struct mesh *m, uint64_t link, uint32_t dial)
{
    struct hint *h = hints_find_dial(&m->hints, dial);
    m->ports.close(m->ports.ctx, link);
    if (!h)
        return;
    log_line(m->log, LOG_INFO, "mesh: %s is this node itself", h->addr);
    hints_forget(&m->hints, h);
}

static int link_begin(struct mesh *m, uint64_t number, uint32_t dial, struct node_id peer,
                      struct instant now)
{
    struct link *l;
    if (!link_make_room(m, now))
        return ERR_FULL;
    int rc = links_add(&m->links, number, &l);
    if (rc < 0)
        return rc;
    l->state = LINK_GREETING;
    l->id = peer;
    l->ours = dial != 0;
    l->dial = dial;
    l->deadline = instant_plus_us(now, GREETING_US);
    l->heard = l->used = now;
    l->compare = INSTANT_NEVER;
    link_arm(m, l);
    rc = link_greet(m, l);
    if (rc < 0)
        link_gone(m, l, false, now);
    return rc;
}

void mesh_link_up(struct mesh *m, uint64_t link, uint32_t dial, struct node_id peer,
                  struct instant now)
{
    ensure(link != 0);
    enter(m, now);
    ticket_used(m, dial);
    if (m->leaving) {
        m->ports.close(m->ports.ctx, link);
    } else if (node_id_equal(peer, m->self.id)) {
        met_self(m, link, dial);
    } else if (link_begin(m, link, dial, peer, now) < 0) {
        struct hint *h = hints_find_dial(&m->hints, dial);
        if (h)
            hint_failed(h, now);
        m->ports.close(m->ports.ctx, link);
    }
    mesh_arm(m, now);
    settle(m, now);
}

void mesh_link_down(struct mesh *m, uint64_t link, struct instant now)
{
    enter(m, now);
    struct link *l = links_find(&m->links, link);
    if (l)
        link_gone(m, l, l->state != LINK_DRAINING, now);
    settle(m, now);
}

uint64_t mesh_idle_link(const struct mesh *m, struct instant *used)
{
    const struct link *l = link_oldest_idle(m);
    if (!l)
        return 0;
    *used = l->used;
    return l->number;
}

void mesh_let_go(struct mesh *m, uint64_t link, struct instant now)
{
    enter(m, now);
    struct link *l = links_find(&m->links, link);
    if (l)
        link_let_go(m, l, now);
    settle(m, now);
}

void mesh_dial_failed(struct mesh *m, uint32_t dial, bool refused, struct instant now)
{
    enter(m, now);
    struct peer *p = dial_find(m, dial);
    struct hint *h = hints_find_dial(&m->hints, dial);
    if (p)
        dial_peer_failed(m, p, refused, now);
    if (h) {
        hint_failed(h, now);
        mesh_arm(m, h->due);
    }
    settle(m, now);
}

void mesh_dial_foreign(const struct mesh *m, uint32_t dial)
{
    const struct hint *h = hints_find_dial(&m->hints, dial);
#if VELUM_PLANT == 680 /* trace/test_mesh: an address in another mesh is named at every try */
    if (h)
#else
    if (h && h->wait_us == 0)
#endif
        log_line(m->log, LOG_WARNING,
                 "mesh: who answers at %s belongs to another mesh, or one of the two clocks is "
                 "wrong",
                 h->addr);
}

static int refuse_version(struct mesh *m, struct link *l, uint16_t min, uint16_t max)
{
    log_line(
        m->log, LOG_WARNING,
        "mesh: a node speaks protocol %u to %u, this one %u to %u; one of them needs an update",
        min, max, MESH_VERSION_MIN, MESH_VERSION_MAX);
    link_goodbye(m, l, GOODBYE_VERSION);
    return ERR_VERSION;
}

static int on_hello(struct mesh *m, struct link *l, struct bytes payload, struct instant now)
{
    uint16_t min, max;
    struct hello h;
    struct rumor_list list;
    if (l->state != LINK_GREETING || read_hello_versions(payload, &min, &max) < 0)
        return ERR_FORMAT;
    if (min > MESH_VERSION_MAX || max < MESH_VERSION_MIN)
        return refuse_version(m, l, min, max);
    if (read_hello(payload, &h, &list) < 0)
        return ERR_FORMAT;
    if (!node_id_equal(h.self.id, l->id))
        return ERR_IDENTITY;
    uint64_t number = l->number;
    link_on_hello(m, l, &h, now);
    l = links_find(&m->links, number);
    if (l)
        rumors_apply(m, &list, l, now);
    return 0;
}

static int on_goodbye(struct mesh *m, struct link *l, struct bytes payload, struct instant now)
{
    struct goodbye g;
    int rc = read_goodbye(payload, &g);
    if (rc == 0)
        link_on_goodbye(m, l, &g, now);
    return rc;
}

static int on_ping(struct mesh *m, struct link *l, struct bytes payload, struct instant now)
{
    struct ping p;
    if (read_ping(payload, &p) < 0)
        return ERR_FORMAT;
    uint64_t theirs = p.digest;
    uint8_t raw[32];
    struct buf b;
    buf_init_fixed(&b, raw, sizeof raw);
    p.digest = members_digest(&m->members, &m->self);
    put_ping(&b, &p);
    link_send(m, l, MESSAGE_PONG, &b);
    sync_compare(m, l, theirs, now);
    return 0;
}

static int on_pong(struct mesh *m, struct link *l, struct bytes payload, struct instant now)
{
    struct ping p;
    if (read_ping(payload, &p) < 0)
        return ERR_FORMAT;
    sync_compare(m, l, p.digest, now);
    return 0;
}

static int on_probe(struct mesh *m, struct link *l, struct bytes payload, struct instant now)
{
    struct probe_ask p;
    int rc = read_probe_ask(payload, &p);
    if (rc == 0)
        probe_on_ask(m, l, &p, now);
    return rc;
}

static int on_probed(struct mesh *m, struct link *l, struct bytes payload, struct instant now)
{
    (void)l;
    struct probe_answer p;
    int rc = read_probe_answer(payload, &p);
    if (rc == 0)
        probe_on_answer(m, &p, now);
    return rc;
}

static int on_rumors(struct mesh *m, struct link *l, struct bytes payload, struct instant now)
{
    struct rumor_list list;
    int rc = read_rumors(payload, &list);
    if (rc == 0)
        rumors_apply(m, &list, l, now);
    return rc;
}

static int dispatch(struct mesh *m, struct link *l, const struct frame *f, struct instant now)
{
    if (f->type == MESSAGE_GOODBYE)
        return on_goodbye(m, l, f->payload, now);
    if (f->type == MESSAGE_HELLO)
        return on_hello(m, l, f->payload, now);
    if (l->state == LINK_GREETING)
        return ERR_FORMAT;
    if (f->type == MESSAGE_RUMORS)
        return on_rumors(m, l, f->payload, now);
    /* After our GOODBYE nothing more is sent, so nothing is answered. */
    if (l->state == LINK_DRAINING)
        return 0;
    switch (f->type) {
    case MESSAGE_PING:
        return on_ping(m, l, f->payload, now);
    case MESSAGE_PONG:
        return on_pong(m, l, f->payload, now);
    case MESSAGE_PROBE:
        return on_probe(m, l, f->payload, now);
    case MESSAGE_PROBED:
        return on_probed(m, l, f->payload, now);
    default:
        return ERR_FORMAT;
    }
}

int mesh_frame(struct mesh *m, uint64_t link, const struct frame *f, struct instant now)
{
    enter(m, now);
    struct link *l = links_find(&m->links, link);
    /* Frames may still arrive from a link that was just closed here. */
    if (!l || m->leaving)
        return 0;
    probe_heard(m, l, now);
    int rc = dispatch(m, l, f, now);
    l = rc < 0 ? links_find(&m->links, link) : NULL;
    if (l)
        link_gone(m, l, false, now);
    settle(m, now);
    return rc;
}

void mesh_heard(struct mesh *m, uint64_t link, struct instant now)
{
    enter(m, now);
    struct link *l = links_find(&m->links, link);
    if (!l || !l->peer)
        return;
    l->used = now;
    bool matters = l->peer->m.state != NODE_ALIVE || care_of(l->peer)->accusation;
    probe_heard(m, l, now);
    /* Called for each frame, so the due time is left as it is: at worst one wake-up too many. */
    if (matters)
        settle(m, now);
}

const struct member *mesh_link_peer(const struct mesh *m, uint64_t link)
{
    const struct link *l = links_find(&m->links, link);
    return l && l->peer ? &l->peer->m : NULL;
}

uint64_t mesh_link_calendar_s(const struct mesh *m, uint64_t link)
{
    const struct link *l = links_find(&m->links, link);
    return l && l->peer ? l->calendar_s : 0;
}

uint32_t mesh_link_features(const struct mesh *m, uint64_t link)
{
    const struct link *l = links_find(&m->links, link);
    return l && l->peer ? l->features : 0;
}

const struct member *mesh_find(const struct mesh *m, struct node_id id)
{
    const struct peer *p = members_find(&m->members, id);
    return p ? &p->m : NULL;
}

uint32_t mesh_count(const struct mesh *m)
{
    return m->members.count;
}

const struct member *mesh_at(const struct mesh *m, uint32_t i)
{
    return &members_at(&m->members, i)->m;
}

const struct member_info *mesh_self(const struct mesh *m)
{
    return &m->self;
}

uint32_t mesh_live_count(const struct mesh *m)
{
    return m->members.live + 1;
}

void mesh_want_link(struct mesh *m, struct node_id id, struct instant now)
{
    enter(m, now);
    struct peer *p = members_find(&m->members, id);
    struct care *c = p ? members_care(&m->members, p) : NULL;
    if (!c)
        return;
    c->wanted = now;
    struct link *l = links_find(&m->links, p->m.link);
    if (l) {
        l->used = now;
        return;
    }
    /* While a back-off runs, the walk dials when it ends. */
    if (node_state_is_live(p->m.state) && c->dial_due.us == INSTANT_NEVER.us)
        peer_dial(m, p, now);
    settle(m, now);
}

void mesh_told(struct mesh *m, uint64_t link, struct bytes rumors, uint32_t count,
               struct instant now)
{
    enter(m, now);
    struct link *l = links_find(&m->links, link);
    struct rumor_list list = rumor_list_of(rumors, count);
    if (!l || m->leaving)
        return;
    rumors_apply(m, &list, l, now);
    settle(m, now);
}

void mesh_seek(struct mesh *m, struct bytes rumor, struct instant now)
{
    enter(m, now);
    struct rumor_list list = rumor_list_of(rumor, 1);
    struct rumor r;
    if (m->leaving || !rumor_list_next(&list, &r))
        return;
    hearsay_dial(m, &r.info);
    settle(m, now);
}

void mesh_meet_anew(struct mesh *m, struct node_id id, struct instant now)
{
    enter(m, now);
    struct peer *p = members_find(&m->members, id);
    if (!p || m->leaving)
        return;
    link_anew(m, p, now);
    settle(m, now);
}

void mesh_expel(struct mesh *m, struct node_id id, struct instant now)
{
    enter(m, now);
    struct peer *p = members_find(&m->members, id);
    link_expel_all(m, id);
    if (p && p->m.state != NODE_LEFT) {
        peer_becomes(m, p, NODE_LEFT, 0, now);
        peer_news(m, p, 0);
    }
    settle(m, now);
}

void mesh_set_load(struct mesh *m, uint32_t busy, uint64_t speed_units_s, struct instant now)
{
    enter(m, now);
    uint64_t old = m->self.speed_units_s;
    uint64_t step = speed_units_s > old ? speed_units_s - old : old - speed_units_s;
    /* A speed is a measurement; its noise is nobody's news. */
    bool changed = busy != m->self.busy || step > old / 8;
    m->self.busy = busy > MESH_SLOTS_MAX ? MESH_SLOTS_MAX : busy;
    if (changed) {
        m->self.speed_units_s = speed_units_s;
        self_load_changed(m, now);
    }
    settle(m, now);
}

void mesh_set_labels(struct mesh *m, const char *labels, struct instant now)
{
    enter(m, now);
    if (strcmp(m->self.labels, labels) != 0) {
        text_copy(m->self.labels, sizeof m->self.labels, labels);
        self_announce(m, now);
    }
    settle(m, now);
}

void mesh_set_addr(struct mesh *m, const char *addr, struct instant now)
{
    enter(m, now);
    if (strcmp(m->self.addr, addr) != 0) {
        ensure(text_copy(m->self.addr, sizeof m->self.addr, addr));
#if VELUM_PLANT != 915 /* trace/test_mesh: nobody hears that a node has another address */
        self_announce(m, now);
#endif
    }
    settle(m, now);
}

void mesh_set_recovering(struct mesh *m, bool recovering, struct instant now)
{
    enter(m, now);
    if (recovering != m->self.recovering) {
        m->self.recovering = recovering;
        self_announce(m, now);
    }
    settle(m, now);
}

void mesh_leave(struct mesh *m, struct instant now)
{
    enter(m, now);
    m->leaving = true;
    while (m->links.count > 0) {
        struct link *l = m->links.list[m->links.count - 1];
        if (l->state != LINK_DRAINING)
            link_goodbye(m, l, GOODBYE_LEAVING);
        m->ports.close(m->ports.ctx, l->number);
        if (l->peer)
            l->peer->m.link = 0;
        link_forget(m, l);
    }
    settle(m, now);
}

void mesh_tick(struct mesh *m, struct instant now)
{
    enter(m, now);
    if (m->leaving)
        return;
    link_tick(m, now);
    probe_relays_tick(m, now);
    self_tick(m, now);
    if (instant_reached(now, m->slow_due)) {
        m->slow_due = INSTANT_NEVER;
        probe_members_tick(m, now);
        dial_tick(m, now);
    }
    if (instant_reached(now, m->loads_due))
        loads_flush(m, now);
    settle(m, now);
}

struct instant mesh_due(const struct mesh *m)
{
    return m->due;
}
