#include "tests/lib/story.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/ensure.h"
#include "core/base/err.h"
#include "core/base/sha256.h"
#include "core/base/text.h"
#include "core/node/peer.h"
#include "tests/lib/parts.h"
#include "tests/lib/story_inside.h"
#include "tests/lib/story_worker.h"

#define WAY_US 100
#define HELLO_LEVEL_AT 4 /* core/mesh/mesh_wire.h */
#define SYNC_US 50
#define DIAL_TIMEOUT_US (3 * S_US)

struct story_conn *story_conn_of(const struct story *s, uint64_t link)
{
    return &s->conns[(link - 1) / 2];
}

static unsigned side_of(uint64_t link)
{
    return (unsigned)((link - 1) % 2);
}

uint64_t story_other_end(uint64_t link)
{
    return side_of(link) == 0 ? link + 1 : link - 1;
}

uint8_t *story_copy(struct bytes b)
{
    uint8_t *data = malloc(b.len + 1);

    ensure(data);
    if (b.len > 0)
        memcpy(data, b.data, b.len);
    return data;
}

struct node_id story_user_id(void)
{
    struct node_id id;

    memset(id.bytes, 0xee, ID_SIZE);
    return id;
}

struct node_id story_who(const struct story *s)
{
    struct node_id id = story_user_id();

    id.bytes[1] ^= s->who;
    return id;
}

/* --- what nodes want --- */

uint32_t story_conn_make(struct story *s, uint32_t a, uint32_t b)
{
    s->conns = story_more(s->conns, s->conns_count, &s->conns_cap, sizeof *s->conns);
    s->conns[s->conns_count] = (struct story_conn){.node = {a, b}, .open = {true, true}};
    return s->conns_count++;
}

static void answer_add(struct story *s, uint64_t link, uint8_t type, uint32_t request,
                       struct bytes payload)
{
    s->answers = story_more(s->answers, s->answers_count, &s->answers_cap, sizeof *s->answers);
    s->answers[s->answers_count++] = (struct story_answer){.link = link,
                                                           .request = request,
                                                           .type = type,
                                                           .at = s->now,
                                                           .data = story_copy(payload),
                                                           .len = payload.len};
}

static bool is_dropped(struct story *s, uint32_t from, uint32_t to, uint8_t type)
{
    if ((type != s->drop.type && type != s->drop.type_too) ||
        (s->drop.from != STORY_USER && s->drop.from != from) ||
        (s->drop.to != STORY_USER && s->drop.to != to))
        return false;
    s->drop.count[to]++;
    s->drop.last_to = to;
    return true;
}

static void send(struct story *s, const struct action *a, struct bytes payload)
{
    struct story_conn *c = story_conn_of(s, a->link);
    unsigned side = side_of(a->link);
    uint32_t from = c->node[side], to = c->node[1 - side];

    if (!c->open[side])
        return;
    if (to == STORY_USER) {
        answer_add(s, story_other_end(a->link), (uint8_t)a->type, a->request, payload);
        return;
    }
    s->sent[a->type & 255]++;
    s->given_back += a->type == MESSAGE_RETURN && payload.data[ID_SIZE] != RETURN_COMPUTED;
    if (s->cut[from][to] || is_dropped(s, from, to, (uint8_t)a->type))
        return;
    struct story_event ev = {.kind = STORY_FRAME,
                             .node = to,
                             .generation = s->nodes[to].generation,
                             .link = story_other_end(a->link),
                             .type = (uint8_t)a->type,
                             .request = a->request,
                             .data = story_copy(payload),
                             .len = payload.len};
    if (a->type == MESSAGE_HELLO && s->nodes[from].level > 0)
        store_u32(ev.data + HELLO_LEVEL_AT, s->nodes[from].level);
    story_push(s, ev, WAY_US);
}

static void dial(struct story *s, const struct story_node *n, const struct action *a)
{
    uint32_t target = 0;

    for (uint32_t i = 0; i < s->count; i++) {
        char addr[ADDR_SIZE];

        snprintf(addr, sizeof addr, "n%u:1", i);
        if (strcmp(addr, a->addr) == 0)
            target = i;
    }
    story_push(s,
               (struct story_event){.kind = STORY_DIAL,
                                    .node = n->index,
                                    .generation = n->generation,
                                    .target = target,
                                    .dial = a->dial,
                                    .bulk = a->bulk},
               WAY_US);
}

static void close_half(struct story *s, uint64_t link)
{
    struct story_conn *c = story_conn_of(s, link);
    unsigned side = side_of(link);
    uint32_t to = c->node[1 - side];

    if (!c->open[side])
        return;
    c->open[side] = false;
    if (to != STORY_USER)
        story_push(s,
                   (struct story_event){.kind = STORY_DOWN,
                                        .node = to,
                                        .generation = s->nodes[to].generation,
                                        .link = story_other_end(link)},
                   WAY_US);
}

struct moved_to {
    struct story_node *node;
    uint32_t request;
    size_t bytes; /* of the order */
    bool syncs;
};

/* What comes while others are synced is synced together behind that, and nothing else waits. */
static int64_t answer_us(struct story_node *n, bool syncs)
{
    const struct instant now = n->story->now;

    if (!syncs)
        return SYNC_US + n->mover_us;
    if (instant_before(n->sync_begins, now)) {
        n->sync_begins = instant_before(n->sync_ends, now) ? now : n->sync_ends;
        n->sync_ends = instant_plus_us(n->sync_begins, n->sync_us);
        n->syncs++;
    }
    return instant_since_us(n->sync_ends, now) + SYNC_US + n->mover_us;
}

static void moved(void *ctx, uint8_t type, struct bytes payload)
{
    const struct moved_to *to = ctx;
    struct story_event ev = {.kind = STORY_MOVED,
                             .node = to->node->index,
                             .generation = to->node->generation,
                             .type = type,
                             .request = to->request,
                             .order_bytes = moved_is_last(type) ? to->bytes + 1 : 0,
                             .data = story_copy(payload),
                             .len = payload.len};

    story_push(to->node->story, ev, answer_us(to->node, to->syncs));
}

/* The host ends a mover that is given more: it is the core that counts. */
static void moves_count(struct story_node *n, size_t bytes)
{
    n->moves_open++;
    n->moves_open_bytes += bytes;
    ensure(n->moves_open <= MOVE_OPEN_ORDERS_MAX);
    ensure(n->moves_open_bytes <= MOVE_OPEN_BYTES_MAX);
}

static void move(struct story *s, struct story_node *n, const struct action *a,
                 struct bytes payload)
{
    struct moved_to to = {n, a->request, payload.len, false};

    (void)s;
    to.syncs = a->type == MESSAGE_MOVE_FINISH && move_places((uint8_t)a->type, payload);
    moves_count(n, payload.len);
    if (!n->mover_silent)
        sim_mover_order(&n->mover, (uint8_t)a->type, payload, moved, &to);
    else if (n->unanswered_count < STORY_UNANSWERED_MAX)
        n->unanswered[n->unanswered_count++] = a->request;
}

void story_worker_later(struct story *s, uint32_t node, uint32_t number, uint8_t type,
                        struct bytes payload, int64_t us)
{
    struct story_event ev = {.kind = STORY_WORKER,
                             .node = node,
                             .generation = s->nodes[node].generation,
                             .link = number,
                             .type = type,
                             .data = story_copy(payload),
                             .len = payload.len};

    story_push(s, ev, us);
}

static void perform(struct story *s, struct story_node *n, struct actions *actions)
{
    for (size_t i = 0; i < actions->count; i++) {
        const struct action *a = &actions->list[i];
        struct story_event ev = {
            .node = n->index, .generation = n->generation, .ticket = a->ticket, .link = a->worker};

        switch (a->kind) {
        case ACTION_SEND:
            send(s, a, actions_payload(actions, a));
            break;
        case ACTION_DIAL:
            dial(s, n, a);
            break;
        case ACTION_CLOSE:
            close_half(s, a->link);
            break;
        case ACTION_SNAPSHOT:
            story_disk_slice(n, a->first, actions_payload(actions, a));
            break;
        case ACTION_STORE:
        case ACTION_COMPACT:
            if (a->kind == ACTION_STORE)
                story_disk_store(n, a->type, actions_payload(actions, a));
            else
                story_disk_compact(n, a->first, actions_payload(actions, a));
            ev.kind = STORY_STORED;
            story_push(s, ev, SYNC_US);
            break;
        case ACTION_START:
            s->worker = a->worker;
            if (s->output)
                story_worker_starts(s, n->index, a->worker);
            break;
        case ACTION_ORDER:
            story_worker_later(s, n->index, a->worker, (uint8_t)a->type,
                               actions_payload(actions, a), SYNC_US);
            break;
        case ACTION_MOVE:
            move(s, n, a, actions_payload(actions, a));
            break;
        case ACTION_KILL:
            ev.kind = STORY_EXITED;
            story_push(s, ev, SYNC_US);
            break;
        case ACTION_EXIT:
            n->exited = true;
            n->exit_code = a->code;
            break;
        default:
            break;
        }
    }
}

void story_step(struct story *s, struct story_node *n, struct event *ev)
{
    struct actions actions;

    if (n->core == NULL)
        return;
    ev->now = s->now;
    ev->wall_s = STORY_WALL_S + n->wall_off_s + s->now.us / S_US;
    actions_init(&actions, &s->heap.alloc);
    ensure(node_step(n->core, ev, &actions) == 0);
    perform(s, n, &actions);
    actions_clear(&actions);
    if (n->exited)
        story_kill(s, n->index);
}

void story_link_up(struct story *s, uint64_t link, uint32_t dial_number)
{
    const struct story_conn *c = story_conn_of(s, link);
    uint32_t node = c->node[side_of(link)], other = c->node[1 - side_of(link)];
    struct event ev = {.kind = EVENT_LINK_UP};
    uint8_t certificate[CERTIFICATE_SIZE];

    ev.link_up.link = link;
    ev.link_up.dial = dial_number;
    ev.link_up.bulk = c->bulk;
    ev.link_up.party = other != STORY_USER ? PARTY_NODE : s->as ? s->as : PARTY_USER;
    ev.link_up.id = other == STORY_USER ? story_who(s) : s->nodes[other].id;
    story_certificate(ev.link_up.id, ev.link_up.party, certificate);
    ev.link_up.certificate = (struct bytes){certificate, sizeof certificate};
    story_step(s, &s->nodes[node], &ev);
}

/* --- what happens --- */

static void on_dial(struct story *s, struct story_event *ev)
{
    const struct story_node *to = &s->nodes[ev->target];
    uint32_t index;

    if (s->cut[ev->node][ev->target] || to->core == NULL || to->paused) {
        ev->kind = STORY_FAILED;
        ev->refused = !s->cut[ev->node][ev->target] && !to->paused;
        story_push(s, *ev, ev->refused ? WAY_US : DIAL_TIMEOUT_US);
        return;
    }
    index = story_conn_make(s, ev->node, ev->target);
    s->conns[index].bulk = ev->bulk;
    story_push(s,
               (struct story_event){.kind = STORY_UP,
                                    .node = ev->target,
                                    .generation = to->generation,
                                    .link = 2 * (uint64_t)index + 2},
               0);
    story_link_up(s, 2 * (uint64_t)index + 1, ev->dial);
}

static void on_event(struct story *s, struct story_event *e)
{
    struct story_node *n = &s->nodes[e->node];
    struct event ev = {.kind = EVENT_TICK};

    if (n->core == NULL || n->generation != e->generation)
        return;
    switch (e->kind) {
    case STORY_DIAL:
        on_dial(s, e);
        return;
    case STORY_UP:
        story_link_up(s, e->link, 0);
        return;
    case STORY_DOWN:
        if (!story_conn_of(s, e->link)->open[side_of(e->link)])
            return;
        story_conn_of(s, e->link)->open[side_of(e->link)] = false;
        ev.kind = EVENT_LINK_DOWN;
        ev.link_down.link = e->link;
        ev.link_down.end = LINK_BROKEN;
        break;
    case STORY_FRAME:
        if (!story_conn_of(s, e->link)->open[side_of(e->link)])
            return;
        ev.kind = EVENT_FRAME;
        ev.frame.link = e->link;
        ev.frame.frame =
            (struct frame){.type = e->type, .request = e->request, .payload = {e->data, e->len}};
        break;
    case STORY_FAILED:
        ev.kind = EVENT_DIAL_FAILED;
        ev.dial_failed.dial = e->dial;
        ev.dial_failed.end = e->refused ? DIAL_REFUSED : DIAL_TIMEOUT;
        break;
    case STORY_STORED:
        if (n->stuck)
            return;
        ev.kind = EVENT_STORED;
        ev.stored.ticket = e->ticket;
        ev.stored.rc = n->fails ? ERR_SYNC : 0;
        break;
    case STORY_MOVED:
        if (e->order_bytes > 0) {
            n->moves_open--;
            n->moves_open_bytes -= e->order_bytes - 1;
        }
        ev.kind = EVENT_MOVED;
        ev.moved.frame =
            (struct frame){.type = e->type, .request = e->request, .payload = {e->data, e->len}};
        break;
    case STORY_WORKER:
        story_worker_hears(s, e->node, (uint32_t)e->link, e->type, (struct bytes){e->data, e->len});
        return;
    case STORY_EXITED:
        story_worker_ends(s, e->node, (uint32_t)e->link);
        ev.kind = EVENT_WORKER_EXITED;
        ev.worker_exited.worker = (uint32_t)e->link;
        ev.worker_exited.end = WORKER_KILLED;
        break;
    }
    story_step(s, n, &ev);
}

/* The node whose timer comes before `until` and before the next event; NULL: none does. */
static struct story_node *next_timer(struct story *s, struct instant until, struct instant *at)
{
    struct story_node *first = NULL;

    *at = s->events_count > 0 ? instant_first(s->events[0].at, until) : until;
    for (uint32_t i = 0; i < s->count; i++) {
        bool sleeps = s->nodes[i].core == NULL || s->nodes[i].paused;
        struct instant due = sleeps ? INSTANT_NEVER : node_due(s->nodes[i].core);

        /* A timer never fires in the same microsecond that armed it. */
        if (!instant_before(s->now, due))
            due = instant_plus_us(s->now, 20);
        if (instant_before(due, *at)) {
            *at = due;
            first = &s->nodes[i];
        }
    }
    return first;
}

void story_run(struct story *s, int64_t us)
{
    struct instant until = instant_plus_us(s->now, us), at;
    struct event tick = {.kind = EVENT_TICK};
    struct story_node *n;
    struct story_event e;

    for (;;) {
        n = next_timer(s, until, &at);
        s->now = at;
        if (n != NULL) {
            n->woken++;
            story_step(s, n, &tick);
        } else if (s->events_count > 0 && instant_before(s->events[0].at, until)) {
            e = story_pop(s);
            if (s->nodes[e.node].paused) {
                s->held = story_more(s->held, s->held_count, &s->held_cap, sizeof *s->held);
                s->held[s->held_count++] = e;
                continue;
            }
            on_event(s, &e);
            free(e.data);
        } else {
            return;
        }
    }
}

/* --- nodes --- */

void story_init(struct story *s, uint32_t count)
{
    memset(s, 0, sizeof *s);
    heap_init(&s->heap);
    s->count = count;
    s->now.us = S_US;
    for (uint32_t i = 0; i < count; i++) {
        s->nodes[i] = (struct story_node){.story = s, .index = i};
        memset(s->nodes[i].id.bytes, (int)(16 + i), ID_SIZE);
        sim_mover_init(&s->nodes[i].mover, &s->heap.alloc, UINT64_MAX);
    }
}

void story_start(struct story *s, uint32_t i)
{
    struct story_node *n = &s->nodes[i];
    struct node_kernel kernel = {.accumulator_size = parts_value_bytes};
    uint8_t certificate[CERTIFICATE_SIZE];
    struct node_options o = {.id = n->id,
                             .slots = 1,
                             .memory_bytes = 1 << 30,
                             .kernels = &kernel,
                             .kernels_count = 1,
                             .seal = story_seal(n),
                             .now = s->now,
                             .wall_s = STORY_WALL_S + n->wall_off_s,
                             .keep_s = s->ages.keep_s,
                             .keep_jobs = s->ages.keep_jobs,
                             .keep_bytes = s->ages.keep_bytes,
                             .tombstone_s = s->ages.tombstone_s,
                             .calendar_look_s = s->ages.calendar_look_s,
                             .objects_bytes = s->ages.objects_bytes,
                             .objects_path = "objects",
                             .tier = n->tier,
                             .compiles = n->compiles,
                             .compiler_path = n->builds ? "cc" : NULL,
                             .built_path = n->builds ? "built" : NULL,
                             .shipped = n->shipped,
                             .allowed = &n->allowed,
                             .allowed_count = 1,
                             .link_room_bytes = s->ages.link_room_bytes,
                             .limits = s->ages.limits,
                             .audit = s->ages.audit,
                             .certificate = {certificate, sizeof certificate}};
    struct actions actions;

    n->exited = false;
    n->moves_open = 0;
    n->moves_open_bytes = 0;
    n->unanswered_count = 0;
    text_copy(kernel.name, sizeof kernel.name, "work");
    text_copy(o.arch, sizeof o.arch, n->arch != NULL ? n->arch : "");
    o.boot = 1000 * ++n->generation + i;
    o.seed = o.boot;
    o.machine = sha256_of(&i, sizeof i);
    snprintf(o.name, sizeof o.name, "n%u", i);
    snprintf(o.addr, sizeof o.addr, "n%u:1", i);
    story_certificate(n->id, PARTY_NODE, certificate);
    ensure(node_new(&n->core, &s->heap.alloc, &o) == 0);
    story_disk_replay(n);
    actions_init(&actions, &s->heap.alloc);
    ensure(node_start(n->core, s->now, &actions) == 0);
    perform(s, n, &actions);
    actions_clear(&actions);
}

void story_compact(struct story *s, uint32_t i)
{
    struct actions actions;

    actions_init(&actions, &s->heap.alloc);
    ensure(node_compact(s->nodes[i].core, &actions) >= 0);
    perform(s, &s->nodes[i], &actions);
    actions_clear(&actions);
}

void story_hint(struct story *s, uint32_t i, uint32_t target)
{
    struct event ev = {.kind = EVENT_HINT};
    char addr[ADDR_SIZE];

    snprintf(addr, sizeof addr, "n%u:1", target);
    ev.hint.addr = addr;
    story_step(s, &s->nodes[i], &ev);
}

void story_start_all(struct story *s, bool keep_disks)
{
    for (uint32_t i = 0; i < s->count; i++) {
        s->nodes[i].keeps_disk = keep_disks;
        story_start(s, i);
    }
    for (uint32_t i = 1; i < s->count; i++)
        story_hint(s, i, 0);
}

void story_start_among(struct story *s, uint32_t i)
{
    story_start(s, i);
    for (uint32_t k = 0; k < s->count; k++)
        if (k != i && s->nodes[k].core != NULL)
            story_hint(s, i, k);
}

void story_begin(struct story *s, uint32_t count)
{
    story_init(s, count);
    story_start_all(s, false);
    story_run(s, 8 * S_US);
}

static void drop_links(struct story *s, uint32_t a, uint32_t b)
{
    for (uint32_t i = 0; i < s->conns_count; i++) {
        const struct story_conn *c = &s->conns[i];
        bool between = (c->node[0] == a && (b == STORY_USER || c->node[1] == b)) ||
                       (c->node[1] == a && (b == STORY_USER || c->node[0] == b));

        for (unsigned side = 0; between && side < 2; side++) {
            uint32_t to = c->node[side];

            if (to != STORY_USER)
                story_push(s,
                           (struct story_event){.kind = STORY_DOWN,
                                                .node = to,
                                                .generation = s->nodes[to].generation,
                                                .link = 2 * (uint64_t)i + side + 1},
                           0);
        }
    }
}

void story_kill(struct story *s, uint32_t i)
{
    drop_links(s, i, STORY_USER);
    story_workers_of_end(s, i);
    node_free(s->nodes[i].core);
    s->nodes[i].core = NULL;
    sim_mover_crash(&s->nodes[i].mover);
}

void story_pause(struct story *s, uint32_t i)
{
    s->nodes[i].paused = true;
}

void story_resume(struct story *s, uint32_t i)
{
    uint32_t kept = 0;

    s->nodes[i].paused = false;
    for (uint32_t k = 0; k < s->held_count; k++)
        if (s->held[k].node == i)
            story_push(s, s->held[k], 0);
        else
            s->held[kept++] = s->held[k];
    s->held_count = kept;
}

void story_cut(struct story *s, uint32_t a, uint32_t b)
{
    s->cut[a][b] = s->cut[b][a] = true;
    drop_links(s, a, b);
}

void story_mend(struct story *s, uint32_t a, uint32_t b)
{
    s->cut[a][b] = s->cut[b][a] = false;
}

void story_drop(struct story *s, uint8_t type, uint32_t from, uint32_t to)
{
    memset(&s->drop, 0, sizeof s->drop);
    s->drop.type = type;
    s->drop.from = from;
    s->drop.to = to;
}

bool story_linked(const struct story *s, uint32_t a, uint32_t b)
{
    for (uint32_t i = 0; i < s->conns_count; i++) {
        const struct story_conn *c = &s->conns[i];

        if (c->open[0] && c->open[1] && !c->bulk &&
            ((c->node[0] == a && c->node[1] == b) || (c->node[0] == b && c->node[1] == a)))
            return true;
    }
    return false;
}

bool story_end(struct story *s)
{
    struct story_spec *spec;

    for (uint32_t i = 0; i < s->count; i++) {
        node_free(s->nodes[i].core);
        story_disk_free(&s->nodes[i]);
        sim_mover_clear(&s->nodes[i].mover);
    }
    while (s->events_count > 0)
        free(story_pop(s).data);
    for (uint32_t i = 0; i < s->held_count; i++)
        free(s->held[i].data);
    free(s->held);
    free(s->events);
    free(s->conns);
    for (uint32_t i = 0; i < s->answers_count; i++)
        free(s->answers[i].data);
    free(s->answers);
    story_workers_free(s);
    while ((spec = s->specs) != NULL) {
        s->specs = spec->next;
        free(spec->data);
        free(spec);
    }
    return heap_is_empty(&s->heap);
}
