#include "core/sim/explore_scene.h"

#include <string.h>

#include "core/base/err.h"
#include "core/base/sha256.h"
#include "core/node/peer.h"
#include "core/sim/sim_check.h"
#include "core/sim/sim_kernel.h"

#define LAPSE_QUANTA 40 /* 2 s */
#define WAITS_SHORT 4   /* of a quantum; then lapses */
#define WAITS_HEAL (WAITS_SHORT + 3)
#define WAITS_MAX (WAITS_HEAL + 30) /* a minute, and then it never ends */

/* Beside frames, which begin with their type, these are on the way: */
static const uint8_t signal_up = 255, signal_end = 254, signal_reset = 253;

static uint32_t queue_of(uint32_t from, uint32_t to)
{
    return from * (EXPLORE_NODES - 1) + (to > from ? to - 1 : to);
}

static uint32_t queue_from(uint32_t queue)
{
    return queue / (EXPLORE_NODES - 1);
}

static uint32_t queue_to(uint32_t queue)
{
    uint32_t from = queue_from(queue), at = queue % (EXPLORE_NODES - 1);

    return at >= from ? at + 1 : at;
}

static bool is_blocked(const struct scene *c, uint32_t i, uint32_t k)
{
    return c->blocked >> (i + k - 1) & 1;
}

static const struct part_facts *facts(const struct stage *s, uint32_t node)
{
    return part_facts(&s->parts, s->now.part[node]);
}

/* --- queues --- */

static uint32_t thing(struct stage *s, struct bytes b)
{
    bool is_new;
    uint32_t number = things_put(&s->parts.things, b, &is_new);

    if (s->parts.things.full || s->queue.failed) {
        s->parts.no_memory = true;
        world_fail(s->w, G_NONE, err_sentence(ERR_NO_MEMORY), UINT32_MAX, UINT32_MAX);
    }
    return number;
}

static uint32_t queue_count(const struct stage *s, uint32_t queue)
{
    return (uint32_t)(things_get(&s->parts.things, s->now.queue[queue]).len / 4);
}

static uint32_t queue_at(const struct stage *s, uint32_t queue, uint32_t i)
{
    return load_u32(things_get(&s->parts.things, s->now.queue[queue]).data + (size_t)4 * i);
}

static void queue_add(struct stage *s, uint32_t queue, uint32_t frame)
{
    struct bytes old = things_get(&s->parts.things, s->now.queue[queue]);

    buf_reset(&s->queue);
    put_raw(&s->queue, old.data, old.len);
    put_u32(&s->queue, frame);
    s->now.queue[queue] = thing(s, buf_bytes(&s->queue));
}

static uint32_t queue_take(struct stage *s, uint32_t queue)
{
    struct bytes old = things_get(&s->parts.things, s->now.queue[queue]);
    uint32_t first = load_u32(old.data);

    s->now.queue[queue] = thing(s, (struct bytes){old.data + 4, old.len - 4});
    return first;
}

static uint8_t type_of(const struct stage *s, uint32_t frame)
{
    struct bytes b = things_get(&s->parts.things, frame);

    return b.len == 0 ? 0 : b.data[0];
}

/* Membership and the directory: the search is not about these. */
static bool is_eager(uint8_t type)
{
    return type <= MESSAGE_DIRECTORY;
}

static bool is_signal(uint8_t type)
{
    return type >= signal_reset;
}

static void queue_signal(struct stage *s, uint32_t queue, uint8_t type)
{
    queue_add(s, queue, thing(s, (struct bytes){&type, 1}));
}

/* The beginning or the end of a connection is on its way there. */
static bool has_signal(const struct stage *s, uint32_t queue)
{
    for (uint32_t i = 0; i < queue_count(s, queue); i++)
        if (is_signal(type_of(s, queue_at(s, queue, i))))
            return true;
    return false;
}

/* Something is on its way there that would arrive at once but for what is before it. */
static bool has_eager(const struct stage *s, uint32_t queue)
{
    for (uint32_t i = 0; i < queue_count(s, queue); i++) {
        uint8_t type = type_of(s, queue_at(s, queue, i));

        if (is_signal(type) || is_eager(type))
            return true;
    }
    return false;
}

/* --- what is promised --- */

static uint32_t copies_of(const struct stage *s, bool spec, uint32_t leaf)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < EXPLORE_NODES; i++) {
        const struct part_facts *f = facts(s, i);

        count += spec ? f->spec : f->outcome || (f->leaves >> leaf & 1);
    }
    return count;
}

static void check_durable(struct stage *s, uint32_t node, uint32_t durable)
{
    if (durable == 0)
        world_fail(s->w, G2, "an acknowledgement with durable=0", node, 0);
    else if (copies_of(s, true, 0) < durable)
        world_fail(s->w, G2, "acknowledged before the copies were synced", node, 0);
}

static void check_kept(struct stage *s, uint32_t node, uint32_t to, uint64_t seq)
{
    const struct part_facts *f = facts(s, to);

    for (uint32_t i = 0; i < f->reports; i++)
        for (uint32_t leaf = 0; f->seqs[i] <= seq && leaf < EXPLORE_LEAVES; leaf++)
            if (f->masks[i] >> leaf & 1 && copies_of(s, false, leaf) < (s->now.calm ? 2 : 1))
                world_fail(s->w, G5, "kept is said of leaves that too few disks have", node, 0);
}

static void check_view(struct stage *s, uint32_t node, struct bytes payload)
{
    struct job_view v;

    if (read_job_view(payload, &v) < 0)
        world_fail(s->w, G_NONE, "a view does not read", node, 0);
    else
        sim_check_view(s->w, node, 0, &v);
}

static void check_sent(struct stage *s, uint32_t node, uint32_t to, uint32_t frame)
{
    struct reader r = reader_of(things_get(&s->parts.things, frame));
    struct peer_forwarded m;
    uint8_t type = read_u8(&r);
    struct bytes payload;

    read_u32(&r);
    payload = read_view(&r, reader_left(&r));
    r = reader_of(payload);
    read_job_id(&r);
    if (type == MESSAGE_REPLY_SUBMITTED)
        check_durable(s, node, read_u32(&r));
    else if (type == MESSAGE_FORWARDED && read_peer_forwarded(payload, &m) == 0 && m.exit_code == 0)
        check_durable(s, node, m.durable);
    else if (type == MESSAGE_KEPT && to != EXPLORE_USER)
        check_kept(s, node, to, read_u64(&r));
    else if (type == MESSAGE_REPLY_JOB)
        check_view(s, node, payload);
}

/* --- the network --- */

static void step(struct stage *s, uint32_t node, enum part_event event, uint32_t peer,
                 uint32_t arg);

static void on_send(struct stage *s, uint32_t from, uint32_t to, uint8_t type, uint32_t frame)
{
    uint32_t queue = to == EXPLORE_USER ? 0 : queue_of(from, to);

    check_sent(s, from, to, frame);
    if (to == EXPLORE_USER) {
        s->now.told |= type == MESSAGE_REPLY_SUBMITTED;
        return;
    }
    /* Who has not noticed the end of the old connection sends into nothing. */
    if (!facts(s, to)->runs || has_signal(s, queue_of(to, from)))
        return;
    if (!is_eager(type) || has_eager(s, queue)) {
        queue_add(s, queue, frame);
        return;
    }
    ensure(s->eager_count < EXPLORE_EAGER_MAX);
    s->eager[(s->eager_first + s->eager_count++) % EXPLORE_EAGER_MAX] =
        (struct eager_frame){to, from, frame};
}

static void on_dial(struct stage *s, uint32_t from, uint32_t to, uint32_t dial)
{
    uint32_t out = queue_of(from, to), in = queue_of(to, from);

    if (!facts(s, to)->runs) {
        step(s, from, PART_REFUSED, to, dial);
    } else if (is_blocked(&s->now, from, to)) {
        step(s, from, PART_TIMEOUT, to, dial);
    } else if (facts(s, from)->links >> to & 1 || has_signal(s, in)) {
        step(s, from, PART_OTHER, to, dial);
    } else {
        /* What came over an older connection has nobody to hear it. */
        s->now.queue[in] = 0;
        queue_signal(s, out, signal_up);
        step(s, from, PART_UP, to, dial);
    }
}

static void on_close(struct stage *s, uint32_t from, uint32_t to)
{
    if (to == EXPLORE_USER)
        return;
    s->now.queue[queue_of(to, from)] = 0;
    if (facts(s, to)->runs)
        queue_signal(s, queue_of(from, to), signal_end);
}

static void step(struct stage *s, uint32_t node, enum part_event event, uint32_t peer, uint32_t arg)
{
    uint32_t outs;
    struct bytes all;
    struct part_out o;

    if (s->w->failed)
        return;
    s->now.part[node] = part_step(&s->parts, s->now.part[node], event, peer, arg, &outs);
    all = things_get(&s->parts.things, outs);
    for (size_t at = 0; at < all.len && !s->w->failed; at += sizeof o) {
        memcpy(&o, all.data + at, sizeof o);
        if (o.kind == OUT_SEND)
            on_send(s, node, o.peer, o.type, o.arg);
        else if (o.kind == OUT_DIAL)
            on_dial(s, node, o.peer, o.arg);
        else
            on_close(s, node, o.peer);
    }
}

static void hand_over(struct stage *s, uint32_t queue)
{
    uint32_t frame = queue_take(s, queue), to = queue_to(queue), from = queue_from(queue);
    uint8_t type = type_of(s, frame);

    if (type == signal_up) {
        if (!(facts(s, to)->links >> from & 1))
            step(s, to, PART_UP, from, 0);
    } else if (is_signal(type)) {
        step(s, to, type == signal_end ? PART_ENDED : PART_BROKEN, from, 0);
    } else {
        step(s, to, PART_FRAME, from, frame);
    }
}

/* What arrives at once does, until nothing does. */
static void settle(struct stage *s)
{
    bool more = true;

    while (more && !s->w->failed) {
        more = false;
        while (s->eager_count > 0 && !s->w->failed) {
            struct eager_frame f = s->eager[s->eager_first];

            s->eager_first = (s->eager_first + 1) % EXPLORE_EAGER_MAX;
            s->eager_count--;
            if (facts(s, f.to)->runs)
                step(s, f.to, PART_FRAME, f.from, f.frame);
        }
        for (uint32_t q = 0; q < EXPLORE_QUEUES && !more; q++) {
            uint8_t type = queue_count(s, q) == 0 ? 0 : type_of(s, queue_at(s, q, 0));

            more = type == signal_up || (type > 0 && is_eager(type));
            if (more)
                hand_over(s, q);
        }
    }
    s->eager_count = 0;
}

/* --- choices --- */

static bool is_deliverable(const struct stage *s, uint32_t queue)
{
    return queue_count(s, queue) > 0 && facts(s, queue_to(queue))->runs;
}

static void lapse(struct stage *s, uint32_t quanta)
{
    for (uint32_t i = 0; i < quanta && !s->w->failed; i++)
        for (uint32_t n = 0; n < EXPLORE_NODES; n++)
            if (facts(s, n)->runs) {
                step(s, n, PART_PASS, 0, 0);
                settle(s);
            }
}

static bool choose_tick(struct stage *s, uint32_t node)
{
    const struct part_facts *f = facts(s, node);

    if (!f->runs || f->due_in_us == INT64_MAX)
        return false;
    if (s->now.ticks[node] == 0)
        return false;
    s->now.ticks[node]--;
    step(s, node, PART_TICK, 0, 0);
    return true;
}

static void link_ends(struct stage *s, uint32_t from, uint32_t to, bool lost)
{
    uint32_t queue = queue_of(from, to);
    bool up = facts(s, to)->links >> from & 1;

    if (lost)
        s->now.queue[queue] = 0;
    if (facts(s, to)->runs && (up || has_signal(s, queue)))
        queue_signal(s, queue, signal_reset);
}

/* Early: what it had not synced is lost, and what it had sent arrives. Late: the other way
 * round. */
static bool choose_crash(struct stage *s, uint32_t node, bool late)
{
    if (s->now.crashes == 0 || !facts(s, node)->runs)
        return false;
    s->now.crashes--;
    s->now.calm = s->now.idle = 0;
    for (uint32_t i = 0; i < EXPLORE_NODES; i++)
        if (i != node) {
            link_ends(s, node, i, late);
            s->now.queue[queue_of(i, node)] = 0;
        }
    step(s, node, late ? PART_KILLED_LATE : PART_KILLED, 0, 0);
    return true;
}

static bool choose_cut(struct stage *s, uint8_t ways)
{
    if (s->now.cuts == 0 || ways == 0)
        return false;
    s->now.cuts--;
    s->now.calm = s->now.idle = 0;
    s->now.blocked = ways;
    for (uint32_t q = 0; q < EXPLORE_QUEUES; q++)
        if (is_blocked(&s->now, queue_from(q), queue_to(q)))
            link_ends(s, queue_from(q), queue_to(q), true);
    return true;
}

/* Pings go the way of the other frames: nothing is silent for long while frames are on it. */
static bool choose_lapse(struct stage *s)
{
    bool trouble = s->now.blocked != 0;

    for (uint32_t i = 0; i < EXPLORE_NODES; i++)
        trouble |= !facts(s, i)->runs;
    for (uint32_t q = 0; q < EXPLORE_QUEUES; q++)
        if (is_deliverable(s, q))
            return false;
    if (s->now.lapses == 0 || !trouble)
        return false;
    s->now.lapses--;
    lapse(s, LAPSE_QUANTA);
    return true;
}

static bool is_possible(const struct stage *s, uint32_t choice)
{
    uint32_t node = (choice - CHOICE_SYNC) % EXPLORE_NODES;

    if (choice < CHOICE_SYNC)
        return is_deliverable(s, choice);
    return choice < CHOICE_LEAF ? facts(s, node)->unsynced : facts(s, node)->works;
}

static bool choose_work(struct stage *s, uint32_t choice)
{
    uint32_t node;

    if (!is_possible(s, choice))
        return false;
    if (choice < CHOICE_SYNC) {
        hand_over(s, choice);
        return true;
    }
    node = (choice - CHOICE_SYNC) % EXPLORE_NODES;
    step(s, node, choice < CHOICE_LEAF ? PART_SYNCED : PART_LEAF, 0, 0);
    return true;
}

static bool choose(struct stage *s, uint32_t choice)
{
    if (choice < CHOICE_PROGRESS_END)
        return choose_work(s, choice);
    if (choice < CHOICE_CRASH)
        return choose_tick(s, choice - CHOICE_TICK);
    if (choice < CHOICE_RESTART)
        return choose_crash(s, (choice - CHOICE_CRASH) % EXPLORE_NODES,
                            choice - CHOICE_CRASH >= EXPLORE_NODES);
    if (choice < CHOICE_CUT) {
        if (facts(s, choice - CHOICE_RESTART)->runs)
            return false;
        step(s, choice - CHOICE_RESTART, PART_START, 0, 0);
        return true;
    }
    if (choice < CHOICE_HEAL)
        return choose_cut(s, (uint8_t)(choice - CHOICE_CUT));
    if (choice == CHOICE_LAPSE)
        return choose_lapse(s);
    if (s->now.blocked == 0)
        return false;
    s->now.blocked = 0;
    return true;
}

static void heal(struct stage *s)
{
    s->now.calm = 0;
    s->now.blocked = 0;
    for (uint32_t i = 0; i < EXPLORE_NODES; i++)
        if (!facts(s, i)->runs) {
            step(s, i, PART_START, 0, 0);
            settle(s);
        }
}

static void wait(struct stage *s)
{
    if (s->now.idle == WAITS_MAX) {
        world_fail(s->w, G3, "the job does not end", UINT32_MAX, 0);
        return;
    }
    if (s->now.idle == WAITS_HEAL)
        heal(s);
    lapse(s, s->now.idle < WAITS_SHORT ? 1 : LAPSE_QUANTA);
    s->now.idle++;
}

bool stage_choose(struct stage *s, const struct scene *from, uint32_t choice, struct scene *to)
{
    s->now = *from;
    if (choice == CHOICE_WAIT)
        wait(s);
    else if (!choose(s, choice))
        return false;
    settle(s);
    *to = s->now;
    return true;
}

/* Every disk that has the job has its outcome; or it went with its first holder before anybody had
 * a copy, and nobody was told. */
static bool has_ended(const struct stage *s)
{
    bool all = true;
    uint32_t copies = copies_of(s, true, 0);

    for (uint32_t i = 0; i < EXPLORE_NODES; i++)
        all &= facts(s, i)->outcome || !facts(s, i)->spec;
    return all && (copies > 0 || (!s->now.told && s->now.idle > WAITS_HEAL));
}

bool stage_default(struct stage *s, const struct scene *at, uint32_t *choice)
{
    s->now = *at;
    for (*choice = 0; *choice < CHOICE_PROGRESS_END; ++*choice)
        if (is_possible(s, *choice))
            return true;
    *choice = CHOICE_WAIT;
    return !has_ended(s);
}

void stage_heal(struct stage *s, const struct scene *from, struct scene *to)
{
    s->now = *from;
    s->now.idle = WAITS_HEAL;
    heal(s);
    settle(s);
    *to = s->now;
}

/* --- the beginning --- */

static void make_world(struct world *w)
{
    struct digest d = sha256_of("user", 4);

    w->plan.nodes = EXPLORE_NODES;
    w->plan.jobs = 1;
    memcpy(w->user_id.bytes, d.bytes, ID_SIZE);
    for (uint32_t i = 0; i < EXPLORE_NODES; i++) {
        d = sha256_of(&i, sizeof i);
        w->nodes[i].index = w->nodes[i].machine = i;
        memcpy(w->nodes[i].id.bytes, d.bytes, ID_SIZE);
    }
    sim_job_make(w, 0, false, EXPLORE_LEAVES);
    w->forgetful = true;
    w->jobs[0].computed_us = UINT64_MAX; /* a search has no clock that could tell */
}

int stage_open(struct stage *s, const struct alloc *a, struct world *w,
               const struct explore_scope *scope, struct scene *first)
{
    struct scene c = {.crashes = scope->crashes,
                      .cuts = scope->cuts,
                      .lapses = scope->lapses,
                      .ticks = {scope->ticks, scope->ticks, scope->ticks},
                      .calm = 1};
    uint32_t submit;

    *s = (struct stage){.w = w};
    make_world(w);
    buf_init(&s->queue, a, (size_t)1 << 20);
    if (w->failed || parts_init(&s->parts, a, w, c.part) < 0)
        return ERR_NO_MEMORY;
    s->now = c;
    for (uint32_t i = 0; i < EXPLORE_NODES; i++) {
        step(s, i, PART_START, 0, 0);
        settle(s);
    }
    lapse(s, LAPSE_QUANTA);
    for (uint32_t i = 0; i < EXPLORE_NODES && !w->failed; i++)
        if (facts(s, i)->links != (7u & ~(1u << i)))
            world_fail(w, G7, "the nodes do not meet", i, UINT32_MAX);
    submit = part_frame(&s->parts, MESSAGE_REQUEST_SUBMIT, 1, buf_bytes(&w->jobs[0].signed_spec));
    step(s, 0, PART_UP, EXPLORE_USER, 0);
    step(s, 0, PART_FRAME, EXPLORE_USER, submit);
    settle(s);
    *first = s->now;
    return s->parts.no_memory ? ERR_NO_MEMORY : 0;
}

void stage_close(struct stage *s)
{
    parts_clear(&s->parts);
    buf_clear(&s->queue);
    sim_job_clear(s->w, &s->w->jobs[0]);
}

static void add_number(char *to, size_t cap, uint32_t n)
{
    char digits[24];

    text_of_u64(n, digits);
    text_append(to, cap, digits);
}

void stage_describe(struct stage *s, const struct scene *at, uint32_t choice, char *to, size_t cap)
{
    static const char *const verbs[] = {
        " syncs", " ends a leaf", "'s timer fires", " is killed", " is killed behind its last sync",
        " starts"};

    s->now = *at;
    text_copy(to, cap, "node ");
    if (choice < CHOICE_SYNC) {
        uint8_t type = type_of(s, queue_at(s, choice, 0));

        add_number(to, cap, queue_to(choice));
        text_append(to, cap, " gets ");
        text_append(to, cap,
                    type == signal_end     ? "the end of the link"
                    : type == signal_reset ? "a broken link"
                                           : message_name(type));
        text_append(to, cap, " from ");
        add_number(to, cap, queue_from(choice));
    } else if (choice < CHOICE_CUT) {
        add_number(to, cap, (choice - CHOICE_SYNC) % EXPLORE_NODES);
        text_append(to, cap, verbs[(choice - CHOICE_SYNC) / EXPLORE_NODES]);
    } else if (choice < CHOICE_HEAL) {
        text_copy(to, cap, "no way any more between");
        for (uint32_t i = 0; i < EXPLORE_NODES; i++)
            for (uint32_t k = i + 1; k < EXPLORE_NODES; k++)
                if ((choice - CHOICE_CUT) >> (i + k - 1) & 1) {
                    text_append(to, cap, " ");
                    add_number(to, cap, i);
                    text_append(to, cap, "-");
                    add_number(to, cap, k);
                }
    } else {
        text_copy(to, cap,
                  choice == CHOICE_HEAL    ? "the network heals"
                  : choice == CHOICE_LAPSE ? "two seconds pass"
                                           : "nothing is left to do but wait");
    }
}
