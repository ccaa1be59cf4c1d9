/* What simulated stages read: objects that somebody puts, and what other stages yielded, each at
 * its place. A worker that has read anything else, or not all of it, has another seed, and what it
 * computes shows that.
 *
 * Called by sim_kernel.c, sim_graph.c, sim_collect.c and sim_worker.c. */
#ifndef VELUM_SIM_SIM_INPUT_H
#define VELUM_SIM_SIM_INPUT_H

#include "core/sim/world.h"

/* The stage reads this thing, at the next place among its objects; s: its specification. */
void sim_input_add(struct sim_job *j, uint32_t stage, const struct sim_stuff *stuff, uint32_t thing,
                   struct stage_spec *s);
/* Some stage of the job reads this thing. */
bool sim_input_is_read(const struct sim_job *j, const struct world *w, const struct sim_thing *t);
/* Some stage of it reads any. */
bool sim_input_any(const struct sim_job *j);

/* The seed of a stage, when the values and seeds of those before it are known; of a job that reads
 * no things `stuff` may be NULL. */
uint64_t sim_input_seed(const struct sim_job *j, uint32_t stage, const struct sim_stuff *stuff);
/* How many inputs a worker has for it. */
uint16_t sim_input_count(const struct sim_job *j, uint32_t stage);

/* A worker gets LOAD: it maps the files, which must be there. False: one is not, and it says so. */
bool sim_input_load(struct world *w, struct sim_node *n, struct sim_worker *x,
                    const struct order_load *m);
/* INPUTS. */
void sim_input_given(struct world *w, struct sim_node *n, struct sim_worker *x,
                     struct bytes payload);
/* A leaf is computed: what was mapped is still there. */
void sim_input_look(struct world *w, const struct sim_node *n, const struct sim_worker *x);

#endif
