/* Spare copies and trims: what idle slots get when nothing is free. */
#include "core/base/err.h"
#include "core/job/border.h"
#include "core/job/pool_inside.h"

#define TRIM_LEAST_US 2000.0
#define SLOW_FACTOR 3
#define STUCK_LEAVES 8.0

static bool is_slow(const struct pool *p, const struct entry *e, struct instant now)
{
    uint64_t done = e->c.next - e->c.first;
    int64_t leaf_us = done > 0 ? (int64_t)(e->c.compute_us / done) : 0;
    return instant_since_us(now, e->c.reported) > SLOW_FACTOR * (p->pace.goal_us + leaf_us);
}

/* Which kinds of chunks may have one more spare copy. */
struct spare_room {
    bool slow, silent;
};

/* What is under way of a stage that was given up comes to an end by itself. One that is shut may
 * have chunks that another coordinator gave out, who knew more of what the stage waits for. */
static bool may_be_copied(const struct pool *p, uint32_t stage)
{
#if VELUM_PLANT == 719 /* unit/test_pool_stages: a stage that was closed gets spare copies */
    return p->stage_states[stage] != STAGE_SHUT;
#endif
#if VELUM_PLANT == 1135 /* unit/test_pool_stages: one that waits for another gets spare copies */
    return p->stage_states[stage] != STAGE_CLOSED;
#endif
    return p->stage_states[stage] == STAGE_OPEN;
}

static bool wants_spare(const struct pool *p, const struct entry *e, struct node_id node,
                        struct instant now, struct spare_room room)
{
    if (e->has_twin || e->c.spare || e->c.next >= e->c.end || node_id_equal(e->c.node, node))
        return false;
    if (!(e->c.doubtful ? room.silent : room.slow && is_slow(p, e, now)))
        return false;
    if (poison_refuses(&p->poison, e->c.next, node))
        return false;
    if (!pool_suits_node(p, pool_stage_of(p, e->c.next), node))
        return false;
    if (!may_be_copied(p, pool_stage_of(p, e->c.next)))
        return false;
    return cover_wanted(p->cover, e->c.next, e->c.end) > 0;
}

/* What is asked for at the end of a job by thousands of idle slots, again and again, is looked for
 * only when there may be one. */
static struct instant next_spare(const struct pool *p, struct instant now, struct spare_room room)
{
    int64_t slow_us = SLOW_FACTOR * p->pace.goal_us;
    struct instant next = instant_plus_us(now, slow_us);
    for (uint32_t i = 0; i < p->count; i++) {
        const struct entry *e = p->list[i];
        if (e->c.doubtful ? room.silent : room.slow && is_slow(p, e, now))
            return now;
        if (room.slow)
            next = instant_first(next, instant_plus_us(e->c.reported, slow_us));
    }
    return next;
}

/* Where leaves are long all chunks look slow, and their copies would use up what a node that falls
 * silent needs at once: each kind has a share of its own. */
static struct spare_room room_for_spares(const struct pool *p, uint32_t most)
{
    struct spare_room room = {p->spares - p->spares_silent < most, p->spares_silent < most};
#if VELUM_PLANT == 755 /* trace/test_silent: copies of slow chunks leave none for silent nodes */
    room.slow = room.silent = p->spares < most;
#endif
    return room;
}

bool pool_spare(struct pool *p, struct node_id node, uint64_t grant, uint32_t slots,
                struct instant now, struct chunk *out)
{
    uint32_t most = slots >= 10 ? slots / 10 : 1;
    struct spare_room room = room_for_spares(p, most);
    if (!(room.slow || room.silent) || (most == p->spares_most && instant_before(now, p->spare_at)))
        return false;
    struct entry *best = NULL;
    for (uint32_t i = 0; i < p->count; i++) {
        struct entry *e = p->list[i];
        if (wants_spare(p, e, node, now, room) && (!best || e->c.next < best->c.next))
            best = e;
    }
    if (!best) {
        p->spare_at = next_spare(p, now, room);
        p->spares_most = most;
        return false;
    }
    struct chunk c = best->c;
    c.grant = grant;
    c.node = node;
    c.first = c.next;
    c.end = pool_tasks_closed_from(p, c.next, c.end);
    c.granted = c.reported = now;
    c.compute_us = 0;
    c.doubtful = false;
    c.spare = true;
    c.computed = false;
    c.trim_asked = UINT64_MAX;
    struct entry *e = pool_entry_add(p, &c);
    if (!e)
        return false;
    e->for_silent = best->c.doubtful;
    e->has_twin = best->has_twin = true;
    e->twin = best->c.grant;
    best->twin = grant;
    p->spares++;
    p->spares_silent += e->for_silent;
    *out = e->c;
    return true;
}

bool pool_computed(struct pool *p, uint64_t grant)
{
    struct entry *e = map_get(&p->by_grant, &grant);
    if (!e || e->c.computed)
        return false;
    e->c.computed = true;
    p->trims -= e->c.trim_asked != UINT64_MAX;
    e->c.trim_asked = UINT64_MAX;
    return true;
}

/* Of tasks something is told more often, unless one takes much longer than those before it. */
static bool is_stuck(const struct pool *p, const struct entry *e, double since_us, double leaf_us)
{
    return e->c.end > shape_at(p->shape, pool_stage_of(p, e->c.next)).end &&
           since_us > (double)p->pace.goal_us / 2 && since_us > STUCK_LEAVES * leaf_us;
}

/* Where the worker probably is by now, and how long it still has. While nothing was reported, the
 * time so far is the only forecast there is. */
static double time_left_us(const struct pool *p, const struct entry *e, struct instant now,
                           uint64_t *where)
{
    uint64_t done = e->c.next - e->c.first;
    double since_us = (double)instant_since_us(now, e->c.reported);
    *where = e->c.next;
    if (done == 0 || e->c.compute_us == 0)
        return (double)(e->c.end - e->c.next) * since_us;
    double leaf_us = (double)e->c.compute_us / (double)done;
#if VELUM_PLANT != 616 /* unit/test_pool_tasks: a chunk in a long task is taken for almost done */
    if (is_stuck(p, e, since_us, leaf_us))
        return (double)(e->c.end - e->c.next) * since_us;
#endif
    double more = since_us / leaf_us;
    uint64_t most = e->c.end - e->c.next;
    *where += more < (double)most ? (uint64_t)more : most;
    return (double)(e->c.end - *where) * leaf_us;
}

/* Where to cut: what waits for others in the chunk is of no use to an idle slot. */
static uint64_t border_of(const struct pool *p, uint64_t where, uint64_t end)
{
    uint64_t border = pool_tasks_open_from(p, border_cut(where, end), end);
#if VELUM_PLANT == 612 /* unit/test_pool_tasks: a chain is cut for who cannot go on with it */
    return border_cut(where, end);
#endif
    return border < end ? border : pool_tasks_open_from(p, where + 1, end);
}

uint32_t pool_trims(const struct pool *p)
{
    return p->trims;
}

bool pool_trim(struct pool *p, struct instant now, uint64_t *grant, uint64_t *end)
{
    if (instant_before(now, p->trim_at))
        return false;
    struct entry *best = NULL;
    uint64_t best_end = 0;
    double best_us = 2.0 * (double)p->pace.least_us;
    if (best_us < TRIM_LEAST_US)
        best_us = TRIM_LEAST_US;
    for (uint32_t i = 0; i < p->count; i++) {
        struct entry *e = p->list[i];
        uint64_t where;
        if (e->c.doubtful || e->c.computed || e->has_twin || e->c.trim_asked != UINT64_MAX)
            continue;
        double left_us = time_left_us(p, e, now, &where);
        if (e->c.end - where < 2 || left_us < best_us)
            continue;
        uint64_t border = border_of(p, where, e->c.end);
        if (border == e->c.end)
            continue;
        best = e;
        best_end = border;
        best_us = left_us;
    }
    if (!best) {
        p->trim_at = instant_plus_us(now, p->pace.least_us / 4);
        return false;
    }
    *grant = best->c.grant;
    *end = best_end;
    best->c.trim_asked = *end;
    p->trims++;
    return true;
}
