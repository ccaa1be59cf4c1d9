#include "core/host/connection.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "core/base/err.h"

static void deadlines_reached(void *ctx);
static void read_again(void *ctx);

int linkset_new(struct linkset **out, struct loop *l, struct identity *identity,
                struct identity *user, const struct linkset_events *events)
{
    struct linkset *s = calloc(1, sizeof *s);
    if (!s)
        return ERR_NO_MEMORY;
    s->loop = l;
    s->user = user;
    s->events = *events;
    s->deadline = INSTANT_NEVER;
    s->deadline_alarm = alarm_new(l, deadlines_reached, s);
    s->again_alarm = alarm_new(l, read_again, s);
    s->share_alarm = alarm_new(l, connection_share_again, s);
    s->rate_alarm = alarm_new(l, connection_rate_again, s);
    int rc =
        s->deadline_alarm && s->again_alarm && s->share_alarm && s->rate_alarm ? 0 : ERR_NO_MEMORY;
    if (rc == 0 && identity)
        rc = tls_profile_new(&s->profile, identity);
    if (rc < 0)
        linkset_free(s);
    else
        *out = s;
    return rc;
}

void linkset_free(struct linkset *s)
{
    if (!s)
        return;
    for (uint32_t i = 0; i < SLOTS; i++)
        if (s->slots[i])
            connection_free(s->slots[i]);
    alarm_free(s->deadline_alarm);
    alarm_free(s->again_alarm);
    alarm_free(s->share_alarm);
    alarm_free(s->rate_alarm);
    tls_profile_free(s->profile);
    free(s);
}

/* Whoever has another certificate meanwhile is there again at once. A handshake may have looked at
 * the one before already. */
static void cut_retired(struct linkset *s)
{
    for (uint32_t i = 0; i < SLOTS; i++) {
        struct connection *k = s->slots[i];
        if (k && (k->phase == LINK_OPEN || k->phase == LINK_SHAKING) && k->stream.tls &&
            tls_is_retired(k->stream.tls))
            connection_fail(k, LINK_BROKEN, DIAL_FAILED, ERR_IDENTITY);
    }
}

int linkset_renew(struct linkset *s)
{
    int rc = tls_profile_renew(s->profile);
#if VELUM_PLANT != 966 /* unit/test_retired_link: who is under a retired root keeps its link */
    cut_retired(s);
#endif
    return rc;
}

void linkset_welcome(struct linkset *s, struct identity *welcome)
{
    tls_profile_welcome(s->profile, welcome);
}

void linkset_bar(struct linkset *s, bool (*bars)(const struct node *n, struct node_id id),
                 const struct node *n)
{
    s->bars = bars;
    s->node = n;
}

static struct connection *connection_find(struct linkset *s, uint64_t number)
{
    struct connection *k = s->slots[number & (SLOTS - 1)];
    return k && k->number == number ? k : NULL;
}

/* Small frames go out at once. Of what is much the system takes no more ahead than keeps it busy
 * until the loop looks again: megabytes would be out of the processor's caches when they go. */
static void be_prompt(int fd)
{
    int on = 1, unsent = LINK_UNSENT_MAX;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
#if VELUM_PLANT != 1114 /* unit/test_link_bulk: the system takes megabytes of what nobody reads */
    setsockopt(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &unsent, sizeof unsent);
#endif
}

/* A descriptor that is connected to somebody of this machine who was already checked. */
static int connection_fresh(struct linkset *s, int fd, uint32_t dial, const struct link_peer *peer)
{
    struct connection *k = connection_new(s, fd);
    if (!k)
        return ERR_FULL;
    k->dial = dial;
    k->accepted = dial == 0;
    k->peer = *peer;
    k->out_max = LINK_USER_QUEUE_MAX;
    connection_enter(k, LINK_FRESH);
    connection_mark(k);
    return 0;
}

int linkset_dial_control(struct linkset *s, uint32_t dial, int fd)
{
    struct link_peer node = {.party = PARTY_NODE};
    return connection_fresh(s, fd, dial, &node);
}

int linkset_accept_control(struct linkset *s, int fd)
{
    struct link_peer user = {.party = identity_party(s->user),
                             .id = identity_id(s->user),
                             .certificate = identity_certificate(s->user)};
    return connection_fresh(s, fd, 0, &user);
}

int linkset_dial(struct linkset *s, uint32_t dial, const char *addr, const struct node_id *pinned,
                 bool bulk)
{
    struct address to;
    int rc = address_parse(addr, &to);
    if (rc < 0)
        return rc;
    int fd = socket(to.storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return ERR_SYSTEM;
    be_prompt(fd);
    struct connection *k = connection_new(s, fd);
    if (!k)
        return ERR_FULL;
    k->dial = dial;
    k->bulk = bulk;
    k->told = true;
    if (pinned)
        k->pinned = *pinned;
    connection_enter(k, LINK_CONNECTING);
    if (connect(fd, (struct sockaddr *)&to.storage, to.len) < 0 && errno != EINPROGRESS) {
        bool refused = errno == ECONNREFUSED;
        connection_fail(k, LINK_BROKEN, refused ? DIAL_REFUSED : DIAL_FAILED,
                        refused ? ERR_REFUSED : ERR_UNREACHABLE);
        return 0;
    }
    connection_deadline(k, instant_plus_us(loop_clock(), LINK_HANDSHAKE_US));
    watch_set(k->watch, false, true);
    return 0;
}

/* Those who never speak are many and all alike: the one that has been silent for longest goes. */
static void drop_oldest_half_open(struct linkset *s, bool of_loopback)
{
    struct connection *oldest = NULL;
    for (uint32_t i = 0; i < SLOTS; i++) {
        struct connection *k = s->slots[i];
        if (k && connection_is_half_open(k) && (k->loopback || !of_loopback) &&
            (!oldest || k->number < oldest->number))
            oldest = k;
    }
    if (oldest)
        connection_fail(oldest, LINK_BROKEN, DIAL_TIMEOUT, ERR_TIMEOUT);
}

int linkset_accept(struct linkset *s, int fd, bool loopback)
{
    if (loopback && s->half_open_loopback >= LINKSET_HALF_OPEN_LOOPBACK_MAX)
        drop_oldest_half_open(s, true);
    else if (s->half_open >= LINKSET_HALF_OPEN_MAX)
        drop_oldest_half_open(s, false);
    be_prompt(fd);
    struct connection *k = connection_new(s, fd);
    if (!k)
        return ERR_FULL;
    k->accepted = true;
    k->loopback = loopback;
    connection_enter(k, LINK_SHAKING);
    connection_deadline(k, instant_plus_us(loop_clock(), LINK_HANDSHAKE_US));
    watch_set(k->watch, true, false);
    return 0;
}

static void read_again(void *ctx)
{
    struct linkset *s = ctx;
    for (uint32_t i = 0; i < SLOTS; i++) {
        struct connection *k = s->slots[i];
        if (!k || !k->again)
            continue;
        k->again = false;
        if (k->phase == LINK_OPEN)
            connection_read(k);
    }
}

static void connection_expire(struct connection *k)
{
    bool dialling = k->phase < LINK_OPEN;
    if (k->phase == LINK_OPEN)
        connection_fail(k, LINK_GARBAGE, DIAL_FAILED, ERR_TIMEOUT);
    else
        connection_fail(k, LINK_ENDED, dialling ? DIAL_TIMEOUT : DIAL_FAILED, ERR_TIMEOUT);
}

static void deadlines_reached(void *ctx)
{
    struct linkset *s = ctx;
    struct instant now = loop_clock(), next = INSTANT_NEVER;
    for (uint32_t i = 0; i < SLOTS; i++) {
        struct connection *k = s->slots[i];
        if (!k)
            continue;
        if (instant_reached(now, k->deadline))
            connection_expire(k);
        next = instant_first(next, k->deadline);
    }
    s->deadline = next;
    alarm_set(s->deadline_alarm, next);
}

void linkset_send(struct linkset *s, uint64_t link, uint8_t type, uint32_t request,
                  struct bytes payload)
{
    struct connection *k = connection_find(s, link);
    if (!k || (k->phase != LINK_OPEN && k->phase != LINK_FRESH) || k->flooded || k->mute)
        return;
    connection_put(k, type, request, payload);
}

void linkset_close(struct linkset *s, uint64_t link)
{
    struct connection *k = connection_find(s, link);
    if (!k || k->phase == LINK_OVER || k->phase == LINK_CLOSING)
        return;
    if (k->phase != LINK_OPEN) {
        k->told = false;
        connection_fail(k, LINK_ENDED, DIAL_FAILED, ERR_CLOSED);
        return;
    }
    connection_enter(k, LINK_CLOSING);
    connection_deadline(k, instant_plus_us(loop_clock(), LINK_CLOSE_US));
    connection_mark(k);
}

/* Tells what must be told. The link may be gone afterwards. */
static void connection_bury(struct connection *k)
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
    connection_free(k);
    if (!told)
        return;
    s->ran = true;
    if (party)
        s->events.down(s->events.ctx, number, party, end, fault, version);
    else
        s->events.dial_failed(s->events.ctx, dial, dial_end, fault);
}

/* What ends in here is in the list again, and buried when its turn comes. */
static void connection_serve(struct connection *k)
{
    if (k->phase == LINK_OVER) {
        connection_bury(k);
        return;
    }
    if (k->phase == LINK_FRESH)
        connection_tell_up(k);
    if (k->flooded)
        connection_fail(k, LINK_FLOODED, DIAL_FAILED, ERR_FULL);
    if (k->phase == LINK_OPEN || k->phase == LINK_CLOSING)
        connection_write(k);
}

/* Callbacks may queue more on any link, so the list is taken off and looked at again: at most a few
 * times, the rest waits for the next round. */
bool linkset_flush(struct linkset *s)
{
    for (int pass = 0; pass < 4 && s->dirty; pass++) {
        struct connection *list = s->dirty;
        s->dirty = NULL;
        while (list) {
            struct connection *k = list;
            list = k->dirty_next;
            k->is_dirty = false;
            connection_serve(k);
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
        const struct connection *k = s->slots[i];
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
