/* Whose work this node does for a job: the author's of the greatest title it has seen. One with a
 * ledger obeys those only that it believes (warrant.h). Private to core/node. */
#ifndef VELUM_NODE_LABOUR_TITLE_H
#define VELUM_NODE_LABOUR_TITLE_H

#include "core/node/state.h"

/* Looks at a coordinator's title, which `from` shows: 1 it is (now) the greatest, 0 a greater one
 * is known, < 0 it is not valid, or not believed. */
int labour_title(struct job *j, struct node_id from, struct bytes fact);
/* The greatest that is known. */
void labour_title_show(struct job *j, struct node_id to);
/* One that was obeyed when there was no ledger here to judge it by may not be believed now: then
 * that of the ledger is obeyed. */
void labour_title_judge(struct job *j);

#endif
