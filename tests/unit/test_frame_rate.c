/* A link over which very many frames come: it hands up so many in a turn and in a second, others
 * have their turn between, and nothing is lost, nor told in another order. */
#include "core/host/linkset.h"

#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/base/err.h"
#include "core/host/connection.h"
#include "core/wire/message.h"
#include "tests/lib/check.h"

#define MANY 30000u
#define PAYLOAD_MAX 40

/* At the other end of a link, in a loop of its own. */
struct client {
    struct loop *loop;
    struct linkset *links;
    uint64_t link;
};

static struct identity *node, *user;
static struct loop *loop;
static struct linkset *links; /* the node's */
static uint64_t many, few;    /* its links, in the order in which they came up */
static uint32_t of_many, of_few, of_many_before_few, wrong, downs;

static void on_up(void *ctx, uint64_t link, uint32_t dial, const struct link_peer *peer)
{
    (void)ctx, (void)dial, (void)peer;
    *(many == 0 ? &many : &few) = link;
}

/* Frame i of many has i % PAYLOAD_MAX bytes and carries its number. */
static void on_frame(void *ctx, uint64_t link, const struct frame *frame)
{
    (void)ctx;
    if (link == few) {
        of_few++;
        of_many_before_few = of_many;
        return;
    }
    wrong += frame->request != of_many || frame->payload.len != of_many % PAYLOAD_MAX;
    of_many++;
}

static void on_down(void *ctx, uint64_t link, enum party party, enum link_end how, int fault,
                    uint8_t version)
{
    (void)ctx, (void)link, (void)party, (void)how, (void)fault, (void)version;
    downs++;
}

static void on_dial_failed(void *ctx, uint32_t dial, enum dial_end how, int fault)
{
    (void)ctx, (void)dial, (void)how, (void)fault;
}

static void on_client_up(void *ctx, uint64_t link, uint32_t dial, const struct link_peer *peer)
{
    struct client *c = ctx;
    (void)dial, (void)peer;
    c->link = link;
}

static void on_nothing(void *ctx, uint64_t link, const struct frame *frame)
{
    (void)ctx, (void)link, (void)frame;
}

static void begin(void)
{
    const struct linkset_events events = {
        .up = on_up, .frame = on_frame, .down = on_down, .dial_failed = on_dial_failed};
    signal(SIGPIPE, SIG_IGN);
    many = few = 0;
    of_many = of_few = of_many_before_few = wrong = downs = 0;
    REQUIRE(identity_fleeting(&node) == 0 && identity_fleeting_user(&user, node) == 0);
    REQUIRE(loop_new(&loop) == 0 && linkset_new(&links, loop, node, user, &events) == 0);
}

static void end(void)
{
    linkset_free(links);
    loop_free(loop);
    identity_free(user);
    identity_free(node);
}

static void client_open(struct client *c)
{
    const struct linkset_events events = {.ctx = c,
                                          .up = on_client_up,
                                          .frame = on_nothing,
                                          .down = on_down,
                                          .dial_failed = on_dial_failed};
    *c = (struct client){.link = 0};
    REQUIRE(loop_new(&c->loop) == 0 && linkset_new(&c->links, c->loop, user, NULL, &events) == 0);
}

static void client_close(struct client *c)
{
    linkset_free(c->links);
    loop_free(c->loop);
}

/* Gives how many frames of `many` were handed up. */
static uint32_t one_round(struct client *a, struct client *b)
{
    const uint32_t before = of_many;
    for (struct client *c = a; c; c = c == a ? b : NULL) {
        linkset_flush(c->links);
        (void)loop_poll(c->loop);
        linkset_flush(c->links);
    }
    linkset_flush(links);
    loop_once(loop, instant_plus_us(loop_clock(), MS_US));
    linkset_flush(links);
    return of_many - before;
}

#define UNTIL(a, b, condition)                                                                     \
    do {                                                                                           \
        struct instant run_end = instant_plus_us(loop_clock(), 20 * S_US);                         \
        while (!(condition) && !instant_reached(loop_clock(), run_end))                            \
            (void)one_round(a, b);                                                                 \
        REQUIRE(condition);                                                                        \
    } while (0)

static void connect_by_tls(struct client *c)
{
    struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof v4;
    char addr[ADDR_SIZE];
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    REQUIRE(bind(fd, (struct sockaddr *)&v4, len) == 0 && listen(fd, 1) == 0 &&
            getsockname(fd, (struct sockaddr *)&v4, &len) == 0);
    snprintf(addr, sizeof addr, "127.0.0.1:%u", ntohs(v4.sin_port));
    REQUIRE(linkset_dial(c->links, 1, addr, NULL, false) == 0);
    REQUIRE(linkset_accept(links, accept4(fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC), false) ==
            0);
    close(fd);
}

static void connect_by_control(struct client *c)
{
    int fds[2];
    REQUIRE(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds) == 0);
    REQUIRE(linkset_dial_control(c->links, 1, fds[0]) == 0);
    REQUIRE(linkset_accept_control(links, fds[1]) == 0);
}

static void say_many(struct client *c)
{
    static const uint8_t bytes[PAYLOAD_MAX];
    for (uint32_t i = 0; i < MANY; i++)
        linkset_send(c->links, c->link, MESSAGE_PING, i, (struct bytes){bytes, i % PAYLOAD_MAX});
    linkset_close(c->links, c->link);
}

static bool one_is_put_off(void)
{
    bool is = false;
    for (uint32_t i = 0; i < SLOTS; i++) {
        const struct connection *k = links->slots[i];
        is |= k && k->put_off;
        CHECK(!k || !k->put_off || !k->again);
    }
    return is;
}

/* It closes right behind the last of them. */
TEST(a_link_over_tls_hands_up_so_many_a_second_and_all_of_them)
{
    struct client c;
    begin();
    client_open(&c);
    connect_by_tls(&c);
    UNTIL(&c, NULL, many != 0 && c.link != 0);
    const struct instant began = loop_clock();
    bool was_put_off = false;
    say_many(&c);
    while (downs == 0 && instant_since_us(loop_clock(), began) < 20 * S_US) {
        CHECK(one_round(&c, NULL) <= 2 * LINK_TURN_FRAMES);
        was_put_off |= one_is_put_off();
        /* What came while nobody was in the loop is there as well. */
        CHECK(of_many <=
              LINK_FRAMES_AT_ONCE + (uint64_t)instant_since_us(loop_clock(), began) / 20 + 1);
    }
    CHECK(was_put_off);
    CHECK_INT(of_many, MANY);
    CHECK_INT(wrong, 0);
    CHECK_INT(downs, 1);
    client_close(&c);
    end();
}

/* It would be woken for each single frame. */
TEST(who_is_put_off_is_so_while_he_is_answered)
{
    struct client c;
    uint32_t looked = 0;
    begin();
    client_open(&c);
    connect_by_tls(&c);
    UNTIL(&c, NULL, many != 0 && c.link != 0);
    say_many(&c);
    while (of_many < MANY && downs == 0) {
        (void)one_round(&c, NULL);
        if (!one_is_put_off())
            continue;
        const struct instant at = links->rate_at;
        const uint32_t before = of_many;
        linkset_send(links, many, MESSAGE_PONG, 0, bytes_of_text(""));
        linkset_flush(links);
        (void)loop_poll(loop);
        if (links->rate_at.us != at.us || instant_reached(loop_clock(), at))
            continue; /* its time had come */
        looked++;
        CHECK_INT(of_many - before, 0);
    }
    CHECK(looked > 0);
    CHECK_INT(of_many, MANY);
    CHECK_INT(wrong, 0);
    client_close(&c);
    end();
}

TEST(others_are_heard_between)
{
    struct client a, b;
    begin();
    client_open(&a);
    connect_by_tls(&a);
    UNTIL(&a, NULL, many != 0 && a.link != 0);
    client_open(&b);
    connect_by_tls(&b);
    UNTIL(&a, &b, few != 0 && b.link != 0);
    say_many(&a);
    for (int i = 0; i < 3; i++)
        (void)one_round(&a, NULL);
    CHECK(of_many > 0);
    const uint32_t had = of_many;
    linkset_send(b.links, b.link, MESSAGE_PING, 0, bytes_of_text(""));
    UNTIL(&a, &b, of_few == 1);
    CHECK(of_many_before_few <= had + 8 * LINK_TURN_FRAMES);
    UNTIL(&a, &b, of_many == MANY);
    CHECK_INT(wrong, 0);
    client_close(&a);
    client_close(&b);
    end();
}

TEST(who_comes_over_the_control_socket_waits_for_nothing)
{
    struct client c;
    begin();
    client_open(&c);
    connect_by_control(&c);
    UNTIL(&c, NULL, many != 0 && c.link != 0);
    say_many(&c);
    while (downs == 0) {
        REQUIRE(one_round(&c, NULL) <= 2 * LINK_TURN_FRAMES);
        CHECK(!one_is_put_off());
    }
    CHECK_INT(of_many, MANY);
    CHECK_INT(wrong, 0);
    client_close(&c);
    end();
}

TEST_MAIN(a_link_over_tls_hands_up_so_many_a_second_and_all_of_them,
          who_is_put_off_is_so_while_he_is_answered, others_are_heard_between,
          who_comes_over_the_control_socket_waits_for_nothing)
