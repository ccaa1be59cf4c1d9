#include "core/sim/sim_carrier.h"

#include <string.h>

#include "core/object/name.h"
#include "core/sim/sim_net.h"
#include "core/sim/sim_node.h"
#include "core/sim/sim_objects.h"
#include "core/sim/sim_seal.h"
#include "core/wire/object_request.h"

#define AGAIN_US (150 * MS_US)
#define PATIENCE_US (14 * S_US) /* a put may wait ten seconds for its copies */

static void later(struct world *w, struct sim_carrier *c, int64_t in_us)
{
    world_later(w, in_us, HAPPEN_CARRY, SIM_EVERYBODY, (uint64_t)(c - w->stuff.carriers),
                ++c->turn);
}

static uint32_t any_node(struct world *w)
{
    return (uint32_t)prng_below(&w->stuff.prng, w->plan.nodes);
}

void sim_carrier_add(struct world *w, enum carrier_kind kind, uint32_t thing, uint32_t pinned,
                     uint32_t tries, int64_t in_us)
{
    struct sim_carrier *c = &w->stuff.carriers[w->stuff.carriers_count++];

    ensure(w->stuff.carriers_count <= SIM_CARRIERS_MAX);
    *c = (struct sim_carrier){.kind = kind, .thing = thing, .tries = tries, .link = -1};
    c->pinned = pinned < SIM_NODES_MAX;
    c->node = c->pinned ? pinned : any_node(w);
    later(w, c, in_us);
}

static void leave(struct world *w, struct sim_carrier *c)
{
    if (c->link >= 0)
        sim_net_user_close(w, (uint32_t)c->link);
    c->link = -1;
}

static void is_done(struct world *w, struct sim_carrier *c)
{
    c->done = true;
    leave(w, c);
}

static void again(struct world *w, struct sim_carrier *c)
{
    leave(w, c);
    if (c->done)
        return;
    if (c->tries == 0) {
        c->done = true;
        return;
    }
    c->tries--;
    if (!c->pinned)
        c->node = any_node(w);
    later(w, c, AGAIN_US + (int64_t)prng_below(&w->stuff.prng, (uint64_t)AGAIN_US));
}

static void ask(struct world *w, const struct sim_carrier *c, uint8_t type, struct bytes payload)
{
    sim_net_user_send(w, (uint32_t)c->link, type, c->request, payload);
}

static void send_number(struct world *w, const struct sim_carrier *c, uint32_t bytes)
{
    uint8_t raw[8];
    struct buf b;

    buf_init_fixed(&b, raw, sizeof raw);
    put_object_credit(&b, bytes);
    ask(w, c, MESSAGE_REQUEST_MORE, buf_bytes(&b));
}

/* Halves that do not hear each other may both be right about what is to be kept, and whoever has
 * removed it does not look for those who never heard of it. */
static bool is_parted(const struct world *w)
{
    for (uint32_t a = 0; a < w->plan.nodes; a++)
        for (uint32_t b = 0; b < w->plan.nodes; b++)
            if (w->blocked[a][b])
                return true;
    return false;
}

static void begin_put(struct world *w, struct sim_carrier *c)
{
    struct sim_thing *t = &w->stuff.things[c->thing];
    struct request_put m = {.size = t->size, .copies = t->copies};
    uint8_t raw[32];
    struct buf b;

    if (prng_one_in(&w->stuff.prng, 4))
        m.size = UINT64_MAX; /* from a pipe */
    c->at = c->credit = 0;
    c->all = false;
    t->put_late |= t->remove_asked || is_parted(w);
    buf_init_fixed(&b, raw, sizeof raw);
    put_request_put(&b, &m);
    ask(w, c, MESSAGE_REQUEST_PUT, buf_bytes(&b));
}

/* One that was broken off goes on behind what it has. */
static void begin_get(struct world *w, struct sim_carrier *c)
{
    const struct sim_thing *t = &w->stuff.things[c->thing];
    struct request_get m = {.offset = c->at};
    uint8_t raw[128];
    struct buf b;

    c->as_is = !c->compared && (c->request + c->thing) % 2 == 0;
    m.as_is = c->as_is;
    c->credit = 0;
    id_hex(t->name.bytes, 2 * ID_SIZE, m.ref);
    buf_init_fixed(&b, raw, sizeof raw);
    put_request_get(&b, &m);
    ask(w, c, MESSAGE_REQUEST_GET, buf_bytes(&b));
}

static void ask_remove(struct world *w, const struct sim_carrier *c, enum rm_how how,
                       struct bytes removal)
{
    struct request_rm m = {.how = how, .removal = removal};
    uint8_t raw[REQUEST_RM_SIZE];
    struct buf b;

    id_hex(w->stuff.things[c->thing].name.bytes, 2 * ID_SIZE, m.ref);
    buf_init_fixed(&b, raw, sizeof raw);
    put_request_rm(&b, &m);
    ask(w, c, MESSAGE_REQUEST_RM, buf_bytes(&b));
}

/* As the node says, but for when: as with `velum rm` that goes by the clock of who signs it, which
 * is right here. A date of long ago, as nodes say whose clock is wrong, is believed only where the
 * clock is as wrong (core/node/removal_right.h). */
static void sign_removal(struct world *w, const struct sim_carrier *c, struct bytes told)
{
    uint8_t certificate[SIM_CERTIFICATE_SIZE], text[64], raw[REMOVAL_BODY_SIZE];
    uint8_t room[REMOVAL_SIZE_MAX];
    struct signed_bytes s = {.certificate = {certificate, sizeof certificate}};
    struct buf body, removal;
    struct removal m;

    if (read_removal_body(told, &m) < 0) {
        world_fail(w, G_NONE, "what is to be signed does not read", c->node, UINT32_MAX);
        return;
    }
    m.at_s = SIM_WALL_S + w->now / S_US;
    buf_init_fixed(&body, raw, sizeof raw);
    put_removal_body(&body, &m);
    s.body = buf_bytes(&body);
    sim_certificate(w->user_id, PARTY_USER, certificate);
    sim_sign(w->user_id, (struct bytes){text, signed_text(&s, SIGNED_REMOVAL, text)}, s.signature);
    buf_init_fixed(&removal, room, sizeof room);
    put_signed(&removal, &s);
    ask_remove(w, c, RM_SIGNED, buf_bytes(&removal));
}

static void begin_remove(struct world *w, struct sim_carrier *c)
{
    struct sim_thing *t = &w->stuff.things[c->thing];

    t->remove_asked = true;
    t->copies_left = 0;
    t->put_late |= is_parted(w);
    for (uint32_t i = 0; i < w->stuff.carriers_count; i++)
        t->put_late |= w->stuff.carriers[i].thing == c->thing &&
                       w->stuff.carriers[i].kind == CARRIER_PUTS && !w->stuff.carriers[i].done;
    ask_remove(w, c, RM_ASK, (struct bytes){NULL, 0});
}

void sim_carrier_turn(struct world *w, uint32_t carrier, uint64_t turn)
{
    struct sim_carrier *c = &w->stuff.carriers[carrier];
    uint32_t link;

    if (c->done || c->turn != turn)
        return;
    if (c->link >= 0 || !sim_node_is_up(w, c->node)) {
        again(w, c);
        return;
    }
    if (!sim_net_user_link(w, SIM_USERS_MAX + carrier, &w->nodes[c->node], &link))
        return;
    c->link = link;
    c->request++;
    if (c->kind == CARRIER_PUTS)
        begin_put(w, c);
    else if (c->kind == CARRIER_GETS)
        begin_get(w, c);
    else
        begin_remove(w, c);
    later(w, c, PATIENCE_US);
}

static uint64_t cost_of(uint64_t bytes)
{
    return bytes < OBJECT_DATA_COST_MIN ? OBJECT_DATA_COST_MIN : bytes;
}

/* As much as it may, in frames of any size. */
static void put_on(struct world *w, struct sim_carrier *c, uint32_t credit)
{
    const struct sim_thing *t = &w->stuff.things[c->thing];

    c->credit += credit;
    if (c->all)
        return;
    while (c->at < t->size) {
        uint64_t most = t->size > PIECE_SIZE / 2 ? OBJECT_DATA_MAX : 1500;
        uint64_t n = 1 + prng_below(&w->stuff.prng, most);

        if (t->size > PIECE_SIZE / 2)
            n = most;
        if (n > t->size - c->at)
            n = t->size - c->at;
        if (cost_of(n) > c->credit)
            return;
        ask(w, c, MESSAGE_REQUEST_DATA, (struct bytes){t->data + c->at, (size_t)n});
        c->at += n;
        c->credit -= cost_of(n);
    }
    ask(w, c, MESSAGE_REQUEST_DATA, (struct bytes){NULL, 0});
    c->all = true;
}

static uint32_t copies_on_disks(const struct world *w, const struct sim_thing *t)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < w->plan.nodes; i++)
        count += !w->nodes[i].dead_for_good && sim_mover_has(&w->nodes[i].moving.mover, t->name);
    return count;
}

static void is_put(struct world *w, struct sim_carrier *c, const struct object_view *v)
{
    struct sim_thing *t = &w->stuff.things[c->thing];
    uint32_t copies = copies_on_disks(w, t);

    world_trace(w, "%u: thing %u: put at node%u, %u copies told, %u there are", (unsigned)w->now,
                c->thing, c->node, (unsigned)v->copies, (unsigned)copies);
    if (!digest_equal(v->name, t->name) || v->size != t->size)
        world_fail(w, G5, "a put is told another name or size", c->node, UINT32_MAX);
    if (v->copies > copies && w->stuff.losses == 0 && w->stuff.rots == 0 && !t->remove_asked)
        world_fail(w, G5, "more copies of an object are told than there are", c->node, UINT32_MAX);
    t->acknowledged = true;
    if (copies > v->copies)
        copies = v->copies;
    if (!t->remove_asked && t->copies_left < copies)
        t->copies_left = copies;
    is_done(w, c);
}

static void on_object(struct world *w, struct sim_carrier *c, struct bytes payload)
{
    const struct sim_thing *t = &w->stuff.things[c->thing];
    struct object_view v;

    if (read_object_view(payload, &v) < 0) {
        world_fail(w, G_NONE, "an object's view does not read", c->node, UINT32_MAX);
        return;
    }
    if (c->kind == CARRIER_PUTS) {
        is_put(w, c, &v);
        return;
    }
    if (c->kind == CARRIER_REMOVES)
        return;
    if (!digest_equal(v.name, t->name) || v.size != t->size)
        world_fail(w, G5, "a get is told another name or size", c->node, UINT32_MAX);
    c->credit = 1 + prng_below(&w->stuff.prng, OBJECT_CREDIT_MAX / 2);
    send_number(w, c, (uint32_t)c->credit);
}

/* Whoever asked for the bytes as the disk has them finds out at their end. */
static void is_wrong(struct world *w, struct sim_carrier *c)
{
    c->wrong = true;
    if (!c->as_is || w->stuff.rots == 0)
        world_fail(w, G5, "a get delivers bytes that nobody put", c->node, UINT32_MAX);
}

static void on_piece(struct world *w, struct sim_carrier *c, struct bytes payload)
{
    const struct sim_thing *t = &w->stuff.things[c->thing];

    if (payload.len > t->size - c->at || payload.len > c->credit) {
        world_fail(w, G8, "a get is sent more than it asked for", c->node, UINT32_MAX);
        return;
    }
    if (memcmp(t->data + c->at, payload.data, payload.len) != 0)
        is_wrong(w, c);
    c->at += payload.len;
    c->credit -= payload.len;
    if (c->credit == 0 && c->at < t->size) {
        c->credit = 1 + prng_below(&w->stuff.prng, OBJECT_CREDIT_MAX / 2);
        send_number(w, c, (uint32_t)c->credit);
    }
}

/* All of it once more, of a node that compares it. */
static void get_anew(struct world *w, struct sim_carrier *c)
{
    world_trace(w, "%u: thing %u: what node%u has of it is wrong", (unsigned)w->now, c->thing,
                c->node);
    c->wrong = false;
    c->compared = true;
    c->at = 0;
    c->request++;
    begin_get(w, c);
}

static void on_end(struct world *w, struct sim_carrier *c)
{
    struct sim_thing *t = &w->stuff.things[c->thing];

    if (c->kind == CARRIER_GETS && c->at == t->size && c->wrong) {
        get_anew(w, c);
        return;
    }
    world_trace(w, "%u: thing %u: %s at node%u", (unsigned)w->now, c->thing,
                c->kind == CARRIER_GETS ? "got" : "removed", c->node);
    if (c->kind == CARRIER_GETS && c->at != t->size)
        world_fail(w, G5, "a get ends before the object does", c->node, UINT32_MAX);
    if (c->kind == CARRIER_REMOVES) {
        t->removed = true;
        t->removed_losses = w->stuff.losses;
    }
    is_done(w, c);
}

static void on_error(struct world *w, struct sim_carrier *c, struct bytes payload)
{
    struct reply_error e;

    if (read_reply_error(payload, &e) < 0) {
        world_fail(w, G_NONE, "an error does not read", c->node, UINT32_MAX);
        return;
    }
    world_trace(w, "%u: thing %u: node%u refuses to %s: %s", (unsigned)w->now, c->thing, c->node,
                c->kind == CARRIER_PUTS   ? "put"
                : c->kind == CARRIER_GETS ? "get"
                                          : "remove",
                e.what);
    again(w, c);
}

void sim_carrier_frame(struct world *w, uint32_t carrier, uint8_t type, uint32_t request,
                       struct bytes payload)
{
    struct sim_carrier *c = &w->stuff.carriers[carrier];
    uint32_t credit;

    if (c->link < 0 || request != c->request)
        return;
    if (type == MESSAGE_REPLY_CREDIT && c->kind == CARRIER_PUTS &&
        read_object_credit(payload, &credit) == 0)
        put_on(w, c, credit);
    else if (type == MESSAGE_REPLY_OBJECT)
        on_object(w, c, payload);
    else if (type == MESSAGE_REPLY_PIECE && c->kind == CARRIER_GETS)
        on_piece(w, c, payload);
    else if (type == MESSAGE_REPLY_PIECE && c->kind == CARRIER_REMOVES)
        sign_removal(w, c, payload);
    else if (type == MESSAGE_REPLY_END && c->kind != CARRIER_PUTS)
        on_end(w, c);
    else if (type == MESSAGE_REPLY_ERROR)
        on_error(w, c, payload);
    else
        world_fail(w, G_NONE, "an answer about objects that nobody asked for", c->node, UINT32_MAX);
}

void sim_carrier_link_down(struct world *w, uint32_t carrier)
{
    struct sim_carrier *c = &w->stuff.carriers[carrier];

    c->link = -1;
    again(w, c);
}
