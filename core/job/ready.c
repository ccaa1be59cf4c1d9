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

/* --- what is due --- */

void ready_due(struct ready *r, uint32_t stage)
{
    struct ready_stage *s = &r->stages[stage];

    ensure(stage < r->count);
    if (s->due)
        return;
    s->due = true;
    s->next_due = 0;
    if (r->last_due > 0)
        r->stages[r->last_due - 1].next_due = stage + 1;
    else
        r->first_due = stage + 1;
    r->last_due = stage + 1;
}

void ready_due_all(struct ready *r)
{
    for (uint32_t i = 0; i < r->count; i++)
        ready_due(r, i);
}

static void readers_are_due(struct ready *r, uint32_t stage)
{
    for (uint32_t at = r->graph->stages[stage].readers_first; at > 0;
         at = r->graph->links[at - 1].next)
        if (r->graph->links[at - 1].reader < r->count)
            ready_due(r, r->graph->links[at - 1].reader);
}

/* --- looking --- */

/* A fold, or a search, is complete when its value is known: until then it is merged. */
static bool is_complete(struct ready *r, uint32_t stage)
{
    struct ready_stage *s = &r->stages[stage];
    struct shape_stage in = shape_at(&r->graph->shape, stage);
    struct value root;
    uint64_t end;

    if (r->cover == NULL)
        return false;
    if (r->graph->stages[stage].reduction != REDUCE_COLLECT)
        return cover_root(r->cover, stage, &root);
#if VELUM_PLANT == 471 /* unit/test_ready: a stage that collects is complete with its first leaf */
    return cover_overlap(r->cover, in.first, in.end) > 0;
#endif
    if (!cover_gap(r->cover, s->covered_to, &s->covered_to, &end))
        s->covered_to = in.end;
    return s->covered_to >= in.end;
}

static void count_as(struct ready *r, enum ready_state state, uint32_t more)
{
    if (state == STAGE_DONE)
        r->done += more;
    else if (state == STAGE_FAILED)
        r->failed += more;
    else if (state == STAGE_BLOCKED)
        r->blocked += more;
}

static void becomes(struct ready *r, uint32_t stage, enum ready_state state, ready_changed *changed,
                    void *ctx)
{
    struct ready_stage *s = &r->stages[stage];

    count_as(r, ready_at(r, stage), UINT32_MAX); /* one less */
    count_as(r, state, 1);
    s->state = (uint8_t)state;
    changed(ctx, stage);
}

/* Leaves of a stage may be covered before what it needs: another coordinator knew that. */
static void complete(struct ready *r, uint32_t stage, ready_changed *changed, void *ctx)
{
    const struct graph_stage *g = &r->graph->stages[stage];
    enum ready_state before = ready_at(r, stage);

    becomes(r, stage, STAGE_DONE, changed, ctx);
    for (uint32_t at = g->readers_first; at > 0; at = r->graph->links[at - 1].next) {
        uint32_t reader = r->graph->links[at - 1].reader;
        struct ready_stage *s = &r->stages[reader];

        if (reader >= r->count)
            break; /* it is to be added, and will look itself */
        ensure(s->missing > 0);
        s->missing--;
        if (s->missing == 0 && s->state == STAGE_WAITING)
            ready_due(r, reader); /* opened in its turn: many may have waited */
    }
#if VELUM_PLANT != 580 /* unit/test_ready: what was blocked stays so when the stage is complete */
    if (before == STAGE_FAILED || before == STAGE_BLOCKED)
        readers_are_due(r, stage);
#endif
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

/* By what it needs: those that read it are due where that has changed something. */
static void look_at_needs(struct ready *r, uint32_t stage, ready_changed *changed, void *ctx)
{
    struct ready_stage *s = &r->stages[stage];
    uint32_t by = s->blocked_by;
    bool was = s->state == STAGE_BLOCKED, held = is_held_up(r, stage, &s->blocked_by);

    if (held && !was)
        becomes(r, stage, STAGE_BLOCKED, changed, ctx);
    else if (!held && was)
        becomes(r, stage, STAGE_WAITING, changed, ctx);
    if (held != was || (held && by != s->blocked_by))
        readers_are_due(r, stage);
#if VELUM_PLANT == 472 /* unit/test_ready: a stage is ready when some of its needs are complete */
    if (s->state == STAGE_WAITING &&
        (s->missing == 0 || s->missing < r->graph->stages[stage].needs_count))
#else
    if (s->state == STAGE_WAITING && s->missing == 0)
#endif
        becomes(r, stage, STAGE_READY, changed, ctx);
}

static void look(struct ready *r, uint32_t stage, ready_changed *changed, void *ctx)
{
    enum ready_state state = ready_at(r, stage);

    if (state == STAGE_DONE)
        return;
    if (is_complete(r, stage))
        complete(r, stage, changed, ctx);
    else if (state == STAGE_WAITING || state == STAGE_BLOCKED)
        look_at_needs(r, stage, changed, ctx);
}

bool ready_go_on(struct ready *r, uint32_t most, ready_changed *changed, void *ctx)
{
    while (r->first_due > 0) {
        uint32_t stage = r->first_due - 1;

        if (most-- == 0)
            return false;
        r->first_due = r->stages[stage].next_due;
        r->last_due = r->first_due == 0 ? 0 : r->last_due;
        r->stages[stage].due = false;
        look(r, stage, changed, ctx);
    }
    return true;
}

/* One more than those it looks at: what it needs may be complete, or never be. */
static void join(struct ready *r, uint32_t stage, ready_changed *changed, void *ctx)
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
    look_at_needs(r, stage, changed, ctx);
}

void ready_more(struct ready *r, ready_changed *changed, void *ctx)
{
    ensure(r->graph->count <= r->cap || r->graph->count == 1);
    while (r->count < r->graph->count)
        join(r, r->count, changed, ctx);
}

void ready_fail(struct ready *r, uint32_t stage, ready_changed *changed, void *ctx)
{
    enum ready_state state = ready_at(r, stage);

    if (state == STAGE_DONE || state == STAGE_FAILED)
        return;
    becomes(r, stage, STAGE_FAILED, changed, ctx);
    readers_are_due(r, stage);
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
    return r->first_due == 0 && r->done + r->failed + r->blocked == r->count;
}
