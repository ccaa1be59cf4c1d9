#include "core/host/sandbox_filter.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "core/base/ensure.h"
#include "core/base/text.h"
#include "core/host/sandbox_calls.h"

#define CODE_MAX 256
/* CLONE_NEWTIME is none of clone's, CLONE_NEWNS to CLONE_NEWNET are. */
#define NAMESPACES 0x7e020000u

#if defined(__x86_64__)
#define MANNER AUDIT_ARCH_X86_64
#define X32_FIRST 0x40000000u
#elif defined(__aarch64__)
#define MANNER AUDIT_ARCH_AARCH64
#elif defined(__arm__)
#define MANNER AUDIT_ARCH_ARM
#elif defined(__i386__)
#define MANNER AUDIT_ARCH_I386
#elif defined(__riscv)
#define MANNER AUDIT_ARCH_RISCV64
#elif defined(__s390x__)
#define MANNER AUDIT_ARCH_S390X
#elif defined(__powerpc64__)
#define MANNER AUDIT_ARCH_PPC64LE
#else
#error "name the audit architecture of this machine here"
#endif

#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define LOW_HALF 0
#else
#define LOW_HALF 4
#endif
#define ARGUMENT(i) ((uint32_t)offsetof(struct seccomp_data, args[i]) + LOW_HALF)

struct program {
    struct sock_filter code[CODE_MAX];
    unsigned short len;
};

static void add(struct program *p, uint16_t code, uint32_t k, uint8_t if_true, uint8_t if_false)
{
    ensure(p->len < CODE_MAX);
    p->code[p->len++] = (struct sock_filter){code, if_true, if_false, k};
}

static void load(struct program *p, uint32_t offset)
{
    add(p, BPF_LD | BPF_W | BPF_ABS, offset, 0, 0);
}

static void answer(struct program *p, uint32_t what)
{
    add(p, BPF_RET | BPF_K, what, 0, 0);
}

/* Forbids where the argument has one of these bits. */
static void allow_without(struct program *p, uint32_t number, unsigned argument, uint32_t bits)
{
    add(p, BPF_JMP | BPF_JEQ | BPF_K, number, 0, 4);
    load(p, ARGUMENT(argument));
    add(p, BPF_JMP | BPF_JSET | BPF_K, bits, 0, 1);
    answer(p, SECCOMP_RET_TRAP);
    answer(p, SECCOMP_RET_ALLOW);
}

/* To this process, and no SIGKILL: who sent one the system tells nobody, so that a kernel that
 * could end itself by it would seem to be killed from outside, again and again (crew.c). */
static void allow_own(struct program *p, uint32_t number)
{
    uint32_t pid = (uint32_t)getpid();
#if VELUM_PLANT == 842 /* unit/test_escape: a worker may signal the first process */
    pid = 1;
#endif
    add(p, BPF_JMP | BPF_JEQ | BPF_K, number, 0, 6);
    load(p, ARGUMENT(0));
    add(p, BPF_JMP | BPF_JEQ | BPF_K, pid, 0, 2);
    load(p, ARGUMENT(2));
#if VELUM_PLANT == 1153 /* unit/test_escape: a worker may end itself by SIGKILL */
    add(p, BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 1);
#else
    add(p, BPF_JMP | BPF_JEQ | BPF_K, SIGKILL, 0, 1);
#endif
    answer(p, SECCOMP_RET_TRAP);
    answer(p, SECCOMP_RET_ALLOW);
}

static void allow(struct program *p, uint32_t number)
{
    add(p, BPF_JMP | BPF_JEQ | BPF_K, number, 0, 1);
    answer(p, SECCOMP_RET_ALLOW);
}

static void add_call(struct program *p, const struct call *c, bool loading)
{
    const uint32_t number = (uint32_t)c->number;
    if (c->rule == CALL_OWN)
        allow_own(p, number);
    else if (c->rule == CALL_NO_CODE && !loading)
        allow_without(p, number, 2, PROT_EXEC);
    else if (c->rule != CALL_WHILE_LOAD || loading)
        allow(p, number);
}

/* Calls in another manner have this answer; the number is loaded. */
static void begin(struct program *p, uint32_t foreign)
{
    load(p, offsetof(struct seccomp_data, arch));
    add(p, BPF_JMP | BPF_JEQ | BPF_K, MANNER, 1, 0);
    answer(p, foreign);
    load(p, offsetof(struct seccomp_data, nr));
#ifdef X32_FIRST
    add(p, BPF_JMP | BPF_JGE | BPF_K, X32_FIRST, 0, 1);
    answer(p, foreign);
#endif
}

static void make(struct program *p, bool loading)
{
    size_t count;
    const struct call *calls = sandbox_calls(&count);
#if VELUM_PLANT == 840 /* unit/test_escape: calls in the manner of 32 bits are made */
    begin(p, SECCOMP_RET_ALLOW);
#else
    begin(p, SECCOMP_RET_TRAP);
#endif
    for (size_t i = 0; i < count; i++)
        add_call(p, &calls[i], loading);
    answer(p, SECCOMP_RET_TRAP);
}

bool sandbox_filter_works(void)
{
    const uint32_t action = SECCOMP_RET_TRAP;
    return syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &action) == 0;
}

static bool is_x32(int number)
{
#ifdef X32_FIRST
    return number != -1 && ((uint32_t)number & X32_FIRST) != 0;
#else
    return number < -1;
#endif
}

/* The process is hostile and may have broken whatever this stands on: then it dies of that. The
 * handler is gone already (SA_RESETHAND), so that the second forbidden call is the end. */
static void on_forbidden(int number, siginfo_t *info, void *context)
{
    char text[2 * CALL_TEXT_SIZE], call[CALL_TEXT_SIZE];
    (void)number;
    (void)context;
    text_copy(text, sizeof text, "killed: forbidden system call ");
    if (info->si_arch != MANNER || is_x32(info->si_syscall))
        text_append(text, sizeof text, "of another machine's manner, ");
    sandbox_call_text(info->si_syscall, call);
    text_append(text, sizeof text, call);
    text_append(text, sizeof text, "\n");
    (void)!write(2, text, strlen(text));
    (void)syscall(SYS_getppid);
    _exit(128 + SIGSYS);
}

int sandbox_filter_listen(void)
{
    struct sigaction a = {.sa_sigaction = on_forbidden, .sa_flags = SA_SIGINFO | (int)SA_RESETHAND};
    sigset_t forbidden;
    sigemptyset(&a.sa_mask);
    sigemptyset(&forbidden);
    sigaddset(&forbidden, SIGSYS);
    if (sigaction(SIGSYS, &a, NULL) != 0)
        return -1;
    return sigprocmask(SIG_UNBLOCK, &forbidden, NULL);
}

/* SPEC_ALLOW: some kernels slow a filtered process down so that code inside it cannot spy on other
 * code inside it. Here there is nobody else inside. */
static int install(struct program *p, bool threads)
{
    const struct sock_fprog program = {.len = p->len, .filter = p->code};
    const unsigned flags =
        SECCOMP_FILTER_FLAG_SPEC_ALLOW | (threads ? SECCOMP_FILTER_FLAG_TSYNC : 0);
    long rc = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &program);
    /* Systems that do not know the word do not slow anything down without it. */
    if (rc < 0 && errno == EINVAL)
        rc = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER,
                     flags & ~(unsigned)SECCOMP_FILTER_FLAG_SPEC_ALLOW, &program);
    if (rc > 0) /* the thread that cannot be shut in */
        errno = EBUSY;
    return rc == 0 ? 0 : -1;
}

int sandbox_filter_install(bool loading, bool threads)
{
    struct program p = {.len = 0};
    make(&p, loading);
    return install(&p, threads);
}

/* The commands of fcntl from 8 on have signals sent to whom they name. */
static void allow_fcntl(struct program *p, uint32_t number)
{
    add(p, BPF_JMP | BPF_JEQ | BPF_K, number, 0, 5);
    load(p, ARGUMENT(1));
    add(p, BPF_JMP | BPF_JEQ | BPF_K, F_DUPFD_CLOEXEC, 1, 0);
    add(p, BPF_JMP | BPF_JGE | BPF_K, 8, 1, 0);
    answer(p, SECCOMP_RET_ALLOW);
    answer(p, SECCOMP_RET_ERRNO | ENOSYS);
}

int sandbox_filter_only(const long *calls, size_t count)
{
    struct program p = {.len = 0};
    begin(&p, SECCOMP_RET_KILL_PROCESS);
    for (size_t i = 0; i < count; i++)
        allow(&p, (uint32_t)calls[i]);
    /* clone3 has its flags in memory, where no filter sees them: the C library then calls clone. */
    allow_without(&p, SYS_clone, 0, NAMESPACES);
    allow_fcntl(&p, SYS_fcntl);
#ifdef SYS_fcntl64
    allow_fcntl(&p, SYS_fcntl64);
#endif
    add(&p, BPF_JMP | BPF_JEQ | BPF_K, SYS_prlimit64, 0, 3);
    load(&p, ARGUMENT(0));
    add(&p, BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 1);
    answer(&p, SECCOMP_RET_ALLOW);
    answer(&p, SECCOMP_RET_ERRNO | ENOSYS);
    return install(&p, false);
}
