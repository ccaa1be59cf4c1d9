/* What peers of a rig say and hear about its jobs. */
#include "core/base/ensure.h"
#include "core/base/text.h"
#include "core/node/jobs.h"
#include "core/wire/frame.h"
#include "tests/lib/rig.h"

void rig_put_value(struct buf *b, struct tree_node at, uint32_t size)
{
    uint8_t data[ACCUMULATOR_SIZE_MAX] = {0};
    struct value v = {.at = at, .data = {data, size}};

    store_u32(data, (uint32_t)(at.index << 6 | at.level));
    put_value(b, &v);
}

void rig_forget_given(struct node *n, struct job_id id)
{
    struct job *j = job_find(n, id);

    if (j != NULL && j->lead != NULL)
        j->lead->fresh = false;
}

void rig_report(struct rig *r, uint32_t peer, const struct rig_job *j, struct rig_report m)
{
    struct peer_report_chunk c = {.grant = m.grant,
                                  .from = m.from,
                                  .next = m.next,
                                  .end = m.end,
                                  .compute_us = m.compute_us,
                                  .cpu_us = m.cpu_us,
                                  .flags = m.flags};
    struct buf b;

    if (!r->strict)
        rig_forget_given(r->node, j->id);
    c.values = m.values ? (uint16_t)(m.next - m.from) : 0;
    text_copy(c.cause, sizeof c.cause, m.cause != NULL ? m.cause : "");
    buf_init(&b, &r->heap.alloc, FRAME_PAYLOAD_MAX);
    put_job_id(&b, j->id);
    put_u64(&b, m.seq);
    put_u8(&b, 0);
    put_u64(&b, m.before);
    put_u16(&b, 1);
    put_peer_report_chunk(&b, &c);
    for (uint64_t leaf = m.from; m.values && leaf < m.next; leaf++)
        rig_put_value(&b, (struct tree_node){0, leaf}, m.size);
    rig_frame(r, peer, MESSAGE_REPORT, &b);
    buf_clear(&b);
}

bool rig_take_report(struct rig *r, uint32_t peer, struct peer_report_chunk *c)
{
    const struct rig_sent *s = rig_take(r, peer, MESSAGE_REPORT);
    struct reader in;

    if (s == NULL)
        return false;
    in = reader_of(s->payload);
    read_view(&in, ID_SIZE + 8 + 1 + 8 + 2);
    read_peer_report_chunk(&in, c);
    return !in.failed;
}

bool rig_take_grant(struct rig *r, uint32_t peer, struct peer_chunk *c)
{
    const struct rig_sent *s = rig_take(r, peer, MESSAGE_GRANT);
    struct peer_grant g;

    if (s == NULL)
        return false;
    ensure(read_peer_grant(s->payload, &g) == 0);
    if (g.chunks == 0)
        return rig_take_grant(r, peer, c);
    *c = read_peer_chunk(&g.rest);
    return true;
}
