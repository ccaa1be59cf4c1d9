#include "core/host/build_cage.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "core/host/sandbox.h"
#include "core/host/sandbox_apart.h"
#include "core/host/sandbox_filter.h"
#include "core/host/sandbox_landlock.h"
#include "core/host/sandbox_rights.h"
#include "core/wire/order.h"

#define PROCESSES_MAX 32
#define DESCRIPTORS_MAX 64

#define FS_PROGRAMS (FS_EXECUTE | FS_READ_FILE | FS_READ_DIR)

/* Where distributions put programs and their libraries, and nothing that people put there: an
 * assembler takes in any file that it can read. A compiler that is elsewhere builds nothing. */
static const struct {
    const char *path;
    uint64_t rights;
} places[] = {
    {"/usr/bin", FS_PROGRAMS},       {"/usr/lib", FS_PROGRAMS},
    {"/usr/lib32", FS_PROGRAMS},     {"/usr/lib64", FS_PROGRAMS},
    {"/usr/libexec", FS_PROGRAMS},   {"/bin", FS_PROGRAMS},
    {"/lib", FS_PROGRAMS},           {"/lib32", FS_PROGRAMS},
    {"/lib64", FS_PROGRAMS},         {"/etc/ld.so.cache", FS_READ_FILE},
    {"/proc/cpuinfo", FS_READ_FILE}, {"/dev/null", FS_READ_FILE | FS_WRITE_FILE},
};

#define PLACES (sizeof places / sizeof *places)

/* What cc, gcc and clang call, and the assembler and the linker behind them; but no chmod, which a
 * linker does without, and from which Landlock keeps no file of the same user. */
static const long calls[] = {
    SYS_read,
    SYS_write,
    SYS_readv,
    SYS_writev,
    SYS_pread64,
    SYS_pwrite64,
    SYS_openat,
    SYS_close,
    SYS_lseek,
    SYS_fstat,
    SYS_statx,
    SYS_faccessat,
    SYS_readlinkat,
    SYS_getcwd,
    SYS_getdents64,
    SYS_unlinkat,
    SYS_ftruncate,
    SYS_fallocate,
    SYS_umask,
    SYS_flock,
    SYS_dup,
    SYS_dup3,
    SYS_pipe2,
    SYS_ppoll,
    SYS_munmap,
    SYS_mprotect,
    SYS_mremap,
    SYS_madvise,
    SYS_brk,
    SYS_getrandom,
    SYS_futex,
    SYS_clock_gettime,
    SYS_clock_getres,
    SYS_gettimeofday,
    SYS_nanosleep,
    SYS_clock_nanosleep,
    SYS_sched_yield,
    SYS_getpid,
    SYS_getppid,
    SYS_gettid,
    SYS_getuid,
    SYS_geteuid,
    SYS_getgid,
    SYS_getegid,
    SYS_getrusage,
    SYS_times,
    SYS_sysinfo,
    SYS_uname,
    SYS_sigaltstack,
    SYS_rt_sigaction,
    SYS_rt_sigprocmask,
    SYS_rt_sigreturn,
    SYS_execve,
    SYS_wait4,
    SYS_waitid,
    SYS_exit,
    SYS_exit_group,
    SYS_set_tid_address,
    SYS_set_robust_list,
    SYS_sched_getaffinity,
    SYS_restart_syscall,
#ifdef SYS_mmap
    SYS_mmap,
#endif
#ifdef SYS_mmap2
    SYS_mmap2,
#endif
#ifdef SYS_rseq
    SYS_rseq,
#endif
#ifdef SYS_faccessat2
    SYS_faccessat2,
#endif
#ifdef SYS_newfstatat
    SYS_newfstatat,
#endif
#ifdef SYS_getrlimit
    SYS_getrlimit,
#endif
/* Older words for the same. */
#ifdef SYS_open
    SYS_open,
    SYS_stat,
    SYS_lstat,
    SYS_access,
    SYS_readlink,
    SYS_unlink,
    SYS_pipe,
    SYS_dup2,
    SYS_poll,
    SYS_vfork,
    SYS_fork,
#endif
#ifdef SYS_arch_prctl
    SYS_arch_prctl,
#endif
};

/* The processes of a user are counted together, so only an id of its own can have a limit. */
static int set_limits(bool own_id)
{
    return sandbox_limit(RLIMIT_CORE, 0) == 0 && sandbox_limit(RLIMIT_CPU, BUILD_CPU_S) == 0 &&
                   sandbox_limit(RLIMIT_AS, BUILD_MEMORY_BYTES) == 0 &&
                   sandbox_limit(RLIMIT_FSIZE, BUILD_FILE_MAX) == 0 &&
                   sandbox_limit(RLIMIT_MEMLOCK, 0) == 0 &&
                   sandbox_limit(RLIMIT_NOFILE, DESCRIPTORS_MAX) == 0 &&
                   (!own_id || sandbox_limit(RLIMIT_NPROC, PROCESSES_MAX) == 0)
               ? 0
               : -1;
}

/* What a system does not have is left out. */
static int shut_files(int folder)
{
    struct landlock_place list[PLACES + 1];
    size_t count = 0;
    const int version = sandbox_landlock_version();
    if (version == 0) {
        errno = ENOSYS;
        return -1;
    }
    for (size_t i = 0; i < PLACES; i++) {
        const int fd = open(places[i].path, O_PATH | O_CLOEXEC);
        if (fd >= 0)
            list[count++] = (struct landlock_place){fd, places[i].rights};
    }
    list[count++] = (struct landlock_place){folder, FS_OWN};
#if VELUM_PLANT == 823 /* unit/test_builder: a compiler reads every file of the machine */
    list[0].place = open("/", O_PATH | O_CLOEXEC);
#endif
    const int rc = sandbox_landlock_enter_places(version, list, count);
    for (size_t i = 0; i + 1 < count; i++)
        close(list[i].place);
    return rc;
}

/* The folder is the compiler's, whoever that is from here on. */
static int give_folder(int folder, bool own_id)
{
    const uid_t id = SANDBOX_ID_FIRST + (uid_t)getpid();
    return own_id && fchown(folder, id, id) != 0 ? -1 : fchdir(folder);
}

int build_cage_enter(int folder, const char **step)
{
    const char *apart;
    const bool own_id = sandbox_rights_own_id();
    *step = "no new rights";
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
        return -1;
    *step = "its folder";
    if (give_folder(folder, own_id) != 0)
        return -1;
    /* No call of a network is on the list either. */
    (void)apart_leave(&apart);
    *step = "its limits";
    if (set_limits(own_id) != 0)
        return -1;
    if (sandbox_rights_drop(step) != 0)
        return -1;
    *step = "Landlock";
    if (shut_files(folder) != 0)
        return -1;
    *step = "the filter of system calls";
#if VELUM_PLANT == 824 /* unit/test_builder: a compiler may make every system call */
    return 0;
#endif
    return sandbox_filter_only(calls, sizeof calls / sizeof *calls);
}
