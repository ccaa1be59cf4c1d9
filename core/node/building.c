#include "core/node/building.h"

#include "core/node/labour.h"
#include "core/node/link.h"
#include "core/node/merge_work.h"
#include "core/node/stages.h"
#include "core/node/worker_order.h"
#include "core/node/workers.h"

#define WORTH_US (100 * MS_US) /* of computing, before something is built for a job */
#define BUILDINGS_MAX 64u

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
    return n->options.built_path != NULL && n->options.compiler_path != NULL;
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

/* The first of the list is the youngest. Without room for its process it begins later. */
static void begin(struct node *n, struct digest source)
{
    struct building *b;
    struct worker *w;

    if (n->stopping || is_at_work(n))
        return;
    make_room(n);
    b = node_alloc(n, sizeof *b);
    w = b == NULL ? NULL : worker_start(n, true);
    if (w == NULL) {
        alloc_free(n->alloc, b, sizeof *b);
        return;
    }
    b->source = source;
    b->worker = w->number;
    b->next = n->buildings;
    n->buildings = b;
    order(n, w, source);
}

void building_consider(struct job *j, uint32_t stage)
{
    struct stage_spec room;
    const struct stage_spec *s;

    if (!building_is_possible(j->node) || !is_snippet(j, stage) || j->labour == NULL ||
        j->labour->served_us < (uint64_t)WORTH_US)
        return;
    s = stage_spec_of(j, stage, &room);
    if (s->compiler != COMPILER_TCC && find(j->node, s->source) == NULL)
        begin(j->node, s->source);
}

bool building_has_code(struct job *j, uint32_t stage)
{
    struct stage_spec room;
    const struct stage_spec *s;
    const struct building *b;

    if (!building_is_possible(j->node) || !is_snippet(j, stage))
        return true;
    s = stage_spec_of(j, stage, &room);
    if (s->compiler != COMPILER_CC)
        return true;
    b = find(j->node, s->source);
    if (b == NULL)
        begin(j->node, s->source);
    return b != NULL && b->state != BUILDING_GOES_ON;
}

/* --- what came of it --- */

static bool is_of(const struct worker *w, const struct building *b)
{
    struct stage_spec room;

    return w->state == WORKER_BOUND && w->job != NULL && is_snippet(w->job, w->stage) &&
           digest_equal(stage_spec_of(w->job, w->stage, &room)->source, b->source);
}

static void settle(struct node *n, struct building *b, bool done, const char *why)
{
    b->state = done ? BUILDING_DONE : BUILDING_REFUSED;
    b->worker = 0;
    text_copy(b->why, sizeof b->why, why);
    n->serve_wanted = true;
    for (struct worker *w = n->workers; w != NULL; w = w->next)
        if (w->chunk != NULL && !w->chunk->tasks && is_of(w, b) &&
            w->built != building_is_built(w->job, w->stage))
            labour_order_trim(n, w->chunk, 0);
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

    if (f->type == MESSAGE_WORKER_BUILT && b != NULL && read_worker_built(f->payload, &m) == 0)
        settle(n, b, m.ok, m.reason);
    else
        worker_kill(n, w);
}

void building_exited(struct node *n, const struct worker *w, const char *cause)
{
    struct building *b = built_by(n, w);

    if (b != NULL)
        settle(n, b, false, cause);
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
    w->compares = !m->alone;
}

void building_refuse(struct node *n, const struct worker *w, const char *why)
{
    struct stage_spec room;
    const struct stage_spec *s = stage_spec_of(w->job, w->stage, &room);
    struct building *b = find(n, s->source);

    if (!w->built || b == NULL || b->state == BUILDING_REFUSED)
        return;
#if VELUM_PLANT != 829 /* trace/test_building: what differs from libtcc's code is loaded again */
    settle(n, b, false, why);
#endif
    log_line(n->options.log, LOG_WARNING,
             "the kernel %s goes on without this machine's compiler: %s", s->kernel, why);
}

int building_differs(struct node *n, struct worker *w, const char *why)
{
    building_refuse(n, w, why);
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
