#include "core/node/drain.h"
#include "core/node/lead_pool.h"

#include "core/node/assign.h"
#include "core/node/fit.h"
#include "core/node/jobs.h"
#include "core/node/lead.h"
#include "core/node/link.h"
#include "core/node/linked.h"
#include "core/node/quarantine.h"
#include "core/node/session.h"
#include "core/node/shares.h"
#include "core/node/site.h"
#include "core/node/stages.h"

/* Of one job, at its coordinator. At its end chunks are short. */
#define REPORTS_A_SECOND 2000
#define CHUNKS_A_SECOND 2000
#define CHUNKS_A_SECOND_LAST 8000
#define LOOKS_A_GO 512     /* a step, at stages that may have changed: tenths of a millisecond */
#define LINKS_WORKING 1024 /* a node has no more of them */

/* So many nodes will soon work for it, each with some leaf or other; not all of them have a link
 * yet. */
static uint32_t nodes_to_come(struct job *j, uint32_t nodes)
{
    uint64_t most = pool_free_leaves(j->lead->pool) + pool_chunks(j->lead->pool);
    uint32_t live = mesh_live_count(j->node->mesh);

    most = most < LINKS_WORKING ? most : LINKS_WORKING;
    most = most < live ? most : live;
    return most > nodes ? (uint32_t)most : nodes;
}

/* So that a second has a bounded number of reports however many work: each node reports less often
 * where there are many, and chunks are longer, at the end too. */
void lead_pace(struct job *j, uint32_t nodes, uint32_t slots)
{
    const struct node_limits *limits = &j->node->limits;
    struct lead *l = j->lead;
    uint32_t to_come = nodes_to_come(j, nodes);
    int64_t goal_us, report_us = S_US * to_come / REPORTS_A_SECOND;

    slots = nodes > 0 ? (uint32_t)((uint64_t)slots * to_come / nodes) : slots;
    goal_us = S_US * slots / CHUNKS_A_SECOND;
    l->report_us = report_us > limits->report_us ? (uint32_t)report_us : limits->report_us;
    pool_set_pace(l->pool, (struct pool_pace){
                               .goal_us = goal_us > limits->chunk_us ? goal_us : limits->chunk_us,
                               .least_us = S_US * slots / CHUNKS_A_SECOND_LAST});
}

static uint64_t memory_of(void *ctx, struct node_id id)
{
    const struct job *j = ctx;
    const struct member *m = mesh_find(j->node->mesh, id);

    if (node_is_self(j->node, id))
        return j->node->options.memory_bytes;
    return m == NULL ? 0 : m->info->memory_bytes;
}

/* Of the nodes that may run the job, as lead_eligible counts them. */
static uint64_t memory_most(void *ctx, uint64_t leaf)
{
    const struct job *j = ctx;
    const struct node *n = j->node;
    const struct hand *h = lead_hand(j->lead, n->options.id);
    uint64_t most =
        (h == NULL || !h->no_kernel) && !drain_is_on(n) ? n->options.memory_bytes : 0;

    if (fit_memory_most(j, leaf, &most))
        return most;
    for (uint32_t i = 0; i < linked_count(n); i++) {
        const struct member *m = linked_at(n, i);

        h = lead_hand(j->lead, m->info->id);
        if (member_is_there(m) && !member_idles(j->node, m) && (h == NULL || !h->no_kernel) &&
            m->info->memory_bytes > most)
            most = m->info->memory_bytes;
    }
    return most;
}

void lead_pool_drop(struct job *j)
{
    struct pool *p = j->lead->pool;

    for (uint32_t i = 0; p != NULL && i < pool_chunks(p); i++)
        site_less(j, pool_chunk_at(p, i));
    pool_free(p);
    j->lead->pool = NULL;
}

void lead_pool_halt(struct job *j)
{
    struct pool *p = j->lead->pool;

    while (pool_chunks(p) > 0) {
        site_less(j, pool_chunk_at(p, 0));
        pool_return(p, pool_chunk_at(p, 0)->grant);
    }
    j->node->assign_wanted = true;
}

static void stage_changed(void *ctx, uint32_t stage)
{
    struct job *j = ctx;

    sessions_note(j, stage);
    if (ready_at(&j->lead->ready, stage) != STAGE_READY)
        return;
    pool_open(j->lead->pool, stage);
    shares_back(j);
    j->node->assign_wanted = true;
}

/* What was read to its end is complete, whether its value was ever here or not. */
static void spent_are_due(struct job *j)
{
    struct lead *l = j->lead;
    uint32_t next;

    while ((next = ledger_spent_after(j->ledger, l->spent_seen)) > 0) {
        l->spent_seen = next;
        ready_due(&l->ready, next - 1);
    }
}

void lead_stages_look(struct job *j)
{
    spent_are_due(j);
    if (j->later)
        return;
    if (!ready_go_on(&j->lead->ready, LOOKS_A_GO, stage_changed, j))
        job_go_on_later(j);
}

void lead_values_came(struct job *j, uint32_t first, uint32_t end)
{
    for (uint32_t i = first; i < end; i++)
        ready_due(&j->lead->ready, i);
    lead_stages_look(j);
}

void lead_stage_fails(struct job *j, uint32_t stage)
{
    ready_fail(&j->lead->ready, stage, stage_changed, j);
    lead_stages_look(j);
}

void lead_values_told(struct job *j, struct partial told)
{
    struct shape_stage in = {0, 0, false};
    uint32_t stage;

    for (uint16_t i = 0; i < told.count; i++) {
        uint64_t leaf = tree_first(read_value(&told.values).at);

        if (told.values.failed || !shape_find(&j->graph->shape, leaf, &stage))
            continue;
        if (leaf >= in.first && leaf < in.end)
            continue;
        in = stage_leaves(j, stage);
        ready_due(&j->lead->ready, stage);
    }
}

int lead_make_room(struct job *j, uint32_t stages)
{
    int rc = ready_reserve(&j->lead->ready, stages);

    return rc == 0 ? pool_reserve(j->lead->pool, stages) : rc;
}

static bool suits(void *ctx, uint32_t stage, struct node_id id)
{
    return fit_suits(ctx, stage, id);
}

static void let_choose(struct job *j)
{
    if (fit_chooses(j) || j->lead->fits != NULL)
        pool_suit(j->lead->pool, (struct pool_suits){j, suits});
}

void lead_stages_came(struct job *j)
{
    j->node->memory_out |= fit_more(j) < 0;
    let_choose(j); /* the first that reads objects may be among them */
    pool_more(j->lead->pool);
    ready_more(&j->lead->ready, stage_changed, j);
    job_mark_busy(j);
}

static uint32_t retries_of(void *ctx, uint64_t leaf)
{
    const struct job *j = ctx;

    return j->graph->stages[stage_of_leaf(j, leaf)].retries;
}

static bool tasks_join(void *ctx, uint32_t stage)
{
    const struct job *j = ctx;

    return j->graph->stages[stage].joins;
}

/* One that could begin no earlier anywhere else: it waits for the one before it, which is computed
 * last of those in the chunk. */
static bool goes_ahead(void *ctx, uint32_t stage, uint32_t first)
{
    const struct job *j = ctx;
    const struct graph_stage *s = &j->graph->stages[stage];
    bool waits = false, follows = false;

    for (uint32_t k = 0; k < s->needs_count; k++) {
        uint32_t need = j->graph->links[s->needs + k].stage;

        if (ready_at(&j->lead->ready, need) == STAGE_DONE)
            continue;
        if (need < first)
            return false;
        waits = true;
        follows |= need + 1 == stage;
    }
    return !waits || follows;
}

static uint32_t eligible_of(void *ctx, uint64_t leaf)
{
    return fit_eligible(ctx, leaf);
}

/* Also those that are complete: what is lost of them is computed again. */
static void open_stages(const struct job *j, struct pool *p)
{
    for (uint32_t i = 0; i < j->graph->count; i++) {
        enum ready_state state = ready_at(&j->lead->ready, i);

#if VELUM_PLANT == 482 /* trace/test_graph_lost: what was complete is not given out again */
        if (state == STAGE_READY)
#else
        if (state == STAGE_READY || state == STAGE_DONE)
#endif
            pool_open(p, i);
    }
}

int lead_pool_anew(struct job *j, const struct cover *cover)
{
    struct pool *p;
    int rc = pool_new(&p, j->node->alloc, cover);

    if (rc < 0)
        return rc;
    lead_pool_drop(j);
    j->lead->pool = p;
    lead_pace(j, 1, 1);
    pool_memory(p, (struct poison_memory){j, memory_of, memory_most});
    pool_retries_of(p, (struct poison_retries){j, retries_of});
    pool_tasks_of(p, (struct pool_tasks){j, GRAPH_TASKS_MAX, tasks_join, goes_ahead});
    if (j->lead->fits != NULL)
        pool_eligible_of(p, (struct poison_eligible){j, eligible_of});
    let_choose(j);
    open_stages(j, p);
    return 0;
}

/* What failed stays so, and what was told is not told again. All of it at once: what rests now is
 * taken back. */
static void look_anew(struct job *j, const struct ready *before)
{
    struct ready *now = &j->lead->ready;

    for (uint32_t i = 0; i < now->graph->count; i++)
        now->stages[i].told = before->stages[i].told;
    ready_due_all(now);
    ready_go_on(now, UINT32_MAX, stage_changed, j);
    for (uint32_t i = 0; i < now->graph->count; i++)
        if (ready_at(before, i) == STAGE_FAILED)
            ready_fail(now, i, stage_changed, j);
    ready_go_on(now, UINT32_MAX, stage_changed, j);
}

bool lead_pool_rests(const struct job *j, uint32_t stage)
{
    enum ready_state state = ready_at(&j->lead->ready, stage);

#if VELUM_PLANT == 556 /* trace/test_graph_lost: a stage that failed is given out again */
    return state == STAGE_WAITING;
#endif
    return state != STAGE_READY && state != STAGE_DONE;
}

static void take_back(struct job *j)
{
    struct lead *l = j->lead;
    uint32_t stage;

    for (uint32_t i = 0; i < j->graph->count; i++)
        if (lead_pool_rests(j, i))
            pool_close(l->pool, i);
    for (uint32_t i = 0; i < pool_chunks(l->pool); i++) {
        const struct chunk *c = pool_chunk_at(l->pool, i);

        for (uint64_t leaf = c->next; leaf < c->end; leaf = stage_leaves(j, stage).end) {
            stage = stage_of_leaf(j, leaf);
            if (!lead_pool_rests(j, stage))
                continue;
            assign_trim(j, c->node, c->grant, leaf);
            break;
        }
    }
}

int lead_pool_lacks(struct job *j, const struct cover *cover)
{
    struct lead *l = j->lead;
    struct ready before = l->ready;
    int rc = ready_init(&l->ready, j->node->alloc, j->graph, cover);

    if (rc < 0) {
        l->ready = before;
        return rc;
    }
    pool_look_at(l->pool, cover);
    look_anew(j, &before);
    ready_clear(&before);
#if VELUM_PLANT != 555 /* trace/test_graph_lost: who waits for what is lost keeps its slots */
    take_back(j);
#endif
    return 0;
}

void lead_pool_whole(struct job *j)
{
    struct lead *l = j->lead;

    pool_look_at(l->pool, ledger_cover(j->ledger));
    l->ready.cover = ledger_cover(j->ledger);
    ready_due_all(&l->ready); /* what was folded meanwhile was folded there */
    job_mark_busy(j);
}

int lead_pool_begin(struct job *j)
{
    struct lead *l = j->lead;
    const struct cover *cover = ledger_cover(j->ledger);
    int rc = ready_init(&l->ready, j->node->alloc, j->graph, cover);

    if (rc == 0)
        rc = fit_begin(j);
    if (rc == 0)
        rc = sessions_begin(j);
    if (rc == 0)
        rc = lead_pool_anew(j, cover);
    if (rc == 0) {
        ready_due_all(&l->ready);
        lead_stages_look(j);
    }
    return rc;
}
