#include "core/host/kernels.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/err.h"
#include "core/base/text.h"
#include "core/host/probe.h"
#include "core/kernel/kernel.h"

/* Without memory the manual lacks, and nothing else. */
static const char *copy_text(const char *text)
{
    return text[0] ? strdup(text) : NULL;
}

static void copy_kernel(struct node_kernel *to, const struct kernel_view *v)
{
    memset(to, 0, sizeof *to);
    text_copy(to->name, sizeof to->name, v->name);
    to->source = v->source;
    to->origin = v->origin;
    text_copy(to->path, sizeof to->path, v->path);
    to->reduction = v->reduction;
    to->files_from = v->files_from;
    text_copy(to->then, sizeof to->then, v->then);
    to->accumulator_size = v->accumulator_size;
    text_copy(to->usage, sizeof to->usage, v->usage);
    text_copy(to->summary, sizeof to->summary, v->summary);
    text_copy(to->refused, sizeof to->refused, v->refused);
    to->memory = v->memory;
    to->limits = copy_text(v->limits);
    to->manual = copy_text(v->manual);
}

/* Beyond the maximum, or without memory, a kernel is simply not there. */
static void add(void *ctx, const struct kernel_view *v)
{
    struct kernels *k = ctx;
    if (k->count == KERNELS_MAX)
        return;
    struct node_kernel *grown = realloc(k->list, (k->count + 1) * sizeof *k->list);
    if (!grown)
        return;
    k->list = grown;
    copy_kernel(&k->list[k->count++], v);
}

static uint32_t count_builtins(void)
{
    uint32_t n = 0;
    while (kernel_at(n))
        n++;
    return n;
}

int kernels_open(struct kernels *k, struct spawner *s, const char *plugins, const char *refuse,
                 char message[1280])
{
    uint32_t count = count_builtins();
    struct kernel_view *views = calloc(count + 1, sizeof *views);
    *k = (struct kernels){NULL, 0};
    if (!views) {
        snprintf(message, 1280, "%s", err_sentence(ERR_NO_MEMORY));
        return ERR_NO_MEMORY;
    }
    for (uint32_t i = 0; i < count; i++) {
        kernel_describe(kernel_at(i), ORIGIN_BUILTIN, &views[i]);
        add(k, &views[i]);
    }
    int rc = plugins[0] ? probe_plugins(s, plugins, refuse, views, count, add, k, message) : 0;
    free(views);
    if (rc < 0)
        kernels_clear(k);
    return rc < 0 ? rc : 0;
}

void kernels_clear(struct kernels *k)
{
    for (uint32_t i = 0; i < k->count; i++) {
        free((char *)(uintptr_t)k->list[i].limits);
        free((char *)(uintptr_t)k->list[i].manual);
    }
    free(k->list);
    *k = (struct kernels){NULL, 0};
}
