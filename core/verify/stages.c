#include "core/verify/stages.h"

#include <string.h>

#include "core/base/err.h"

#define SEARCH 1
#define COLLECT 2
#define INPUT_BYTES 40u
#define MORE_MAX 65536u

void stages_init(struct tally_stages *s, const struct alloc *a)
{
    *s = (struct tally_stages){.alloc = a};
}

void stages_clear(struct tally_stages *s)
{
    for (uint32_t i = 0; i < s->count; i++)
        fold_clear(&s->list[i].fold);
    alloc_free(s->alloc, s->list, s->count * sizeof *s->list);
    stages_init(s, s->alloc);
}

static int merge_values(void *ctx, struct bytes left, struct bytes right, uint8_t *out)
{
    const struct tally_stage *s = ctx;
    return s->collects ? -1 : s->merge(s->merge_ctx, &s->kernel, left, right, out);
}

/* Gives its leaves, 0 when it cannot be. */
static uint64_t read_one(struct tally_stage *s, struct reader *r, uint64_t *search_units)
{
    struct tally_kernel *k = &s->kernel;
    read_text(r, k->name, sizeof k->name);
    k->source = read_digest(r);
    (void)read_view(r, read_u16(r)); /* arguments, for people */
    struct bytes params = read_block(r, sizeof k->params);
    uint64_t units = read_u64(r), units_a_leaf = read_u64(r);
    uint8_t reduction = read_u8(r);
    k->value_size = read_u32(r);
    (void)read_view(r, (size_t)read_u16(r) * INPUT_BYTES);
    (void)read_block(r, MORE_MAX); /* what it needs says nothing about what it comes to */
    s->collects = reduction == COLLECT;
    if (r->failed || units == 0 || units_a_leaf == 0 || (k->value_size == 0) != s->collects ||
        k->value_size > FOLD_VALUE_MAX)
        return 0;
    if (params.len > 0)
        memcpy(k->params, params.data, params.len);
    k->params_len = params.len;
    s->units = units;
    *search_units = reduction == SEARCH ? units_a_leaf : 0;
    return (units - 1) / units_a_leaf + 1;
}

/* A stage begins at the next multiple of its size, which is a power of two. */
static void lay(struct tally_stages *s, struct tally_stage *one, uint64_t leaves, uint64_t *next)
{
    uint64_t size = 1;
    while (size < leaves)
        size *= 2;
    one->first = (*next + size - 1) / size * size;
    one->end = one->first + leaves;
    *next = one->first + size;
    s->end = one->end;
    s->leaves += leaves;
}

int stages_read(struct tally_stages *s, struct reader *r, uint32_t count, tally_merge *merge,
                void *merge_ctx)
{
    uint64_t next = 0;
    s->list = count == 0 ? NULL : alloc_zeroed(s->alloc, count * sizeof *s->list);
    if (!s->list)
        return count == 0 ? ERR_FORMAT : ERR_NO_MEMORY;
    s->count = count;
    for (uint32_t i = 0; i < count; i++)
        fold_init(&s->list[i].fold, s->alloc, 1);
    for (uint32_t i = 0; i < count; i++) {
        struct tally_stage *one = &s->list[i];
        uint64_t search_units = 0, leaves = read_one(one, r, &search_units);
        if (leaves == 0 || leaves > (uint64_t)1 << 40 || next > (uint64_t)1 << 40) {
            stages_clear(s);
            return ERR_FORMAT;
        }
        lay(s, one, leaves, &next);
        one->merge = merge;
        one->merge_ctx = merge_ctx;
        fold_init(&one->fold, s->alloc, leaves);
        one->fold.merge = merge_values;
        one->fold.merge_ctx = one;
        one->fold.leaf_units = search_units;
        one->told = one->end;
    }
    return 0;
}

struct tally_stage *stages_at(const struct tally_stages *s, uint64_t leaf)
{
    uint32_t low = 0, high = s->count;
    while (low < high) {
        uint32_t mid = (low + high) / 2;
        if (s->list[mid].end <= leaf)
            low = mid + 1;
        else
            high = mid;
    }
    return low < s->count ? &s->list[low] : NULL;
}

struct tally_stage *stages_node(const struct tally_stages *s, uint8_t level, uint64_t index,
                                uint64_t *first, uint64_t *end)
{
    if (level > 40 || index > (uint64_t)1 << 40 >> level)
        return NULL;
    struct tally_stage *one = stages_at(s, index << level);
    if (!one || one->first > index << level ||
        !fold_range(&one->fold, level, index - (one->first >> level), first, end))
        return NULL;
    return one;
}
