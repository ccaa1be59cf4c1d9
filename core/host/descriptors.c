#include "core/host/descriptors.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#define PLACES_MAX 5

void descriptors_close_from(unsigned first)
{
#ifdef SYS_close_range
    if (syscall(SYS_close_range, first, ~0u, 0) == 0)
        return;
#endif
    struct rlimit files;
    rlim_t end = 65536;
    if (getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_cur < end)
        end = files.rlim_cur;
    for (rlim_t fd = first; fd < end; fd++)
        close((int)fd);
}

/* The copies are above the places, so that no dup2 overwrites one that is still needed, and dup2
 * drops the close-on-exec mark. */
int descriptors_place(const int *from, int count)
{
    int high[PLACES_MAX];
    for (int i = 0; i < count && i < PLACES_MAX; i++) {
        high[i] = fcntl(from[i], F_DUPFD_CLOEXEC, 8);
        if (high[i] < 0)
            return -1;
    }
    for (int i = 0; i < count && i < PLACES_MAX; i++)
        if (dup2(high[i], i) < 0)
            return -1;
    return 0;
}
