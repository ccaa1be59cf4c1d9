#include "core/wire/spec.h"

#include <string.h>

#include "core/base/ensure.h"
#include "core/base/err.h"
#include "core/base/sha256.h"
#include "core/base/text.h"
#include "core/wire/feature.h"
#include "core/wire/field.h"
#include "core/wire/found.h"
#include "core/wire/output.h"
#include "core/wire/tree.h"

#define SOURCE_C 1
#define SOURCE_PLUGIN 4 /* behind SOURCE_C and each of enum compiler */
#define FLAG_KEEP_GOING 1u
#define FLAG_OPEN 2u
#define FLAG_WAITS 4u
#define FLAG_CPU_TIME 8u
#define FLAG_CHECK 16u
#define PRIORITY_SHIFT 8
#define FLAGS_KNOWN                                                                                \
    (FLAG_KEEP_GOING | FLAG_OPEN | FLAG_WAITS | FLAG_CPU_TIME | FLAG_CHECK |                       \
     0xffu << PRIORITY_SHIFT)

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

struct stage_input stage_source(const struct stage_spec *s)
{
    return stage_input_at(s->inputs, (uint16_t)(s->inputs_count - 1));
}

uint32_t stage_source_level(const struct stage_spec *s)
{
#if VELUM_PLANT == 860 /* unit/test_spec: a plugin that travels is for nodes that take it for C */
    return s->snippet ? FEATURE_SNIPPETS : FEATURE_FIRST;
#endif
    if (s->plugin)
        return FEATURE_SHIPPED;
    if (s->snippet && s->compiler != COMPILER_AUTO)
        return FEATURE_COMPILER;
    return s->snippet ? FEATURE_SNIPPETS : FEATURE_FIRST;
}

/* Its digest says which object its source is, and nobody else runs it than who takes such code. */
static bool snippet_fits(const struct stage_spec *s)
{
    struct stage_input source;

    if (!s->snippet)
        return !s->plugin;
    if (s->inputs_count == 0 || s->demand.tier < TIER_S2)
        return false;
    source = stage_source(s);
#if VELUM_PLANT == 820 /* unit/test_spec: a snippet's digest is that of something else */
    return source.size > 0 && source.size <= SNIPPET_SOURCE_MAX;
#endif
    return source.size > 0 &&
           source.size <= (s->plugin ? SHIPPED_PLUGIN_MAX : SNIPPET_SOURCE_MAX) &&
           digest_equal(source.name, s->source);
}

static int check_alone(const struct stage_spec *s)
{
    if (!text_is_name(s->kernel) || s->units == 0 || s->leaf_units == 0)
        return ERR_FORMAT;
    if (s->reduction > REDUCE_COLLECT)
        return ERR_VERSION;
    if (s->accumulator_size > ACCUMULATOR_SIZE_MAX || s->params.len > PARAMS_SIZE_MAX ||
        !stage_inputs_fit(s->inputs, s->inputs_count))
        return ERR_TOO_LARGE;
    if (!snippet_fits(s))
        return ERR_FORMAT;
    if (s->reduction == REDUCE_COLLECT && s->accumulator_size != 0)
        return ERR_FORMAT;
    if (s->reduction == REDUCE_SEARCH && s->accumulator_size <= FOUND_HEAD)
        return ERR_FORMAT;
    if (s->retries > STAGE_RETRIES_MAX || s->leaf_us > INT64_MAX)
        return ERR_TOO_LARGE;
    return spec_leaves(s) <= (s->reduction == REDUCE_COLLECT ? COLLECT_LEAVES_MAX : LEAVES_MAX)
               ? 0
               : ERR_TOO_LARGE;
}

/* What stages yield to those that read them, in inputs. */
struct yields {
    uint16_t inputs[SPEC_STAGES_MAX];
    uint32_t count;     /* stages so far */
    bool searches;      /* the only one does */
    uint64_t collected; /* leaves of those that collect */
    uint64_t row;       /* numbers of leaves that they take, as core/job/shape.h lays them */
    struct demand demands[DEMANDS_MAX]; /* different ones */
    uint32_t demands_count;
};

/* Room in the row for one more of so many leaves. */
static bool take_row(struct yields *y, uint64_t leaves)
{
    uint64_t size = (uint64_t)1 << tree_levels(leaves);
    uint64_t first = (y->row + size - 1) & ~(size - 1);

    y->row = first + size;
    return first < LEAVES_MAX && leaves <= LEAVES_MAX - first;
}

/* Needs in their order: places rise, then come those that are only waited for. A snippet's source
 * takes no place. */
static int check_needs(const struct stage_spec *s, uint32_t number, stage_yields *yields, void *ctx)
{
    uint32_t places = (uint32_t)(s->inputs_count - s->snippet), inputs = s->inputs_count, least = 0;

    if (s->needs.len != (size_t)s->needs_count * STAGE_NEED_BYTES)
        return ERR_FORMAT;
    for (uint16_t i = 0; i < s->needs_count; i++)
        places += stage_need_at(s->needs, i).place != NEED_ORDER;
    for (uint16_t i = 0; i < s->needs_count; i++) {
        struct stage_need n = stage_need_at(s->needs, i);

#if VELUM_PLANT == 470 /* unit/test_spec: a stage may need itself */
        if (n.stage > number || n.place < least)
#else
        if (n.stage >= number || n.place < least)
#endif
            return ERR_FORMAT;
        if (n.place == NEED_ORDER) {
            least = NEED_ORDER;
            continue;
        }
        if (n.place >= places)
            return ERR_FORMAT;
        least = n.place + 1u;
        inputs += yields(ctx, n.stage);
        if (inputs > STAGE_INPUTS_MAX)
            return ERR_TOO_LARGE;
    }
    return 0;
}

/* A coordinator looks at every node once for each different one. */
static int check_demand(const struct demand *d, struct yields *y)
{
    int rc = demand_check(d);

    if (rc < 0 || demand_is_empty(d))
        return rc;
    for (uint32_t i = 0; i < y->demands_count; i++)
        if (demand_equal(d, &y->demands[i]))
            return 0;
    if (y->demands_count == DEMANDS_MAX)
        return ERR_TOO_LARGE;
    y->demands[y->demands_count++] = *d;
    return 0;
}

int stage_check(const struct stage_spec *s, uint32_t number, stage_yields *yields, void *ctx)
{
    int rc = check_alone(s);

    return rc == 0 ? check_needs(s, number, yields, ctx) : rc;
}

static uint32_t yielded(void *ctx, uint32_t stage)
{
    const struct yields *y = ctx;

    return y->inputs[stage];
}

/* The next stage of those so far. */
static int check_next(const struct stage_spec *s, struct yields *y)
{
    uint64_t leaves;
    int rc = stage_check(s, y->count, yielded, y);

    if (rc == 0)
        rc = check_demand(&s->demand, y);
    if (rc < 0)
        return rc;
    if (y->count > 0 && (s->reduction == REDUCE_SEARCH || y->searches))
        return ERR_VERSION;
    y->searches = s->reduction == REDUCE_SEARCH;
    leaves = spec_leaves(s);
    if (y->count == SPEC_STAGES_MAX || !take_row(y, leaves))
        return ERR_TOO_LARGE;
    if (s->reduction == REDUCE_COLLECT)
        y->collected += leaves;
    if (y->collected > COLLECT_LEAVES_MAX)
        return ERR_TOO_LARGE;
    y->inputs[y->count++] = (uint16_t)(s->reduction == REDUCE_COLLECT ? leaves : 1);
    return 0;
}

static bool has_more(const struct stage_spec *s)
{
    return s->name[0] != 0 || s->retries > 0 || s->leaf_us > 0 || s->needs_count > 0 ||
           !demand_is_empty(&s->demand) || s->snippet;
}

void put_stage(struct buf *b, const struct stage_spec *s)
{
    size_t at;

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
    if (!has_more(s))
        return;
    at = b->len;
    put_text(b, s->name);
    put_u8(b, s->retries);
    put_u64(b, s->leaf_us);
    put_u16(b, s->needs_count);
    put_raw(b, s->needs.data, s->needs.len);
    if (!demand_is_empty(&s->demand))
        put_demand(b, &s->demand);
    if (s->snippet)
        put_u8(b, s->plugin ? SOURCE_PLUGIN : (uint8_t)(SOURCE_C + s->compiler));
    if (!b->failed)
        patch_u32(b, at - 4, (uint32_t)(b->len - at));
}

/* What later generations say in these places is refused as another version, not as damage. */
static int read_more(struct bytes more, struct stage_spec *s)
{
    struct reader r = reader_of(more);
    uint8_t source;

    s->name[0] = 0;
    s->retries = 0;
    s->leaf_us = 0;
    s->needs_count = 0;
    s->needs = (struct bytes){NULL, 0};
    s->demand = (struct demand){0};
    s->snippet = s->plugin = false;
    s->compiler = COMPILER_AUTO;
    if (more.len == 0)
        return 0;
    read_safe_text(&r, true, s->name, sizeof s->name);
    s->retries = read_u8(&r);
    s->leaf_us = read_u64(&r);
    s->needs_count = read_u16(&r);
    s->needs = read_view(&r, (size_t)s->needs_count * STAGE_NEED_BYTES);
    if (!r.failed && reader_left(&r) > 0) {
        read_demand(&r, &s->demand);
        if (demand_is_empty(&s->demand))
            return ERR_FORMAT;
    }
    if (!r.failed && reader_left(&r) > 0) {
        source = read_u8(&r);
        s->snippet = true;
        s->plugin = source == SOURCE_PLUGIN;
        if (!s->plugin && (source < SOURCE_C || source > SOURCE_C + COMPILER_CC))
            return ERR_VERSION;
        s->compiler = s->plugin ? COMPILER_AUTO : (uint8_t)(source - SOURCE_C);
    }
    if (r.failed || !has_more(s))
        return ERR_FORMAT;
    return reader_done(&r) ? 0 : ERR_VERSION;
}

int read_stage(struct reader *r, struct stage_spec *s)
{
    struct bytes more;

    read_text(r, s->kernel, sizeof s->kernel);
    s->source = read_digest(r);
    read_safe_text(r, true, s->args, sizeof s->args);
    s->params = read_block(r, PARAMS_SIZE_MAX);
    s->units = read_u64(r);
    s->leaf_units = read_u64(r);
    s->rolled = false;
    s->reduction = read_u8(r);
    s->accumulator_size = read_u32(r);
    s->inputs = read_stage_inputs(r, &s->inputs_count);
    more = read_block(r, SPEC_SIZE_MAX);
    return r->failed ? ERR_FORMAT : read_more(more, s);
}

void read_next_stage(struct reader *r, struct stage_spec *s)
{
    int rc = read_stage(r, s);

    ensure(rc == 0);
}

static int check_head(const struct job_spec *s)
{
    if (s->not_after_s < 0 || s->timeout_us > INT64_MAX || s->cpu_us > INT64_MAX)
        return ERR_TOO_LARGE;
    if (s->check > JOB_CHECK_MAX)
        return ERR_TOO_LARGE;
    return s->priority < -JOB_PRIORITY_MAX || s->priority > JOB_PRIORITY_MAX ? ERR_TOO_LARGE : 0;
}

/* A search is the only stage of its job, so there can be none behind it. */
static int check_open(const struct job_spec *s)
{
    return s->open && s->stage.reduction == REDUCE_SEARCH ? ERR_VERSION : 0;
}

/* Reads and checks stages of [r, ...), so many. */
static int check_more(struct reader *r, uint32_t count, struct yields *y)
{
    struct stage_spec s;
    int rc = 0;

    for (uint32_t i = 0; rc == 0 && i < count; i++) {
        rc = read_stage(r, &s);
        if (rc == 0)
            rc = check_next(&s, y);
    }
    return rc;
}

static int check_spec(const struct job_spec *s)
{
    struct yields y = {.count = 0};
    struct reader r = reader_of(s->more);
    int rc = check_head(s);

    if (rc == 0)
        rc = check_open(s);
    if (rc == 0)
        rc = check_next(&s->stage, &y);
    if (rc == 0)
        rc = check_more(&r, s->more_count, &y);
    return rc < 0 ? rc : reader_result(&r);
}

static uint32_t flags_of(const struct job_spec *s)
{
    return (s->keep_going ? FLAG_KEEP_GOING : 0) | (s->open ? FLAG_OPEN : 0) |
           (s->waits ? FLAG_WAITS : 0) | (s->cpu_us > 0 ? FLAG_CPU_TIME : 0) |
           (s->check > 0 ? FLAG_CHECK : 0) | (uint32_t)(uint8_t)s->priority << PRIORITY_SHIFT;
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
    put_u32(b, flags_of(s));
    put_u32(b, s->slots_max);
    put_u64(b, s->timeout_us);
    if (s->cpu_us > 0)
        put_u64(b, s->cpu_us);
    if (s->check > 0)
        put_u16(b, s->check);
    put_u16(b, (uint16_t)(1u + s->more_count));
    put_stage(b, &s->stage);
    put_raw(b, s->more.data, s->more.len);
    rc = buf_result(b);
    return rc == 0 && b->len - start > SPEC_SIZE_MAX ? ERR_TOO_LARGE : rc;
}

static int read_stages(struct reader *r, uint16_t count, struct job_spec *s)
{
    struct yields y = {.count = 0};
    size_t at;
    int rc = read_stage(r, &s->stage);

    if (rc == 0)
        rc = check_next(&s->stage, &y);
    at = r->at;
    s->more_count = (uint16_t)(count - 1u);
    if (rc == 0)
        rc = check_more(r, s->more_count, &y);
    s->more = (struct bytes){r->data + at, r->at - at};
    return rc;
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
    s->cpu_us = flags & FLAG_CPU_TIME ? read_u64(&r) : 0;
    s->check = flags & FLAG_CHECK ? read_u16(&r) : 0;
    uint16_t stages = read_u16(&r);
    if (r.failed || stages == 0)
        return ERR_FORMAT;
    if ((flags & ~FLAGS_KNOWN) != 0)
        return ERR_VERSION;
    if (((flags & FLAG_CPU_TIME) != 0 && s->cpu_us == 0) ||
        ((flags & FLAG_CHECK) != 0 && s->check == 0))
        return ERR_FORMAT;
    s->keep_going = (flags & FLAG_KEEP_GOING) != 0;
    s->open = (flags & FLAG_OPEN) != 0;
    s->waits = (flags & FLAG_WAITS) != 0;
    s->priority = (int8_t)(uint8_t)(flags >> PRIORITY_SHIFT);
    if (not_after_s > INT64_MAX)
        return ERR_TOO_LARGE;
    s->not_after_s = (int64_t)not_after_s;
    int rc = check_head(s);
    if (rc == 0)
        rc = read_stages(&r, stages, s);
    if (rc == 0)
        rc = check_open(s);
    return rc < 0 ? rc : reader_result(&r);
}

struct job_id spec_id(struct bytes body)
{
    struct digest d = sha256_of(body.data, body.len);
    struct job_id id;
    memcpy(id.bytes, d.bytes, sizeof id.bytes);
    return id;
}

static uint32_t stage_level(const struct stage_spec *s)
{
    if (s->snippet)
        return stage_source_level(s);
    return s->demand.tier == TIER_UNKNOWN ? FEATURE_FIRST : FEATURE_TIER;
}

uint32_t spec_level(const struct job_spec *s)
{
    struct reader r = reader_of(s->more);
    uint32_t level = s->check > 0    ? FEATURE_CHECK
                     : s->cpu_us > 0 ? FEATURE_CPU_TIME
                                     : stage_level(&s->stage);
    struct stage_spec one;
#if VELUM_PLANT == 791 /* trace/test_levels: a job that asks for a tier is for every node */
    return FEATURE_FIRST;
#endif

    for (uint16_t i = 0; i < s->more_count; i++) {
        uint32_t of;

        read_next_stage(&r, &one);
        of = stage_level(&one);
        level = of > level ? of : level;
    }
    return level;
}

uint64_t spec_leaf_units(const struct stage_spec *s)
{
    return s->rolled ? s->units : s->leaf_units;
}

uint64_t spec_leaves(const struct stage_spec *s)
{
    return tree_leaves(s->units, spec_leaf_units(s));
}

uint64_t spec_leaves_of(const struct stage_spec *s, struct bytes root)
{
    if (s->reduction != REDUCE_SEARCH || root.len < FOUND_HEAD || !found_matches(root) ||
        found_unit(root) >= s->units)
        return spec_leaves(s);
    return leaf_of(s, root) + 1;
}
