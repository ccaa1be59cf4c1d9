/* How many units a leaf of a kernel has whose plan leaves that open: so many, a power of two, as
 * take about a millisecond here. The spec records it, and from then on it is the same everywhere;
 * to have the same bits in another job, say --leaf.
 *
 * Runs in a worker, behind its walls: whatever a leaf does there harms nobody. Called by
 * worker_asides.c; the signal is worker.c's. */
#ifndef VELUM_HOST_LEAF_TRIAL_H
#define VELUM_HOST_LEAF_TRIAL_H

#include <stdint.h>

#include "core/base/bytes.h"
#include "plugins/velum_kernel.h"

#define LEAF_TRIAL_US 1000          /* what a leaf is to take */
#define LEAF_TRIAL_LIMIT_US 2000000 /* what all of the trial may take */

/* At least 1, and so many that there are no more than LEAVES_MAX leaves. `units` is not 0, and the
 * kernel neither reads inputs nor collects. Where a leaf fails, or does not end in time, it is the
 * greatest size that was computed before, or the least there is: whoever runs the job hears of it
 * with the leaf's name. */
uint64_t leaf_trial(const struct velum_kernel *k, struct bytes params, uint64_t units);
/* SIGALRM has come, of leaf_alarm_every: ends the trial under way, by a jump, or returns. */
void leaf_trial_late(void);
/* 0: not any more. */
void leaf_alarm_every(int64_t us);

#endif
