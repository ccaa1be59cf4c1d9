#include "core/sim/sim_collect.h"

#include <string.h>

#include "core/object/name.h"
#include "core/sim/sim_node.h"
#include "core/sim/sim_objects.h"
#include "core/wire/output.h"

#define COLLECTS_IN 3 /* of the jobs of such runs that are no built-in's, all but one in so many */
#define PROOF_US (30 * S_US)  /* of copies, twice with what is computed again between */
#define INPUT_US (150 * S_US) /* a node looks for 20 s, and after 60 s more the job fails */
#define COLLECT_MOST 40
#define JUST_NOW_US (15 * S_US) /* a disk that was lost so long before the end was noticed */
#define LIST_MAX ((size_t)COLLECT_MOST * (OUTPUT_VALUE_MAX + 4))

/* --- what they are --- */

uint64_t sim_collect_plan(struct world *w, struct sim_job *j, uint64_t leaves)
{
    struct sim_stuff *s = &w->stuff;
    struct stage_input in;
    struct buf b;

    if (!s->wanted || s->tight || prng_one_in(&s->prng, COLLECTS_IN))
        return leaves;
    j->collects = true;
    if (prng_one_in(&s->prng, 2)) {
        j->input = 1 + (uint32_t)prng_below(&s->prng, s->things_count);
        in = (struct stage_input){s->things[j->input - 1].name, s->things[j->input - 1].size};
        buf_init_fixed(&b, j->input_bytes, sizeof j->input_bytes);
        put_stage_input(&b, &in);
        j->spec.stage.inputs_count = 1;
        j->spec.stage.inputs = (struct bytes){j->input_bytes, sizeof j->input_bytes};
    }
    return leaves > COLLECT_MOST ? 1 + leaves % COLLECT_MOST : leaves;
}

static uint64_t mix(uint64_t x)
{
    x = (x ^ x >> 31) * 0x9e3779b97f4a7c15ull;
    return x ^ x >> 29;
}

/* Most are a part of the list; some leaves yield the same. */
uint32_t sim_collect_output(const struct sim_job *j, uint64_t leaf, uint8_t to[SIM_OUTPUT_MAX])
{
    uint64_t key = mix((leaf % 16 == 15 ? leaf - 1 : leaf) + 977 * (load_u32(j->params) + 1));
    uint32_t size = key % 5 < 3 ? (uint32_t)(key >> 8) % 60
                                : 900 + (uint32_t)(key >> 8) % (SIM_OUTPUT_MAX - 900);

    for (uint32_t i = 0; i < size; i++)
        to[i] = (uint8_t)mix(key + i);
    return size;
}

/* The bytes are the caller's room. */
static struct output output_of(const struct sim_job *j, uint64_t leaf, uint8_t to[SIM_OUTPUT_MAX])
{
    struct output o = {.size = sim_collect_output(j, leaf, to)};

    o.kind = o.size > OUTPUT_INLINE_MAX ? OUTPUT_OBJECT : OUTPUT_BYTES;
    o.bytes = (struct bytes){to, (size_t)o.size};
    if (o.kind == OUTPUT_OBJECT)
        o.name = object_name_of(o.bytes);
    return o;
}

void sim_collect_value(const struct sim_job *j, uint64_t leaf, struct buf *to)
{
    uint8_t bytes[SIM_OUTPUT_MAX];
    struct output o = output_of(j, leaf, bytes);

    put_output(to, &o);
}

/* The plain way: one leaf after the other. */
static size_t list_of(const struct sim_job *j, uint8_t to[LIST_MAX], uint64_t *size)
{
    uint8_t value[OUTPUT_VALUE_MAX], bytes[SIM_OUTPUT_MAX];
    struct buf list, v;

    *size = 0;
    buf_init_fixed(&list, to, LIST_MAX);
    for (uint64_t leaf = 0; leaf < j->leaves; leaf++) {
        buf_init_fixed(&v, value, sizeof value);
        sim_collect_value(j, leaf, &v);
        put_block(&list, buf_bytes(&v));
        *size += sim_collect_output(j, leaf, bytes);
    }
    ensure(!list.failed);
    return list.len;
}

void sim_collect_finish(struct sim_job *j)
{
    uint8_t list[LIST_MAX], result[RESULT_LIST_MAX + 256];
    struct collected c = {.leaves = (uint32_t)j->leaves};
    size_t len = list_of(j, list, &c.size);
    struct buf b;

    c.list = j->digest = object_name_of((struct bytes){list, len});
    if (len <= RESULT_LIST_MAX)
        c.inline_list = (struct bytes){list, len};
    buf_init_fixed(&b, result, sizeof result);
    put_collected(&b, &c);
    ensure(!b.failed);
    j->accumulator = sha256_of(b.data, b.len);
}

/* --- while they run --- */

int64_t sim_collect_patience_us(const struct sim_job *j)
{
    return !j->collects ? 0 : j->input > 0 ? INPUT_US : PROOF_US;
}

/* A disk that is full, or fails, is no place for an output. */
bool sim_collect_may_fail(const struct world *w, const struct sim_job *j, const char *error)
{
    const struct sim_thing *t = j->input == 0 ? NULL : &w->stuff.things[j->input - 1];

    if (!j->collects)
        return false;
    if (strstr(error, "no room") != NULL || strstr(error, "could not be written") != NULL)
        return true;
    return t != NULL && strstr(error, "input ") != NULL &&
           (t->remove_asked || !t->acknowledged || w->stuff.losses > 0 || w->stuff.rots > 0);
}

bool sim_collect_input_is_here(const struct world *w, const struct sim_node *n,
                               const struct sim_job *j)
{
    return j->input == 0 || w->stuff.rots > 0 ||
           sim_mover_has(&n->moving.mover, w->stuff.things[j->input - 1].name);
}

bool sim_collect_reads(const struct world *w, const struct sim_thing *t)
{
    for (uint32_t i = 0; i < w->plan.jobs; i++)
        if (w->jobs[i].input > 0 && &w->stuff.things[w->jobs[i].input - 1] == t)
            return true;
    return false;
}

/* --- in the end --- */

static bool is_done(const struct sim_job *j)
{
    return j->collects && j->told == JOB_DONE;
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
    uint8_t list[LIST_MAX], bytes[SIM_OUTPUT_MAX];
    struct output o;
    uint64_t size;

    for (uint32_t i = 0; i < w->plan.jobs; i++) {
        const struct sim_job *j = &w->jobs[i];
        size_t len;

        if (!is_done(j))
            continue;
        len = list_of(j, list, &size);
        if (len > RESULT_LIST_MAX)
            add_thing(w, list, len);
        for (uint64_t leaf = 0; leaf < j->leaves; leaf++) {
            o = output_of(j, leaf, bytes);
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
    uint8_t list[LIST_MAX], bytes[SIM_OUTPUT_MAX];
    const char *what = NULL;
    struct output o;
    uint64_t size;

    if (list_of(j, list, &size) > RESULT_LIST_MAX)
        what = misses(w, j, j->digest);
    for (uint64_t leaf = 0; leaf < j->leaves && what == NULL; leaf++) {
        o = output_of(j, leaf, bytes);
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

        if (j->collects && j->acknowledged && j->told == 0)
            return false;
        if (j->collects && j->ended_at > *since)
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
        else if (j->collects && j->told != 0)
            what = vain_job(w, j);
    }
    return what;
}
