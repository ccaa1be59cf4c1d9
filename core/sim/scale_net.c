#include "core/sim/scale_net.h"

#include <string.h>

#include "core/base/ensure.h"
#include "core/base/err.h"
#include "core/base/text.h"
#include "core/mesh/mesh_wire.h"
#include "core/mesh/profiles.h"
#include "core/sim/scale_known.h"
#include "core/wire/message.h"

#define STALL_US (1 * S_US)
#define INDEX_AT (ID_SIZE - 4) /* the end of an id is its node's index */

/* --- memory: the meshes' own is counted --- */

static void *count_resize(void *ctx, void *old, size_t old_size, size_t new_size)
{
    struct scale_net *n = ctx;
    void *p = n->given->resize(n->given->ctx, old, old_size, new_size);

    if (p == NULL && new_size > 0) {
        n->queue.out_of_memory = true;
        return NULL;
    }
    n->bytes_live = n->bytes_live - old_size + new_size;
    if (n->bytes_live > n->bytes_most)
        n->bytes_most = n->bytes_live;
    return p;
}

bool scale_net_out_of_memory(const struct scale_net *n)
{
    return n->queue.out_of_memory;
}

static void push(struct scale_net *n, int64_t at_us, struct scale_event ev)
{
    ev.at_us = at_us;
    scale_queue_push(&n->queue, ev);
}

/* --- the ports of a mesh --- */

static void port_send(void *ctx, uint64_t link, uint8_t type, struct bytes payload)
{
    struct scale_node *node = ctx;
    struct scale_net *n = node->net;
    struct scale_conn *c = scale_conn_of(&n->conns, link);
    unsigned to = 1 - scale_link_side(link);
    struct scale_event ev = {.kind = SCALE_FRAME, .type = type};

    node->frames++;
    node->bytes += FRAME_HEADER_SIZE + payload.len;
    if (c == NULL || !c->open[to])
        return;
    ev.node = c->node[to];
    ev.process = n->nodes[ev.node].process;
    ev.link = scale_link_of(&n->conns, c, to);
    ev.payload = scale_queue_payload(&n->queue, payload);
    if (payload.len > 0 && ev.payload == NULL)
        return;
    push(n, scale_arrival_us(&n->conns, c, to, true, n->now_us), ev);
}

static void addr_of(uint32_t index, char addr[MESH_ADDR_SIZE])
{
    char digits[24];

    text_of_u64(index, digits);
    text_copy(addr, MESH_ADDR_SIZE, "10.0.0.0:");
    text_append(addr, MESH_ADDR_SIZE, digits);
}

static void port_dial(void *ctx, uint32_t dial, const char *addr, struct node_id expected)
{
    struct scale_node *node = ctx;
    uint64_t target = 0;
    const char *port = strchr(addr, ':');

    (void)expected;
    ensure(port != NULL && text_to_u64(port + 1, node->net->count - 1, &target) == 0);
    push(node->net, node->net->now_us + scale_delay_us(&node->net->conns),
         (struct scale_event){.kind = SCALE_CONNECT,
                              .node = (uint32_t)target,
                              .from = node->index,
                              .process = 0,
                              .link = node->process,
                              .dial = dial});
}

static void port_close(void *ctx, uint64_t link)
{
    struct scale_node *node = ctx;
    struct scale_conn *c = scale_conn_of(&node->net->conns, link);

    if (c != NULL)
        scale_conn_end(&node->net->conns, c, scale_link_side(link), node->net->now_us);
}

static void port_changed(void *ctx, const struct member *m, enum node_state before,
                         uint64_t link_before)
{
    struct scale_node *node = ctx;

    (void)link_before;
    if (m->state != before)
        node->net->changed(node->net->ctx, node, m, before);
}

static void port_load(void *ctx, const struct member *m)
{
    struct scale_node *node = ctx;

    node->net->load(node->net->ctx, node, m);
}

/* --- nodes --- */

uint32_t scale_net_index(struct node_id id)
{
    return load_u32(id.bytes + INDEX_AT);
}

static void node_describe(struct scale_net *n, struct scale_node *node, uint32_t index)
{
    char digits[24];

    *node = (struct scale_node){.net = n, .index = index, .tick_us = INT64_MAX, .known_us = -1};
    for (size_t b = 0; b < ID_SIZE; b += 8) {
        store_u64(node->info.id.bytes + b, prng_u64(&n->prng));
        store_u64(node->info.machine.bytes + b, prng_u64(&n->prng));
    }
    store_u32(node->info.id.bytes + INDEX_AT, index);
    text_of_u64(index, digits);
    text_copy(node->info.name, sizeof node->info.name, "node-");
    text_append(node->info.name, sizeof node->info.name, digits);
    addr_of(index, node->info.addr);
    text_copy(node->info.arch, sizeof node->info.arch, "x86_64");
    text_copy(node->info.version, sizeof node->info.version, "0.1.0");
    node->info.slots = 4;
    node->info.memory_bytes = (uint64_t)8 << 30;
    node->info.incarnation = 1;
    node->info.boot = prng_u64(&n->prng);
}

int scale_net_open(struct scale_net *n, const struct alloc *a, uint32_t count, uint64_t seed)
{
    *n = (struct scale_net){.given = a, .count = count, .now_us = SCALE_START_US};
    n->counted = (struct alloc){count_resize, n};
    scale_queue_init(&n->queue, a);
    prng_init(&n->prng, seed);
    scale_conns_init(&n->conns, a, &n->queue, &n->prng);
    n->nodes = alloc_array(a, count, sizeof *n->nodes);
    if (n->nodes == NULL || profiles_new(&n->profiles, &n->counted) < 0) {
        alloc_free(a, n->nodes, count * sizeof *n->nodes);
        return ERR_NO_MEMORY;
    }
    for (uint32_t i = 0; i < count; i++)
        node_describe(n, &n->nodes[i], i);
    return 0;
}

bool scale_net_close(struct scale_net *n)
{
    for (uint32_t i = 0; i < n->count; i++)
        mesh_free(n->nodes[i].mesh);
    profiles_free(n->profiles);
    scale_queue_clear(&n->queue);
    scale_conns_clear(&n->conns);
    alloc_free(n->given, n->nodes, n->count * sizeof *n->nodes);
    return n->bytes_live == 0;
}

void scale_net_settle(struct scale_net *n, struct scale_node *node)
{
    int64_t due_us = mesh_due(node->mesh).us;

    if (due_us < n->now_us)
        due_us = n->now_us;
    if (due_us >= node->tick_us)
        return;
    node->tick_us = due_us;
    push(n, due_us,
         (struct scale_event){.kind = SCALE_TICK, .node = node->index, .process = node->process});
}

void scale_net_start(struct scale_net *n, uint32_t node, uint32_t hint, int64_t us)
{
    push(n, n->now_us + us, (struct scale_event){.kind = SCALE_START, .node = node, .from = hint});
}

static void process_ends(struct scale_node *node)
{
    mesh_free(node->mesh);
    node->mesh = NULL;
    node->live = 0;
}

static void process_begins(struct scale_net *n, struct scale_node *node, uint32_t hint)
{
    struct mesh_ports ports = {.ctx = node,
                               .send = port_send,
                               .dial = port_dial,
                               .close = port_close,
                               .changed = port_changed,
                               .load = port_load};
    char addr[MESH_ADDR_SIZE];
    struct instant now = {n->now_us};

    if (node->life == SCALE_SILENT)
        scale_net_kill(n, node->index);
    node->process++;
    node->tick_us = INT64_MAX;
    node->start_us = n->now_us;
    node->stalled_us = 0;
    if (node->process > 1)
        node->info.boot = prng_u64(&n->prng);
    if (mesh_new(&node->mesh, &n->counted, &node->info, prng_u64(&n->prng), n->profiles, &ports,
                 NULL, now) < 0)
        return;
    node->life = SCALE_UP;
    if (hint != node->index) {
        addr_of(hint, addr);
        mesh_hint(node->mesh, addr, now);
    }
    scale_net_settle(n, node);
}

/* --- a mesh that is there at once --- */

static const struct member_info *known_info(void *ctx, uint32_t node)
{
    const struct scale_net *n = ctx;

    return &n->nodes[node].info;
}

/* The contact's end of the connection is closed: what is sent to it goes nowhere. */
static bool known_link(struct scale_net *n, struct scale_node *node, uint32_t contact)
{
    struct scale_conn *c = scale_conn_new(&n->conns, node->index, node->process, contact, 0);

    if (c == NULL)
        return false;
    c->open[1] = false;
    node->contact = scale_link_of(&n->conns, c, 0);
    mesh_link_up(node->mesh, node->contact, 0, n->nodes[contact].info.id,
                 (struct instant){n->now_us});
    return true;
}

static void known_give(void *ctx, uint32_t index, uint32_t contact, uint8_t type,
                       struct bytes payload)
{
    struct scale_net *n = ctx;
    struct scale_node *node = &n->nodes[index];
    struct frame f = {.type = type, .payload = payload};
    struct instant now = {n->now_us};

    if (node->mesh == NULL || (type == MESSAGE_HELLO && !known_link(n, node, contact)))
        return;
    ensure(mesh_frame(node->mesh, node->contact, &f, now) == 0);
    if (type != MESSAGE_GOODBYE)
        return;
    mesh_tick(node->mesh, now);
    scale_net_settle(n, node);
}

void scale_net_start_known(struct scale_net *n, uint32_t count)
{
    struct scale_known k = {n, count, known_info, known_give};

    for (uint32_t i = 0; i < count && !n->queue.out_of_memory; i++)
        process_begins(n, &n->nodes[i], i);
    if (!n->queue.out_of_memory && scale_know_all(n->given, &k) < 0)
        n->queue.out_of_memory = true;
}

void scale_net_silence(struct scale_net *n, uint32_t node)
{
    n->nodes[node].life = SCALE_SILENT;
    process_ends(&n->nodes[node]);
}

void scale_net_kill(struct scale_net *n, uint32_t node)
{
    scale_conns_end_node(&n->conns, node, n->now_us);
    n->nodes[node].life = SCALE_KILLED;
    process_ends(&n->nodes[node]);
}

void scale_net_turn(struct scale_net *n, uint32_t node, int64_t us)
{
    push(n, n->now_us + us,
         (struct scale_event){.kind = SCALE_TURN, .node = node, .process = n->nodes[node].process});
}

static void stall_later(struct scale_net *n, uint32_t node)
{
    int64_t us = n->stall_every_us / 2 + (int64_t)prng_below(&n->prng, (uint64_t)n->stall_every_us);

    push(n, n->now_us + us, (struct scale_event){.kind = SCALE_STALL, .node = node});
}

void scale_net_stalls(struct scale_net *n)
{
    for (uint32_t i = 0; i < n->count; i++)
        stall_later(n, i);
}

/* --- what happens --- */

static void connect_now(struct scale_net *n, const struct scale_event *ev)
{
    enum scale_life life = n->nodes[ev->node].life;
    struct scale_conn *c;

    if (life != SCALE_UP) {
        bool silent = life == SCALE_SILENT;
        scale_dial_ends(&n->conns, ev, !silent,
                        n->now_us + (silent ? SCALE_DIAL_TIMEOUT_US : scale_delay_us(&n->conns)));
        return;
    }
    if (n->nodes[ev->from].process != ev->link || n->nodes[ev->from].life != SCALE_UP)
        return;
    c = scale_conn_new(&n->conns, ev->from, n->nodes[ev->from].process, ev->node,
                       n->nodes[ev->node].process);
    if (c != NULL)
        scale_conn_up(&n->conns, c, ev->dial, n->now_us);
    else
        scale_dial_ends(&n->conns, ev, false, n->now_us + SCALE_DIAL_TIMEOUT_US);
}

static void deliver_frame(struct scale_net *n, struct scale_node *node,
                          const struct scale_event *ev)
{
    struct frame f = {.type = ev->type};

    if (ev->payload != NULL)
        f.payload = (struct bytes){ev->payload->data, ev->payload->len};
    if (mesh_frame(node->mesh, ev->link, &f, (struct instant){n->now_us}) < 0)
        port_close(node, ev->link);
}

static void deliver_link(struct scale_net *n, struct scale_node *node, const struct scale_event *ev)
{
    struct scale_conn *c = scale_conn_of(&n->conns, ev->link);
    struct instant now = {n->now_us};

    if (c == NULL)
        return;
    if (ev->kind == SCALE_LINK_UP) {
        mesh_link_up(node->mesh, ev->link, ev->dial, n->nodes[ev->from].info.id, now);
    } else if (ev->kind == SCALE_LINK_DOWN) {
        scale_conn_close_side(&n->conns, c, scale_link_side(ev->link));
        mesh_link_down(node->mesh, ev->link, now);
    } else {
        deliver_frame(n, node, ev);
    }
}

static void tick(struct scale_net *n, struct scale_node *node, int64_t at_us)
{
    struct instant now = {n->now_us};

    if (at_us != node->tick_us)
        return;
    node->tick_us = INT64_MAX;
    if (instant_reached(now, mesh_due(node->mesh)))
        mesh_tick(node->mesh, now);
}

static void happen_inside(struct scale_net *n, struct scale_node *node,
                          const struct scale_event *ev, int64_t at_us)
{
    switch (ev->kind) {
    case SCALE_TICK:
        tick(n, node, at_us);
        break;
    case SCALE_FAILED:
        mesh_dial_failed(node->mesh, ev->dial, ev->refused, (struct instant){n->now_us});
        break;
    case SCALE_TURN:
        n->turn(n->ctx, node);
        break;
    default:
        deliver_link(n, node, ev);
        break;
    }
    scale_net_settle(n, node);
}

static void happen(struct scale_net *n, const struct scale_event *ev, int64_t at_us)
{
    struct scale_node *node = &n->nodes[ev->node];

    if (ev->kind == SCALE_START) {
        process_begins(n, node, ev->from);
    } else if (ev->kind == SCALE_CONNECT) {
        connect_now(n, ev);
    } else if (ev->kind == SCALE_STALL) {
        if (n->stall_every_us == 0)
            return;
        node->stalled_us = n->now_us + STALL_US;
        stall_later(n, ev->node);
    } else if (node->life == SCALE_UP && ev->process == node->process) {
        happen_inside(n, node, ev, at_us);
    }
}

/* Whatever reaches a node that stands still waits there, in its order; its own timer too. */
static bool waits(struct scale_net *n, struct scale_event *ev)
{
    struct scale_node *node = &n->nodes[ev->node];

    if (node->life != SCALE_UP || node->stalled_us <= n->now_us || ev->kind == SCALE_STALL)
        return false;
    if (ev->kind == SCALE_TICK && ev->at_us != node->tick_us)
        return false;
    if (ev->kind == SCALE_TICK)
        node->tick_us = node->stalled_us;
    scale_queue_put_back(&n->queue, ev, node->stalled_us);
    return true;
}

bool scale_net_step(struct scale_net *n, int64_t until_us)
{
    struct scale_event *ev = scale_queue_pop(&n->queue, until_us), now;
    uint32_t place;

    if (ev == NULL) {
        n->now_us = until_us;
        return false;
    }
    n->now_us = ev->at_us;
    n->events_count++;
    if (waits(n, ev))
        return true;
    /* What happens may move the pool. */
    place = (uint32_t)(ev - n->queue.pool);
    now = *ev;
    happen(n, &now, now.at_us);
    scale_queue_release(&n->queue, &n->queue.pool[place]);
    return true;
}

void scale_net_run(struct scale_net *n, int64_t us)
{
    int64_t until_us = n->now_us + us;

    while (!n->queue.out_of_memory && scale_net_step(n, until_us))
        ;
}
