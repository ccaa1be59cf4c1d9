#include "core/node/labour_output.h"

#include "core/base/err.h"
#include "core/base/text.h"
#include "core/node/keeping.h"
#include "core/node/labour_report.h"
#include "core/node/making.h"
#include "core/node/stages.h"
#include "core/node/worker_order.h"
#include "core/node/workers.h"

#define MORE_BYTES (OUTPUT_WINDOW / 4)
#define NEXT_US (2 * MS_US) /* the next chunk comes within that, or later */

static const struct making_owner owner;

/* `who` is the worker's number. */
static struct worker *maker(const struct node *n, uint64_t who)
{
    struct worker *w = worker_find(n, (uint32_t)who);

    return w == NULL || w->making == 0 || w->chunk == NULL ? NULL : w;
}

/* Most outputs end before the worker has to hear of that. */
static void taken(struct node *n, uint64_t who, uint32_t bytes)
{
    struct worker *w = maker(n, who);
    struct order_more m;
    uint8_t raw[16];
    struct buf b;

    if (w == NULL)
        return;
    w->output_taken += bytes;
    if (w->output_taken < MORE_BYTES)
        return;
    m = (struct order_more){.run = w->chunk->grant, .bytes = w->output_taken};
    w->output_ahead -= w->output_taken;
    w->output_taken = 0;
    buf_init_fixed(&b, raw, sizeof raw);
    put_order_more(&b, &m);
    worker_order(n, w, MESSAGE_ORDER_MORE, buf_bytes(&b));
}

/* No fault of the worker's. REPORT_NO_ROOM: another node may have room, and this one is left alone
 * for a while, where there are others. */
static void fail(struct node *n, struct worker *w, uint8_t flags, const char *why)
{
    labour_report_failed(w->job, w->chunk, REPORT_FAILED | flags, why);
    worker_kill(n, w);
}

static void fail_for_room(struct node *n, struct worker *w)
{
    char why[REASON_SIZE], number[24];
    uint8_t flags = REPORT_NO_ROOM;

    text_of_u64(n->options.objects_bytes, number);
    text_copy(why, sizeof why, "there is no room for its output on this node's disk");
    if (shelf_bytes(n->objects->shelf) + w->output_bytes > n->options.objects_bytes) {
        text_copy(why, sizeof why, "its output does not fit this node's quota of objects, ");
        text_append(why, sizeof why, number);
        text_append(why, sizeof why, " bytes (velum node --objects, velum rm)");
    }
#if VELUM_PLANT == 650 /* trace/test_collect: nobody hears that a node has no room for outputs */
    flags = 0;
#endif
    fail(n, w, flags, why);
}

void labour_output_not_written(struct node *n, struct worker *w)
{
    uint8_t flags = REPORT_NO_ROOM;

#if VELUM_PLANT == 562 /* trace/test_collect: a disk that takes no output is tried again at once */
    flags = 0;
#endif
    fail(n, w, flags, "its output could not be written on this node");
}

static void give_taken(struct node *n, struct worker *w)
{
    struct order_taken m = {.run = w->chunk->grant,
                            .leaf = w->output_leaf - stage_leaves(w->job, w->stage).first};
    struct output o = {.kind = OUTPUT_OBJECT, .size = w->output_bytes, .name = w->output_name};
    uint8_t value[64], raw[128];
    struct buf v, b;

    w->output_ended = w->output_whole = false;
    buf_init_fixed(&v, value, sizeof value);
    put_output(&v, &o);
    m.value = buf_bytes(&v);
    buf_init_fixed(&b, raw, sizeof raw);
    put_order_taken(&b, &m);
    worker_order(n, w, MESSAGE_ORDER_TAKEN, buf_bytes(&b));
    w->chunk->moved = n->now; /* it has waited, and computes from here on */
}

/* The worker computes on while its last outputs are written down and copied. Those of tasks must be
 * there when it tells of them: no task is told without its value. */
static void let_go_on(struct node *n, struct worker *w)
{
    uint32_t ahead = w->chunk->tasks || w->chunk->ahead ? 0 : LABOUR_OUTPUTS_AHEAD;

#if VELUM_PLANT == 594 /* trace/test_collect: a worker may be ahead as far as it likes */
    ahead = UINT32_MAX;
#endif
    if (w->outputs_unsettled <= ahead)
        give_taken(n, w);
    else
        makings_place(n);
}

static void made(struct node *n, uint64_t who, int rc, struct digest name)
{
    struct worker *w = maker(n, who);

    if (w == NULL)
        return;
    w->making = 0;
    if (rc == ERR_NO_SPACE) {
        fail_for_room(n, w);
    } else if (rc < 0) {
        labour_output_not_written(n, w);
    } else {
        w->outputs_unsettled++;
        w->output_whole = true;
        w->output_name = name;
        let_go_on(n, w);
    }
}

/* One that the worker still waits for may have been lost, too. */
static void settled(struct node *n, uint64_t who)
{
    struct worker *w = worker_find(n, (uint32_t)who);
    const struct shelf_object *o;

    if (w == NULL)
        return;
    w->outputs_unsettled--;
    if (w->chunk == NULL || !w->output_whole)
        return;
    o = shelf_find(n->objects->shelf, w->output_name);
    if ((o != NULL && o->whole) || making_is_named(n, w->job->id, w->output_name, w->output_bytes))
        let_go_on(n, w);
    else
        labour_output_not_written(n, w);
}

/* It went on when that had its name. What it told of it does not leave the node: labour_lost.h. */
static void lost(struct node *n, uint64_t who, int rc)
{
    struct worker *w = worker_find(n, (uint32_t)who);

#if VELUM_PLANT == 1006 /* trace/test_collect_named: a worker goes on behind a lost output */
    return;
#endif
    if (w == NULL)
        return;
    w->outputs_unsettled--;
    if (w->chunk == NULL)
        return;
    if (rc == ERR_NO_SPACE)
        fail_for_room(n, w);
    else
        labour_output_not_written(n, w);
}

static const struct making_owner owner = {
    .taken = taken, .made = made, .settled = settled, .lost = lost};

/* Whether it is a leaf of the chunk that the worker computes; it then gets its number in the row.
 * One without a chunk has nothing to tell: a chunk goes when all of it is told, or with its worker.
 */
static bool is_its(const struct worker *w, struct worker_output *m)
{
    uint64_t base = stage_leaves(w->job, w->stage).first;

    if (w->chunk == NULL || stage_folds(w->job, w->stage) || m->run != w->chunk->grant ||
        w->output_ended || m->leaf < w->chunk->next - base || m->leaf >= w->chunk->end - base)
        return false;
    m->leaf += base;
    return true;
}

int labour_output_part(struct node *n, struct worker *w, struct bytes payload)
{
    struct worker_output m;

#if VELUM_PLANT == 669 /* trace/test_collect: output of nothing is dropped, without end */
    if (w->chunk == NULL)
        return 0;
#endif
    if (read_worker_output(payload, &m) < 0 || !is_its(w, &m))
        return ERR_FORMAT;
    if (w->making == 0) {
        w->making = making_begin(n, &owner, w->number, w->job->id, stage_passes(w->job, w->stage));
        w->output_leaf = m.leaf;
        w->output_bytes = w->output_ahead = w->output_taken = 0;
    }
    if (w->making == 0) {
        labour_report_failed(w->job, w->chunk, REPORT_FAILED, "this node keeps no objects");
        worker_kill(n, w);
        return 0;
    }
    if (m.leaf != w->output_leaf)
        return ERR_FORMAT;
#if VELUM_PLANT != 560 /* trace/test_collect: a worker sends more than it was allowed to */
    if (m.bytes.len > OUTPUT_WINDOW - w->output_ahead)
        return ERR_FORMAT;
#endif
    w->output_ahead += (uint32_t)m.bytes.len;
    w->output_bytes += m.bytes.len;
    making_add(n, w->making, m.bytes);
    return 0;
}

/* The worker goes on with the next leaf, or chunk, meanwhile. What tasks yield is waited for. */
static bool may_wait(const struct worker *w)
{
    const struct labour_chunk *c = w->chunk;

#if VELUM_PLANT == 1105 /* trace/test_collect_ends: a slot waits for the disk between two chunks */
    if (w->output_leaf + 1 == c->end)
        return false;
#endif
    return !c->tasks && !c->ahead;
}

int labour_output_end(struct node *n, struct worker *w, struct bytes payload)
{
    struct worker_output m;

    if (read_worker_output_end(payload, &m) < 0 || !is_its(w, &m) || w->making == 0 ||
        m.leaf != w->output_leaf || m.size != w->output_bytes)
        return ERR_FORMAT;
    w->output_ended = true;
    w->chunk->moved = n->now;
    making_finish(n, w->making, may_wait(w));
    return 0;
}

/* Whoever granted it hears of the slot before the outputs are safe. */
static bool next_may_come(const struct job *j, const struct labour_chunk *c)
{
#if VELUM_PLANT == 1107 /* trace/test_collect_ends: the last outputs wait for what does not come */
    return !c->tasks;
#endif
    return !c->tasks && c->end < stage_leaves(j, c->stage).end;
}

void labour_output_chunk_ended(struct job *j, const struct labour_chunk *c)
{
    struct labour_placing *p = &j->labour->placing;

    if (!makings_wait(j->node))
        return;
    *p = (struct labour_placing){j->node->now, c->stage};
#if VELUM_PLANT != 1106 /* trace/test_collect_ends: outputs of each chunk are synced on their own */
    if (next_may_come(j, c))
        p->at = instant_plus_us(j->node->now, NEXT_US);
#endif
    labour_output_look(j);
}

void labour_output_chunk_came(struct job *j, uint32_t stage)
{
    if (j->labour->placing.stage == stage)
        j->labour->placing.at = (struct instant){0};
}

struct instant labour_output_due(const struct job *j)
{
    return j->labour->placing.at.us > 0 ? j->labour->placing.at : INSTANT_NEVER;
}

void labour_output_look(struct job *j)
{
    if (!instant_reached(j->node->now, labour_output_due(j)))
        return;
    j->labour->placing.at = (struct instant){0};
    makings_place(j->node);
}

void labour_output_drop(struct node *n, struct worker *w)
{
    making_drop(n, w->making);
    w->making = 0;
    w->output_ended = w->output_whole = false;
}

static bool is_here(const struct node *n, const struct output *out)
{
    const struct shelf_object *o;

    if (out->kind == OUTPUT_BYTES)
        return true;
#if VELUM_PLANT == 396 /* trace/test_collect: a worker may name objects that are not here */
    return true;
#endif
    o = n->objects == NULL ? NULL : shelf_find(n->objects->shelf, out->name);
    return o != NULL && o->whole && o->size == out->size;
}

bool labour_output_is_here(const struct node *n, struct bytes value)
{
    struct output out;

    return read_output(value, &out) == 0 && is_here(n, &out);
}

/* When it was made here it was said that it is to be kept for the job, which holds also when it is
 * lost. */
int labour_output_check(const struct job *j, struct bytes value)
{
    const struct keeping *k;
    struct output out;

    if (read_output(value, &out) < 0)
        return ERR_FORMAT;
    if (is_here(j->node, &out) || making_is_named(j->node, j->id, out.name, out.size))
        return 0;
#if VELUM_PLANT == 683 /* trace/test_outputs_wait: a worker is blamed for what this node has lost */
    return ERR_FORMAT;
#endif
    k = keeping_find(j->node, out.name, j->id);
    return k != NULL && k->kept && k->size == out.size ? ERR_NOT_FOUND : ERR_FORMAT;
}

void labour_output_lost(struct node *n, struct worker *w)
{
    fail(n, w, 0, "an output of it was lost on this node before it was counted");
}
