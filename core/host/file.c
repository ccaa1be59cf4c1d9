#include "core/host/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "core/base/err.h"

int file_fault(int number)
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

int file_result(int returned)
{
    return returned < 0 ? file_fault(errno) : returned;
}

int file_get(int fd, uint64_t at, void *to, size_t n)
{
    size_t got = 0;

    while (got < n) {
        ssize_t r = pread(fd, (char *)to + got, n - got, (off_t)(at + got));

        if (r < 0 && errno == EINTR)
            continue;
        if (r < 0)
            return file_fault(errno);
        if (r == 0)
            break;
        got += (size_t)r;
    }
    return (int)got;
}

int file_put(int fd, uint64_t at, const void *from, size_t n)
{
    size_t put = 0;

    while (put < n) {
        ssize_t r = pwrite(fd, (const char *)from + put, n - put, (off_t)(at + put));

        if (r < 0 && errno == EINTR)
            continue;
        if (r <= 0)
            return r < 0 ? file_fault(errno) : ERR_IO;
        put += (size_t)r;
    }
    return 0;
}

int file_sync_parent(int folder)
{
    int parent = openat(folder, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int rc;

    if (parent < 0)
        return file_fault(errno);
    rc = file_result(fsync(parent));
    close(parent);
    return rc;
}

const char *file_temporary(void)
{
    const char *folder = getenv("TMPDIR");
    return folder && folder[0] ? folder : "/tmp";
}
