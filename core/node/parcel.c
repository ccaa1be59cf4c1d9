#include "core/node/parcel.h"

#include "core/base/ensure.h"
#include "core/node/jobs.h"
#include "core/node/link.h"
#include "core/node/seal.h"

bool parcel_frame(struct node *n, struct job_id job, struct node_id to, uint64_t batch, bool first,
                  uint16_t count, struct bytes facts)
{
    struct buf b;
    bool sent = false;

    buf_init(&b, n->alloc, FRAME_PAYLOAD_MAX);
    put_facts_begin(&b, job, batch, first, count);
    put_raw(&b, facts.data, facts.len);
    if (b.failed)
        n->memory_out |= b.no_memory;
    else
        sent = send_node(n, to, MESSAGE_FACTS, 0, buf_bytes(&b));
    buf_clear(&b);
    return sent;
}

size_t parcel_cut(struct bytes facts, size_t at, uint64_t most, uint16_t *count)
{
    struct reader r = reader_of(facts);
    size_t end = at;

    r.at = at;
    *count = 0;
    while (reader_left(&r) > 0) {
        read_block(&r, FRAME_PAYLOAD_MAX);
        ensure(!r.failed);
        if (*count > 0 && r.at - at > most)
            break;
        end = r.at;
        ++*count;
    }
    return end;
}

static void next_frame(struct node *n, struct parcel *p, struct node_id to)
{
    uint16_t count;
    size_t end = parcel_cut(buf_bytes(&p->facts), p->at, n->limits.frame_bytes, &count);

    (void)parcel_frame(n, p->job, to, 0, false, count,
                       (struct bytes){p->facts.data + p->at, end - p->at});
    p->at = end;
}

bool parcel_send(struct node *n, struct parcel *p, struct node_id to)
{
    bool gone = job_find(n, p->job) == NULL;

#if VELUM_PLANT == 561 /* trace/test_parcels: a large ledger goes out in one go, room or not */
    while (!gone && p->at < p->facts.len)
#else
    while (!gone && p->at < p->facts.len && link_has_room(n, to))
#endif
        next_frame(n, p, to);
    if (!gone && p->at < p->facts.len)
        return false;
    parcel_clear(n, p);
    return true;
}

bool parcel_is_empty(const struct parcel *p)
{
    return p->facts.len == 0;
}

void parcel_clear(struct node *n, struct parcel *p)
{
    n->parcel_bytes -= p->held;
    buf_clear(&p->facts);
    p->at = p->held = 0;
}

size_t parcel_room(const struct node *n)
{
    size_t most = n->limits.parcel_bytes;

#if VELUM_PLANT == 643 /* trace/test_parcels: what waits for all peers together has no bound */
    return PARCEL_BYTES_MAX;
#endif
    if (n->parcel_bytes == 0)
        return PARCEL_BYTES_MAX;
    return n->parcel_bytes < most ? most - n->parcel_bytes : 0;
}

bool parcel_hold(struct node *n, struct parcel *p)
{
    if (p->facts.cap > parcel_room(n))
        return false;
    p->held = p->facts.cap;
    n->parcel_bytes += p->held;
    return true;
}
