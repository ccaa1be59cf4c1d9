/* What the workers of this node did, told to the coordinator: gathered for a few milliseconds, sent
 * as one REPORT, and sent again until the holders have synced it. */
#include "core/node/labour_report.h"

#include "core/base/err.h"
#include "core/node/jobs.h"
#include "core/node/labour.h"
#include "core/node/labour_output.h"
#include "core/node/link.h"

static void pending_room(struct job *j, size_t more)
{
    struct labour *l = j->labour;

    if (l->pending_count > 0 && l->pending.len + more > j->node->limits.report_bytes)
        labour_report_flush(j);
    if (l->pending_count == 0)
        l->pending_since = j->node->now;
}

static void pending_add(struct job *j, const struct peer_report_chunk *c, struct bytes values)
{
    struct labour *l = j->labour;

    pending_room(j, values.len + 512);
    put_peer_report_chunk(&l->pending, c);
    put_raw(&l->pending, values.data, values.len);
    /* Values were bounded when they came, so it is memory that ran out. */
    if (l->pending.failed)
        j->node->memory_out = true;
    l->pending_count++;
    l->touched = j->node->now;
    job_mark_busy(j);
}

/* The values of a worker's frame, checked: what is not a value of this job within [first, end), or
 * would not fit a report, never leaves the node. */
static int check_values(const struct job *j, struct reader r, uint16_t count, uint64_t first,
                        uint64_t end, struct bytes *raw)
{
    uint64_t leaves = job_leaves(j);

    *raw = (struct bytes){r.data + r.at, r.len - r.at};
    for (uint16_t i = 0; i < count; i++) {
        struct value v = read_value(&r);

        if (r.failed || !stage_value(&j->spec->stage, &v) || tree_first(v.at) < first ||
            tree_end(v.at, leaves) > end ||
            (j->spec->stage.reduction == REDUCE_COLLECT && !labour_output_is_here(j->node, v.data)))
            return ERR_FORMAT;
    }
    return reader_done(&r) && raw->len <= PROGRESS_VALUES_MAX ? 0 : ERR_FORMAT;
}

int labour_report_progress(struct job *j, struct labour_chunk *c, const struct worker_progress *p)
{
    struct node *n = j->node;
    struct peer_report_chunk r = {.grant = c->grant,
                                  .from = c->next,
                                  .next = p->next,
                                  .end = c->end,
                                  .compute_us = p->compute_us,
                                  .cpu_us = p->cpu_us,
                                  .values = p->count};
    struct bytes raw;

    if (p->next < c->next || p->next > c->end ||
        check_values(j, p->rest, p->count, c->first, c->end, &raw) < 0 ||
        p->compute_us > (uint64_t)(24 * 3600) * S_US || p->cpu_us > (uint64_t)(24 * 3600) * S_US)
        return ERR_FORMAT;
    if (p->next > c->next && p->compute_us > 0) {
        double speed =
            (double)(p->next - c->next) * (double)j->spec->stage.leaf_units / (double)p->compute_us;

        n->speed_units_us = n->speed_units_us == 0 ? speed : n->speed_units_us * 0.8 + speed * 0.2;
    }
    c->next = p->next;
#if VELUM_PLANT != 272 /* trace/test_labour: all leaves of a chunk share the limit of one */
    c->moved = n->now;
#endif
    j->labour->served_us += p->compute_us;
    if (p->ended)
        r.flags |= REPORT_ENDED;
    r.end = c->end;
    pending_add(j, &r, raw);
    if (p->ended) {
        j->labour->pending_now = true;
        labour_chunk_remove(j, c);
    }
    return 0;
}

void labour_report_border(struct job *j, const struct labour_chunk *c, uint8_t flags,
                          const char *cause)
{
    struct peer_report_chunk r = {
        .grant = c->grant, .from = c->next, .next = c->next, .end = c->end, .flags = flags};

    text_copy(r.cause, sizeof r.cause, cause);
    pending_add(j, &r, (struct bytes){NULL, 0});
    j->labour->pending_now = true;
}

void labour_report_trimmed(struct job *j, struct labour_chunk *c, uint64_t end)
{
    if (end < c->next || end > c->end)
        return;
    c->end = end;
    labour_report_border(j, c, 0, "");
}

int labour_report_merged(struct job *j, const struct worker_merged *m)
{
    struct peer_report_chunk r = {
        .compute_us = m->compute_us, .flags = REPORT_MERGED, .values = m->count};
    struct bytes raw;

    if (j->labour == NULL)
        return 0;
    if (check_values(j, m->rest, m->count, 0, job_leaves(j), &raw) < 0)
        return ERR_FORMAT;
    pending_add(j, &r, raw);
    j->labour->pending_now = true;
    return 0;
}

void labour_report_merge_failed(struct job *j, uint8_t flags, const char *cause)
{
    struct peer_report_chunk r = {.flags = (uint8_t)(flags | REPORT_FAILED | REPORT_MERGED)};

    if (j->labour == NULL)
        return;
    text_copy(r.cause, sizeof r.cause, cause);
    pending_add(j, &r, (struct bytes){NULL, 0});
    j->labour->pending_now = true;
}

void labour_report_failed(struct job *j, struct labour_chunk *c, uint8_t flags, const char *cause)
{
    labour_report_border(j, c, flags, cause);
    labour_chunk_remove(j, c);
}

void labour_report_flush(struct job *j)
{
    struct node *n = j->node;
    struct labour *l = j->labour;
    struct unkept *u;
    struct buf b;

    if (l == NULL || l->pending_count == 0)
        return;
    buf_init(&b, n->alloc, FRAME_PAYLOAD_MAX);
    put_job_id(&b, j->id);
    l->seq = ++n->report_counter;
    put_u64(&b, l->seq);
    put_u8(&b, 0);
    put_u64(&b, l->unkept_last == NULL ? 0 : l->unkept_last->seq);
    put_u16(&b, l->pending_count);
    put_raw(&b, l->pending.data, l->pending.len);
    u = b.failed ? NULL : node_alloc(n, sizeof *u);
    if (u != NULL) {
        u->seq = l->seq;
        u->payload = bytes_copy(n, buf_bytes(&b));
        if (l->unkept_last == NULL)
            l->unkept_first = u;
        else
            l->unkept_last->next = u;
        l->unkept_last = u;
        l->unkept_bytes += u->payload.len;
        /* Behind others that are on their way it takes its turn. */
        u->sent = l->resend == NULL;
        if (u->sent)
            send_node(n, l->claim.node, MESSAGE_REPORT, 0, buf_bytes(&b));
    } else {
        n->memory_out = true;
    }
    buf_clear(&b);
    buf_reset(&l->pending);
    l->pending_count = 0;
    l->pending_now = false;
}

/* There may be megabytes of them: no more at once than the link has room for. */
static void resend_some(struct job *j)
{
    struct node *n = j->node;
    struct labour *l = j->labour;
    bool self = node_is_self(n, l->claim.node);
    struct unkept *u;

#if VELUM_PLANT == 147 /* trace/test_labour: all that nobody has confirmed goes out at once */
    self = true;
#endif
    if (l->resend != NULL && !self && !member_works(n, l->claim.node))
        mesh_want_link(n->mesh, l->claim.node, n->now);
    while ((u = l->resend) != NULL && (self || link_has_room(n, l->claim.node))) {
        uint8_t *again = (uint8_t *)(uintptr_t)u->payload.data + ID_SIZE + 8;

        *again = u->sent;
        store_u64(again + 1, l->resend_before);
        l->resend_before = u->seq;
        l->resend = u->next;
        u->sent = true;
        send_node(n, l->claim.node, MESSAGE_REPORT, 0, u->payload);
    }
    if (l->resend == NULL && l->open_due)
        labour_tell_open(j);
}

void labour_report_flush_due(struct node *n)
{
    for (struct job *j = n->labour_jobs; j != NULL; j = j->next_labour) {
        if (j->labour->resend != NULL)
            resend_some(j);
        if (j->labour->pending_count > 0 &&
            (j->labour->pending_now ||
             instant_since_us(n->now, j->labour->pending_since) >= n->limits.coalesce_us))
            labour_report_flush(j);
    }
}

void labour_report_forget(struct job *j, uint64_t seq)
{
    struct labour *l = j->labour;
    struct unkept *u;

    while ((u = l->unkept_first) != NULL && u->seq <= seq) {
        l->unkept_first = u->next;
        l->resend = l->resend == u ? u->next : l->resend;
#if VELUM_PLANT != 105 /* sim: what was confirmed still counts as unconfirmed */
        l->unkept_bytes -= u->payload.len;
#endif
        bytes_free(j->node, u->payload);
        alloc_free(j->node->alloc, u, sizeof *u);
    }
    if (l->unkept_first == NULL)
        l->unkept_last = NULL;
}

int labour_report_kept(struct node *n, struct node_id from, struct bytes payload)
{
    struct reader r = reader_of(payload);
    struct job_id id = read_job_id(&r);
    uint64_t seq = read_u64(&r);
    struct job *j = job_find(n, id);

    if (!reader_done(&r))
        return ERR_FORMAT;
    if (j != NULL && j->labour != NULL && node_id_equal(from, j->labour->claim.node))
        labour_report_forget(j, seq);
    return 0;
}

void labour_report_resend(struct job *j)
{
    j->labour->resend = j->labour->unkept_first;
    j->labour->resend_before = 0;
    resend_some(j);
}
