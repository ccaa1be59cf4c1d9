#include "tests/lib/mesh_net.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/ensure.h"

#define DIAL_TIMEOUT_US (3 * S_US)

enum net_event_kind { NET_CONNECT, NET_UP, NET_DOWN, NET_FRAME, NET_FAILED };

struct net_event {
    struct instant at;
    uint64_t order;
    enum net_event_kind kind;
    uint32_t node, generation; /* to whom */
    uint32_t from;
    uint64_t link;
    uint32_t dial;
    uint32_t target;
    bool refused;
    uint8_t type;
    uint8_t *payload;
    size_t payload_len;
};

struct net_conn {
    uint32_t node[2];
    bool open[2];
    struct instant last[2]; /* latest arrival at that side: order is kept */
};

/* Side s of connection c has the link number 2c + s + 1. */
static struct net_conn *conn_of(struct net *n, uint64_t link)
{
    return &n->conns[(link - 1) / 2];
}

static unsigned side_of(uint64_t link)
{
    return (unsigned)((link - 1) % 2);
}

static void *more(void *list, uint32_t count, uint32_t *cap, size_t size)
{
    if (count < *cap)
        return list;
    *cap = *cap ? *cap * 2 : 64;
    list = realloc(list, *cap * size);
    ensure(list);
    return list;
}

static bool event_before(const struct net_event *a, const struct net_event *b)
{
    return a->at.us != b->at.us ? a->at.us < b->at.us : a->order < b->order;
}

static void push(struct net *n, struct net_event ev)
{
    n->events = more(n->events, n->events_count, &n->events_cap, sizeof *n->events);
    ev.order = ++n->order;
    uint32_t i = n->events_count++;
    while (i > 0 && event_before(&ev, &n->events[(i - 1) / 2])) {
        n->events[i] = n->events[(i - 1) / 2];
        i = (i - 1) / 2;
    }
    n->events[i] = ev;
}

static struct net_event pop(struct net *n)
{
    struct net_event first = n->events[0], last = n->events[--n->events_count];
    uint32_t i = 0;
    for (;;) {
        uint32_t child = 2 * i + 1;
        if (child >= n->events_count)
            break;
        if (child + 1 < n->events_count && event_before(&n->events[child + 1], &n->events[child]))
            child++;
        if (!event_before(&n->events[child], &last))
            break;
        n->events[i] = n->events[child];
        i = child;
    }
    n->events[i] = last;
    return first;
}

static int64_t delay_us(struct net *n)
{
    int64_t spread = n->delay_max_us - n->delay_min_us;
    return n->delay_min_us + (int64_t)prng_below(&n->prng, (uint64_t)spread + 1);
}

static bool is_split(const struct net *n, uint32_t a, uint32_t b)
{
    return n->split && ((n->side[0] >> a) & 1) != ((n->side[0] >> b) & 1);
}

/* When something sent now arrives at the other side. */
static struct instant arrival(struct net *n, struct net_conn *c, unsigned to, bool frame)
{
    int64_t us = delay_us(n);
    if (frame && n->slow_percent && prng_below(&n->prng, 100) < n->slow_percent)
        us += 200 * MS_US + (int64_t)prng_below(&n->prng, 200 * MS_US);
    struct instant at = instant_plus_us(n->now, us);
    if (instant_before(at, c->last[to]))
        at = c->last[to];
    c->last[to] = at;
    return at;
}

static void port_send(void *ctx, uint64_t link, uint8_t type, struct bytes payload)
{
    struct net_node *node = ctx;
    struct net *n = node->net;
    struct net_conn *c = conn_of(n, link);
    unsigned to = 1 - side_of(link);
    ensure(c->node[1 - to] == node->index && payload.len <= FRAME_PAYLOAD_MAX);
    node->sent++;
    if (!c->open[to] || !c->open[1 - to] || type == n->drop_type)
        return;
    struct net_event ev = {.at = arrival(n, c, to, true),
                           .kind = NET_FRAME,
                           .node = c->node[to],
                           .generation = n->nodes[c->node[to]].generation,
                           .from = node->index,
                           .link = (link - 1 - side_of(link)) + to + 1,
                           .type = type,
                           .payload = malloc(payload.len + 1),
                           .payload_len = payload.len};
    memcpy(ev.payload, payload.data, payload.len);
    push(n, ev);
}

static void port_dial(void *ctx, uint32_t dial, const char *addr, struct node_id expected)
{
    (void)expected;
    struct net_node *node = ctx;
    struct net *n = node->net;
    uint32_t target = NET_NODES_MAX;
    for (uint32_t i = 0; i < n->count; i++)
        if (strstr(addr, n->nodes[i].info.addr))
            target = i;
    node->dials++;
    push(n, (struct net_event){.at = instant_plus_us(n->now, delay_us(n)),
                               .kind = NET_CONNECT,
                               .node = node->index,
                               .generation = node->generation,
                               .from = node->index,
                               .dial = dial,
                               .target = target});
}

/* One side has ended; the other hears of it after all that was sent. */
static void end_side(struct net *n, struct net_conn *c, unsigned side)
{
    unsigned to = 1 - side;
    if (!c->open[side])
        return;
    c->open[side] = false;
    if (!c->open[to])
        return;
    uint64_t link = 2 * (uint64_t)(c - n->conns) + to + 1;
    push(n, (struct net_event){.at = arrival(n, c, to, false),
                               .kind = NET_DOWN,
                               .node = c->node[to],
                               .generation = n->nodes[c->node[to]].generation,
                               .from = c->node[side],
                               .link = link});
}

static void port_close(void *ctx, uint64_t link)
{
    struct net_node *node = ctx;
    end_side(node->net, conn_of(node->net, link), side_of(link));
}

static uint32_t index_of(const struct net *n, struct node_id id)
{
    for (uint32_t i = 0; i < n->count; i++)
        if (node_id_equal(n->nodes[i].info.id, id))
            return i;
    ensure(n->count == 0); /* it is always a node of this net */
    return 0;
}

static void port_changed(void *ctx, const struct member *m, enum node_state before,
                         uint64_t link_before)
{
    struct net_node *node = ctx;
    struct sight *s = &node->sight[index_of(node->net, m->info->id)];
    struct instant now = node->net->now;
    ensure(m->state != before || m->link != link_before);
    if (m->state != before && m->state == NODE_SUSPECT && s->suspects++ == 0)
        s->suspect_at = now;
    if (m->state != before && m->state == NODE_DEAD && s->deads++ == 0)
        s->dead_at = now;
    if (m->state != before && m->state == NODE_LEFT && s->lefts++ == 0)
        s->left_at = now;
    s->aways += m->state != before && m->state == NODE_AWAY;
    s->links += m->link != link_before;
    s->losses += m->link != link_before && m->link == 0;
    if (getenv("MESH_TRACE"))
        printf("# %9.3f node %u: node %u %u -> %u link %llu -> %llu\n", (double)now.us / 1e6,
               node->index, index_of(node->net, m->info->id), before, m->state,
               (unsigned long long)link_before, (unsigned long long)m->link);
}

static void port_load(void *ctx, const struct member *m)
{
    struct net_node *node = ctx;
    node->sight[index_of(node->net, m->info->id)].loads++;
}

static uint64_t port_calendar(void *ctx)
{
    const struct net_node *node = ctx;
    return node->calendar_s;
}

static void log_to_net(void *ctx, enum log_level level, const char *text)
{
    struct net *n = ctx;
    (void)level;
    snprintf(n->last_log, sizeof n->last_log, "%s", text);
    if (getenv("MESH_TRACE"))
        printf("# %9.3f log: %s\n", (double)n->now.us / 1e6, text);
}

static struct log_sink log_sink = {.line = log_to_net, .level_max = LOG_DEBUG};

void net_init(struct net *n, uint32_t count, uint64_t seed)
{
    ensure(count <= NET_NODES_MAX);
    memset(n, 0, sizeof *n);
    heap_init(&n->heap);
    prng_init(&n->prng, seed);
    log_sink.ctx = n;
    n->now = (struct instant){1000 * S_US};
    n->count = count;
    n->delay_min_us = 200;
    n->delay_max_us = 2 * MS_US;
    for (uint32_t i = 0; i < count; i++) {
        struct net_node *node = &n->nodes[i];
        node->net = n;
        node->index = i;
        for (size_t b = 0; b < ID_SIZE; b++)
            node->info.id.bytes[b] = (uint8_t)prng_u64(&n->prng);
        snprintf(node->info.name, sizeof node->info.name, "node-%02u", i);
        snprintf(node->info.addr, sizeof node->info.addr, "10.0.0.%u:8001", i + 100);
        snprintf(node->info.arch, sizeof node->info.arch, "x86_64");
        snprintf(node->info.version, sizeof node->info.version, "0.1.0");
        node->info.slots = 2;
    }
}

bool net_end(struct net *n)
{
    for (uint32_t i = 0; i < n->count; i++)
        mesh_free(n->nodes[i].mesh);
    for (uint32_t i = 0; i < n->events_count; i++)
        free(n->events[i].payload);
    for (uint32_t i = 0; i < n->held_count; i++)
        free(n->held[i].payload);
    free(n->events);
    free(n->held);
    free(n->conns);
    return heap_is_empty(&n->heap);
}

void net_start(struct net *n, uint32_t i)
{
    struct net_node *node = &n->nodes[i];
    ensure(!node->mesh);
    struct mesh_ports ports = {.ctx = node,
                               .send = port_send,
                               .dial = port_dial,
                               .close = port_close,
                               .changed = port_changed,
                               .load = port_load,
                               .calendar = port_calendar};
    node->generation++;
    node->paused = false;
    node->mute_dials = false;
    node->info.boot = prng_u64(&n->prng);
    ensure(mesh_new(&node->mesh, &n->heap.alloc, &node->info, prng_u64(&n->prng), NULL, &ports,
                    &log_sink, n->now) == 0);
}

static void end_process(struct net *n, uint32_t i)
{
    mesh_free(n->nodes[i].mesh);
    n->nodes[i].mesh = NULL;
    n->nodes[i].generation++;
}

void net_kill(struct net *n, uint32_t i)
{
    for (uint32_t k = 0; k < n->conns_count; k++)
        for (unsigned side = 0; side < 2; side++)
            if (n->conns[k].node[side] == i)
                end_side(n, &n->conns[k], side);
    end_process(n, i);
}

void net_power_off(struct net *n, uint32_t i)
{
    end_process(n, i);
    n->nodes[i].mute_dials = true;
}

void net_leave(struct net *n, uint32_t i)
{
    mesh_leave(n->nodes[i].mesh, n->now);
    net_kill(n, i);
}

static void release_held(struct net *n)
{
    uint32_t count = n->held_count;
    n->held_count = 0;
    for (uint32_t i = 0; i < count; i++) {
        struct net_event ev = n->held[i];
        ev.at = n->now;
        push(n, ev);
    }
}

void net_pause(struct net *n, uint32_t i)
{
    n->nodes[i].paused = true;
}

void net_resume(struct net *n, uint32_t i)
{
    n->nodes[i].paused = false;
    release_held(n);
}

void net_split(struct net *n, uint64_t one_side)
{
    n->side[0] = one_side;
    n->split = true;
}

void net_heal(struct net *n)
{
    n->split = false;
    release_held(n);
}

void net_break(struct net *n, uint32_t a, uint32_t b)
{
    for (uint32_t k = 0; k < n->conns_count; k++) {
        struct net_conn *c = &n->conns[k];
        bool between = (c->node[0] == a && c->node[1] == b) || (c->node[0] == b && c->node[1] == a);
        if (!between || !c->open[0] || !c->open[1])
            continue;
        for (unsigned to = 0; to < 2; to++)
            push(n, (struct net_event){.at = arrival(n, c, to, false),
                                       .kind = NET_DOWN,
                                       .node = c->node[to],
                                       .generation = n->nodes[c->node[to]].generation,
                                       .from = c->node[to],
                                       .link = 2 * (uint64_t)k + to + 1});
    }
}

void net_meet_anew(struct net *n, uint32_t i, uint32_t other, uint64_t calendar_s)
{
    n->nodes[i].calendar_s = calendar_s;
    mesh_meet_anew(n->nodes[i].mesh, n->nodes[other].info.id, n->now);
}

void net_hint(struct net *n, uint32_t i, uint32_t target)
{
    mesh_hint(n->nodes[i].mesh, n->nodes[target].info.addr, n->now);
}

void net_hint_all(struct net *n)
{
    for (uint32_t i = 0; i < n->count; i++)
        if (n->nodes[i].mesh)
            net_hint(n, i, 0);
}

static void dial_ends(struct net *n, const struct net_event *ev, bool refused, int64_t us)
{
    push(n, (struct net_event){.at = instant_plus_us(n->now, us),
                               .kind = NET_FAILED,
                               .node = ev->node,
                               .generation = ev->generation,
                               .from = ev->node,
                               .dial = ev->dial,
                               .refused = refused});
}

static void up(struct net *n, uint64_t link, uint32_t dial, struct instant at)
{
    const struct net_conn *c = conn_of(n, link);
    uint32_t node = c->node[side_of(link)];
    push(n, (struct net_event){.at = at,
                               .kind = NET_UP,
                               .node = node,
                               .generation = n->nodes[node].generation,
                               .from = node,
                               .link = link,
                               .dial = dial,
                               .target = c->node[1 - side_of(link)]});
}

static void connect_now(struct net *n, const struct net_event *ev)
{
    uint32_t to = ev->target;
    if (to == NET_NODES_MAX || (!n->nodes[to].mesh && !n->nodes[to].mute_dials)) {
        dial_ends(n, ev, true, delay_us(n));
        return;
    }
    if (!n->nodes[to].mesh || n->nodes[to].mute_dials || n->nodes[to].paused ||
        is_split(n, ev->node, to)) {
        dial_ends(n, ev, false, DIAL_TIMEOUT_US);
        return;
    }
    n->conns = more(n->conns, n->conns_count, &n->conns_cap, sizeof *n->conns);
    struct net_conn *c = &n->conns[n->conns_count];
    *c = (struct net_conn){.node = {ev->node, to}, .open = {true, true}};
    uint64_t link = 2 * (uint64_t)n->conns_count++ + 1;
    for (unsigned side = 0; side < 2; side++) {
        c->last[side] = instant_plus_us(n->now, delay_us(n));
        up(n, link + side, side == 0 ? ev->dial : 0, c->last[side]);
    }
}

static void deliver_frame(struct net *n, struct net_node *node, const struct net_event *ev)
{
    struct frame f = {.type = ev->type, .payload = {ev->payload, ev->payload_len}};
    if (mesh_frame(node->mesh, ev->link, &f, n->now) < 0) {
        n->garbage++;
        port_close(node, ev->link);
    }
}

static void deliver(struct net *n, const struct net_event *ev)
{
    struct net_node *node = &n->nodes[ev->node];
    struct net_conn *c = ev->link ? conn_of(n, ev->link) : NULL;
    if (c && !c->open[side_of(ev->link)])
        return;
    switch (ev->kind) {
    case NET_CONNECT:
        connect_now(n, ev);
        break;
    case NET_UP:
        mesh_link_up(node->mesh, ev->link, ev->dial, n->nodes[ev->target].info.id, n->now);
        break;
    case NET_DOWN:
        c->open[side_of(ev->link)] = false;
        mesh_link_down(node->mesh, ev->link, n->now);
        break;
    case NET_FRAME:
        deliver_frame(n, node, ev);
        break;
    case NET_FAILED:
        mesh_dial_failed(node->mesh, ev->dial, ev->refused, n->now);
        break;
    }
}

static void handle(struct net *n, struct net_event ev)
{
    const struct net_node *node = &n->nodes[ev.node];
    if (node->mesh && node->generation == ev.generation) {
        if (node->paused || is_split(n, ev.from, ev.node)) {
            n->held = more(n->held, n->held_count, &n->held_cap, sizeof *n->held);
            n->held[n->held_count++] = ev;
            return;
        }
        deliver(n, &ev);
    }
    free(ev.payload);
}

/* The node whose timer is due first, or NULL when an event comes before. */
static struct net_node *first_due(struct net *n, struct instant *at)
{
    struct net_node *first = NULL;
    for (uint32_t i = 0; i < n->count; i++) {
        struct net_node *node = &n->nodes[i];
        if (!node->mesh || node->paused || !instant_before(mesh_due(node->mesh), *at))
            continue;
        *at = mesh_due(node->mesh);
        first = node;
    }
    return first;
}

/* One event or tick not after `until`; false when there is none. */
static bool step(struct net *n, struct instant until)
{
    struct instant at = n->events_count ? n->events[0].at : INSTANT_NEVER;
    struct net_node *node = first_due(n, &at);
    if (instant_before(until, at))
        return false;
    if (instant_before(n->now, at))
        n->now = at;
    if (!node) {
        handle(n, pop(n));
        return true;
    }
    node->ticks++;
    node->spins = node->ticked_at.us == n->now.us ? node->spins + 1 : 0;
    node->ticked_at = n->now;
    mesh_tick(node->mesh, n->now);
    /* A tick that leaves its due time behind again and again would spin a host. */
    ensure(node->spins < 10);
    return true;
}

void net_run(struct net *n, int64_t us)
{
    struct instant until = instant_plus_us(n->now, us);
    while (step(n, until))
        ;
    n->now = until;
}

bool net_run_until(struct net *n, bool (*holds)(struct net *n), int64_t us_max)
{
    struct instant until = instant_plus_us(n->now, us_max);
    while (!holds(n))
        if (!step(n, until)) {
            n->now = until;
            return holds(n);
        }
    return true;
}

enum node_state net_state(const struct net *n, uint32_t i, uint32_t j)
{
    const struct member *m = mesh_find(n->nodes[i].mesh, n->nodes[j].info.id);
    return m ? m->state : (enum node_state)0;
}

uint64_t net_link(const struct net *n, uint32_t i, uint32_t j)
{
    const struct member *m = mesh_find(n->nodes[i].mesh, n->nodes[j].info.id);
    return m ? m->link : 0;
}

uint32_t net_conns_between(const struct net *n, uint32_t a, uint32_t b)
{
    uint32_t count = 0;
    for (uint32_t k = 0; k < n->conns_count; k++) {
        const struct net_conn *c = &n->conns[k];
        bool between = (c->node[0] == a && c->node[1] == b) || (c->node[0] == b && c->node[1] == a);
        count += between && (c->open[0] || c->open[1]);
    }
    return count;
}

uint64_t net_date(const struct net *n, uint32_t i, uint32_t j)
{
    return mesh_link_calendar_s(n->nodes[i].mesh, net_link(n, i, j));
}

bool net_agrees(struct net *n)
{
    for (uint32_t i = 0; i < n->count; i++)
        for (uint32_t j = 0; n->nodes[i].mesh && j < n->count; j++) {
            enum node_state s = i == j ? NODE_DEAD : net_state(n, i, j);
            bool live = s == NODE_SUSPECT || s == NODE_AWAY || s == NODE_ALIVE;
            if (i != j && n->nodes[j].mesh ? s != NODE_ALIVE : live)
                return false;
        }
    return true;
}

bool net_links_agree(struct net *n)
{
    for (uint32_t i = 0; i < n->count; i++)
        for (uint32_t j = 0; n->nodes[i].mesh && j < n->count; j++) {
            if (i == j || !n->nodes[j].mesh)
                continue;
            uint64_t a = net_link(n, i, j), b = net_link(n, j, i);
            if ((a == 0) != (b == 0) || (a && (a - 1) / 2 != (b - 1) / 2))
                return false;
        }
    return true;
}

void net_forget(struct net *n)
{
    for (uint32_t i = 0; i < n->count; i++) {
        memset(n->nodes[i].sight, 0, sizeof n->nodes[i].sight);
        n->nodes[i].ticks = n->nodes[i].sent = 0;
    }
}

bool net_settled(struct net *n)
{
    return net_agrees(n) && net_links_agree(n);
}

void net_begin(struct net *n, uint32_t count, uint64_t seed)
{
    net_init(n, count, seed);
    for (uint32_t i = 0; i < count; i++)
        net_start(n, i);
    net_hint_all(n);
    ensure(net_run_until(n, net_settled, 10 * S_US));
    net_run(n, 5 * S_US);
    ensure(net_settled(n));
    net_forget(n);
}
