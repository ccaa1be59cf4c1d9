/* Links of a key that is barred: they are told why and closed as they come up, and nothing that
 * comes over them is read, whoever dialled; until they are gone they are strangers'. */
#include "core/host/linkset.h"

#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/base/err.h"
#include "core/host/connection.h"
#include "core/wire/message.h"
#include "tests/lib/check.h"

#define CROWD 70

/* Of the key that may be barred, in a loop of its own, so that it stands still when it is not run.
 */
struct client {
    struct loop *loop;
    struct linkset *links;
    int ups, told;
};

static struct identity *node, *user;
static struct node_id barred; /* zero: nobody is */
static struct loop *loop;
static struct linkset *links; /* the node's */
static int ups, frames;

static bool is_barred(const struct node *n, struct node_id id)
{
    (void)n;
    return node_id_equal(id, barred);
}

/* As door.c does. */
static void on_up(void *ctx, uint64_t link, uint32_t dial, const struct link_peer *peer)
{
    (void)ctx, (void)dial;
    ups++;
    if (!is_barred(NULL, peer->id))
        return;
    linkset_send(links, link, MESSAGE_REPLY_ERROR, 0, bytes_of_text("why"));
    linkset_close(links, link);
}

static void on_frame(void *ctx, uint64_t link, const struct frame *frame)
{
    (void)ctx, (void)link, (void)frame;
    frames++;
}

static void on_client_up(void *ctx, uint64_t link, uint32_t dial, const struct link_peer *peer)
{
    struct client *c = ctx;
    (void)dial, (void)peer;
    c->ups++;
    for (int i = 0; i < 100; i++)
        linkset_send(c->links, link, MESSAGE_REQUEST_NODES, 1, bytes_of_text(""));
}

static void on_client_frame(void *ctx, uint64_t link, const struct frame *frame)
{
    struct client *c = ctx;
    (void)link;
    c->told += frame->type == MESSAGE_REPLY_ERROR && frame->request == 0;
}

static void on_down(void *ctx, uint64_t link, enum party party, enum link_end how, int fault,
                    uint8_t version)
{
    (void)ctx, (void)link, (void)party, (void)how, (void)fault, (void)version;
}

static void on_dial_failed(void *ctx, uint32_t dial, enum dial_end how, int fault)
{
    (void)ctx, (void)dial, (void)how, (void)fault;
}

static void begin(void)
{
    const struct linkset_events events = {
        .up = on_up, .frame = on_frame, .down = on_down, .dial_failed = on_dial_failed};
    signal(SIGPIPE, SIG_IGN);
    barred = (struct node_id){{0}};
    ups = frames = 0;
    REQUIRE(identity_fleeting(&node) == 0 && identity_fleeting_user(&user, node) == 0);
    REQUIRE(loop_new(&loop) == 0 && linkset_new(&links, loop, node, NULL, &events) == 0);
    linkset_bar(links, is_barred, NULL);
}

static void end(void)
{
    linkset_free(links);
    loop_free(loop);
    identity_free(user);
    identity_free(node);
}

static void client_open(struct client *c, struct identity *who)
{
    const struct linkset_events events = {.ctx = c,
                                          .up = on_client_up,
                                          .frame = on_client_frame,
                                          .down = on_down,
                                          .dial_failed = on_dial_failed};
    *c = (struct client){.ups = 0};
    REQUIRE(loop_new(&c->loop) == 0 && linkset_new(&c->links, c->loop, who, NULL, &events) == 0);
}

static void client_close(struct client *c)
{
    linkset_free(c->links);
    loop_free(c->loop);
}

static void one_round(struct linkset *s, struct loop *l)
{
    linkset_flush(s);
    loop_once(l, instant_plus_us(loop_clock(), MS_US));
    linkset_flush(s);
}

/* The node and this client go on until it is so. */
#define UNTIL(c, condition)                                                                        \
    do {                                                                                           \
        struct instant run_end = instant_plus_us(loop_clock(), 20 * S_US);                         \
        while (!(condition) && !instant_reached(loop_clock(), run_end)) {                          \
            one_round(links, loop);                                                                \
            one_round((c)->links, (c)->loop);                                                      \
        }                                                                                          \
        REQUIRE(condition);                                                                        \
    } while (0)

static void join(struct linkset *from, struct linkset *to)
{
    struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof v4;
    char addr[ADDR_SIZE];
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    REQUIRE(bind(fd, (struct sockaddr *)&v4, len) == 0 && listen(fd, 1) == 0 &&
            getsockname(fd, (struct sockaddr *)&v4, &len) == 0);
    snprintf(addr, sizeof addr, "127.0.0.1:%u", ntohs(v4.sin_port));
    REQUIRE(linkset_dial(from, 1, addr, NULL, false) == 0);
    REQUIRE(linkset_accept(to, accept4(fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC), false) == 0);
    close(fd);
}

/* `who` is at the other end: a user who dials, or a node that is dialled. */
static void check_told(bool dials)
{
    struct client c;
    begin();
    client_open(&c, dials ? user : node);
    barred = identity_id(dials ? user : node);
    join(dials ? c.links : links, dials ? links : c.links);
    UNTIL(&c, c.told == 1 && linkset_count(links) == 0);
    CHECK_INT(ups, 1);
    CHECK_INT(c.ups, 1);
    CHECK_INT(frames, 0);
    /* The same frames are read of who is not barred. */
    barred = (struct node_id){{0}};
    join(dials ? c.links : links, dials ? links : c.links);
    UNTIL(&c, frames == 100);
    client_close(&c);
    end();
}

TEST(who_is_barred_is_told_why_and_no_frame_of_his_is_read)
{
    check_told(true);
}

TEST(nor_is_one_of_whom_the_node_dialled)
{
    check_told(false);
}

/* None of them closes, and the oldest go. */
TEST(those_that_are_going_are_strangers)
{
    static struct client clients[CROWD];
    begin();
    barred = identity_id(user);
    for (int i = 0; i < CROWD; i++) {
        struct client *c = &clients[i];
        client_open(c, user);
        join(c->links, links);
        UNTIL(c, ups == i + 1);
        CHECK_INT(linkset_count(links), linkset_half_open(links));
        CHECK(linkset_half_open(links) <= LINKSET_HALF_OPEN_MAX);
    }
    CHECK(linkset_half_open(links) > 0);
    CHECK_INT(frames, 0);
    for (int i = 0; i < CROWD; i++)
        client_close(&clients[i]);
    end();
}

TEST(their_handshakes_are_strangers_too)
{
    struct client c;
    begin();
    client_open(&c, user);
    barred = identity_id(user);
    links->share_end = instant_plus_us(loop_clock(), 3600 * S_US);
    join(c.links, links);
    UNTIL(&c, c.told == 1);
    CHECK(links->share_us > 0);
    links->share_us = 0;
    barred = (struct node_id){{0}};
    join(c.links, links);
    UNTIL(&c, ups == 2);
    CHECK_INT(links->share_us, 0);
    client_close(&c);
    end();
}

TEST_MAIN(who_is_barred_is_told_why_and_no_frame_of_his_is_read,
          nor_is_one_of_whom_the_node_dialled, those_that_are_going_are_strangers,
          their_handshakes_are_strangers_too)
