#include "core/api/program.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/auxv.h>
#include <unistd.h>

#include "core/api/velum.h"
#include "core/base/err.h"
#include "core/base/sha256.h"
#include "core/base/text.h"
#include "core/host/role.h"
#include "core/kernel/kernel.h"

#define READ_SIZE 65536

static struct velum_kernel kernels[KERNELS_ADDED_MAX];
static size_t kernels_count;
static char source[ID_HEX_SIZE]; /* the program's digest, which is that of all of them */
static bool begun;
static char refusal[REASON_SIZE + 128];

static int refuse(const char *name, const char *why)
{
    snprintf(refusal, sizeof refusal, "kernel \"%.63s\" is not registered: %s", name, why);
    return VELUM_MISUSE;
}

/* The digest of a plugin is of its source; that of a program's kernels is the program's own and
 * comes later. A kernel that was compiled with an older header is shorter. */
static struct velum_kernel copy_of(const struct velum_kernel *from)
{
    static const char no_digest[] =
        "0000000000000000000000000000000000000000000000000000000000000000";
    struct velum_kernel k;
    memset(&k, 0, sizeof k);
    memcpy(&k, from, from->size < sizeof k ? from->size : sizeof k);
    k.source = no_digest;
    return k;
}

int velum_register(const struct velum_kernel *kernel)
{
    char reason[REASON_SIZE];
    if (!kernel)
        return refuse("?", "there is none");
    struct velum_kernel k = copy_of(kernel);
    if (kernel_check(&k, reason) < 0)
        return refuse("?", reason);
    if (begun)
        return refuse(k.name, "velum_init was called before");
    if (kernel_find(k.name) || program_has(k.name))
        return refuse(k.name, "there is one of that name");
    if (kernels_count == KERNELS_ADDED_MAX)
        return refuse(k.name, "there are 64 already");
    k.source = source;
    kernels[kernels_count++] = k;
    return VELUM_DONE;
}

bool program_has(const char *kernel)
{
    for (size_t i = 0; i < kernels_count; i++)
        if (strcmp(kernels[i].name, kernel) == 0)
            return true;
    return false;
}

bool program_has_any(void)
{
    return kernels_count > 0;
}

const char *program_refusal(void)
{
    return refusal;
}

static int open_program(void)
{
    int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    const char *name = (const char *)getauxval(AT_EXECFN);
    return fd < 0 && name ? open(name, O_RDONLY | O_CLOEXEC) : fd;
}

static int hash_program(struct digest *out)
{
    uint8_t bytes[READ_SIZE];
    struct sha256 sha;
    ssize_t n = -1;
    int fd = open_program();
    if (fd < 0)
        return ERR_SYSTEM;
    sha256_init(&sha);
    while ((n = read(fd, bytes, sizeof bytes)) > 0 || (n < 0 && errno == EINTR))
        if (n > 0)
            sha256_add(&sha, bytes, (size_t)n);
    close(fd);
#if VELUM_PLANT == 425 /* unit/test_api_node: a kernel of another program is taken for the same */
    sha256_init(&sha);
#endif
    *out = sha256_end(&sha);
    return n < 0 ? ERR_IO : 0;
}

static void add_all(struct digest program)
{
    begun = true;
    id_hex(program.bytes, 2 * ID_SIZE, source);
    /* Names were compared when they were registered, and there are no more than have room. */
    for (size_t i = 0; i < kernels_count; i++)
        (void)kernel_add(&kernels[i]);
}

/* The digest comes down from the process that made this one: to hash the file for each worker would
 * cost more than many a job. */
int program_begin(void)
{
    struct digest program = {{0}};
    if (begun)
        return 0;
    const enum role role = role_of_environment(&program);
    if (role != ROLE_NONE) {
        add_all(program);
        _exit(role_serve(role));
    }
    int rc = kernels_count > 0 ? hash_program(&program) : 0;
    if (rc < 0)
        return rc;
    add_all(program);
    role_set_program(program);
    return 0;
}
