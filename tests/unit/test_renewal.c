/* The real node runs past half of its certificate's life: from then on it shows another one of the
 * same key, to whoever connects and in what it signs. */
#include "core/host/renewal.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/host/linkset.h"
#include "tests/lib/check.h"
#include "tests/lib/free_port.h"
#include "tests/unit/age_node.h"

#define LIVES_S 3612 /* begun an hour ago, so half of it is over in six seconds */
#define DER_MAX 2048

struct seen {
    int ups, fails;
    struct node_id id;
    uint8_t der[DER_MAX];
    size_t len;
};

static struct {
    struct home home;
    char state[HOME_PATH_SIZE];
    uint16_t port;
    pid_t pid;
    struct identity *user;
} mesh;

static void on_up(void *ctx, uint64_t link, uint32_t dial, const struct link_peer *peer)
{
    struct seen *s = ctx;
    (void)link;
    (void)dial;
    s->ups++;
    s->id = peer->id;
    s->len = peer->certificate.len < DER_MAX ? peer->certificate.len : DER_MAX;
    memcpy(s->der, peer->certificate.data, s->len);
}

static void on_frame(void *ctx, uint64_t link, const struct frame *frame)
{
    (void)ctx;
    (void)link;
    (void)frame;
}

static void on_down(void *ctx, uint64_t link, enum party party, enum link_end end, int fault,
                    uint8_t version)
{
    (void)ctx;
    (void)link;
    (void)party;
    (void)end;
    (void)fault;
    (void)version;
}

static void on_dial_failed(void *ctx, uint32_t dial, enum dial_end end, int fault)
{
    struct seen *s = ctx;
    (void)dial;
    (void)end;
    (void)fault;
    s->fails++;
}

/* Connects once, as a user; false when nobody answered. */
static bool look(struct seen *s)
{
    struct loop *loop;
    struct linkset *links;
    struct linkset_events events = {s, on_up, on_frame, on_down, on_dial_failed, NULL};
    char addr[ADDR_SIZE];
    struct instant until;
    memset(s, 0, sizeof *s);
    REQUIRE(loop_new(&loop) == 0);
    REQUIRE(linkset_new(&links, loop, mesh.user, NULL, &events) == 0);
    snprintf(addr, sizeof addr, "127.0.0.1:%u", mesh.port);
    CHECK_INT(linkset_dial(links, 1, addr, NULL, false), 0);
    until = instant_plus_us(loop_clock(), 5 * S_US);
    while (s->ups + s->fails == 0 && instant_before(loop_clock(), until)) {
        linkset_flush(links);
        loop_once(loop, until);
    }
    linkset_free(links);
    loop_free(loop);
    return s->ups == 1;
}

/* What takes longer than a minute is ended by its own alarm clock, which exec keeps. */
static pid_t start(const char *const args[])
{
    pid_t pid = fork();
    if (pid == 0) {
        alarm(60);
        int null = open("/dev/null", O_RDWR);
        dup2(null, 0);
        dup2(null, 1);
        dup2(null, 2);
        execv(args[0], (char *const *)(uintptr_t)args);
        _exit(127);
    }
    REQUIRE(pid > 0);
    return pid;
}

static void open_mesh(void)
{
    char message[HOME_MESSAGE_SIZE], port[8];
    const char *tmp = getenv("TMPDIR");
    struct identity *node;
    struct seen s;
    snprintf(mesh.home.path, sizeof mesh.home.path, "%s/vr-XXXXXX", tmp != NULL ? tmp : "/tmp");
    REQUIRE(mkdtemp(mesh.home.path) != NULL && getenv("VELUM") != NULL);
    REQUIRE(setenv("VELUM_HOME", mesh.home.path, 1) == 0);
    REQUIRE(identity_mesh_open(&mesh.home, message) == 0);
    REQUIRE(identity_user(&mesh.user, &mesh.home, message) == 0);
    mesh.port = free_port();
    snprintf(port, sizeof port, "%u", mesh.port);
    snprintf(mesh.state, sizeof mesh.state, "%.200s/nodes", mesh.home.path);
    REQUIRE(mkdir(mesh.state, 0700) == 0);
    snprintf(mesh.state, sizeof mesh.state, "%.200s/nodes/%s", mesh.home.path, port);
    REQUIRE(mkdir(mesh.state, 0700) == 0);
    REQUIRE(identity_node(&node, &mesh.home, mesh.state, message) == 0);
    identity_free(node);
    age_node(&mesh.home, mesh.state, LIVES_S);
    mesh.pid = start((const char *const[]){getenv("VELUM"), "node", "--port", port, NULL});
    for (int i = 0; i < 100 && !look(&s); i++)
        usleep(50000);
    CHECK_INT(s.ups, 1);
}

static void close_mesh(void)
{
    char command[HOME_PATH_SIZE + 16];
    int status = 0;
    kill(mesh.pid, SIGTERM);
    waitpid(mesh.pid, &status, 0);
    CHECK_INT(status, 0);
    identity_free(mesh.user);
    snprintf(command, sizeof command, "rm -rf '%s'", mesh.home.path);
    CHECK_INT(system(command), 0);
}

static bool journal_has(const void *bytes, size_t len)
{
    char path[HOME_PATH_SIZE + 32];
    static uint8_t journal[1 << 20];
    snprintf(path, sizeof path, "%s/%016x.seg", mesh.state, 1);
    FILE *f = fopen(path, "r");
    REQUIRE(f != NULL);
    size_t size = fread(journal, 1, sizeof journal, f);
    fclose(f);
    return memmem(journal, size, bytes, len) != NULL;
}

TEST(test_node_that_runs_shows_a_new_certificate)
{
    struct seen first, last;
    int status = -1;
    open_mesh();
    REQUIRE(look(&first));
    last = first;
    for (int i = 0; i < 300 && look(&last); i++) {
        if (last.len != first.len || memcmp(last.der, first.der, last.len) != 0)
            break;
        usleep(50000);
    }
    CHECK(last.len != first.len || memcmp(last.der, first.der, last.len) != 0);
    CHECK(node_id_equal(first.id, last.id));
    pid_t run = start((const char *const[]){getenv("VELUM"), "run", "pi", "1000", NULL});
    REQUIRE(waitpid(run, &status, 0) == run);
    CHECK_INT(status, 0);
    CHECK(journal_has(last.der, last.len));
    CHECK(!journal_has(first.der, first.len));
    close_mesh();
}

TEST_MAIN(test_node_that_runs_shows_a_new_certificate)
