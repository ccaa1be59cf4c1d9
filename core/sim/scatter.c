#include "core/sim/scatter.h"

#include "core/base/ensure.h"
#include "core/base/err.h"
#include "core/sim/scatter_net.h"
#include "core/wire/message.h"
#include "core/wire/request.h"

#define SETTLE_US (8 * S_US) /* until links stand */
#define REST_US (3 * S_US)
#define PATIENCE_US (60 * S_US) /* beyond four times what would be ideal */
#define SEVERAL 4
#define INTERVAL_MS 1000
#define KILLED_MAX 16 /* all hear of each: more of them cost time, and show nothing more */

/* The user of one job. */
struct asker {
    uint32_t node;
    int64_t submitted_us, safe_us, told_us; /* the latter two 0: not yet */
    bool right;
};

struct scatter {
    struct scatter_net net;
    const struct scatter_options *options;
    struct scatter_run *run;
    struct prng prng;
    struct asker askers[SCATTER_JOBS_MAX];
    uint32_t first;           /* job of the present run */
    uint64_t computed_before; /* leaves, when it began */
};

static void report(const struct scatter *s, const char *name)
{
    if (s->options->progress != NULL)
        s->options->progress(s->options->ctx, name, s->net.now_us - SCATTER_START_US,
                             s->net.events_count);
}

/* --- users --- */

static void submit(struct scatter *s, uint32_t job)
{
    struct asker *u = &s->askers[job];

    u->submitted_us = s->net.now_us;
    scatter_net_user(&s->net, u->node, job);
    scatter_net_ask(&s->net, u->node, job, MESSAGE_REQUEST_SUBMIT,
                    buf_bytes(&s->net.jobs[job].signed_spec));
}

static void watch(struct scatter *s, uint32_t job)
{
    const struct request_watch m = {.job = s->net.jobs[job].id, .interval_ms = INTERVAL_MS};
    uint8_t bytes[64];
    struct buf b;

    buf_init_fixed(&b, bytes, sizeof bytes);
    put_request_watch(&b, &m);
    scatter_net_ask(&s->net, s->askers[job].node, job, MESSAGE_REQUEST_WATCH, buf_bytes(&b));
}

static void on_turn(void *ctx, uint32_t job)
{
    struct scatter *s = ctx;

    if (s->askers[job].submitted_us == 0)
        submit(s, job);
    else
        watch(s, job);
}

/* A core is at its step: what the user does next is an event of its own. */
static void on_told(void *ctx, uint32_t job, uint8_t type, struct bytes payload)
{
    struct scatter *s = ctx;
    struct asker *u = &s->askers[job];
    struct job_view v;

    if (type == MESSAGE_REPLY_SUBMITTED) {
        u->safe_us = s->net.now_us;
        scatter_net_turn(&s->net, job, 0);
    } else if (type != MESSAGE_REPLY_JOB || read_job_view(payload, &v) < 0) {
        s->net.wrong = "a user was told something else than the state of the job";
    } else if (job_state_is_final(v.state) && u->told_us == 0) {
        u->told_us = s->net.now_us;
        u->right = v.state == JOB_DONE && digest_equal(v.digest, s->net.jobs[job].digest);
        s->run->told++;
        s->run->right += u->right;
    }
}

/* --- what it could take, and what it took --- */

static double leaves_per_us(const struct scatter_net *n)
{
    double sum = 0;

    for (uint32_t i = 0; i < n->count; i++)
        if (n->nodes[i].up)
            sum += (double)n->slots / (double)n->nodes[i].leaf_us;
    return sum;
}

static uint32_t coordinator_of(const struct scatter_net *n)
{
    uint32_t best = 0;

    for (uint32_t i = 1; i < n->count; i++)
        if (n->nodes[i].traffic.got[MESSAGE_REPORT] > n->nodes[best].traffic.got[MESSAGE_REPORT])
            best = i;
    return best;
}

static struct scatter_load load_of(const struct scatter_node *node, double seconds)
{
    struct scatter_load l = {0};

    for (uint32_t t = MESSAGE_DIRECTORY; t < SCATTER_TYPES; t++) {
        l.frames += node->traffic.sent[t];
        l.got_frames += node->traffic.got[t];
    }
    l.frames /= seconds;
    l.got_frames /= seconds;
    l.bytes = (double)node->traffic.job_bytes / seconds;
    return l;
}

static void add_load(struct scatter_run *r, const struct scatter_load *l, double share)
{
    r->mean.frames += l->frames * share;
    r->mean.bytes += l->bytes * share;
    r->mean.got_frames += l->got_frames * share;
    r->most.frames = l->frames > r->most.frames ? l->frames : r->most.frames;
    r->most.bytes = l->bytes > r->most.bytes ? l->bytes : r->most.bytes;
    r->most.got_frames = l->got_frames > r->most.got_frames ? l->got_frames : r->most.got_frames;
}

static void measure(struct scatter *s, struct scatter_run *r)
{
    const struct scatter_net *n = &s->net;
    double seconds = (double)r->took_us / 1e6;
    uint32_t first = coordinator_of(n);

    r->coordinator = load_of(&n->nodes[first], seconds);
    r->reports = n->nodes[first].traffic.got[MESSAGE_REPORT] / seconds;
    r->grants = n->nodes[first].traffic.sent[MESSAGE_GRANT] / seconds;
    for (uint32_t i = 0; i < n->count; i++) {
        const struct scatter_traffic *t = &n->nodes[i].traffic;
        struct scatter_load l = load_of(&n->nodes[i], seconds);

        for (uint32_t type = 0; type < MESSAGE_DIRECTORY; type++)
            r->mesh_frames += t->sent[type] / seconds / n->count;
        r->mesh_bytes += (double)t->mesh_bytes / seconds / n->count;
        if (i != first && n->nodes[i].up)
            add_load(r, &l, 1.0 / n->count);
    }
    r->computed = n->computed_leaves - s->computed_before;
}

static void traffic_reset(struct scatter *s)
{
    for (uint32_t i = 0; i < s->net.count; i++)
        s->net.nodes[i].traffic = (struct scatter_traffic){0};
}

/* --- the runs --- */

static void begin(struct scatter *s, uint32_t jobs)
{
    struct scatter_net *n = &s->net;
    uint64_t max = SCATTER_LEAVES_MAX;

    s->first = n->jobs_count;
    s->computed_before = n->computed_leaves;
    for (uint32_t i = 0; i < jobs; i++) {
        uint32_t job = n->jobs_count++;

        sim_job_of_text(&n->jobs[job], &n->own, n->user, job, s->options->job, max);
        n->queue.out_of_memory |= n->jobs[job].signed_spec.failed;
        s->run->leaves += n->jobs[job].leaves;
        do
            s->askers[job].node = (uint32_t)prng_below(&s->prng, n->count);
        while (!n->nodes[s->askers[job].node].up);
        scatter_net_turn(n, job, 0);
    }
    s->run->jobs = jobs;
    s->run->ideal_us = (int64_t)((double)s->run->leaves / leaves_per_us(n));
    traffic_reset(s);
}

/* Until all users know, or the time is long over. */
static void until_told(struct scatter *s, int64_t limit_us)
{
    const struct scatter_net *n = &s->net;
    int64_t begun_us = n->now_us;

    while (!scatter_net_failed(n) && s->run->told < s->run->jobs && n->now_us < limit_us) {
        scatter_net_step(&s->net, limit_us);
        if (n->now_us - begun_us < S_US)
            continue;
        begun_us = n->now_us;
        report(s, s->run->name);
    }
}

static void end(struct scatter *s)
{
    struct scatter_run *r = s->run;

    for (uint32_t job = s->first; job < s->first + r->jobs; job++) {
        const struct asker *u = &s->askers[job];
        int64_t told_us = u->told_us > 0 ? u->told_us : s->net.now_us;

        if (told_us - u->submitted_us > r->took_us)
            r->took_us = told_us - u->submitted_us;
        if (u->safe_us - u->submitted_us > r->told_safe_us)
            r->told_safe_us = u->safe_us - u->submitted_us;
    }
    measure(s, r);
    scatter_net_run(&s->net, REST_US);
}

/* One of a hundred dies, or KILLED_MAX: the coordinator, but not the node whose user waits. What is
 * left to do is then done by fewer slots. */
static void kill_some(struct scatter *s)
{
    struct scatter_net *n = &s->net;
    uint32_t most = n->count / 100 + 1, want = most < KILLED_MAX ? most : KILLED_MAX;
    uint32_t asker = s->askers[s->first].node, node = coordinator_of(n);
    double left = (double)s->run->leaves - (double)(n->computed_leaves - s->computed_before);
    double all;

    all = leaves_per_us(n);
    while (s->run->killed < want) {
        if (node != asker && n->nodes[node].up) {
            scatter_net_kill(n, node);
            s->run->killed++;
        }
        node = (uint32_t)prng_below(&s->prng, n->count);
    }
    s->run->ideal_us += (int64_t)(left / leaves_per_us(n) - left / all);
}

static void run_one(struct scatter *s, uint32_t which)
{
    static const char *const names[SCATTER_RUNS] = {"alone", "killed", "several"};
    int64_t limit_us;

    s->run->name = names[which];
    report(s, names[which]);
    begin(s, which == 2 ? SEVERAL : 1);
    limit_us = s->net.now_us + 4 * s->run->ideal_us + PATIENCE_US;
    if (which == 1) {
        until_told(s, s->net.now_us + s->run->ideal_us / 2);
        kill_some(s);
    }
    until_told(s, limit_us);
    end(s);
}

int scatter_measure(const struct alloc *a, const struct scatter_options *o,
                    struct scatter_result *r)
{
    struct scatter *s = alloc_zeroed(a, sizeof *s);
    bool out_of_memory;
    int rc;

    ensure(o->nodes >= SCALE_NODES_MIN && o->nodes <= SCALE_NODES_MAX);
    *r = (struct scatter_result){.nodes = o->nodes, .slots = SCATTER_SLOTS};
    if (s == NULL)
        return ERR_NO_MEMORY;
    s->options = o;
    prng_init(&s->prng, o->seed);
    rc = scatter_net_open(&s->net, a, o->nodes, SCATTER_SLOTS, prng_u64(&s->prng));
    if (rc < 0) {
        alloc_free(a, s, sizeof *s);
        return rc;
    }
    s->net.ctx = s;
    s->net.told = on_told;
    s->net.turn = on_turn;
    report(s, "start");
    scatter_net_start(&s->net);
    scatter_net_run(&s->net, SETTLE_US);
    for (uint32_t i = 0; i < SCATTER_RUNS && !scatter_net_failed(&s->net); i++) {
        s->run = &r->runs[i];
        run_one(s, i);
    }
    r->wrong = s->net.wrong;
    r->events = s->net.events_count;
    r->virtual_us = s->net.now_us - SCATTER_START_US;
    r->memory_bytes = s->net.bytes_most;
    out_of_memory = s->net.queue.out_of_memory;
    ensure(scatter_net_close(&s->net));
    alloc_free(a, s, sizeof *s);
    return out_of_memory ? ERR_NO_MEMORY : 0;
}
