#include "core/sim/sim_passing.h"

#include <string.h>

#include "core/sim/sim_graph.h"
#include "core/sim/sim_input.h"
#include "core/sim/sim_node.h"
#include "core/sim/sim_objects.h"
#include "core/sim/sim_output.h"

#define DIGITS 8

/* --- what a job fails for --- */

/* The thing of the job that a reason names, or NULL. */
static const struct sim_thing *named(const struct world *w, const struct sim_job *j,
                                     const char *error)
{
    char digits[DIGITS + 1];

    for (uint32_t i = 0; i < j->stages; i++)
        for (uint8_t k = 0; k < j->reads[i].count; k++) {
            const struct sim_thing *t = &w->stuff.things[j->reads[i].things[k]];

            id_hex(t->name.bytes, DIGITS, digits);
            if (strstr(error, digits) != NULL)
                return t;
        }
    return NULL;
}

bool sim_passing_may_fail(const struct world *w, const struct sim_job *j, const char *error)
{
    const struct sim_thing *t = named(w, j, error);

    return t != NULL && strstr(error, "input ") != NULL &&
           (t->remove_asked || !t->acknowledged || w->stuff.losses > 0 || w->stuff.rots > 0);
}

/* --- what may not go --- */

static bool is_on_another(const struct world *w, const struct sim_node *n, struct digest name)
{
    for (uint32_t i = 0; i < w->plan.nodes; i++)
        if (i != n->index && !w->nodes[i].dead_for_good &&
            sim_mover_has(&w->nodes[i].moving.mover, name))
            return true;
    return false;
}

static bool reads_thing(const struct world *w, const struct sim_job *j, struct digest name)
{
    for (uint32_t i = 0; i < w->stuff.things_count; i++)
        if (digest_equal(w->stuff.things[i].name, name))
            return w->stuff.things[i].acknowledged && !w->stuff.things[i].remove_asked &&
                   sim_input_is_read(j, w, &w->stuff.things[i]);
    return false;
}

/* Stages that some disk knows to be read to their end. */
static uint8_t spent(const struct world *w, const struct sim_job *j)
{
    uint8_t all = 0;

    for (uint32_t i = 0; i < w->plan.nodes; i++)
        all |= sim_graph_spent(j, w->nodes[i].disk.held[j - w->jobs].roots);
    return all;
}

/* A leaf that counts has yielded it, as far as the disks of those know who keep the job. */
static bool counts(const struct world *w, const struct sim_job *j, uint32_t stage,
                   struct digest name)
{
    uint64_t first = shape_at(&j->shape, stage).first;

    for (uint64_t leaf = 0; leaf < sim_stage_leaves(j, stage); leaf++) {
        uint64_t at = first + leaf;

        if (!digest_equal(j->made[j->made_first[stage] + leaf], name))
            continue;
        for (uint32_t i = 0; i < w->plan.nodes; i++)
            if (!w->nodes[i].dead_for_good &&
                (w->nodes[i].disk.held[j - w->jobs].leaves[at / 8] >> at % 8 & 1) != 0)
                return true;
    }
    return false;
}

/* It is known, and nobody has ended it, or is about to. */
static bool is_live(const struct sim_job *j)
{
    return j->acknowledged && j->ended_at == 0 && !j->kill_asked;
}

static bool is_needed(const struct world *w, const struct sim_job *j, struct digest name)
{
    uint32_t stage = 0;

    if (!is_live(j))
        return false;
    if (reads_thing(w, j, name))
        return true;
    while ((stage = sim_output_stage(j, name, stage)) < SIM_STAGES_MAX) {
        if ((spent(w, j) >> stage & 1) == 0 && counts(w, j, stage, name))
            return true;
        stage++;
    }
    return false;
}

void sim_passing_dropped(struct world *w, const struct sim_node *n, struct digest name)
{
    if (!sim_mover_has(&n->moving.mover, name) || is_on_another(w, n, name))
        return;
    for (uint32_t i = 0; i < w->plan.jobs; i++)
        if (is_needed(w, &w->jobs[i], name))
            world_fail(w, G2, "the last copy of what a job still needs is dropped", n->index, i);
}

/* --- what may be lost --- */

static bool is_object(struct digest name)
{
    const struct digest none = {{0}};

    return !digest_equal(name, none);
}

struct choice {
    uint64_t lot;
    uint32_t count;
    struct digest name; /* of those so far, by lot */
};

static void offer(struct choice *c, struct digest name)
{
    c->count++;
    c->lot = c->lot * 6364136223846793005ull + 1442695040888963407ull;
    if ((c->lot >> 33) % c->count == 0)
        c->name = name;
}

static void offer_passing(const struct world *w, const struct sim_job *j, struct choice *c)
{
    uint8_t gone = spent(w, j);

    for (uint32_t i = 0; i + 1 < j->stages; i++)
        for (uint64_t leaf = 0; sim_collects(j, i) && leaf < sim_stage_leaves(j, i); leaf++) {
            struct digest name = j->made[j->made_first[i] + leaf];

            if ((gone >> i & 1) == 0 && is_object(name) && counts(w, j, i, name))
                offer(c, name);
        }
}

static void offer_things(const struct world *w, const struct sim_job *j, struct choice *c)
{
    for (uint32_t i = 0; i < w->stuff.things_count; i++)
        if (reads_thing(w, j, w->stuff.things[i].name))
            offer(c, w->stuff.things[i].name);
}

bool sim_passing_any(const struct world *w, bool of_user, uint64_t lot, struct digest *name)
{
    struct choice c = {.lot = lot};

    for (uint32_t i = 0; i < w->plan.jobs; i++) {
        if (!is_live(&w->jobs[i]))
            continue;
        if (of_user)
            offer_things(w, &w->jobs[i], &c);
        else
            offer_passing(w, &w->jobs[i], &c);
    }
    *name = c.name;
    return c.count > 0;
}

/* --- what is left --- */

/* Of its result, or what somebody put, or another job wants. */
static bool is_wanted(const struct world *w, const struct sim_job *j, struct digest name)
{
    for (uint32_t i = 0; i < w->stuff.things_count; i++)
        if (digest_equal(w->stuff.things[i].name, name))
            return true;
    for (uint32_t i = 0; i < w->plan.jobs; i++)
        if (sim_output_stage(&w->jobs[i], name, &w->jobs[i] == j ? j->stages - 1 : 0) <
            SIM_STAGES_MAX)
            return true;
    return false;
}

static bool is_kept(const struct world *w, struct digest name)
{
    struct node_object o;

    for (uint32_t i = 0; i < w->plan.nodes; i++)
        if (sim_node_is_up(w, i) && node_object(w->nodes[i].core, name, &o) && o.kept)
            return true;
    return false;
}

const char *sim_passing_left(const struct world *w, const struct sim_job *j)
{
    for (uint32_t i = 0; i < j->made_count && j->of_spec == 0; i++)
        if (i < j->made_first[j->stages - 1] && is_object(j->made[i]) &&
            !is_wanted(w, j, j->made[i]) && is_kept(w, j->made[i]))
            return "what passed between stages of a job that is done is kept in the end";
    return NULL;
}
