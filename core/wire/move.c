#include "core/wire/move.h"

#include "core/base/err.h"
#include "core/wire/field.h"
#include "core/wire/message.h"

/* An error code, or 0: never a count. */
static void put_rc(struct buf *b, int rc)
{
    put_u32(b, rc < 0 ? (uint32_t)-rc : 0);
}

static int read_rc(struct reader *r)
{
    uint32_t code = read_u32(r);
#if VELUM_PLANT != 307 /* fuzz/test_object: any number is an error code */
    if (code > MOVE_CODE_MAX)
        r->failed = true;
#endif
    return r->failed ? 0 : -(int)code;
}

void put_move_append(struct buf *b, const struct move_stream *m)
{
    put_u64(b, m->stream);
    put_block(b, m->bytes);
}

int read_move_append(struct bytes payload, struct move_stream *m)
{
    struct reader r = reader_of(payload);
    m->stream = read_u64(&r);
    m->bytes = read_block(&r, MOVE_BYTES_MAX);
    return reader_result(&r);
}

void put_move_keyed(struct buf *b, const struct move_keyed *m)
{
    put_u64(b, m->stream);
    put_digest(b, m->key);
    put_u64(b, m->size);
    put_flag(b, m->look);
}

int read_move_keyed(struct bytes payload, struct move_keyed *m)
{
    struct reader r = reader_of(payload);
    m->stream = read_u64(&r);
    m->key = read_digest(&r);
    m->size = read_u64(&r);
    m->look = read_flag(&r);
    return reader_result(&r);
}

void put_move_finish(struct buf *b, uint64_t stream, enum move_finish way)
{
    put_u64(b, stream);
    if (way != MOVE_FINISH)
        put_u8(b, (uint8_t)way);
}

int read_move_finish(struct bytes payload, uint64_t *stream, enum move_finish *way)
{
    struct reader r = reader_of(payload);
    *stream = read_u64(&r);
    *way = MOVE_FINISH;
    if (reader_left(&r) > 0) {
        const uint8_t said = read_u8(&r);
        r.failed |= said == MOVE_FINISH || said >= MOVE_FINISH_WAYS;
        *way = r.failed ? MOVE_FINISH : (enum move_finish)said;
    }
    return reader_result(&r);
}

void put_move_stream(struct buf *b, uint64_t stream)
{
    put_u64(b, stream);
}

int read_move_stream(struct bytes payload, uint64_t *stream)
{
    struct reader r = reader_of(payload);
    *stream = read_u64(&r);
    return reader_result(&r);
}

void put_move_read(struct buf *b, const struct move_part *m)
{
    put_digest(b, m->name);
    put_u64(b, m->offset);
    put_u32(b, m->length);
    if (m->as_is || m->size > 0)
        put_flag(b, m->as_is);
    if (m->size > 0)
        put_u64(b, m->size);
}

/* A number that is there where it is not 0. */
static uint64_t read_behind(struct reader *r)
{
    uint64_t number;
    if (reader_left(r) == 0)
        return 0;
    number = read_u64(r);
    r->failed |= number == 0;
    return number;
}

int read_move_read(struct bytes payload, struct move_part *m)
{
    struct reader r = reader_of(payload);
    *m = (struct move_part){.name = read_digest(&r)};
    m->offset = read_u64(&r);
    m->length = read_u32(&r);
    if (reader_left(&r) > 0) {
        m->as_is = read_flag(&r);
        r.failed |= !m->as_is && reader_left(&r) == 0;
        m->size = read_behind(&r);
    }
    if (m->length > MOVE_BYTES_MAX)
        r.failed = true;
    return reader_result(&r);
}

void put_move_learn(struct buf *b, const struct move_part *m)
{
    put_digest(b, m->name);
    put_u64(b, m->size);
    put_u64(b, m->offset);
    put_block(b, m->bytes);
}

int read_move_learn(struct bytes payload, struct move_part *m)
{
    struct reader r = reader_of(payload);
    *m = (struct move_part){.name = read_digest(&r)};
    m->size = read_u64(&r);
    m->offset = read_u64(&r);
    m->bytes = read_block(&r, MOVE_BYTES_MAX);
    m->length = (uint32_t)m->bytes.len;
    return reader_result(&r);
}

void put_move_write(struct buf *b, const struct move_part *m)
{
    put_digest(b, m->name);
    put_u64(b, m->offset);
    put_block(b, m->bytes);
}

int read_move_write(struct bytes payload, struct move_part *m)
{
    struct reader r = reader_of(payload);
    *m = (struct move_part){.name = read_digest(&r)};
    m->offset = read_u64(&r);
    m->bytes = read_block(&r, MOVE_BYTES_MAX);
    m->length = (uint32_t)m->bytes.len;
    return reader_result(&r);
}

void put_move_check(struct buf *b, const struct move_part *m)
{
    put_digest(b, m->name);
    put_u64(b, m->offset);
    put_flag(b, m->waited_for);
    if (m->size > 0)
        put_u64(b, m->size);
}

int read_move_check(struct bytes payload, struct move_part *m)
{
    struct reader r = reader_of(payload);
    *m = (struct move_part){.name = read_digest(&r)};
    m->offset = read_u64(&r);
    m->waited_for = read_flag(&r);
    m->size = read_behind(&r);
    return reader_result(&r);
}

void put_move_name(struct buf *b, struct digest name)
{
    put_digest(b, name);
}

int read_move_name(struct bytes payload, struct digest *name)
{
    struct reader r = reader_of(payload);
    *name = read_digest(&r);
    return reader_result(&r);
}

void put_move_at(struct buf *b, const struct move_at *m)
{
    put_u8(b, m->type);
    put_u32(b, m->place);
    put_u32(b, m->length);
}

int read_move_at(struct bytes payload, struct move_at *m)
{
    struct reader r = reader_of(payload);
    m->type = read_u8(&r);
    m->place = read_u32(&r);
    m->length = read_u32(&r);
    if (m->place >= MOVE_PLACES || m->length > MOVE_PLACE_SIZE)
        r.failed = true;
    return reader_result(&r);
}

bool move_places(uint8_t type, struct bytes payload)
{
    enum move_finish way;
    uint64_t stream;
    return type == MESSAGE_MOVE_SEAL ||
           (type == MESSAGE_MOVE_FINISH && read_move_finish(payload, &stream, &way) == 0 &&
            way != MOVE_FINISH_NAME);
}

bool move_is_about(uint8_t type, struct bytes payload, struct digest name)
{
    static const uint8_t named[] = {MESSAGE_MOVE_READ,  MESSAGE_MOVE_LIST, MESSAGE_MOVE_LEARN,
                                    MESSAGE_MOVE_WRITE, MESSAGE_MOVE_SEAL, MESSAGE_MOVE_CHECK,
                                    MESSAGE_MOVE_DROP};
    struct reader r = reader_of(payload);
    const struct digest first = read_digest(&r);
    for (size_t i = 0; i < sizeof named; i++)
        if (type == named[i])
            return !r.failed && digest_equal(first, name);
    return type == MESSAGE_MOVE_SCAN;
}

bool moved_is_last(uint8_t type)
{
    return type != MESSAGE_MOVED_FOUND && type != MESSAGE_MOVED_LEFT;
}

void put_moved_found(struct buf *b, const struct moved_found *m)
{
    put_digest(b, m->name);
    put_u64(b, m->size);
    put_flag(b, m->whole);
    put_block(b, m->bits);
    put_u64(b, m->used_s);
}

int read_moved_found(struct bytes payload, struct moved_found *m)
{
    struct reader r = reader_of(payload);
    m->name = read_digest(&r);
    m->size = read_u64(&r);
    m->whole = read_flag(&r);
    m->bits = read_block(&r, MOVE_BITS_MAX);
    m->used_s = read_u64(&r);
    return reader_result(&r);
}

void put_moved_left(struct buf *b, const struct moved_left *m)
{
    put_digest(b, m->key);
    put_u64(b, m->size);
    put_u64(b, m->there);
    put_u64(b, m->age_s);
}

int read_moved_left(struct bytes payload, struct moved_left *m)
{
    struct reader r = reader_of(payload);
    m->key = read_digest(&r);
    m->size = read_u64(&r);
    m->there = read_u64(&r);
    m->age_s = read_u64(&r);
    if (m->there > m->size || m->age_s > MOVE_LEFT_MAX_S)
        r.failed = true;
    return reader_result(&r);
}

void put_moved_keyed(struct buf *b, const struct moved_keyed *m)
{
    put_rc(b, m->rc);
    put_u64(b, m->there);
    put_flag(b, m->more);
}

int read_moved_keyed(struct bytes payload, struct moved_keyed *m)
{
    struct reader r = reader_of(payload);
    m->rc = read_rc(&r);
    m->there = read_u64(&r);
    m->more = read_flag(&r);
    return reader_result(&r);
}

void put_moved_made(struct buf *b, const struct moved_made *m)
{
    put_rc(b, m->rc);
    put_digest(b, m->name);
    put_u64(b, m->size);
    put_flag(b, m->there);
}

int read_moved_made(struct bytes payload, struct moved_made *m)
{
    struct reader r = reader_of(payload);
    m->rc = read_rc(&r);
    m->name = read_digest(&r);
    m->size = read_u64(&r);
    m->there = read_flag(&r);
    return reader_result(&r);
}

void put_moved_bytes(struct buf *b, const struct moved_bytes *m)
{
    put_rc(b, m->rc);
    put_block(b, m->bytes);
}

uint8_t *put_moved_room(struct buf *b, uint32_t length)
{
    put_rc(b, 0);
    put_u32(b, length);
    uint8_t *room = buf_reserve(b, length);
    b->len += room ? length : 0;
    return room;
}

int read_moved_bytes(struct bytes payload, struct moved_bytes *m)
{
    struct reader r = reader_of(payload);
    m->rc = read_rc(&r);
    m->bytes = read_block(&r, MOVE_BYTES_MAX);
    return reader_result(&r);
}

void put_moved_checked(struct buf *b, const struct moved_checked *m)
{
    put_rc(b, m->rc);
    put_u64(b, m->next);
    put_u64(b, m->bad);
    if (m->cut > 0)
        put_u64(b, m->cut);
}

int read_moved_checked(struct bytes payload, struct moved_checked *m)
{
    struct reader r = reader_of(payload);
    m->rc = read_rc(&r);
    m->next = read_u64(&r);
    m->bad = read_u64(&r);
    m->cut = read_behind(&r);
    return reader_result(&r);
}

void put_moved_done(struct buf *b, int rc)
{
    put_rc(b, rc);
}

int read_moved_done(struct bytes payload, int *rc)
{
    struct reader r = reader_of(payload);
    *rc = read_rc(&r);
    return reader_result(&r);
}
