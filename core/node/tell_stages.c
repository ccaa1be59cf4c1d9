#include "core/node/tell_stages.h"

#include "core/node/link.h"
#include "core/node/seal.h"
#include "core/node/stages.h"

#define LISTS_ROOM ((size_t)FRAME_PAYLOAD_MAX - 12288u) /* beside a title, with its certificate */
#define SPEC_BESIDE_MAX 2048u

/* A grant of nothing: the node keeps the job, because leaves follow. */
static bool send_more(struct job *j, struct hand *h, bool lists)
{
    struct node *n = j->node;
    struct peer_grant g = {.job = j->id, .flags = GRANT_MORE, .report_us = j->lead->report_us};
    uint32_t told = h->stages_told;
    struct buf room, b;
    bool sent;

    g.claim = ledger_claim_fact(j->ledger);
    if (!h->knows_spec)
        g.spec = ledger_spec_signed(j->ledger);
    buf_init(&room, n->alloc, FRAME_PAYLOAD_MAX);
    buf_init(&b, n->alloc, FRAME_PAYLOAD_MAX);
    if (lists) {
        told = stages_put_lists(j, told, LISTS_ROOM, &room);
        g.flags |= GRANT_STAGES;
        g.lists = buf_bytes(&room);
    }
    put_peer_grant_begin(&b, &g);
    put_u16(&b, 0);
    n->memory_out |= b.failed || room.failed;
    sent = !b.failed && !room.failed && send_node(n, h->id, MESSAGE_GRANT, 0, buf_bytes(&b));
    buf_clear(&room);
    buf_clear(&b);
    h->knows_spec |= sent;
    h->stages_told = sent ? told : h->stages_told;
    return sent;
}

bool tell_stages(struct job *j, struct hand *h, uint32_t stage)
{
    if (node_is_self(j->node, h->id) || stage < j->graph->of_spec || stage < h->stages_told)
        return true;
    job_seal(j);
#if VELUM_PLANT == 528 /* trace/test_append: workers hear nothing of what is appended */
    h->stages_told = j->graph->count;
#endif
    if (!h->knows_spec && ledger_spec_signed(j->ledger).len > SPEC_BESIDE_MAX &&
        !send_more(j, h, false))
        return false;
    while (h->stages_told <= stage) {
        uint32_t before = h->stages_told;

        if (!send_more(j, h, true) || h->stages_told == before)
            return false;
    }
    return true;
}
