#include "cmd/ca_rotate.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cmd/ca_ask.h"
#include "cmd/ca_emergency.h"
#include "cmd/duration.h"
#include "cmd/interrupt.h"
#include "core/base/err.h"
#include "core/base/text.h"
#include "core/host/loop.h"
#include "core/host/memory.h"
#include "core/host/root_key.h"
#include "core/wire/join.h"
#include "core/wire/message.h"

#define NODES_MAX 16384
#define LOOK_AGAIN_MS 200
#define SAY_AGAIN_US (10 * S_US)
#define PARTED_US (5 * S_US)
#define AWAY_SIZE 400

struct rotating {
    const struct call *call;
    const struct home *home;
    struct line *line; /* to the node here */
    struct ca_state now;
    struct node_view *nodes; /* that live */
    uint32_t count;
    char others[AWAY_SIZE]; /* that have another root of this number */
    struct instant parted;  /* when that will have been so for too long; INSTANT_NEVER: none has */
    char absent[AWAY_SIZE]; /* that do not live, or are left out: nobody waits for them */
    struct instant said;
};

/* --- who lives --- */

static bool is_left_out(const struct call *c, const struct node_view *v)
{
    for (size_t i = 0; i < c->opts->count; i++) {
        const struct opt_value *o = &c->opts->values[i];
        if (strcmp(o->opt->name, "without") == 0 && strcmp(o->text, v->name) == 0)
            return true;
    }
    return false;
}

static bool lives(enum node_state s)
{
    return s == NODE_ALIVE || s == NODE_SUSPECT || s == NODE_RECOVERING || s == NODE_DRAINING;
}

/* Names one more, as far as there is room. */
static void add_away(char away[AWAY_SIZE], const struct node_view *v, const char *why)
{
    char one[160];
    snprintf(one, sizeof one, "%s%.63s (%s)", away[0] ? ", " : "", v->name, why);
    if (strlen(away) + strlen(one) < AWAY_SIZE)
        text_append(away, AWAY_SIZE, one);
}

static int add_node(struct rotating *r, const struct node_view *v)
{
    if (is_left_out(r->call, v) || !lives(v->state)) {
        add_away(r->absent, v, lives(v->state) ? "left out" : node_state_name(v->state));
        return 0;
    }
    if (r->count == NODES_MAX)
        return ERR_FULL;
    struct node_view *more = realloc(r->nodes, (r->count + 1) * sizeof *more);
    if (!more)
        return ERR_NO_MEMORY;
    r->nodes = more;
    r->nodes[r->count++] = *v;
    return 0;
}

static int list_nodes(struct rotating *r)
{
    struct node_view v;
    struct frame frame;
    r->count = 0;
    r->absent[0] = '\0';
    int rc = line_send(r->line, MESSAGE_REQUEST_NODES, (struct bytes){0});
    while (rc >= 0 && (rc = line_item(r->line, MESSAGE_REPLY_NODE, &frame)) == 1)
        if ((rc = read_node_view(frame.payload, &v)) == 0)
            rc = add_node(r, &v);
    return rc;
}

/* --- how far they are --- */

static void ask_node(struct rotating *r, const struct node_view *v, struct ca_answer *out)
{
    const struct line_options o = {.addr = v->addr, .quiet = true};
    struct line *l = NULL;
    *out = (struct ca_answer){.rc = ERR_UNREACHABLE};
    if (v->self)
        ca_ask(&r->now, r->line, out);
    else if (line_open(&l, r->call, &o) == 0)
        ca_ask(&r->now, l, out);
    line_close(l);
}

/* --- until all are there --- */

static const char *why_not(const struct rotating *r, const struct ca_answer *a)
{
    if (a->rc == LINE_REFUSED)
        return "is of an older version of velum";
    if (a->rc < 0)
        return "cannot be reached from here";
    if (a->others)
        return "has another root, made at the same time";
    return a->reply.version < r->now.at.version ? "has not heard of it yet"
                                                : "has no new certificate yet";
}

static void ask_each(struct rotating *r, bool self, uint8_t generation, char away[AWAY_SIZE])
{
    for (uint32_t i = 0; i < r->count && !interrupt_came(); i++) {
        struct ca_answer a;
        if (r->nodes[i].self != self)
            continue;
        ask_node(r, &r->nodes[i], &a);
        if (ca_is_there(&r->now, &a, generation))
            continue;
        add_away(away, &r->nodes[i], why_not(r, &a));
        if (a.others)
            add_away(r->others, &r->nodes[i], r->nodes[i].addr);
    }
}

/* 1: all know what is known here, and have certificates of that generation. The node here comes
 * first: it is the issuer that the others ask then. */
static int all_are_there(struct rotating *r, uint8_t generation, char away[AWAY_SIZE])
{
    int rc = list_nodes(r);
    away[0] = r->others[0] = '\0';
    if (rc < 0)
        return rc;
    ask_each(r, true, generation, away);
    if (away[0] == '\0')
        ask_each(r, false, generation, away);
    return away[0] == '\0';
}

static int interrupted(void)
{
    talk_error("stopped between two steps; the mesh goes on as it is");
    talk_try("velum ca rotate, which goes on where it was");
    return CODE_INTERRUPTED;
}

/* Two steps of it may be far apart, and the home has what the last came to. */
static int node_ended(void)
{
    talk_error("the node that was asked has ended; the mesh goes on as it is, between two steps");
    talk_try("velum node, and then velum ca rotate, which goes on where it was");
    return CODE_NO_NODE;
}

/* Nodes agree on one of two within moments; who made the other does not. */
static bool has_parted(struct rotating *r)
{
    if (r->others[0] == '\0')
        r->parted = INSTANT_NEVER;
    else if (r->parted.us == INSTANT_NEVER.us)
        r->parted = instant_plus_us(loop_clock(), PARTED_US);
    return instant_reached(loop_clock(), r->parted);
}

static int parted(const struct rotating *r)
{
    talk_error("there are two next roots: %s took another, which somebody with the root's key made "
               "at the same time",
               r->others);
    talk_try("if it was you, in a copy of this home: velum leave in the one whose root the nodes "
             "did not take; else velum ca rotate --emergency");
    return CODE_FAILED;
}

static void say_away(struct rotating *r, const char *away)
{
    if (!instant_reached(loop_clock(), r->said))
        return;
    talk_line("waiting for %s; --without NAME goes on without one", away);
    r->said = instant_plus_us(loop_clock(), SAY_AGAIN_US);
}

static int await(struct rotating *r, uint8_t generation)
{
    char away[AWAY_SIZE];
    r->said = instant_plus_us(loop_clock(), 2 * S_US);
    r->parted = INSTANT_NEVER;
    for (;;) {
        int rc = all_are_there(r, generation, away);
        if (interrupt_came())
            return interrupted();
        if (rc == ERR_CLOSED && line_reopen(r->line) == 0)
            continue;
        if (rc < 0)
            return rc == ERR_CLOSED ? node_ended() : line_report(r->line, rc);
        if (rc > 0)
            return CODE_DONE;
        if (has_parted(r))
            return parted(r);
        say_away(r, away);
        poll(NULL, 0, LOOK_AGAIN_MS);
    }
}

/* --- the steps --- */

static const struct {
    int (*act)(const struct home *h, char message[HOME_MESSAGE_SIZE]);
    enum rotation_step after;
    bool renews; /* the step is done when all certificates are new */
    const char *said;
} steps[] = {
    {rotation_begin, ROTATION_BEGUN, false,
     "1 of 3: there is another root, certified by the one before; every node is to know it"},
    {rotation_use, ROTATION_USED, true,
     "2 of 3: certificates are made under it; every node is to have a new one"},
    {rotation_finish, ROTATION_FINISHED, true,
     "3 of 3: the root before counts no longer for who comes in; every node is to know"},
};

/* A step that was done already is waited for all the same: not all may have been there. */
static int take_step(struct rotating *r, size_t i)
{
    char message[HOME_MESSAGE_SIZE] = "";
    int rc = steps[i].act(r->home, message);
    if (rc < 0)
        return ca_failed(rc, message);
    int code = ca_look(&r->now, r->home);
    if (code != CODE_DONE)
        return code;
    talk_line("%s", steps[i].said);
    return await(r, steps[i].renews ? r->now.at.generation : 0);
}

/* Who is late may be renewed under the root that ended last, and under none before it. */
static void say_if_soon(const struct rotation *now)
{
    char when[DURATION_TEXT_SIZE];
    if (now->step != ROTATION_NONE || now->at_s == 0 ||
        (int64_t)time(NULL) - now->at_s >= JOIN_LATE_S)
        return;
    duration_iso(now->at_s, when);
    talk_line("the last change of the root was on %s: a machine that has been away since before "
              "that is shut out by this one, and joins again with a new string",
              when);
}

static void say_done(const struct rotating *r)
{
    talk_line("done: the mesh has another root, and its id is what it was");
    if (r->absent[0])
        talk_line("not waited for: %s; a node that comes back within 30 days goes over by itself",
                  r->absent);
    talk_line("within 30 days, on machines whose user has no node: velum join --renew");
    talk_line("a root's key that was exported before is of no use now: velum ca export-root");
}

static int take_steps(struct rotating *r)
{
    char message[HOME_MESSAGE_SIZE] = "";
    int code = ca_look(&r->now, r->home);
    if (code == CODE_DONE)
        say_if_soon(&r->now.at);
    for (size_t i = 0; code == CODE_DONE && i < sizeof steps / sizeof *steps; i++)
        if (r->now.at.step <= steps[i].after)
            code = take_step(r, i);
    if (code != CODE_DONE)
        return code;
    int rc = rotation_close(r->home, message);
    if (rc < 0)
        return ca_failed(rc, message);
    say_done(r);
    return CODE_DONE;
}

/* The node that is asked may be another's; it is one of this home that makes certificates. */
static bool one_runs_here(void)
{
    const struct ask_options nearest = {0};
    char message[ASK_MESSAGE_SIZE];
    struct ask *a = NULL;
    int rc = ask_open(&a, &nearest, message);
    ask_close(a);
    return rc == 0;
}

static int in_turn(const struct call *c, const struct home *h)
{
    struct rotating r = {.call = c, .home = h};
    const struct line_options o = {.embedded_ok = false};
    if (root_key_is_of(h) && !one_runs_here()) {
        talk_error("no node of yours runs on this machine, and the other nodes get their new "
                   "certificates from one here");
        talk_try("velum node, and then velum ca rotate");
        return CODE_NO_NODE;
    }
    int code = line_open(&r.line, c, &o);
    if (code != CODE_DONE)
        return code;
    buf_init(&r.now.roots, &host_memory, ROOTS_SIZE_MAX);
    interrupt_catch();
    code = take_steps(&r);
    buf_clear(&r.now.roots);
    line_close(r.line);
    free(r.nodes);
    return code;
}

int ca_rotate(const struct call *c, const struct home *h)
{
    return opt_given(c->opts, "emergency") ? ca_emergency(c, h) : in_turn(c, h);
}
