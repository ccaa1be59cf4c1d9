#include <stdio.h>
#include <time.h>

#include "cmd/invitation.h"
#include "core/base/err.h"
#include "core/host/address.h"
#include "core/host/listening.h"
#include "core/host/loop.h"
#include "core/host/peers_file.h"

#define NODES_MAX 64
#define ANSWER_US (3 * S_US)
#define LOOK_NS 10000000L

static const struct opt opts[] = {
    {.name = "bind",
     .kind = OPT_TEXT,
     .value = "ADDR",
     .effect = "nodes of this machine listen on ADDR (0.0.0.0)"},
    INVITATION_OPTS,
    {0},
};

/* --- nodes that run --- */

/* A node of this machine that listens on loopback only, as it was announced. */
struct shut {
    uint16_t port;
    bool opened;
    char why[HOME_MESSAGE_SIZE]; /* it could not; "": it has not answered */
};

struct nodes {
    const struct home *home;
    uint32_t count, opened, failed;
    struct shut list[NODES_MAX];
};

static bool is_loopback(const char *addr)
{
    struct address a;
    return address_parse(addr, &a) == 0 && address_is_loopback(&a);
}

static void ignore(void *ctx, const struct address *at)
{
    (void)ctx;
    (void)at;
}

/* What is announced outlives a node that was killed. */
static void add_shut(void *ctx, uint16_t port, const char *addr)
{
    struct nodes *n = ctx;
    if (n->count == NODES_MAX || !is_loopback(addr) || listening_on(port, ignore, NULL) == 0)
        return;
    home_shut(n->home, port, "");
    n->list[n->count++] = (struct shut){.port = port};
}

static void look_again(void *ctx, uint16_t port, const char *addr)
{
    struct nodes *n = ctx;
    for (uint32_t i = 0; i < n->count; i++) {
        struct shut *s = &n->list[i];
        if (s->port == port && !s->opened && !is_loopback(addr)) {
            s->opened = true;
            n->opened++;
        }
    }
}

static void look_why(struct nodes *n)
{
    for (uint32_t i = 0; i < n->count; i++) {
        struct shut *s = &n->list[i];
        if (!s->opened && !s->why[0] && home_shut_why(n->home, s->port, s->why))
            n->failed++;
    }
}

/* Each answers by itself, as soon as it has seen the file. */
static void wait_for(struct nodes *n)
{
    const struct instant end = instant_plus_us(loop_clock(), ANSWER_US);
    while (n->opened + n->failed < n->count && instant_before(loop_clock(), end)) {
        const struct timespec step = {.tv_nsec = LOOK_NS};
        nanosleep(&step, NULL);
        home_peers(n->home, look_again, n);
        look_why(n);
    }
}

static void say_nodes(const struct nodes *n)
{
    for (uint32_t i = 0; i < n->count; i++) {
        const struct shut *s = &n->list[i];
        if (s->opened)
            talk_line("the node on port %u is open now", s->port);
        else
            talk_line("the node on port %u still listens on loopback only: %s", s->port,
                      s->why[0] ? s->why : "it has not answered; start it again");
    }
}

/* --- the mesh --- */

/* Where no node of those that run can be opened the mesh is not: it is left as it was. */
static int open_mesh(const struct home *h, const char *bind, char *message)
{
    static struct nodes n;
    char before[OPEN_ADDR_SIZE];
    (void)home_open_address(h, before);
    n.home = h;
    home_peers(h, add_shut, &n);
    int rc = home_open_write(h, bind, message);
    if (rc < 0)
        return rc;
    wait_for(&n);
    say_nodes(&n);
    if (n.failed == 0 || n.failed < n.count)
        return 0;
    (void)home_open_write(h, before, message);
    snprintf(message, HOME_MESSAGE_SIZE, "the mesh is not open: no node of this machine could be");
    return ERR_REFUSED;
}

static int run(const struct call *c)
{
    struct home h;
    struct address bound;
    char message[HOME_MESSAGE_SIZE] = "", text[512] = "";
    const char *bind = opt_text(c->opts, "bind", "0.0.0.0");
    if (address_of(bind, 1, &bound, text) < 0 || address_is_loopback(&bound)) {
        talk_error("--bind %s: %s", bind, text[0] ? text : "that is reached from here only");
        talk_try("--bind 0.0.0.0, or an address of this machine");
        return CODE_MISUSE;
    }
    int rc = invite_open(&h, message);
    if (rc < 0)
        return invitation_refuse(rc, message);
    rc = open_mesh(&h, bind, message);
    if (rc < 0) {
        talk_error("%s", message[0] ? message : err_sentence(rc));
        talk_try(rc == ERR_REFUSED ? "velum init --bind ADDR, or start it again with another --port"
                                   : "velum help init");
        return CODE_FAILED;
    }
    int code = invitation_give(c, &h);
    if (code == CODE_DONE)
        talk_line("here: velum node    on the other machine: velum join, with the string");
    return code;
}

const struct cmd cmd_init = {
    .name = "init",
    .args = "",
    .summary = "open this mesh to the network, and print a string to join it by",
    .more = "Nodes of this machine listen on all its addresses, those that run from now on. They\n"
            "speak mutual TLS with certificates of this mesh only. The string is good for one\n"
            "machine and one hour (velum help token), and is a secret until then.",
    .group = GROUP_MESH,
    .opts = opts,
    .run = run,
};
