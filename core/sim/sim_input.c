#include "core/sim/sim_input.h"

#include <string.h>

#include "core/sim/sim_graph.h"
#include "core/sim/sim_objects.h"
#include "core/sim/sim_output.h"

/* --- what there is to read --- */

void sim_input_add(struct sim_job *j, uint32_t stage, const struct sim_stuff *stuff, uint32_t thing,
                   struct stage_spec *s)
{
    struct sim_reads *r = &j->reads[stage];
    struct stage_input in = {stuff->things[thing].name, stuff->things[thing].size};
    struct buf b;

    ensure(r->count < SIM_READS_MAX);
    buf_init_fixed(&b, r->bytes + (size_t)r->count * STAGE_INPUT_BYTES, STAGE_INPUT_BYTES);
    put_stage_input(&b, &in);
    r->things[r->count++] = (uint8_t)thing;
    s->inputs_count = r->count;
    s->inputs = (struct bytes){r->bytes, (size_t)r->count * STAGE_INPUT_BYTES};
}

bool sim_input_is_read(const struct sim_job *j, const struct world *w, const struct sim_thing *t)
{
    for (uint32_t i = 0; i < j->stages; i++)
        for (uint8_t k = 0; k < j->reads[i].count; k++)
            if (&w->stuff.things[j->reads[i].things[k]] == t)
                return true;
    return false;
}

bool sim_input_any(const struct sim_job *j)
{
    for (uint32_t i = 0; i < j->stages; i++)
        if (j->reads[i].count > 0)
            return true;
    return false;
}

/* --- one after the other --- */

/* Goes through the inputs of a stage: objects and stages, as their places say. */
struct walk {
    struct stage_spec spec;
    uint16_t object, need;
};

enum walked { WALKED_ALL, WALKED_OBJECT, WALKED_STAGE };

/* *which: of the stage's objects, or the stage that is read. */
static enum walked walk_on(struct walk *k, uint32_t *which)
{
    struct stage_need n = {.place = NEED_ORDER};

    if (k->need < k->spec.needs_count)
        n = stage_need_at(k->spec.needs, k->need);
    if (n.place == k->object + k->need) {
        k->need++;
        *which = n.stage;
        return WALKED_STAGE;
    }
    *which = k->object;
    if (k->object == k->spec.inputs_count)
        return WALKED_ALL;
    k->object++;
    return WALKED_OBJECT;
}

static uint64_t read_outputs(const struct sim_job *j, uint32_t stage, uint64_t seed,
                             uint32_t *place)
{
    uint8_t bytes[SIM_OUTPUT_MAX];

    for (uint64_t leaf = 0; leaf < sim_stage_leaves(j, stage); leaf++) {
        uint32_t size = sim_output(j, j->seeds[stage], leaf, bytes);

        seed = sim_graph_read(seed, (*place)++, (struct bytes){bytes, size});
    }
    return seed;
}

uint64_t sim_input_seed(const struct sim_job *j, uint32_t stage, const struct sim_stuff *stuff)
{
    struct walk k = {.spec = sim_graph_spec(j, stage)};
    uint64_t seed = sim_graph_begin(stage);
    uint32_t place = 0, which;
    enum walked is;

    while ((is = walk_on(&k, &which)) != WALKED_ALL) {
        if (is == WALKED_OBJECT) {
            const struct sim_thing *t = &stuff->things[j->reads[stage].things[which]];

            seed = sim_graph_read(seed, place++, (struct bytes){t->data, (size_t)t->size});
        } else if (sim_collects(j, which)) {
            seed = read_outputs(j, which, seed, &place);
        } else {
            seed = sim_graph_read(seed, place++, (struct bytes){j->values[which], SIM_VALUE_SIZE});
        }
    }
    return seed;
}

uint16_t sim_input_count(const struct sim_job *j, uint32_t stage)
{
    struct walk k = {.spec = sim_graph_spec(j, stage)};
    uint64_t count = 0;
    uint32_t which;
    enum walked is;

    while ((is = walk_on(&k, &which)) != WALKED_ALL)
        count += is == WALKED_STAGE && sim_collects(j, which) ? sim_stage_leaves(j, which) : 1;
    return (uint16_t)count;
}

/* --- workers --- */

/* One file; false: there is none. */
static bool map_file(struct world *w, struct sim_node *n, struct sim_worker *x,
                     const struct stage_input *in, uint32_t place)
{
    struct bytes bytes;

    sim_objects_mapped(w, n);
    if (!sim_mover_file(&n->moving.mover, in->name, &bytes) || bytes.len != in->size) {
        if (w->stuff.rots == 0)
            world_fail(w, G5, "a worker is loaded and its input is not here", n->index, x->job);
        return false;
    }
    put_digest(&x->files, in->name);
    x->seed = sim_graph_read(x->seed, place, bytes);
    return true;
}

/* The source of a snippet, which is named last of what its stage reads. */
static bool map_source(struct world *w, struct sim_node *n, struct sim_worker *x,
                       const struct order_load *m)
{
    struct stage_spec s = sim_graph_spec(&w->jobs[x->job], x->stage);
    struct stage_input source = stage_source(&s);
    char path[PATH_SIZE_MAX] = "objects/";

    id_hex(m->source.bytes, 64, path + strlen(path));
    if (strcmp(path, m->path) != 0 || !digest_equal(source.name, m->source))
        world_fail(w, G11, "a worker was told to load another file than its source", n->index,
                   x->job);
    if (s.plugin != (m->origin == ORIGIN_SHIPPED))
        world_fail(w, G11, "a worker was told to compile a plugin, or to load C source", n->index,
                   x->job);
    return map_file(w, n, x, &source, m->inputs_count);
}

bool sim_input_load(struct world *w, struct sim_node *n, struct sim_worker *x,
                    const struct order_load *m)
{
    bool had_files = x->files.len > 0, is_snippet = m->origin >= ORIGIN_SNIPPET;

    x->seed = sim_graph_begin(x->stage);
    x->inputs_missing = 0;
    for (uint16_t i = 0; i < m->inputs_count; i++)
        x->inputs_missing = (uint16_t)(x->inputs_missing + stage_input_is_given(m->inputs, i));
    buf_reset(&x->files);
    if (m->inputs_count + is_snippet != sim_input_count(&w->jobs[x->job], x->stage) ||
        is_snippet != sim_graph_spec(&w->jobs[x->job], x->stage).snippet)
        world_fail(w, G11, "a worker was loaded with other inputs than its stage has", n->index,
                   x->job);
    for (uint16_t i = 0; i < m->inputs_count; i++) {
        struct stage_input in = stage_input_at(m->inputs, i);

        if (!stage_input_is_given(m->inputs, i) && !map_file(w, n, x, &in, i))
            return false; /* what is given comes all the same */
    }
    if (is_snippet && !map_source(w, n, x, m))
        return false;
    if (x->loaded && (had_files || x->files.len > 0))
        world_fail(w, G_NONE, "a worker that has files mapped is loaded again", n->index, x->job);
    x->loaded = true;
    return true;
}

void sim_input_given(struct world *w, struct sim_node *n, struct sim_worker *x,
                     struct bytes payload)
{
    struct reader rest;
    uint16_t count;

    if (x->job == SIM_JOBS_MAX || read_order_inputs(payload, &count, &rest) < 0 ||
        count > x->inputs_missing) {
        world_fail(w, G_NONE, "a worker got bad INPUTS", n->index, UINT32_MAX);
        return;
    }
    x->inputs_missing = (uint16_t)(x->inputs_missing - count);
    for (; count > 0; count--) {
        struct order_input in = read_order_input(&rest);

        x->seed = sim_graph_read(x->seed, in.index, in.bytes);
    }
}

void sim_input_look(struct world *w, const struct sim_node *n, const struct sim_worker *x)
{
    struct reader r = reader_of(buf_bytes(&x->files));

    while (r.at < x->files.len && w->stuff.rots == 0)
        if (!sim_mover_has(&n->moving.mover, read_digest(&r)))
            world_fail(w, G5, "a leaf runs and its input is not here any more", n->index, x->job);
}
