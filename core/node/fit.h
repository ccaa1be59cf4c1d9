/* Which nodes meet what the stages of a job ask for (core/wire/demand.h), as its coordinator
 * guesses and as the node itself checks. Private to core/node. */
#ifndef VELUM_NODE_FIT_H
#define VELUM_NODE_FIT_H

#include "core/node/state.h"

/* What a member has, or (NULL) this node; borrowed. */
struct offer fit_offer(const struct node *n, const struct member *m);
/* What a chunk of the stage takes of its node, by the word of its spec. */
struct load fit_load_of(const struct stage_spec *s);

/* --- at a coordinator --- */

/* 0 or ERR_NO_MEMORY. Looks nowhere yet. */
int fit_begin(struct job *j);
/* The same of stages that were appended, which may ask for something new. */
int fit_more(struct job *j);
void fit_end(struct job *j);
/* The same as fit_load_of. */
struct load fit_load(const struct job *j, uint32_t stage);
/* Counts anew where nodes have come or gone. Tells others when it has begun to wait for a node, or
 * does so no longer. */
void fit_look(struct job *j);
/* How many nodes may run this leaf, as lead_eligible counts them. */
uint32_t fit_eligible(struct job *j, uint64_t leaf);
/* The most memory that one of these has; false where its stage asks for nothing. */
bool fit_memory_most(const struct job *j, uint64_t leaf, uint64_t *bytes);
/* All of its stages ask for something: of these nodes, and chunks at a time, it can use no more. */
bool fit_all(const struct job *j, uint32_t *nodes, uint32_t *slots);
/* Whether the node is to be offered leaves of the stage, by lead.care. */
bool fit_suits(const struct job *j, uint32_t stage, struct node_id id);
/* Whether the node (NULL: this one) meets what some stage asks for that may run. */
bool fit_some(const struct job *j, const struct member *m);
/* How many chunks of these stages its free slots could have now. */
uint32_t fit_idle(const struct job *j, const struct member *m, uint32_t free_slots);
/* Some nodes are better than others for it: they have what it reads, or labels that it prefers. */
bool fit_chooses(const struct job *j);
/* Appends what node it waits for, if it does: "waits for a node with ...". */
void fit_say_unmet(const struct job *j, char *text, size_t cap);

/* --- at submit --- */

/* Whether every stage is met by some node that is not dead and has not left, or the job is to wait
 * for one. If not, the sentence names the nearest miss. */
bool fit_can_run(const struct node *n, const struct job_spec *spec, char *why, size_t cap);
/* The same of stages that are to be appended to a job. */
bool fit_can_append(const struct job *j, const struct append *list, char *why, size_t cap);

#endif
