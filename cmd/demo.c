/* `velum demo chaos`: a mesh, a job, and a kill every two seconds, live. Nothing in it is arranged:
 * the nodes are `velum node` processes, the job is an ordinary one, and the victim is drawn. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cmd/demo_nodes.h"
#include "cmd/follow.h"
#include "cmd/interrupt.h"
#include "cmd/submit.h"
#include "cmd/view_json.h"
#include "core/base/err.h"
#include "core/base/prng.h"
#include "core/base/text.h"
#include "core/host/loop.h"
#include "core/host/machine.h"
#include "core/wire/message.h"

#define NODES_DEFAULT 5
#define SECONDS_DEFAULT 30
#define KILL_US (2 * S_US)
#define BACK_US (1 * S_US)
#define MESH_US (20 * S_US)
#define LOST_US (30 * S_US)
#define LOOK_US (50 * MS_US)
#define INTERVALS_FIRST 400000000.0
#define INTERVALS_MAX 1e15
#define OUTPUT_SIZE 16384

static const struct opt opts[] = {
    {.name = "nodes",
     .kind = OPT_NUMBER,
     .value = "N",
     .min = 2,
     .max = DEMO_NODES_MAX,
     .effect = "how many nodes (5)"},
    {.name = "seconds",
     .kind = OPT_NUMBER,
     .value = "N",
     .min = 4,
     .max = 3600,
     .effect = "about how long the job takes (30)"},
    {.name = "json", .kind = OPT_SWITCH, .effect = "print the outcome as JSON"},
    {0},
};

struct demo {
    const struct call *call;
    struct demo_nodes nodes;
    struct line *line; /* NULL while no node answers */
    struct prng prng;
    struct job_id job;
    struct job_entry end;
    struct progress progress;
    uint64_t seconds;
    char intervals[24]; /* of the pi that is computed */
    struct instant began, next_kill, comes_back, lost_at;
    uint32_t down; /* the node that comes back then */
    uint32_t kills;
    bool ended;
};

static bool open_line(struct demo *d)
{
    struct line_options where = {.quiet = true};
    if (!d->line && line_open(&d->line, d->call, &where) != 0)
        d->line = NULL;
    return d->line != NULL;
}

static void drop_line(struct demo *d)
{
    line_close(d->line);
    d->line = NULL;
}

/* How many nodes the nearest one sees alive; `coordinator` is called as somebody of them is, or "".
 * < 0 when nobody answers. */
static int look(struct demo *d, char coordinator[NODE_NAME_SIZE])
{
    struct node_view v;
    struct frame frame;
    int alive = 0;
    coordinator[0] = 0;
    if (!open_line(d))
        return ERR_CLOSED;
    int rc = line_send(d->line, MESSAGE_REQUEST_NODES, (struct bytes){0});
    while (rc >= 0 && (rc = line_item(d->line, MESSAGE_REPLY_NODE, &frame)) == 1) {
        rc = read_node_view(frame.payload, &v);
        if (rc < 0)
            break;
        alive += v.state == NODE_ALIVE;
        if (v.coordinator)
            text_copy(coordinator, NODE_NAME_SIZE, v.name);
    }
    if (rc < 0)
        drop_line(d);
    return rc < 0 ? rc : alive;
}

static int start_mesh(struct demo *d)
{
    char unused[NODE_NAME_SIZE];
    struct instant until = instant_plus_us(loop_clock(), MESH_US);
    for (uint32_t i = 0; i < d->nodes.count; i++)
        if (demo_node_start(&d->nodes, i) < 0) {
            talk_error("a node cannot be started");
            talk_try("ulimit -u, and free memory");
            return CODE_FAILED;
        }
    while (look(d, unused) != (int)d->nodes.count) {
        if (interrupt_came())
            return CODE_INTERRUPTED;
        if (instant_reached(loop_clock(), until)) {
            talk_error("%u nodes did not find each other within %d s", d->nodes.count,
                       (int)(MESH_US / S_US));
            talk_try("velum node --port 8001, to see what it says");
            return CODE_FAILED;
        }
        usleep(LOOK_US);
    }
    for (uint32_t i = 0; i < d->nodes.count; i++)
        talk_line("node %s  127.0.0.1:%u  %s slot%s", d->nodes.list[i].name,
                  (unsigned)d->nodes.list[i].port, d->nodes.slots,
                  strcmp(d->nodes.slots, "1") == 0 ? "" : "s");
    return 0;
}

/* The text of one field of a JSON document of our own. */
static bool take_field(const char *json, const char *key, char *to, size_t cap)
{
    const char *at = strstr(json, key);
    size_t len = at ? strcspn(at + strlen(key), "\",}") : 0;
    if (len == 0 || len >= cap)
        return false;
    memcpy(to, at + strlen(key), len);
    to[len] = 0;
    return true;
}

/* Runs a pi in a command of its own and takes one field of what it prints. */
static int run_command(struct demo *d, const char *const *argv, bool quiet, const char *key,
                       char *to, size_t cap)
{
    char text[OUTPUT_SIZE];
    int code = demo_command(&d->nodes, argv, quiet, text, sizeof text);
    if (interrupt_came())
        return CODE_INTERRUPTED;
    if (code == 0 && take_field(text, key, to, cap))
        return 0;
    talk_error("velum run pi %s ended with exit code %d", d->intervals, code);
    talk_try("velum run --local pi %s", d->intervals);
    return CODE_FAILED;
}

/* How many intervals take this mesh about so many seconds: a short run sizes one of a second, which
 * sizes the job. */
static int measure(struct demo *d)
{
    const char *const argv[] = {"velum", "run", "--json",     "--progress",
                                "none",  "pi",  d->intervals, NULL};
    double wanted[] = {1, (double)d->seconds}, intervals = INTERVALS_FIRST;
    for (int i = 0; i < 2; i++) {
        char took[32];
        snprintf(d->intervals, sizeof d->intervals, "%.0f", intervals);
        int code = run_command(d, argv, true, "\"seconds\":", took, sizeof took);
        if (code != 0)
            return code;
        intervals = fmin(intervals * wanted[i] / fmax(strtod(took, NULL), 1e-3), INTERVALS_MAX);
    }
    snprintf(d->intervals, sizeof d->intervals, "%.0f", intervals);
    return 0;
}

static int submit(struct demo *d)
{
    static struct submission s;
    struct reply_submitted reply;
    char *argv[] = {d->intervals};
    const struct plan_wish wish = {.kernel = "pi", .argc = 1, .argv = argv};
    char id[9];
    s.name = "demo";
    int code = submit_take_args(&s, 1, 1, argv);
    if (code == 0)
        code = submit_plan_here(&s, &wish);
    if (code == 0 && !open_line(d))
        code = CODE_NO_NODE;
    if (code == 0)
        code = submit_send(&s, d->line, &reply);
    if (code != 0)
        return code < 0 ? CODE_FAILED : code;
    d->job = reply.job;
    id_hex(reply.job.bytes, 8, id);
    talk_line("job %s  pi %s  %llu leaves, durable=%u, taken by node %s", id, d->intervals,
              (unsigned long long)submission_leaves(&s), reply.durable, d->nodes.list[0].name);
    return 0;
}

static double seconds_since(const struct demo *d)
{
    return (double)instant_since_us(loop_clock(), d->began) / 1e6;
}

static void watch(struct demo *d)
{
    struct request_watch ask = {.job = d->job, .interval_ms = progress_interval_ms(&d->progress)};
    uint8_t room[64];
    struct buf payload;
    buf_init_fixed(&payload, room, sizeof room);
    put_request_watch(&payload, &ask);
    if (open_line(d) && line_send(d->line, MESSAGE_REQUEST_WATCH, buf_bytes(&payload)) < 0)
        drop_line(d);
}

static void come_back(struct demo *d)
{
    struct demo_node *n = &d->nodes.list[d->down];
    d->comes_back = INSTANT_NEVER;
    if (n->pid || demo_node_start(&d->nodes, d->down) < 0)
        return;
    progress_pause(&d->progress);
    talk_line("%5.1f s  node %s is started again", seconds_since(d), n->name);
}

/* The first victim is the node that took the job; afterwards anybody. */
static void strike(struct demo *d)
{
    char coordinator[NODE_NAME_SIZE];
    uint32_t i = d->kills ? (uint32_t)prng_below(&d->prng, d->nodes.count) : 0;
    struct demo_node *n = &d->nodes.list[i];
    d->next_kill = instant_plus_us(d->next_kill, KILL_US);
    bool is_known = look(d, coordinator) >= 0;
    demo_node_kill(&d->nodes, i);
    d->kills++;
    d->down = i;
    d->comes_back = instant_plus_us(loop_clock(), BACK_US);
    progress_pause(&d->progress);
    talk_line("%5.1f s  %skill -9 node %s%s%s%s", seconds_since(d), talk_red(), n->name,
              i == 0 ? ", the submitter's" : "",
              is_known && strcmp(coordinator, n->name) == 0 ? ", the coordinator" : "",
              talk_plain());
    watch(d);
}

static int take_job(struct demo *d, struct bytes payload)
{
    int rc = job_entry_take(&d->end, payload);
    if (rc < 0)
        return rc;
    d->lost_at = INSTANT_NEVER;
    progress_update(&d->progress, &d->end.view, loop_clock());
    d->ended = job_state_is_final(d->end.view.state);
    if (!d->ended)
        job_entry_clear(&d->end);
    return 0;
}

/* The node we were asking is gone, or one that just came back has not heard of the job yet. */
static int ask_again(struct demo *d)
{
    struct instant now = loop_clock();
    if (d->lost_at.us == INSTANT_NEVER.us)
        d->lost_at = now;
    if (instant_since_us(now, d->lost_at) > LOST_US) {
        talk_error("no node has told anything about the job for %d s", (int)(LOST_US / S_US));
        talk_try("velum demo chaos, and a report if it happens again");
        return CODE_FAILED;
    }
    usleep(LOOK_US);
    drop_line(d);
    watch(d);
    return 0;
}

/* Whoever found its port taken, or ended for any other reason than a kill. */
static void start_ended(struct demo *d)
{
    for (uint32_t i = 0; i < d->nodes.count; i++)
        if (!d->nodes.list[i].pid && !(i == d->down && d->comes_back.us != INSTANT_NEVER.us))
            (void)demo_node_start(&d->nodes, i);
}

/* One answer, or what is due; 0 to go on, or an exit code. */
static int step(struct demo *d)
{
    struct frame frame;
    struct instant now = loop_clock();
    if (interrupt_came())
        return CODE_INTERRUPTED;
    if (demo_nodes_watch(&d->nodes) > 0)
        start_ended(d);
    if (instant_reached(now, d->comes_back))
        come_back(d);
    if (instant_reached(now, d->next_kill))
        strike(d);
    if (!d->line)
        return ask_again(d);
    int rc = line_next(d->line, instant_first(d->next_kill, d->comes_back), &frame);
    if (rc == 1)
        rc = frame.type == MESSAGE_REPLY_JOB ? take_job(d, frame.payload) : ERR_FORMAT;
    return rc < 0 && rc != ERR_CANCELLED ? ask_again(d) : 0;
}

static int play(struct demo *d)
{
    int code = 0;
    progress_init(&d->progress, progress_kind_of(NULL, talk_is_terminal()), stderr, talk_columns());
    d->began = loop_clock();
    d->next_kill = instant_plus_us(d->began, KILL_US);
    d->comes_back = d->lost_at = INSTANT_NEVER;
    watch(d);
    while (code == 0 && !d->ended)
        code = step(d);
    progress_pause(&d->progress);
    drop_line(d);
    demo_nodes_end(&d->nodes);
    if (code != 0)
        return code;
    return d->end.view.state == JOB_DONE ? 0 : follow_failure(&d->end.view, false);
}

static void print_json(const struct demo *d, const char *digest, const char *undisturbed)
{
    struct json j;
    const struct job_view *v = &d->end.view;
    json_begin(&j, stdout);
    json_open(&j, NULL, '{');
    json_number(&j, "v", 1);
    json_open(&j, "demo", '{');
    json_number(&j, "nodes", d->nodes.count);
    json_number(&j, "kills", d->kills);
    json_number(&j, "leaves_total", v->leaves_total);
    json_number(&j, "retries", v->retries);
    json_seconds(&j, "seconds", v->elapsed_us);
    json_text(&j, "digest", digest);
    json_text(&j, "undisturbed", undisturbed);
    json_truth(&j, "equal", strcmp(digest, undisturbed) == 0);
    json_close(&j, '}');
    json_close(&j, '}');
    printf("\n");
}

static int compare(struct demo *d)
{
    char digest[ID_HEX_SIZE], undisturbed[ID_HEX_SIZE] = "";
    id_hex(d->end.view.digest.bytes, 2 * ID_SIZE, digest);
    talk_line("%u kills in %.1f s; now the same without nodes, undisturbed", d->kills,
              (double)d->end.view.elapsed_us / 1e6);
    const char *const argv[] = {"velum", "run", "--local", "--json", "pi", d->intervals, NULL};
    int code = run_command(d, argv, false, "\"digest\":\"", undisturbed, sizeof undisturbed);
    if (code != 0)
        return code;
    bool equal = strcmp(digest, undisturbed) == 0;
    if (opt_given(d->call->opts, "json"))
        print_json(d, digest, undisturbed);
    else if (equal)
        printf("digest equal: %s; %u kills, nothing lost\n", digest, d->kills);
    else
        printf("digest differs: %s with kills, %s without\n", digest, undisturbed);
    return equal ? CODE_DONE : CODE_FAILED;
}

static int chaos(struct demo *d)
{
    uint32_t cores = machine_cores();
    uint32_t count = (uint32_t)opt_number(d->call->opts, "nodes", NODES_DEFAULT);
    if (demo_nodes_open(&d->nodes, count, (cores + count - 1) / count) < 0)
        return CODE_FAILED;
    int code = start_mesh(d);
    if (code == 0)
        code = measure(d);
    if (code == 0)
        code = submit(d);
    if (code == 0)
        code = play(d);
    return code == 0 ? compare(d) : code;
}

static int run(const struct call *c)
{
    static struct demo d;
    uint64_t seed = (uint64_t)loop_clock().us;
    d.call = c;
    d.nodes.keeper_end = -1;
    d.seconds = opt_number(c->opts, "seconds", SECONDS_DEFAULT);
    prng_init(&d.prng, seed);
    if (strcmp(c->argv[0], "chaos") != 0)
        talk_error("there is no demo \"%.64s\"", c->argv[0]);
    else if (opt_given(c->opts, "addr"))
        talk_error("a demo has a mesh of its own and takes no --addr");
    if (strcmp(c->argv[0], "chaos") != 0 || opt_given(c->opts, "addr")) {
        talk_try("velum demo chaos");
        return CODE_MISUSE;
    }
    interrupt_catch();
    int code = chaos(&d);
    job_entry_clear(&d.end);
    drop_line(&d);
    demo_nodes_close(&d.nodes);
    return code;
}

const struct cmd cmd_demo = {
    .name = "demo",
    .args = "chaos",
    .summary = "show a mesh whose nodes are killed, and its result",
    .more =
        "Starts nodes of its own, gives them a job, kills one with kill -9 every 2 s and starts\n"
        "it again, and compares the digest with a run that nobody disturbs. Nothing of it is\n"
        "left afterwards, whatever happens.",
    .group = GROUP_TOOLS,
    .takes = TAKES_WORD,
    .opts = opts,
    .args_min = 1,
    .args_max = 1,
    .run = run,
};
