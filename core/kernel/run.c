#include "core/kernel/run.h"

#include "core/base/ensure.h"
#include "core/wire/tree.h"

void run_init(struct run *r, uint64_t first, uint64_t end, uint64_t leaves, void *values,
              uint32_t value_size)
{
    ensure(first <= end && end <= leaves && leaves <= LEAVES_MAX);
    ensure(value_size <= ACCUMULATOR_SIZE_MAX && (value_size == 0) == (values == NULL));
    *r = (struct run){
        .first = first,
        .next = first,
        .end = end,
        .leaves = leaves,
        .value_size = value_size,
        .values = values,
    };
}

bool run_ended(const struct run *r)
{
    return r->next == r->end;
}

static uint8_t *data_of(const struct run *r, uint32_t i)
{
    return r->values + (size_t)i * r->value_size;
}

uint8_t *run_slot(struct run *r)
{
    ensure(!run_ended(r) && r->count < RUN_VALUES_MAX && r->value_size > 0);
    return data_of(r, r->count);
}

void run_step(struct run *r)
{
    ensure(!run_ended(r) && r->value_size == 0);
    r->next++;
}

static bool are_siblings(struct tree_node left, struct tree_node right)
{
    return left.level == right.level && tree_is_left(left) && right.index == left.index + 1;
}

int run_push(struct run *r, run_merge *merge, void *ctx)
{
    ensure(!run_ended(r));
    r->at[r->count++] = tree_canonical((struct tree_node){0, r->next++}, r->leaves);
    while (r->count >= 2) {
        const uint32_t l = r->count - 2;
        if (!are_siblings(r->at[l], r->at[l + 1]))
            break;
        int rc = merge(ctx, run_value(r, l).data, run_value(r, l + 1).data, data_of(r, l));
        if (rc < 0)
            return rc;
        r->at[l] = tree_canonical(tree_parent(r->at[l]), r->leaves);
        r->count--;
        if (r->taken > l)
            r->taken = l;
    }
    return 0;
}

struct value run_value(const struct run *r, uint32_t i)
{
    ensure(i < r->count);
    return (struct value){.at = r->at[i], .data = {data_of(r, i), r->value_size}};
}

uint32_t run_take(struct run *r, uint32_t *from)
{
    *from = r->taken;
    r->taken = r->count;
    return r->count - *from;
}

uint64_t run_trim(struct run *r, uint64_t end)
{
    if (end < r->next)
        end = r->next;
    if (end < r->end)
        r->end = end;
    return r->end;
}
