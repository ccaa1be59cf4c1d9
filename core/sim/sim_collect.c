#include "core/sim/sim_collect.h"

#include <string.h>

#include "core/object/name.h"
#include "core/sim/sim_input.h"
#include "core/sim/sim_node.h"
#include "core/sim/sim_objects.h"
#include "core/sim/sim_output.h"
#include "core/sim/sim_passing.h"

#define COLLECTS_IN 3 /* of the jobs of such runs that are no built-in's, all but one in so many */
#define AMID_IN 2     /* of all of their jobs so many are graphs with objects */
#define PROOF_US (30 * S_US)  /* of copies, twice with what is computed again between */
#define AGAIN_US (60 * S_US)  /* what another stage reads is missed, asked about, computed again */
#define INPUT_US (150 * S_US) /* a node looks for 20 s, and after 60 s more the job fails */
#define JUST_NOW_US (15 * S_US) /* a disk that was lost so long before the end was noticed */

/* --- what they are --- */

static uint64_t fewer(uint64_t leaves)
{
    return leaves > SIM_COLLECT_MOST ? 1 + leaves % SIM_COLLECT_MOST : leaves;
}

bool sim_collect_amid(struct world *w, uint64_t *leaves)
{
    struct sim_stuff *s = &w->stuff;

    if (!sim_objects_now(w) || !s->graphs || s->tight || !prng_one_in(&s->prng, AMID_IN))
        return false;
    *leaves = fewer(*leaves) + 2;
    return true;
}

bool sim_collect_plan(struct world *w, struct sim_job *j, uint64_t *leaves)
{
    struct sim_stuff *s = &w->stuff;

    if (!sim_objects_now(w) || s->tight || prng_one_in(&s->prng, COLLECTS_IN))
        return false;
    *leaves = fewer(*leaves);
    j->collecting = 1;
    if (prng_one_in(&s->prng, 2))
        sim_input_add(j, 0, s, (uint32_t)prng_below(&s->prng, s->things_count), &j->spec.stage);
    return true;
}

/* --- while they run --- */

int64_t sim_collect_patience_us(const struct sim_job *j)
{
    int64_t us = j->collecting != 0 ? PROOF_US : 0;

    if (j->stages > 1 && j->collecting != 0)
        us += AGAIN_US;
    return sim_input_any(j) ? us + INPUT_US : us;
}

/* A disk that is full, or fails, is no place for an output. */
bool sim_collect_may_fail(const struct world *w, const struct sim_job *j, const char *error)
{
    if (j->collecting != 0 &&
        (strstr(error, "no room") != NULL || strstr(error, "could not be written") != NULL))
        return true;
    return sim_passing_may_fail(w, j, error);
}

bool sim_collect_reads(const struct world *w, const struct sim_thing *t)
{
    for (uint32_t i = 0; i < w->plan.jobs; i++)
        if (sim_input_is_read(&w->jobs[i], w, t))
            return true;
    return false;
}

/* --- in the end --- */

bool sim_collect_has_objects(const struct sim_job *j)
{
    return j->collecting != 0 || sim_input_any(j);
}

/* Its result is a list. */
static bool is_done(const struct sim_job *j)
{
    return sim_collects(j, j->stages - 1) && j->told == JOB_DONE;
}

static void add_thing(struct world *w, const uint8_t *data, size_t len)
{
    struct sim_stuff *s = &w->stuff;
    struct sim_thing *t = &s->things[s->things_count];

    if (s->things_count == SIM_THINGS_MAX)
        return;
    *t = (struct sim_thing){.size = len, .made = true, .acknowledged = true};
    t->name = object_name_of((struct bytes){data, len});
    for (uint32_t i = 0; i < s->things_count; i++)
        if (digest_equal(s->things[i].name, t->name))
            return;
    t->data = world_alloc(w, len + 1);
    if (t->data == NULL)
        return;
    memcpy(t->data, data, len);
    s->things_count++;
}

void sim_collect_things(struct world *w)
{
    uint8_t list[SIM_LIST_MAX], bytes[SIM_OUTPUT_MAX];
    struct output o;
    uint64_t size;

    for (uint32_t i = 0; i < w->plan.jobs; i++) {
        const struct sim_job *j = &w->jobs[i];
        size_t len;

        if (!is_done(j))
            continue;
        len = sim_output_list(j, list, &size);
        if (len > RESULT_LIST_MAX)
            add_thing(w, list, len);
        for (uint64_t leaf = 0; leaf < sim_stage_leaves(j, j->stages - 1); leaf++) {
            o = sim_output_right(j, j->stages - 1, leaf, bytes);
            if (o.kind == OUTPUT_OBJECT)
                add_thing(w, bytes, (size_t)o.size);
        }
    }
}

/* How many nodes that are up keep it, and have it. */
static uint32_t copies(const struct world *w, struct digest name, uint32_t *up)
{
    uint32_t count = 0;
    struct node_object o;

    *up = 0;
    for (uint32_t i = 0; i < w->plan.nodes; i++) {
        if (!sim_node_is_up(w, i))
            continue;
        (*up)++;
        count += node_object(w->nodes[i].core, name, &o) && o.kept &&
                 sim_mover_has(&w->nodes[i].moving.mover, name);
    }
    return count;
}

/* Two copies survive one lost disk. */
static bool may_be_lost(const struct world *w, const struct sim_job *j)
{
    if (w->stuff.losses == 0 || w->stuff.lost_at + JUST_NOW_US < j->ended_at)
        return w->stuff.rots > 0;
    return w->stuff.rots + w->stuff.losses > 1 || j->done_durable < 2;
}

/* For whoever replays it. */
static void trace_output(const struct world *w, const struct sim_job *j, struct digest name)
{
    char digits[9];
    struct node_object o;

    id_hex(name.bytes, 8, digits);
    for (uint32_t i = 0; i < w->plan.nodes; i++)
        if (sim_node_is_up(w, i)) {
            bool has = node_object(w->nodes[i].core, name, &o);

            world_trace(w, "node%u: output %s of job %u is %s%s%s; its disk has %s", i, digits,
                        (unsigned)(j - w->jobs), has ? "there" : "not there",
                        has && o.whole ? ", whole" : "", has && o.kept ? ", kept" : "",
                        sim_mover_has(&w->nodes[i].moving.mover, name) ? "all of it" : "not");
        }
}

/* One that rots is found when its turn comes, which may be hours. */
static const char *misses(const struct world *w, const struct sim_job *j, struct digest name)
{
    uint32_t up, count = copies(w, name, &up), least = up < 3 ? up : 3;

    if (count + w->stuff.rots < least && w->now > w->stuff.limit)
        trace_output(w, j, name);
    if (count == 0)
        return may_be_lost(w, j) ? NULL : "an output of a job that is done is lost";
    return count + w->stuff.rots < least ? "an output of a job that is done has too few copies"
                                         : NULL;
}

static const char *done_job(const struct world *w, const struct sim_job *j)
{
    uint8_t list[SIM_LIST_MAX], bytes[SIM_OUTPUT_MAX];
    const char *what = NULL;
    struct output o;
    uint64_t size;

    if (sim_output_list(j, list, &size) > RESULT_LIST_MAX)
        what = misses(w, j, j->digest);
    for (uint64_t leaf = 0; leaf < sim_stage_leaves(j, j->stages - 1) && what == NULL; leaf++) {
        o = sim_output_right(j, j->stages - 1, leaf, bytes);
        if (o.kind == OUTPUT_OBJECT)
            what = misses(w, j, o.name);
    }
    return what;
}

/* Who is dead for good may be in another part of the mesh, for all that the others know. */
static bool all_are_there(const struct world *w)
{
    for (uint32_t i = 0; i < w->plan.nodes; i++)
        if (!sim_node_is_up(w, i))
            return false;
    return !w->somebody_left;
}

static const char *vain_job(const struct world *w, const struct sim_job *j)
{
    for (uint32_t i = 0; i < w->plan.nodes && all_are_there(w); i++)
        if (node_keeps_for(w->nodes[i].core, j->id) > 0)
            return "what a job made that has no result is kept in the end";
    return NULL;
}

bool sim_collect_ended(const struct world *w, int64_t *since)
{
    for (uint32_t i = 0; i < w->plan.jobs; i++) {
        const struct sim_job *j = &w->jobs[i];

        if (sim_collect_has_objects(j) && j->acknowledged && j->told == 0)
            return false;
        if (sim_collect_has_objects(j) && j->ended_at > *since)
            *since = j->ended_at;
    }
    return true;
}

const char *sim_collect_outstanding(struct world *w)
{
    const char *what = NULL;

    for (uint32_t i = 0; i < w->plan.jobs && what == NULL; i++) {
        const struct sim_job *j = &w->jobs[i];

        if (is_done(j))
            what = done_job(w, j);
        if (what == NULL && j->told == JOB_DONE)
            what = sim_passing_left(w, j);
        else if (what == NULL && sim_collect_has_objects(j) && j->told != 0)
            what = vain_job(w, j);
    }
    return what;
}
