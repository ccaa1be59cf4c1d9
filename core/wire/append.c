#include "core/wire/append.h"

#include <string.h>

#include "core/base/err.h"
#include "core/wire/field.h"
#include "core/wire/tree.h"

void put_append_begin(struct buf *b, uint32_t first, uint16_t count)
{
    put_u32(b, first);
    put_u16(b, count);
}

static void put_rest(struct buf *b, struct bytes params, uint16_t needs_count, struct bytes needs)
{
    put_u16(b, (uint16_t)params.len);
    put_raw(b, params.data, params.len);
    put_u16(b, needs_count);
    put_raw(b, needs.data, needs.len);
}

void put_append_like(struct buf *b, uint32_t like, struct bytes params, uint16_t needs_count,
                     struct bytes needs)
{
    put_u32(b, like);
    put_rest(b, params, needs_count, needs);
}

void put_append_sized(struct buf *b, uint32_t like, uint64_t units, uint64_t leaf_units,
                      struct bytes params, uint16_t needs_count, struct bytes needs)
{
    put_u32(b, like | APPEND_SIZED);
    put_u64(b, units);
    put_u64(b, leaf_units);
    put_rest(b, params, needs_count, needs);
}

void put_append_rolled(struct buf *b, uint32_t like, const struct stage_spec *s)
{
    put_append_sized(b, like | APPEND_ROLLED, s->units, s->leaf_units, s->params, s->needs_count,
                     s->needs);
}

void put_append_named(struct buf *b, uint32_t like, bool sized, const struct stage_spec *s)
{
    put_u32(b, like | APPEND_NAMED | (sized ? APPEND_SIZED : 0));
    put_text(b, s->name);
    put_text(b, s->args);
    if (sized) {
        put_u64(b, s->units);
        put_u64(b, s->leaf_units);
    }
    put_rest(b, s->params, s->needs_count, s->needs);
}

void put_append_whole(struct buf *b, uint32_t number, const struct stage_spec *s)
{
    put_u32(b, number);
    put_stage(b, s);
}

static void read_size(struct reader *r, struct stage_spec *s)
{
    s->units = read_u64(r);
    s->leaf_units = read_u64(r);
    r->failed |= s->units == 0 || s->leaf_units == 0;
}

static void read_words(struct reader *r, struct stage_spec *s)
{
    read_safe_text(r, true, s->name, sizeof s->name);
    read_safe_text(r, true, s->args, sizeof s->args);
    r->failed |= s->name[0] == 0 && s->args[0] == 0;
}

/* Its units are there, and not too many leaves are made of them. */
static bool can_roll(const struct stage_spec *s)
{
    return s->units > 0 && s->leaf_units > 0 &&
           tree_leaves(s->units, s->leaf_units) <= APPEND_ROLLED_MAX;
}

int read_append_entry(struct reader *r, uint32_t number, uint32_t *like, struct stage_spec *s)
{
    *like = read_u32(r);
    if (*like == number && !r->failed)
        return read_stage(r, s);
    s->units = s->leaf_units = 0;
    s->name[0] = s->args[0] = 0;
    s->demand = (struct demand){0};
    s->snippet = s->plugin = false;
    s->compiler = COMPILER_AUTO;
#if VELUM_PLANT != 733 /* unit/test_append_levels: a later generation's word is damage */
    if (*like & APPEND_LATER)
        return ERR_VERSION;
#endif
    s->rolled = (*like & APPEND_ROLLED) != 0;
    if (*like & APPEND_NAMED)
        read_words(r, s);
    if (*like & APPEND_SIZED)
        read_size(r, s);
    if (s->rolled)
        r->failed |= !can_roll(s);
    *like &= ~(APPEND_SIZED | APPEND_NAMED | APPEND_ROLLED);
    s->params = read_view(r, read_u16(r));
    s->needs_count = read_u16(r);
    s->needs = read_view(r, (size_t)s->needs_count * STAGE_NEED_BYTES);
    return r->failed || *like >= number || s->params.len > PARAMS_SIZE_MAX ? ERR_FORMAT : 0;
}

/* Of its objects only a snippet's source, the last, is those' that are like it. */
static void take_inputs(struct stage_spec *s)
{
    size_t kept = s->snippet ? STAGE_INPUT_BYTES : 0;

    s->inputs_count = s->snippet;
    s->inputs = kept == 0 ? (struct bytes){NULL, 0}
                          : (struct bytes){s->inputs.data + s->inputs.len - kept, kept};
}

void append_take_after(struct stage_spec *s, const struct stage_spec *entry)
{
#if VELUM_PLANT == 720 /* unit/test_ledger_like: a stage that is like another has no name */
    s->name[0] = 0;
#else
    memcpy(s->name, entry->name, sizeof s->name);
#endif
    if (entry->name[0] != 0 || entry->args[0] != 0)
        memcpy(s->args, entry->args, sizeof s->args);
    take_inputs(s);
#if VELUM_PLANT == 702 /* unit/test_ledger_like: a stage has the units of whom it is like */
    if (false) {
#else
    if (entry->units > 0) {
#endif
        s->units = entry->units;
        s->leaf_units = entry->leaf_units;
    }
    s->rolled = entry->rolled;
    s->params = entry->params;
    s->needs_count = entry->needs_count;
    s->needs = entry->needs;
}

int read_append(struct reader *r, struct append *a)
{
    struct stage_spec s;
    struct reader all;
    uint32_t like;
    int rc = 0;

    a->first = read_u32(r);
    a->count = read_u16(r);
    all = a->entries = *r;
    if (r->failed || a->count == 0 || a->count > APPEND_STAGES_MAX ||
        reader_left(r) > APPEND_BYTES_MAX || a->first > JOB_STAGES_MAX)
        return ERR_FORMAT;
    for (uint16_t i = 0; rc == 0 && i < a->count; i++)
        rc = read_append_entry(&all, a->first + i, &like, &s);
    *r = all;
    return rc < 0 ? rc : reader_result(&all);
}
