/* Folders, locks and small files, in a folder of its own below /tmp. */
#include "core/host/home.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/base/err.h"
#include "core/base/text.h"
#include "core/host/memory.h"
#include "tests/lib/check.h"
#include "tests/lib/heap.h"

static char root[64];
static char message[HOME_MESSAGE_SIZE];
static struct home home;

static void begin(void)
{
    snprintf(root, sizeof root, "/tmp/velum-home-XXXXXX");
    REQUIRE(mkdtemp(root));
    snprintf(home.path, sizeof home.path, "%s/a/b/velum", root);
    message[0] = '\0';
}

static void end(void)
{
    char command[128];
    snprintf(command, sizeof command, "rm -rf '%s'", root);
    CHECK_INT(system(command), 0);
}

static mode_t mode_of(const char *path)
{
    struct stat s;
    return stat(path, &s) == 0 ? s.st_mode & 0777 : 0;
}

static const char *below(const char *tail)
{
    static char path[256];
    snprintf(path, sizeof path, "%s/%s", root, tail);
    return path;
}

TEST(where_the_home_is)
{
    unsetenv("VELUM_HOME");
    unsetenv("XDG_STATE_HOME");
    unsetenv("HOME");
    CHECK_INT(home_locate(&home, message), ERR_NOT_FOUND);
    CHECK(strstr(message, "VELUM_HOME"));
    setenv("HOME", "/home/u", 1);
    CHECK_INT(home_locate(&home, message), 0);
    CHECK_STR(home.path, "/home/u/.local/state/velum");
    setenv("XDG_STATE_HOME", "relative", 1);
    CHECK_INT(home_locate(&home, message), 0);
    CHECK_STR(home.path, "/home/u/.local/state/velum");
    setenv("XDG_STATE_HOME", "/x", 1);
    CHECK_INT(home_locate(&home, message), 0);
    CHECK_STR(home.path, "/x/velum");
    setenv("VELUM_HOME", "/v///", 1);
    CHECK_INT(home_locate(&home, message), 0);
    CHECK_STR(home.path, "/v");
    REQUIRE(chdir("/tmp") == 0);
    setenv("VELUM_HOME", "mine", 1);
    CHECK_INT(home_locate(&home, message), 0);
    CHECK_STR(home.path, "/tmp/mine");
    char many[2000];
    memset(many, 'a', sizeof many);
    many[0] = '/';
    many[sizeof many - 1] = '\0';
    setenv("VELUM_HOME", many, 1);
    CHECK_INT(home_locate(&home, message), ERR_TOO_LARGE);
    unsetenv("VELUM_HOME");
}

TEST(folders_are_made_private)
{
    begin();
    umask(0);
    CHECK_INT(home_open(&home, message), 0);
    CHECK_INT(mode_of(home.path), 0700);
    CHECK_INT(mode_of(below("a")), 0700);
    CHECK_INT(home_open(&home, message), 0);
    int fd = home_lock(&home, message);
    CHECK(fd >= 0);
    CHECK_INT(mode_of(below("a/b/velum/lock")), 0600);
    CHECK(fcntl(fd, F_GETFD) & FD_CLOEXEC);
    close(fd);
    umask(022);
    end();
}

TEST(loose_folders_are_refused)
{
    begin();
    CHECK_INT(home_open(&home, message), 0);
    chmod(home.path, 0770);
    CHECK_INT(home_open(&home, message), ERR_PERMISSION);
    CHECK(strstr(message, home.path) && strstr(message, "chmod 700"));
    chmod(home.path, 0702);
    CHECK_INT(home_open(&home, message), ERR_PERMISSION);
    chmod(home.path, 0755);
    CHECK_INT(home_open(&home, message), 0);
    if (getuid() == 0) {
        CHECK_INT(chown(home.path, 1234, 0), 0);
        CHECK_INT(home_open(&home, message), ERR_PERMISSION);
        CHECK(strstr(message, "1234"));
    }
    end();
}

TEST(links_and_files_in_the_way_are_refused)
{
    begin();
    snprintf(home.path, sizeof home.path, "%s/link", root);
    REQUIRE(mkdir(below("real"), 0700) == 0);
    REQUIRE(symlink("real", below("link")) == 0);
    CHECK_INT(home_open(&home, message), ERR_PERMISSION);
    CHECK(strstr(message, "symbolic link"));
    close(open(below("file"), O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
    snprintf(home.path, sizeof home.path, "%s/file", root);
    CHECK(home_open(&home, message) < 0);
    CHECK(strstr(message, home.path));
    snprintf(home.path, sizeof home.path, "%s/file/below", root);
    CHECK(home_open(&home, message) < 0);
    snprintf(home.path, sizeof home.path, "%s/real", root);
    REQUIRE(symlink("/etc/passwd", below("real/lock")) == 0);
    CHECK_INT(home_lock(&home, message), ERR_PERMISSION);
    CHECK(strstr(message, "lock"));
    end();
}

TEST(why_a_folder_cannot_be_made_is_said)
{
    const uid_t user = geteuid();
    begin();
    REQUIRE(chmod(root, 0755) == 0 && mkdir(below("a"), 0555) == 0);
    REQUIRE(user != 0 || seteuid(65534) == 0);
    CHECK_INT(home_open(&home, message), ERR_PERMISSION);
    CHECK(strstr(message, "cannot make the folder") && strstr(message, "a/b: permission denied"));
    CHECK_INT(seteuid(user), 0);
    end();
}

TEST(one_node_a_folder)
{
    char path[HOME_PATH_SIZE], other[HOME_PATH_SIZE], pid[32];
    begin();
    CHECK_INT(home_open(&home, message), 0);
    int fd = home_state_open(&home, 8001, NULL, path, message);
    REQUIRE(fd >= 0);
    CHECK(strstr(path, "/nodes/8001"));
    CHECK_INT(mode_of(path), 0700);
    CHECK_INT(home_state_open(&home, 8001, NULL, other, message), ERR_BUSY);
    snprintf(pid, sizeof pid, "process id %d ", (int)getpid());
    CHECK(strstr(message, pid) && strstr(message, path));
    CHECK_INT(home_state_open(&home, 8002, path, other, message), ERR_BUSY);
    int second = home_state_open(&home, 8002, NULL, other, message);
    CHECK(second >= 0);
    close(second);
    close(fd);
    fd = home_state_open(&home, 8001, NULL, path, message);
    CHECK(fd >= 0);
    close(fd);
    snprintf(other, sizeof other, "%s/data/", root);
    fd = home_state_open(&home, 8001, other, path, message);
    CHECK(fd >= 0);
    CHECK_STR(path, below("data"));
    close(fd);
    chmod(below("data/lock"), 0644);
    CHECK_INT(home_state_open(&home, 8001, other, path, message), ERR_PERMISSION);
    CHECK(strstr(message, "chmod 600"));
    CHECK(home_state_open(&home, 8001, "", path, message) < 0);
    end();
}

/* Workers are in another folder than their node. */
TEST(the_path_of_a_state_folder_is_whole)
{
    char path[HOME_PATH_SIZE], where[HOME_PATH_SIZE], was[HOME_PATH_SIZE];
    begin();
    CHECK_INT(home_open(&home, message), 0);
    REQUIRE(getcwd(was, sizeof was) && chdir(root) == 0 && getcwd(where, sizeof where));
    text_append(where, sizeof where, "/near");
    int fd = home_state_open(&home, 8001, "near/", path, message);
    CHECK(fd >= 0);
    close(fd);
    CHECK_STR(path, where);
    CHECK_INT(home_state_path(NULL, 8001, "near", path, message), 0);
    CHECK_STR(path, where);
    char longest[HOME_PATH_SIZE];
    memset(longest, 'l', sizeof longest);
    longest[sizeof longest - 1] = '\0';
    CHECK_INT(home_state_path(NULL, 8001, longest, path, message), ERR_TOO_LARGE);
    CHECK_INT(chdir(was), 0);
    end();
}

/* One that holds the folder, and is gone a while after somebody else has begun to want it. */
static pid_t a_node_that_ends_slowly(void)
{
    char path[HOME_PATH_SIZE], one = 0;
    int ends[2];
    REQUIRE(pipe(ends) == 0);
    pid_t child = fork();
    REQUIRE(child >= 0);
    if (child == 0) {
        if (home_state_open(&home, 8001, NULL, path, message) < 0 || write(ends[1], &one, 1) != 1)
            _exit(1);
        usleep(200000);
        _exit(0);
    }
    CHECK_INT(read(ends[0], &one, 1), 1);
    close(ends[0]);
    close(ends[1]);
    return child;
}

TEST(the_folder_of_a_node_that_was_killed_is_waited_for)
{
    char path[HOME_PATH_SIZE];
    begin();
    CHECK_INT(home_open(&home, message), 0);
    pid_t child = a_node_that_ends_slowly();
    int fd = home_state_open(&home, 8001, NULL, path, message);
    CHECK(fd >= 0);
    close(fd);
    CHECK_INT(waitpid(child, NULL, 0), child);
    end();
}

/* Eight processes at once: each counts up a file under the lock, so a lost update would show. */
TEST(racing_first_starts)
{
    begin();
    for (int i = 0; i < 8; i++) {
        pid_t pid = fork();
        if (pid != 0)
            continue;
        char path[HOME_PATH_SIZE], text[16];
        struct buf b;
        int count = 0;
        snprintf(path, sizeof path, "%s/a/b/velum/count", root);
        if (home_open(&home, message) < 0 || home_lock(&home, message) < 0)
            _exit(1);
        buf_init(&b, &host_memory, 65536);
        if (home_read_file(path, &b, message) == 0) {
            put_u8(&b, 0);
            count = atoi((const char *)b.data);
        }
        snprintf(text, sizeof text, "%d", count + 1);
        _exit(home_write_file(path, bytes_of_text(text), message) == 0 ? 0 : 2);
    }
    for (int i = 0; i < 8; i++) {
        int status = -1;
        wait(&status);
        CHECK_INT(status, 0);
    }
    struct buf b;
    buf_init(&b, &host_memory, 65536);
    CHECK_INT(home_read_file(below("a/b/velum/count"), &b, message), 0);
    CHECK(b.len == 1 && b.data[0] == '8');
    buf_clear(&b);
    end();
}

struct heard {
    uint32_t count;
    uint16_t ports[8];
    char last[300];
    uint32_t stop_after;
};

static void on_peer(void *ctx, uint16_t port, const char *addr)
{
    struct heard *h = ctx;
    h->ports[h->count++ & 7] = port;
    snprintf(h->last, sizeof h->last, "%s", addr);
}

static bool on_control(void *ctx, uint16_t port, const char *path)
{
    struct heard *h = ctx;
    on_peer(ctx, port, path);
    return h->count == h->stop_after;
}

TEST(nodes_announce_themselves)
{
    struct heard h = {0};
    begin();
    home_peers(&home, on_peer, &h);
    CHECK_INT(h.count, 0);
    CHECK_INT(home_open(&home, message), 0);
    CHECK_INT(home_announce(&home, 10001, "127.0.0.1:10001", message), 0);
    CHECK_INT(home_announce(&home, 8002, "127.0.0.1:8002", message), 0);
    CHECK_INT(home_announce(&home, 8002, "[::1]:8002", message), 0);
    CHECK_INT(home_announce(&home, 9, "127.0.0.1:9", message), 0);
    CHECK_INT(mode_of(below("a/b/velum/nodes/8002.addr")), 0600);
    CHECK_INT(home_write_file(below("a/b/velum/nodes/5.addr"), bytes_of_text("a b:1\n"), message),
              0);
    CHECK_INT(home_write_file(below("a/b/velum/nodes/6.addr"), bytes_of_text("a:1"), message), 0);
    CHECK_INT(home_write_file(below("a/b/velum/nodes/70000.addr"), bytes_of_text("a:1\n"), message),
              0);
    CHECK_INT(home_write_file(below("a/b/velum/nodes/7.addr"), bytes_of_text("a:1\n"), message), 0);
    chmod(below("a/b/velum/nodes/7.addr"), 0666);
    home_peers(&home, on_peer, &h);
    CHECK_INT(h.count, 3);
    CHECK_INT(h.ports[0], 9);
    CHECK_INT(h.ports[1], 8002);
    CHECK_INT(h.ports[2], 10001);
    mkdir(below("a/b/velum/nodes/11.addr"), 0700);
    mkdir(below("a/b/velum/nodes/11.addr/occupied"), 0700);
    CHECK(home_announce(&home, 11, "127.0.0.1:11", message) < 0);
    CHECK(strstr(message, "nodes/11.addr: Is a directory"));
    home_withdraw(&home, 10001);
    h.count = 0;
    home_peers(&home, on_peer, &h);
    CHECK_INT(h.count, 2);
    CHECK_STR(h.last, "[::1]:8002");
    end();
}

TEST(controls_are_sockets_in_order)
{
    struct heard h = {0};
    static const char *const ports[] = {"9001", "8001", "8500"};
    begin();
    snprintf(home.path, sizeof home.path, "%s", root);
    REQUIRE(mkdir(below("nodes"), 0700) == 0);
    for (int i = 0; i < 3; i++) {
        struct sockaddr_un a = {.sun_family = AF_UNIX};
        char tail[64];
        snprintf(tail, sizeof tail, "nodes/%s", ports[i]);
        REQUIRE(mkdir(below(tail), 0700) == 0);
        snprintf(a.sun_path, sizeof a.sun_path, "%.60s/nodes/%s/control", root, ports[i]);
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        CHECK_INT(bind(fd, (struct sockaddr *)&a, sizeof a), 0);
        close(fd);
    }
    REQUIRE(mkdir(below("nodes/8000"), 0700) == 0);
    CHECK_INT(home_write_file(below("nodes/8000/control"), bytes_of_text("no"), message), 0);
    home_controls(&home, on_control, &h);
    CHECK_INT(h.count, 3);
    CHECK_INT(h.ports[0], 8001);
    CHECK_INT(h.ports[2], 9001);
    h = (struct heard){.stop_after = 1};
    home_controls(&home, on_control, &h);
    CHECK_INT(h.count, 1);
    end();
}

TEST(small_files)
{
    static uint8_t large[65537];
    struct buf b;
    begin();
    buf_init(&b, &host_memory, 1 << 20);
    CHECK_INT(home_read_file(below("none"), &b, message), ERR_NOT_FOUND);
    CHECK(strstr(message, "none"));
    CHECK_INT(home_write_file(below("f"), bytes_of_text("one"), message), 0);
    CHECK_INT(home_write_file(below("f"), bytes_of_text("two"), message), 0);
    CHECK_INT(mode_of(below("f")), 0600);
    CHECK_INT(home_read_file(below("f"), &b, message), 0);
    CHECK(b.len == 3 && memcmp(b.data, "two", 3) == 0);
    chmod(below("f"), 0640);
    buf_reset(&b);
    CHECK_INT(home_read_file(below("f"), &b, message), ERR_PERMISSION);
    CHECK(strstr(message, "chmod 600"));
    chmod(below("f"), 0600);
    REQUIRE(symlink("f", below("l")) == 0);
    CHECK_INT(home_read_file(below("l"), &b, message), ERR_PERMISSION);
    REQUIRE(mkfifo(below("p"), 0600) == 0);
    CHECK_INT(home_read_file(below("p"), &b, message), ERR_PERMISSION);
    CHECK(home_read_file(root, &b, message) < 0);
    buf_reset(&b);
    CHECK_INT(home_write_file(below("big"), (struct bytes){large, 65537}, message), ERR_TOO_LARGE);
    CHECK_INT(home_write_file(below("big"), (struct bytes){large, 65536}, message), 0);
    CHECK_INT(home_read_file(below("big"), &b, message), 0);
    CHECK_INT(b.len, 65536);
    CHECK_INT(truncate(below("big"), 65537), 0);
    buf_reset(&b);
    CHECK_INT(home_read_file(below("big"), &b, message), ERR_TOO_LARGE);
    CHECK(home_write_file(below("none/f"), bytes_of_text("x"), message) < 0);
    CHECK_INT(system(NULL) != 0, 1);
    buf_clear(&b);
    end();
}

/* What is wiped there is then wiped everywhere. */
TEST(a_file_is_read_into_one_block)
{
    static uint8_t large[16000];
    struct heap heap;
    struct buf b;
    begin();
    heap_init(&heap);
    buf_init(&b, &heap.alloc, 16384);
    CHECK_INT(home_write_file(below("key"), (struct bytes){large, sizeof large}, message), 0);
    CHECK_INT(home_read_file(below("key"), &b, message), 0);
    CHECK_INT(b.len, sizeof large);
    CHECK_INT(heap.calls, 1);
    buf_clear(&b);
    CHECK(heap_is_empty(&heap));
    end();
}

static size_t entries_of(const char *folder)
{
    size_t count = 0;
    DIR *dir = opendir(folder);
    for (const struct dirent *e; dir && (e = readdir(dir));)
        count += e->d_name[0] != '.';
    if (dir)
        closedir(dir);
    return count;
}

/* A process that may write no byte is killed at its first, with the file just made. */
TEST(what_a_killed_writer_left_is_used_up)
{
    begin();
    for (int i = 0; i < 3; i++) {
        pid_t pid = fork();
        int status = 0;
        if (pid == 0) {
            struct rlimit none = {0, 0};
            setrlimit(RLIMIT_FSIZE, &none);
            setrlimit(RLIMIT_CORE, &none);
            _exit(home_write_file(below("f"), bytes_of_text("one"), message) == 0 ? 0 : 1);
        }
        REQUIRE(waitpid(pid, &status, 0) == pid);
        CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGXFSZ);
    }
    CHECK(access(below("f"), F_OK) != 0);
    CHECK_INT(home_write_file(below("f"), bytes_of_text("two"), message), 0);
    CHECK_INT(entries_of(root), 1);
    end();
}

TEST(no_space_is_said)
{
    struct buf b;
    if (access("/dev/full", W_OK) != 0)
        SKIP("there is no /dev/full");
    begin();
    buf_init(&b, &host_memory, 65536);
    char command[256];
    snprintf(command, sizeof command,
             "mkdir '%s/full' && mount -t tmpfs -o size=4k,mode=700 none '%s/full' 2>/dev/null",
             root, root);
    if (system(command) != 0) {
        end();
        SKIP("mounting a small file system is not allowed here");
    }
    char fill[4096];
    char path[HOME_PATH_SIZE], where[256];
    memset(fill, 'x', sizeof fill);
    CHECK_INT(
        home_write_file(below("full/a"), (struct bytes){(uint8_t *)fill, sizeof fill}, message), 0);
    CHECK_INT(home_write_file(below("full/b"), bytes_of_text("more"), message), ERR_NO_SPACE);
    CHECK(strstr(message, "no space"));
    CHECK(access(below("full/b"), F_OK) != 0);
    snprintf(where, sizeof where, "%s/full", root);
    CHECK_INT(home_state_open(&home, 8001, where, path, message), ERR_NO_SPACE);
    CHECK(strstr(message, "no space"));
    snprintf(command, sizeof command, "umount '%s/full'", root);
    CHECK_INT(system(command), 0);
    buf_clear(&b);
    end();
}

TEST(the_machine_has_one_name)
{
    struct digest a = home_machine();
    struct digest b = home_machine();
    struct digest zero = {{0}};
    CHECK(digest_equal(a, b));
    CHECK(!digest_equal(a, zero));
}

TEST_MAIN(where_the_home_is, folders_are_made_private, loose_folders_are_refused,
          links_and_files_in_the_way_are_refused, why_a_folder_cannot_be_made_is_said,
          one_node_a_folder,
          the_path_of_a_state_folder_is_whole, the_folder_of_a_node_that_was_killed_is_waited_for,
          racing_first_starts, nodes_announce_themselves, controls_are_sockets_in_order,
          small_files, a_file_is_read_into_one_block, what_a_killed_writer_left_is_used_up,
          no_space_is_said, the_machine_has_one_name)
