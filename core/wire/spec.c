#include "core/wire/spec.h"

#include <string.h>

#include "core/base/err.h"
#include "core/base/sha256.h"
#include "core/base/text.h"
#include "core/wire/field.h"
#include "core/wire/found.h"
#include "core/wire/output.h"
#include "core/wire/tree.h"

static uint64_t leaf_of(const struct stage_spec *s, struct bytes match)
{
    return found_unit(match) / s->leaf_units;
}

static bool is_found_in(const struct stage_spec *s, const struct value *v, uint64_t leaves)
{
    if (v->data.len != s->accumulator_size || !found_is_value(v->data))
        return false;
    if (!found_matches(v->data))
        return true;
#if VELUM_PLANT == 510 /* unit/test_spec: a match may lie outside the leaves it is said of */
    return found_unit(v->data) < s->units;
#else
    return found_unit(v->data) < s->units && leaf_of(s, v->data) >= tree_first(v->at) &&
           leaf_of(s, v->data) < tree_end(v->at, leaves);
#endif
}

bool stage_value(const struct stage_spec *s, const struct value *v)
{
    uint64_t leaves = spec_leaves(s);

    if (!tree_has(v->at, leaves))
        return false;
    if (s->reduction == REDUCE_FOLD)
        return v->data.len == s->accumulator_size;
    if (s->reduction == REDUCE_SEARCH)
        return is_found_in(s, v, leaves);
    return tree_end(v->at, leaves) - tree_first(v->at) == 1 && read_output(v->data, NULL) == 0;
}

static int check_stage(const struct stage_spec *s)
{
    if (!text_is_name(s->kernel) || s->units == 0 || s->leaf_units == 0)
        return ERR_FORMAT;
    if (s->reduction > REDUCE_COLLECT)
        return ERR_VERSION;
    if (s->accumulator_size > ACCUMULATOR_SIZE_MAX || s->params.len > PARAMS_SIZE_MAX ||
        !stage_inputs_fit(s->inputs, s->inputs_count))
        return ERR_TOO_LARGE;
    if (s->reduction == REDUCE_COLLECT && s->accumulator_size != 0)
        return ERR_FORMAT;
    if (s->reduction == REDUCE_SEARCH && s->accumulator_size <= FOUND_HEAD)
        return ERR_FORMAT;
    return spec_leaves(s) <= (s->reduction == REDUCE_COLLECT ? COLLECT_LEAVES_MAX : LEAVES_MAX)
               ? 0
               : ERR_TOO_LARGE;
}

static int check_spec(const struct job_spec *s)
{
    if (s->not_after_s < 0 || s->timeout_us > INT64_MAX)
        return ERR_TOO_LARGE;
    return check_stage(&s->stage);
}

static void put_stage(struct buf *b, const struct stage_spec *s)
{
    put_text(b, s->kernel);
    put_digest(b, s->source);
    put_text(b, s->args);
    put_block(b, s->params);
    put_u64(b, s->units);
    put_u64(b, s->leaf_units);
    put_u8(b, s->reduction);
    put_u32(b, s->accumulator_size);
    put_u16(b, s->inputs_count);
    put_raw(b, s->inputs.data, s->inputs.len);
    put_u32(b, 0);
}

int put_spec(struct buf *b, const struct job_spec *s)
{
    int rc = check_spec(s);
    if (rc < 0)
        return rc;
    size_t start = b->len;
    put_u8(b, SPEC_VERSION);
    put_node_id(b, s->author);
    put_raw(b, s->nonce, sizeof s->nonce);
    put_u64(b, (uint64_t)s->not_after_s);
    put_text(b, s->name);
    put_u32(b, 0);
    put_u32(b, s->slots_max);
    put_u64(b, s->timeout_us);
    put_u16(b, 1);
    put_stage(b, &s->stage);
    rc = buf_result(b);
    return rc == 0 && b->len - start > SPEC_SIZE_MAX ? ERR_TOO_LARGE : rc;
}

/* What later generations say in these places is refused as another version, not as damage. */
static int read_stage(struct reader *r, struct stage_spec *s)
{
    read_text(r, s->kernel, sizeof s->kernel);
    s->source = read_digest(r);
    read_safe_text(r, true, s->args, sizeof s->args);
    s->params = read_block(r, PARAMS_SIZE_MAX);
    s->units = read_u64(r);
    s->leaf_units = read_u64(r);
    s->reduction = read_u8(r);
    s->accumulator_size = read_u32(r);
    s->inputs = read_stage_inputs(r, &s->inputs_count);
    uint32_t reserved = read_u32(r);
    if (r->failed)
        return ERR_FORMAT;
    return reserved == 0 ? 0 : ERR_VERSION;
}

int read_spec(struct bytes body, struct job_spec *s)
{
    if (body.len > SPEC_SIZE_MAX)
        return ERR_TOO_LARGE;
    struct reader r = reader_of(body);
    uint8_t version = read_u8(&r);
    if (!r.failed && version != SPEC_VERSION)
        return ERR_VERSION;
    s->author = read_node_id(&r);
    read_raw(&r, s->nonce, sizeof s->nonce);
    uint64_t not_after_s = read_u64(&r);
    read_safe_text(&r, true, s->name, sizeof s->name);
    uint32_t flags = read_u32(&r);
    s->slots_max = read_u32(&r);
    s->timeout_us = read_u64(&r);
    uint16_t stages = read_u16(&r);
    if (r.failed || stages == 0)
        return ERR_FORMAT;
    if (flags != 0 || stages != 1)
        return ERR_VERSION;
    if (not_after_s > INT64_MAX)
        return ERR_TOO_LARGE;
    s->not_after_s = (int64_t)not_after_s;
    int rc = read_stage(&r, &s->stage);
    if (rc < 0)
        return rc;
    rc = check_spec(s);
    return rc < 0 ? rc : reader_result(&r);
}

struct job_id spec_id(struct bytes body)
{
    struct digest d = sha256_of(body.data, body.len);
    struct job_id id;
    memcpy(id.bytes, d.bytes, sizeof id.bytes);
    return id;
}

uint64_t spec_leaves(const struct stage_spec *s)
{
    return tree_leaves(s->units, s->leaf_units);
}

uint64_t spec_leaves_of(const struct stage_spec *s, struct bytes root)
{
    if (s->reduction != REDUCE_SEARCH || root.len < FOUND_HEAD || !found_matches(root) ||
        found_unit(root) >= s->units)
        return spec_leaves(s);
    return leaf_of(s, root) + 1;
}
