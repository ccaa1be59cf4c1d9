#include "core/sim/sim_kernel.h"

#include <string.h>

#include "core/base/err.h"
#include "core/base/sha256.h"
#include "core/kernel/kernel.h"
#include "core/sim/sim_collect.h"
#include "core/sim/sim_demand.h"
#include "core/sim/sim_graph.h"
#include "core/sim/sim_input.h"
#include "core/sim/sim_output.h"
#include "core/sim/sim_seal.h"
#include "core/wire/found.h"
#include "core/wire/signed.h"
#include "core/wire/tree.h"

#define SIMSUM "simsum"
#define SIMSUM_SIZE SIM_VALUE_SIZE /* u64 hash, u64 first leaf, u64 leaves */
#define SIMSEEK "simseek"
#define SIMSEEK_SIZE (FOUND_HEAD + 8) /* hash */
#define PI_LEAF_UNITS 16
#define GRAPHS_ONE_IN 3 /* of simsum's jobs */
#define AUTHORS 3

static struct digest source_of(const char *name)
{
    return sha256_of(name, strlen(name));
}

uint32_t sim_kernels(struct node_kernel to[SIM_KERNELS_MAX], bool builtin_only)
{
    const struct velum_kernel *pi = kernel_find("pi");

    to[0] = (struct node_kernel){.name = "pi",
                                 .source = kernel_source(pi),
                                 .origin = ORIGIN_BUILTIN,
                                 .accumulator_size = kernel_accumulator_size(pi)};
    to[1] = (struct node_kernel){.name = SIMSUM,
                                 .source = source_of(SIMSUM),
                                 .origin = ORIGIN_PLUGIN,
                                 .path = "simsum.so",
                                 .accumulator_size = SIMSUM_SIZE};
    to[2] = (struct node_kernel){.name = SIMSEEK,
                                 .source = source_of(SIMSEEK),
                                 .origin = ORIGIN_PLUGIN,
                                 .path = "simseek.so",
                                 .reduction = REDUCE_SEARCH,
                                 .accumulator_size = SIMSEEK_SIZE};
    return builtin_only ? 1 : SIM_KERNELS_MAX;
}

static uint64_t mix(uint64_t x)
{
    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9ull;
    x = (x ^ x >> 27) * 0x94d049bb133111ebull;
    return x ^ x >> 31;
}

/* The leaf is its only unit. */
static void seek_leaf(const struct sim_job *j, uint64_t leaf, uint8_t *out)
{
    bool matches = leaf == j->match || (leaf > j->match && mix(leaf) % 5 == 0);

    store_u64(out, matches ? leaf : FOUND_NONE);
    store_u64(out + FOUND_HEAD, matches ? mix(leaf + 1) : 0);
}

bool sim_ends_run(const struct sim_job *j, struct bytes value)
{
    return j->searches && found_matches(value);
}

void sim_leaf(const struct sim_job *j, uint64_t leaf, uint8_t *out)
{
    sim_leaf_seeded(j, 0, leaf, out);
}

void sim_leaf_seeded(const struct sim_job *j, uint64_t seed, uint64_t leaf, uint8_t *out)
{
    char reason[REASON_SIZE];
    uint64_t first, count;

    if (j->builtin) {
        kernel_leaf_range(j->spec.stage.units, j->spec.stage.leaf_units, leaf, &first, &count);
        ensure(kernel_leaf(kernel_find("pi"), kernel_host_plain(), j->spec.stage.params, first,
                           count, out, reason) == 0);
        return;
    }
    if (j->searches) {
        seek_leaf(j, leaf, out);
        return;
    }
    store_u64(out, mix(seed + leaf + 0x9e3779b97f4a7c15ull * (load_u32(j->params) + 1)));
    store_u64(out + 8, leaf);
    store_u64(out + 16, 1);
}

uint32_t sim_value_size(const struct sim_job *j)
{
    return j->stages > 1 ? SIMSUM_SIZE : j->spec.stage.accumulator_size;
}

/* Only neighbours may meet. */
int sim_merge(const struct sim_job *j, struct bytes left, struct bytes right, uint8_t *out)
{
    uint64_t hash, first, leaves;

    if (j->builtin)
        return kernel_merge(kernel_find("pi"), j->spec.stage.params, left, right, out);
    if (j->searches) {
        memmove(out, found_matches(left) ? left.data : right.data, SIMSEEK_SIZE);
        return 0;
    }
    if (left.len != SIMSUM_SIZE || right.len != SIMSUM_SIZE ||
        load_u64(left.data + 8) + load_u64(left.data + 16) != load_u64(right.data + 8))
        return ERR_FORMAT;
    hash = mix(load_u64(left.data) * 3 + mix(load_u64(right.data) + 0x51ull));
    first = load_u64(left.data + 8);
    leaves = load_u64(left.data + 16) + load_u64(right.data + 16);
    store_u64(out, hash);
    store_u64(out + 8, first);
    store_u64(out + 16, leaves);
    return 0;
}

int64_t sim_leaf_us(const struct sim_job *j, uint64_t leaf)
{
    if (j->skew > 0 && leaf % j->skew == 0)
        return (int64_t)j->leaf_us * 10;
    return j->leaf_us;
}

/* Straight down the tree of a stage, without any of the machinery under test. */
static void fold(const struct sim_job *j, uint64_t seed, uint64_t leaves, struct tree_node at,
                 uint8_t *out)
{
    uint8_t left[64], right[64];
    size_t size = sim_value_size(j);

    if (at.level == 0) {
        sim_leaf_seeded(j, seed, at.index, out);
        return;
    }
    fold(j, seed, leaves, tree_left(at), left);
    if (tree_first(tree_right(at)) >= leaves) {
        memcpy(out, left, size);
        return;
    }
    fold(j, seed, leaves, tree_right(at), right);
    ensure(sim_merge(j, (struct bytes){left, size}, (struct bytes){right, size}, out) == 0);
}

static void sign_spec(struct sim_job *j, const struct alloc *a)
{
    uint8_t certificate[SIM_CERTIFICATE_SIZE], text[64];
    struct signed_bytes s = {.certificate = {certificate, sizeof certificate}};
    struct buf body;

    buf_init(&body, a, SPEC_SIZE_MAX);
    ensure(put_spec(&body, &j->spec) == 0 || body.no_memory);
    s.body = buf_bytes(&body);
    sim_certificate(j->spec.author, PARTY_USER, certificate);
    sim_sign(j->spec.author, (struct bytes){text, signed_text(&s, SIGNED_SPEC, text)}, s.signature);
    buf_init(&j->signed_spec, a, SPEC_SIZE_MAX);
    put_signed(&j->signed_spec, &s);
    j->id = spec_id(s.body);
    buf_clear(&body);
}

/* A job is known by its parameters to those who load a worker: none has those of another. */
static uint64_t units_of_its_own(const struct world *w, uint32_t index, uint64_t leaves)
{
    uint64_t units = leaves * PI_LEAF_UNITS - index % PI_LEAF_UNITS;

    for (uint32_t i = 0; i < index;)
        if (w->jobs[i].builtin && w->jobs[i].spec.stage.units == units)
            units += PI_LEAF_UNITS, i = 0;
        else
            i++;
    return units;
}

/* Splits "pi 1000000": the argument, or NULL when it is not of this kernel. */
static const char *argument_of(const char *text, const char *kernel)
{
    size_t len = strlen(kernel);

    return strncmp(text, kernel, len) == 0 && text[len] == ' ' ? text + len + 1 : NULL;
}

/* Leaves of simsum as it is asked for, 0 when it is no number from 1 to max. */
static uint64_t leaves_asked(const char *argument, uint64_t max)
{
    uint64_t n = 0;

    for (; *argument >= '0' && *argument <= '9' && n <= max; argument++)
        n = n * 10 + (uint64_t)(*argument - '0');
    return *argument == 0 && n <= max ? n : 0;
}

/* "simsum takes a number of leaves from 1 to 1024" */
static void say_max(char reason[SIM_WHAT_SIZE], const char *what, uint64_t max)
{
    char digits[24];

    text_of_u64(max, digits);
    text_copy(reason, SIM_WHAT_SIZE, what);
    text_append(reason, SIM_WHAT_SIZE, digits);
}

static int pi_check(const char *argument, uint64_t max, char reason[SIM_WHAT_SIZE])
{
    const char *args[] = {argument};
    struct kernel_plan plan;
    int rc = kernel_plan(kernel_find("pi"), 1, args, 0, NULL, &plan);

    if (rc < 0) {
        text_copy(reason, SIM_WHAT_SIZE, plan.reason);
        return rc;
    }
    if ((plan.units + plan.leaf_units - 1) / plan.leaf_units <= max)
        return 0;
    say_max(reason, "so many nodes are simulated with jobs of leaves up to ", max);
    return ERR_ARGUMENT;
}

int sim_job_check(const char *text, uint64_t max, char reason[SIM_WHAT_SIZE])
{
    const char *argument = argument_of(text, "pi");

    if (argument != NULL)
        return pi_check(argument, max, reason);
    argument = argument_of(text, SIMSUM);
    if (argument == NULL) {
        text_copy(reason, SIM_WHAT_SIZE,
                  "the simulator knows the kernels pi and simsum, with one number each");
        return ERR_NOT_FOUND;
    }
    if (leaves_asked(argument, max) > 0)
        return 0;
    say_max(reason, "simsum takes a number of leaves from 1 to ", max);
    return ERR_ARGUMENT;
}

/* leaf_units 0: as the kernel plans it. */
static void stage_pi(struct sim_job *j, const char *argument, uint64_t leaf_units)
{
    struct stage_spec *s = &j->spec.stage;
    const struct velum_kernel *k = kernel_find("pi");
    struct kernel_plan plan;
    const char *args[] = {argument};

    ensure(kernel_plan(k, 1, args, 0, NULL, &plan) == 0 && plan.params_size <= sizeof j->params);
    memcpy(j->params, plan.params, plan.params_size);
    j->params_len = (uint32_t)plan.params_size;
    text_copy(s->kernel, sizeof s->kernel, "pi");
    s->source = kernel_source(k);
    s->units = plan.units;
    s->leaf_units = leaf_units > 0 ? leaf_units : plan.leaf_units;
    s->accumulator_size = kernel_accumulator_size(k);
}

static void stage_simsum(struct sim_job *j, uint32_t index, uint64_t leaves)
{
    struct stage_spec *s = &j->spec.stage;

    store_u32(j->params, index);
    j->params_len = 4;
    text_copy(s->kernel, sizeof s->kernel, SIMSUM);
    s->source = source_of(SIMSUM);
    s->units = leaves;
    s->leaf_units = 1;
    s->accumulator_size = sim_collects(j, 0) ? 0 : SIMSUM_SIZE;
    s->reduction = sim_collects(j, 0) ? REDUCE_COLLECT : REDUCE_FOLD;
}

static void stage_simseek(struct sim_job *j, uint32_t index, uint64_t leaves)
{
    struct stage_spec *s = &j->spec.stage;

    stage_simsum(j, index, leaves);
    text_copy(s->kernel, sizeof s->kernel, SIMSEEK);
    s->source = source_of(SIMSEEK);
    s->reduction = REDUCE_SEARCH;
    s->accumulator_size = SIMSEEK_SIZE;
}

static int add_stage(struct shape *shape, const struct stage_spec *s)
{
    return s->reduction == REDUCE_COLLECT ? shape_add_apart(shape, spec_leaves(s))
                                          : shape_add(shape, spec_leaves(s));
}

static void lay_out(struct sim_job *j, const struct alloc *a)
{
    struct reader r = reader_of(j->all_more);
    struct stage_spec s = j->spec.stage;

    shape_init(&j->shape, a);
    for (uint32_t i = 0; i < j->stages; i++) {
        if (i > 0)
            read_next_stage(&r, &s);
        if (add_stage(&j->shape, &s) < 0)
            j->stages = i; /* memory is out, and the world will not run */
    }
    j->leaves = j->shape.end;
}

/* One stage after the other, each with what those before it yielded. */
static void compute(struct sim_job *j, const struct sim_stuff *stuff)
{
    for (uint32_t i = 0; i < j->stages; i++) {
        uint64_t leaves = sim_stage_leaves(j, i);

        j->seeds[i] = sim_input_seed(j, i, stuff);
        if (!sim_collects(j, i))
            fold(j, j->seeds[i], leaves, tree_root(leaves), j->values[i]);
    }
}

/* From the stages to the result that the last must have. */
static void job_finish(struct sim_job *j, const struct alloc *a, uint64_t leaves_max,
                       const struct sim_stuff *stuff)
{
    uint32_t last;

    if (j->stages == 0)
        j->stages = 1;
    if (j->stages == 1)
        j->spec.stage.params = (struct bytes){j->params, j->params_len};
    lay_out(j, a);
    ensure(j->leaves <= leaves_max && sim_value_size(j) <= sizeof j->expected);
    sign_spec(j, a);
    j->wanted = j->leaves;
    compute(j, stuff);
    if (j->stages == 0 || !sim_outputs_make(j, a))
        return;
    last = j->stages - 1;
    if (sim_collects(j, last)) {
        sim_output_result(j);
        return;
    }
    memcpy(j->expected, j->values[last], sizeof j->expected);
    j->digest = j->accumulator = sha256_of(j->expected, sim_value_size(j));
    if (j->searches)
        j->wanted = spec_leaves_of(&j->spec.stage,
                                   (struct bytes){j->expected, j->spec.stage.accumulator_size});
}

static void stage_of_text(struct sim_job *j, uint32_t index, const char *text, uint64_t leaves_max)
{
    const char *argument = argument_of(text, SIMSUM);

    j->builtin = argument == NULL;
    if (j->builtin)
        stage_pi(j, argument_of(text, "pi"), 0);
    else
        stage_simsum(j, index, leaves_asked(argument, leaves_max));
}

void sim_job_of_text(struct sim_job *j, const struct alloc *a, struct node_id user, uint32_t index,
                     const char *text, uint64_t leaves_max)
{
    *j = (struct sim_job){.poison = UINT64_MAX};
    j->spec = (struct job_spec){.author = user, .not_after_s = SIM_WALL_S + 24 * 3600};
    store_u32(j->spec.nonce, index);
    stage_of_text(j, index, text, leaves_max);
    job_finish(j, a, leaves_max, NULL);
}

/* Where the job with this id is in the table, or would go. */
static uint32_t place_of(const struct world *w, struct job_id id)
{
    uint32_t at = id.bytes[0] % SIM_JOB_PLACES;

    while (w->jobs_by_id[at] != 0 && !job_id_equal(id, w->jobs[w->jobs_by_id[at] - 1].id))
        at = (at + 1) % SIM_JOB_PLACES;
    return at;
}

/* Of some submitters, so that nodes share between them. Their requests all come over links of the
 * first, whose word is as good (PARTY_USER); what they sign is their own. */
static struct node_id author_of(const struct world *w, uint32_t index)
{
    struct node_id id = w->user_id;

    id.bytes[ID_SIZE - 1] ^= (uint8_t)(index % AUTHORS);
    return id;
}

static void make_simsum(struct world *w, struct sim_job *j, uint32_t index, uint64_t leaves,
                        bool amid)
{
    bool collects = !amid && sim_collect_plan(w, j, &leaves);
    bool is_graph = !collects && leaves >= 3 && (leaves + j->leaf_us) % GRAPHS_ONE_IN == 0;
    bool open = w->plan.scene == SIM_SCENE_NONE && (leaves + j->leaf_us) / GRAPHS_ONE_IN % 2 == 0;

    stage_simsum(j, index, leaves);
    if (amid)
        sim_graph_make(j, index, leaves, open, &w->stuff);
    else if (is_graph)
        sim_graph_make(j, index, leaves, open, NULL);
}

void sim_job_make(struct world *w, uint32_t index, bool builtin, uint64_t leaves)
{
    struct sim_job *j = &w->jobs[index];
    bool amid = sim_collect_amid(w, &leaves);
    char digits[24];

    builtin &= !amid;
    j->builtin = builtin;
    j->searches &= !builtin && !amid && w->plan.job == NULL;
    j->poison = UINT64_MAX;
    j->spec = (struct job_spec){.author = author_of(w, index),
                                .not_after_s = SIM_WALL_S + w->now / S_US + 3600,
                                .timeout_us = j->spec.timeout_us,
                                .slots_max = j->spec.slots_max,
                                .check = j->spec.check};
    j->spec.nonce[0] = (uint8_t)index;
    if (w->plan.job != NULL) {
        stage_of_text(j, index, w->plan.job, SIM_LEAVES_MAX);
    } else if (builtin) {
        text_of_u64(units_of_its_own(w, index, leaves), digits);
        stage_pi(j, digits, PI_LEAF_UNITS);
    } else if (j->searches) {
        stage_simseek(j, index, leaves);
    } else {
        make_simsum(w, j, index, leaves, amid);
    }
    if (w->plan.job == NULL && w->plan.scene == SIM_SCENE_NONE)
        sim_demand_job(j);
    job_finish(j, w->alloc, SIM_LEAVES_MAX, &w->stuff);
    w->jobs_by_id[place_of(w, j->id)] = (uint8_t)(index + 1);
}

void sim_job_clear(struct world *w, struct sim_job *j)
{
    sim_outputs_clear(j, w->alloc);
    if (j->signed_spec.alloc == NULL)
        return;
    buf_clear(&j->signed_spec);
    shape_clear(&j->shape);
}

/* Of one of its stages, which differ in their last byte. */
static bool has_params(const struct sim_job *j, struct bytes params)
{
    struct bytes own = j->spec.stage.params;

    if (j->stages > 1 && params.len == own.len)
        params.len = own.len = own.len - 1;
    return bytes_equal(params, own);
}

uint32_t sim_job_by_params(const struct world *w, const char *kernel, struct bytes params)
{
    for (uint32_t i = 0; i < w->plan.jobs; i++)
        if (strcmp(kernel, w->jobs[i].spec.stage.kernel) == 0 && has_params(&w->jobs[i], params))
            return i;
    return SIM_JOBS_MAX;
}

uint32_t sim_job_by_id(const struct world *w, struct job_id id)
{
    uint32_t place = w->jobs_by_id[place_of(w, id)];

    return place != 0 ? place - 1 : SIM_JOBS_MAX;
}
