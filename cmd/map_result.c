#include "cmd/map_result.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/err.h"
#include "core/host/file.h"

static int copy(struct map_result *r, const void *from, uint64_t size)
{
    r->text = malloc((size_t)size + 1);
    if (!r->text)
        return ERR_NO_MEMORY;
    memcpy(r->text, from, (size_t)size);
    r->text[size] = 0;
    r->size = size;
    r->there = true;
    return 0;
}

int map_result_text(struct map_result *r, const char *text)
{
    return copy(r, text, strlen(text));
}

int map_result_bytes(struct map_result *r, const void *bytes, uint64_t size)
{
    r->is_bytes = true;
    return copy(r, size > 0 ? bytes : "", size);
}

int map_result_file(struct map_result *r, uint64_t size)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/velum-map-XXXXXX", file_temporary());
    r->fd = mkostemp(path, O_CLOEXEC);
    if (r->fd < 0)
        return ERR_SYSTEM;
    unlink(path);
    r->has_file = r->is_bytes = r->there = true;
    r->size = size;
    return 0;
}

int map_result_read(const struct map_result *r, uint64_t at, char *to, size_t cap)
{
    uint64_t left = at < r->size ? r->size - at : 0;
    size_t len = left < cap ? (size_t)left : cap;
    if (len == 0)
        return 0;
    if (r->text) {
        memcpy(to, r->text + at, len);
        return (int)len;
    }
    ssize_t n;
    while ((n = pread(r->fd, to, len, (off_t)at)) < 0 && errno == EINTR)
        ;
    return n > 0 ? (int)n : ERR_IO;
}

void map_result_clear(struct map_result *r)
{
    free(r->text);
    if (r->has_file)
        close(r->fd);
    *r = (struct map_result){0};
}
