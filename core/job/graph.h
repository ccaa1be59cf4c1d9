/* The stages of a job as its ledger and its coordinator need them: where their leaves lie, what can
 * be a value of them, who needs whom. Made once of a spec; small, so that a job of many stages need
 * not be kept decoded. Pure. Owned by a ledger, or by a job that is only worked for; it stays where
 * it was made. */
#ifndef VELUM_JOB_GRAPH_H
#define VELUM_JOB_GRAPH_H

#include "core/job/shape.h"
#include "core/wire/spec.h"

struct graph_stage {
    uint32_t at; /* its bytes begin there in job_spec.more; not of the first */
    uint32_t accumulator_size;
    uint32_t needs, readers; /* where they begin in the lists */
    uint32_t needs_count, readers_count;
    uint8_t reduction, retries;
    uint8_t demand; /* which of the job's, from 1; 0: it asks for nothing */
    bool reads;     /* it has inputs, objects or outputs of others */
};

struct graph {
    const struct alloc *alloc;
    struct shape shape;
    struct graph_stage one, *stages; /* `one` where there is no other */
    uint32_t count;
    uint32_t *needs,
        *readers; /* links_count of both, by stage; a stage twice where it is read twice */
    uint32_t links_count;
    uint32_t demand_stages[DEMANDS_MAX]; /* the first stage with each */
    uint32_t demands_count;
    uint64_t units, leaf_units; /* of a search, which is the only stage of its job */
};

/* Of a spec that was checked. 0 or ERR_NO_MEMORY; then it is empty. */
int graph_init(struct graph *g, const struct alloc *a, const struct job_spec *spec);
void graph_clear(struct graph *g);
/* All of stage i < count: the spec's first, or read into *room. Borrowed from both. */
const struct stage_spec *graph_spec(const struct graph *g, const struct job_spec *spec, uint32_t i,
                                    struct stage_spec *room);
/* The stage of a leaf that is one. */
uint32_t graph_stage_of(const struct graph *g, uint64_t leaf);
/* Whether it can be the value of this node of the row: of a stage that folds it has the size of its
 * accumulator; of a search as well, and a match lies in the node; of one that collects it is a
 * leaf's output. */
bool graph_value(const struct graph *g, const struct value *v);
/* The i-th different demand, from 1; borrowed from the spec. */
struct demand graph_demand(const struct graph *g, const struct job_spec *spec, uint32_t i);
/* The one whose output is the result of the job. */
uint32_t graph_result(const struct graph *g);

#endif
