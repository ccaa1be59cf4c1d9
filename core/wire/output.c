#include "core/wire/output.h"

#include "core/base/err.h"
#include "core/wire/field.h"

void put_output(struct buf *b, const struct output *o)
{
    put_u8(b, (uint8_t)o->kind);
    put_u64(b, o->size);
    if (o->kind == OUTPUT_BYTES)
        put_raw(b, o->bytes.data, o->bytes.len);
    else
        put_digest(b, o->name);
}

int read_output(struct bytes value, struct output *o)
{
    struct reader r = reader_of(value);
    struct output read = {0};

    read.kind = (enum output_kind)read_choice(&r, OUTPUT_BYTES, OUTPUT_OBJECT);
    read.size = read_u64(&r);
    if (read.kind == OUTPUT_BYTES && read.size <= OUTPUT_INLINE_MAX)
        read.bytes = read_view(&r, (size_t)read.size);
    else if (read.kind == OUTPUT_OBJECT && read.size > OUTPUT_INLINE_MAX)
        read.name = read_digest(&r);
    else
        r.failed = true;
    if (read.size > OUTPUT_SIZE_MAX)
        r.failed = true;
    if (o != NULL)
        *o = read;
    return reader_result(&r);
}

void put_collected(struct buf *b, const struct collected *c)
{
    put_u64(b, c->size);
    put_u32(b, c->leaves);
    put_digest(b, c->list);
    put_block(b, c->inline_list);
}

int read_collected(struct bytes result, struct collected *c)
{
    struct reader r = reader_of(result);

    c->size = read_u64(&r);
    c->leaves = read_u32(&r);
    c->list = read_digest(&r);
    c->inline_list = read_block(&r, RESULT_LIST_MAX);
    return reader_result(&r);
}
