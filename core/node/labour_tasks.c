#include "core/node/labour_tasks.h"

#include "core/node/labour.h"
#include "core/node/labour_report.h"
#include "core/node/link.h"
#include "core/node/stages.h"
#include "core/node/worker_order.h"
#include "core/node/workers.h"

#define PORTION_US (5.0 * MS_US)
#define PORTION_UNKNOWN 4u
#define TASK_HEAD 18u /* its units, those of a leaf, and the length of its params */
#define PORTION_PARAMS_MAX (FRAME_PAYLOAD_MAX - 64u)

bool labour_tasks_are(const struct job *j, uint32_t stage)
{
    return j->graph->count > 1 && j->graph->stages[stage].task;
}

uint64_t labour_tasks_base(const struct job *j, const struct labour_chunk *c)
{
    return c->tasks ? 0 : stage_leaves(j, c->stage).first;
}

static uint32_t portion(const struct job *j, const struct labour_chunk *c)
{
    uint32_t most = graph_tasks_told(j->graph, c->stage);
    double task_us = j->labour->task_us;

    if (task_us == 0)
        return PORTION_UNKNOWN;
    if (task_us >= PORTION_US)
        return 1;
    return PORTION_US / task_us < most ? (uint32_t)(PORTION_US / task_us) : most;
}

/* Of so many from this one on. */
static bool some_are_rolled(const struct job *j, uint32_t stage, uint64_t count)
{
#if VELUM_PLANT == 746 /* trace/test_append: a worker takes one that is rolled for one leaf */
    return false;
#endif
    for (uint64_t i = 0; i < count; i++)
        if (j->graph->stages[stage + i].rolled)
            return true;
    return false;
}

/* One frame of them, of those that fit. */
static void order_portion(struct node *n, struct worker *w, struct labour_chunk *c)
{
    uint32_t stage = stage_of_leaf(w->job, c->ordered), most = portion(w->job, c);
    struct order_tasks m = {.run = c->grant,
                            .first = c->ordered,
                            .report_us = c->careful ? 0 : w->job->labour->report_us};
    struct stage_spec room;
    struct buf b;
#if VELUM_PLANT == 701
    uint64_t units = 0;
#endif

    if (some_are_rolled(w->job, stage, most < c->end - c->ordered ? most : c->end - c->ordered))
        m.units = TASKS_ROLLED;
    buf_init(&b, n->alloc, FRAME_PAYLOAD_MAX);
    put_order_tasks_begin(&b, &m);
    for (; c->ordered < c->end && m.count < most; c->ordered++, m.count++) {
        const struct stage_spec *s = stage_spec_of(w->job, stage + m.count, &room);

        if (b.len + TASK_HEAD + s->params.len > PORTION_PARAMS_MAX)
            break;
#if VELUM_PLANT == 701 /* trace/test_tasks: all of a portion have the units of the first */
        units = units > 0 ? units : s->units;
        put_order_task(&b, m.units, (struct order_task){units, units, s->params});
#else
        put_order_task(
            &b, m.units,
            (struct order_task){s->units, s->rolled ? s->leaf_units : s->units, s->params});
#endif
    }
    order_tasks_count(&b, m.count);
    if (b.failed)
        n->memory_out = true;
    else
        worker_order(n, w, MESSAGE_ORDER_TASKS, buf_bytes(&b));
    buf_clear(&b);
}

void labour_tasks_order(struct node *n, struct worker *w, struct labour_chunk *c)
{
    if (c->ordered == c->next && c->ordered < c->end) {
        order_portion(n, w, c);
        c->halfway = c->ordered;
    }
#if VELUM_PLANT == 614 /* trace/test_tasks: a worker waits for its node between two portions */
    return;
#endif
    if (c->ordered == c->halfway && c->ordered < c->end)
        order_portion(n, w, c);
}

/* One that takes long is followed by small portions at once. */
void labour_tasks_took(struct labour *l, uint64_t tasks, uint64_t us)
{
    double task_us;

    if (tasks == 0)
        return;
    task_us = ((double)us + 0.5) / (double)tasks;
    l->task_us =
        l->task_us == 0 || task_us > l->task_us ? task_us : l->task_us * 0.5 + task_us * 0.5;
}

void labour_tasks_told(struct node *n, struct labour_chunk *c)
{
    struct worker *w = worker_find(n, c->worker);

    if (c->next >= c->halfway)
        c->halfway = c->ordered;
    labour_tasks_order(n, w, c);
}

static void cut_now(struct job *j, struct labour_chunk *c, uint64_t end)
{
    if (end >= c->end)
        return;
    c->end = end;
    labour_report_border(j, c, 0, "");
}

static bool is_stuck(const struct job *j, const struct labour_chunk *c)
{
#if VELUM_PLANT == 615 /* trace/test_tasks: tasks behind a long one wait for it */
    return false;
#endif
    return instant_since_us(j->node->now, c->moved) >= TASK_STUCK_US;
}

bool labour_tasks_cut(struct job *j, struct labour_chunk *c, uint64_t *end)
{
    if (*end < c->cut_at)
        c->cut_at = *end;
    cut_now(j, c, *end > c->ordered ? *end : c->ordered);
    if (is_stuck(j, c))
        cut_now(j, c, c->next + 1);
    if (c->end < *end)
        *end = c->end;
    return *end < c->ordered;
}

struct instant labour_tasks_due(const struct labour_chunk *c)
{
#if VELUM_PLANT == 617 /* trace/test_tasks: nothing wakes the node of a task that turns out long */
    return INSTANT_NEVER;
#endif
    if (!c->tasks || c->state != SLOT_RUNNING || c->cut_at >= c->end || c->end <= c->next + 1)
        return INSTANT_NEVER;
    return instant_plus_us(c->moved, TASK_STUCK_US);
}

void labour_tasks_tick(struct node *n)
{
    for (struct job *j = n->labour_jobs; j != NULL; j = j->next_labour)
        for (struct labour_chunk *c = j->labour->chunks; c != NULL; c = c->next_chunk)
            if (labour_tasks_due(c).us != INSTANT_NEVER.us && is_stuck(j, c))
                labour_order_trim(n, c, c->cut_at);
}

void labour_tasks_over(struct node *n, const struct labour_chunk *c, uint64_t told)
{
    struct worker *w = worker_find(n, c->worker);

#if VELUM_PLANT != 618 /* trace/test_tasks: who is at what was cut off is given more */
    if (told < c->ordered && w != NULL)
        worker_kill(n, w);
#endif
}

/* There is one value a leaf, in order. */
bool labour_tasks_clip(const struct labour_chunk *c, struct worker_progress *p)
{
    struct reader r = p->rest;
    uint64_t drop;

    if (p->next > c->ordered || p->count != p->next - c->next || p->next < c->next)
        return false;
    drop = p->next > c->end ? p->next - c->end : 0;
    if (drop == 0)
        return true;
    p->count = (uint16_t)(p->count - drop);
    p->next = c->end;
    for (uint16_t i = 0; i < p->count; i++)
        (void)read_value(&r);
    p->rest.len = r.at;
    return !r.failed;
}
