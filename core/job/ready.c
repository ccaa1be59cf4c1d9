#include "core/job/ready.h"

#include "core/base/ensure.h"
#include "core/base/err.h"

int ready_reserve(struct ready *r, uint32_t count)
{
    void *stages = r->stages == &r->one ? NULL : r->stages;
    uint32_t cap = r->cap < count / 2 ? count : 2 * r->cap;
    int rc;

    if (count <= 1 || count <= r->cap)
        return 0;
    rc = alloc_grow(r->alloc, &stages, r->cap, cap < count ? count : cap, sizeof *r->stages);
    if (rc < 0)
        return rc;
    if (r->stages == &r->one)
        ((struct ready_stage *)stages)[0] = r->one;
    r->stages = stages;
    r->cap = cap < count ? count : cap;
    return 0;
}

static void add(struct ready *r, uint32_t stage)
{
    r->stages[stage] = (struct ready_stage){.missing = r->graph->stages[stage].needs_count,
                                            .covered_to = shape_at(&r->graph->shape, stage).first};
}

int ready_init(struct ready *r, const struct alloc *a, const struct graph *g,
               const struct cover *cover)
{
    *r = (struct ready){.alloc = a, .graph = g, .cover = cover};
    r->stages = &r->one;
    if (ready_reserve(r, g->count) < 0) {
        r->stages = NULL;
        return ERR_NO_MEMORY;
    }
    for (; r->count < g->count; r->count++)
        add(r, r->count);
    return 0;
}

void ready_clear(struct ready *r)
{
    if (r->stages != &r->one && r->stages != NULL)
        alloc_free(r->alloc, r->stages, r->cap * sizeof *r->stages);
    r->stages = NULL;
}

/* A fold, or a search, is complete when its value is known: until then it is merged. */
static bool is_complete(struct ready *r, uint32_t stage)
{
    struct ready_stage *s = &r->stages[stage];
    struct shape_stage in = shape_at(&r->graph->shape, stage);
    struct value root;
    uint64_t end;

    if (r->graph->stages[stage].reduction != REDUCE_COLLECT)
        return cover_root(r->cover, stage, &root);
#if VELUM_PLANT == 471 /* unit/test_ready: a stage that collects is complete with its first leaf */
    return cover_overlap(r->cover, in.first, in.end) > 0;
#endif
    if (!cover_gap(r->cover, s->covered_to, &s->covered_to, &end))
        s->covered_to = in.end;
    return s->covered_to >= in.end;
}

static void open_stage(struct ready *r, uint32_t stage, ready_opened *opened, void *ctx)
{
    r->stages[stage].state = STAGE_READY;
    opened(ctx, stage);
}

static void complete(struct ready *r, uint32_t stage, ready_opened *opened, void *ctx)
{
    const struct graph_stage *g = &r->graph->stages[stage];

    r->stages[stage].state = STAGE_DONE;
    r->done++;
    for (uint32_t at = g->readers_first; at > 0; at = r->graph->links[at - 1].next) {
        uint32_t reader = r->graph->links[at - 1].reader;
        struct ready_stage *s = &r->stages[reader];

        if (reader >= r->count)
            break; /* it is to be added, and will look itself */
        ensure(s->missing > 0);
        s->missing--;
#if VELUM_PLANT == 472 /* unit/test_ready: a stage is ready when one of its needs is complete */
        if (s->state == STAGE_WAITING)
#else
        if (s->missing == 0 && s->state == STAGE_WAITING)
#endif
            open_stage(r, reader, opened, ctx);
    }
}

/* Whether something that it needs has failed, or is blocked itself, and by which stage. */
static bool is_held_up(const struct ready *r, uint32_t stage, uint32_t *by)
{
    const struct graph_stage *g = &r->graph->stages[stage];

    for (uint32_t k = 0; k < g->needs_count; k++) {
        uint32_t need = r->graph->links[g->needs + k].stage;

        *by = r->stages[need].state == STAGE_FAILED ? need : r->stages[need].blocked_by;
        if (r->stages[need].state == STAGE_FAILED || r->stages[need].state == STAGE_BLOCKED)
            return true;
    }
    return false;
}

/* The stage held others up, and is complete after all. Needs have lower numbers, so one pass over
 * those behind finds all, however far. */
static void let_go(struct ready *r, uint32_t stage, ready_opened *opened, void *ctx)
{
    for (uint32_t i = stage + 1; i < r->count; i++) {
        struct ready_stage *s = &r->stages[i];

        if (s->state != STAGE_BLOCKED || is_held_up(r, i, &s->blocked_by))
            continue;
        s->state = STAGE_WAITING;
        r->blocked--;
        if (s->missing == 0)
            open_stage(r, i, opened, ctx);
    }
}

void ready_look(struct ready *r, uint32_t stage, ready_opened *opened, void *ctx)
{
    enum ready_state state = ready_at(r, stage);

    /* Leaves of a stage may be covered before what it needs: another coordinator knew that. */
    if (state == STAGE_DONE || !is_complete(r, stage))
        return;
    r->failed -= state == STAGE_FAILED;
    r->blocked -= state == STAGE_BLOCKED;
    complete(r, stage, opened, ctx);
#if VELUM_PLANT != 580 /* unit/test_ready: what was blocked stays so when the stage is complete */
    if (state == STAGE_FAILED || state == STAGE_BLOCKED)
        let_go(r, stage, opened, ctx);
#endif
}

void ready_look_all(struct ready *r, ready_opened *opened, void *ctx)
{
    for (uint32_t i = 0; i < r->count; i++)
        if (r->stages[i].state == STAGE_WAITING && r->stages[i].missing == 0)
            open_stage(r, i, opened, ctx);
    for (uint32_t i = 0; i < r->count; i++)
        ready_look(r, i, opened, ctx);
}

/* One more than those it looks at: what it needs may be complete, or never be. */
static void join(struct ready *r, uint32_t stage, ready_opened *opened, void *ctx)
{
    const struct graph_stage *g = &r->graph->stages[stage];
    struct ready_stage *s = &r->stages[stage];

    add(r, stage);
    r->count++;
    for (uint32_t k = 0; k < g->needs_count; k++) {
        bool done = ready_at(r, r->graph->links[g->needs + k].stage) == STAGE_DONE;

#if VELUM_PLANT == 520 /* trace/test_append: one that is appended waits for what is complete */
        done = false;
#endif
        s->missing -= done;
    }
    if (is_held_up(r, stage, &s->blocked_by)) {
        s->state = STAGE_BLOCKED;
        r->blocked++;
    } else if (s->missing == 0) {
        open_stage(r, stage, opened, ctx);
    }
}

void ready_more(struct ready *r, ready_opened *opened, void *ctx)
{
    ensure(r->graph->count <= r->cap || r->graph->count == 1);
    while (r->count < r->graph->count)
        join(r, r->count, opened, ctx);
}

/* As in let_go, one pass is enough. */
void ready_fail(struct ready *r, uint32_t stage)
{
    if (r->stages[stage].state == STAGE_DONE || r->stages[stage].state == STAGE_FAILED)
        return;
    r->stages[stage].state = STAGE_FAILED;
    r->failed++;
    for (uint32_t i = stage + 1; i < r->count; i++) {
        struct ready_stage *s = &r->stages[i];

        if (s->state != STAGE_WAITING || !is_held_up(r, i, &s->blocked_by))
            continue;
        s->state = STAGE_BLOCKED;
        r->blocked++;
    }
}

enum ready_state ready_at(const struct ready *r, uint32_t stage)
{
    ensure(stage < r->count);
    return (enum ready_state)r->stages[stage].state;
}

bool ready_all(const struct ready *r)
{
    return r->done == r->count;
}

bool ready_over(const struct ready *r)
{
    return r->done + r->failed + r->blocked == r->count;
}
