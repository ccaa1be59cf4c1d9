#include "core/verify/fold.h"

#include <string.h>

#include "core/base/err.h"

void fold_init(struct fold *f, const struct alloc *a, uint64_t leaves)
{
    *f = (struct fold){.alloc = a, .leaves = leaves};
}

void fold_clear(struct fold *f)
{
    for (size_t i = 0; i < f->count; i++)
        alloc_free(f->alloc, f->list[i].data, f->list[i].len);
    alloc_free(f->alloc, f->list, f->cap * sizeof *f->list);
    f->list = NULL;
    f->count = f->cap = 0;
}

bool fold_range(const struct fold *f, uint8_t level, uint64_t index, uint64_t *first, uint64_t *end)
{
    if (level > 40 || index > (f->leaves - 1) >> level)
        return false;
    uint64_t size = (uint64_t)1 << level;
    *first = index * size;
    *end = f->leaves - *first < size ? f->leaves : *first + size;
    /* Above the root there is nothing: half of what a node spans must not be beyond all leaves. */
    return level == 0 || size / 2 < f->leaves;
}

/* The first value that ends after `leaf`, or count. */
static size_t find(const struct fold *f, uint64_t leaf)
{
    size_t low = 0, high = f->count;
    while (low < high) {
        size_t mid = (low + high) / 2;
        if (f->list[mid].end <= leaf)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

uint64_t fold_told(const struct fold *f, struct bytes data, uint64_t end)
{
    uint64_t unit = f->leaf_units > 0 && data.len >= 8 ? load_u64(data.data) : UINT64_MAX;
    return unit == UINT64_MAX ? end : unit / f->leaf_units + 1;
}

/* Nothing that is added on its right changes it: of a search, what has a match. */
static bool is_settled(const struct fold *f, struct bytes data)
{
    return fold_told(f, data, UINT64_MAX) != UINT64_MAX;
}

static int merge_two(const struct fold *f, struct bytes left, struct bytes right, uint8_t *out)
{
    if (f->leaf_units == 0)
        return f->merge(f->merge_ctx, left, right, out);
    memcpy(out, right.data, right.len);
    return 0;
}

/* The value of the leaves [first, end) of a tree node that spans `size` of them, from the values
 * that lie in it. Its length, 0 when something is missing or the kernel is not here. */
static uint32_t make(const struct fold *f, uint64_t first, uint64_t size, uint8_t *out)
{
    uint64_t end = f->leaves - first < size ? f->leaves : first + size;
    uint8_t right[FOLD_VALUE_MAX];
    size_t i = find(f, first);
    if (i < f->count && f->list[i].first == first && f->list[i].end == end) {
        memcpy(out, f->list[i].data, f->list[i].len);
        return f->list[i].len;
    }
    if (size == 1 || i == f->count || f->list[i].first != first)
        return 0;
    uint32_t len = make(f, first, size / 2, out);
    /* A node without a right half is its left half. */
    if (len == 0 || f->leaves - first <= size / 2 || is_settled(f, (struct bytes){out, len}))
        return len;
    if (make(f, first + size / 2, size / 2, right) != len)
        return 0;
    int rc = merge_two(f, (struct bytes){out, len}, (struct bytes){right, len}, out);
    return rc < 0 ? 0 : len;
}

static uint64_t span_of(uint64_t leaves)
{
    uint64_t size = 1;
    while (size < leaves)
        size *= 2;
    return size;
}

uint32_t fold_root(const struct fold *f, uint8_t *to)
{
    return make(f, 0, span_of(f->leaves), to);
}

/* Puts a value in the place of those numbered [i, end). */
static int replace(struct fold *f, size_t i, size_t end, struct fold_value v)
{
    if (f->count == f->cap) {
        void *list = f->list;
        size_t cap = f->cap ? f->cap * 2 : 16;
        if (alloc_grow(f->alloc, &list, f->cap, cap, sizeof *f->list) < 0)
            return ERR_NO_MEMORY;
        f->list = list;
        f->cap = cap;
    }
    for (size_t k = i; k < end; k++)
        alloc_free(f->alloc, f->list[k].data, f->list[k].len);
    memmove(f->list + i + 1, f->list + end, (f->count - end) * sizeof *f->list);
    f->list[i] = v;
    f->count = f->count - (end - i) + 1;
    return 0;
}

/* Whether the values [i, end) say what v must be: they cover its leaves without a hole, or, in a
 * search, those up to a match. */
static bool decide(const struct fold *f, size_t i, size_t end, const struct fold_value *v)
{
    uint64_t at = v->first;
    for (; i < end && f->list[i].first == at; i++) {
        if (is_settled(f, (struct bytes){f->list[i].data, f->list[i].len}))
            return true;
        at = f->list[i].end;
    }
    return i == end && at == v->end;
}

int fold_take(struct fold *f, uint64_t first, uint64_t end, struct bytes data)
{
    struct fold_value v = {.first = first, .end = end, .len = (uint32_t)data.len};
    size_t i = find(f, first), last = i;
    uint8_t again[FOLD_VALUE_MAX];
    if (i < f->count && f->list[i].first <= first && f->list[i].end >= end) {
        if (f->list[i].first < first || f->list[i].end > end)
            return FOLD_KNOWN;
        return bytes_equal((struct bytes){f->list[i].data, f->list[i].len}, data) ? FOLD_KNOWN
                                                                                  : FOLD_UNEQUAL;
    }
    while (last < f->count && f->list[last].end <= end)
        last++;
    bool wrong = false;
    if (decide(f, i, last, &v)) {
        uint32_t len = make(f, first, span_of(end - first), again);
        wrong = len > 0 && !bytes_equal((struct bytes){again, len}, data);
        f->refolded += len > 0 && !wrong;
    }
    v.data = alloc_zeroed(f->alloc, data.len);
    if (!v.data)
        return ERR_NO_MEMORY;
    memcpy(v.data, data.data, data.len);
    if (replace(f, i, last, v) < 0) {
        alloc_free(f->alloc, v.data, v.len);
        return ERR_NO_MEMORY;
    }
    return wrong ? FOLD_WRONG : FOLD_TAKEN;
}

bool fold_hole(const struct fold *f, uint64_t at, uint64_t *first, uint64_t *end)
{
    size_t i = find(f, at);
    for (; i < f->count && f->list[i].first <= at; i++)
        at = f->list[i].end;
    *first = at;
    *end = i < f->count ? f->list[i].first : f->leaves;
    return at < f->leaves;
}
