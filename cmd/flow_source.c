#include "cmd/flow_source.h"

#include <stdlib.h>

#include "core/base/err.h"
#include "core/base/text.h"
#include "core/host/snippet.h"

int flow_sources_open(struct flow_sources *s, const struct flow *f)
{
    int code = 0;
    *s = (struct flow_sources){0};
    if (f->sources_count == 0)
        return 0;
    s->list = calloc(f->sources_count, sizeof *s->list);
    if (!s->list) {
        talk_error("%s", err_sentence(ERR_NO_MEMORY));
        return CODE_FAILED;
    }
    while (s->count < f->sources_count && code == 0) {
        code = snippet_open(&s->list[s->count], f->sources[s->count]);
        s->count++;
    }
    return code;
}

/* A source that is put is an object of the user's, and stays. */
static int choose_line(struct flow_sources *s, const struct call *c, struct line *l,
                       bool only_shown)
{
    const struct line_options where = {
        .embedded_ok = true, .embedded_only = true, .objects = true, .foreign = true};
    s->line = l;
    if (!only_shown || s->count == 0 || line_is_embedded(l) || !snippet_works())
        return 0;
    int code = line_open(&s->inside, c, &where);
    s->line = s->inside;
    return code;
}

int flow_sources_describe(struct flow_sources *s, struct flow *f, const struct call *c,
                          struct line *l, bool only_shown)
{
    int code = choose_line(s, c, l, only_shown);
    for (uint32_t i = 0; i < s->count && code == 0; i++)
        code = snippet_describe(&s->list[i], c, s->line);
    for (uint32_t i = 0; i < f->count && code == 0; i++) {
        const struct snippet *of = flow_source_of(s, &f->stages[i]);
        if (of)
            text_copy(f->stages[i].kernel, sizeof f->stages[i].kernel, of->kernel.name);
    }
    return code;
}

void flow_sources_close(struct flow_sources *s)
{
    for (uint32_t i = 0; i < s->count; i++)
        snippet_close(&s->list[i]);
    line_close(s->inside);
    free(s->list);
    *s = (struct flow_sources){0};
}

const struct snippet *flow_source_of(const struct flow_sources *s, const struct flow_stage *stage)
{
    return stage->source > 0 ? &s->list[stage->source - 1] : NULL;
}
