#include "core/host/stem.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/host/descriptors.h"
#include "core/host/sandbox.h"

#define STEP_SHIFT 16
#define PROCESSES 4 /* a worker is one; its parent's kernel may count what has just ended */

static void name_of(pid_t spawner, uint32_t group, char name[CGROUP_NAME_SIZE])
{
    snprintf(name, CGROUP_NAME_SIZE, "%d-%u", (int)spawner, (unsigned)group);
}

static int failure_of(int failure)
{
    return (failure ? failure : ECHILD) | SANDBOX_STEP_GROUP << STEP_SHIFT;
}

/* False at the spawner's end. */
static bool receive(int socket, int descriptors[3], uint64_t *memory_bytes)
{
    union {
        struct cmsghdr head;
        char room[CMSG_SPACE(3 * sizeof(int))];
    } control;
    struct iovec part = {memory_bytes, sizeof *memory_bytes};
    struct msghdr m = {.msg_iov = &part,
                       .msg_iovlen = 1,
                       .msg_control = &control,
                       .msg_controllen = sizeof control};
    ssize_t got;
    do
        got = recvmsg(socket, &m, MSG_CMSG_CLOEXEC);
    while (got < 0 && errno == EINTR);
    const struct cmsghdr *head = CMSG_FIRSTHDR(&m);
    if (got != (ssize_t)sizeof *memory_bytes || !head ||
        head->cmsg_len != CMSG_LEN(3 * sizeof(int)))
        return false;
    memcpy(descriptors, CMSG_DATA(head), 3 * sizeof(int));
    return true;
}

static int send_all(int socket, const int descriptors[3], uint64_t memory_bytes)
{
    union {
        struct cmsghdr head;
        char room[CMSG_SPACE(3 * sizeof(int))];
    } control;
    struct iovec part = {&memory_bytes, sizeof memory_bytes};
    struct msghdr m = {.msg_iov = &part,
                       .msg_iovlen = 1,
                       .msg_control = &control,
                       .msg_controllen = sizeof control};
    memset(&control, 0, sizeof control);
    struct cmsghdr *head = CMSG_FIRSTHDR(&m);
    head->cmsg_level = SOL_SOCKET;
    head->cmsg_type = SCM_RIGHTS;
    head->cmsg_len = CMSG_LEN(3 * sizeof(int));
    memcpy(CMSG_DATA(head), descriptors, 3 * sizeof(int));
    return sendmsg(socket, &m, MSG_NOSIGNAL) == (ssize_t)sizeof memory_bytes ? 0 : -1;
}

/* The spawner's socket must not live on in here: its end is how the spawner's is noticed. */
static _Noreturn void wait_to_become(const struct stems *s, int socket, pid_t spawner,
                                     const char *name)
{
    int failure = 0, descriptors[3];
    uint64_t memory_bytes = 0;
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || getppid() != spawner ||
        dup2(socket, STEM_REPLY_FD) < 0 || fcntl(STEM_REPLY_FD, F_SETFD, FD_CLOEXEC) != 0 ||
        dup2(socket, 0) < 0 || dup2(socket, 1) < 0 || dup2(socket, 3) < 0)
        _exit(127);
#if VELUM_PLANT != 866 /* unit/test_cgroup: a worker starts outside its group */
    if (cgroup_enter(&s->root, name) != 0)
        failure = failure_of(errno);
#endif
    /* Nor may the pipes of a worker that is being started just now. */
    descriptors_close_from(STEM_REPLY_FD + 1);
    if (!receive(STEM_REPLY_FD, descriptors, &memory_bytes))
        _exit(0);
    if (!failure)
        failure = s->become(s->ctx, descriptors, memory_bytes);
    (void)!write(STEM_REPLY_FD, &failure, sizeof failure);
    _exit(127);
}

static bool make_one(struct stems *s)
{
    int ends[2];
    char name[CGROUP_NAME_SIZE];
    const pid_t spawner = getpid();
    struct stem *one = &s->waiting[s->count];
    name_of(spawner, s->made, name);
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0)
        return false;
    one->group = s->made++;
    one->socket = fcntl(ends[0], F_DUPFD_CLOEXEC, 8);
    close(ends[0]);
    one->pid = -1;
    if (one->socket >= 0 && cgroup_make(&s->root, name) == 0) {
        if (cgroup_limit_processes(&s->root, name, PROCESSES) == 0)
            one->pid = fork();
        if (one->pid < 0)
            cgroup_remove(&s->root, name);
    }
    if (one->pid == 0)
        wait_to_become(s, ends[1], spawner, name);
    close(ends[1]);
    if (one->pid < 0 && one->socket >= 0)
        close(one->socket);
    s->count += one->pid > 0;
    return one->pid > 0;
}

void stems_fill(struct stems *s)
{
    while (s->count < STEMS && make_one(s))
        ;
}

static struct stem take_first(struct stems *s)
{
    const struct stem first = s->waiting[0];
    s->count--;
    memmove(s->waiting, s->waiting + 1, s->count * sizeof *s->waiting);
    return first;
}

/* Its exec closes its end; before that it says what failed. */
static int await(int socket)
{
    int failure = 0;
    ssize_t got;
    do
        got = recv(socket, &failure, sizeof failure, 0);
    while (got < 0 && errno == EINTR);
    return got == 0 ? 0 : got == (ssize_t)sizeof failure ? failure : failure_of(errno);
}

int stems_limit(const struct stems *s, uint32_t group, uint64_t memory_bytes)
{
    char name[CGROUP_NAME_SIZE];
    name_of(getpid(), group, name);
    return cgroup_limit(&s->root, name, memory_bytes + CGROUP_OWN_BYTES);
}

int stems_start(struct stems *s, const int descriptors[3], uint64_t memory_bytes, pid_t *pid,
                uint32_t *group)
{
    int failure = 0;
    stems_fill(s);
    if (s->count == 0)
        return failure_of(errno);
    const struct stem one = take_first(s);
    if (stems_limit(s, one.group, memory_bytes & STEM_BYTES) != 0 ||
        send_all(one.socket, descriptors, memory_bytes) != 0)
        failure = failure_of(errno);
    else
        failure = await(one.socket);
    close(one.socket);
    *pid = one.pid;
    *group = one.group;
    if (!failure)
        return 0;
    kill(one.pid, SIGKILL);
    while (waitpid(one.pid, NULL, 0) < 0 && errno == EINTR)
        ;
    stems_bury(s, one.group);
    return failure;
}

static bool remove_group(const struct stems *s, uint32_t group)
{
    char name[CGROUP_NAME_SIZE];
    name_of(getpid(), group, name);
    if (cgroup_remove(&s->root, name) == 0)
        return true;
    cgroup_kill_all(&s->root, name);
    return cgroup_remove(&s->root, name) == 0;
}

static void try_again(struct stems *s)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < s->left_count; i++)
        if (!remove_group(s, s->left[i]))
            s->left[kept++] = s->left[i];
    s->left_count = kept;
}

bool stems_ended(struct stems *s, pid_t pid)
{
    for (uint32_t i = 0; i < s->count; i++) {
        if (s->waiting[i].pid != pid)
            continue;
        const struct stem gone = s->waiting[i];
        s->count--;
        memmove(s->waiting + i, s->waiting + i + 1, (s->count - i) * sizeof *s->waiting);
        close(gone.socket);
        stems_bury(s, gone.group);
        return true;
    }
    return false;
}

enum cgroup_kill stems_bury(struct stems *s, uint32_t group)
{
    char name[CGROUP_NAME_SIZE];
    name_of(getpid(), group, name);
    const enum cgroup_kill why = cgroup_killed(&s->root, name);
    try_again(s);
#if VELUM_PLANT == 867 /* unit/test_cgroup: the groups of workers that ended stay */
    return why;
#endif
    if (!remove_group(s, group) && s->left_count < STEM_LEFT_MAX)
        s->left[s->left_count++] = group;
    return why;
}

void stems_close(struct stems *s)
{
    for (uint32_t i = 0; i < s->count; i++)
        kill(s->waiting[i].pid, SIGKILL);
    for (uint32_t i = 0; i < s->count; i++) {
        while (waitpid(s->waiting[i].pid, NULL, 0) < 0 && errno == EINTR)
            ;
        close(s->waiting[i].socket);
    }
    s->count = 0;
}
