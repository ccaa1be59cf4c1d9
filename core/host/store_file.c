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
#include "core/host/file.h"

#define ZERO_BYTES ((size_t)64 << 10)

struct folder {
    int fd;
    bool readonly;
};

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
        rc = file_fault(errno);
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
    return file_result(openat(f->fd, name, flags, 0600));
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
        return file_fault(errno);
    *bytes = (uint64_t)st.st_size;
    return 0;
}

static int file_read_at(void *ctx, int file, uint64_t offset, void *to, size_t n)
{
    (void)ctx;
    return file_get(file, offset, to, n);
}

static int file_write_at(void *ctx, int file, uint64_t offset, const void *from, size_t n)
{
    (void)ctx;
    return file_put(file, offset, from, n);
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
        return file_fault(rc);
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
    return file_result(fdatasync(file));
}

static int file_truncate(void *ctx, int file, uint64_t bytes)
{
    (void)ctx;
    return file_result(ftruncate(file, (off_t)bytes));
}

static int folder_rename(void *ctx, const char *from, const char *to)
{
    struct folder *f = ctx;

    if (!name_good(from) || !name_good(to))
        return ERR_ARGUMENT;
    if (f->readonly)
        return ERR_PERMISSION;
    return file_result(renameat(f->fd, from, f->fd, to));
}

static int folder_remove(void *ctx, const char *name)
{
    struct folder *f = ctx;

    if (f->readonly)
        return ERR_PERMISSION;
    return name_good(name) ? file_result(unlinkat(f->fd, name, 0)) : ERR_ARGUMENT;
}

static int folder_sync(void *ctx)
{
    struct folder *f = ctx;

    return file_result(fsync(f->fd));
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
        rc = file_fault(errno);
    else if (made)
        rc = file_sync_parent(f->fd);
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
        rc = file_fault(errno);
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
