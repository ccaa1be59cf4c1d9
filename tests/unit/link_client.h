/* The links of a node, and clients at the other end of them, each in a loop of its own, so that one
 * stands still while it is not run. Header only. */
#ifndef VELUM_TESTS_LINK_CLIENT_H
#define VELUM_TESTS_LINK_CLIENT_H

#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/host/linkset.h"
#include "tests/lib/check.h"
#include "tests/lib/free_port.h"

struct client {
    struct loop *loop;
    struct linkset *links;
    uint64_t link;
    int ups, told;
};

static struct identity *node, *user;
static struct loop *loop;
static struct linkset *links; /* the node's */

static inline void on_dial_failed(void *ctx, uint32_t dial, enum dial_end how, int fault)
{
    (void)ctx, (void)dial, (void)how, (void)fault;
}

/* A node, and a user of it, whose links of this machine it takes too. */
static inline void node_open(struct linkset_events events)
{
    events.dial_failed = on_dial_failed;
    signal(SIGPIPE, SIG_IGN);
    REQUIRE(identity_fleeting(&node) == 0 && identity_fleeting_user(&user, node) == 0);
    REQUIRE(loop_new(&loop) == 0 && linkset_new(&links, loop, node, user, &events) == 0);
}

static inline void node_close(void)
{
    linkset_free(links);
    loop_free(loop);
    identity_free(user);
    identity_free(node);
}

/* Its events have the client as their ctx. */
static inline void client_open(struct client *c, struct identity *who, struct linkset_events events)
{
    events.ctx = c;
    events.dial_failed = on_dial_failed;
    *c = (struct client){.link = 0};
    REQUIRE(loop_new(&c->loop) == 0 && linkset_new(&c->links, c->loop, who, NULL, &events) == 0);
}

static inline void client_close(struct client *c)
{
    linkset_free(c->links);
    loop_free(c->loop);
}

static inline void connect_by_tls(struct linkset *from, struct linkset *to)
{
    char addr[ADDR_SIZE];
    int fd = listen_on_loopback(addr, sizeof addr);
    REQUIRE(linkset_dial(from, 1, addr, NULL, false) == 0);
    REQUIRE(linkset_accept(to, accept4(fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC), false) == 0);
    close(fd);
}

static inline void client_round(struct client *c)
{
    linkset_flush(c->links);
    (void)loop_poll(c->loop);
    linkset_flush(c->links);
}

static inline void node_round(void)
{
    linkset_flush(links);
    loop_once(loop, instant_plus_us(loop_clock(), MS_US));
    linkset_flush(links);
}

/* The node and these clients, of which the second may be NULL, go on until it is so. */
#define UNTIL(a, b, condition)                                                                     \
    do {                                                                                           \
        struct instant run_end = instant_plus_us(loop_clock(), 20 * S_US);                         \
        struct client *clients_[] = {a, b};                                                        \
        while (!(condition) && !instant_reached(loop_clock(), run_end)) {                          \
            for (int c_ = 0; c_ < 2 && clients_[c_]; c_++)                                         \
                client_round(clients_[c_]);                                                        \
            node_round();                                                                          \
        }                                                                                          \
        REQUIRE(condition);                                                                        \
    } while (0)

#endif
