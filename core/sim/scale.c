#include "core/sim/scale.h"

#include "core/base/ensure.h"
#include "core/base/err.h"
#include "core/sim/scale_net.h"
#include "core/sim/scale_plan.h"

#define SPREAD_LIMIT_US (3 * S_US)
#define TURN_MEAN_US (30 * MS_US)
#define AFTER_LIMIT_US (200 * S_US)
#define AFTER_LOOK_US (100 * MS_US)
#define SLOW_PERCENT 5
#define STALL_EVERY_US (20 * S_US)

enum watched { WATCH_NOTHING, WATCH_RECOVERING, WATCH_SLOTS };

struct samples {
    int64_t *list;
    uint32_t count, cap;
};

struct scale {
    struct scale_net net;
    struct scale_result *result;
    const struct scale_options *options;
    struct scale_plan plan;
    const char *experiment;
    struct prng prng;
    enum watched watched;
    uint32_t subject; /* of what is watched */
    uint32_t value;
    uint32_t knowing; /* nodes that have it */
    bool busy;        /* slots change all the time */
    uint64_t false_suspicions, false_deaths;
    struct samples first, last;
};

/* --- time --- */

static void report(const struct scale *s)
{
    if (s->options->progress != NULL)
        s->options->progress(s->options->ctx, s->experiment, s->net.now_us - SCALE_START_US,
                             s->net.events_count);
}

static void run(struct scale *s, int64_t us)
{
    for (; us > S_US; us -= S_US) {
        scale_net_run(&s->net, S_US);
        report(s);
    }
    scale_net_run(&s->net, us);
}

/* --- samples --- */

static void sample(struct scale *s, struct samples *to, int64_t us)
{
    uint32_t cap = to->cap > 0 ? to->cap * 2 : 1024;
    void *list = to->list;

    if (to->count == to->cap) {
        if (alloc_grow(s->net.given, &list, to->cap, cap, sizeof *to->list) < 0) {
            s->net.queue.out_of_memory = true;
            return;
        }
        to->list = list;
        to->cap = cap;
    }
    to->list[to->count++] = us;
}

/* Shell's way; a sample below 0 never came to an end and counts as the latest of all. */
static void sort(int64_t *list, uint32_t count)
{
    for (uint32_t gap = count / 2; gap > 0; gap = gap == 2 ? 1 : gap * 5 / 11)
        for (uint32_t i = gap; i < count; i++) {
            int64_t us = list[i];
            uint32_t k = i;
            for (; k >= gap && (uint64_t)list[k - gap] > (uint64_t)us; k -= gap)
                list[k] = list[k - gap];
            list[k] = us;
        }
}

static void summarize(struct samples *from, struct scale_times *t)
{
    uint32_t count = from->count;

    *t = (struct scale_times){.count = count};
    sort(from->list, count);
    for (uint32_t i = 0; i < count; i++)
        t->missing += from->list[i] < 0;
    if (count > 0) {
        t->p50_us = from->list[(count - 1) / 2];
        t->p99_us = from->list[((uint64_t)count * 99 + 99) / 100 - 1];
        t->most_us = from->list[count - 1];
    }
    from->count = 0;
}

/* --- what the nodes say --- */

static bool is_live(enum node_state state)
{
    return state == NODE_ALIVE || state == NODE_SUSPECT || state == NODE_AWAY;
}

static void on_changed(void *ctx, struct scale_node *at, const struct member *m,
                       enum node_state before)
{
    struct scale *s = ctx;
    struct scale_node *of = &s->net.nodes[scale_net_index(m->info->id)];
    bool gone = of->life != SCALE_UP;
    int64_t now_us = s->net.now_us;

    at->live = at->live + is_live(m->state) - is_live(before);
    if (at->live == s->net.count - 1 && at->known_us < 0 && s->watched == WATCH_NOTHING)
        at->known_us = now_us;
    if (m->state == NODE_SUSPECT && before != NODE_SUSPECT) {
        s->false_suspicions += !gone;
        if (gone && of->suspect_us < 0)
            of->suspect_us = now_us;
    }
    if (m->state == NODE_DEAD) {
        s->false_deaths += !gone;
        of->deads += gone;
        of->dead_us = now_us;
    }
}

static void on_load(void *ctx, struct scale_node *at, const struct member *m)
{
    struct scale *s = ctx;
    uint32_t value = s->watched == WATCH_RECOVERING ? m->info->recovering : m->busy;

    if (s->watched == WATCH_NOTHING || scale_net_index(m->info->id) != s->subject ||
        value != s->value || at->known_us >= 0)
        return;
    at->known_us = s->net.now_us;
    s->knowing++;
}

static void set_load(struct scale *s, struct scale_node *node, uint32_t load)
{
    node->load = load;
    mesh_set_load(node->mesh, load, 0, (struct instant){s->net.now_us});
    scale_net_settle(&s->net, node);
}

/* Slots of a busy node are taken and become free in turn. */
static void on_turn(void *ctx, struct scale_node *node)
{
    struct scale *s = ctx;

    if (!s->busy)
        return;
    set_load(s, node, (node->load + 1 + (uint32_t)prng_below(&s->prng, 4)) % 5);
    scale_net_turn(&s->net, node->index,
                   TURN_MEAN_US / 2 + (int64_t)prng_below(&s->prng, (uint64_t)TURN_MEAN_US));
}

/* --- loads --- */

static void load_begin(struct scale *s, struct scale_load *load)
{
    load->us = s->net.now_us;
    for (uint32_t i = 0; i < s->net.count; i++)
        s->net.nodes[i].frames = s->net.nodes[i].bytes = 0;
}

static void load_end(struct scale *s, struct scale_load *load)
{
    load->us = s->net.now_us - load->us;
    load->node_us = (uint64_t)load->us * s->net.count;
    for (uint32_t i = 0; i < s->net.count; i++) {
        const struct scale_node *node = &s->net.nodes[i];
        load->frames += node->frames;
        load->bytes += node->bytes;
        load->most_frames = node->frames > load->most_frames ? node->frames : load->most_frames;
        load->most_bytes = node->bytes > load->most_bytes ? node->bytes : load->most_bytes;
    }
    for (uint32_t i = 0; i < s->net.conns.count; i++)
        load->links += s->net.conns.list[i].open[0] + s->net.conns.list[i].open[1];
}

/* --- the experiments --- */

static bool all_know_all(const struct scale *s)
{
    for (uint32_t i = 0; i < s->net.count; i++)
        if (s->net.nodes[i].live != s->net.count - 1)
            return false;
    return true;
}

/* Those that are not there yet start within a second. */
static void join(struct scale *s)
{
    uint32_t known = s->plan.known, i;
    int64_t limit_us;

    if (known > 0) {
        scale_net_start_known(&s->net, known);
        run(s, s->plan.settle_us);
    }
    limit_us = s->net.now_us + s->plan.join_limit_us;
    load_begin(s, &s->result->joining);
    for (i = known; i < s->net.count; i++)
        scale_net_start(&s->net, i, 0, i == 0 ? 0 : (int64_t)prng_below(&s->prng, S_US));
    for (i = 1; !scale_net_out_of_memory(&s->net) && s->net.now_us < limit_us && !all_know_all(s);
         i++) {
        run(s, 10 * MS_US);
        if (i % 100 == 0)
            report(s);
    }
    for (i = known; i < s->net.count; i++) {
        const struct scale_node *node = &s->net.nodes[i];
        sample(s, &s->first, node->known_us < 0 ? -1 : node->known_us - node->start_us);
    }
    summarize(&s->first, &s->result->join);
    load_end(s, &s->result->joining);
    run(s, s->plan.settle_us);
}

static void idle(struct scale *s)
{
    load_begin(s, &s->result->idle);
    run(s, s->plan.idle_us);
    load_end(s, &s->result->idle);
}

static void spread_once(struct scale *s, enum watched watched)
{
    struct scale_node *node = &s->net.nodes[prng_below(&s->prng, s->net.count)];
    int64_t start_us = s->net.now_us, limit_us = start_us + SPREAD_LIMIT_US;
    struct instant now = {start_us};

    for (uint32_t i = 0; i < s->net.count; i++)
        s->net.nodes[i].known_us = -1;
    s->watched = watched;
    s->subject = node->index;
    s->knowing = 0;
    if (watched == WATCH_RECOVERING) {
        s->value = !mesh_self(node->mesh)->recovering;
        mesh_set_recovering(node->mesh, s->value, now);
        scale_net_settle(&s->net, node);
    } else {
        s->value = node->load + 1;
        set_load(s, node, s->value);
    }
    while (!scale_net_out_of_memory(&s->net) && s->knowing + 1 < s->net.count &&
           scale_net_step(&s->net, limit_us))
        ;
    s->watched = WATCH_NOTHING;
    for (uint32_t i = 0; i < s->net.count; i++)
        if (i != node->index)
            sample(s, &s->first,
                   s->net.nodes[i].known_us < 0 ? -1 : s->net.nodes[i].known_us - start_us);
    run(s, S_US);
}

static void spread(struct scale *s, enum watched watched, struct scale_times *t)
{
    for (uint32_t round = 0; round < s->plan.spread_rounds; round++)
        spread_once(s, watched);
    summarize(&s->first, t);
}

static bool knows_all_loads(const struct scale *s, const struct scale_node *node)
{
    for (uint32_t i = 0; i < mesh_count(node->mesh); i++) {
        const struct member *m = mesh_at(node->mesh, i);
        if (m->busy != s->net.nodes[scale_net_index(m->info->id)].load)
            return false;
    }
    return true;
}

/* How long after the last change each node has what all others said last. */
static void busy_after(struct scale *s)
{
    int64_t start_us = s->net.now_us;
    uint32_t left = s->net.count;

    for (uint32_t i = 0; i < s->net.count; i++)
        s->net.nodes[i].known_us = -1;
    while (!scale_net_out_of_memory(&s->net) && left > 0 &&
           s->net.now_us < start_us + AFTER_LIMIT_US) {
        run(s, AFTER_LOOK_US);
        for (uint32_t i = 0; i < s->net.count; i++) {
            struct scale_node *node = &s->net.nodes[i];
            if (node->known_us < 0 && knows_all_loads(s, node)) {
                node->known_us = s->net.now_us - start_us;
                left--;
            }
        }
    }
    for (uint32_t i = 0; i < s->net.count; i++)
        sample(s, &s->first, s->net.nodes[i].known_us);
    summarize(&s->first, &s->result->busy_after);
}

static void busy(struct scale *s)
{
    s->busy = true;
    for (uint32_t i = 0; i < s->net.count; i++)
        scale_net_turn(&s->net, i, (int64_t)prng_below(&s->prng, (uint64_t)s->plan.busy_begin_us));
    run(s, s->plan.busy_warm_us);
    load_begin(s, &s->result->busy);
    run(s, s->plan.busy_us);
    load_end(s, &s->result->busy);
    s->busy = false;
    if (s->plan.busy_after)
        busy_after(s);
    else
        run(s, S_US);
}

/* Some that are up, not the first node, whose address all have. */
static uint32_t choose(struct scale *s, uint32_t *victims, uint32_t max)
{
    uint32_t want = s->net.count / 16, count = 0;

    want = want == 0 ? 1 : want > max ? max : want;
    while (count < want) {
        uint32_t i = 1 + (uint32_t)prng_below(&s->prng, s->net.count - 1), k = 0;
        while (k < count && victims[k] != i)
            k++;
        if (k == count)
            victims[count++] = i;
    }
    for (uint32_t k = 0; k < count; k++) {
        s->net.nodes[victims[k]].suspect_us = -1;
        s->net.nodes[victims[k]].deads = 0;
    }
    return count;
}

/* Some stop, in one way or the other; after all took them for dead they start again. */
static void stop_once(struct scale *s, bool refused)
{
    uint32_t victims[SCALE_VICTIMS_MAX];
    uint32_t count = choose(s, victims, s->plan.victims);
    int64_t start_us;

    run(s, (int64_t)prng_below(&s->prng, 2 * S_US));
    start_us = s->net.now_us;
    for (uint32_t k = 0; k < count; k++) {
        if (refused)
            scale_net_kill(&s->net, victims[k]);
        else
            scale_net_silence(&s->net, victims[k]);
    }
    run(s, refused ? s->plan.refused_us : s->plan.silent_us);
    for (uint32_t k = 0; k < count; k++) {
        const struct scale_node *node = &s->net.nodes[victims[k]];
        bool everywhere = node->deads >= s->net.count - count;
        sample(s, &s->first, node->suspect_us < 0 ? -1 : node->suspect_us - start_us);
        sample(s, &s->last, everywhere ? node->dead_us - start_us : -1);
        scale_net_start(&s->net, victims[k], 0, (int64_t)prng_below(&s->prng, S_US));
    }
    s->result->back = (struct scale_load){0};
    load_begin(s, &s->result->back);
    run(s, s->plan.back_us);
    load_end(s, &s->result->back);
}

static void stop(struct scale *s, uint32_t rounds, bool refused)
{
    uint32_t each = s->net.count < 32 ? 1 : s->net.count / 16;
    struct scale_times unused;

    if (rounds == 0)
        rounds = each > s->plan.victims ? 1 : s->plan.victims / each;
    s->net.conns.slow_percent = refused ? 0 : SLOW_PERCENT;
    for (uint32_t round = 0; round < rounds && !scale_net_out_of_memory(&s->net); round++)
        stop_once(s, refused);
    s->net.conns.slow_percent = 0;
    summarize(&s->first, refused ? &s->result->refused : &s->result->suspected);
    summarize(&s->last, refused ? &unused : &s->result->dead);
}

static void unrest(struct scale *s, int64_t us)
{
    uint64_t suspicions = s->false_suspicions, deaths = s->false_deaths;

    s->net.conns.slow_percent = SLOW_PERCENT;
    s->net.stall_every_us = STALL_EVERY_US;
    scale_net_stalls(&s->net);
    run(s, us);
    s->net.conns.slow_percent = 0;
    s->net.stall_every_us = 0;
    /* A suspicion of the last moment becomes a death now or not at all. */
    run(s, s->plan.silent_us);
    s->result->unrest_node_us = (uint64_t)us * s->net.count;
    s->result->false_suspicions = s->false_suspicions - suspicions;
    s->result->false_deaths = s->false_deaths - deaths;
}

/* One after another; once memory is out, some nodes may be missing, and nothing more is done. */
static void all(struct scale *s)
{
    static const char *const names[] = {"join", "idle",   "rumor",   "slot",
                                        "busy", "silent", "refused", "unrest"};
    uint32_t rounds = s->options->rounds;

    for (unsigned step = 0; step < 8 && !scale_net_out_of_memory(&s->net); step++) {
        s->experiment = names[step];
        report(s);
        switch (step) {
        case 0:
            join(s);
            break;
        case 1:
            idle(s);
            break;
        case 2:
            spread(s, WATCH_RECOVERING, &s->result->rumor);
            break;
        case 3:
            spread(s, WATCH_SLOTS, &s->result->slot);
            break;
        case 4:
            busy(s);
            break;
        case 5:
            stop(s, rounds, false);
            break;
        case 6:
            stop(s, rounds, true);
            break;
        default:
            unrest(s, s->plan.unrest_us);
            break;
        }
    }
}

int scale_run(const struct alloc *a, const struct scale_options *o, struct scale_result *r)
{
    struct scale *s = alloc_zeroed(a, sizeof *s);
    bool out_of_memory;
    int rc;

    ensure(o->nodes >= SCALE_NODES_MIN && o->nodes <= SCALE_NODES_MAX);
    *r = (struct scale_result){.nodes = o->nodes, .shortened = o->nodes > SCALE_WHOLE_MAX};
    if (s == NULL)
        return ERR_NO_MEMORY;
    s->result = r;
    s->options = o;
    s->plan = scale_plan_of(o->nodes);
    if (o->unrest_us > 0)
        s->plan.unrest_us = o->unrest_us;
    prng_init(&s->prng, o->seed);
    rc = scale_net_open(&s->net, a, o->nodes, prng_u64(&s->prng));
    s->net.ctx = s;
    s->net.changed = on_changed;
    s->net.load = on_load;
    s->net.turn = on_turn;
    if (rc == 0)
        all(s);
    r->events = s->net.events_count;
    r->virtual_us = s->net.now_us - SCALE_START_US;
    r->memory_bytes = s->net.bytes_most;
    out_of_memory = rc < 0 || scale_net_out_of_memory(&s->net);
    if (rc == 0)
        ensure(scale_net_close(&s->net));
    alloc_free(a, s->first.list, s->first.cap * sizeof *s->first.list);
    alloc_free(a, s->last.list, s->last.cap * sizeof *s->last.list);
    alloc_free(a, s, sizeof *s);
    return out_of_memory ? ERR_NO_MEMORY : 0;
}
