#include "core/node/collect.h"

#include "core/base/err.h"
#include "core/node/jobs.h"
#include "core/node/making.h"
#include "core/node/outcome.h"
#include "core/node/proving.h"
#include "core/node/stages.h"
#include "core/object/name.h"
#include "core/wire/output.h"

#define PART_MAX 32768u
#define BLOCK_HEAD 4u /* of a value in the list */
#define AGAIN_US S_US /* after a disk or a mover has failed */

static struct job *find(const struct node *n, uint64_t who)
{
    struct job *j;

    for (j = n->live_jobs; j != NULL; j = j->next_live)
        if (j->lead != NULL && j->lead->list_number == who)
            return j;
    return NULL;
}

/* Where the outputs of the last stage stand in the cover: all of its leaves are there. */
static uint32_t first_of(const struct job *j)
{
    struct shape_stage in = stage_leaves(j, graph_result(j->graph));

    return cover_index(ledger_cover(j->ledger), in.first);
}

static void write_result(struct job *j, struct digest name, struct bytes inline_list)
{
    const struct cover *cover = ledger_cover(j->ledger);
    uint32_t first = first_of(j);
    struct collected c = {
        .leaves = cover_count(cover) - first, .list = name, .inline_list = inline_list};
    uint8_t raw[ACCUMULATOR_SIZE_MAX];
    struct output o;
    struct buf b;

    for (uint32_t i = first; i < cover_count(cover); i++)
        if (read_output(cover_at(cover, i)->data, &o) == 0)
            c.size += o.size;
    buf_init_fixed(&b, raw, sizeof raw);
    put_collected(&b, &c);
    outcome_write(j, JOB_DONE, buf_bytes(&b), "");
}

/* The list from the value `*at` on, as many as fit; moves *at on. */
static void put_some(const struct cover *cover, uint32_t *at, size_t max, struct buf *b)
{
    for (; *at < cover_count(cover); (*at)++) {
        struct bytes value = cover_at(cover, *at)->data;

        if (b->len > 0 && b->len + BLOCK_HEAD + value.len > max)
            return;
        put_block(b, value);
    }
}

static void go_on(struct job *j)
{
    struct lead *l = j->lead;
    const struct cover *cover = ledger_cover(j->ledger);
    struct buf b;

    while (l->list_at < cover_count(cover) && l->list_ahead + PART_MAX <= MAKING_WINDOW) {
        buf_init(&b, j->node->alloc, PART_MAX);
        put_some(cover, &l->list_at, PART_MAX, &b);
        if (b.failed) {
            j->node->memory_out = true;
            buf_clear(&b);
            return;
        }
        l->list_ahead += (uint32_t)b.len;
        making_add(j->node, l->list_making, buf_bytes(&b));
        buf_clear(&b);
    }
    if (l->list_at == cover_count(cover) && !l->list_ended) {
        l->list_ended = true;
        making_finish(j->node, l->list_making, false);
    }
}

static void taken(struct node *n, uint64_t who, uint32_t bytes)
{
    struct job *j = find(n, who);

    if (j == NULL || j->lead->list_making == 0)
        return;
    j->lead->list_ahead -= bytes < j->lead->list_ahead ? bytes : j->lead->list_ahead;
    go_on(j);
}

static void made(struct node *n, uint64_t who, int rc, struct digest name)
{
    struct job *j = find(n, who);

    if (j == NULL)
        return;
    j->lead->list_making = 0;
    if (rc == 0)
        write_result(j, name, (struct bytes){NULL, 0});
    else if (rc == ERR_NO_SPACE)
        outcome_write(
            j, JOB_FAILED, (struct bytes){NULL, 0},
            "the list of its outputs does not fit the quota of objects of its coordinator "
            "(velum node --objects, velum rm)");
    else
        j->lead->list_again = instant_plus_us(n->now, AGAIN_US);
}

static const struct making_owner owner = {.taken = taken, .made = made};

static size_t list_size(const struct job *j)
{
    const struct cover *cover = ledger_cover(j->ledger);
    size_t size = 0;

    for (uint32_t i = first_of(j); i < cover_count(cover); i++)
        size += BLOCK_HEAD + cover_at(cover, i)->data.len;
    return size;
}

/* A short list is a part of the result, so that it needs no node that keeps objects. */
static void end_short(struct job *j)
{
    uint8_t raw[RESULT_LIST_MAX];
    struct object_sum sum;
    struct digest name;
    uint32_t at = first_of(j);
    struct buf b;

    buf_init_fixed(&b, raw, sizeof raw);
    put_some(ledger_cover(j->ledger), &at, sizeof raw, &b);
    object_sum_begin(&sum, b.len);
    object_sum_piece(&sum, sha256_of(b.data, b.len));
    object_sum_end(&sum, &name);
    write_result(j, name, buf_bytes(&b));
}

void collect_advance(struct job *j)
{
    struct lead *l = j->lead;

    if (cover_leaves(proving_cover(j)) < cover_leaves(ledger_cover(j->ledger)) ||
        l->list_making != 0 || !instant_reached(j->node->now, l->list_again) ||
        proving_look(j) != PROVED_ALL)
        return;
    if (list_size(j) <= RESULT_LIST_MAX) {
        end_short(j);
        return;
    }
    if (j->node->objects == NULL) {
        outcome_write(j, JOB_FAILED, (struct bytes){NULL, 0},
                      "its output is large, and its coordinator keeps no objects");
        return;
    }
    l->list_number = ++j->node->objects->number_counter;
    l->list_making = making_begin(j->node, &owner, l->list_number, j->id, false);
    l->list_at = first_of(j);
    l->list_ahead = 0;
    l->list_ended = false;
    if (l->list_making != 0)
        go_on(j);
}

void collect_drop(struct job *j)
{
    making_drop(j->node, j->lead->list_making);
    j->lead->list_making = 0;
}
