#include "core/sim/sim_node.h"

#include <string.h>

#include "core/base/err.h"
#include "core/base/sha256.h"
#include "core/sim/sim_check.h"
#include "core/sim/sim_clock.h"
#include "core/sim/sim_demand.h"
#include "core/sim/sim_disk.h"
#include "core/sim/sim_kernel.h"
#include "core/sim/sim_net.h"
#include "core/sim/sim_objects.h"
#include "core/sim/sim_seal.h"
#include "core/sim/sim_worker.h"

/* A timer never fires in the same microsecond that armed it. */
#define TICK_LEAST_US 20

static void on_log(void *ctx, enum log_level level, const char *text)
{
    struct sim_node *n = ctx;

    (void)level;
    world_trace(n->world, "%u: node%u says: %s", (unsigned)n->world->now, n->index, text);
}

uint32_t sim_node_of(const struct world *w, struct node_id id)
{
    for (uint32_t i = 0; i < w->plan.nodes; i++)
        if (node_id_equal(w->nodes[i].id, id))
            return i;
    return SIM_NODES_MAX;
}

bool sim_node_is_up(const struct world *w, uint32_t node)
{
    return node < w->plan.nodes && w->nodes[node].core != NULL;
}

int64_t sim_node_wall_s(const struct world *w, const struct sim_node *n)
{
    return n->wall_stands_s != 0 ? n->wall_stands_s : SIM_WALL_S + n->wall_off_s + w->now / S_US;
}

static void *core_resize(void *ctx, void *old, size_t old_size, size_t new_size)
{
    struct sim_node *n = ctx;
    void *p;

    if (new_size > old_size && n->starve_in > 0 && --n->starve_in == 0) {
        n->starved = true;
        return NULL;
    }
    p = n->world->alloc->resize(n->world->alloc->ctx, old, old_size, new_size);

    if (p != NULL || new_size == 0)
        n->core_bytes += new_size - old_size;
    return p;
}

static int make_core(struct world *w, struct sim_node *n)
{
    struct node_kernel kernels[SIM_KERNELS_MAX];
    uint8_t certificate[SIM_CERTIFICATE_SIZE];
    struct node_options o = {.id = n->id,
                             .slots = n->slots,
                             .ready_workers = n->ready_workers,
                             .kernels = kernels,
                             .log = &n->log,
                             .link_room_bytes = w->plan.room_bytes,
                             .keep_s = w->plan.keep_s,
                             .tombstone_s = w->plan.tombstone_s,
                             .calendar_look_s = w->plan.keep_s > 0,
                             .limits = &n->limits,
                             .objects_path = "objects",
                             .objects_bytes = w->stuff.bytes_max,
                             .now = sim_clock_read(w, n),
                             .wall_s = sim_node_wall_s(w, n)};

    o.boot = prng_u64(&w->prng) >> 1;
    o.seed = prng_u64(&w->prng);
    o.kernels_count = sim_kernels(kernels, n->lacks_kernel);
    o.machine = sha256_of(&n->machine, sizeof n->machine);
    sim_net_addr(n->index, o.addr);
    text_copy(o.name, sizeof o.name, o.addr);
    text_copy(o.arch, sizeof o.arch, "simulated");
    sim_demand_node(n, &o);
    text_copy(o.version, sizeof o.version, "0");
    sim_certificate(n->id, PARTY_NODE, certificate);
    o.certificate = (struct bytes){certificate, sizeof certificate};
    o.journal_id[0] = (uint8_t)(n->index + 1);
    o.seal = sim_seal(&n->id);
    n->memory = (struct alloc){core_resize, n};
    n->core_bytes = 0;
    return node_new(&n->core, &n->memory, &o);
}

/* --- actions --- */

static void perform_one(struct world *w, struct sim_node *n, const struct action *a,
                        struct bytes payload)
{
    switch (a->kind) {
    case ACTION_SEND:
        sim_check_send(w, n, a, payload);
        sim_net_send(w, n, a->link, (uint8_t)a->type, a->request, payload);
        break;
    case ACTION_DIAL:
        sim_net_dial(w, n, a);
        break;
    case ACTION_CLOSE:
        sim_net_close(w, n, a->link);
        break;
    case ACTION_STORE:
        sim_check_store(w, n, a->type, payload);
        sim_disk_store(w, n, a, payload);
        break;
    case ACTION_SNAPSHOT:
    case ACTION_COMPACT:
        sim_disk_store(w, n, a, payload);
        break;
    case ACTION_START:
        sim_worker_start(w, n, a->worker);
        break;
    case ACTION_ORDER:
        sim_worker_order(w, n, a, payload);
        break;
    case ACTION_KILL:
        sim_worker_kill(w, n, a->worker, true);
        break;
    case ACTION_MOVE:
        sim_objects_move(w, n, a, payload);
        break;
    case ACTION_EXIT:
        n->stopping = w->somebody_left = true;
        break;
    case ACTION_ROOTS: /* nobody says anything of them here */
        break;
    }
}

static void trace_action(struct world *w, const struct sim_node *n, const struct action *a)
{
    static const char *const names[] = {"send",  "dial", "close", "store", "compact",  "start",
                                        "order", "kill", "exit",  "move",  "snapshot", "roots"};

    world_note(w, n->index | (uint64_t)a->kind << 8 | (uint64_t)a->type << 16, a->payload_len,
               a->link);
    world_trace(w, "%u: node%u   %s %s link %u worker %u ticket %u dial %u %s len %u",
                (unsigned)w->now, n->index, names[a->kind],
                a->kind == ACTION_SEND || a->kind == ACTION_ORDER || a->kind == ACTION_MOVE
                    ? message_name(a->type)
                    : "-",
                (unsigned)a->link, a->worker, (unsigned)a->ticket, a->dial, a->addr,
                (unsigned)a->payload_len);
}

/* In order; a kill -9 may come between any two. */
static void perform(struct world *w, struct sim_node *n, struct actions *actions)
{
    for (size_t i = 0; i < actions->count && !w->failed; i++) {
        const struct action *a = &actions->list[i];

        if (n->crash_in > 0 && --n->crash_in == 0) {
            sim_node_crash(w, n, n->power_goes_too);
            return;
        }
        trace_action(w, n, a);
        perform_one(w, n, a, actions_payload(actions, a));
    }
    if (!n->stopping || n->core == NULL)
        return;
    sim_node_crash(w, n, false);
    /* It was asked to stop before all others were started, and took its time. */
    if (w->healed)
        world_later(w, S_US, HAPPEN_RESTART, SIM_EVERYBODY, n->index, 0);
}

static void arm(struct world *w, struct sim_node *n)
{
    struct instant due;

    if (n->core == NULL)
        return;
    due = node_due(n->core);
    if (due.us != INSTANT_NEVER.us)
        due.us = sim_clock_shows(w, n, due);
    if (due.us < w->now + TICK_LEAST_US)
        due.us = w->now + TICK_LEAST_US;
    if (n->early && due.us != INSTANT_NEVER.us && world_chance(w, 3))
        due.us = w->now + (int64_t)world_between(w, TICK_LEAST_US, (uint64_t)(due.us - w->now));
    if (due.us != w->ticks[n->index].at)
        world_tick_later(w, n, due.us == INSTANT_NEVER.us ? INT64_MAX : due.us - w->now);
}

/* The list of a step to come. */
static struct actions *no_actions(struct world *w)
{
    ensure(!w->performing);
    w->performing = true;
    actions_reset(&w->actions);
    return &w->actions;
}

/* The host performs nothing of a step that had no memory, and its process ends. */
static void starves(struct world *w, struct sim_node *n)
{
    world_trace(w, "%u: node%u has no memory", (unsigned)w->now, n->index);
    sim_node_crash(w, n, false);
    world_later(w, (int64_t)world_between(w, 5000, 1000000), HAPPEN_RESTART, SIM_EVERYBODY,
                n->index, 0);
}

static void settle(struct world *w, struct sim_node *n, int rc, struct actions *actions)
{
    if (rc == ERR_NO_MEMORY && n->starved) {
        w->performing = false;
        starves(w, n);
        return;
    }
    if (rc < 0)
        world_fail(w, G_NONE, "a step of the core failed", n->index, UINT32_MAX);
    perform(w, n, actions);
    w->performing = false;
    arm(w, n);
}

static const char *event_name(enum event_kind kind)
{
    static const char *const names[] = {[EVENT_TICK] = "tick",
                                        [EVENT_LINK_UP] = "link up",
                                        [EVENT_LINK_DOWN] = "link down",
                                        [EVENT_DIAL_FAILED] = "dial failed",
                                        [EVENT_FRAME] = "frame",
                                        [EVENT_STORED] = "stored",
                                        [EVENT_DISK] = "disk",
                                        [EVENT_WORKER_FRAME] = "worker frame",
                                        [EVENT_WORKER_OUTPUT] = "worker output",
                                        [EVENT_WORKER_EXITED] = "worker exited",
                                        [EVENT_CERTIFICATE] = "certificate",
                                        [EVENT_HINT] = "hint",
                                        [EVENT_ADDRESS] = "address",
                                        [EVENT_STOP] = "stop",
                                        [EVENT_MOVED] = "moved",
                                        [EVENT_MOVER] = "mover",
                                        [EVENT_AUDIT] = "audit",
                                        [EVENT_ROOTS] = "roots"};

    return names[kind];
}

static void trace_event(struct world *w, const struct sim_node *n, const struct event *ev)
{
    uint64_t detail = 0, len = 0;
    const char *type = "-";

    if (ev->kind == EVENT_FRAME) {
        detail = ev->frame.frame.type | ev->frame.link << 8;
        len = ev->frame.frame.payload.len;
        type = message_name(ev->frame.frame.type);
    } else if (ev->kind == EVENT_WORKER_FRAME) {
        detail = ev->worker_frame.frame.type | (uint64_t)ev->worker_frame.worker << 8;
        len = ev->worker_frame.frame.payload.len;
        type = message_name(ev->worker_frame.frame.type);
    } else if (ev->kind == EVENT_LINK_UP) {
        detail = ev->link_up.link << 8;
        len = ev->link_up.dial;
    } else if (ev->kind == EVENT_LINK_DOWN) {
        detail = ev->link_down.link << 8;
        len = ev->link_down.end;
    } else if (ev->kind == EVENT_MOVED) {
        detail = ev->moved.frame.type | (uint64_t)ev->moved.frame.request << 8;
        len = ev->moved.frame.payload.len;
        type = message_name(ev->moved.frame.type);
    } else if (ev->kind == EVENT_STORED) {
        detail = ev->stored.ticket << 8;
    } else if (ev->kind == EVENT_WORKER_EXITED) {
        detail = (uint64_t)ev->worker_exited.worker << 8;
        len = ev->worker_exited.end;
    }
    world_note(w, n->index | (uint64_t)ev->kind << 8, detail, len);
    world_trace(w, "%u: node%u %s %s of %u, %u", (unsigned)w->now, n->index, event_name(ev->kind),
                type, (unsigned)(detail >> 8), (unsigned)len);
}

void sim_node_event(struct world *w, struct sim_node *n, struct event *ev)
{
    struct actions *actions;
    int rc;

    if (n->core == NULL || w->failed)
        return;
    ev->now = sim_clock_read(w, n);
    ev->wall_s = sim_node_wall_s(w, n);
    trace_event(w, n, ev);
    if (ev->kind == EVENT_FRAME)
        sim_check_frame(w, n, ev->frame.link, &ev->frame.frame);
    actions = no_actions(w);
    rc = node_step(n->core, ev, actions);
    settle(w, n, rc, actions);
}

void sim_node_tick(struct world *w, struct sim_node *n)
{
    struct event ev = {.kind = EVENT_TICK};

    if (n->core == NULL)
        return;
    sim_node_event(w, n, &ev);
}

void sim_node_compact(struct world *w, struct sim_node *n)
{
    struct actions *actions;
    int rc;

    if (n->core == NULL)
        return;
    actions = no_actions(w);
    rc = node_compact(n->core, actions);
    settle(w, n, rc, actions);
}

/* Others of its user are found through the state folder. */
static void hints(struct world *w, struct sim_node *n)
{
    for (uint32_t i = 0; i < w->plan.nodes; i++)
        if (i != n->index)
            world_later(w, (int64_t)world_between(w, 100, 3000), HAPPEN_HINT, n->index, i, 0);
}

/* The process ends, having said why. Damage is for the operator, who puts the folder aside: the
 * node comes back with an empty journal, and gets what it should have from the other holders.
 * Anything else is tried again. */
static void give_up_start(struct world *w, struct sim_node *n, bool damaged)
{
    world_note(w, n->index, 3000, damaged);
    node_free(n->core);
    n->core = NULL;
    sim_store_reopen(&n->disk.store);
    if (damaged)
        sim_disk_lose(w, n, false);
    world_later(w, (int64_t)world_between(w, 10000, 1000000), HAPPEN_RESTART, SIM_EVERYBODY,
                n->index, 0);
}

void sim_node_start(struct world *w, struct sim_node *n)
{
    struct actions *actions;
    enum opened opened;
    int rc;

    if (n->core != NULL || n->dead_for_good || w->failed)
        return;
    n->boot++;
    n->started = w->now;
    n->silent = n->stopping = false;
    n->paused_until = 0;
    sim_clock_begin(w, n);
    n->crash_in = n->starve_in = 0;
    n->starved = false;
    n->link_counter = 0;
    n->world = w;
    n->log = (struct log_sink){on_log, n, LOG_DEBUG};
    world_note(w, n->index, 1000, n->boot);
    world_trace(w, "%u: node%u starts", (unsigned)w->now, n->index);
    n->disk.compact_after = 0; /* it has not asked yet */
    if (make_core(w, n) < 0) {
        world_fail(w, G_NONE, "a node could not be made", n->index, UINT32_MAX);
        return;
    }
    opened = sim_disk_open(w, n);
    if (opened != OPENED) {
        give_up_start(w, n, opened == OPENED_DAMAGED);
        return;
    }
    actions = no_actions(w);
    rc = node_start(n->core, sim_clock_read(w, n), actions);
    settle(w, n, rc, actions);
    hints(w, n);
}

void sim_node_crash(struct world *w, struct sim_node *n, bool power)
{
    if (n->core == NULL)
        return;
    world_note(w, n->index, 2000, power);
    world_trace(w, "%u: node%u %s", (unsigned)w->now, n->index,
                n->stopping ? "exits"
                : power     ? "loses power"
                            : "is killed");
    w->crashes += !n->stopping;
    w->calm = false;
    n->silent = power && !n->stopping;
    sim_net_node_down(w, n);
    node_free(n->core);
    n->core = NULL;
    world_tick_later(w, n, INT64_MAX);
    sim_disk_crash(w, n, power);
    sim_objects_crash(w, n, power);
    sim_check_forget(w, n);
    sim_workers_clear(w, n);
}

void sim_node_clear(struct world *w, struct sim_node *n)
{
    node_free(n->core);
    n->core = NULL;
    sim_disk_clear(w, n);
    sim_objects_node_clear(w, n);
    sim_check_forget(w, n);
    sim_workers_clear(w, n);
    alloc_free(w->alloc, n->ends, n->ends_cap * sizeof *n->ends);
}
