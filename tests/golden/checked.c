/* A job that asks for checks, and what is told of how many there were. */
#include "core/base/ensure.h"
#include "core/job/fact.h"
#include "core/node/peer.h"
#include "core/wire/message.h"
#include "tests/golden/golden.h"

static void put_job(struct buf *b)
{
    struct job_spec s = {
        .author = golden_node(9), .not_after_s = 1800000000, .name = "golden-6", .check = 50};
    struct signed_bytes sealed = {.certificate = bytes_of_text("a certificate, DER")};
    uint8_t room[2048];
    struct buf body;
    s.stage = (struct stage_spec){.kernel = "sum",
                                  .source = golden_digest(1),
                                  .args = "790",
                                  .units = 790,
                                  .leaf_units = 100,
                                  .accumulator_size = 8};
    buf_init_fixed(&body, room, sizeof room);
    ensure(put_spec(&body, &s) == 0);
    sealed.body = buf_bytes(&body);
    put_signed(b, &sealed);
}

static void put_state(struct buf *b)
{
    const struct job_view v = {.id = golden_job(6),
                               .name = "golden-6",
                               .kernel = "sum",
                               .args = "790",
                               .state = JOB_RUNNING,
                               .units = 790,
                               .leaf_units = 100,
                               .leaves_total = 8,
                               .leaves_done = 7,
                               .checks = true,
                               .checked = 5,
                               .unchecked = 2};
    put_u8(b, 1);
    put_job_id(b, golden_job(6));
    put_u64(b, 4);
    put_job_view(b, &v);
}

static void put_outcome(struct buf *b)
{
    const struct outcome o = {
        .state = JOB_DIVERGENT, .leaves = 8, .checks = true, .checked = 5, .unchecked = 2};
    struct signed_bytes sealed = {.certificate = bytes_of_text("a certificate, DER")};
    uint8_t room[2048], bytes[2048];
    struct buf body, fact;
    buf_init_fixed(&body, room, sizeof room);
    buf_init_fixed(&fact, bytes, sizeof bytes);
    put_outcome_body(&body, golden_job(1), &o);
    sealed.body = buf_bytes(&body);
    put_signed_fact(&fact, FACT_OUTCOME, &sealed);
    put_facts_begin(b, golden_job(1), 9, false, 1);
    put_block(b, buf_bytes(&fact));
}

bool golden_put_checked(size_t i, struct buf *frame)
{
    static const uint8_t types[] = {MESSAGE_REQUEST_SUBMIT, MESSAGE_STATE, MESSAGE_FACTS};
    if (i >= sizeof types)
        return golden_put_owned(i - sizeof types, frame);
    size_t start = frame_begin(frame, types[i], i == 0 ? 7 : 0);
    if (i == 0)
        put_job(frame);
    else if (i == 1)
        put_state(frame);
    else
        put_outcome(frame);
    frame_end(frame, start);
    ensure(!frame->failed);
    return true;
}

void golden_tell_checks(bool checks, uint64_t checked, uint64_t unchecked, FILE *to)
{
    if (checks)
        fprintf(to, " checked=%llu unchecked=%llu", (unsigned long long)checked,
                (unsigned long long)unchecked);
}
