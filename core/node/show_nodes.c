#include "core/node/show_nodes.h"

#include "core/node/acts.h"
#include "core/node/drain.h"
#include "core/node/lag.h"
#include "core/node/link.h"

static bool coordinates(const struct node *n, struct node_id id)
{
    const struct entry *e;
    size_t at = 0;

    while ((e = map_next(&n->directory, &at)) != NULL)
        if (!job_state_is_final((enum job_state)e->state) && node_id_equal(e->coordinator, id))
            return true;
    return false;
}

/* Completes what is said of a node and sends it. */
static void send_node_view(struct node *n, uint64_t link, uint32_t request, struct node_view *v)
{
    struct buf b;

    if (v->state == NODE_LEFT || v->state == NODE_DEAD)
        v->busy = 0;
    v->load_percent = v->slots == 0 ? 0 : 100 * v->busy / v->slots;
    v->self = node_is_self(n, v->id);
    v->coordinator = coordinates(n, v->id);
    buf_init(&b, n->alloc, FRAME_PAYLOAD_MAX);
    put_node_view(&b, v);
    if (!b.failed)
        send_link(n, link, MESSAGE_REPLY_NODE, request, buf_bytes(&b));
    buf_clear(&b);
}

static enum node_state own_state(const struct node *n)
{
    if (drain_is_on(n))
        return NODE_DRAINING;
    return member_keeps(n, n->options.id) ? NODE_ALIVE : NODE_RECOVERING;
}

static enum node_state state_of(const struct member *m)
{
    if (m->state != NODE_ALIVE || !m->info->recovering)
        return m->state;
    return member_drains(m) ? NODE_DRAINING : NODE_RECOVERING;
}

static struct node_view view_of_self(const struct node *n)
{
    const struct member_info *i = mesh_self(n->mesh);
    struct node_view v = {.id = i->id,
                          .state = own_state(n),
                          .slots = i->slots,
                          .busy = i->busy,
                          .memory_bytes = i->memory_bytes,
                          .tier = i->tier,
                          .tier_lacks = i->tier_lacks,
                          .speed_units_s = i->speed_units_s,
                          .lag_us = lag_recent_us(n)};

    text_copy(v.name, sizeof v.name, i->name);
    text_copy(v.addr, sizeof v.addr, i->addr);
    text_copy(v.arch, sizeof v.arch, i->arch);
    text_copy(v.version, sizeof v.version, i->version);
    text_copy(v.labels, sizeof v.labels, i->labels);
    return v;
}

static struct node_view view_of_member(const struct node *n, const struct member *m)
{
    const struct profile *p = m->info;
    int64_t seen_us = instant_since_us(n->now, m->heard);
    struct node_view v = {.id = p->id,
                          .state = state_of(m),
                          .slots = p->slots,
                          .busy = m->busy,
                          .memory_bytes = p->memory_bytes,
                          .tier = p->tier,
                          .tier_lacks = p->tier_lacks,
                          .speed_units_s = m->speed_units_s,
                          .seen_us = seen_us > 0 ? (uint64_t)seen_us : 0};

    text_copy(v.name, sizeof v.name, p->name);
    text_copy(v.addr, sizeof v.addr, p->addr);
    text_copy(v.arch, sizeof v.arch, p->arch);
    text_copy(v.version, sizeof v.version, p->version);
    text_copy(v.labels, sizeof v.labels, p->labels);
    return v;
}

void show_nodes(struct node *n, uint64_t link, uint32_t request, struct bytes payload)
{
    struct node_view v = view_of_self(n);

    v.tells_held = payload.len == 1 && payload.data[0] == REQUEST_NODES_HELD;
    if (v.tells_held)
        v.held = drain_held(n);
    send_node_view(n, link, request, &v);
    for (uint32_t i = 0; i < mesh_count(n->mesh); i++) {
        v = view_of_member(n, mesh_at(n->mesh, i));
        if (!acts_revoked(n, v.id))
            send_node_view(n, link, request, &v);
    }
    reply_end(n, link, request);
}
