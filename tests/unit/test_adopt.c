/* What an issuer elsewhere gave is written as one: a join that fails leaves the home as it was, and
 * one that is killed leaves a home that works, whenever that is. */
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/base/err.h"
#include "core/base/sha256.h"
#include "core/host/authority.h"
#include "core/host/certificate.h"
#include "core/host/identity.h"
#include "core/host/memory.h"
#include "core/host/rotation.h"
#include "tests/lib/check.h"

/* The n-th of these calls fails, or is the last; 0: none does. */
static struct {
    int at, calls;
    bool kills;
} fault;

static bool strikes(void)
{
    if (fault.at == 0 || ++fault.calls != fault.at)
        return false;
    if (fault.kills)
        _exit(99);
    errno = ENOSPC;
    return true;
}

/* In place of the library's. */
int fsync(int fd);
int fsync(int fd)
{
    (void)fd;
    return strikes() ? -1 : 0;
}

int rename(const char *from, const char *to);
int rename(const char *from, const char *to)
{
    if (fault.kills && strikes())
        return -1;
    return (int)syscall(SYS_renameat, -100 /* AT_FDCWD */, from, -100, to);
}

static char folder[64], message[HOME_MESSAGE_SIZE];
static struct home made, joined;
static char joined_state[128];

static void home_below(struct home *h, const char *name)
{
    snprintf(h->path, sizeof h->path, "%s/%s", folder, name);
    REQUIRE(home_open(h, message) == 0);
}

static void begin(void)
{
    snprintf(folder, sizeof folder, "/tmp/velum-adopt-XXXXXX");
    REQUIRE(mkdtemp(folder));
    home_below(&made, "made");
    home_below(&joined, "joined");
    snprintf(joined_state, sizeof joined_state, "%s/joined/node", folder);
    REQUIRE(mkdir(joined_state, 0700) == 0);
    REQUIRE(identity_mesh_open(&made, message) == 0);
}

static void end(void)
{
    char command[128];
    snprintf(command, sizeof command, "rm -rf '%s'", folder);
    CHECK_INT(system(command), 0);
}

/* --- what came --- */

struct gift {
    struct authority_parts node, user;
    struct roots roots;
    struct authority_adopted all;
};

static int also(void *ctx, struct staged *to, char *why)
{
    char path[HOME_PATH_SIZE];
    (void)ctx;
    home_file(&joined, "peers", path);
    return staged_add(to, path, (struct bytes){(const uint8_t *)"a:1\n", 4}, why);
}

static void ask(struct gift *g)
{
    const struct authority_leaf leaves[2] = {authority_node_leaf(joined_state),
                                             authority_user_leaf(&joined)};
    struct authority_adopted *a = &g->all;
    *g = (struct gift){.all = {.count = 2, .by_string = true, .also = also}};
    for (int i = 0; i < 2; i++) {
        a->leaves[i] = leaves[i];
        REQUIRE(authority_key(&joined, &leaves[i], &a->keys[i], message) == 0);
    }
    REQUIRE(authority_issue(&made, a->keys[0], PARTY_NODE, &g->node, message) == 0);
    REQUIRE(authority_issue(&made, a->keys[1], PARTY_NATIVE, &g->user, message) == 0);
    REQUIRE(roots_read(&g->roots, &made, message) == 0);
    a->certificates[0] = g->node.leaf;
    a->certificates[1] = g->user.leaf;
    a->root = g->node.root;
    a->issuer = g->node.issuer;
    a->roots = g->roots.count > 1 ? &g->roots : NULL;
}

static void gift_clear(struct gift *g)
{
    for (int i = 0; i < 2; i++)
        EVP_PKEY_free(g->all.keys[i]);
    authority_parts_clear(&g->node);
    authority_parts_clear(&g->user);
    roots_clear(&g->roots);
}

static int adopt(const struct gift *g)
{
    return authority_adopt(&joined, &g->all, message);
}

/* --- how the home is --- */

/* All files of a folder, whatever their order: each one's digest is added to the others. */
static void add_files(const char *path, struct digest *to)
{
    char file[512];
    struct buf b;
    DIR *dir = opendir(path);
    REQUIRE(dir);
    for (const struct dirent *e; (e = readdir(dir));) {
        snprintf(file, sizeof file, "%s/%s", path, e->d_name);
        if (e->d_type != DT_REG || strcmp(e->d_name, "lock") == 0)
            continue;
        buf_init(&b, &host_memory, 70000);
        REQUIRE(home_read_file(file, &b, message) == 0);
        put_raw(&b, e->d_name, strlen(e->d_name));
        const struct digest one = sha256_of(b.data, b.len);
        for (size_t i = 0; i < ID_SIZE; i++)
            to->bytes[i] = (uint8_t)(to->bytes[i] + one.bytes[i]);
        buf_clear(&b);
    }
    closedir(dir);
}

static struct digest look(void)
{
    struct digest d = {{0}};
    add_files(joined.path, &d);
    add_files(joined_state, &d);
    return d;
}

static bool opens(void)
{
    struct identity *node = NULL, *user = NULL;
    const bool both = identity_node(&node, &joined, joined_state, message) == 0 &&
                      identity_user(&user, &joined, message) == 0;
    identity_free(node);
    identity_free(user);
    return both;
}

static uint32_t generation(void)
{
    struct identity *node = NULL;
    REQUIRE(identity_node(&node, &joined, joined_state, message) == 0);
    const uint32_t g = identity_generation(node);
    identity_free(node);
    return g;
}

static void join(void)
{
    struct gift g;
    ask(&g);
    REQUIRE(adopt(&g) == 0);
    REQUIRE(opens());
    gift_clear(&g);
}

/* --- the sweeps --- */

/* No file can be synced, from the n-th on: what was there is there, and no more. */
static void fail_at_each_file(void)
{
    struct gift g;
    const struct digest before = look();
    ask(&g);
    int n = 0, files = 0;
    for (;;) {
        struct digest after;
        fault.at = ++n;
        fault.calls = 0;
        const int rc = adopt(&g);
        fault.at = 0;
        after = look();
        if (!digest_equal(after, before))
            break;
        CHECK_INT(rc, ERR_NO_SPACE);
        CHECK(strstr(message, "no space left") != NULL);
        files++;
    }
    /* The first that left something was a folder's, when all files were there. */
    CHECK(files >= 4);
    gift_clear(&g);
}

static int adopt_and_die(const struct gift *g, int at)
{
    int status = 0;
    const pid_t pid = fork();
    if (pid == 0) {
        fault.at = at;
        fault.calls = 0;
        fault.kills = true;
        _exit(adopt(g) == 0 ? 0 : 1);
    }
    REQUIRE(waitpid(pid, &status, 0) == pid && WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void copy_folder(const char *from, const char *to)
{
    char command[512];
    snprintf(command, sizeof command, "rm -rf '%s/%s' && cp -a '%s/%s' '%s/%s'", folder, to, folder,
             from, folder, to);
    REQUIRE(system(command) == 0);
}

/* Killed at the n-th step, each time in the home as it was before. Without a mesh there is none in
 * between; with one it works; and whoever joins once more has all. */
static void kill_at_each_step(bool has_mesh)
{
    int n = 0, rc = 99;
    copy_folder("joined", "before");
    for (; rc == 99; n++) {
        struct gift g;
        copy_folder("before", "joined");
        ask(&g);
        rc = adopt_and_die(&g, n + 1);
        CHECK(rc == 99 || rc == 0);
        gift_clear(&g);
        CHECK(opens() || (!has_mesh && !authority_exists(&joined)));
        join();
    }
    CHECK(n > 12);
}

static void rotate(void)
{
    REQUIRE(rotation_begin(&made, message) == 0);
    REQUIRE(rotation_use(&made, message) == 0);
    REQUIRE(rotation_finish(&made, message) == 0);
    REQUIRE(rotation_close(&made, message) == 0);
}

TEST(a_first_join_that_fails_has_written_nothing)
{
    begin();
    fail_at_each_file();
    end();
}

TEST(a_first_join_that_is_killed_begins_anew)
{
    begin();
    kill_at_each_step(false);
    end();
}

TEST(a_first_join_of_a_mesh_that_had_other_roots_is_the_same)
{
    begin();
    rotate();
    kill_at_each_step(false);
    CHECK_INT(generation(), 1);
    end();
    begin();
    rotate();
    fail_at_each_file();
    end();
}

static bool lose(const char *name)
{
    char path[HOME_PATH_SIZE];
    home_file(&joined, name, path);
    return unlink(path) == 0;
}

/* Else the machine would sign for itself, with a key that nobody knows. */
TEST(a_join_where_a_making_was_cut_short_keeps_none_of_its_keys)
{
    begin();
    REQUIRE(identity_mesh_open(&joined, message) == 0);
    REQUIRE(lose("root.pem") && lose("user.pem") && lose("user.key"));
    join();
    CHECK(!authority_issues(&joined));
    CHECK(!lose("root.key"));
    CHECK(opens());
    end();
}

/* The mesh had a user, so it was whole once: its keys are neither written over nor removed. */
TEST(a_home_that_lost_its_root_is_no_empty_one)
{
    struct gift g;
    begin();
    REQUIRE(identity_mesh_open(&joined, message) == 0);
    REQUIRE(lose("root.pem"));
    const struct digest before = look();
    CHECK_INT(identity_mesh_open(&joined, message), ERR_DAMAGED);
    CHECK(strstr(message, "root.pem is not beside") && strstr(message, "restore it from a copy"));
    ask(&g);
    CHECK_INT(adopt(&g), ERR_DAMAGED);
    CHECK(digest_equal(look(), before));
    gift_clear(&g);
    end();
}

TEST(a_join_once_more_that_fails_or_is_killed_leaves_what_was)
{
    begin();
    join();
    kill_at_each_step(true);
    fail_at_each_file();
    end();
}

TEST(so_does_one_that_brings_another_root)
{
    begin();
    join();
    rotate();
    kill_at_each_step(true);
    CHECK_INT(generation(), 1);
    REQUIRE(rotation_emergency(&made, message) == 0);
    fail_at_each_file();
    end();
}

/* The issuer is of no root that this home will know: found behind the certificates. */
TEST(a_join_that_fails_late_has_replaced_no_certificate)
{
    struct gift g;
    begin();
    X509 *own = NULL;
    join();
    const struct digest before = look();
    ask(&g);
    EVP_PKEY *key = certificate_new_key();
    const struct certificate_request root = {.kind = CERTIFICATE_ROOT, .key = key, .seconds = 1000};
    own = certificate_make(&root);
    REQUIRE(own);
    g.all.issuer = own;
    CHECK_INT(adopt(&g), ERR_IDENTITY);
    CHECK(strstr(message, "is not of the root in") != NULL);
    CHECK(digest_equal(look(), before) && opens());
    X509_free(own);
    EVP_PKEY_free(key);
    gift_clear(&g);
    end();
}

TEST_MAIN(a_first_join_that_fails_has_written_nothing, a_first_join_that_is_killed_begins_anew,
          a_first_join_of_a_mesh_that_had_other_roots_is_the_same,
          a_join_where_a_making_was_cut_short_keeps_none_of_its_keys,
          a_home_that_lost_its_root_is_no_empty_one,
          a_join_once_more_that_fails_or_is_killed_leaves_what_was,
          so_does_one_that_brings_another_root, a_join_that_fails_late_has_replaced_no_certificate)
