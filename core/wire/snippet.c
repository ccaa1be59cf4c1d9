#include "core/wire/snippet.h"

#include "core/base/err.h"
#include "core/base/text.h"
#include "core/wire/field.h"
#include "core/wire/spec.h"

void put_request_snippet(struct buf *b, const struct request_snippet *m)
{
    put_u8(b, m->what);
    put_digest(b, m->source);
    put_text(b, m->kernel);
    put_u8(b, m->reduction);
    put_block(b, m->params);
    put_raw(b, m->order.data, m->order.len);
}

enum snippet_what snippet_what(const struct request_snippet *m)
{
    return m->what == SHIPPED_DESCRIBE ? SNIPPET_DESCRIBE
           : m->what == SHIPPED_PLAN   ? SNIPPET_PLAN
                                       : (enum snippet_what)m->what;
}

/* A kernel is told by its name once it was described, and not before. */
static bool is_sound(const struct request_snippet *m)
{
    const enum snippet_what what = snippet_what(m);

    if (what == SNIPPET_DESCRIBE)
        return m->kernel[0] == 0 && m->params.len == 0 && m->order.len == 0;
    return text_is_name(m->kernel) && (what == SNIPPET_SHOW || m->params.len == 0);
}

int read_request_snippet(struct bytes payload, struct request_snippet *m)
{
    struct reader r = reader_of(payload);

    m->what = read_choice(&r, SNIPPET_DESCRIBE, SHIPPED_PLAN);
    m->source = read_digest(&r);
    read_text(&r, m->kernel, sizeof m->kernel);
    m->reduction = read_choice(&r, REDUCE_FOLD, REDUCE_COLLECT);
    m->params = read_block(&r, PARAMS_SIZE_MAX);
    m->order = read_view(&r, reader_left(&r));
    return r.failed || !is_sound(m) ? ERR_FORMAT : 0;
}
