#include "core/wire/asides.h"

#include "core/base/err.h"
#include "core/wire/field.h"

#define COUNT_AT 1u /* behind `what` */

size_t put_asides_begin(struct buf *b, enum asides_what what)
{
    const size_t list = b->len;
    put_u8(b, (uint8_t)what);
    put_u16(b, 0);
    return list;
}

void asides_count(struct buf *b, size_t list, uint16_t count)
{
    if (!b->failed)
        store_u16(b->data + list + COUNT_AT, count);
}

size_t put_aside_begin(struct buf *b)
{
    const size_t block = b->len;
    put_u32(b, 0);
    return block;
}

void put_aside_end(struct buf *b, size_t block)
{
    patch_u32(b, block, (uint32_t)(b->len - block - 4));
}

struct bytes read_aside(struct reader *r)
{
    return read_block(r, FRAME_PAYLOAD_MAX);
}

int read_asides(struct bytes list, struct asides *m)
{
    struct reader r = reader_of(list);
    m->what = read_choice(&r, ASIDES_PLAN, ASIDES_SHOW);
    m->count = read_u16(&r);
    m->rest = r;
    if (m->count == 0 || m->count > ASIDES_COUNT_MAX || list.len > ASIDES_LIST_MAX)
        return ERR_FORMAT;
    for (uint16_t i = 0; i < m->count && !r.failed; i++)
        (void)read_aside(&r);
    return reader_result(&r);
}

void put_aside_show(struct buf *b, const struct aside_show *m)
{
    put_block(b, m->params);
    put_block(b, m->accumulator);
}

int read_aside_show(struct bytes block, struct aside_show *m)
{
    struct reader r = reader_of(block);
    m->params = read_block(&r, PARAMS_SIZE_MAX);
    m->accumulator = read_block(&r, ACCUMULATOR_SIZE_MAX);
    return reader_result(&r);
}

void put_request_asides_begin(struct buf *b, const char *kernel, struct digest source)
{
    put_text(b, kernel);
    put_digest(b, source);
}

int read_request_asides(struct bytes payload, struct request_asides *m)
{
    struct reader r = reader_of(payload);
    struct asides list;
    /* A name that no kernel can have is not refused here: it deserves "unknown kernel". */
    read_safe_text(&r, true, m->kernel, sizeof m->kernel);
    m->source = read_digest(&r);
    m->list = read_view(&r, reader_left(&r));
    return r.failed ? ERR_FORMAT : read_asides(m->list, &list);
}

void put_reply_asides(struct buf *b, const struct reply_asides *m)
{
    put_text(b, m->kernel);
    put_digest(b, m->source);
    put_u8(b, m->reduction);
    put_text(b, m->then);
    put_u32(b, m->accumulator_size);
    put_raw(b, m->list.data, m->list.len);
}

int read_reply_asides(struct bytes payload, struct reply_asides *m)
{
    struct reader r = reader_of(payload);
    struct asides list;
    read_safe_text(&r, true, m->kernel, sizeof m->kernel);
    m->source = read_digest(&r);
    m->reduction = read_u8(&r);
    read_safe_text(&r, true, m->then, sizeof m->then);
    m->accumulator_size = read_u32(&r);
    m->list = read_view(&r, reader_left(&r));
    if (r.failed || m->accumulator_size > ACCUMULATOR_SIZE_MAX)
        return ERR_FORMAT;
    return read_asides(m->list, &list);
}
