#include "core/sim/scatter_net.h"

#include <string.h>

#include "core/base/ensure.h"
#include "core/base/err.h"
#include "core/base/text.h"
#include "core/mesh/profiles.h"
#include "core/sim/scale_known.h"
#include "core/sim/scatter_worker.h"
#include "core/sim/sim_seal.h"
#include "core/wire/message.h"

#define SYNC_US (1 * MS_US)
#define TICK_LEAST_US 20 /* a timer never fires in the same moment that armed it */
#define LEAF_US (10 * MS_US)
#define LEAF_SPREAD_US (5 * MS_US)
#define MEMORY_BYTES ((uint64_t)8 << 30)
/* Links of users, which the network knows nothing of: this and the job. */
#define USER_LINK ((uint64_t)1 << 63)

/* --- memory: the cores' own is counted --- */

static void *count_resize(void *ctx, void *old, size_t old_size, size_t new_size)
{
    struct scatter_net *n = ctx;
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

static void *own_resize(void *ctx, void *old, size_t old_size, size_t new_size)
{
    struct scatter_net *n = ctx;
    void *p = n->given->resize(n->given->ctx, old, old_size, new_size);

    n->queue.out_of_memory |= p == NULL && new_size > 0;
    return p;
}

bool scatter_net_failed(const struct scatter_net *n)
{
    return n->queue.out_of_memory || n->wrong != NULL;
}

/* --- what a core wants done --- */

static void count_frame(struct scatter_traffic *t, uint8_t type, size_t len)
{
    bool job = type >= MESSAGE_DIRECTORY;

    t->sent[type < SCATTER_TYPES ? type : 0]++;
    t->mesh_bytes += job ? 0 : len;
    t->job_bytes += job ? len : 0;
}

static void do_send(struct scatter_net *n, struct scatter_node *node, const struct action *a,
                    struct bytes payload)
{
    struct scale_event ev = {.kind = SCALE_FRAME, .type = (uint8_t)a->type, .request = a->request};
    struct scale_conn *c;
    unsigned to = 1 - scale_link_side(a->link);

    if (a->link >= USER_LINK) {
        n->told(n->ctx, (uint32_t)(a->link - USER_LINK), (uint8_t)a->type, payload);
        return;
    }
    count_frame(&node->traffic, (uint8_t)a->type, FRAME_HEADER_SIZE + payload.len);
    c = scale_conn_of(&n->conns, a->link);
    if (c == NULL || !c->open[to])
        return;
    ev.node = c->node[to];
    ev.process = c->process[to];
    ev.link = scale_link_of(&n->conns, c, to);
    ev.payload = scale_queue_payload(&n->queue, payload);
    if (payload.len > 0 && ev.payload == NULL)
        return;
    ev.at_us = scale_arrival_us(&n->conns, c, to, true, n->now_us);
    scale_queue_push(&n->queue, ev);
}

static void addr_of(uint32_t index, char *addr, size_t size)
{
    char digits[24];

    text_of_u64(index, digits);
    text_copy(addr, size, "10.0.0.0:");
    text_append(addr, size, digits);
}

static void do_dial(struct scatter_net *n, const struct scatter_node *node, const struct action *a)
{
    const char *port = strchr(a->addr, ':');
    uint64_t target = 0;

    ensure(port != NULL && text_to_u64(port + 1, n->count - 1, &target) == 0);
    scale_queue_push(&n->queue, (struct scale_event){.at_us = n->now_us + scale_delay_us(&n->conns),
                                                     .kind = SCALE_CONNECT,
                                                     .node = (uint32_t)target,
                                                     .from = node->index,
                                                     .link = node->process,
                                                     .dial = a->dial});
}

static void do_close(struct scatter_net *n, uint64_t link)
{
    struct scale_conn *c = link >= USER_LINK ? NULL : scale_conn_of(&n->conns, link);

    if (c != NULL)
        scale_conn_end(&n->conns, c, scale_link_side(link), n->now_us);
}

/* One sync takes all that was written before it began. */
static void sync_begin(struct scatter_net *n, struct scatter_node *node)
{
    node->syncing = true;
    node->taken = node->given;
    scale_queue_push(&n->queue, (struct scale_event){.at_us = n->now_us + SYNC_US,
                                                     .kind = SCALE_STORED,
                                                     .node = node->index,
                                                     .process = node->process,
                                                     .link = node->taken});
}

static void do_store(struct scatter_net *n, struct scatter_node *node, uint64_t ticket)
{
    node->given = ticket;
    if (!node->syncing)
        sync_begin(n, node);
}

static void perform_one(struct scatter_net *n, struct scatter_node *node, const struct action *a,
                        struct bytes payload)
{
    switch (a->kind) {
    case ACTION_SEND:
        do_send(n, node, a, payload);
        break;
    case ACTION_DIAL:
        do_dial(n, node, a);
        break;
    case ACTION_CLOSE:
        do_close(n, a->link);
        break;
    case ACTION_STORE:
    case ACTION_COMPACT:
        do_store(n, node, a->ticket);
        break;
    case ACTION_START:
        scatter_worker_start(n, node, a->worker);
        break;
    case ACTION_ORDER:
        scatter_worker_order(n, node, a, payload);
        break;
    case ACTION_KILL:
        scatter_worker_kill(n, node, a->worker);
        break;
    case ACTION_SNAPSHOT:
    case ACTION_ROOTS:
        break;
    case ACTION_MOVE:
        n->wrong = "objects were moved that nobody has";
        break;
    case ACTION_EXIT:
        n->wrong = "a node ended that nobody had stopped";
        break;
    }
}

static void arm(struct scatter_net *n, struct scatter_node *node)
{
    int64_t due_us = node_due(node->core).us;

    if (due_us < n->now_us + TICK_LEAST_US)
        due_us = n->now_us + TICK_LEAST_US;
    if (due_us >= node->tick_us)
        return;
    node->tick_us = due_us;
    scale_queue_push(&n->queue, (struct scale_event){.at_us = due_us,
                                                     .kind = SCALE_TICK,
                                                     .node = node->index,
                                                     .process = node->process});
}

static void settle(struct scatter_net *n, struct scatter_node *node, int rc)
{
    n->queue.out_of_memory |= rc < 0;
    for (size_t i = 0; i < n->actions.count && !scatter_net_failed(n); i++) {
        const struct action *a = &n->actions.list[i];

        perform_one(n, node, a, actions_payload(&n->actions, a));
    }
    arm(n, node);
}

static void step(struct scatter_net *n, struct scatter_node *node, struct event *ev)
{
    if (!node->up || scatter_net_failed(n))
        return;
    ev->now = (struct instant){n->now_us};
    ev->wall_s = SIM_WALL_S + n->now_us / S_US;
    actions_reset(&n->actions);
    settle(n, node, node_step(node->core, ev, &n->actions));
}

static void step_link_up(struct scatter_net *n, struct scatter_node *node, uint64_t link,
                         uint32_t dial, enum party party, struct node_id id)
{
    struct event ev = {.kind = EVENT_LINK_UP};
    uint8_t certificate[SIM_CERTIFICATE_SIZE];

    sim_certificate(id, party, certificate);
    ev.link_up.link = link;
    ev.link_up.dial = dial;
    ev.link_up.party = party;
    ev.link_up.id = id;
    ev.link_up.certificate = (struct bytes){certificate, sizeof certificate};
    step(n, node, &ev);
}

static void step_frame(struct scatter_net *n, struct scatter_node *node, uint64_t link,
                       struct frame frame)
{
    struct event ev = {.kind = EVENT_FRAME};

    ev.frame.link = link;
    ev.frame.frame = frame;
    step(n, node, &ev);
}

/* --- nodes --- */

/* An id is its node's index at the end, so that none is there twice. */
static void node_describe(struct scatter_net *n, struct scatter_node *node, uint32_t index)
{
    char digits[24];

    *node = (struct scatter_node){.net = n, .index = index, .tick_us = INT64_MAX, .process = 1};
    for (size_t b = 0; b < ID_SIZE; b += 8) {
        store_u64(node->info.id.bytes + b, prng_u64(&n->prng));
        store_u64(node->info.machine.bytes + b, prng_u64(&n->prng));
    }
    store_u32(node->info.id.bytes + ID_SIZE - 4, index);
    text_of_u64(index, digits);
    text_copy(node->info.name, sizeof node->info.name, "node-");
    text_append(node->info.name, sizeof node->info.name, digits);
    addr_of(index, node->info.addr, sizeof node->info.addr);
    text_copy(node->info.arch, sizeof node->info.arch, "x86_64");
    text_copy(node->info.version, sizeof node->info.version, "0.1.0");
    node->info.slots = n->slots;
    node->info.memory_bytes = MEMORY_BYTES;
    node->info.incarnation = 1;
    node->info.boot = prng_u64(&n->prng) >> 1;
    store_u32(node->info.journal_id, index + 1);
    node->leaf_us = LEAF_US + (int64_t)prng_below(&n->prng, LEAF_SPREAD_US);
}

static int make_core(struct scatter_net *n, struct scatter_node *node)
{
    struct node_kernel kernels[SIM_KERNELS_MAX];
    uint8_t certificate[SIM_CERTIFICATE_SIZE];
    const struct member_info *info = &node->info;
    struct node_options o = {.id = info->id,
                             .boot = info->boot,
                             .machine = info->machine,
                             .slots = info->slots,
                             .memory_bytes = info->memory_bytes,
                             .ready_workers = info->slots,
                             .seed = prng_u64(&n->prng),
                             .kernels = kernels,
                             .kernels_count = sim_kernels(kernels, false),
                             .seal = sim_seal(&node->info.id),
                             .profiles = n->profiles,
                             .now = {n->now_us},
                             .wall_s = SIM_WALL_S};

    o.seal.introduce = NULL; /* known_give tells of all of them */
    text_copy(o.name, sizeof o.name, info->name);
    text_copy(o.addr, sizeof o.addr, info->addr);
    text_copy(o.arch, sizeof o.arch, info->arch);
    text_copy(o.version, sizeof o.version, info->version);
    memcpy(o.journal_id, info->journal_id, sizeof o.journal_id);
    sim_certificate(info->id, PARTY_NODE, certificate);
    o.certificate = (struct bytes){certificate, sizeof certificate};
    return node_new(&node->core, &n->counted, &o);
}

static void process_begins(struct scatter_net *n, struct scatter_node *node)
{
    if (make_core(n, node) < 0) {
        n->queue.out_of_memory = true;
        return;
    }
    node->up = true;
    actions_reset(&n->actions);
    settle(n, node, node_start(node->core, (struct instant){n->now_us}, &n->actions));
}

static const struct member_info *known_info(void *ctx, uint32_t node)
{
    const struct scatter_net *n = ctx;

    return &n->nodes[node].info;
}

/* The contact's end of the connection is closed: what is sent to it goes nowhere. */
static void known_give(void *ctx, uint32_t index, uint32_t contact, uint8_t type,
                       struct bytes payload)
{
    struct scatter_net *n = ctx;
    struct scatter_node *node = &n->nodes[index];
    struct scale_conn *c;

    if (type == MESSAGE_HELLO) {
        c = scale_conn_new(&n->conns, index, node->process, contact, 0);
        if (c == NULL)
            return;
        c->open[1] = false;
        node->contact = scale_link_of(&n->conns, c, 0);
        step_link_up(n, node, node->contact, 0, PARTY_NODE, n->nodes[contact].info.id);
    }
    step_frame(n, node, node->contact, (struct frame){.type = type, .payload = payload});
}

void scatter_net_start(struct scatter_net *n)
{
    struct scale_known k = {n, n->count, known_info, known_give};

    for (uint32_t i = 0; i < n->count && !scatter_net_failed(n); i++)
        process_begins(n, &n->nodes[i]);
    if (!scatter_net_failed(n) && scale_know_all(&n->own, &k) < 0)
        n->queue.out_of_memory = true;
}

void scatter_net_kill(struct scatter_net *n, uint32_t node)
{
    struct scatter_node *x = &n->nodes[node];

    scale_conns_end_node(&n->conns, node, n->now_us);
    scatter_workers_lose(n, x);
    x->up = false;
    x->process++;
    node_free(x->core);
    x->core = NULL;
    scatter_workers_clear(n, x);
}

int scatter_net_open(struct scatter_net *n, const struct alloc *a, uint32_t count, uint32_t slots,
                     uint64_t seed)
{
    *n = (struct scatter_net){
        .given = a, .count = count, .slots = slots, .now_us = SCATTER_START_US};
    n->counted = (struct alloc){count_resize, n};
    n->own = (struct alloc){own_resize, n};
    scale_queue_init(&n->queue, &n->own);
    scale_conns_init(&n->conns, &n->own, &n->queue, &n->prng);
    actions_init(&n->actions, &n->own);
    prng_init(&n->prng, seed);
    store_u64(n->user.bytes, prng_u64(&n->prng));
    n->nodes = alloc_array(&n->own, count, sizeof *n->nodes);
    if (n->nodes == NULL || profiles_new(&n->profiles, &n->counted) < 0) {
        alloc_free(&n->own, n->nodes, count * sizeof *n->nodes);
        return ERR_NO_MEMORY;
    }
    for (uint32_t i = 0; i < count; i++)
        node_describe(n, &n->nodes[i], i);
    return 0;
}

bool scatter_net_close(struct scatter_net *n)
{
    for (uint32_t i = 0; i < n->count; i++) {
        node_free(n->nodes[i].core);
        scatter_workers_clear(n, &n->nodes[i]);
    }
    for (uint32_t i = 0; i < n->jobs_count; i++)
        buf_clear(&n->jobs[i].signed_spec);
    profiles_free(n->profiles);
    scale_queue_clear(&n->queue);
    scale_conns_clear(&n->conns);
    actions_clear(&n->actions);
    alloc_free(&n->own, n->nodes, n->count * sizeof *n->nodes);
    return n->bytes_live == 0;
}

void scatter_net_user(struct scatter_net *n, uint32_t node, uint32_t job)
{
    step_link_up(n, &n->nodes[node], USER_LINK + job, 0, PARTY_USER, n->user);
}

void scatter_net_ask(struct scatter_net *n, uint32_t node, uint32_t job, uint8_t type,
                     struct bytes payload)
{
    step_frame(n, &n->nodes[node], USER_LINK + job,
               (struct frame){.type = type, .request = 1, .payload = payload});
}

void scatter_net_turn(struct scatter_net *n, uint32_t job, int64_t us)
{
    scale_queue_push(
        &n->queue, (struct scale_event){.at_us = n->now_us + us, .kind = SCALE_TURN, .dial = job});
}

/* --- what happens --- */

static void connect_now(struct scatter_net *n, const struct scale_event *ev)
{
    const struct scatter_node *from = &n->nodes[ev->from], *to = &n->nodes[ev->node];
    struct scale_conn *c;

    if (!from->up || from->process != ev->link)
        return;
    if (!to->up) {
        scale_dial_ends(&n->conns, ev, true, n->now_us + scale_delay_us(&n->conns));
        return;
    }
    c = scale_conn_new(&n->conns, ev->from, from->process, ev->node, to->process);
    if (c != NULL)
        scale_conn_up(&n->conns, c, ev->dial, n->now_us);
    else
        scale_dial_ends(&n->conns, ev, false, n->now_us + SCALE_DIAL_TIMEOUT_US);
}

static struct bytes payload_of(const struct scale_event *ev)
{
    return ev->payload == NULL ? (struct bytes){NULL, 0}
                               : (struct bytes){ev->payload->data, ev->payload->len};
}

static void deliver(struct scatter_net *n, struct scatter_node *node, const struct scale_event *ev)
{
    struct scale_conn *c = scale_conn_of(&n->conns, ev->link);
    struct event down = {.kind = EVENT_LINK_DOWN};

    if (c == NULL)
        return;
    if (ev->kind == SCALE_LINK_UP) {
        step_link_up(n, node, ev->link, ev->dial, PARTY_NODE, n->nodes[ev->from].info.id);
    } else if (ev->kind == SCALE_LINK_DOWN) {
        scale_conn_close_side(&n->conns, c, scale_link_side(ev->link));
        down.link_down.link = ev->link;
        step(n, node, &down);
    } else {
        node->traffic.got[ev->type < SCATTER_TYPES ? ev->type : 0]++;
        node->traffic.got_bytes += FRAME_HEADER_SIZE + payload_of(ev).len;
        step_frame(n, node, ev->link, (struct frame){ev->type, ev->request, payload_of(ev)});
    }
}

static void tick(struct scatter_net *n, struct scatter_node *node, int64_t at_us)
{
    struct event ev = {.kind = EVENT_TICK};

    if (at_us != node->tick_us)
        return;
    node->tick_us = INT64_MAX;
    if (instant_reached((struct instant){n->now_us}, node_due(node->core)))
        step(n, node, &ev);
    else
        arm(n, node);
}

static void stored(struct scatter_net *n, struct scatter_node *node, uint64_t ticket)
{
    struct event ev = {.kind = EVENT_STORED};

    node->syncing = false;
    if (node->given > ticket)
        sync_begin(n, node);
    ev.stored.ticket = ticket;
    step(n, node, &ev);
}

static void worker_says(struct scatter_net *n, struct scatter_node *node,
                        const struct scale_event *ev)
{
    struct event out = {.kind = EVENT_WORKER_FRAME};

    if (ev->type == 0) {
        out.kind = EVENT_WORKER_EXITED;
        out.worker_exited.worker = ev->dial;
        out.worker_exited.end = WORKER_KILLED;
        out.worker_exited.status = 9;
        scatter_worker_gone(n, node, ev->dial);
    } else {
        out.worker_frame.worker = ev->dial;
        out.worker_frame.frame = (struct frame){ev->type, 0, payload_of(ev)};
    }
    step(n, node, &out);
}

static void dial_failed(struct scatter_net *n, struct scatter_node *node,
                        const struct scale_event *ev)
{
    struct event out = {.kind = EVENT_DIAL_FAILED};

    out.dial_failed.dial = ev->dial;
    out.dial_failed.end = ev->refused ? DIAL_REFUSED : DIAL_TIMEOUT;
    step(n, node, &out);
}

static void happen_inside(struct scatter_net *n, struct scatter_node *node,
                          const struct scale_event *ev)
{
    switch (ev->kind) {
    case SCALE_TICK:
        tick(n, node, ev->at_us);
        break;
    case SCALE_FAILED:
        dial_failed(n, node, ev);
        break;
    case SCALE_STORED:
        stored(n, node, ev->link);
        break;
    case SCALE_WORK:
        scatter_worker_wake(n, node, ev->dial, ev->link);
        break;
    case SCALE_SAYS:
        worker_says(n, node, ev);
        break;
    default:
        deliver(n, node, ev);
        break;
    }
}

static void happen(struct scatter_net *n, const struct scale_event *ev)
{
    struct scatter_node *node = &n->nodes[ev->node];

    if (ev->kind == SCALE_TURN)
        n->turn(n->ctx, ev->dial);
    else if (ev->kind == SCALE_CONNECT)
        connect_now(n, ev);
    else if (node->up && ev->process == node->process)
        happen_inside(n, node, ev);
}

bool scatter_net_step(struct scatter_net *n, int64_t until_us)
{
    struct scale_event *ev = scale_queue_pop(&n->queue, until_us), now;
    uint32_t place;

    if (ev == NULL) {
        n->now_us = until_us;
        return false;
    }
    n->now_us = ev->at_us;
    n->events_count++;
    /* What happens may move the pool. */
    place = (uint32_t)(ev - n->queue.pool);
    now = *ev;
    happen(n, &now);
    scale_queue_release(&n->queue, &n->queue.pool[place]);
    return true;
}

void scatter_net_run(struct scatter_net *n, int64_t us)
{
    int64_t until_us = n->now_us + us;

    while (!scatter_net_failed(n) && scatter_net_step(n, until_us))
        ;
}
