#include "core/wire/order.h"

#include <string.h>

#include "core/base/err.h"
#include "core/wire/demand.h"
#include "core/wire/field.h"
#include "core/wire/output.h"
#include "core/wire/tree.h"

#define VALUE_SIZE_MIN 13 /* level, index and the length of an empty accumulator */

/* u16 count of values; more than the rest can hold fails. Nothing is read beyond the count. */
static uint16_t read_value_count(struct reader *r)
{
    uint16_t count = read_u16(r);
    if (count > reader_left(r) / VALUE_SIZE_MIN)
        r->failed = true;
    return count;
}

void put_order_load(struct buf *b, const struct order_load *m)
{
    put_text(b, m->kernel);
    put_digest(b, m->source);
    put_u8(b, m->built[0] ? ORIGIN_BUILT : m->origin);
    put_text(b, m->path);
    if (m->built[0]) {
        put_text(b, m->built);
        put_u8(b, m->alone ? 1 : m->leaf_us > 0 ? 2 : 0);
        if (!m->alone && m->leaf_us > 0)
            put_u64(b, m->leaf_us);
    }
    put_block(b, m->params);
    put_u8(b, m->reduction);
    put_u64(b, m->mem_bytes);
    put_text(b, m->folder);
    put_u16(b, m->inputs_count);
    put_raw(b, m->inputs.data, m->inputs.len);
    if (m->cpu_us > 0)
        put_u64(b, m->cpu_us);
}

bool order_load_reads_files(const struct order_load *m)
{
    for (uint16_t i = 0; i < m->inputs_count; i++)
        if (!stage_input_is_given(m->inputs, i))
            return true;
    return false;
}

int read_order_load(struct bytes payload, struct order_load *m)
{
    struct reader r = reader_of(payload);
    read_text(&r, m->kernel, sizeof m->kernel);
    m->source = read_digest(&r);
    m->origin = read_u8(&r);
    if (m->origin > ORIGIN_CARRIED && m->origin != ORIGIN_BUILT)
        r.failed = true;
    read_text(&r, m->path, sizeof m->path);
    m->built[0] = '\0';
    m->alone = false;
    m->leaf_us = 0;
    if (m->origin == ORIGIN_BUILT) {
        m->origin = ORIGIN_SNIPPET;
        read_text(&r, m->built, sizeof m->built);
        const uint8_t how = read_choice(&r, 0, 2);
        m->alone = how == 1;
        m->leaf_us = how == 2 ? read_u64(&r) : 0;
        r.failed |= m->built[0] == '\0' || (how == 2 && m->leaf_us == 0);
    }
    m->params = read_block(&r, PARAMS_SIZE_MAX);
    m->reduction = read_u8(&r);
    m->mem_bytes = read_u64(&r);
    read_text(&r, m->folder, sizeof m->folder);
    m->inputs = read_stage_inputs(&r, &m->inputs_count);
    m->cpu_us = 0;
    if (!r.failed && reader_left(&r) > 0) {
        m->cpu_us = read_u64(&r);
        r.failed |= m->cpu_us == 0 || m->cpu_us > INT64_MAX;
    }
    if ((m->origin != ORIGIN_BUILTIN) != (m->path[0] != '\0') || m->mem_bytes > DEMAND_MEM_MAX ||
        (!r.failed && order_load_reads_files(m) != (m->folder[0] != '\0')))
        r.failed = true;
    return reader_result(&r);
}

void put_order_inputs_begin(struct buf *b, uint16_t count)
{
    put_u16(b, count);
}

void put_order_input(struct buf *b, const struct order_input *in)
{
    put_u16(b, in->index);
    put_block(b, in->bytes);
}

int read_order_inputs(struct bytes payload, uint16_t *count, struct reader *rest)
{
    *rest = reader_of(payload);
    *count = read_u16(rest);
    return rest->failed ? ERR_FORMAT : 0;
}

struct order_input read_order_input(struct reader *r)
{
    struct order_input in;

    in.index = read_u16(r);
    in.bytes = read_block(r, FRAME_PAYLOAD_MAX);
    return in;
}

void put_order_run(struct buf *b, const struct order_run *m)
{
    put_u64(b, m->run);
    put_u64(b, m->first);
    put_u64(b, m->end);
    put_u64(b, m->units);
    put_u64(b, m->leaf_units);
    put_u32(b, m->report_us);
}

int read_order_run(struct bytes payload, struct order_run *m)
{
    struct reader r = reader_of(payload);
    m->run = read_u64(&r);
    m->first = read_u64(&r);
    m->end = read_u64(&r);
    m->units = read_u64(&r);
    m->leaf_units = read_u64(&r);
    m->report_us = read_u32(&r);
    if (!reader_done(&r) || m->units == 0 || m->leaf_units == 0 || m->first >= m->end)
        return ERR_FORMAT;
    uint64_t leaves = tree_leaves(m->units, m->leaf_units);
    return leaves <= LEAVES_MAX && m->end <= leaves ? 0 : ERR_FORMAT;
}

uint64_t order_first(struct bytes payload)
{
    struct reader r = reader_of(payload);
    (void)read_u64(&r);
    return read_u64(&r);
}

#define TASKS_COUNT_AT 28u

void put_order_tasks_begin(struct buf *b, const struct order_tasks *m)
{
    put_u64(b, m->run);
    put_u64(b, m->first);
    put_u64(b, m->units);
    put_u32(b, m->report_us);
    put_u16(b, m->count);
}

void put_order_task(struct buf *b, uint64_t units, struct order_task t)
{
    if (units == 0 || units == TASKS_ROLLED)
        put_u64(b, t.units);
    if (units == TASKS_ROLLED)
        put_u64(b, t.leaf_units);
    put_u16(b, (uint16_t)t.params.len);
    put_raw(b, t.params.data, t.params.len);
}

void order_tasks_count(struct buf *b, uint16_t count)
{
    if (!b->failed)
        store_u16(b->data + TASKS_COUNT_AT, count);
}

struct order_task read_order_task(struct reader *r, uint64_t units)
{
    struct order_task t = {.units = units > 0 && units != TASKS_ROLLED ? units : read_u64(r)};
    t.leaf_units = units == TASKS_ROLLED ? read_u64(r) : t.units;
    uint16_t len = read_u16(r);
    r->failed |= len > PARAMS_SIZE_MAX || t.units == 0 || t.leaf_units == 0 ||
                 tree_leaves(t.units, t.leaf_units) > LEAVES_MAX;
    t.params = read_view(r, len);
    return t;
}

int read_order_tasks(struct bytes payload, struct order_tasks *m)
{
    struct reader r = reader_of(payload);
    m->run = read_u64(&r);
    m->first = read_u64(&r);
    m->units = read_u64(&r);
    m->report_us = read_u32(&r);
    m->count = read_u16(&r);
    m->rest = r;
    if (m->count == 0 || m->count > ORDER_TASKS_MAX || m->first >= LEAVES_MAX - m->count)
        return ERR_FORMAT;
    for (uint16_t i = 0; i < m->count; i++)
        read_order_task(&r, m->units);
    return reader_result(&r);
}

void put_order_trim(struct buf *b, const struct order_trim *m)
{
    put_u64(b, m->run);
    put_u64(b, m->end);
}

int read_order_trim(struct bytes payload, struct order_trim *m)
{
    struct reader r = reader_of(payload);
    m->run = read_u64(&r);
    m->end = read_u64(&r);
    if (m->end > LEAVES_MAX)
        r.failed = true;
    return reader_result(&r);
}

void put_order_merge_begin(struct buf *b, uint64_t run, uint16_t count)
{
    put_u64(b, run);
    put_u16(b, count);
}

int read_order_merge(struct bytes payload, uint64_t *run, uint16_t *count, struct reader *rest)
{
    struct reader r = reader_of(payload);
    *run = read_u64(&r);
    *count = read_u16(&r);
    if (*count == 0 || *count > MERGE_COUNT_MAX)
        r.failed = true;
    if (reader_left(&r) / VALUE_SIZE_MIN < 2u * *count)
        r.failed = true;
    *rest = r;
    return r.failed ? ERR_FORMAT : 0;
}

int put_order_plan(struct buf *b, int count, const char *const *args, uint16_t inputs_count,
                   const uint64_t *input_sizes)
{
    if (count < 0 || count > ARGS_COUNT_MAX || inputs_count > STAGE_INPUTS_MAX)
        return ERR_TOO_LARGE;
    for (int i = 0; i < count; i++)
        if (strlen(args[i]) >= ARG_SIZE_MAX)
            return ERR_TOO_LARGE;
    put_u16(b, (uint16_t)count);
    for (int i = 0; i < count; i++)
        put_text(b, args[i]);
    put_u16(b, inputs_count);
    for (uint16_t i = 0; i < inputs_count; i++)
        put_u64(b, input_sizes[i]);
    return buf_result(b);
}

int read_order_plan(struct bytes payload, struct order_plan *m)
{
    struct reader r = reader_of(payload);
    m->count = read_u16(&r);
    if (m->count > ARGS_COUNT_MAX) {
        m->count = 0;
        return ERR_FORMAT;
    }
    for (uint16_t i = 0; i < m->count; i++)
        read_text(&r, m->args[i], sizeof m->args[i]);
    m->inputs_count = read_u16(&r);
    if (m->inputs_count > STAGE_INPUTS_MAX) {
        m->inputs_count = 0;
        return ERR_FORMAT;
    }
    for (uint16_t i = 0; i < m->inputs_count; i++) {
        m->input_sizes[i] = read_u64(&r);
#if VELUM_PLANT == 535 /* unit/test_order: a plan of what is still to be yielded is refused */
        if (m->input_sizes[i] > STAGE_INPUT_SIZE_MAX)
#else
        if (m->input_sizes[i] > STAGE_INPUT_SIZE_MAX && m->input_sizes[i] != STAGE_INPUT_UNKNOWN)
#endif
            r.failed = true;
    }
    return reader_result(&r);
}

/* Of a plugin the path is all there is, as it has always been. */
void put_order_describe(struct buf *b, const struct order_describe *m)
{
    put_text(b, m->path);
    if (m->origin != ORIGIN_PLUGIN)
        put_u8(b, m->origin);
}

int read_order_describe(struct bytes payload, struct order_describe *m)
{
    struct reader r = reader_of(payload);
    read_text(&r, m->path, sizeof m->path);
    m->origin = ORIGIN_PLUGIN;
    if (reader_left(&r) > 0)
        m->origin = read_choice(&r, ORIGIN_SNIPPET, ORIGIN_SNIPPET);
    return reader_result(&r);
}

void put_order_taken(struct buf *b, const struct order_taken *m)
{
    put_u64(b, m->run);
    put_u64(b, m->leaf);
    put_block(b, m->value);
}

int read_order_taken(struct bytes payload, struct order_taken *m)
{
    struct reader r = reader_of(payload);
    m->run = read_u64(&r);
    m->leaf = read_u64(&r);
    m->value = read_block(&r, OUTPUT_VALUE_MAX);
    return reader_done(&r) ? read_output(m->value, NULL) : ERR_FORMAT;
}

void put_order_more(struct buf *b, const struct order_more *m)
{
    put_u64(b, m->run);
    put_u32(b, m->bytes);
}

int read_order_more(struct bytes payload, struct order_more *m)
{
    struct reader r = reader_of(payload);
    m->run = read_u64(&r);
    m->bytes = read_u32(&r);
    if (m->bytes > OUTPUT_WINDOW)
        r.failed = true;
    return reader_result(&r);
}

void put_worker_output(struct buf *b, const struct worker_output *m)
{
    put_u64(b, m->run);
    put_u64(b, m->leaf);
    put_block(b, m->bytes);
}

int read_worker_output(struct bytes payload, struct worker_output *m)
{
    struct reader r = reader_of(payload);
    *m = (struct worker_output){.run = read_u64(&r)};
    m->leaf = read_u64(&r);
    m->bytes = read_block(&r, OUTPUT_PART_MAX);
    if (m->leaf >= LEAVES_MAX || m->bytes.len == 0)
        r.failed = true;
    return reader_result(&r);
}

void put_worker_output_end(struct buf *b, const struct worker_output *m)
{
    put_u64(b, m->run);
    put_u64(b, m->leaf);
    put_u64(b, m->size);
}

int read_worker_output_end(struct bytes payload, struct worker_output *m)
{
    struct reader r = reader_of(payload);
    *m = (struct worker_output){.run = read_u64(&r)};
    m->leaf = read_u64(&r);
    m->size = read_u64(&r);
#if VELUM_PLANT == 435 /* unit/test_order: an object may be as small as a value */
    if (m->leaf >= LEAVES_MAX || m->size == 0 || m->size > OUTPUT_SIZE_MAX)
#else
    if (m->leaf >= LEAVES_MAX || m->size <= OUTPUT_INLINE_MAX || m->size > OUTPUT_SIZE_MAX)
#endif
        r.failed = true;
    return reader_result(&r);
}

void put_worker_loaded(struct buf *b, const struct worker_loaded *m)
{
    put_u32(b, m->accumulator_size);
    put_u8(b, m->ok ? (m->unbuilt ? 3 : 1) : m->by_node ? 2 : 0);
    put_text(b, m->reason);
}

int read_worker_loaded(struct bytes payload, struct worker_loaded *m)
{
    struct reader r = reader_of(payload);
    uint8_t how;
    m->accumulator_size = read_u32(&r);
    how = read_choice(&r, 0, 3);
    m->unbuilt = how == 3;
    m->ok = how == 1 || m->unbuilt;
    m->by_node = how == 2;
    read_safe_text(&r, true, m->reason, sizeof m->reason);
    if (m->accumulator_size > ACCUMULATOR_SIZE_MAX)
        r.failed = true;
    return reader_result(&r);
}

void put_worker_progress_begin(struct buf *b, uint64_t run, uint64_t next, uint64_t compute_us,
                               uint64_t cpu_us, bool ended, uint16_t count)
{
    put_u64(b, run);
    put_u64(b, next);
    put_u64(b, compute_us);
    put_u64(b, cpu_us);
    put_flag(b, ended);
    put_u16(b, count);
}

int read_worker_progress(struct bytes payload, struct worker_progress *m)
{
    struct reader r = reader_of(payload);
    m->run = read_u64(&r);
    m->next = read_u64(&r);
    m->compute_us = read_u64(&r);
    m->cpu_us = read_u64(&r);
    m->ended = read_flag(&r);
    m->count = read_value_count(&r);
    if (m->next > LEAVES_MAX)
        r.failed = true;
    m->rest = r;
    return r.failed ? ERR_FORMAT : 0;
}

void put_worker_merged_begin(struct buf *b, uint64_t run, uint64_t compute_us, uint16_t count)
{
    put_u64(b, run);
    put_u64(b, compute_us);
    put_u16(b, count);
}

int read_worker_merged(struct bytes payload, struct worker_merged *m)
{
    struct reader r = reader_of(payload);
    m->run = read_u64(&r);
    m->compute_us = read_u64(&r);
    m->count = read_value_count(&r);
    if (m->count > MERGE_COUNT_MAX)
        r.failed = true;
    m->rest = r;
    return r.failed ? ERR_FORMAT : 0;
}

void put_worker_planned(struct buf *b, const struct worker_planned *m)
{
    put_flag(b, m->ok);
    put_text(b, m->reason);
    put_block(b, m->params);
    put_u64(b, m->units);
    put_u64(b, m->leaf_units);
}

int read_worker_planned(struct bytes payload, struct worker_planned *m)
{
    struct reader r = reader_of(payload);
    m->ok = read_flag(&r);
    read_safe_text(&r, true, m->reason, sizeof m->reason);
    m->params = read_block(&r, PARAMS_SIZE_MAX);
    m->units = read_u64(&r);
    m->leaf_units = read_u64(&r);
    if (!reader_done(&r))
        return ERR_FORMAT;
    if (!m->ok)
        return 0;
    if (m->units == 0 || m->leaf_units == 0)
        return ERR_FORMAT;
    return tree_leaves(m->units, m->leaf_units) <= LEAVES_MAX ? 0 : ERR_FORMAT;
}

void put_worker_shown(struct buf *b, bool ok, const char *text)
{
    if (strlen(text) >= SHOW_SIZE_MAX)
        b->failed = true;
    put_flag(b, ok);
    put_text(b, text);
}

int read_worker_shown(struct bytes payload, bool *ok, char text[SHOW_SIZE_MAX])
{
    struct reader r = reader_of(payload);
    *ok = read_flag(&r);
    read_safe_text(&r, false, text, SHOW_SIZE_MAX);
    return reader_result(&r);
}

void put_worker_failed(struct buf *b, const struct worker_failed *m)
{
    put_u64(b, m->run);
    put_u64(b, m->leaf);
    put_text(b, m->reason);
    if (!m->differs)
        return;
    put_u8(b, 1);
    if (digest_equal(m->digests[0], m->digests[1]))
        return;
    put_digest(b, m->digests[0]);
    put_digest(b, m->digests[1]);
}

int read_worker_failed(struct bytes payload, struct worker_failed *m)
{
    struct reader r = reader_of(payload);
    m->run = read_u64(&r);
    m->leaf = read_u64(&r);
    read_safe_text(&r, true, m->reason, sizeof m->reason);
    m->differs = !r.failed && reader_left(&r) > 0;
    if (m->differs)
        (void)read_choice(&r, 1, 1);
    m->digests[0] = m->digests[1] = (struct digest){{0}};
    if (m->differs && !r.failed && reader_left(&r) > 0) {
        m->digests[0] = read_digest(&r);
        m->digests[1] = read_digest(&r);
        r.failed |= digest_equal(m->digests[0], m->digests[1]);
    }
    if (m->leaf >= LEAVES_MAX)
        r.failed = true;
    return reader_result(&r);
}

void put_order_build(struct buf *b, const struct order_build *m)
{
    put_digest(b, m->source);
    put_text(b, m->compiler);
    put_text(b, m->path);
    put_text(b, m->folder);
}

int read_order_build(struct bytes payload, struct order_build *m)
{
    struct reader r = reader_of(payload);
    m->source = read_digest(&r);
    read_text(&r, m->compiler, sizeof m->compiler);
    read_text(&r, m->path, sizeof m->path);
    read_text(&r, m->folder, sizeof m->folder);
    if (!m->compiler[0] || !m->path[0] || !m->folder[0])
        r.failed = true;
    return reader_result(&r);
}

void put_worker_built(struct buf *b, const struct worker_built *m)
{
    put_u8(b, m->ok ? 1 : m->broken ? 2 : 0);
    put_text(b, m->reason);
}

int read_worker_built(struct bytes payload, struct worker_built *m)
{
    struct reader r = reader_of(payload);
    const uint8_t how = (uint8_t)read_choice(&r, 0, 2);
    m->ok = how == 1;
    m->broken = how == 2;
    read_safe_text(&r, true, m->reason, sizeof m->reason);
    return reader_result(&r);
}
