/* Lets a chosen call of a real velum fail: the system calls on files and the requests for memory of
 * Velum's own code, whose objects were made to call these functions instead (faulty.syms). What
 * libraries do by themselves is left alone, and so are sockets, pipes and terminals. Only the first
 * process counts, not its spawner, its mover and its workers.
 *
 *   VELUM_FAULT=CLASS:N:KIND   CLASS io or memory; the N-th call fails; KIND eio, enospc, short
 *                              (half of a write is written, and the next one finds no space),
 *                              lie (no call fails, but no sync does what it says), hang (no call
 *                              fails, but no sync ends while the file of VELUM_FAULT_ARM is there)
 *                              or kill (the process dies before the call; of a write half is done)
 *   VELUM_FAULT_ARM=FILE       counting begins when this file is there; without it, at the start
 *   VELUM_FAULT_LOG=FILE       gets one line when the fault has happened
 *   VELUM_FAULT_ALL=1          also every call of a long row of reads or zeroes, not only the
 *                              first */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static struct {
    pid_t pid; /* 0: nothing is to fail */
    bool memory, cut_short, lie, hangs, dies, all, armed;
    int error;
    int log;
    uint64_t left;
    const char *arm;
    int row_file; /* of the row of reads or zeroes that is under way; -1: none */
    bool row_reads;
    bool no_space_next;
} fault;

static pthread_mutex_t guard = PTHREAD_MUTEX_INITIALIZER;

/* Open from the start, because a mover shuts itself in; out of the way of numbers that mean
 * something. */
static int log_open(const char *path)
{
    int low = path == NULL ? -1 : open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    int fd = low < 0 ? -1 : fcntl(low, F_DUPFD_CLOEXEC, 200);

    if (low >= 0)
        close(low);
    return fd;
}

__attribute__((constructor)) static void fault_read(void)
{
    const char *text = getenv("VELUM_FAULT");
    char class[16], kind[16];
    unsigned long n;

    if (text == NULL || sscanf(text, "%15[a-z]:%lu:%15[a-z]", class, &n, kind) != 3)
        return;
    fault.memory = strcmp(class, "memory") == 0;
    fault.cut_short = strcmp(kind, "short") == 0;
    fault.lie = strcmp(kind, "lie") == 0;
    fault.hangs = strcmp(kind, "hang") == 0;
    fault.dies = strcmp(kind, "kill") == 0;
    fault.error = fault.memory ? ENOMEM : strcmp(kind, "eio") == 0 ? EIO : ENOSPC;
    fault.left = fault.lie || fault.hangs ? 0 : n;
    fault.arm = getenv("VELUM_FAULT_ARM");
    fault.log = log_open(getenv("VELUM_FAULT_LOG"));
    fault.all = getenv("VELUM_FAULT_ALL") != NULL;
    fault.armed = fault.arm == NULL;
    fault.row_file = -1;
    fault.pid = getpid();
}

static void tell(const char *call, const char *what)
{
    if (fault.log >= 0)
        dprintf(fault.log, "%s %s\n", call, what);
}

static bool counts(void)
{
    if (!fault.armed)
        fault.armed = syscall(SYS_access, fault.arm, F_OK) == 0;
    if (!fault.armed || fault.left == 0)
        return false;
    return --fault.left == 0;
}

/* True when this call is the one that fails; errno is set then. */
static bool fails(bool memory, const char *call, const char *what)
{
    bool now = false;

    if (fault.pid == 0 || fault.memory != memory || fault.pid != getpid())
        return false;
    pthread_mutex_lock(&guard);
    if (fault.no_space_next && (strcmp(call, "pwrite") == 0 || strcmp(call, "write") == 0)) {
        fault.no_space_next = false;
        now = true;
    } else {
        now = counts();
        if (now)
            tell(call, what);
    }
    pthread_mutex_unlock(&guard);
    if (now && fault.dies && strcmp(call, "pwrite") != 0)
        raise(SIGKILL);
    if (now)
        errno = fault.error;
    return now;
}

static bool is_file(int fd)
{
    struct stat st;

    return fstat(fd, &st) == 0 && (S_ISREG(st.st_mode) || S_ISDIR(st.st_mode));
}

/* One of a row of like calls on one file: of reads as of zeroes written. */
static bool repeats(int fd, const void *zeroes, size_t n)
{
    const uint8_t *p = zeroes;
    bool row =
        !fault.all && n >= 4096 && (p == NULL || (p[0] == 0 && memcmp(p, p + 1, n - 1) == 0));
    bool again = row && fault.row_file == fd && fault.row_reads == (p == NULL);

    fault.row_file = row ? fd : -1;
    fault.row_reads = p == NULL;
    return again;
}

/* --- files --- */

#define DECLARE(result, name, ...) result faulty_##name(__VA_ARGS__)

DECLARE(int, open, const char *path, int flags, ...);
DECLARE(int, open_2, const char *path, int flags);
DECLARE(int, openat, int dir, const char *path, int flags, ...);
DECLARE(int, openat_2, int dir, const char *path, int flags);
DECLARE(ssize_t, read, int fd, void *to, size_t n);
DECLARE(ssize_t, read_chk, int fd, void *to, size_t n, size_t room);
DECLARE(ssize_t, write, int fd, const void *from, size_t n);
DECLARE(ssize_t, pread, int fd, void *to, size_t n, off_t at);
DECLARE(ssize_t, pread_chk, int fd, void *to, size_t n, off_t at, size_t room);
DECLARE(ssize_t, pwrite, int fd, const void *from, size_t n, off_t at);
DECLARE(int, fsync, int fd);
DECLARE(int, fdatasync, int fd);
DECLARE(int, ftruncate, int fd, off_t size);
DECLARE(int, posix_fallocate, int fd, off_t at, off_t size);
DECLARE(int, fallocate, int fd, int mode, off_t at, off_t size);
DECLARE(int, rename, const char *from, const char *to);
DECLARE(int, renameat, int from_dir, const char *from, int to_dir, const char *to);
DECLARE(int, unlink, const char *path);
DECLARE(int, unlinkat, int dir, const char *path, int flags);
DECLARE(int, mkdir, const char *path, mode_t mode);
DECLARE(void *, malloc, size_t n);
DECLARE(void *, calloc, size_t count, size_t size);
DECLARE(void *, realloc, void *old, size_t n);
DECLARE(void *, aligned_alloc, size_t alignment, size_t n);

static mode_t mode_of(int flags, va_list list)
{
    return flags & O_CREAT ? (mode_t)va_arg(list, unsigned) : 0;
}

int faulty_open(const char *path, int flags, ...)
{
    va_list list;
    mode_t mode;

    va_start(list, flags);
    mode = mode_of(flags, list);
    va_end(list);
    return fails(false, "open", path) ? -1 : open(path, flags, mode);
}

int faulty_open_2(const char *path, int flags)
{
    return faulty_open(path, flags);
}

int faulty_openat(int dir, const char *path, int flags, ...)
{
    va_list list;
    mode_t mode;

    va_start(list, flags);
    mode = mode_of(flags, list);
    va_end(list);
    return fails(false, "openat", path) ? -1 : openat(dir, path, flags, mode);
}

int faulty_openat_2(int dir, const char *path, int flags)
{
    return faulty_openat(dir, path, flags);
}

ssize_t faulty_read(int fd, void *to, size_t n)
{
    return is_file(fd) && fails(false, "read", "") ? -1 : read(fd, to, n);
}

ssize_t faulty_read_chk(int fd, void *to, size_t n, size_t room)
{
    return n > room ? -1 : faulty_read(fd, to, n);
}

ssize_t faulty_write(int fd, const void *from, size_t n)
{
    if (!is_file(fd) || !fails(false, "write", ""))
        return write(fd, from, n);
    if (!fault.cut_short || n < 2)
        return -1;
    fault.no_space_next = true;
    return write(fd, from, n / 2);
}

ssize_t faulty_pread(int fd, void *to, size_t n, off_t at)
{
    return !repeats(fd, NULL, n) && fails(false, "pread", "") ? -1 : pread(fd, to, n, at);
}

ssize_t faulty_pread_chk(int fd, void *to, size_t n, off_t at, size_t room)
{
    return n > room ? -1 : faulty_pread(fd, to, n, at);
}

ssize_t faulty_pwrite(int fd, const void *from, size_t n, off_t at)
{
    if (repeats(fd, from, n) || !fails(false, "pwrite", ""))
        return pwrite(fd, from, n, at);
    if (fault.dies && pwrite(fd, from, n / 2, at) >= 0)
        raise(SIGKILL);
    if (!fault.cut_short || n < 2)
        return -1;
    fault.no_space_next = true;
    return pwrite(fd, from, n / 2, at);
}

static void hang(void)
{
    while (fault.hangs && fault.pid == getpid() && syscall(SYS_access, fault.arm, F_OK) == 0)
        usleep(20000);
}

int faulty_fsync(int fd)
{
    hang();
    if (fault.lie)
        return 0;
    return fails(false, "fsync", "") ? -1 : fsync(fd);
}

int faulty_fdatasync(int fd)
{
    hang();
    if (fault.lie)
        return 0;
    return fails(false, "fdatasync", "") ? -1 : fdatasync(fd);
}

int faulty_ftruncate(int fd, off_t size)
{
    return fails(false, "ftruncate", "") ? -1 : ftruncate(fd, size);
}

int faulty_posix_fallocate(int fd, off_t at, off_t size)
{
    return fails(false, "posix_fallocate", "") ? fault.error : posix_fallocate(fd, at, size);
}

int faulty_fallocate(int fd, int mode, off_t at, off_t size)
{
    return fails(false, "fallocate", "") ? -1 : fallocate(fd, mode, at, size);
}

int faulty_rename(const char *from, const char *to)
{
    return fails(false, "rename", to) ? -1 : rename(from, to);
}

int faulty_renameat(int from_dir, const char *from, int to_dir, const char *to)
{
    return fails(false, "renameat", to) ? -1 : renameat(from_dir, from, to_dir, to);
}

int faulty_unlink(const char *path)
{
    return fails(false, "unlink", path) ? -1 : unlink(path);
}

int faulty_unlinkat(int dir, const char *path, int flags)
{
    return fails(false, "unlinkat", path) ? -1 : unlinkat(dir, path, flags);
}

int faulty_mkdir(const char *path, mode_t mode)
{
    return fails(false, "mkdir", path) ? -1 : mkdir(path, mode);
}

/* --- memory --- */

void *faulty_malloc(size_t n)
{
    return fails(true, "malloc", "") ? NULL : malloc(n);
}

void *faulty_calloc(size_t count, size_t size)
{
    return fails(true, "calloc", "") ? NULL : calloc(count, size);
}

void *faulty_realloc(void *old, size_t n)
{
    return fails(true, "realloc", "") ? NULL : realloc(old, n);
}

void *faulty_aligned_alloc(size_t alignment, size_t n)
{
    return fails(true, "aligned_alloc", "") ? NULL : aligned_alloc(alignment, n);
}
