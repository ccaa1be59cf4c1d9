/* All that is read of somebody without a certificate: one frame, JOIN, of at most JOIN_REQUEST_MAX
 * bytes; and of who has one and wants another, RENEW. With join_desk.c this is what a stranger can
 * reach behind TLS. */
#include "core/base/err.h"
#include "core/host/connection.h"
#include "core/host/memory.h"
#include "core/wire/join.h"
#include "core/wire/message.h"

#define FRAME_MAX (JOIN_REQUEST_MAX + FRAME_HEADER_SIZE)

static void end(struct connection *k, int fault)
{
    connection_fail(k, LINK_GARBAGE, DIAL_FAILED, fault);
}

/* The answer is written, and what comes then is dropped until the other side closes. */
static void answer(struct connection *k, const struct frame *f)
{
    const struct instant began = loop_clock();
    uint8_t exporter[32], type = f->type;
    int party = 0;
    struct join_caller from = {.fd = k->stream.fd, .exporter = exporter};
    struct buf payload;
    const struct linkset_events *to = &k->set->events;
    buf_init(&payload, &host_memory, FRAME_PAYLOAD_MAX);
    int rc = to->join ? tls_join_exporter(k->stream.tls, exporter) : ERR_UNSUPPORTED;
    tls_peer(k->stream.tls, &from.peer.id, &party, &from.peer.certificate);
    from.peer.party = (enum party)party;
    if (rc == 0)
        rc = to->join(to->ctx, &from, f->payload, &type, &payload);
    connection_charge(k, instant_since_us(loop_clock(), began));
    if (rc == 0) {
        connection_put(k, type, 0, buf_bytes(&payload));
        connection_enter(k, LINK_CLOSING);
        connection_deadline(k, instant_plus_us(loop_clock(), LINK_CLOSE_US));
    } else {
        end(k, rc);
    }
    buf_clear(&payload);
}

/* A header that announces more than there may be ends it at once. */
static void look(struct connection *k)
{
    struct frame frame;
    int n = frame_take(buf_bytes(&k->in), &frame);
    if (n < 0)
        end(k, n);
    else if (n == 0 && frame_missing(buf_bytes(&k->in)) > FRAME_MAX - k->in.len)
        end(k, ERR_TOO_LARGE);
    else if (n > 0 && frame.type != MESSAGE_JOIN && frame.type != MESSAGE_RENEW)
        end(k, ERR_FORMAT);
    else if (n > 0)
        answer(k, &frame);
}

/* Never beyond the end of the one frame. */
void connection_join_read(struct connection *k)
{
    while (k->phase == LINK_JOINING) {
        size_t room = frame_missing(buf_bytes(&k->in));
        uint8_t *to = buf_reserve(&k->in, room);
        int n = to ? stream_read(&k->stream, to, room) : ERR_NO_MEMORY;
        if (n < 0)
            end(k, n);
        if (n <= 0)
            return;
        k->in.len += (size_t)n;
        look(k);
    }
}

void connection_join_begin(struct connection *k)
{
    k->out_max = FRAME_SIZE_MAX;
    connection_enter(k, LINK_JOINING);
    connection_deadline(k, instant_plus_us(loop_clock(), LINK_JOIN_US));
    watch_set(k->watch, true, false);
    connection_join_read(k);
}
