#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cmd/draining.h"
#include "cmd/interrupt.h"
#include "core/base/err.h"
#include "core/base/text.h"
#include "core/host/authority.h"
#include "core/host/leaving.h"
#include "core/host/listening.h"
#include "core/host/loop.h"

#define STOP_US (15 * S_US) /* for a node to hand back and say goodbye */
#define LOOK_MS 20

static const struct opt opts[] = {
    {.name = "port",
     .kind = OPT_NUMBER,
     .value = "N",
     .effect = "only the node on this port leaves (all of this home)",
     .min = 1,
     .max = 65535},
    {.name = "data",
     .kind = OPT_TEXT,
     .value = "DIR",
     .effect = "the node's state ($VELUM_HOME/nodes/PORT)"},
    {.name = "yes", .letter = 'y', .kind = OPT_SWITCH, .effect = "do not ask"},
    {.name = "force",
     .kind = OPT_SWITCH,
     .effect = "leave though something is lost by it: the only copy, or the mesh's own keys"},
    {0},
};

struct leave {
    const struct call *call;
    struct home home;
    struct leaving what;
    uint16_t ports[LEAVING_STATES_MAX];     /* of the nodes in it */
    struct line *lines[LEAVING_STATES_MAX]; /* to those of them that run */
    char mesh[9];
    bool force, too_many;
};

static int fail(const char *message)
{
    talk_error("%s", message);
    talk_try("velum leave once more, when that is done");
    return CODE_FAILED;
}

/* --- what leaves --- */

static bool add_state(void *ctx, uint16_t port, const char *path)
{
    struct leave *v = ctx;
    struct leaving *w = &v->what;
    v->too_many = w->count == LEAVING_STATES_MAX;
    if (v->too_many)
        return true;
    v->ports[w->count] = port;
    text_copy(w->states[w->count++], HOME_PATH_SIZE, path);
    return false;
}

static bool count_state(void *ctx, uint16_t port, const char *path)
{
    (void)port;
    (void)path;
    ++*(unsigned *)ctx;
    return false;
}

/* A node of this home that runs and does not leave: its state is elsewhere (--data). */
struct other {
    const struct leave *leave;
    uint16_t port; /* 0: there is none */
};

static bool leaves(const struct leave *v, uint16_t port)
{
    unsigned long pid;
    bool found = false;
    for (uint32_t i = 0; !found && i < v->what.count; i++)
        found = v->ports[i] == port && home_state_holder(v->what.states[i], &pid);
    return found;
}

static void note_listener(void *ctx, const struct address *at)
{
    (void)ctx;
    (void)at;
}

/* What it announced stays behind when it is killed. */
static void find_other(void *ctx, uint16_t port, const char *addr)
{
    struct other *o = ctx;
    (void)addr;
    if (o->port == 0 && !leaves(o->leave, port) && listening_on(port, note_listener, NULL) != 0)
        o->port = port;
}

static uint16_t other_port(const struct leave *v)
{
    struct other o = {.leave = v};
    home_peers(&v->home, find_other, &o);
    return o.port;
}

/* One node where it was named: the home is left with the last of them. */
static int choose_one(struct leave *v)
{
    const uint16_t port = (uint16_t)opt_number(v->call->opts, "port", HOME_PORT_DEFAULT);
    const char *data = opt_text(v->call->opts, "data", NULL);
    char path[HOME_PATH_SIZE], message[HOME_MESSAGE_SIZE];
    unsigned all = 0;
    int rc = home_state_path(&v->home, port, data, path, message);
    char *whole = rc < 0 ? NULL : realpath(path, NULL);
    if (rc < 0 || !whole || strlen(whole) >= HOME_PATH_SIZE) {
        talk_error("%s%s", rc < 0 ? message : path, rc < 0 ? "" : ": there is no node");
        talk_try("velum leave without --port and --data, for all nodes of this home");
        free(whole);
        return CODE_NOT_FOUND;
    }
    (void)add_state(v, port, whole);
    free(whole);
    home_states(&v->home, count_state, &all);
    v->what.home = all <= (data ? 0u : 1u) && other_port(v) == 0;
    return CODE_DONE;
}

static bool is_of_one(const struct call *c)
{
    return opt_given(c->opts, "port") || opt_given(c->opts, "data");
}

static int choose_all(struct leave *v)
{
    home_states(&v->home, add_state, v);
    v->what.home = true;
    if (v->too_many) {
        talk_error("this home has more than %d nodes", LEAVING_STATES_MAX);
        talk_try("velum leave --port N, one after the other");
        return CODE_FAILED;
    }
    const uint16_t port = other_port(v);
    if (port == 0)
        return CODE_DONE;
    talk_error("the node on port %u is of this home too, with its state in another folder",
               (unsigned)port);
    talk_try("velum leave --port %u --data DIR for that one first, or stop it", (unsigned)port);
    return CODE_FAILED;
}

static int choose(struct leave *v)
{
    return is_of_one(v->call) ? choose_one(v) : choose_all(v);
}

/* --- what must not be lost --- */

/* Who has the key to the mesh is the only one who can let others in. */
static int keep_mesh(const struct leave *v)
{
    char root[HOME_PATH_SIZE];
    home_file(&v->home, "root.key", root);
    if (!v->what.home || v->force || (access(root, F_OK) != 0 && !authority_issues(&v->home)))
        return CODE_DONE;
    talk_error("mesh %s was made here, and its keys are in %s: without them nobody can join it any "
               "more, and its certificates end within days",
               v->mesh, v->home.path);
    talk_try("velum leave --force, if the mesh is to end with this home");
    return CODE_FAILED;
}

/* A node that never ran holds nothing. */
static bool has_journal(const char *state)
{
    DIR *dir = opendir(state);
    bool any = false;
    for (const struct dirent *e; dir && !any && (e = readdir(dir));) {
        size_t len = strlen(e->d_name);
        any = len > 4 && strcmp(e->d_name + len - 4, ".seg") == 0;
    }
    if (dir)
        closedir(dir);
    return any;
}

static int refuse_unseen(const struct leave *v, uint32_t i)
{
    talk_error("the node in %s does not run, so nobody can see whether it has the only copy of "
               "something",
               v->what.states[i]);
    talk_try("velum node --port %u, and then velum leave; or velum leave --force",
             (unsigned)v->ports[i]);
    return CODE_FAILED;
}

/* A node of this home is reached by its socket; one with its state elsewhere by its port. */
static int open_lines(struct leave *v)
{
    char addr[32];
    struct line_options where = {.addr = addr};
    unsigned long pid;
    int code = CODE_DONE;
    for (uint32_t i = 0; code == CODE_DONE && i < v->what.count; i++) {
        if (!home_state_holder(v->what.states[i], &pid)) {
            code = has_journal(v->what.states[i]) ? refuse_unseen(v, i) : CODE_DONE;
            continue;
        }
        snprintf(addr, sizeof addr, "127.0.0.1:%u", (unsigned)v->ports[i]);
        code = line_open(&v->lines[i], v->call, &where);
    }
    return code;
}

static void close_lines(struct leave *v)
{
    for (uint32_t i = 0; i < v->what.count; i++)
        line_close(v->lines[i]);
}

/* Its own key says so, whatever this home's user may. */
static int order(struct leave *v, uint32_t i, enum act_kind kind)
{
    char message[HOME_MESSAGE_SIZE] = "";
    struct identity *by = NULL;
    struct reply_act reply;
    int rc = identity_node(&by, &v->home, v->what.states[i], message);
    if (rc < 0)
        return fail(message);
    rc = draining_order(v->lines[i], by, kind, identity_id(by), "it leaves the mesh", &reply);
    identity_free(by);
    return rc < 0 ? line_report(v->lines[i], rc) : CODE_DONE;
}

static void undo(struct leave *v)
{
    for (uint32_t i = 0; i < v->what.count; i++)
        if (v->lines[i])
            (void)order(v, i, ACT_RESUME);
}

static int refuse_only(struct line *l, const struct node_view *self)
{
    char names[512];
    held_name_only(l, &self->held, names, sizeof names);
    if (names[0])
        talk_error("node %s has the only copy of %s, and nobody takes it", self->name, names);
    else
        talk_error("node %s still has something that nobody takes", self->name);
    talk_try("another node to take it: velum nodes; or velum leave --force, and it is lost");
    return CODE_IN_PART;
}

static int wait_empty(struct leave *v, uint32_t i)
{
    struct draining d = {.line = v->lines[i], .until = INSTANT_NEVER};
    int rc = held_ask(d.line, &d.view, NULL);
    if (rc < 0)
        return line_report(d.line, rc);
    d.name = d.view.name;
    d.id = d.view.id;
    switch (draining_follow(&d)) {
    case DRAINING_EMPTY:
        return CODE_DONE;
    case DRAINING_STUCK:
        return refuse_only(d.line, &d.view);
    case DRAINING_GONE:
        return fail("the node does not answer any more, and nothing is changed");
    default:
        talk_line("nothing is changed");
        return CODE_INTERRUPTED;
    }
}

/* All of them first, or one would give what it has to the next. */
static int give_away(struct leave *v)
{
    int code = CODE_DONE;
    interrupt_catch();
    for (uint32_t i = 0; code == CODE_DONE && i < v->what.count; i++)
        code = v->lines[i] ? order(v, i, ACT_DRAIN) : CODE_DONE;
    for (uint32_t i = 0; code == CODE_DONE && i < v->what.count; i++)
        code = v->lines[i] ? wait_empty(v, i) : CODE_DONE;
    if (code != CODE_DONE)
        undo(v);
    return code;
}

/* --- doing it --- */

static int refuse_unasked(void)
{
    talk_error("this cannot be undone, and nobody can be asked here");
    talk_try("velum leave --yes");
    return CODE_MISUSE;
}

static int confirm(const struct leave *v)
{
    char answer[16] = "";
    if (opt_given(v->call->opts, "yes"))
        return CODE_DONE;
    if (!isatty(STDIN_FILENO) || !isatty(STDERR_FILENO))
        return refuse_unasked();
    for (uint32_t i = 0; i < v->what.count; i++)
        talk_line("goes: the node in %s, with its key", v->what.states[i]);
    if (v->what.home)
        talk_line("goes: this user's part in mesh %s, with the keys in %s", v->mesh, v->home.path);
    fprintf(stderr, "leave for good (yes or no)? ");
    ssize_t len = read(STDIN_FILENO, answer, sizeof answer - 1);
    if (len > 0 && strcmp(answer, "yes\n") == 0)
        return CODE_DONE;
    talk_line("nothing is changed");
    return CODE_FAILED;
}

static int stop(const struct leave *v, uint32_t i)
{
    const struct instant until = instant_plus_us(loop_clock(), STOP_US);
    unsigned long pid = 0;
    bool told = false;
    while (home_state_holder(v->what.states[i], &pid)) {
        if (!told && pid > 1)
            told = kill((pid_t)pid, SIGTERM) == 0;
        if (instant_reached(loop_clock(), until)) {
            talk_error("the node with process id %lu does not stop, and nothing is removed", pid);
            talk_try("kill %lu, and then velum leave", pid);
            return CODE_FAILED;
        }
        poll(NULL, 0, LOOK_MS);
    }
    return CODE_DONE;
}

static int leave(struct leave *v)
{
    char message[HOME_MESSAGE_SIZE] = "";
    int code = choose(v);
    if (code == CODE_DONE)
        code = keep_mesh(v);
    if (code == CODE_DONE && !v->force)
        code = open_lines(v);
    if (code == CODE_DONE)
        code = confirm(v);
    if (code == CODE_DONE && !v->force)
        code = give_away(v);
    close_lines(v);
    for (uint32_t i = 0; code == CODE_DONE && i < v->what.count; i++)
        code = stop(v, i);
    if (code != CODE_DONE)
        return code;
    if (leaving_do(&v->home, &v->what, message) < 0)
        return fail(message);
    if (!v->what.home)
        talk_line("the node on port %u has left mesh %s; the others of this home stay",
                  (unsigned)v->ports[0], v->mesh);
    else
        talk_line("left mesh %s; next: velum join STRING", v->mesh);
    return CODE_DONE;
}

/* --- after a crash --- */

/* Its folder may have gone already. */
static bool was_asked(const struct leave *v, const struct leaving *done)
{
    const uint16_t port = (uint16_t)opt_number(v->call->opts, "port", HOME_PORT_DEFAULT);
    char path[HOME_PATH_SIZE], message[HOME_MESSAGE_SIZE];
    if (home_state_path(&v->home, port, opt_text(v->call->opts, "data", NULL), path, message) < 0)
        return false;
    char *whole = realpath(path, NULL);
    bool found = false;
    for (uint32_t i = 0; i < done->count; i++)
        found = found || strcmp(done->states[i], whole ? whole : path) == 0;
    free(whole);
    return found;
}

/* What was begun may be less than what is asked for now. */
static int go_on(struct leave *v, bool *enough)
{
    static struct leaving done;
    char message[HOME_MESSAGE_SIZE] = "";
    if (leaving_begun(&v->home, &done, message) < 0)
        return fail(message);
    *enough = done.home || !is_of_one(v->call) || was_asked(v, &done);
    if (leaving_finish(&v->home, message) < 0)
        return fail(message);
    if (done.home)
        talk_line("what was begun before is done: this home has left; next: velum join STRING");
    for (uint32_t i = 0; !done.home && i < done.count; i++)
        talk_line("what was begun before is done: the node in %s has left; the others of this home "
                  "stay",
                  done.states[i]);
    return CODE_DONE;
}

static int run(const struct call *c)
{
    static struct leave v;
    struct digest mesh;
    char message[HOME_MESSAGE_SIZE] = "";
    v = (struct leave){.call = c, .force = opt_given(c->opts, "force")};
    if (home_locate(&v.home, message) < 0)
        return fail(message);
    if (leaving_is_begun(&v.home)) {
        bool enough = true;
        int code = go_on(&v, &enough);
        if (code != CODE_DONE || enough)
            return code;
    }
    if (authority_home_mesh(&v.home, &mesh, message) < 0) {
        talk_error("%s is part of no mesh", v.home.path);
        talk_try("velum join STRING, to be part of one");
        return CODE_FAILED;
    }
    id_hex(mesh.bytes, 8, v.mesh);
    return leave(&v);
}

const struct cmd cmd_leave = {
    .name = "leave",
    .args = "",
    .summary = "leave the mesh for good: stop this home's nodes and remove their keys",
    .more =
        "The nodes drain first, as velum drain has them do, and where something is left that\n"
        "nobody takes nothing is changed (exit 7). Refuses where the mesh was made here, whose\n"
        "keys would go too. Then the nodes say goodbye and stop, and keys, certificates,\n"
        "journals and objects are removed. velum join then begins anew, with another key. The\n"
        "first velum leave after one that was interrupted ends that one.",
    .group = GROUP_MESH,
    .opts = opts,
    .run = run,
};
