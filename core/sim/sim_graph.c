#include "core/sim/sim_graph.h"

#include <string.h>

#include "core/base/ensure.h"
#include "core/base/prng.h"
#include "core/sim/sim_author.h"
#include "core/sim/sim_input.h"
#include "core/sim/sim_output.h"

/* Of a stage: u32 number of the job, u8 of the stage. */
#define PARAMS 5u
#define SNIPPETS_ONE_IN 3

static uint64_t size_of(struct prng *p, uint64_t leaves, uint32_t count)
{
    uint64_t most = 2 * leaves / count + 1, room = SIM_LEAVES_MAX / (4 * count);

    return 1 + prng_below(p, most < room ? most : room);
}

/* Behind those there are, and so many of its objects, which may be more by this. */
static void add_need(struct buf *b, uint32_t need, uint16_t *objects, struct prng *p,
                     struct stage_spec *s)
{
    while (*objects < s->inputs_count - s->snippet && prng_one_in(p, 2))
        (*objects)++;
    put_stage_need(b, &(struct stage_need){need, (uint16_t)(s->needs_count++ + *objects)});
}

/* The one before it, and perhaps another, and perhaps one whose value it does not read. */
static void add_needs(struct sim_job *j, uint32_t stage, struct prng *p, struct stage_spec *s)
{
    uint16_t objects = 0;
    struct buf b;

    buf_init_fixed(&b, j->needs[stage], sizeof j->needs[stage]);
    add_need(&b, stage - 1, &objects, p, s);
    if (prng_below(p, 2) == 0)
        add_need(&b, (uint32_t)prng_below(p, stage), &objects, p, s);
    if (prng_below(p, 4) == 0) {
        put_stage_need(&b, &(struct stage_need){(uint32_t)prng_below(p, stage), NEED_ORDER});
        s->needs_count++;
    }
    s->needs = buf_bytes(&b);
}

/* A task: it waits for the one before it, or for none. Some have other units. */
static void make_task(struct sim_job *j, uint32_t stage, struct prng *p, struct stage_spec *s)
{
    struct buf b;

    s->units = s->leaf_units = 1 + stage % 3;
    if (prng_below(p, 2) == 0)
        return;
    buf_init_fixed(&b, j->needs[stage], sizeof j->needs[stage]);
    put_stage_need(&b, &(struct stage_need){stage - 1, NEED_ORDER});
    s->needs = buf_bytes(&b);
    s->needs_count = 1;
}

/* Of a job with objects: the first stage collects for the second, others may. */
static void add_objects(struct sim_job *j, uint32_t stage, const struct sim_stuff *stuff,
                        struct prng *p, struct stage_spec *s)
{
    bool collects = stage == 0 || prng_one_in(p, stage + 1 < j->stages ? 2 : 4);

    j->collecting |= (uint8_t)((unsigned)collects << stage);
    for (uint32_t i = 0; i < SIM_READS_MAX; i++)
        if (prng_one_in(p, stage == 0 ? 2 : 4))
            sim_input_add(j, stage, stuff, (uint32_t)prng_below(p, stuff->things_count), s);
}

/* Where the last thing that the stage reads could be C source or a plugin, it may be that. What it
 * computes goes by its bytes all the same. Some ask for a node that takes it, others come to know
 * who does. */
static void make_snippet(struct sim_job *j, uint32_t stage, struct stage_spec *s)
{
    struct stage_input source;

    if (s->inputs_count == 0 || (j->leaf_us + stage) % SNIPPETS_ONE_IN != 0)
        return;
    source = stage_source(s);
    if (source.size == 0 || source.size > SNIPPET_SOURCE_MAX)
        return;
    s->snippet = true;
    s->plugin = j->leaf_us % 5 < 2;
    s->source = source.name;
    s->demand = (struct demand){.tier = TIER_S2};
    if (j->leaf_us % 2 == 0)
        s->demand.on = bytes_of_text(s->plugin ? LABEL_LOADS : LABEL_COMPILES);
    j->spec.waits = true;
}

static void leave_to_author(struct sim_job *j)
{
    struct reader r = reader_of(j->all_more);
    struct stage_spec s;

    for (uint32_t i = 1; i < j->of_spec; i++)
        read_next_stage(&r, &s);
    j->spec.more.len = r.at;
    j->spec.more_count = (uint16_t)(j->of_spec - 1);
    j->spec.open = j->spec.keep_going = true;
}

/* All but what it needs, and is. */
static struct stage_spec begin_stage(struct sim_job *j, uint32_t index, uint32_t stage,
                                     struct digest source)
{
    struct stage_spec s = j->spec.stage;

    store_u32(j->stage_params[stage], index);
    j->stage_params[stage][4] = (uint8_t)stage;
    s.params = (struct bytes){j->stage_params[stage], PARAMS};
    s.inputs_count = s.needs_count = 0;
    s.inputs = s.needs = (struct bytes){NULL, 0};
    s.source = source;
    s.demand = (struct demand){0};
    s.snippet = s.plugin = false;
    return s;
}

static void reduce(const struct sim_job *j, uint32_t stage, struct stage_spec *s)
{
    s->reduction = sim_collects(j, stage) ? REDUCE_COLLECT : REDUCE_FOLD;
    s->accumulator_size = sim_collects(j, stage) ? 0 : SIM_VALUE_SIZE;
}

void sim_graph_make(struct sim_job *j, uint32_t index, uint64_t leaves, bool open,
                    struct sim_stuff *stuff)
{
    const struct digest source = j->spec.stage.source;
    struct prng p;
    struct buf more;
    uint32_t count, tasks_from;

    prng_init(&p, stuff != NULL ? prng_u64(&stuff->prng) : leaves * SIM_JOBS_MAX + index);
    count = 2 + (uint32_t)prng_below(&p, SIM_STAGES_MAX - 1);
    tasks_from = prng_below(&p, 3) == 0 ? (uint32_t)prng_below(&p, count) : count;
    buf_init_fixed(&more, j->more, sizeof j->more);
    j->stages = count;
    if (open)
        sim_author_plan(j, &p);
    for (uint32_t i = 0; i < count; i++) {
        struct stage_spec s = begin_stage(j, index, i, source);

        /* Some that are appended are like the first. */
        s.units = size_of(&p, leaves, count);
        if (open && i > 0 && prng_one_in(&p, 2))
            s.units = j->spec.stage.units;
        if (i > 0 && i >= tasks_from && i + 1 < count) {
            make_task(j, i, &p, &s);
        } else {
            if (stuff != NULL)
                add_objects(j, i, stuff, &p, &s);
            make_snippet(j, i, &s);
            if (i > 0)
                add_needs(j, i, &p, &s);
        }
        reduce(j, i, &s);
        if (i == 0)
            j->spec.stage = s;
        else
            put_stage(&more, &s);
    }
    ensure(!more.failed);
    j->all_more = j->spec.more = buf_bytes(&more);
    j->spec.more_count = (uint16_t)(count - 1);
    if (open)
        leave_to_author(j);
}

uint32_t sim_graph_stage(const struct sim_job *j, struct bytes params)
{
    return j->stages > 1 && params.len == PARAMS ? params.data[4] : 0;
}

struct stage_spec sim_graph_spec(const struct sim_job *j, uint32_t stage)
{
    struct reader r = reader_of(j->all_more);
    struct stage_spec s = j->spec.stage;

    for (uint32_t i = 0; i < stage; i++)
        read_next_stage(&r, &s);
    return s;
}

uint64_t sim_graph_begin(uint32_t stage)
{
    return stage * 0xd1b54a32d192ed03ull;
}

uint64_t sim_graph_read(uint64_t seed, uint32_t place, struct bytes value)
{
    uint64_t x = place + 1;

    for (size_t i = 0; i < value.len; i++)
        x = (x ^ value.data[i]) * 0x100000001b3ull;
    return seed + (x ^ x >> 31) * 0x9e3779b97f4a7c15ull;
}

/* The last ones first, so that what a stage needs is looked at behind it. */
uint8_t sim_graph_spent(const struct sim_job *j, uint8_t complete)
{
    uint8_t read = 0, reading = 0;

    if (j->of_spec > 0)
        return 0;
    for (uint32_t i = j->stages; i-- > 0;) {
        struct stage_spec s = sim_graph_spec(j, i);
        bool is_spent = (read >> i & 1) != 0 && (reading >> i & 1) == 0;

        for (uint16_t k = 0; k < s.needs_count; k++) {
            uint32_t need = stage_need_at(s.needs, k).stage;

            read |= (uint8_t)(1u << need);
            if (!is_spent && (sim_collects(j, i) || (complete >> i & 1) == 0))
                reading |= (uint8_t)(1u << need);
        }
    }
    return (uint8_t)(read & ~reading);
}
