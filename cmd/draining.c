#include "cmd/draining.h"

#include <time.h>

#include "cmd/acting.h"
#include "cmd/interrupt.h"
#include "core/base/err.h"
#include "core/host/loop.h"

#define LOOK_US (500 * MS_US)
#define STUCK_US (300 * S_US) /* a large object is on its way for long */
#define ALONE_US (5 * S_US)   /* there is nobody to take anything */
#define CLOCKS_OFF_S ((int64_t)3 * 24 * 3600) /* no node takes an act of clocks further apart */

/* Of two acts of one second either may count, and a clock may be behind the one by which the last
 * was signed: what is to come after that says a later time. A node of before tells none. */
int draining_order(struct line *l, const struct identity *by, enum act_kind kind,
                   struct node_id subject, const char *reason, struct reply_act *reply)
{
    const struct timespec second = {.tv_sec = 1, .tv_nsec = 1000000};
    int64_t at_s = (int64_t)time(NULL);
    int rc = acting_hand_in_by(l, by, kind, subject, reason, at_s, reply);
    if (rc != LINE_REFUSED || line_refusal(l) != CODE_FAILED)
        return rc;
    const int64_t later_s = line_later_s(l);
    if (later_s >= at_s && later_s - at_s <= CLOCKS_OFF_S) {
        at_s = later_s + 1;
    } else {
        nanosleep(&second, NULL);
        at_s = (int64_t)time(NULL);
    }
    return acting_hand_in_by(l, by, kind, subject, reason, at_s, reply);
}

/* --- watching --- */

static uint32_t left(const struct node_view *v)
{
    return v->held.jobs + v->held.objects;
}

static bool is_empty(const struct node_view *v)
{
    return left(v) == 0 && v->busy == 0;
}

static void say_left(const struct draining *d)
{
    const struct node_view *v = &d->view;
    char what[96];
    held_count(v->held.jobs, v->held.objects, what, sizeof what);
    if (v->busy > 0)
        talk_line("%s: %s%s%u slot%s at work", d->name, what, what[0] ? ", " : "",
                  (unsigned)v->busy, v->busy == 1 ? "" : "s");
    else
        talk_line("%s: %s to go", d->name, what);
}

static void say_stuck(const struct draining *d)
{
    char what[96];
    held_count(d->view.held.jobs, d->view.held.objects, what, sizeof what);
    talk_line("%s: nobody takes %s; it waits for another node", d->name, what);
}

static bool differs(const struct node_view *a, const struct node_view *b)
{
    return a->held.jobs != b->held.jobs || a->held.objects != b->held.objects ||
           (a->busy > 0) != (b->busy > 0);
}

/* False: it is time to stop waiting. */
static bool nap(const struct draining *d)
{
    struct frame frame;
    struct instant until = instant_first(instant_plus_us(loop_clock(), LOOK_US), d->until);
    int rc = line_next(d->line, until, &frame);
    return rc != ERR_CANCELLED && !interrupt_came();
}

enum draining_end draining_follow(struct draining *d)
{
    struct instant since = loop_clock();
    struct node_view before = {.busy = UINT32_MAX};
    bool said = false;
    uint32_t others;
    for (;;) {
        if (held_ask(d->line, &d->view, &others) < 0) {
            if (before.tells_held)
                d->view = before;
            return interrupt_came() ? DRAINING_STOPPED : DRAINING_GONE;
        }
        if (!node_id_equal(d->view.id, d->id))
            return DRAINING_GONE;
        if (is_empty(&d->view) && !d->leaves)
            return DRAINING_EMPTY;
        if (!is_empty(&d->view) && differs(&d->view, &before)) {
            say_left(d);
            since = loop_clock();
            said = false;
        }
        before = d->view;
        if (left(&d->view) > 0 && d->view.busy == 0 && !said &&
            instant_since_us(loop_clock(), since) >= (others > 0 ? STUCK_US : ALONE_US)) {
            if (!d->stays)
                return DRAINING_STUCK;
            say_stuck(d);
            said = true;
        }
        if (instant_reached(loop_clock(), d->until))
            return DRAINING_TIME;
        if (!nap(d))
            return DRAINING_STOPPED;
    }
}
