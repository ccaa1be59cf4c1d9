/* Messages that can be written in another way too. */
#include "core/base/ensure.h"
#include "core/base/err.h"
#include "core/wire/frame.h"
#include "core/wire/message.h"
#include "core/wire/request.h"
#include "core/wire/view.h"
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

/* Of one kernel alone, with its manual. */
static void put_kernel(uint8_t type, struct buf *b)
{
    static const struct kernel_view v = {.name = "sum",
                                         .source = {{1, 2}},
                                         .origin = ORIGIN_PLUGIN,
                                         .path = "/plugins/sum.so",
                                         .usage = "N",
                                         .summary = "adds up; N from 1",
                                         .accumulator_size = 8,
                                         .memory = 4096,
                                         .limits = "N from 1",
                                         .manual = "Parameters:\n  N  how many\n"};
    if (type == MESSAGE_REQUEST_KERNELS) {
        put_text(b, v.name);
        return;
    }
    put_kernel_view(b, &v);
    put_kernel_manual(b, &v);
}

int golden_tell_kernels(struct bytes p, FILE *to)
{
    char only[KERNEL_NAME_SIZE];
    struct reader r = reader_of(p);
    if (p.len == 0)
        return 0;
    read_text(&r, only, sizeof only);
    fprintf(to, " only=\"%s\"", only);
    return reader_done(&r) ? 0 : ERR_FORMAT;
}

static void say_lines(const char *text, FILE *to)
{
    fputs(" manual=\"", to);
    for (; *text; text++)
        fprintf(to, *text == '\n' ? "\\n" : "%c", *text);
    fputc('"', to);
}

int golden_tell_kernel(struct bytes p, FILE *to)
{
    static struct kernel_view v;
    char id[9];
    int rc = read_kernel_view(p, &v);
    id_hex(v.source.bytes, 8, id);
    fprintf(to, " name=\"%s\" source=%s origin=%u accumulator=%u reduction=%u files_from=%u",
            v.name, id, v.origin, (unsigned)v.accumulator_size, v.reduction,
            (unsigned)v.files_from);
    fprintf(to, " then=\"%s\" path=\"%s\" usage=\"%s\" summary=\"%s\" refused=\"%s\"", v.then,
            v.path, v.usage, v.summary, v.refused);
    if (v.limits[0]) {
        fprintf(to, " memory=%u limits=\"%s\"", (unsigned)v.memory, v.limits);
        say_lines(v.manual, to);
    }
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
        MESSAGE_SESSION,         MESSAGE_REQUEST_AHEAD,   MESSAGE_ORDER_TASKS,
        MESSAGE_SESSION_TOLD,    MESSAGE_REQUEST_SESSION, MESSAGE_REQUEST_GET,
        MESSAGE_FACTS_KEPT,      MESSAGE_SESSION,         MESSAGE_ORDER_TASKS,
        MESSAGE_REPLY_SESSION,   MESSAGE_CANCEL,          MESSAGE_REQUEST_KILL,
        MESSAGE_REQUEST_KERNELS, MESSAGE_REPLY_KERNEL,    MESSAGE_WORKER_DESCRIBED};
    const bool rolled = i == 7 || i == 8;
    if (i >= sizeof types)
        return golden_put_caged(i - sizeof types, frame);
    size_t start = frame_begin(frame, types[i], types[i] >= MESSAGE_REQUEST_SUBMIT ? 7 : 0);
    if (types[i] == MESSAGE_REQUEST_GET)
        golden_put_get(frame);
    else if (types[i] == MESSAGE_FACTS_KEPT)
        put_unread(frame);
    else if (i >= 12)
        put_kernel(types[i], frame);
    else if (types[i] == MESSAGE_REQUEST_KILL || types[i] == MESSAGE_CANCEL)
        put_kill(types[i], frame);
    else
        golden_put_sized(types[i], rolled, frame);
    frame_end(frame, start);
    ensure(!frame->failed);
    return true;
}
