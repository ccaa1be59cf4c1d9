/* The desk that lets others in, asked by hand; and both sides over a real socket, as processes. */
#include "core/host/join_desk.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/base/err.h"
#include "core/host/certificate.h"
#include "core/host/invite.h"
#include "core/host/join_ask.h"
#include "core/host/join_proof.h"
#include "core/host/linkset.h"
#include "core/host/listen.h"
#include "core/host/memory.h"
#include "core/host/rotation.h"
#include "core/wire/message.h"
#include "tests/lib/check.h"
#include "tests/lib/free_port.h"
#include "tests/unit/join_again.h"
#include "tests/unit/join_wrong.h"

#define NOW_S ((int64_t)time(NULL))

static char root[64], message[HOME_MESSAGE_SIZE];
static struct home home;
static struct join_desk *desk;
static struct identity *node;
static bool all_revoked, hurries;
static uint8_t exporter[32] = {1, 2, 3};

static void home_below(struct home *h, const char *name)
{
    snprintf(h->path, sizeof h->path, "%s/%s", root, name);
    REQUIRE(home_open(h, message) == 0);
}

static bool is_revoked(void *ctx, struct node_id id)
{
    (void)ctx;
    return all_revoked && !node_id_is_zero(id);
}

static uint8_t others(void *ctx, char addrs[JOIN_ADDRS_MAX][JOIN_ADDR_SIZE])
{
    (void)ctx, (void)addrs;
    hurries = hurries && rotation_emergency(&home, message) < 0;
    return 0;
}

static const struct identity *judge(void *ctx)
{
    (void)ctx;
    return node;
}

static void begin(void)
{
    const struct join_desk_parts parts = {
        .home = &home, .others = others, .revoked = is_revoked, .judge = judge};
    all_revoked = hurries = false;
    snprintf(root, sizeof root, "/tmp/velum-desk-XXXXXX");
    REQUIRE(mkdtemp(root));
    home_below(&home, "home");
    REQUIRE(identity_mesh_open(&home, message) == 0);
    REQUIRE(join_desk_new(&desk, &parts) == 0);
}

static void end(void)
{
    char command[128];
    join_desk_free(desk);
    snprintf(command, sizeof command, "rm -rf '%s'", root);
    CHECK_INT(system(command), 0);
}

static struct join_string invite(uint8_t roles, uint32_t uses)
{
    const struct invite i = {.roles = roles, .ttl_s = 60, .uses = uses, .addr = "127.0.0.1:1"};
    return join_invited(&home, &i);
}

static int answer_at(const struct join_string *s, const struct wrong *w, uint64_t source,
                     int64_t at_us, struct buf *answer)
{
    struct buf request;
    uint8_t type = 0;
    buf_init(&request, &host_memory, JOIN_REQUEST_MAX);
    join_wrong_put(&request, s, w, exporter);
    int rc = join_desk_answer_at(desk, source, (struct instant){at_us}, NOW_S, exporter,
                                 buf_bytes(&request), &type, answer);
    buf_clear(&request);
    return rc < 0 ? rc : type;
}

static int answer(const struct join_string *s, const struct wrong *w)
{
    static uint64_t source;
    struct buf b;
    buf_init(&b, &host_memory, FRAME_PAYLOAD_MAX);
    int type = answer_at(s, w, ++source, 1, &b);
    CHECK(type == MESSAGE_JOINED ? b.len > 0 : b.len == 0);
    buf_clear(&b);
    return type;
}

static int party_of(struct bytes der)
{
    struct certificate_name name = {.party = 0};
    const unsigned char *at = der.data;
    X509 *x = der.len ? d2i_X509(NULL, &at, (long)der.len) : NULL;
    if (x)
        CHECK_INT(certificate_read_name(x, &name), 0);
    X509_free(x);
    return name.party;
}

/* What comes of a string with these roles. */
static void check_roles(uint8_t roles, int of_node, int of_user)
{
    const struct wrong none = {.no_node = !(roles & JOIN_NODE)};
    struct join_string s = invite(roles, 1);
    struct join_answer a;
    struct buf b;
    buf_init(&b, &host_memory, FRAME_PAYLOAD_MAX);
    CHECK_INT(answer_at(&s, &none, 1, 1, &b), MESSAGE_JOINED);
    REQUIRE(join_answer_decode(buf_bytes(&b), &a) == 0);
    CHECK_INT(party_of(a.node), of_node);
    CHECK_INT(party_of(a.user), of_user);
    buf_clear(&b);
}

TEST(the_string_says_the_role)
{
    begin();
    check_roles(JOIN_NODE, PARTY_NODE, PARTY_READ);
    check_roles(JOIN_NODE | JOIN_SUBMIT, PARTY_NODE, PARTY_SUBMIT);
    check_roles(JOIN_NODE | JOIN_NATIVE | JOIN_READ, PARTY_NODE, PARTY_NATIVE);
    check_roles(JOIN_SUBMIT, 0, PARTY_SUBMIT);
    check_roles(JOIN_READ, 0, PARTY_READ);
    end();
}

TEST(a_key_that_was_sent_though_the_string_makes_no_node_is_not_signed)
{
    const struct wrong none = {.no_node = false};
    struct join_answer a;
    struct buf b;
    begin();
    struct join_string s = invite(JOIN_READ, 1);
    buf_init(&b, &host_memory, FRAME_PAYLOAD_MAX);
    CHECK_INT(answer_at(&s, &none, 1, 1, &b), MESSAGE_JOINED);
    REQUIRE(join_answer_decode(buf_bytes(&b), &a) == 0);
    CHECK_INT(a.node.len, 0);
    buf_clear(&b);
    end();
}

TEST(a_key_that_was_revoked_gets_no_certificate)
{
    const struct wrong none = {.no_node = true};
    begin();
    struct join_string s = invite(JOIN_SUBMIT, 1);
    all_revoked = true;
    CHECK_INT(answer(&s, &none), MESSAGE_JOIN_REFUSED);
    all_revoked = false;
    CHECK_INT(answer(&s, &none), MESSAGE_JOINED);
    end();
}

/* Between the proof and the answer. */
TEST(who_proved_himself_before_an_emergency_gets_nothing_after_it)
{
    const struct wrong none = {.no_node = true};
    begin();
    struct join_string s = invite(JOIN_SUBMIT, 2);
    hurries = true;
    CHECK_INT(answer(&s, &none), MESSAGE_JOIN_REFUSED);
    CHECK(!hurries);
    s = invite(JOIN_SUBMIT, 2);
    CHECK_INT(answer(&s, &none), MESSAGE_JOINED);
    end();
}

TEST(whatever_is_wrong_the_answer_is_the_same)
{
    static const struct wrong all[] = {
        {.secret = true},         {.id = true},      {.exporter = true}, {.node_signature = true},
        {.user_signature = true}, {.no_node = true}, {.curve = true},    {.kind = true},
        {.behind = true},         {.version = true}, {.tail = true}};
    const struct wrong none = {.secret = false};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        begin();
        struct join_string s = invite(JOIN_NODE, 9);
        CHECK_INT(answer(&s, &all[i]), MESSAGE_JOIN_REFUSED);
        CHECK_INT(answer(&s, &none), MESSAGE_JOINED);
        end();
    }
}

TEST(a_string_is_good_once_and_not_when_revoked)
{
    const struct wrong none = {.secret = false};
    begin();
    struct join_string s = invite(JOIN_NODE, 1);
    CHECK_INT(answer(&s, &none), MESSAGE_JOINED);
    CHECK_INT(answer(&s, &none), MESSAGE_JOIN_REFUSED);
    s = invite(JOIN_NODE, 2);
    CHECK_INT(tokens_revoke(&home, s.id, message), 1);
    CHECK_INT(answer(&s, &none), MESSAGE_JOIN_REFUSED);
    end();
}

TEST(who_guesses_has_ten_tries_a_minute_and_others_wait_for_nobody)
{
    const struct wrong secret = {.secret = true}, none = {.secret = false};
    struct buf b;
    begin();
    buf_init(&b, &host_memory, FRAME_PAYLOAD_MAX);
    struct join_string s = invite(JOIN_NODE, 9), other = invite(JOIN_NODE, 9);
    s.id[1] ^= 1; /* of no token, so that none is ended by it */
    for (int i = 0; i < JOIN_TRIES_MAX; i++)
        CHECK_INT(answer_at(&s, &secret, 7, 1 + i, &b), MESSAGE_JOIN_REFUSED);
    CHECK_INT(answer_at(&other, &none, 7, 20, &b), ERR_BUSY);
    CHECK_INT(answer_at(&other, &none, 8, 20, &b), MESSAGE_JOINED);
    CHECK_INT(answer_at(&other, &none, 7, 1 + JOIN_TRIES_US, &b), MESSAGE_JOINED);
    buf_clear(&b);
    end();
}

/* --- over a socket --- */

static struct loop *loop;
static struct linkset *links;
static struct listener *listener;
static int asked, ups;

static int on_join(void *ctx, const struct join_caller *from, struct bytes payload, uint8_t *type,
                   struct buf *to)
{
    (void)ctx;
    asked++;
    return join_desk_answer(desk, from, payload, type, to);
}

static void on_up(void *ctx, uint64_t link, uint32_t dial, const struct link_peer *peer)
{
    (void)ctx, (void)link, (void)dial, (void)peer;
    ups++;
}

static void on_frame(void *ctx, uint64_t link, const struct frame *frame)
{
    (void)ctx, (void)link, (void)frame;
}

static void on_down(void *ctx, uint64_t link, enum party party, enum link_end how, int fault,
                    uint8_t version)
{
    (void)ctx, (void)link, (void)party, (void)how, (void)fault, (void)version;
}

/* Who showed no certificate of the mesh. */
static void on_stranger(void *ctx, uint32_t dial, enum dial_end end, int fault)
{
    (void)ctx;
    (void)end;
    (void)fault;
    CHECK_INT(dial, 0);
}

static void came(void *ctx, int fd, const struct address *from)
{
    (void)ctx;
    CHECK_INT(linkset_accept(links, fd, address_is_loopback(from)), 0);
}

/* Gives where it listens. */
static void serve(struct identity *welcome, char addr[ADDR_SIZE])
{
    const struct linkset_events events = {.up = on_up,
                                          .frame = on_frame,
                                          .down = on_down,
                                          .dial_failed = on_stranger,
                                          .join = on_join};
    struct address at = {.len = sizeof(struct sockaddr_in)};
    struct sockaddr_in *v4 = (struct sockaddr_in *)&at.storage;
    socklen_t len = sizeof at.storage;
    char text[512] = "", state[HOME_PATH_SIZE];
    int lock = home_state_open(&home, 8001, NULL, state, message);
    REQUIRE(lock >= 0 && identity_node(&node, &home, state, message) == 0);
    close(lock);
    v4->sin_family = AF_INET;
    v4->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = listen_tcp(&at, text);
    REQUIRE(fd >= 0 && getsockname(fd, (struct sockaddr *)&at.storage, &len) == 0);
    address_text(&at, addr);
    signal(SIGPIPE, SIG_IGN); /* as a node does: who asked may be gone */
    asked = ups = 0;
    REQUIRE(loop_new(&loop) == 0 && linkset_new(&links, loop, node, NULL, &events) == 0);
    REQUIRE(listener_new(&listener, loop, fd, came, NULL) == 0);
    linkset_welcome(links, welcome ? welcome : NULL);
}

static void serve_end(void)
{
    listener_free(listener);
    linkset_free(links);
    loop_free(loop);
    identity_free(node);
    node = NULL;
}

/* The child's exit status is the code, negated. */
static int serve_until(pid_t pid)
{
    int status;
    struct instant until = instant_plus_us(loop_clock(), 20 * S_US);
    while (waitpid(pid, &status, WNOHANG) == 0) {
        if (instant_reached(loop_clock(), until))
            kill(pid, SIGKILL);
        linkset_flush(links);
        loop_once(loop, instant_plus_us(loop_clock(), 5 * MS_US));
        linkset_flush(links);
    }
    REQUIRE(WIFEXITED(status));
    return -WEXITSTATUS(status);
}

/* The asker is a process of its own. */
static int ask(struct join_string *s, const char *addr, const char *name)
{
    struct join_asked out;
    struct home other;
    snprintf(s->addrs[0], sizeof s->addrs[0], "%s", addr);
    s->addrs_count = 1;
    home_below(&other, name);
    pid_t pid = fork();
    REQUIRE(pid >= 0);
    if (pid == 0)
        _exit(-join_ask(&other, s, 8001, NULL, &out, message));
    return serve_until(pid);
}

static bool has(const char *name)
{
    char path[128];
    snprintf(path, sizeof path, "%s/%s", root, name);
    return access(path, F_OK) == 0;
}

/* Nothing there makes a certificate: not for another node, and not in place of one that is bad. */
static void check_join_again(const struct home *joined)
{
    struct identity *none = NULL;
    char state[128], from[128], to[128];
    snprintf(state, sizeof state, "%s/other", root);
    CHECK(identity_node(&none, joined, state, message) < 0);
    CHECK(strstr(message, "velum join"));
    snprintf(from, sizeof from, "%s/other/user.pem", root);
    snprintf(to, sizeof to, "%s/other/nodes/8001/node.pem", root);
    REQUIRE(rename(from, to) == 0);
    snprintf(state, sizeof state, "%s/other/nodes/8001", root);
    CHECK(identity_node(&none, joined, state, message) < 0);
    CHECK(strstr(message, "velum join"));
}

TEST(a_machine_joins)
{
    struct identity *welcome, *user;
    struct home other;
    char addr[ADDR_SIZE];
    begin();
    REQUIRE(identity_welcome(&welcome, &home, message) == 0);
    serve(welcome, addr);
    struct join_string s = invite(JOIN_NODE | JOIN_SUBMIT, 1);
    CHECK_INT(ask(&s, addr, "other"), 0);
    CHECK_INT(asked, 1);
    CHECK_INT(ups, 0); /* who joins has no link */
    CHECK(has("other/root.pem") && has("other/user.key") && has("other/nodes/8001/node.pem"));
    CHECK(has("other/peers") && has("other/open") && !has("other/issuer.key"));
    home_below(&other, "other");
    REQUIRE(identity_user(&user, &other, message) == 0);
    CHECK(digest_equal(identity_mesh(user), identity_mesh(node)));
    CHECK_INT(identity_party(user), PARTY_SUBMIT);
    identity_free(user);
    check_join_again(&other);
    CHECK_INT(ask(&s, addr, "third"), ERR_PERMISSION);
    CHECK(!has("third/root.pem"));
    serve_end();
    identity_free(welcome);
    end();
}

/* --- renewing --- */

static int renew(const char *name)
{
    struct home other;
    char state[128];
    home_below(&other, name);
    snprintf(state, sizeof state, "%s/%s/nodes/8001", root, name);
    pid_t pid = fork();
    REQUIRE(pid >= 0);
    if (pid == 0)
        _exit(-join_renew(&other, state, message));
    return serve_until(pid);
}

static X509 *node_certificate(const char *name)
{
    char path[128];
    snprintf(path, sizeof path, "%s/%s/nodes/8001/node.pem", root, name);
    FILE *f = fopen(path, "re");
    REQUIRE(f);
    X509 *x = PEM_read_X509(f, NULL, NULL, NULL);
    fclose(f);
    REQUIRE(x);
    return x;
}

/* Puts one in its place that ends so many seconds from now. */
static void end_certificate(const char *name, int64_t seconds)
{
    char path[128];
    struct certificate_request r = {.kind = CERTIFICATE_LEAF, .seconds = seconds};
    X509 *old = node_certificate(name);
    snprintf(path, sizeof path, "%s/home/issuer.key", root);
    FILE *f = fopen(path, "re");
    REQUIRE(f);
    r.issuer_key = PEM_read_PrivateKey(f, NULL, NULL, NULL);
    fclose(f);
    r.issuer = (X509 *)identity_issuer(node);
    r.key = X509_get0_pubkey(old);
    REQUIRE(certificate_read_name(old, &r.name) == 0);
    X509 *x = certificate_make(&r);
    REQUIRE(x);
    snprintf(path, sizeof path, "%s/%s/nodes/8001/node.pem", root, name);
    f = fopen(path, "we");
    REQUIRE(f && PEM_write_X509(f, x) == 1);
    fclose(f);
    X509_free(x);
    X509_free(old);
    EVP_PKEY_free(r.issuer_key);
}

TEST(a_machine_that_joined_has_its_certificates_renewed)
{
    struct identity *welcome;
    char addr[ADDR_SIZE];
    begin();
    REQUIRE(identity_welcome(&welcome, &home, message) == 0);
    serve(welcome, addr);
    struct join_string s = invite(JOIN_NODE, 1);
    REQUIRE(ask(&s, addr, "other") == 0);
    X509 *first = node_certificate("other");
    all_revoked = true;
    CHECK(renew("other") != 0);
    all_revoked = false;
    CHECK_INT(renew("other"), 0);
    X509 *second = node_certificate("other");
    CHECK(X509_cmp(first, second) != 0);
    CHECK(EVP_PKEY_eq(X509_get0_pubkey(first), X509_get0_pubkey(second)) == 1);
    end_certificate("other", -600);
    CHECK_INT(renew("other"), 0);
    X509 *third = node_certificate("other");
    CHECK(certificate_not_after(third) > NOW_S);
    CHECK_INT(asked, 6); /* a join, one that was refused, and twice both leaves */
    X509_free(first);
    X509_free(second);
    X509_free(third);
    serve_end();
    identity_free(welcome);
    end();
}

/* The home has another root, and the node has not heard of it yet: what it takes the certificate
 * for is no longer so. Nor is it afterwards, if the handshake was before. */
TEST(who_is_under_a_root_that_was_given_up_is_not_renewed_under_the_next)
{
    static const uint8_t key[32];
    struct join_caller from = {.fd = -1, .exporter = key};
    char addr[ADDR_SIZE], state[HOME_PATH_SIZE];
    uint8_t type = MESSAGE_RENEW;
    struct buf b, der;
    begin();
    serve(NULL, addr);
    buf_init(&b, &host_memory, FRAME_PAYLOAD_MAX);
    buf_init(&der, &host_memory, CERTIFICATE_SIZE_MAX);
    put_raw(&der, identity_certificate(node).data, identity_certificate(node).len);
    from.peer = (struct link_peer){
        .party = PARTY_NODE, .id = identity_id(node), .certificate = buf_bytes(&der)};
    CHECK_INT(join_desk_answer(desk, &from, (struct bytes){NULL, 0}, &type, &b), 0);
    CHECK_INT(type, MESSAGE_RENEWED);
    buf_reset(&b);
    REQUIRE(rotation_emergency(&home, message) == 0);
    type = MESSAGE_RENEW;
    CHECK_INT(join_desk_answer(desk, &from, (struct bytes){NULL, 0}, &type, &b), ERR_BUSY);
    REQUIRE(home_state_path(&home, 8001, NULL, state, message) == 0);
    join_again(&home, state, node);
    REQUIRE(identity_renew(node, &home, state, message) == 1);
    type = MESSAGE_RENEW;
    CHECK_INT(join_desk_answer(desk, &from, (struct bytes){NULL, 0}, &type, &b), 0);
    CHECK_INT(type, MESSAGE_JOIN_REFUSED);
    CHECK_INT(b.len, 0);
    buf_clear(&b);
    buf_clear(&der);
    serve_end();
    end();
}

static pid_t start_node(const char *name, uint16_t port)
{
    char number[8], path[128], state[160];
    snprintf(number, sizeof number, "%u", port);
    snprintf(path, sizeof path, "%s/%s", root, name);
    snprintf(state, sizeof state, "%s/nodes/8001", path);
    pid_t pid = fork();
    REQUIRE(pid >= 0);
    if (pid > 0)
        return pid;
    setenv("VELUM_HOME", path, 1);
    int quiet = open("/dev/null", O_WRONLY);
    dup2(quiet, STDERR_FILENO);
    execl(getenv("VELUM"), "velum", "node", "--bind", "127.0.0.1", "--port", number, "--slots", "1",
          "--data", state, (char *)NULL);
    _exit(1);
}

/* Half of its life is over in two seconds. */
TEST(a_node_that_joined_has_itself_renewed)
{
    struct identity *welcome;
    struct join_string s;
    char addr[ADDR_SIZE];
    if (!getenv("VELUM"))
        SKIP("VELUM is not set");
    begin();
    REQUIRE(identity_welcome(&welcome, &home, message) == 0);
    serve(welcome, addr);
    s = invite(JOIN_NODE, 1);
    REQUIRE(ask(&s, addr, "other") == 0);
    end_certificate("other", 3604);
    X509 *first = node_certificate("other"), *now = node_certificate("other");
    pid_t pid = start_node("other", free_port());
    struct instant until = instant_plus_us(loop_clock(), 20 * S_US);
    while (X509_cmp(first, now) == 0 && instant_before(loop_clock(), until)) {
        linkset_flush(links);
        loop_once(loop, instant_plus_us(loop_clock(), 20 * MS_US));
        linkset_flush(links);
        X509_free(now);
        now = node_certificate("other");
    }
    CHECK(X509_cmp(first, now) != 0 && certificate_not_after(now) > NOW_S + 24 * 3600);
    CHECK(EVP_PKEY_eq(X509_get0_pubkey(first), X509_get0_pubkey(now)) == 1);
    kill(pid, SIGTERM);
    serve_until(pid);
    X509_free(first);
    X509_free(now);
    serve_end();
    identity_free(welcome);
    end();
}

/* Whoever asks for another certificate shows one; whoever wants to join shows a string. */
TEST(a_stranger_renews_nothing)
{
    static const uint8_t key[32];
    struct join_caller from = {.fd = -1, .exporter = key};
    static const int parties[] = {0, PARTY_ISSUER, PARTY_USER};
    struct identity *welcome;
    struct buf b;
    begin();
    REQUIRE(identity_welcome(&welcome, &home, message) == 0);
    from.peer.certificate = identity_certificate(welcome);
    buf_init(&b, &host_memory, FRAME_PAYLOAD_MAX);
    for (size_t i = 0; i < 3; i++) {
        uint8_t type = MESSAGE_RENEW;
        from.peer.party = (enum party)parties[i];
        CHECK_INT(join_desk_answer(desk, &from, (struct bytes){NULL, 0}, &type, &b), 0);
        CHECK_INT(type, MESSAGE_JOIN_REFUSED);
        CHECK_INT(b.len, 0);
    }
    identity_free(welcome);
    buf_clear(&b);
    end();
}

/* Nothing is said to who is of another mesh, or of this one and no issuer, or lets nobody in. */
TEST(nothing_is_sent_to_who_may_not_let_others_in)
{
    struct identity *welcome;
    char addr[ADDR_SIZE];
    begin();
    REQUIRE(identity_welcome(&welcome, &home, message) == 0);
    serve(welcome, addr);
    struct join_string s = invite(JOIN_NODE, 9), foreign = s;
    foreign.root[3] ^= 1;
    CHECK_INT(ask(&foreign, addr, "a"), ERR_IDENTITY);
    linkset_welcome(links, node);
    CHECK_INT(ask(&s, addr, "b"), ERR_IDENTITY);
    linkset_welcome(links, NULL);
    CHECK_INT(ask(&s, addr, "c"), ERR_CLOSED);
    CHECK_INT(asked, 0);
    CHECK(!has("a/root.pem") && !has("b/root.pem") && !has("c/root.pem"));
    serve_end();
    identity_free(welcome);
    end();
}

TEST(a_home_of_another_mesh_stays_what_it_is)
{
    struct home other;
    begin();
    struct join_string s = invite(JOIN_NODE, 9);
    struct join_asked out;
    home_below(&other, "other");
    REQUIRE(identity_mesh_open(&other, message) == 0);
    CHECK_INT(join_ask(&other, &s, 8001, NULL, &out, message), ERR_EXISTS);
    CHECK(strstr(message, "another mesh"));
    CHECK_INT(join_ask(&home, &s, 8001, NULL, &out, message), ERR_EXISTS);
    CHECK(strstr(message, "made on this machine"));
    end();
}

TEST_MAIN(the_string_says_the_role, a_key_that_was_revoked_gets_no_certificate,
          who_proved_himself_before_an_emergency_gets_nothing_after_it,
          a_key_that_was_sent_though_the_string_makes_no_node_is_not_signed,
          whatever_is_wrong_the_answer_is_the_same, a_string_is_good_once_and_not_when_revoked,
          who_guesses_has_ten_tries_a_minute_and_others_wait_for_nobody, a_machine_joins,
          a_machine_that_joined_has_its_certificates_renewed,
          who_is_under_a_root_that_was_given_up_is_not_renewed_under_the_next,
          a_node_that_joined_has_itself_renewed, a_stranger_renews_nothing,
          nothing_is_sent_to_who_may_not_let_others_in, a_home_of_another_mesh_stays_what_it_is)
