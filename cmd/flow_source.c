#include "cmd/flow_source.h"

#include <stdlib.h>

#include "core/base/err.h"
#include "core/base/text.h"

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

int flow_sources_describe(struct flow_sources *s, struct flow *f, const struct call *c,
                          struct line *l)
{
    int code = 0;
    for (uint32_t i = 0; i < s->count && code == 0; i++)
        code = snippet_describe(&s->list[i], c, l);
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
    free(s->list);
    *s = (struct flow_sources){0};
}

const struct snippet *flow_source_of(const struct flow_sources *s, const struct flow_stage *stage)
{
    return stage->source > 0 ? &s->list[stage->source - 1] : NULL;
}
