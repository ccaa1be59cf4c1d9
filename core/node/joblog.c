#include "core/node/joblog.h"

#include <string.h>

#include "core/base/err.h"
#include "core/node/jobs.h"
#include "core/node/lead.h"
#include "core/node/link.h"
#include "core/node/record.h"

#define LOG_FIRST_CAP 512
#define SHOWN_MAX 57344 /* of it fit a frame */

/* Room for so many bytes more at the end, dropping the older half where it is full. */
static int log_room(struct job *j, size_t more)
{
    size_t cap = j->log_cap == 0 ? LOG_FIRST_CAP : j->log_cap, keep = LOG_TAIL_MAX / 2;
    void *log = j->log;

    if (j->log_len + more > LOG_TAIL_MAX) {
        keep = keep < j->log_len ? keep : j->log_len;
        memmove(j->log, j->log + j->log_len - keep, keep);
        j->log_len = keep;
    }
    while (cap < j->log_len + more)
        cap *= 2;
    if (cap == j->log_cap)
        return 0;
    if (alloc_grow(j->node->alloc, &log, j->log_cap, cap, 1) < 0)
        return ERR_NO_MEMORY;
    j->log = log;
    j->log_cap = cap;
    return 0;
}

static int log_append(struct job *j, struct bytes text)
{
    if (text.len > LOG_TAIL_MAX / 2) {
        text.data += text.len - LOG_TAIL_MAX / 2;
        text.len = LOG_TAIL_MAX / 2;
    }
    if (text.len == 0)
        return 0;
    if (log_room(j, text.len) < 0)
        return ERR_NO_MEMORY;
    memcpy(j->log + j->log_len, text.data, text.len);
    j->log_len += text.len;
    return 0;
}

static void log_send(struct job *j, struct node_id to, bool whole, struct bytes text)
{
    struct buf b;

    buf_init(&b, j->node->alloc, FRAME_PAYLOAD_MAX);
    put_job_id(&b, j->id);
    put_u8(&b, whole);
    put_block(&b, text);
    if (!b.failed)
        send_node(j->node, to, MESSAGE_LOG, 0, buf_bytes(&b));
    else
        j->node->memory_out |= b.no_memory;
    buf_clear(&b);
}

static bool has_worked(const struct job *j, struct node_id id)
{
    const struct hand *h = lead_hand(j->lead, id);

    return h != NULL && (h->knows_spec || h->seq_seen > 0 || pool_chunks_of(j->lead->pool, id) > 0);
}

/* At the coordinator from whoever works for it; at a holder from the coordinator. */
static bool may_log(const struct job *j, struct node_id from)
{
    const struct claim *c = j->ledger == NULL ? NULL : ledger_claim(j->ledger);

    if (j->lead != NULL)
        return has_worked(j, from);
    return c != NULL && node_id_equal(c->node, from) && !node_is_self(j->node, from);
}

/* A holder that got an ended job gets the log with it, from whoever had it before. */
static int log_inherit(struct job *j, struct node_id from, bool whole, struct bytes text)
{
    int rc;

    if (!whole || j->log_len > 0 || !ledger_was_holder(j->ledger, from))
        return 0;
    rc = log_append(j, text);
    if (rc == 0)
        joblog_end(j);
    return rc;
}

int joblog_frame(struct node *n, struct node_id from, struct bytes payload)
{
    struct reader r = reader_of(payload);
    struct job_id id = read_job_id(&r);
    bool whole = read_u8(&r) != 0;
    struct bytes text = read_block(&r, FRAME_PAYLOAD_MAX);
    struct job *j = job_find(n, id);
    int rc;

    if (!reader_done(&r))
        return ERR_FORMAT;
    if (j != NULL && j->shrunk)
        return log_inherit(j, from, whole, text);
    if (j == NULL || !may_log(j, from))
        return 0;
    if (whole && j->lead == NULL)
        j->log_len = 0;
    rc = log_append(j, text);
    for (uint8_t i = 0; rc == 0 && j->lead != NULL && i < j->replicas_count; i++)
        if (j->replicas[i].whole && link_has_room(n, j->replicas[i].id))
            log_send(j, j->replicas[i].id, false, text);
    return rc;
}

void joblog_show(struct job *j, struct node_id to)
{
    size_t len = j->log_len < SHOWN_MAX ? j->log_len : SHOWN_MAX;

    if (len > 0)
        log_send(j, to, true, (struct bytes){j->log + j->log_len - len, len});
}

static void log_shrink(struct job *j)
{
    size_t keep = j->log_len < LOG_KEPT_MAX ? j->log_len : LOG_KEPT_MAX;
    uint8_t *log;

    memmove(j->log, j->log + j->log_len - keep, keep);
    log = j->node->alloc->resize(j->node->alloc->ctx, j->log, j->log_cap, keep > 0 ? keep : 1);
    if (log == NULL)
        return;
    j->log = log;
    j->log_cap = keep > 0 ? keep : 1;
    j->log_len = keep;
}

void joblog_end(struct job *j)
{
    struct buf b;
    uint64_t ticket;

    if (j->log == NULL)
        return;
    log_shrink(j);
    buf_init(&b, j->node->alloc, LOG_KEPT_MAX + 64);
    put_job_id(&b, j->id);
    put_raw(&b, j->log, j->log_len < LOG_KEPT_MAX ? j->log_len : LOG_KEPT_MAX);
    if (b.failed)
        j->node->memory_out |= b.no_memory;
    else if (j->log_len > 0 && !j->node->replaying)
        store_record(j->node, RECORD_LOG, buf_bytes(&b), &ticket);
    buf_clear(&b);
}

int joblog_replay(struct node *n, struct bytes payload)
{
    struct reader r = reader_of(payload);
    struct job *j = job_find(n, read_job_id(&r));
    struct bytes text = read_view(&r, reader_left(&r));

    if (r.failed || text.len > LOG_KEPT_MAX)
        return ERR_FORMAT;
    if (j == NULL)
        return 0;
    j->log_len = 0;
    return log_append(j, text);
}

void joblog_snapshot(const struct job *j, struct buf *to)
{
    size_t len = j->log_len < LOG_KEPT_MAX ? j->log_len : LOG_KEPT_MAX;

    if (!j->shrunk || len == 0)
        return;
    put_u16(to, RECORD_LOG);
    put_u32(to, (uint32_t)(ID_SIZE + len));
    put_job_id(to, j->id);
    put_raw(to, j->log + j->log_len - len, len);
}

void joblog_free(struct job *j)
{
    if (j->log != NULL)
        alloc_free(j->node->alloc, j->log, j->log_cap);
    j->log = NULL;
    j->log_len = j->log_cap = 0;
}
