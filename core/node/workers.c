/* Worker processes: a few blank ones are kept ready, one is bound to a job at its first order and
 * serves no other. */
#include "core/node/workers.h"

#include <string.h>

#include "core/base/err.h"
#include "core/node/aside.h"
#include "core/node/labour_inputs.h"
#include "core/node/labour_output.h"
#include "core/node/labour_report.h"
#include "core/node/link.h"
#include "core/node/merge_work.h"

#define REPLENISH_US (50 * MS_US)
#define START_BACKOFF_US (500 * MS_US)
#define TAIL_SHOWN 100 /* bytes of the last output, in a cause of death */
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

uint32_t workers_busy(const struct node *n)
{
    uint32_t count = 0;

    for (const struct worker *w = n->workers; w != NULL; w = w->next)
        count += w->chunk != NULL;
    return count;
}

static uint32_t workers_in(const struct node *n, enum worker_state state)
{
    uint32_t count = 0;

    for (const struct worker *w = n->workers; w != NULL; w = w->next)
        count += w->state == state;
    return count;
}

static void worker_start(struct node *n)
{
    struct worker *w;
    struct action *a;

    if (n->workers_count >= WORKERS_MAX)
        return;
    w = node_alloc(n, sizeof *w);
    a = actions_add(n->out, ACTION_START, (struct bytes){NULL, 0});
    if (w == NULL || a == NULL) {
        n->memory_out = true;
        alloc_free(n->alloc, w, sizeof *w);
        return;
    }
    w->number = a->worker = ++n->worker_counter;
    w->state = WORKER_STARTING;
    w->since = n->now;
    w->next = n->workers;
    n->workers = w;
    n->workers_count++;
}

void workers_start_ready(struct node *n)
{
    uint32_t ready;

    if (n->stopping || !instant_reached(n->now, n->replenish_at))
        return;
    n->replenish_at = INSTANT_NEVER;
    if (n->start_failures > 0) {
        /* The pause is over: starting is tried again, also for work that waits. */
        n->start_failures = 0;
        n->serve_wanted = true;
    }
    ready = workers_in(n, WORKER_READY) + workers_in(n, WORKER_STARTING);
    for (; ready < n->options.ready_workers; ready++)
        worker_start(n);
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

void worker_order(struct node *n, const struct worker *w, uint8_t type, struct bytes payload)
{
    struct action *a = actions_add(n->out, ACTION_ORDER, payload);

    if (a == NULL) {
        n->memory_out = true;
        return;
    }
    a->worker = w->number;
    a->type = type;
}

static void order_load(struct node *n, const struct worker *w, int kernel, struct order_load m)
{
    struct buf b;

    if (kernel >= 0) {
        m.origin = n->kernels[kernel].origin;
        text_copy(m.path, sizeof m.path, n->kernels[kernel].path);
    }
    if (m.inputs_count > 0)
        text_copy(m.folder, sizeof m.folder, n->options.objects_path);
    buf_init(&b, n->alloc, FRAME_PAYLOAD_MAX);
    put_order_load(&b, &m);
    if (b.failed)
        n->memory_out = true;
    else
        worker_order(n, w, MESSAGE_ORDER_LOAD, buf_bytes(&b));
    buf_clear(&b);
}

/* A bound worker keeps its process for its job; when there are too many, an idle one of another job
 * makes room. */
static void evict_idle(struct node *n)
{
    struct worker *oldest = NULL;

    if (n->workers_count - workers_in(n, WORKER_DYING) <
        2 * n->options.slots + n->options.ready_workers)
        return;
    for (struct worker *w = n->workers; w != NULL; w = w->next)
        if (w->state == WORKER_BOUND && w->chunk == NULL && !merge_work_is_given(n, w) &&
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

    for (w = n->workers; w != NULL; w = w->next) {
        if (w->state != WORKER_READY)
            continue;
        replenish_soon(n, REPLENISH_US);
        return w;
    }
    evict_idle(n);
    if (workers_in(n, WORKER_STARTING) < n->options.slots + 1 && n->start_failures == 0 &&
        n->workers_count < 2 * n->options.slots + n->options.ready_workers + WORKERS_SPARE &&
        !n->stopping)
        worker_start(n);
    return NULL;
}

static struct worker *bound_to(const struct node *n, const struct job *j, bool running)
{
    for (struct worker *w = n->workers; w != NULL; w = w->next)
        if (w->state == WORKER_BOUND && w->job == j && (w->chunk != NULL) == running)
            return w;
    return NULL;
}

static struct order_load load_of(const struct stage_spec *s)
{
    struct order_load m = {.source = s->source,
                           .params = s->params,
                           .reduction = s->reduction,
                           .inputs_count = s->inputs_count,
                           .inputs = s->inputs};

    text_copy(m.kernel, sizeof m.kernel, s->kernel);
    return m;
}

/* A worker for this job: an idle one that is bound to it, or a blank one that is bound now. */
static struct worker *worker_for(struct node *n, struct job *j)
{
    struct worker *w = bound_to(n, j, false);

    if (w != NULL)
        return w;
    w = take_ready(n);
    if (w == NULL)
        return NULL;
    w->state = WORKER_BOUND;
    w->job = j;
    order_load(n, w, j->builtin != NULL ? -1 : j->kernel, load_of(&j->spec->stage));
    return w;
}

static void run_chunk(struct node *n, struct worker *w, struct labour_chunk *c)
{
    const struct stage_spec *s = &w->job->spec->stage;
    struct order_run m = {.run = c->grant,
                          .first = c->next,
                          .end = c->end,
                          .units = s->units,
                          .leaf_units = s->leaf_units,
                          .report_us = c->careful ? 0 : w->job->labour->report_us};
    uint8_t bytes[64];
    struct buf b;

    buf_init_fixed(&b, bytes, sizeof bytes);
    put_order_run(&b, &m);
    worker_order(n, w, MESSAGE_ORDER_RUN, buf_bytes(&b));
    w->chunk = c;
    w->since = n->now;
    c->worker = w->number;
    c->state = SLOT_RUNNING;
    c->moved = n->now;
}

static bool has_idle_worker(const struct node *n, const struct job *j)
{
    for (const struct worker *w = n->workers; w != NULL; w = w->next)
        if (w->state == WORKER_READY ||
            (w->state == WORKER_BOUND && w->job == j && w->chunk == NULL))
            return true;
    return false;
}

static bool goes_before(const struct job *j, const struct labour_chunk *c, const struct job *other,
                        const struct labour_chunk *than)
{
    if (j->labour->served_us != other->labour->served_us)
        return j->labour->served_us < other->labour->served_us;
#if VELUM_PLANT == 358 /* trace/test_labour: of those served alike the last goes first */
    return false;
#endif
    return instant_before(c->moved, than->moved);
}

/* The queued chunk of the job that was served least, of several the one that came first, among
 * those that a worker is there for.
 */
static struct labour_chunk *next_queued(struct node *n, struct job **of, bool with_worker)
{
    struct labour_chunk *best = NULL;

    for (struct job *j = n->labour_jobs; j != NULL; j = j->next_labour)
        for (struct labour_chunk *c = j->labour->chunks; c != NULL; c = c->next_chunk)
            if (c->state == SLOT_QUEUED && labour_inputs_are_here(j) &&
                (!with_worker || has_idle_worker(n, j)) &&
                (best == NULL || goes_before(j, c, *of, best)))
                best = c, *of = j;
    return best;
}

/* One that runs a leaf looks at its orders only behind it, so it is taken only where no other will
 * ever be ready. */
static struct worker *worker_to_merge(struct node *n, struct job *j)
{
    struct worker *w = worker_for(n, j);

    return w == NULL && workers_in(n, WORKER_STARTING) == 0 ? bound_to(n, j, true) : w;
}

static void serve_merges(struct node *n)
{
    for (struct merge_work *m = n->merges; m != NULL; m = m->next) {
        struct worker *w = m->worker != 0 ? NULL : worker_to_merge(n, m->job);

        if (w == NULL)
            continue;
        worker_order(n, w, MESSAGE_ORDER_MERGE, m->payload);
        m->worker = w->number;
        m->given_at = n->now;
    }
}

static void serve_asides(struct node *n)
{
    for (struct aside *a = n->asides; a != NULL; a = a->next) {
        struct worker *w = a->given ? NULL : take_ready(n);
        const struct node_kernel *k = &n->kernels[a->kernel];
        struct order_load load = {
            .source = k->source, .params = a->params, .reduction = k->reduction};

        if (w == NULL)
            continue;
        w->state = WORKER_ASIDE;
        w->aside = a;
        a->given = true;
        text_copy(load.kernel, sizeof load.kernel, k->name);
        order_load(n, w, a->kernel, load);
        worker_order(n, w, a->order, a->payload);
    }
}

void workers_serve(struct node *n)
{
    struct labour_chunk *c;
    struct job *j = NULL;
    struct worker *w;

    n->serve_wanted = false;
    while (workers_busy(n) < n->options.slots && (c = next_queued(n, &j, true)) != NULL) {
        w = worker_for(n, j);
        if (w == NULL)
            break;
        run_chunk(n, w, c);
    }
    if (workers_busy(n) < n->options.slots && next_queued(n, &j, false) != NULL)
        take_ready(n);
    serve_merges(n);
    serve_asides(n);
}

static void bound_loaded(struct node *n, struct worker *w, struct bytes payload)
{
    struct worker_loaded m;

    if (read_worker_loaded(payload, &m) < 0 || !m.ok ||
        m.accumulator_size != w->job->spec->stage.accumulator_size) {
        if (w->chunk != NULL)
            labour_report_failed(w->job, w->chunk, REPORT_FAILED | REPORT_OWN_DOING,
                                 m.reason[0] != 0 ? m.reason
                                                  : "the kernel does not load in a worker");
        worker_kill(n, w);
    }
}

static int bound_frame(struct node *n, struct worker *w, const struct frame *f)
{
    struct worker_progress progress;
    struct worker_merged merged;
    struct worker_failed failed;
    struct order_trim trim;

    switch (f->type) {
    case MESSAGE_WORKER_LOADED:
        bound_loaded(n, w, f->payload);
        return 0;
    case MESSAGE_WORKER_PROGRESS:
        if (read_worker_progress(f->payload, &progress) < 0)
            return ERR_FORMAT;
        if (w->chunk == NULL || w->chunk->grant != progress.run)
            return 0;
        return labour_report_progress(w->job, w->chunk, &progress);
    case MESSAGE_WORKER_OUTPUT:
        return w->chunk == NULL ? 0 : labour_output_part(n, w, f->payload);
    case MESSAGE_WORKER_OUTPUT_END:
        return w->chunk == NULL ? 0 : labour_output_end(n, w, f->payload);
    case MESSAGE_WORKER_TRIMMED:
        if (read_order_trim(f->payload, &trim) < 0)
            return ERR_FORMAT;
        if (w->chunk != NULL && w->chunk->grant == trim.run)
            labour_report_trimmed(w->job, w->chunk, trim.end);
        return 0;
    case MESSAGE_WORKER_MERGED:
        if (read_worker_merged(f->payload, &merged) < 0)
            return ERR_FORMAT;
        return merge_work_end(n, w, merged.run) ? labour_report_merged(w->job, &merged)
                                                : ERR_FORMAT;
    case MESSAGE_WORKER_FAILED:
        if (read_worker_failed(f->payload, &failed) < 0)
            return ERR_FORMAT;
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
        n->start_failures = 0;
        n->serve_wanted = true;
        return 0;
    }
    if (w->state == WORKER_ASIDE)
        aside_frame(n, w, f);
    else if (w->state == WORKER_BOUND)
        rc = bound_frame(n, w, f);
    if (rc < 0) {
        if (w->chunk != NULL)
            labour_report_failed(w->job, w->chunk, REPORT_FAILED | REPORT_OWN_DOING,
                                 "the worker broke its protocol");
        worker_kill(n, w);
    }
    return 0;
}

/* Its last bytes, whatever pieces they came in. */
static void keep_tail(struct worker *w, struct bytes text)
{
    size_t take = text.len < sizeof w->tail ? text.len : sizeof w->tail;
    size_t stay = sizeof w->tail - take;

    stay = stay < w->tail_len ? stay : w->tail_len;
    memmove(w->tail, w->tail + w->tail_len - stay, stay);
    memcpy(w->tail + stay, text.data + text.len - take, take);
    w->tail_len = stay + take;
}

void workers_output(struct node *n, uint32_t number, struct bytes text)
{
    struct worker *w = worker_find(n, number);
    struct buf b;

    if (w == NULL || text.len == 0)
        return;
    keep_tail(w, text);
    if (w->job == NULL || w->job->labour == NULL || text.len > FRAME_PAYLOAD_MAX / 2)
        return;
    buf_init(&b, n->alloc, FRAME_PAYLOAD_MAX);
    put_job_id(&b, w->job->id);
    put_u8(&b, 0);
    put_block(&b, text);
    send_node(n, w->job->labour->claim.node, MESSAGE_LOG, 0, buf_bytes(&b));
    buf_clear(&b);
}

static const char *signal_name(int number)
{
    static const struct {
        int number;
        const char *name;
    } names[] = {{4, "SIGILL"},   {5, "SIGTRAP"},  {6, "SIGABRT"},  {7, "SIGBUS"},
                 {8, "SIGFPE"},   {9, "SIGKILL"},  {11, "SIGSEGV"}, {13, "SIGPIPE"},
                 {15, "SIGTERM"}, {24, "SIGXCPU"}, {25, "SIGXFSZ"}, {31, "SIGSYS"}};

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (names[i].number == number)
            return names[i].name;
    return "a signal";
}

static uint8_t cause_of_death(const struct worker *w, enum worker_end end, int status, char *cause,
                              size_t cap)
{
    char digits[24], tail[REASON_SIZE / 2];
    uint8_t flags = REPORT_FAILED;
    size_t len;

    if (end == WORKER_SIGNALLED) {
        flags |= REPORT_OWN_DOING;
        text_copy(cause, cap, "the kernel died of ");
        text_append(cause, cap, signal_name(status));
    } else if (end == WORKER_EXITED) {
        flags |= REPORT_OWN_DOING;
        text_of_u64((uint64_t)(status & 0xff), digits);
        text_copy(cause, cap, "the kernel's process ended with exit code ");
        text_append(cause, cap, digits);
    } else if (end == WORKER_GARBAGE) {
        flags |= REPORT_OWN_DOING;
        text_copy(cause, cap, "the worker broke its protocol");
    } else if (end == WORKER_OUT_OF_MEMORY) {
        flags |= REPORT_MEMORY;
        text_copy(cause, cap, "the worker ran out of memory, and the system killed it");
    } else if (end == WORKER_KILLED_OUTSIDE) {
        text_copy(cause, cap, "the worker was killed from outside (SIGKILL)");
    } else {
        text_copy(cause, cap, "the worker was lost");
    }
    if (w->tail_len > 0 && (flags & REPORT_OWN_DOING)) {
        len = w->tail_len < TAIL_SHOWN ? w->tail_len : TAIL_SHOWN;
        text_sanitise(w->tail + w->tail_len - len, len, true, tail, sizeof tail);
        text_append(cause, cap, "; last output: ");
        text_append(cause, cap, tail);
    }
    return flags;
}

void workers_exited(struct node *n, uint32_t number, enum worker_end end, int status)
{
    struct worker *w = worker_find(n, number), **at;
    char cause[REASON_SIZE] = "";
    uint8_t flags;

    if (w == NULL)
        return;
    for (at = &n->workers; *at != w; at = &(*at)->next)
        ;
    *at = w->next;
    n->workers_count--;
    flags = cause_of_death(w, end, status, cause, sizeof cause);
    labour_output_drop(n, w);
    merge_work_lost(n, w, flags, cause);
    if (w->chunk != NULL)
        labour_report_failed(w->job, w->chunk, flags, cause);
    if (w->aside != NULL) {
        aside_fail(n, w->aside, cause);
        aside_end(n, w->aside);
    }
    if (w->state == WORKER_STARTING) {
        n->start_failures++;
        log_line(n->options.log, LOG_WARNING, "a worker did not start: %s", cause);
    }
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

void workers_limits(struct node *n)
{
    merge_work_limits(n);
    aside_limits(n);
    for (struct worker *w = n->workers; w != NULL; w = w->next) {
        if (w->state == WORKER_BOUND && w->chunk != NULL &&
            instant_since_us(n->now, w->chunk->moved) > LEAF_LIMIT_US) {
            labour_report_failed(w->job, w->chunk, REPORT_FAILED | REPORT_OWN_DOING,
                                 "a leaf ran longer than its limit of 600 s");
#if VELUM_PLANT != 273 /* trace/test_labour: a worker whose leaf took too long goes on */
            worker_kill(n, w);
#endif
        } else if (w->state == WORKER_ASIDE && w->aside != NULL &&
                   instant_since_us(n->now, w->aside->since) > ASIDE_LIMIT_US) {
            aside_too_long(n, w->aside);
            worker_kill(n, w);
        }
    }
}

void workers_free(struct node *n)
{
    struct worker *w;

    while ((w = n->workers) != NULL) {
        n->workers = w->next;
        alloc_free(n->alloc, w, sizeof *w);
    }
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
