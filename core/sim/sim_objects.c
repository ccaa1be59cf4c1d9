#include "core/sim/sim_objects.h"

#include <string.h>

#include "core/base/err.h"
#include "core/object/name.h"
#include "core/sim/sim_carrier.h"
#include "core/sim/sim_collect.h"
#include "core/sim/sim_fault.h"
#include "core/sim/sim_node.h"
#include "core/sim/sim_passing.h"
#include "core/sim/sim_plan.h"
#include "core/sim/sim_theft.h"

#define ONE_IN 4     /* so many runs have objects, */
#define GRAPHS_IN 16 /* and so many of these graphs that read them */
#define ROTS_MAX 2   /* of pieces */
#define LARGE_IN 12  /* of these runs so many have one with more than a piece */
#define SMALL_MAX 3000
#define SEASONS 3 /* of a lasting run: one of the first has objects */
#define TIGHT_MIN 500
#define ROOM_BYTES ((uint64_t)64 << 20)
#define OVER_US (60 * S_US) /* after the healing, all that is told below has come about */
#define SLOW_LOOK_US (60 * S_US)
#define TURN_US (10 * S_US) /* a node looks at one object in so long */
#define LOOK_US (100 * MS_US)
#define SYNC_TIMES 4 /* as long as anything else takes to put an object in place */

/* --- what there is to be --- */

static uint64_t below(struct world *w, uint64_t bound)
{
    return prng_below(&w->stuff.prng, bound);
}

static bool chance(struct world *w, uint32_t one_in)
{
    return prng_one_in(&w->stuff.prng, one_in);
}

static uint64_t any_size(struct world *w, bool may_be_large)
{
    if (may_be_large && chance(w, LARGE_IN))
        return PIECE_SIZE + below(w, SMALL_MAX);
    return chance(w, 12) ? 0 : 1 + below(w, chance(w, 2) ? 40 : SMALL_MAX);
}

static void make_thing(struct world *w, struct sim_thing *t, bool may_be_large)
{
    t->size = any_size(w, may_be_large);
    t->data = world_alloc(w, (size_t)t->size + 1);
    if (t->data == NULL) {
        t->size = 0;
        return;
    }
    for (uint64_t i = 0; i < t->size; i++)
        t->data[i] = (uint8_t)(i < 4096 ? below(w, 256) : t->data[i - 4096] + 1u);
    t->name = object_name_of((struct bytes){t->data, (size_t)t->size});
    t->copies = chance(w, 2) ? 0 : (uint8_t)(1 + below(w, 3));
}

/* Two small ones may be alike, and then they are one. */
static void drop_twin(struct world *w)
{
    struct sim_stuff *s = &w->stuff;
    struct sim_thing *last = &s->things[s->things_count - 1];

    for (uint32_t i = 0; i + 1 < s->things_count; i++) {
        if (!digest_equal(s->things[i].name, last->name))
            continue;
        alloc_free(w->alloc, last->data, (size_t)last->size + 1);
        *last = (struct sim_thing){0};
        s->things_count--;
        return;
    }
}

/* Graphs that read objects wait long for what is lost: too long for all runs. */
static void draw_wanted(struct world *w, bool graphs)
{
    struct sim_stuff *s = &w->stuff;
    bool some = chance(w, ONE_IN), most = chance(w, GRAPHS_IN);

    /* Where days are seconds, what jobs made goes before it is asked for. */
    s->wanted = w->plan.scene == SIM_SCENE_NONE && w->plan.keep_s == 0 && w->plan.job == NULL &&
                (some || graphs);
    s->graphs = s->wanted && (most || graphs);
}

void sim_objects_plan(struct world *w, uint64_t seed, bool graphs)
{
    struct sim_stuff *s = &w->stuff;

    prng_init(&s->prng, seed ^ 0x6f626a6563747321ull);
    draw_wanted(w, graphs);
    if (!s->wanted)
        return;
    s->season = w->plan.lasting ? (uint32_t)below(w, SEASONS) : 0;
    for (uint64_t more = 1 + below(w, SIM_THINGS_PUT_MAX); more > 0; more--) {
        make_thing(w, &s->things[s->things_count], s->things_count == 0);
        s->things_count++;
        drop_twin(w);
    }
    s->tight = chance(w, 4);
    s->bytes_max = s->tight ? 2 * SMALL_MAX : ROOM_BYTES;
    /* What the stages of a graph yield is small: it must be tighter yet to be too little. */
    if (s->tight && s->graphs)
        s->bytes_max = TIGHT_MIN + below(w, SMALL_MAX);
}

bool sim_objects_now(const struct world *w)
{
    return w->stuff.wanted && w->stuff.season == w->seasons;
}

static int64_t some_time(struct world *w, uint64_t part)
{
    return (int64_t)(1000 + below(w, (uint64_t)w->plan.season_us * part / 8));
}

/* Somebody puts it, perhaps another too; others want it before and after; some do not. */
void sim_objects_begin(struct world *w)
{
    struct sim_stuff *s = &w->stuff;

    for (uint32_t i = 0; sim_objects_now(w) && i < s->things_count; i++) {
        int64_t at = some_time(w, 5);

        sim_carrier_add(w, CARRIER_PUTS, i, SIM_NODES_MAX, 100, at);
        if (chance(w, 4))
            sim_carrier_add(w, CARRIER_PUTS, i, SIM_NODES_MAX, 3, at + (int64_t)below(w, 50000));
        for (uint32_t gets = (uint32_t)below(w, 4); gets > 0; gets--)
            sim_carrier_add(w, CARRIER_GETS, i, SIM_NODES_MAX, 1, some_time(w, 8));
        if (!chance(w, 4))
            continue;
        sim_carrier_add(w, CARRIER_REMOVES, i, SIM_NODES_MAX, 2, some_time(w, 8));
        if (chance(w, 3))
            sim_carrier_add(w, CARRIER_PUTS, i, SIM_NODES_MAX, 3, some_time(w, 8));
    }
    sim_theft_plan(w);
}

void sim_objects_clear(struct world *w)
{
    for (uint32_t i = 0; i < w->stuff.things_count; i++)
        alloc_free(w->alloc, w->stuff.things[i].data, (size_t)w->stuff.things[i].size + 1);
}

/* --- movers --- */

struct answering {
    struct world *w;
    struct sim_node *n;
    uint32_t request;
    int64_t in_us;
    uint8_t order;
    struct bytes about; /* its payload */
};

static void add_moved(struct sim_moving *g, struct sim_moved *m)
{
    if (g->last == NULL)
        g->first = m;
    else
        g->last->next = m;
    g->last = m;
}

/* What puts in place waits for the disk, and for what does so before it. */
static int64_t placed_at(const struct sim_moving *g, int64_t at)
{
    for (const struct sim_moved *m = g->first; m != NULL; m = m->next)
        if (m->places && m->at > at)
            at = m->at;
    return at;
}

/* What is about one that is being put in place waits for that. */
static int64_t not_before(const struct answering *to, int64_t at)
{
    const struct sim_moving *g = &to->n->moving;

    for (const struct sim_moved *m = g->first; m != NULL; m = m->next)
        if (m->places && m->at > at && move_is_about(to->order, to->about, m->name))
            at = m->at;
    return at > g->arrives ? at : g->arrives;
}

static void answered(void *ctx, uint8_t type, struct bytes payload)
{
    struct answering *to = ctx;
    struct sim_moving *g = &to->n->moving;
    struct sim_moved *m = world_alloc(to->w, sizeof *m);
    const int64_t now = to->w->now;
    struct moved_made made;

    if (m == NULL)
        return;
    m->type = type;
    m->request = to->request;
    m->places = move_places(to->order, to->about);
    if (type == MESSAGE_MOVED_MADE && read_moved_made(payload, &made) == 0)
        m->name = made.name;
    else if (to->order == MESSAGE_MOVE_SEAL)
        (void)read_move_name(to->about, &m->name);
    buf_init(&m->payload, to->w->alloc, FRAME_PAYLOAD_MAX);
    put_raw(&m->payload, payload.data, payload.len);
    if (m->places)
        m->at = placed_at(g, not_before(to, now) + SYNC_TIMES * to->in_us);
    else
        m->at = g->arrives = not_before(to, now + to->in_us);
    add_moved(g, m);
    world_later(to->w, m->at - now, HAPPEN_MOVED, to->n->index, 0, 0);
}

static void make_mover(struct world *w, struct sim_node *n)
{
    if (!n->moving.made) {
        sim_mover_init(&n->moving.mover, w->alloc, UINT64_MAX);
        sim_mover_init(&n->moving.image, w->alloc, UINT64_MAX);
    }
    n->moving.made = true;
}

/* It keeps within what its node may have, whatever it is asked. */
static void check_bytes(struct world *w, const struct sim_node *n)
{
    if (n->moving.mover.bytes > w->stuff.bytes_max + SMALL_MAX)
        world_fail(w, G8, "a node has more bytes of objects than it may", n->index, UINT32_MAX);
}

void sim_objects_move(struct world *w, struct sim_node *n, const struct action *a,
                      struct bytes payload)
{
    struct answering to = {.w = w,
                           .n = n,
                           .request = a->request,
                           .in_us = 20 + (int64_t)below(w, chance(w, 10) ? 20000 : 300),
                           .order = (uint8_t)a->type,
                           .about = payload};
    struct sim_mover *m = &n->moving.mover;
    struct digest name;

    make_mover(w, n);
    if (a->type == MESSAGE_MOVE_DROP && read_move_name(payload, &name) == 0)
        sim_passing_dropped(w, n, name);
    m->bytes_max = n->disk.full || n->disk.store.no_space ? m->bytes : UINT64_MAX;
    m->no_sync = n->disk.store.syncs_fail > 0 && chance(w, 2);
    sim_mover_order(m, to.order, payload, answered, &to);
    check_bytes(w, n);
}

/* The first that has come by then. */
static struct sim_moved *take_by(struct sim_moving *g, int64_t now)
{
    struct sim_moved *before = NULL, *m = g->first;

    while (m != NULL && m->at > now) {
        before = m;
        m = m->next;
    }
    if (m == NULL)
        return NULL;
    *(before == NULL ? &g->first : &before->next) = m->next;
    if (g->last == m)
        g->last = before;
    return m;
}

static void moved_free(struct world *w, struct sim_moved *m)
{
    buf_clear(&m->payload);
    alloc_free(w->alloc, m, sizeof *m);
}

static void tell_moved(struct world *w, struct sim_node *n, const struct sim_moved *m)
{
    struct event ev = {.kind = EVENT_MOVED};

    ev.moved.frame = (struct frame){m->type, m->request, buf_bytes(&m->payload)};
    sim_node_event(w, n, &ev);
}

void sim_objects_moved(struct world *w, struct sim_node *n)
{
    struct sim_moved *m = take_by(&n->moving, w->now);

    /* Those of a mover that died were told at once. */
    if (m == NULL)
        return;
    tell_moved(w, n, m);
    moved_free(w, m);
}

/* As the host does it: what was open is answered with an error, and then another serves. */
void sim_objects_mover_dies(struct world *w, struct sim_node *n)
{
    struct sim_moving *g = &n->moving;
    struct event ev = {.kind = EVENT_MOVER};
    struct sim_moved *m, *next = g->first;

    if (!g->made || n->core == NULL || n->paused_until > w->now || !chance(w, 2))
        return;
    world_trace(w, "%u: node%u: its mover ends", (unsigned)w->now, n->index);
    sim_mover_crash(&g->mover);
    g->first = g->last = NULL;
    while ((m = next) != NULL) {
        next = m->next;
        if (moved_is_last(m->type)) {
            m->type = MESSAGE_MOVED_DONE;
            buf_clear(&m->payload);
            buf_init(&m->payload, w->alloc, FRAME_PAYLOAD_MAX);
            put_moved_done(&m->payload, ERR_IO);
            tell_moved(w, n, m);
        }
        moved_free(w, m);
    }
    sim_node_event(w, n, &ev);
}

static bool is_lost(void *ctx)
{
    return chance(ctx, 2);
}

/* What the mover was about to answer. */
static void drop_answers(struct world *w, struct sim_node *n)
{
    struct sim_moved *m;

    while ((m = take_by(&n->moving, INT64_MAX)) != NULL)
        moved_free(w, m);
}

void sim_objects_node_clear(struct world *w, struct sim_node *n)
{
    if (!n->moving.made)
        return;
    drop_answers(w, n);
    sim_mover_clear(&n->moving.mover);
    sim_mover_clear(&n->moving.image);
}

/* --- what goes wrong with their disks --- */

static void one_less(struct world *w, struct sim_thing *t)
{
    t->copies_left -= t->copies_left > 0;
    if (t->copies_left > 0 && !sim_objects_survives(w, t))
        world_fail(w, G2, "an object is lost with fewer disks than its put was told to survive",
                   UINT32_MAX, UINT32_MAX);
}

/* What a node found right counts as right for limits.sound_us, and longer where it took long to
 * look at it, as while a node stands still. */
void sim_objects_mapped(const struct world *w, struct sim_node *n)
{
    if (w->now - n->moving.rotted > (int64_t)n->limits.sound_us + SLOW_LOOK_US)
        sim_mover_forget(&n->moving.mover);
}

bool sim_objects_rot(struct world *w, struct sim_node *n)
{
    struct digest name;

    if (!n->moving.made || n->dead_for_good || w->stuff.rots >= ROTS_MAX || chance(w, 3))
        return false;
    sim_objects_mapped(w, n);
    if (!sim_mover_rot(&n->moving.mover, prng_u64(&w->stuff.prng), &name))
        return false;
    n->moving.rotted = w->now;
    w->stuff.rots++;
    for (uint32_t i = 0; i < w->stuff.things_count; i++)
        if (digest_equal(w->stuff.things[i].name, name)) {
            world_trace(w, "%u: node%u: thing %u rots", (unsigned)w->now, n->index, i);
            one_less(w, &w->stuff.things[i]);
        }
    return true;
}

void sim_objects_crash(struct world *w, struct sim_node *n, bool power)
{
    if (!n->moving.made)
        return;
    drop_answers(w, n);
    sim_mover_crash(&n->moving.mover);
    /* The next process knows of nothing that it is right. */
    sim_mover_forget(&n->moving.mover);
    if (power)
        sim_mover_power(&n->moving.mover, is_lost, w);
    if (sim_plan_has(w, FAULT_ROT))
        (void)sim_objects_rot(w, n); /* of what nobody has looked at when the next one begins */
}

void sim_objects_disk_copied(struct sim_node *n)
{
    if (!n->moving.made)
        return;
    n->moving.has_image = sim_mover_copy(&n->moving.image, &n->moving.mover) == 0;
}

void sim_objects_disk_lost(struct world *w, struct sim_node *n, bool to_image)
{
    if (!n->moving.made)
        return;
    sim_mover_clear(&n->moving.mover);
    sim_mover_init(&n->moving.mover, w->alloc, UINT64_MAX);
    if (to_image && n->moving.has_image)
        (void)sim_mover_copy(&n->moving.mover, &n->moving.image);
    sim_mover_crash(&n->moving.mover);
}

bool sim_objects_survives(const struct world *w, const struct sim_thing *t)
{
    for (uint32_t i = 0; i < w->plan.nodes; i++)
        if (!w->nodes[i].dead_for_good && sim_mover_has(&w->nodes[i].moving.mover, t->name))
            return true;
    return false;
}

void sim_objects_lost(struct world *w)
{
    w->stuff.losses++;
    w->stuff.lost_at = w->now;
    for (uint32_t i = 0; i < w->stuff.things_count; i++)
        one_less(w, &w->stuff.things[i]);
}

/* --- the end --- */

static bool carriers_are_done(const struct world *w)
{
    for (uint32_t i = 0; i < w->stuff.carriers_count; i++)
        if (!w->stuff.carriers[i].done)
            return false;
    return true;
}

/* Whoever asks for it at any node must get it. */
static bool is_to_be_got(const struct world *w, const struct sim_thing *t)
{
    return t->acknowledged && !t->remove_asked && sim_objects_survives(w, t);
}

/* Any; where there is hardly room, one that need not make any. */
static uint32_t who_is_asked(struct world *w, const struct sim_thing *t)
{
    uint32_t from = (uint32_t)below(w, w->plan.nodes);

    for (uint32_t i = 0; i < w->plan.nodes; i++) {
        uint32_t at = (from + i) % w->plan.nodes;

        if (sim_node_is_up(w, at) &&
            (!w->stuff.tight || sim_mover_has(&w->nodes[at].moving.mover, t->name)))
            return at;
    }
    return SIM_NODES_MAX;
}

static void ask_for_all(struct world *w)
{
    w->stuff.asked = true;
    sim_collect_things(w);
    for (uint32_t i = 0; i < w->stuff.things_count; i++)
        if (is_to_be_got(w, &w->stuff.things[i]))
            sim_carrier_add(w, CARRIER_GETS, i, who_is_asked(w, &w->stuff.things[i]), UINT32_MAX,
                            0);
}

/* NULL: nothing is wrong. */
static const char *misplaced(const struct world *w, const struct sim_thing *t)
{
    uint32_t up = 0, whole = 0, kept = 0;
    struct node_object o;

    for (uint32_t i = 0; i < w->plan.nodes; i++) {
        if (!sim_node_is_up(w, i))
            continue;
        up++;
        if (!node_object(w->nodes[i].core, t->name, &o))
            continue;
        kept += o.kept;
        whole += o.kept && sim_mover_has(&w->nodes[i].moving.mover, t->name);
    }
    if (t->removed && !t->put_late && t->removed_losses == w->stuff.losses && kept > 0 &&
        !sim_collect_reads(w, t))
        return "an object that was removed is kept in the end";
    if (!is_to_be_got(w, t))
        return t->acknowledged && !t->remove_asked && t->copies_left > 0
                   ? "an object is lost that disks had to spare for"
                   : NULL;
    if (kept == 0 && t->copies_left > 0)
        return "an object that was promised is kept by nobody in the end";
    /* What only those have who happen to is a copy for nobody. */
    if (w->stuff.tight || kept == 0)
        return NULL;
    /* With many of them it may be long until what rots is found; and in a lasting run a node may
     * just have looked at all of them, and does so again in hours. */
    whole += t->made || w->plan.lasting ? w->stuff.rots : 0;
    return whole < (up < 3 ? up : 3) ? "an object has too few copies in the end" : NULL;
}

/* Somebody is to keep it, and no disk has all of it: as long as that is so those are asked that may
 * have it. */
static bool is_sought(const struct world *w, const struct sim_thing *t)
{
    struct node_object o;
    bool kept = false;

    for (uint32_t i = 0; i < w->plan.nodes; i++) {
        if (!sim_node_is_up(w, i))
            continue;
        kept |= node_object(w->nodes[i].core, t->name, &o) && o.kept;
        if (sim_mover_has(&w->nodes[i].moving.mover, t->name))
            return false;
    }
    return kept;
}

static const char *left_over(const struct world *w)
{
    uint32_t sought = 0;

    for (uint32_t i = 0; i < w->stuff.things_count; i++)
        sought += is_sought(w, &w->stuff.things[i]);
    for (uint32_t i = 0; i < w->plan.nodes; i++) {
        struct node_objects o;

        if (!sim_node_is_up(w, i))
            continue;
        o = node_objects(w->nodes[i].core);
        if (o.puts + o.gets + o.waits + o.asks > 0 || o.fetches > sought)
            return "something about objects is under way that nobody waits for";
        if (o.bytes > w->stuff.bytes_max)
            return "a node has more bytes of objects than it may";
    }
    return NULL;
}

/* What is still to come; NULL: all is as it should be. */
static const char *outstanding(struct world *w)
{
    const char *what = NULL;

    if (!carriers_are_done(w))
        return w->stuff.asked ? "an object that is there cannot be got"
                              : "somebody who puts, gets or removes an object comes to no end";
    if (!w->stuff.asked) {
        ask_for_all(w);
        return "objects are being asked for";
    }
    for (uint32_t i = 0; i < w->stuff.things_count && what == NULL; i++)
        what = misplaced(w, &w->stuff.things[i]);
    if (what == NULL)
        what = sim_collect_outstanding(w);
    return what != NULL ? what : left_over(w);
}

/* For whoever replays it. */
static void trace_things(const struct world *w)
{
    struct node_object o;
    bool has;

    for (uint32_t t = 0; t < w->stuff.things_count; t++)
        for (uint32_t i = 0; i < w->plan.nodes; i++) {
            if (!sim_node_is_up(w, i))
                continue;
            has = node_object(w->nodes[i].core, w->stuff.things[t].name, &o);
            world_trace(w, "node%u: thing %u is %s%s%s; its disk has %s", i, t,
                        has ? "there" : "not there", has && o.whole ? ", whole" : "",
                        o.removed       ? ", removed"
                        : has && o.kept ? ", kept"
                                        : "",
                        sim_mover_has(&w->nodes[i].moving.mover, w->stuff.things[t].name)
                            ? "all of it"
                            : "not");
        }
}

/* Also what jobs have made. */
static uint32_t most_objects(const struct world *w)
{
    uint32_t most = 0;

    for (uint32_t i = 0; i < w->plan.nodes; i++) {
        uint32_t count = sim_mover_whole(&w->nodes[i].moving.mover);

        most = count > most ? count : most;
    }
    return most;
}

bool sim_objects_over(struct world *w)
{
    struct sim_stuff *s = &w->stuff;
    int64_t ended = w->healed_at;
    const char *what;

    if (!sim_objects_now(w) || s->over || w->failed)
        return true;
    if (!w->healed || w->now < s->look_at)
        return false;
    s->look_at = w->now + LOOK_US;
    /* One that nobody is left to run waits for somebody, and is not waited for. */
    if (!sim_collect_ended(w, &ended)) {
        s->ran_at = w->now;
        ended = w->healed_at + sim_plan_work_us(w) + OVER_US;
        if (w->now < ended)
            return false;
    }
    /* One that had ended may have begun anew with another disk. */
    s->limit = (s->ran_at > ended ? s->ran_at : ended) + OVER_US;
    /* What has changed and nobody reads is found when its turn comes. */
    if (s->rots > 0)
        s->limit += (int64_t)most_objects(w) * TURN_US;
    what = outstanding(w);
    s->over = what == NULL;
    if (what != NULL && w->now > s->limit) {
        trace_things(w);
        world_fail(w, G3, what, UINT32_MAX, UINT32_MAX);
    }
    return s->over || w->failed;
}
