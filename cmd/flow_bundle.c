#include "cmd/flow_bundle.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/err.h"

#define BUNDLES_WANTED 50u /* of a flow of any size, while each has FLOW_BUNDLE_MAX at most */
#define STAGE_BESIDE 256u  /* what says a stage, beside its texts, parameters and inputs */

/* One that is being filled. */
struct filling {
    uint32_t depth, count, outputs;
    size_t bytes;
    const struct wants *wants[DEMANDS_MAX];
    uint32_t wants_count;
    bool alone;
};

struct maker {
    const struct flow_plan *plan;
    const uint8_t *places;
    uint32_t size;
    uint32_t *first, *readers; /* who needs stage i: readers[first[i]] to readers[first[i + 1]] */
    uint32_t *left;            /* needs of a stage that have no bundle yet */
    uint32_t *row;             /* stages in the order in which they are looked at */
    uint32_t *stack;
    uint32_t *of;   /* the bundle of a stage, or FLOW_NONE */
    uint32_t *open; /* by depth: the bundle that is filled there, or FLOW_NONE */
    struct filling *bundles;
    uint32_t count;
};

uint32_t flow_bundle_size(uint32_t stages)
{
    const uint32_t size = (stages - 1) / BUNDLES_WANTED + 1;
    return size < FLOW_BUNDLE_MAX ? size : FLOW_BUNDLE_MAX;
}

uint32_t flow_bundle_outputs(const struct flow_plan *p, uint32_t stage)
{
    return p->list[stage].reduction == REDUCE_COLLECT ? (uint32_t)flow_plan_leaves(p, stage) : 1;
}

static const struct flow_stage *stage_at(const struct maker *m, uint32_t i)
{
    return &m->plan->flow->stages[i];
}

static uint32_t needs_count(const struct flow_stage *s)
{
    return s->inputs_count + s->after_count;
}

/* FLOW_NONE: it is no stage, or none that gets a bundle. */
static uint32_t need_at(const struct maker *m, const struct flow_stage *s, uint32_t i)
{
    const uint32_t need = i < s->inputs_count ? s->inputs[i].stage : s->after[i - s->inputs_count];
    return need == FLOW_NONE || m->places[need] == FLOW_ELSEWHERE ? FLOW_NONE : need;
}

/* --- the row --- */

static void link_readers(struct maker *m)
{
    const uint32_t count = m->plan->flow->count;
    for (uint32_t i = 0; i < count; i++)
        for (uint32_t k = 0; m->places[i] != FLOW_ELSEWHERE && k < needs_count(stage_at(m, i)); k++)
            if (need_at(m, stage_at(m, i), k) != FLOW_NONE) {
                m->first[need_at(m, stage_at(m, i), k)]++;
                m->left[i]++;
            }
    for (uint32_t i = 0; i < count; i++)
        m->first[i + 1] += m->first[i];
    /* Each was the end of its readers, and is their beginning when all stand there. */
    for (uint32_t i = 0; i < count; i++)
        for (uint32_t k = 0; m->places[i] != FLOW_ELSEWHERE && k < needs_count(stage_at(m, i)); k++)
            if (need_at(m, stage_at(m, i), k) != FLOW_NONE)
                m->readers[--m->first[need_at(m, stage_at(m, i), k)]] = i;
}

/* A stage, then those that need nothing any more because of it, and so on: chains stand together.
 * Gives how many stages there are. */
static uint32_t make_row(struct maker *m)
{
    const struct flow *f = m->plan->flow;
    uint32_t height = 0, count = 0;
    for (uint32_t i = f->count; i-- > 0;)
        if (m->places[f->order[i]] != FLOW_ELSEWHERE && m->left[f->order[i]] == 0)
            m->stack[height++] = f->order[i];
    while (height > 0) {
        const uint32_t stage = m->stack[--height];
        m->row[count++] = stage;
        for (uint32_t k = m->first[stage]; k < m->first[stage + 1]; k++)
            if (--m->left[m->readers[k]] == 0)
                m->stack[height++] = m->readers[k];
    }
    return count;
}

/* --- filling --- */

static size_t bytes_of(const struct maker *m, uint32_t stage)
{
    const struct flow_stage *s = stage_at(m, stage);
    size_t bytes =
        STAGE_BESIDE + m->plan->list[stage].params_len + s->after_count * STAGE_NEED_BYTES;
    for (uint32_t i = 0; i < s->args_count; i++)
        bytes += strlen(s->args[i]) + 1;
    return bytes + flow_plan_inputs(m->plan, stage) * STAGE_INPUT_BYTES;
}

static bool knows_wants(const struct filling *b, const struct wants *w)
{
    for (uint32_t i = 0; i < b->wants_count; i++)
        if (b->wants[i] == w)
            return true;
    return false;
}

static bool takes_outputs(const struct maker *m, const struct filling *b, uint32_t stage)
{
#if VELUM_PLANT == 781 /* unit/test_flow_bundle: a bundle has as many outputs as there come */
    return true;
#endif
    return b->outputs + flow_bundle_outputs(m->plan, stage) <= STAGE_INPUTS_MAX;
}

static bool fits(const struct maker *m, const struct filling *b, uint32_t stage)
{
    const struct wants *w = stage_at(m, stage)->wants;
    return b->count == 0 || (!b->alone && b->count < m->size && takes_outputs(m, b, stage) &&
                             b->bytes + bytes_of(m, stage) <= FLOW_BUNDLE_BYTES &&
                             (knows_wants(b, w) || b->wants_count < DEMANDS_MAX));
}

static bool is_to_be_alone(const struct maker *m, uint32_t stage)
{
    return m->places[stage] == FLOW_TO_BE_ALONE ||
           flow_bundle_outputs(m->plan, stage) > STAGE_INPUTS_MAX;
}

static uint32_t begin_bundle(struct maker *m, uint32_t depth, bool alone)
{
    m->bundles[m->count] = (struct filling){.depth = depth, .alone = alone};
    if (!alone)
        m->open[depth] = m->count;
    return m->count++;
}

/* The bundle that a stage may join, though it needs others of it: all that it needs and that is as
 * deep is there. FLOW_NONE: it needs some that are as deep in several. *depth: behind all. */
static uint32_t bundle_of_needs(const struct maker *m, uint32_t stage, uint32_t *depth)
{
    const struct flow_stage *s = stage_at(m, stage);
    uint32_t found = FLOW_NONE;
    *depth = 0;
    for (uint32_t k = 0; k < needs_count(s); k++) {
        const uint32_t need = need_at(m, s, k);
        if (need == FLOW_NONE)
            continue;
        const uint32_t at = m->of[need], behind = m->bundles[at].depth + 1;
#if VELUM_PLANT == 780 /* unit/test_flow_bundle: a stage goes to whoever it needs last */
        found = at;
#else
        if (behind > *depth)
            found = at;
        else if (behind == *depth && at != found)
            found = FLOW_NONE;
#endif
        *depth = behind > *depth ? behind : *depth;
    }
    return found;
}

static uint32_t find_bundle(struct maker *m, uint32_t stage)
{
    uint32_t depth;
    const uint32_t chain = bundle_of_needs(m, stage, &depth);
    if (is_to_be_alone(m, stage))
        return begin_bundle(m, depth, true);
    if (chain != FLOW_NONE && fits(m, &m->bundles[chain], stage))
        return chain;
    if (m->open[depth] != FLOW_NONE && fits(m, &m->bundles[m->open[depth]], stage))
        return m->open[depth];
    return begin_bundle(m, depth, false);
}

static void fill(struct maker *m, uint32_t stage)
{
    const uint32_t at = find_bundle(m, stage);
    struct filling *b = &m->bundles[at];
    const struct wants *w = stage_at(m, stage)->wants;
    m->of[stage] = at;
    b->count++;
    b->outputs += flow_bundle_outputs(m->plan, stage);
    b->bytes += bytes_of(m, stage);
    if (!knows_wants(b, w))
        b->wants[b->wants_count++] = w;
}

/* --- all of it --- */

static int give(struct flow_bundles *to, const struct maker *m, uint32_t stages)
{
    uint32_t sum = 0;
    to->list = calloc(m->count + 1, sizeof *to->list);
    to->members = calloc(stages + 1, sizeof *to->members);
    if (!to->list || !to->members)
        return ERR_NO_MEMORY;
    to->count = m->count;
    for (uint32_t i = 0; i < m->count; i++) {
        to->list[i].first = sum;
        to->list[i].alone = m->bundles[i].count == 1;
        sum += m->bundles[i].count;
    }
    for (uint32_t i = 0; i < stages; i++) {
        struct flow_bundle *b = &to->list[m->of[m->row[i]]];
        to->members[b->first + b->count++] = m->row[i];
    }
    return 0;
}

static bool maker_alloc(struct maker *m)
{
    const struct flow *f = m->plan->flow;
    size_t links = 0;
    for (uint32_t i = 0; i < f->count; i++)
        links += needs_count(&f->stages[i]);
    if (links >= UINT32_MAX)
        return false;
    m->first = calloc((size_t)f->count + 1, sizeof *m->first);
    m->readers = calloc(links + 1, sizeof *m->readers);
    m->left = calloc(f->count, sizeof *m->left);
    m->row = calloc(f->count, sizeof *m->row);
    m->stack = calloc(f->count, sizeof *m->stack);
    m->of = calloc(f->count, sizeof *m->of);
    m->open = malloc(((size_t)f->count + 1) * sizeof *m->open);
    m->bundles = calloc(f->count, sizeof *m->bundles);
    return m->first && m->readers && m->left && m->row && m->stack && m->of && m->open &&
           m->bundles;
}

static void maker_free(struct maker *m)
{
    free(m->first);
    free(m->readers);
    free(m->left);
    free(m->row);
    free(m->stack);
    free(m->of);
    free(m->open);
    free(m->bundles);
}

int flow_bundles_make(struct flow_bundles *b, const struct flow_plan *p, const uint8_t *places,
                      uint32_t size)
{
    struct maker m = {.plan = p, .places = places, .size = size};
    int rc = ERR_NO_MEMORY;
    *b = (struct flow_bundles){0};
    if (maker_alloc(&m)) {
        for (uint32_t i = 0; i <= p->flow->count; i++)
            m.open[i] = FLOW_NONE;
        link_readers(&m);
        const uint32_t stages = make_row(&m);
        for (uint32_t i = 0; i < stages; i++)
            fill(&m, m.row[i]);
        rc = give(b, &m, stages);
    }
    maker_free(&m);
    return rc;
}

void flow_bundles_clear(struct flow_bundles *b)
{
    free(b->members);
    free(b->list);
    *b = (struct flow_bundles){0};
}
