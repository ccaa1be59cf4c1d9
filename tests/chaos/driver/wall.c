/* A wall clock that can be set wrong, for one process: loaded by LD_PRELOAD into a velum that is
 * linked with shared libraries (the product itself is static and takes no preload). CHAOS_WALL
 * names a file whose first eight bytes, a native int64_t, are the seconds to add; the driver
 * changes them while the process runs. The monotonic clock stays true. */
#include <dlfcn.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static const volatile int64_t *wrong_s;

static void __attribute__((constructor)) begin(void)
{
    const char *path = getenv("CHAOS_WALL");
    int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    void *at = fd < 0 ? MAP_FAILED : mmap(NULL, sizeof *wrong_s, PROT_READ, MAP_SHARED, fd, 0);
    if (fd >= 0)
        close(fd);
    wrong_s = at == MAP_FAILED ? NULL : at;
}

static time_t added(void)
{
    return wrong_s ? (time_t)*wrong_s : 0;
}

int clock_gettime(clockid_t clock, struct timespec *to)
{
    int rc = (int)syscall(SYS_clock_gettime, clock, to);
    if (rc == 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE))
        to->tv_sec += added();
    return rc;
}

time_t time(time_t *to)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (to)
        *to = now.tv_sec;
    return now.tv_sec;
}

int gettimeofday(struct timeval *restrict to, void *restrict zone)
{
    struct timespec now;
    (void)zone;
    clock_gettime(CLOCK_REALTIME, &now);
    to->tv_sec = now.tv_sec;
    to->tv_usec = now.tv_nsec / 1000;
    return 0;
}
