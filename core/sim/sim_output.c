#include "core/sim/sim_output.h"

#include <string.h>

#include "core/object/name.h"

bool sim_collects(const struct sim_job *j, uint32_t stage)
{
    return (j->collecting >> stage & 1) != 0;
}

uint64_t sim_stage_leaves(const struct sim_job *j, uint32_t stage)
{
    struct shape_stage in = shape_at(&j->shape, stage);

    return in.end - in.first;
}

static uint64_t mix(uint64_t x)
{
    x = (x ^ x >> 31) * 0x9e3779b97f4a7c15ull;
    return x ^ x >> 29;
}

uint32_t sim_output(const struct sim_job *j, uint64_t seed, uint64_t leaf,
                    uint8_t to[SIM_OUTPUT_MAX])
{
    uint64_t own = leaf % 16 == 13 ? 0 : seed;
    uint64_t key = mix((leaf % 16 == 15 ? leaf - 1 : leaf) + 977 * (load_u32(j->params) + 1) + own);
    uint32_t size = key % 5 < 3 ? (uint32_t)(key >> 8) % 60
                                : 900 + (uint32_t)(key >> 8) % (SIM_OUTPUT_MAX - 900);

    for (uint32_t i = 0; i < size; i++)
        to[i] = (uint8_t)mix(key + i);
    return size;
}

static struct output output_of(const uint8_t *bytes, uint32_t size)
{
    return (struct output){.kind = size > OUTPUT_INLINE_MAX ? OUTPUT_OBJECT : OUTPUT_BYTES,
                           .size = size,
                           .bytes = {bytes, size}};
}

void sim_output_value(const struct sim_job *j, uint64_t seed, uint64_t leaf, struct buf *to)
{
    uint8_t bytes[SIM_OUTPUT_MAX];
    struct output o = output_of(bytes, sim_output(j, seed, leaf, bytes));

    if (o.kind == OUTPUT_OBJECT)
        o.name = object_name_of(o.bytes);
    put_output(to, &o);
}

/* --- the table --- */

struct output sim_output_right(const struct sim_job *j, uint32_t stage, uint64_t leaf,
                               uint8_t to[SIM_OUTPUT_MAX])
{
    struct output o = output_of(to, sim_output(j, j->seeds[stage], leaf, to));

    if (o.kind == OUTPUT_OBJECT)
        o.name = j->made[j->made_first[stage] + leaf];
    return o;
}

bool sim_outputs_make(struct sim_job *j, const struct alloc *a)
{
    uint8_t bytes[SIM_OUTPUT_MAX];

    for (uint32_t i = 0; i < j->stages; i++) {
        j->made_first[i] = j->made_count;
        j->made_count += sim_collects(j, i) ? (uint32_t)sim_stage_leaves(j, i) : 0;
    }
    if (j->made_count == 0)
        return true;
    j->made = alloc_array(a, j->made_count, sizeof *j->made);
    if (j->made == NULL) {
        j->made_count = 0;
        return false;
    }
    for (uint32_t i = 0; i < j->stages; i++)
        for (uint64_t leaf = 0; sim_collects(j, i) && leaf < sim_stage_leaves(j, i); leaf++) {
            struct output o = output_of(bytes, sim_output(j, j->seeds[i], leaf, bytes));

            j->made[j->made_first[i] + leaf] =
                o.kind == OUTPUT_OBJECT ? object_name_of(o.bytes) : (struct digest){{0}};
        }
    return true;
}

void sim_outputs_clear(struct sim_job *j, const struct alloc *a)
{
    if (j->made_count > 0)
        alloc_free(a, j->made, j->made_count * sizeof *j->made);
}

uint32_t sim_output_stage(const struct sim_job *j, struct digest name, uint32_t from)
{
    for (uint32_t i = from; i < j->stages; i++)
        for (uint64_t leaf = 0; sim_collects(j, i) && leaf < sim_stage_leaves(j, i); leaf++)
            if (digest_equal(j->made[j->made_first[i] + leaf], name))
                return i;
    return SIM_STAGES_MAX;
}

/* --- the result --- */

size_t sim_output_list(const struct sim_job *j, uint8_t to[SIM_LIST_MAX], uint64_t *size)
{
    uint8_t value[OUTPUT_VALUE_MAX], bytes[SIM_OUTPUT_MAX];
    uint32_t last = j->stages - 1;
    struct buf list, v;

    *size = 0;
    buf_init_fixed(&list, to, SIM_LIST_MAX);
    for (uint64_t leaf = 0; leaf < sim_stage_leaves(j, last); leaf++) {
        struct output o = sim_output_right(j, last, leaf, bytes);

        buf_init_fixed(&v, value, sizeof value);
        put_output(&v, &o);
        put_block(&list, buf_bytes(&v));
        *size += o.size;
    }
    ensure(!list.failed);
    return list.len;
}

void sim_output_result(struct sim_job *j)
{
    uint8_t list[SIM_LIST_MAX], result[RESULT_LIST_MAX + 256];
    struct collected c = {.leaves = (uint32_t)sim_stage_leaves(j, j->stages - 1)};
    size_t len = sim_output_list(j, list, &c.size);
    struct buf b;

    c.list = j->digest = object_name_of((struct bytes){list, len});
    if (len <= RESULT_LIST_MAX)
        c.inline_list = (struct bytes){list, len};
    buf_init_fixed(&b, result, sizeof result);
    put_collected(&b, &c);
    ensure(!b.failed);
    j->accumulator = sha256_of(b.data, b.len);
}
