/* The work of simulated jobs. `simsum` stands for a plugin: a leaf's value is a hash of its number,
 * and merging is neither commutative nor forgiving, so that a wrong order, a leaf left out or one
 * counted twice shows in the result. `simseek` is a search, in which leaves behind the lowest match
 * match too. Other jobs run the built-in pi. */
#ifndef VELUM_SIM_SIM_KERNEL_H
#define VELUM_SIM_SIM_KERNEL_H

#include "core/sim/world.h"

#define SIM_KERNELS_MAX 3

/* Describes the kernels as a node's options want them. Returns how many. */
uint32_t sim_kernels(struct node_kernel to[SIM_KERNELS_MAX], bool builtin_only);
/* Makes job `index`: its specification, signed by the user, and the result it must have. Where the
 * plan has a job that was asked for, that one. */
void sim_job_make(struct world *w, uint32_t index, bool builtin, uint64_t leaves);
/* Makes a job of no world from a text that sim_job_check has seen; index tells it from others of
 * the same text. Its signed_spec is the caller's to clear. */
void sim_job_of_text(struct sim_job *j, const struct alloc *a, struct node_id user, uint32_t index,
                     const char *text, uint64_t leaves_max);
void sim_job_clear(struct world *w, struct sim_job *j);
/* The job that a worker was loaded for, or SIM_JOBS_MAX. */
uint32_t sim_job_by_params(const struct world *w, const char *kernel, struct bytes params);
uint32_t sim_job_by_id(const struct world *w, struct job_id id);
/* out: spec.stage.accumulator_size bytes. */
/* Whether a run ends with this value, its last: it is a match. */
bool sim_ends_run(const struct sim_job *j, struct bytes value);
void sim_leaf(const struct sim_job *j, uint64_t leaf, uint8_t *out);
/* The same of a stage that has read others. */
void sim_leaf_seeded(const struct sim_job *j, uint64_t seed, uint64_t leaf, uint8_t *out);
int sim_merge(const struct sim_job *j, struct bytes left, struct bytes right, uint8_t *out);
/* Bytes of a value of one of its stages that fold, or search; 0 where its only one collects. */
uint32_t sim_value_size(const struct sim_job *j);
int64_t sim_leaf_us(const struct sim_job *j, uint64_t leaf);

#endif
