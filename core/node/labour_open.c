#include "core/node/labour_open.h"

#include "core/base/bytes.h"
#include "core/node/labour.h"
#include "core/node/level.h"
#include "core/node/link.h"
#include "core/node/peer.h"
#include "core/wire/feature.h"

#define REPORT_HEAD (ID_SIZE + 8 + 1 + 8) /* before the count of its chunks: peer.h */
#define ENTRY_SIZE 24u

/* Where the entry of this grant is among those from `at` on. */
static uint8_t *entry_of(const struct buf *b, size_t at, uint64_t grant)
{
    for (; at < b->len; at += ENTRY_SIZE)
        if (load_u64(b->data + at) == grant)
            return b->data + at;
    return NULL;
}

static void add_entry(struct buf *b, size_t at, uint64_t grant, uint64_t next, uint64_t end)
{
    uint8_t *e = entry_of(b, at, grant);

    if (e == NULL && (b->len - at) / ENTRY_SIZE < OPEN_CHUNKS_MAX) {
        put_u64(b, grant);
        put_u64(b, next);
        put_u64(b, end);
    } else if (e != NULL) {
        store_u64(e + 8, next < load_u64(e + 8) ? next : load_u64(e + 8));
        store_u64(e + 16, end > load_u64(e + 16) ? end : load_u64(e + 16));
    }
}

static struct reader reader_of_report(const struct unkept *u, uint16_t *count)
{
    struct reader r = reader_of(u->payload);

    (void)read_view(&r, REPORT_HEAD);
    *count = read_u16(&r);
    return r;
}

/* The next chunk that a report tells of. */
static bool next_told(struct reader *r, uint16_t *count, struct peer_report_chunk *c)
{
    while (*count > 0) {
        --*count;
        read_peer_report_chunk(r, c);
        for (uint16_t i = 0; i < c->values; i++)
            (void)read_value(r);
        if (r->failed)
            return false;
        if ((c->flags & REPORT_MERGED) == 0)
            return true;
    }
    return false;
}

/* Those that wait are the last: none goes out before another. */
static void add_waiting(const struct job *j, struct buf *b, size_t at)
{
    struct peer_report_chunk c;
    uint16_t count;

#if VELUM_PLANT == 686 /* trace/test_outputs_wait: what is done and not told is given out again */
    return;
#endif
    for (const struct unkept *u = j->labour->resend; u != NULL; u = u->next) {
        struct reader r = reader_of_report(u, &count);

        while (next_told(&r, &count, &c))
            if (c.from < c.next)
                add_entry(b, at, c.grant, c.from, c.next);
    }
}

bool labour_open_waits(const struct job *j, uint64_t grant)
{
    struct peer_report_chunk c;
    uint16_t count;

#if VELUM_PLANT == 645 /* trace/test_outputs_wait: what is over and not told is unknown */
    return false;
#endif
    for (const struct unkept *u = j->labour->resend; u != NULL; u = u->next) {
        struct reader r = reader_of_report(u, &count);

        while (next_told(&r, &count, &c))
            if (c.grant == grant && (c.flags & (REPORT_ENDED | REPORT_FAILED)))
                return true;
    }
    return false;
}

void labour_open_tell(struct node *n, struct job *j, struct job_id id, uint32_t epoch,
                      struct node_id to)
{
    struct buf b;
    size_t at;

    buf_init(&b, n->alloc, FRAME_PAYLOAD_MAX);
    put_job_id(&b, id);
    put_u32(&b, epoch);
    put_u16(&b, 0);
    at = b.len;
    if (j != NULL && j->labour != NULL) {
        for (const struct labour_chunk *c = j->labour->chunks; c != NULL; c = c->next_chunk)
            add_entry(&b, at, c->grant, c->next, c->end);
        add_waiting(j, &b, at);
    }
    if (!b.failed) {
        store_u16(b.data + at - 2, (uint16_t)((b.len - at) / ENTRY_SIZE));
        send_node(n, to, MESSAGE_OPEN, 0, buf_bytes(&b));
    }
    buf_clear(&b);
}

void labour_open_computed(struct job *j, const struct unkept *u)
{
    struct node *n = j->node;
    uint64_t grants[GRANT_CHUNKS_MAX];
    struct peer_report_chunk c;
    uint16_t left, count = 0;
    struct reader r = reader_of_report(u, &left);

    if (level_is_below(n, j->labour->claim.node, FEATURE_COMPUTED))
        return;
    while (count < GRANT_CHUNKS_MAX && next_told(&r, &left, &c))
        if ((c.flags & (REPORT_ENDED | REPORT_FAILED)) == REPORT_ENDED)
            grants[count++] = c.grant;
    if (count > 0)
        labour_send_return(n, j->labour->claim.node, j->id, RETURN_COMPUTED, "", grants, count);
}
