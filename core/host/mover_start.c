#include "core/host/mover_start.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/base/err.h"
#include "core/host/descriptors.h"

#define PIPE_BYTES (1 << 20) /* so that a wake-up is worth sixteen slices; fewer where refused */
#define DESCRIPTORS 5
#define EXECUTABLE_FD 5
#define NICE 5 /* behind the node, before workers */

/* Shares the node's memory until exec, so it changes nothing but its own kernel state and
 * *failure. */
static _Noreturn void become_mover(enum role role, const int descriptors[DESCRIPTORS],
                                   int executable, pid_t node, volatile int *failure)
{
    static char empty[] = "";
    const struct rlimit none = {0, 0};
    sigset_t nothing;
    sigemptyset(&nothing);
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || getppid() != node)
        goto out;
    /* The executable moves up as well: its number may be one of the places. */
    int high = fcntl(executable, F_DUPFD_CLOEXEC, 8);
    if (high < 0 || descriptors_place(descriptors, DESCRIPTORS) != 0 || setpgid(0, 0) != 0)
        goto out;
    if (dup2(high, EXECUTABLE_FD) < 0 || fcntl(EXECUTABLE_FD, F_SETFD, FD_CLOEXEC) != 0)
        goto out;
    descriptors_close_from(EXECUTABLE_FD + 1);
    setpriority(PRIO_PROCESS, 0, NICE);
    umask(077);
    if (chdir("/") != 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
        setrlimit(RLIMIT_CORE, &none) != 0 || sigprocmask(SIG_SETMASK, &nothing, NULL) != 0)
        goto out;
    syscall(SYS_execveat, EXECUTABLE_FD, empty, role_arguments(role), role_environment(role),
            AT_EMPTY_PATH);
out:
    *failure = errno ? errno : ECHILD;
    _exit(127);
}

static __attribute__((noinline)) pid_t vfork_mover(enum role role,
                                                   const int descriptors[DESCRIPTORS],
                                                   int executable, volatile int *failure)
{
    const pid_t node = getpid();
    pid_t pid = vfork();
    if (pid == 0)
        become_mover(role, descriptors, executable, node, failure);
    if (pid < 0)
        *failure = errno;
    return pid;
}

/* All signals are blocked meanwhile: a handler that ran in the child would run on our memory. */
static pid_t start(enum role role, const int descriptors[DESCRIPTORS], int executable)
{
    volatile int failure = 0;
    sigset_t all, before;
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, &before);
    pid_t pid = vfork_mover(role, descriptors, executable, &failure);
    sigprocmask(SIG_SETMASK, &before, NULL);
    if (!failure)
        return pid;
    if (pid > 0)
        waitpid(pid, NULL, 0);
    errno = failure;
    return -1;
}

static void close_both(const int ends[2])
{
    for (int i = 0; i < 2; i++)
        if (ends[i] >= 0)
            close(ends[i]);
}

/* Only our end does not block: the two ends of a pipe are two open files. */
static int make_pipe(int ends[2], int ours)
{
    if (pipe2(ends, O_CLOEXEC) != 0)
        return -1;
    (void)fcntl(ends[0], F_SETPIPE_SZ, PIPE_BYTES);
    return fcntl(ends[ours], F_SETFL, O_NONBLOCK);
}

int mover_start(struct mover_ends *out, enum role role, int executable, int folder, int memory)
{
    int orders[2] = {-1, -1}, answers[2] = {-1, -1};
    pid_t pid = -1;
    if (make_pipe(orders, 1) == 0 && make_pipe(answers, 0) == 0) {
        const int descriptors[DESCRIPTORS] = {orders[0], answers[1], STDERR_FILENO, folder,
                                              memory < 0 ? folder : memory};
        pid = start(role, descriptors, executable);
    }
    if (pid < 0) {
        int number = errno;
        close_both(orders);
        close_both(answers);
        errno = number;
        return ERR_SYSTEM;
    }
    close(orders[0]);
    close(answers[1]);
    *out = (struct mover_ends){.pid = pid, .orders = orders[1], .answers = answers[0]};
    return 0;
}
