/* Links of a key that is barred: they are told why and closed as they come up, and nothing that
 * comes over them is read, whoever dialled; until they are gone they are strangers'. */
#include "core/host/linkset.h"

#include "core/base/err.h"
#include "core/host/connection.h"
#include "core/wire/message.h"
#include "tests/unit/link_client.h"

#define CROWD 70

static struct node_id barred; /* zero: nobody is */
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

static void begin(void)
{
    barred = (struct node_id){{0}};
    ups = frames = 0;
    node_open((struct linkset_events){.up = on_up, .frame = on_frame, .down = on_down});
    linkset_bar(links, is_barred, NULL);
}

/* Of the key that may be barred. */
static const struct linkset_events of_client = {
    .up = on_client_up, .frame = on_client_frame, .down = on_down};

/* `who` is at the other end: a user who dials, or a node that is dialled. */
static void check_told(bool dials)
{
    struct client c;
    begin();
    client_open(&c, dials ? user : node, of_client);
    barred = identity_id(dials ? user : node);
    connect_by_tls(dials ? c.links : links, dials ? links : c.links);
    UNTIL(&c, NULL, c.told == 1 && linkset_count(links) == 0);
    CHECK_INT(ups, 1);
    CHECK_INT(c.ups, 1);
    CHECK_INT(frames, 0);
    /* The same frames are read of who is not barred. */
    barred = (struct node_id){{0}};
    connect_by_tls(dials ? c.links : links, dials ? links : c.links);
    UNTIL(&c, NULL, frames == 100);
    client_close(&c);
    node_close();
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
        client_open(c, user, of_client);
        connect_by_tls(c->links, links);
        UNTIL(c, NULL, ups == i + 1);
        CHECK_INT(linkset_count(links), linkset_half_open(links));
        CHECK(linkset_half_open(links) <= LINKSET_HALF_OPEN_MAX);
    }
    CHECK(linkset_half_open(links) > 0);
    CHECK_INT(frames, 0);
    for (int i = 0; i < CROWD; i++)
        client_close(&clients[i]);
    node_close();
}

/* However slow this machine is at the moment: strangers have seconds left. */
TEST(their_handshakes_are_strangers_too)
{
    const int64_t left_us = -20 * S_US;
    struct client c;
    begin();
    client_open(&c, user, of_client);
    barred = identity_id(user);
    links->share_end = instant_plus_us(loop_clock(), 3600 * S_US);
    links->share_us = left_us;
    connect_by_tls(c.links, links);
    UNTIL(&c, NULL, c.told == 1);
    CHECK(links->share_us > left_us && links->share_us < 0);
    links->share_us = left_us;
    barred = (struct node_id){{0}};
    connect_by_tls(c.links, links);
    UNTIL(&c, NULL, ups == 2);
    CHECK_INT(links->share_us, 0);
    client_close(&c);
    node_close();
}

TEST_MAIN(who_is_barred_is_told_why_and_no_frame_of_his_is_read,
          nor_is_one_of_whom_the_node_dialled, those_that_are_going_are_strangers,
          their_handshakes_are_strangers_too)
