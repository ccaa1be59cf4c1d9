/* Links that are up while the root of their other side stops to count: both ends in one loop, of
 * two nodes of one home. */
#include "core/host/linkset.h"

#include <netinet/in.h>
#include <openssl/ssl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/err.h"
#include "core/host/listen.h"
#include "core/host/rotation.h"
#include "tests/lib/check.h"
#include "tests/unit/join_again.h"

struct side {
    char state[128];
    struct identity *identity;
    struct linkset *links;
    int ups, downs, fails;
    enum link_end end;
};

static struct home home;
static struct loop *loop;
static struct listener *listener;
static struct side server, client;
static char addr[ADDR_SIZE], message[HOME_MESSAGE_SIZE];

static void on_up(void *ctx, uint64_t link, uint32_t dial, const struct link_peer *peer)
{
    struct side *s = ctx;
    (void)link, (void)dial, (void)peer;
    s->ups++;
}

static void on_frame(void *ctx, uint64_t link, const struct frame *frame)
{
    (void)ctx, (void)link, (void)frame;
}

static void on_down(void *ctx, uint64_t link, enum party party, enum link_end how, int fault,
                    uint8_t version)
{
    struct side *s = ctx;
    (void)link, (void)party, (void)fault, (void)version;
    s->downs++;
    s->end = how;
}

static void on_dial_failed(void *ctx, uint32_t dial, enum dial_end how, int fault)
{
    struct side *s = ctx;
    (void)dial, (void)how, (void)fault;
    s->fails++;
}

static void came(void *ctx, int fd, const struct address *from)
{
    (void)ctx;
    CHECK_INT(linkset_accept(server.links, fd, address_is_loopback(from)), 0);
}

static void side_open(struct side *s, const char *name)
{
    const struct linkset_events events = {s, on_up, on_frame, on_down, on_dial_failed, NULL};
    *s = (struct side){.ups = 0};
    snprintf(s->state, sizeof s->state, "%.100s/%s", home.path, name);
    REQUIRE(mkdir(s->state, 0700) == 0);
    REQUIRE(identity_node(&s->identity, &home, s->state, message) == 0);
    REQUIRE(linkset_new(&s->links, loop, s->identity, NULL, &events) == 0);
}

static void begin(void)
{
    struct address at = {.len = sizeof(struct sockaddr_in)};
    struct sockaddr_in *v4 = (struct sockaddr_in *)&at.storage;
    socklen_t len = sizeof at.storage;
    char text[512] = "";
    snprintf(home.path, sizeof home.path, "/tmp/velum-retired-XXXXXX");
    REQUIRE(mkdtemp(home.path) && identity_mesh_open(&home, message) == 0);
    REQUIRE(loop_new(&loop) == 0);
    side_open(&server, "server");
    side_open(&client, "client");
    v4->sin_family = AF_INET;
    v4->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = listen_tcp(&at, text);
    REQUIRE(fd >= 0 && getsockname(fd, (struct sockaddr *)&at.storage, &len) == 0);
    address_text(&at, addr);
    REQUIRE(listener_new(&listener, loop, fd, came, NULL) == 0);
}

static void end(void)
{
    char command[HOME_PATH_SIZE + 16];
    listener_free(listener);
    linkset_free(server.links);
    linkset_free(client.links);
    loop_free(loop);
    identity_free(server.identity);
    identity_free(client.identity);
    snprintf(command, sizeof command, "rm -rf '%s'", home.path);
    CHECK_INT(system(command), 0);
}

static void turn(void)
{
    linkset_flush(server.links);
    linkset_flush(client.links);
    loop_once(loop, instant_plus_us(loop_clock(), 5 * MS_US));
    linkset_flush(server.links);
    linkset_flush(client.links);
}

/* So many links came up at each end, and ended; nothing else follows. */
static void await(int ups, int downs)
{
    struct instant until = instant_plus_us(loop_clock(), 20 * S_US);
    while ((server.ups < ups || client.ups < ups || server.downs < downs || client.downs < downs) &&
           !instant_reached(loop_clock(), until))
        turn();
    for (int i = 0; i < 10; i++)
        turn();
    CHECK_INT(server.ups, ups);
    CHECK_INT(client.ups, ups);
    CHECK_INT(server.downs, downs);
    CHECK_INT(client.downs, downs);
}

static void connect_them(void)
{
    REQUIRE(linkset_dial(client.links, 7, addr, NULL, false) == 0);
}

/* Takes what the home has; whether it is something new. */
static int renew(struct side *s)
{
    int rc = identity_renew(s->identity, &home, s->state, message);
    REQUIRE(rc >= 0 && linkset_renew(s->links) == 0);
    return rc;
}

TEST(a_link_ends_when_the_root_of_its_other_side_counts_no_longer)
{
    begin();
    connect_them();
    await(1, 0);
    REQUIRE(rotation_begin(&home, message) == 0);
    CHECK_INT(renew(&server), 1);
    REQUIRE(rotation_use(&home, message) == 0);
    CHECK_INT(renew(&server), 1);
    CHECK_INT(renew(&client), 1);
    await(1, 0);
    REQUIRE(rotation_finish(&home, message) == 0);
    CHECK_INT(renew(&server), 1);
    await(1, 1);
    CHECK_INT(server.end, LINK_BROKEN);
    /* The other side has a certificate of the next: it is there again, and stays. */
    connect_them();
    await(2, 1);
    CHECK_INT(renew(&client), 1);
    CHECK_INT(renew(&server), 0);
    await(2, 1);
    end();
}

TEST(in_an_emergency_it_does_not_come_again)
{
    begin();
    connect_them();
    await(1, 0);
    REQUIRE(rotation_emergency(&home, message) == 0);
    join_again(&home, server.state, server.identity);
    CHECK_INT(renew(&server), 1);
    await(1, 1);
    connect_them();
    await(1, 1);
    CHECK(client.fails > 0);
    end();
}

/* --- a handshake that waits in its middle --- */

static SSL *stranger_open(SSL_CTX *ctx)
{
    static const unsigned char word[] = "\x07velum/1";
    char key[160], pem[160];
    SSL *ssl = SSL_new(ctx);
    snprintf(key, sizeof key, "%s/node.key", client.state);
    snprintf(pem, sizeof pem, "%s/node.pem", client.state);
    REQUIRE(ssl && SSL_use_certificate_file(ssl, pem, SSL_FILETYPE_PEM) == 1);
    REQUIRE(SSL_use_PrivateKey_file(ssl, key, SSL_FILETYPE_PEM) == 1);
    REQUIRE(SSL_set_alpn_protos(ssl, word, sizeof word - 1) == 0);
    SSL_set_bio(ssl, BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
    SSL_set_connect_state(ssl);
    return ssl;
}

/* What it has to say goes out, but for so many bytes, which stay. */
static void stranger_says(SSL *ssl, int fd, size_t but)
{
    char *bytes;
    size_t len = (size_t)BIO_get_mem_data(SSL_get_wbio(ssl), &bytes);
    REQUIRE(len > but && send(fd, bytes, len - but, 0) == (ssize_t)(len - but));
    char rest[64];
    memcpy(rest, bytes + len - but, but);
    (void)BIO_reset(SSL_get_wbio(ssl));
    REQUIRE(but == 0 || BIO_write(SSL_get_wbio(ssl), rest, (int)but) == (int)but);
}

static void stranger_hears(SSL *ssl, int fd)
{
    char bytes[16384];
    ssize_t n;
    for (int i = 0; i < 10; i++)
        turn();
    while ((n = recv(fd, bytes, sizeof bytes, MSG_DONTWAIT)) > 0)
        REQUIRE(BIO_write(SSL_get_rbio(ssl), bytes, (int)n) == (int)n);
}

/* Its certificate was looked at while its root counted. Gives how often the link came up. */
static int wait_in_the_middle(bool emergency)
{
    begin();
    struct address to;
    SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
    SSL *ssl = stranger_open(ctx);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    REQUIRE(address_parse(addr, &to) == 0);
    REQUIRE(connect(fd, (struct sockaddr *)&to.storage, to.len) == 0);
    SSL_do_handshake(ssl);
    stranger_says(ssl, fd, 0);
    stranger_hears(ssl, fd);
    REQUIRE(SSL_do_handshake(ssl) == 1);
    stranger_says(ssl, fd, 8);
    stranger_hears(ssl, fd);
    CHECK_INT(server.ups, 0);
    if (emergency) {
        REQUIRE(rotation_emergency(&home, message) == 0);
        join_again(&home, server.state, server.identity);
        CHECK_INT(renew(&server), 1);
    }
    stranger_says(ssl, fd, 0);
    stranger_hears(ssl, fd);
    int ups = server.ups;
    close(fd);
    SSL_free(ssl);
    SSL_CTX_free(ctx);
    end();
    return ups;
}

TEST(a_handshake_that_was_half_done_does_not_end_well)
{
    CHECK_INT(wait_in_the_middle(false), 1);
    CHECK_INT(wait_in_the_middle(true), 0);
}

TEST_MAIN(a_link_ends_when_the_root_of_its_other_side_counts_no_longer,
          in_an_emergency_it_does_not_come_again, a_handshake_that_was_half_done_does_not_end_well)
