#include "core/host/link.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/ensure.h"
#include "core/base/err.h"
#include "core/host/memory.h"
#include "core/host/stream.h"
#include "core/wire/message.h"

#define SLOT_BITS 11
#define SLOTS (1u << SLOT_BITS)
#define FRAME_SIZE_MAX (FRAME_HEADER_SIZE + FRAME_PAYLOAD_MAX)
#define READ_BUDGET 65536 /* bytes a link may read before others have their turn */
#define READ_STEP 16384   /* what half a frame's buffer grows by */
#define WRITE_BUDGET (size_t)262144
#define KEPT_BYTES 4096 /* an empty queue keeps no more memory than this */

enum phase {
    LINK_FRESH,      /* up, but nobody was told yet */
    LINK_CONNECTING, /* TCP */
    LINK_SHAKING,    /* TLS */
    LINK_OPEN,
    LINK_CLOSING, /* writes what is left, reads and drops until the other side has closed too */
    LINK_OVER     /* ended; linkset_flush tells it and frees it */
};

struct link {
    struct linkset *set;
    uint64_t number;
    uint32_t dial;
    enum phase phase;
    struct stream stream;
    struct watch *watch;
    bool loopback;
    bool accepted;
    bool mute;  /* a write failed; reading finds out why */
    bool ended; /* our direction is shut down */
    bool told;  /* its user knows of it */
    bool again; /* has bytes inside that the descriptor will not announce */
    bool flooded;
    bool is_dirty; /* in the set's list of those that linkset_flush looks at */
    struct link *dirty_next;
    struct instant deadline;
    struct node_id pinned;
    struct link_peer peer;
    struct buf in; /* half a frame */
    struct buf out;
    size_t out_at;
    size_t out_max;
    enum link_end end;
    enum dial_end dial_end;
    int fault;
    uint8_t version;
};

struct linkset {
    struct loop *loop;
    struct identity *user;
    struct tls_profile *profile;
    struct linkset_events events;
    struct link *slots[SLOTS];
    uint64_t generation;
    uint32_t slot_next;
    uint32_t count;
    uint32_t half_open;
    uint32_t half_open_loopback;
    struct link *dirty;
    struct alarm *deadline_alarm;
    struct instant deadline;
    struct alarm *again_alarm;
    bool ran; /* a callback ran since the last flush began */
    uint8_t scratch[FRAME_SIZE_MAX];
};

static void deadlines_reached(void *ctx);
static void read_again(void *ctx);
static void link_ready(void *ctx, bool readable, bool writable);

int linkset_new(struct linkset **out, struct loop *l, struct identity *identity,
                struct identity *user, const struct linkset_events *events)
{
    struct linkset *s = calloc(1, sizeof *s);
    if (!s)
        return ERR_NO_MEMORY;
    signal(SIGPIPE, SIG_IGN);
    s->loop = l;
    s->user = user;
    s->events = *events;
    s->deadline = INSTANT_NEVER;
    s->deadline_alarm = alarm_new(l, deadlines_reached, s);
    s->again_alarm = alarm_new(l, read_again, s);
    int rc = s->deadline_alarm && s->again_alarm ? 0 : ERR_NO_MEMORY;
    if (rc == 0 && identity)
        rc = tls_profile_new(&s->profile, identity);
    if (rc < 0)
        linkset_free(s);
    else
        *out = s;
    return rc;
}

static void count_half_open(struct link *k, bool more)
{
    uint32_t one = more ? 1u : UINT32_MAX; /* adding the latter takes one away */
    if (!k->accepted || k->phase != LINK_SHAKING)
        return;
    k->set->half_open += one;
    if (k->loopback)
        k->set->half_open_loopback += one;
}

/* The one place that changes a phase, so that the counts stay true. */
static void link_enter(struct link *k, enum phase phase)
{
    count_half_open(k, false);
    k->phase = phase;
    count_half_open(k, true);
}

static void link_free(struct link *k)
{
    watch_free(k->watch);
    stream_close(&k->stream);
    buf_clear(&k->in);
    buf_clear(&k->out);
    k->set->slots[k->number & (SLOTS - 1)] = NULL;
    k->set->count--;
    free(k);
}

void linkset_free(struct linkset *s)
{
    if (!s)
        return;
    for (uint32_t i = 0; i < SLOTS; i++)
        if (s->slots[i])
            link_free(s->slots[i]);
    alarm_free(s->deadline_alarm);
    alarm_free(s->again_alarm);
    tls_profile_free(s->profile);
    free(s);
}

static struct link *link_find(struct linkset *s, uint64_t number)
{
    struct link *k = s->slots[number & (SLOTS - 1)];
    return k && k->number == number ? k : NULL;
}

static void link_mark(struct link *k)
{
    if (k->is_dirty)
        return;
    k->is_dirty = true;
    k->dirty_next = k->set->dirty;
    k->set->dirty = k;
}

static void link_deadline(struct link *k, struct instant due)
{
    k->deadline = due;
    if (!instant_before(due, k->set->deadline))
        return;
    k->set->deadline = due;
    alarm_set(k->set->deadline_alarm, due);
}

/* Ends a link now; linkset_flush tells it. A second end changes nothing. */
static void link_fail(struct link *k, enum link_end end, enum dial_end dial_end, int fault)
{
    if (k->phase == LINK_OVER)
        return;
    k->told = k->told && k->phase != LINK_CLOSING; /* a close that was asked for is silent */
    k->end = end;
    k->dial_end = dial_end;
    k->fault = fault;
    k->deadline = INSTANT_NEVER;
    link_enter(k, LINK_OVER);
    watch_free(k->watch);
    k->watch = NULL;
    stream_close(&k->stream);
    link_mark(k);
}

/* Takes the descriptor, also when it fails. */
static struct link *link_new(struct linkset *s, int fd)
{
    struct link *k = s->count < SLOTS ? calloc(1, sizeof *k) : NULL;
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
    k->watch = watch_new(s->loop, fd, link_ready, k);
    if (k->watch)
        return k;
    link_free(k);
    return NULL;
}

static void be_prompt(int fd)
{
    int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

/* A descriptor that is connected to somebody of this machine who was already checked. */
static int link_fresh(struct linkset *s, int fd, uint32_t dial, const struct link_peer *peer)
{
    struct link *k = link_new(s, fd);
    if (!k)
        return ERR_FULL;
    k->dial = dial;
    k->accepted = dial == 0;
    k->peer = *peer;
    k->out_max = LINK_USER_QUEUE_MAX;
    link_enter(k, LINK_FRESH);
    link_mark(k);
    return 0;
}

int linkset_dial_control(struct linkset *s, uint32_t dial, int fd)
{
    struct link_peer node = {.party = PARTY_NODE};
    return link_fresh(s, fd, dial, &node);
}

int linkset_accept_control(struct linkset *s, int fd)
{
    struct link_peer user = {.party = PARTY_USER,
                             .id = identity_id(s->user),
                             .certificate = identity_certificate(s->user)};
    return link_fresh(s, fd, 0, &user);
}

int linkset_dial(struct linkset *s, uint32_t dial, const char *addr, const struct node_id *pinned)
{
    struct address to;
    int rc = address_parse(addr, &to);
    if (rc < 0)
        return rc;
    int fd = socket(to.storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return ERR_SYSTEM;
    be_prompt(fd);
    struct link *k = link_new(s, fd);
    if (!k)
        return ERR_FULL;
    k->dial = dial;
    k->told = true;
    if (pinned)
        k->pinned = *pinned;
    link_enter(k, LINK_CONNECTING);
    if (connect(fd, (struct sockaddr *)&to.storage, to.len) < 0 && errno != EINPROGRESS) {
        bool refused = errno == ECONNREFUSED;
        link_fail(k, LINK_BROKEN, refused ? DIAL_REFUSED : DIAL_FAILED,
                  refused ? ERR_REFUSED : ERR_UNREACHABLE);
        return 0;
    }
    link_deadline(k, instant_plus_us(loop_clock(), LINK_HANDSHAKE_US));
    watch_set(k->watch, false, true);
    return 0;
}

/* Those who never speak are many and all alike: the one that has been silent for longest goes. */
static void drop_oldest_half_open(struct linkset *s, bool of_loopback)
{
    struct link *oldest = NULL;
    for (uint32_t i = 0; i < SLOTS; i++) {
        struct link *k = s->slots[i];
        if (k && k->accepted && k->phase == LINK_SHAKING && (k->loopback || !of_loopback) &&
            (!oldest || k->number < oldest->number))
            oldest = k;
    }
    if (oldest)
        link_fail(oldest, LINK_BROKEN, DIAL_TIMEOUT, ERR_TIMEOUT);
}

int linkset_accept(struct linkset *s, int fd, bool loopback)
{
    if (loopback && s->half_open_loopback >= LINKSET_HALF_OPEN_LOOPBACK_MAX)
        drop_oldest_half_open(s, true);
    else if (s->half_open >= LINKSET_HALF_OPEN_MAX)
        drop_oldest_half_open(s, false);
    be_prompt(fd);
    struct link *k = link_new(s, fd);
    if (!k)
        return ERR_FULL;
    k->accepted = true;
    k->loopback = loopback;
    link_enter(k, LINK_SHAKING);
    link_deadline(k, instant_plus_us(loop_clock(), LINK_HANDSHAKE_US));
    watch_set(k->watch, true, false);
    return 0;
}

static void link_tell_up(struct link *k)
{
    struct linkset *s = k->set;
    if (s->count - s->half_open > LINKSET_MAX && k->accepted) {
        link_fail(k, LINK_BROKEN, DIAL_FAILED, ERR_FULL);
        return;
    }
    link_enter(k, LINK_OPEN);
    k->deadline = INSTANT_NEVER;
    k->told = true;
    watch_set(k->watch, true, false);
    s->ran = true;
    s->events.up(s->events.ctx, k->number, k->dial, &k->peer);
}

static void link_again(struct link *k)
{
    k->again = true;
    alarm_set(k->set->again_alarm, (struct instant){0});
}

static void link_shaken(struct link *k)
{
    int party = 0;
    tls_peer(k->stream.tls, &k->peer.id, &party, &k->peer.certificate);
    k->peer.party = (enum party)party;
    k->out_max = party == PARTY_USER ? LINK_USER_QUEUE_MAX : LINK_NODE_QUEUE_MAX;
    link_tell_up(k);
    /* What came right behind the handshake is inside already. */
    if (k->phase == LINK_OPEN && stream_has_pending(&k->stream))
        link_again(k);
}

/* The TLS state of an accepted connection is made when its first bytes come: silence costs little.
 */
static void link_shake(struct link *k)
{
    if (!k->stream.tls) {
        int rc = tls_new(&k->stream.tls, k->set->profile, k->stream.fd, k->accepted, &k->pinned);
        if (rc < 0) {
            link_fail(k, LINK_BROKEN, DIAL_FAILED, rc);
            return;
        }
    }
    int rc = tls_handshake(k->stream.tls);
    if (rc == TLS_DONE)
        link_shaken(k);
    else if (rc < 0)
        link_fail(k, LINK_BROKEN, rc == ERR_IDENTITY ? DIAL_IDENTITY : DIAL_FAILED, rc);
    else
        watch_set(k->watch, rc == TLS_WANT_READ, rc == TLS_WANT_WRITE);
}

static void link_connected(struct link *k)
{
    int error = 0;
    socklen_t len = sizeof error;
    if (getsockopt(k->stream.fd, SOL_SOCKET, SO_ERROR, &error, &len) < 0)
        error = errno;
    if (error == ECONNREFUSED) {
        link_fail(k, LINK_BROKEN, DIAL_REFUSED, ERR_REFUSED);
    } else if (error) {
        link_fail(k, LINK_BROKEN, error == ETIMEDOUT ? DIAL_TIMEOUT : DIAL_FAILED, ERR_UNREACHABLE);
    } else {
        link_enter(k, LINK_SHAKING);
        link_shake(k);
    }
}

static enum link_end end_of(int fault)
{
    if (fault == ERR_CLOSED)
        return LINK_ENDED;
    return fault == ERR_IO || fault == ERR_IDENTITY ? LINK_BROKEN : LINK_GARBAGE;
}

/* The other side speaks another version: one empty frame tells it ours, in its header. */
static void link_garbage(struct link *k, struct bytes in, int fault)
{
    if (fault == ERR_VERSION && in.len > 2) {
        uint8_t room[FRAME_HEADER_SIZE];
        struct buf reply;
        k->version = in.data[2];
        buf_init_fixed(&reply, room, sizeof room);
        frame_put(&reply, MESSAGE_REPLY_ERROR, 0, (struct bytes){NULL, 0});
        (void)stream_write(&k->stream, reply.data, reply.len);
    }
    link_fail(k, LINK_GARBAGE, DIAL_FAILED, fault);
}

/* Hands up every whole frame; returns how many bytes they were. A callback may close the link. */
static size_t link_cut(struct link *k, struct bytes in)
{
    struct linkset *s = k->set;
    size_t at = 0;
    while (at < in.len && k->phase == LINK_OPEN) {
        struct bytes rest = {in.data + at, in.len - at};
        struct frame frame;
        int n = frame_take(rest, &frame);
        if (n < 0)
            link_garbage(k, rest, n);
        if (n <= 0)
            break;
        at += (size_t)n;
        s->ran = true;
        s->events.frame(s->events.ctx, k->number, &frame);
    }
    return at;
}

/* Most of the time whole frames arrive, and a link without half a frame owns no buffer: one that
 * all links share takes the bytes. Returns the bytes read, 0 or an error. */
static int link_take(struct link *k)
{
    struct linkset *s = k->set;
    if (k->in.len == 0) {
        int n = stream_read(&k->stream, s->scratch, sizeof s->scratch);
        if (n <= 0)
            return n;
        size_t used = link_cut(k, (struct bytes){s->scratch, (size_t)n});
        if (k->phase == LINK_OPEN && used < (size_t)n)
            put_raw(&k->in, s->scratch + used, (size_t)n - used);
        return k->in.failed ? ERR_NO_MEMORY : n;
    }
    size_t room = FRAME_SIZE_MAX - k->in.len;
    room = room < READ_STEP ? room : READ_STEP;
    uint8_t *to = buf_reserve(&k->in, room);
    if (!to)
        return ERR_NO_MEMORY;
    int n = stream_read(&k->stream, to, room);
    if (n <= 0)
        return n;
    k->in.len += (size_t)n;
    buf_drop_front(&k->in, link_cut(k, buf_bytes(&k->in)));
    if (k->in.len == 0)
        buf_clear(&k->in);
    return n;
}

static void link_read(struct link *k)
{
    size_t total = 0;
    int n = 0;
    do {
        n = link_take(k);
        if (k->phase != LINK_OPEN)
            return;
        if (n > 0)
            total += (size_t)n;
    } while (n > 0 && total < READ_BUDGET && stream_has_pending(&k->stream));
    if (n < 0) {
        link_fail(k, end_of(n), DIAL_FAILED, n);
        return;
    }
    /* Only after a turn that was cut short: part of a record is pending as well, and its rest will
     * be announced. */
    if (n > 0 && stream_has_pending(&k->stream))
        link_again(k);
    if (k->in.len > 0)
        link_deadline(k, instant_plus_us(loop_clock(), LINK_HALF_FRAME_US));
    else
        k->deadline = INSTANT_NEVER;
}

static void read_again(void *ctx)
{
    struct linkset *s = ctx;
    for (uint32_t i = 0; i < SLOTS; i++) {
        struct link *k = s->slots[i];
        if (!k || !k->again)
            continue;
        k->again = false;
        if (k->phase == LINK_OPEN)
            link_read(k);
    }
}

/* Shuts our direction, and waits for the other side to close: closing with unread bytes inside
 * would reset the connection and could destroy what was just sent. */
static void link_finish(struct link *k)
{
    if (k->ended)
        return;
    k->ended = true;
    stream_end(&k->stream);
    watch_set(k->watch, true, false);
}

/* A failed write is not yet an end: what the other side said before it closed may still be there to
 * be read, and reading then finds the end. */
static void link_write(struct link *k)
{
    size_t written = 0;
    int n = 1;
    while (k->out_at < k->out.len && written < WRITE_BUDGET && n > 0) {
        n = stream_write(&k->stream, k->out.data + k->out_at, k->out.len - k->out_at);
        if (n > 0) {
            k->out_at += (size_t)n;
            written += (size_t)n;
        }
    }
    if (n < 0) {
        k->mute = true;
        k->out_at = k->out.len;
    }
    bool left = k->out_at < k->out.len;
    if (!left) {
        k->out_at = 0;
        buf_reset(&k->out);
        if (k->out.cap > KEPT_BYTES)
            buf_clear(&k->out);
    }
    watch_set(k->watch, true, left);
    if (k->phase == LINK_CLOSING && !left)
        link_finish(k);
}

static void link_drop_input(struct link *k)
{
    int n = stream_read(&k->stream, k->set->scratch, sizeof k->set->scratch);
    if (n < 0)
        link_fail(k, LINK_ENDED, DIAL_FAILED, n);
}

static void link_ready(void *ctx, bool readable, bool writable)
{
    struct link *k = ctx;
    switch (k->phase) {
    case LINK_CONNECTING:
        link_connected(k);
        break;
    case LINK_SHAKING:
        link_shake(k);
        break;
    case LINK_OPEN:
        if (readable)
            link_read(k);
        else if (writable)
            link_write(k);
        break;
    case LINK_CLOSING:
        if (readable)
            link_drop_input(k);
        else if (writable)
            link_write(k);
        break;
    case LINK_FRESH:
    case LINK_OVER:
        break;
    }
}

static void link_expire(struct link *k)
{
    bool dialling = k->phase == LINK_CONNECTING || k->phase == LINK_SHAKING;
    if (k->phase == LINK_OPEN)
        link_fail(k, LINK_GARBAGE, DIAL_FAILED, ERR_TIMEOUT);
    else
        link_fail(k, LINK_ENDED, dialling ? DIAL_TIMEOUT : DIAL_FAILED, ERR_TIMEOUT);
}

static void deadlines_reached(void *ctx)
{
    struct linkset *s = ctx;
    struct instant now = loop_clock(), next = INSTANT_NEVER;
    for (uint32_t i = 0; i < SLOTS; i++) {
        struct link *k = s->slots[i];
        if (!k)
            continue;
        if (instant_reached(now, k->deadline))
            link_expire(k);
        next = instant_first(next, k->deadline);
    }
    s->deadline = next;
    alarm_set(s->deadline_alarm, next);
}

/* Moves what is left to the front once the written part is the greater half. */
static void link_compact_queue(struct link *k)
{
    if (k->out_at < k->out.len / 2)
        return;
    buf_drop_front(&k->out, k->out_at);
    k->out_at = 0;
}

void linkset_send(struct linkset *s, uint64_t link, uint8_t type, uint32_t request,
                  struct bytes payload)
{
    struct link *k = link_find(s, link);
    if (!k || (k->phase != LINK_OPEN && k->phase != LINK_FRESH) || k->flooded || k->mute)
        return;
    link_compact_queue(k);
    frame_put(&k->out, type, request, payload);
    k->flooded = k->out.failed || k->out.len - k->out_at > k->out_max;
    link_mark(k);
}

void linkset_close(struct linkset *s, uint64_t link)
{
    struct link *k = link_find(s, link);
    if (!k || k->phase == LINK_OVER || k->phase == LINK_CLOSING)
        return;
    if (k->phase != LINK_OPEN) {
        k->told = false;
        link_fail(k, LINK_ENDED, DIAL_FAILED, ERR_CLOSED);
        return;
    }
    link_enter(k, LINK_CLOSING);
    link_deadline(k, instant_plus_us(loop_clock(), LINK_CLOSE_US));
    link_mark(k);
}

/* Tells what must be told. The link may be gone afterwards. */
static void link_bury(struct link *k)
{
    struct linkset *s = k->set;
    bool told = k->told;
    uint64_t number = k->number;
    uint32_t dial = k->dial;
    enum party party = k->peer.party; /* known since it was up */
    enum link_end end = k->end;
    enum dial_end dial_end = k->dial_end;
    int fault = k->fault;
    uint8_t version = k->version;
    link_free(k);
    if (!told)
        return;
    s->ran = true;
    if (party)
        s->events.down(s->events.ctx, number, party, end, fault, version);
    else
        s->events.dial_failed(s->events.ctx, dial, dial_end, fault);
}

/* What ends in here is in the list again, and buried when its turn comes. */
static void link_serve(struct link *k)
{
    if (k->phase == LINK_OVER) {
        link_bury(k);
        return;
    }
    if (k->phase == LINK_FRESH)
        link_tell_up(k);
    if (k->flooded)
        link_fail(k, LINK_FLOODED, DIAL_FAILED, ERR_FULL);
    if (k->phase == LINK_OPEN || k->phase == LINK_CLOSING)
        link_write(k);
}

/* Callbacks may queue more on any link, so the list is taken off and looked at again: at most a few
 * times, the rest waits for the next round. */
bool linkset_flush(struct linkset *s)
{
    for (int pass = 0; pass < 4 && s->dirty; pass++) {
        struct link *list = s->dirty;
        s->dirty = NULL;
        while (list) {
            struct link *k = list;
            list = k->dirty_next;
            k->is_dirty = false;
            link_serve(k);
        }
    }
    if (s->dirty)
        alarm_set(s->again_alarm, (struct instant){0});
    bool ran = s->ran;
    s->ran = false;
    return ran;
}

bool linkset_have_unsent(const struct linkset *s)
{
    for (uint32_t i = 0; i < SLOTS; i++) {
        const struct link *k = s->slots[i];
        if (k && (k->phase == LINK_CLOSING || k->out_at < k->out.len))
            return true;
    }
    return false;
}

uint32_t linkset_half_open(const struct linkset *s)
{
    return s->half_open;
}

uint32_t linkset_count(const struct linkset *s)
{
    return s->count;
}
