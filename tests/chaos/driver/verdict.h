/* What must be true when a run is over: every acknowledged job is done with its digest, `velum
 * verify` finds each leaf counted once, and nothing is left of it on the machine. */
#ifndef VELUM_CHAOS_VERDICT_H
#define VELUM_CHAOS_VERDICT_H

#include "tests/chaos/driver/run.h"

/* What the machine had before the run, to compare with. */
struct before {
    size_t groups;
};

void verdict_begin(struct before *b);
/* Waits for the jobs, at a node of each place in turn and the long one at `reader`. `took_ms` is
 * how long the last of them needed. False with a sentence. */
bool verdict_jobs(struct run *r, uint32_t reader, int64_t *took_ms);
/* Ends the mesh in order and looks for what is left. Removes the folder when nothing was wrong. */
bool verdict_end(struct run *r, const struct before *b);

#endif
