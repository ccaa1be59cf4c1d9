#include "core/host/spawner.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/base/bytes.h"
#include "core/base/ensure.h"
#include "core/base/err.h"
#include "core/base/text.h"
#include "core/host/descriptors.h"
#include "core/host/role.h"
#include "core/host/sandbox.h"
#include "core/host/sanitizer.h"
#include "core/host/stem.h"

#define SOCKET_FD 3
#define EXECUTABLE_FD 4
#define PACKET_SIZE 16
#define EXIT_SIZE 24
#define NICE 10
#define STEP_SHIFT 16
#define WANT_SHIFT 8 /* of memory, in the status of a signal */
#define CLOSE_MS 400
#define CLOSE_GROUPS_MS 10000
#define MEMORY_BYTES_DEFAULT ((uint64_t)4 << 30)

#define NO_GROUP UINT32_MAX

enum packet_kind {
    PACKET_START = 1,
    PACKET_KILL = 2,
    PACKET_EXITED = 3,
    PACKET_GROUPS = 4,
    PACKET_LIMIT = 5
};

struct packet {
    uint32_t kind;
    uint32_t worker;
    uint64_t rest;
};

/* What follows up to spawner_settle_worker runs inside the spawner's process. */
struct nursery {
    int socket;
    int executable;
    pid_t pid; /* the spawner's own, for the worker's check that it has not died meanwhile */
    uint32_t count;
    uint32_t numbers[SPAWNER_WORKERS_MAX];
    pid_t pids[SPAWNER_WORKERS_MAX];
    uint32_t groups[SPAWNER_WORKERS_MAX]; /* of stems, or NO_GROUP */
    struct stems stems;
};

static volatile sig_atomic_t node_is_gone;
static pid_t node_pid;

static void on_child(int signal_number)
{
    (void)signal_number; /* it only has to interrupt ppoll */
}

/* The signal comes when the thread ends that made the spawner: in a program with threads its node
 * may live on. */
static void on_node_death(int signal_number)
{
    (void)signal_number;
    node_is_gone = getppid() != node_pid;
#if VELUM_PLANT == 423 /* unit/test_api: workers end with the thread that opened the library */
    node_is_gone = 1;
#endif
}

/* Runs between vfork and exec, where it shares the spawner's memory and so changes nothing but its
 * own kernel state; or in a stem. Comes back with what failed. */
static int become_worker(const void *ctx, const int descriptors[3], uint64_t memory_bytes)
{
    const struct nursery *n = ctx;
    const bool builds = memory_bytes & SPAWNER_BUILDER;
    const enum role role = builds                         ? ROLE_BUILDER
                           : memory_bytes & SPAWNER_APART ? ROLE_APART
                                                          : ROLE_WORKER;
    static char empty[] = "";
    sigset_t none;
    int step = 0;
    sigemptyset(&none);
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || getppid() != n->pid)
        goto out;
    /* The executable moves up as well: its number may be one of the three. */
    int executable = fcntl(n->executable, F_DUPFD_CLOEXEC, 8);
    if (executable < 0 || descriptors_place(descriptors, 3) != 0 || setpgid(0, 0) != 0)
        goto out;
    if (dup2(executable, 3) < 0 || fcntl(3, F_SETFD, FD_CLOEXEC) != 0)
        goto out;
    descriptors_close_from(STEM_REPLY_FD + 1); /* what is below goes with the exec */
    setpriority(PRIO_PROCESS, 0, NICE);        /* fails only where it is nicer already */
    umask(077);
    if (chdir("/") != 0 ||
        (!builds && (step = sandbox_confine(memory_bytes & ~SPAWNER_APART)) != 0) ||
        sigprocmask(SIG_SETMASK, &none, NULL) != 0)
        goto out;
    syscall(SYS_execveat, 3, empty, role_arguments(role),
            role_environment(builds ? ROLE_BUILDER : ROLE_WORKER), AT_EMPTY_PATH);
out:
    return (errno ? errno : ECHILD) | step << STEP_SHIFT;
}

static __attribute__((noinline)) pid_t make_worker(const struct nursery *n,
                                                   const int descriptors[3], uint64_t memory_bytes,
                                                   volatile int *failure)
{
    pid_t pid = vfork();
    if (pid == 0) {
        *failure = become_worker(n, descriptors, memory_bytes);
        _exit(127);
    }
    if (pid < 0)
        *failure = errno;
    return pid;
}

/* Blocks when the node is slow to read; that is harmless, because the node never waits for us. */
static bool tell_exit(const struct nursery *n, uint32_t worker, int code, int status,
                      uint64_t cpu_us)
{
    uint8_t packet[EXIT_SIZE];
    store_u32(packet, PACKET_EXITED);
    store_u32(packet + 4, worker);
    store_u32(packet + 8, (uint32_t)code);
    store_u32(packet + 12, (uint32_t)status);
    store_u64(packet + 16, cpu_us);
    ssize_t sent;
    do
        sent = send(n->socket, packet, sizeof packet, MSG_NOSIGNAL);
    while (sent < 0 && errno == EINTR && !node_is_gone);
    return sent == (ssize_t)sizeof packet;
}

static uint64_t memory_of(const struct packet *p)
{
    return p->rest & ~SPAWNER_APART ? p->rest : p->rest | MEMORY_BYTES_DEFAULT;
}

static bool start_worker(struct nursery *n, const struct packet *p, const int descriptors[3])
{
    volatile int failure = 0;
    uint32_t group = NO_GROUP;
    pid_t pid = -1;
    if (n->count == SPAWNER_WORKERS_MAX)
        failure = EAGAIN;
    else if (n->stems.root.version != 0 && !(p->rest & SPAWNER_BUILDER))
        failure = stems_start(&n->stems, descriptors, memory_of(p), &pid, &group);
    else
        pid = make_worker(n, descriptors, memory_of(p), &failure);
    if (failure) {
        if (pid > 0 && group == NO_GROUP)
            waitpid(pid, NULL, 0);
        return tell_exit(n, p->worker, 0, failure, 0);
    }
    n->groups[n->count] = group;
    n->numbers[n->count] = p->worker;
    n->pids[n->count] = pid;
    n->count++;
    return true;
}

static void kill_worker(const struct nursery *n, uint32_t worker)
{
    for (uint32_t i = 0; i < n->count; i++)
        if (n->numbers[i] == worker)
            kill(-n->pids[i], SIGKILL);
}

/* One without its limit does not go on. */
static void limit_worker(const struct nursery *n, uint32_t worker, uint64_t memory_bytes)
{
    for (uint32_t i = 0; i < n->count; i++)
        if (n->numbers[i] == worker && n->groups[i] != NO_GROUP &&
            stems_limit(&n->stems, n->groups[i], memory_bytes) != 0)
            kill(-n->pids[i], SIGKILL);
}

/* The first one counts; what an earlier spawner of the same node has left is removed. */
static void take_groups(struct nursery *n, const struct packet *p, const int descriptors[3])
{
    struct stems *s = &n->stems;
    if (s->root.version != 0 || descriptors[0] < 0)
        return;
    s->root.memory = fcntl(descriptors[0], F_DUPFD_CLOEXEC, 8);
    s->root.pids = p->rest & SPAWNER_PIDS ? fcntl(descriptors[1], F_DUPFD_CLOEXEC, 8) : -1;
    s->root.version = p->rest & SPAWNER_VERSION_2 ? 2 : 1;
    s->owner = (struct cgroup_owner){p->worker, p->rest & STEM_BYTES};
    s->become = become_worker;
    s->ctx = n;
    cgroup_clear_workers(&s->root);
}

/* Takes one packet; descriptors beyond three cannot arrive, the control buffer holds no more.
 * Returns 1 with a packet, 0 when there is none, -1 at the end. */
static int receive_packet(const struct nursery *n, struct packet *p, int descriptors[3])
{
    uint8_t data[PACKET_SIZE];
    union {
        struct cmsghdr head;
        char room[CMSG_SPACE(3 * sizeof(int))];
    } control;
    struct iovec part = {data, sizeof data};
    struct msghdr m = {.msg_iov = &part,
                       .msg_iovlen = 1,
                       .msg_control = &control,
                       .msg_controllen = sizeof control};
    ssize_t got = recvmsg(n->socket, &m, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    if (got < 0)
        return errno == EAGAIN || errno == EINTR ? 0 : -1;
    struct cmsghdr *head = CMSG_FIRSTHDR(&m);
    if (head && head->cmsg_level == SOL_SOCKET && head->cmsg_type == SCM_RIGHTS &&
        head->cmsg_len == CMSG_LEN(3 * sizeof(int)))
        memcpy(descriptors, CMSG_DATA(head), 3 * sizeof(int));
    if (got != (ssize_t)sizeof data)
        return -1;
    p->kind = load_u32(data);
    p->worker = load_u32(data + 4);
    p->rest = load_u64(data + 8);
    return 1;
}

static bool take_orders(struct nursery *n)
{
    for (int i = 0; i < 64; i++) {
        struct packet p;
        int descriptors[3] = {-1, -1, -1};
        int rc = receive_packet(n, &p, descriptors);
        if (rc <= 0)
            return rc == 0;
        bool goes_on = true;
        if (p.kind == PACKET_START && descriptors[0] >= 0)
            goes_on = start_worker(n, &p, descriptors);
        else if (p.kind == PACKET_START) /* the descriptors were lost on the way: table full */
            goes_on = tell_exit(n, p.worker, 0, EMFILE, 0);
        else if (p.kind == PACKET_KILL)
            kill_worker(n, p.worker);
        else if (p.kind == PACKET_GROUPS)
            take_groups(n, &p, descriptors);
        else if (p.kind == PACKET_LIMIT)
            limit_worker(n, p.worker, p.rest);
        for (int j = 0; j < 3; j++)
            if (descriptors[j] >= 0)
                close(descriptors[j]);
        if (!goes_on)
            return false;
    }
    return true;
}

static uint64_t microseconds(struct timeval t)
{
    return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_usec;
}

/* Reaps one process. The rest of a dead worker's group is killed first, while its
 * zombie still keeps the group's number from being used again. Strangers are what
 * workers left behind and we inherited. */
static bool reap_one(struct nursery *n, const siginfo_t *info)
{
    pid_t pid = info->si_pid;
    struct rusage used = {0};
    uint32_t i = 0;
    while (i < n->count && n->pids[i] != pid)
        i++;
    if (i < n->count)
        kill(-pid, SIGKILL);
    (void)wait4(pid, NULL, WNOHANG, &used);
    if (i == n->count) {
        stems_ended(&n->stems, pid);
        return true;
    }
    const uint32_t worker = n->numbers[i], group = n->groups[i];
    const enum cgroup_kill want =
        group == NO_GROUP ? CGROUP_KILL_NONE : stems_bury(&n->stems, group);
    const bool killed = info->si_code == CLD_KILLED && info->si_status == SIGKILL;
    n->count--;
    n->numbers[i] = n->numbers[n->count];
    n->pids[i] = n->pids[n->count];
    n->groups[i] = n->groups[n->count];
    return tell_exit(n, worker, info->si_code,
                     info->si_status | (killed ? (int)want << WANT_SHIFT : 0),
                     microseconds(used.ru_utime) + microseconds(used.ru_stime));
}

static bool reap(struct nursery *n)
{
    for (;;) {
        siginfo_t info;
        info.si_pid = 0;
        if (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) != 0 || info.si_pid == 0)
            return true;
        if (!reap_one(n, &info))
            return false;
    }
}

static _Noreturn void end_all(struct nursery *n)
{
    for (uint32_t i = 0; i < n->count; i++)
        kill(-n->pids[i], SIGKILL);
    for (uint32_t i = 0; i < n->count; i++)
        waitpid(n->pids[i], NULL, 0);
    stems_close(&n->stems);
    cgroup_clear(&n->stems.root, n->stems.owner);
    _exit(0);
}

static void take_signals(sigset_t *while_waiting)
{
    struct sigaction usual = {.sa_handler = SIG_DFL};
    struct sigaction child = {.sa_handler = on_child};
    struct sigaction death = {.sa_handler = on_node_death};
    sigset_t all;
    for (int i = 1; i < NSIG; i++)
        sigaction(i, &usual, NULL); /* refused for KILL, STOP and the C library's own */
    sigaction(SIGCHLD, &child, NULL);
    sigaction(SIGUSR1, &death, NULL);
    /* Everything else stays blocked, so that a signal meant for the whole of Velum (a service
     * manager's SIGTERM) leaves the node the time to stop in order. */
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, NULL);
    sigfillset(while_waiting);
    sigdelset(while_waiting, SIGCHLD);
    sigdelset(while_waiting, SIGUSR1);
}

/* Descriptors are in place: socket, executable, standard error. 0 and 1 are made the socket too, so
 * that no descriptor from outside ever gets these numbers. */
static _Noreturn void serve(void)
{
    static struct nursery n;
    sigset_t while_waiting;
    node_pid = getppid();
    take_signals(&while_waiting);
    setsid();
    umask(077);
    n.socket = SOCKET_FD;
    n.executable = EXECUTABLE_FD;
    n.pid = getpid();
    if (dup2(SOCKET_FD, 0) < 0 || dup2(SOCKET_FD, 1) < 0)
        _exit(1);
    fcntl(SOCKET_FD, F_SETFD, FD_CLOEXEC);
    fcntl(EXECUTABLE_FD, F_SETFD, FD_CLOEXEC);
    prctl(PR_SET_NAME, "velum-spawner");
    prctl(PR_SET_DUMPABLE, 0);
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    for (;;) {
        struct pollfd p = {SOCKET_FD, POLLIN, 0};
        if (n.stems.root.version != 0)
            stems_fill(&n.stems);
        int rc = ppoll(&p, 1, NULL, &while_waiting);
        if (node_is_gone || (rc < 0 && errno != EINTR))
            end_all(&n);
        if (!reap(&n) || (rc > 0 && !take_orders(&n)))
            end_all(&n);
    }
}

_Noreturn void spawner_main(void)
{
    prctl(PR_SET_PDEATHSIG, SIGUSR1);
    descriptors_close_from(EXECUTABLE_FD + 1);
    serve();
}

void spawner_settle_worker(void)
{
    /* Where the parent has died since the exec no signal comes any more: but then the node closes
     * the pipe that orders come through, or is itself that parent. */
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (!SANITIZER)
        prctl(PR_SET_DUMPABLE, 0);
}

/* O_PATH: to be run is enough, it need not be readable. */
static int open_executable(const char *argv0)
{
    int fd = open("/proc/self/exe", O_PATH | O_CLOEXEC);
    const char *name = (const char *)getauxval(AT_EXECFN);
    if (fd < 0 && name)
        fd = open(name, O_PATH | O_CLOEXEC);
    if (fd < 0 && argv0)
        fd = open(argv0, O_PATH | O_CLOEXEC);
    return fd;
}

/* Both ends above the numbers the child puts its own at. */
static int make_socket(int ends[2])
{
    int low[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, low) != 0)
        return -1;
    for (int i = 0; i < 2; i++)
        ends[i] = fcntl(low[i], F_DUPFD_CLOEXEC, 8);
    close(low[0]);
    close(low[1]);
    if (ends[0] >= 0 && ends[1] >= 0)
        return 0;
    for (int i = 0; i < 2; i++)
        if (ends[i] >= 0)
            close(ends[i]);
    return -1;
}

static bool place_spawner(int socket_end, int executable)
{
    return dup2(socket_end, SOCKET_FD) >= 0 && dup2(executable, EXECUTABLE_FD) >= 0;
}

int spawner_fork(struct spawner *out, const char *argv0)
{
    int ends[2];
    *out = (struct spawner){-1, -1, -1};
    int low = open_executable(argv0);
    if (low < 0)
        return ERR_SYSTEM;
    out->executable = fcntl(low, F_DUPFD_CLOEXEC, 8);
    close(low);
    if (out->executable < 0 || make_socket(ends) != 0)
        goto out;
    pid_t parent = getpid();
    out->pid = fork();
    if (out->pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGUSR1);
        if (getppid() != parent || !place_spawner(ends[1], out->executable))
            _exit(1);
        descriptors_close_from(EXECUTABLE_FD + 1);
        serve();
    }
    close(ends[1]);
    if (out->pid > 0) {
        out->fd = ends[0];
        return 0;
    }
    close(ends[0]);
out:
    if (out->executable >= 0)
        close(out->executable);
    *out = (struct spawner){-1, -1, -1};
    return ERR_SYSTEM;
}

static _Noreturn void become_spawner(int socket_end, int executable, volatile int *failure)
{
    static char empty[] = "";
    if (place_spawner(socket_end, executable))
        syscall(SYS_execveat, EXECUTABLE_FD, empty, role_arguments(ROLE_SPAWNER),
                role_environment(ROLE_SPAWNER), AT_EMPTY_PATH);
    *failure = errno;
    _exit(127);
}

/* vfork, because a fork would copy the pages that hold keys. All signals are blocked around it: a
 * handler that ran in the child would run on the parent's memory. The new spawner resets them. */
static __attribute__((noinline)) pid_t vfork_spawner(int socket_end, int executable,
                                                     volatile int *failure)
{
    pid_t pid = vfork();
    if (pid == 0)
        become_spawner(socket_end, executable, failure);
    if (pid < 0)
        *failure = errno;
    return pid;
}

int spawner_new(struct spawner *out)
{
    *out = (struct spawner){-1, -1, -1};
    int low = open_executable(NULL);
    if (low < 0)
        return ERR_SYSTEM;
    out->executable = fcntl(low, F_DUPFD_CLOEXEC, 8);
    close(low);
    int rc = out->executable < 0 ? ERR_SYSTEM : spawner_exec(out);
    if (rc < 0)
        spawner_close(out);
    return rc;
}

int spawner_exec(struct spawner *s)
{
    int ends[2];
    volatile int failure = 0;
    sigset_t all, before;
    ensure(s->fd < 0 && s->pid <= 0);
    if (make_socket(ends) != 0)
        return ERR_SYSTEM;
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, &before);
    pid_t pid = vfork_spawner(ends[1], s->executable, &failure);
    sigprocmask(SIG_SETMASK, &before, NULL);
    close(ends[1]);
    if (failure) {
        if (pid > 0)
            waitpid(pid, NULL, 0);
        close(ends[0]);
        errno = failure;
        return ERR_SYSTEM;
    }
    s->pid = pid;
    s->fd = ends[0];
    return 0;
}

static int send_packet(const struct spawner *s, uint32_t kind, uint32_t worker, uint64_t rest,
                       const int *descriptors)
{
    uint8_t data[PACKET_SIZE];
    union {
        struct cmsghdr head;
        char room[CMSG_SPACE(3 * sizeof(int))];
    } control;
    struct iovec part = {data, sizeof data};
    struct msghdr m = {.msg_iov = &part, .msg_iovlen = 1};
    store_u32(data, kind);
    store_u32(data + 4, worker);
    store_u64(data + 8, rest);
    if (descriptors) {
        memset(&control, 0, sizeof control);
        m.msg_control = &control;
        m.msg_controllen = sizeof control;
        struct cmsghdr *head = CMSG_FIRSTHDR(&m);
        head->cmsg_level = SOL_SOCKET;
        head->cmsg_type = SCM_RIGHTS;
        head->cmsg_len = CMSG_LEN(3 * sizeof(int));
        memcpy(CMSG_DATA(head), descriptors, 3 * sizeof(int));
    }
    ssize_t sent;
    do
        sent = sendmsg(s->fd, &m, MSG_DONTWAIT | MSG_NOSIGNAL);
    while (sent < 0 && errno == EINTR);
    if (sent == (ssize_t)sizeof data)
        return 0;
    /* ETOOMANYREFS: too many descriptors are on their way; the spawner takes them in a moment. */
    return errno == EAGAIN || errno == ETOOMANYREFS || errno == ENOBUFS || errno == ENOMEM
               ? ERR_FULL
               : ERR_CLOSED;
}

int spawner_start(const struct spawner *s, uint32_t worker, uint64_t memory_bytes,
                  const int descriptors[3])
{
    return send_packet(s, PACKET_START, worker, memory_bytes, descriptors);
}

int spawner_kill(const struct spawner *s, uint32_t worker)
{
    return send_packet(s, PACKET_KILL, worker, 0, NULL);
}

int spawner_limit(const struct spawner *s, uint32_t worker, uint64_t memory_bytes)
{
    return send_packet(s, PACKET_LIMIT, worker, memory_bytes, NULL);
}

int spawner_group(const struct spawner *s)
{
    struct cgroup_owner owner;
    const struct cgroup_root *r = cgroup_root(&owner);
    const int folders[3] = {r->memory, r->pids >= 0 ? r->pids : r->memory, r->memory};
    if (!cgroup_is_open())
        return 0;
    return send_packet(s, PACKET_GROUPS, owner.pid,
                       owner.start | (r->version == 2 ? SPAWNER_VERSION_2 : 0) |
                           (r->pids >= 0 ? SPAWNER_PIDS : 0),
                       folders);
}

int spawner_next_exit(const struct spawner *s, struct spawner_exit *out)
{
    uint8_t data[EXIT_SIZE];
    ssize_t got;
    do
        got = recv(s->fd, data, sizeof data, MSG_DONTWAIT);
    while (got < 0 && errno == EINTR);
    if (got < 0 && errno == EAGAIN)
        return 0;
    if (got != (ssize_t)sizeof data || load_u32(data) != PACKET_EXITED)
        return ERR_CLOSED;
    out->worker = load_u32(data + 4);
    out->code = (int)load_u32(data + 8);
    out->status = (int)load_u32(data + 12);
    out->cpu_us = load_u64(data + 16);
    out->want = CGROUP_KILL_NONE;
    if (out->code == CLD_KILLED) {
        out->want = (enum cgroup_kill)(out->status >> WANT_SHIFT);
        out->status &= (1 << WANT_SHIFT) - 1;
    }
    return 1;
}

void spawner_failure(int status, char text[SPAWNER_FAILURE_SIZE])
{
    const char *step = sandbox_step(status >> STEP_SHIFT);
    text_copy(text, SPAWNER_FAILURE_SIZE, step);
    if (status != 0) {
        text_append(text, SPAWNER_FAILURE_SIZE, step[0] ? ": " : "");
        text_append(text, SPAWNER_FAILURE_SIZE, strerror(status & ((1 << STEP_SHIFT) - 1)));
    }
}

void spawner_bury(struct spawner *s)
{
    if (s->fd >= 0)
        close(s->fd);
    if (s->pid > 0) {
        kill(s->pid, SIGKILL);
        while (waitpid(s->pid, NULL, 0) < 0 && errno == EINTR)
            ;
    }
    s->fd = -1;
    s->pid = -1;
}

/* The spawner closes its end only by exiting, so the hang-up says that it has killed and reaped. */
static void await_end(const struct spawner *s)
{
    uint8_t data[EXIT_SIZE];
    const int patience_ms = cgroup_is_open() ? CLOSE_GROUPS_MS : CLOSE_MS;
    shutdown(s->fd, SHUT_WR);
    for (int waited = 0; waited < 64;) {
        struct pollfd p = {s->fd, POLLIN, 0};
        int rc = poll(&p, 1, patience_ms);
        if (rc < 0 && errno == EINTR && ++waited)
            continue;
        if (rc <= 0 || recv(s->fd, data, sizeof data, MSG_DONTWAIT) <= 0)
            return;
    }
}

void spawner_close(struct spawner *s)
{
    if (s->fd >= 0)
        await_end(s);
    spawner_bury(s);
    if (s->executable >= 0)
        close(s->executable);
    s->executable = -1;
}
