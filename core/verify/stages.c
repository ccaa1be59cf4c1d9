#include "core/verify/stages.h"

#include <string.h>

#include "core/base/err.h"

#define SEARCH 1
#define COLLECT 2
#define INPUT_BYTES 40u
#define MORE_MAX 65536u
#define NEED_BYTES 6u

void stages_init(struct tally_stages *s, const struct alloc *a)
{
    *s = (struct tally_stages){.alloc = a};
}

static void forget_read(const struct alloc *a, struct tally_stage *one)
{
    alloc_free(a, one->kernel.params, one->kernel.params_len);
    alloc_free(a, one->needs, one->needs_count * sizeof *one->needs);
}

void stages_clear(struct tally_stages *s)
{
    for (uint32_t i = 0; i < s->count; i++) {
        fold_clear(&s->list[i].fold);
        forget_read(s->alloc, &s->list[i]);
    }
    alloc_free(s->alloc, s->list, s->cap * sizeof *s->list);
    stages_init(s, s->alloc);
}

static int merge_values(void *ctx, struct bytes left, struct bytes right, uint8_t *out)
{
    const struct tally_stage *s = ctx;
    return s->collects ? -1 : s->merge(s->merge_ctx, &s->kernel, left, right, out);
}

static bool keep_params(struct tally_stages *s, struct tally_kernel *k, struct bytes params)
{
    if (params.len == 0)
        return true;
    k->params = alloc_zeroed(s->alloc, params.len);
    if (k->params == NULL) {
        s->no_memory = true;
        return false;
    }
    k->params_len = params.len;
    memcpy(k->params, params.data, params.len);
    return true;
}

/* What a stage needs: stages before it. */
static bool keep_needs(struct tally_stages *all, struct tally_stage *s, struct reader *r)
{
    uint16_t count = read_u16(r);
    struct reader list = reader_of(read_view(r, (size_t)count * NEED_BYTES));
    if (r->failed)
        return false;
    if (count == 0)
        return true;
    s->needs = alloc_array(all->alloc, count, sizeof *s->needs);
    if (s->needs == NULL) {
        all->no_memory = true;
        return false;
    }
    s->needs_count = count;
    for (uint16_t i = 0; i < count; i++) {
        s->needs[i] = read_u32(&list);
        (void)read_u16(&list); /* its place among the inputs */
        if (s->needs[i] >= all->count)
            return false;
    }
    return true;
}

/* Of what a stage may say more, nothing but what it needs matters here. */
static bool read_more(struct tally_stages *all, struct tally_stage *s, struct bytes more)
{
    struct reader r = reader_of(more);
    if (more.len == 0)
        return true;
    (void)read_view(&r, read_u16(&r)); /* name */
    (void)read_view(&r, 1 + 8);        /* retries, time of a leaf */
    return keep_needs(all, s, &r);
}

/* The one behind the end of the list. Gives its leaves, 0 when it cannot be. */
static uint64_t read_one(struct tally_stages *all, struct reader *r, uint64_t *search_units)
{
    struct tally_stage *s = &all->list[all->count];
    struct tally_kernel *k = &s->kernel;
    read_text(r, k->name, sizeof k->name);
    k->source = read_digest(r);
    (void)read_view(r, read_u16(r)); /* arguments, for people */
    struct bytes params = read_block(r, TALLY_PARAMS_MAX);
    uint64_t units = read_u64(r), units_a_leaf = read_u64(r);
    uint8_t reduction = read_u8(r);
    k->value_size = read_u32(r);
    (void)read_view(r, (size_t)read_u16(r) * INPUT_BYTES);
    struct bytes more = read_block(r, MORE_MAX);
    s->collects = reduction == COLLECT;
    if (r->failed || units == 0 || units_a_leaf == 0 || (k->value_size == 0) != s->collects ||
        k->value_size > FOLD_VALUE_MAX)
        return 0;
    if (!keep_params(all, k, params) || !read_more(all, s, more))
        return 0;
    s->units = units;
    s->units_a_leaf = units_a_leaf;
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

/* Room for one more. The folds of those there are hear where their stage is now. */
static int make_room(struct tally_stages *s)
{
    void *list = s->list;
    uint32_t cap = s->cap == 0 ? 4 : 2 * s->cap;
    if (s->count < s->cap)
        return 0;
    int rc = alloc_grow(s->alloc, &list, s->cap, cap, sizeof *s->list);
    if (rc < 0)
        return rc;
    s->list = list;
    s->cap = cap;
    for (uint32_t i = 0; i < s->count; i++)
        s->list[i].fold.merge_ctx = &s->list[i];
    return 0;
}

/* What was read behind the end of the list is one of them, or forgotten. */
static int take(struct tally_stages *s, uint64_t leaves, uint64_t search_units, tally_merge *merge,
                void *merge_ctx)
{
    struct tally_stage *one = &s->list[s->count];
    if (leaves == 0 || leaves > (uint64_t)1 << 40 || s->next > (uint64_t)1 << 40) {
        forget_read(s->alloc, one);
#if VELUM_PLANT == 1122 /* unit/test_verify_stages: want of memory is called damage */
        return ERR_FORMAT;
#else
        return s->no_memory ? ERR_NO_MEMORY : ERR_FORMAT;
#endif
    }
    s->count++;
    lay(s, one, leaves, &s->next);
    one->merge = merge;
    one->merge_ctx = merge_ctx;
    fold_init(&one->fold, s->alloc, leaves);
    one->fold.merge = merge_values;
    one->fold.merge_ctx = one;
    one->fold.leaf_units = search_units;
    one->told = one->end;
    return 0;
}

int stages_read(struct tally_stages *s, struct reader *r, uint32_t count, tally_merge *merge,
                void *merge_ctx)
{
    int rc = count == 0 ? ERR_FORMAT : 0;
    for (uint32_t i = 0; rc == 0 && i < count; i++) {
        uint64_t search_units = 0, leaves;
        rc = make_room(s);
        if (rc < 0)
            break;
        s->list[s->count] = (struct tally_stage){0};
        leaves = read_one(s, r, &search_units);
        rc = take(s, leaves, search_units, merge, merge_ctx);
    }
    if (rc < 0)
        stages_clear(s);
    return rc;
}

#define IS_SIZED ((uint32_t)1 << 31) /* its units come with it */
#define IS_NAMED ((uint32_t)1 << 30) /* so do a name and arguments, for people */
#define IS_ROLLED ((uint32_t)1 << 29) /* all its units are one leaf here */

/* One that is like another but for its parameters, its needs, and perhaps its units. */
static uint64_t read_like(struct tally_stages *s, uint32_t said, struct reader *r)
{
    struct tally_stage *one = &s->list[s->count];
    const uint32_t like = said & ~(IS_SIZED | IS_NAMED | IS_ROLLED);
    if (like >= s->count)
        return 0;
    for (int i = 0; said & IS_NAMED && i < 2; i++)
        (void)read_view(r, read_u16(r));
    one->kernel = s->list[like].kernel;
#if VELUM_PLANT != 1120 /* unit/test_verify_stages: two stages own the same parameters */
    one->kernel.params = NULL;
    one->kernel.params_len = 0;
#endif
    one->collects = s->list[like].collects;
    one->units = said & IS_SIZED ? read_u64(r) : s->list[like].units;
    one->units_a_leaf = said & IS_SIZED ? read_u64(r) : s->list[like].units_a_leaf;
    const struct bytes params = read_view(r, read_u16(r));
    if (r->failed || one->units == 0 || one->units_a_leaf == 0)
        return 0;
#if VELUM_PLANT != 747 /* unit/test_verify_stages: one that is rolled has leaves in the row */
    if (said & IS_ROLLED)
        one->units_a_leaf = one->units;
#endif
    if (!keep_params(s, &one->kernel, params) || !keep_needs(s, one, r))
        return 0;
    return (one->units - 1) / one->units_a_leaf + 1;
}

int stages_more(struct tally_stages *s, struct reader *r, tally_merge *merge, void *merge_ctx)
{
    uint32_t first = read_u32(r);
    uint16_t count = read_u16(r);
    int rc = r->failed || first > UINT32_MAX - count ? ERR_FORMAT : 0;
    if (rc == 0 && first + count > s->told)
        s->told = first + count;
    if (rc == 0 && first > s->count)
        return ERR_NOT_FOUND;
    if (rc == 0 && first < s->count)
        return 0;
    for (uint16_t i = 0; rc == 0 && i < count; i++) {
        uint64_t search_units = 0, leaves;
        uint32_t like;
        rc = make_room(s);
        if (rc < 0)
            break;
        s->list[s->count] = (struct tally_stage){0};
        like = read_u32(r);
        leaves = like == s->count ? read_one(s, r, &search_units) : read_like(s, like, r);
        rc = take(s, leaves, search_units, merge, merge_ctx);
    }
    return rc;
}

bool stage_is_spent(const struct tally_stage *s)
{
    return s->is_read && !s->is_awaited;
}

/* From the last to the first, as each needs only such as are before it. */
void stages_look(struct tally_stages *s)
{
    uint8_t root[FOLD_VALUE_MAX];
    for (uint32_t i = 0; i < s->count; i++)
        s->list[i].is_read = s->list[i].is_awaited = false;
    for (uint32_t i = s->count; i-- > 0;) {
        const struct tally_stage *one = &s->list[i];
        bool through = stage_is_spent(one) || (!one->collects && fold_root(&one->fold, root) > 0);
        for (uint16_t k = 0; k < one->needs_count; k++) {
            s->list[one->needs[k]].is_read = true;
            s->list[one->needs[k]].is_awaited |= !through;
        }
    }
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
