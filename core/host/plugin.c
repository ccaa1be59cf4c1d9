#include "core/host/plugin.h"

#include <string.h>

#include "core/base/err.h"
#include "core/base/text.h"
#include "core/host/elf_check.h"
#include "core/host/elf_load.h"
#include "core/host/foreign_file.h"
#include "core/kernel/kernel.h"

static int refuse(char reason[REASON_SIZE], int code, const char *why)
{
    text_sanitise(why, strlen(why), true, reason, REASON_SIZE);
    return code;
}

int plugin_read(const char *path, struct bytes *out, char reason[REASON_SIZE])
{
    return foreign_file_read(path, ELF_FILE_SIZE_MAX, out, reason);
}

int plugin_take(struct bytes file, const struct velum_kernel **out, char reason[REASON_SIZE])
{
    const void *k = NULL;
    /* A kernel of another version may have a shorter table: kernel_check looks at its size. */
    const size_t head = offsetof(struct velum_kernel, source);
    int rc = elf_check(file, reason);
    if (rc == 0)
        rc = elf_load(file, "velum_kernel", head, &k, reason);
    foreign_file_forget(file);
    if (rc < 0)
        return rc;
    if (!k)
        return refuse(reason, ERR_KERNEL,
                      "it has no symbol velum_kernel: define one with VELUM_KERNEL(name)");
    rc = kernel_check(k, reason);
    if (rc == 0)
        *out = k;
    return rc;
}

int plugin_load(const char *path, const struct velum_kernel **out, char reason[REASON_SIZE])
{
    struct bytes file;
    int rc = plugin_read(path, &file, reason);
    return rc < 0 ? rc : plugin_take(file, out, reason);
}
