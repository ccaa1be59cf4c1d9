/* A link over which very many frames come: it hands up so many in a turn and in a second, others
 * have their turn between, and nothing is lost, nor told in another order. */
#include "core/host/linkset.h"

#include "core/base/err.h"
#include "core/host/connection.h"
#include "core/wire/message.h"
#include "tests/unit/link_client.h"

#define MANY 30000u
#define PAYLOAD_MAX 40

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
    many = few = 0;
    of_many = of_few = of_many_before_few = wrong = downs = 0;
    node_open((struct linkset_events){.up = on_up, .frame = on_frame, .down = on_down});
}

static const struct linkset_events of_client = {
    .up = on_client_up, .frame = on_nothing, .down = on_down};

/* Gives how many frames of `many` were handed up. */
static uint32_t one_round(struct client *c)
{
    const uint32_t before = of_many;
    client_round(c);
    node_round();
    return of_many - before;
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
    client_open(&c, user, of_client);
    connect_by_tls(c.links, links);
    UNTIL(&c, NULL, many != 0 && c.link != 0);
    const struct instant began = loop_clock();
    bool was_put_off = false;
    say_many(&c);
    while (downs == 0 && instant_since_us(loop_clock(), began) < 20 * S_US) {
        CHECK(one_round(&c) <= 2 * LINK_TURN_FRAMES);
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
    node_close();
}

/* It would be woken for each single frame. */
TEST(who_is_put_off_is_so_while_he_is_answered)
{
    struct client c;
    uint32_t looked = 0;
    begin();
    client_open(&c, user, of_client);
    connect_by_tls(c.links, links);
    UNTIL(&c, NULL, many != 0 && c.link != 0);
    say_many(&c);
    while (of_many < MANY && downs == 0) {
        (void)one_round(&c);
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
    node_close();
}

TEST(others_are_heard_between)
{
    struct client a, b;
    begin();
    client_open(&a, user, of_client);
    connect_by_tls(a.links, links);
    UNTIL(&a, NULL, many != 0 && a.link != 0);
    client_open(&b, user, of_client);
    connect_by_tls(b.links, links);
    UNTIL(&a, &b, few != 0 && b.link != 0);
    say_many(&a);
    for (int i = 0; i < 3; i++)
        (void)one_round(&a);
    CHECK(of_many > 0);
    const uint32_t had = of_many;
    linkset_send(b.links, b.link, MESSAGE_PING, 0, bytes_of_text(""));
    UNTIL(&a, &b, of_few == 1);
    CHECK(of_many_before_few <= had + 8 * LINK_TURN_FRAMES);
    UNTIL(&a, &b, of_many == MANY);
    CHECK_INT(wrong, 0);
    client_close(&a);
    client_close(&b);
    node_close();
}

TEST(who_comes_over_the_control_socket_waits_for_nothing)
{
    struct client c;
    begin();
    client_open(&c, user, of_client);
    connect_by_control(&c);
    UNTIL(&c, NULL, many != 0 && c.link != 0);
    say_many(&c);
    while (downs == 0) {
        REQUIRE(one_round(&c) <= 2 * LINK_TURN_FRAMES);
        CHECK(!one_is_put_off());
    }
    CHECK_INT(of_many, MANY);
    CHECK_INT(wrong, 0);
    client_close(&c);
    node_close();
}

TEST_MAIN(a_link_over_tls_hands_up_so_many_a_second_and_all_of_them,
          who_is_put_off_is_so_while_he_is_answered, others_are_heard_between,
          who_comes_over_the_control_socket_waits_for_nothing)
