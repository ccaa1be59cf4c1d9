/* Jobs of a rig: making them, handing them over, granting them, and how users see them. */
#include <string.h>

#include "core/base/ensure.h"
#include "core/base/text.h"
#include "tests/lib/rig_inside.h"

static void put_second(struct buf *b, struct stage_spec like, bool twice)
{
    const struct stage_need first = {.stage = 0, .place = 0}, second = {.stage = 0, .place = 1};
    uint8_t raw[2 * STAGE_NEED_BYTES];
    struct buf needs;

    buf_init_fixed(&needs, raw, sizeof raw);
    put_stage_need(&needs, &first);
    if (twice)
        put_stage_need(&needs, &second);
    like.needs_count = twice ? 2 : 1;
    like.needs = buf_bytes(&needs);
    put_stage(b, &like);
    ensure(!b->failed);
}

void rig_job_make(struct rig *r, struct rig_job *j, struct rig_spec s)
{
    static const uint8_t params[PARAMS_SIZE_MAX];
    uint8_t certificate[RIG_CERTIFICATE_SIZE];
    struct job_spec spec = {.author = rig_id(s.author > 0 ? s.author : 0xee),
                            .nonce = {s.nonce},
                            .not_after_s = RIG_WALL_S + 7200,
                            .slots_max = s.slots_max,
                            .timeout_us = s.timeout_us,
                            .cpu_us = s.cpu_us,
                            .priority = s.priority,
                            .waits = s.waits,
                            .open = s.open};
    struct signed_bytes sealed = {.certificate = {certificate, sizeof certificate}};
    uint8_t input[STAGE_INPUT_BYTES], more[1024];
    struct buf body, inputs, second;

    text_copy(spec.stage.kernel, sizeof spec.stage.kernel, "fat");
    if (s.long_args)
        memset(spec.stage.args, 'a', sizeof spec.stage.args - 1);
    spec.stage.source = rig_fat_source();
    spec.stage.params = (struct bytes){params, s.params_len};
    spec.stage.units = s.leaves;
    spec.stage.leaf_units = 1;
    spec.stage.accumulator_size = s.accumulator_size;
    spec.stage.reduction = s.reduction;
    spec.stage.demand = s.demand;
    buf_init_fixed(&inputs, input, sizeof input);
    put_stage_input(&inputs, &s.input);
    spec.stage.inputs_count = s.input.size > 0;
    spec.stage.inputs = (struct bytes){input, s.input.size > 0 ? sizeof input : 0};
    buf_init_fixed(&second, more, sizeof more);
    if (s.chained)
        put_second(&second, spec.stage, s.twice);
    spec.more_count = s.chained;
    spec.more = buf_bytes(&second);
    buf_init(&body, &r->heap.alloc, SPEC_SIZE_MAX);
    ensure(put_spec(&body, &spec) == 0);
    rig_certificate(spec.author, PARTY_USER, certificate);
    sealed.body = buf_bytes(&body);
    buf_init(&j->spec, &r->heap.alloc, FRAME_PAYLOAD_MAX);
    put_signed(&j->spec, &sealed);
    j->id = spec_id(sealed.body);
    buf_clear(&body);
}

void rig_job_clear(struct rig_job *j)
{
    buf_clear(&j->spec);
}

void rig_submit(struct rig *r, uint32_t peer, const struct rig_job *j)
{
    rig_frame(r, peer, MESSAGE_FORWARD, &j->spec);
    rig_run(r, 1000);
}

void rig_put_signed(struct buf *fact, enum fact_kind kind, struct node_id by, struct bytes body)
{
    uint8_t certificate[RIG_CERTIFICATE_SIZE];
    struct signed_bytes sealed = {.certificate = {certificate, sizeof certificate}, .body = body};

    rig_certificate(by, PARTY_NODE, certificate);
    put_signed_fact(fact, kind, &sealed);
}

void rig_put_claim(struct rig *r, uint32_t peer, const struct rig_job *j, uint32_t epoch,
                   struct buf *fact)
{
    struct claim c = {.epoch = epoch, .boot = r->peers[peer].boot, .node = r->peers[peer].id};
    uint8_t bytes[256];
    struct buf body;

    buf_init_fixed(&body, bytes, sizeof bytes);
    put_claim_body(&body, j->id, &c);
    rig_put_signed(fact, FACT_CLAIM, c.node, buf_bytes(&body));
}

void rig_put_outcome(struct buf *fact, const struct rig_job *j, struct node_id by,
                     const struct outcome *o)
{
    uint8_t bytes[512];
    struct buf body;

    buf_init_fixed(&body, bytes, sizeof bytes);
    put_outcome_body(&body, j->id, o);
    rig_put_signed(fact, FACT_OUTCOME, by, buf_bytes(&body));
}

void rig_tell(struct rig *r, uint32_t peer, const struct rig_job *j, uint64_t batch,
              const struct buf *fact)
{
    struct buf b;

    buf_init(&b, &r->heap.alloc, FRAME_PAYLOAD_MAX);
    put_facts_begin(&b, j->id, batch, false, 1);
    put_block(&b, buf_bytes(fact));
    rig_frame(r, peer, MESSAGE_FACTS, &b);
    buf_clear(&b);
}

void rig_show_claim(struct rig *r, uint32_t peer, uint32_t by, const struct rig_job *j,
                    uint32_t epoch)
{
    struct buf fact, b;

    buf_init(&fact, &r->heap.alloc, FRAME_PAYLOAD_MAX);
    buf_init(&b, &r->heap.alloc, FRAME_PAYLOAD_MAX);
    rig_put_claim(r, by, j, epoch, &fact);
    put_job_id(&b, j->id);
    put_block(&b, buf_bytes(&fact));
    rig_frame(r, peer, MESSAGE_CLAIM, &b);
    buf_clear(&fact);
    buf_clear(&b);
}

void rig_tell_outcome(struct rig *r, uint32_t peer, const struct rig_job *j,
                      const struct outcome *o)
{
    struct buf fact;

    buf_init(&fact, &r->heap.alloc, FRAME_PAYLOAD_MAX);
    rig_put_outcome(&fact, j, r->peers[peer].id, o);
    rig_tell(r, peer, j, 2, &fact); /* behind the batch that brought the job */
    buf_clear(&fact);
}

void rig_put_holders(struct buf *fact, const struct rig_job *j, struct node_id by,
                     const struct holders *h)
{
    uint8_t bytes[512];
    struct buf body;

    buf_init_fixed(&body, bytes, sizeof bytes);
    put_holders_body(&body, j->id, h);
    rig_put_signed(fact, FACT_HOLDERS, by, buf_bytes(&body));
}

void rig_hold(struct rig *r, uint32_t peer, const struct rig_job *j)
{
    struct buf fact, b;

    buf_init(&fact, &r->heap.alloc, FRAME_PAYLOAD_MAX);
    buf_init(&b, &r->heap.alloc, FRAME_PAYLOAD_MAX);
    put_facts_begin(&b, j->id, 1, true, 3);
    put_u8(&fact, FACT_SPEC);
    put_u8(&fact, 1);
    put_raw(&fact, j->spec.data, j->spec.len);
    put_block(&b, buf_bytes(&fact));
    buf_reset(&fact);
    rig_put_holders(
        &fact, j, r->peers[peer].id,
        &(struct holders){.generation = 1, .count = 2, .ids = {r->peers[peer].id, r->id}});
    put_block(&b, buf_bytes(&fact));
    buf_reset(&fact);
    rig_put_claim(r, peer, j, 1, &fact);
    put_block(&b, buf_bytes(&fact));
    rig_frame(r, peer, MESSAGE_FACTS, &b);
    buf_clear(&fact);
    buf_clear(&b);
    rig_run(r, 1000);
}

void rig_grant(struct rig *r, uint32_t peer, const struct rig_job *j, uint32_t epoch,
               struct peer_chunk c)
{
    struct peer_grant g = {
        .job = j->id, .spec = buf_bytes(&j->spec), .report_us = 1000, .chunks = 1};
    uint8_t bytes[4096];
    struct buf claim, b;

    g.flags = r->grant_flags;

    buf_init_fixed(&claim, bytes, sizeof bytes);
    rig_put_claim(r, peer, j, epoch, &claim);
    g.claim = buf_bytes(&claim);
    buf_init(&b, &r->heap.alloc, FRAME_PAYLOAD_MAX);
    put_peer_grant_begin(&b, &g);
    put_peer_chunk(&b, &c);
    put_u16(&b, 0);
    rig_frame(r, peer, MESSAGE_GRANT, &b);
    buf_clear(&b);
}

uint32_t rig_start_chunk(struct rig *r, const struct rig_job *j, struct peer_chunk c,
                         uint32_t accumulator_size)
{
    struct worker_loaded m = {.accumulator_size = accumulator_size, .ok = true};
    const struct rig_sent *s;
    uint8_t bytes[64];
    struct buf b;

    rig_grant(r, 0, j, 1, c);
    s = rig_take_order(r, MESSAGE_ORDER_LOAD);
    ensure(s != NULL && rig_take_order(r, MESSAGE_ORDER_RUN) != NULL);
    buf_init_fixed(&b, bytes, sizeof bytes);
    put_worker_loaded(&b, &m);
    rig_worker_frame(r, s->worker, MESSAGE_WORKER_LOADED, &b);
    return s->worker;
}

struct job_view rig_view(struct rig *r, const struct rig_job *j)
{
    struct event ev = {.kind = EVENT_LINK_UP};
    const struct request_watch m = {.job = j->id, .interval_ms = 500};
    struct job_view v = {0};
    const struct rig_sent *s;
    uint8_t bytes[64];
    struct buf b;

    ev.link_up.link = RIG_USER_LINK + ++r->link_counter;
    ev.link_up.party = PARTY_USER;
    ev.link_up.id = rig_id(0xee);
    rig_event(r, &ev);
    buf_init_fixed(&b, bytes, sizeof bytes);
    put_request_watch(&b, &m);
    rig_count(r, RIG_NOBODY, MESSAGE_REPLY_JOB);
    ev = (struct event){.kind = EVENT_FRAME};
    ev.frame.link = RIG_USER_LINK + r->link_counter;
    ev.frame.frame = (struct frame){MESSAGE_REQUEST_WATCH, 1, buf_bytes(&b)};
    rig_event(r, &ev);
    rig_run(r, 10 * MS_US);
    s = rig_take(r, RIG_NOBODY, MESSAGE_REPLY_JOB);
    ensure(s == NULL || read_job_view(s->payload, &v) == 0);
    ev = (struct event){.kind = EVENT_LINK_DOWN};
    ev.link_down.link = RIG_USER_LINK + r->link_counter;
    rig_event(r, &ev);
    return v;
}
