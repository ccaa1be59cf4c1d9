#include "cmd/demo_nodes.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "cmd/talk.h"
#include "core/base/err.h"
#include "core/base/text.h"
#include "core/host/file.h"

#define PORT_FIRST 20000 /* below the ports that the system gives to outgoing connections */
#define PORT_COUNT 12000
#define TMP_LEN_MAX 40
#define OPEN_FOLDERS 8
#define KEEPER_TRIES 200 /* while the last of the dead still have files open */
#define STEP_MS 10

static void nap_ms(long ms)
{
    struct timespec span = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};
    nanosleep(&span, NULL);
}

static int remove_one(const char *path, const struct stat *s, int kind, struct FTW *at)
{
    (void)s;
    (void)kind;
    (void)at;
    return remove(path) == 0 || errno == ENOENT ? 0 : -1;
}

/* Waits for the end of the process that forked it, then removes the folder. In a session of its
 * own, so that what is sent to the terminal's processes does not end it first. */
static _Noreturn void keep(int end, const char *folder)
{
    char byte;
    int none = open("/dev/null", O_RDWR | O_CLOEXEC);
    setsid();
    prctl(PR_SET_NAME, "velum-keeper");
    for (int i = 0; i < 3; i++)
        dup2(none, i);
    while (read(end, &byte, 1) < 0 && errno == EINTR)
        ;
    for (int i = 0; i < KEEPER_TRIES; i++) {
        nftw(folder, remove_one, OPEN_FOLDERS, FTW_DEPTH | FTW_PHYS);
        if (access(folder, F_OK) != 0)
            _exit(0);
        nap_ms(STEP_MS);
    }
    _exit(1);
}

static int fork_keeper(struct demo_nodes *d)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0)
        return ERR_SYSTEM;
    d->keeper = fork();
    if (d->keeper == 0) {
        close(ends[1]);
        keep(ends[0], d->folder);
    }
    close(ends[0]);
    d->keeper_end = ends[1];
    return d->keeper > 0 ? 0 : ERR_SYSTEM;
}

static int make_folder(struct demo_nodes *d)
{
    char home[DEMO_PATH_SIZE + 8];
    const char *tmp = file_temporary();
    if (strlen(tmp) > TMP_LEN_MAX)
        tmp = "/tmp";
    snprintf(d->folder, sizeof d->folder, "%.*s/velum-demo.XXXXXX", TMP_LEN_MAX, tmp);
    if (!mkdtemp(d->folder)) {
        talk_error("no folder can be made in %s: %s", tmp, strerror(errno));
        talk_try("TMPDIR=DIR velum demo chaos");
        return ERR_SYSTEM;
    }
    snprintf(home, sizeof home, "%s/home", d->folder);
    return setenv("VELUM_HOME", home, 1) == 0 ? 0 : ERR_NO_MEMORY;
}

static bool port_is_free(uint16_t port)
{
    struct sockaddr_in at = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool is_free = fd >= 0 && bind(fd, (struct sockaddr *)&at, sizeof at) == 0;
    if (fd >= 0)
        close(fd);
    return is_free;
}

/* Ascending from a random one, so that node a is the one that commands find first. */
static int name_nodes(struct demo_nodes *d)
{
    uint32_t random, named = 0;
    if (getrandom(&random, sizeof random, 0) != (ssize_t)sizeof random)
        return ERR_SYSTEM;
    uint32_t port = PORT_FIRST + random % (PORT_COUNT / 2);
    for (; named < d->count && port < PORT_FIRST + PORT_COUNT; port++) {
        struct demo_node *n = &d->list[named];
        if (!port_is_free((uint16_t)port))
            continue;
        *n = (struct demo_node){.port = (uint16_t)port};
        snprintf(n->name, sizeof n->name, "%c", 'a' + (int)named++);
    }
    return named == d->count ? 0 : ERR_BUSY;
}

int demo_nodes_open(struct demo_nodes *d, uint32_t count, uint32_t slots)
{
    *d = (struct demo_nodes){.keeper_end = -1, .count = count};
    snprintf(d->slots, sizeof d->slots, "%u", slots);
    ssize_t len = readlink("/proc/self/exe", d->executable, sizeof d->executable - 1);
    if (len <= 0) {
        talk_error("/proc/self/exe cannot be read, and nodes are started from there");
        talk_try("where /proc is mounted");
        return ERR_SYSTEM;
    }
    unsetenv("VELUM_ADDR");
    unsetenv("VELUM_CONFIG");
    int rc = make_folder(d);
    if (rc < 0)
        return rc;
    /* What a killed node leaves running becomes our child, so that its end can be waited for. */
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    rc = fork_keeper(d);
    if (rc == 0)
        rc = name_nodes(d);
    if (rc < 0) {
        talk_error("the nodes cannot be prepared: %s", err_sentence(rc));
        talk_try("ulimit -u, and free memory");
    }
    return rc;
}

/* Between fork and exec: the process dies with its parent. */
static _Noreturn void become(const char *executable, const char *const *argv, int out, int err,
                             pid_t parent)
{
    int none = open("/dev/null", O_RDONLY | O_CLOEXEC);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() == parent && none >= 0 && dup2(none, 0) == 0 && dup2(out, 1) == 1 &&
        dup2(err, 2) == 2)
        execv(executable, (char *const *)(uintptr_t)argv);
    _exit(127);
}

int demo_node_start(struct demo_nodes *d, uint32_t i)
{
    struct demo_node *n = &d->list[i];
    char port[8], path[DEMO_PATH_SIZE + 16];
    snprintf(port, sizeof port, "%u", (unsigned)n->port);
    snprintf(path, sizeof path, "%s/%s.log", d->folder, n->name);
    const char *const argv[] = {"velum", "node",    "--port", port, "--name",
                                n->name, "--slots", d->slots, NULL};
    int log = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    pid_t parent = getpid();
    n->pid = log >= 0 ? fork() : -1;
    if (n->pid == 0) {
        setpgid(0, 0); /* Ctrl-C is not meant for it */
        become(d->executable, argv, log, log, parent);
    }
    if (log >= 0)
        close(log);
    if (n->pid > 0)
        return 0;
    n->pid = 0;
    return ERR_SYSTEM;
}

void demo_node_kill(struct demo_nodes *d, uint32_t i)
{
    struct demo_node *n = &d->list[i];
    if (n->pid <= 0)
        return;
    kill(n->pid, SIGKILL);
    while (waitpid(n->pid, NULL, 0) < 0 && errno == EINTR)
        ;
    n->pid = 0;
}

uint32_t demo_nodes_watch(struct demo_nodes *d)
{
    uint32_t ended = 0;
    for (uint32_t i = 0; i < d->count; i++) {
        struct demo_node *n = &d->list[i];
        if (n->pid <= 0 || waitpid(n->pid, NULL, WNOHANG) != n->pid)
            continue;
        n->pid = 0;
        ended++;
    }
    return ended;
}

/* Reads to the end of the pipe, keeps what fits. */
static void take_output(int from, char *out, size_t cap)
{
    char room[4096];
    size_t len = 0;
    ssize_t got;
    while ((got = read(from, room, sizeof room)) > 0 || (got < 0 && errno == EINTR)) {
        size_t left = cap - 1 - len;
        size_t part = got < 0 ? 0 : (size_t)got < left ? (size_t)got : left;
        memcpy(out + len, room, part);
        len += part;
    }
    out[len] = 0;
}

int demo_command(struct demo_nodes *d, const char *const *argv, bool quiet, char *out, size_t cap)
{
    int ends[2], status = 0;
    pid_t parent = getpid();
    if (pipe2(ends, O_CLOEXEC) != 0)
        return -1;
    pid_t pid = fork();
    if (pid == 0)
        become(d->executable, argv, ends[1], quiet ? open("/dev/null", O_WRONLY) : 2, parent);
    close(ends[1]);
    if (pid > 0)
        take_output(ends[0], out, cap);
    close(ends[0]);
    while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    return pid > 0 && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

void demo_nodes_end(struct demo_nodes *d)
{
    for (uint32_t i = 0; i < d->count; i++)
        demo_node_kill(d, i);
}

void demo_nodes_close(struct demo_nodes *d)
{
    demo_nodes_end(d);
    if (d->keeper_end >= 0)
        close(d->keeper_end);
    /* The keeper, and the spawners and workers that follow their node. */
    while (waitpid(-1, NULL, 0) > 0 || errno == EINTR)
        ;
}
