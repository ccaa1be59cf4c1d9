/* Messages that can be written in another way too, and kills, which are told here. */
#include "core/base/ensure.h"
#include "core/base/err.h"
#include "core/wire/frame.h"
#include "core/wire/message.h"
#include "core/wire/request.h"
#include "tests/golden/golden.h"

/* Of a stage alone. */
static void put_kill(uint8_t type, struct buf *b)
{
    const struct request_kill m = {.job = golden_job(1), .alone = true, .stage = 19};
    uint8_t room[1024];
    struct buf fact;
    if (type == MESSAGE_REQUEST_KILL) {
        put_request_kill(b, &m);
        return;
    }
    put_job_id(b, m.job);
    buf_init_fixed(&fact, room, sizeof room);
    golden_put_stage_cancel(&fact);
    put_block(b, buf_bytes(&fact));
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
    return rc;
}

/* Its author is of an older generation than what was told. */
static void put_unread(struct buf *b)
{
    put_job_id(b, golden_job(1));
    put_u64(b, 9);
    put_u8(b, 2);
}

bool golden_message_other(size_t i, struct buf *frame)
{
    static const uint8_t types[] = {
        MESSAGE_SESSION,         MESSAGE_REQUEST_AHEAD, MESSAGE_ORDER_TASKS, MESSAGE_SESSION_TOLD,
        MESSAGE_REQUEST_SESSION, MESSAGE_REQUEST_GET,   MESSAGE_FACTS_KEPT,  MESSAGE_SESSION,
        MESSAGE_ORDER_TASKS,     MESSAGE_REPLY_SESSION, MESSAGE_CANCEL,      MESSAGE_REQUEST_KILL};
    const bool rolled = i == 7 || i == 8;
    if (i >= sizeof types)
        return golden_put_caged(i - sizeof types, frame);
    size_t start = frame_begin(frame, types[i], types[i] >= MESSAGE_REQUEST_SUBMIT ? 7 : 0);
    if (types[i] == MESSAGE_REQUEST_GET)
        golden_put_get(frame);
    else if (types[i] == MESSAGE_FACTS_KEPT)
        put_unread(frame);
    else if (types[i] == MESSAGE_REQUEST_KILL || types[i] == MESSAGE_CANCEL)
        put_kill(types[i], frame);
    else
        golden_put_sized(types[i], rolled, frame);
    frame_end(frame, start);
    ensure(!frame->failed);
    return true;
}
