#include "core/node/drain.h"
#include "core/node/fit.h"

#include <string.h>

#include "core/base/err.h"
#include "core/node/directory.h"
#include "core/node/having.h"
#include "core/node/lead.h"
#include "core/node/link.h"
#include "core/node/linked.h"
#include "core/node/quarantine.h"
#include "core/node/stages.h"

#define INPUTS_LOOKED_AT 8 /* of a stage, to see whether a node has what it reads */

struct offer fit_offer(const struct node *n, const struct member *m)
{
    const struct node_options *o = &n->options;

    if (m == NULL)
        return (struct offer){o->slots, o->memory_bytes, o->labels,    o->arch,
                              o->name,  o->tier,         o->tier_lacks};
    return (struct offer){m->info->slots, m->info->memory_bytes, m->info->labels,    m->info->arch,
                          m->info->name,  m->info->tier,         m->info->tier_lacks};
}

static struct load load_of(const struct demand *d)
{
    return (struct load){demand_slots(d), d->mem_bytes};
}

struct load fit_load_of(const struct stage_spec *s)
{
    return load_of(&s->demand);
}

/* --- what is asked for --- */

static int take_demands(struct job *j)
{
    const struct graph *g = j->graph;
    struct lead *l = j->lead;
    uint32_t count = g->demands_count == 0 ? 0 : g->demands_count + 1u;
    void *list = l->fits;

    if (count <= l->fits_count)
        return 0;
    if (alloc_grow(j->node->alloc, &list, l->fits_count, count, sizeof *l->fits) < 0)
        return ERR_NO_MEMORY;
    l->fits = list;
    for (uint32_t i = l->fits_count > 0 ? l->fits_count : 1; i < count; i++)
        l->fits[i].demand = graph_demand(g, j->spec, i);
    l->fits_count = count;
    /* Who meets them is counted at the next look. */
    l->fits_seen = UINT64_MAX;
    return 0;
}

int fit_begin(struct job *j)
{
    j->lead->fits_all = true;
    return fit_more(j);
}

int fit_more(struct job *j)
{
    struct lead *l = j->lead;

    for (; l->fits_stages < j->graph->count; l->fits_stages++)
        l->fits_all &= j->graph->stages[l->fits_stages].demand > 0;
#if VELUM_PLANT == 728 /* trace/test_append: what is asked for later is not looked at */
    if (l->fits_count > 0 || j->graph->count > j->graph->of_spec)
        return 0;
#endif
    return take_demands(j);
}

void fit_end(struct job *j)
{
    alloc_free(j->node->alloc, j->lead->fits, j->lead->fits_count * sizeof *j->lead->fits);
    j->lead->fits = NULL;
    j->lead->fits_count = 0;
}

/* NULL: the stage asks for nothing. */
static struct fit *fit_of(const struct job *j, uint32_t stage)
{
    uint8_t number = j->graph->stages[stage].demand;

    return number == 0 || number >= j->lead->fits_count ? NULL : &j->lead->fits[number];
}

struct load fit_load(const struct job *j, uint32_t stage)
{
    const struct fit *f = fit_of(j, stage);

    return f == NULL ? (struct load){1, 0} : load_of(&f->demand);
}

/* --- who meets it --- */

static bool may_run(const struct job *j, struct node_id id)
{
    const struct hand *h = lead_hand(j->lead, id);

    return h == NULL || !h->no_kernel;
}

/* So many chunks at a time. */
static uint32_t room_for(const struct demand *d, const struct offer *o)
{
    uint32_t slots = o->slots / demand_slots(d);
    uint64_t by_memory = d->mem_bytes > 0 ? o->memory_bytes / d->mem_bytes : slots;

    return by_memory < slots ? (uint32_t)by_memory : slots;
}

static void count_node(struct job *j, const struct member *m)
{
    struct offer o = fit_offer(j->node, m);
    struct fit *all = j->lead->fits, *end = all + j->lead->fits_count;
    uint32_t most = 0;

    if (!may_run(j, m == NULL ? j->node->options.id : m->info->id))
        return;
    for (struct fit *f = all + 1; f < end; f++) {
        uint32_t room = demand_misses(&f->demand, &o) == 0 ? room_for(&f->demand, &o) : 0;

        if (room == 0)
            continue;
        f->nodes++;
        f->slots += room;
        f->memory_most = o.memory_bytes > f->memory_most ? o.memory_bytes : f->memory_most;
        most = room > most ? room : most;
    }
    all->nodes += most > 0;
    all->slots += most;
}

static void count_nodes(struct job *j)
{
    struct node *n = j->node;

    for (uint32_t i = 0; i < j->lead->fits_count; i++)
        j->lead->fits[i] = (struct fit){.demand = j->lead->fits[i].demand};
    if (!n->stopping && !drain_is_on(n))
        count_node(j, NULL);
    for (uint32_t i = 0; i < linked_count(n); i++)
        if (member_is_there(linked_at(n, i)) && !member_idles(n, linked_at(n, i)))
            count_node(j, linked_at(n, i));
}

/* It never may run again. */
static bool is_over(const struct lead *l, uint32_t stage)
{
    enum ready_state state = ready_at(&l->ready, stage);

    return state == STAGE_DONE || state == STAGE_FAILED;
}

static void look_at_stages(struct job *j)
{
    struct lead *l = j->lead;

    for (uint32_t i = 1; i < l->fits_count; i++)
        l->fits[i].open = false;
    l->fits_open = true;
    while (l->fits_from < l->ready.count && is_over(l, l->fits_from))
        l->fits_from++;
    for (uint32_t i = l->fits_from; i < l->ready.count; i++) {
        struct fit *f = fit_of(j, i);

        if (ready_at(&l->ready, i) != STAGE_READY)
            continue;
        if (f == NULL)
            l->fits_open = false;
        else
            f->open = true;
    }
}

/* The first of those that may run and are met by nobody; or all. */
static uint32_t first_unmet(const struct job *j)
{
    uint32_t i = j->lead->fits_from;

    for (; i < j->lead->ready.count; i++) {
        const struct fit *f = fit_of(j, i);

        if (f != NULL && f->nodes == 0 && ready_at(&j->lead->ready, i) == STAGE_READY)
            break;
    }
    return i;
}

void fit_look(struct job *j)
{
    struct lead *l = j->lead;
    bool unmet;

    if (l->fits == NULL)
        return;
#if VELUM_PLANT == 541 /* trace/test_demand: a node that comes is not looked at */
    if (l->fits_seen == UINT64_MAX) {
#else
    if (l->fits_seen != j->node->members_changes || l->fits_without != l->hands_without) {
#endif
        count_nodes(j);
        l->fits_seen = j->node->members_changes;
        l->fits_without = l->hands_without;
    }
    look_at_stages(j);
    unmet = first_unmet(j) < l->ready.count;
    if (unmet == l->unmet)
        return;
    l->unmet = unmet;
    directory_publish(j);
}

uint32_t fit_eligible(struct job *j, uint64_t leaf)
{
    const struct fit *f = fit_of(j, stage_of_leaf(j, leaf));
    uint32_t slots;

    return f == NULL ? lead_eligible(j, &slots) : f->nodes;
}

bool fit_memory_most(const struct job *j, uint64_t leaf, uint64_t *bytes)
{
    const struct fit *f = fit_of(j, stage_of_leaf(j, leaf));

    if (f != NULL)
        *bytes = f->memory_most;
    return f != NULL;
}

bool fit_all(const struct job *j, uint32_t *nodes, uint32_t *slots)
{
    const struct fit *all = j->lead->fits;

    if (all == NULL || !j->lead->fits_all)
        return false;
    *nodes = all->nodes;
    *slots = all->slots;
    return true;
}

static bool is_met(const struct job *j, const struct fit *f, const struct member *m)
{
    struct offer o = fit_offer(j->node, m);

    return demand_misses(&f->demand, &o) == 0;
}

bool fit_some(const struct job *j, const struct member *m)
{
    if (j->lead->fits == NULL || !j->lead->fits_open)
        return true;
    for (uint32_t i = 1; i < j->lead->fits_count; i++)
        if (j->lead->fits[i].open && is_met(j, &j->lead->fits[i], m))
            return true;
    return false;
}

uint32_t fit_idle(const struct job *j, const struct member *m, uint32_t free_slots)
{
    struct node_id id = m == NULL ? j->node->options.id : m->info->id;
    const struct site *s = map_get(&j->node->sites, &id);
    struct offer left = fit_offer(j->node, m);
    uint32_t most = 0;

    if (j->lead->fits == NULL || !j->lead->fits_open)
        return free_slots;
    left.slots = free_slots;
    if (s != NULL)
        left.memory_bytes -= s->outstanding.memory_bytes < left.memory_bytes
                                 ? s->outstanding.memory_bytes
                                 : left.memory_bytes;
    for (uint32_t i = 1; i < j->lead->fits_count; i++) {
        const struct fit *f = &j->lead->fits[i];
        uint32_t room = f->open && is_met(j, f, m) ? room_for(&f->demand, &left) : 0;

        most = room > most ? room : most;
    }
    return most;
}

/* --- who is better than others --- */

/* It has computed leaves of the stage, or says that it keeps what they read: most of the first few
 * objects. */
static bool has_inputs(const struct job *j, uint32_t stage, struct node_id id)
{
    const struct hand *h = lead_hand(j->lead, id);
    struct stage_spec room;
    const struct stage_spec *s;
    uint16_t looked, had = 0;

    if (!j->graph->stages[stage].reads || (h != NULL && h->has_run == stage + 1))
        return true;
    s = stage_spec_of(j, stage, &room);
    looked = s->inputs_count < INPUTS_LOOKED_AT ? s->inputs_count : INPUTS_LOOKED_AT;
    for (uint16_t i = 0; i < looked; i++)
        had += having_whole(j->node, stage_input_at(s->inputs, i).name, id);
    return 2 * had > looked;
}

static bool is_close(const struct job *j, uint32_t stage, const struct member *m, struct node_id id)
{
    const struct fit *f = fit_of(j, stage);
    struct offer o = fit_offer(j->node, m);

#if VELUM_PLANT == 542 /* trace/test_demand: who has what a stage reads is offered it like others */
    return f == NULL || demand_prefers(&f->demand, &o);
#endif
    return (f == NULL || demand_prefers(&f->demand, &o)) && has_inputs(j, stage, id);
}

bool fit_chooses(const struct job *j)
{
    bool prefers = false;

    for (uint32_t i = 1; i < j->lead->fits_count; i++)
        prefers |= j->lead->fits[i].demand.prefer.len > 0;
    return prefers || j->wants_objects;
}

static bool has_room(const struct job *j, const struct fit *f, const struct offer *o,
                     struct node_id id)
{
    const struct site *s = map_get(&j->node->sites, &id);
    struct load load = load_of(&f->demand), out = s == NULL ? (struct load){0} : s->outstanding;

    return out.slots + load.slots <= o->slots &&
           (load.memory_bytes == 0 || out.memory_bytes + load.memory_bytes <= o->memory_bytes);
}

bool fit_suits(const struct job *j, uint32_t stage, struct node_id id)
{
    const struct fit *f = fit_of(j, stage);
    const struct member *m = NULL;
    struct offer o;

    if (f == NULL && j->lead->care != FIT_CLOSE)
        return true;
    if (!node_is_self(j->node, id)) {
        m = mesh_find(j->node->mesh, id);
        if (m == NULL)
            return false;
    }
    o = fit_offer(j->node, m);
#if VELUM_PLANT != 543 /* trace/test_demand: leaves are offered to nodes that lack a label */
    if (f != NULL && demand_misses(&f->demand, &o) > 0)
        return false;
#endif
    if (f != NULL && j->lead->care != FIT_ANY && !has_room(j, f, &o, id))
        return false;
    return j->lead->care != FIT_CLOSE || is_close(j, stage, m, id);
}

/* --- nobody does --- */

/* The node that is nearest to meeting it, of those that may be met again. */
static struct offer nearest(const struct node *n, const struct demand *d)
{
    struct offer best = fit_offer(n, NULL);

    for (uint32_t i = 0; i < mesh_count(n->mesh); i++) {
        const struct member *m = mesh_at(n->mesh, i);
        struct offer o = fit_offer(n, m);

        if (m->state != NODE_DEAD && m->state != NODE_LEFT && demand_is_nearer(d, &o, &best))
            best = o;
    }
    return best;
}

void fit_say_unmet(const struct job *j, char *text, size_t cap)
{
    uint32_t stage = j->lead->fits == NULL ? 0 : first_unmet(j);
    const struct demand *d;
    struct offer o;

    if (j->lead->fits == NULL || stage == j->lead->ready.count || !j->lead->unmet)
        return;
    d = &fit_of(j, stage)->demand;
    o = nearest(j->node, d);
    if (j->graph->count > 1) {
        stage_append_name(j, stage, text, cap);
        text_append(text, cap, " ");
    }
    text_append(text, cap, "waits for a node with ");
    demand_say(d, text, cap);
    if (demand_misses(d, &o) == 0)
        return;
    text_append(text, cap, "; the nearest is ");
    demand_say_miss(d, &o, text, cap);
}

static bool somebody_meets(const struct node *n, const struct demand *d, char *why, size_t cap)
{
    struct offer o;

    if (demand_is_empty(d))
        return true;
    o = nearest(n, d);
    if (demand_misses(d, &o) == 0)
        return true;
    demand_say_unmet(d, &o, why, cap);
    return false;
}

bool fit_can_run(const struct node *n, const struct job_spec *spec, char *why, size_t cap)
{
    struct demand last = spec->stage.demand;
    struct reader r = reader_of(spec->more);
    struct stage_spec s;

    if (spec->waits)
        return true;
    if (!somebody_meets(n, &last, why, cap))
        return false;
    for (uint16_t i = 0; i < spec->more_count; i++) {
        read_next_stage(&r, &s);
        if (demand_equal(&s.demand, &last))
            continue;
        last = s.demand;
        if (!somebody_meets(n, &last, why, cap))
            return false;
    }
    return true;
}

/* What no stage of the job has asked for before. Of others a node was there when they were taken,
 * and one that is away now may come back. */
bool fit_can_append(const struct job *j, const struct append *list, char *why, size_t cap)
{
    struct reader r = list->entries;
    struct stage_spec s;
    uint32_t like;

    if (j->spec->waits)
        return true;
    for (uint16_t i = 0; i < list->count; i++) {
        /* What is wrong with the list is said when it is taken. */
        if (read_append_entry(&r, list->first + i, &like, &s) < 0)
            return true;
        if (like == list->first + i && graph_asks(j->graph, j->spec, &s.demand) == 0 &&
            !somebody_meets(j->node, &s.demand, why, cap))
            return false;
    }
    return true;
}
