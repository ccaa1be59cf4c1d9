#include "core/node/calendar.h"

#include "core/base/err.h"
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

/* It begins at one: zero is no time. */
void calendar_begin(struct node *n)
{
    struct node_options *o = &n->options;

    n->calendar = (struct calendar){.s = 1, .at = o->now};
    o->keep_s = o->keep_s == 0 ? KEEP_S_DEFAULT : o->keep_s;
    o->tombstone_s = o->tombstone_s == 0 ? TOMBSTONE_S_DEFAULT : o->tombstone_s;
    o->calendar_look_s = o->calendar_look_s == 0 ? CALENDAR_LOOK_S_DEFAULT : o->calendar_look_s;
    o->keep_bytes = o->keep_bytes == 0 ? KEEP_BYTES_DEFAULT : o->keep_bytes;
    if (o->keep_jobs == 0 || o->keep_jobs > JOBS_KEPT_MAX)
        o->keep_jobs = JOBS_KEPT_MAX;
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

static void put_calendar(struct buf *b, uint64_t s, uint64_t away_s)
{
    put_u64(b, s);
    if (away_s > 0)
        put_u64(b, away_s);
}

static void calendar_store(struct node *n)
{
    uint8_t bytes[16];
    uint64_t ticket;
    struct buf b;

    buf_init_fixed(&b, bytes, sizeof bytes);
    put_calendar(&b, n->calendar.s, n->calendar.away_s);
    if (store_record(n, RECORD_CALENDAR, buf_bytes(&b), &ticket) == 0)
        n->calendar.stored_s = n->calendar.s;
}

/* Parts of a second that have passed stay for the next look. */
static void advance(struct node *n)
{
    uint64_t s = passed_s(n);

    n->calendar.s += s;
    n->calendar.away_s -= s < n->calendar.away_s ? s : n->calendar.away_s;
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
#if VELUM_PLANT == 440 /* trace/test_stale: away for long, met first by one that was away as well */
    n->calendar.away_s = 0;
#endif
    n->calendar.away_s += behind_s;
    n->calendar.jumped_s += behind_s;
    if (n->calendar.s >= n->calendar.stored_s + n->options.calendar_look_s)
        calendar_store(n);
    return behind_s;
}

uint64_t calendar_grain_s(const struct node *n)
{
    uint64_t looks_s = 2 * (uint64_t)n->options.calendar_look_s;
    uint64_t part_s = n->options.tombstone_s / 32;

    return part_s > looks_s ? part_s : looks_s;
}

void calendar_caught_up(struct node *n)
{
    bool stored = n->calendar.away_s >= n->options.calendar_look_s;

    n->calendar.away_s = 0;
    if (stored)
        calendar_store(n);
}

void calendar_reached(struct node *n, uint64_t s)
{
    if (s > n->calendar.s && s <= CALENDAR_MAX)
        n->calendar.s = n->calendar.stored_s = s;
}

int calendar_replay(struct node *n, struct bytes payload)
{
    struct reader r = reader_of(payload);
    uint64_t s = read_u64(&r);
    uint64_t away_s = r.at == r.len ? 0 : read_u64(&r);

    if (!reader_done(&r))
        return ERR_FORMAT;
    calendar_reached(n, s);
#if VELUM_PLANT != 441 /* trace/test_stale: after a restart nobody knows how long it was away */
    n->calendar.away_s = away_s < s ? away_s : s;
#endif
    return 0;
}

void calendar_snapshot(const struct node *n, struct buf *to)
{
    uint64_t passed = passed_s(n), away_s = n->calendar.away_s;

    away_s -= passed < away_s ? passed : away_s;
    put_u16(to, RECORD_CALENDAR);
    put_u32(to, away_s > 0 ? 16 : 8);
    put_calendar(to, n->calendar.s + passed, away_s);
}
