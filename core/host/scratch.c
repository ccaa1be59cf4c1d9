#include "core/host/scratch.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "core/base/err.h"
#include "core/base/text.h"
#include "core/host/file.h"

#define PREFIX "velum-run-"
#define RANDOM "XXXXXX"
#define YOUNG_S 60 /* an empty one may just have been made */

static bool join(char to[HOME_PATH_SIZE], const char *folder, const char *name)
{
    int len = snprintf(to, HOME_PATH_SIZE, "%s/%s", folder, name);
    return len > 0 && len < HOME_PATH_SIZE;
}

/* Files only: the mover makes no folders. */
static void remove_files(const char *folder)
{
    DIR *dir = opendir(folder);
    const struct dirent *entry;
    while (dir && (entry = readdir(dir)))
        if (entry->d_name[0] != '.')
            (void)unlinkat(dirfd(dir), entry->d_name, 0);
    if (dir)
        closedir(dir);
}

static void remove_all(const char *folder)
{
    char path[HOME_PATH_SIZE];
    if (join(path, folder, "objects")) {
        remove_files(path);
        (void)rmdir(path);
    }
    if (join(path, folder, "lock"))
        (void)unlink(path);
    (void)rmdir(folder);
}

static bool is_ours(const char *folder, struct stat *st)
{
    return lstat(folder, st) == 0 && S_ISDIR(st->st_mode) && st->st_uid == geteuid();
}

/* Removes it if whoever made it has ended. */
static void look_at(const char *folder)
{
    char path[HOME_PATH_SIZE];
    struct stat st;
    if (!is_ours(folder, &st) || !join(path, folder, "lock"))
        return;
    int fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
#if VELUM_PLANT == 454 /* unit/test_scratch: a folder that is in use is taken for left behind */
    if (fd >= 0)
        remove_all(folder);
#else
    if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0)
        remove_all(folder);
#endif
    else if (fd < 0 && errno == ENOENT && st.st_mtime + YOUNG_S < time(NULL))
        (void)rmdir(folder);
    if (fd >= 0)
        close(fd);
}

static void sweep(const char *dir_name)
{
    char path[HOME_PATH_SIZE];
    DIR *dir = opendir(dir_name);
    const struct dirent *entry;
    while (dir && (entry = readdir(dir)))
        if (strncmp(entry->d_name, PREFIX, strlen(PREFIX)) == 0 &&
            strlen(entry->d_name) == strlen(PREFIX RANDOM) && join(path, dir_name, entry->d_name))
            look_at(path);
    if (dir)
        closedir(dir);
}

/* Workers are elsewhere and need the whole path. */
static int make_parts(struct scratch *s)
{
    char path[HOME_PATH_SIZE], whole[PATH_MAX];
    if (!realpath(s->folder, whole))
        return file_fault(errno);
    if (!text_copy(s->folder, sizeof s->folder, whole) || !join(path, s->folder, "lock") ||
        !join(s->objects, s->folder, "objects"))
        return ERR_TOO_LARGE;
    s->lock = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (s->lock < 0 || flock(s->lock, LOCK_EX | LOCK_NB) != 0 || mkdir(s->objects, 0700) != 0)
        return file_fault(errno);
    return 0;
}

static int open_in(struct scratch *s, const char *place)
{
    *s = (struct scratch){.lock = -1};
    sweep(place);
    if (!join(s->folder, place, PREFIX RANDOM)) {
        s->folder[0] = 0;
        return ERR_TOO_LARGE;
    }
    if (!mkdtemp(s->folder)) {
        s->folder[0] = 0;
        return file_fault(errno);
    }
    int rc = make_parts(s), number = errno;
    if (rc < 0)
        scratch_close(s);
    errno = number;
    return rc;
}

int scratch_open(struct scratch *s)
{
    static const char *const places[] = {"/dev/shm", "."};
    const char *given = getenv("TMPDIR");
    int rc = open_in(s, file_temporary());
#if VELUM_PLANT == 1085 /* unit/test_scratch: an empty root is no place for it */
    return rc;
#endif
    if (given && given[0])
        return rc;
    for (size_t i = 0; i < sizeof places / sizeof *places && rc < 0; i++)
        rc = open_in(s, places[i]);
    return rc;
}

void scratch_close(struct scratch *s)
{
    if (!s->folder[0])
        return;
    remove_all(s->folder);
    if (s->lock >= 0)
        close(s->lock);
    *s = (struct scratch){.lock = -1};
}
