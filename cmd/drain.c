#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cmd/draining.h"
#include "cmd/interrupt.h"
#include "cmd/node_name.h"
#include "cmd/view_json.h"
#include "core/base/err.h"
#include "core/base/text.h"
#include "core/host/home.h"
#include "core/host/loop.h"
#include "core/wire/message.h"

#define ENDING_LOOKS 30
#define ENDING_LOOK_MS 100

static const struct opt opts[] = {
    {.name = "undo", .kind = OPT_SWITCH, .effect = "the node takes work again"},
    {.name = "leave", .kind = OPT_SWITCH, .effect = "the node stops once it has nothing left"},
    {.name = "reason", .kind = OPT_TEXT, .value = "TEXT", .effect = "why, for who reads it later"},
    {.name = "detach", .letter = 'd', .kind = OPT_SWITCH, .effect = "do not wait"},
    {.name = "timeout",
     .kind = OPT_SPAN,
     .value = "TIME",
     .effect = "stop waiting after that long (exit 124; the drain goes on)"},
    {.name = "json", .kind = OPT_SWITCH, .effect = "print the node as JSON"},
    {0},
};

struct drain {
    const struct call *call;
    struct line *line, *to_it; /* the latter may be the former */
    struct node_view node;
    bool undo, leave;
    char control[HOME_PATH_SIZE + 32]; /* of the node itself, which was asked by that */
};

static int answer(const struct drain *d, const char *what, int code)
{
    struct json j;
    if (!opt_given(d->call->opts, "json")) {
        printf("%s %s\n", d->node.name, what);
        return code;
    }
    json_document_open(&j, stdout, "nodes");
    json_node(&j, &d->node);
    json_document_close(&j);
    return code;
}

static enum act_kind kind_of(const struct drain *d)
{
    return d->undo ? ACT_RESUME : d->leave ? ACT_LEAVE : ACT_DRAIN;
}

/* Over a line to it, so that its own answer says so. */
static bool tell_itself(const struct drain *d)
{
    struct line_options where = {.addr = d->node.addr, .quiet = true};
    const char *reason = opt_text(d->call->opts, "reason", "");
    struct identity *by = line_identity(d->line);
    struct node_view v;
    struct reply_act m;
    struct line *l = NULL;
    bool told = by && line_open(&l, d->call, &where) == CODE_DONE && held_ask(l, &v, NULL) == 0 &&
                node_id_equal(v.id, d->node.id) &&
                draining_order(l, by, kind_of(d), d->node.id, reason, &m) == 0;
    line_close(l);
    return told;
}

/* It is the node itself that must have heard of it. */
static bool has_heard(const struct drain *d, const struct reply_act *m)
{
    if (d->node.state == NODE_DEAD || d->node.state == NODE_LEFT)
        return false;
    const enum act_told told = reply_act_told(m, d->node.name);
    return told == ACT_TOLD || (told == ACT_TOLD_PERHAPS && tell_itself(d));
}

static int say_unheard(const struct drain *d)
{
    talk_error("%s has not heard of it: it does so when it is back", d->node.name);
    talk_try("velum nodes");
    return CODE_IN_PART;
}

static int order(struct drain *d, struct reply_act *m)
{
    const char *reason = opt_text(d->call->opts, "reason", "");
    struct identity *by = line_identity(d->line);
    if (!by) {
        talk_try("velum init, or VELUM_HOME of the mesh that the node belongs to");
        return CODE_FAILED;
    }
    int rc = draining_order(d->line, by, kind_of(d), d->node.id, reason, m);
    if (rc < 0)
        return line_report(d->line, rc);
    talk_line("%u of %u node%s know%s it", (unsigned)m->known, (unsigned)m->live,
              m->live == 1 ? "" : "s", m->live == 1 ? "s" : "");
    return CODE_DONE;
}

/* --- waiting --- */

static int open_to_it(struct drain *d)
{
    struct line_options where = {.addr = d->node.addr};
    const char *control = d->node.self ? line_control(d->line) : NULL;
    if (d->node.self)
        d->to_it = d->line;
    if (control)
        text_copy(d->control, sizeof d->control, control);
    return d->node.self ? CODE_DONE : line_open(&d->to_it, d->call, &where);
}

/* What others know of it; DEAD where nobody says anything. */
static enum node_state state_now(struct drain *d)
{
    struct node_view v;
    struct frame frame;
    enum node_state state = NODE_DEAD;
    int rc = d->to_it == d->line ? line_reopen(d->line) : 0;
    if (rc == 0)
        rc = line_send(d->line, MESSAGE_REQUEST_NODES, (struct bytes){0});
    while (rc >= 0 && (rc = line_item(d->line, MESSAGE_REPLY_NODE, &frame)) == 1)
        if ((rc = read_node_view(frame.payload, &v)) == 0 && node_id_equal(v.id, d->node.id))
            state = v.state;
    return state;
}

/* A node that ends by itself takes its socket away as the last thing; one that was killed does not.
 */
static bool took_its_socket(const struct drain *d)
{
    for (int i = 0; i < ENDING_LOOKS && access(d->control, F_OK) == 0; i++)
        poll(NULL, 0, ENDING_LOOK_MS);
    return access(d->control, F_OK) != 0;
}

static bool was_empty(const struct drain *d)
{
    const struct node_view *v = &d->node;
    return v->tells_held && v->held.jobs == 0 && v->held.objects == 0 && v->busy == 0;
}

/* Over the network from nobody but itself, which may have been killed. */
static int gone_unseen(const struct drain *d)
{
    talk_error("%s is gone, and whether it had given everything away it has not said",
               d->node.name);
    talk_try("velum nodes --addr HOST:PORT of another node, which knows whether it has left");
    return CODE_IN_PART;
}

static int gone(struct drain *d)
{
    const enum node_state state = state_now(d);
    const bool itself = d->to_it == d->line;
    if (d->leave && (state == NODE_LEFT ||
                     (itself && (d->control[0] ? took_its_socket(d) : was_empty(d))))) {
        d->node.state = NODE_LEFT;
        return answer(d, "has left", CODE_DONE);
    }
    if (d->leave && itself && !d->control[0])
        return gone_unseen(d);
    talk_error("%s does not answer any more; it goes on draining when it is back", d->node.name);
    talk_try("velum nodes");
    return CODE_NO_NODE;
}

static int stopped(const struct drain *d)
{
    talk_line("%s goes on draining without this command; velum drain %s waits for it again, "
              "velum drain --undo %s ends it",
              d->node.name, d->node.name, d->node.name);
    return CODE_INTERRUPTED;
}

static int time_is_up(const struct drain *d)
{
    char what[96];
    held_count(d->node.held.jobs, d->node.held.objects, what, sizeof what);
    talk_error("%s still has %s; it goes on draining", d->node.name, what[0] ? what : "work");
    talk_try("velum drain %s, to wait for it again", d->node.name);
    return CODE_TIME_OUT;
}

static int follow(struct drain *d)
{
    uint64_t us = opt_number(d->call->opts, "timeout", 0);
    struct draining f = {.line = d->to_it,
                         .id = d->node.id,
                         .name = d->node.name,
                         .until = us ? instant_plus_us(loop_clock(), (int64_t)us) : INSTANT_NEVER,
                         .stays = true,
                         .leaves = d->leave};
    enum draining_end end = draining_follow(&f);
    if (f.view.tells_held) {
        f.view.self = d->node.self;
        d->node = f.view;
    }
    switch (end) {
    case DRAINING_EMPTY:
        return answer(d, "drained: it may be stopped", CODE_DONE);
    case DRAINING_TIME:
        return time_is_up(d);
    case DRAINING_GONE:
        return gone(d);
    default:
        return stopped(d);
    }
}

static int wait_for_it(struct drain *d)
{
    interrupt_catch();
    int code = open_to_it(d);
    if (code == CODE_DONE)
        code = follow(d);
    if (d->to_it != d->line)
        line_close(d->to_it);
    return code;
}

static int act(struct drain *d)
{
    struct reply_act m;
    int code = node_resolve(d->line, d->call->argv[0], &d->node);
    if (code == CODE_DONE)
        code = order(d, &m);
    if (code != CODE_DONE)
        return code;
    if (!has_heard(d, &m))
        return say_unheard(d);
    if (d->undo)
        return answer(d, "takes work again", CODE_DONE);
    if (opt_given(d->call->opts, "detach"))
        return answer(d, "drains", CODE_DONE);
    return wait_for_it(d);
}

static int run(const struct call *c)
{
    struct drain d = {
        .call = c, .undo = opt_given(c->opts, "undo"), .leave = opt_given(c->opts, "leave")};
    struct line_options where = {0};
    if (d.undo && d.leave) {
        talk_error("--undo and --leave are two different things");
        talk_try("velum help drain");
        return CODE_MISUSE;
    }
    int code = line_open(&d.line, c, &where);
    if (code == CODE_DONE)
        code = act(&d);
    line_close(d.line);
    return code;
}

const struct cmd cmd_drain = {
    .name = "drain",
    .args = "NODE",
    .summary = "let a node give away what it has, so that it can be stopped",
    .more =
        "The node takes nothing new, jobs that it coordinates go to others, leaves that run end,\n"
        "and its ledgers and objects are copied away. Waits for that and says what is left;\n"
        "Ctrl-C stops the waiting alone. A node that drains goes on with it after a restart,\n"
        "until --undo. Only an admin of the mesh may, and the signed order goes from node to\n"
        "node, whichever is asked.",
    .group = GROUP_MESH,
    .takes = TAKES_NODE,
    .opts = opts,
    .args_min = 1,
    .args_max = 1,
    .run = run,
};
