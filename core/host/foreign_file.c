#include "core/host/foreign_file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/err.h"
#include "core/base/text.h"

static int refuse(char reason[REASON_SIZE], int code, const char *why)
{
    text_sanitise(why, strlen(why), true, reason, REASON_SIZE);
    return code;
}

static int refuse_size(uint64_t max, char reason[REASON_SIZE])
{
    const bool mib = max % (1 << 20) == 0;
    char number[21];
    text_of_u64(max >> (mib ? 20 : 10), number);
    text_copy(reason, REASON_SIZE, "it is larger than ");
    text_append(reason, REASON_SIZE, number);
    text_append(reason, REASON_SIZE, mib ? " MiB" : " KiB");
    return ERR_KERNEL;
}

static int check_size(const struct stat *s, uint64_t max, char reason[REASON_SIZE])
{
    if (!S_ISREG(s->st_mode))
        return refuse(reason, ERR_KERNEL, "it is not a file");
    if (s->st_size == 0)
        return refuse(reason, ERR_KERNEL, "it is empty");
    if ((uint64_t)s->st_size > max)
        return refuse_size(max, reason);
    return 0;
}

/* Memory of our own: what is checked cannot change behind the check, nor be cut off. */
static int read_whole(int fd, size_t size, struct bytes *out, char reason[REASON_SIZE])
{
    uint8_t *to = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (to == MAP_FAILED)
        return refuse(reason, ERR_NO_MEMORY, strerror(errno));
    for (size_t at = 0; at < size;) {
        ssize_t n = read(fd, to + at, size - at);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0) {
            const char *why = n < 0 ? strerror(errno) : "it changed while it was read";
            munmap(to, size);
            return refuse(reason, ERR_IO, why);
        }
        at += (size_t)n;
    }
    *out = (struct bytes){to, size};
    return 0;
}

int foreign_file_read(const char *path, uint64_t max, struct bytes *out, char reason[REASON_SIZE])
{
    struct stat s;
    int rc;
    /* Without O_NONBLOCK a named pipe of that name would hold the worker for ever. */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return refuse(reason, errno == ENOENT ? ERR_NOT_FOUND : ERR_IO, strerror(errno));
    if (fstat(fd, &s) < 0)
        rc = refuse(reason, ERR_IO, strerror(errno));
    else
        rc = check_size(&s, max, reason);
    if (rc == 0)
        rc = read_whole(fd, (size_t)s.st_size, out, reason);
    close(fd);
    return rc;
}

void foreign_file_forget(struct bytes file)
{
    munmap((void *)(uintptr_t)file.data, file.len);
}
