/* An emergency: what whoever copied the home has is worth nothing behind it. */
#include "core/host/rotation.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "core/base/err.h"
#include "core/host/authority.h"
#include "core/host/memory.h"
#include "core/host/roots.h"
#include "tests/lib/check.h"

static char folder[64], message[HOME_MESSAGE_SIZE];
static struct home home;

static bool is_there(const char *name)
{
    char path[HOME_PATH_SIZE];
    home_file(&home, name, path);
    return access(path, F_OK) == 0;
}

static bool watches, keys_synced, note_synced;

/* In place of the library's: what is gone when a folder is synced stays so. */
int fsync(int fd);
int fsync(int fd)
{
    struct stat s;
    if (watches && fstat(fd, &s) == 0 && S_ISDIR(s.st_mode)) {
        const bool gone = !is_there("root.key") && !is_there("issuer.key");
        note_synced = note_synced || (keys_synced && gone && !is_there("rotating"));
        keys_synced = keys_synced || (gone && is_there("rotating"));
    }
    return 0;
}

static int64_t clock_is_off_s;

time_t time(time_t *to);
time_t time(time_t *to)
{
    struct timespec now;
    REQUIRE(clock_gettime(CLOCK_REALTIME, &now) == 0);
    now.tv_sec += clock_is_off_s;
    if (to)
        *to = now.tv_sec;
    return now.tv_sec;
}

static void begin(void)
{
    snprintf(folder, sizeof folder, "/tmp/velum-emergency-XXXXXX");
    REQUIRE(mkdtemp(folder));
    snprintf(home.path, sizeof home.path, "%s/home", folder);
    REQUIRE(home_open(&home, message) == 0);
    REQUIRE(identity_mesh_open(&home, message) == 0);
}

static void end(void)
{
    char command[128];
    snprintf(command, sizeof command, "rm -rf '%s'", folder);
    CHECK_INT(system(command), 0);
}

static void read_file(const char *name, struct buf *to)
{
    char path[HOME_PATH_SIZE];
    home_file(&home, name, path);
    buf_init(to, &host_memory, HOME_FILE_MAX);
    REQUIRE(home_read_file(path, to, message) == 0);
}

static bool is_as_before(const char *name, struct buf *before)
{
    struct buf now;
    read_file(name, &now);
    const bool same = bytes_equal(buf_bytes(before), buf_bytes(&now));
    buf_clear(&now);
    return same;
}

/* A change that was killed behind its keys: they lie there, in a copy of the home too. */
TEST(test_an_emergency_takes_no_key_that_lies_there)
{
    char path[HOME_PATH_SIZE];
    struct buf root, issuer;
    begin();
    REQUIRE(rotation_begin(&home, message) == 0);
    home_file(&home, "roots", path);
    REQUIRE(unlink(path) == 0);
    read_file("root-1.key", &root);
    read_file("issuer-1.key", &issuer);
    CHECK_INT(rotation_emergency(&home, message), 0);
    CHECK(!is_as_before("root-1.key", &root) && !is_as_before("issuer-1.key", &issuer));
    buf_clear(&root);
    buf_clear(&issuer);
    end();
}

/* Power that goes later brings neither keys back nor the note that they are still to go. */
TEST(test_what_was_deleted_is_synced_and_the_note_goes_last)
{
    begin();
    watches = true;
    CHECK_INT(rotation_emergency(&home, message), 0);
    watches = false;
    CHECK(keys_synced && note_synced);
    end();
}

/* A root made by it would have ended ten years later, and be the mesh's only one. */
TEST(test_a_clock_that_is_years_behind_makes_no_root)
{
    begin();
    clock_is_off_s = -3 * AUTHORITY_ROOT_LIFE_S;
    CHECK_INT(rotation_emergency(&home, message), ERR_SYSTEM);
    CHECK(strstr(message, "has not begun: set it") != NULL);
    CHECK_INT(rotation_begin(&home, message), ERR_SYSTEM);
    CHECK(strstr(message, "has not begun: set it") != NULL);
    CHECK(is_there("root.key") && !is_there("root-1.key") && !is_there("roots"));
    clock_is_off_s = 0;
    end();
}

TEST(test_a_root_that_has_ended_is_followed_in_an_emergency_only)
{
    struct identity *i = NULL;
    begin();
    clock_is_off_s = AUTHORITY_ROOT_LIFE_S + 1;
    CHECK_INT(rotation_begin(&home, message), ERR_SYSTEM);
    CHECK(strstr(message, "velum ca rotate --emergency") != NULL);
    CHECK_INT(rotation_emergency(&home, message), 0);
    CHECK_INT(identity_user(&i, &home, message), 0);
    identity_free(i);
    clock_is_off_s = 0;
    end();
}

static struct node_id user_id(void)
{
    struct identity *i = NULL;
    REQUIRE(identity_user(&i, &home, message) == 0);
    const struct node_id id = identity_id(i);
    identity_free(i);
    return id;
}

static struct node_id node_id_of(struct identity **out)
{
    REQUIRE(identity_node(out, &home, home.path, message) == 0);
    return identity_id(*out);
}

static void rotate(void)
{
    REQUIRE(rotation_begin(&home, message) == 0 && rotation_use(&home, message) == 0);
    REQUIRE(rotation_finish(&home, message) == 0 && rotation_close(&home, message) == 0);
}

/* Certificates of the new root are shown to whoever connects: with one for a key that he copied,
 * the thief would be a node and an admin of the mesh that is there to be without him. */
TEST(test_no_key_of_the_home_is_certified_under_the_new_root)
{
    struct identity *runs = NULL, *again = NULL;
    begin();
    const struct node_id user = user_id(), node = node_id_of(&runs);
    rotate();
    CHECK(node_id_equal(user, user_id()));
    CHECK_INT(identity_renew(runs, &home, home.path, message), 1);
    CHECK_INT(rotation_emergency(&home, message), 0);
    CHECK(!node_id_equal(user, user_id()));
    CHECK_INT(identity_renew(runs, &home, home.path, message), ERR_REFUSED);
    CHECK(strstr(message, "made anew in an emergency") != NULL);
    CHECK(node_id_equal(node, identity_id(runs)));
    const struct node_id other = node_id_of(&again);
    CHECK(!node_id_equal(node, other));
    /* Once: what was made since is the home's alone. */
    const struct node_id later = user_id();
    rotate();
    CHECK(node_id_equal(later, user_id()));
    CHECK_INT(identity_renew(again, &home, home.path, message), 1);
    CHECK(node_id_equal(other, identity_id(again)));
    identity_free(again);
    identity_free(runs);
    end();
}

TEST(test_a_key_without_a_certificate_may_be_from_before_an_emergency)
{
    char path[HOME_PATH_SIZE];
    begin();
    const struct node_id user = user_id();
    home_file(&home, "user.pem", path);
    REQUIRE(unlink(path) == 0);
    CHECK(node_id_equal(user, user_id()));
    REQUIRE(unlink(path) == 0);
    CHECK_INT(rotation_emergency(&home, message), 0);
    CHECK(!node_id_equal(user, user_id()));
    end();
}

TEST_MAIN(test_an_emergency_takes_no_key_that_lies_there,
          test_what_was_deleted_is_synced_and_the_note_goes_last,
          test_a_clock_that_is_years_behind_makes_no_root,
          test_a_root_that_has_ended_is_followed_in_an_emergency_only,
          test_no_key_of_the_home_is_certified_under_the_new_root,
          test_a_key_without_a_certificate_may_be_from_before_an_emergency)
