#include "tests/chaos/driver/proc.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "core/base/text.h"

int64_t proc_clock_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

void proc_nap_ms(int ms)
{
    struct timespec span = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000L};
    nanosleep(&span, NULL);
}

int proc_adopt(void)
{
    return prctl(PR_SET_CHILD_SUBREAPER, 1);
}

static int open_output(const char *path)
{
    return open(path ? path : "/dev/null", O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
}

static _Noreturn void become(const struct proc_start *s, int out, int err, pid_t parent)
{
    int none = open("/dev/null", O_RDONLY | O_CLOEXEC);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent || none < 0 || out < 0 || err < 0 || dup2(none, 0) < 0 ||
        dup2(out, 1) < 0 || dup2(err, 2) < 0)
        _exit(126);
    if (s->net >= 0 && setns(s->net, CLONE_NEWNET) != 0)
        _exit(126);
    for (const char *const *e = s->environment; e && *e; e++)
        putenv((char *)(uintptr_t)*e);
    execvp(s->argv[0], (char *const *)(uintptr_t)s->argv);
    _exit(127);
}

static pid_t start_with(const struct proc_start *s, int out, int err)
{
    pid_t parent = getpid(), pid = fork();
    if (pid == 0)
        become(s, out, err, parent);
    return pid;
}

pid_t proc_start(const struct proc_start *s)
{
    int out = open_output(s->out), err = open_output(s->err);
    pid_t pid = out < 0 || err < 0 ? -1 : start_with(s, out, err);
    close(out);
    close(err);
    return pid;
}

/* Takes what comes until the pipe ends or the time is over; false then. */
static bool take(int from, int64_t until, char *out, size_t cap)
{
    size_t len = 0;
    for (;;) {
        char room[4096];
        int64_t left = until - proc_clock_ms();
        struct pollfd p = {from, POLLIN, 0};
        if (left <= 0)
            return false;
        if (poll(&p, 1, (int)left) <= 0)
            continue;
        ssize_t got = read(from, room, sizeof room);
        if (got <= 0)
            return true;
        size_t fits = cap > len + 1 ? cap - len - 1 : 0;
        size_t part = (size_t)got < fits ? (size_t)got : fits;
        if (part > 0)
            memcpy(out + len, room, part);
        len += part;
        if (cap > 0)
            out[len] = 0;
    }
}

int proc_run(const char *const *argv, int net, int limit_ms, char *out, size_t cap)
{
    struct proc_start s = {.argv = argv, .net = net};
    int ends[2];
    if (cap > 0)
        out[0] = 0;
    if (pipe2(ends, O_CLOEXEC) != 0)
        return -1;
    pid_t pid = start_with(&s, ends[1], ends[1]);
    close(ends[1]);
    bool ended = pid > 0 && take(ends[0], proc_clock_ms() + limit_ms, out, cap);
    close(ends[0]);
    if (pid <= 0)
        return -1;
    if (!ended)
        kill(pid, SIGKILL);
    int status = proc_bury(pid);
    if (!ended)
        return -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

bool proc_has_ended(pid_t pid, int *status)
{
    return waitpid(pid, status, WNOHANG) == pid;
}

int proc_bury(pid_t pid)
{
    int status = 0;
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    return status;
}

bool proc_signal(pid_t pid, int signal_number)
{
    return pid > 0 && kill(pid, signal_number) == 0;
}

static size_t read_whole(const char *path, char *to, size_t cap)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t got = fd < 0 ? 0 : read(fd, to, cap - 1);
    if (fd >= 0)
        close(fd);
    to[got > 0 ? got : 0] = 0;
    return got > 0 ? (size_t)got : 0;
}

size_t proc_children(pid_t pid, pid_t to[PROC_CHILDREN_MAX])
{
    char path[64], text[4096];
    size_t count = 0;
    snprintf(path, sizeof path, "/proc/%d/task/%d/children", (int)pid, (int)pid);
    read_whole(path, text, sizeof text);
    for (char *at = text, *end; count < PROC_CHILDREN_MAX; at = end) {
        long number = strtol(at, &end, 10);
        if (end == at)
            break;
        to[count++] = (pid_t)number;
    }
    return count;
}

void proc_name(pid_t pid, char *to, size_t cap)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/cmdline", (int)pid);
    size_t len = read_whole(path, to, cap);
    for (size_t i = 0; i + 1 < len; i++)
        if (to[i] == 0)
            to[i] = ' ';
}

static bool is_zombie(pid_t pid)
{
    char path[64], text[512];
    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    read_whole(path, text, sizeof text);
    const char *state = strrchr(text, ')');
    return !state || state[1] == 0 || state[2] == 'Z' || state[2] == 'X';
}

static size_t living(pid_t to[PROC_CHILDREN_MAX])
{
    size_t count = proc_children(getpid(), to), alive = 0;
    for (size_t i = 0; i < count; i++)
        if (!is_zombie(to[i]))
            to[alive++] = to[i];
    return alive;
}

size_t proc_end_all(int limit_ms, char *left, size_t cap)
{
    pid_t pids[PROC_CHILDREN_MAX];
    int64_t until = proc_clock_ms() + limit_ms;
    size_t count;
    left[0] = 0;
    for (;;) {
        while (waitpid(-1, NULL, WNOHANG) > 0)
            ;
        count = living(pids);
        if (count == 0 || proc_clock_ms() > until)
            break;
        proc_nap_ms(20);
    }
    for (size_t i = 0; i < count; i++) {
        char name[256], line[320];
        proc_name(pids[i], name, sizeof name);
        snprintf(line, sizeof line, "%s%d %s", i ? "; " : "", (int)pids[i], name);
        text_append(left, cap, line);
        kill(pids[i], SIGKILL);
        proc_bury(pids[i]);
    }
    return count;
}
