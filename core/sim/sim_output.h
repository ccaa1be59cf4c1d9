/* What the leaves of simulated stages that collect yield, by plain computation: bytes that depend
 * on the job, the stage's seed and the leaf, so that a leaf that was computed with another input
 * yields something else. Some are few bytes, a part of the list; more are objects. Some leaves of a
 * job yield the same, in whatever stage they are.
 *
 * A job that has such stages has a table of the names of its objects, made with it. */
#ifndef VELUM_SIM_SIM_OUTPUT_H
#define VELUM_SIM_SIM_OUTPUT_H

#include "core/sim/world.h"
#include "core/wire/output.h"

#define SIM_OUTPUT_MAX 2600u
#define SIM_COLLECT_MOST 40 /* leaves of a job that collects, or about that */
#define SIM_LIST_MAX ((size_t)(SIM_COLLECT_MOST + 2) * (OUTPUT_VALUE_MAX + 4))

/* This stage of the job collects. */
bool sim_collects(const struct sim_job *j, uint32_t stage);
/* Leaves of the stage. */
uint64_t sim_stage_leaves(const struct sim_job *j, uint32_t stage);
/* What a leaf yields where the stage has this seed; gives how many bytes. */
uint32_t sim_output(const struct sim_job *j, uint64_t seed, uint64_t leaf,
                    uint8_t to[SIM_OUTPUT_MAX]);
/* Its value, as it is reported. */
void sim_output_value(const struct sim_job *j, uint64_t seed, uint64_t leaf, struct buf *to);
/* The same of a leaf that was computed as it should be, its name from the table; the bytes are the
 * caller's room. */
struct output sim_output_right(const struct sim_job *j, uint32_t stage, uint64_t leaf,
                               uint8_t to[SIM_OUTPUT_MAX]);
/* Makes the table, once the seeds of all stages are known; false when memory is out. */
bool sim_outputs_make(struct sim_job *j, const struct alloc *a);
void sim_outputs_clear(struct sim_job *j, const struct alloc *a);
/* A stage from `from` on that yields this object; SIM_STAGES_MAX: none does. */
uint32_t sim_output_stage(const struct sim_job *j, struct digest name, uint32_t from);
/* The list of what the last stage yields, one leaf after the other; *size: of all together. */
size_t sim_output_list(const struct sim_job *j, uint8_t to[SIM_LIST_MAX], uint64_t *size);
/* The result that a job must have whose last stage collects. */
void sim_output_result(struct sim_job *j);

#endif
