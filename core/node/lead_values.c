#include "core/node/lead_values.h"

#include "core/base/err.h"
#include "core/node/jobs.h"
#include "core/node/link.h"
#include "core/node/stages.h"

#define BLOCK_HEAD 4u
#define FRAMES_MAX 8 /* in one answer; the rest is asked for again */

/* One frame of what the stage yielded from output `from` on. Returns how many went, 0: no more. */
static uint16_t send_some(struct job *j, uint32_t stage, uint16_t from, struct node_id to)
{
    const struct cover *cover = ledger_cover(j->ledger);
    struct shape_stage in = stage_leaves(j, stage);
    struct peer_input m = {.job = j->id, .stage = stage, .from = from};
    uint32_t at = cover_index(cover, in.first) + from;
    struct buf b;
    size_t count_at;

    if (cover_is_spent(cover, stage))
        return 0;
    buf_init(&b, j->node->alloc, FRAME_PAYLOAD_MAX);
    put_peer_input(&b, &m, true);
    count_at = b.len - 2;
    for (; at < cover_count(cover) && m.count < UINT16_MAX; at++, m.count++) {
        const struct value *v = cover_at(cover, at);

        if (tree_first(v->at) >= in.end || b.len + BLOCK_HEAD + v->data.len > FRAME_PAYLOAD_MAX)
            break;
        put_block(&b, v->data);
    }
    if (!b.failed && m.count > 0) {
        store_u16(b.data + count_at, m.count);
        send_node(j->node, to, MESSAGE_INPUT_VALUES, 0, buf_bytes(&b));
    } else if (b.failed) {
        j->node->memory_out = true;
        m.count = 0;
    }
    buf_clear(&b);
    return m.count;
}

static void send_all(struct job *j, uint32_t stage, uint16_t from, struct node_id to)
{
    uint16_t sent = 1;

    for (int i = 0; i < FRAMES_MAX && sent > 0; i++) {
        sent = send_some(j, stage, from, to);
        from = (uint16_t)(from + sent);
    }
}

int lead_values_wanted(struct node *n, struct node_id from, struct bytes payload)
{
    struct peer_input m;
    struct job *j;

    if (read_peer_input(payload, &m, false) < 0)
        return ERR_FORMAT;
    j = job_find(n, m.job);
    if (j == NULL || j->lead == NULL || m.stage >= j->graph->count ||
        ledger_cover(j->ledger) == NULL || ready_at(&j->lead->ready, m.stage) != STAGE_DONE)
        return 0;
    send_all(j, m.stage, m.from, from);
    return 0;
}

void lead_values_ahead(struct job *j, uint32_t stage, struct hand *to)
{
    struct stage_spec room;
    const struct stage_spec *s;
    struct stage_need need;

    if (!j->graph->stages[stage].reads || j->graph->stages[stage].needs_count == 0 ||
        to->told_for == stage + 1)
        return;
    to->told_for = stage + 1;
    s = stage_spec_of(j, stage, &room);
    for (uint16_t i = 0; i < s->needs_count; i++) {
        need = stage_need_at(s->needs, i);
        if (need.place == NEED_ORDER || ready_at(&j->lead->ready, need.stage) != STAGE_DONE)
            return;
        send_all(j, need.stage, 0, to->id);
    }
}
