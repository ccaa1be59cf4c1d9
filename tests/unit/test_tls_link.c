/* Links over real sockets of the loopback: both ends in one loop, or a stranger in a child process
 * who speaks something else. */
#include "core/host/linkset.h"
#include "core/host/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/base/err.h"
#include "core/base/sha256.h"
#include "core/host/certificate.h"
#include "core/host/connection.h"
#include "core/host/control.h"
#include "core/host/listen.h"
#include "core/wire/message.h"
#include "tests/lib/check.h"

#define PAYLOAD 60000

/* One end: what it has seen. */
struct side {
    struct linkset *links;
    struct identity *identity;
    uint64_t link;
    bool bulk;
    int ups, downs, fails, frames;
    uint64_t bytes;
    struct sha256 *content; /* of all frames, where it is asked for */
    struct node_id peer;
    enum party party;
    enum link_end end;
    enum dial_end dial_end;
    int fault;
    uint8_t version;
    bool echoes;
};

struct stage {
    struct loop *loop;
    struct side server, client;
    struct listener *listener;
    char addr[ADDR_SIZE];
    uint16_t port;
    bool bulk;
};

static void on_up(void *ctx, uint64_t link, uint32_t dial, const struct link_peer *peer)
{
    struct side *s = ctx;
    (void)dial;
    s->ups++;
    s->link = link;
    s->peer = peer->id;
    s->party = peer->party;
    s->bulk = peer->bulk;
}

static void on_frame(void *ctx, uint64_t link, const struct frame *frame)
{
    struct side *s = ctx;
    s->frames++;
    s->bytes += frame->payload.len;
    if (s->content != NULL)
        sha256_add(s->content, frame->payload.data, frame->payload.len);
    if (s->echoes)
        linkset_send(s->links, link, frame->type, frame->request, frame->payload);
}

static void on_down(void *ctx, uint64_t link, enum party party, enum link_end end, int fault,
                    uint8_t version)
{
    struct side *s = ctx;
    (void)link;
    (void)party;
    s->downs++;
    s->end = end;
    s->fault = fault;
    s->version = version;
}

static void on_dial_failed(void *ctx, uint32_t dial, enum dial_end end, int fault)
{
    struct side *s = ctx;
    (void)dial;
    s->fails++;
    s->dial_end = end;
    s->fault = fault;
}

static void side_open(struct side *s, struct loop *l, struct identity *identity,
                      struct identity *user)
{
    struct linkset_events events = {s, on_up, on_frame, on_down, on_dial_failed, NULL};
    s->identity = identity;
    REQUIRE(linkset_new(&s->links, l, identity, user, &events) == 0);
}

static void came(void *ctx, int fd, const struct address *from)
{
    struct stage *t = ctx;
    CHECK_INT(linkset_accept(t->server.links, fd, address_is_loopback(from)), 0);
}

/* Listens on a port of the system's choice. */
static void stage_listen(struct stage *t)
{
    struct address at = {.len = sizeof(struct sockaddr_in)};
    struct sockaddr_in *v4 = (struct sockaddr_in *)&at.storage;
    char message[512] = "";
    v4->sin_family = AF_INET;
    v4->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = listen_tcp(&at, message);
    REQUIRE(fd >= 0);
    socklen_t len = sizeof at.storage;
    REQUIRE(getsockname(fd, (struct sockaddr *)&at.storage, &len) == 0);
    t->port = address_port(&at);
    address_text(&at, t->addr);
    REQUIRE(listener_new(&t->listener, t->loop, fd, came, t) == 0);
}

static void stage_open(struct stage *t, struct identity *server, struct identity *client)
{
    memset(t, 0, sizeof *t);
    REQUIRE(loop_new(&t->loop) == 0);
    side_open(&t->server, t->loop, server, client);
    side_open(&t->client, t->loop, client, client);
    stage_listen(t);
}

static void stage_close(struct stage *t)
{
    listener_free(t->listener);
    linkset_free(t->server.links);
    linkset_free(t->client.links);
    loop_free(t->loop);
}

static void stage_round(struct stage *t, struct instant until)
{
    linkset_flush(t->server.links);
    linkset_flush(t->client.links);
    loop_once(t->loop, until);
    linkset_flush(t->server.links);
    linkset_flush(t->client.links);
}

/* Goes on until the condition holds, 20 s at most. */
#define RUN_UNTIL(t, condition)                                                                    \
    do {                                                                                           \
        struct instant run_end = instant_plus_us(loop_clock(), 20 * S_US);                         \
        while (!(condition) && !instant_reached(loop_clock(), run_end))                            \
            stage_round(t, instant_plus_us(loop_clock(), 100 * MS_US));                            \
        REQUIRE(condition);                                                                        \
    } while (0)

static void fleeting_pair(struct identity **node, struct identity **user)
{
    REQUIRE(identity_fleeting(node) == 0);
    REQUIRE(identity_fleeting_user(user, *node) == 0);
}

static void stage_connect(struct stage *t, const struct node_id *pinned)
{
    REQUIRE(linkset_dial(t->client.links, 7, t->addr, pinned, t->bulk) == 0);
    RUN_UNTIL(t, t->client.ups && t->server.ups);
}

TEST(test_right_peer)
{
    struct identity *node, *user;
    struct stage t;
    fleeting_pair(&node, &user);
    stage_open(&t, node, user);
    struct node_id pinned = identity_id(node);
    stage_connect(&t, &pinned);
    CHECK(node_id_equal(t.client.peer, identity_id(node)));
    CHECK(node_id_equal(t.server.peer, identity_id(user)));
    CHECK_INT(t.client.party, PARTY_NODE);
    CHECK_INT(t.server.party, PARTY_USER);
    t.server.echoes = true;
    linkset_send(t.client.links, t.client.link, MESSAGE_PING, 3, bytes_of_text("hello"));
    RUN_UNTIL(&t, t.client.frames == 1);
    CHECK_INT(t.client.bytes, 5);
    linkset_close(t.client.links, t.client.link);
    RUN_UNTIL(&t, t.server.downs == 1);
    CHECK_INT(t.server.end, LINK_ENDED);
    RUN_UNTIL(&t, linkset_count(t.client.links) == 0);
    CHECK_INT(t.client.downs, 0); /* a close that was asked for is silent */
    stage_close(&t);
    identity_free(user);
    identity_free(node);
}

TEST(test_a_bulk_link_is_told_apart_at_both_ends)
{
    struct identity *node, *user;
    struct stage t;
    fleeting_pair(&node, &user);
    stage_open(&t, node, node);
    for (int bulk = 1; bulk >= 0; bulk--) {
        t.bulk = bulk;
        t.client.ups = t.server.ups = 0;
        stage_connect(&t, NULL);
        CHECK_INT(t.client.bulk, bulk);
        CHECK_INT(t.server.bulk, bulk);
        CHECK_INT(t.server.party, PARTY_NODE);
        linkset_send(t.client.links, t.client.link, MESSAGE_BULK_WANT, 0, bytes_of_text("piece"));
        RUN_UNTIL(&t, t.server.frames == 2 - bulk);
    }
    stage_close(&t);
    identity_free(user);
    identity_free(node);
}

TEST(test_a_user_gets_no_bulk_link)
{
    struct identity *node, *user;
    struct stage t;
    fleeting_pair(&node, &user);
    stage_open(&t, node, user);
    REQUIRE(linkset_dial(t.client.links, 1, t.addr, NULL, true) == 0);
    RUN_UNTIL(&t, linkset_count(t.client.links) == 0 && linkset_count(t.server.links) == 0);
    CHECK_INT(t.server.ups, 0);
    stage_close(&t);
    identity_free(user);
    identity_free(node);
}

static void refused(struct identity *server, struct identity *client, const struct node_id *pinned)
{
    struct stage t;
    stage_open(&t, server, client);
    REQUIRE(linkset_dial(t.client.links, 1, t.addr, pinned, false) == 0);
    RUN_UNTIL(&t, t.client.fails == 1);
    CHECK_INT(t.client.dial_end, DIAL_IDENTITY);
    RUN_UNTIL(&t, linkset_count(t.server.links) == 0);
    CHECK_INT(t.server.ups, 0);
    CHECK_INT(t.client.ups, 0);
    stage_close(&t);
}

TEST(test_wrong_root_is_refused)
{
    struct identity *a, *b;
    REQUIRE(identity_fleeting(&a) == 0 && identity_fleeting(&b) == 0);
    refused(a, b, NULL);
    identity_free(a);
    identity_free(b);
}

TEST(test_wrong_pinned_id_is_refused)
{
    struct identity *node, *user;
    fleeting_pair(&node, &user);
    struct node_id wrong = identity_id(user);
    refused(node, user, &wrong);
    identity_free(user);
    identity_free(node);
}

TEST(test_nobody_there)
{
    struct identity *node, *user;
    struct stage t;
    fleeting_pair(&node, &user);
    stage_open(&t, node, user);
    listener_free(t.listener);
    t.listener = NULL;
    REQUIRE(linkset_dial(t.client.links, 1, t.addr, NULL, false) == 0);
    RUN_UNTIL(&t, t.client.fails == 1);
    CHECK_INT(t.client.dial_end, DIAL_REFUSED);
    CHECK_INT(linkset_dial(t.client.links, 2, "not an address", NULL, false), ERR_FORMAT);
    CHECK_INT(linkset_dial(t.client.links, 2, "a.name:80", NULL, false), ERR_NOT_FOUND);
    stage_close(&t);
    identity_free(user);
    identity_free(node);
}

/* --- strangers -------------------------------------------------------------------------------- */

static int stranger_connect(uint16_t port)
{
    struct sockaddr_in to = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    return connect(fd, (struct sockaddr *)&to, sizeof to) == 0 ? fd : -1;
}

/* Exit 0: it was thrown out without having got a single byte of ours through TLS. */
static int stranger_reads_end(SSL *ssl)
{
    char c;
    return SSL_read(ssl, &c, 1) <= 0 ? 0 : 2;
}

static void stranger_tls(uint16_t port, int version, const char *alpn, EVP_PKEY *key, X509 *own)
{
    SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
    SSL_CTX_set_min_proto_version(ctx, version);
    SSL_CTX_set_max_proto_version(ctx, version);
    if (alpn)
        SSL_CTX_set_alpn_protos(ctx, (const unsigned char *)alpn, (unsigned)strlen(alpn));
    if (own) {
        SSL_CTX_use_certificate(ctx, own);
        SSL_CTX_use_PrivateKey(ctx, key);
    }
    SSL *ssl = SSL_new(ctx);
    SSL_set_fd(ssl, stranger_connect(port));
    _exit(SSL_connect(ssl) == 1 ? stranger_reads_end(ssl) : 0);
}

/* Runs the stage until the child has ended with 0, and nobody came in. */
static void expect_thrown_out(struct stage *t, pid_t child)
{
    int status = -1;
    pid_t got = 0;
    RUN_UNTIL(t, got == child || (got = waitpid(child, &status, WNOHANG)) == child);
    CHECK_INT(status, 0);
    RUN_UNTIL(t, linkset_count(t->server.links) == 0);
    CHECK_INT(t->server.ups, 0);
    CHECK_INT(linkset_half_open(t->server.links), 0);
}

static void try_stranger(int version, const char *alpn, bool own_certificate, bool of_the_mesh)
{
    struct identity *node, *user, *other;
    struct stage t;
    fleeting_pair(&node, &user);
    REQUIRE(identity_fleeting(&other) == 0);
    struct identity *shown = of_the_mesh ? user : other;
    stage_open(&t, node, user);
    pid_t child = fork();
    if (child == 0)
        stranger_tls(t.port, version, alpn, identity_key(shown),
                     own_certificate ? identity_leaf(shown) : NULL);
    expect_thrown_out(&t, child);
    stage_close(&t);
    identity_free(other);
    identity_free(user);
    identity_free(node);
}

TEST(test_no_client_certificate_is_refused)
{
    try_stranger(TLS1_3_VERSION, "\7velum/1", false, false);
}

TEST(test_foreign_client_certificate_is_refused)
{
    try_stranger(TLS1_3_VERSION, "\7velum/1", true, false);
}

TEST(test_tls_1_2_is_refused)
{
    try_stranger(TLS1_2_VERSION, "\7velum/1", true, true);
}

TEST(test_another_protocol_word_is_refused)
{
    try_stranger(TLS1_3_VERSION, "\7velum/2", true, true);
}

TEST(test_no_protocol_word_is_refused)
{
    try_stranger(TLS1_3_VERSION, NULL, true, true);
}

TEST(test_plain_garbage_is_refused)
{
    struct identity *node, *user;
    struct stage t;
    char noise[512];
    fleeting_pair(&node, &user);
    stage_open(&t, node, user);
    memset(noise, 'G', sizeof noise);
    int fd = stranger_connect(t.port);
    REQUIRE(write(fd, noise, sizeof noise) == (ssize_t)sizeof noise);
    struct pollfd end = {fd, POLLRDHUP, 0};
    RUN_UNTIL(&t, poll(&end, 1, 0) == 1);
    RUN_UNTIL(&t, linkset_count(t.server.links) == 0);
    CHECK_INT(t.server.ups, 0);
    close(fd);
    stage_close(&t);
    identity_free(user);
    identity_free(node);
}

TEST(test_half_handshake_times_out)
{
    static const unsigned char half[] = {22, 3, 1, 0, 200, 1, 0}; /* a record of 200 bytes begins */
    struct identity *node, *user;
    struct stage t;
    fleeting_pair(&node, &user);
    stage_open(&t, node, user);
    int fd = stranger_connect(t.port);
    REQUIRE(write(fd, half, sizeof half) == (ssize_t)sizeof half);
    struct instant began = loop_clock();
    RUN_UNTIL(&t, linkset_half_open(t.server.links) == 1);
    RUN_UNTIL(&t, linkset_count(t.server.links) == 0);
    int64_t took_us = instant_since_us(loop_clock(), began);
    CHECK(took_us >= 2900 * MS_US && took_us < 6 * S_US);
    close(fd);
    stage_close(&t);
    identity_free(user);
    identity_free(node);
}

TEST(test_two_hundred_who_never_speak_keep_nobody_out)
{
    struct identity *node, *user;
    struct stage t;
    int fds[200];
    fleeting_pair(&node, &user);
    stage_open(&t, node, user);
    for (int i = 0; i < 200; i++)
        REQUIRE((fds[i] = stranger_connect(t.port)) >= 0);
    stage_connect(&t, NULL);
    CHECK(linkset_half_open(t.server.links) <= LINKSET_HALF_OPEN_LOOPBACK_MAX);
    for (int i = 0; i < 200; i++)
        close(fds[i]);
    stage_close(&t);
    identity_free(user);
    identity_free(node);
}

/* --- frames ----------------------------------------------------------------------------------- */

/* Large frames among small ones, more than the network takes before anybody reads. */
TEST(test_much_goes_through_whole)
{
    enum { FRAMES_MAX = 1000, BEHIND = 9 };
    static uint8_t load[FRAME_PAYLOAD_MAX];
    struct identity *node, *user;
    struct digest all, all_came;
    struct sha256 sent, came;
    int frames = 0, behind = 0;
    struct stage t;
    for (size_t i = 0; i < sizeof load; i++)
        load[i] = (uint8_t)(i * i >> 7);
    fleeting_pair(&node, &user);
    stage_open(&t, node, user);
    stage_connect(&t, NULL);
    t.server.echoes = true;
    sha256_init(&sent);
    sha256_init(&came);
    t.client.content = &came;
    /* The last ones while the network takes nothing more. */
    for (size_t i = 0; i < FRAMES_MAX && behind < BEHIND; i++, frames++) {
        struct bytes frame = {load + i, i % 3 == 0 ? i : i % 3 == 1 ? PAYLOAD - i : 32768};
        sha256_add(&sent, frame.data, frame.len);
        linkset_send(t.client.links, t.client.link, MESSAGE_PING, 0, frame);
        behind += frame.len == 32768 ? linkset_have_unsent(t.client.links) : behind > 0;
    }
    RUN_UNTIL(&t, t.client.frames == frames);
    all = sha256_end(&sent);
    all_came = sha256_end(&came);
    CHECK_MEM(&all_came, &all, sizeof all);
    stage_close(&t);
    identity_free(user);
    identity_free(node);
}

TEST(test_what_was_sent_before_the_close_arrives)
{
    static uint8_t load[FRAME_PAYLOAD_MAX];
    struct identity *node, *user;
    struct stage t;
    fleeting_pair(&node, &user);
    stage_open(&t, node, user);
    stage_connect(&t, NULL);
    for (int i = 0; i < 40; i++) /* both directions at once: the closer has unread bytes */
        linkset_send(t.server.links, t.server.link, MESSAGE_PONG, 0, (struct bytes){load, PAYLOAD});
    for (int i = 0; i < 40; i++)
        linkset_send(t.client.links, t.client.link, MESSAGE_PING, 0, (struct bytes){load, PAYLOAD});
    linkset_close(t.client.links, t.client.link);
    RUN_UNTIL(&t, t.server.downs == 1);
    CHECK_INT(t.server.frames, 40);
    stage_close(&t);
    identity_free(user);
    identity_free(node);
}

#define SYSTEM_KEEPS ((size_t)32 << 20) /* more than it does of what nobody reads */

TEST(test_queue_overflow_closes_the_link)
{
    static uint8_t load[FRAME_PAYLOAD_MAX];
    struct identity *a, *b;
    struct stage t;
    fleeting_pair(&a, &b);
    stage_open(&t, a, a); /* two nodes: 4 MiB */
    stage_connect(&t, NULL);
    for (size_t sent = 0; sent < LINK_NODE_QUEUE_MAX + SYSTEM_KEEPS; sent += PAYLOAD)
        linkset_send(t.client.links, t.client.link, MESSAGE_PING, 0, (struct bytes){load, PAYLOAD});
    CHECK_INT(t.client.downs, 0); /* never from inside the call */
    linkset_flush(t.client.links);
    CHECK_INT(t.client.downs, 1);
    CHECK_INT(t.client.end, LINK_FLOODED);
    RUN_UNTIL(&t, t.server.downs == 1);
    stage_close(&t);
    identity_free(b);
    identity_free(a);
}

/* What stands in a large frame is not taken for frames because its head found no memory. */
TEST(test_a_large_frame_without_room_is_not_begun_in_the_middle)
{
    static uint8_t load[FRAME_PAYLOAD_MAX];
    struct identity *a, *b;
    struct stage t;
    struct buf forged;
    fleeting_pair(&a, &b);
    stage_open(&t, a, a);
    stage_connect(&t, NULL);
    for (size_t at = 0; at + FRAME_HEADER_SIZE <= sizeof load; at += FRAME_HEADER_SIZE) {
        buf_init_fixed(&forged, load + at, FRAME_HEADER_SIZE);
        frame_put(&forged, MESSAGE_PONG, 0, (struct bytes){NULL, 0});
    }
    for (size_t i = 0; i < SLOTS; i++)
        if (t.client.links->slots[i] != NULL)
            t.client.links->slots[i]->out.max = 0;
    linkset_send(t.client.links, t.client.link, MESSAGE_PING, 0, (struct bytes){load, PAYLOAD});
    linkset_flush(t.client.links);
    CHECK_INT(t.client.end, LINK_FLOODED);
    RUN_UNTIL(&t, t.server.downs == 1);
    CHECK_INT(t.server.frames, 0);
    stage_close(&t);
    identity_free(b);
    identity_free(a);
}

/* A pair of plain descriptors, one end a link of the control socket, the other in our hand. */
static int control_pair(struct stage *t, struct identity **node, struct identity **user)
{
    int fds[2];
    fleeting_pair(node, user);
    stage_open(t, *node, *user);
    REQUIRE(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds) == 0);
    CHECK_INT(control_check(fds[0]), 0);
    REQUIRE(linkset_accept_control(t->server.links, fds[0]) == 0);
    CHECK_INT(t->server.ups, 0);
    RUN_UNTIL(t, t->server.ups == 1);
    CHECK_INT(t->server.party, PARTY_USER);
    return fds[1];
}

static void control_pair_close(struct stage *t, int fd, struct identity *node,
                               struct identity *user)
{
    close(fd);
    stage_close(t);
    identity_free(user);
    identity_free(node);
}

TEST(test_frames_byte_by_byte)
{
    struct identity *node, *user;
    struct stage t;
    uint8_t room[64];
    struct buf b;
    int fd = control_pair(&t, &node, &user);
    buf_init_fixed(&b, room, sizeof room);
    frame_put(&b, MESSAGE_REQUEST_NODES, 9, bytes_of_text("abc"));
    frame_put(&b, MESSAGE_REQUEST_NODES, 9, bytes_of_text(""));
    for (size_t i = 0; i < b.len; i++) {
        CHECK_INT(t.server.frames, i >= FRAME_HEADER_SIZE + 3);
        REQUIRE(write(fd, room + i, 1) == 1);
        stage_round(&t, instant_plus_us(loop_clock(), S_US));
    }
    CHECK_INT(t.server.frames, 2);
    CHECK_INT(t.server.bytes, 3);
    control_pair_close(&t, fd, node, user);
}

/* Frames of many sizes, cut wherever it may be. */
TEST(test_frames_in_pieces_of_many_sizes)
{
    static const size_t cuts[] = {1, 15, 17, 4096, 16384, 65535, 65552, 40000, 3};
    static const size_t sizes[] = {0, 1, 16000, 65536, 61440, 65535, 20, 65536, 30000};
    static uint8_t load[FRAME_PAYLOAD_MAX];
    struct identity *node, *user;
    struct stage t;
    struct buf b;
    size_t sum = 0, step, frames = 0;
    int fd = control_pair(&t, &node, &user);
    buf_init(&b, &host_memory, 1u << 22);
    for (size_t i = 0; i < 5 * sizeof sizes / sizeof *sizes; i++, frames++) {
        const struct bytes payload = {load, sizes[i % (sizeof sizes / sizeof *sizes)]};
        frame_put(&b, MESSAGE_REQUEST_NODES, 9, payload);
        sum += payload.len;
    }
    REQUIRE(buf_result(&b) == 0);
    for (size_t at = 0, i = 0; at < b.len; at += step, i++) {
        step = cuts[i % (sizeof cuts / sizeof *cuts)];
        step = step < b.len - at ? step : b.len - at;
        REQUIRE(write(fd, b.data + at, step) == (ssize_t)step);
        stage_round(&t, instant_plus_us(loop_clock(), S_US));
    }
    CHECK_INT(t.server.frames, frames);
    CHECK_INT(t.server.bytes, sum);
    buf_clear(&b);
    control_pair_close(&t, fd, node, user);
}

TEST(test_garbage_ends_the_link)
{
    struct identity *node, *user;
    struct stage t;
    int fd = control_pair(&t, &node, &user);
    REQUIRE(write(fd, "GET / HTTP/1.1\r\n\r\n", 18) == 18);
    RUN_UNTIL(&t, t.server.downs == 1);
    CHECK_INT(t.server.end, LINK_GARBAGE);
    control_pair_close(&t, fd, node, user);
}

TEST(test_another_version_is_told_ours)
{
    struct identity *node, *user;
    struct stage t;
    uint8_t room[FRAME_HEADER_SIZE];
    struct buf b;
    int fd = control_pair(&t, &node, &user);
    buf_init_fixed(&b, room, sizeof room);
    frame_put(&b, MESSAGE_REQUEST_NODES, 1, bytes_of_text(""));
    room[2] = WIRE_VERSION + 6;
    store_u32(room + 12, 0);
    REQUIRE(write(fd, room, sizeof room) == (ssize_t)sizeof room);
    RUN_UNTIL(&t, t.server.downs == 1);
    CHECK_INT(t.server.end, LINK_GARBAGE);
    CHECK_INT(t.server.fault, ERR_VERSION);
    CHECK_INT(t.server.version, WIRE_VERSION + 6);
    REQUIRE(read(fd, room, sizeof room) == (ssize_t)sizeof room);
    CHECK_INT(room[2], WIRE_VERSION);
    control_pair_close(&t, fd, node, user);
}

TEST(test_long_control_path)
{
    char folder[] = "/tmp/velum-control-XXXXXX", path[512], deep[400], message[512] = "";
    REQUIRE(mkdtemp(folder) != NULL);
    char command[600];
    snprintf(deep, sizeof deep, "%s/%0120d/%0120d", folder, 1, 2);
    snprintf(command, sizeof command, "mkdir -p '%s'", deep);
    CHECK_INT(system(command), 0);
    snprintf(path, sizeof path, "%s/control", deep);
    CHECK_INT(control_connect(path), ERR_NOT_FOUND);
    int fd = control_listen(path, message);
    REQUIRE(fd >= 0);
    int to = control_connect(path);
    CHECK(to >= 0);
    close(to);
    close(fd);
    CHECK_INT(control_connect(path), ERR_REFUSED); /* stale */
    fd = control_listen(path, message);
    CHECK(fd >= 0);
    close(fd);
    snprintf(command, sizeof command, "rm -rf '%s'", folder);
    CHECK_INT(system(command), 0);
}

TEST_MAIN(test_right_peer, test_a_bulk_link_is_told_apart_at_both_ends,
          test_a_user_gets_no_bulk_link, test_wrong_root_is_refused,
          test_wrong_pinned_id_is_refused, test_nobody_there, test_no_client_certificate_is_refused,
          test_foreign_client_certificate_is_refused, test_tls_1_2_is_refused,
          test_another_protocol_word_is_refused, test_no_protocol_word_is_refused,
          test_plain_garbage_is_refused, test_half_handshake_times_out,
          test_two_hundred_who_never_speak_keep_nobody_out, test_much_goes_through_whole,
          test_what_was_sent_before_the_close_arrives, test_queue_overflow_closes_the_link,
          test_a_large_frame_without_room_is_not_begun_in_the_middle, test_frames_byte_by_byte,
          test_frames_in_pieces_of_many_sizes, test_garbage_ends_the_link,
          test_another_version_is_told_ours, test_long_control_path)
