/* Kills, as they were and as users sign them. */
#include "core/base/ensure.h"
#include "core/base/err.h"
#include "core/job/fact.h"
#include "core/wire/frame.h"
#include "core/wire/message.h"
#include "core/wire/request.h"
#include "tests/golden/golden.h"

bool golden_put_kills(size_t i, struct buf *frame)
{
    struct request_kill m = {.job = golden_job(1), .alone = i == 1, .stage = i == 1 ? 40 : 0};
    uint8_t room[1024];
    struct buf fact;
    if (i > 1)
        return golden_put_more_roots(i - 2, frame);
    buf_init_fixed(&fact, room, sizeof room);
    if (m.alone)
        golden_put_stage_cancel(&fact);
    else
        golden_put_cancel(&fact, 1);
    m.fact = buf_bytes(&fact);
    size_t start = frame_begin(frame, MESSAGE_REQUEST_KILL, 7);
    put_request_kill(frame, &m);
    frame_end(frame, start);
    ensure(!frame->failed);
    return true;
}

static int tell_fact(struct bytes fact, FILE *to)
{
    struct fact f;
    char job[9], by[9];
    if (fact_read(fact, &f) < 0 || (f.kind != FACT_CANCEL && f.kind != FACT_STAGE_CANCEL))
        return ERR_FORMAT;
    id_hex(f.job.bytes, 8, job);
    id_hex((f.kind == FACT_CANCEL ? f.cancel.by : f.stage_cancel.by).bytes, 8, by);
    fprintf(to, " cancel=%s by=%s", job, by);
    return 0;
}

int golden_tell_kill(struct bytes p, FILE *to)
{
    struct request_kill m;
    char id[9];
    int rc = read_request_kill(p, &m);
    id_hex(m.job.bytes, 8, id);
    fprintf(to, " job=%s", id);
    if (rc == 0 && m.alone)
        fprintf(to, " stage=%u", (unsigned)m.stage);
    return rc == 0 && m.fact.len > 0 ? tell_fact(m.fact, to) : rc;
}
