#include "core/host/worker_kernel.h"

#include <string.h>
#include <unistd.h>

#include "core/base/err.h"
#include "core/base/text.h"
#include "core/host/plugin.h"
#include "core/host/sandbox.h"
#include "core/host/snippet.h"
#include "core/host/worker_input.h"
#include "core/host/worker_memory.h"
#include "core/host/worker_time.h"
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

/* All of the list goes where the kernel's own words would go, for who wrote it; the reason has its
 * first error. */
static int compile(const char *path, struct bytes source, const struct velum_kernel **out,
                   char reason[REASON_SIZE])
{
    static struct snippet_messages messages;
    messages = (struct snippet_messages){.name = snippet_name(path), .source = source};
    const int rc = snippet_compile(&messages, out);
    if (messages.len > 0)
        (void)!write(2, messages.text, messages.len);
    if (rc < 0)
        text_copy(reason, REASON_SIZE, messages.first);
    return rc;
}

static int take_snippet(const char *path, const struct velum_kernel **out, char reason[REASON_SIZE])
{
    struct bytes source;
    int rc = snippet_read(path, &source, reason);
    if (rc == 0) {
        snippet_prepare();
        rc = sandbox_enter(true, reason);
    }
    if (rc == 0)
        rc = compile(path, source, out, reason);
#if VELUM_PLANT == 841 /* unit/test_escape: a snippet makes memory into code while it runs */
    return rc;
#endif
    return rc == 0 ? sandbox_close(reason) : rc;
}

/* What it calls itself is its author's doing, and no other node would find another name. */
static int load_snippet(const struct order_load *m, const struct velum_kernel **out,
                        char reason[REASON_SIZE])
{
    const int rc = take_snippet(m->path, out, reason);
#if VELUM_PLANT != 812 /* unit/test_snippet: a source of another kernel is the machine's doing */
    if (rc < 0 || strcmp((*out)->name, m->kernel) == 0)
#endif
        return rc;
    text_copy(reason, REASON_SIZE, "its source defines a kernel of another name, ");
    text_append(reason, REASON_SIZE, (*out)->name);
    return ERR_KERNEL;
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
    if (worker_memory_limit(m->mem_bytes, reason) < 0 || worker_time_limit(m->cpu_us, reason) < 0)
        return ERR_SYSTEM;
    if (worker_input_open(m, reason) < 0)
        return ERR_KERNEL;
    switch (m->origin) {
    case ORIGIN_PLUGIN:
        return take_plugin(m->path, out, reason);
    case ORIGIN_SNIPPET:
        return load_snippet(m, out, reason);
    default:
        return take_builtin(m->kernel, out, reason);
    }
}

int worker_kernel_try(uint8_t origin, const char *path, const struct velum_kernel **out,
                      char reason[REASON_SIZE])
{
    worker_input_none();
    return origin == ORIGIN_SNIPPET ? take_snippet(path, out, reason)
                                    : take_plugin(path, out, reason);
}
