#include "core/host/worker_kernel.h"

#include <string.h>
#include <unistd.h>

#include "core/base/err.h"
#include "core/base/text.h"
#include "core/host/foreign_file.h"
#include "core/host/plugin.h"
#include "core/host/sandbox.h"
#include "core/host/snippet.h"
#include "core/host/worker_input.h"
#include "core/host/worker_leaf.h"
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

static bool says_the_same(const struct velum_kernel *a, const struct velum_kernel *b)
{
    return strcmp(a->name, b->name) == 0 && digest_equal(kernel_source(a), kernel_source(b)) &&
           a->reduce == b->reduce && a->memory == b->memory &&
           kernel_accumulator_size(a) == kernel_accumulator_size(b);
}

/* What the machine's compiler made of the snippet takes the place of what libtcc did, where it can
 * be loaded: `reason` says why it cannot, and nothing is lost by that. */
static void prefer_built(struct bytes file, const struct velum_kernel **kernel,
                         char reason[REASON_SIZE])
{
    const struct velum_kernel *built = NULL;
    if (plugin_take(file, &built, reason) < 0)
        return;
    if (!says_the_same(*kernel, built)) {
        text_copy(reason, REASON_SIZE, "this machine's compiler made another kernel of it");
        return;
    }
    worker_leaf_compare(*kernel);
    *kernel = built;
}

static int take_both(const struct order_load *m, struct bytes file, const struct velum_kernel **out,
                     char reason[REASON_SIZE])
{
    struct bytes source;
    int rc = snippet_read(m->path, &source, reason);
    if (rc == 0) {
        snippet_prepare();
        rc = sandbox_enter(true, reason);
    }
    if (rc == 0)
        rc = compile(m->path, source, out, reason);
    if (rc == 0)
        prefer_built(file, out, reason);
    /* Behind a reason for doing without comes a better one, should there be any. */
    return rc == 0 ? sandbox_close(reason) : rc;
}

static int take_built(const struct order_load *m, const struct velum_kernel **out,
                      char reason[REASON_SIZE])
{
    struct bytes file;
    char why[REASON_SIZE] = "";
    int rc = plugin_read(m->built, &file, why);
    if (rc == 0 && !m->alone)
        return take_both(m, file, out, reason);
    if (rc == 0) {
        foreign_file_forget(file);
        return take_plugin(m->built, out, reason);
    }
    if (!m->alone && (rc = take_snippet(m->path, out, reason)) < 0)
        return rc;
    text_copy(reason, REASON_SIZE, "what was built of it is gone: ");
    text_append(reason, REASON_SIZE, why);
    return m->alone ? ERR_NOT_FOUND : 0;
}

/* What it calls itself is its author's doing, and no other node would find another name. */
static int load_snippet(const struct order_load *m, const struct velum_kernel **out,
                        char reason[REASON_SIZE])
{
    const int rc = m->built[0] ? take_built(m, out, reason) : take_snippet(m->path, out, reason);
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
