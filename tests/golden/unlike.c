/* That two compilers make two kernels of a snippet: what a worker, nodes and the view of a job say
 * of it. */
#include "core/base/ensure.h"
#include "core/base/err.h"
#include "core/base/text.h"
#include "core/job/fact.h"
#include "core/wire/field.h"
#include "core/wire/message.h"
#include "tests/golden/golden.h"

static const struct unlike *sample(void)
{
    static struct unlike u = {.leaf = 4, .compiler = "gcc"};
    u.digests[0] = golden_digest(1);
    u.digests[1] = golden_digest(2);
    u.author = golden_node(2);
    return &u;
}

bool golden_is_unlike(uint8_t type)
{
    return type == MESSAGE_UNLIKE;
}

/* Found, and told. */
static void put_message(uint8_t what, struct buf *b)
{
    uint8_t room[256];
    struct buf fact;
    buf_init_fixed(&fact, room, sizeof room);
    put_unlike(&fact, sample());
    put_job_id(b, golden_job(1));
    put_u8(b, what);
    put_block(b, buf_bytes(&fact));
}

void golden_put_unlike(struct buf *b)
{
    put_message(0, b);
}

int golden_tell_unlike(struct bytes payload, FILE *to)
{
    struct reader r = reader_of(payload);
    struct fact f;
    char job[9], node[9], digests[2][9];
    id_hex(read_job_id(&r).bytes, 8, job);
    const uint8_t what = read_choice(&r, 0, 1);
    if (fact_read(read_block(&r, FRAME_PAYLOAD_MAX), &f) < 0 || f.kind != FACT_UNLIKE)
        return ERR_FORMAT;
    id_hex(f.unlike.author.bytes, 8, node);
    for (size_t i = 0; i < 2; i++)
        id_hex(f.unlike.digests[i].bytes, 8, digests[i]);
    fprintf(to, " job=%s what=%u leaf=%llu tcc=%s cc=%s node=%s compiler=\"%s\"", job, what,
            (unsigned long long)f.unlike.leaf, digests[0], digests[1], node, f.unlike.compiler);
    return reader_result(&r);
}

static void put_load(struct buf *b)
{
    const struct order_load load = {.kernel = "sum",
                                    .source = golden_digest(1),
                                    .origin = ORIGIN_SNIPPET,
                                    .path = "/state/objects/0101",
                                    .built = "/state/built/0101.so",
                                    .leaf_us = 600000000};
    put_order_load(b, &load);
}

static void put_failed(struct buf *b)
{
    const struct worker_failed failed = {.run = 12,
                                         .leaf = 4,
                                         .reason = "two",
                                         .differs = true,
                                         .digests = {golden_digest(1), golden_digest(2)}};
    put_worker_failed(b, &failed);
}

static void put_view(struct buf *b)
{
    const struct job_view v = {.id = golden_job(1),
                               .kernel = "sum",
                               .state = JOB_RUNNING,
                               .leaves_total = 8,
                               .tier = "libtcc's code only: on n2 gcc's code gives another value"};
    put_job_view(b, &v);
}

bool golden_put_unlikes(size_t i, struct buf *frame)
{
    static const uint8_t types[] = {MESSAGE_UNLIKE, MESSAGE_ORDER_LOAD, MESSAGE_WORKER_FAILED,
                                    MESSAGE_REPLY_JOB};
    if (i >= sizeof types)
        return golden_put_checked(i - sizeof types, frame);
    size_t start = frame_begin(frame, types[i], types[i] >= MESSAGE_REQUEST_SUBMIT ? 7 : 0);
    if (i == 0)
        put_message(1, frame);
    else if (i == 1)
        put_load(frame);
    else if (i == 2)
        put_failed(frame);
    else
        put_view(frame);
    frame_end(frame, start);
    ensure(!frame->failed);
    return true;
}
