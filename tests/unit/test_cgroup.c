/* Groups of the system's for workers: where this process is, from samples of what systems say; what
 * is written into a group and read from it, in folders that stand for groups; what a node may
 * divide and what it takes for left over; and processes that wait in their group. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/host/cgroup.h"
#include "core/host/cgroup_place.h"
#include "core/host/sanitizer.h"
#include "core/host/stem.h"
#include "tests/lib/check.h"

#define ROOT_MOUNTS                                                                                \
    "22 28 0:20 / /sys rw,nosuid shared:7 - sysfs sysfs rw\n"                                      \
    "28 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw,errors=remount-ro\n"

static void check_place(const char *groups, const char *mounts, const char *controller,
                        const char *group, const char *folder)
{
    static struct cgroup_place p;
    const bool found = cgroup_place_find(groups, mounts, controller, &p);
    CHECK(found == (folder != NULL));
    if (!found || !folder)
        return;
    CHECK_STR(p.group, group);
    CHECK_STR(p.folder, folder);
}

static const char groups_1[] = "12:pids:/\n11:cpu,cpuacct:/a\n9:memory:/user.slice/a b\n"
                               "1:name=systemd:/init.scope\n";
static const char mounts_1[] = ROOT_MOUNTS
    "31 22 0:28 / /sys/fs/cgroup rw shared:9 - tmpfs tmpfs ro,mode=755\n"
    "33 31 0:30 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n"
    "34 31 0:31 / /sys/fs/cgroup/memory rw shared:1 master:2 - cgroup cgroup rw,memory\n"
    "35 31 0:32 / /sys/fs/my\\040pids rw - cgroup cgroup rw,pids\n";

TEST(test_version_1_has_a_place_for_each_controller)
{
    check_place(groups_1, mounts_1, "memory", "/user.slice/a b",
                "/sys/fs/cgroup/memory/user.slice/a b");
    check_place(groups_1, mounts_1, "pids", "/", "/sys/fs/my pids");
    check_place(groups_1, mounts_1, "cpuacct", "/a", "/sys/fs/cgroup/cpu,cpuacct/a");
    check_place(groups_1, mounts_1, "mem", NULL, NULL);
    check_place(groups_1, mounts_1, "", NULL, NULL);
}

TEST(test_version_2_and_both_versions_at_once)
{
    static const char user[] =
        "0::/user.slice/user-1000.slice/user@1000.service/app.slice/velum.service\n";
    static const char both[] = "4:memory:/x\n0::/y\n";
    static const char two[] = ROOT_MOUNTS
        "30 22 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n";
    static const char mixed[] =
        ROOT_MOUNTS "37 31 0:33 / /sys/fs/cgroup/unified rw shared:5 - cgroup2 cgroup2 rw\n"
                    "38 31 0:34 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory";
    check_place(user, two, "",
                "/user.slice/user-1000.slice/user@1000.service/app.slice/"
                "velum.service",
                "/sys/fs/cgroup/user.slice/user-1000.slice/user@1000.service/app.slice/"
                "velum.service");
    check_place(user, two, "memory", NULL, NULL);
    check_place(both, mixed, "", "/y", "/sys/fs/cgroup/unified/y");
    check_place(both, mixed, "memory", "/x", "/sys/fs/cgroup/memory/x");
    check_place("0::/\n", two, "", "/", "/sys/fs/cgroup");
}

TEST(test_a_container_sees_a_part_of_the_groups)
{
    static const char inside[] = ROOT_MOUNTS
        "600 599 0:31 /docker/9f /sys/fs/cgroup/memory ro,nosuid master:15 - cgroup cgroup "
        "rw,memory\n";
    check_place("5:memory:/docker/9f\n", inside, "memory", "/docker/9f", "/sys/fs/cgroup/memory");
    check_place("5:memory:/docker/9f/x\n", inside, "memory", "/docker/9f/x",
                "/sys/fs/cgroup/memory/x");
    check_place("5:memory:/docker/9fx\n", inside, "memory", NULL, NULL);
    check_place("5:memory:/\n", inside, "memory", NULL, NULL);
    check_place("5:memory:/../..\n", mounts_1, "memory", NULL, NULL);
    check_place("5:memory:/a/../b\n", mounts_1, "memory", NULL, NULL);
    check_place("5:memory:/a..b/...\n", mounts_1, "memory", "/a..b/...",
                "/sys/fs/cgroup/memory/a..b/...");
}

TEST(test_text_that_ends_anywhere_or_says_nothing_is_no_place)
{
    static const char *const wrong[] = {"",         ":",      "::",        "memory",
                                        "5:memory", "5::/x",  "5:memory:", "5:memory:x\n",
                                        "0::\n",    "\n\n\n", "0:a:/"};
    static char long_path[3 * CGROUP_PATH_SIZE], cut[sizeof mounts_1];
    static struct cgroup_place p;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        check_place(wrong[i], mounts_1, "memory", NULL, NULL);
        check_place(wrong[i], mounts_1, "", NULL, NULL);
    }
    for (size_t n = 0; n < sizeof mounts_1; n++) {
        memcpy(cut, mounts_1, n);
        cut[n] = '\0';
        cgroup_place_find(groups_1, cut, "pids", &p);
        cgroup_place_find(cut, mounts_1, "pids", &p);
    }
    memset(long_path, 'a', sizeof long_path - 1);
    memcpy(long_path, "5:memory:/", 10);
    check_place(long_path, mounts_1, "memory", NULL, NULL);
    long_path[CGROUP_PATH_SIZE] = '\0';
    check_place(long_path, mounts_1, "memory", NULL, NULL);
}

/* A folder that stands for one that groups are made in. */
static struct cgroup_root make_root(const char *path, int version)
{
    REQUIRE(mkdir(path, 0700) == 0);
    const int low = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    const int fd = fcntl(low, F_DUPFD_CLOEXEC, 20);
    REQUIRE(low >= 0 && fd >= 0);
    close(low);
    return (struct cgroup_root){version, fd, -1, O_CREAT | O_TRUNC};
}

static void put(const char *path, const char *text)
{
    FILE *f = fopen(path, "we");
    REQUIRE(f != NULL);
    CHECK(fputs(text, f) >= 0);
    CHECK(fclose(f) == 0);
}

static void check_file(const char *path, const char *want)
{
    char text[128] = "";
    FILE *f = fopen(path, "re");
    CHECK(f != NULL);
    if (!f)
        return;
    text[fread(text, 1, sizeof text - 1, f)] = '\0';
    fclose(f);
    CHECK_STR(text, want);
}

static bool is_there(const char *path)
{
    return access(path, F_OK) == 0;
}

TEST(test_limits_are_written_as_each_version_wants_them)
{
    const struct cgroup_root two = make_root("two", 2), one = make_root("one", 1);
    CHECK_INT(cgroup_make(&two, "g"), 0);
    CHECK_INT(cgroup_limit(&two, "g", 96 << 20), 0);
    CHECK_INT(cgroup_limit_processes(&two, "g", 4), 0);
    CHECK_INT(cgroup_enter(&two, "g"), 0);
    check_file("two/g/memory.max", "100663296");
    check_file("two/g/memory.swap.max", "0");
    check_file("two/g/pids.max", "4");
    check_file("two/g/cgroup.procs", "0");
    CHECK_INT(cgroup_make(&one, "g"), 0);
    CHECK_INT(cgroup_limit(&one, "g", 96 << 20), 0);
    check_file("one/g/memory.limit_in_bytes", "100663296");
    check_file("one/g/memory.memsw.limit_in_bytes", "100663296");
    CHECK(!is_there("one/g/pids.max"));
    CHECK(cgroup_make(&one, "g") == -1 && errno == EEXIST);
    close(two.memory);
    close(one.memory);
}

TEST(test_what_a_process_was_killed_for_is_read_from_its_group)
{
    const struct cgroup_root two = make_root("killed2", 2), one = make_root("killed1", 1);
    CHECK_INT(cgroup_make(&two, "g"), 0);
    CHECK_INT(cgroup_make(&one, "g"), 0);
    CHECK_INT(cgroup_killed(&two, "g"), CGROUP_KILL_NONE);
    put("killed2/g/memory.events", "low 0\nmax 7\noom 1\noom_kill 0\noom_group_kill 0\n");
    CHECK_INT(cgroup_killed(&two, "g"), CGROUP_KILL_NONE);
    put("killed2/g/memory.events", "low 0\nmax 7\noom 1\noom_kill 1\noom_group_kill 0\n");
    CHECK_INT(cgroup_killed(&two, "g"), CGROUP_KILL_SYSTEM);
    put("killed2/memory.events.local", "max 7\noom 1\noom_kill 0\n");
    CHECK_INT(cgroup_killed(&two, "g"), CGROUP_KILL_ABOVE);
    put("killed2/g/memory.events.local", "max 7\noom 1\noom_kill 1\n");
    CHECK_INT(cgroup_killed(&two, "g"), CGROUP_KILL_OWN);
    put("killed1/g/memory.oom_control", "oom_kill_disable 0\nunder_oom 0\noom_kill 1\n");
    CHECK_INT(cgroup_killed(&one, "g"), CGROUP_KILL_SYSTEM);
    put("killed1/memory.limit_in_bytes", "100663296\n");
    put("killed1/memory.max_usage_in_bytes", "100663296\n");
    put("killed1/g/memory.limit_in_bytes", "4328521728\n");
    put("killed1/g/memory.max_usage_in_bytes", "100651008\n");
    CHECK_INT(cgroup_killed(&one, "g"), CGROUP_KILL_ABOVE);
    put("killed1/g/memory.limit_in_bytes", "100663296\n");
    CHECK_INT(cgroup_killed(&one, "g"), CGROUP_KILL_OWN);
    close(two.memory);
    close(one.memory);
}

/* Opens groups as on a system that says so: `folder` is where its groups are. */
static int open_with(const char *group, const char *folder, const char *kind)
{
    char text[4096], here[1024];
    mkdir("proc", 0700);
    REQUIRE(getcwd(here, sizeof here) != NULL);
    put("proc/cgroup", group);
    snprintf(text, sizeof text, "30 22 0:26 / %s/%s rw - %s rw,memory\n", here, folder, kind);
    put("proc/mountinfo", text);
    return cgroup_open(&(struct cgroup_options){.mode = CGROUP_AUTO, .proc = "proc"});
}

static void check_reason(const char *part)
{
    CHECK(!cgroup_is_open());
    if (!CHECK(strstr(cgroup_reason(), part) != NULL))
        printf("%s\n", cgroup_reason());
}

/* Such a build has no walls at all. */
static void refuses_in_a_sanitizer(void)
{
    CHECK(cgroup_open(&(struct cgroup_options){.mode = CGROUP_YES}) < 0);
    check_reason("sanitizer");
}

TEST(test_a_node_without_groups_says_what_is_missing)
{
    if (SANITIZER) {
        refuses_in_a_sanitizer();
        return;
    }
    CHECK(cgroup_open(&(struct cgroup_options){.mode = CGROUP_NO}) < 0);
    check_reason("its settings");
    CHECK(cgroup_open(&(struct cgroup_options){.mode = CGROUP_AUTO, .proc = "nowhere"}) < 0);
    check_reason("does not say");
    REQUIRE(mkdir("v2", 0700) == 0 && mkdir("v2/a", 0700) == 0);
    CHECK(open_with("0::/a\n", "v2", "tmpfs tmpfs") < 0);
    check_reason("no cgroup is mounted");
    put("v2/a/cgroup.controllers", "cpu io pids\n");
    CHECK(open_with("0::/a\n", "v2", "cgroup2 cgroup2") < 0);
    check_reason("its cgroup /a has no controller of memory");
    put("v2/a/cgroup.controllers", "cpu memory pids\n");
    CHECK(open_with("0::/a\n", "v2", "cgroup2 cgroup2") < 0);
    check_reason(geteuid() == 0 ? "is not its own to divide" : "cannot be divided");
    put("v2/cgroup.controllers", "cpu memory pids\n");
    CHECK(open_with("0::/\n", "v2", "cgroup2 cgroup2") < 0);
    check_reason("its cgroup / cannot be divided");
    REQUIRE(mkdir("v1", 0700) == 0);
    CHECK(open_with("4:memory:/\n", "v1", "cgroup memory") < 0);
    check_reason("its memory cannot be limited: No such file");
    CHECK(rmdir("v1") == 0);
}

static unsigned long long start_of_parent(void)
{
    char path[64], text[1024] = "";
    snprintf(path, sizeof path, "/proc/%d/stat", (int)getppid());
    FILE *f = fopen(path, "re");
    REQUIRE(f != NULL);
    text[fread(text, 1, sizeof text - 1, f)] = '\0';
    fclose(f);
    char *at = strrchr(text, ')');
    for (int i = 0; at && i < 20; i++)
        at = strchr(at + 1, ' ');
    REQUIRE(at != NULL);
    return strtoull(at, NULL, 10);
}

TEST(test_what_dead_nodes_left_is_removed_and_nothing_else)
{
    char alive[128], reused[128];
    if (SANITIZER) {
        refuses_in_a_sanitizer();
        return;
    }
    const unsigned long long start = start_of_parent();
    snprintf(alive, sizeof alive, "left/velum-%d-%llu", (int)getppid(), start);
    snprintf(reused, sizeof reused, "left/velum-%d-%llu", (int)getppid(), start + 1);
    const char *const stay[] = {alive, "left/velum-x", "left/other", "left/velum-999999999-7x",
                                "left/velum-01-7"};
    REQUIRE(mkdir("left", 0700) == 0);
    for (size_t i = 0; i < sizeof stay / sizeof *stay; i++)
        REQUIRE(mkdir(stay[i], 0700) == 0);
    REQUIRE(mkdir(reused, 0700) == 0 && mkdir("left/velum-999999999-7", 0700) == 0);
    REQUIRE(mkdir("left/velum-999999999-7/12-0", 0700) == 0);
    REQUIRE(mkdir("left/velum-999999999-7.node", 0700) == 0);
    CHECK(open_with("4:memory:/\n", "left", "cgroup memory") < 0);
    for (size_t i = 0; i < sizeof stay / sizeof *stay; i++)
        CHECK(is_there(stay[i]));
    CHECK(!is_there(reused));
    CHECK(!is_there("left/velum-999999999-7"));
    CHECK(!is_there("left/velum-999999999-7.node"));
}

/* What a stem becomes: writes a byte to its report, and ends; or fails. */
static int say_and_end(const void *ctx, const int descriptors[3], uint64_t memory_bytes)
{
    (void)ctx;
    if (memory_bytes == 7)
        return 77;
    if (write(descriptors[1], "x", 1) == 1)
        _exit(0);
    return 1;
}

static void start_one(struct stems *s, uint64_t bytes, int want, pid_t *pid, uint32_t *group)
{
    int low[2], ends[2];
    char byte = 0;
    REQUIRE(pipe2(low, O_CLOEXEC) == 0);
    for (int i = 0; i < 2; i++) { /* above those that a spawner's children keep */
        ends[i] = fcntl(low[i], F_DUPFD_CLOEXEC, 20);
        REQUIRE(ends[i] >= 0);
        close(low[i]);
    }
    CHECK_INT(stems_start(s, (int[]){ends[0], ends[1], 2}, bytes, pid, group), want);
    close(ends[1]);
    CHECK_INT(read(ends[0], &byte, 1), want ? 0 : 1);
    close(ends[0]);
}

TEST(test_a_worker_is_in_its_group_with_its_limit_and_the_group_goes_with_it)
{
    char path[128];
    uint32_t group = 99;
    pid_t pid = -1;
    struct stems s = {.root = make_root("stems", 2), .become = say_and_end};
    stems_fill(&s);
    CHECK_INT(s.count, STEMS);
    start_one(&s, 64 << 20, 0, &pid, &group);
    CHECK_INT(group, 0);
    CHECK(waitpid(pid, NULL, 0) == pid);
    snprintf(path, sizeof path, "stems/%d-0/cgroup.procs", (int)getpid());
    check_file(path, "0");
    CHECK_INT(unlink(path), 0);
    snprintf(path, sizeof path, "stems/%d-0/memory.max", (int)getpid());
    check_file(path, "100663296");
    CHECK_INT(stems_limit(&s, group, 32 << 20), 0);
    check_file(path, "67108864");
    CHECK_INT(unlink(path), 0);
    snprintf(path, sizeof path, "stems/%d-0/memory.swap.max", (int)getpid());
    CHECK_INT(unlink(path), 0);
    CHECK_INT(stems_bury(&s, group), CGROUP_KILL_NONE);
    snprintf(path, sizeof path, "stems/%d-0/pids.max", (int)getpid());
    CHECK(is_there(path)); /* it keeps the folder, as a process would */
    CHECK_INT(s.left_count, 1);
    CHECK_INT(unlink(path), 0);
    snprintf(path, sizeof path, "stems/%d-0/cgroup.kill", (int)getpid());
    check_file(path, "1");
    CHECK_INT(unlink(path), 0);
    start_one(&s, 7, 77, &pid, &group);
    snprintf(path, sizeof path, "stems/%d-0", (int)getpid());
    CHECK(!is_there(path));
    stems_close(&s);
    CHECK_INT(s.count, 0);
    CHECK(waitpid(-1, NULL, WNOHANG) == -1 && errno == ECHILD);
    close(s.root.memory);
}

/* A folder's file keeps one number where a group would take them all: the last. */
TEST(test_all_that_is_in_a_group_is_moved)
{
    const struct cgroup_root r = make_root("moved", 2);
    REQUIRE(mkdir("moved/from", 0700) == 0 && mkdir("moved/to", 0700) == 0);
    put("moved/from/cgroup.procs", "2147483646\n0\n2147483647\n");
    cgroup_move_all(&r, "from", "to");
    check_file("moved/to/cgroup.procs", "2147483647");
    put("moved/from/cgroup.procs", "");
    put("moved/to/cgroup.procs", "");
    cgroup_move_all(&r, "from", "to");
    check_file("moved/to/cgroup.procs", "");
    cgroup_move_all(&r, "nowhere", "to");
    check_file("moved/to/cgroup.procs", "");
    close(r.memory);
}

TEST(test_no_worker_starts_outside_its_group)
{
    uint32_t group = 99;
    pid_t pid = -1;
    struct stems s = {.root = make_root("closed", 2), .become = say_and_end};
    s.root.flags = 0; /* no file is there, so that nobody gets in */
    REQUIRE(mkdir("closed/x", 0700) == 0);
    start_one(&s, 64 << 20, ENOENT | 64 << 16, &pid, &group);
    CHECK_INT(s.made, STEMS);
    stems_close(&s);
    close(s.root.memory);
}

TEST_MAIN(test_version_1_has_a_place_for_each_controller, test_version_2_and_both_versions_at_once,
          test_a_container_sees_a_part_of_the_groups,
          test_text_that_ends_anywhere_or_says_nothing_is_no_place,
          test_limits_are_written_as_each_version_wants_them,
          test_what_a_process_was_killed_for_is_read_from_its_group,
          test_a_node_without_groups_says_what_is_missing,
          test_what_dead_nodes_left_is_removed_and_nothing_else,
          test_a_worker_is_in_its_group_with_its_limit_and_the_group_goes_with_it,
          test_all_that_is_in_a_group_is_moved, test_no_worker_starts_outside_its_group)
