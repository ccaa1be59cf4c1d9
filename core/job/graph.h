/* The stages of a job as its ledger and its coordinator need them: where their leaves lie, what can
 * be a value of them, who needs whom. Made of a spec, and of what the author of an open job
 * appends; small, so that a job of many stages need not be kept decoded. Pure. Owned by a ledger,
 * or by a job that is only worked for; it stays where it was made. */
#ifndef VELUM_JOB_GRAPH_H
#define VELUM_JOB_GRAPH_H

#include "core/job/shape.h"
#include "core/wire/append.h"
#include "core/wire/feature.h"

struct graph_stage {
    uint32_t at;    /* its bytes begin there: in job_spec.more, but for the first; in its list */
    uint32_t like;  /* the stage that it is like, or its own number */
    uint32_t needs; /* where its own begin in the list of links */
    uint32_t readers_first, readers_last; /* links of those that read it, and one; 0: none */
    uint32_t readers_count;
    uint16_t needs_count, accumulator_size;
    uint8_t reduction, retries;
    uint8_t demand; /* which of the job's, from 1; 0: it asks for nothing */
    bool reads : 1; /* it has inputs, objects or outputs of others */
    bool task : 1;  /* it folds, has one leaf, and reads nothing */
    bool joins : 1; /* the task before it, see below */
    bool rolled : 1;
};

/* A task joins the stage before it when that is a task that is the same in all but name, arguments,
 * units, and what it waits for, and its leaf is the one before it in the row: such may be computed
 * one after the other as a run of leaves, in one chunk. */

/* That one stage needs another; a link twice where it is read twice. */
struct graph_link {
    uint32_t stage, reader;
    uint32_t next; /* the link of the next that reads the stage, and one; 0: it is the last */
};

/* Stages that were appended together, and the fact that says so. */
struct graph_list {
    uint8_t *fact; /* owned */
    uint32_t fact_len, entries_at, first, count;
    bool lent; /* it came here beside the facts: see ledger_lend */
};

struct graph {
    const struct alloc *alloc;
    struct shape shape;
    struct graph_stage one, *stages; /* `one` where there is no other */
    uint32_t count, cap;
    struct graph_link *links; /* by reader */
    uint32_t links_count, links_cap;
    uint64_t units, leaf_units;         /* of a search, which is the only stage of its job */
    uint64_t all_units, all_leaf_units; /* of all stages together; 0: they are not all alike */
    uint64_t collected;                 /* leaves of those that collect */
    struct graph_list *lists;           /* what was appended, in order */
    uint32_t *demands;                  /* the first stage with each demand; NULL: none has one */
    uint32_t lists_count, lists_cap;
    uint32_t lists_bytes;
    uint16_t of_spec;      /* so many stages are those of the spec */
    uint8_t demands_count; /* so many different ones all have, numbered as they come */
    uint8_t level;         /* the feature level that reading all of it takes */
};

#define GRAPH_TASKS_MAX 32768u                   /* in one run */
#define GRAPH_TASKS_TOLD_MAX 2048u               /* in one frame of a worker */
#define GRAPH_TASKS_BYTES_MAX 45056u             /* of their values there, with their heads */
#define GRAPH_LISTS_BYTES_MAX ((size_t)48 << 20) /* appended to one job */

/* Of a spec that was checked. 0 or ERR_NO_MEMORY; then it is empty. */
int graph_init(struct graph *g, const struct alloc *a, const struct job_spec *spec);
void graph_clear(struct graph *g);
/* What it has allocated. */
size_t graph_bytes(const struct graph *g);
/* The stages of this list, which begins where the graph ends. `fact` is what says so, and is
 * copied; the list lies within it. 0; ERR_FORMAT, ERR_VERSION, ERR_TOO_LARGE (what the author says
 * cannot be); ERR_NOT_FOUND (more than DEMANDS_MAX different things would be asked of nodes);
 * ERR_FULL (more than a job may have), ERR_NO_MEMORY. Then nothing has changed. */
int graph_append(struct graph *g, const struct job_spec *spec, struct bytes fact,
                 const struct append *list);
/* The feature level (core/wire/feature.h) that it takes to read this list, which begins where the
 * graph ends; the first, where the list cannot be at all. */
uint32_t graph_list_level(const struct graph *g, const struct job_spec *spec,
                          const struct append *list);
/* Which list this stage was appended in, or lists_count: it is the spec's. */
uint32_t graph_list_of(const struct graph *g, uint32_t stage);
struct bytes graph_list_fact(const struct graph *g, uint32_t list);
/* What another graph has that was appended, behind what this one has: of the same job. 0 or
 * ERR_NO_MEMORY. */
int graph_take_over(struct graph *g, const struct job_spec *spec, const struct graph *from);
/* All of stage i < count: the spec's first, or read into *room. Borrowed from both. */
const struct stage_spec *graph_spec(const struct graph *g, const struct job_spec *spec, uint32_t i,
                                    struct stage_spec *room);
/* The stage of a leaf that is one. */
uint32_t graph_stage_of(const struct graph *g, uint64_t leaf);
/* So many tasks like this one have values that fit one report. */
uint32_t graph_tasks_told(const struct graph *g, uint32_t stage);
/* Whether [first, end), of one leaf at least, are leaves of one stage, or of GRAPH_TASKS_MAX tasks
 * at most that join;
 * *stage is that of the first. */
bool graph_has_run(const struct graph *g, uint64_t first, uint64_t end, uint32_t *stage);
/* Whether it can be the value of this node of the row: of a stage that folds it has the size of its
 * accumulator; of a search as well, and a match lies in the node; of one that collects it is a
 * leaf's output. */
bool graph_value(const struct graph *g, const struct value *v);
/* The i-th different demand, from 1; borrowed from the spec, or from the graph. */
struct demand graph_demand(const struct graph *g, const struct job_spec *spec, uint32_t i);
/* The number of this demand; 0: no stage has asked for that, or it is empty. */
uint8_t graph_asks(const struct graph *g, const struct job_spec *spec, const struct demand *d);
/* The one whose output is the result of the job. */
uint32_t graph_result(const struct graph *g);

#endif
