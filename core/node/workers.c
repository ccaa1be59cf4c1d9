/* Worker processes: a few blank ones are kept ready, a job has its own from the first order on. */
#include "core/node/workers.h"

#include <string.h>

#include "core/base/err.h"
#include "core/node/aside.h"
#include "core/node/building.h"
#include "core/node/labour.h"
#include "core/node/labour_inputs.h"
#include "core/node/labour_output.h"
#include "core/node/labour_report.h"
#include "core/node/labour_room.h"
#include "core/node/labour_tasks.h"
#include "core/node/link.h"
#include "core/node/merge_work.h"
#include "core/node/snippet.h"
#include "core/node/stages.h"
#include "core/node/worker_cause.h"
#include "core/node/worker_loaded.h"
#include "core/node/worker_order.h"
#include "core/node/worker_starts.h"
#include "core/node/worker_talk.h"

#define REPLENISH_US MS_US /* so long the job that took a ready one has the processors alone */
#define START_BACKOFF_US (500 * MS_US)
#define WORKERS_SPARE                                                                              \
    8 /* dying ones and asides beside two a slot; core/host/crew allows twice that */

struct worker *worker_find(const struct node *n, uint32_t number)
{
    for (struct worker *w = n->workers; w != NULL; w = w->next)
        if (w->number == number)
            return w;
    return NULL;
}

bool workers_serve_job(const struct node *n, const struct job *j)
{
    for (const struct worker *w = n->workers; w != NULL; w = w->next)
        if (w->job == j)
            return true;
    return merge_work_waits(n, j);
}

struct load workers_load(const struct node *n)
{
    struct load all = {0};

    for (const struct worker *w = n->workers; w != NULL; w = w->next)
        if (w->chunk != NULL) {
            all.slots += w->chunk->load.slots;
            all.memory_bytes += w->chunk->load.memory_bytes;
        } else if (w->state == WORKER_BUILDING) {
            all.memory_bytes += BUILD_MEMORY_BYTES;
        }
    return all;
}

uint32_t workers_busy(const struct node *n)
{
    return workers_load(n).slots;
}

static uint32_t workers_in(const struct node *n, enum worker_state state)
{
    uint32_t count = 0;

    for (const struct worker *w = n->workers; w != NULL; w = w->next)
        count += w->state == state;
    return count;
}

/* The host has no place for more: it would refuse one, and a refusal means a pause. */
static bool has_place(const struct node *n)
{
    return n->workers_count < WORKERS_MAX &&
           n->workers_count < 2 * n->options.slots + n->options.ready_workers + WORKERS_SPARE;
}

/* One that finds no place comes when another has ended. */
struct worker *worker_start(struct node *n, bool builds)
{
    struct worker *w;
    struct action *a;

#if VELUM_PLANT != 590 /* trace/test_workers: ready workers are started without room for them */
    if (!has_place(n))
        return NULL;
#endif
    w = node_alloc(n, sizeof *w);
    a = actions_add(n->out, ACTION_START, (struct bytes){NULL, 0});
    if (w == NULL || a == NULL) {
        n->memory_out = true;
        alloc_free(n->alloc, w, sizeof *w);
        return NULL;
    }
    w->number = a->worker = ++n->worker_counter;
    w->state = builds ? WORKER_BUILDING : WORKER_STARTING;
    a->builds = builds;
    w->since = n->now;
    w->next = n->workers;
    n->workers = w;
    n->workers_count++;
    return w;
}

void workers_start_ready(struct node *n)
{
    uint32_t ready;

    if (n->stopping || !instant_reached(n->now, n->replenish_at))
        return;
    n->replenish_at = INSTANT_NEVER;
    starts_again(n);
    ready = workers_in(n, WORKER_READY) + workers_in(n, WORKER_STARTING);
    for (; ready < n->options.ready_workers; ready++)
        (void)worker_start(n, false);
}

static void replenish_soon(struct node *n, int64_t us)
{
    n->replenish_at = instant_first(n->replenish_at, instant_plus_us(n->now, us));
}

void worker_kill(struct node *n, struct worker *w)
{
    struct action *a;

    if (w->state == WORKER_DYING)
        return;
    a = actions_add(n->out, ACTION_KILL, (struct bytes){NULL, 0});
    if (a == NULL)
        n->memory_out = true;
    else
        a->worker = w->number;
    w->state = WORKER_DYING;
}

/* A bound worker stays with its job; when there are too many, an idle one of another makes room. */
static void evict_idle(struct node *n)
{
    struct worker *oldest = NULL;

    if (n->workers_count - workers_in(n, WORKER_DYING) <
        2 * n->options.slots + n->options.ready_workers)
        return;
    for (struct worker *w = n->workers; w != NULL; w = w->next)
        if ((aside_is_kept(w) ||
             (w->state == WORKER_BOUND && w->chunk == NULL && !merge_work_is_given(n, w))) &&
            (oldest == NULL || instant_before(w->since, oldest->since)))
            oldest = w;
    if (oldest == NULL)
        return;
    oldest->job = NULL;
    worker_kill(n, oldest);
}

/* A blank worker, or NULL while none is ready; one is then on its way. */
static struct worker *take_ready(struct node *n)
{
    struct worker *w;

#if VELUM_PLANT != 591 /* trace/test_workers: who finds a ready worker lets all idle ones be */
    evict_idle(n);
#endif
    for (w = n->workers; w != NULL; w = w->next) {
        if (w->state != WORKER_READY)
            continue;
#if VELUM_PLANT != 501 /* trace/test_workers: a ready worker that was taken is not replaced */
        replenish_soon(n, REPLENISH_US);
#endif
        return w;
    }
    if (workers_in(n, WORKER_STARTING) < n->options.slots + 1 && n->start_failures == 0 &&
        !n->stopping)
        (void)worker_start(n, false);
    return NULL;
}

static bool has_stage(const struct worker *w, const struct job *j, uint32_t stage)
{
#if VELUM_PLANT == 479 /* trace/test_graph: the worker of one stage computes another */
    return w->state == WORKER_BOUND && w->job == j;
#endif
    return w->state == WORKER_BOUND && w->job == j && w->stage == stage &&
           w->built == building_is_built(j, stage);
}

static struct worker *bound_to(const struct node *n, const struct job *j, uint32_t stage,
                               bool running)
{
    for (struct worker *w = n->workers; w != NULL; w = w->next)
        if (has_stage(w, j, stage) && (w->chunk != NULL) == running)
            return w;
    return NULL;
}

static bool same_kernel(const struct job *j, uint32_t a, uint32_t b)
{
    return j->kernels[a].builtin == j->kernels[b].builtin &&
           j->kernels[a].kernel == j->kernels[b].kernel &&
           j->graph->stages[a].reduction == j->graph->stages[b].reduction &&
           j->graph->stages[a].accumulator_size == j->graph->stages[b].accumulator_size;
}

/* Tasks whose params come with each. */
static bool are_alike(const struct job *j, uint32_t a, uint32_t b)
{
    return labour_tasks_are(j, a) && labour_tasks_are(j, b) &&
           j->graph->stages[a].like == j->graph->stages[b].like;
}

/* A worker's limit is for good. */
static bool same_memory(const struct worker *w, const struct job *j, uint32_t stage)
{
    struct stage_spec room;

#if VELUM_PLANT == 607 /* trace/test_graph: a worker with little memory turns to what needs more */
    return true;
#endif
    return w->mem_bytes == stage_spec_of(j, stage, &room)->demand.mem_bytes;
}

/* One that has nothing to do and the kernel of another stage may turn to this one, if the job says
 * the same of its memory, unless an input of either is a file. */
static bool may_turn_to(const struct node *n, const struct worker *w, const struct job *j,
                        uint32_t stage)
{
    const struct stage_inputs *e = labour_inputs_of(j, stage);

    if (w->state != WORKER_BOUND || w->job != j || w->chunk != NULL || w->has_files ||
        !same_memory(w, j, stage) || merge_work_is_given(n, w) ||
        !same_kernel(j, w->stage, stage) || w->built != building_is_built(j, stage))
        return false;
    for (uint16_t i = 0; e != NULL && i < e->count; i++)
        if (!stage_input_is_given(buf_bytes(&e->list), i))
            return false;
    return true;
}

static struct worker *turning_to(const struct node *n, const struct job *j, uint32_t stage)
{
    struct worker *w = n->workers;

    while (w != NULL && !may_turn_to(n, w, j, stage))
        w = w->next;
    return w;
}

static void bind(struct node *n, struct worker *w, struct job *j, uint32_t stage)
{
    struct stage_spec room;
    const struct stage_spec *s = stage_spec_of(j, stage, &room);
    const struct stage_kernel *k = &j->kernels[stage];
    const struct stage_inputs *e = labour_inputs_of(j, stage);
    struct order_load m = {.source = s->source,
                           .params = s->params,
                           .reduction = s->reduction,
                           .mem_bytes = s->demand.mem_bytes,
                           .cpu_us =
                               j->spec->cpu_us > 0 ? j->spec->cpu_us : n->options.worker_cpu_us};

    w->state = WORKER_BOUND;
    w->job = j;
    w->stage = stage;
    text_copy(m.kernel, sizeof m.kernel, s->kernel);
    if (e != NULL) {
        m.inputs_count = e->count;
        m.inputs = buf_bytes(&e->list);
    }
    w->has_files = order_load_reads_files(&m);
    w->mem_bytes = m.mem_bytes;
    building_load(n, w, &m);
    worker_order_load(n, w, k->builtin != NULL ? -1 : k->kernel, m);
    if (e != NULL && e->given.len > 0)
        worker_order_inputs(n, w, e);
}

/* A worker for this stage, whose inputs are here: an idle one that is bound to it, one that may
 * turn to it, or a blank one that is bound now. */
static struct worker *worker_for(struct node *n, struct job *j, uint32_t stage)
{
    struct worker *w = bound_to(n, j, stage, false);

    if (w != NULL)
        return w;
    w = turning_to(n, j, stage);
    if (w != NULL && are_alike(j, w->stage, stage)) {
        w->stage = stage;
        return w;
    }
    if (w == NULL)
        w = take_ready(n);
    if (w != NULL)
        bind(n, w, j, stage);
    return w;
}

static void order_run(struct node *n, struct worker *w, struct labour_chunk *c)
{
    struct stage_spec room;
    const struct stage_spec *s = stage_spec_of(w->job, c->stage, &room);
    uint64_t base = stage_leaves(w->job, c->stage).first;
    struct order_run m = {.run = c->grant,
                          .first = c->next - base,
                          .end = c->end - base,
                          .units = s->units,
                          .leaf_units = s->leaf_units,
                          .report_us = c->careful ? 0 : w->job->labour->report_us};
    uint8_t bytes[64];
    struct buf b;

    buf_init_fixed(&b, bytes, sizeof bytes);
    put_order_run(&b, &m);
    worker_order(n, w, MESSAGE_ORDER_RUN, buf_bytes(&b));
}

static void run_chunk(struct node *n, struct worker *w, struct labour_chunk *c)
{
    if (c->tasks)
        labour_tasks_order(n, w, c);
    else
        order_run(n, w, c);
    w->chunk = c;
    w->since = n->now;
    c->worker = w->number;
    c->state = SLOT_RUNNING;
    c->moved = n->now;
}

static bool has_idle_worker(const struct node *n, const struct job *j, uint32_t stage)
{
    for (const struct worker *w = n->workers; w != NULL; w = w->next)
        if (w->state == WORKER_READY || (has_stage(w, j, stage) && w->chunk == NULL) ||
            may_turn_to(n, w, j, stage))
            return true;
    return false;
}

static bool goes_before(const struct job *j, const struct labour_chunk *c, const struct job *other,
                        const struct labour_chunk *than)
{
    int order = room_order(j, other);

    if (order != 0)
        return order < 0;
#if VELUM_PLANT == 358 /* trace/test_labour: of those served alike the last goes first */
    return false;
#endif
    return instant_before(c->moved, than->moved);
}

static bool can_load(struct job *j, uint32_t stage)
{
    return labour_inputs_are_here(j, stage) && building_has_code(j, stage);
}

/* The queued chunk of the job that was served least, of several the one that came first, among
 * those that a worker is there for.
 */
static struct labour_chunk *next_queued(struct node *n, struct job **of, bool with_worker)
{
    struct labour_chunk *best = NULL;

    for (struct job *j = n->labour_jobs; j != NULL; j = j->next_labour)
        for (struct labour_chunk *c = j->labour->chunks; c != NULL; c = c->next_chunk)
            if (c->state == SLOT_QUEUED && can_load(j, c->stage) &&
                (!with_worker || has_idle_worker(n, j, c->stage)) &&
                (best == NULL || goes_before(j, c, *of, best)))
                best = c, *of = j;
    return best;
}

/* One that runs a leaf looks at its orders only behind it, so it is taken only where no other will
 * ever be ready. */
static struct worker *worker_to_merge(struct node *n, struct job *j, uint32_t stage)
{
    struct worker *w = can_load(j, stage) ? worker_for(n, j, stage) : NULL;

    return w == NULL && workers_in(n, WORKER_STARTING) == 0 ? bound_to(n, j, stage, true) : w;
}

static void serve_merges(struct node *n)
{
    for (struct merge_work *m = n->merges; m != NULL; m = m->next) {
        struct worker *w = m->worker != 0 ? NULL : worker_to_merge(n, m->job, m->stage);

        if (w == NULL)
            continue;
        worker_order(n, w, MESSAGE_ORDER_MERGE, m->payload);
        m->worker = w->number;
        m->given_at = n->now;
    }
}

static struct worker *bind_aside(struct node *n, const struct aside *a)
{
    struct worker *w = take_ready(n);
    const struct aside_kernel *k = &a->about;
    struct order_load load = {.source = k->source, .params = a->params, .reduction = k->reduction};

    if (w == NULL)
        return NULL;
    w->state = WORKER_ASIDE;
    w->kernel = a->kernel;
    w->source = k->source;
    if (a->order == MESSAGE_ORDER_DESCRIBE) /* it loads by itself, and ends */
        return w;
    text_copy(load.kernel, sizeof load.kernel, k->name);
    worker_order_load(n, w, a->kernel, load);
    return w;
}

static void serve_asides(struct node *n)
{
    for (struct aside *a = n->asides; a != NULL; a = a->next) {
        bool waits = a->given || !snippet_is_here(n, a);
        struct worker *w = waits ? NULL : aside_worker(n, a);

        if (w == NULL && !waits && !aside_may_wait(n, a))
            w = bind_aside(n, a);
        if (w == NULL)
            continue;
        w->aside = a;
        a->given = true;
        worker_order(n, w, a->order, a->payload);
    }
}

void workers_serve(struct node *n)
{
    struct labour_chunk *c;
    struct job *j = NULL;
    struct worker *w;

    n->serve_wanted = false;
    building_retire(n);
    building_fail_refused(n);
    while (workers_busy(n) < n->options.slots && (c = next_queued(n, &j, true)) != NULL) {
        /* Those behind it wait too: otherwise one that asks for much would never begin. */
#if VELUM_PLANT != 546 /* trace/test_demand: chunks that take two slots run beside others */
        if (!load_fits(n, workers_load(n), c->load))
            break;
#endif
        w = worker_for(n, j, c->stage);
        if (w == NULL)
            break;
        run_chunk(n, w, c);
    }
    if (workers_busy(n) < n->options.slots && next_queued(n, &j, false) != NULL)
        take_ready(n);
    serve_merges(n);
    serve_asides(n);
}

static int bound_frame(struct node *n, struct worker *w, const struct frame *f)
{
    struct worker_progress progress;
    struct worker_merged merged;
    struct worker_failed failed;
    struct order_trim trim;
    uint32_t stage;
    int rc;

    switch (f->type) {
    case MESSAGE_WORKER_LOADED:
        worker_loaded_heard(n, w, f->payload);
        return 0;
    case MESSAGE_WORKER_PROGRESS:
        if (read_worker_progress(f->payload, &progress) < 0)
            return ERR_FORMAT;
        w->told_cpu_us += progress.cpu_us;
        worker_talk_pause(n, w);
        if (w->chunk == NULL || w->chunk->grant != progress.run)
            return 0;
        building_moved(w, progress.next);
        building_consider(w->job, w->stage);
        rc = labour_report_progress(w->job, w->chunk, &progress);
        if (rc == ERR_NOT_FOUND)
            labour_output_lost(n, w);
        return rc == ERR_NOT_FOUND ? 0 : rc;
    case MESSAGE_WORKER_OUTPUT:
        return labour_output_part(n, w, f->payload);
    case MESSAGE_WORKER_OUTPUT_END:
        return labour_output_end(n, w, f->payload);
    case MESSAGE_WORKER_TRIMMED:
        if (read_order_trim(f->payload, &trim) < 0)
            return ERR_FORMAT;
        if (w->chunk != NULL && w->chunk->grant == trim.run)
            labour_report_trimmed(w->job, w->chunk, trim.end);
        return 0;
    case MESSAGE_WORKER_MERGED:
        if (read_worker_merged(f->payload, &merged) < 0)
            return ERR_FORMAT;
        return merge_work_end(n, w, merged.run, &stage)
                   ? labour_report_merged(w->job, stage, &merged)
                   : ERR_FORMAT;
    case MESSAGE_WORKER_FAILED:
        if (read_worker_failed(f->payload, &failed) < 0)
            return ERR_FORMAT;
#if VELUM_PLANT == 880 /* trace/test_building: whoever says so has computed a leaf twice */
        w->samples = true;
#endif
        /* Foreign code can write this, too: of who has one code only it is a failure like others.
         */
        if (failed.differs && w->samples)
            return building_differs(n, w, &failed);
        if (w->chunk != NULL && w->chunk->grant == failed.run)
            labour_report_failed(w->job, w->chunk, REPORT_FAILED | REPORT_OWN_DOING, failed.reason);
        worker_kill(n, w);
        return 0;
    default:
        return ERR_FORMAT;
    }
}

int workers_frame(struct node *n, uint32_t number, const struct frame *f)
{
    struct worker *w = worker_find(n, number);
    int rc = 0;

    if (w == NULL || w->state == WORKER_DYING)
        return 0;
    if (f->type == MESSAGE_WORKER_READY) {
        if (w->state == WORKER_STARTING)
            w->state = WORKER_READY;
        starts_work(n);
        n->serve_wanted = true;
        return 0;
    }
    if (w->state == WORKER_ASIDE)
        aside_frame(n, w, f);
    else if (w->state == WORKER_BUILDING)
        building_frame(n, w, f);
    else if (w->state == WORKER_BOUND)
        rc = bound_frame(n, w, f);
    if (rc < 0) {
        if (w->chunk != NULL)
            labour_report_failed(w->job, w->chunk, REPORT_FAILED | REPORT_OWN_DOING,
                                 "the worker broke its protocol");
        else
            log_line(n->options.log, LOG_WARNING, "a worker with nothing to do broke its protocol");
        worker_kill(n, w);
    }
    return 0;
}

void workers_output(struct node *n, uint32_t number, struct bytes text)
{
    struct worker *w = worker_find(n, number);

    if (w != NULL)
        worker_talk(n, w, text);
}

void workers_exited(struct node *n, const struct event *ev)
{
    struct worker *w = worker_find(n, ev->worker_exited.worker), **at;
    char cause[REASON_SIZE] = "";
    uint8_t flags;

    if (w == NULL)
        return;
    for (at = &n->workers; *at != w; at = &(*at)->next)
        ;
    *at = w->next;
    n->workers_count--;
    worker_talk_pause(n, w);
    flags = worker_cause(n, w, ev, cause, sizeof cause);
    labour_output_drop(n, w);
    merge_work_lost(n, w, flags, cause);
    if (w->chunk != NULL)
        labour_report_died(w->job, w->chunk, flags, cause, worker_cause_cpu_us(w, ev, flags));
    if (w->aside != NULL) {
        aside_fail(n, w->aside, cause);
        aside_end(n, w->aside);
    }
    building_exited(n, w, flags, cause);
    if (w->state == WORKER_STARTING)
        starts_failed(n, ev->worker_exited.why != NULL, cause);
    replenish_soon(n, n->start_failures > 0 ? START_BACKOFF_US : REPLENISH_US);
    n->serve_wanted = n->start_failures == 0;
    alloc_free(n->alloc, w, sizeof *w);
}

void workers_release(struct node *n, struct job *j)
{
    for (struct worker *w = n->workers; w != NULL; w = w->next) {
        if (w->job != j)
            continue;
        labour_output_drop(n, w);
        w->job = NULL;
        w->chunk = NULL;
        worker_kill(n, w);
    }
    merge_work_release(n, j);
}

int64_t workers_leaf_limit_us(const struct worker *w)
{
    struct stage_spec room;
    uint64_t us = stage_spec_of(w->job, w->stage, &room)->leaf_us;

    /* To what a user wrote something is added. */
    return us == 0 ? LEAF_LIMIT_US : us < INT64_MAX / 4 ? (int64_t)us : INT64_MAX / 4;
}

/* A worker tells that leaves have ended at the first end behind report_us of work. One that
 * compares computes a leaf twice. */
static int64_t silence_limit_us(const struct worker *w)
{
#if VELUM_PLANT == 659 /* trace/test_graph: leaves are killed for what a portion of them takes */
    return workers_leaf_limit_us(w);
#endif
#if VELUM_PLANT != 563 /* trace/test_collect: a worker is blamed for the disk it waits for */
    if (w->output_ended)
        return LABOUR_OUTPUT_LIMIT_US;
#endif
    return (1 + w->compares) * workers_leaf_limit_us(w) +
           (w->chunk->careful ? 0 : (int64_t)w->job->labour->report_us);
}

static void leaf_took_too_long(struct worker *w)
{
    char why[REASON_SIZE] = "a leaf ran longer than its limit of ", number[24];
    struct stage_spec room;
#if VELUM_PLANT == 738 /* trace/test_task_time: a time as long as the usual one is no time */
    bool usual = workers_leaf_limit_us(w) == LEAF_LIMIT_US;
#else
    bool usual = stage_spec_of(w->job, w->stage, &room)->leaf_us == 0;
#endif

    text_of_u64((uint64_t)(workers_leaf_limit_us(w) / (usual ? S_US : MS_US)), number);
    text_append(why, sizeof why, number);
    text_append(why, sizeof why, usual ? " s" : " ms");
    worker_cause_add_tail(w, why, sizeof why);
    labour_report_failed(w->job, w->chunk,
                         REPORT_FAILED | REPORT_OWN_DOING | (usual ? 0 : REPORT_TOO_LONG), why);
}

void workers_limits(struct node *n)
{
    merge_work_limits(n);
    aside_limits(n);
    building_tick(n);
    for (struct worker *w = n->workers; w != NULL; w = w->next) {
        if (w->state == WORKER_BOUND && w->chunk != NULL &&
            instant_since_us(n->now, w->chunk->moved) > silence_limit_us(w)) {
            if (w->output_ended) {
                labour_output_not_written(n, w);
                continue;
            }
            leaf_took_too_long(w);
#if VELUM_PLANT != 273 /* trace/test_labour: a worker whose leaf took too long goes on */
            worker_kill(n, w);
#endif
        }
    }
}

struct instant workers_limits_due(const struct node *n)
{
    struct instant due = n->merges != NULL || n->asides != NULL ? n->now : aside_kept_due(n);

    due = instant_first(due, building_due(n));
    for (const struct worker *w = n->workers; w != NULL; w = w->next)
        if (w->state == WORKER_BOUND && w->chunk != NULL)
            due = instant_first(due, instant_plus_us(w->chunk->moved, silence_limit_us(w) + 1));
    return due;
}

void workers_free(struct node *n)
{
    struct worker *w;

    while ((w = n->workers) != NULL) {
        n->workers = w->next;
        alloc_free(n->alloc, w, sizeof *w);
    }
    buildings_free(n);
    asides_free(n);
}

void workers_late(struct node *n, int64_t late_us)
{
    for (struct worker *w = n->workers; w != NULL; w = w->next)
        if (w->chunk != NULL)
            w->chunk->moved = instant_plus_us(w->chunk->moved, late_us);
    for (struct merge_work *m = n->merges; m != NULL; m = m->next)
        m->given_at = instant_plus_us(m->given_at, late_us);
    for (struct aside *a = n->asides; a != NULL; a = a->next)
        a->since = instant_plus_us(a->since, late_us);
}
