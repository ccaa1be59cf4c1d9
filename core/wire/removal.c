#include "core/wire/removal.h"

#include <string.h>

#include "core/base/err.h"
#include "core/wire/field.h"

bool removal_names(const struct removal *m, struct job_id owner)
{
    for (uint32_t i = 0; i < m->owner_count; i++)
        if (job_id_equal(m->owners[i], owner))
            return true;
    return false;
}

void put_removal_body(struct buf *b, const struct removal *m)
{
    put_digest(b, m->name);
    put_u64(b, m->generation);
    put_u64(b, (uint64_t)m->at_s);
    put_u16(b, (uint16_t)m->owner_count);
    for (uint32_t i = 0; i < m->owner_count; i++)
        put_job_id(b, m->owners[i]);
}

int read_removal_body(struct bytes body, struct removal *m)
{
    struct reader r = reader_of(body);

    memset(m, 0, sizeof *m);
    m->name = read_digest(&r);
    m->generation = read_u64(&r);
    m->at_s = (int64_t)read_u64(&r);
    m->owner_count = read_u16(&r);
    if (m->owner_count == 0 || m->owner_count > REMOVAL_OWNERS_MAX)
        return ERR_FORMAT;
    for (uint32_t i = 0; i < m->owner_count; i++)
        m->owners[i] = read_job_id(&r);
    return reader_result(&r) < 0 || m->generation == 0 || m->at_s < 0 ? ERR_FORMAT : 0;
}

int read_removal(struct bytes removal, struct signed_bytes *s, struct removal *m)
{
    struct reader r = reader_of(removal);

    memset(m, 0, sizeof *m);
    if (removal.len > REMOVAL_SIZE_MAX)
        return ERR_FORMAT;
    read_signed(&r, s);
    if (reader_result(&r) < 0 || s->path_count != 0)
        return ERR_FORMAT;
    return read_removal_body(s->body, m);
}
