/* Chunks of several stages: tasks that join, some of them ahead of their turn. */
#include "core/base/ensure.h"
#include "core/job/pool_inside.h"

static bool joins(const struct pool *p, uint32_t stage)
{
    return p->tasks.join && stage < p->stages && p->tasks.join(p->tasks.ctx, stage);
}

/* Neighbours in the row that join are neighbours as stages. */
uint64_t pool_tasks_reach(const struct pool *p, uint64_t first, uint64_t most, uint64_t own)
{
    uint32_t begin = pool_stage_of(p, first);
    uint32_t stage = begin + 1;
    uint64_t end = first + 1;
    if (most - first > p->tasks.most)
        most = first + p->tasks.most;
    for (; end < most && joins(p, stage); end++, stage++) {
        if (p->stage_states[stage] == STAGE_OPEN) {
            if (--own == 0 || !runset_contains(&p->free, end))
                break;
#if VELUM_PLANT == 610 /* unit/test_pool_tasks: a task is lent ahead of what it waits for */
        } else if (p->stage_states[stage] != STAGE_SHUT) {
#else
        } else if (p->stage_states[stage] != STAGE_SHUT || runset_contains(&p->ahead, end) ||
                   !p->tasks.ahead(p->tasks.ctx, stage, begin)) {
#endif
            break;
        }
    }
    return end;
}

bool pool_tasks_run(const struct pool *p, uint64_t first, uint64_t end)
{
    uint32_t stage;
    if (first >= end || !shape_find(p->shape, first, &stage))
        return false;
    if (end <= shape_at(p->shape, stage).end)
        return true;
    if (end - first > p->tasks.most)
        return false;
    for (uint64_t at = first + 1; at < end; at++)
        if (!joins(p, ++stage))
            return false;
    return true;
}

/* Calls for each part of the run whose stages are in one state, or are one stage. */
typedef int part_seen(struct pool *p, enum stage_state state, uint64_t first, uint64_t end);

static int for_parts(struct pool *p, uint64_t first, uint64_t end, part_seen *seen)
{
    uint32_t stage = first < end ? pool_stage_of(p, first) : 0;
    int rc = 0;
    while (rc == 0 && first < end) {
        uint8_t state = p->stage_states[stage];
        uint64_t to = shape_at(p->shape, stage).end;
        for (stage++; to < end && p->stage_states[stage] == state; stage++)
            to = shape_at(p->shape, stage).end;
        rc = seen(p, state, first, to < end ? to : end);
        first = to;
    }
    return rc;
}

static int take_part(struct pool *p, enum stage_state state, uint64_t first, uint64_t end)
{
    if (state == STAGE_SHUT)
        return runset_add(&p->ahead, first, end);
    return runset_remove(&p->free, first, end);
}

int pool_tasks_take(struct pool *p, uint64_t first, uint64_t end)
{
    return for_parts(p, first, end, take_part);
}

static int give_back_part(struct pool *p, enum stage_state state, uint64_t first, uint64_t end)
{
#if VELUM_PLANT == 611 /* unit/test_pool_tasks: what was lent ahead and came back is never free */
    if (state == STAGE_SHUT)
        return 0;
#endif
    if (state == STAGE_SHUT)
        return runset_remove(&p->ahead, first, end);
    return state == STAGE_OPEN ? pool_free_uncovered(p, first, end) : 0;
}

int pool_tasks_give_back(struct pool *p, uint64_t first, uint64_t end)
{
    return for_parts(p, first, end, give_back_part);
}

int pool_tasks_opened(struct pool *p, struct shape_stage s)
{
    struct run run;
    uint64_t at = s.first;
    int rc = 0;
    while (rc == 0 && runset_next(&p->ahead, at, &run) && run.first < s.end) {
        rc = pool_free_uncovered(p, at, run.first);
        at = run.end < s.end ? run.end : s.end;
    }
#if VELUM_PLANT == 488 /* unit/test_pool_stages: a chunk told early hides the rest of its stage */
    if (rc == 0 && at == s.first)
#else
    if (rc == 0)
#endif
        rc = pool_free_uncovered(p, at, s.end);
    return rc < 0 || at == s.first ? rc : runset_remove(&p->ahead, s.first, s.end);
}

static int refuse_taken(struct pool *p, enum stage_state state, uint64_t first, uint64_t end)
{
    uint64_t wanted = cover_wanted(p->cover, first, end);
    if (state == STAGE_SHUT)
        return runset_overlap(&p->ahead, first, end) > 0;
    return runset_overlap(&p->free, first, end) != wanted;
}

bool pool_tasks_are_free(struct pool *p, uint64_t next, uint64_t end)
{
    return cover_wanted(p->cover, next, end) > 0 && for_parts(p, next, end, refuse_taken) == 0;
}

uint64_t pool_tasks_open_from(const struct pool *p, uint64_t at, uint64_t end)
{
    uint32_t stage = at < end ? pool_stage_of(p, at) : 0;
    for (; at < end && p->stage_states[stage] != STAGE_OPEN; stage++)
        at = shape_at(p->shape, stage).end;
    return at < end ? at : end;
}

uint64_t pool_tasks_closed_from(const struct pool *p, uint64_t at, uint64_t end)
{
    uint32_t stage = at < end ? pool_stage_of(p, at) : 0;
    for (; at < end && p->stage_states[stage] != STAGE_CLOSED; stage++)
        at = shape_at(p->shape, stage).end;
    return at < end ? at : end;
}
