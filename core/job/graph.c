#include "core/job/graph.h"

#include "core/base/ensure.h"
#include "core/base/err.h"
#include "core/wire/output.h"

void graph_clear(struct graph *g)
{
    shape_clear(&g->shape);
    if (g->stages != &g->one)
        alloc_free(g->alloc, g->stages, g->count * sizeof *g->stages);
    alloc_free(g->alloc, g->needs, g->links_count * sizeof *g->needs);
    alloc_free(g->alloc, g->readers, g->links_count * sizeof *g->readers);
    g->stages = &g->one;
    g->needs = g->readers = NULL;
    g->count = g->links_count = 0;
}

/* Needs that are only waited for come last. */
static bool has_input(const struct stage_spec *s)
{
    return stage_need_at(s->needs, 0).place != NEED_ORDER;
}

/* Its number among the different ones of the job. */
static uint8_t demand_number(struct graph *g, const struct job_spec *spec,
                             const struct stage_spec *s)
{
    if (demand_is_empty(&s->demand))
        return 0;
    for (uint32_t i = 1; i <= g->demands_count; i++) {
        struct demand other = graph_demand(g, spec, i);

        if (demand_equal(&other, &s->demand))
            return (uint8_t)i;
    }
    ensure(g->demands_count < DEMANDS_MAX); /* the spec was checked */
    g->demand_stages[g->demands_count++] = shape_count(&g->shape);
    return (uint8_t)g->demands_count;
}

static int add(struct graph *g, const struct job_spec *spec, const struct stage_spec *s,
               uint32_t at)
{
    struct graph_stage *own = &g->stages[shape_count(&g->shape)];

    own->at = at;
    own->accumulator_size = s->accumulator_size;
    own->reduction = s->reduction;
    g->units = s->units;
    g->leaf_units = s->leaf_units;
    own->retries = s->retries;
    own->demand = demand_number(g, spec, s);
    own->reads = s->inputs_count > 0 || (s->needs_count > 0 && has_input(s));
    own->needs = g->links_count;
    own->needs_count = s->needs_count;
    g->links_count += s->needs_count;
    return s->reduction == REDUCE_COLLECT ? shape_add_apart(&g->shape, spec_leaves(s))
                                          : shape_add(&g->shape, spec_leaves(s));
}

/* Every stage's needs, and every stage's readers, in ascending order. */
static void link_up(struct graph *g, const struct job_spec *spec)
{
    struct stage_spec room;
    uint32_t at = 0;

    for (uint32_t i = 0; i < g->count; i++) {
        const struct stage_spec *s = graph_spec(g, spec, i, &room);

        for (uint16_t k = 0; k < s->needs_count; k++) {
            g->needs[g->stages[i].needs + k] = stage_need_at(s->needs, k).stage;
            g->stages[stage_need_at(s->needs, k).stage].readers_count++;
        }
    }
    for (uint32_t i = 0; i < g->count; i++) {
        g->stages[i].readers = at;
        at += g->stages[i].readers_count;
        g->stages[i].readers_count = 0;
    }
    for (uint32_t i = 0; i < g->count; i++)
        for (uint32_t k = 0; k < g->stages[i].needs_count; k++) {
            struct graph_stage *needed = &g->stages[g->needs[g->stages[i].needs + k]];

            g->readers[needed->readers + needed->readers_count++] = i;
        }
}

int graph_init(struct graph *g, const struct alloc *a, const struct job_spec *spec)
{
    struct reader r = reader_of(spec->more);
    struct stage_spec s;
    int rc;

    *g = (struct graph){.alloc = a, .count = 1u + spec->more_count};
    g->stages = &g->one;
    shape_init(&g->shape, a);
    if (g->count > 1)
        g->stages = alloc_zeroed(a, g->count * sizeof *g->stages);
    rc = g->stages == NULL ? ERR_NO_MEMORY : add(g, spec, &spec->stage, 0);
    for (uint16_t i = 0; rc == 0 && i < spec->more_count; i++) {
        uint32_t at = (uint32_t)r.at;

        read_next_stage(&r, &s);
        rc = add(g, spec, &s, at);
    }
    ensure(rc != ERR_FULL); /* the spec was checked */
    if (rc == 0 && g->links_count > 0) {
        g->needs = alloc_zeroed(a, g->links_count * sizeof *g->needs);
        g->readers = alloc_zeroed(a, g->links_count * sizeof *g->readers);
        rc = g->needs == NULL || g->readers == NULL ? ERR_NO_MEMORY : 0;
    }
    if (rc < 0) {
        graph_clear(g);
        return rc;
    }
    if (g->links_count > 0)
        link_up(g, spec);
    return 0;
}

const struct stage_spec *graph_spec(const struct graph *g, const struct job_spec *spec, uint32_t i,
                                    struct stage_spec *room)
{
    struct reader r;

    ensure(i < g->count);
    if (i == 0)
        return &spec->stage;
    r = reader_of(spec->more);
    r.at = g->stages[i].at;
    read_next_stage(&r, room);
    return room;
}

struct demand graph_demand(const struct graph *g, const struct job_spec *spec, uint32_t i)
{
    struct stage_spec room;

    ensure(i > 0 && i <= g->demands_count);
    return graph_spec(g, spec, g->demand_stages[i - 1], &room)->demand;
}

uint32_t graph_stage_of(const struct graph *g, uint64_t leaf)
{
    uint32_t stage = 0;
    bool found = g->count == 1 || shape_find(&g->shape, leaf, &stage);

    ensure(found);
    return stage;
}

bool graph_value(const struct graph *g, const struct value *v)
{
    const struct graph_stage *s;

    if (!shape_has(&g->shape, v->at))
        return false;
    s = &g->stages[graph_stage_of(g, tree_first(v->at))];
    if (s->reduction == REDUCE_FOLD)
        return v->data.len == s->accumulator_size;
    if (s->reduction == REDUCE_SEARCH)
        return stage_value(&(struct stage_spec){.reduction = REDUCE_SEARCH,
                                                .accumulator_size = s->accumulator_size,
                                                .units = g->units,
                                                .leaf_units = g->leaf_units},
                           v);
    return shape_end(&g->shape, v->at) - tree_first(v->at) == 1 && read_output(v->data, NULL) == 0;
}

uint32_t graph_result(const struct graph *g)
{
    return g->count - 1;
}
