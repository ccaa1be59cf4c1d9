/* Everything that may be wrong about who comes to a node or answers it, over real handshakes: each
 * row below is tried against a node that accepts, against its desk for those who join, against a
 * node that dials, and against who asks to join. None gets in, none is told more than an alert, and
 * a good peer is served in between. */
#include "core/host/linkset.h"

#include <malloc.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>

#include "core/base/err.h"
#include "core/host/join_ask.h"
#include "core/host/listen.h"
#include "tests/unit/wrong_peer.h"

#define NAME "U:velum://%m/%r/%i"
#define GOOD .san = NAME
#define TEN(word) word word word word word word word word word word
#define LONG TEN(TEN("12345"))

static const struct recipe good[] = {
    {"a node", ALL, GOOD},
    {"of another issuer of the root", ALL, GOOD, .by = BY_SECOND_ISSUER},
    {"its issuer is not sent", ACCEPT | DIAL | RENEW, GOOD, .chain = CHAIN_NONE},
    {"with a name that is not read", ALL, GOOD, .cn = "velum://somebody"},
};

static const struct recipe wrong[] = {
    /* whose it is */
    {"of another mesh", ALL, .san = "U:velum://%o/%r/%i", .by = BY_OTHER_ISSUER},
    {"of another mesh, with this one's name", ALL, GOOD, .by = BY_OTHER_ISSUER},
    {"of this mesh, with another one's name", ALL, .san = "U:velum://%o/%r/%i"},
    {"of an issuer with the right name and another key", ALL, GOOD, .by = BY_TWIN},
    {"of a mesh whose names are all the same", ALL, GOOD, .by = BY_TWIN_ROOT},
    {"signed by itself", ALL, GOOD, .by = BY_ITSELF},
    {"signed by a node", ALL, GOOD, .by = BY_NODE},
    {"signed by an issuer that an issuer made", ALL, GOOD, .by = BY_SUB_ISSUER},
    {"signed by the root, with no name", ALL, .by = BY_ROOT},
    {"the issuer itself", ALL, .by = BY_ISSUER, .chain = CHAIN_MAKER_ONLY},
    {"the root itself", ALL, .by = BY_ROOT, .chain = CHAIN_MAKER_ONLY},
    {"of an issuer nobody knows, who is not sent", ACCEPT | DIAL | RENEW, GOOD,
     .by = BY_SECOND_ISSUER, .chain = CHAIN_NONE},
    {"its signature is of other bytes", ALL, GOOD, .cn = "velumA", .swap_from = "velumA",
     .swap_to = "velumB"},
    /* when it is */
    {"ended a minute ago", ACCEPT | DIAL | JOIN, GOOD, .ends_s = -60},
    {"ended longer ago than may be renewed", ALL, GOOD, .begins_s = -40 * DAYS,
     .ends_s = -31 * DAYS},
    {"not yet", ALL, GOOD, .begins_s = 7200, .ends_s = 9000},
    {"its issuer's time is over", ALL, GOOD, .by = BY_OLD_ISSUER},
    {"its issuer's time is to come", ALL, GOOD, .by = BY_EARLY_ISSUER},
    /* its name */
    {"no name", ALL, .cn = "velum"},
    {"the name as CN", ALL, .cn = "velum://m/node/i"},
    {"two names", ALL, .san = NAME " " NAME},
    {"two lists of names", ALL, GOOD, .san_twice = true},
    {"a DNS name beside it", ALL, .san = NAME " D:localhost"},
    {"a DNS name before it", ALL, .san = "D:localhost " NAME},
    {"the name as a DNS name", ALL, .san = "D:velum://%m/%r/%i"},
    {"the name as an address of mail", ALL, .san = "E:velum://%m/%r/%i"},
    {"another one's id", ALL, .san = "U:velum://%m/%r/%x"},
    {"another scheme", ALL, .san = "U:https://%m/%r/%i"},
    {"an id cut short", ALL, .san = "U:velum://%m/%r/0123456789abcdef"},
    {"more behind the id", ALL, .san = "U:velum://%m/%r/%i/"},
    {"a query behind the id", ALL, .san = "U:velum://%m/%r/%i?role=admin"},
    {"a zero byte behind the id", ALL, .san = "U:velum://%m/%r/%i%0.example"},
    {"a zero byte in front", ALL, .san = "U:%0velum://%m/%r/%i"},
    {"a name of 900 bytes", ALL, .san = "U:velum://%m/%r/%i%i%i%i%i%i%i%i%i%i%i%i%i"},
    {"a list of names that is garbage", ALL, .raw_san = true},
    /* its role */
    {"a role that was edited", ACCEPT | DIAL | RENEW, .san = "U:velum://%m/read/%i",
     .swap_from = "/read/", .swap_to = "/node/"},
    {"two roles", ALL, .san = "U:velum://%m/%r,admin/%i"},
    {"two roles, one behind the other", ALL, .san = "U:velum://%m/%r/admin/%i"},
    {"an unknown role", ALL, .san = "U:velum://%m/root/%i"},
    {"a role in capitals", ALL, .san = "U:velum://%m/NODE/%i"},
    {"a role with more behind it", ALL, .san = "U:velum://%m/%rs/%i"},
    {"no role", ALL, .san = "U:velum://%m//%i"},
    {"a node where an issuer should answer", JOIN, .san = "U:velum://%m/node/%i"},
    {"an admin where an issuer should answer", JOIN, .san = "U:velum://%m/admin/%i"},
    {"an issuer where a node should come", ACCEPT | DIAL, .san = "U:velum://%m/issuer/%i"},
    {"an admin where a node should answer", DIAL, .san = "U:velum://%m/admin/%i"},
    {"a submitter where a node should answer", DIAL, .san = "U:velum://%m/submit/%i"},
    {"a reader where a node should answer", DIAL, .san = "U:velum://%m/read/%i"},
    {"another node than the one that is called", DIAL, GOOD, .pinned_other = true},
    {"a user who wants a bulk link", ACCEPT, .san = "U:velum://%m/submit/%i",
     .alpn = "\14velum-bulk/1"},
    /* what it is for */
    {"for servers only", ALL, GOOD, .eku = "serverAuth"},
    {"for clients only", ALL, GOOD, .eku = "clientAuth"},
    {"for programs", ALL, GOOD, .eku = "codeSigning"},
    {"for anything", ALL, GOOD, .eku = "anyExtendedKeyUsage"},
    {"for one thing too many", ALL, GOOD, .eku = "serverAuth,clientAuth,codeSigning"},
    {"for no purpose that is named", ALL, GOOD, .eku = ""},
    {"its key may not sign", ALL, GOOD, .usage = "critical,keyAgreement"},
    {"its key may sign certificates", ALL, GOOD, .usage = "critical,digitalSignature,keyCertSign"},
    {"the use of its key is not said", ALL, GOOD, .usage = ""},
    {"an authority", ALL, GOOD, .basic = "critical,CA:TRUE"},
    {"an authority for nobody below", ALL, GOOD, .basic = "critical,CA:TRUE,pathlen:0",
     .usage = "critical,keyCertSign,digitalSignature"},
    {"whether an authority is not said", ALL, GOOD, .basic = ""},
    {"whether an authority is garbage", ALL, GOOD, .raw_basic = true},
    {"of the first version of X.509", ALL, .first_version = true},
    {"with a critical word that nobody knows", ALL, GOOD, .extra = "1.2.3.4=critical,DER:0500"},
    /* its key, and how it is signed */
    {"a key of RSA", ALL, GOOD, .key = KEY_RSA},
    {"a key on P-384", ALL, GOOD, .key = KEY_P384},
    {"a key on secp256k1", ALL, GOOD, .key = KEY_K256},
    {"a key of Ed25519", ALL, GOOD, .key = KEY_ED25519},
    {"signed with SHA-1", ALL, GOOD, .hash = "sha1"},
    {"signed with SHA-224", ALL, GOOD, .hash = "sha224"},
    {"another one's, without the key", ALL, GOOD, .not_its_key = true},
    {"of more than 2 KiB", ACCEPT | DIAL | RENEW, GOOD, .extra = "nsComment=" LONG LONG LONG LONG},
    {"with a chain of more than 16 KiB", ALL, GOOD, .chain = CHAIN_HUGE},
    /* the connection */
    {"TLS 1.2", ALL, GOOD, .version = TLS1_2_VERSION},
    {"TLS 1.0", ALL, GOOD, .version = TLS1_VERSION},
    {"no word of a protocol", ALL, GOOD, .no_alpn = true},
    {"another word", ACCEPT | DIAL | JOIN, GOOD, .alpn = "\7velum/2"},
    {"a word of others", ACCEPT | DIAL | JOIN, GOOD, .alpn = "\2h2"},
    {"a word that begins as ours", ACCEPT | DIAL | JOIN, GOOD, .alpn = "\5velum"},
    {"a word that nobody asked for", DIAL, GOOD, .alpn = "\14velum-join/1"},
    {"no certificate", ACCEPT, .nothing = true},
    {"a session that is made up", ACCEPT, .nothing = true, .resumes = true},
    {"data before the handshake's end", ACCEPT, .nothing = true, .early = true},
    {"a signature by RSA only", ACCEPT | RENEW, GOOD, .sigalgs = "RSA-PSS+SHA256"},
    {"a group that is not ours", ALL, GOOD, .groups = "P-384"},
    {"a cipher that is not ours", ACCEPT | DIAL | RENEW, GOOD, .ciphers = "TLS_AES_256_GCM_SHA384"},
};

/* --- the node, and what it has seen --- */

static char root[64];
static char message[HOME_MESSAGE_SIZE];
static struct home home;
static struct identity *node, *welcome;
static struct loop *loop;
static struct linkset *links;
static struct listener *listener;
static struct address here;
static int ups, frames, fails, asked, tries;

static void on_up(void *ctx, uint64_t link, uint32_t dial, const struct link_peer *peer)
{
    (void)ctx, (void)dial, (void)peer;
    ups++;
    linkset_close(links, link);
}

static void on_frame(void *ctx, uint64_t link, const struct frame *frame)
{
    (void)ctx, (void)link, (void)frame;
    frames++;
}

static void on_down(void *ctx, uint64_t link, enum party party, enum link_end how, int fault,
                    uint8_t version)
{
    (void)ctx, (void)link, (void)party, (void)how, (void)fault, (void)version;
}

static void on_dial_failed(void *ctx, uint32_t dial, enum dial_end end, int fault)
{
    (void)ctx, (void)dial, (void)end, (void)fault;
    fails++;
}

static int on_join(void *ctx, const struct join_caller *from, struct bytes payload, uint8_t *type,
                   struct buf *answer)
{
    (void)ctx, (void)payload, (void)type, (void)answer;
    asked += from->peer.party != 0;
    return ERR_BUSY;
}

static void came(void *ctx, int fd, const struct address *from)
{
    (void)ctx;
    CHECK_INT(linkset_accept(links, fd, address_is_loopback(from)), 0);
}

static int listen_here(struct address *at)
{
    struct sockaddr_in *v4 = (struct sockaddr_in *)&at->storage;
    char text[512] = "";
    socklen_t len = sizeof at->storage;
    *at = (struct address){.len = sizeof *v4};
    v4->sin_family = AF_INET;
    v4->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = listen_tcp(at, text);
    REQUIRE(fd >= 0 && getsockname(fd, (struct sockaddr *)&at->storage, &len) == 0);
    return fd;
}

static void begin(void)
{
    const struct linkset_events events = {NULL, on_up, on_frame, on_down, on_dial_failed, on_join};
    char state[HOME_PATH_SIZE];
    signal(SIGPIPE, SIG_IGN);
    snprintf(root, sizeof root, "/tmp/velum-wrong-XXXXXX");
    REQUIRE(mkdtemp(root));
    snprintf(home.path, sizeof home.path, "%s/home", root);
    REQUIRE(home_open(&home, message) == 0 && identity_mesh_open(&home, message) == 0);
    makers_open(&home);
    int lock = home_state_open(&home, 8001, NULL, state, message);
    REQUIRE(lock >= 0 && identity_node(&node, &home, state, message) == 0);
    close(lock);
    REQUIRE(identity_welcome(&welcome, &home, message) == 0);
    REQUIRE(loop_new(&loop) == 0 && linkset_new(&links, loop, node, NULL, &events) == 0);
    linkset_welcome(links, welcome);
    REQUIRE(listener_new(&listener, loop, listen_here(&here), came, NULL) == 0);
}

static void end(void)
{
    char command[128];
    listener_free(listener);
    linkset_free(links);
    loop_free(loop);
    identity_free(welcome);
    identity_free(node);
    makers_close();
    snprintf(command, sizeof command, "rm -rf '%s'", root);
    CHECK_INT(system(command), 0);
}

/* --- one try --- */

struct trial {
    bool in;
    size_t heard;
};

static void round_of(struct peer *p, const struct recipe *r)
{
    linkset_flush(links);
    loop_once(loop, instant_plus_us(loop_clock(), MS_US));
    linkset_flush(links);
    if (p->ssl)
        peer_step(p, r);
    if (p->ssl && (p->over || (p->says == 0 && p->heard > 0)))
        peer_hang_up(p);
}

#define RUN_UNTIL(condition)                                                                       \
    do {                                                                                           \
        struct instant run_end = instant_plus_us(loop_clock(), 20 * S_US);                         \
        while (!(condition) && !instant_reached(loop_clock(), run_end))                            \
            round_of(&p, r);                                                                       \
        REQUIRE(condition);                                                                        \
    } while (0)

static struct trial comes(const struct recipe *r, enum side side)
{
    struct peer p;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    REQUIRE(fd >= 0 && connect(fd, (struct sockaddr *)&here.storage, here.len) == 0);
    peer_open(&p, r, side, fd);
    RUN_UNTIL(p.over && linkset_count(links) == 0);
    const struct trial out = {ups + frames + asked > 0, p.heard};
    CHECK_INT(p.tickets, 0);
    peer_close(&p);
    return out;
}

/* Accepts the one who comes, once he is there, and nobody else. */
static void wait_for(struct peer *p, const struct recipe *r, enum side side, int *listening)
{
    int fd = p->ssl ? -1 : accept4(*listening, NULL, NULL, SOCK_CLOEXEC);
    if (fd < 0)
        return;
    close(*listening);
    *listening = -1;
    peer_open(p, r, side, fd);
}

static struct trial is_dialled(const struct recipe *r)
{
    struct peer p = {.fd = -1};
    struct address at;
    char addr[ADDR_SIZE];
    const struct node_id other = identity_id(welcome);
    int listening = listen_here(&at);
    address_text(&at, addr);
    REQUIRE(linkset_dial(links, 7, addr, r->pinned_other ? &other : NULL, false) == 0);
    RUN_UNTIL((wait_for(&p, r, DIAL, &listening), p.ssl && p.over && linkset_count(links) == 0));
    const struct trial out = {ups + frames > 0, p.heard};
    CHECK_INT(ups + fails, 1);
    peer_close(&p);
    return out;
}

/* Who wants to join is a process of its own. Its exit status is the code, negated. */
static pid_t joiner(const char *name, const struct address *at, int listening)
{
    struct join_string s = {.roles = JOIN_NODE, .addrs_count = 1};
    const struct digest mesh = identity_mesh(node);
    struct join_asked out;
    struct home other;
    memcpy(s.root, mesh.bytes, sizeof s.root);
    snprintf(s.addrs[0], sizeof s.addrs[0], "127.0.0.1:%u", address_port(at));
    snprintf(other.path, sizeof other.path, "%s/%s", root, name);
    REQUIRE(home_open(&other, message) == 0);
    pid_t pid = fork();
    REQUIRE(pid >= 0);
    if (pid > 0)
        return pid;
    close(listening);
    _exit(-join_ask(&other, &s, 8001, NULL, &out, message));
}

static struct trial is_asked(const struct recipe *r)
{
    struct peer p = {.fd = -1};
    struct address at;
    char name[16], path[128];
    int status = 0, listening = listen_here(&at);
    snprintf(name, sizeof name, "j%d", tries);
    pid_t got = 0, pid = joiner(name, &at, listening);
    RUN_UNTIL((wait_for(&p, r, JOIN, &listening),
               got == pid || (got = waitpid(pid, &status, WNOHANG)) == pid));
    const struct trial out = {p.heard > 0, p.heard};
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) != 0);
    snprintf(path, sizeof path, "%s/%s/root.pem", root, name);
    CHECK(access(path, F_OK) != 0);
    peer_close(&p);
    return out;
}

static void try_one(const struct recipe *r, enum side side, bool may)
{
    char said[256];
    const char *where = side == ACCEPT  ? "comes"
                        : side == RENEW ? "comes to the desk"
                        : side == DIAL  ? "is dialled"
                                        : "is asked";
    ups = frames = fails = asked = 0;
    tries++;
    const struct trial out = side == DIAL   ? is_dialled(r)
                             : side == JOIN ? is_asked(r)
                                            : comes(r, side);
    snprintf(said, sizeof said, "%s, %s: %s", r->name, where,
             out.in          ? "in"
             : out.heard > 0 ? "told something"
                             : "out");
    if (!!strstr(said, ": in") != may || (!may && out.heard > 0))
        CHECK_STR(said, may ? "in" : "out");
}

static void try_all(const struct recipe *list, size_t count, int sides, bool may)
{
    for (size_t i = 0; i < count; i++)
        for (int side = ACCEPT; side <= JOIN; side <<= 1)
            if (list[i].sides & sides & side)
                try_one(&list[i], (enum side)side, may);
}

static void try_good(void)
{
    try_all(good, sizeof good / sizeof *good, ALL, true);
}

TEST(nobody_with_anything_wrong_gets_in_or_is_told_anything)
{
    const size_t count = sizeof wrong / sizeof *wrong;
    _Static_assert(sizeof wrong / sizeof *wrong >= 40, "what the issue asks for");
    begin();
    try_good();
    tries = 0;
    try_all(wrong, count, ALL, false);
    printf("%zu things wrong, %d tries\n", count, tries);
    try_good();
    end();
}

static int descriptors(void)
{
    char path[64];
    int count = 0;
    for (int fd = 0; fd < 256; fd++) {
        snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
        count += access(path, F_OK) == 0;
    }
    return count;
}

/* What all of them leave behind: nothing. The first time fills what libraries keep. */
TEST(they_leave_neither_memory_nor_descriptors)
{
    const size_t count = sizeof wrong / sizeof *wrong;
    begin();
    try_all(wrong, count, ACCEPT | RENEW | DIAL, false);
    const int had = descriptors();
    const size_t before = mallinfo2().uordblks;
    tries = 0;
    for (int i = 0; i < 3; i++)
        try_all(wrong, count, ACCEPT | RENEW | DIAL, false);
    const size_t after = mallinfo2().uordblks;
    CHECK_INT(descriptors(), had);
    CHECK(after < before + (size_t)tries * 16);
    printf("%d tries, %zd bytes more\n", tries, (ssize_t)(after - before));
    try_good();
    end();
}

TEST_MAIN(nobody_with_anything_wrong_gets_in_or_is_told_anything,
          they_leave_neither_memory_nor_descriptors)
