#include "core/job/graph.h"

#include <string.h>

#include "core/base/ensure.h"
#include "core/base/err.h"
#include "core/wire/output.h"

_Static_assert(SHAPE_STAGES_MAX == JOB_STAGES_MAX, "a row has a place for each stage of a job");

void graph_clear(struct graph *g)
{
    shape_clear(&g->shape);
    if (g->stages != &g->one)
        alloc_free(g->alloc, g->stages, g->cap * sizeof *g->stages);
    alloc_free(g->alloc, g->links, g->links_cap * sizeof *g->links);
    for (uint32_t i = 0; i < g->lists_count; i++)
        alloc_free(g->alloc, g->lists[i].fact, g->lists[i].fact_len);
    alloc_free(g->alloc, g->lists, g->lists_cap * sizeof *g->lists);
    alloc_free(g->alloc, g->demands, DEMANDS_MAX * sizeof *g->demands);
    *g = (struct graph){.alloc = g->alloc};
    shape_init(&g->shape, g->alloc);
    g->stages = &g->one;
}

size_t graph_bytes(const struct graph *g)
{
    return (g->stages == &g->one ? 0 : g->cap * sizeof *g->stages) +
           g->links_cap * sizeof *g->links + g->lists_cap * sizeof *g->lists + g->lists_bytes +
           (g->demands == NULL ? 0 : DEMANDS_MAX * sizeof *g->demands) + shape_bytes(&g->shape);
}

static int grow(const struct alloc *a, void **list, uint32_t *cap, uint32_t wanted, size_t each)
{
    uint32_t more = *cap == 0 ? wanted : 2 * *cap;
    int rc;

    if (wanted <= *cap)
        return 0;
    more = more < wanted ? wanted : more;
    rc = alloc_grow(a, list, *cap, more, each);
    if (rc == 0)
        *cap = more;
    return rc;
}

/* Room for so many more, and for what they ask of nodes: nothing fails for want of it then. */
static int make_room(struct graph *g, uint32_t stages, uint32_t links, bool demand)
{
    void *list = g->stages == &g->one ? NULL : g->stages, *all = g->links;
    uint32_t cap = list == NULL ? 0 : g->cap;
    int rc = shape_reserve(&g->shape, stages);

    if (rc == 0 && demand && g->demands == NULL) {
        g->demands = alloc_array(g->alloc, DEMANDS_MAX, sizeof *g->demands);
        rc = g->demands == NULL ? ERR_NO_MEMORY : 0;
    }
    if (rc == 0 && g->count + stages > 1) {
        rc = grow(g->alloc, &list, &cap, g->count + stages, sizeof *g->stages);
        if (rc == 0 && g->stages == &g->one)
            ((struct graph_stage *)list)[0] = g->one;
        if (rc == 0) {
            g->stages = list;
            g->cap = cap;
        }
    }
    if (rc == 0 && links > 0) {
        rc = grow(g->alloc, &all, &g->links_cap, g->links_count + links, sizeof *g->links);
        g->links = all;
    }
    return rc;
}

/* Needs that are only waited for come last. */
static bool has_input(const struct stage_spec *s)
{
    return stage_need_at(s->needs, 0).place != NEED_ORDER;
}

/* Of the stage that comes next, whose demand may be a new one. */
static uint8_t demand_take(struct graph *g, const struct job_spec *spec, const struct stage_spec *s)
{
    uint8_t number = graph_asks(g, spec, &s->demand);

    if (number > 0 || demand_is_empty(&s->demand))
        return number;
    ensure(g->demands_count < DEMANDS_MAX); /* the spec or the list was checked */
    g->demands[g->demands_count] = g->count;
    return ++g->demands_count;
}

static void link_up(struct graph *g, uint32_t reader, uint32_t stage)
{
    struct graph_stage *needed = &g->stages[stage];
    uint32_t number = ++g->links_count;

    g->links[number - 1] = (struct graph_link){.stage = stage, .reader = reader};
    if (needed->readers_last > 0)
        g->links[needed->readers_last - 1].next = number;
    else
        needed->readers_first = number;
    needed->readers_last = number;
    needed->readers_count++;
}

/* There is room for it. */
static void add(struct graph *g, const struct stage_spec *s, uint8_t demand, uint32_t like,
                uint32_t at)
{
    struct graph_stage *own = &g->stages[g->count];
    int rc = s->reduction == REDUCE_COLLECT ? shape_add_apart(&g->shape, spec_leaves(s))
                                            : shape_add(&g->shape, spec_leaves(s));

    ensure(rc == 0); /* it was checked */
    g->collected += s->reduction == REDUCE_COLLECT ? spec_leaves(s) : 0;
    g->all_units = s->units < UINT64_MAX - g->all_units ? g->all_units + s->units : UINT64_MAX;
    if (g->count == 0)
        g->all_leaf_units = spec_leaf_units(s);
    else if (g->all_leaf_units != spec_leaf_units(s))
        g->all_leaf_units = 0;
    *own =
        (struct graph_stage){.at = at,
                             .like = like,
                             .needs = g->links_count,
                             .needs_count = s->needs_count,
                             .accumulator_size = (uint16_t)s->accumulator_size,
                             .reduction = s->reduction,
                             .retries = s->retries,
                             .demand = demand,
                             .reads = s->inputs_count > 0 || (s->needs_count > 0 && has_input(s))};
    own->task = s->reduction == REDUCE_FOLD && spec_leaves(s) == 1 && !own->reads;
    own->rolled = s->rolled;
    for (uint16_t i = 0; i < s->needs_count; i++)
        link_up(g, g->count, stage_need_at(s->needs, i).stage);
    g->count++;
}

/* But for how many units they have, which comes with each. */
static bool are_alike(const struct stage_spec *a, const struct stage_spec *b)
{
    return strcmp(a->kernel, b->kernel) == 0 && digest_equal(a->source, b->source) &&
           a->accumulator_size == b->accumulator_size && a->retries == b->retries &&
           a->leaf_us == b->leaf_us;
}

/* The stage that was added last. */
static void join(struct graph *g, bool alike)
{
    struct graph_stage *s = &g->stages[g->count - 1];

    s->joins = alike && s->task && s[-1].task &&
               shape_at(&g->shape, g->count - 1).first == shape_at(&g->shape, g->count - 2).end;
}

int graph_init(struct graph *g, const struct alloc *a, const struct job_spec *spec)
{
    struct reader r = reader_of(spec->more);
    uint32_t links = spec->stage.needs_count;
    bool demand = !demand_is_empty(&spec->stage.demand);
    struct stage_spec s, before = spec->stage;
    int rc;

    *g = (struct graph){.alloc = a, .of_spec = (uint16_t)(1 + spec->more_count)};
    g->level = (uint8_t)spec_level(spec);
    g->stages = &g->one;
    shape_init(&g->shape, a);
    for (uint16_t i = 0; i < spec->more_count; i++) {
        read_next_stage(&r, &s);
        links += s.needs_count;
        demand |= !demand_is_empty(&s.demand);
    }
    rc = make_room(g, g->of_spec, links, demand);
    if (rc < 0) {
        graph_clear(g);
        return rc;
    }
    add(g, &spec->stage, demand_take(g, spec, &spec->stage), 0, 0);
    g->units = spec->stage.units;
    g->leaf_units = spec->stage.leaf_units;
    r = reader_of(spec->more);
    for (uint16_t i = 0; i < spec->more_count; i++) {
        uint32_t at = (uint32_t)r.at;

        read_next_stage(&r, &s);
        add(g, &s, demand_take(g, spec, &s), g->count, at);
        join(g, are_alike(&before, &s) &&
                    g->stages[g->count - 1].demand == g->stages[g->count - 2].demand);
        before = s;
    }
    return 0;
}

/* --- what is appended --- */

/* A list that is looked at, before any of its stages is in the graph. */
struct written {
    const struct graph *graph;
    /* Where the stages stand that are written out, by their place in it, and one; 0: it is like
     * another. */
    uint32_t at[APPEND_STAGES_MAX];
    uint16_t yields[APPEND_STAGES_MAX]; /* inputs that each is to its readers */
    /* What is asked of nodes and was not before. */
    struct demand demands[DEMANDS_MAX];
    uint32_t demands_count;
};

static uint32_t yields(void *ctx, uint32_t stage)
{
    const struct written *w = ctx;
    const struct graph *g = w->graph;
    struct shape_stage in;

#if VELUM_PLANT == 721 /* unit/test_ledger_like: what collects in a list is one input */
    if (stage >= g->count)
        return 1;
#endif
    if (stage >= g->count)
        return w->yields[stage - g->count];
    if (g->stages[stage].reduction != REDUCE_COLLECT)
        return 1;
    in = shape_at(&g->shape, stage);
    return (uint32_t)(in.end - in.first);
}

/* Reads an entry whole; the stage that it is like was written out before it. */
static int read_entry(const struct graph *g, const struct job_spec *spec, struct reader *r,
                      uint32_t number, uint32_t *like, struct stage_spec *s)
{
    struct stage_spec entry, room;
    int rc = read_append_entry(r, number, like, &entry);

    if (rc < 0)
        return rc;
    if (*like == number) {
        *s = entry;
        return 0;
    }
    if (*like >= g->count || g->stages[*like].like != *like)
        return ERR_FORMAT;
    *s = *graph_spec(g, spec, *like, &room);
    append_take_after(s, &entry);
    return 0;
}

/* The next entry of a list that the graph does not have yet: it may be like an earlier one of the
 * same list. */
static int read_listed(const struct job_spec *spec, const struct append *list, struct written *w,
                       struct reader *r, uint16_t place, struct stage_spec *s)
{
    const struct graph *g = w->graph;
    uint32_t number = list->first + place, at = (uint32_t)r->at, like;
    struct stage_spec entry, room;
    struct reader again = list->entries;
    int rc = read_append_entry(r, number, &like, &entry);

    if (rc < 0)
        return rc;
    w->at[place] = like == number ? at + 1 : 0;
    *s = entry;
    if (like == number)
        return 0;
    if (like < list->first) {
        if (g->stages[like].like != like)
            return ERR_FORMAT;
        *s = *graph_spec(g, spec, like, &room);
    } else {
        if (w->at[like - list->first] == 0)
            return ERR_FORMAT;
        again.at = w->at[like - list->first] - 1;
        rc = read_append_entry(&again, like, &like, s);
    }
    append_take_after(s, &entry);
    return rc;
}

/* Where a stage of so many leaves would end, as core/job/shape.h lays them. */
static bool lay(uint64_t *next, uint64_t leaves)
{
    uint64_t size = (uint64_t)1 << tree_levels(leaves);
    uint64_t first = (*next + size - 1) & ~(size - 1);

    *next = first + size;
    return first < LEAVES_MAX && leaves <= LEAVES_MAX - first;
}

/* A coordinator looks at every node once for each different one. */
static int check_demand(struct written *w, const struct job_spec *spec, const struct demand *d)
{
    int rc = demand_check(d);

    if (rc < 0 || demand_is_empty(d) || graph_asks(w->graph, spec, d) > 0)
        return rc;
    for (uint32_t i = 0; i < w->demands_count; i++)
        if (demand_equal(&w->demands[i], d))
            return 0;
#if VELUM_PLANT == 549 /* unit/test_ledger_like: what is appended may ask for ever more */
    return 0;
#endif
    if (w->graph->demands_count + w->demands_count == DEMANDS_MAX)
        return ERR_NOT_FOUND;
    w->demands[w->demands_count++] = *d;
    return 0;
}

/* What the stage is to those that read it; `*collected` leaves are collected with it. */
static int check_reduction(const struct stage_spec *s, uint64_t *collected, uint16_t *inputs)
{
    if (s->reduction == REDUCE_SEARCH)
        return ERR_VERSION;
    *inputs = s->reduction == REDUCE_COLLECT ? (uint16_t)spec_leaves(s) : 1;
    *collected += s->reduction == REDUCE_COLLECT ? *inputs : 0;
#if VELUM_PLANT == 722 /* unit/test_ledger_like: leaves that collect are appended without end */
    return 0;
#endif
    return *collected > COLLECT_LEAVES_MAX ? ERR_FULL : 0;
}

/* What it comes to is one value, which its parameters and units say. */
static int check_rolled(const struct stage_spec *s)
{
#if VELUM_PLANT == 745 /* unit/test_rolled: a stage that reads others is rolled */
    return 0;
#endif
    return s->rolled && (s->reduction != REDUCE_FOLD || s->inputs_count > 0 ||
                         (s->needs_count > 0 && has_input(s)))
               ? ERR_FORMAT
               : 0;
}

static int check_list(struct graph *g, const struct job_spec *spec, const struct append *list,
                      uint32_t *links, bool *demand)
{
    struct reader r = list->entries;
    uint64_t next = g->shape.next, collected = g->collected;
    struct stage_spec s;
    struct written w;
    int rc = 0;

    *links = 0;
    w.graph = g;
    w.demands_count = 0;
    for (uint16_t i = 0; rc == 0 && i < list->count; i++) {
        rc = read_listed(spec, list, &w, &r, i, &s);
        if (rc == 0)
            rc = stage_check(&s, list->first + i, yields, &w);
        if (rc == 0)
            rc = check_rolled(&s);
        if (rc == 0)
            rc = check_reduction(&s, &collected, &w.yields[i]);
        if (rc == 0 && w.at[i] > 0)
            rc = check_demand(&w, spec, &s.demand);
        if (rc == 0 && !lay(&next, spec_leaves(&s)))
            rc = ERR_FULL;
        *links += rc == 0 ? s.needs_count : 0;
    }
    *demand = w.demands_count > 0;
    return rc;
}

static int keep_fact(struct graph *g, struct bytes fact, const struct append *list)
{
    void *lists = g->lists;
    int rc = grow(g->alloc, &lists, &g->lists_cap, g->lists_count + 1, sizeof *g->lists);
    uint8_t *copy;

    g->lists = lists;
    copy = rc < 0 ? NULL : alloc_zeroed(g->alloc, fact.len);
    if (copy == NULL)
        return ERR_NO_MEMORY;
    memcpy(copy, fact.data, fact.len);
    g->lists[g->lists_count++] = (struct graph_list){
        .fact = copy,
        .fact_len = (uint32_t)fact.len,
        .entries_at = (uint32_t)(list->entries.data + list->entries.at - fact.data),
        .first = list->first,
        .count = list->count};
    g->lists_bytes += (uint32_t)fact.len;
    return 0;
}

/* A demand of the spec's was understood before lists had any of their own. */
static bool asks_new(const struct graph *g, const struct job_spec *spec, const struct demand *d)
{
    uint8_t number = graph_asks(g, spec, d);

    return !demand_is_empty(d) && (number == 0 || g->demands[number - 1] >= g->of_spec);
}

/* Of a stage that is written out, or of what one says that is like another. */
static uint32_t entry_level(const struct graph *g, const struct job_spec *spec,
                            const struct stage_spec *s, bool whole)
{
    bool more = whole ? s->reduction == REDUCE_COLLECT || asks_new(g, spec, &s->demand)
                      : s->rolled || s->name[0] != 0 || s->args[0] != 0;

    return s->snippet ? stage_source_level(s) : more ? FEATURE_APPEND_MORE : FEATURE_FIRST;
}

uint32_t graph_list_level(const struct graph *g, const struct job_spec *spec,
                          const struct append *list)
{
    struct reader r = list->entries;
    struct stage_spec s;
    uint32_t like, level = FEATURE_FIRST;

    for (uint16_t i = 0; i < list->count; i++) {
        uint32_t of;

        if (read_append_entry(&r, list->first + i, &like, &s) < 0)
            return FEATURE_FIRST;
        of = entry_level(g, spec, &s, like == list->first + i);
        level = of > level ? of : level;
    }
    return level;
}

int graph_append(struct graph *g, const struct job_spec *spec, struct bytes fact,
                 const struct append *list)
{
    struct reader r = list->entries;
    struct stage_spec s;
    uint32_t links, like, level;
    bool demand;
    int rc;

    ensure(list->first == g->count);
    level = graph_list_level(g, spec, list);
    if (list->count > JOB_STAGES_MAX - g->count ||
        fact.len > GRAPH_LISTS_BYTES_MAX - g->lists_bytes)
        return ERR_FULL;
    rc = check_list(g, spec, list, &links, &demand);
    if (rc == 0)
        rc = make_room(g, list->count, links, demand);
    if (rc == 0)
        rc = keep_fact(g, fact, list);
    if (rc < 0)
        return rc;
    g->level = level > g->level ? (uint8_t)level : g->level;
    for (uint16_t i = 0; i < list->count; i++) {
        uint32_t at = (uint32_t)(r.at - list->entries.at);

        rc = read_entry(g, spec, &r, g->count, &like, &s);
        ensure(rc == 0);
        /* What is like another asks for the same. */
        add(g, &s, like < g->count ? g->stages[like].demand : demand_take(g, spec, &s), like, at);
        join(g, like == g->stages[g->count - 2].like);
    }
    return 0;
}

uint32_t graph_list_of(const struct graph *g, uint32_t stage)
{
    uint32_t low = 0, high = g->lists_count;

    if (stage < g->of_spec)
        return g->lists_count;
    while (low < high) {
        uint32_t mid = low + (high - low) / 2;

        if (g->lists[mid].first + g->lists[mid].count <= stage)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

struct bytes graph_list_fact(const struct graph *g, uint32_t list)
{
    ensure(list < g->lists_count);
    return (struct bytes){g->lists[list].fact, g->lists[list].fact_len};
}

int graph_take_over(struct graph *g, const struct job_spec *spec, const struct graph *from)
{
    int rc = 0;

    for (uint32_t i = 0; rc == 0 && i < from->lists_count; i++) {
        const struct graph_list *l = &from->lists[i];
        struct append list = {
            .first = l->first,
            .count = (uint16_t)l->count,
            .entries = {.data = l->fact, .len = l->fact_len, .at = l->entries_at}};

        if (l->first == g->count)
            rc = graph_append(g, spec, graph_list_fact(from, i), &list);
    }
    return rc;
}

/* --- looking --- */

static const struct stage_spec *appended_spec(const struct graph *g, const struct job_spec *spec,
                                              uint32_t i, struct stage_spec *room)
{
    uint32_t list = graph_list_of(g, i), like;
    struct reader r;
    int rc;

    ensure(list < g->lists_count);
    r = reader_of(graph_list_fact(g, list));
    r.at = g->lists[list].entries_at + g->stages[i].at;
    rc = read_entry(g, spec, &r, i, &like, room);
    ensure(rc == 0);
    return room;
}

const struct stage_spec *graph_spec(const struct graph *g, const struct job_spec *spec, uint32_t i,
                                    struct stage_spec *room)
{
    struct reader r;

    ensure(i < g->count);
    if (i == 0)
        return &spec->stage;
    if (i >= g->of_spec)
        return appended_spec(g, spec, i, room);
    r = reader_of(spec->more);
    r.at = g->stages[i].at;
    read_next_stage(&r, room);
    return room;
}

struct demand graph_demand(const struct graph *g, const struct job_spec *spec, uint32_t i)
{
    struct stage_spec room;

    ensure(i > 0 && i <= g->demands_count);
    return graph_spec(g, spec, g->demands[i - 1], &room)->demand;
}

uint8_t graph_asks(const struct graph *g, const struct job_spec *spec, const struct demand *d)
{
    for (uint32_t i = 1; i <= g->demands_count && !demand_is_empty(d); i++) {
        struct demand other = graph_demand(g, spec, i);

        if (demand_equal(&other, d))
            return (uint8_t)i;
    }
    return 0;
}

uint32_t graph_stage_of(const struct graph *g, uint64_t leaf)
{
    uint32_t stage = 0;
    bool found = g->count == 1 || shape_find(&g->shape, leaf, &stage);

    ensure(found);
    return stage;
}

uint32_t graph_tasks_told(const struct graph *g, uint32_t stage)
{
    uint32_t fit =
        GRAPH_TASKS_BYTES_MAX / (VALUE_HEAD_SIZE + (uint32_t)g->stages[stage].accumulator_size);

    return fit < GRAPH_TASKS_TOLD_MAX ? fit : GRAPH_TASKS_TOLD_MAX;
}

bool graph_has_run(const struct graph *g, uint64_t first, uint64_t end, uint32_t *stage)
{
    uint32_t last;

    if (first >= end || !shape_find(&g->shape, first, stage))
        return false;
    if (end <= shape_at(&g->shape, *stage).end)
        return true;
    if (end - first > GRAPH_TASKS_MAX)
        return false;
    last = *stage + (uint32_t)(end - first);
    for (uint32_t i = *stage + 1; i < last; i++)
        if (i >= g->count || !g->stages[i].joins)
            return false;
    return true;
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
