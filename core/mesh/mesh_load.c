#include "core/mesh/mesh_inside.h"

/* How loads spread.
 *
 * Loads change all the time, and telling each over every link, as other news are, would be 2 log2 N
 * times too much: each goes once to each node. Its author tells those at the ring distances 1, 2, 4
 * ... that way; whoever hears it from 2^k away is responsible for the 2^k - 1 nodes next to it, and
 * tells those at the distances below 2^k, as in a finger table (El-Ansary, Alima, Brand, Haridi:
 * Efficient broadcast in structured P2P networks, IPTPS 2003). Nobody tells past the author, where
 * the ring closes. Even ones go ahead, odd ones behind: what one way misses, because a node on it
 * stands still or the ring is seen differently, the next one brings the other way, and the last one
 * is said again a few times.
 *
 * The pause between two of one author grows with N / log2 N, so that a node hears and tells 60
 * log2 N loads in a second at most, however many change. */

#define LOAD_PAUSE_US (100 * MS_US)
#define LOADS_A_DOUBLING 60 /* in a second, heard by a node: for each doubling of the nodes */
#define REPEATS 3
#define REPEAT_PAUSES                                                                              \
    4 /* so many pauses before it is said again, and each time as many times more */
#define REPEAT_MIN_US (1 * S_US)
#define FULL_MESH_PEERS 8 /* as many are all linked with each other: loads need not be passed on */

static enum ring_way way_of(uint32_t incarnation)
{
    return incarnation % 2 == 0 ? RING_AHEAD : RING_BEHIND;
}

int64_t mesh_load_pause_us(uint32_t nodes)
{
    int64_t doublings = 1;
    while (nodes >> doublings > 1)
        doublings++;
    int64_t us = nodes * S_US / (LOADS_A_DOUBLING * doublings);
#if VELUM_PLANT == 132 /* unit/test_scale: loads are not paced by the number of nodes */
    us = 0;
#endif
    return us > LOAD_PAUSE_US ? us : LOAD_PAUSE_US;
}

static int64_t load_pause_us(const struct mesh *m)
{
    return mesh_load_pause_us(m->members.live + 1);
}

/* The link to the peer at that distance, or NULL. */
static const struct link *ring_link(const struct mesh *m, enum ring_way way, uint32_t k)
{
    const struct peer *p = m->members.ring[way][k];
    return p && p->m.link ? links_find(&m->links, p->m.link) : NULL;
}

static void tell_self(struct mesh *m)
{
    const struct rumor r = {.state = NODE_ALIVE, .info = m->self};
    enum ring_way way = way_of(m->self.incarnation);
    for (uint32_t k = 0; k < RING_CLASSES; k++) {
        const struct link *l = ring_link(m, way, k);
        if (l)
            tell(m, l, &r);
    }
}

static void announce_load(struct mesh *m, struct instant now)
{
    /* With the last number of a statement the next one begins, which all must hear. */
    if (m->members.live <= FULL_MESH_PEERS ||
        member_statement(m->self.incarnation + 1) != member_statement(m->self.incarnation)) {
        m->self_news = m->news_urgent = true;
        m->self.incarnation++;
        m->announce_due = INSTANT_NEVER;
    } else {
        int64_t wait_us = load_pause_us(m) * REPEAT_PAUSES;
        m->self.incarnation++;
        tell_self(m);
        m->repeats = m->load_changed ? 0 : m->repeats + 1;
        for (uint32_t i = 0; i < m->repeats; i++)
            wait_us *= REPEAT_PAUSES;
        m->announce_due =
            m->repeats == REPEATS
                ? INSTANT_NEVER
                : instant_plus_us(now, wait_us > REPEAT_MIN_US ? wait_us : REPEAT_MIN_US);
    }
    m->load_changed = false;
    m->announced = now;
}

void self_load_changed(struct mesh *m, struct instant now)
{
    struct instant due = instant_plus_us(m->announced, load_pause_us(m));
    m->load_changed = true;
    if (instant_reached(now, due))
        announce_load(m, now);
    else
        m->announce_due = due;
}

void self_load_due(struct mesh *m, struct instant now)
{
    announce_load(m, now);
}

static uint8_t reach_of(const struct mesh *m, struct link *l, enum ring_way way)
{
    if (l->reach_ring != m->members.rings) {
        for (unsigned w = 0; w < 2; w++)
            l->reach[w] = (uint8_t)ring_reach(&m->members, m->self.id, l->peer, (enum ring_way)w);
        l->reach_ring = m->members.rings;
    }
    return l->reach[way];
}

void peer_news_load(struct mesh *m, struct peer *p, struct link *from, struct instant now)
{
    if (m->members.live <= FULL_MESH_PEERS)
        return;
    enum ring_way way = way_of(p->m.incarnation);
    uint8_t reach = reach_of(m, from, way);
    if (reach == 0 && !p->news)
        return;
    struct news *n = news_of(m, p);
    if (!n || (n->peer && !n->is_load))
        return;
    n->peer = p;
    n->reach = reach;
    n->way = (uint8_t)way;
    n->key = member_key(p->m.info->id);
    struct instant due = instant_plus_us(m->loads_told, LOAD_PAUSE_US);
    m->loads_due = instant_first(m->loads_due, instant_before(due, now) ? now : due);
}

/* Writes up to a page of what the peer at that distance is to hear. *at goes on in the queue. */
static uint32_t loads_page(struct mesh *m, enum ring_way way, uint32_t k, uint32_t *at)
{
    uint64_t self = member_key(m->self.id);
    uint64_t gap = ring_gap(self, member_key(m->members.ring[way][k]->m.info->id), way);
    buf_reset(&m->out);
    size_t start = rumor_list_begin(&m->out);
    uint32_t count = 0;
    for (; *at < m->news_count && count < MESH_PAGE_RUMORS; ++*at) {
        const struct news *n = &m->news[*at];
        /* The author is at that peer or before it: the ring closes there. */
        if (!n->peer || !n->is_load || n->reach <= k || n->way != way ||
            ring_gap(self, n->key, way) <= gap)
            continue;
        /* Its author said more over its own link meanwhile, which goes the other way. */
        if (way_of(n->peer->m.incarnation) != way)
            continue;
        put_peer(&m->out, n->peer);
        count++;
    }
    rumor_list_end(&m->out, start, count);
    return count;
}

void loads_flush(struct mesh *m, struct instant now)
{
    m->loads_due = INSTANT_NEVER;
    m->loads_told = now;
    for (unsigned way = 0; way < 2; way++)
        for (uint32_t k = 0; k < RING_CLASSES; k++) {
            const struct link *l = ring_link(m, (enum ring_way)way, k);
            uint32_t at = 0;
            while (l && loads_page(m, (enum ring_way)way, k, &at) > 0)
                send_list(m, l);
        }
    news_drop(m, true);
}
