#include "core/node/give_up.h"

#include "core/node/assign.h"
#include "core/node/jobs.h"
#include "core/node/lead_pool.h"
#include "core/node/link.h"
#include "core/node/outcome.h"
#include "core/node/session.h"
#include "core/node/stages.h"

void give_up_stage(struct job *j, uint32_t stage, const char *text)
{
    struct lead *l = j->lead;
    struct shape_stage leaves = stage_leaves(j, stage);

    if (l->failed_why == NULL)
        l->failed_why = node_alloc(j->node, VIEW_ERROR_SIZE);
    /* Those that had failed before may be complete after all. */
    if (l->failed_why != NULL && l->ready.failed == 0)
        text_copy(l->failed_why, VIEW_ERROR_SIZE, text);
    sessions_note_why(j, stage, text);
    lead_stage_fails(j, stage);
    pool_close(l->pool, stage);
#if VELUM_PLANT == 480 /* trace/test_graph: leaves of a stage that failed are given out again */
    pool_open(l->pool, stage);
#endif
    for (uint32_t i = 0; i < pool_chunks(l->pool); i++) {
        const struct chunk *c = pool_chunk_at(l->pool, i);

        if (c->next < leaves.end && leaves.first < c->end)
            assign_trim(j, c->node, c->grant, leaves.first);
    }
}

static void task_is_over(struct job *j, uint32_t stage, const char *cause)
{
    char text[VIEW_ERROR_SIZE] = "timed-out: ";

    if (ready_at(&j->lead->ready, stage) != STAGE_READY)
        return;
    text_append(text, sizeof text, cause);
    j->lead->ready.stages[stage].too_long = true;
    give_up_stage(j, stage, text);
}

/* A task of an open job whose own time is over is not begun again: whoever gave it so long wants to
 * hear of that then. A stage of a flow, which has a name, is, as often as its author says. */
void give_up_task(struct job *j, uint32_t stage, const char *cause)
{
    struct stage_spec room;
    const struct stage_spec *s = stage_spec_of(j, stage, &room);
    bool again = s->name[0] != 0 || s->retries > 0;

#if VELUM_PLANT == 707 /* trace/test_task_time: a task that ran out of its time is begun again */
    return;
#endif
#if VELUM_PLANT == 739 /* trace/test_task_time: a stage of a flow is not begun again */
    again = false;
#endif
    if (j->spec->open && j->graph->stages[stage].task && s->leaf_us > 0 && !again)
        task_is_over(j, stage, cause);
}

/* --- those that were cancelled --- */

static void give_up_one(struct job *j, uint32_t stage)
{
    char text[VIEW_ERROR_SIZE] = "";
    enum ready_state state = ready_at(&j->lead->ready, stage);

    /* What had failed before stays so, and is told so. */
    if (state == STAGE_DONE || state == STAGE_FAILED || stage_is_complete(j, stage))
        return;
    stage_append_name(j, stage, text, sizeof text);
    text_append(text, sizeof text, " was killed");
    give_up_stage(j, stage, text);
}

void give_up_cancelled(struct job *j)
{
    uint32_t count = ledger_stages_cancelled(j->ledger), i;

#if VELUM_PLANT == 717 /* trace/test_kill_stage: a stage that is cancelled goes on */
    return;
#endif
    if (j->lead->cancels_seen == count)
        return;
    j->lead->cancels_seen = count;
    i = ledger_cancelled_from(j->ledger, 0);
    for (; i < j->graph->count; i = ledger_cancelled_from(j->ledger, i + 1))
        give_up_one(j, i);
}

bool given_up_behind(const struct job *j, uint32_t stage)
{
    const struct ready_stage *s = &j->lead->ready.stages[stage];
    const struct graph_stage *g = &j->graph->stages[stage];

    if (ledger_stages_cancelled(j->ledger) == 0)
        return false;
    if (stage_is_cancelled(j, stage) ||
        (s->state == STAGE_BLOCKED && stage_is_cancelled(j, s->blocked_by)))
        return true;
    for (uint32_t k = 0; k < g->needs_count; k++)
        if (stage_is_cancelled(j, j->graph->links[g->needs + k].stage))
            return true;
    return false;
}

/* --- the end of the job --- */

static void append_count(char *text, uint32_t count, const char *one, const char *many)
{
    char number[24];

    text_of_u64(count, number);
    text_append(text, VIEW_ERROR_SIZE, "; ");
    text_append(text, VIEW_ERROR_SIZE, number);
    text_append(text, VIEW_ERROR_SIZE, count == 1 ? one : many);
}

/* So many of those that were given up were cancelled. */
static uint32_t count_cancelled(const struct job *j)
{
    uint32_t count = 0, i = ledger_cancelled_from(j->ledger, 0);

    for (; i < j->graph->count; i = ledger_cancelled_from(j->ledger, i + 1))
        count += ready_at(&j->lead->ready, i) == STAGE_FAILED;
    return count;
}

void give_up_job(struct job *j)
{
    const struct lead *l = j->lead;
    uint32_t failed = l->ready.failed;
    char text[VIEW_ERROR_SIZE];

    text_copy(text, sizeof text, l->failed_why == NULL ? "a stage failed" : l->failed_why);
    if (failed > 1)
        append_count(text, failed, "",
                     count_cancelled(j) == failed ? " stages were killed" : " stages failed");
    if (l->ready.blocked > 0)
        append_count(text, l->ready.blocked, " stage is blocked", " stages are blocked");
    outcome_write(j, JOB_FAILED, (struct bytes){NULL, 0}, text);
}
