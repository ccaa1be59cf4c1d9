#include "core/host/ask.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/ensure.h"
#include "core/base/err.h"
#include "core/base/text.h"
#include "core/host/control.h"
#include "core/host/embedded.h"
#include "core/host/home.h"
#include "core/host/inbox.h"
#include "core/host/linkset.h"
#include "core/host/peers_file.h"
#include "core/host/wake.h"

#define THE_DIAL 1

struct ask {
    struct embedded *embedded; /* then nothing else below is used */
    struct home home;
    bool has_home;
    struct loop *loop;
    struct linkset *links;
    struct identity *identity;
    struct wake wake;
    struct ask *before; /* whose wait ended before this one was opened */
    struct inbox inbox;
    uint64_t link; /* 0 while there is none */
    int fault;     /* why it has ended, or could not begin; 0 while all is well */
    char where[HOME_PATH_SIZE];
    bool by_control; /* where is the socket */
    char said[ASK_MESSAGE_SIZE];
};

/* The one line a signal handler may end the wait of: the one that was opened last, and behind it
 * those that are still open. Set before handlers can run. */
static struct ask *volatile woken;

static void on_up(void *ctx, uint64_t link, uint32_t dial, const struct link_peer *peer)
{
    struct ask *a = ctx;
    (void)dial;
    if (peer->party != PARTY_NODE) {
        a->fault = ERR_IDENTITY;
        linkset_close(a->links, link);
        return;
    }
    a->link = link;
}

static void on_frame(void *ctx, uint64_t link, const struct frame *frame)
{
    struct ask *a = ctx;
    (void)link;
    int rc = inbox_put(&a->inbox, frame);
    if (rc < 0)
        a->fault = rc;
}

static void on_down(void *ctx, uint64_t link, enum party party, enum link_end end, int fault,
                    uint8_t version)
{
    struct ask *a = ctx;
    (void)link;
    (void)party;
    (void)end;
    a->link = 0;
    a->fault =
        fault == ERR_VERSION || fault == ERR_IDENTITY || fault == ERR_FULL ? fault : ERR_CLOSED;
    if (fault == ERR_VERSION)
        snprintf(a->said, sizeof a->said,
                 "the node at %s speaks protocol version %u and this velum speaks %u: use the same "
                 "velum on both",
                 a->where, (unsigned)version, (unsigned)WIRE_VERSION);
}

static void on_dial_failed(void *ctx, uint32_t dial, enum dial_end end, int fault)
{
    struct ask *a = ctx;
    (void)dial;
    (void)end;
    a->fault = fault;
}

static int open_links(struct ask *a, struct identity *identity)
{
    struct linkset_events events = {a, on_up, on_frame, on_down, on_dial_failed, NULL};
    return linkset_new(&a->links, a->loop, identity, NULL, &events);
}

/* Runs until the connection stands or has failed. Its own deadline ends it in any case. */
static int wait_for_link(struct ask *a)
{
    struct instant until = instant_plus_us(loop_clock(), LINK_HANDSHAKE_US + S_US);
    linkset_flush(a->links);
    while (a->link == 0 && a->fault == 0) {
        if (wake_taken(&a->wake))
            return ERR_CANCELLED;
        if (instant_reached(loop_clock(), until))
            return ERR_TIMEOUT;
        loop_once(a->loop, until);
        linkset_flush(a->links);
    }
    return a->fault;
}

static void drop_links(struct ask *a)
{
    linkset_free(a->links);
    a->links = NULL;
    a->link = 0;
    a->fault = 0;
}

static int use_control(struct ask *a, const char *path)
{
    int fd = control_connect(path);
    if (fd < 0)
        return fd;
    int rc = open_links(a, NULL);
    if (rc == 0)
        rc = linkset_dial_control(a->links, THE_DIAL, fd);
    if (rc == 0)
        rc = wait_for_link(a);
    text_copy(a->where, sizeof a->where, path);
    a->by_control = rc == 0;
    if (rc < 0)
        drop_links(a);
    return rc;
}

struct search {
    struct ask *ask;
    uint16_t port; /* 0: any */
    bool found;
    bool any; /* there was somebody to try */
};

static bool try_control(void *ctx, uint16_t port, const char *path)
{
    struct search *s = ctx;
    if (s->port == 0 || s->port == port)
        s->found = use_control(s->ask, path) == 0;
    return s->found;
}

static bool find_control(struct ask *a, uint16_t port)
{
    struct search s = {a, port, false, false};
    if (a->has_home)
        home_controls(&a->home, try_control, &s);
    return s.found;
}

/* What went wrong with an address, in words. What is no node of this version counts as nobody being
 * there, but says so. */
static int explain(const struct ask *a, int rc, const char *addr, char *message)
{
    const char *format = "no node answers at %s";
    int code = ERR_UNREACHABLE;
    if (rc == ERR_TIMEOUT)
        format = "somebody listens at %s, but no node answered within 3 s";
    if (rc == ERR_FORMAT || rc == ERR_IO || rc == ERR_CLOSED)
        format = "what listens at %s is no velum node";
    if (rc == ERR_IDENTITY) {
        format = a->identity && identity_met_other_time(a->identity)
                     ? "by the clock of this machine the certificate of the node at %s is not "
                       "good now: set the clock of this machine, or of that one"
                     : "the node at %s belongs to another mesh, or to another user";
        code = ERR_IDENTITY;
    }
    if (rc == ERR_VERSION) {
        snprintf(message, ASK_MESSAGE_SIZE,
                 "the node at %s does not speak protocol version %u, which this velum speaks: use "
                 "the same velum on both",
                 addr, (unsigned)WIRE_VERSION);
        return ERR_VERSION;
    }
    if (rc == ERR_CANCELLED || rc == ERR_NO_MEMORY || rc == ERR_SYSTEM)
        code = rc;
    if (a->said[0])
        text_copy(message, ASK_MESSAGE_SIZE, a->said);
    else
        snprintf(message, ASK_MESSAGE_SIZE, format, addr);
    return code;
}

static int open_identity(struct ask *a, char *message)
{
    if (a->identity)
        return 0;
    if (!a->has_home) {
        snprintf(message, ASK_MESSAGE_SIZE,
                 "there is no folder with your key: set VELUM_HOME or HOME");
        return ERR_NOT_FOUND;
    }
    return identity_user(&a->identity, &a->home, message);
}

static int use_tls(struct ask *a, const char *addr, char *message)
{
    int rc = open_identity(a, message);
    if (rc < 0)
        return rc;
    rc = open_links(a, a->identity);
    if (rc == 0)
        rc = linkset_dial(a->links, THE_DIAL, addr, NULL, false);
    if (rc == 0)
        rc = wait_for_link(a);
    text_copy(a->where, sizeof a->where, addr);
    if (rc == 0)
        return 0;
    rc = explain(a, rc, addr, message);
    drop_links(a);
    return rc;
}

static int use_addr(struct ask *a, const struct ask_options *o, char *message)
{
    const char *text = o->addr;
    struct address to;
    char addr[ADDR_SIZE], why[512] = "";
    int rc = address_resolve(text, &to, why);
    if (rc < 0) {
        snprintf(message, ASK_MESSAGE_SIZE, "%.200s: %s", text, why);
        return rc == ERR_FORMAT ? rc : ERR_UNREACHABLE;
    }
    if (address_is_loopback(&to) && find_control(a, address_port(&to)))
        return 0;
    address_text(&to, addr);
    if (o->control_only)
        return explain(a, ERR_UNREACHABLE, addr, message);
    return use_tls(a, addr, message);
}

static void try_peer(void *ctx, uint16_t port, const char *addr)
{
    struct search *s = ctx;
    char message[ASK_MESSAGE_SIZE];
    (void)port;
    if (!s->found)
        s->found = use_tls(s->ask, addr, message) == 0;
}

/* Nodes with a state folder elsewhere have no socket here, but they have said where they listen. */
static bool find_announced(struct ask *a)
{
    struct search s = {a, 0, false, false};
    if (a->has_home)
        home_peers(&a->home, try_peer, &s);
    return s.found;
}

static void try_joined(void *ctx, const char *text)
{
    struct search *s = ctx;
    struct address to;
    char addr[ADDR_SIZE], message[512];
    s->any = true;
    if (s->found || address_resolve(text, &to, message) < 0)
        return;
    address_text(&to, addr);
    s->found = use_tls(s->ask, addr, message) == 0;
}

/* A machine that joined a mesh uses it by whom it joined. 0; ERR_NOT_FOUND when it did not;
 * ERR_UNREACHABLE: a job is not computed here alone for that, unless it is asked for. */
static int find_joined(struct ask *a)
{
    struct search s = {a, 0, false, false};
    if (a->has_home)
        peers_file_read(&a->home, try_joined, &s);
    return s.found ? 0 : s.any ? ERR_UNREACHABLE : ERR_NOT_FOUND;
}

static int open_embedded(struct ask *a, const struct ask_options *o, char *message)
{
    char text[HOST_MESSAGE_SIZE] = "";
    ensure(o->spawner);
    const struct embedded_options e = {
        .slots = o->slots, .guest = o->guest, .objects = o->objects, .foreign = o->foreign};
    int rc = o->node ? embedded_open_node(&a->embedded, o->spawner, o->node, o->guest, text)
                     : embedded_open(&a->embedded, o->spawner, &e, text);
    if (rc < 0)
        text_copy(message, ASK_MESSAGE_SIZE, text);
    return rc;
}

static int open_somewhere(struct ask *a, const struct ask_options *o, char *message)
{
    if (o->embedded_only)
        return open_embedded(a, o, message);
    if (o->addr)
        return use_addr(a, o, message);
    if (find_control(a, 0) || find_announced(a))
        return 0;
    int rc = find_joined(a);
    if (rc == 0)
        return 0;
    if (o->embedded_ok && rc == ERR_NOT_FOUND)
        return open_embedded(a, o, message);
    snprintf(message, ASK_MESSAGE_SIZE, "%s",
             rc == ERR_NOT_FOUND ? "no node of yours runs on this machine"
                                 : "none of the nodes that this machine joined by answers");
    return ERR_UNREACHABLE;
}

int ask_open(struct ask **out, const struct ask_options *o, char message[ASK_MESSAGE_SIZE])
{
    char unused[HOME_MESSAGE_SIZE];
    struct ask *a = calloc(1, sizeof *a);
    message[0] = 0;
    if (!a)
        return ERR_NO_MEMORY;
    a->wake.fd = -1;
    inbox_init(&a->inbox);
    a->has_home = home_locate(&a->home, unused) == 0;
    int rc = o->guest ? loop_new_guest(&a->loop) : loop_new(&a->loop);
    if (rc == 0)
        rc = wake_open(&a->wake, a->loop);
    a->before = woken;
    woken = a;
    if (rc == 0)
        rc = open_somewhere(a, o, message);
    if (rc < 0)
        ask_close(a);
    else
        *out = a;
    return rc;
}

int ask_reopen(struct ask **a, const struct ask_options *o)
{
    char message[ASK_MESSAGE_SIZE];
    struct ask_options again = *o;
    ask_close(*a);
    *a = NULL;
    again.embedded_ok = again.embedded_only = false;
    int rc = ask_open(a, &again, message);
    if (rc < 0 && again.addr) {
        again.addr = NULL;
        rc = ask_open(a, &again, message);
    }
    return rc;
}

bool ask_is_embedded(const struct ask *a)
{
    return a->embedded != NULL;
}

struct identity *ask_identity(struct ask *a)
{
    if (a->embedded)
        return embedded_identity(a->embedded);
    return open_identity(a, a->said) == 0 ? a->identity : NULL;
}

const char *ask_fault(const struct ask *a)
{
    return a->said;
}

const char *ask_control(const struct ask *a)
{
    return a->by_control ? a->where : NULL;
}

int ask_send(struct ask *a, uint8_t type, uint32_t request, struct bytes payload)
{
    if (a->embedded)
        return embedded_send(a->embedded, type, request, payload);
    if (a->fault < 0)
        return a->fault;
    linkset_send(a->links, a->link, type, request, payload);
    linkset_flush(a->links);
    return a->fault;
}

int ask_next(struct ask *a, struct instant until, struct frame *out)
{
    if (a->embedded)
        return embedded_next(a->embedded, until, out);
    for (;;) {
        if (inbox_take(&a->inbox, out) > 0)
            return 1;
        if (wake_taken(&a->wake))
            return ERR_CANCELLED;
        if (a->fault < 0)
            return a->fault;
        if (instant_reached(loop_clock(), until))
            return 0;
        loop_once(a->loop, until);
        linkset_flush(a->links);
    }
}

void ask_step(struct ask *a)
{
    if (a->embedded) {
        embedded_step(a->embedded);
        return;
    }
    linkset_flush(a->links);
    (void)loop_poll(a->loop);
    linkset_flush(a->links);
}

int ask_fd(const struct ask *a)
{
    return a->embedded ? embedded_fd(a->embedded) : loop_fd(a->loop);
}

struct instant ask_due(const struct ask *a)
{
    return a->embedded ? embedded_due(a->embedded) : loop_due(a->loop);
}

void ask_ring(const struct ask *a)
{
    if (a->embedded)
        embedded_wake(a->embedded);
    else
        wake_ring(&a->wake);
}

void ask_wake(void)
{
    const struct ask *a = woken;
    if (a)
        ask_ring(a);
}

void ask_close(struct ask *a)
{
    if (!a)
        return;
    if (woken == a)
        woken = a->before;
    embedded_close(a->embedded);
    linkset_free(a->links);
    identity_free(a->identity);
    wake_close(&a->wake);
    loop_free(a->loop);
    inbox_clear(&a->inbox);
    free(a);
}
