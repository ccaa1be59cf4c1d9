/* The handshake of a connection, and how much of the processor strangers may have by theirs, and
 * those who join by what they ask for: a tenth of one, in shares of 50 ms. When it is used up those
 * who come wait for the next, and are dropped as all who are half open (linkset.h). What the
 * handshake of somebody of the mesh took is given back, so that many nodes may come at once; not so
 * to who is barred. */
#include "core/base/err.h"
#include "core/host/connection.h"

#define SHARE_EVERY_US (50 * MS_US)
#define SHARE_US (5 * MS_US)

/* The TLS state of an accepted connection is made when its first bytes come:
 * silence costs little. */
static int one_step(struct connection *k)
{
    int rc = 0;
    if (!k->stream.tls)
        rc = tls_new(&k->stream.tls, k->set->profile, k->stream.fd, k->accepted, &k->pinned,
                     k->bulk);
    return rc < 0 ? rc : tls_handshake(k->stream.tls);
}

void connection_charge(struct connection *k, int64_t us)
{
    k->share_us += us;
    k->set->share_us += us;
}

/* It was no stranger; those behind it need not wait because of it. */
static void give_back(struct connection *k)
{
    const int64_t left = k->set->share_us - k->share_us;
    k->set->share_us = left > 0 ? left : 0;
    if (k->set->share_us < SHARE_US)
        connection_share_again(k->set);
}

static void shaken(struct connection *k)
{
    int party = 0;
    if (tls_is_join(k->stream.tls)) {
        connection_join_begin(k);
        return;
    }
    tls_peer(k->stream.tls, &k->peer.id, &party, &k->peer.certificate);
    k->peer.party = (enum party)party;
    k->peer.bulk = tls_is_bulk(k->stream.tls);
    k->barred = k->accepted && k->set->bars && k->set->bars(k->set->node, k->peer.id);
#if VELUM_PLANT == 988 /* unit/test_barred: who is barred has as much time as those of the mesh */
    if (k->accepted)
#else
    if (k->accepted && !k->barred)
#endif
        give_back(k);
    k->out_max = party_is_user((enum party)party) ? LINK_USER_QUEUE_MAX : LINK_NODE_QUEUE_MAX;
    connection_tell_up(k);
    /* What came right behind the handshake is inside already. */
    if (k->phase == LINK_OPEN && stream_has_pending(&k->stream))
        connection_again(k);
}

/* False when strangers have had their share; it is tried again with the next. */
static bool may_go_on(struct connection *k, struct instant now)
{
    struct linkset *s = k->set;
    if (!k->accepted)
        return true;
    if (instant_reached(now, s->share_end)) {
        s->share_end = instant_plus_us(now, SHARE_EVERY_US);
        s->share_us = 0;
    }
#if VELUM_PLANT != 931 /* unit/test_limits_wire: strangers have as much time as they like */
    k->parked = s->share_us >= SHARE_US;
#endif
    if (!k->parked)
        return true;
    watch_set(k->watch, false, false);
    alarm_set(s->share_alarm, s->share_end);
    return false;
}

void connection_shake(struct connection *k)
{
    const struct instant began = loop_clock();
    if (!may_go_on(k, began))
        return;
    const int rc = one_step(k);
    if (k->accepted)
        connection_charge(k, instant_since_us(loop_clock(), began));
    if (rc == TLS_DONE)
        shaken(k);
    else if (rc < 0)
        connection_fail(k, LINK_BROKEN, rc == ERR_IDENTITY ? DIAL_IDENTITY : DIAL_FAILED, rc);
    else
        watch_set(k->watch, rc == TLS_WANT_READ, rc == TLS_WANT_WRITE);
}

void connection_share_again(void *ctx)
{
    struct linkset *s = ctx;
    for (uint32_t i = 0; i < SLOTS; i++) {
        struct connection *k = s->slots[i];
        if (!k || !k->parked || k->phase != LINK_SHAKING)
            continue;
        k->parked = false;
        watch_set(k->watch, true, true);
    }
}
