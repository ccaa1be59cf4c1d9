#include "core/host/connection.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/base/err.h"
#include "core/host/memory.h"
#include "core/wire/message.h"

#define READ_BUDGET 65536 /* bytes a link may read before others have their turn */
#define READ_STEP 16384   /* what half a frame's buffer grows by */
#define WRITE_BUDGET (size_t)262144
#define TLS_RECORD_MAX 16384                   /* bytes that one record carries */
#define LARGE_MIN ((size_t)2 * TLS_RECORD_MAX) /* a frame that is written as it lies there */
#define KEPT_BYTES 4096                        /* an empty queue keeps no more memory than this */

static void connection_ready(void *ctx, bool readable, bool writable);

bool connection_is_half_open(const struct connection *k)
{
    bool strange = k->phase == LINK_SHAKING || k->phase == LINK_JOINING;
#if VELUM_PLANT != 929 /* unit/test_limits_wire: strangers who were answered are not counted */
    strange |= k->phase == LINK_CLOSING && (k->peer.party == 0 || k->barred);
#endif
    return k->accepted && strange;
}

static void count_half_open(struct connection *k, bool more)
{
    uint32_t one = more ? 1u : UINT32_MAX; /* adding the latter takes one away */
    if (!connection_is_half_open(k))
        return;
    k->set->half_open += one;
    if (k->loopback)
        k->set->half_open_loopback += one;
}

void connection_enter(struct connection *k, enum connection_phase phase)
{
    count_half_open(k, false);
    k->phase = phase;
    count_half_open(k, true);
}

void connection_free(struct connection *k)
{
    watch_free(k->watch);
    stream_close(&k->stream);
    buf_clear(&k->in);
    buf_clear(&k->out);
    k->set->slots[k->number & (SLOTS - 1)] = NULL;
    k->set->count--;
    free(k);
}

void connection_mark(struct connection *k)
{
    if (k->is_dirty)
        return;
    k->is_dirty = true;
    k->dirty_next = k->set->dirty;
    k->set->dirty = k;
}

void connection_deadline(struct connection *k, struct instant due)
{
    k->deadline = due;
    if (!instant_before(due, k->set->deadline))
        return;
    k->set->deadline = due;
    alarm_set(k->set->deadline_alarm, due);
}

void connection_fail(struct connection *k, enum link_end end, enum dial_end dial_end, int fault)
{
    if (k->phase == LINK_OVER)
        return;
    k->told = k->told && k->phase != LINK_CLOSING; /* a close that was asked for is silent */
    k->told |= k->accepted && k->phase == LINK_SHAKING && fault == ERR_IDENTITY;
    k->end = end;
    k->dial_end = dial_end;
    k->fault = fault;
    k->deadline = INSTANT_NEVER;
    connection_enter(k, LINK_OVER);
    watch_free(k->watch);
    k->watch = NULL;
    stream_close(&k->stream);
    connection_mark(k);
}

struct connection *connection_new(struct linkset *s, int fd)
{
    struct connection *k = s->count < SLOTS ? calloc(1, sizeof *k) : NULL;
    if (!k) {
        close(fd);
        return NULL;
    }
    uint32_t slot = s->slot_next;
    while (s->slots[slot])
        slot = (slot + 1) & (SLOTS - 1);
    s->slot_next = (slot + 1) & (SLOTS - 1);
    k->set = s;
    k->number = ++s->generation << SLOT_BITS | slot;
    k->stream.fd = fd;
    k->deadline = INSTANT_NEVER;
    buf_init(&k->in, &host_memory, FRAME_SIZE_MAX);
    buf_init(&k->out, &host_memory, LINK_USER_QUEUE_MAX + FRAME_SIZE_MAX);
    s->slots[slot] = k;
    s->count++;
    k->watch = watch_new(s->loop, fd, connection_ready, k);
    if (k->watch)
        return k;
    connection_free(k);
    return NULL;
}

/* Whoever has one certificate keeps nobody else out. Who comes over the control socket is the
 * node's own user. */
static bool has_too_many(const struct connection *k)
{
    const uint32_t max = k->peer.party == PARTY_NODE ? LINKSET_OF_NODE_MAX : LINKSET_OF_USER_MAX;
    uint32_t count = 0;
    for (uint32_t i = 0; i < SLOTS; i++) {
        const struct connection *other = k->set->slots[i];
        count += other && other->stream.tls && other->accepted && other->phase == LINK_OPEN &&
                 node_id_equal(other->peer.id, k->peer.id);
    }
    return k->stream.tls && count >= max;
}

void connection_tell_up(struct connection *k)
{
    struct linkset *s = k->set;
    if (k->accepted &&
        (s->count - s->half_open > LINKSET_MAX + LINKSET_GOING_MAX || has_too_many(k))) {
        connection_fail(k, LINK_BROKEN, DIAL_FAILED, ERR_FULL);
        return;
    }
    connection_enter(k, LINK_OPEN);
    k->deadline = INSTANT_NEVER;
    k->told = true;
    watch_set(k->watch, true, false);
    s->ran = true;
    s->events.up(s->events.ctx, k->number, k->dial, &k->peer);
}

void connection_again(struct connection *k)
{
    k->again = true;
    alarm_set(k->set->again_alarm, (struct instant){0});
}

static void connection_connected(struct connection *k)
{
    int error = 0;
    socklen_t len = sizeof error;
    if (getsockopt(k->stream.fd, SOL_SOCKET, SO_ERROR, &error, &len) < 0)
        error = errno;
    if (error == ECONNREFUSED) {
        connection_fail(k, LINK_BROKEN, DIAL_REFUSED, ERR_REFUSED);
    } else if (error) {
        connection_fail(k, LINK_BROKEN, error == ETIMEDOUT ? DIAL_TIMEOUT : DIAL_FAILED,
                        ERR_UNREACHABLE);
    } else {
        connection_enter(k, LINK_SHAKING);
        connection_shake(k);
    }
}

static enum link_end end_of(int fault)
{
    if (fault == ERR_CLOSED)
        return LINK_ENDED;
    return fault == ERR_IO || fault == ERR_IDENTITY ? LINK_BROKEN : LINK_GARBAGE;
}

/* The other side speaks another version: one empty frame tells it ours, in its header. */
static void connection_garbage(struct connection *k, struct bytes in, int fault)
{
    if (fault == ERR_VERSION && in.len > 2) {
        uint8_t room[FRAME_HEADER_SIZE];
        struct buf reply;
        k->version = in.data[2];
        buf_init_fixed(&reply, room, sizeof room);
        frame_put(&reply, MESSAGE_REPLY_ERROR, 0, (struct bytes){NULL, 0});
        (void)stream_write(&k->stream, reply.data, reply.len);
    }
    connection_fail(k, LINK_GARBAGE, DIAL_FAILED, fault);
}

/* Hands up whole frames, as many as its turn has; returns how many bytes they were. A callback may
 * close the link. */
static size_t connection_cut(struct connection *k, struct bytes in)
{
    struct linkset *s = k->set;
    size_t at = 0;
    while (at < in.len && k->phase == LINK_OPEN && k->turn > 0) {
        struct bytes rest = {in.data + at, in.len - at};
        struct frame frame;
        int n = frame_take(rest, &frame);
        if (n < 0)
            connection_garbage(k, rest, n);
        if (n <= 0)
            break;
        at += (size_t)n;
        s->ran = true;
        k->paced = LINK_PACE_BYTES;
        connection_spend(k);
        s->events.frame(s->events.ctx, k->number, &frame);
    }
    return at;
}

/* It keeps more than half a frame, because its turn was over. */
static bool keeps_whole(const struct connection *k)
{
    struct frame frame;
    return k->in.len > 0 && frame_take(buf_bytes(&k->in), &frame) != 0;
}

/* As if they were read now. */
static int connection_take_kept(struct connection *k)
{
    const size_t at = connection_cut(k, buf_bytes(&k->in));
    buf_drop_front(&k->in, at);
    if (k->in.len == 0)
        buf_clear(&k->in);
    return (int)at;
}

/* More of the frame whose beginning a link keeps, and nothing behind it, so that it keeps nothing
 * afterwards. Returns the bytes read, 0 or an error. */
static int connection_take_rest(struct connection *k)
{
    size_t room = frame_missing(buf_bytes(&k->in));
    room = room < READ_STEP ? room : READ_STEP;
    uint8_t *to = buf_reserve(&k->in, room);
    if (!to)
        return ERR_NO_MEMORY;
    int n = stream_read(&k->stream, to, room);
    if (n <= 0)
        return n;
    k->in.len += (size_t)n;
    buf_drop_front(&k->in, connection_cut(k, buf_bytes(&k->in)));
    if (k->in.len == 0)
        buf_clear(&k->in);
    return n;
}

/* Most of the time whole frames arrive, or the rest of one can be read at once; a link without half
 * a frame owns no buffer: one that all links share takes the bytes. Returns the bytes read, 0 or an
 * error. */
static int connection_take(struct connection *k)
{
    struct linkset *s = k->set;
    if (keeps_whole(k))
        return connection_take_kept(k);
    if (k->in.len > 0)
        return connection_take_rest(k);
    int n = stream_read(&k->stream, s->scratch, FRAME_SIZE_MAX);
    size_t have = 0, at = 0;
    while (n > 0) {
        have += (size_t)n;
        at += connection_cut(k, (struct bytes){s->scratch + at, have - at});
        if (k->phase != LINK_OPEN || at == have)
            return (int)have;
        if (k->turn == 0)
            break;
        n = stream_read(&k->stream, s->scratch + have,
                        frame_missing((struct bytes){s->scratch + at, have - at}));
    }
    if (n >= 0 && have > at)
        put_raw(&k->in, s->scratch + at, have - at);
    return k->in.failed ? ERR_NO_MEMORY : n < 0 ? n : (int)have;
}

/* Half a frame may wait for its rest; the wait begins anew with a frame that came whole, and with
 * every ten seconds' worth of bytes. */
static void connection_pace(struct connection *k, size_t came)
{
    const bool waits = instant_before(k->deadline, INSTANT_NEVER);
    k->paced += came;
    if (k->in.len == 0) {
        k->deadline = INSTANT_NEVER;
#if VELUM_PLANT == 930 /* unit/test_limits_wire: a byte now and then keeps half a frame */
    } else {
#else
    } else if (!waits || k->paced >= LINK_PACE_BYTES) {
#endif
        connection_deadline(k, instant_plus_us(loop_clock(), LINK_HALF_FRAME_US));
        k->paced = 0;
    }
}

static bool has_more(const struct connection *k)
{
    return keeps_whole(k) || stream_has_pending(&k->stream);
}

void connection_read(struct connection *k)
{
    size_t total = 0;
    int n = 0;
    if (!connection_turn(k))
        return;
    do {
        n = connection_take(k);
        if (k->phase != LINK_OPEN)
            return;
        if (n > 0)
            total += (size_t)n;
    } while (n > 0 && k->turn > 0 && total < READ_BUDGET && has_more(k));
    if (n < 0) {
        connection_fail(k, end_of(n), DIAL_FAILED, n);
        return;
    }
    /* Only after a turn that was cut short: part of a record is pending as well,
     * and its rest will be announced. */
    if (n > 0 && has_more(k))
        connection_again(k);
    connection_pace(k, total);
}

/* Shuts our direction, and waits for the other side to close: closing with unread bytes inside
 * would reset the connection and could destroy what was just sent. */
static void connection_finish(struct connection *k)
{
    if (k->ended)
        return;
    k->ended = true;
    stream_end(&k->stream);
    watch_set(k->watch, true, false);
}

/* As much as the network takes now, WRITE_BUDGET at most. A failed write is not yet an end: what
 * the other side said before it closed may still be there to be read, and reading then finds the
 * end. */
static size_t write_some(struct connection *k, const uint8_t *from, size_t len)
{
    size_t written = 0;
    int n = 1;
    while (written < len && written < WRITE_BUDGET && n > 0) {
        n = stream_write(&k->stream, from + written, len - written);
        written += n > 0 ? (size_t)n : 0;
    }
    k->mute |= n < 0;
    return n < 0 ? len : written;
}

static void write_queue(struct connection *k)
{
    k->out_at += write_some(k, k->out.data + k->out_at, k->out.len - k->out_at);
}

void connection_write(struct connection *k)
{
    write_queue(k);
    bool left = k->out_at < k->out.len;
    if (!left) {
        k->out_at = 0;
        buf_reset(&k->out);
        if (k->out.cap > KEPT_BYTES)
            buf_clear(&k->out);
    }
    /* To be answered changes nothing about when what it sends is read. */
    watch_set(k->watch, !k->put_off || k->phase != LINK_OPEN, left);
    if (k->phase == LINK_CLOSING && !left)
        connection_finish(k);
}

static void connection_drop_input(struct connection *k)
{
    int n = stream_read(&k->stream, k->set->scratch, FRAME_SIZE_MAX);
    if (n < 0)
        connection_fail(k, LINK_ENDED, DIAL_FAILED, n);
}

static void connection_ready(void *ctx, bool readable, bool writable)
{
    struct connection *k = ctx;
    switch (k->phase) {
    case LINK_CONNECTING:
        connection_connected(k);
        break;
    case LINK_SHAKING:
        connection_shake(k);
        break;
    case LINK_JOINING:
        connection_join_read(k);
        break;
    case LINK_OPEN:
        if (readable)
            connection_read(k);
        else if (writable)
            connection_write(k);
        break;
    case LINK_CLOSING:
        if (readable)
            connection_drop_input(k);
        else if (writable)
            connection_write(k);
        break;
    case LINK_FRESH:
    case LINK_OVER:
        break;
    }
}

/* Moves what is left to the front once the written part is the greater half. */
static void connection_compact_queue(struct connection *k)
{
    if (k->out_at < k->out.len / 2)
        return;
    buf_drop_front(&k->out, k->out_at);
    k->out_at = 0;
}

/* A large frame is not copied, but for what fills a record with what goes before it, for what is
 * left of it then, which waits for what goes behind it, and for what the network does not take. */
static void put_large(struct connection *k, uint8_t type, uint32_t request, struct bytes payload)
{
    uint8_t head[FRAME_HEADER_SIZE];
    size_t at, whole;
    frame_head(head, type, request, (uint32_t)payload.len);
    put_raw(&k->out, head, sizeof head);
    at = TLS_RECORD_MAX - (k->out.len - k->out_at) % TLS_RECORD_MAX;
    put_raw(&k->out, payload.data, at);
#if VELUM_PLANT != 794 /* unit/test_tls_link: what finds no memory is sent without its head */
    if (k->out.failed)
        return;
#endif
    write_queue(k);
#if VELUM_PLANT == 1113 /* unit/test_link_bulk: a frame ends in a record of a few bytes */
    whole = payload.len - at;
#else
    whole = (payload.len - at) / TLS_RECORD_MAX * TLS_RECORD_MAX;
#endif
    if (k->out_at == k->out.len)
        at += write_some(k, payload.data + at, whole);
#if VELUM_PLANT != 774 /* unit/test_tls_link: what a link does not take of a frame is lost */
    put_raw(&k->out, payload.data + at, payload.len - at);
#endif
}

void connection_put(struct connection *k, uint8_t type, uint32_t request, struct bytes payload)
{
    connection_compact_queue(k);
    if (payload.len >= LARGE_MIN && payload.len <= FRAME_PAYLOAD_MAX && k->phase == LINK_OPEN &&
        !k->mute)
        put_large(k, type, request, payload);
    else
        frame_put(&k->out, type, request, payload);
    k->flooded = k->out.failed || k->out.len - k->out_at > k->out_max;
    connection_mark(k);
}
