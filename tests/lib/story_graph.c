#include "tests/lib/story_graph.h"

#include <stdlib.h>

#include "core/base/ensure.h"
#include "core/object/name.h"
#include "core/wire/tree.h"
#include "tests/lib/check.h"

#define STAGES_MAX 1024

static uint64_t mix(uint64_t a, uint64_t b)
{
    a = (a ^ b) * 0x9e3779b97f4a7c15u;
    return a ^ a >> 29;
}

uint64_t story_seed(struct bytes params)
{
    return story_seed_bytes(1, params);
}

uint64_t story_seed_bytes(uint64_t seed, struct bytes input)
{
    seed = mix(seed, input.len);
    for (size_t i = 0; i < input.len; i++)
        seed = mix(seed, input.data[i]);
    return seed;
}

uint64_t story_seed_object(uint64_t seed, struct stage_input input)
{
    return mix(mix(seed, input.size), load_u64(input.name.bytes));
}

uint64_t story_leaf_value(uint64_t seed, uint64_t leaf)
{
    return mix(seed, leaf + 7);
}

uint64_t story_join(uint64_t left, uint64_t right)
{
    return left * 1000003 + right + 1;
}

uint8_t story_leaf_byte(uint64_t seed, uint64_t leaf, uint64_t k)
{
    return (uint8_t)mix(seed, leaf * 1009 + k);
}

static uint64_t fold(uint64_t seed, struct tree_node at, uint64_t leaves)
{
    if (at.level == 0)
        return story_leaf_value(seed, at.index);
    if (tree_first(tree_right(at)) >= leaves)
        return fold(seed, tree_left(at), leaves);
    return story_join(fold(seed, tree_left(at), leaves), fold(seed, tree_right(at), leaves));
}

/* What a stage has yielded. */
struct yield {
    bool folds;
    uint64_t seed, value, leaves;
};

/* As a worker reads it: bytes, or an object by its name. */
static uint64_t read_one(uint64_t seed, struct bytes output)
{
    struct stage_input in = {.size = output.len};
    struct object_sum sum;

    if (output.len <= OUTPUT_INLINE_MAX)
        return story_seed_bytes(seed, output);
    object_sum_begin(&sum, output.len);
    object_sum_piece(&sum, sha256_of(output.data, output.len));
    object_sum_end(&sum, &in.name);
    return story_seed_object(seed, in);
}

static uint64_t take(uint64_t seed, const struct yield *y, uint32_t (*output)(uint64_t leaf))
{
    static uint8_t bytes[PIECE_SIZE];

    if (y->folds) {
        store_u64(bytes, y->value);
        return story_seed_bytes(seed, (struct bytes){bytes, 8});
    }
    for (uint64_t leaf = 0; leaf < y->leaves; leaf++) {
        ensure(output(leaf) <= sizeof bytes);
        for (uint32_t k = 0; k < output(leaf); k++)
            bytes[k] = story_leaf_byte(y->seed, leaf, k);
        seed = read_one(seed, (struct bytes){bytes, output(leaf)});
    }
    return seed;
}

uint64_t story_graph_result(const struct job_spec *spec, uint32_t (*output)(uint64_t leaf))
{
    static struct yield yields[STAGES_MAX];
    struct reader r = reader_of(spec->more);
    struct stage_spec s = spec->stage;
    uint32_t i = 0;

    for (;; i++) {
        struct yield *y = &yields[i];

        *y = (struct yield){.folds = s.reduction == REDUCE_FOLD, .leaves = spec_leaves(&s)};
        y->seed = story_seed(s.params);
        ensure(s.inputs_count == s.snippet);
        for (uint16_t k = 0; k < s.needs_count; k++)
            if (stage_need_at(s.needs, k).place != NEED_ORDER)
                y->seed = take(y->seed, &yields[stage_need_at(s.needs, k).stage], output);
        if (y->folds)
            y->value = fold(y->seed, tree_root(y->leaves), y->leaves);
        if (i == spec->more_count)
            break;
        read_next_stage(&r, &s);
    }
    ensure(yields[i].folds);
    return yields[i].value;
}

void story_check_graph(const struct job_view *v, const struct job_spec *spec,
                       uint32_t (*output)(uint64_t leaf))
{
    uint8_t bytes[8];

    CHECK_STR(v->error, "");
    CHECK_INT(v->state, JOB_DONE);
    store_u64(bytes, story_graph_result(spec, output));
    CHECK(bytes_equal(v->result, (struct bytes){bytes, 8}));
}
