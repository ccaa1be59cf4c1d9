/* Folders of nodes inside commands: there as long as their node, whoever else comes and goes. */
#include "core/host/scratch.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/lib/check.h"

static char base[64];

static void begin(void)
{
    snprintf(base, sizeof base, "/tmp/velum-scratch-XXXXXX");
    REQUIRE(mkdtemp(base));
    setenv("TMPDIR", base, 1);
}

static void end(void)
{
    char command[128];
    snprintf(command, sizeof command, "rm -rf '%s'", base);
    CHECK_INT(system(command), 0);
}

static bool is_there(const char *folder, const char *name)
{
    char path[HOME_PATH_SIZE + 64];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return access(path, F_OK) == 0;
}

static void put_file(const char *folder, const char *name)
{
    char path[HOME_PATH_SIZE + 64];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    CHECK(fd >= 0);
    close(fd);
}

TEST(it_is_made_and_goes_with_all_that_is_in_it)
{
    struct scratch s = {0};
    struct stat st;
    begin();
    scratch_close(&s); /* one that was never opened */
    REQUIRE(scratch_open(&s) == 0);
    CHECK(stat(s.objects, &st) == 0 && S_ISDIR(st.st_mode) && (st.st_mode & 07777) == 0700);
    CHECK(s.objects[0] == '/');
    char folder[HOME_PATH_SIZE];
    snprintf(folder, sizeof folder, "%s", s.folder);
    put_file(s.objects, "an object");
    put_file(s.objects, "and its list");
    scratch_close(&s);
    CHECK(!is_there(folder, "."));
    end();
}

TEST(what_a_dead_node_left_is_removed_and_nothing_else)
{
    struct scratch dead, alive, next;
    char other[HOME_PATH_SIZE], fresh[HOME_PATH_SIZE];
    begin();
    REQUIRE(scratch_open(&dead) == 0 && scratch_open(&alive) == 0);
    put_file(dead.objects, "an object");
    put_file(alive.objects, "an object");
    close(dead.lock); /* as the system does when its process is killed */
    /* Folders of that name which hold something else, and one that may just have been made. */
    snprintf(other, sizeof other, "%s/velum-run-theirs", base);
    snprintf(fresh, sizeof fresh, "%s/velum-run-abcdef", base);
    CHECK(mkdir(other, 0700) == 0 && mkdir(fresh, 0700) == 0);
    put_file(other, "theirs");
    REQUIRE(scratch_open(&next) == 0);
    CHECK(!is_there(dead.folder, "."));
    CHECK(is_there(alive.objects, "an object"));
    CHECK(is_there(other, "theirs"));
    CHECK(is_there(fresh, "."));
    CHECK(is_there(next.objects, "."));
    scratch_close(&next);
    scratch_close(&alive);
    end();
}

TEST(where_none_can_be_made_nothing_is_left)
{
    struct scratch s;
    begin();
    setenv("TMPDIR", "/not/there/at/all", 1);
    CHECK(scratch_open(&s) < 0);
    CHECK_STR(s.folder, "");
    scratch_close(&s);
    end();
}

/* In a root that holds nothing. What it comes to is the exit code. */
static int open_in_empty_root(void)
{
    struct scratch s;
    if (chroot(base) != 0 || chdir("/") != 0)
        return 2;
    if (scratch_open(&s) < 0)
        return 3;
    if (strncmp(s.objects, "/velum-run-", 11) != 0 || access(s.objects, F_OK) != 0)
        return 4;
    scratch_close(&s);
    return 0;
}

TEST(without_a_folder_for_such_things_the_current_one_serves_unless_one_is_named)
{
    if (geteuid() != 0)
        SKIP("only root can change its root");
    begin();
    for (int named = 0; named < 2; named++) {
        int status = -1;
        if (named)
            setenv("TMPDIR", "/not/there", 1);
        else
            unsetenv("TMPDIR");
        const pid_t pid = fork();
        if (pid == 0)
            _exit(open_in_empty_root());
        CHECK(waitpid(pid, &status, 0) == pid && WIFEXITED(status));
        CHECK_INT(WEXITSTATUS(status), named ? 3 : 0);
    }
    CHECK_INT(rmdir(base), 0);
}

TEST_MAIN(it_is_made_and_goes_with_all_that_is_in_it,
          what_a_dead_node_left_is_removed_and_nothing_else, where_none_can_be_made_nothing_is_left,
          without_a_folder_for_such_things_the_current_one_serves_unless_one_is_named)
