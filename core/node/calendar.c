#include "core/node/calendar.h"

#include "core/node/record.h"

static uint64_t passed_s(const struct node *n)
{
    int64_t us = instant_since_us(n->now, n->calendar.at);

#if VELUM_PLANT == 160 /* trace/test_forget: weeks that a process stood still count at once */
    return us > 0 ? (uint64_t)us / S_US : 0;
#else
    int64_t look_s = n->options.calendar_look_s;

    return us <= 0 ? 0 : us < look_s * S_US ? (uint64_t)us / S_US : (uint64_t)look_s;
#endif
}

uint64_t calendar_now(const struct node *n)
{
    return n->calendar.s + passed_s(n);
}

uint64_t calendar_since(const struct node *n, uint64_t then_s)
{
    uint64_t now_s = calendar_now(n);

    return now_s > then_s ? now_s - then_s : 0;
}

static void put_calendar(struct buf *b, uint64_t s)
{
    put_u64(b, s);
}

static void calendar_store(struct node *n)
{
    uint8_t bytes[8];
    uint64_t ticket;
    struct buf b;

    buf_init_fixed(&b, bytes, sizeof bytes);
    put_calendar(&b, n->calendar.s);
    if (store_record(n, RECORD_CALENDAR, buf_bytes(&b), &ticket) == 0)
        n->calendar.stored_s = n->calendar.s;
}

/* Parts of a second that have passed stay for the next look. */
static void advance(struct node *n)
{
    uint64_t s = passed_s(n);

    n->calendar.s += s;
    n->calendar.at = s < n->options.calendar_look_s
                         ? instant_plus_us(n->calendar.at, (int64_t)s * S_US)
                         : n->now;
}

void calendar_look(struct node *n)
{
    advance(n);
    if (n->calendar.s >= n->calendar.stored_s + n->options.calendar_look_s)
        calendar_store(n);
}

uint64_t calendar_meet(struct node *n, uint64_t theirs_s)
{
    uint64_t behind_s;

    advance(n);
    if (theirs_s <= n->calendar.s || theirs_s > CALENDAR_MAX)
        return 0;
    behind_s = theirs_s - n->calendar.s;
    n->calendar.s = theirs_s;
    if (n->calendar.s >= n->calendar.stored_s + n->options.calendar_look_s)
        calendar_store(n);
    return behind_s;
}

void calendar_replay(struct node *n, uint64_t s)
{
    if (s > n->calendar.s && s <= CALENDAR_MAX)
        n->calendar.s = n->calendar.stored_s = s;
}

void calendar_snapshot(const struct node *n, struct buf *to)
{
    put_u16(to, RECORD_CALENDAR);
    put_u32(to, 8);
    put_calendar(to, calendar_now(n));
}
