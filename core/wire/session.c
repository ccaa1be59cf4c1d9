#include "core/wire/session.h"

#include "core/base/err.h"
#include "core/wire/append.h"
#include "core/wire/field.h"

#define FACT_BYTES_MAX (APPEND_BYTES_MAX + 16384u) /* its signature and certificate beside it */

void put_session_ask(struct buf *b, const struct session_ask *m)
{
    put_job_id(b, m->job);
    put_u64(b, m->consumed);
    put_u32(b, m->low);
    put_u8(b, m->level);
    put_block(b, m->fact);
}

int read_session_ask(struct bytes payload, struct session_ask *m)
{
    struct reader r = reader_of(payload);

    m->job = read_job_id(&r);
    m->consumed = read_u64(&r);
    m->low = read_u32(&r);
    m->level = read_choice(&r, SESSION_SENT, SESSION_DURABLE);
    m->fact = read_block(&r, FACT_BYTES_MAX);
    return reader_result(&r);
}

void put_session_answer(struct buf *b, const struct session_answer *m)
{
    put_job_id(b, m->job);
    put_u32(b, m->number);
    put_u32(b, m->taken);
    put_u32(b, m->safe);
    put_u32(b, m->durable);
    put_u32(b, m->machines);
    put_u16(b, m->count);
}

int read_session_answer(struct bytes payload, struct session_answer *m)
{
    struct reader r = reader_of(payload);

    m->job = read_job_id(&r);
    m->number = read_u32(&r);
    m->taken = read_u32(&r);
    m->safe = read_u32(&r);
    m->durable = read_u32(&r);
    m->machines = read_u32(&r);
    m->count = read_u16(&r);
    m->ends = r;
    for (uint16_t i = 0; i < m->count && !r.failed; i++)
        read_session_end(&r);
    return reader_result(&r);
}

void put_session_end(struct buf *b, const struct session_stage *s)
{
    put_u32(b, s->stage);
    put_u8(b, s->state);
    put_block(b, s->value);
}

struct session_stage read_session_end(struct reader *r)
{
    struct session_stage s;

    s.stage = read_u32(r);
    s.state = read_choice(r, STAGE_END_DONE, STAGE_END_CANCELLED);
    s.value = read_block(r, ACCUMULATOR_SIZE_MAX);
    r->failed |= s.stage >= JOB_STAGES_MAX;
    return s;
}

void put_session_refused(struct buf *b, const struct session_refused *m)
{
    put_job_id(b, m->job);
    put_reply_error(b, &m->error);
}

int read_session_refused(struct bytes payload, struct session_refused *m)
{
    struct reader r = reader_of(payload);

    m->job = read_job_id(&r);
    if (r.failed)
        return ERR_FORMAT;
    return read_reply_error((struct bytes){payload.data + r.at, reader_left(&r)}, &m->error);
}

void put_session_ahead(struct buf *b, const struct session_ahead *m)
{
    put_job_id(b, m->job);
    put_u32(b, m->task);
    put_u32(b, m->units > 0 ? m->like | APPEND_SIZED : m->like);
    if (m->units > 0)
        put_u64(b, m->units);
    put_block(b, m->params);
}

int read_session_ahead(struct bytes payload, struct session_ahead *m)
{
    struct reader r = reader_of(payload);

    m->job = read_job_id(&r);
    m->task = read_u32(&r);
    m->like = read_u32(&r);
    m->units = 0;
    if (m->like & APPEND_SIZED) {
        m->units = read_u64(&r);
        r.failed |= m->units == 0;
    }
    m->like &= ~APPEND_SIZED;
    m->params = read_block(&r, PARAMS_SIZE_MAX);
    r.failed |= m->task >= JOB_STAGES_MAX || m->like >= m->task;
    return reader_result(&r);
}

void put_session_computed(struct buf *b, const struct session_computed *m)
{
    put_job_id(b, m->job);
    put_u32(b, m->task);
    put_u8(b, m->computed);
    put_block(b, m->value);
}

int read_session_computed(struct bytes payload, struct session_computed *m)
{
    struct reader r = reader_of(payload);

    m->job = read_job_id(&r);
    m->task = read_u32(&r);
    m->computed = read_choice(&r, 0, 1) != 0;
    m->value = read_block(&r, ACCUMULATOR_SIZE_MAX);
    r.failed |= m->task >= JOB_STAGES_MAX || (!m->computed && m->value.len > 0);
    return reader_result(&r);
}
