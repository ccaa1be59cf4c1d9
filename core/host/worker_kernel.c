#include "core/host/worker_kernel.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "core/base/err.h"
#include "core/base/text.h"
#include "core/host/built_file.h"
#include "core/host/foreign_file.h"
#include "core/host/plugin.h"
#include "core/host/sandbox.h"
#include "core/host/snippet.h"
#include "core/host/worker_input.h"
#include "core/host/worker_leaf.h"
#include "core/host/worker_memory.h"
#include "core/host/worker_time.h"
#include "core/kernel/kernel.h"
#include "core/object/name.h"

static const uint8_t plugin_magic[] = {0x7f, 'E', 'L', 'F'};

static int behind_walls(struct bytes file, const struct velum_kernel **out,
                        char reason[REASON_SIZE])
{
    int rc = sandbox_enter(true, reason);
    if (rc == 0)
        rc = plugin_take(file, out, reason);
    return rc == 0 ? sandbox_close(reason) : rc;
}

static int take_plugin(const char *path, const struct velum_kernel **out, char reason[REASON_SIZE])
{
    struct bytes file;
    int rc = plugin_read(path, &file, reason);
    return rc < 0 ? rc : behind_walls(file, out, reason);
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
static void prefer_built(struct bytes file, uint64_t leaf_us, const struct velum_kernel **kernel,
                         char reason[REASON_SIZE])
{
    const struct velum_kernel *built = NULL;
    if (plugin_take(file, &built, reason) < 0)
        return;
    if (!says_the_same(*kernel, built)) {
        text_copy(reason, REASON_SIZE, "this machine's compiler made another kernel of it");
        return;
    }
    worker_leaf_compare(*kernel, leaf_us);
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
        prefer_built(file, m->leaf_us, out, reason);
    /* Behind a reason for doing without comes a better one, should there be any. */
    return rc == 0 ? sandbox_close(reason) : rc;
}

static int take_built(const struct order_load *m, const struct velum_kernel **out,
                      char reason[REASON_SIZE])
{
    struct bytes file;
    char why[REASON_SIZE] = "";
    int rc = built_file_read(m->built, m->source, &file, why);
    if (rc == 0)
        return m->alone ? behind_walls(file, out, reason) : take_both(m, file, out, reason);
    if (!m->alone && (rc = take_snippet(m->path, out, reason)) < 0)
        return rc;
    text_copy(reason, REASON_SIZE, "what was built of it cannot be used: ");
    text_append(reason, REASON_SIZE, why);
    return m->alone ? ERR_NOT_FOUND : 0;
}

/* What it calls itself is its author's doing, and no other node would find another name. */
static int check_name(const struct order_load *m, const struct velum_kernel *k,
                      char reason[REASON_SIZE])
{
#if VELUM_PLANT != 812 /* unit/test_snippet: a source of another kernel is the machine's doing */
    if (strcmp(k->name, m->kernel) == 0)
#endif
        return 0;
    text_copy(reason, REASON_SIZE, "its source defines a kernel of another name, ");
    text_append(reason, REASON_SIZE, k->name);
    return ERR_KERNEL;
}

/* Machine code, and no C source, by its first bytes. */
static bool is_plugin(const char *path)
{
    uint8_t head[sizeof plugin_magic] = {0};
    const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    const bool is = fd >= 0 && read(fd, head, sizeof head) == (ssize_t)sizeof head &&
                    memcmp(head, plugin_magic, sizeof head) == 0;
    if (fd >= 0)
        close(fd);
    return is;
}

static int load_snippet(const struct order_load *m, const struct velum_kernel **out,
                        char reason[REASON_SIZE])
{
    /* Nodes that load no plugins, or not this one, hold it all the same. */
    if (is_plugin(m->path)) {
        text_copy(reason, REASON_SIZE,
                  "its source is a plugin's file, which this node does not load");
        return ERR_KERNEL;
    }
    const int rc = m->built[0] ? take_built(m, out, reason) : take_snippet(m->path, out, reason);
    return rc < 0 ? rc : check_name(m, *out, reason);
}

/* Its bytes are to be what the job says they are. */
static int load_shipped(const struct order_load *m, const struct velum_kernel **out,
                        char reason[REASON_SIZE])
{
    struct bytes file;
    int rc = foreign_file_read(m->path, SHIPPED_PLUGIN_MAX, &file, reason);
    if (rc < 0)
        return rc;
#if VELUM_PLANT != 864 /* unit/test_shipped: a plugin is loaded whatever has become of its file */
    if (!digest_equal(object_name_of(file), m->source)) {
        foreign_file_forget(file);
        text_copy(reason, REASON_SIZE, "this node's copy of the plugin is damaged");
        return ERR_IO;
    }
#endif
    rc = behind_walls(file, out, reason);
    return rc < 0 ? rc : check_name(m, *out, reason);
}

static int load_carried(const struct order_load *m, const struct velum_kernel **out,
                        char reason[REASON_SIZE])
{
    return is_plugin(m->path) ? load_shipped(m, out, reason) : load_snippet(m, out, reason);
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
    case ORIGIN_SHIPPED:
        return load_shipped(m, out, reason);
    case ORIGIN_CARRIED:
        return load_carried(m, out, reason);
    default:
        return take_builtin(m->kernel, out, reason);
    }
}

/* What a plugin that came with its job says it was built from does not count: its file does. */
bool worker_kernel_is(const struct velum_kernel *k, const struct order_load *m)
{
    return strcmp(k->name, m->kernel) == 0 &&
           (m->origin == ORIGIN_SHIPPED || m->origin == ORIGIN_CARRIED ||
            digest_equal(kernel_source(k), m->source));
}

int worker_kernel_try(uint8_t origin, const char *path, const struct velum_kernel **out,
                      char reason[REASON_SIZE])
{
    worker_input_none();
    return origin == ORIGIN_SNIPPET ? take_snippet(path, out, reason)
                                    : take_plugin(path, out, reason);
}
