#include "core/node/building.h"

#include "core/node/labour.h"
#include "core/node/labour_report.h"
#include "core/node/labour_room.h"
#include "core/node/labour_tasks.h"
#include "core/node/link.h"
#include "core/node/merge_work.h"
#include "core/node/stages.h"
#include "core/node/unlike.h"
#include "core/node/worker_order.h"
#include "core/node/workers.h"

#define WORTH_US (100 * MS_US) /* of computing, before something is built for a job */
#define BUILDINGS_MAX 64u
#define AGAIN_US (500 * MS_US)
#define LOSSES_MAX 3

static struct building *find(const struct node *n, struct digest source)
{
    struct building *b = n->buildings;

    while (b != NULL && !digest_equal(b->source, source))
        b = b->next;
    return b;
}

static bool is_snippet(const struct job *j, uint32_t stage)
{
    return j->kernels[stage].builtin == NULL && j->kernels[stage].kernel == KERNEL_COMPILED;
}

bool building_is_possible(const struct node *n)
{
    return n->options.built_path != NULL && n->options.compiler_path != NULL &&
           n->options.memory_bytes >= BUILD_MEMORY_BYTES;
}

bool building_is_built(const struct job *j, uint32_t stage)
{
    struct stage_spec room;
    const struct stage_spec *s;
    const struct building *b;

    if (!building_is_possible(j->node) || !is_snippet(j, stage))
        return false;
    s = stage_spec_of(j, stage, &room);
    if (s->compiler != COMPILER_AUTO)
        return s->compiler == COMPILER_CC;
    if (unlike_is_told(j))
        return false;
    b = find(j->node, s->source);
#if VELUM_PLANT == 828 /* trace/test_building: nobody loads what was built */
    return false;
#endif
    return b != NULL && b->state == BUILDING_DONE;
}

/* --- building --- */

static bool is_at_work(const struct node *n)
{
    for (const struct building *b = n->buildings; b != NULL; b = b->next)
        if (b->state == BUILDING_GOES_ON)
            return true;
    return false;
}

/* The oldest is forgotten where there are too many; should it be wanted again, it is found in its
 * folder. One that was refused stays refused while there is room. */
static void make_room(struct node *n)
{
    struct building **at = &n->buildings, *last;
    uint32_t count = 0;

    for (struct building *b = n->buildings; b != NULL; b = b->next)
        count++;
    if (count < BUILDINGS_MAX)
        return;
    while ((*at)->next != NULL)
        at = &(*at)->next;
    last = *at;
    *at = NULL;
    alloc_free(n->alloc, last, sizeof *last);
}

static void order(struct node *n, const struct worker *w, struct digest source)
{
    struct order_build m = {.source = source};
    struct buf b;

    text_copy(m.compiler, sizeof m.compiler, n->options.compiler_path);
    text_copy(m.folder, sizeof m.folder, n->options.built_path);
    worker_order_source(n, source, m.path);
    buf_init(&b, n->alloc, FRAME_PAYLOAD_MAX);
    put_order_build(&b, &m);
    if (b.failed)
        n->memory_out = true;
    else
        worker_order(n, w, MESSAGE_ORDER_BUILD, buf_bytes(&b));
    buf_clear(&b);
}

/* The first of the list is the youngest. */
static struct building *add(struct node *n, struct digest source)
{
    struct building *b;

    make_room(n);
    b = node_alloc(n, sizeof *b);
    if (b == NULL)
        return NULL;
    b->source = source;
    b->state = BUILDING_LOST;
    b->again = INSTANT_NEVER;
    b->next = n->buildings;
    n->buildings = b;
    return b;
}

/* Without room for its process, or for what that may take of memory, it begins later. */
static void begin(struct node *n, struct digest source, struct building *b)
{
    const struct load more = {.memory_bytes = BUILD_MEMORY_BYTES};
    struct worker *w;

    if (n->stopping || is_at_work(n) || !load_fits(n, workers_load(n), more))
        return;
    if (b == NULL)
        b = add(n, source);
    w = b == NULL ? NULL : worker_start(n, true);
    if (w == NULL)
        return;
    b->state = BUILDING_GOES_ON;
    b->worker = w->number;
    order(n, w, source);
}

static bool may_begin(const struct building *b)
{
    return b == NULL || (b->state == BUILDING_LOST && b->again.us == INSTANT_NEVER.us);
}

void building_consider(struct job *j, uint32_t stage)
{
    struct stage_spec room;
    const struct stage_spec *s;
    struct building *b;

    if (!building_is_possible(j->node) || !is_snippet(j, stage) || j->labour == NULL ||
        j->labour->served_us < (uint64_t)WORTH_US)
        return;
    s = stage_spec_of(j, stage, &room);
    b = find(j->node, s->source);
    if (s->compiler != COMPILER_TCC && may_begin(b) && !unlike_is_told(j))
        begin(j->node, s->source, b);
}

bool building_has_code(struct job *j, uint32_t stage)
{
    struct stage_spec room;
    const struct stage_spec *s;
    struct building *b;

    if (!building_is_possible(j->node) || !is_snippet(j, stage))
        return true;
    s = stage_spec_of(j, stage, &room);
    if (s->compiler != COMPILER_CC)
        return true;
    b = find(j->node, s->source);
    if (may_begin(b))
        begin(j->node, s->source, b);
    return b != NULL && b->state != BUILDING_GOES_ON && b->state != BUILDING_LOST;
}

/* What the compiler said of the stage's source, whose job wants nothing else, or what is said of
 * its code; NULL: it may be. */
static const char *refusal(const struct job *j, uint32_t stage, char room_why[REASON_SIZE])
{
    struct stage_spec room;
    const struct stage_spec *s;
    const struct building *b;

    if (!is_snippet(j, stage))
        return NULL;
    s = stage_spec_of(j, stage, &room);
    if (s->compiler != COMPILER_CC)
        return NULL;
    if (unlike_refuses(j, stage, room_why))
        return room_why;
    b = find(j->node, s->source);
    return b != NULL && b->state == BUILDING_REFUSED ? b->why : NULL;
}

static void fail_refused(struct job *j)
{
    struct labour_chunk *c = j->labour->chunks, *next;
    char room[REASON_SIZE];

    for (; c != NULL; c = next) {
        const char *why = c->state == SLOT_QUEUED ? refusal(j, c->stage, room) : NULL;

        next = c->next_chunk;
        if (why == NULL)
            continue;
        labour_report_failed(j, c, REPORT_FAILED | REPORT_OWN_DOING, why);
        j->node->serve_wanted = true; /* which sends the report */
    }
}

void building_fail_refused(struct node *n)
{
    for (struct job *j = n->buildings == NULL ? NULL : n->labour_jobs; j != NULL;
         j = j->next_labour)
#if VELUM_PLANT == 881 /* trace/test_building: what cannot be built is waited for */
        continue;
#else
        fail_refused(j);
#endif
}

/* --- what came of it --- */

static bool is_of(const struct worker *w, const struct building *b)
{
    struct stage_spec room;

    return w->state == WORKER_BOUND && w->job != NULL && is_snippet(w->job, w->stage) &&
           digest_equal(stage_spec_of(w->job, w->stage, &room)->source, b->source);
}

/* One that has the other code ends its chunk at the next leaf; tasks are soon over. */
static void go_over(struct node *n, const struct worker *w)
{
    if (w->chunk != NULL && !w->chunk->tasks && w->built != building_is_built(w->job, w->stage))
        labour_order_trim(n, w->chunk, 0);
}

static void settle(struct node *n, struct building *b, enum building_state state, const char *why)
{
    b->state = state;
    b->again = instant_plus_us(n->now, AGAIN_US);
    b->worker = 0;
    text_copy(b->why, sizeof b->why, why);
    n->serve_wanted = true;
    for (struct worker *w = n->workers; w != NULL; w = w->next)
        if (is_of(w, b))
            go_over(n, w);
}

void building_go_over(struct job *j)
{
    j->node->serve_wanted = true;
    for (struct worker *w = j->node->workers; w != NULL; w = w->next)
        if (w->state == WORKER_BOUND && w->job == j)
            go_over(j->node, w);
}

/* What waits here for what is built, and will not be. */
static void give_back(struct job *j, const char *why)
{
    struct stage_spec room;
    struct labour_chunk *c = j->labour->chunks;

    while (c != NULL) {
        if (c->state == SLOT_QUEUED && is_snippet(j, c->stage) &&
            stage_spec_of(j, c->stage, &room)->compiler == COMPILER_CC) {
            labour_return_stage(j, c->stage, RETURN_NO_KERNEL, why);
            c = j->labour == NULL ? NULL : j->labour->chunks;
        } else {
            c = c->next_chunk;
        }
    }
}

/* It is no node for such work any longer, and says so. */
static void stop_building(struct node *n, const char *why)
{
    struct job *j, *next;

    log_line(n->options.log, LOG_WARNING,
             "this machine's compiler does not work, and builds nothing until the node begins "
             "anew: %s",
             why);
    n->options.compiler_path = NULL;
    labels_remove(n->options.labels, LABEL_BUILDS);
    mesh_set_labels(n->mesh, n->options.labels, n->now);
    for (j = n->labour_jobs; j != NULL; j = next) {
        next = j->next_labour;
        give_back(j, why);
    }
}

static struct building *built_by(const struct node *n, const struct worker *w)
{
    struct building *b = n->buildings;

    while (b != NULL && (b->state != BUILDING_GOES_ON || b->worker != w->number))
        b = b->next;
    return b;
}

void building_frame(struct node *n, struct worker *w, const struct frame *f)
{
    struct building *b = built_by(n, w);
    struct worker_built m;

    if (f->type != MESSAGE_WORKER_BUILT || b == NULL || read_worker_built(f->payload, &m) < 0) {
        worker_kill(n, w);
        return;
    }
    settle(n, b,
           m.ok       ? BUILDING_DONE
           : m.broken ? BUILDING_LOST
                      : BUILDING_REFUSED,
           m.reason);
    if (m.broken)
        stop_building(n, m.reason);
}

/* What ended it by itself would do so again: its alarm, above all. */
void building_exited(struct node *n, const struct worker *w, uint8_t flags, const char *cause)
{
    struct building *b = built_by(n, w);
    char why[REASON_SIZE] = "this machine's compiler does not end in time";

    if (b == NULL)
        return;
#if VELUM_PLANT == 882 /* trace/test_building: a builder that was killed has refused its source */
    flags |= REPORT_OWN_DOING;
#endif
    if (!(flags & REPORT_OWN_DOING)) {
        text_copy(why, sizeof why, "this machine's compiler is ended again and again: ");
        text_append(why, sizeof why, cause);
    }
    settle(n, b,
           !(flags & REPORT_OWN_DOING) && ++b->losses < LOSSES_MAX ? BUILDING_LOST
                                                                   : BUILDING_REFUSED,
           why);
}

void building_tick(struct node *n)
{
    for (struct building *b = n->buildings; b != NULL; b = b->next)
        if (b->state == BUILDING_LOST && instant_reached(n->now, b->again)) {
            b->again = INSTANT_NEVER;
            n->serve_wanted = true;
        }
}

struct instant building_due(const struct node *n)
{
    struct instant due = INSTANT_NEVER;

    for (const struct building *b = n->buildings; b != NULL; b = b->next)
        if (b->state == BUILDING_LOST)
            due = instant_first(due, b->again);
    return due;
}

static bool is_wanted(const struct worker *w)
{
    return w->built == building_is_built(w->job, w->stage);
}

void building_retire(struct node *n)
{
    for (struct worker *w = n->buildings == NULL ? NULL : n->workers; w != NULL; w = w->next) {
        if (w->state != WORKER_BOUND || w->job == NULL || w->chunk != NULL ||
            merge_work_is_given(n, w) || is_wanted(w))
            continue;
        w->job = NULL;
        worker_kill(n, w);
    }
}

void building_load(const struct node *n, struct worker *w, struct order_load *m)
{
    struct stage_spec room;
    char name[2 * ID_SIZE + 1];

    w->built = building_is_built(w->job, w->stage);
    if (!w->built)
        return;
    id_hex(m->source.bytes, 2 * ID_SIZE, name);
    text_copy(m->built, sizeof m->built, n->options.built_path);
    text_append(m->built, sizeof m->built, "/");
    text_append(m->built, sizeof m->built, name);
    text_append(m->built, sizeof m->built, ".so");
    m->alone = stage_spec_of(w->job, w->stage, &room)->compiler == COMPILER_CC;
    w->compares = w->samples = !m->alone;
    m->leaf_us = m->alone ? 0 : (uint64_t)workers_leaf_limit_us(w);
}

static void tell_without(const struct node *n, const struct worker *w, const char *why)
{
    struct stage_spec room;

    log_line(n->options.log, LOG_WARNING,
             "the kernel %s goes on without this machine's compiler: %s",
             stage_spec_of(w->job, w->stage, &room)->kernel, why);
}

static struct building *loaded_by(const struct node *n, const struct worker *w)
{
    struct stage_spec room;

    return w->built ? find(n, stage_spec_of(w->job, w->stage, &room)->source) : NULL;
}

void building_unloaded(struct node *n, const struct worker *w, const char *why)
{
    struct building *b = loaded_by(n, w);

    if (b != NULL && !w->compares && (b->state == BUILDING_DONE || b->state == BUILDING_UNLIKE))
        settle(n, b, BUILDING_LOST, why);
    if (b == NULL || !w->compares || b->state != BUILDING_DONE)
        return;
    settle(n, b, ++b->losses < LOSSES_MAX ? BUILDING_LOST : BUILDING_UNLIKE, why);
    tell_without(n, w, why);
}

void building_moved(struct worker *w, uint64_t next)
{
    if (!w->samples || next + labour_tasks_base(w->job, w->chunk) <= w->chunk->next)
        return;
    w->compares = false;
    unlike_counted(w);
}

int building_differs(struct node *n, struct worker *w, const struct worker_failed *m)
{
    struct building *b = loaded_by(n, w);

    if (b != NULL && b->state == BUILDING_DONE) {
#if VELUM_PLANT != 829 /* trace/test_building: what differs from libtcc's code is loaded again */
        settle(n, b, BUILDING_UNLIKE, m->reason);
#endif
        tell_without(n, w, m->reason);
    }
    unlike_found(n, w, m);
    labour_take_back(n, w);
    return 0;
}

void buildings_free(struct node *n)
{
    struct building *b;

    while ((b = n->buildings) != NULL) {
        n->buildings = b->next;
        alloc_free(n->alloc, b, sizeof *b);
    }
}
