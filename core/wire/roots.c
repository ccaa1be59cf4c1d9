#include "core/wire/roots.h"

#include "core/base/err.h"
#include "core/wire/field.h"

void put_roots_told(struct buf *b, const struct roots_told *m)
{
    put_u32(b, m->version);
    put_block(b, m->roots);
}

int read_roots_told(struct bytes payload, struct roots_told *m)
{
    struct reader r = reader_of(payload);

    m->version = read_u32(&r);
    m->roots = read_block(&r, ROOTS_SIZE_MAX);
    return reader_done(&r) ? 0 : ERR_FORMAT;
}

int read_roots_request(struct bytes payload, struct bytes *roots)
{
    struct reader r = reader_of(payload);

    *roots = read_block(&r, ROOTS_SIZE_MAX);
    return reader_done(&r) ? 0 : ERR_FORMAT;
}

void put_roots_reply(struct buf *b, const struct roots_reply *m)
{
    put_u32(b, m->version);
    put_u8(b, m->generation);
}

int read_roots_reply(struct bytes payload, struct roots_reply *m)
{
    struct reader r = reader_of(payload);

    m->version = read_u32(&r);
    m->generation = read_u8(&r);
    return reader_done(&r) ? 0 : ERR_FORMAT;
}
