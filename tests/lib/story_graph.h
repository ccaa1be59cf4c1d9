/* What workers of a story compute where it is about graphs: the value of a leaf follows from the
 * parameters of its stage, its number within the stage and all inputs, so that a wrong input, or
 * one that is missing, gives another result. And the same without any node, for comparison. */
#ifndef VELUM_TESTS_STORY_GRAPH_H
#define VELUM_TESTS_STORY_GRAPH_H

#include "core/wire/output.h"
#include "core/wire/spec.h"
#include "core/wire/view.h"

/* A leaf of a stage whose first parameter this is always fails, or never ends. */
#define STORY_FAILING 0xff
#define STORY_HANGING 0xfe

/* Begins with the parameters of a stage, then takes its inputs in order. */
uint64_t story_seed(struct bytes params);
uint64_t story_seed_bytes(uint64_t seed, struct bytes input);
uint64_t story_seed_object(uint64_t seed, struct stage_input input);
/* Of a fold, and merging two of them. */
uint64_t story_leaf_value(uint64_t seed, uint64_t leaf);
uint64_t story_join(uint64_t left, uint64_t right);
/* Of a collect. */
uint8_t story_leaf_byte(uint64_t seed, uint64_t leaf, uint64_t k);

/* The result of the job, computed one stage after the other: the value of the last stage, which
 * must fold. Stages have no objects as inputs, and collect what is told in bytes. */
uint64_t story_graph_result(const struct job_spec *spec, uint32_t (*output)(uint64_t leaf));
/* The job is done, and its result is that. */
void story_check_graph(const struct job_view *v, const struct job_spec *spec,
                       uint32_t (*output)(uint64_t leaf));

#endif
