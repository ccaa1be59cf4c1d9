/* Whose work this node does for a job: the author's of the greatest title it has seen. One with a
 * ledger obeys those only that it believes (warrant.h). One without cannot judge, and obeys whom it
 * hears; but when another shows a lesser title, of whom it knows that he leads the job and that the
 * one it obeys has no part in it (heir.h), it obeys him, and the other no more for
 * TITLE_RIVAL_US. So a thief who comes first, with a title that is greater than any, has a worker
 * until he who leads the job shows his own, with the next chunk. Private to core/node. */
#ifndef VELUM_NODE_LABOUR_TITLE_H
#define VELUM_NODE_LABOUR_TITLE_H

#include "core/node/state.h"

#define TITLE_RIVAL_US (60 * S_US)

/* Looks at a coordinator's title, which `from` shows: 1 it is (now) the greatest, 0 a greater one
 * is known, < 0 it is not valid, or not believed. */
int labour_title(struct job *j, struct node_id from, struct bytes fact);
/* The greatest that is known. */
void labour_title_show(struct job *j, struct node_id to);
/* One that was obeyed when there was no ledger here to judge it by may not be believed now: then
 * that of the ledger is obeyed. */
void labour_title_judge(struct job *j);

#endif
