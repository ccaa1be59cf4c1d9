/* Namespaces of workers, looked at from inside where there is no Landlock to hide the same things,
 * and what a system without this or that is measured to lack. A worker of root and one of an
 * ordinary user are both tried where this test is root. */
#include <arpa/inet.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/ipc.h>
#include <sys/mount.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "core/host/sandbox_apart.h"
#include "core/host/sanitizer.h"
#include "core/host/worker_input.h"
#include "tests/unit/cage_rig.h"

#define LANDLOCK_CREATE 444

static bool reaches_network(int kind)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(9)};
    const int s = socket(AF_INET, kind, 0);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return s >= 0 && (connect(s, (struct sockaddr *)&to, sizeof to) == 0 || errno != ENETUNREACH);
}

static const struct sockaddr_un hidden = {.sun_family = AF_UNIX, .sun_path = "\0velum-cage-test"};

/* Namespaces alone, as on a system without Landlock; calls of a built-in are not filtered yet. */
static int look_around_apart(void)
{
    char reason[REASON_SIZE];
    if (refuse_call(LANDLOCK_CREATE, ENOSYS) != 0)
        return 99;
    confine_child();
    worker_input_none();
    if (sandbox_enter(false, reason) != 0)
        return 100;
    if (open("/etc/passwd", O_RDONLY) >= 0 || errno != ENOENT)
        return 1;
    if (open("/../../proc/self", O_RDONLY) >= 0 || errno != ENOENT)
        return 2;
    if (open("/velum-escaped", O_CREAT | O_WRONLY, 0600) >= 0)
        return 3;
    if (execl("/bin/true", "true", (char *)NULL) == 0 || errno != ENOENT)
        return 4;
    if (reaches_network(SOCK_STREAM) || reaches_network(SOCK_DGRAM))
        return 5;
    int s = socket(AF_UNIX, SOCK_STREAM, 0);
    if (s < 0 || connect(s, (const struct sockaddr *)&hidden, sizeof hidden) == 0)
        return 6;
    if (sethostname("escaped", 7) == 0 || errno != EPERM)
        return 7;
    if (mount("x", "/", "tmpfs", 0, NULL) == 0 || umount2("/", MNT_DETACH) == 0)
        return 8;
    if (unshare(CLONE_NEWUSER) == 0 && sethostname("escaped", 7) == 0)
        return 9;
    if (shmget(0x56454c55, 4096, 0) >= 0)
        return 10;
    return setuid(0) == 0 ? 11 : 0;
}

/* Somebody outside listens, and has an object of System V. */
TEST(namespaces_alone_hide_files_networks_and_objects)
{
    int status, segment;
    if (SANITIZER || !apart_works())
        SKIP("workers have no namespaces here");
    child_apart = true;
    const int listener = socket(AF_UNIX, SOCK_STREAM, 0);
    REQUIRE(bind(listener, (const struct sockaddr *)&hidden, sizeof hidden) == 0);
    REQUIRE(listen(listener, 1) == 0);
    segment = shmget(0x56454c55, 4096, IPC_CREAT | 0666);
    for (int round = 0; round < (getuid() == 0 ? 2 : 1); round++) {
        pid_t pid = fork();
        REQUIRE(pid >= 0);
        if (pid == 0) {
            if (round == 1)
                be_nobody();
            _exit(look_around_apart());
        }
        REQUIRE(waitpid(pid, &status, 0) == pid);
        if (!CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0))
            printf("# as %s: %x\n", round ? "nobody" : "root", (unsigned)status);
    }
    if (segment >= 0)
        shmctl(segment, IPC_RMID, NULL);
    close(listener);
}

/* A node that has namespaces wants them for each of its workers. */
static int go_apart_badly(void)
{
    char reason[REASON_SIZE] = "";
    child_apart = true;
    if (refuse_call(SYS_unshare, ENOSPC) != 0)
        return 2;
    confine_child();
    worker_input_none();
    if (sandbox_enter(true, reason) >= 0)
        return 1;
    return strcmp(reason, "the worker's cage does not close: namespaces: No space left on device")
               ? 3
               : 0;
}

/* What a system lacks is what its calls say, and does not end the process that asks. */
static int measure_without(uint32_t number, uint32_t error, uint8_t lacks)
{
    const uint8_t before = sandbox_lacks(false);
    if (refuse_call(number, error) != 0)
        return 2;
    return sandbox_lacks(false) == (before | lacks) ? 0 : 1;
}

static int measure_without_landlock(void)
{
    return measure_without(LANDLOCK_CREATE, ENOSYS, LACKS_LANDLOCK);
}

static int measure_without_namespaces(void)
{
    return measure_without(SYS_unshare, EPERM, LACKS_NAMESPACES);
}

static int measure_without_an_empty_root(void)
{
    return measure_without(SYS_pivot_root, EINVAL, LACKS_NAMESPACES);
}

TEST(a_worker_that_cannot_go_apart_runs_nothing)
{
    if (SANITIZER)
        SKIP("a build with a sanitizer has no walls");
    CHECK_INT(status_of(go_apart_badly), 0);
}

TEST(what_a_system_lacks_is_measured)
{
    CHECK_INT(status_of(measure_without_landlock), 0);
    CHECK_INT(status_of(measure_without_namespaces), 0);
    CHECK_INT(status_of(measure_without_an_empty_root), 0);
}

TEST_MAIN(namespaces_alone_hide_files_networks_and_objects,
          a_worker_that_cannot_go_apart_runs_nothing, what_a_system_lacks_is_measured)
