/* What the desk that lets others in notes of who came, and whom it counts as one. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <openssl/x509.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/base/err.h"
#include "core/host/authority.h"
#include "core/host/certificate.h"
#include "core/host/invite.h"
#include "core/host/join_desk.h"
#include "core/wire/message.h"
#include "tests/unit/join_wrong.h"

static char root[64], message[HOME_MESSAGE_SIZE];
static struct home home;
static struct join_desk *desk;
static const struct identity *judged_by;
static const uint8_t exporter[32] = {1, 2, 3};
static const struct wrong none = {.secret = false}, guessed = {.secret = true};

static struct {
    uint32_t count;
    enum event_note_kind kinds[32];
    char texts[32][EVENT_TEXT_SIZE];
    uint8_t subject[ID_SIZE]; /* of the last */
} noted;

static void note(void *ctx, enum event_note_kind kind, const uint8_t subject[ID_SIZE],
                 const char *text)
{
    (void)ctx;
    REQUIRE(noted.count < 32);
    noted.kinds[noted.count] = kind;
    snprintf(noted.texts[noted.count], EVENT_TEXT_SIZE, "%s", text);
    memcpy(noted.subject, subject, ID_SIZE);
    noted.count++;
}

static const struct identity *judge(void *ctx)
{
    (void)ctx;
    return judged_by;
}

static void open_desk(bool silent)
{
    const struct join_desk_parts parts = {.home = &home, .note = note, .judge = judge};
    const struct join_desk_parts less = {.home = &home};
    memset(&noted, 0, sizeof noted);
    REQUIRE(join_desk_new(&desk, silent ? &less : &parts) == 0);
}

static void begin(void)
{
    judged_by = NULL;
    snprintf(root, sizeof root, "/tmp/velum-notes-XXXXXX");
    REQUIRE(mkdtemp(root));
    snprintf(home.path, sizeof home.path, "%s/home", root);
    REQUIRE(home_open(&home, message) == 0 && identity_mesh_open(&home, message) == 0);
    open_desk(false);
}

static void end(void)
{
    char command[128];
    join_desk_free(desk);
    snprintf(command, sizeof command, "rm -rf '%s'", root);
    CHECK_INT(system(command), 0);
}

static struct join_string invite(uint8_t roles, const char *name)
{
    const struct invite i = {
        .roles = roles, .ttl_s = 60, .uses = 100, .name = name, .addr = "127.0.0.1:1"};
    return join_invited(&home, &i);
}

/* The type of the answer, or < 0. */
static int ask(const struct join_string *s, const struct wrong *w, uint64_t source, int64_t at_us)
{
    struct buf request, answer;
    uint8_t type = 0;
    buf_init(&request, &host_memory, JOIN_REQUEST_MAX);
    buf_init(&answer, &host_memory, FRAME_PAYLOAD_MAX);
    join_wrong_put(&request, s, w, exporter);
    int rc = join_desk_answer_at(desk, source, (struct instant){at_us}, (int64_t)time(NULL),
                                 exporter, buf_bytes(&request), &type, &answer);
    buf_clear(&request);
    buf_clear(&answer);
    return rc < 0 ? rc : type;
}

static void check_note(uint32_t at, enum event_note_kind kind, const char *begins)
{
    REQUIRE(at < noted.count);
    CHECK_INT(noted.kinds[at], kind);
    if (strncmp(noted.texts[at], begins, strlen(begins)) != 0)
        CHECK_STR(noted.texts[at], begins);
}

TEST(each_certificate_is_noted_with_the_token_and_its_name)
{
    begin();
    struct join_string named = invite(JOIN_NODE | JOIN_NATIVE, "rack-7");
    struct join_string user = invite(JOIN_SUBMIT, NULL);
    char id[JOIN_ID_TEXT_SIZE], text[EVENT_TEXT_SIZE];
    CHECK_INT(ask(&named, &none, 1, 1), MESSAGE_JOINED);
    join_id_text(named.id, id);
    REQUIRE(noted.count == 2);
    snprintf(text, sizeof text, "native, by token %s rack-7", id);
    CHECK_STR(noted.texts[0], text);
    snprintf(text, sizeof text, "node, by token %s rack-7", id);
    CHECK_STR(noted.texts[1], text);
    CHECK_INT(noted.kinds[1], EVENT_NOTE_ISSUED);
    CHECK_INT(ask(&user, &none, 1, 1), MESSAGE_JOINED);
    join_id_text(user.id, id);
    REQUIRE(noted.count == 3);
    snprintf(text, sizeof text, "submit, by token %s", id);
    CHECK_STR(noted.texts[2], text);
    end();
}

/* The token that was tried is named; of who tried too often nothing is looked at. */
TEST(who_gets_no_certificate_is_noted_too)
{
    begin();
    struct join_string s = invite(JOIN_NODE, NULL), gone = s;
    gone.id[0] ^= 1;
    CHECK_INT(ask(&gone, &guessed, 1, 1), MESSAGE_JOIN_REFUSED);
    REQUIRE(noted.count == 1);
    CHECK_INT(noted.kinds[0], EVENT_NOTE_UNISSUED);
    CHECK_MEM(noted.subject, gone.id, JOIN_ID_SIZE);
    for (int i = 1; i < JOIN_TRIES_MAX; i++)
        CHECK_INT(ask(&gone, &guessed, 1, 1), MESSAGE_JOIN_REFUSED);
    CHECK_INT(ask(&s, &none, 1, 1), ERR_BUSY);
    check_note(noted.count - 1, EVENT_NOTE_UNISSUED, "too many tries from one network");
    CHECK_INT(noted.subject[0], 0);
    end();
}

/* He is to come again, and it is not his fault. */
TEST(somebody_else_at_the_files_is_no_try)
{
    begin();
    struct join_string s = invite(JOIN_NODE, NULL);
    int lock = home_lock(&home, message);
    REQUIRE(lock >= 0);
    for (int i = 0; i <= JOIN_TRIES_MAX; i++)
        CHECK_INT(ask(&s, &none, 1, 1), ERR_BUSY);
    CHECK_INT(noted.count, 0);
    close(lock);
    CHECK_INT(ask(&s, &none, 1, 1), MESSAGE_JOINED);
    end();
}

TEST(a_desk_that_nobody_listens_to_answers_all_the_same)
{
    begin();
    join_desk_free(desk);
    open_desk(true);
    struct join_string s = invite(JOIN_NODE, NULL);
    CHECK_INT(ask(&s, &none, 1, 1), MESSAGE_JOINED);
    CHECK_INT(ask(&s, &guessed, 1, 1), MESSAGE_JOIN_REFUSED);
    end();
}

TEST(of_many_networks_the_oldest_is_forgotten_first)
{
    begin();
    join_desk_free(desk);
    open_desk(true);
    struct join_string s = invite(JOIN_NODE, NULL), gone = s;
    gone.id[0] ^= 1;
    for (int i = 0; i < JOIN_TRIES_MAX; i++)
        ask(&gone, &guessed, 7, 2);
    CHECK_INT(ask(&s, &none, 7, 3), ERR_BUSY);
    CHECK_INT(ask(&gone, &guessed, 1000, 1), MESSAGE_JOIN_REFUSED); /* the oldest */
    for (uint64_t i = 2; i < JOIN_SOURCES_MAX; i++)
        CHECK_INT(ask(&gone, &guessed, 1000 + i, 3), MESSAGE_JOIN_REFUSED);
    CHECK_INT(ask(&s, &none, 7, 3), ERR_BUSY);
    CHECK_INT(ask(&gone, &guessed, 5000, 4), MESSAGE_JOIN_REFUSED); /* in place of the oldest */
    CHECK_INT(ask(&s, &none, 7, 4), ERR_BUSY);
    CHECK_INT(ask(&gone, &guessed, 5001, 5), MESSAGE_JOIN_REFUSED);
    CHECK_INT(ask(&s, &none, 7, 5), MESSAGE_JOINED);
    end();
}

/* --- where somebody comes from --- */

/* A pair of connected sockets, the second of which comes from `to`; false: not on this machine. */
static bool connect_from(int family, const char *to, int fd[2])
{
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
    struct sockaddr_in v4 = {.sin_family = AF_INET};
    struct sockaddr *at = family == AF_INET ? (struct sockaddr *)&v4 : (struct sockaddr *)&v6;
    socklen_t len = family == AF_INET ? sizeof v4 : sizeof v6;
    const int off = 0;
    REQUIRE(inet_pton(family, to,
                      family == AF_INET ? (void *)&v4.sin_addr : (void *)&v6.sin6_addr) == 1);
    int listening = socket(family, SOCK_STREAM, 0);
    fd[0] = fd[1] = -1;
    if (listening < 0)
        return false;
    if (family == AF_INET6)
        setsockopt(listening, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
    if (bind(listening, at, len) == 0 && listen(listening, 1) == 0 &&
        getsockname(listening, at, &len) == 0) {
        fd[0] = socket(family, SOCK_STREAM, 0);
        if (family == AF_INET6)
            setsockopt(fd[0], IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
        if (connect(fd[0], at, len) == 0)
            fd[1] = accept(listening, NULL, NULL);
    }
    close(listening);
    return fd[1] >= 0;
}

static int ask_over(int fd, const struct join_string *s, const struct wrong *w)
{
    const struct join_caller from = {.fd = fd, .exporter = exporter};
    struct buf request, answer;
    uint8_t type = MESSAGE_JOIN;
    buf_init(&request, &host_memory, JOIN_REQUEST_MAX);
    buf_init(&answer, &host_memory, FRAME_PAYLOAD_MAX);
    join_wrong_put(&request, s, w, exporter);
    int rc = join_desk_answer(desk, &from, buf_bytes(&request), &type, &answer);
    buf_clear(&request);
    buf_clear(&answer);
    return rc < 0 ? rc : type;
}

static void check_over(int family, const char *to, const struct join_string *s, int expected)
{
    int fd[2];
    if (connect_from(family, to, fd))
        CHECK_INT(ask_over(fd[1], s, &none), expected);
    else
        printf("# no %s on this machine\n", to);
    close(fd[0]);
    close(fd[1]);
}

TEST(an_address_of_ipv4_is_the_same_network_when_it_comes_mapped)
{
    int fd[2], unnamed[2];
    begin();
    struct join_string s = invite(JOIN_NODE, NULL), gone = s;
    gone.id[0] ^= 1;
    REQUIRE(connect_from(AF_INET, "127.0.0.1", fd));
    for (int i = 0; i < JOIN_TRIES_MAX; i++)
        CHECK_INT(ask_over(fd[1], &gone, &guessed), MESSAGE_JOIN_REFUSED);
    CHECK_INT(ask_over(fd[1], &s, &none), ERR_BUSY);
    check_over(AF_INET6, "::ffff:127.0.0.1", &s, ERR_BUSY);
    check_over(AF_INET6, "::1", &s, MESSAGE_JOINED);
    /* From nowhere that has a network. */
    REQUIRE(socketpair(AF_UNIX, SOCK_STREAM, 0, unnamed) == 0);
    CHECK_INT(ask_over(unnamed[0], &s, &none), MESSAGE_JOINED);
    CHECK_INT(ask_over(-1, &s, &none), MESSAGE_JOINED);
    for (int i = 0; i < 2; i++) {
        close(fd[i]);
        close(unnamed[i]);
    }
    end();
}

/* --- renewing --- */

static int renew_by(enum party party, struct bytes certificate, const char *payload)
{
    struct join_caller from = {.fd = -1, .exporter = exporter};
    struct buf answer;
    uint8_t type = MESSAGE_RENEW;
    from.peer.party = party;
    from.peer.certificate = certificate;
    buf_init(&answer, &host_memory, FRAME_PAYLOAD_MAX);
    int rc = join_desk_answer(desk, &from, bytes_of_text(payload), &type, &answer);
    CHECK((rc == 0 && type == MESSAGE_RENEWED) == (answer.len > 0));
    buf_clear(&answer);
    return rc < 0 ? rc : type;
}

TEST(a_certificate_is_renewed_for_who_has_one_of_his_own_and_is_judged)
{
    struct authority_parts parts;
    unsigned char *der = NULL;
    begin();
    EVP_PKEY *key = certificate_new_key();
    REQUIRE(authority_issue(&home, key, PARTY_NODE, &parts, message) == 0);
    const int len = i2d_X509(parts.leaf, &der);
    REQUIRE(len > 0);
    const struct bytes whole = {der, (size_t)len}, broken = {der, (size_t)len / 2};
    static const enum party parties[] = {0, PARTY_USER, PARTY_ISSUER};
    for (size_t i = 0; i < sizeof parties / sizeof *parties; i++)
        CHECK_INT(renew_by(parties[i], whole, ""), MESSAGE_JOIN_REFUSED);
    CHECK_INT(renew_by(PARTY_NODE, whole, "x"), MESSAGE_JOIN_REFUSED);
    CHECK_INT(renew_by(PARTY_NODE, broken, ""), MESSAGE_JOIN_REFUSED);
    CHECK_INT(renew_by(PARTY_NODE, whole, ""), MESSAGE_JOIN_REFUSED); /* nobody judges */
    CHECK_INT(noted.count, 6);
    check_note(5, EVENT_NOTE_UNISSUED, "a certificate was not renewed");
    char state[HOME_PATH_SIZE];
    struct identity *node = NULL;
    int lock = home_state_open(&home, 8001, NULL, state, message);
    REQUIRE(lock >= 0 && identity_node(&node, &home, state, message) == 0);
    judged_by = node;
    for (int i = 0; i < JOIN_TRIES_MAX; i++)
        CHECK_INT(renew_by(PARTY_NODE, whole, ""), MESSAGE_RENEWED);
    check_note(noted.count - 1, EVENT_NOTE_RENEWED, "node");
    CHECK_INT(renew_by(PARTY_NODE, whole, ""), ERR_BUSY);
    close(lock);
    identity_free(node);
    OPENSSL_free(der);
    authority_parts_clear(&parts);
    EVP_PKEY_free(key);
    end();
}

TEST_MAIN(each_certificate_is_noted_with_the_token_and_its_name,
          who_gets_no_certificate_is_noted_too, somebody_else_at_the_files_is_no_try,
          a_desk_that_nobody_listens_to_answers_all_the_same,
          of_many_networks_the_oldest_is_forgotten_first,
          an_address_of_ipv4_is_the_same_network_when_it_comes_mapped,
          a_certificate_is_renewed_for_who_has_one_of_his_own_and_is_judged)
