/* A home that leaves its mesh, killed before each of its removals: then it is whole, or the next
 * one ends it. */
#include "core/host/leaving.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/base/err.h"
#include "core/base/text.h"
#include "tests/lib/check.h"

#define KILLED 77

static char message[HOME_MESSAGE_SIZE];
static struct home home;
static struct leaving what;

static const char *const goes[] = {"root.key",
                                   "root.pem",
                                   "issuer.key",
                                   "issuer.pem",
                                   "user.key",
                                   "user.pem",
                                   "peers",
                                   "open",
                                   "tokens",
                                   "nodes/8001/node.key",
                                   "nodes/8001/node.pem",
                                   "nodes/8001/0000000000000001.seg",
                                   "nodes/8001/0000000000000001.seg.torn",
                                   "nodes/8001/reserve",
                                   "nodes/8001/objects/aa",
                                   "nodes/8001/objects/aa.list",
                                   "nodes/8001/built/compiler",
                                   "nodes/8001.addr"};
#define GOES (sizeof goes / sizeof *goes)

/* The process is killed before its next removal but so many. */
static int removals_left = -1;

int unlink(const char *path)
{
    if (removals_left == 0)
        _exit(KILLED);
    removals_left -= removals_left > 0;
    return unlinkat(AT_FDCWD, path, 0);
}

static const char *at(const char *name)
{
    static char path[HOME_PATH_SIZE + 64];
    snprintf(path, sizeof path, "%s/%s", home.path, name);
    return path;
}

static void make(const char *name)
{
    int fd = open(at(name), O_WRONLY | O_CREAT | O_EXCL, 0600);
    REQUIRE(fd >= 0);
    close(fd);
}

static bool is_there(const char *name)
{
    struct stat s;
    return lstat(at(name), &s) == 0;
}

static size_t left_of_all(void)
{
    size_t count = 0;
    for (size_t i = 0; i < GOES; i++)
        count += is_there(goes[i]);
    return count;
}

static void begin(void)
{
    snprintf(home.path, sizeof home.path, "/tmp/velum-leaving-XXXXXX");
    REQUIRE(mkdtemp(home.path));
    REQUIRE(mkdir(at("nodes"), 0700) == 0 && mkdir(at("nodes/8001"), 0700) == 0);
    REQUIRE(mkdir(at("nodes/8001/objects"), 0700) == 0);
    REQUIRE(mkdir(at("nodes/8001/built"), 0700) == 0);
    for (size_t i = 0; i < GOES; i++)
        make(goes[i]);
    what = (struct leaving){.home = true, .count = 1};
    text_copy(what.states[0], HOME_PATH_SIZE, at("nodes/8001"));
}

static void end(void)
{
    char command[HOME_PATH_SIZE + 16];
    snprintf(command, sizeof command, "rm -rf '%s'", home.path);
    CHECK_INT(system(command), 0);
}

/* Whether it was killed there. */
static bool killed_before(int removal)
{
    int status;
    pid_t child = fork();
    if (child == 0) {
        removals_left = removal;
        _exit(leaving_do(&home, &what, message) == 0 ? 0 : 1);
    }
    REQUIRE(child > 0 && waitpid(child, &status, 0) == child && WIFEXITED(status));
    CHECK(WEXITSTATUS(status) == KILLED || WEXITSTATUS(status) == 0);
    return WEXITSTATUS(status) == KILLED;
}

TEST(killed_at_any_removal_it_is_whole_or_ends_next_time)
{
    bool killed = true;
    int whole = 0;
    for (int removal = 0; killed; removal++) {
        begin();
        killed = killed_before(removal);
        if (killed && !leaving_is_begun(&home)) {
            CHECK_INT(left_of_all(), GOES);
            CHECK_INT(home_open(&home, message), 0);
            whole++;
        } else {
            CHECK(!killed || home_open(&home, message) == ERR_BUSY);
            CHECK_INT(leaving_finish(&home, message), 0);
            CHECK_INT(left_of_all(), 0);
            CHECK_INT(home_open(&home, message), 0);
        }
        CHECK(!killed || removal < 3 * (int)GOES);
        killed = killed && removal < 3 * (int)GOES;
        end();
    }
    CHECK_INT(whole, 1);
}

TEST(what_is_not_its_own_stays)
{
    begin();
    make("nodes/8001/mine");
    make("notes");
    make("velum-root-01234567.pem");
    make("root-1.key");
    REQUIRE(mkdir(at("nodes/8002"), 0700) == 0);
    make("nodes/8002/node.key");
    char link[HOME_PATH_SIZE + 64];
    text_copy(link, sizeof link, at("nodes/8001/objects/out"));
    REQUIRE(symlink(at("nodes/8002"), link) == 0);
    CHECK_INT(leaving_do(&home, &what, message), 0);
    CHECK_INT(left_of_all(), 0);
    CHECK(is_there("nodes/8001/mine") && is_there("notes") && is_there("nodes/8002/node.key"));
    CHECK(is_there("velum-root-01234567.pem") && !is_there("root-1.key"));
    CHECK(!is_there("nodes/8001/objects") && !is_there("leaving"));
    end();
}

/* A node runs in it: nothing is changed. */
TEST(a_state_in_use_is_left_alone)
{
    char path[HOME_PATH_SIZE];
    begin();
    int lock = home_state_open(&home, 8001, NULL, path, message);
    REQUIRE(lock >= 0);
    CHECK_INT(leaving_do(&home, &what, message), ERR_BUSY);
    CHECK_INT(left_of_all(), GOES);
    CHECK(!leaving_is_begun(&home));
    close(lock);
    what.home = false;
    CHECK_INT(leaving_do(&home, &what, message), 0);
    CHECK(is_there("root.key") && is_there("user.pem") && !is_there("nodes/8001"));
    end();
}

/* Killed after it was written down: what it says is known, and a node that runs in one of the
 * folders since then is left alone. */
TEST(what_was_begun_waits_for_a_node_that_runs_there)
{
    static struct leaving begun;
    char path[HOME_PATH_SIZE];
    begin();
    CHECK_INT(leaving_begun(&home, &begun, message), ERR_NOT_FOUND);
    what.home = false;
    text_copy(what.states[what.count++], HOME_PATH_SIZE, at("nodes/8002"));
    REQUIRE(mkdir(at("nodes/8002"), 0700) == 0);
    for (int removal = 0; !leaving_is_begun(&home); removal++)
        REQUIRE(killed_before(removal));
    CHECK_INT(leaving_begun(&home, &begun, message), 0);
    CHECK(!begun.home && begun.count == 2);
    CHECK(strcmp(begun.states[0], what.states[0]) == 0);
    CHECK(strcmp(begun.states[1], what.states[1]) == 0);
    int lock = home_state_open(&home, 0, what.states[0], path, message);
    REQUIRE(lock >= 0);
    const size_t left = left_of_all();
    CHECK_INT(leaving_finish(&home, message), ERR_BUSY);
    CHECK(left_of_all() == left && leaving_is_begun(&home));
    close(lock);
    CHECK_INT(leaving_finish(&home, message), 0);
    CHECK(!is_there("nodes/8001") && !is_there("nodes/8002") && is_there("root.key"));
    end();
}

/* It could not be written down. */
TEST(a_path_of_two_lines_is_refused)
{
    begin();
    text_append(what.states[0], HOME_PATH_SIZE, "\nhome");
    CHECK_INT(leaving_do(&home, &what, message), ERR_ARGUMENT);
    CHECK_INT(left_of_all(), GOES);
    end();
}

TEST_MAIN(killed_at_any_removal_it_is_whole_or_ends_next_time, what_is_not_its_own_stays,
          a_state_in_use_is_left_alone, what_was_begun_waits_for_a_node_that_runs_there,
          a_path_of_two_lines_is_refused)
