#include "core/node/object_peer.h"

#include "core/base/err.h"
#include "core/node/keeping.h"
#include "core/object/name.h"
#include "core/wire/field.h"
#include "core/wire/move.h"
#include "core/wire/removal.h"

void put_object_keep(struct buf *b, const struct object_keep *m)
{
    put_digest(b, m->name);
    put_job_id(b, m->owner);
    put_u64(b, m->size);
    put_u64(b, m->generation);
    if (m->kept && !m->passing && !node_id_is_zero(m->by)) {
        put_u8(b, 3);
        put_node_id(b, m->by);
    } else if (!m->kept && m->removal.len > 0) {
        put_u8(b, 4);
        put_block(b, m->removal);
    } else {
        put_u8(b, m->kept && m->passing ? 2 : m->kept);
    }
}

struct object_keep read_object_keep(struct reader *r)
{
    struct object_keep m = {.name = read_digest(r)};
    uint8_t how;

    m.owner = read_job_id(r);
    m.size = read_u64(r);
    m.generation = read_u64(r);
    how = read_choice(r, 0, 4);
    m.kept = how > 0 && how < 4;
    m.passing = how == 2;
    if (how == 3)
        m.by = read_node_id(r);
    if (how == 4)
        m.removal = read_block(r, REMOVAL_SIZE_MAX);
    if (how == 4 && m.removal.len == 0)
        r->failed = true;
    if (how == 3 && (node_id_is_zero(m.by) || !job_id_equal(m.owner, KEEPING_USER)))
        r->failed = true;
    if (m.size > OBJECT_SIZE_MAX || m.generation == 0 || m.generation > KEEPING_GENERATION_MAX)
        r->failed = true;
    return m;
}

void put_object_have(struct buf *b, const struct object_have *m)
{
    put_digest(b, m->name);
    put_job_id(b, m->owner);
    put_u64(b, m->size);
    put_u8(b, m->never ? 2 : m->part ? 3 : m->loose ? 4 : m->over ? 5 : m->whole);
}

struct object_have read_object_have(struct reader *r)
{
    struct object_have m = {.name = read_digest(r)};
    uint8_t how;

    m.owner = read_job_id(r);
    m.size = read_u64(r);
    how = read_choice(r, 0, 5);
    m.whole = how == 1;
    m.never = how == 2;
    m.part = how == 3;
    m.loose = how == 4;
    m.over = how == 5;
    if (m.size > OBJECT_SIZE_MAX)
        r->failed = true;
    return m;
}

void put_object_seek_begin(struct buf *b, struct job_id owner)
{
    put_job_id(b, owner);
}

int read_object_seek(struct bytes payload, struct job_id *owner, uint16_t *count,
                     struct reader *names)
{
    size_t left;

    *names = reader_of(payload);
    *owner = read_job_id(names);
    left = reader_left(names);
    if (names->failed || left == 0 || left % ID_SIZE != 0 || left / ID_SIZE > OBJECT_BATCH)
        return ERR_FORMAT;
    *count = (uint16_t)(left / ID_SIZE);
    return 0;
}

void put_object_owner(struct buf *b, const struct object_owner *m)
{
    put_job_id(b, m->job);
    put_u8(b, (uint8_t)m->word);
}

int read_object_owner(struct bytes payload, struct object_owner *m)
{
    struct reader r = reader_of(payload);

    m->job = read_job_id(&r);
    m->word = (enum owner_word)read_choice(&r, OWNER_ASK, OWNER_DONE);
    return reader_result(&r);
}

void put_object_full(struct buf *b, uint64_t size)
{
    put_u64(b, size);
}

int read_object_full(struct bytes payload, uint64_t *size)
{
    struct reader r = reader_of(payload);

    *size = read_u64(&r);
    if (*size > OBJECT_SIZE_MAX)
        r.failed = true;
    return reader_result(&r);
}

static void put_head(struct buf *b, const struct bulk_part *m)
{
    put_digest(b, m->name);
    put_u8(b, (uint8_t)m->what);
    put_u64(b, m->offset);
}

static void read_head(struct reader *r, struct bulk_part *m)
{
    *m = (struct bulk_part){.name = read_digest(r)};
    m->what = (enum bulk_what)read_choice(r, BULK_LIST, BULK_DATA);
    m->offset = read_u64(r);
    if (m->offset > OBJECT_SIZE_MAX)
        r->failed = true;
}

void put_bulk_want(struct buf *b, const struct bulk_part *m)
{
    put_head(b, m);
    put_u32(b, m->length);
}

int read_bulk_want(struct bytes payload, struct bulk_part *m)
{
    struct reader r = reader_of(payload);

    read_head(&r, m);
    m->length = read_u32(&r);
    if (m->length == 0 || m->length > PIECE_SIZE)
        r.failed = true;
    return reader_result(&r);
}

void put_bulk_bytes(struct buf *b, const struct bulk_part *m)
{
    put_head(b, m);
    put_raw(b, m->bytes.data, m->bytes.len);
}

int read_bulk_bytes(struct bytes payload, struct bulk_part *m)
{
    struct reader r = reader_of(payload);

    read_head(&r, m);
    m->bytes = read_view(&r, reader_left(&r));
    if (m->bytes.len == 0 || m->bytes.len > MOVE_BYTES_MAX)
        r.failed = true;
    return reader_result(&r);
}

void put_bulk_refuse(struct buf *b, const struct bulk_part *m)
{
    put_head(b, m);
}

int read_bulk_refuse(struct bytes payload, struct bulk_part *m)
{
    struct reader r = reader_of(payload);

    read_head(&r, m);
    return reader_result(&r);
}
