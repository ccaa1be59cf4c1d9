#include "tests/bench/group_commit.h"

#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/bench/client.h"

double group_commit(const char *path, size_t records, size_t size, size_t group)
{
    uint8_t *bytes = calloc(group, size);
    int fd = open(path, O_RDWR | O_CREAT, 0600);
    if (!bytes || fd < 0)
        die("%s cannot be written", path);
    for (size_t i = 0; i < records; i += group)
        if (pwrite(fd, bytes, group * size, (off_t)(i * size)) != (ssize_t)(group * size))
            die("%s cannot be written", path);
    fsync(fd);
    memset(bytes, 1, group * size);
    int64_t start = clock_us();
    for (size_t i = 0; i < records; i += group)
        if (pwrite(fd, bytes, group * size, (off_t)(i * size)) != (ssize_t)(group * size) ||
            fdatasync(fd) < 0)
            die("%s cannot be written", path);
    double rate = (double)records * 1e6 / (double)(clock_us() - start);
    close(fd);
    free(bytes);
    return rate;
}
