/* The jobs that this node coordinates and may grant from, and whose turn it is. Turns are shared
 * between submitters (shares.h); those of one submitter go round his jobs. But every second of them
 * goes to the one that came last, until it was served for as long as a turn takes
 * (node_limits.chunk_us): among thousands of jobs a round takes minutes, and a new job does not
 * wait for it, however many there are. No job waits for more than two rounds, however many are new.
 * Private to core/node. */
#ifndef VELUM_NODE_TURNS_H
#define VELUM_NODE_TURNS_H

#include "core/node/state.h"

/* Whether it is among them; only a job that this node leads may be. It has its turn behind all
 * others of the round, and first of those that are new if it is new; behind these when another
 * has led it before. */
void turns_set(struct job *j, bool hungry);
/* Its workers were served for so long. */
void turns_served(struct job *j, uint64_t us);
uint32_t turns_count(const struct node *n);
/* The new job that came last of those that came before this one, or (NULL) of all of this
 * submitter. Those that have something to do of which nothing was heard yet are passed over: it may
 * take long. NULL: none, or too many of these. */
struct job *turns_new(const struct share *s, const struct job *before);
/* Whether the next turn of these is one for new jobs. In this go none of them can use what is free:
 * then it is not any more. */
bool turns_ahead(struct share *s, uint64_t go);
void turns_no_new(struct share *s);
/* It was given something, ahead of others or not: its next turn is behind all others. */
void turns_had(struct job *j, bool ahead);
/* It needs no turn: the same, and the next turn is for whom this one was. */
void turns_pass(struct job *j);

/* Whose turn it becomes when it is this one's: jobs of one submitter go by priority, and each turn
 * of any of them goes to the highest that has leaves free. So a lower one runs behind the higher
 * ones of its own submitter, for as long as these have any, and the jobs of others have as many
 * turns as before. As far as a few looks find one. */
struct job *turns_instead(struct job *j);

/* Goes through those of a submitter in the order of their turns, from the first in each go: who
 * cannot use what is free keeps its place. NULL at the end; and from the first again. */
struct job *turns_next(struct share *s, uint64_t go);
void turns_again(struct share *s);
/* Goes round and round through all jobs, a few at a time: so many whose turn it is may not be able
 * to use what is free that those behind them would never be looked at. NULL: there are none. */
struct job *turns_scan(struct node *n);

#endif
