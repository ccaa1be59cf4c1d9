#include "cmd/ca_emergency.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cmd/ca_ask.h"
#include "cmd/noted.h"
#include "core/base/err.h"
#include "core/host/identity.h"
#include "core/host/loop.h"
#include "core/host/memory.h"

#define TELL_US (10 * S_US)
#define TELL_AGAIN_MS 50

struct telling {
    const struct call *call;
    struct ca_state now;
    uint8_t told[65536 / 8]; /* a bit for each port of a node here that was */
};

static bool agrees(void)
{
    char answer[8] = "";
    talk_line("every other machine will be shut out, and must join again with a new string; jobs "
              "that run there are lost. The user and the nodes of this home get other keys, so its "
              "nodes end. This is for a root's key that others have");
    if (!isatty(STDIN_FILENO))
        return false;
    fputs("type yes to do it: ", stderr);
    return fgets(answer, sizeof answer, stdin) && strcmp(answer, "yes\n") == 0;
}

/* Its key was made anew, and so it goes on as another node or not at all. */
static bool ends(struct telling *t, struct line *l)
{
    const struct instant until = instant_plus_us(loop_clock(), TELL_US);
    struct ca_answer a;
    ca_ask(&t->now, l, &a);
    while (a.rc != ERR_CLOSED && !instant_reached(loop_clock(), until)) {
        poll(NULL, 0, TELL_AGAIN_MS);
        ca_ask(&t->now, l, &a);
    }
    return a.rc == ERR_CLOSED;
}

static void tell_at(struct telling *t, uint16_t port, const char *addr)
{
    const struct line_options o = {.addr = addr, .quiet = true};
    struct line *l = NULL;
    if (line_open(&l, t->call, &o) != 0)
        return;
    if (ends(t, l))
        talk_line("the node on port %u has ended: start it again, and it is another node",
                  (unsigned)port);
    else
        talk_line("the node on port %u still trusts the root before: end it", (unsigned)port);
    line_close(l);
}

/* By its socket in the home, which needs no certificate. */
static bool tell_node(void *ctx, uint16_t port, const char *path)
{
    struct telling *t = ctx;
    char addr[32];
    (void)path;
    snprintf(addr, sizeof addr, "127.0.0.1:%u", (unsigned)port);
    t->told[port / 8] |= (uint8_t)(1u << port % 8);
    tell_at(t, port, addr);
    return false;
}

static int look_in_at(const char *addr)
{
    const struct ask_options o = {.addr = addr};
    char message[ASK_MESSAGE_SIZE];
    struct ask *a = NULL;
    int rc = ask_open(&a, &o, message);
    ask_close(a);
    return rc;
}

/* Of a node whose state is elsewhere: it sees by itself what has changed in the home. */
static void await_elsewhere(void *ctx, uint16_t port, const char *addr)
{
    struct telling *t = ctx;
    const struct instant until = instant_plus_us(loop_clock(), TELL_US);
    int rc;
    if (t->told[port / 8] & 1u << port % 8)
        return;
    while ((rc = look_in_at(addr)) != ERR_UNREACHABLE && !instant_reached(loop_clock(), until))
        poll(NULL, 0, TELL_AGAIN_MS);
    talk_line(rc == ERR_UNREACHABLE
                  ? "the node on port %u has ended: start it again, and it is another node"
                  : "the node on port %u still trusts the root before: end it",
              (unsigned)port);
}

/* Until they know, those in whose place the root was changed are let in by them. */
static int tell_nodes(const struct call *c, const struct home *h)
{
    struct telling t = {.call = c};
    buf_init(&t.now.roots, &host_memory, ROOTS_SIZE_MAX);
    int code = ca_look(&t.now, h);
    if (code == CODE_DONE) {
        home_controls(h, tell_node, &t);
        home_peers(h, await_elsewhere, &t);
    }
    buf_clear(&t.now.roots);
    return code;
}

int ca_emergency(const struct call *c, const struct home *h)
{
    char message[HOME_MESSAGE_SIZE] = "";
    if (!opt_given(c->opts, "yes") && !agrees()) {
        talk_error("nothing was done");
        talk_try("velum ca rotate --emergency --yes");
        return CODE_MISUSE;
    }
    int rc = rotation_emergency(h, message);
    if (rc < 0)
        return ca_failed(rc, message);
    talk_line("the mesh has another root, which no other machine trusts yet");
    if (rc > 0)
        talk_line("%d string%s to join by that %s good before %s void", rc, rc == 1 ? "" : "s",
                  rc == 1 ? "was" : "were", rc == 1 ? "is" : "are");
    if (rc > 0)
        noted_token(EVENT_NOTE_VOID, NULL, "every one, by an emergency");
    rc = identity_mesh_open(h, message);
    if (rc < 0)
        return ca_failed(rc, message);
    talk_line("the user of this home has another key, and each node gets one when it is started");
    int code = tell_nodes(c, h);
    if (code != CODE_DONE)
        return code;
    talk_line("each other machine joins again: velum join, with a string of velum token create, "
              "for the same --port");
    return CODE_DONE;
}
