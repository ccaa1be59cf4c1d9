#include <stdlib.h>

#include "cmd/flow_section.h"
#include "core/base/err.h"

/* The first that it needs and that has no number yet. */
static uint32_t unnumbered_input(const struct flow *f, const struct flow_stage *s)
{
    for (uint32_t i = 0; i < s->inputs_count; i++)
        if (s->inputs[i].stage != FLOW_NONE && f->stages[s->inputs[i].stage].number == FLOW_NONE)
            return s->inputs[i].stage;
    return FLOW_NONE;
}

static uint32_t waits_for(const struct flow *f, const struct flow_stage *s)
{
    const uint32_t input = unnumbered_input(f, s);
    if (input != FLOW_NONE)
        return input;
    for (uint32_t i = 0; i < s->after_count; i++)
        if (f->stages[s->after[i]].number == FLOW_NONE)
            return s->after[i];
    return FLOW_NONE;
}

/* The last one in the file that no other needs. */
static uint32_t result_of(const struct flow *f, bool *needed)
{
    for (uint32_t i = 0; i < f->count; i++) {
        for (uint32_t k = 0; k < f->stages[i].inputs_count; k++)
            if (f->stages[i].inputs[k].stage != FLOW_NONE)
                needed[f->stages[i].inputs[k].stage] = true;
        for (uint32_t k = 0; k < f->stages[i].after_count; k++)
            needed[f->stages[i].after[k]] = true;
    }
    for (uint32_t i = f->count; i-- > 0;)
        if (!needed[i])
            return i;
    return FLOW_NONE; /* all are in a circle, or behind one */
}

static int say_circle(const struct flow *f, const char *path, char message[INI_MESSAGE_SIZE])
{
    uint32_t at = 0;
    /* The result may have no number only because it is to be the last. */
    while (f->stages[at].number != FLOW_NONE || waits_for(f, &f->stages[at]) == FLOW_NONE)
        at++;
    /* Whoever waits waits for one that waits: so many steps lead into the circle. */
    for (uint32_t i = 0; i < f->count; i++)
        at = waits_for(f, &f->stages[at]);
    const struct flow_stage *s = &f->stages[at], *next = &f->stages[waits_for(f, s)];
    const uint32_t line = unnumbered_input(f, s) != FLOW_NONE ? s->inputs_line : s->after_line;
    if (next == s)
        return flow_refuse(path, line, message, "[%s] waits for itself", s->name);
    return flow_refuse(path, line, message, "[%s] waits for [%s], which in the end waits for [%s]",
                       s->name, next->name, s->name);
}

int flow_put_in_order(struct flow *f, const char *path, char message[INI_MESSAGE_SIZE])
{
    bool *needed = calloc(f->count, sizeof *needed), moved = true;
    f->order = calloc(f->count, sizeof *f->order);
    if (!needed || !f->order) {
        free(needed);
        flow_refuse(path, 0, message, "out of memory");
        return ERR_NO_MEMORY;
    }
    const uint32_t result = result_of(f, needed);
    uint32_t next = 0;
    free(needed);
    for (uint32_t i = 0; i < f->count; i++)
        f->stages[i].number = FLOW_NONE;
    while (moved) {
        moved = false;
        for (uint32_t i = 0; i < f->count; i++) {
            struct flow_stage *s = &f->stages[i];
            if (s->number != FLOW_NONE || waits_for(f, s) != FLOW_NONE ||
                (i == result && next + 1 < f->count))
                continue;
            s->number = next;
            f->order[next++] = i;
            moved = true;
        }
    }
    return next == f->count ? 0 : say_circle(f, path, message);
}
