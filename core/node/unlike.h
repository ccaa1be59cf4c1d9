/* That two compilers make two kernels of a snippet: libtcc, which every node has, and the one that
 * some machine has (building.h). A worker that has both kernels finds it, at its first leaf or at a
 * later one.
 *
 * Before any leaf of what was built counts, nothing is lost: the node tells the coordinator, which
 * writes it as a fact, and the fact keeps the whole job on libtcc's code. Everybody who works for
 * the job is told: whoever has leaves of it, gets some, or has just seen a title. A difference that
 * comes later, when leaves of what was built count already that nobody computed twice, ends the job
 * as divergent: the node tells that as well, and the coordinator, which writes the end, believes
 * nothing but of the sender's own work.
 *
 * Where a live node could not read such a fact, none is written: each node goes back by itself, for
 * what it has built, as it does anyway. Private to core/node. */
#ifndef VELUM_NODE_UNLIKE_H
#define VELUM_NODE_UNLIKE_H

#include "core/node/state.h"

/* --- at the node of a worker --- */

/* This worker's node was told that all of the job is computed by libtcc's code. */
bool unlike_is_told(const struct job *j);
/* Why a stage that wants nothing but what is built has none that is to be believed; false: it is
 * none of the source that was found to differ. */
bool unlike_refuses(const struct job *j, uint32_t stage, char why[REASON_SIZE]);
/* The worker's leaf has two values: tells the coordinator so, until it has answered. */
void unlike_found(struct node *n, const struct worker *w, const struct worker_failed *m);
/* A leaf that it computed by what was built counts. */
void unlike_counted(const struct worker *w);
/* What was found, and has no answer, goes out again. */
void unlike_resend(struct job *j);

/* --- at the coordinator --- */

/* Tells this node, or everybody who ever got a part of the job, if there is anything to tell. */
void unlike_tell(struct job *j, struct node_id to);
void unlike_tell_all(struct job *j);

/* --- at both --- */

/* UNLIKE, as peer.h draws it. 0 or ERR_FORMAT. */
int unlike_heard(struct node *n, struct node_id from, struct bytes payload);
/* What people are told of it; "" where there is nothing. */
void unlike_say(const struct job *j, char *text, size_t cap);

#endif
