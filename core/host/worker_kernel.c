#include "core/host/worker_kernel.h"

#include "core/base/err.h"
#include "core/host/plugin.h"
#include "core/host/sandbox.h"
#include "core/host/worker_input.h"
#include "core/host/worker_memory.h"
#include "core/kernel/kernel.h"

static int take_plugin(const char *path, const struct velum_kernel **out, char reason[REASON_SIZE])
{
    struct bytes file;
    int rc = plugin_read(path, &file, reason);
    if (rc == 0)
        rc = sandbox_enter(true, reason);
    if (rc == 0)
        rc = plugin_take(file, out, reason);
    return rc == 0 ? sandbox_close(reason) : rc;
}

static int take_builtin(const char *name, const struct velum_kernel **out, char reason[REASON_SIZE])
{
    *out = kernel_find(name);
    const int rc = sandbox_enter(false, reason);
    return rc == 0 ? sandbox_close(reason) : rc;
}

int worker_kernel_load(const struct order_load *m, const struct velum_kernel **out,
                       char reason[REASON_SIZE])
{
    if (worker_memory_limit(m->mem_bytes, reason) < 0)
        return ERR_SYSTEM;
    if (worker_input_open(m, reason) < 0)
        return ERR_KERNEL;
    return m->origin == ORIGIN_PLUGIN ? take_plugin(m->path, out, reason)
                                      : take_builtin(m->kernel, out, reason);
}

int worker_kernel_try(const char *path, const struct velum_kernel **out, char reason[REASON_SIZE])
{
    worker_input_none();
    return take_plugin(path, out, reason);
}
