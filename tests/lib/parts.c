#include "tests/lib/parts.h"

#include "core/base/ensure.h"
#include "core/base/text.h"

struct part parts[PARTS_MAX];
uint32_t parts_count;

uint32_t parts_value_bytes = 8;
static uint8_t needs_room[PARTS_MAX][PART_NEEDS_MAX * STAGE_NEED_BYTES];
static uint8_t more_room[SPEC_SIZE_MAX];

void parts_begin(void)
{
    parts_count = 0;
}

struct part *parts_add(uint64_t leaves, bool collects)
{
    struct part *p = &parts[parts_count];

    ensure(parts_count < PARTS_MAX);
    *p = (struct part){.leaves = leaves,
                       .leaf_units = 1,
                       .collects = collects,
                       .param = (uint8_t)parts_count,
                       .name = ""};
    parts_count++;
    return p;
}

void parts_need(struct part *p, uint32_t stage, uint16_t place)
{
    ensure(p->needs_count < PART_NEEDS_MAX);
    p->needs[p->needs_count++] = (struct stage_need){stage, place};
}

uint64_t parts_leaves(void)
{
    uint64_t sum = 0;

    for (uint32_t i = 0; i < parts_count; i++)
        sum += parts[i].leaves;
    return sum;
}

static struct stage_spec stage_of(uint32_t i, const char *kernel)
{
    struct part *p = &parts[i];
    struct stage_spec s = {.units = p->leaves * p->leaf_units,
                           .leaf_units = p->leaf_units,
                           .reduction = p->collects ? REDUCE_COLLECT : REDUCE_FOLD,
                           .accumulator_size = p->collects ? 0 : parts_value_bytes,
                           .retries = p->retries,
                           .leaf_us = p->leaf_us,
                           .demand.mem_bytes = p->mem_bytes,
                           .demand.on = bytes_of_text(p->on == NULL ? "" : p->on),
                           .needs_count = p->needs_count};
    struct buf b;

    text_copy(s.kernel, sizeof s.kernel, kernel);
    text_copy(s.name, sizeof s.name, p->name);
    s.params = (struct bytes){&p->param, 1};
    buf_init_fixed(&b, needs_room[i], sizeof needs_room[i]);
    for (uint8_t k = 0; k < p->needs_count; k++)
        put_stage_need(&b, &p->needs[k]);
    s.needs = buf_bytes(&b);
    return s;
}

void parts_spec_first(struct job_spec *spec, uint32_t count, const char *kernel)
{
    struct buf b;

    buf_init_fixed(&b, more_room, sizeof more_room);
    spec->stage = stage_of(0, kernel);
    for (uint32_t i = 1; i < count; i++) {
        struct stage_spec s = stage_of(i, kernel);

        put_stage(&b, &s);
    }
    ensure(!b.failed);
    spec->more = buf_bytes(&b);
    spec->more_count = (uint16_t)(count - 1);
}

void parts_spec(struct job_spec *spec, const char *kernel)
{
    parts_spec_first(spec, parts_count, kernel);
}

void parts_append(struct buf *b, uint32_t from, uint32_t to, const char *kernel)
{
    put_append_begin(b, from, (uint16_t)(to - from));
    for (uint32_t i = from; i < to; i++) {
        struct stage_spec s = stage_of(i, kernel);
        bool alike = parts[i].collects == parts[0].collects && s.retries == parts[0].retries &&
                     s.leaf_us == parts[0].leaf_us && parts[i].on == parts[0].on;
        bool same =
            s.units == parts[0].leaves * parts[0].leaf_units && s.leaf_units == parts[0].leaf_units;

        if (alike && parts[i].rolled > 0) {
            s.leaf_units = parts[i].leaf_units;
            s.units = s.leaf_units * parts[i].rolled;
            put_append_rolled(b, 0, &s);
        } else if (!alike)
            put_append_whole(b, i, &s);
        else if (s.name[0] != 0)
            put_append_named(b, 0, !same, &s);
        else if (same)
            put_append_like(b, 0, s.params, s.needs_count, s.needs);
        else
            put_append_sized(b, 0, s.units, s.leaf_units, s.params, s.needs_count, s.needs);
    }
}
