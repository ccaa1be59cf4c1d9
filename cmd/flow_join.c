/* Stages between one that waits for many and those: see flow_section.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/flow_section.h"
#include "core/base/err.h"

static const char join_kernel[] = "noop";

static int out_of_memory(const char *path, char message[INI_MESSAGE_SIZE])
{
    (void)snprintf(message, INI_MESSAGE_SIZE, "cannot read the flow %.200s: out of memory", path);
    return ERR_NO_MEMORY;
}

/* "NAME-after-1": what is cut of a long name, the stage's line tells. */
static void name_join(struct flow_stage *to, const char *of, uint32_t number)
{
    (void)snprintf(to->name, sizeof to->name, "%.40s-after-%u", of, (unsigned)number);
}

/* Does nothing, once. */
static bool fill(struct flow *f, struct flow_stage *to, const struct flow_stage *of)
{
    struct flow_words args = {0};
    *to = (struct flow_stage){.line = of->line,
                              .after_line = of->after_line,
                              .inputs_line = of->inputs_line,
                              .reduction = -1};
    memcpy(to->kernel, join_kernel, sizeof join_kernel);
    to->wants = flow_wants(f, NULL);
    const bool filled = flow_words_add(&args, "1", 1) == 0 && to->wants;
    to->args = args.list;
    to->args_count = args.count;
    return filled;
}

/* Waits for the next of those that the stage waits for, from `first` on. */
static bool wait_for_some(const struct flow_stage *s, uint32_t first, struct flow_stage *to)
{
    const uint32_t left = s->after_count - first;
    to->after_count = left < FLOW_AFTER_MAX ? left : FLOW_AFTER_MAX;
    to->after = malloc(to->after_count * sizeof *to->after);
    if (to->after)
        memcpy(to->after, s->after + first, to->after_count * sizeof *to->after);
    return to->after != NULL;
}

/* Where its name is taken the sentence says so. */
static int check_name(const struct flow *f, const struct flow_stage *join,
                      const struct flow_stage *of, const char *path,
                      const struct flow_names *sections, struct flow_names *stages,
                      char message[INI_MESSAGE_SIZE])
{
    uint32_t other;
    if (flow_names_find(sections, join->name, &other) ||
        flow_names_find(stages, join->name, &other))
        return flow_refuse(path, of->after_line, message,
                           "[%s] is what joins some that [%s] waits for; give it another name",
                           join->name, of->name);
    return flow_names_put(stages, join->name, (uint32_t)(join - f->stages)) < 0
               ? out_of_memory(path, message)
               : 0;
}

static int join_one(struct flow *f, uint32_t stage, const char *path,
                    const struct flow_names *sections, struct flow_names *stages,
                    char message[INI_MESSAGE_SIZE])
{
    const uint32_t count = (f->stages[stage].after_count - 1) / FLOW_AFTER_MAX + 1;
    if (f->count + count > f->most)
        return flow_refuse(path, f->stages[stage].after_line, message,
                           "with those that [%s] waits for there are more than %u stages; make "
                           "two flows",
                           f->stages[stage].name, (unsigned)f->most);
    if (f->count + count > f->cap) {
        void *list = realloc(f->stages, (size_t)(f->count + count) * sizeof *f->stages);
        if (!list)
            return out_of_memory(path, message);
        f->stages = list;
        f->cap = f->count + count;
    }
    struct flow_stage *s = &f->stages[stage];
    for (uint32_t i = 0; i < count; i++) {
        struct flow_stage *to = &f->stages[f->count++];
        if (!fill(f, to, s) || !wait_for_some(s, i * FLOW_AFTER_MAX, to))
            return out_of_memory(path, message);
        name_join(to, s->name, i + 1);
        int rc = check_name(f, to, s, path, sections, stages, message);
        if (rc < 0)
            return rc;
    }
    for (uint32_t i = 0; i < count; i++)
        s->after[i] = f->count - count + i;
    s->after_count = count;
    return 0;
}

int flow_join(struct flow *f, const char *path, const struct flow_names *sections,
              struct flow_names *stages, char message[INI_MESSAGE_SIZE])
{
    const uint32_t count = f->count;
    int rc = 0;
    for (uint32_t i = 0; i < count && rc == 0; i++)
        if (f->stages[i].after_count > FLOW_AFTER_MAX)
            rc = join_one(f, i, path, sections, stages, message);
    return rc;
}
