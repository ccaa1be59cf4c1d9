#include "core/host/quota.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#define MOST ((uint64_t)10 << 30)
#define BLOCK 512 /* of st_blocks */

/* Stops counting at `enough`. */
static uint64_t taken(const char *objects, uint64_t enough)
{
    DIR *dir = opendir(objects);
    const struct dirent *entry;
    struct stat st;
    uint64_t bytes = 0;
    while (dir && bytes < enough && (entry = readdir(dir)))
        if (fstatat(dirfd(dir), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
            S_ISREG(st.st_mode))
            bytes += (uint64_t)st.st_blocks * BLOCK;
    if (dir)
        closedir(dir);
    return bytes;
}

uint64_t quota_default(const char *state, const char *objects)
{
    struct statvfs disk;
    if (statvfs(state, &disk) != 0)
        return 0;
    uint64_t free_bytes = (uint64_t)disk.f_bavail * disk.f_frsize;
    if (free_bytes / 2 >= MOST)
        return MOST;
    uint64_t half = (free_bytes + taken(objects, 2 * MOST)) / 2;
    return half < MOST ? half : MOST;
}
