/* Copies of jobs that nobody coordinates. An ended job is kept by its holders: when one of them is
 * gone, has lost it or cannot store, the first of the others by rank brings in a new one, counts
 * the copies anew and tells the mesh. And a node that is no holder any more *leaves*: it gives a
 * job up, running or ended, only when a present holder has synced each thing it has, and when there
 * are as many present ones as there could be: a list that names one node is no reason to go, and
 * where it stays so the node is a holder again.
 *
 * Only so many jobs are looked after at once, and so many are looked at in a round, so that the
 * death of a node that held thousands is no storm; those of which others tell another count, which
 * costs them nothing, begin one after the other. Private to core/node. */
#ifndef VELUM_NODE_KEEP_H
#define VELUM_NODE_KEEP_H

#include "core/node/state.h"

/* One round: goes on with what was begun, looks at some more ended jobs where that is due. */
void keep_run(struct node *n);
/* When the next round has something to do; INSTANT_NEVER: nothing is looked after, and nothing is
 * to be looked at. */
struct instant keep_due(const struct node *n);
/* Ended jobs are to be looked at again: the mesh has changed, or a job has just ended. */
void keep_look_again(struct node *n, int64_t in_us);
/* A holder of this ended job does not have it (any more), or its copy was never confirmed. */
void keep_unsure(struct job *j);
/* A holder has it no more, because its time was over: it is not looked after any longer. */
void keep_forgotten(struct job *j);
/* A job that has not ended, and of which this node may be no holder any more. */
void keep_tend_live(struct job *j);
/* The job leaves the list of those that are kept. */
void keep_kept_gone(struct node *n, const struct job *j);
/* The job goes, or somebody coordinates it: what was begun is dropped. */
void keep_drop(struct job *j);
/* A holder has synced something of a job that is looked after. It may free the job. */
void keep_advance(struct job *j);
/* Facts have come that were not here: a node that leaves shows everything again. */
void keep_news(struct job *j);
/* That node told a list of holders that is over: it is shown everything, twice a second at most. */
void keep_correct(struct job *j, struct node_id from);
/* A link has gone. */
void keep_peer_down(struct node *n, struct node_id id);

#endif
