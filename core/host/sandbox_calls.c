#include "core/host/sandbox_calls.h"

#include <sys/syscall.h>

#include "core/base/text.h"

/* Machines differ in which of these they have; those of 32 bits have two kinds of time. */
static const struct call allowed[] = {
    {SYS_read, CALL_FREE, "read"},
    {SYS_write, CALL_FREE, "write"},
    {SYS_writev, CALL_FREE, "writev"}, /* the C library's last words */
    {SYS_close, CALL_FREE, "close"},
#ifdef SYS_poll
    {SYS_poll, CALL_FREE, "poll"},
#endif
#ifdef SYS_ppoll
    {SYS_ppoll, CALL_FREE, "ppoll"},
#endif
#ifdef SYS_ppoll_time64
    {SYS_ppoll_time64, CALL_FREE, "ppoll_time64"},
#endif
    {SYS_brk, CALL_FREE, "brk"},
#ifdef SYS_mmap2
    {SYS_mmap2, CALL_NO_CODE, "mmap2"},
#elif defined(__s390x__)
    {SYS_mmap, CALL_FREE, "mmap"}, /* its arguments are in memory, where no filter sees them */
#else
    {SYS_mmap, CALL_NO_CODE, "mmap"},
#endif
    {SYS_mprotect, CALL_NO_CODE, "mprotect"},
    {SYS_mremap, CALL_FREE, "mremap"},
    {SYS_munmap, CALL_FREE, "munmap"},
    {SYS_madvise, CALL_FREE, "madvise"},
    {SYS_getrandom, CALL_FREE, "getrandom"}, /* the C library's, at the first malloc */
    {SYS_futex, CALL_FREE, "futex"},
    {SYS_clock_gettime, CALL_FREE, "clock_gettime"},
#ifdef SYS_clock_gettime64
    {SYS_clock_gettime64, CALL_FREE, "clock_gettime64"},
#endif
    {SYS_setitimer, CALL_FREE, "setitimer"},
    {SYS_restart_syscall, CALL_FREE, "restart_syscall"},
    {SYS_rt_sigprocmask, CALL_FREE, "rt_sigprocmask"}, /* this and the next three: abort */
    {SYS_getpid, CALL_FREE, "getpid"},
    {SYS_gettid, CALL_FREE, "gettid"},
    {SYS_tgkill, CALL_OWN, "tgkill"},
    {SYS_rt_sigreturn, CALL_FREE, "rt_sigreturn"},
    {SYS_exit, CALL_FREE, "exit"},
    {SYS_exit_group, CALL_FREE, "exit_group"},
    {SYS_seccomp, CALL_WHILE_LOAD, "seccomp"},
/* Some machines ask the system before new code may run (elf_load.c). */
#if defined(__arm__)
    {0x0f0002, CALL_WHILE_LOAD, "cacheflush"},
#elif defined(SYS_riscv_flush_icache)
    {SYS_riscv_flush_icache, CALL_WHILE_LOAD, "riscv_flush_icache"},
#endif
};

const struct call *sandbox_calls(size_t *count)
{
    *count = sizeof allowed / sizeof *allowed;
    return allowed;
}

#define NAME(call) {SYS_##call, #call},

/* What an attacker, or a kernel with a C library in it, is most likely to try. */
static const struct {
    long number;
    const char *name;
} names[] = {
    NAME(socket) NAME(socketpair) NAME(connect) NAME(bind) NAME(listen) NAME(sendto)
    NAME(recvfrom) NAME(sendmsg) NAME(recvmsg) NAME(shutdown) NAME(setsockopt) NAME(getsockopt)
    NAME(openat) NAME(faccessat) NAME(readlinkat) NAME(unlinkat) NAME(mkdirat) NAME(linkat)
    NAME(symlinkat) NAME(fchmodat) NAME(fchownat) NAME(mknodat) NAME(chdir) NAME(fchdir)
    NAME(chroot) NAME(getcwd) NAME(getdents64) NAME(lseek) NAME(fsync) NAME(readv) NAME(pread64)
    NAME(pwrite64) NAME(dup) NAME(dup3) NAME(pipe2) NAME(fcntl) NAME(ioctl) NAME(flock)
    NAME(mount) NAME(umount2) NAME(pivot_root) NAME(statfs) NAME(quotactl) NAME(swapon)
    NAME(name_to_handle_at) NAME(open_by_handle_at) NAME(inotify_init1) NAME(fanotify_init)
    NAME(splice) NAME(tee) NAME(vmsplice) NAME(eventfd2) NAME(signalfd4) NAME(timerfd_create)
    NAME(epoll_create1) NAME(memfd_create) NAME(userfaultfd) NAME(perf_event_open) NAME(bpf)
    NAME(clone) NAME(execve) NAME(execveat) NAME(wait4) NAME(waitid) NAME(unshare) NAME(setns)
    NAME(ptrace) NAME(process_vm_readv) NAME(process_vm_writev) NAME(kcmp) NAME(prctl)
    NAME(seccomp) NAME(personality) NAME(kill) NAME(tkill) NAME(tgkill) NAME(rt_sigaction)
    NAME(rt_sigqueueinfo) NAME(rt_sigsuspend) NAME(rt_sigpending) NAME(sigaltstack)
    NAME(setuid) NAME(setgid) NAME(setresuid) NAME(setresgid) NAME(setgroups) NAME(getuid)
    NAME(getppid) NAME(getpgid) NAME(setpgid) NAME(setsid) NAME(setpriority) NAME(capset)
    NAME(prlimit64) NAME(getrusage) NAME(sysinfo) NAME(uname) NAME(times) NAME(sethostname)
    NAME(sched_yield) NAME(sched_setaffinity) NAME(sched_getaffinity) NAME(sched_setscheduler)
    NAME(nanosleep) NAME(clock_nanosleep) NAME(clock_settime) NAME(settimeofday)
    NAME(gettimeofday) NAME(timer_create) NAME(getitimer) NAME(getrandom) NAME(madvise)
    NAME(mmap) NAME(mprotect) NAME(mlock) NAME(mlockall) NAME(remap_file_pages) NAME(shmget)
    NAME(shmat) NAME(msgget) NAME(semget) NAME(mq_open) NAME(add_key) NAME(request_key)
    NAME(keyctl) NAME(init_module) NAME(finit_module) NAME(delete_module) NAME(kexec_load)
    NAME(reboot) NAME(syslog) NAME(acct) NAME(adjtimex) NAME(membarrier)
#ifdef SYS_open
    NAME(open) NAME(creat) NAME(stat) NAME(lstat) NAME(access) NAME(pipe) NAME(dup2) NAME(fork)
    NAME(vfork) NAME(unlink) NAME(rename) NAME(mkdir) NAME(symlink) NAME(readlink) NAME(chmod)
    NAME(chown) NAME(pause) NAME(alarm)
#endif
#ifdef SYS_arch_prctl
    NAME(arch_prctl) NAME(modify_ldt) NAME(iopl) NAME(ioperm)
#endif
#ifdef SYS_fstat
    NAME(fstat)
#endif
#ifdef SYS_newfstatat
    NAME(newfstatat)
#endif
#ifdef SYS_statx
    NAME(statx)
#endif
#ifdef SYS_accept
    NAME(accept)
#endif
#ifdef SYS_clone3
    NAME(clone3) NAME(openat2) NAME(pidfd_getfd) NAME(pidfd_open) NAME(pidfd_send_signal)
    NAME(io_uring_setup) NAME(io_uring_enter) NAME(io_uring_register) NAME(fsopen)
    NAME(fsmount) NAME(move_mount) NAME(open_tree)
#endif
#ifdef SYS_pkey_mprotect
    NAME(pkey_mprotect) NAME(pkey_alloc)
#endif
};

void sandbox_call_text(long number, char text[CALL_TEXT_SIZE])
{
    char digits[24];
    text_of_u64((uint64_t)number, digits);
    text[0] = '\0';
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (names[i].number != number)
            continue;
        text_copy(text, CALL_TEXT_SIZE, names[i].name);
        text_append(text, CALL_TEXT_SIZE, " (");
        text_append(text, CALL_TEXT_SIZE, digits);
        text_append(text, CALL_TEXT_SIZE, ")");
        return;
    }
    text_copy(text, CALL_TEXT_SIZE, digits);
}
