#include "core/host/store_file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/err.h"

#define ZERO_BYTES ((size_t)64 << 10)

struct folder {
    int fd;
    bool readonly;
};

static int err_of(int number)
{
    switch (number) {
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
        return ERR_NO_SPACE;
    case ENOENT:
        return ERR_NOT_FOUND;
    case EACCES:
    case EPERM:
    case EROFS:
    case ELOOP:
        return ERR_PERMISSION;
    case EMFILE:
    case ENFILE:
        return ERR_FULL;
    case ENOMEM:
        return ERR_NO_MEMORY;
    default:
        return ERR_IO;
    }
}

static int result_of(int returned)
{
    return returned < 0 ? err_of(errno) : returned;
}

static bool name_good(const char *name)
{
    size_t len = strspn(name, "0123456789abcdefghijklmnopqrstuvwxyz.-");

    return len > 0 && len < STORE_NAME_SIZE && name[len] == '\0' && name[0] != '.';
}

static int folder_list(void *ctx, int (*each)(void *arg, const char *name), void *arg)
{
    struct folder *f = ctx;
    int fd = openat(f->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    struct dirent *entry;
    int rc = 0;

    if (dir == NULL) {
        rc = err_of(errno);
        if (fd >= 0)
            close(fd);
        return rc;
    }
    while (rc >= 0 && (errno = 0, entry = readdir(dir)) != NULL)
        if (name_good(entry->d_name))
            rc = each(arg, entry->d_name);
    if (rc >= 0)
        rc = errno == 0 ? 0 : ERR_IO;
    closedir(dir);
    return rc;
}

static int file_open(void *ctx, const char *name, bool create)
{
    struct folder *f = ctx;
    int flags = (f->readonly ? O_RDONLY : O_RDWR) | O_CLOEXEC | O_NOFOLLOW |
                (create ? O_CREAT | O_TRUNC : 0);

    if (!name_good(name))
        return ERR_ARGUMENT;
    if (create && f->readonly)
        return ERR_PERMISSION;
    return result_of(openat(f->fd, name, flags, 0600));
}

static void file_close(void *ctx, int file)
{
    (void)ctx;
    close(file);
}

static int file_size(void *ctx, int file, uint64_t *bytes)
{
    struct stat st;

    (void)ctx;
    if (fstat(file, &st) < 0)
        return err_of(errno);
    *bytes = (uint64_t)st.st_size;
    return 0;
}

static int file_read_at(void *ctx, int file, uint64_t offset, void *to, size_t n)
{
    size_t got = 0;

    (void)ctx;
    while (got < n) {
        ssize_t r = pread(file, (char *)to + got, n - got, (off_t)(offset + got));

        if (r < 0 && errno == EINTR)
            continue;
        if (r < 0)
            return err_of(errno);
        if (r == 0)
            break;
        got += (size_t)r;
    }
    return (int)got;
}

static int file_write_at(void *ctx, int file, uint64_t offset, const void *from, size_t n)
{
    size_t put = 0;

    (void)ctx;
    while (put < n) {
        ssize_t r = pwrite(file, (const char *)from + put, n - put, (off_t)(offset + put));

        if (r < 0 && errno == EINTR)
            continue;
        if (r <= 0)
            return r < 0 ? err_of(errno) : ERR_IO;
        put += (size_t)r;
    }
    return 0;
}

/* First the space in one piece, which also says at once that there is none; then the zeroes,
 * because an extent that was only reserved needs metadata when it is first written. */
static int file_preallocate(void *ctx, int file, uint64_t bytes)
{
    static const uint8_t zero[ZERO_BYTES];
    uint64_t at = 0;
    int rc = file_size(ctx, file, &at);

    if (rc < 0 || at >= bytes)
        return rc;
    rc = posix_fallocate(file, (off_t)at, (off_t)(bytes - at));
    if (rc != 0 && rc != EOPNOTSUPP && rc != EINVAL)
        return err_of(rc);
    for (rc = 0; rc == 0 && at < bytes;) {
        size_t n = bytes - at < ZERO_BYTES ? (size_t)(bytes - at) : ZERO_BYTES;

        rc = file_write_at(ctx, file, at, zero, n);
        at += n;
    }
    return rc;
}

static int file_sync(void *ctx, int file)
{
    (void)ctx;
    return result_of(fdatasync(file));
}

static int file_truncate(void *ctx, int file, uint64_t bytes)
{
    (void)ctx;
    return result_of(ftruncate(file, (off_t)bytes));
}

static int folder_rename(void *ctx, const char *from, const char *to)
{
    struct folder *f = ctx;

    if (!name_good(from) || !name_good(to))
        return ERR_ARGUMENT;
    if (f->readonly)
        return ERR_PERMISSION;
    return result_of(renameat(f->fd, from, f->fd, to));
}

static int folder_remove(void *ctx, const char *name)
{
    struct folder *f = ctx;

    if (f->readonly)
        return ERR_PERMISSION;
    return name_good(name) ? result_of(unlinkat(f->fd, name, 0)) : ERR_ARGUMENT;
}

static int folder_sync(void *ctx)
{
    struct folder *f = ctx;

    return result_of(fsync(f->fd));
}

/* A folder just made is durable when its parent is. */
static int parent_sync(int folder)
{
    int parent = openat(folder, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int rc;

    if (parent < 0)
        return err_of(errno);
    rc = result_of(fsync(parent));
    close(parent);
    return rc;
}

static void store_fill(struct store *out, struct folder *f)
{
    *out = (struct store){.ctx = f,
                          .list = folder_list,
                          .open = file_open,
                          .close = file_close,
                          .size = file_size,
                          .read_at = file_read_at,
                          .write_at = file_write_at,
                          .preallocate = file_preallocate,
                          .sync = file_sync,
                          .truncate = file_truncate,
                          .rename = folder_rename,
                          .remove = folder_remove,
                          .sync_folder = folder_sync};
}

int store_file_open(struct store *out, const char *folder)
{
    struct folder *f = malloc(sizeof(*f));
    bool made = mkdir(folder, 0700) == 0;
    int rc = 0;

    if (f == NULL)
        return ERR_NO_MEMORY;
    f->readonly = false;
    f->fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (f->fd < 0)
        rc = err_of(errno);
    else if (made)
        rc = parent_sync(f->fd);
    store_fill(out, f);
    if (rc < 0)
        store_file_close(out);
    return rc;
}

/* Writing, syncing and truncating need no guard: the descriptors refuse them, or change nothing. */
int store_file_open_readonly(struct store *out, const char *folder)
{
    struct folder *f = malloc(sizeof(*f));
    int rc = 0;

    if (f == NULL)
        return ERR_NO_MEMORY;
    f->readonly = true;
    f->fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (f->fd < 0)
        rc = err_of(errno);
    store_fill(out, f);
    if (rc < 0)
        store_file_close(out);
    return rc;
}

void store_file_close(struct store *s)
{
    struct folder *f = s->ctx;

    if (f == NULL)
        return;
    if (f->fd >= 0)
        close(f->fd);
    free(f);
    s->ctx = NULL;
}
