/* A job that this node works for, and that has ended as others tell. Whoever leads it says so in
 * time (STOP). Until he does he is asked, once a second, and once in half a minute when he has said
 * that it goes on. What is done here is dropped on his word alone, or when he has been gone for
 * END_ALONE asks and no other has come; what that loses is computed once more. Private to
 * core/node. */
#ifndef VELUM_NODE_LABOUR_END_H
#define VELUM_NODE_LABOUR_END_H

#include "core/node/state.h"

#define END_ALONE 5

/* The directory has an end of a job that has work here and no ledger, told by `from`. The job may
 * be freed. */
void labour_end_told(struct job *j, struct node_id from);
/* STATE of another node: the job is over there, or is not there; or it goes on. */
void labour_end_state(struct node *n, struct node_id from, struct job_id id, bool over);
/* Asks when that is due. True when the work is dropped, and the job freed. */
bool labour_end_look(struct job *j);
/* INSTANT_NEVER: nothing is to be asked. */
struct instant labour_end_due(const struct job *j);

#endif
