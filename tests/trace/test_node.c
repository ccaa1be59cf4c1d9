/* Stories of a node among others: whole node cores in virtual time, joined by links that take no
 * time, with workers that are ready at once.
 *
 * Most are of a node that stood still, for SIGSTOP or a busy machine. It must not charge others
 * with it: the first thing it does when it goes on may be to look at its timers, long before it
 * reads what came in the meantime. */
#include "core/base/instant.h"
#include "core/base/sha256.h"
#include "core/kernel/kernel.h"
#include "core/node/node.h"
#include "core/wire/message.h"
#include "core/wire/request.h"
#include "core/wire/signed.h"
#include "core/wire/spec.h"
#include "tests/lib/check.h"
#include "tests/lib/heap.h"

#define NODES_MAX 5
#define LINKS_MAX 512
#define USER NODES_MAX
#define WALL_S ((int64_t)1760000000)
#define CERTIFICATE_SIZE (ID_SIZE + 1)
#define LEAVES 64
#define PAUSED 0 /* the node that stands still in every story */

/* Something on its way to a node; it owns its bytes. */
struct coming {
    struct event ev;
    uint8_t bytes[4096];
    size_t len;
    struct coming *next;
};

struct end {
    uint32_t node; /* USER: a command */
    uint64_t other;
    bool open;
};

struct stage {
    struct node *core;
    struct node_id id;
    struct coming *first, *last;
    bool stands_still;
    uint32_t kills;   /* of workers */
    uint32_t running; /* the worker that was given a chunk last */
    struct order_run run;
    struct job_id held[8]; /* jobs it has stored facts of */
    uint32_t held_count;
};

struct story {
    struct heap heap;
    int64_t now;
    uint32_t count;
    struct stage nodes[NODES_MAX];
    struct end ends[LINKS_MAX]; /* by link number */
    uint64_t links;
    uint32_t views, errors; /* what commands were told */
    uint8_t last;           /* type of the last answer */
    struct job_view view;
    struct node_view node;
    struct reply_killed killed;
};

static struct story story;

/* --- signatures: everybody is who the certificate says --- */

static int on_sign(void *ctx, struct bytes text, uint8_t sig[64])
{
    (void)ctx, (void)text;
    memset(sig, 1, 64);
    return 0;
}

static int on_verify(void *ctx, struct bytes certificate, struct bytes text, const uint8_t sig[64],
                     struct signer *signer)
{
    (void)ctx, (void)text, (void)sig;
    memcpy(signer->id.bytes, certificate.data, ID_SIZE);
    signer->party = certificate.data[ID_SIZE];
    signer->not_after_s = INT64_MAX;
    return 0;
}

static int on_introduce(void *ctx, struct bytes certificate, struct signer *signer)
{
    return on_verify(ctx, certificate, (struct bytes){NULL, 0}, NULL, signer);
}

static struct node_id id_of(uint32_t who)
{
    struct node_id id;
    memcpy(id.bytes, sha256_of(&who, sizeof who).bytes, ID_SIZE);
    return id;
}

static struct bytes certificate_of(uint32_t who, uint8_t to[CERTIFICATE_SIZE])
{
    memcpy(to, id_of(who).bytes, ID_SIZE);
    to[ID_SIZE] = who == USER ? PARTY_USER : PARTY_NODE;
    return (struct bytes){to, CERTIFICATE_SIZE};
}

/* --- the world --- */

static struct coming *bring(uint32_t node, enum event_kind kind, struct bytes bytes)
{
    struct stage *s = &story.nodes[node];
    struct coming *c = calloc(1, sizeof *c);
    REQUIRE(c && bytes.len <= sizeof c->bytes);
    c->ev.kind = kind;
    if (bytes.len > 0)
        memcpy(c->bytes, bytes.data, bytes.len);
    c->len = bytes.len;
    if (s->last)
        s->last->next = c;
    else
        s->first = c;
    s->last = c;
    return c;
}

static void bring_up(uint32_t node, uint64_t link, uint32_t dial)
{
    uint8_t certificate[CERTIFICATE_SIZE];
    uint32_t other = story.ends[story.ends[link].other].node;
    struct coming *c = bring(node, EVENT_LINK_UP, certificate_of(other, certificate));
    c->ev.link_up.link = link;
    c->ev.link_up.dial = dial;
    c->ev.link_up.party = other == USER ? PARTY_USER : PARTY_NODE;
    c->ev.link_up.id = id_of(other);
    story.ends[link].open = true;
}

static uint64_t join(uint32_t a, uint32_t b)
{
    REQUIRE(story.links + 2 < LINKS_MAX);
    uint64_t first = ++story.links, second = ++story.links;
    story.ends[first] = (struct end){.node = a, .other = second, .open = true};
    story.ends[second] = (struct end){.node = b, .other = first, .open = true};
    return first;
}

static void bring_frame(uint32_t node, uint64_t link, uint8_t type, uint32_t request,
                        struct bytes payload)
{
    struct coming *c = bring(node, EVENT_FRAME, payload);
    c->ev.frame.link = link;
    c->ev.frame.frame.type = type;
    c->ev.frame.frame.request = request;
}

static void worker_says(uint32_t node, uint32_t worker, uint8_t type, struct bytes payload)
{
    struct coming *c = bring(node, EVENT_WORKER_FRAME, payload);
    c->ev.worker_frame.worker = worker;
    c->ev.worker_frame.frame.type = type;
}

static void hear(uint8_t type, struct bytes payload)
{
    struct reply_error e;
    story.last = type;
    if (type == MESSAGE_REPLY_JOB) {
        story.views++;
        CHECK_INT(read_job_view(payload, &story.view), 0);
    } else if (type == MESSAGE_REPLY_NODE) {
        CHECK_INT(read_node_view(payload, &story.node), 0);
    } else if (type == MESSAGE_REPLY_KILLED) {
        CHECK_INT(read_reply_killed(payload, &story.killed), 0);
    } else if (type == MESSAGE_REPLY_ERROR && read_reply_error(payload, &e) == 0) {
        story.errors++;
    }
}

static void do_dial(uint32_t from, const struct action *a)
{
    uint32_t to = (uint32_t)(a->addr[0] - 'a');
    if (to >= story.count || to == from) {
        struct coming *c = bring(from, EVENT_DIAL_FAILED, (struct bytes){NULL, 0});
        c->ev.dial_failed.dial = a->dial;
        c->ev.dial_failed.end = DIAL_IDENTITY;
        return;
    }
    uint64_t link = join(from, to);
    bring_up(from, link, a->dial);
    bring_up(to, story.ends[link].other, 0);
}

static void do_close(uint64_t link)
{
    struct end *here = &story.ends[link], *there = &story.ends[here->other];
    here->open = false;
    if (!there->open || there->node == USER)
        return;
    there->open = false;
    struct coming *c = bring(there->node, EVENT_LINK_DOWN, (struct bytes){NULL, 0});
    c->ev.link_down.link = here->other;
}

/* A worker is ready at once and loads anything; what it computes it computes for ever. */
static void do_order(uint32_t node, const struct action *a, struct bytes payload)
{
    struct worker_loaded loaded = {.ok = true};
    uint8_t bytes[REASON_SIZE + 64];
    struct buf b;
    if (a->type == MESSAGE_ORDER_RUN) {
        story.nodes[node].running = a->worker;
        CHECK_INT(read_order_run(payload, &story.nodes[node].run), 0);
    }
    if (a->type != MESSAGE_ORDER_LOAD)
        return;
    loaded.accumulator_size = kernel_accumulator_size(kernel_find("pi"));
    buf_init_fixed(&b, bytes, sizeof bytes);
    put_worker_loaded(&b, &loaded);
    worker_says(node, a->worker, MESSAGE_WORKER_LOADED, buf_bytes(&b));
}

static void do_store(uint32_t node, const struct action *a, struct bytes payload)
{
    struct stage *s = &story.nodes[node];
    struct coming *c = bring(node, EVENT_STORED, (struct bytes){NULL, 0});
    struct job_id id;
    c->ev.stored.ticket = a->ticket;
    if (a->kind == ACTION_COMPACT || payload.len < ID_SIZE)
        return;
    memcpy(id.bytes, payload.data, ID_SIZE);
    for (uint32_t i = 0; i < s->held_count; i++)
        if (job_id_equal(s->held[i], id))
            return;
    REQUIRE(s->held_count < sizeof s->held / sizeof *s->held);
    s->held[s->held_count++] = id;
}

static void perform(uint32_t node, const struct action *a, struct bytes payload)
{
    switch (a->kind) {
    case ACTION_SEND:
        if (!story.ends[a->link].open)
            return;
        if (story.ends[story.ends[a->link].other].node == USER)
            hear((uint8_t)a->type, payload);
        else
            bring_frame(story.ends[story.ends[a->link].other].node, story.ends[a->link].other,
                        (uint8_t)a->type, a->request, payload);
        break;
    case ACTION_DIAL:
        do_dial(node, a);
        break;
    case ACTION_CLOSE:
        do_close(a->link);
        break;
    case ACTION_STORE:
    case ACTION_COMPACT:
        do_store(node, a, payload);
        break;
    case ACTION_START:
        worker_says(node, a->worker, MESSAGE_WORKER_READY, (struct bytes){(uint8_t[4]){0}, 4});
        break;
    case ACTION_ORDER:
        do_order(node, a, payload);
        break;
    case ACTION_KILL: {
        struct coming *c = bring(node, EVENT_WORKER_EXITED, (struct bytes){NULL, 0});
        c->ev.worker_exited.worker = a->worker;
        c->ev.worker_exited.end = WORKER_KILLED;
        story.nodes[node].kills++;
        break;
    }
    case ACTION_SNAPSHOT:
    case ACTION_MOVE:
    case ACTION_ROOTS:
    case ACTION_EXIT:
        break;
    }
}

static void perform_all(uint32_t node, struct actions *actions, int rc)
{
    REQUIRE(rc == 0);
    for (size_t i = 0; i < actions->count; i++)
        perform(node, &actions->list[i], actions_payload(actions, &actions->list[i]));
    actions_clear(actions);
}

static void step(uint32_t node, struct event *ev)
{
    struct actions actions;
    ev->now.us = story.now;
    ev->wall_s = WALL_S + story.now / S_US;
    actions_init(&actions, &story.heap.alloc);
    perform_all(node, &actions, node_step(story.nodes[node].core, ev, &actions));
}

static bool take_next(uint32_t node)
{
    struct stage *s = &story.nodes[node];
    struct coming *c = s->first;
    if (!c || s->stands_still)
        return false;
    s->first = c->next;
    if (!s->first)
        s->last = NULL;
    struct bytes bytes = {c->bytes, c->len};
    if (c->ev.kind == EVENT_FRAME)
        c->ev.frame.frame.payload = bytes;
    else if (c->ev.kind == EVENT_WORKER_FRAME)
        c->ev.worker_frame.frame.payload = bytes;
    else if (c->ev.kind == EVENT_LINK_UP)
        c->ev.link_up.certificate = bytes;
    step(node, &c->ev);
    free(c);
    return true;
}

static void tick(uint32_t node)
{
    struct event ev = {.kind = EVENT_TICK};
    step(node, &ev);
}

/* Timers come before what waits to be read, as after a pause. */
static void go_on_for(int64_t us)
{
    const int64_t end = story.now + us;
    while (story.now < end) {
        int64_t next = end;
        for (uint32_t i = 0; i < story.count; i++) {
            if (story.nodes[i].stands_still)
                continue;
            if (node_due(story.nodes[i].core).us <= story.now)
                tick(i);
        }
        for (bool more = true; more;) {
            more = false;
            for (uint32_t i = 0; i < story.count; i++)
                more |= take_next(i);
        }
        for (uint32_t i = 0; i < story.count; i++)
            if (!story.nodes[i].stands_still && node_due(story.nodes[i].core).us < next)
                next = node_due(story.nodes[i].core).us;
        story.now = next > story.now ? next : story.now + 100;
    }
}

static void stand_still_for(int64_t us)
{
    story.nodes[PAUSED].stands_still = true;
    go_on_for(us);
    story.nodes[PAUSED].stands_still = false;
}

static void open_node(uint32_t i)
{
    const struct velum_kernel *pi = kernel_find("pi");
    struct stage *s = &story.nodes[i];
    struct node_kernel kernel = {.name = "pi",
                                 .source = kernel_source(pi),
                                 .origin = ORIGIN_BUILTIN,
                                 .accumulator_size = kernel_accumulator_size(pi)};
    uint8_t certificate[CERTIFICATE_SIZE];
    struct node_options o = {
        .id = id_of(i),
        .boot = i + 1,
        .machine = sha256_of(&i, sizeof i),
        .arch = "none",
        .version = "0",
        .slots = 1,
        .ready_workers = 1,
        .seed = i + 1,
        .kernels = &kernel,
        .kernels_count = 1,
        .seal = {.sign = on_sign, .verify = on_verify, .introduce = on_introduce},
        .now = {story.now},
        .wall_s = WALL_S};
    struct actions actions;
    o.name[0] = o.addr[0] = (char)('a' + i);
    memcpy(o.addr + 1, ":1", 2);
    o.certificate = certificate_of(i, certificate);
    o.journal_id[0] = (uint8_t)(i + 1);
    s->id = o.id;
    REQUIRE(node_new(&s->core, &story.heap.alloc, &o) == 0);
    actions_init(&actions, &story.heap.alloc);
    perform_all(i, &actions, node_start(s->core, o.now, &actions));
}

static void open_story(uint32_t count)
{
    memset(&story, 0, sizeof story);
    heap_init(&story.heap);
    story.now = S_US;
    story.count = count;
    for (uint32_t i = 0; i < count; i++)
        open_node(i);
    for (uint32_t i = 0; i < count; i++)
        for (uint32_t k = 0; k < count; k++)
            if (i != k) {
                struct event ev = {.kind = EVENT_HINT};
                char addr[] = {(char)('a' + k), ':', '1', 0};
                ev.hint.addr = addr;
                step(i, &ev);
            }
    go_on_for(5 * S_US);
}

static void close_story(void)
{
    for (uint32_t i = 0; i < story.count; i++) {
        struct coming *c;
        while ((c = story.nodes[i].first)) {
            story.nodes[i].first = c->next;
            free(c);
        }
        node_free(story.nodes[i].core);
    }
    CHECK(heap_is_empty(&story.heap));
}

/* --- users --- */

/* A command connects to a node and asks; the link stays open. */
static void ask(uint32_t node, uint8_t type, struct bytes payload)
{
    uint64_t link = story.ends[join(USER, node)].other;
    bring_up(node, link, 0);
    bring_frame(node, link, type, 1, payload);
}

static void kill(uint32_t node, struct job_id id)
{
    uint8_t certificate[CERTIFICATE_SIZE], bytes[1024], body_bytes[128], fact_bytes[512];
    struct request_kill m = {.job = id};
    struct cancel c = {.by = id_of(USER), .state = JOB_CANCELLED};
    struct signed_bytes sealed = {.certificate = certificate_of(USER, certificate)};
    struct buf b, body, fact;
    buf_init_fixed(&body, body_bytes, sizeof body_bytes);
    buf_init_fixed(&fact, fact_bytes, sizeof fact_bytes);
    buf_init_fixed(&b, bytes, sizeof bytes);
    put_cancel_body(&body, id, &c);
    sealed.body = buf_bytes(&body);
    put_signed_fact(&fact, FACT_CANCEL, &sealed);
    m.fact = buf_bytes(&fact);
    put_request_kill(&b, &m);
    ask(node, MESSAGE_REQUEST_KILL, buf_bytes(&b));
}

/* leaf_units 0: LEAVES leaves of the plan's size; otherwise one leaf of so many. */
static struct job_id make_job(uint8_t nonce, uint64_t leaf_units, struct buf *to)
{
    const struct velum_kernel *pi = kernel_find("pi");
    const char *args[] = {"64000"};
    uint8_t certificate[CERTIFICATE_SIZE];
    struct kernel_plan plan;
    struct buf body;
    REQUIRE(kernel_plan(pi, 1, args, 0, NULL, &plan) == 0);
    struct job_spec spec = {.author = id_of(USER),
                            .nonce = {nonce},
                            .not_after_s = WALL_S + 3600,
                            .stage = {.kernel = "pi",
                                      .source = kernel_source(pi),
                                      .params = {plan.params, plan.params_size},
                                      .units = leaf_units ? leaf_units : plan.units,
                                      .leaf_units = leaf_units ? leaf_units : plan.units / LEAVES,
                                      .accumulator_size = kernel_accumulator_size(pi)}};
    buf_init(&body, &story.heap.alloc, SPEC_SIZE_MAX);
    REQUIRE(put_spec(&body, &spec) == 0);
    struct signed_bytes s = {.certificate = certificate_of(USER, certificate),
                             .body = buf_bytes(&body)};
    struct job_id id = spec_id(s.body);
    buf_init(to, &story.heap.alloc, SPEC_SIZE_MAX);
    put_signed(to, &s);
    buf_clear(&body);
    return id;
}

static struct job_id submit_units(uint32_t node, uint8_t nonce, uint64_t leaf_units)
{
    struct buf spec;
    struct job_id id = make_job(nonce, leaf_units, &spec);
    ask(node, MESSAGE_REQUEST_SUBMIT, buf_bytes(&spec));
    buf_clear(&spec);
    return id;
}

static struct job_id submit(uint32_t node, uint8_t nonce)
{
    return submit_units(node, nonce, 0);
}

static void watch(uint32_t node, struct job_id id)
{
    uint8_t bytes[64];
    struct buf b;
    const struct request_watch m = {.job = id, .interval_ms = 500};
    buf_init_fixed(&b, bytes, sizeof bytes);
    put_request_watch(&b, &m);
    ask(node, MESSAGE_REQUEST_WATCH, buf_bytes(&b));
}

static bool holds(uint32_t node, struct job_id id)
{
    const struct stage *s = &story.nodes[node];
    for (uint32_t i = 0; i < s->held_count; i++)
        if (job_id_equal(s->held[i], id))
            return true;
    return false;
}

/* A job that the paused node has nothing to do with, whoever it is submitted to: who holds a job
 * follows from its id. */
static uint8_t foreign_nonce(void)
{
    static uint8_t found;
    for (uint8_t nonce = 1; nonce < 8 && !found; nonce++) {
        open_story(NODES_MAX);
        struct job_id id = submit(1, nonce);
        go_on_for(S_US);
        if (!holds(PAUSED, id))
            found = nonce;
        close_story();
    }
    REQUIRE(found);
    return found;
}

/* --- stories --- */

TEST(one_who_waits_for_news_goes_on_waiting)
{
    uint8_t nonce = foreign_nonce();
    open_story(NODES_MAX);
    struct job_id id = submit(1, nonce);
    go_on_for(3 * S_US);
    watch(PAUSED, id);
    go_on_for(3 * S_US);
    CHECK(story.views > 0);
    stand_still_for(40 * S_US);
    tick(PAUSED);
    CHECK_INT(story.errors, 0);
    go_on_for(10 * S_US);
    CHECK_INT(story.errors, 0);
    uint32_t before = story.views;
    kill(1, id);
    go_on_for(10 * S_US);
    CHECK(story.views > before);
    CHECK_INT(story.view.state, JOB_CANCELLED);
    close_story();
}

TEST(a_kill_takes_the_proof_that_came_meanwhile)
{
    uint8_t nonce = foreign_nonce();
    open_story(NODES_MAX);
    struct job_id id = submit(1, nonce);
    go_on_for(3 * S_US);
    kill(PAUSED, id);
    while (take_next(PAUSED))
        ;
    stand_still_for(10 * S_US);
    tick(PAUSED);
    CHECK(story.last != MESSAGE_REPLY_KILLED);
    go_on_for(S_US);
    CHECK_INT(story.last, MESSAGE_REPLY_KILLED);
    CHECK_INT(story.killed.outcome, KILL_DONE);
    close_story();
}

TEST(a_forwarded_job_is_not_taken_over)
{
    uint8_t nonce = foreign_nonce();
    open_story(NODES_MAX);
    struct job_id id = submit(PAUSED, nonce);
    while (take_next(PAUSED))
        ;
    stand_still_for(4 * S_US);
    tick(PAUSED);
    go_on_for(S_US);
    CHECK_INT(story.last, MESSAGE_REPLY_SUBMITTED);
    CHECK(!holds(PAUSED, id));
    close_story();
}

TEST(a_log_that_came_meanwhile_is_shown)
{
    uint8_t nonce = foreign_nonce();
    open_story(NODES_MAX);
    struct job_id id = submit(1, nonce);
    go_on_for(3 * S_US);
    ask(PAUSED, MESSAGE_REQUEST_LOGS, (struct bytes){id.bytes, ID_SIZE});
    while (take_next(PAUSED))
        ;
    stand_still_for(20 * S_US);
    tick(PAUSED);
    go_on_for(S_US);
    CHECK_INT(story.errors, 0);
    CHECK_INT(story.last, MESSAGE_REPLY_END);
    close_story();
}

TEST(a_running_chunk_is_not_failed_for_it)
{
    open_story(1);
    struct job_id id = submit(PAUSED, 1);
    go_on_for(S_US);
    watch(PAUSED, id);
    go_on_for(S_US);
    REQUIRE(story.nodes[PAUSED].running);
    stand_still_for(700 * S_US);
    tick(PAUSED);
    CHECK_INT(story.nodes[PAUSED].kills, 0);
    /* Time in which the node did look counts. */
    go_on_for(590 * S_US);
    CHECK_INT(story.nodes[PAUSED].kills, 0);
    go_on_for(20 * S_US);
    CHECK(story.nodes[PAUSED].kills > 0);
    close_story();
}

TEST(a_plan_that_came_meanwhile_is_told)
{
    const char *args[] = {"1000"};
    uint8_t bytes[256];
    struct buf b;
    open_story(1);
    buf_init_fixed(&b, bytes, sizeof bytes);
    REQUIRE(put_request_plan(&b, "pi", 1, args, 0, NULL) == 0);
    ask(PAUSED, MESSAGE_REQUEST_PLAN, buf_bytes(&b));
    go_on_for(S_US);
    stand_still_for(60 * S_US);
    tick(PAUSED);
    CHECK_INT(story.nodes[PAUSED].kills, 0);
    CHECK_INT(story.errors, 0);
    close_story();
}

/* A job may say that a leaf is nearly all there is, and be done with it in a microsecond. */
TEST(a_speed_beyond_every_number_is_told_as_the_greatest)
{
    uint8_t bytes[512], value[ACCUMULATOR_SIZE_MAX] = {0};
    struct buf b;
    open_story(1);
    submit_units(PAUSED, 1, UINT64_MAX);
    go_on_for(S_US);
    REQUIRE(story.nodes[PAUSED].running);
    struct value v = {.data = {value, kernel_accumulator_size(kernel_find("pi"))}};
    buf_init_fixed(&b, bytes, sizeof bytes);
    put_worker_progress_begin(&b, story.nodes[PAUSED].run.run, 1, 1, 1, true, 1);
    put_value(&b, &v);
    REQUIRE(!b.failed);
    worker_says(PAUSED, story.nodes[PAUSED].running, MESSAGE_WORKER_PROGRESS, buf_bytes(&b));
    go_on_for(S_US);
    ask(PAUSED, MESSAGE_REQUEST_NODES, (struct bytes){NULL, 0});
    go_on_for(S_US);
    CHECK(story.node.self && story.node.busy == 0);
    CHECK(story.node.speed_units_s == UINT64_MAX);
    close_story();
}

TEST_MAIN(a_speed_beyond_every_number_is_told_as_the_greatest,
          one_who_waits_for_news_goes_on_waiting, a_kill_takes_the_proof_that_came_meanwhile,
          a_forwarded_job_is_not_taken_over, a_log_that_came_meanwhile_is_shown,
          a_running_chunk_is_not_failed_for_it, a_plan_that_came_meanwhile_is_told)
