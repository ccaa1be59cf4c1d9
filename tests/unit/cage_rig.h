/* What tests of a worker's cage share: a process that is somebody else, or on a system that lacks a
 * call. */
#ifndef VELUM_TESTS_CAGE_RIG_H
#define VELUM_TESTS_CAGE_RIG_H

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/syscall.h>

#include "tests/unit/worker_child.h"

#define NOBODY 65534

static inline void be_nobody(void)
{
    if (setresgid(NOBODY, NOBODY, NOBODY) != 0 || setresuid(NOBODY, NOBODY, NOBODY) != 0)
        _exit(125);
}

/* From here on the process is as on a system without this call. */
static inline int refuse_call(uint32_t number, uint32_t error)
{
    struct sock_filter code[] = {
        {BPF_LD | BPF_W | BPF_ABS, 0, 0, offsetof(struct seccomp_data, nr)},
        {BPF_JMP | BPF_JEQ | BPF_K, 0, 1, number},
        {BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ERRNO | error},
        {BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ALLOW},
    };
    const struct sock_fprog program = {sizeof code / sizeof *code, code};
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    return (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program);
}

/* Of a process that does this, as waitpid gives it. */
static inline int status_of(int (*what)(void))
{
    int status = -1;
    pid_t pid = fork();
    REQUIRE(pid >= 0);
    if (pid == 0)
        _exit(what());
    REQUIRE(waitpid(pid, &status, 0) == pid);
    return status;
}

#endif
