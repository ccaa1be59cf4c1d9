#include "core/api/op.h"

#include <stdlib.h>
#include <string.h>

#include "core/api/velum.h"
#include "core/base/ensure.h"
#include "core/base/err.h"

#define PLACES_FIRST 16u
#define USES_MAX 0x7fffu

void ops_init(struct ops *o)
{
    *o = (struct ops){0};
}

void ops_clear(struct ops *o)
{
    ensure(o->free_count == o->cap);
    free(o->places);
    free(o->uses);
    free(o->turns);
    free(o->free);
    ops_init(o);
}

static int grow(struct ops *o)
{
    uint32_t cap = o->cap ? o->cap * 2 : PLACES_FIRST;
    if (cap > OPS_MAX)
        cap = OPS_MAX;
    if (cap == o->cap)
        return ERR_FULL;
    struct op **places = realloc(o->places, cap * sizeof *places);
    if (places)
        o->places = places;
    uint16_t *uses = realloc(o->uses, cap * sizeof *uses);
    if (uses)
        o->uses = uses;
    uint16_t *turns = realloc(o->turns, cap * sizeof *turns);
    if (turns)
        o->turns = turns;
    uint32_t *list = realloc(o->free, cap * sizeof *list);
    if (list)
        o->free = list;
    if (!places || !uses || !turns || !list)
        return ERR_NO_MEMORY;
    for (uint32_t i = cap; i-- > o->cap;) {
        o->places[i] = NULL;
        o->uses[i] = o->turns[i] = 0;
        o->free[o->free_count++] = i;
    }
    o->cap = cap;
    return 0;
}

int ops_add(struct ops *o, enum op_kind kind, struct op **out)
{
    if (o->live == OPS_LIVE_MAX)
        return ERR_FULL;
    int rc = o->free_count == 0 ? grow(o) : 0;
    struct op *op = rc == 0 ? calloc(1, sizeof *op) : NULL;
    if (!op)
        return rc < 0 ? rc : ERR_NO_MEMORY;
    uint32_t at = o->free[--o->free_count];
#if VELUM_PLANT == 420 /* unit/test_api: a released operation's number is given again */
    o->uses[at] = 0;
#endif
    o->uses[at] = o->uses[at] == USES_MAX ? 1 : (uint16_t)(o->uses[at] + 1);
    op->number = (int)((uint32_t)o->uses[at] << 16 | at);
    op->kind = kind;
#if VELUM_PLANT != 452 /* unit/test_api_inputs: a new operation asks under an old number */
    op->turn = o->turns[at];
#endif
    op->code = VELUM_IN_PART;
    op->silent_by = op->lost_at = op->again_at = INSTANT_NEVER;
    o->places[at] = op;
    o->live++;
    *out = op;
    return 0;
}

static void unlink_ended(struct ops *o, struct op *op)
{
    *(op->before ? &op->before->after : &o->first_ended) = op->after;
    *(op->after ? &op->after->before : &o->last_ended) = op->before;
    op->before = op->after = NULL;
}

void ops_remove(struct ops *o, struct op *op)
{
    const uint32_t at = (uint32_t)op->number & 0xffff;
    if (op->code == VELUM_IN_PART)
        o->live--;
    else
        ops_told(o, op);
    o->places[at] = NULL;
    o->turns[at] = op->turn;
    o->free[o->free_count++] = at;
    free(op->said);
    free(op);
}

struct op *ops_find(const struct ops *o, int number)
{
    const uint32_t at = (uint32_t)number & 0xffff;
    struct op *op = number > 0 && at < o->cap ? o->places[at] : NULL;
    return op && op->number == number ? op : NULL;
}

uint32_t ops_next_request(struct op *op)
{
    op->turn = op->turn == UINT16_MAX ? 1 : (uint16_t)(op->turn + 1);
    return (uint32_t)op->turn << 16 | ((uint32_t)op->number & 0xffff);
}

struct op *ops_of_request(const struct ops *o, uint32_t request)
{
    const uint32_t at = request & 0xffff;
    return at < o->cap ? o->places[at] : NULL;
}

void ops_ended(struct ops *o, struct op *op, int code)
{
    ensure(op->code == VELUM_IN_PART);
    op->code = code;
    op->request = 0;
    op->silent_by = op->lost_at = op->again_at = INSTANT_NEVER;
    o->live--;
    op->before = o->last_ended;
    *(op->before ? &op->before->after : &o->first_ended) = op;
    o->last_ended = op;
    o->ended_untold++;
}

void ops_told(struct ops *o, struct op *op)
{
    if (op->told)
        return;
    op->told = true;
    o->ended_untold--;
#if VELUM_PLANT == 421 /* unit/test_api: what was waited for is told once more */
    if (op->after)
        return;
#endif
    unlink_ended(o, op);
}

struct op *ops_take_ended(struct ops *o)
{
    struct op *op = o->first_ended;
    if (op)
        ops_told(o, op);
    return op;
}
