/* The memory that the accounts of all jobs have together (core/job/account.h: who counted which
 * leaves), and what gives way when it is more than limits.account_bytes: of jobs that have ended
 * the oldest are joined to counts per node, when all their leaves have names: one that is joined
 * takes no more, and what is told of a job comes in parts. Where there are none left, the job that
 * needs more is tightened. So it is that bound at most, and for each job ACCOUNT_RUNS_LEAST runs,
 * FACT_COUNTS_MAX counts, or a run for each hole of its cover.
 *
 * Nothing of this is written: what was joined shows in the next snapshot, and a journal that is
 * replayed joins again. Private to core/node. */
#ifndef VELUM_NODE_ACCOUNTS_H
#define VELUM_NODE_ACCOUNTS_H

#include "core/node/state.h"

/* The job's ledger may have a larger account, or a smaller one, or is about to go (NULL). */
void accounts_changed(struct job *j);
void accounts_kept(struct job *j);      /* it is the youngest of those that have ended */
void accounts_kept_gone(struct job *j); /* it is about to leave their list */

#endif
