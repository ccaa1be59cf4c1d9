#include "core/host/segments.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/err.h"

#define NAME_DIGITS 16

static int of_errno(void)
{
    switch (errno) {
    case ENOENT:
    case ENOTDIR:
        return ERR_NOT_FOUND;
    case EACCES:
    case EPERM:
        return ERR_PERMISSION;
    case ENOMEM:
        return ERR_NO_MEMORY;
    default:
        return ERR_IO;
    }
}

/* The number in a segment's name, 0 when it is not one. */
static uint64_t number_of(const char *name)
{
    if (strspn(name, "0123456789abcdef") != NAME_DIGITS || strcmp(name + NAME_DIGITS, ".seg") != 0)
        return 0;
    return strtoull(name, NULL, 16);
}

static int add(struct segments *s, uint64_t number)
{
    if (s->count == s->cap) {
        size_t cap = s->cap ? s->cap * 2 : 16;
        uint64_t *numbers = realloc(s->numbers, cap * sizeof *numbers);
        if (!numbers)
            return ERR_NO_MEMORY;
        s->numbers = numbers;
        s->cap = cap;
    }
    s->numbers[s->count++] = number;
    return 0;
}

static int ascending(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

static int list(struct segments *s)
{
    int again = openat(s->folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), rc = 0;
    DIR *dir = again < 0 ? NULL : fdopendir(again);
    const struct dirent *e;
    if (!dir) {
        rc = of_errno();
        if (again >= 0)
            close(again);
        return rc;
    }
    while (rc == 0 && (e = readdir(dir)))
        if (number_of(e->d_name) != 0)
            rc = add(s, number_of(e->d_name));
    closedir(dir);
    if (s->count > 0)
        qsort(s->numbers, s->count, sizeof *s->numbers, ascending);
    return rc;
}

static int read_whole(struct segments *s, int fd, size_t size)
{
    size_t got = 0;
    if (size > s->bytes_cap) {
        uint8_t *bytes = realloc(s->bytes, size);
        if (!bytes)
            return ERR_NO_MEMORY;
        s->bytes = bytes;
        s->bytes_cap = size;
    }
    while (got < size) {
        ssize_t n = read(fd, s->bytes + got, size - got);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return of_errno();
        if (n == 0)
            break;
        got += (size_t)n;
    }
    return got == size ? 0 : ERR_IO;
}

static int load(void *ctx, uint64_t number, uint64_t most, struct bytes *out)
{
    struct segments *s = ctx;
    char name[NAME_DIGITS + 5];
    struct stat st;
    snprintf(name, sizeof name, "%016llx.seg", (unsigned long long)number);
    int fd = openat(s->folder, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return of_errno();
    int rc = fstat(fd, &st) == 0 ? 0 : of_errno();
    size_t size = rc == 0 && (uint64_t)st.st_size < most ? (size_t)st.st_size : (size_t)most;
    if (rc == 0)
        rc = read_whole(s, fd, size);
    close(fd);
    *out = (struct bytes){s->bytes, rc == 0 ? size : 0};
    return rc;
}

int segments_open(struct segments *s, const char *folder)
{
    *s = (struct segments){.folder = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
    if (s->folder < 0)
        return of_errno();
    int rc = list(s);
    s->files = (struct scan_files){s, s->numbers, s->count, load};
    return rc;
}

void segments_close(struct segments *s)
{
    if (s->folder >= 0)
        close(s->folder);
    free(s->numbers);
    free(s->bytes);
    *s = (struct segments){.folder = -1};
}
