#include "core/host/plugin.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/err.h"
#include "core/base/text.h"
#include "core/host/elf_check.h"
#include "core/kernel/kernel.h"

static int refuse(char reason[REASON_SIZE], int code, const char *why)
{
    text_sanitise(why, strlen(why), true, reason, REASON_SIZE);
    return code;
}

static int check_size(const struct stat *s, char reason[REASON_SIZE])
{
    if (!S_ISREG(s->st_mode))
        return refuse(reason, ERR_KERNEL, "it is not a file");
    if (s->st_size == 0)
        return refuse(reason, ERR_KERNEL, "it is empty");
    if ((uint64_t)s->st_size > ELF_FILE_SIZE_MAX)
        return refuse(reason, ERR_KERNEL, "it is larger than 64 MiB");
    return 0;
}

static int check_file(const char *path, char reason[REASON_SIZE])
{
    struct stat s;
    int rc;
    /* Without O_NONBLOCK a named pipe of that name would hold the worker for ever. */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return refuse(reason, errno == ENOENT ? ERR_NOT_FOUND : ERR_IO, strerror(errno));
    if (fstat(fd, &s) < 0) {
        rc = refuse(reason, ERR_IO, strerror(errno));
        goto out;
    }
    rc = check_size(&s, reason);
    if (rc < 0)
        goto out;
    void *map = mmap(NULL, (size_t)s.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (map == MAP_FAILED) {
        rc = refuse(reason, ERR_IO, strerror(errno));
        goto out;
    }
    rc = elf_check((struct bytes){map, (size_t)s.st_size}, reason);
    munmap(map, (size_t)s.st_size);
out:
    close(fd);
    return rc;
}

int plugin_load(const char *path, const struct velum_kernel **out, char reason[REASON_SIZE])
{
    int rc = check_file(path, reason);
    if (rc < 0)
        return rc;
    /* A name without a slash would be looked for in the system's library folders. */
    char here[PATH_SIZE_MAX + 2] = "./";
    text_append(here, sizeof here, path);
    errno = 0;
    void *handle = dlopen(strchr(path, '/') ? path : here, RTLD_NOW | RTLD_LOCAL);
    if (!handle)
        return refuse(reason, errno == ENOMEM ? ERR_NO_MEMORY : ERR_KERNEL, dlerror());
    const struct velum_kernel *k = dlsym(handle, "velum_kernel");
    if (!k)
        return refuse(reason, ERR_KERNEL,
                      "it has no symbol velum_kernel: define one with VELUM_KERNEL(name)");
    rc = kernel_check(k, reason);
    if (rc == 0)
        *out = k;
    return rc;
}
